//! Secure authentication: SECD, AUCH, AURP, once in each direction, before anything else.

use engine::{Event, Origin, Phase, Refusal, Request, RequestError, Session, Settings};
use oftp::{Auch, Aurp, Command, EndReason, Level, Ssid, Ssrm};

use rig::pair::Pair;
use rig::script::{
    NOW, OURS, THEIRS, abort_of, ask, authenticating, challenge, code, esid, feed, identity, news,
    quiet, said, settings, sfid, ssid,
};

fn secured() -> Settings {
    Settings {
        authentication: true,
        ..settings()
    }
}

fn auch() -> Command<'static> {
    Command::Auch(Auch {
        challenge: challenge().sealed,
    })
}

fn aurp(octet: u8) -> Command<'static> {
    let response = [octet; 20];
    Command::Aurp(Aurp { response })
}

/// The secret that [`challenge`] holds.
const RIGHT: u8 = 7;

fn assert_ends(session: &mut Session, reason: EndReason) {
    assert_eq!(said(session), [format!("ESID({:02})", reason.0)]);
    assert_eq!(abort_of(&news(session)), (Some(reason), Origin::Local));
    assert_eq!(session.state_name(), "WF_NDISC");
}

/// who says what in which order, seen from the initiator.
#[test]
fn the_initiator_opens_proves_itself_and_then_asks_for_proof() {
    let mut session = Session::initiator(secured(), identity(OURS), NOW);
    feed(&mut session, &Command::Ssrm(Ssrm));
    quiet(&mut session);
    feed(&mut session, &Command::Ssid(ssid(&secured())));
    assert_eq!(said(&mut session), ["SECD"]);
    let told = news(&mut session);
    assert!(
        matches!(&told[..], [Event::Introduced(theirs)] if theirs.code == code(THEIRS)),
        "{told:?}"
    );
    assert_eq!(session.phase(), Phase::Authenticating);

    feed(&mut session, &auch());
    assert_eq!(news(&mut session), [Event::Challenged(challenge().sealed)]);
    assert_eq!(session.phase(), Phase::ChallengeOffered);
    ask(&mut session, Request::ChallengeResponse(Ok([9; 20])));
    assert_eq!(said(&mut session), ["AURP"]);

    feed(&mut session, &Command::Secd);
    assert_eq!(news(&mut session), [Event::ChallengeWanted]);
    assert_eq!(session.phase(), Phase::ChallengeAsked);
    ask(&mut session, Request::Challenge(Ok(challenge())));
    assert_eq!(said(&mut session), ["AUCH"]);
    assert!(news(&mut session).is_empty(), "not open yet");

    feed(&mut session, &aurp(RIGHT));
    let told = news(&mut session);
    assert!(
        matches!(&told[..], [Event::Connected(agreed, theirs)]
            if agreed.authentication && theirs.code == code(THEIRS)),
        "{told:?}"
    );
    assert_eq!(session.state_name(), "IDLESP");
    assert!(said(&mut session).is_empty());
}

/// the same from the responder's side; it is open with its own AURP.
#[test]
fn the_responder_asks_for_proof_first_and_proves_itself_then() {
    let mut session = Session::responder_after_ssrm(secured(), NOW);
    feed(&mut session, &Command::Ssid(ssid(&secured())));
    let _ = news(&mut session);
    ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
    assert_eq!(said(&mut session), ["SSID"]);
    assert!(news(&mut session).is_empty(), "not open yet");

    feed(&mut session, &Command::Secd);
    assert_eq!(news(&mut session), [Event::ChallengeWanted]);
    ask(&mut session, Request::Challenge(Ok(challenge())));
    assert_eq!(said(&mut session), ["AUCH"]);
    feed(&mut session, &aurp(RIGHT));
    assert_eq!(said(&mut session), ["SECD"]);
    assert!(news(&mut session).is_empty(), "not open yet");

    feed(&mut session, &auch());
    assert_eq!(news(&mut session), [Event::Challenged(challenge().sealed)]);
    ask(&mut session, Request::ChallengeResponse(Ok([9; 20])));
    assert_eq!(said(&mut session), ["AURP"]);
    assert!(matches!(
        &news(&mut session)[..],
        [Event::Connected(agreed, theirs)] if agreed.authentication && theirs.code == code(THEIRS)
    ));
    assert_eq!(session.state_name(), "IDLELI");
    // The initiator's verdict comes as ESID 11 if it is bad.
    feed(&mut session, &esid(EndReason::INVALID_CHALLENGE_RESPONSE));
    assert_eq!(
        abort_of(&news(&mut session)),
        (Some(EndReason::INVALID_CHALLENGE_RESPONSE), Origin::Distant)
    );
}

