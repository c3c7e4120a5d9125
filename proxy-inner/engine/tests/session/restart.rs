//! Restart (RFC 5024 sections 1.5.4 and 4.3.3): positions of every format, in both roles, up to the
//! last digit.

use engine::{
    Durable, Event, FileRefusal, Origin, Position, Received, Request, RequestError, Session,
    Settings,
};
use oftp::{Command, Efid, EndReason, FileReason, Format, Level, Security, Sfid, Sfpa};

use rig::pair::{Dice, Pair};
use rig::script::{
    NOW, abort_of, ask, databuf, feed, listener, news, receiving_of, said, sending_of, settings,
    sfid, sfid_of, speaker,
};

use crate::samples::{KINDS, Kind, LEVELS, Sample};

fn resuming() -> Settings {
    Settings {
        buffer: 128,
        restart: true,
        compression: false,
        ..settings()
    }
}

fn from(position: u64, file: Sfid) -> Sfid {
    Sfid {
        restart: position,
        ..file
    }
}

/// One file of each way to travel: F has records of 50 octets, V of up to 80.
fn offers() -> [Sfid; 5] {
    [
        sfid("U", 0),
        sfid_of(Format::Text, "T", 0),
        sfid_of(Format::Fixed, "F", 50),
        sfid_of(Format::Variable, "V", 80),
        Sfid {
            envelope: true,
            security: Security::EncryptedAndSigned,
            cipher: 1,
            ..sfid_of(Format::Fixed, "S", 50)
        },
    ]
}

fn position_of(file: &Sfid, answer: u64) -> Position {
    match file.format {
        _ if file.envelope => Position::blocks(answer),
        Format::Fixed => Position {
            answer,
            octets: answer * 50,
        },
        Format::Variable => Position {
            answer,
            octets: answer * 31,
        },
        Format::Unstructured | Format::Text => Position::blocks(answer),
    }
}

fn close(session: &mut Session, records: u64, octets: u64) -> Result<(), RequestError> {
    session.request(Request::CloseFile { records, octets }, NOW)
}

/// without agreement there is neither offer nor answer but 0.
#[test]
fn positions_need_an_agreed_restart() {
    let without = Settings {
        restart: false,
        ..resuming()
    };
    for file in offers() {
        let mut session = speaker(&without);
        let refused = session.request(Request::StartFile(from(1, file.clone())), NOW);
        let expected = RequestError::RestartNotAgreed { position: 1 };
        assert_eq!(refused, Err(expected));
        assert!(session.transmit().is_empty());
        let mut session = listener(&without);
        feed(&mut session, &Command::Sfid(from(1, file.clone())));
        assert_eq!(said(&mut session), ["ESID(02)"]);
        let mut session = listener(&without);
        feed(&mut session, &Command::Sfid(file.clone()));
        let answer = position_of(&file, 1);
        let refused = session.request(Request::StartFileResponse(Ok(answer)), NOW);
        let expected = RequestError::AnswerBeyondOffer {
            answer: 1,
            offered: 0,
        };
        assert_eq!(refused, Err(expected));
    }
}

/// at most the offered position, in both roles.
#[test]
fn no_answer_is_beyond_the_offer() {
    for file in offers() {
        for (answer, fits) in [(0, true), (6, true), (7, true), (8, false)] {
            let mut session = speaker(&resuming());
            ask(&mut session, Request::StartFile(from(7, file.clone())));
            feed(&mut session, &Command::Sfpa(Sfpa { answer }));
            if fits {
                let accepted = Event::StartFileAccepted { answer };
                assert_eq!(news(&mut session), [accepted]);
                assert_eq!(session.state_name(), "OPO");
            } else {
                let end = abort_of(&news(&mut session));
                let violation = EndReason::PROTOCOL_VIOLATION;
                assert_eq!(end, (Some(violation), Origin::Local));
                assert_eq!(said(&mut session), ["SFID", "ESID(02)"]);
            }
            let mut session = listener(&resuming());
            feed(&mut session, &Command::Sfid(from(7, file.clone())));
            let position = position_of(&file, answer);
            let answered = session.request(Request::StartFileResponse(Ok(position)), NOW);
            assert_eq!(answered.is_ok(), fits);
            assert_eq!(said(&mut session).is_empty(), !fits);
        }
    }
}

