//! Old partners: levels 1, 2 and 4, and how far down we go.

use oftp::{EndReason, Level, ReceiptReason};
use store::{ReceiptState, ReceiptTiming, State};

use super::super::*;
use super::world::{Side, content, meet, meet_well, two};

/// `us` speaks `level` at most, and `them` goes down to it.
fn apart(level: Level) -> (Side, Side) {
    let (us, them) = two();
    us.change_partner(|partner| {
        partner.level = level;
        partner.lowest_level = level;
    });
    them.change_partner(|partner| partner.lowest_level = level);
    (us, them)
}

/// a partner of each level is called, and calls, and gets and sends a file with its receipt.
#[tokio::test]
async fn files_and_receipts_go_both_ways_at_every_level() {
    for level in [Level::L1, Level::L2, Level::L4, Level::L5] {
        for call in [true, false] {
            let (us, them) = apart(level);
            let (ours, theirs) = (content(50_000), content(20_000));
            let sent = us.queue("ours", &ours);
            let answered = them.queue("theirs", &theirs);
            if call {
                meet_well(&us, &them).await;
            } else {
                meet_well(&them, &us).await;
            }
            assert_eq!(us.transfer(sent).state, State::Acknowledged, "{level}");
            assert_eq!(
                them.transfer(answered).state,
                State::Acknowledged,
                "{level}"
            );
            assert_eq!(us.inbox(), [theirs], "{level}");
            assert_eq!(them.inbox(), [ours], "{level}");
        }
    }
}

/// neither side is talked down below what was agreed with the partner.
#[tokio::test]
async fn a_session_below_the_lowest_level_is_esid_10_and_the_file_waits() {
    for called in [true, false] {
        let (us, them) = two();
        // One side is old, the other insists on level 5.
        us.change_partner(|partner| {
            partner.level = Level::L2;
            partner.lowest_level = Level::L1;
        });
        let sent = us.queue("ours", b"octets");
        let (report, answer) = if called {
            meet(&us, &them).await
        } else {
            meet(&them, &us).await
        };
        for report in [report, answer.unwrap()] {
            let Ending::Aborted { reason, .. } = &report.ending else {
                panic!("{report:?}");
            };
            assert_eq!(*reason, Some(EndReason::INCOMPATIBLE), "{report:?}");
        }
        assert_eq!(us.transfer(sent).state, State::Queued);
        assert!(them.received().is_empty());
    }
}

/// a NERP waits for a session that can carry it.
#[tokio::test]
async fn a_negative_receipt_stays_owed_below_level_4() {
    let (us, them) = apart(Level::L2);
    them.change_partner(|partner| partner.receipts = ReceiptTiming::Confirmed);
    let sent = us.queue("ours", b"octets");
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
    for _ in 0..2 {
        meet_well(&us, &them).await;
        assert_eq!(us.transfer(sent).state, State::Sent);
        assert_eq!(them.transfer(received).receipt, Some(ReceiptState::Owed));
    }
    us.change_partner(|partner| partner.level = Level::L4);
    meet_well(&us, &them).await;
    assert_eq!(us.transfer(sent).state, State::Rejected);
    assert_eq!(them.transfer(received).receipt, Some(ReceiptState::Sent));
}
