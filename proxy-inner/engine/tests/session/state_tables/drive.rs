//! Brings a session into a state, applies an event, writes down what came of it.

use engine::{
    Durable, EndFileRefusal, Event, FileRefusal, Origin, Phase, Position, Refusal, Request,
    Session, Settings,
};
use oftp::{
    Auch, Aurp, Command, Efid, Efna, Efpa, EndReason, FileReason, Format, Level, Mode, Sfna, Sfpa,
    Ssid, Ssrm,
};

use rig::script::{
    NOW, OURS, ask, authenticating, awaiting_turn, challenge, closing, databuf, eerp, esid, feed,
    identity, listener, nerp, news, quiet, receiving, said, sending, settings, sfid, speaker, ssid,
};

/// A session in this state, prepared so that the variant's predicate comes true.
pub(super) fn session_in(event: &str, state: &str, variant: &str) -> Session {
    let mut ours = settings();
    match variant {
        "receive-only" => ours.mode = Mode::Receive,
        "send-only" => ours.mode = Mode::Send,
        "last-credit" => ours.credit = 1,
        // Modes that cannot work together: see `apply`.
        "mode" => ours.mode = Mode::Send,
        "authenticated" => ours.authentication = true,
        _ => {}
    }
    let mut session = enter(state, variant, &ours);
    match (event, state) {
        ("F_CLOSE_FILE_RQ", "OPO") if variant != "not-ended" => {
            session.send_data(b"abc", true, NOW).unwrap();
        }
        ("EFID", "OPI") => feed(&mut session, &Command::Data(&databuf(b"", true))),
        _ => {}
    }
    quiet(&mut session);
    session
}

fn enter(state: &str, variant: &str, ours: &Settings) -> Session {
    match state {
        "IDLE" => {
            let mut session = speaker(ours);
            session.disconnected(NOW);
            session
        }
        "I_WF_RM" => Session::initiator(ours.clone(), identity(OURS), NOW),
        "I_WF_SSID" => after(enter("I_WF_RM", variant, ours), &Command::Ssrm(Ssrm)),
        "A_NC_ONLY" => Session::responder_after_ssrm(ours.clone(), NOW),
        "A_WF_CONRS" => {
            let mut theirs = ssid(ours);
            match variant {
                "authentication" => theirs.authentication = true,
                "level" => theirs.level = Level::L4,
                _ => {}
            }
            after(enter("A_NC_ONLY", variant, ours), &Command::Ssid(theirs))
        }
        "WF_SECD" | "WF_AURP" | "WF_AUCH" => authenticating(state, variant != "called"),
        "IDLESP" => speaker(ours),
        "IDLESPCD" => after(listener(ours), &Command::Cd),
        "OPOP" => asked(speaker(ours), Request::StartFile(sfid("FILE", 0))),
        "OPO" => sending(ours),
        "OPOWFC" => {
            let mut session = sending(&Settings {
                credit: 1,
                ..ours.clone()
            });
            session.send_data(b"abc", true, NOW).unwrap();
            session
        }
        "CLOP" => {
            let mut session = sending(ours);
            session.send_data(b"abc", true, NOW).unwrap();
            asked(
                session,
                Request::CloseFile {
                    records: 0,
                    octets: 3,
                },
            )
        }
        "WF_RTR" => asked(speaker(ours), Request::Eerp(eerp())),
        "IDLELI" => listener(ours),
        "IDLELICD" => asked(speaker(ours), Request::ChangeDirection),
        "OPIP" => after(listener(ours), &Command::Sfid(sfid("FILE", 0))),
        "OPI" => receiving(ours),
        "CLIP" => closing(ours),
        "RTRP" => after(listener(ours), &Command::Eerp(eerp())),
        "WF_CD" => awaiting_turn(ours),
        "ERSTWFCD" => asked(awaiting_turn(ours), Request::Eerp(eerp())),
        "NRSTWFCD" => asked(awaiting_turn(ours), Request::Nerp(nerp())),
        "SFSTWFCD" => asked(awaiting_turn(ours), Request::StartFile(sfid("FILE", 0))),
        "CDSTWFCD" => asked(awaiting_turn(ours), Request::ChangeDirection),
        "WF_NDISC" => {
            let release = Request::Release(EndReason::UNSPECIFIED, String::new());
            asked(speaker(ours), release)
        }
        other => panic!("no way into {other}"),
    }
}

fn after(mut session: Session, command: &Command<'_>) -> Session {
    feed(&mut session, command);
    session
}

fn asked(mut session: Session, request: Request) -> Session {
    ask(&mut session, request);
    session
}