/// nothing of it happens where neither side asks for it.
#[test]
fn nothing_of_it_is_sent_where_it_was_not_agreed() {
    let mut session = Session::initiator(settings(), identity(OURS), NOW);
    feed(&mut session, &Command::Ssrm(Ssrm));
    quiet(&mut session);
    feed(&mut session, &Command::Ssid(ssid(&settings())));
    assert!(said(&mut session).is_empty());
    assert!(matches!(
        &news(&mut session)[..],
        [Event::Connected(agreed, _)] if !agreed.authentication
    ));
    for command in [Command::Secd, auch(), aurp(RIGHT)] {
        let mut session = rig::script::listener(&settings());
        feed(&mut session, &command);
        assert_ends(&mut session, EndReason::PROTOCOL_VIOLATION);
    }
}

/// files and receipts cross in a session whose sides proved themselves, each with a
/// challenge of its own.
#[test]
fn a_session_with_authentication_carries_files() {
    let mut pair = Pair::new(&secured(), &secured());
    for side in [&mut pair.initiator, &mut pair.responder] {
        side.monitor.key = 0x5A;
        side.monitor.offer(sfid("FILE", 9000), vec![3; 9000]);
    }
    pair.run();
    pair.assert_clean();
    for side in [&pair.initiator, &pair.responder] {
        assert!(side.monitor.open && side.monitor.challenges == 1);
        assert_eq!(
            (side.monitor.inbox.len(), side.monitor.receipts.len()),
            (1, 1)
        );
        assert!(side.session.agreement().unwrap().authentication);
    }
}

/// an impostor of either role is told ESID 11 and nothing is opened.
#[test]
fn a_side_without_the_right_key_is_refused_with_reason_11() {
    for impostor_calls in [true, false] {
        let mut pair = Pair::new(&secured(), &secured());
        let impostor = if impostor_calls {
            &mut pair.initiator
        } else {
            &mut pair.responder
        };
        impostor.monitor.key = 1;
        pair.run();
        let reason = Some(EndReason::INVALID_CHALLENGE_RESPONSE);
        // Both keys differ, so the first proof asked for fails: that of the initiator.
        assert_eq!(pair.responder.monitor.aborts, [(reason, Origin::Local)]);
        assert_eq!(pair.initiator.monitor.aborts, [(reason, Origin::Distant)]);
        assert!(!pair.initiator.monitor.open && !pair.responder.monitor.open);
    }
}

/// each side judges; one wrong bit is enough.
#[test]
fn a_wrong_response_ends_with_reason_11_at_either_side() {
    for caller in [true, false] {
        for at in [0, 19] {
            let mut session = authenticating("WF_AURP", caller);
            let mut response = challenge().secret;
            response[at] ^= 0x80;
            feed(&mut session, &Command::Aurp(Aurp { response }));
            assert_ends(&mut session, EndReason::INVALID_CHALLENGE_RESPONSE);
        }
    }
}

