//! Receipts for one file that we sent, as a partner might send them: right, wrong, and tampered with.

use ::keyring::{Role, Slot};
use envelope::Suite;
use envelope::receipt::{self, ReceiptForm};
use oftp::{Eerp, FileId, Level, Nerp, OdetteId, ReceiptReason};
use store::{EvidenceKind, ReceiptTiming, Services, State, TransferId, UnsignedReceipts};

use crate::security::tests::keys::{Pair, equip_with, know, know_by, ours, strange, theirs};
use crate::session::tests::world::{Side, THEIRS, code, meet_well, two};
use crate::transfer::receipts::{Arrived, Outcome, settle};

/// Our side with a file that has been sent, for which a signed receipt was asked or not.
async fn sent(signed_receipt: bool) -> (Side, TransferId) {
    let (mut us, them) = two();
    equip_with(&mut us, &ours().own);
    us.change_partner(|partner| know_by(partner, &theirs().certificate));
    them.change_partner(|partner| partner.receipts = ReceiptTiming::Confirmed);
    let services = Services {
        suite: if signed_receipt { 4 } else { 0 },
        signed_receipt,
        ..Services::default()
    };
    let id = us.queue_as("orders", b"octets", |new| new.services = Some(services));
    us.work_off();
    meet_well(&us, &them).await;
    assert_eq!(us.transfer(id).state, State::Sent);
    (us, id)
}

fn eerp(us: &Side, id: TransferId) -> Eerp {
    let transfer = us.transfer(id);
    Eerp {
        hash: transfer.hash,
        ..Eerp::unsigned(&transfer.file)
    }
}

fn nerp(us: &Side, id: TransferId, creator: OdetteId) -> Nerp {
    let Eerp {
        dataset,
        stamp,
        destination,
        origin,
        hash,
        ..
    } = eerp(us, id);
    Nerp {
        dataset,
        stamp,
        destination,
        origin,
        creator,
        reason: ReceiptReason::PROCESSING_FAILED,
        text: String::new(),
        hash,
        signature: Vec::new(),
    }
}

fn signature(content: &[u8], by: &Pair, form: ReceiptForm) -> Vec<u8> {
    receipt::sign(content, Suite::DEFAULT, &by.own, form).unwrap()
}

/// The receipt, signed over what it says.
fn signed(receipt: Eerp, by: &Pair) -> Eerp {
    let signature = signature(&receipt.signed_content(), by, ReceiptForm::Inside);
    Eerp {
        signature,
        ..receipt
    }
}

fn arrives(us: &Side, receipt: impl Into<Arrived>) -> Outcome {
    let terms = us.store().partner(THEIRS).unwrap().unwrap();
    settle(us.store(), &terms, receipt.into(), Level::L5, "circuit").unwrap()
}

/// The receipt settles nothing, for a reason with these words, and an operator may take it after all.
fn not_believed(us: &Side, id: TransferId, receipt: impl Into<Arrived>, wanted: &[&str]) {
    assert_eq!(arrives(us, receipt), Outcome::Invalid);
    let transfer = us.transfer(id);
    assert_eq!(transfer.state, State::Sent);
    let why = transfer.reason.unwrap();
    for wanted in wanted {
        assert!(why.contains(wanted), "{why}");
    }
}

const SETTLED: Outcome = Outcome::Settled { swapped: false };

/// Signed with the content inside or without it, over NERPs with their creator or not.
#[tokio::test]
async fn signed_receipts_settle_what_they_are_for() {
    for form in [ReceiptForm::Inside, ReceiptForm::Detached] {
        let (us, id) = sent(true).await;
        let receipt = eerp(&us, id);
        let signature_of = signature(&receipt.signed_content(), theirs(), form);
        let signed = Eerp {
            signature: signature_of,
            ..receipt
        };
        assert_eq!(arrives(&us, signed), SETTLED);
        assert_eq!(us.transfer(id).state, State::Acknowledged);
        let used = us.store().evidence(id).unwrap().certificates;
        assert_eq!(used[0].what, EvidenceKind::ReceiptSignedBy);
        assert_eq!(used[0].certificate, theirs().certificate);

        for with_creator in [true, false] {
            let (us, id) = sent(true).await;
            let receipt = nerp(&us, id, code(THEIRS));
            let content = match with_creator {
                true => receipt.signed_content(),
                // some leave it out.
                false => eerp(&us, id).signed_content(),
            };
            let signed = Nerp {
                signature: signature(&content, theirs(), form),
                ..receipt
            };
            assert_eq!(arrives(&us, signed), SETTLED);
            assert_eq!(us.transfer(id).state, State::Rejected);
        }
    }
}