/// Applies the event and writes down all that came of it, sorted.
pub(super) fn observe(
    session: &mut Session,
    event: &str,
    state: &str,
    variant: &str,
) -> Vec<String> {
    let was_over = session.must_disconnect();
    let user_error = apply(session, event, state, variant);
    let mut outputs = answered(session, state, variant);
    outputs.extend(outcome(session, state));
    if user_error {
        outputs.push("UE".into());
    }
    // A partner's disconnect is answered by ours without being asked for.
    if session.must_disconnect() && !was_over && event != "N_DISC_IND" {
        outputs.push("N_DISC_RQ".into());
    }
    // F_DATA_CF right after F_DATA_RQ is told by `can_send_data`.
    if event == "F_DATA_RQ" && state == "OPO" && session.can_send_data() {
        outputs.push("F_DATA_CF".into());
    }
    outputs.sort();
    outputs
}

/// All that a session says and tells, sorted.
pub(super) fn outcome(session: &mut Session, state: &str) -> Vec<String> {
    let mut outputs = said(session);
    for event in news(session) {
        outputs.push(output(&event, state));
    }
    outputs.sort();
    outputs
}

/// The events that a session begins with instead of taking them.
pub(super) fn begun(event: &str, variant: &str) -> Option<Session> {
    let ours = Settings {
        credit: if variant == "unusable" { 0 } else { 8 },
        ..settings()
    };
    match event {
        "F_CONNECT_RQ" | "N_CON_CF" => Some(Session::initiator(ours, identity(OURS), NOW)),
        "N_CON_IND" if variant == "greeted" => Some(Session::responder_after_ssrm(ours, NOW)),
        "N_CON_IND" => Some(Session::responder(ours, NOW)),
        _ => None,
    }
}

/// Answers what secure authentication asks of the driver, which belongs to the transition.
fn answered(session: &mut Session, state: &str, variant: &str) -> Vec<String> {
    let refusal = || Refusal::authentication("no certificate");
    let request = match session.phase() {
        Phase::ChallengeAsked if variant == "refused" => Request::Challenge(Err(refusal())),
        Phase::ChallengeAsked => Request::Challenge(Ok(challenge())),
        Phase::ChallengeOffered if variant == "refused" => {
            Request::ChallengeResponse(Err(refusal()))
        }
        Phase::ChallengeOffered => Request::ChallengeResponse(Ok(challenge().secret)),
        _ => return Vec::new(),
    };
    let asked = outcome(session, state);
    ask(session, request);
    asked
}

/// True for a user error.
fn apply(session: &mut Session, event: &str, state: &str, variant: &str) -> bool {
    match event {
        "TIME-OUT" => {
            let deadline = session.next_timeout().unwrap_or(NOW * 1000);
            session.handle_timeout(deadline);
            false
        }
        "N_DISC_IND" | "N_RST_IND" => {
            session.disconnected(NOW);
            false
        }
        "Invalid Buffer" => {
            let octets: &[u8] = match variant {
                "length" => &[0x10, 0, 0, 6, b'R', b'R'],
                "content" => &[0x10, 0, 0, 6, b'4', b'?'],
                _ => &[0x10, 0, 0, 5, b'?'],
            };
            assert_eq!(session.receive(octets, NOW), octets.len());
            false
        }
        "F_DATA_RQ" => {
            let outcome = session.send_data(b"abc", false, NOW);
            // In OPOWFC the user error is told as "nothing taken".
            outcome.is_err() || (state == "OPOWFC" && outcome == Ok(0))
        }
        _ => match request(event, variant) {
            Some(request) => session.request(request, NOW).is_err(),
            None => {
                with_command(event, variant, |command| feed(session, command));
                false
            }
        },
    }
}

fn request(event: &str, variant: &str) -> Option<Request> {
    let text = String::new();
    Some(match event {
        "F_CONNECT_RS" if variant == "minus" => {
            let reason = EndReason::UNSPECIFIED;
            Request::ConnectResponse(Err(Refusal { reason, text }))
        }
        "F_CONNECT_RS" => Request::ConnectResponse(Ok(identity(OURS))),
        "F_ABORT_RQ" => Request::Abort,
        "F_EERP_RQ" => Request::Eerp(eerp()),
        "F_NERP_RQ" => Request::Nerp(nerp()),
        "F_START_FILE_RQ" => {
            let mut offer = sfid("FILE", 0);
            offer.restart = u64::from(variant == "restart");
            Request::StartFile(offer)
        }
        "F_CD_RQ" => Request::ChangeDirection,
        "F_REL_RQ(Ok)" => Request::Release(EndReason::NORMAL, text),
        "F_REL_RQ(Err)" => Request::Release(EndReason::UNSPECIFIED, text),
        "F_CLOSE_FILE_RQ" => Request::CloseFile {
            records: 0,
            octets: if variant == "count" { 4 } else { 3 },
        },
        "F_START_FILE_RS" => Request::StartFileResponse(match variant {
            "minus" => {
                let reason = FileReason::UNSPECIFIED;
                Err(FileRefusal {
                    reason,
                    retry: false,
                    text,
                })
            }
            "beyond" => Ok(Position::blocks(1)),
            _ => Ok(Position::START),
        }),
        "F_CLOSE_FILE_RS" => Request::CloseFileResponse(match variant {
            "minus" => Err(EndFileRefusal {
                reason: FileReason::UNSPECIFIED,
                text,
            }),
            "not-durable" => Ok((Durable::synced(2), false)),
            _ => Ok((Durable::synced(3), variant == "turn")),
        }),
        "F_RTR_RS" => Request::RtrResponse,
        _ => return None,
    })
}

