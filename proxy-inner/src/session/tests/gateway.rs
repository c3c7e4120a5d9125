//! Files for third parties: A sends to C through B, and C's receipt comes back to A.

use oftp::{Command, Efid, FileReason, Format, Level, ReceiptReason, Security, Sfid};
use store::{ReceiptState, ReceiptTiming, State, TransferId};

use super::super::*;
use super::played::{decoded, play_as, refused, sfid};
use super::world::{Side, code, content, meet_well, records};

const A: &str = "A";
const B: &str = "B";
const C: &str = "C";

/// A deals with B, B with A and C, C with B; B forwards for both.
fn three() -> (Side, Side, Side) {
    let (a, b, c) = (Side::new(A, B), Side::new(B, A), Side::new(C, B));
    b.add_partner(C);
    a.change(B, |partner| partner.stations = vec![code(C)]);
    c.change(B, |partner| partner.stations = vec![code(A)]);
    for other in [A, C] {
        b.change(other, |partner| partner.gateway = true);
    }
    (a, b, c)
}

fn queue_for_c(
    a: &Side,
    name: &str,
    whole: &[u8],
    format: Format,
    record_length: u32,
) -> TransferId {
    a.queue_as(name, whole, |new| {
        new.format = format;
        new.record_length = record_length;
        new.destination = Some(code(C));
        new.description = format!("what {name} is");
    })
}

/// name, date, time and addresses are the same at both ends, and so is the
/// receipt; the one in the middle says nothing of its own.
#[tokio::test]
async fn a_file_for_a_third_party_is_forwarded_and_its_receipt_comes_back() {
    let (a, b, c) = three();
    let whole = records((0..500).map(|n| n * 7 % 301));
    let sent = queue_for_c(&a, "ORDERS", &whole, Format::Variable, 300);
    let (_, answer) = meet_well(&a, &b).await;
    // The middle owes nothing yet.
    assert_eq!(answer.moved.receipts_out, 0);
    assert_eq!(a.transfer(sent).state, State::Sent);
    assert_eq!(b.received()[0].state, State::Forwarded);
    assert!(b.inbox().is_empty());
    meet_well(&b, &c).await;
    let arrived = c.received().pop().unwrap();
    let ours = a.transfer(sent);
    assert_eq!(arrived.file, ours.file);
    assert_eq!(
        (arrived.format, arrived.record_length),
        (Format::Variable, 300)
    );
    assert_eq!(arrived.records, 500);
    assert_eq!(arrived.description, "what ORDERS is");
    assert!(c.inbox() == [whole]);
    // C's receipt came in the same session; it goes back to A.
    assert_eq!(b.received()[0].receipt, Some(ReceiptState::Owed));
    meet_well(&b, &a).await;
    assert_eq!(a.transfer(sent).state, State::Acknowledged);
    assert_eq!(b.received()[0].receipt, Some(ReceiptState::Sent));
}

/// a NERP comes back with the reason and the creator it was made with.
#[tokio::test]
async fn the_rejection_of_a_forwarded_file_comes_back_unchanged() {
    let (a, b, c) = three();
    c.change(B, |partner| partner.receipts = ReceiptTiming::Confirmed);
    let sent = queue_for_c(&a, "ORDERS", &content(5_000), Format::Unstructured, 0);
    meet_well(&a, &b).await;
    meet_well(&b, &c).await;
    let received = c.received()[0].id;
    c.store()
        .reject(
            received,
            ReceiptReason::PROCESSING_FAILED,
            "no such order",
            Timestamp::now(),
        )
        .unwrap();
    meet_well(&c, &b).await;
    meet_well(&a, &b).await;
    let transfer = a.transfer(sent);
    assert_eq!(transfer.state, State::Rejected);
    let reason = transfer.reason.unwrap();
    assert!(reason.contains("no such order"), "{reason}");
    assert!(reason.contains(code(C).as_str()), "{reason}");
}

