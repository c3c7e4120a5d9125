//! Every way a session ends out of order, and the reason the partner is told.

use engine::{Event, Origin, Received, Refusal, Request, Session};
use oftp::{Command, Efid, Efpa, EndReason, Mode, Sfpa, Ssid, Ssrm};

use rig::script::{
    NOW, OURS, abort_of, ask, closing, databuf, esid, feed, frame, identity, listener, news, quiet,
    receiving, said, sending, settings, sfid, speaker, ssid,
};

fn assert_ends(session: &mut Session, reason: EndReason) {
    assert_eq!(said(session), [format!("ESID({:02})", reason.0)]);
    assert_eq!(abort_of(&news(session)), (Some(reason), Origin::Local));
    assert_eq!(session.state_name(), "WF_NDISC");
    assert!(!session.must_disconnect(), "the partner disconnects");
    session.disconnected(NOW);
    assert!(session.must_disconnect() && news(session).is_empty());
}

/// unknown command code.
#[test]
fn an_unknown_command_ends_with_reason_01() {
    let mut session = listener(&settings());
    let octets = [0x10, 0, 0, 5, b'?'];
    assert_eq!(session.receive(&octets, NOW), 5);
    assert_ends(&mut session, EndReason::COMMAND_NOT_RECOGNISED);
}

/// a command that the state does not allow.
#[test]
fn a_command_out_of_place_ends_with_reason_02() {
    let mut session = speaker(&settings());
    feed(&mut session, &Command::Sfid(sfid("FILE", 0)));
    assert_ends(&mut session, EndReason::PROTOCOL_VIOLATION);
}

/// credit while some is left.
#[test]
fn credit_granted_too_early_ends_with_reason_02() {
    let mut session = sending(&settings());
    feed(&mut session, &Command::Cdt);
    assert_ends(&mut session, EndReason::PROTOCOL_VIOLATION);
}

/// an answer beyond the offered restart position.
#[test]
fn a_restart_answer_beyond_the_offer_ends_with_reason_02() {
    let mut session = speaker(&settings());
    ask(&mut session, Request::StartFile(sfid("FILE", 0)));
    quiet(&mut session);
    feed(&mut session, &Command::Sfpa(Sfpa { answer: 1 }));
    assert_ends(&mut session, EndReason::PROTOCOL_VIOLATION);
}

/// a restart that was not agreed.
#[test]
fn an_offer_with_a_restart_that_was_not_agreed_ends_with_reason_02() {
    let mut session = listener(&settings());
    let mut offer = sfid("FILE", 0);
    offer.restart = 1;
    feed(&mut session, &Command::Sfid(offer));
    assert_ends(&mut session, EndReason::PROTOCOL_VIOLATION);
}

/// an offer to a side that only sends.
#[test]
fn an_offer_to_a_sender_only_side_ends_with_reason_02() {
    let mut ours = settings();
    ours.mode = Mode::Send;
    let mut session = listener(&ours);
    feed(&mut session, &Command::Sfid(sfid("FILE", 0)));
    assert_ends(&mut session, EndReason::PROTOCOL_VIOLATION);
}

/// invalid field content.
#[test]
fn invalid_content_ends_with_reason_06() {
    let mut session = listener(&settings());
    let mut octets = frame(&Command::Sfid(sfid("FILE", 0)));
    octets[4 + 106] = b'?';
    session.receive(&octets, NOW);
    assert_ends(&mut session, EndReason::INVALID_DATA);
}

/// a compressed subrecord that was not agreed.
#[test]
fn compressed_data_that_was_not_agreed_ends_with_reason_06() {
    let mut ours = settings();
    ours.compression = false;
    let mut session = receiving(&ours);
    feed(&mut session, &Command::Data(&[0xC5, b'x']));
    assert_ends(&mut session, EndReason::INVALID_DATA);
}

/// the same subrecord where it was agreed.
#[test]
fn compressed_data_that_was_agreed_is_expanded() {
    let mut session = receiving(&settings());
    feed(&mut session, &Command::Data(&[0xC5, b'x']));
    let mut batch = Received::default();
    session.take_received(&mut batch, NOW);
    assert_eq!(batch.octets, b"xxxxx");
}

/// a command longer or shorter than its layout.
#[test]
fn a_command_of_the_wrong_length_ends_with_reason_07() {
    let mut session = listener(&settings());
    session.receive(&[0x10, 0, 0, 6, b'R', b' '], NOW);
    assert_ends(&mut session, EndReason::BUFFER_SIZE);
}

/// a DATA buffer beyond the agreed size.
#[test]
fn data_far_beyond_the_agreed_size_ends_with_reason_07() {
    let mut session = receiving(&settings());
    let content = databuf(&[0; 4100], false);
    feed(&mut session, &Command::Data(&content));
    assert_ends(&mut session, EndReason::BUFFER_SIZE);
}

/// a subrecord that runs over the end of its buffer.
#[test]
fn a_subrecord_that_overruns_its_buffer_ends_with_reason_07() {
    let mut session = receiving(&settings());
    feed(&mut session, &Command::Data(&[5, b'a', b'b']));
    assert_ends(&mut session, EndReason::BUFFER_SIZE);
}

/// a length that no exchange buffer can have; nothing after it is read.
#[test]
fn a_stream_header_of_impossible_length_ends_with_reason_07() {
    for length in [0, 4, 100_004, 0xFF_FFFF_u32] {
        let mut session = listener(&settings());
        let [_, high, middle, low] = length.to_be_bytes();
        let mut octets = vec![0x10, high, middle, low];
        octets.extend(frame(&Command::Cd));
        assert_eq!(session.receive(&octets, NOW), octets.len());
        assert_ends(&mut session, EndReason::BUFFER_SIZE);
    }
}

