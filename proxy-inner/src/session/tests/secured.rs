//! Secured files between two halves of ours, from outbox to inbox and receipt.

use ::keyring::{Role, Slot};
use oftp::{ReceiptReason, Security};
use store::{
    CheckTiming, Encoding, EvidenceKind, ReceiptSignature, ReceiptState, Services, State,
    TransferId,
};

use super::super::*;
use super::formats::{Sample, samples};
use super::world::{Side, content, meet_well, two};
use crate::security::tests::keys::{
    coming, equip, equip_with, know, know_by, ours, strange, theirs,
};

/// Both sides have a key for everything, and know the other's.
pub(super) fn equipped() -> (Side, Side) {
    let (mut us, mut them) = two();
    equip_with(&mut us, &ours().own);
    equip_with(&mut them, &theirs().own);
    us.change_partner(|partner| know_by(partner, &theirs().certificate));
    them.change_partner(|partner| know_by(partner, &ours().certificate));
    (us, them)
}

/// Services with suite 04 where they need one.
pub(super) fn services(security: Security, compression: bool, signed_receipt: bool) -> Services {
    let suite = security != Security::None || signed_receipt;
    Services {
        security,
        suite: if suite { 4 } else { 0 },
        compression,
        signed_receipt,
    }
}

pub(super) fn everything() -> Services {
    services(Security::EncryptedAndSigned, true, true)
}

pub(super) fn queue(side: &Side, sample: &Sample, services: Services) -> TransferId {
    side.queue_as(sample.name, &sample.content, |new| {
        new.format = sample.format;
        new.record_length = sample.record_length;
        new.services = Some(services);
    })
}

pub(super) fn send(side: &Side, name: &str, services: Services) -> TransferId {
    side.queue_as(name, &content(20_000), |new| new.services = Some(services))
}

/// Files are secured, sent, opened and receipted.
async fn exchange(us: &Side, them: &Side) {
    us.work_off();
    them.work_off();
    meet_well(us, them).await;
    us.work_off();
    them.work_off();
    meet_well(us, them).await;
}

/// Sends a file of every format both ways with these services, and looks at everything that is left.
async fn both_ways(us: &Side, them: &Side, services: Services) {
    let samples = samples();
    let sent: Vec<_> = samples
        .iter()
        .map(|sample| queue(us, sample, services))
        .collect();
    let answered: Vec<_> = samples
        .iter()
        .map(|sample| queue(them, sample, services))
        .collect();
    exchange(us, them).await;
    for (side, other, ids) in [(us, them, sent), (them, us, answered)] {
        for (id, sample) in ids.into_iter().zip(&samples) {
            let here = side.transfer(id);
            let told = format!("{} with {services:?}: {:?}", sample.name, here.reason);
            assert_eq!(here.state, State::Acknowledged, "{told}");
            let there = other.received();
            let there = there.iter().find(|there| there.file == here.file).unwrap();
            assert_eq!(there.state, State::Delivered, "{told}");
            assert_eq!(there.receipt, Some(ReceiptState::Sent), "{told}");
            assert_eq!(there.records, here.records, "{told}");
            assert_eq!(
                (there.format, there.octets),
                (here.format, here.octets),
                "{told}"
            );
            if services.is_none() {
                continue;
            }
            assert!(!here.hash.is_empty() && here.hash == there.hash, "{told}");
            assert_eq!(here.clear_octets, there.clear_octets, "{told}");
            let receipt = side.store().evidence(id).unwrap().receipt.unwrap();
            assert_eq!(
                receipt.signature.is_empty(),
                !services.signed_receipt,
                "{told}"
            );
            assert_eq!(receipt.hash.is_empty(), !services.signed_receipt, "{told}");
        }
        let mut left: Vec<_> = samples
            .iter()
            .map(|sample| sample.content.clone())
            .collect();
        let mut arrived = other.inbox();
        left.sort();
        arrived.sort();
        assert!(arrived == left, "files differ with {services:?}");
    }
}

/// every combination of table 6.2, every format, both ways in one
/// session, with and without signed receipts.
#[tokio::test]
async fn every_combination_of_services_brings_every_format_through() {
    for security in [
        Security::None,
        Security::Encrypted,
        Security::Signed,
        Security::EncryptedAndSigned,
    ] {
        for compression in [false, true] {
            for signed_receipt in [false, true] {
                let (us, them) = equipped();
                both_ways(&us, &them, services(security, compression, signed_receipt)).await;
            }
        }
    }
}

