//! Receipts: when they are due, what they say, and who gets the turn for them.

use oftp::{Command, Efid, ReceiptReason};
use store::{ReceiptState, ReceiptTiming, State};

use super::super::*;
use super::played::{Script, decoded, play, sfid};
use super::world::{OURS, Side, THEIRS, meet_well, two};

/// Their side waits for somebody to confirm what it receives.
fn confirming() -> (Side, Side) {
    let (us, them) = two();
    them.change_partner(|partner| partner.receipts = ReceiptTiming::Confirmed);
    (us, them)
}

/// the receipt comes in a later session, once the file is confirmed.
#[tokio::test]
async fn a_confirmed_file_is_receipted_in_a_later_session() {
    let (us, them) = confirming();
    let sent = us.queue("orders", b"octets");
    meet_well(&us, &them).await;
    assert_eq!(us.transfer(sent).state, State::Sent);
    let received = them.received()[0].clone();
    assert_eq!(received.receipt, Some(ReceiptState::Unconfirmed));
    them.store().confirm(received.id, Timestamp::now()).unwrap();
    // Whoever calls.
    let (report, _) = meet_well(&them, &us).await;
    assert_eq!(report.moved.receipts_out, 1);
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
}

/// the NERP names the file, the reason and the station that made it.
#[tokio::test]
async fn a_rejected_file_is_answered_with_its_reason() {
    let (us, them) = confirming();
    let sent = us.queue("orders", b"octets");
    meet_well(&us, &them).await;
    let received = them.received()[0].id;
    them.store()
        .reject(
            received,
            ReceiptReason::PROCESSING_FAILED,
            "no such order",
            Timestamp::now(),
        )
        .unwrap();
    let (report, _) = meet_well(&us, &them).await;
    assert_eq!(report.moved.receipts_in, 1);
    let transfer = us.transfer(sent);
    assert_eq!(transfer.state, State::Rejected);
    let reason = transfer.reason.unwrap();
    assert!(reason.contains("no such order"), "{reason}");
    assert_eq!(them.transfer(received).receipt, Some(ReceiptState::Sent));
}

/// The partner sends one file; whether it is then asked for the turn.
async fn asked_for_turn(us: &Side) -> bool {
    let mut asked = false;
    play(us, async |partner: &mut Script| {
        partner.open().await;
        partner.offer(&sfid()).await;
        partner.data(b"the file").await;
        partner
            .say(Command::Efid(Efid {
                records: 0,
                octets: 8,
            }))
            .await;
        let answer = partner.hear().await;
        let Command::Efpa(efpa) = decoded(&answer) else {
            panic!("EFPA expected, {answer:?} came");
        };
        asked = efpa.change_direction;
    })
    .await;
    asked
}

/// the turn is asked for when a receipt or a file is ready, and only then.
#[tokio::test]
async fn the_turn_is_asked_for_only_with_something_ready() {
    let us = Side::new(OURS, THEIRS);
    assert!(asked_for_turn(&us).await, "the file's own receipt");
    let us = Side::new(OURS, THEIRS);
    us.change_partner(|partner| partner.receipts = ReceiptTiming::Confirmed);
    assert!(!asked_for_turn(&us).await, "nothing");
    let us = Side::new(OURS, THEIRS);
    us.change_partner(|partner| partner.receipts = ReceiptTiming::Confirmed);
    let waiting = us.queue("orders", b"octets");
    assert!(asked_for_turn(&us).await, "a file that waits");
    // The turn never came.
    assert_eq!(us.transfer(waiting).state, State::Queued);
    assert_eq!(us.transfer(waiting).attempts, 0);
}
