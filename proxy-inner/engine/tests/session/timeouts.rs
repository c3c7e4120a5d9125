//! The inactivity timer under invented time.

use core::time::Duration;

use engine::{Origin, Received, Request, Session, Settings, Timers};
use oftp::{Command, EndReason};

use rig::script::{
    NOW, OURS, abort_of, ask, closing, databuf, feed, frame, identity, listener, news, quiet,
    receiving, said, sending, settings, speaker,
};

const LIMIT: Duration = Duration::from_secs(180);

/// a silent partner is told ESID 09, then the connection is closed.
#[test]
fn a_silent_partner_is_told_reason_09_and_disconnected() {
    let mut open_file = receiving(&settings());
    feed(&mut open_file, &Command::Data(&[]));
    for mut session in [
        Session::initiator(settings(), identity(OURS), NOW),
        Session::responder_after_ssrm(settings(), NOW),
        open_file,
    ] {
        assert_eq!(session.next_timeout(), Some(NOW + LIMIT));
        session.handle_timeout(NOW + LIMIT - Duration::from_millis(1));
        assert!(news(&mut session).is_empty());
        session.handle_timeout(NOW + LIMIT);
        assert_eq!(
            abort_of(&news(&mut session)),
            (Some(EndReason::TIME_OUT), Origin::Local)
        );
        assert_eq!(said(&mut session), ["ESID(09)"]);
        assert!(session.must_disconnect());
        assert_eq!(session.next_timeout(), None);
    }
}

/// while only our own side is waited for, no time is too long.
#[test]
fn the_timer_stands_still_while_our_own_side_is_waited_for() {
    for mut session in [
        speaker(&settings()),
        sending(&settings()),
        closing(&settings()),
    ] {
        assert_eq!(session.next_timeout(), None, "{}", session.state_name());
        session.handle_timeout(NOW + LIMIT * 100);
        assert!(news(&mut session).is_empty() && !session.must_disconnect());
    }
}

/// every exchange buffer starts the time anew, a part of one does not.
#[test]
fn whole_exchange_buffers_restart_the_timer() {
    let mut session = receiving(&settings());
    let octets = frame(&Command::Data(&databuf(b"abc", false)));
    let later = NOW + LIMIT / 2;
    assert_eq!(session.receive(&octets[..octets.len() - 1], later), 0);
    assert_eq!(session.next_timeout(), Some(NOW + LIMIT));
    session.receive(&octets, later);
    session.take_received(&mut Received::default(), NOW);
    assert_eq!(session.next_timeout(), Some(later + LIMIT));
}

/// A driver that is slow to take octets makes no partner look silent.
#[test]
fn octets_that_wait_to_be_taken_stop_the_timer() {
    let mut session = receiving(&settings());
    feed(&mut session, &Command::Data(&databuf(b"abc", false)));
    assert_eq!(session.next_timeout(), None);
    let late = NOW + LIMIT * 3;
    session.handle_timeout(late);
    session.take_received(&mut Received::default(), NOW);
    session.handle_timeout(late);
    assert_eq!(
        session.next_timeout(),
        Some(late + LIMIT),
        "one whole round is granted"
    );
    session.handle_timeout(late + LIMIT);
    assert!(session.must_disconnect());
}

/// A partner that does not read is dropped without ESID, which would reach nobody.
#[test]
fn a_partner_that_stops_reading_is_dropped() {
    let mut session = sending(&settings());
    session.send_data(&[0; 20_000], false, NOW).unwrap();
    session.transmitted(100, NOW);
    session.handle_timeout(NOW + LIMIT);
    assert!(!session.must_disconnect(), "something was read meanwhile");
    session.handle_timeout(NOW + LIMIT * 2);
    assert_eq!(abort_of(&news(&mut session)), (None, Origin::Local));
    assert!(session.transmit().is_empty() && session.must_disconnect());
}

/// S2-A, R-247: a partner that does not disconnect after our ESID is left.
#[test]
fn a_partner_that_ignores_our_esid_is_disconnected_in_the_end() {
    let mut session = listener(&settings());
    ask(
        &mut session,
        Request::Release(EndReason::EMERGENCY_CLOSE, String::new()),
    );
    quiet(&mut session);
    feed(&mut session, &Command::Cd);
    // What the partner still says does not prolong it.
    session.receive(&frame(&Command::Cd), NOW + LIMIT / 2);
    assert!(session.next_timeout().unwrap() <= NOW + LIMIT);
    session.handle_timeout(NOW + LIMIT);
    // Written octets of the ESID may have bought one more round.
    session.handle_timeout(NOW + LIMIT * 2);
    assert!(session.must_disconnect());
    assert!(news(&mut session).is_empty() && session.transmit().is_empty());
}

/// Offering octets that are not taken is no sign of life of the partner.
#[test]
fn offering_octets_in_vain_does_not_restart_the_timer() {
    let mut session = sending(&settings());
    let file = [0; 100_000];
    session.send_data(&file, false, NOW).unwrap();
    assert_eq!(session.state_name(), "OPOWFC");
    let later = NOW + LIMIT / 2;
    assert_eq!(session.send_data(&file, false, later), Ok(0));
    assert_eq!(session.next_timeout(), Some(NOW + LIMIT));
    let wide = Settings {
        credit: 999,
        ..settings()
    };
    let mut session = sending(&wide);
    let file = vec![0; 2_000_000];
    session.send_data(&file, false, NOW).unwrap();
    assert_eq!(session.state_name(), "OPO");
    assert_eq!(session.send_data(&file, false, later), Ok(0));
    assert_eq!(session.next_timeout(), Some(NOW + LIMIT));
}

/// The limit is a setting.
#[test]
fn the_limit_is_a_setting() {
    let inactivity = Duration::from_millis(1_500);
    let ours = Settings {
        timers: Timers {
            inactivity,
            ..Timers::default()
        },
        ..settings()
    };
    assert_eq!(listener(&ours).next_timeout(), Some(NOW + inactivity));
}
