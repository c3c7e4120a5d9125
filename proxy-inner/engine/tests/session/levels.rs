//! Sessions with partners of older levels: what they carry, what they lack, who refuses them.

use engine::{
    EndFileRefusal, Event, FileRefusal, Origin, Refusal, Request, RequestError, Session, Settings,
};
use oftp::{Code, Command, Efid, EndReason, FileReason, Level, Security, Sfid, Sfpa, Ssid, Ssrm};

use rig::pair::Pair;
use rig::script::{NOW, OURS, abort_of, ask, eerp, identity, nerp, news, settings, sfid, ssid};

const ALL: [Level; 4] = [Level::L1, Level::L2, Level::L4, Level::L5];
const OLD: [Level; 3] = [Level::L1, Level::L2, Level::L4];

/// Settings that speak this level at most and every one below it.
fn up_to(level: Level) -> Settings {
    Settings {
        level,
        lowest_level: Level::L1,
        ..settings()
    }
}

fn give(session: &mut Session, command: &Command<'_>, level: Level) {
    let mut octets = Vec::new();
    command.encode(level, &mut octets).unwrap();
    assert_eq!(session.receive(&octets, NOW), octets.len());
}

/// What the session said, as exchange buffers; each must be a command of that level.
fn buffers(session: &mut Session, level: Level) -> Vec<Vec<u8>> {
    let octets = session.transmit().to_vec();
    let mut rest = octets.as_slice();
    let mut all = Vec::new();
    while let Some((oeb, used)) = oftp::split(rest).unwrap() {
        Command::decode(oeb, level).unwrap();
        all.push(oeb.to_vec());
        rest = &rest[used..];
    }
    session.transmitted(octets.len(), NOW);
    all
}

/// An initiator in IDLESP whose partner answered this level.
fn speaker_at(level: Level) -> Session {
    let mut session = Session::initiator(up_to(Level::L5), identity(OURS), NOW);
    give(&mut session, &Command::Ssrm(Ssrm), level);
    let theirs = Ssid {
        level,
        ..ssid(&settings())
    };
    give(&mut session, &Command::Ssid(theirs), level);
    assert_eq!(session.state_name(), "IDLESP");
    let _ = (buffers(&mut session, Level::L5), news(&mut session));
    session
}

/// A responder in IDLELI whose caller has this level.
fn listener_at(level: Level) -> Session {
    let mut session = Session::responder_after_ssrm(up_to(Level::L5), NOW);
    let theirs = Ssid {
        level,
        ..ssid(&settings())
    };
    give(&mut session, &Command::Ssid(theirs), level);
    ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
    assert_eq!(session.state_name(), "IDLELI");
    let _ = (buffers(&mut session, level), news(&mut session));
    session
}

/// R-040, R-222: any two levels meet at the lower one and carry files and receipts both ways.
#[test]
fn any_two_levels_meet_at_the_lower_one_and_carry_files() {
    for ours in ALL {
        for theirs in ALL {
            let mut pair = Pair::new(&up_to(ours), &up_to(theirs));
            for side in [&mut pair.initiator, &mut pair.responder] {
                side.monitor.offer(sfid("FILE", 9000), vec![3; 9000]);
            }
            pair.run();
            pair.assert_clean();
            for side in [&pair.initiator, &pair.responder] {
                let level = side.session.agreement().unwrap().level;
                assert_eq!(level, ours.min(theirs), "{ours} calls {theirs}");
                assert_eq!(side.monitor.inbox.len(), 1);
                assert_eq!(side.monitor.receipts.len(), 1);
                assert_eq!(side.session.stats().deviations, 0);
            }
        }
    }
}

/// R-220, R-221: every command has the length of its level on the wire.
#[test]
fn commands_have_the_layout_of_the_agreed_level() {
    for (level, sfid_length, efid_length) in [
        (Level::L1, 128, 22),
        (Level::L2, 128, 22),
        (Level::L4, 128, 22),
        (Level::L5, 165, 35),
    ] {
        let mut session = speaker_at(level);
        ask(&mut session, Request::StartFile(sfid("FILE", 3)));
        assert_eq!(buffers(&mut session, level)[0].len(), sfid_length);
        give(&mut session, &Command::Sfpa(Sfpa { answer: 0 }), level);
        session.send_data(b"abc", true, NOW).unwrap();
        let (records, octets) = (0, 3);
        ask(&mut session, Request::CloseFile { records, octets });
        assert_eq!(buffers(&mut session, level)[1].len(), efid_length);
    }
}

