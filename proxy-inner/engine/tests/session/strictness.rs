//! Every named leniency, tolerated and refused: what a session does is a setting.

use engine::{Deviation, Deviations, Event, Origin, Request, Session, Settings};
use oftp::{Command, Eerp, Efid, EndReason, Mode, Ssid, Ssrm};

use rig::script::{
    NOW, OURS, abort_of, ask, closing, databuf, eerp, esid, feed, frame, identity, listener, news,
    quiet, receiving, said, settings, sfid, ssid,
};

/// Those that the engine cannot see: it does not know which file a receipt is for.
const OF_THE_DRIVER: [Deviation; 1] = [Deviation::ReceiptAddressesSwapped];

/// A session in which the partner has just done this, or nothing if it takes the engine to do more.
fn provoked(deviation: Deviation, ours: &Settings) -> Session {
    let narrow = |mode, buffer, level| Settings {
        mode,
        buffer,
        level,
        lowest_level: level,
        ..ours.clone()
    };
    let everything = settings();
    match deviation {
        Deviation::LineFeedForCarriageReturn => asked(ours, |octets| octets[4 + 60] = b'\n'),
        Deviation::CarriageReturnMissing => asked(ours, |octets| {
            octets.pop();
            octets[3] -= 1;
        }),
        Deviation::UndefinedLevel => asked(ours, |octets| octets[4 + 1] = b'7'),
        Deviation::SpecialLogicOffered => asked(ours, |octets| octets[4 + 43] = b'Y'),
        Deviation::TrailingOctets => {
            let mut session = listener(ours);
            session.receive(&[0x10, 0, 0, 6, b'R', b' '], NOW);
            session
        }
        Deviation::TextNotUtf8 => offered(ours, |octets| {
            let end = octets.len() - 1;
            octets[end] = 0xFF;
        }),
        Deviation::EmbeddedSpace => offered(ours, |octets| octets[4 + 2] = b' '),
        Deviation::ZeroPadding => offered(ours, |octets| octets[4 + 48..4 + 56].fill(0)),
        Deviation::CounterZero => offered(ours, |octets| {
            octets[4 + 44..4 + 48].copy_from_slice(b"0000");
        }),
        Deviation::ImpossibleDate => offered(ours, |octets| {
            octets[4 + 30..4 + 38].copy_from_slice(b"20241399");
        }),
        Deviation::StreamWithRecordLength => offered(ours, |octets| {
            octets[4 + 107..4 + 112].copy_from_slice(b"00080");
        }),
        Deviation::OutsideCharacterSet => {
            let mut session = listener(ours);
            let mut octets = frame(&Command::Eerp(eerp()));
            octets[4 + 48] = b'x';
            session.receive(&octets, NOW);
            session
        }
        Deviation::HashWithoutSignature => {
            let mut session = listener(ours);
            let receipt = Eerp {
                hash: vec![1; 20],
                ..eerp()
            };
            feed(&mut session, &Command::Eerp(receipt));
            session
        }
        Deviation::HigherLevelAnswered => {
            let ours = narrow(Mode::Both, 4096, oftp::Level::L4);
            answered(&ours, ssid(&everything))
        }
        Deviation::LargerBufferAnswered => {
            let ours = narrow(Mode::Both, 1024, ours.level);
            answered(&ours, ssid(&everything))
        }
        Deviation::WiderModeAnswered => {
            let ours = narrow(Mode::Send, 4096, ours.level);
            answered(&ours, ssid(&everything))
        }
        Deviation::OversizedData => {
            let mut session = receiving(ours);
            let mut content = databuf(&[7; 4000], false);
            content.resize(usize::try_from(ours.buffer).unwrap(), 0);
            feed(&mut session, &Command::Data(&content));
            session
        }
        Deviation::EmptyFileWithoutData => finished(ours, &[], 0, 0),
        Deviation::EndOfRecordMissing => finished(ours, &databuf(b"abc", false), 0, 3),
        Deviation::StreamWithRecordCount => finished(ours, &databuf(b"abc", true), 1, 3),
        Deviation::EndedBeforeAnswer => {
            let mut session = closing(ours);
            feed(&mut session, &esid(EndReason::NORMAL));
            session
        }
        other => panic!("nothing brings {other:?} about; add it here"),
    }
}

/// A responder that is given a changed SSID and accepts its caller.
fn asked(ours: &Settings, change: impl FnOnce(&mut Vec<u8>)) -> Session {
    let mut session = Session::responder_after_ssrm(ours.clone(), NOW);
    let mut octets = frame(&Command::Ssid(ssid(&settings())));
    change(&mut octets);
    session.receive(&octets, NOW);
    if session.state_name() == "A_WF_CONRS" {
        ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
    }
    session
}

/// An initiator that is given this answer.
fn answered(ours: &Settings, theirs: Ssid) -> Session {
    let mut session = Session::initiator(ours.clone(), identity(OURS), NOW);
    feed(&mut session, &Command::Ssrm(Ssrm));
    let _ = said(&mut session);
    feed(&mut session, &Command::Ssid(theirs));
    session
}

/// A listener that is given a changed offer.
fn offered(ours: &Settings, change: impl FnOnce(&mut [u8])) -> Session {
    let mut session = listener(ours);
    let mut offer = sfid("FILE", 0);
    offer.description = "words".into();
    let mut octets = frame(&Command::Sfid(offer));
    change(&mut octets);
    session.receive(&octets, NOW);
    session
}

