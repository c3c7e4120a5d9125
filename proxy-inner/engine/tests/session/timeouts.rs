//! Who is waited for and how long, under invented time: every wait ends at its limit, exactly.

use core::time::Duration;

use engine::{Origin, Received, Request, Session, Settings, Timers};
use oftp::{Command, Efpa, EndReason};

use rig::script::{
    NOW, OURS, abort_of, ask, authenticating, awaiting_turn, closing, databuf, eerp, esid, feed,
    frame, identity, listener, news, quiet, receiving, said_at, sending, settings, sfid, speaker,
    ssid,
};

const TICK: Duration = Duration::from_millis(1);

fn timers() -> Timers {
    settings().timers
}

/// Octets that no compression makes smaller.
fn noise(octets: usize) -> Vec<u8> {
    (0..octets)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

/// A speaker whose file is sent to its end: CLOP.
fn ended() -> Session {
    let mut session = sending(&settings());
    session.send_data(b"abc", true, NOW).unwrap();
    let (records, octets) = (0, 3);
    ask(&mut session, Request::CloseFile { records, octets });
    quiet(&mut session);
    session
}

fn asked(mut session: Session, request: Request) -> Session {
    ask(&mut session, request);
    quiet(&mut session);
    session
}

fn after(mut session: Session, command: &Command<'_>) -> Session {
    feed(&mut session, command);
    quiet(&mut session);
    session
}

fn assert_ends_with(session: &mut Session, deadline: Duration, reason: EndReason) {
    let state = session.state_name();
    assert_eq!(session.next_timeout(), Some(deadline), "{state}");
    session.handle_timeout(deadline.saturating_sub(TICK));
    assert!(news(session).is_empty() && session.transmit().is_empty());
    session.handle_timeout(deadline);
    let end = abort_of(&news(session));
    assert_eq!(end, (Some(reason), Origin::Local), "{state}");
    assert_eq!(
        said_at(session, deadline),
        [format!("ESID({:02})", reason.0)]
    );
}

/// a silent partner is told ESID 09, then the connection is closed; each step of the
/// opening has the time for the opening, secure authentication included.
#[test]
fn a_partner_that_is_silent_in_the_opening_is_cut_after_the_time_for_it() {
    let greeted = after(
        Session::initiator(settings(), identity(OURS), NOW),
        &Command::Ssrm(oftp::Ssrm),
    );
    let mut sessions = vec![
        Session::initiator(settings(), identity(OURS), NOW),
        greeted,
        Session::responder_after_ssrm(settings(), NOW),
    ];
    for state in ["WF_AUCH", "WF_SECD", "WF_AURP"] {
        sessions.push(authenticating(state, true));
        sessions.push(authenticating(state, false));
    }
    for session in &mut sessions {
        assert_ends_with(session, NOW + timers().opening, EndReason::TIME_OUT);
        assert!(session.must_disconnect());
        assert_eq!(session.next_timeout(), None);
    }
}

///
#[test]
fn a_partner_that_is_silent_in_an_open_session_is_cut_after_the_inactivity_time() {
    let offer = Request::StartFile(sfid("FILE", 0));
    let spent = Settings {
        credit: 1,
        ..settings()
    };
    let mut waiting_for_credit = sending(&spent);
    waiting_for_credit.send_data(b"abc", true, NOW).unwrap();
    quiet(&mut waiting_for_credit);
    for mut session in [
        asked(speaker(&settings()), offer.clone()),
        asked(speaker(&settings()), Request::Eerp(eerp())),
        asked(speaker(&settings()), Request::ChangeDirection),
        waiting_for_credit,
        listener(&settings()),
        receiving(&settings()),
        awaiting_turn(&settings()),
        asked(awaiting_turn(&settings()), offer),
    ] {
        assert_ends_with(&mut session, NOW + timers().inactivity, EndReason::TIME_OUT);
        assert!(session.must_disconnect());
        assert_eq!(session.next_timeout(), None);
    }
}

/// The partner that has all of our file gets the time to keep it.
#[test]
fn the_answer_to_the_end_of_a_file_has_its_own_time() {
    let mut session = ended();
    assert_ends_with(
        &mut session,
        NOW + timers().end_of_file,
        EndReason::TIME_OUT,
    );
    let mut session = ended();
    let late = NOW + timers().end_of_file - TICK;
    let change_direction = false;
    let octets = frame(&Command::Efpa(Efpa { change_direction }));
    session.receive(&octets, late);
    assert_eq!(session.state_name(), "IDLESP");
    assert_eq!(session.next_timeout(), Some(late + timers().answer));
}

/// Our own driver is bounded too: the partner is told ESID 08 and has its time to leave.
#[test]
fn a_driver_that_does_not_act_ends_the_session_with_reason_08() {
    let answering = |state: &str, command: Command<'_>| {
        let mut session = authenticating(state, true);
        feed(&mut session, &command);
        let _ = news(&mut session);
        session
    };
    let challenge = rig::script::challenge().sealed;
    for mut session in [
        after(
            Session::responder_after_ssrm(settings(), NOW),
            &Command::Ssid(ssid(&settings())),
        ),
        answering("WF_SECD", Command::Secd),
        answering("WF_AUCH", Command::Auch(oftp::Auch { challenge })),
        speaker(&settings()),
        after(listener(&settings()), &Command::Cd),
        sending(&settings()),
        after(listener(&settings()), &Command::Sfid(sfid("FILE", 0))),
        closing(&settings()),
        after(listener(&settings()), &Command::Eerp(eerp())),
    ] {
        let deadline = NOW + timers().answer;
        assert_ends_with(&mut session, deadline, EndReason::NO_RESOURCES);
        assert_eq!(session.state_name(), "WF_NDISC");
        let leave = deadline + timers().leave;
        assert_eq!(session.next_timeout(), Some(leave));
        session.handle_timeout(leave);
        assert!(session.must_disconnect() && news(&mut session).is_empty());
    }
}

