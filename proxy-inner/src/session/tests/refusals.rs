//! What a partner refuses, and what follows from it.

use std::time::Duration;

use oftp::{Command, Efna, Efpa, EndReason, FileReason, Sfna, Sfpa};
use ops::Backoff;
use store::{State, TransferId};

use super::super::*;
use super::played::{Script, decoded, play};
use super::world::{OURS, Side, THEIRS, content};

/// Refused files may be offered again without a pause, and `attempts` times.
fn hasty(attempts: u32) -> Side {
    let mut us = Side::new(OURS, THEIRS);
    us.context.settings = Arc::new(SessionSettings {
        file_attempts: attempts,
        file_backoff: Backoff {
            first: Duration::ZERO,
            most: Duration::ZERO,
        },
        ..SessionSettings::default()
    });
    us
}

/// The partner takes the turn, hears our offer of a file of one buffer, and takes it in up to its end.
async fn take_to_the_end(partner: &mut Script) {
    partner.say(Command::Sfpa(Sfpa { answer: 0 })).await;
    assert!(matches!(decoded(&partner.hear().await), Command::Data(_)));
    assert!(matches!(decoded(&partner.hear().await), Command::Efid(_)));
}

/// The dataset name of the file that is offered next.
async fn offered(partner: &mut Script) -> String {
    let oeb = partner.hear().await;
    match decoded(&oeb) {
        Command::Sfid(sfid) => sfid.dataset.as_str().to_owned(),
        other => panic!("SFID expected, {other:?} came"),
    }
}

/// a file that the partner refused, at its offer or at its end, is not offered again in
/// the same session; the others are.
#[tokio::test]
async fn a_refused_file_is_not_offered_again_in_the_same_session() {
    let us = hasty(10);
    let refused = [us.queue("FIRST", b"octets"), us.queue("SECOND", b"octets")];
    let taken = us.queue("THIRD", b"octets");
    play(&us, async |partner| {
        partner.open().await;
        partner.say(Command::Cd).await;
        assert_eq!(offered(partner).await, "FIRST");
        take_to_the_end(partner).await;
        partner
            .say(Command::Efna(Efna {
                reason: FileReason::ACCESS_METHOD_FAILURE,
                text: String::new(),
            }))
            .await;
        assert_eq!(offered(partner).await, "SECOND");
        partner
            .say(Command::Sfna(Sfna {
                reason: FileReason::UNSPECIFIED,
                retry: true,
                text: String::new(),
            }))
            .await;
        assert_eq!(offered(partner).await, "THIRD");
        take_to_the_end(partner).await;
        partner
            .say(Command::Efpa(Efpa {
                change_direction: false,
            }))
            .await;
        assert!(matches!(decoded(&partner.hear().await), Command::Cd));
    })
    .await;
    assert_eq!(us.transfer(taken).state, State::Sent);
    for id in refused {
        let transfer = us.transfer(id);
        assert_eq!((transfer.state, transfer.attempts), (State::Queued, 1));
    }
    // A later session offers them.
    play(&us, async |partner| {
        partner.open().await;
        partner.say(Command::Cd).await;
        assert_eq!(offered(partner).await, "FIRST");
    })
    .await;
}

/// The partner refuses the offer of our file with this answer.
async fn refuse(us: &Side, reason: FileReason, retry: bool) {
    play(us, async |partner| {
        partner.open().await;
        partner.say(Command::Cd).await;
        assert!(matches!(decoded(&partner.hear().await), Command::Sfid(_)));
        let text = String::new();
        partner
            .say(Command::Sfna(Sfna {
                reason,
                retry,
                text,
            }))
            .await;
        assert!(matches!(decoded(&partner.hear().await), Command::Cd));
    })
    .await;
}

/// the partner's word on whether to come again is obeyed whatever the reason, but not for
/// ever.
#[tokio::test]
async fn a_file_comes_again_as_the_partner_says_and_not_for_ever() {
    let us = hasty(3);
    let patient = us.queue("PATIENT", b"octets");
    for round in 1..=3 {
        assert_eq!(us.transfer(patient).state, State::Queued, "round {round}");
        refuse(&us, FileReason::INVALID_DESTINATION, true).await;
    }
    assert_eq!(us.transfer(patient).state, State::Failed);
    let us = hasty(3);
    let once = us.queue("ONCE", b"octets");
    refuse(&us, FileReason::ACCESS_METHOD_FAILURE, false).await;
    assert_eq!(us.transfer(once).state, State::Failed);
}

/// The partner hears our file and leaves after three buffers of it.
async fn leave_in_the_middle(us: &Side) {
    play(us, async |partner| {
        partner.open().await;
        partner.say(Command::Cd).await;
        assert!(matches!(decoded(&partner.hear().await), Command::Sfid(_)));
        partner.say(Command::Sfpa(Sfpa { answer: 0 })).await;
        for _ in 0..3 {
            assert!(matches!(decoded(&partner.hear().await), Command::Data(_)));
        }
    })
    .await;
}

/// The position our file is offered from.
async fn offered_from(us: &Side, answer: Option<u64>) -> (u64, Report) {
    let mut from = 0;
    let report = play(us, async |partner| {
        partner.open_with_restart().await;
        partner.say(Command::Cd).await;
        let offer = partner.hear().await;
        let Command::Sfid(sfid) = decoded(&offer) else {
            panic!("SFID expected, {offer:?} came");
        };
        from = sfid.restart;
        if let Some(answer) = answer {
            partner.say(Command::Sfpa(Sfpa { answer })).await;
            let esid = partner.hear().await;
            assert!(
                matches!(decoded(&esid), Command::Esid(esid) if esid.reason == EndReason::PROTOCOL_VIOLATION),
                "{esid:?}"
            );
        }
    })
    .await;
    (from, report)
}

fn sent_of(us: &Side, id: TransferId) -> u64 {
    us.transfer(id).restart.answer
}

/// a partner that wants the file from beyond the offered position gets ESID 02, and all of the
/// file next time.
#[tokio::test]
async fn an_answer_beyond_the_offered_position_is_esid_02_and_then_the_file_begins_anew() {
    let us = Side::new(OURS, THEIRS);
    let sent = us.queue("LONG", &content(200_000));
    leave_in_the_middle(&us).await;
    assert!(sent_of(&us, sent) > 0);
    let offered = sent_of(&us, sent);
    let (from, report) = offered_from(&us, Some(offered + 1)).await;
    assert_eq!(from, offered);
    assert!(!report.ending.is_released());
    assert_eq!(us.transfer(sent).state, State::Queued);
    let (from, _) = offered_from(&us, None).await;
    assert_eq!(from, 0);
}