/// an answer whose octets cannot lie before it is the driver's mistake.
#[test]
fn positions_whose_octets_do_not_fit_the_format_are_refused() {
    let wrong = |file: &Sfid, octets| {
        let mut session = listener(&resuming());
        feed(&mut session, &Command::Sfid(from(4, file.clone())));
        let position = Position { answer: 4, octets };
        let refused = session.request(Request::StartFileResponse(Ok(position)), NOW);
        let expected = RequestError::Position { answer: 4, octets };
        assert_eq!(refused, Err(expected), "{octets} octets of {}", file.format);
        assert!(session.transmit().is_empty());
        // The offer stands.
        let refusal = FileRefusal {
            reason: FileReason::ACCESS_METHOD_FAILURE,
            retry: true,
            text: String::new(),
        };
        ask(&mut session, Request::StartFileResponse(Err(refusal)));
    };
    let [u, t, f, v, secured] = offers();
    for stream in [u, t, secured] {
        wrong(&stream, 4_095);
        wrong(&stream, 200);
    }
    wrong(&f, 199);
    wrong(&f, 4_096);
    wrong(&v, 321);
}

/// what goes out after a restart, and the totals of EFID.
#[test]
fn a_resumed_file_is_closed_with_the_totals_of_the_whole() {
    for file in [&offers()[0], &offers()[1], &offers()[4]] {
        let mut session = sending_of(&resuming(), from(5, file.clone()), 3);
        assert_eq!(session.send_data(&[1; 100], true, NOW), Ok(100));
        close(&mut session, 0, 100).unwrap_err();
        close(&mut session, 0, 5 * 1024 + 100).unwrap_err();
        close(&mut session, 0, 3 * 1024 + 100).unwrap();
    }
    let fixed = from(5, offers()[2].clone());
    let mut session = sending_of(&resuming(), fixed, 3);
    session.send_records(&[1; 100], &[50, 100], NOW).unwrap();
    close(&mut session, 2, 100).unwrap_err();
    close(&mut session, 5, 100).unwrap_err();
    close(&mut session, 5, 250).unwrap();
    // Nobody told the engine how long the first three records of V were: 0 to 80 octets each.
    for (octets, possible) in [(99, false), (100, true), (340, true), (341, false)] {
        let variable = from(5, offers()[3].clone());
        let mut session = sending_of(&resuming(), variable, 3);
        session.send_records(&[1; 100], &[20, 100], NOW).unwrap();
        close(&mut session, 2, octets).unwrap_err();
        assert_eq!(close(&mut session, 5, octets).is_ok(), possible);
    }
}

/// the receiver counts from the start of the file.
#[test]
fn a_resumed_file_is_judged_by_the_totals_of_the_whole() {
    for file in offers() {
        let stream = file.envelope || !file.format.has_records();
        let start = position_of(&file, 3);
        let records = if stream { 0 } else { 4 };
        let octets = start.octets + 50;
        let mut wrong = vec![
            (records, 50, FileReason::INVALID_BYTE_COUNT),
            (records, octets + 1, FileReason::INVALID_BYTE_COUNT),
        ];
        if !stream {
            wrong.push((1, octets, FileReason::INVALID_RECORD_COUNT));
            wrong.push((3, octets, FileReason::INVALID_RECORD_COUNT));
        }
        let receive = |records, octets| {
            let mut session = receiving_of(&resuming(), from(3, file.clone()), start);
            feed(&mut session, &Command::Data(&databuf(&[7; 50], true)));
            session.take_received(&mut Received::default(), NOW);
            feed(&mut session, &Command::Efid(Efid { records, octets }));
            session
        };
        for (records, octets, expected) in wrong {
            let told = news(&mut receive(records, octets));
            let dropped = told.iter().any(
                |event| matches!(event, Event::FileDropped { reason, .. } if *reason == expected),
            );
            assert!(dropped, "{} with {records} and {octets}", file.format);
        }
        let mut session = receive(records, octets);
        let closed = Event::CloseFile { records, octets };
        assert_eq!(news(&mut session).last(), Some(&closed));
        let short = Request::CloseFileResponse(Ok((Durable::synced(50), false)));
        session.request(short, NOW).unwrap_err();
        let whole = Request::CloseFileResponse(Ok((Durable::synced(octets), false)));
        ask(&mut session, whole);
        assert_eq!(said(&mut session), ["EFPA(N)"]);
    }
}

