//! The service primitives of RFC 5024 section 3: who is told what, on which side.

use engine::{Durable, Event, Origin, Received, Request, Session, Settings};
use oftp::{Command, Eerp, Efpa, EndReason, Mode, Nerp};

use rig::script::{
    NOW, abort_of, ask, authenticating, awaiting_turn, closing, eerp, esid, feed, listener, nerp,
    news, receiving, said, sending, settings, sfid, speaker,
};

/// Gives what one side said to the other.
fn carry(from: &mut Session, to: &mut Session) {
    let octets = from.transmit().to_vec();
    from.transmitted(octets.len(), NOW);
    assert_eq!(to.receive(&octets, NOW), octets.len());
}

/// An initiator and a responder that are open.
fn open() -> (Session, Session) {
    (speaker(&settings()), listener(&settings()))
}

/// the initiator is first speaker, whatever the modes are.
#[test]
fn the_initiator_speaks_first() {
    for mode in [Mode::Send, Mode::Receive, Mode::Both] {
        let ours = Settings { mode, ..settings() };
        let mut first = speaker(&ours);
        ask(&mut first, Request::ChangeDirection);
        let mut second = listener(&ours);
        second.request(Request::ChangeDirection, NOW).unwrap_err();
    }
}

/// offer, answer, end and acknowledgement of a file, each confirmed to the side
/// that asked; who wants the turn gets it and the other side is told that it lost it.
#[test]
fn a_file_is_offered_sent_and_closed_with_a_confirmation_each() {
    for wants_turn in [false, true] {
        let (mut ours, mut theirs) = open();
        let offer = sfid("FILE", 3);
        ask(&mut ours, Request::StartFile(offer.clone()));
        carry(&mut ours, &mut theirs);
        assert_eq!(news(&mut theirs), [Event::StartFile(offer)]);
        ask(
            &mut theirs,
            Request::StartFileResponse(Ok(engine::Position::START)),
        );
        carry(&mut theirs, &mut ours);
        assert_eq!(news(&mut ours), [Event::StartFileAccepted { answer: 0 }]);
        ours.send_data(b"abc", true, NOW).unwrap();
        let (records, octets) = (0, 3);
        ask(&mut ours, Request::CloseFile { records, octets });
        carry(&mut ours, &mut theirs);
        let mut batch = Received::default();
        theirs.take_received(&mut batch, NOW);
        assert_eq!(batch.octets, b"abc");
        assert_eq!(
            news(&mut theirs),
            [Event::DataReceived, Event::CloseFile { records, octets }]
        );
        let kept = Ok((Durable::synced(3), wants_turn));
        ask(&mut theirs, Request::CloseFileResponse(kept));
        carry(&mut theirs, &mut ours);
        let speaker = !wants_turn;
        assert_eq!(news(&mut ours), [Event::CloseFileAccepted { speaker }]);
        carry(&mut ours, &mut theirs);
        let states = (ours.state_name(), theirs.state_name());
        if wants_turn {
            assert_eq!(states, ("IDLELI", "IDLESP"));
            assert_eq!(news(&mut theirs), [Event::TurnTaken]);
        } else {
            assert_eq!(states, ("IDLESP", "IDLELI"));
            assert!(news(&mut theirs).is_empty());
        }
    }
}

/// one confirmation for both kinds of receipt, against exactly one RTR.
#[test]
fn receipts_of_both_kinds_are_confirmed_alike() {
    let receipts = [
        (Request::Eerp(eerp()), Event::Eerp(Eerp { ..eerp() })),
        (Request::Nerp(nerp()), Event::Nerp(Nerp { ..nerp() })),
    ];
    for (request, indication) in receipts {
        let (mut ours, mut theirs) = open();
        ask(&mut ours, request);
        carry(&mut ours, &mut theirs);
        assert_eq!(news(&mut theirs), [indication]);
        assert!(news(&mut ours).is_empty(), "not before RTR");
        ask(&mut theirs, Request::RtrResponse);
        theirs.request(Request::RtrResponse, NOW).unwrap_err();
        carry(&mut theirs, &mut ours);
        assert_eq!(news(&mut ours), [Event::RtrConfirm]);
        assert_eq!(ours.state_name(), "IDLESP");
    }
}