/// R-040, A-02: the responder states the lower level, and never one that was not asked.
#[test]
fn the_responder_answers_the_lower_level() {
    for ours in ALL {
        for theirs in ALL {
            let mut session = Session::responder_after_ssrm(up_to(ours), NOW);
            let asked = Ssid {
                level: theirs,
                ..ssid(&settings())
            };
            give(&mut session, &Command::Ssid(asked), theirs);
            ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
            let level = ours.min(theirs);
            assert_eq!(buffers(&mut session, level)[0][1], level.octet());
        }
    }
}

/// A-02, R-061: below the lowest level that this partner may use, both roles end with ESID 10, in
/// the form that the other side reads (A-01).
#[test]
fn a_level_below_the_lowest_one_ends_with_reason_10() {
    for (lowest_level, theirs) in [
        (Level::L5, Level::L4),
        (Level::L5, Level::L1),
        (Level::L4, Level::L2),
        (Level::L2, Level::L1),
    ] {
        let ours = Settings {
            lowest_level,
            ..settings()
        };
        let answer = Ssid {
            level: theirs,
            ..ssid(&settings())
        };
        let mut initiator = Session::initiator(ours.clone(), identity(OURS), NOW);
        give(&mut initiator, &Command::Ssrm(Ssrm), Level::L5);
        let _ = buffers(&mut initiator, Level::L5);
        give(&mut initiator, &Command::Ssid(answer.clone()), theirs);

        let mut responder = Session::responder_after_ssrm(ours, NOW);
        give(&mut responder, &Command::Ssid(answer), theirs);
        ask(&mut responder, Request::ConnectResponse(Ok(identity(OURS))));

        for session in [&mut initiator, &mut responder] {
            assert_eq!(buffers(session, theirs), [b"F10\r"], "{theirs}");
            let end = (Some(EndReason::INCOMPATIBLE), Origin::Local);
            assert_eq!(abort_of(&news(session)), end);
            assert_eq!(session.state_name(), "WF_NDISC");
            assert!(session.agreement().is_none());
        }
    }
}

/// A-01: a caller is refused in the form that it reads; before it has said a word, in our own.
#[test]
fn a_refusal_before_a_level_is_agreed_has_the_form_of_the_lower_level() {
    for theirs in ALL {
        let mut session = Session::responder_after_ssrm(up_to(Level::L5), NOW);
        let asked = Ssid {
            level: theirs,
            ..ssid(&settings())
        };
        give(&mut session, &Command::Ssid(asked), theirs);
        let refusal = Refusal {
            reason: EndReason::USER_CODE_NOT_KNOWN,
            text: "who?".into(),
        };
        ask(&mut session, Request::ConnectResponse(Err(refusal)));
        let wanted: &[u8] = if theirs == Level::L5 {
            b"F03004who?\r"
        } else {
            b"F03\r"
        };
        assert_eq!(buffers(&mut session, theirs), [wanted]);
    }
    for ours in ALL {
        let mut session = Session::responder_after_ssrm(up_to(ours), NOW);
        give(&mut session, &Command::Cd, ours);
        let length = buffers(&mut session, ours)[0].len();
        assert_eq!(length > 4, ours == Level::L5);
    }
}

/// R-225, A-01: the partner's ESID is read in both forms before and after a level is agreed.
#[test]
fn an_esid_of_either_form_is_read_at_any_level() {
    for form in [Level::L2, Level::L5] {
        for mut session in [
            Session::initiator(up_to(Level::L5), identity(OURS), NOW),
            Session::responder_after_ssrm(up_to(Level::L2), NOW),
            speaker_at(Level::L5),
            listener_at(Level::L1),
        ] {
            let end = rig::script::esid(EndReason::NO_RESOURCES);
            give(&mut session, &end, form);
            assert_eq!(
                abort_of(&news(&mut session)),
                (Some(EndReason::NO_RESOURCES), Origin::Distant)
            );
        }
    }
}

/// R-223: a negative receipt is kept by the driver below level 4; a positive one goes.
#[test]
fn negative_receipts_do_not_go_below_level_4() {
    for level in ALL {
        let mut session = speaker_at(level);
        let outcome = session.request(Request::Nerp(nerp()), NOW);
        if level < Level::L4 {
            assert_eq!(outcome, Err(RequestError::NoNerp { level }));
            assert!(session.transmit().is_empty());
            assert_eq!(session.state_name(), "IDLESP");
            ask(&mut session, Request::Eerp(eerp()));
        } else {
            outcome.unwrap();
        }
        assert_eq!(session.state_name(), "WF_RTR");
        assert_eq!(buffers(&mut session, level).len(), 1);
    }
}

