//! Two SSIDs, one agreement.

use engine::{Agreement, Event, Origin, Request, Session, Settings, SettingsError};
use oftp::{Command, EndReason, Level, Mode, Ssid, Ssrm};

use rig::script::{
    NOW, OURS, THEIRS, abort_of, ask, code, feed, frame, identity, news, said, settings, ssid,
};

fn initiated(ours: &Settings, answer: Ssid) -> Session {
    let mut session = Session::initiator(ours.clone(), identity(OURS), NOW);
    feed(&mut session, &Command::Ssrm(Ssrm));
    assert_eq!(said(&mut session), ["SSID"]);
    feed(&mut session, &Command::Ssid(answer));
    session
}

fn responded(ours: &Settings, theirs: Ssid) -> Session {
    let mut session = Session::responder_after_ssrm(ours.clone(), NOW);
    feed(&mut session, &Command::Ssid(theirs));
    if session.state_name() == "A_WF_CONRS" {
        ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
    }
    session
}

fn agreement(session: &Session) -> Agreement {
    *session
        .agreement()
        .unwrap_or_else(|| panic!("no agreement in {}", session.state_name()))
}

/// What the responder answers, decoded from the wire.
fn answered(session: &Session) -> Ssid {
    let (oeb, _) = oftp::split(session.transmit()).unwrap().unwrap();
    match Command::decode(oeb, Level::L5).unwrap() {
        Command::Ssid(ssid) => ssid,
        other => panic!("{other:?} instead of SSID"),
    }
}

fn refused(session: &mut Session) -> EndReason {
    assert_eq!(session.state_name(), "WF_NDISC");
    assert!(session.agreement().is_none());
    let (reason, origin) = abort_of(&news(session));
    assert_eq!(origin, Origin::Local);
    reason.unwrap()
}

/// the whole mode table of RFC 5024 section 3.2.1, and both errors.
#[test]
fn modes_are_joined_as_the_rfcs_table_says() {
    use Mode::{Both, Receive, Send};
    let table = [
        (Send, Receive, Some((Send, Receive))),
        (Receive, Send, Some((Receive, Send))),
        (Both, Both, Some((Both, Both))),
        (Both, Receive, Some((Send, Receive))),
        (Both, Send, Some((Receive, Send))),
        // The responder's limits narrow what the initiator asked: it never widens.
        (Send, Both, Some((Send, Receive))),
        (Receive, Both, Some((Receive, Send))),
        (Send, Send, None),
        (Receive, Receive, None),
    ];
    for (asked, able, expected) in table {
        let ours = Settings {
            mode: able,
            ..settings()
        };
        let mut responder = responded(
            &ours,
            Ssid {
                mode: asked,
                ..ssid(&settings())
            },
        );
        let Some((initiators, responders)) = expected else {
            assert_eq!(refused(&mut responder), EndReason::INCOMPATIBLE);
            let ours = Settings {
                mode: asked,
                ..settings()
            };
            let mut initiator = initiated(
                &ours,
                Ssid {
                    mode: able,
                    ..ssid(&settings())
                },
            );
            assert_eq!(refused(&mut initiator), EndReason::INCOMPATIBLE);
            continue;
        };
        assert_eq!(
            agreement(&responder).mode,
            responders,
            "{asked:?} asked of {able:?}"
        );
        let answer = answered(&responder);
        assert_eq!(answer.mode, responders);
        let ours = Settings {
            mode: asked,
            ..settings()
        };
        assert_eq!(agreement(&initiated(&ours, answer)).mode, initiators);
    }
}

/// an answer `B` to `S` or `R` is taken as the narrower mode.
#[test]
fn an_answer_wider_than_asked_counts_as_what_was_asked() {
    for mode in [Mode::Send, Mode::Receive] {
        let ours = Settings { mode, ..settings() };
        assert_eq!(agreement(&initiated(&ours, ssid(&settings()))).mode, mode);
    }
}

/// the smaller buffer, also where the responder answers a larger one.
#[test]
fn the_smaller_buffer_is_used_by_both_sides() {
    for (asked, able) in [(128, 99_999), (99_999, 128), (4096, 4096)] {
        let ours = Settings {
            buffer: able,
            ..settings()
        };
        let theirs = Ssid {
            buffer: asked,
            ..ssid(&settings())
        };
        let responder = responded(&ours, theirs);
        assert_eq!(agreement(&responder).buffer, asked.min(able));
        assert_eq!(answered(&responder).buffer, asked.min(able));
        let ours = Settings {
            buffer: asked,
            ..settings()
        };
        let initiator = initiated(
            &ours,
            Ssid {
                buffer: able,
                ..ssid(&settings())
            },
        );
        assert_eq!(agreement(&initiator).buffer, asked.min(able));
    }
}