/// An answer of the driver just in time is one.
#[test]
fn an_answer_of_the_driver_begins_the_partners_time() {
    let mut session = after(listener(&settings()), &Command::Eerp(eerp()));
    let late = NOW + timers().answer - TICK;
    session.handle_timeout(late);
    session.request(Request::RtrResponse, late).unwrap();
    session.transmitted(session.transmit().len(), late + TICK);
    assert_eq!(
        session.next_timeout(),
        Some(late + TICK + timers().inactivity)
    );
}

/// every exchange buffer starts the time anew, a part of one does not.
#[test]
fn whole_exchange_buffers_restart_the_time() {
    let mut session = receiving(&settings());
    let limit = timers().inactivity;
    let octets = frame(&Command::Data(&databuf(b"abc", false)));
    let later = NOW + limit / 2;
    assert_eq!(session.receive(&octets[..octets.len() - 1], later), 0);
    assert_eq!(session.next_timeout(), Some(NOW + limit));
    session.receive(&octets, later);
    session.take_received(&mut Received::default(), later);
    assert_eq!(session.next_timeout(), Some(later + limit));
    // Also one that carries nothing to take.
    let last = later + limit / 2;
    session.receive(&frame(&Command::Data(&[])), last);
    assert_eq!(session.next_timeout(), Some(last + limit));
}

/// A driver that is slow to take octets makes no partner look silent; it is the one that is waited
/// for.
#[test]
fn octets_that_wait_to_be_taken_are_waited_for_at_the_driver() {
    let mut session = receiving(&settings());
    let data = frame(&Command::Data(&databuf(b"abc", false)));
    session.receive(&data, NOW);
    assert_eq!(session.next_timeout(), Some(NOW + timers().answer));
    // What the partner sends meanwhile is no sign of life of the driver.
    let late = NOW + timers().answer - TICK;
    session.receive(&data, late);
    assert_eq!(session.next_timeout(), Some(NOW + timers().answer));
    session.take_received(&mut Received::default(), late);
    assert_eq!(session.next_timeout(), Some(late + timers().inactivity));
    session.receive(&data, late);
    assert_ends_with_untaken(session, late + timers().answer);
}

fn assert_ends_with_untaken(mut session: Session, deadline: Duration) {
    let _ = news(&mut session);
    session.handle_timeout(deadline);
    assert_eq!(said_at(&mut session, deadline), ["ESID(08)"]);
    assert_eq!(session.received_len(), 0, "nothing is taken any more");
    assert!(session.next_timeout().is_some_and(|next| next > deadline));
}

/// A partner that does not read is dropped without ESID, which would reach nobody.
#[test]
fn a_partner_that_stops_reading_is_dropped() {
    let mut session = sending(&settings());
    let limit = timers().inactivity;
    session.send_data(&noise(20_000), false, NOW).unwrap();
    let later = NOW + limit / 3;
    session.transmitted(100, later);
    assert_eq!(session.next_timeout(), Some(later + limit));
    // Reading counts, sending does not.
    session.transmitted(0, later + limit / 2);
    session.handle_timeout(later + limit - TICK);
    assert!(!session.must_disconnect());
    session.handle_timeout(later + limit);
    assert_eq!(abort_of(&news(&mut session)), (None, Origin::Local));
    assert!(session.transmit().is_empty() && session.must_disconnect());
}

/// A partner that sends without reading does not keep a session alive for ever: what we answer it
/// would grow.
#[test]
fn a_partner_that_sends_and_does_not_read_is_dropped() {
    let narrow = Settings {
        credit: 1,
        ..settings()
    };
    let mut session = receiving(&narrow);
    let data = frame(&Command::Data(&[]));
    let limit = timers().inactivity;
    for step in 0..10 {
        session.receive(&data, NOW + limit * step / 10);
    }
    assert_eq!(session.next_timeout(), Some(NOW + limit));
    session.handle_timeout(NOW + limit);
    assert!(session.must_disconnect());
}