/// R-223: so it is while the turn is still awaited.
#[test]
fn a_negative_receipt_is_not_even_stored_below_level_4() {
    for level in [Level::L1, Level::L2] {
        let mut session = listener_at(level);
        give(&mut session, &Command::Sfid(sfid("FILE", 0)), level);
        let start = Request::StartFileResponse(Ok(engine::Position::START));
        ask(&mut session, start);
        give(&mut session, &Command::Data(&[0x80]), level);
        let (records, octets) = (0, 0);
        give(
            &mut session,
            &Command::Efid(Efid { records, octets }),
            level,
        );
        let kept = Request::CloseFileResponse(Ok((engine::Durable::synced(0), true)));
        ask(&mut session, kept);
        assert_eq!(session.state_name(), "WF_CD");
        let outcome = session.request(Request::Nerp(nerp()), NOW);
        assert_eq!(outcome, Err(RequestError::NoNerp { level }));
        assert_eq!(session.state_name(), "WF_CD");
    }
}

/// R-223: commands that a level does not have are not recognised there.
#[test]
fn commands_that_a_level_does_not_have_end_with_reason_01() {
    for level in OLD {
        for code in [Code::Secd, Code::Auch, Code::Aurp, Code::Nerp] {
            if code.exists_at(level) {
                continue;
            }
            let mut session = listener_at(level);
            session.receive(&[0x10, 0, 0, 5, code.octet()], NOW);
            assert_eq!(
                buffers(&mut session, level),
                [b"F01\r"],
                "{code} at {level}"
            );
        }
    }
}

/// R-223: texts are dropped and reasons replaced by ones that the level has.
#[test]
fn reasons_and_texts_are_those_of_the_level() {
    for level in OLD {
        let direction = FileReason::DIRECTION_REFUSED;
        let kept = if level == Level::L4 { "14" } else { "99" };
        for (reason, digits) in [
            (FileReason::DUPLICATE, "13"),
            (direction, kept),
            (FileReason::CIPHER_NOT_SUPPORTED, "99"),
        ] {
            let mut session = listener_at(level);
            give(&mut session, &Command::Sfid(sfid("FILE", 0)), level);
            let text = "a long story".to_owned();
            let refusal = FileRefusal {
                reason,
                retry: true,
                text: text.clone(),
            };
            ask(&mut session, Request::StartFileResponse(Err(refusal)));
            let wanted = format!("3{digits}Y").into_bytes();
            assert_eq!(buffers(&mut session, level), [wanted]);

            give(&mut session, &Command::Sfid(sfid("FILE", 0)), level);
            let start = Request::StartFileResponse(Ok(engine::Position::START));
            ask(&mut session, start);
            give(&mut session, &Command::Data(&[0x80]), level);
            let (records, octets) = (0, 0);
            give(
                &mut session,
                &Command::Efid(Efid { records, octets }),
                level,
            );
            let _ = buffers(&mut session, level);
            let refusal = EndFileRefusal { reason, text };
            ask(&mut session, Request::CloseFileResponse(Err(refusal)));
            let wanted = format!("5{digits}").into_bytes();
            assert_eq!(buffers(&mut session, level), [wanted]);
        }
        for (reason, digits) in [
            (EndReason::EMERGENCY_CLOSE, "05"),
            (EndReason::INVALID_CHALLENGE_RESPONSE, ""),
            (EndReason::AUTHENTICATION_INCOMPATIBLE, ""),
        ] {
            let mut session = listener_at(level);
            ask(&mut session, Request::Release(reason, "words".into()));
            let mapped = format!("{:02}", reason.at_level(level).0);
            let digits = if digits.is_empty() { &mapped } else { digits };
            assert!(!["11", "12"].contains(&digits));
            let wanted = format!("F{digits}\r").into_bytes();
            assert_eq!(buffers(&mut session, level), [wanted]);
        }
    }
}