fn with_command(event: &str, variant: &str, give: impl FnOnce(&Command<'_>)) {
    let data = databuf(b"abc", true);
    let reason = FileReason::UNSPECIFIED;
    let text = String::new();
    let command = match event {
        "SSRM" => Command::Ssrm(Ssrm),
        "SSID" => Command::Ssid(partners_ssid(variant)),
        "SECD" => Command::Secd,
        "AUCH" => Command::Auch(Auch {
            challenge: vec![1; 30],
        }),
        "AURP" if variant == "wrong" => Command::Aurp(Aurp { response: [2; 20] }),
        "AURP" => Command::Aurp(Aurp {
            response: challenge().secret,
        }),
        "SFID" => {
            let mut offer = sfid("FILE", 0);
            offer.restart = u64::from(variant == "restart");
            if variant == "record-length" {
                offer.format = Format::Fixed;
            }
            Command::Sfid(offer)
        }
        "SFPA" => Command::Sfpa(Sfpa {
            answer: u64::from(variant == "beyond"),
        }),
        "SFNA" => Command::Sfna(Sfna {
            reason,
            retry: false,
            text,
        }),
        "DATA" => Command::Data(&data),
        "CDT" => Command::Cdt,
        "EFID" => Command::Efid(Efid {
            records: 0,
            octets: u64::from(variant == "count"),
        }),
        "EFPA" => Command::Efpa(Efpa {
            change_direction: variant == "turn",
        }),
        "EFNA" => Command::Efna(Efna { reason, text }),
        "CD" => Command::Cd,
        "EERP" => Command::Eerp(eerp()),
        "NERP" => Command::Nerp(nerp()),
        "RTR" => Command::Rtr,
        "ESID R=Normal" => esid(EndReason::NORMAL),
        "ESID R=Error" => esid(EndReason::UNSPECIFIED),
        other => panic!("no command for {other}"),
    };
    give(&command);
}

fn partners_ssid(variant: &str) -> Ssid {
    let ours = settings();
    let theirs = ssid(&ours);
    match variant {
        "mode" => Ssid {
            mode: Mode::Send,
            ..theirs
        },
        "level" => Ssid {
            level: Level::L2,
            ..theirs
        },
        "restart" => Ssid {
            restart: true,
            ..theirs
        },
        "authentication" | "authenticated" => Ssid {
            authentication: true,
            ..theirs
        },
        "special-logic" => Ssid {
            special_logic: true,
            ..theirs
        },
        "credit" => Ssid {
            credit: ours.credit + 1,
            ..theirs
        },
        _ => theirs,
    }
}

/// The event in the tables' words; small letters where RFC 5024 has none.
fn output(event: &Event, state: &str) -> String {
    let word = match event {
        Event::Connect(_) => "F_CONNECT_IND",
        Event::Introduced(_) => "introduced",
        Event::ChallengeWanted => "challenge-wanted",
        Event::Challenged(_) => "challenged",
        Event::Connected(..) if matches!(state, "A_WF_CONRS" | "WF_AUCH") => "opened",
        Event::Connected(..) => "F_CONNECT_CF",
        Event::StartFile(_) => "F_START_FILE_IND",
        Event::StartFileAccepted { .. } => "F_START_FILE_CF(+)",
        Event::StartFileRefused { .. } => "F_START_FILE_CF(-)",
        Event::DataReceived => "F_DATA_IND",
        Event::DataConfirm => "F_DATA_CF",
        Event::CloseFile { .. } => "F_CLOSE_FILE_IND",
        Event::CloseFileAccepted { speaker: true } => "F_CLOSE_FILE_CF(+,Speaker=Yes)",
        Event::CloseFileAccepted { speaker: false } => "F_CLOSE_FILE_CF(+,Speaker=No)",
        Event::CloseFileRefused { .. } => "F_CLOSE_FILE_CF(-)",
        Event::FileDropped { .. } => "dropped",
        Event::Eerp(_) => "F_EERP_IND",
        Event::Nerp(_) => "F_NERP_IND",
        Event::RtrConfirm => "F_RTR_CF",
        Event::ChangeDirection => "F_CD_IND",
        Event::TurnTaken => "turn",
        Event::Released => "F_RELEASE_IND",
        Event::Deviation(_) => "deviation",
        Event::Aborted { reason, origin, .. } => {
            let reason =
                reason.map_or_else(|| "--".to_owned(), |reason| format!("{:02}", reason.0));
            let origin = if *origin == Origin::Local { 'L' } else { 'D' };
            return format!("F_ABORT_IND({reason},{origin})");
        }
    };
    word.to_owned()
}