/// an abort says why and whose it is, on both sides; one without ESID has no reason.
#[test]
fn an_abort_names_its_reason_and_its_origin() {
    // A protocol error found by one side: local there, distant at the other.
    let (mut ours, mut theirs) = open();
    feed(&mut theirs, &Command::Rtr);
    let reason = Some(EndReason::PROTOCOL_VIOLATION);
    assert_eq!(abort_of(&news(&mut theirs)), (reason, Origin::Local));
    carry(&mut theirs, &mut ours);
    assert_eq!(abort_of(&news(&mut ours)), (reason, Origin::Distant));
    // A release with a reason: the side that asked knows.
    let (mut ours, mut theirs) = open();
    let release = Request::Release(EndReason::NO_RESOURCES, "disk full".into());
    ask(&mut ours, release);
    assert!(news(&mut ours).is_empty());
    carry(&mut ours, &mut theirs);
    let told = news(&mut theirs);
    let reason = Some(EndReason::NO_RESOURCES);
    assert_eq!(abort_of(&told), (reason, Origin::Distant));
    assert!(matches!(&told[0], Event::Aborted { text, .. } if text == "disk full"));
    // A connection that goes away.
    let (mut ours, mut theirs) = open();
    ask(&mut ours, Request::Abort);
    assert!(news(&mut ours).is_empty() && ours.must_disconnect());
    theirs.disconnected(NOW);
    assert_eq!(abort_of(&news(&mut theirs)), (None, Origin::Distant));
}

/// either side may end the session with a reason at any time, and is heard at any
/// time.
#[test]
fn a_session_may_be_ended_with_a_reason_at_any_time() {
    let enter: [fn() -> Session; 9] = [
        || speaker(&settings()),
        || sending(&settings()),
        || listener(&settings()),
        || receiving(&settings()),
        || closing(&settings()),
        || awaiting_turn(&settings()),
        || authenticating("WF_SECD", true),
        || authenticating("WF_AURP", false),
        || authenticating("WF_AUCH", true),
    ];
    for enter in enter {
        let mut session = enter();
        let state = session.state_name();
        let reason = EndReason::NO_RESOURCES;
        ask(&mut session, Request::Release(reason, String::new()));
        assert_eq!(said(&mut session), ["ESID(08)"], "{state}");
        assert_eq!(session.state_name(), "WF_NDISC");
        let mut session = enter();
        feed(&mut session, &esid(reason));
        let end = abort_of(&news(&mut session));
        assert_eq!(end, (Some(reason), Origin::Distant), "{state}");
        assert!(session.must_disconnect() && session.transmit().is_empty());
    }
}

/// a request made while the turn is awaited is carried out when it arrives, and not before.
#[test]
fn a_request_made_too_early_waits_for_the_turn() {
    let requests = [
        (Request::StartFile(sfid("FILE", 0)), "SFID"),
        (Request::Eerp(eerp()), "EERP"),
        (Request::Nerp(nerp()), "NERP"),
        (Request::ChangeDirection, "CD"),
    ];
    for (request, word) in requests {
        let mut session = awaiting_turn(&settings());
        ask(&mut session, request.clone());
        assert!(said(&mut session).is_empty());
        session
            .request(request, NOW)
            .expect_err("one request waits at a time");
        feed(&mut session, &Command::Cd);
        assert_eq!(said(&mut session), [word]);
        assert!(news(&mut session).is_empty(), "the request was the news");
    }
}

/// R-145, S4-C: the turn is given away with the confirmation, before the driver can ask for more.
#[test]
fn the_turn_goes_with_the_confirmation() {
    let mut session = sending(&settings());
    session.send_data(b"abc", true, NOW).unwrap();
    let (records, octets) = (0, 3);
    ask(&mut session, Request::CloseFile { records, octets });
    let _ = said(&mut session);
    let change_direction = true;
    feed(&mut session, &Command::Efpa(Efpa { change_direction }));
    assert_eq!(said(&mut session), ["CD"]);
    session
        .request(Request::StartFile(sfid("NEXT", 0)), NOW)
        .unwrap_err();
}