/// A signature over no hash proves nothing of the file: such an EERP is as good as unsigned where a
/// signed one was asked for. A NERP may come from somebody who never had the file.
#[tokio::test]
async fn a_signed_receipt_without_a_hash_is_taken_only_where_unsigned_ones_are() {
    let (us, id) = sent(true).await;
    let without = Eerp {
        hash: Vec::new(),
        ..eerp(&us, id)
    };
    let without = signed(without, theirs());
    not_believed(&us, id, without.clone(), &["EERPHSH", "unsigned_receipts"]);
    us.change_partner(|partner| partner.unsigned_receipts = UnsignedReceipts::Accepted);
    assert_eq!(arrives(&us, without), SETTLED);
    let used = us.store().evidence(id).unwrap().certificates;
    assert_eq!(used[0].what, EvidenceKind::ReceiptSignedBy);

    let (us, id) = sent(true).await;
    let negative = Nerp {
        hash: Vec::new(),
        ..nerp(&us, id, code(THEIRS))
    };
    let signature = signature(&negative.signed_content(), theirs(), ReceiptForm::Inside);
    let negative = Nerp {
        signature,
        ..negative
    };
    assert_eq!(arrives(&us, negative), SETTLED);
}

/// A hash that is there must be ours, signed or not.
#[tokio::test]
async fn a_hash_that_is_not_ours_is_named_with_both_values() {
    let (us, id) = sent(true).await;
    let ours = us.transfer(id).hash;
    let other = vec![7; ours.len()];
    let wrong = Eerp {
        hash: other.clone(),
        ..eerp(&us, id)
    };
    let values = [
        super::difference::hexadecimal(&other),
        super::difference::hexadecimal(&ours),
    ];
    let wanted = ["EERPHSH", values[0].as_str(), values[1].as_str()];
    not_believed(&us, id, signed(wrong.clone(), theirs()), &wanted);
    not_believed(&us, id, wrong, &wanted);
    let negative = Nerp {
        hash: other,
        ..nerp(&us, id, code(THEIRS))
    };
    not_believed(&us, id, negative, &["NERPHSH"]);
    let right = eerp(&us, id);
    assert_eq!(arrives(&us, signed(right, theirs())), SETTLED);
}

/// The receipt says something else than was signed: which field, expected and found.
#[tokio::test]
async fn a_field_that_was_changed_is_named() {
    let (us, id) = sent(true).await;
    let right = eerp(&us, id);
    let signed_user = signed(right.clone(), theirs());
    // Not covered by the signature.
    let changed = Eerp {
        user: "CHANGED".parse().unwrap(),
        ..signed_user.clone()
    };
    let elsewhere = Eerp {
        dataset: "OTHER".parse().unwrap(),
        ..right.clone()
    };
    let tampered = Eerp {
        signature: signed(elsewhere, theirs()).signature,
        ..right.clone()
    };
    let dataset = format!("EERPDSN is \"{}\", signed was \"OTHER\"", right.dataset);
    not_believed(&us, id, tampered, &[&dataset]);
    let other_hash = Eerp {
        hash: vec![9; 32],
        ..right.clone()
    };
    let tampered = Eerp {
        signature: signed(other_hash, theirs()).signature,
        ..right
    };
    not_believed(&us, id, tampered, &["EERPHSH is ", "signed was 0909"]);
    assert_eq!(arrives(&us, changed), SETTLED);
}

/// Octets of the signature that were changed, and no signature at all.
#[tokio::test]
async fn a_broken_signature_settles_nothing() {
    let (us, id) = sent(true).await;
    let right = signed(eerp(&us, id), theirs());
    let mut broken = right.clone();
    *broken.signature.last_mut().unwrap() ^= 1;
    not_believed(&us, id, broken, &["signature"]);
    let junk = Eerp {
        signature: vec![0x30; 40],
        ..right.clone()
    };
    not_believed(&us, id, junk, &["signature"]);
    not_believed(&us, id, signed(eerp(&us, id), strange()), &["signed by"]);
    // What is right settles it all the same.
    assert_eq!(arrives(&us, right), SETTLED);
}