/// with an unknown header version nobody knows where anything begins.
#[test]
fn a_stream_header_of_unknown_version_drops_the_connection() {
    let mut session = listener(&settings());
    session.receive(&[0x20, 0, 0, 5, b'R'], NOW);
    assert!(said(&mut session).is_empty());
    assert_eq!(abort_of(&news(&mut session)), (None, Origin::Local));
    assert!(session.must_disconnect());
}

/// flags are reserved and ignored.
#[test]
fn flags_in_a_stream_header_are_ignored() {
    let mut session = listener(&settings());
    session.receive(&[0x1F, 0, 0, 5, b'R'], NOW);
    assert_eq!(session.state_name(), "IDLESPCD");
}

/// the driver knows the caller or not; it gets no indication of what it asked for.
#[test]
fn a_refused_caller_is_told_the_drivers_reason() {
    for reason in [
        EndReason::USER_CODE_NOT_KNOWN,
        EndReason::INVALID_PASSWORD,
        EndReason::NO_RESOURCES,
    ] {
        let mut session = Session::responder_after_ssrm(settings(), NOW);
        feed(&mut session, &Command::Ssid(ssid(&settings())));
        quiet(&mut session);
        let refusal = Refusal {
            reason,
            text: String::new(),
        };
        ask(&mut session, Request::ConnectResponse(Err(refusal)));
        assert_eq!(said(&mut session), [format!("ESID({:02})", reason.0)]);
        assert!(news(&mut session).is_empty());
        assert_eq!(session.state_name(), "WF_NDISC");
    }
}

/// S1-F: a second SSID drops the connection without ESID.
#[test]
fn a_second_ssid_drops_the_connection() {
    let mut session = listener(&settings());
    feed(&mut session, &Command::Ssid(ssid(&settings())));
    assert!(said(&mut session).is_empty());
    assert_eq!(abort_of(&news(&mut session)), (None, Origin::Local));
    assert!(session.must_disconnect());
}

/// C4: the responder must begin with SSRM.
#[test]
fn an_initiator_that_is_not_greeted_ends_with_reason_02() {
    let mut session = Session::initiator(settings(), identity(OURS), NOW);
    feed(&mut session, &Command::Ssid(ssid(&settings())));
    assert_ends(&mut session, EndReason::PROTOCOL_VIOLATION);
}

/// R-162, C2: the partner's ESID ends the session in any state, and it is we who disconnect.
#[test]
fn an_esid_of_the_partner_is_passed_on_with_its_words() {
    let mut session = sending(&settings());
    feed(&mut session, &esid(EndReason::NO_RESOURCES));
    let news = news(&mut session);
    assert_eq!(
        abort_of(&news),
        (Some(EndReason::NO_RESOURCES), Origin::Distant)
    );
    assert!(matches!(&news[0], Event::Aborted { text, .. } if text == "partner's words"));
    assert!(said(&mut session).is_empty() && session.must_disconnect());
}

/// R-165, C3: after our ESID nothing means anything, not even a file or another ESID.
#[test]
fn nothing_is_heard_after_our_own_esid() {
    let mut session = receiving(&settings());
    ask(
        &mut session,
        Request::Release(EndReason::EMERGENCY_CLOSE, "power failure".into()),
    );
    quiet(&mut session);
    let content = databuf(b"late", true);
    for command in [
        Command::Data(&content),
        Command::Ssrm(Ssrm),
        esid(EndReason::NORMAL),
    ] {
        feed(&mut session, &command);
    }
    assert_eq!(session.receive(b"not even framed", NOW), 15);
    assert!(news(&mut session).is_empty() && said(&mut session).is_empty());
    assert_eq!(
        (session.state_name(), session.received_len()),
        ("WF_NDISC", 0)
    );
}

/// S2-C: an abort says nothing, and what waited to be written is dropped.
#[test]
fn an_abort_drops_the_connection_without_a_word() {
    let mut session = sending(&settings());
    session.send_data(&[0; 9000], false, NOW).unwrap();
    ask(&mut session, Request::Abort);
    assert!(session.transmit().is_empty() && session.must_disconnect());
    assert!(news(&mut session).is_empty());
}

/// C8: the answer comes after the partner has gone.
#[test]
fn an_answer_after_a_disconnect_is_an_error() {
    let mut session = closing(&settings());
    session.disconnected(NOW);
    assert_eq!(abort_of(&news(&mut session)), (None, Origin::Distant));
    let answer = Request::CloseFileResponse(Ok((engine::Durable::synced(3), false)));
    session.request(answer, NOW).unwrap_err();
    session.disconnected(NOW);
    assert!(news(&mut session).is_empty(), "an end is reported once");
}

/// S4-B, S5-B and C1: answers nobody asked for.
#[test]
fn answers_nobody_asked_for_end_with_reason_02() {
    for command in [
        Command::Sfpa(Sfpa { answer: 0 }),
        Command::Efpa(Efpa {
            change_direction: false,
        }),
        Command::Efid(Efid {
            records: 0,
            octets: 0,
        }),
        Command::Rtr,
        Command::Secd,
    ] {
        let mut session = speaker(&settings());
        feed(&mut session, &command);
        assert_ends(&mut session, EndReason::PROTOCOL_VIOLATION);
    }
}

/// a partner that asks for secure authentication is refused, since there is none.
#[test]
fn a_caller_that_asks_for_authentication_ends_with_reason_12() {
    let mut session = Session::responder_after_ssrm(settings(), NOW);
    let theirs = Ssid {
        authentication: true,
        ..ssid(&settings())
    };
    feed(&mut session, &Command::Ssid(theirs));
    quiet(&mut session);
    ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
    assert_ends(&mut session, EndReason::AUTHENTICATION_INCOMPATIBLE);
}