/// Nothing is left to send after a position at the very end of the file.
#[test]
fn a_file_that_is_there_already_is_closed_at_once() {
    let mut stream = sending_of(&resuming(), from(2, sfid("U", 2_048)), 2);
    assert_eq!(stream.send_data(&[], true, NOW), Ok(0));
    close(&mut stream, 0, 2_048).unwrap();
    assert_eq!(said(&mut stream), ["DATA", "EFID"]);
    let fixed = from(2, offers()[2].clone());
    let mut records = sending_of(&resuming(), fixed.clone(), 2);
    assert!(records.can_close_file());
    close(&mut records, 2, 100).unwrap();
    assert_eq!(said(&mut records), ["EFID"]);
    let start = position_of(&fixed, 2);
    let mut session = receiving_of(&resuming(), fixed, start);
    let efid = Efid {
        records: 2,
        octets: 100,
    };
    feed(&mut session, &Command::Efid(efid));
    assert_eq!(session.state_name(), "CLIP");
}

/// Files far beyond 4 GiB, by their positions: no count is cut to 32 bits.
#[test]
fn files_beyond_4_gib_keep_their_counts() {
    let giant = 5 * 1024 * 1024;
    let octets = giant * 1024 + 10;
    let file = from(giant, sfid("U", octets));
    let mut sender = sending_of(&resuming(), file.clone(), giant);
    sender.send_data(&[3; 10], true, NOW).unwrap();
    close(&mut sender, 0, octets).unwrap();
    let mut receiver = receiving_of(&resuming(), file, Position::blocks(giant));
    feed(&mut receiver, &Command::Data(&databuf(&[3; 10], true)));
    receiver.take_received(&mut Received::default(), NOW);
    let efid = Efid { records: 0, octets };
    feed(&mut receiver, &Command::Efid(efid));
    let durable = Durable::synced(octets);
    ask(
        &mut receiver,
        Request::CloseFileResponse(Ok((durable, false))),
    );
}

/// The last octet and the last record that level 5 can count.
#[test]
fn positions_up_to_the_last_digit_are_counted_exactly() {
    let most: u64 = 99_999_999_999_999_999;
    let blocks = most / 1024;
    let left = usize::try_from(most - blocks * 1024).unwrap();
    let file = from(blocks, sfid("U", 0));
    let mut sender = sending_of(&resuming(), file.clone(), blocks);
    sender.send_data(&vec![1; left + 1], true, NOW).unwrap_err();
    let mut sent = 0;
    while sent < left {
        sent += sender.send_data(&vec![1; left - sent], true, NOW).unwrap();
        if said(&mut sender).is_empty() || sender.state_name() == "OPOWFC" {
            feed(&mut sender, &Command::Cdt);
        }
    }
    close(&mut sender, 0, most).unwrap();

    let mut receiver = receiving_of(&resuming(), file, Position::blocks(blocks));
    for _ in 0..left / 63 {
        feed(&mut receiver, &Command::Data(&databuf(&[1; 63], false)));
    }
    feed(
        &mut receiver,
        &Command::Data(&databuf(&vec![1; left % 63], true)),
    );
    let efid = Efid {
        records: 0,
        octets: most,
    };
    feed(&mut receiver, &Command::Efid(efid));
    assert_eq!(receiver.state_name(), "CLIP");

    let variable = from(most - 1, sfid_of(Format::Variable, "V", 0));
    let mut sender = sending_of(&resuming(), variable.clone(), most - 1);
    sender.send_records(b"", &[0], NOW).unwrap();
    sender.send_records(b"", &[0], NOW).unwrap_err();
    close(&mut sender, most, 0).unwrap();
    let start = Position {
        answer: most - 1,
        octets: 0,
    };
    let mut receiver = receiving_of(&resuming(), variable, start);
    feed(&mut receiver, &Command::Data(&[0x80]));
    let efid = Efid {
        records: most,
        octets: 0,
    };
    feed(&mut receiver, &Command::Efid(efid));
    assert_eq!(receiver.state_name(), "CLIP");
}

