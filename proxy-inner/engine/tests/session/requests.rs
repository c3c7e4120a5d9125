//! What the engine refuses to do for its driver: nothing is sent, nothing changes (C6).

use engine::{
    Durable, Event, FileRefusal, Position, Received, Refusal, Request, RequestError, Session,
};
use oftp::{Command, Efid, EndReason, FileReason, Mode, Sfpa};

use rig::script::{
    NOW, ask, awaiting_turn, closing, databuf, eerp, feed, listener, nerp, news, receiving, said,
    sending, settings, sfid, speaker, ssid,
};

fn assert_refuses(session: &mut Session, request: Request, expected: &RequestError) {
    let state = session.state_name();
    let error = session.request(request, NOW).unwrap_err();
    assert_eq!(&error, expected);
    assert_eq!(session.state_name(), state);
    assert!(session.transmit().is_empty() && news(session).is_empty());
}

/// a side that only receives never offers.
#[test]
fn a_receiver_only_side_offers_nothing() {
    let mut ours = settings();
    ours.mode = Mode::Receive;
    let mut session = speaker(&ours);
    let request = Request::StartFile(sfid("FILE", 0));
    assert_refuses(&mut session, request, &RequestError::ReceiveOnly);
}

/// a restart that was not agreed.
#[test]
fn a_restart_that_was_not_agreed_is_not_offered() {
    let mut offer = sfid("FILE", 0);
    offer.restart = 3;
    let expected = RequestError::RestartNotAgreed { position: 3 };
    assert_refuses(
        &mut speaker(&settings()),
        Request::StartFile(offer.clone()),
        &expected,
    );
    assert_refuses(
        &mut awaiting_turn(&settings()),
        Request::StartFile(offer),
        &expected,
    );
}

/// the count that goes out is the count of what went out.
#[test]
fn a_file_is_closed_only_after_its_end_and_with_its_own_count() {
    let mut session = sending(&settings());
    let close = |records, octets| Request::CloseFile { records, octets };
    assert_refuses(&mut session, close(0, 0), &RequestError::EndNotSent);
    assert_eq!(session.send_data(b"abc", true, NOW), Ok(3));
    assert!(session.can_close_file() && !session.can_send_data());
    assert_eq!(said(&mut session), ["DATA"]);
    let wrong = |records, octets| RequestError::Count {
        records,
        octets,
        sent_records: 0,
        sent: 3,
    };
    assert_refuses(&mut session, close(0, 4), &wrong(0, 4));
    assert_refuses(&mut session, close(1, 3), &wrong(1, 3));
    assert_eq!(
        session.send_data(b"d", true, NOW),
        Err(RequestError::AfterEnd)
    );
    assert_eq!(session.send_data(b"", true, NOW), Ok(0));
    ask(&mut session, close(0, 3));
    assert_eq!(said(&mut session), ["EFID"]);
}

/// R-126, S4-E: without credit neither DATA nor EFID goes out, even when the file is at its end.
#[test]
fn without_credit_neither_data_nor_the_end_goes_out() {
    let mut ours = settings();
    ours.credit = 1;
    let mut session = sending(&ours);
    assert_eq!(session.send_data(b"abc", true, NOW), Ok(3));
    assert_eq!(said(&mut session), ["DATA"]);
    assert!(!session.can_close_file() && !session.can_send_data());
    assert_eq!(session.send_data(b"d", false, NOW), Ok(0));
    let close = Request::CloseFile {
        records: 0,
        octets: 3,
    };
    let expected = RequestError::NotInState {
        request: "F_CLOSE_FILE_RQ",
        state: "OPOWFC",
    };
    assert_refuses(&mut session, close.clone(), &expected);
    feed(&mut session, &Command::Cdt);
    assert_eq!(news(&mut session), [Event::DataConfirm]);
    assert!(session.can_close_file());
    ask(&mut session, close);
}

/// the answer is at most the offer.
#[test]
fn an_answer_beyond_the_offer_is_refused_and_a_lower_one_is_sent() {
    let mut ours = settings();
    ours.restart = true;
    let mut session = listener(&ours);
    let mut offer = sfid("FILE", 0);
    offer.restart = 10;
    feed(&mut session, &Command::Sfid(offer));
    let _ = news(&mut session);
    let answer = |answer| Request::StartFileResponse(Ok(answer));
    let expected = RequestError::AnswerBeyondOffer {
        answer: 11,
        offered: 10,
    };
    assert_refuses(&mut session, answer(Position::blocks(11)), &expected);
    ask(&mut session, answer(Position::blocks(4)));
    assert_eq!(said(&mut session), ["SFPA"]);
    // 4 blocks of 1024 octets are there already and count.
    feed(&mut session, &Command::Data(&databuf(b"abc", true)));
    session.take_received(&mut Received::default(), NOW);
    feed(
        &mut session,
        &Command::Efid(Efid {
            records: 0,
            octets: 4 * 1024 + 3,
        }),
    );
    assert_eq!(session.state_name(), "CLIP");
    let proof = Durable::synced(4 * 1024 + 3);
    ask(&mut session, Request::CloseFileResponse(Ok((proof, false))));
}