/// the responder never answers more credit than offered; its answer is the window.
#[test]
fn the_window_is_what_the_responder_answers() {
    for (asked, able) in [(1, 999), (999, 1), (8, 8)] {
        let ours = Settings {
            credit: able,
            ..settings()
        };
        let responder = responded(
            &ours,
            Ssid {
                credit: asked,
                ..ssid(&settings())
            },
        );
        assert_eq!(agreement(&responder).credit, asked.min(able));
        assert_eq!(answered(&responder).credit, asked.min(able));
    }
    let initiator = initiated(
        &settings(),
        Ssid {
            credit: 3,
            ..ssid(&settings())
        },
    );
    assert_eq!(agreement(&initiator).credit, 3);
}

/// more credit than offered is a protocol error.
#[test]
fn an_answer_with_more_credit_than_offered_ends_with_reason_02() {
    let answer = Ssid {
        credit: settings().credit + 1,
        ..ssid(&settings())
    };
    let mut session = initiated(&settings(), answer);
    assert_eq!(refused(&mut session), EndReason::PROTOCOL_VIOLATION);
}

/// compression and restart only if both want them; the responder never adds
/// restart.
#[test]
fn compression_and_restart_are_used_only_if_both_want_them() {
    for (asked, able) in [(false, false), (false, true), (true, false), (true, true)] {
        let ours = Settings {
            compression: able,
            restart: able,
            ..settings()
        };
        let theirs = Ssid {
            compression: asked,
            restart: asked,
            ..ssid(&settings())
        };
        let responder = responded(&ours, theirs);
        let both = asked && able;
        assert_eq!(agreement(&responder).compression, both);
        assert_eq!(agreement(&responder).restart, both);
        assert_eq!(
            (
                answered(&responder).compression,
                answered(&responder).restart
            ),
            (both, both)
        );
        let ours = Settings {
            compression: asked,
            restart: asked,
            ..settings()
        };
        let initiator = initiated(&ours, answered(&responder));
        assert_eq!(agreement(&initiator).compression, both);
        assert_eq!(agreement(&initiator).restart, both);
    }
}

/// restart answered to a side that has none.
#[test]
fn an_answer_with_restart_that_was_not_offered_ends_with_reason_10() {
    let mut session = initiated(
        &settings(),
        Ssid {
            restart: true,
            ..ssid(&settings())
        },
    );
    assert_eq!(refused(&mut session), EndReason::INCOMPATIBLE);
}

/// special logic is for X.25; asked for it we answer N, answered with it we
/// end.
#[test]
fn special_logic_is_never_agreed() {
    let asked = Ssid {
        special_logic: true,
        ..ssid(&settings())
    };
    assert!(!answered(&responded(&settings(), asked.clone())).special_logic);
    let mut session = initiated(&settings(), asked);
    assert_eq!(refused(&mut session), EndReason::INCOMPATIBLE);
}

/// authentication must be the same on both sides; at the initiator 10 comes before 12
/// (S1-D).
#[test]
fn authentication_asked_by_one_side_ends_with_reason_12() {
    let theirs = Ssid {
        authentication: true,
        ..ssid(&settings())
    };
    assert_eq!(
        refused(&mut responded(&settings(), theirs.clone())),
        EndReason::AUTHENTICATION_INCOMPATIBLE
    );
    assert_eq!(
        refused(&mut initiated(&settings(), theirs.clone())),
        EndReason::AUTHENTICATION_INCOMPATIBLE
    );
    let restart_too = Ssid {
        restart: true,
        ..theirs
    };
    let reason = refused(&mut initiated(&settings(), restart_too));
    assert_eq!(reason, EndReason::INCOMPATIBLE);
}

/// no common level.
#[test]
fn a_partner_of_a_lower_level_ends_with_reason_10() {
    for level in [Level::L1, Level::L2, Level::L4] {
        let theirs = Ssid {
            level,
            ..ssid(&settings())
        };
        assert_eq!(
            refused(&mut responded(&settings(), theirs.clone())),
            EndReason::INCOMPATIBLE
        );
        assert_eq!(
            refused(&mut initiated(&settings(), theirs)),
            EndReason::INCOMPATIBLE
        );
    }
}