/// A position whose octets EFID could not say: 17 digits of blocks do not even fit 64 bits.
#[test]
fn positions_that_no_count_can_reach_are_neither_offered_nor_answered() {
    let most: u64 = 99_999_999_999_999_999;
    for answer in [most / 1024 + 1, most] {
        let mut session = speaker(&resuming());
        let offer = Request::StartFile(from(answer, sfid("U", 0)));
        let refused = session.request(offer, NOW);
        assert!(matches!(refused, Err(RequestError::Position { .. })));
        assert!(session.transmit().is_empty());
        let mut session = listener(&resuming());
        feed(&mut session, &Command::Sfid(from(answer, sfid("U", 0))));
        let position = Request::StartFileResponse(Ok(Position::blocks(answer)));
        let refused = session.request(position, NOW);
        assert!(matches!(refused, Err(RequestError::Position { .. })));
        assert!(session.transmit().is_empty());
    }
}

/// whatever was lost behind the position offered or held, the lower one
/// counts.
#[test]
fn the_lower_position_is_used_whichever_side_holds_less() {
    for level in LEVELS {
        for kind in KINDS {
            for (lost, held_back) in [(0, 0), (1, 0), (0, 1), (2, 1), (u64::MAX, 0), (0, u64::MAX)]
            {
                if kind.exists_at(level) {
                    resume_after_a_cut(level, kind, lost, held_back);
                }
            }
        }
    }
}

fn resume_after_a_cut(level: Level, kind: Kind, lost: u64, held_back: u64) {
    let ours = Settings {
        level,
        lowest_level: Level::L1,
        credit: 4,
        ..resuming()
    };
    let sample = Sample::new(kind, "FILE", 6_000, &mut Dice::new(11));
    let mut pair = Pair::new(&ours, &ours);
    sample.offer(&mut pair.initiator.monitor);
    pair.initiator.cut_after = Some(4_500);
    pair.run();
    assert!(pair.responder.monitor.inbox.is_empty());
    pair.responder.monitor.lost = lost;
    pair.initiator.monitor.held_back = held_back;
    let mut pair = pair.again(&ours, &ours);
    pair.run();
    pair.assert_clean();
    assert_eq!(pair.responder.monitor.inbox.len(), 1);
    sample.assert_at(&pair.responder.monitor, 0);
    let resumed = !pair.responder.monitor.resumed.is_empty();
    assert_eq!(resumed, lost < 3 && held_back < 2, "{kind:?} at {level}");
    if resumed {
        let again = pair.initiator.session.stats().octets_sent;
        assert!(again < sample.octets.len() as u64, "not all of it again");
    }
}

/// without restart a cut file comes again from its start.
#[test]
fn a_cut_file_comes_again_from_its_start_where_restart_was_not_agreed() {
    for kind in KINDS {
        let with = resuming();
        let without = Settings {
            restart: false,
            ..resuming()
        };
        let sample = Sample::new(kind, "FILE", 6_000, &mut Dice::new(12));
        let mut pair = Pair::new(&with, &without);
        sample.offer(&mut pair.initiator.monitor);
        pair.initiator.cut_after = Some(4_500);
        pair.run();
        let mut pair = pair.again(&with, &without);
        pair.run();
        pair.assert_clean();
        sample.assert_at(&pair.responder.monitor, 0);
        assert!(pair.responder.monitor.resumed.is_empty());
    }
}