/// what the next node refuses for good is answered with a NERP of our own.
#[tokio::test]
async fn a_file_that_cannot_be_forwarded_is_answered_by_the_one_in_the_middle() {
    let (a, b, c) = three();
    // C does not know that B speaks for A.
    c.change(B, |partner| partner.stations = Vec::new());
    let sent = queue_for_c(&a, "ORDERS", b"octets", Format::Unstructured, 0);
    meet_well(&a, &b).await;
    let (report, _) = meet_well(&b, &c).await;
    assert_eq!(report.moved.files_refused, 1);
    meet_well(&b, &a).await;
    let transfer = a.transfer(sent);
    assert_eq!(transfer.state, State::Rejected);
    let reason = transfer.reason.unwrap();
    assert!(reason.contains(code(B).as_str()), "{reason}");
}

/// a file beyond what the recipient's level can say is NERP 90 or 99 from the one in the
/// middle, and is never offered.
#[tokio::test]
async fn a_secured_file_is_not_forwarded_to_an_old_partner() {
    let (a, b, c) = three();
    for side in [&b, &c] {
        let other = if side.party().partner.name == A { C } else { B };
        side.change(other, |partner| {
            partner.level = Level::L2;
            partner.lowest_level = Level::L2;
        });
    }
    let secured = secured();
    take_from_a(&b, &secured).await;
    let (report, _) = meet_well(&b, &c).await;
    assert_eq!(report.moved.files_out, 0);
    assert!(c.received().is_empty());
    let owed = b.received()[0].clone();
    assert_eq!(owed.receipt, Some(ReceiptState::Owed));
    drop(a);
}

/// A secured file as A offers it for C.
fn secured() -> Sfid {
    Sfid {
        origin: code(A),
        destination: code(C),
        format: Format::Fixed,
        record_length: 80,
        security: Security::EncryptedAndSigned,
        cipher: 2,
        compression: true,
        envelope: true,
        signed_receipt: true,
        original_blocks: 77,
        description: "sealed".to_owned(),
        ..sfid()
    }
}

async fn take_from_a(b: &Side, sfid: &Sfid) {
    play_as(A, b, async |partner| {
        partner.open().await;
        let answer = partner.offer(sfid).await;
        assert!(matches!(decoded(&answer), Command::Sfpa(_)), "{answer:?}");
        partner.data(b"sealed octets").await;
        partner
            .say(Command::Efid(Efid {
                records: 0,
                octets: 13,
            }))
            .await;
        assert!(matches!(decoded(&partner.hear().await), Command::Efpa(_)));
    })
    .await;
}

/// a file with file services is not ours to open; it goes on with every field as it came.
#[tokio::test]
async fn a_secured_file_is_forwarded_untouched() {
    let (_, b, _) = three();
    let offered = secured();
    take_from_a(&b, &offered).await;
    play_as(C, &b, async |partner| {
        partner.open().await;
        partner.say(Command::Cd).await;
        let oeb = partner.hear().await;
        let Command::Sfid(sfid) = decoded(&oeb) else {
            panic!("SFID expected, {oeb:?} came");
        };
        assert_eq!(sfid, offered);
    })
    .await;
}

/// nothing is forwarded for those who may not, to those who are not there, or back to where it
/// came from.
#[tokio::test]
async fn forwarding_is_refused_for_strangers_to_it_and_in_circles() {
    let (_, b, _) = three();
    let to = |destination: &str| Sfid {
        origin: code(A),
        destination: code(destination),
        ..sfid()
    };
    b.change(A, |partner| partner.stations = vec![code("BEHIND")]);
    play_as(A, &b, async |partner| {
        partner.open().await;
        for destination in ["NOBODY", "BEHIND", A] {
            let answer = partner.offer(&to(destination)).await;
            let expected = (FileReason::INVALID_DESTINATION, false);
            assert_eq!(refused(&answer), expected, "{destination}");
        }
        // From behind A: one of its stations.
        let from = Sfid {
            origin: code("BEHIND"),
            ..to(C)
        };
        let answer = partner.offer(&from).await;
        assert!(matches!(decoded(&answer), Command::Sfpa(_)), "{answer:?}");
    })
    .await;
    b.change(A, |partner| partner.gateway = false);
    play_as(A, &b, async |partner| {
        partner.open().await;
        let answer = partner.offer(&to(C)).await;
        let expected = (FileReason::INVALID_DESTINATION, false);
        assert_eq!(refused(&answer), expected);
    })
    .await;
}