/// sending resumes at the lower position, and the count is of the whole file.
#[test]
fn a_resumed_file_is_closed_with_the_count_of_the_whole_file() {
    let mut ours = settings();
    ours.restart = true;
    let mut session = speaker(&ours);
    let mut offer = sfid("FILE", 0);
    offer.restart = 10;
    ask(&mut session, Request::StartFile(offer));
    feed(&mut session, &Command::Sfpa(Sfpa { answer: 2 }));
    assert_eq!(news(&mut session), [Event::StartFileAccepted { answer: 2 }]);
    assert_eq!(session.send_data(b"tail", true, NOW), Ok(4));
    ask(
        &mut session,
        Request::CloseFile {
            records: 0,
            octets: 2048 + 4,
        },
    );
}

/// Acknowledging needs every octet taken and durable.
#[test]
fn a_file_is_acknowledged_only_when_all_of_it_is_taken_and_durable() {
    let mut session = receiving(&settings());
    feed(&mut session, &Command::Data(&databuf(b"abc", true)));
    feed(
        &mut session,
        &Command::Efid(Efid {
            records: 0,
            octets: 3,
        }),
    );
    let _ = news(&mut session);
    let accept = |octets| Request::CloseFileResponse(Ok((Durable::synced(octets), false)));
    assert_refuses(
        &mut session,
        accept(3),
        &RequestError::DataWaiting { octets: 3 },
    );
    session.take_received(&mut Received::default(), NOW);
    for synced in [0, 2, 4] {
        let expected = RequestError::NotDurable {
            synced,
            received: 3,
        };
        assert_refuses(&mut session, accept(synced), &expected);
    }
    ask(&mut session, accept(3));
    assert_eq!(said(&mut session), ["EFPA(N)"]);
}

/// A refusal is no normal end.
#[test]
fn a_session_is_not_refused_with_reason_00() {
    let mut session = Session::responder_after_ssrm(settings(), NOW);
    feed(&mut session, &Command::Ssid(ssid(&settings())));
    let _ = news(&mut session);
    let refusal = Refusal {
        reason: EndReason::NORMAL,
        text: String::new(),
    };
    let request = Request::ConnectResponse(Err(refusal));
    assert_refuses(&mut session, request, &RequestError::NormalRefusal);
}

/// ESID 00 only right after an unsolicited CD.
#[test]
fn a_normal_release_is_refused_outside_idlespcd() {
    let release = || Request::Release(EndReason::NORMAL, String::new());
    for (mut session, state) in [
        (speaker(&settings()), "IDLESP"),
        (listener(&settings()), "IDLELI"),
        (sending(&settings()), "OPO"),
        (closing(&settings()), "CLIP"),
    ] {
        let expected = RequestError::NotInState {
            request: "F_RELEASE_RQ",
            state,
        };
        assert_refuses(&mut session, release(), &expected);
    }
}

/// A command whose fields do not fit is refused when it is asked for, not when the turn arrives.
#[test]
fn a_command_that_does_not_fit_the_wire_is_refused_at_once() {
    let mut wide_eerp = eerp();
    wide_eerp.signature = vec![0; 70_000];
    let mut wide_nerp = nerp();
    wide_nerp.hash = vec![0; 70_000];
    let mut endless = sfid("FILE", 0);
    endless.size_blocks = u64::MAX;
    for request in [
        Request::Eerp(wide_eerp),
        Request::Nerp(wide_nerp),
        Request::StartFile(endless),
    ] {
        for mut session in [speaker(&settings()), awaiting_turn(&settings())] {
            let state = session.state_name();
            let outcome = session.request(request.clone(), NOW);
            assert!(
                matches!(outcome, Err(RequestError::Encode(_))),
                "{outcome:?}"
            );
            assert!(session.transmit().is_empty() && session.state_name() == state);
        }
    }
}

/// a reason that RFC 5024 does not have goes out as one that it has.
#[test]
fn a_reason_that_the_rfc_does_not_have_goes_out_as_unspecified() {
    for reason in [EndReason(13), EndReason(98), EndReason(100)] {
        let mut session = speaker(&settings());
        ask(&mut session, Request::Release(reason, String::new()));
        assert_eq!(said(&mut session), ["ESID(99)"]);
    }
    let mut session = listener(&settings());
    feed(&mut session, &Command::Sfid(sfid("FILE", 0)));
    let refusal = FileRefusal {
        reason: FileReason(98),
        retry: false,
        text: String::new(),
    };
    ask(&mut session, Request::StartFileResponse(Err(refusal)));
    let sfna = session.transmit();
    assert_eq!(&sfna[..8], b"\x10\x00\x00\x0b399N");
}

/// long words are cut, not refused.
#[test]
fn long_words_to_the_partner_are_cut_to_what_fits() {
    let mut session = listener(&settings());
    feed(&mut session, &Command::Sfid(sfid("FILE", 0)));
    let text = "ß".repeat(900);
    let reason = FileReason::TOO_BIG;
    let refusal = FileRefusal {
        reason,
        retry: true,
        text: text.clone(),
    };
    ask(&mut session, Request::StartFileResponse(Err(refusal)));
    assert_eq!(session.transmit().len(), 4 + 7 + 998);
    ask(
        &mut session,
        Request::Release(EndReason::EMERGENCY_CLOSE, text),
    );
    assert_eq!(session.transmit().len(), 4 + 7 + 998 + 4 + 7 + 998);
}
