//! Who speaks when: CD, EFPA(Y), requests made while the turn is on its way.

use engine::{Event, Phase, Request, Settings};
use oftp::{Command, EndReason, Format};

use rig::pair::{Dice, Pair, Split};
use rig::script::{
    NOW, ask, awaiting_turn, eerp, eerp_for, feed, listener, news, quiet, said, sending_of,
    settings, sfid, sfid_of, speaker,
};

use crate::samples::{KINDS, Sample};

/// with and without asking for the turn, with and without requests made early.
#[test]
fn receipts_and_files_cross_whatever_way_the_turn_is_taken() {
    for (want_turn, eager) in [(false, false), (true, false), (true, true)] {
        for split in [Split::All, Split::Fixed(3)] {
            let mut pair = Pair::new(&settings(), &settings()).with_split(&split);
            for side in [&mut pair.initiator, &mut pair.responder] {
                side.monitor.want_turn = want_turn;
                side.monitor.eager = eager;
            }
            for number in 0..3 {
                let file = sfid(&format!("A{number}"), 900);
                pair.initiator
                    .monitor
                    .offer(file, Dice::new(number).octets(900));
                let file = sfid(&format!("B{number}"), 500);
                pair.responder
                    .monitor
                    .offer(file, Dice::new(number).octets(500));
            }
            let sent = Vec::from(pair.initiator.monitor.outbox.clone());
            pair.run();
            pair.assert_clean();
            assert_eq!(sent, pair.responder.monitor.inbox);
            let receipts: Vec<_> = sent.iter().map(|(file, _)| eerp_for(file)).collect();
            assert_eq!(pair.initiator.monitor.receipts, receipts);
            assert_eq!(pair.responder.monitor.receipts.len(), 3);
        }
    }
}

/// many files of every format each way in one session, whichever side asks for the
/// turn.
#[test]
fn many_files_cross_both_ways_in_one_session() {
    for want_turn in [false, true] {
        let ours = Settings {
            buffer: 300,
            credit: 2,
            ..settings()
        };
        let mut pair = Pair::new(&ours, &ours);
        let mut dice = Dice::new(33);
        let samples: Vec<_> = (0..60)
            .map(|number| {
                let size = dice.roll(900);
                let kind = KINDS[number % KINDS.len()];
                Sample::new(kind, &format!("FILE{number}"), size, &mut dice)
            })
            .collect();
        for side in [&mut pair.initiator, &mut pair.responder] {
            side.monitor.want_turn = want_turn;
            for sample in &samples {
                sample.offer(&mut side.monitor);
            }
        }
        pair.run();
        pair.assert_clean();
        for side in [&pair.initiator, &pair.responder] {
            assert_eq!(side.monitor.sent.len(), samples.len());
            assert_eq!(side.monitor.receipts.len(), samples.len());
            for (place, sample) in samples.iter().enumerate() {
                sample.assert_at(&side.monitor, place);
            }
        }
    }
}

/// after EFID nothing of the file goes out, and nothing of another may come.
#[test]
fn between_the_end_of_a_file_and_its_answer_there_is_no_data() {
    let mut session = rig::script::sending(&settings());
    session.send_data(b"abc", true, NOW).unwrap();
    ask(
        &mut session,
        Request::CloseFile {
            records: 0,
            octets: 3,
        },
    );
    assert_eq!(session.phase(), Phase::ClosePending);
    session.send_data(b"d", true, NOW).unwrap_err();
    session.send_records(b"d", &[1], NOW).unwrap_err();
    quiet(&mut session);
    feed(&mut session, &Command::Cdt);
    assert_eq!(said(&mut session), ["ESID(02)"]);
}

/// credit that was not asked for ends the session, also in a file with records.
#[test]
fn credit_before_it_is_used_up_is_a_protocol_violation() {
    for format in [Format::Unstructured, Format::Variable] {
        let length = if format == Format::Variable { 80 } else { 0 };
        let mut session = sending_of(&settings(), sfid_of(format, "FILE", length), 0);
        feed(&mut session, &Command::Cdt);
        assert_eq!(said(&mut session), ["ESID(02)"]);
        let (reason, _) = rig::script::abort_of(&news(&mut session));
        assert_eq!(reason, Some(EndReason::PROTOCOL_VIOLATION));
        let nothing = session.send_data(b"abc", true, NOW);
        assert_eq!(nothing, Ok(0), "S3-S: ignored");
    }
}