/// A certificate that had ended when the receipt came verifies nothing; one on file makes the difference.
#[tokio::test]
async fn the_certificate_must_be_on_file_and_valid_when_the_receipt_comes() {
    let (us, id) = sent(true).await;
    let right = signed(eerp(&us, id), theirs());
    us.change_partner(|partner| partner.role_certificates.clear());
    not_believed(
        &us,
        id,
        right.clone(),
        &["no certificate", "receipt-signing"],
    );
    us.change_partner(|partner| {
        let ended = &theirs().expired;
        know(partner, Role::ReceiptSigning, Slot::Current, ended);
    });
    not_believed(&us, id, right.clone(), &["2002-01-01"]);
    us.change_partner(|partner| {
        know(
            partner,
            Role::ReceiptSigning,
            Slot::Previous,
            &theirs().certificate,
        );
    });
    assert_eq!(arrives(&us, right), SETTLED);
}

/// an unsigned receipt where a signed one was asked for is the partner's terms' to decide.
#[tokio::test]
async fn an_unsigned_receipt_is_taken_only_where_that_was_agreed() {
    let (us, id) = sent(true).await;
    let unsigned = Eerp::unsigned(&us.transfer(id).file);
    not_believed(
        &us,
        id,
        unsigned.clone(),
        &["not signed", "unsigned_receipts"],
    );
    us.change_partner(|partner| partner.unsigned_receipts = UnsignedReceipts::Accepted);
    assert_eq!(arrives(&us, unsigned), SETTLED);
}

/// A NERP of a node on the way, whose certificate nobody has, is as good as an unsigned one; with its
/// certificate on file it is judged like any other.
#[tokio::test]
async fn a_negative_receipt_of_a_node_on_the_way_is_unsigned_to_us_unless_it_is_known() {
    let by_node = |us: &Side, id| {
        let receipt = nerp(us, id, code("NODE"));
        let signature = signature(&receipt.signed_content(), strange(), ReceiptForm::Inside);
        Nerp {
            signature,
            ..receipt
        }
    };
    let (us, id) = sent(true).await;
    not_believed(
        &us,
        id,
        by_node(&us, id),
        &["on the way", "unsigned_receipts"],
    );
    us.change_partner(|partner| partner.unsigned_receipts = UnsignedReceipts::Accepted);
    assert_eq!(arrives(&us, by_node(&us, id)), SETTLED);
    assert!(us.store().evidence(id).unwrap().certificates.is_empty());

    let (us, id) = sent(true).await;
    us.add_partner("NODE");
    us.change("NODE", |partner| know_by(partner, &strange().certificate));
    assert_eq!(arrives(&us, by_node(&us, id)), SETTLED);
    let used = us.store().evidence(id).unwrap().certificates;
    assert_eq!(used[0].certificate, strange().certificate);
    assert_eq!(us.transfer(id).state, State::Rejected);
}

/// A signature nobody asked for neither helps nor harms, unless it was made for other fields.
#[tokio::test]
async fn a_signature_nobody_asked_for_counts_as_none_unless_its_fields_differ() {
    for by in [theirs(), strange()] {
        let (us, id) = sent(false).await;
        assert_eq!(arrives(&us, signed(eerp(&us, id), by)), SETTLED);
    }
    let (us, id) = sent(false).await;
    let file = us.transfer(id).file;
    let other = FileId {
        dataset: "OTHER".parse().unwrap(),
        ..file.clone()
    };
    let tampered = Eerp {
        signature: signed(Eerp::unsigned(&other), theirs()).signature,
        ..Eerp::unsigned(&file)
    };
    not_believed(&us, id, tampered, &["EERPDSN"]);
    assert_eq!(arrives(&us, Eerp::unsigned(&file)), SETTLED);
}

/// what is signed is what the receipt says, its addresses swapped or not.
#[tokio::test]
async fn a_signed_receipt_with_swapped_addresses_is_judged_by_what_it_says() {
    let (us, id) = sent(true).await;
    let right = eerp(&us, id);
    let swapped = Eerp {
        destination: right.origin.clone(),
        origin: right.destination.clone(),
        ..right
    };
    us.change_partner(|partner| partner.refuse = oftp::Deviations::none());
    let outcome = arrives(&us, signed(swapped, theirs()));
    assert_eq!(outcome, Outcome::Settled { swapped: true });
}
