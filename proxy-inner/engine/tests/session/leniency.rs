//! Breaches of real partners that are tolerated, each under its name.

use engine::{Deviation, Durable, Event, Origin, Request};
use oftp::{Command, Efid, EndReason, FileReason};

use rig::script::{
    NOW, abort_of, ask, closing, databuf, esid, feed, news, quiet, receiving, said, settings,
};

fn deviations(news: &[Event]) -> Vec<Deviation> {
    let of = |event: &Event| match event {
        Event::Deviation(deviation) => Some(*deviation),
        _ => None,
    };
    news.iter().filter_map(of).collect()
}

///
#[test]
fn an_empty_file_without_any_data_is_taken_and_named() {
    let mut session = receiving(&settings());
    feed(
        &mut session,
        &Command::Efid(Efid {
            records: 0,
            octets: 0,
        }),
    );
    let news = news(&mut session);
    assert_eq!(deviations(&news), [Deviation::EmptyFileWithoutData]);
    assert!(matches!(
        news.last(),
        Some(Event::CloseFile { octets: 0, .. })
    ));
    ask(
        &mut session,
        Request::CloseFileResponse(Ok((Durable::synced(0), false))),
    );
    assert_eq!(said(&mut session), ["EFPA(N)"]);
}

///
#[test]
fn a_file_whose_last_buffer_does_not_end_it_is_taken_and_named() {
    let mut session = receiving(&settings());
    feed(&mut session, &Command::Data(&databuf(b"abc", false)));
    feed(
        &mut session,
        &Command::Efid(Efid {
            records: 0,
            octets: 3,
        }),
    );
    assert_eq!(
        deviations(&news(&mut session)),
        [Deviation::EndOfRecordMissing]
    );
    assert_eq!(session.state_name(), "CLIP");
}

/// A buffer with up to four octets of padding passes, counted each time and named once a file; five
/// do not.
#[test]
fn buffers_a_few_octets_too_long_are_taken_and_named_once_a_file() {
    let room = usize::try_from(settings().buffer).unwrap() - 1;
    let full = databuf(&vec![b'x'; oftp::subrecord::capacity(room + 1)], false);
    assert_eq!(full.len(), room);
    for excess in 1..=4_u32 {
        let mut session = receiving(&settings());
        let mut padded = full.clone();
        padded.resize(room + usize::try_from(excess).unwrap(), 0);
        feed(&mut session, &Command::Data(&padded));
        feed(&mut session, &Command::Data(&padded));
        assert_eq!(deviations(&news(&mut session)), [Deviation::OversizedData]);
        assert_eq!(session.stats().tolerated(Deviation::OversizedData), 2);
        assert_eq!(
            session.received_len(),
            2 * oftp::subrecord::capacity(room + 1)
        );
    }
    let mut session = receiving(&settings());
    let mut padded = full;
    padded.resize(room + 5, 0);
    feed(&mut session, &Command::Data(&padded));
    assert_eq!(
        abort_of(&news(&mut session)),
        (Some(EndReason::BUFFER_SIZE), Origin::Local)
    );
}

/// A caller that does not wait for EFPA: the file is settled, no answer goes out, then the end is
/// reported.
#[test]
fn an_end_right_after_the_file_waits_until_the_file_is_settled() {
    for kept in [true, false] {
        let mut session = closing(&settings());
        feed(&mut session, &esid(EndReason::NORMAL));
        assert_eq!(
            deviations(&news(&mut session)),
            [Deviation::EndedBeforeAnswer]
        );
        for ignored in [Command::Cd, esid(EndReason::UNSPECIFIED)] {
            feed(&mut session, &ignored);
        }
        assert!(news(&mut session).is_empty(), "nothing follows an ESID");
        assert_eq!(session.state_name(), "CLIP");
        let answer = if kept {
            Ok((Durable::synced(3), true))
        } else {
            let reason = FileReason::ACCESS_METHOD_FAILURE;
            Err(engine::EndFileRefusal {
                reason,
                text: String::new(),
            })
        };
        ask(&mut session, Request::CloseFileResponse(answer));
        assert!(said(&mut session).is_empty());
        let end = abort_of(&news(&mut session));
        assert_eq!(end, (Some(EndReason::NORMAL), Origin::Distant));
        assert!(session.must_disconnect());
        assert_eq!(session.stats().files_received, u64::from(kept));
    }
}