/// The same where each of its commands takes the session to another state and back.
#[test]
fn receipts_do_not_keep_a_partner_that_does_not_read() {
    let mut session = listener(&settings());
    let limit = timers().inactivity;
    let receipt = frame(&Command::Eerp(eerp()));
    for step in 0..4 {
        let now = NOW + limit * step / 4;
        session.receive(&receipt, now);
        session.request(Request::RtrResponse, now).unwrap();
        assert_eq!(session.next_timeout(), Some(NOW + limit), "step {step}");
    }
    session.handle_timeout(NOW + limit);
    assert!(session.must_disconnect());
}

/// S2-A, R-247: a partner that does not disconnect after our ESID is left.
#[test]
fn a_partner_that_ignores_our_esid_is_disconnected_in_the_end() {
    let mut session = listener(&settings());
    let end = Request::Release(EndReason::EMERGENCY_CLOSE, String::new());
    ask(&mut session, end);
    quiet(&mut session);
    let leave = timers().leave;
    assert_eq!(session.next_timeout(), Some(NOW + leave));
    // What the partner still says does not prolong it.
    session.receive(&frame(&Command::Cd), NOW + leave / 2);
    session.receive(b"anything", NOW + leave / 2);
    assert_eq!(session.next_timeout(), Some(NOW + leave));
    session.handle_timeout(NOW + leave);
    assert!(session.must_disconnect());
    assert!(news(&mut session).is_empty() && session.transmit().is_empty());
}

/// S2-A, R-162: neither does a partner stay that does not even read our ESID, and octets nobody
/// took change nothing.
#[test]
fn a_partner_that_does_not_read_our_esid_is_left_all_the_same() {
    let mut session = receiving(&settings());
    feed(&mut session, &Command::Data(&databuf(b"abc", false)));
    let end = Request::Release(EndReason::EMERGENCY_CLOSE, String::new());
    ask(&mut session, end);
    let leave = timers().leave;
    assert_eq!(session.next_timeout(), Some(NOW + leave));
    session.transmitted(3, NOW + leave / 2);
    assert_eq!(session.next_timeout(), Some(NOW + leave / 2 + leave));
    session.handle_timeout(NOW + leave * 2);
    assert!(session.must_disconnect() && session.transmit().is_empty());
}

/// Offering octets that are not taken is no sign of life of anybody.
#[test]
fn offering_octets_in_vain_does_not_restart_the_time() {
    let mut session = sending(&settings());
    let file = noise(100_000);
    let limit = timers().inactivity;
    session.send_data(&file, false, NOW).unwrap();
    assert_eq!(session.state_name(), "OPOWFC");
    let later = NOW + limit / 2;
    assert_eq!(session.send_data(&file, false, later), Ok(0));
    assert_eq!(session.next_timeout(), Some(NOW + limit));
    let wide = Settings {
        credit: 999,
        ..settings()
    };
    let mut session = sending(&wide);
    let file = noise(2_000_000);
    session.send_data(&file, false, NOW).unwrap();
    assert_eq!(session.state_name(), "OPO");
    assert_eq!(session.send_data(&file, false, later), Ok(0));
    assert_eq!(session.next_timeout(), Some(NOW + limit));
}

/// A request in vain is not one either.
#[test]
fn a_request_that_is_refused_does_not_restart_the_time() {
    let mut session = speaker(&settings());
    session
        .request(Request::RtrResponse, NOW + TICK)
        .unwrap_err();
    assert_eq!(session.next_timeout(), Some(NOW + timers().answer));
}

/// A session that is over waits for nothing.
#[test]
fn nothing_is_waited_for_after_the_end() {
    let mut session = sending(&settings());
    feed(&mut session, &esid(EndReason::EMERGENCY_CLOSE));
    assert_eq!(session.next_timeout(), None);
    let _ = news(&mut session);
    session.handle_timeout(NOW * 1000);
    assert!(news(&mut session).is_empty());
}

/// Every limit is a setting, and `Duration::MAX` is none.
#[test]
fn the_limits_are_settings() {
    let second = |count| Duration::from_secs(count);
    let ours = Settings {
        timers: Timers {
            opening: second(1),
            inactivity: second(2),
            end_of_file: second(3),
            leave: second(4),
            answer: Duration::MAX,
        },
        ..settings()
    };
    let opening = Session::responder_after_ssrm(ours.clone(), NOW);
    assert_eq!(opening.next_timeout(), Some(NOW + second(1)));
    assert_eq!(listener(&ours).next_timeout(), Some(NOW + second(2)));
    assert_eq!(speaker(&ours).next_timeout(), Some(Duration::MAX));
    let release = Request::Release(EndReason::UNSPECIFIED, String::new());
    let leaving = asked(speaker(&ours), release);
    assert_eq!(leaving.next_timeout(), Some(NOW + second(4)));
}