/// every suite, where it was agreed.
#[tokio::test]
async fn every_suite_brings_files_and_signed_receipts_through() {
    for suite in 1..=10 {
        let (us, them) = equipped();
        for side in [&us, &them] {
            side.change_partner(|partner| partner.cipher_suites = (1..=10).collect());
        }
        let sent = send(
            &us,
            "orders",
            Services {
                suite,
                ..everything()
            },
        );
        exchange(&us, &them).await;
        assert_eq!(
            us.transfer(sent).state,
            State::Acknowledged,
            "suite {suite}"
        );
        assert_eq!(them.inbox(), [content(20_000)]);
    }
}

/// What a partner may want of our files and receipts.
#[tokio::test]
async fn definite_lengths_included_certificates_and_detached_receipts_are_understood() {
    for compression in [false, true] {
        let (us, them) = equipped();
        us.change_partner(|partner| {
            partner.encoding = Encoding::Definite;
            partner.include_certificate = true;
        });
        them.change_partner(|partner| partner.receipt_signature = ReceiptSignature::Detached);
        both_ways(
            &us,
            &them,
            services(Security::EncryptedAndSigned, compression, true),
        )
        .await;
    }
}

/// The evidence has every certificate that was used, on both sides.
#[tokio::test]
async fn both_sides_keep_the_certificates_that_were_used() {
    let (us, them) = equipped();
    let sent = send(&us, "orders", everything());
    exchange(&us, &them).await;
    let used = |side: &Side, id| {
        let evidence = side.store().evidence(id).unwrap();
        let kinds = evidence.certificates.into_iter();
        kinds
            .map(|used| (used.what, used.certificate))
            .collect::<Vec<_>>()
    };
    let (mine, other) = (ours().certificate.clone(), theirs().certificate.clone());
    assert_eq!(
        used(&us, sent),
        [
            (EvidenceKind::SignedWith, mine.clone()),
            (EvidenceKind::EncryptedFor, other.clone()),
            (EvidenceKind::ReceiptSignedBy, other.clone()),
        ]
    );
    assert_eq!(
        used(&them, them.received()[0].id),
        [
            (EvidenceKind::DecryptedWith, other.clone()),
            (EvidenceKind::SignedBy, mine),
            (EvidenceKind::ReceiptSignedWith, other),
        ]
    );
}

/// The receipt for a file that needs opening is not due before it is opened: it is not asked for the
/// turn, and the caller may carry it later.
#[tokio::test]
async fn the_receipt_comes_once_the_file_is_opened() {
    let (us, them) = equipped();
    let sent = send(&us, "orders", everything());
    us.work_off();
    let (report, _) = meet_well(&us, &them).await;
    assert_eq!((report.moved.files_out, report.moved.receipts_in), (1, 0));
    assert_eq!(us.transfer(sent).state, State::Sent);
    assert!(them.inbox().is_empty());
    them.work_off();
    assert_eq!(them.inbox(), [content(20_000)]);
    // Whoever calls.
    let (report, _) = meet_well(&them, &us).await;
    assert_eq!(report.moved.receipts_out, 1);
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
}

/// While the worker runs, a session that has nothing else to do waits a moment for what it received to
/// be opened, and the receipt goes out in it.
#[tokio::test]
async fn the_receipt_goes_out_in_the_same_session_when_the_file_is_opened_in_time() {
    let (us, them) = equipped();
    let shutdown = them.context.shutdown.clone();
    let security = Arc::clone(&them.context.security);
    let working = tokio::spawn(security.run(shutdown.clone()));
    // The worker runs as soon as it is let.
    tokio::task::yield_now().await;
    let sent = send(&us, "orders", everything());
    us.work_off();
    let (report, _) = meet_well(&us, &them).await;
    assert_eq!((report.moved.files_out, report.moved.receipts_in), (1, 1));
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
    shutdown.drain();
    working.await.unwrap();
}

/// Their side cannot open what comes; how that is told.
struct Unreadable {
    change: fn(&mut Side, &mut Side),
    services: Services,
    reason: ReceiptReason,
    efna: u8,
}

fn unreadable() -> Vec<Unreadable> {
    vec![
        Unreadable {
            // Encrypted for a key that is not theirs.
            change: |us, _| {
                us.change_partner(|partner| {
                    let other = &strange().certificate;
                    know(partner, Role::Encryption, Slot::Current, other);
                });
            },
            services: services(Security::Encrypted, false, true),
            reason: ReceiptReason::DECRYPTION_FAILURE,
            efna: 22,
        },
        Unreadable {
            // Signed by somebody else.
            change: |us, _| equip_with(us, &strange().own),
            services: services(Security::Signed, true, false),
            reason: ReceiptReason::INVALID_SIGNATURE,
            efna: 21,
        },
        Unreadable {
            // Signed with a certificate that had ended when the file came.
            change: |_, them| {
                them.change_partner(|partner| {
                    let ended = &ours().expired;
                    know(partner, Role::FileSigning, Slot::Current, ended);
                });
            },
            services: services(Security::EncryptedAndSigned, false, false),
            reason: ReceiptReason::INVALID_SIGNATURE,
            efna: 21,
        },
        Unreadable {
            // More comes out of it than may.
            change: |_, them| them.change_partner(|partner| partner.expansion = 2),
            services: services(Security::None, true, false),
            reason: ReceiptReason::DECOMPRESSION_FAILURE,
            efna: 23,
        },
    ]
}