/// the order cannot be left, also not while our own driver is asked. ESID of the
/// partner ends the session in all of these states.
#[test]
fn a_command_out_of_turn_ends_with_reason_02() {
    let offer = Command::Sfid(sfid("FILE", 0));
    let commands = [
        ("SSRM", Command::Ssrm(Ssrm)),
        ("SSID", Command::Ssid(ssid(&secured()))),
        ("AUCH", auch()),
        ("AURP", aurp(RIGHT)),
        ("SECD", Command::Secd),
        ("SFID", offer),
        ("CD", Command::Cd),
        ("EERP", Command::Eerp(rig::script::eerp())),
    ];
    for caller in [true, false] {
        for (state, awaited) in [
            ("WF_SECD", "SECD"),
            ("WF_AURP", "AURP"),
            ("WF_AUCH", "AUCH"),
        ] {
            for answering in [false, true] {
                let enter = || {
                    let mut session = authenticating(state, caller);
                    if answering {
                        let (_, command) =
                            commands.iter().find(|(name, _)| *name == awaited).unwrap();
                        feed(&mut session, command);
                        quiet(&mut session);
                    }
                    session
                };
                if answering && state == "WF_AURP" {
                    // No answer of ours is needed there.
                    continue;
                }
                for (name, command) in &commands {
                    if *name == awaited && !answering {
                        continue;
                    }
                    let mut session = enter();
                    assert_eq!(session.state_name(), state);
                    feed(&mut session, command);
                    assert_ends(&mut session, EndReason::PROTOCOL_VIOLATION);
                }
                let mut session = enter();
                feed(&mut session, &esid(EndReason::USER_CODE_NOT_KNOWN));
                let end = abort_of(&news(&mut session));
                assert_eq!(end, (Some(EndReason::USER_CODE_NOT_KNOWN), Origin::Distant));
                assert!(session.must_disconnect());
                let mut session = enter();
                session.disconnected(NOW);
                assert_eq!(abort_of(&news(&mut session)), (None, Origin::Distant));
            }
        }
    }
}

/// without a certificate, and with a challenge that cannot be opened, the session ends
/// with ESID 11 unless the driver says otherwise; normal is no reason.
#[test]
fn a_driver_that_cannot_go_on_says_why_and_the_session_ends() {
    let refusals = [
        (
            Refusal::authentication("no certificate for this partner"),
            EndReason::INVALID_CHALLENGE_RESPONSE,
        ),
        (
            Refusal {
                reason: EndReason::NO_RESOURCES,
                text: "the key store is away".into(),
            },
            EndReason::NO_RESOURCES,
        ),
    ];
    let normal = Refusal {
        reason: EndReason::NORMAL,
        text: String::new(),
    };
    for caller in [true, false] {
        for (refusal, reason) in refusals.clone() {
            for (state, command) in [("WF_SECD", Command::Secd), ("WF_AUCH", auch())] {
                let request = |refusal| match state {
                    "WF_SECD" => Request::Challenge(Err(refusal)),
                    _ => Request::ChallengeResponse(Err(refusal)),
                };
                let mut session = authenticating(state, caller);
                feed(&mut session, &command);
                quiet(&mut session);
                let outcome = session.request(request(normal.clone()), NOW);
                assert_eq!(outcome, Err(RequestError::NormalRefusal));
                ask(&mut session, request(refusal.clone()));
                assert_eq!(said(&mut session), [format!("ESID({:02})", reason.0)]);
                assert!(news(&mut session).is_empty(), "the driver knows");
                assert_eq!(session.state_name(), "WF_NDISC");
            }
        }
    }
}