/// R-223, R-220, R-221: receipts lose what their level has no field for, and a reason that it does
/// not have.
#[test]
fn receipts_have_no_hash_or_signature_below_level_5() {
    let signed = || {
        let mut eerp = eerp();
        eerp.hash = vec![1; 32];
        eerp.signature = vec![2; 900];
        eerp
    };
    for level in OLD {
        let mut session = speaker_at(level);
        ask(&mut session, Request::Eerp(signed()));
        assert_eq!(buffers(&mut session, level)[0].len(), 106);
    }
    let mut session = speaker_at(Level::L5);
    ask(&mut session, Request::Eerp(signed()));
    assert_eq!(buffers(&mut session, Level::L5)[0].len(), 110 + 32 + 900);

    let mut refused = nerp();
    refused.reason = oftp::ReceiptReason::INVALID_SIGNATURE;
    refused.text = "the signature is wrong".into();
    refused.signature = vec![2; 900];
    let mut session = speaker_at(Level::L4);
    ask(&mut session, Request::Nerp(refused));
    let nerp = buffers(&mut session, Level::L4).remove(0);
    assert_eq!((nerp.len(), &nerp[126..]), (128, &b"99"[..]));
}

/// R-223, R-226: a file that the level cannot carry stays with the driver, and a plain one goes.
#[test]
fn a_file_that_the_level_cannot_carry_is_not_offered() {
    let changes: [fn(&mut Sfid); 5] = [
        |offer| offer.envelope = true,
        |offer| {
            offer.security = Security::Signed;
            offer.cipher = 2;
            offer.envelope = true;
        },
        |offer| {
            offer.compression = true;
            offer.envelope = true;
        },
        |offer| offer.signed_receipt = true,
        |offer| {
            offer.size_blocks = 10_000_000;
            offer.original_blocks = 10_000_000;
        },
    ];
    for level in OLD {
        for change in changes {
            let mut offer = sfid("FILE", 0);
            change(&mut offer);
            let mut session = speaker_at(level);
            let error = session
                .request(Request::StartFile(offer.clone()), NOW)
                .unwrap_err();
            let fits = matches!(
                error,
                RequestError::NoFileServices { .. } | RequestError::TooLargeForLevel { .. }
            );
            assert!(fits, "{error:?}");
            assert!(session.transmit().is_empty() && session.state_name() == "IDLESP");
            ask(&mut session, Request::StartFile(sfid("FILE", 0)));
            ask(&mut speaker_at(Level::L5), Request::StartFile(offer));
        }
    }
}

/// R-224, A-57: what stands in octet 47 of an older SSID means nothing.
#[test]
fn octet_47_of_an_older_ssid_is_ignored() {
    for level in OLD {
        let mut octets = Vec::new();
        let asked = Ssid {
            level,
            ..ssid(&settings())
        };
        Command::Ssid(asked).encode(level, &mut octets).unwrap();
        octets[4 + 47] = b'Y';
        let mut session = Session::responder_after_ssrm(up_to(Level::L5), NOW);
        session.receive(&octets, NOW);
        ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
        assert_eq!(session.state_name(), "IDLELI");
    }
    // A caller of level 5 that asks for it is answered with a level that has none, and judges.
    let secured = Settings {
        authentication: true,
        ..up_to(Level::L5)
    };
    let mut pair = Pair::new(&secured, &up_to(Level::L4));
    pair.run();
    let reason = Some(EndReason::AUTHENTICATION_INCOMPATIBLE);
    assert_eq!(pair.initiator.monitor.aborts, [(reason, Origin::Local)]);
    assert_eq!(pair.responder.monitor.aborts.len(), 1);
    assert!(!pair.initiator.monitor.open);
}

/// A-02: a responder that answers a higher level than it was asked is met at the lower one, and
/// noted; a strict session ends with ESID 10.
#[test]
fn an_answer_above_the_level_asked_counts_as_the_level_asked() {
    let answered = |ours: Settings| {
        let mut session = Session::initiator(ours, identity(OURS), NOW);
        give(&mut session, &Command::Ssrm(Ssrm), Level::L4);
        let _ = buffers(&mut session, Level::L4);
        give(&mut session, &Command::Ssid(ssid(&settings())), Level::L5);
        session
    };
    let mut session = answered(up_to(Level::L4));
    assert_eq!(session.agreement().unwrap().level, Level::L4);
    let noted = Event::Deviation(engine::Deviation::HigherLevelAnswered);
    assert!(news(&mut session).contains(&noted));
    let mut strict = up_to(Level::L4);
    strict
        .refused
        .insert(engine::Deviation::HigherLevelAnswered);
    assert_eq!(buffers(&mut answered(strict), Level::L4), [b"F10\r"]);
}