/// A file of one octet again and again, so that it can be compressed.
fn send_zeros(side: &Side, services: Services) -> TransferId {
    side.queue_as("orders", &[0; 300_000], |new| new.services = Some(services))
}

/// what fails after the acknowledgement is told by NERP 31, 32 or 33, and nothing is delivered.
#[tokio::test]
async fn what_cannot_be_opened_is_answered_with_a_negative_receipt() {
    for case in unreadable() {
        let (mut us, mut them) = equipped();
        (case.change)(&mut us, &mut them);
        let sent = send_zeros(&us, case.services);
        exchange(&us, &them).await;
        let rejected = us.transfer(sent);
        let why = rejected.reason.unwrap_or_default();
        assert_eq!(rejected.state, State::Rejected, "{why}");
        assert!(why.contains(case.reason.text()), "{why}");
        let failed = &them.received()[0];
        assert_eq!(failed.state, State::Failed);
        assert!(failed.reason.is_some());
        assert_eq!(failed.receipt, Some(ReceiptState::Sent));
        assert!(them.inbox().is_empty());
        assert_eq!(them.context.counters.files_unopened.count(), 1);
        let receipt = us.store().evidence(sent).unwrap().receipt.unwrap();
        assert_eq!(receipt.signature.is_empty(), !case.services.signed_receipt);
    }
}

/// where it was agreed, what fails is told by EFNA 21, 22 or 23 before anything is acknowledged,
/// and what is right is acknowledged, delivered and receipted in the same session.
#[tokio::test]
async fn files_are_checked_before_the_acknowledgement_where_that_was_agreed() {
    for case in unreadable() {
        let (mut us, mut them) = equipped();
        (case.change)(&mut us, &mut them);
        them.change_partner(|partner| partner.check = CheckTiming::BeforeAcknowledgement);
        let sent = send_zeros(&us, case.services);
        us.work_off();
        let (report, answer) = meet_well(&us, &them).await;
        assert_eq!((report.moved.files_refused, answer.moved.files_in), (1, 0));
        let refused = us.transfer(sent);
        let why = refused.reason.unwrap_or_default();
        assert_eq!(refused.state, State::Failed, "{why}");
        assert!(why.contains(oftp::FileReason(case.efna).text()), "{why}");
        let failed = &them.received()[0];
        assert_eq!((failed.state, failed.receipt), (State::Failed, None));
        assert!(them.inbox().is_empty());
    }
    let (us, them) = equipped();
    them.change_partner(|partner| partner.check = CheckTiming::BeforeAcknowledgement);
    let sent = send(&us, "orders", everything());
    us.work_off();
    let (report, _) = meet_well(&us, &them).await;
    assert_eq!((report.moved.files_out, report.moved.receipts_in), (1, 1));
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
    assert_eq!(them.inbox(), [content(20_000)]);
}

/// While the worker runs beside the sessions it never takes a file away from one that must answer EFID.
#[tokio::test]
async fn the_worker_hands_over_what_a_session_waits_for() {
    let (us, mut them) = equipped();
    them.change_partner(|partner| partner.check = CheckTiming::BeforeAcknowledgement);
    equip_with(&mut them, &strange().own);
    let shutdown = them.context.shutdown.clone();
    let security = Arc::clone(&them.context.security);
    let working = tokio::spawn(security.run(shutdown.clone()));
    let files: Vec<_> = (0..20)
        .map(|number| send(&us, &format!("FILE{number}"), everything()))
        .collect();
    us.work_off();
    let (report, _) = meet_well(&us, &them).await;
    assert_eq!(report.moved.files_refused, 20);
    for id in files {
        assert_eq!(us.transfer(id).state, State::Failed);
    }
    assert_eq!(report.moved.receipts_in, 0);
    shutdown.drain();
    working.await.unwrap();
}

