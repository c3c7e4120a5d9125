//! Two halves of ours, one calling the other.

use oftp::EndReason;
use store::{ReceiptState, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::super::*;
use super::world::{OURS, Side, THEIRS, content, meet, two};

fn reason(report: &Report) -> Option<EndReason> {
    match report.ending {
        Ending::Released => Some(EndReason::NORMAL),
        Ending::Aborted { reason, .. } => reason,
    }
}

#[tokio::test]
async fn files_and_receipts_go_both_ways_in_one_session() {
    let (us, them) = two();
    let (ours, theirs) = (content(700_001), content(300_000));
    let sent = us.queue("orders.edi", &ours);
    let empty = us.queue("empty.edi", b"");
    let answered = them.queue("stock.edi", &theirs);
    let (report, answer) = meet(&us, &them).await;
    let answer = answer.unwrap();
    assert_eq!(report.ending, Ending::Released);
    assert_eq!(answer.ending, Ending::Released);
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
    assert_eq!(us.transfer(empty).state, State::Acknowledged);
    assert_eq!(them.transfer(answered).state, State::Acknowledged);
    assert_eq!(us.inbox(), [theirs]);
    let mut inbox = them.inbox();
    inbox.sort_by_key(Vec::len);
    assert!(inbox == [Vec::new(), ours]);
    for transfer in us.received().iter().chain(&them.received()) {
        assert_eq!(transfer.state, State::Delivered);
        assert_eq!(transfer.receipt, Some(ReceiptState::Sent));
    }
    let moved = Moved {
        files_in: 1,
        files_out: 2,
        receipts_in: 2,
        receipts_out: 1,
        files_refused: 0,
    };
    assert_eq!(report.moved, moved);
    assert_eq!(us.context.counters.octets_out.count(), 700_001);
    assert_eq!(us.context.live.count() + them.context.live.count(), 0);
}

#[tokio::test]
async fn a_call_with_nothing_to_say_ends_after_one_exchange() {
    let (us, them) = two();
    let (report, answer) = meet(&us, &them).await;
    assert_eq!(report.ending, Ending::Released);
    assert_eq!(answer.unwrap().ending, Ending::Released);
    // SSID and CD with their headers: the turn went over once and did not come back.
    assert_eq!(report.octets_out, 65 + 5);
}

#[tokio::test]
async fn a_wrong_password_is_esid_04_and_the_file_waits() {
    let (us, them) = two();
    let sent = us.queue("orders.edi", b"some octets");
    us.change_partner(|partner| partner.password_sent = "WRONG".parse().unwrap());
    let (report, answer) = meet(&us, &them).await;
    assert_eq!(reason(&report), Some(EndReason::INVALID_PASSWORD));
    assert_eq!(reason(&answer.unwrap()), Some(EndReason::INVALID_PASSWORD));
    assert_eq!(us.transfer(sent).state, State::Queued);
    assert_eq!(them.context.counters.partners_refused.count(), 1);
}

#[tokio::test]
async fn a_wrong_password_in_the_answer_ends_our_call() {
    let (us, them) = two();
    let sent = us.queue("orders.edi", b"some octets");
    them.change_partner(|partner| partner.password_sent = "WRONG".parse().unwrap());
    let (report, answer) = meet(&us, &them).await;
    assert_eq!(reason(&report), Some(EndReason::INVALID_PASSWORD));
    assert_eq!(reason(&answer.unwrap()), Some(EndReason::INVALID_PASSWORD));
    assert_eq!(us.transfer(sent).state, State::Queued);
    assert!(them.received().is_empty());
}

#[tokio::test]
async fn a_stranger_is_told_esid_03_and_so_is_a_disabled_partner() {
    let (us, them) = two();
    them.change_partner(|partner| partner.code = "O0013SOMEBODY".parse().unwrap());
    let (report, _) = meet(&us, &them).await;
    assert_eq!(reason(&report), Some(EndReason::USER_CODE_NOT_KNOWN));
    let them = Side::new(THEIRS, OURS);
    them.change_partner(|partner| partner.enabled = false);
    let (report, _) = meet(&us, &them).await;
    assert_eq!(reason(&report), Some(EndReason::USER_CODE_NOT_KNOWN));
}

#[tokio::test]
async fn a_stranger_is_told_nothing_where_that_is_configured() {
    let (us, mut them) = two();
    them.change_partner(|partner| partner.code = "O0013SOMEBODY".parse().unwrap());
    let settings = SessionSettings {
        strangers: Strangers::Silent,
        ..Default::default()
    };
    them.context.settings = Arc::new(settings);
    let (report, answer) = meet(&us, &them).await;
    assert_eq!(answer, None);
    assert_eq!(reason(&report), None);
}

#[tokio::test]
async fn a_pinned_partner_must_have_shown_its_certificate_where_one_is_asked_for() {
    let (us, them) = two();
    let pin = store::Fingerprint::from_digest([7; 32]);
    them.change_partner(|partner| partner.certificates = vec![pin]);
    let ssid = ssid_of(&us).await;
    let judge = async |asked, certificate| {
        let caller = Caller {
            asked_for_certificate: asked,
            certificate,
            ..super::world::caller()
        };
        let verdict = answers::judge(&them.context, &caller, &ssid).await.unwrap();
        matches!(verdict, Verdict::Welcome(_))
    };
    assert!(judge(true, Some(pin)).await);
    assert!(judge(false, None).await);
    assert!(!judge(true, None).await);
    assert!(!judge(true, Some(store::Fingerprint::from_digest([8; 32]))).await);
}

/// The SSID with which a side opens.
async fn ssid_of(side: &Side) -> Vec<u8> {
    let (ours, mut theirs) = duplex(8 * 1024);
    let read = async {
        let mut ssrm = Vec::new();
        oftp::Command::Ssrm(oftp::Ssrm)
            .encode(oftp::Level::L5, &mut ssrm)
            .unwrap();
        theirs.write_all(&ssrm).await.unwrap();
        let mut first = [0; 65];
        theirs.read_exact(&mut first).await.unwrap();
        drop(theirs);
        first[4..].to_vec()
    };
    tokio::join!(side.call(ours), read).1
}

#[tokio::test]
async fn without_space_the_file_waits_and_arrives_once_there_is_some() {
    let (us, them) = two();
    let them = them.reopen(u64::MAX / 2);
    let whole = content(100_000);
    let sent = us.queue("orders.edi", &whole);
    let (report, answer) = meet(&us, &them).await;
    assert_eq!(report.ending, Ending::Released);
    assert_eq!(report.moved.files_refused, 1);
    assert_eq!(answer.unwrap().moved.files_in, 0);
    let waiting = us.transfer(sent);
    assert_eq!(waiting.state, State::Queued);
    assert_eq!(waiting.attempts, 1);
    assert!(waiting.not_before.is_some());
    let them = them.reopen(0);
    us.store().retry_now(THEIRS).unwrap();
    meet(&us, &them).await;
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
    assert!(them.inbox() == [whole]);
}

#[tokio::test]
async fn while_draining_no_file_is_begun_and_the_session_ends_in_order() {
    let (us, them) = two();
    let sent = us.queue("orders.edi", b"octets");
    us.context.shutdown.drain();
    let (report, _) = meet(&us, &them).await;
    assert_eq!(report.ending, Ending::Released);
    assert_eq!(us.transfer(sent).state, State::Queued);
    let us = us.reopen(0);
    them.context.shutdown.drain();
    let (report, _) = meet(&us, &them).await;
    assert_eq!(report.ending, Ending::Released);
    assert_eq!(us.transfer(sent).state, State::Queued);
    assert_eq!(us.transfer(sent).attempts, 1);
}