/// C6, C8: an answer that nobody asked for, comes twice or too late is a user error.
#[test]
fn an_answer_out_of_place_is_an_error_and_changes_nothing() {
    let challenge = || Request::Challenge(Ok(challenge()));
    let response = || Request::ChallengeResponse(Ok([9; 20]));
    let offered = |caller| {
        let mut session = authenticating("WF_AUCH", caller);
        feed(&mut session, &auch());
        quiet(&mut session);
        session
    };
    let wanted = |caller| {
        let mut session = authenticating("WF_SECD", caller);
        feed(&mut session, &Command::Secd);
        quiet(&mut session);
        session
    };
    let assert_refused = |mut session: Session, request: Request| {
        let state = session.state_name();
        let error = session.request(request, NOW).unwrap_err();
        assert!(matches!(error, RequestError::NotInState { state: named, .. } if named == state));
        assert_eq!(session.state_name(), state);
        assert!(said(&mut session).is_empty() && news(&mut session).is_empty());
    };
    for caller in [true, false] {
        for state in ["WF_AUCH", "WF_SECD", "WF_AURP"] {
            assert_refused(authenticating(state, caller), challenge());
            assert_refused(authenticating(state, caller), response());
        }
        assert_refused(offered(caller), challenge());
        assert_refused(wanted(caller), response());
        let mut session = wanted(caller);
        ask(&mut session, challenge());
        quiet(&mut session);
        assert_refused(session, challenge());
        let mut session = offered(caller);
        session.disconnected(NOW);
        let _ = news(&mut session);
        assert_refused(session, response());
    }
    assert_refused(rig::script::speaker(&settings()), challenge());
    assert_refused(rig::script::listener(&settings()), response());
    // Nothing of the open session is possible before it is open.
    assert_refused(wanted(true), Request::StartFile(sfid("FILE", 0)));
    assert_refused(offered(false), Request::ChangeDirection);
}

/// what does not fit AUCH is refused to the driver, which may try again.
#[test]
fn a_challenge_that_does_not_fit_the_wire_is_refused_to_the_driver() {
    let mut session = authenticating("WF_SECD", true);
    feed(&mut session, &Command::Secd);
    quiet(&mut session);
    let mut large = challenge();
    large.sealed = vec![0; 65_536];
    let outcome = session.request(Request::Challenge(Ok(large)), NOW);
    assert!(matches!(outcome, Err(RequestError::Encode(_))));
    assert!(said(&mut session).is_empty());
    ask(&mut session, Request::Challenge(Ok(challenge())));
    assert_eq!(said(&mut session), ["AUCH"]);
}

/// the initiator that was introduced to the wrong partner leaves before it opens a
/// challenge.
#[test]
fn an_initiator_may_leave_as_soon_as_it_is_introduced() {
    for reason in [EndReason::USER_CODE_NOT_KNOWN, EndReason::INVALID_PASSWORD] {
        let mut session = authenticating("WF_AUCH", true);
        ask(&mut session, Request::Release(reason, String::new()));
        assert_eq!(said(&mut session), [format!("ESID({:02})", reason.0)]);
        assert_eq!(session.state_name(), "WF_NDISC");
    }
}

/// below level 5 there is none, whatever stands in octet 47; who requires it
/// ends with ESID 12.
#[test]
fn a_side_that_requires_it_and_meets_an_older_level_ends_with_reason_12() {
    for level in [Level::L1, Level::L2, Level::L4] {
        let ours = Settings {
            lowest_level: Level::L1,
            ..secured()
        };
        let theirs = Ssid {
            level,
            ..ssid(&settings())
        };
        let mut session = Session::initiator(ours.clone(), identity(OURS), NOW);
        feed(&mut session, &Command::Ssrm(Ssrm));
        quiet(&mut session);
        feed(&mut session, &Command::Ssid(theirs.clone()));
        assert_ends(&mut session, EndReason::AUTHENTICATION_INCOMPATIBLE);

        let mut session = Session::responder_after_ssrm(ours, NOW);
        feed(&mut session, &Command::Ssid(theirs));
        quiet(&mut session);
        ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
        assert_ends(&mut session, EndReason::AUTHENTICATION_INCOMPATIBLE);
    }
}

/// The secret is in no debug output, which may end in a log.
#[test]
fn secrets_are_not_shown() {
    let session = authenticating("WF_AURP", true);
    let shown = format!("{session:?} {:?}", challenge());
    assert!(shown.contains("WfAurp") && shown.contains("Challenge"));
    assert!(!shown.contains("7, 7, 7"), "{shown}");
}