/// What is missing on our side is no reason to refuse a file: it is held, and opened when that is there.
#[tokio::test]
async fn without_a_key_or_a_certificate_of_the_signer_a_file_is_held_until_there_is_one() {
    for check in [CheckTiming::Delivered, CheckTiming::BeforeAcknowledgement] {
        let (us, mut them) = equipped();
        equip(&mut them, &[]);
        them.change_partner(|partner| {
            partner.role_certificates.clear();
            partner.check = check;
        });
        let sent = send(&us, "orders", everything());
        us.work_off();
        meet_well(&us, &them).await;
        assert_eq!(us.transfer(sent).state, State::Sent);
        for (wanted, found) in [
            ("no encryption key", true),
            ("no certificate of partner US can verify that", false),
        ] {
            if !found {
                equip_with(&mut them, &theirs().own);
            }
            them.store().release_held().unwrap();
            them.work_off();
            let held = them.received()[0].clone();
            assert_eq!(held.state, State::Received);
            let why = held.reason.unwrap();
            assert!(why.contains(wanted), "{why}");
        }
        them.change_partner(|partner| know_by(partner, &ours().certificate));
        them.store().release_held().unwrap();
        exchange(&us, &them).await;
        assert_eq!(us.transfer(sent).state, State::Acknowledged);
        assert_eq!(them.inbox(), [content(20_000)]);
    }
}

/// Keys change while files are on their way: what was made with the old one is still opened, verified
/// and receipted, and the new one is taken as soon as a side has it.
#[tokio::test]
async fn files_in_flight_survive_a_change_of_keys_on_either_side() {
    let (us, mut them) = equipped();
    let before = send(&us, "before", everything());
    us.work_off();
    // Their next key is known to both sides, then becomes the present one.
    let (now, next) = (&theirs().own, &coming().own);
    for (keys, known) in [
        (
            [(Slot::Current, now), (Slot::Next, next)],
            [(Slot::Current, theirs()), (Slot::Next, coming())],
        ),
        (
            [(Slot::Current, next), (Slot::Previous, now)],
            [(Slot::Current, coming()), (Slot::Previous, theirs())],
        ),
    ] {
        let roles = [Role::Encryption, Role::FileSigning, Role::ReceiptSigning];
        let keys: Vec<_> = roles
            .iter()
            .flat_map(|role| keys.map(|(slot, key)| (*role, slot, key)))
            .collect();
        equip(&mut them, &keys);
        us.change_partner(|partner| {
            partner.role_certificates.clear();
            for role in roles {
                for (slot, pair) in known {
                    know(partner, role, slot, &pair.certificate);
                }
            }
        });
        let answered = send(&them, "answer", everything());
        let during = send(&us, "during", everything());
        exchange(&us, &them).await;
        assert_eq!(us.transfer(during).state, State::Acknowledged);
        assert_eq!(them.transfer(answered).state, State::Acknowledged);
    }
    assert_eq!(us.transfer(before).state, State::Acknowledged);
    assert_eq!(them.inbox().len(), 3);
    assert_eq!(us.inbox().len(), 2);
}

/// A receipt that cannot be signed goes unsigned (RFC 5024 section 4.3.6): whether it is taken is the
/// other side's to say.
#[tokio::test]
async fn a_receipt_that_cannot_be_signed_is_sent_unsigned() {
    for accepted in [false, true] {
        let (us, mut them) = equipped();
        equip(
            &mut them,
            &[(Role::Encryption, Slot::Current, &theirs().own)],
        );
        if accepted {
            us.change_partner(|partner| {
                partner.unsigned_receipts = store::UnsignedReceipts::Accepted;
            });
        }
        let sent = send(&us, "orders", everything());
        exchange(&us, &them).await;
        assert_eq!(them.context.counters.receipts_unsigned.count(), 1);
        let transfer = us.transfer(sent);
        if accepted {
            assert_eq!(transfer.state, State::Acknowledged);
            continue;
        }
        assert_eq!(transfer.state, State::Sent);
        let why = transfer.reason.unwrap();
        assert!(why.contains("not signed"), "{why}");
        assert_eq!(us.context.counters.receipts_invalid.count(), 1);
        us.store().accept_receipt(sent, Timestamp::now()).unwrap();
        assert_eq!(us.transfer(sent).state, State::Acknowledged);
    }
}

/// A receipt signed by somebody else settles nothing.
#[tokio::test]
async fn a_receipt_signed_with_an_unknown_key_settles_nothing() {
    let (us, mut them) = equipped();
    equip(
        &mut them,
        &[
            (Role::Encryption, Slot::Current, &theirs().own),
            (Role::ReceiptSigning, Slot::Current, &strange().own),
        ],
    );
    let sent = send(&us, "orders", everything());
    exchange(&us, &them).await;
    assert_eq!(us.transfer(sent).state, State::Sent);
    assert_eq!(us.context.counters.receipts_invalid.count(), 1);
    assert_eq!(them.received()[0].state, State::Delivered);
}