/// whatever happens while such a file is being settled, a partner that has ended the session
/// hears nothing more, no other ESID above all.
#[test]
fn an_end_right_after_the_file_is_answered_by_nothing() {
    let left = || {
        let mut session = closing(&settings());
        feed(&mut session, &esid(EndReason::NORMAL));
        let _ = news(&mut session);
        session
    };
    for damaged in [
        &[0x10, 0, 0, 5, b'?'][..],
        &[0x10, 0, 0, 1],
        b"GET / HTTP/1.1",
    ] {
        let mut session = left();
        assert_eq!(session.receive(damaged, NOW), damaged.len());
        assert!(said(&mut session).is_empty() && news(&mut session).is_empty());
        assert_eq!(session.state_name(), "CLIP", "the file is settled first");
    }
    let mut session = left();
    let release = Request::Release(EndReason::EMERGENCY_CLOSE, String::new());
    ask(&mut session, release);
    assert!(said(&mut session).is_empty() && session.must_disconnect());

    let mut session = left();
    session.handle_timeout(NOW + settings().timers.answer);
    assert!(said(&mut session).is_empty() && session.must_disconnect());
    let end = abort_of(&news(&mut session));
    assert_eq!(end, (Some(EndReason::NORMAL), Origin::Distant));

    let mut session = left();
    session.disconnected(NOW);
    let end = abort_of(&news(&mut session));
    assert_eq!(end, (Some(EndReason::NORMAL), Origin::Distant));
}

/// With a reason, ESID after EFID is an abort like any other (S5-D).
#[test]
fn an_end_with_a_reason_after_the_file_is_an_abort() {
    let mut session = closing(&settings());
    feed(&mut session, &esid(EndReason::EMERGENCY_CLOSE));
    let news = news(&mut session);
    assert!(deviations(&news).is_empty());
    assert_eq!(
        abort_of(&news),
        (Some(EndReason::EMERGENCY_CLOSE), Origin::Distant)
    );
}

/// not tolerated: a count that differs is refused by the engine itself and what came is
/// forgotten.
#[test]
fn a_wrong_octet_count_is_refused_with_reason_11_without_asking() {
    let mut session = receiving(&settings());
    feed(&mut session, &Command::Data(&databuf(b"abc", true)));
    feed(
        &mut session,
        &Command::Efid(Efid {
            records: 0,
            octets: 4,
        }),
    );
    assert_eq!(said(&mut session), ["EFNA"]);
    let dropped = news(&mut session).into_iter().any(|event| {
        matches!(
            event,
            Event::FileDropped {
                reason: FileReason::INVALID_BYTE_COUNT,
                ..
            }
        )
    });
    assert!(dropped && session.received_len() == 0);
    assert_eq!(session.state_name(), "IDLELI");
}

/// octets after the end of the file.
#[test]
fn data_after_the_end_is_refused_with_reason_11_at_the_end_of_the_file() {
    let mut session = receiving(&settings());
    feed(&mut session, &Command::Data(&databuf(b"abc", true)));
    feed(&mut session, &Command::Data(&databuf(b"more", true)));
    feed(&mut session, &Command::Data(&databuf(b"and more", true)));
    quiet(&mut session);
    feed(
        &mut session,
        &Command::Efid(Efid {
            records: 0,
            octets: 3,
        }),
    );
    assert_eq!(said(&mut session), ["EFNA"]);
    assert_eq!(session.state_name(), "IDLELI");
}

/// buffers and subrecords without octets are fine anywhere and cost a credit like all
/// others.
#[test]
fn empty_buffers_are_taken_and_cost_credit() {
    let mut ours = settings();
    ours.credit = 2;
    let mut session = receiving(&ours);
    feed(&mut session, &Command::Data(&[]));
    assert!(said(&mut session).is_empty());
    feed(
        &mut session,
        &Command::Data(&[0, 0, 3, b'a', b'b', b'c', 0, 0x80, 0]),
    );
    assert_eq!(said(&mut session), ["CDT"]);
    feed(
        &mut session,
        &Command::Efid(Efid {
            records: 0,
            octets: 3,
        }),
    );
    assert!(deviations(&news(&mut session)).is_empty());
    assert_eq!(session.receive(&[], NOW), 0);
}

/// What the codec tolerates is named once a session and counted every time.
#[test]
fn lenient_encodings_are_named_once_and_counted_every_time() {
    let mut session = rig::script::listener(&settings());
    for _ in 0..3 {
        let mut octets = rig::script::frame(&Command::Eerp(rig::script::eerp()));
        octets[4 + 48] = b'x';
        assert_eq!(session.receive(&octets, NOW), octets.len());
        ask(&mut session, Request::RtrResponse);
    }
    let lower_case = Deviation::OutsideCharacterSet;
    assert_eq!(deviations(&news(&mut session)), [lower_case]);
    assert_eq!(session.stats().tolerated(lower_case), 3);
    assert_eq!(session.stats().deviations, 3);
}