/// sizes out of their range are invalid content, whoever says them.
#[test]
fn sizes_out_of_range_end_with_reason_06() {
    for (at, digits) in [
        (35, "00127"),
        (35, "00000"),
        (35, "0012A"),
        (44, "000"),
        (44, " 10"),
    ] {
        let mut octets = frame(&Command::Ssid(ssid(&settings())));
        octets[4 + at..4 + at + digits.len()].copy_from_slice(digits.as_bytes());
        let mut responder = Session::responder_after_ssrm(settings(), NOW);
        let mut initiator = Session::initiator(settings(), identity(OURS), NOW);
        feed(&mut initiator, &Command::Ssrm(Ssrm));
        let _ = said(&mut initiator);
        for session in [&mut responder, &mut initiator] {
            session.receive(&octets, NOW);
            assert_eq!(said(session), ["ESID(06)"], "{digits} at {at}");
            assert_eq!(refused(session), EndReason::INVALID_DATA);
        }
    }
}

/// what is reserved means nothing, and the limits themselves are in range.
#[test]
fn reserved_octets_are_ignored_and_limits_are_in_range() {
    for (buffer, credit) in [("00128", "001"), ("99999", "999")] {
        let mut octets = frame(&Command::Ssid(ssid(&settings())));
        octets[4 + 48..4 + 52].copy_from_slice(b"ABCD");
        octets[4 + 35..4 + 40].copy_from_slice(buffer.as_bytes());
        octets[4 + 44..4 + 47].copy_from_slice(credit.as_bytes());
        let mut session = Session::responder_after_ssrm(settings(), NOW);
        session.receive(&octets, NOW);
        ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
        let agreed = agreement(&session);
        assert_eq!(
            agreed.buffer,
            settings().buffer.min(buffer.parse().unwrap())
        );
        assert_eq!(
            agreed.credit,
            settings().credit.min(credit.parse().unwrap())
        );
    }
}

/// both introduce themselves, both hear what was agreed.
#[test]
fn both_sides_are_told_who_the_partner_is_and_what_was_agreed() {
    let mut session = responded(&settings(), ssid(&settings()));
    let told = news(&mut session);
    assert!(matches!(&told[0], Event::Connect(theirs) if theirs.code == code(THEIRS)));
    assert!(matches!(&told[1], Event::Connected(agreed, _) if agreed.level == Level::L5));
    let answer = answered(&session);
    assert!(answer.code == code(OURS) && !answer.authentication);
}

/// the responder greets, the initiator waits for it.
#[test]
fn the_responder_speaks_first_unless_somebody_else_did() {
    assert_eq!(said(&mut Session::responder(settings(), NOW)), ["SSRM"]);
    assert!(
        Session::responder_after_ssrm(settings(), NOW)
            .transmit()
            .is_empty()
    );
    assert!(
        Session::initiator(settings(), identity(OURS), NOW)
            .transmit()
            .is_empty()
    );
}

/// Settings no session can run with are refused before a word is said.
#[test]
fn a_session_with_unusable_settings_is_aborted_from_the_start() {
    let faults = [
        (
            Settings {
                level: Level::L2,
                ..settings()
            },
            SettingsError::Levels {
                highest: Level::L2,
                lowest: Level::L5,
            },
        ),
        (
            Settings {
                buffer: 127,
                ..settings()
            },
            SettingsError::Buffer { buffer: 127 },
        ),
        (
            Settings {
                buffer: 100_000,
                ..settings()
            },
            SettingsError::Buffer { buffer: 100_000 },
        ),
        (
            Settings {
                credit: 0,
                ..settings()
            },
            SettingsError::Credit { credit: 0 },
        ),
        (
            Settings {
                credit: 1000,
                ..settings()
            },
            SettingsError::Credit { credit: 1000 },
        ),
        (
            Settings {
                level: Level::L4,
                lowest_level: Level::L4,
                authentication: true,
                ..settings()
            },
            SettingsError::Authentication { level: Level::L4 },
        ),
    ];
    for (settings, fault) in faults {
        assert_eq!(settings.check(), Err(fault));
        for mut session in [
            Session::initiator(settings.clone(), identity(OURS), NOW),
            Session::responder(settings.clone(), NOW),
            Session::responder_after_ssrm(settings.clone(), NOW),
        ] {
            assert!(session.must_disconnect() && session.transmit().is_empty());
            assert_eq!(abort_of(&news(&mut session)), (None, Origin::Local));
        }
    }
}