/// A listener whose file came so and ended.
fn finished(ours: &Settings, content: &[u8], records: u64, octets: u64) -> Session {
    let mut session = receiving(ours);
    if !content.is_empty() {
        feed(&mut session, &Command::Data(content));
    }
    quiet(&mut session);
    feed(&mut session, &Command::Efid(Efid { records, octets }));
    session
}

fn with_refused(refused: Deviations) -> Settings {
    Settings {
        refused,
        ..settings()
    }
}

fn reported(news: &[Event]) -> Vec<Deviation> {
    let of = |event: &Event| match event {
        Event::Deviation(deviation) => Some(*deviation),
        _ => None,
    };
    news.iter().filter_map(of).collect()
}

fn of_the_engine() -> impl Iterator<Item = Deviation> {
    let engines = |deviation: &Deviation| !OF_THE_DRIVER.contains(deviation);
    Deviation::ALL.into_iter().filter(engines)
}

/// A-02, A-03, A-05, A-27, A-30 to A-34, A-47, A-53, A-54: what is tolerated is reported, counted
/// under its own name, and the session goes on.
#[test]
fn what_is_tolerated_is_named_and_counted() {
    for deviation in of_the_engine() {
        let mut session = provoked(deviation, &with_refused(Deviations::none()));
        let news = news(&mut session);
        assert_eq!(reported(&news), [deviation]);
        assert_eq!(session.stats().tolerated(deviation), 1);
        assert_eq!(session.stats().deviations, 1);
        let ended = |event: &Event| matches!(event, Event::Aborted { .. });
        assert!(!news.iter().any(ended), "{deviation:?}: {news:?}");
        assert!(!session.must_disconnect() && session.state_name() != "WF_NDISC");
    }
}

/// The same, refused: the session ends with the reason of the kind, or the file does, and nothing
/// is counted as tolerated.
#[test]
fn what_is_refused_ends_as_its_kind_says() {
    for deviation in of_the_engine() {
        let mut session = provoked(deviation, &with_refused([deviation].into_iter().collect()));
        let news = news(&mut session);
        let said = said(&mut session);
        assert_eq!(reported(&news), []);
        assert_eq!(session.stats().deviations, 0, "{deviation:?}");
        if deviation == Deviation::EndedBeforeAnswer {
            // S5-D: an ESID is not answered.
            assert_eq!(abort_of(&news), (Some(EndReason::NORMAL), Origin::Distant));
            assert!(session.must_disconnect() && said.is_empty());
            continue;
        }
        match deviation.end_reason() {
            Some(reason) => {
                assert_eq!(said, [format!("ESID({:02})", reason.0)], "{deviation:?}");
                assert_eq!(abort_of(&news), (Some(reason), Origin::Local));
                assert_eq!(session.state_name(), "WF_NDISC");
            }
            None => {
                assert_eq!(said, ["EFNA"], "{deviation:?}");
                let dropped = |event: &Event| matches!(event, Event::FileDropped { .. });
                assert!(news.iter().any(dropped));
                assert_eq!(session.state_name(), "IDLELI");
            }
        }
    }
}

/// A-33, A-34: what only an option tolerates is refused unless the option is set.
#[test]
fn what_only_an_option_tolerates_is_refused_by_default() {
    for deviation in of_the_engine() {
        let mut session = provoked(deviation, &settings());
        let refused = Deviations::refused_by_default().contains(deviation);
        assert_eq!(
            reported(&news(&mut session)).is_empty(),
            refused,
            "{deviation:?}"
        );
    }
}

/// A-60: an ESID is never answered with an ESID, however it is written.
#[test]
fn an_esid_ends_the_session_however_strict_we_are() {
    let mut session = listener(&with_refused(Deviations::all()));
    let mut octets = frame(&esid(EndReason::NO_RESOURCES));
    let end = octets.len() - 1;
    octets[end] = b'\n';
    session.receive(&octets, NOW);
    assert!(said(&mut session).is_empty());
    assert_eq!(
        abort_of(&news(&mut session)),
        (Some(EndReason::NO_RESOURCES), Origin::Distant)
    );
    assert!(session.must_disconnect());
}

/// A-60: neither is one that cannot be read.
#[test]
fn an_esid_that_cannot_be_read_ends_the_session_without_an_answer() {
    for end in [
        &b"F"[..],
        b"Fxx000\r",
        b"F02999short\r",
        b"F02000?",
        b"F020",
    ] {
        let mut session = listener(&settings());
        let octets = [&oftp::header(end.len())[..], end].concat();
        session.receive(&octets, NOW);
        assert!(said(&mut session).is_empty(), "{}", end.escape_ascii());
        assert_eq!(abort_of(&news(&mut session)), (None, Origin::Distant));
        assert!(session.must_disconnect());
    }
}

/// What belongs to a file is reported for each file, what belongs to the session once.
#[test]
fn a_breach_of_files_is_reported_once_a_file() {
    let mut session = listener(&settings());
    for _ in 0..2 {
        feed(&mut session, &Command::Sfid(sfid("FILE", 0)));
        let start = Request::StartFileResponse(Ok(engine::Position::START));
        ask(&mut session, start);
        let (records, octets) = (0, 0);
        feed(&mut session, &Command::Efid(Efid { records, octets }));
        let told = news(&mut session);
        assert_eq!(reported(&told), [Deviation::EmptyFileWithoutData]);
        let kept = Request::CloseFileResponse(Ok((engine::Durable::synced(0), false)));
        ask(&mut session, kept);
    }
    let count = session.stats().tolerated(Deviation::EmptyFileWithoutData);
    assert_eq!(count, 2);
    let all: u64 = session.stats().by_kind().map(|(_, count)| count).sum();
    assert_eq!(all, session.stats().deviations);
}