/// the speaker has no say in it: CD follows EFPA(Y) at once.
#[test]
fn a_speaker_asked_for_the_turn_gives_it_at_once() {
    let mut session = rig::script::sending(&settings());
    session.send_data(b"", true, NOW).unwrap();
    ask(
        &mut session,
        Request::CloseFile {
            records: 0,
            octets: 0,
        },
    );
    quiet(&mut session);
    feed(
        &mut session,
        &Command::Efpa(oftp::Efpa {
            change_direction: true,
        }),
    );
    assert_eq!(said(&mut session), ["CD"]);
    assert_eq!(
        news(&mut session),
        [Event::CloseFileAccepted { speaker: false }]
    );
    assert_eq!(session.phase(), Phase::IdleListener);
}

/// the turn given unasked is not handed straight back, the turn asked for may be.
#[test]
fn only_a_turn_that_was_asked_for_may_be_handed_back() {
    let mut unasked = listener(&settings());
    feed(&mut unasked, &Command::Cd);
    assert_eq!(news(&mut unasked), [Event::ChangeDirection]);
    unasked.request(Request::ChangeDirection, NOW).unwrap_err();
    let mut asked = awaiting_turn(&settings());
    feed(&mut asked, &Command::Cd);
    assert_eq!(news(&mut asked), [Event::TurnTaken]);
    ask(&mut asked, Request::ChangeDirection);
    assert_eq!(said(&mut asked), ["CD"]);
}

/// a receipt ends the special condition: no normal release any more, but the turn may be
/// given.
#[test]
fn after_a_receipt_the_turn_is_an_ordinary_one() {
    let mut session = listener(&settings());
    feed(&mut session, &Command::Cd);
    ask(&mut session, Request::Eerp(eerp()));
    feed(&mut session, &Command::Rtr);
    let release = Request::Release(EndReason::NORMAL, String::new());
    session.request(release, NOW).unwrap_err();
    ask(&mut session, Request::ChangeDirection);
    assert_eq!(said(&mut session), ["EERP", "CD"]);
}

/// ESID 00 is a release only if we gave the turn away, an abort otherwise.
#[test]
fn a_normal_end_is_a_release_only_after_our_own_change_of_direction() {
    let normal = rig::script::esid(EndReason::NORMAL);
    let mut gave = speaker(&settings());
    ask(&mut gave, Request::ChangeDirection);
    feed(&mut gave, &normal);
    assert_eq!(news(&mut gave), [Event::Released]);
    let mut listens = listener(&settings());
    feed(&mut listens, &normal);
    let (reason, _) = rig::script::abort_of(&news(&mut listens));
    assert_eq!(reason, Some(EndReason::NORMAL));
    assert!(gave.must_disconnect() && listens.must_disconnect());
}

/// one receipt at a time, each with its own RTR.
#[test]
fn a_second_receipt_waits_for_the_first_ones_rtr() {
    let mut session = speaker(&settings());
    ask(&mut session, Request::Eerp(eerp()));
    for request in [Request::Eerp(eerp()), Request::ChangeDirection] {
        session.request(request, NOW).unwrap_err();
    }
    feed(&mut session, &Command::Rtr);
    assert_eq!(news(&mut session), [Event::RtrConfirm]);
    ask(&mut session, Request::Eerp(eerp()));
    assert_eq!(said(&mut session), ["EERP", "EERP"]);
}

/// S3-U, S3-W: only one request is stored.
#[test]
fn a_second_request_before_the_turn_arrives_is_refused() {
    let mut session = awaiting_turn(&settings());
    assert_eq!(session.phase(), Phase::AwaitingTurn);
    ask(&mut session, Request::StartFile(sfid("FILE", 0)));
    assert_eq!(session.phase(), Phase::RequestStored);
    session.request(Request::Eerp(eerp()), NOW).unwrap_err();
    assert!(session.transmit().is_empty());
    feed(&mut session, &Command::Cd);
    assert_eq!(said(&mut session), ["SFID"]);
    assert_eq!(session.phase(), Phase::StartPending);
}
