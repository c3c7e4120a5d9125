//! RFC 5024 sections 3.3, 3.4 and 4.6: the turn, and how a session ends.

use engine::{Event, Origin, Request};
use oftp::EndReason;
use rig::script::{eerp, nerp, sfid};
use rig::stage::{Stage, release, terms};
use rig::wire::{Offer, Wire, data, efid, esid, sfpa};

use crate::{LEVELS, assert_says};

fn refuses(wire: &mut Wire, request: Request) {
    let (name, state, now) = (request.name(), wire.state(), wire.now);
    let answer = wire.session.request(request, now);
    assert!(answer.is_err(), "{name} in {state}");
    assert_eq!(wire.state(), state, "{name} changed the state");
    assert_says(wire, []);
}

/// the initiator speaks first; only the speaker offers files, gives receipts
/// and the turn, and ends the session in good order.
#[test]
fn the_initiator_speaks_first_and_the_listener_only_answers() {
    for level in LEVELS {
        let mut caller = Stage::Speaker.wire(&terms(level), level);
        caller.ask(Request::StartFile(sfid("FILE", 1)));
        assert_eq!(caller.oebs()[0][0], b'H');

        for stage in [Stage::Listener, Stage::Given, Stage::Receiving('U')] {
            let mut listener = stage.wire(&terms(level), level);
            refuses(&mut listener, Request::StartFile(sfid("FILE", 1)));
            refuses(&mut listener, Request::Eerp(eerp()));
            refuses(&mut listener, Request::Nerp(nerp()));
            refuses(&mut listener, Request::ChangeDirection);
            refuses(&mut listener, release(0));
        }
    }
}

/// with a file open, or a receipt unanswered, nothing else is begun.
#[test]
fn receipts_files_and_the_turn_wait_for_what_is_open() {
    for level in LEVELS {
        for stage in [
            Stage::Offered,
            Stage::Sending,
            Stage::Closing,
            Stage::ReceiptSent,
        ] {
            let mut wire = stage.wire(&terms(level), level);
            for request in [
                Request::StartFile(sfid("NEXT", 1)),
                Request::Eerp(eerp()),
                Request::Nerp(nerp()),
                Request::ChangeDirection,
                release(0),
            ] {
                refuses(&mut wire, request);
            }
        }
    }
}

/// the empty session: we give the turn away, the partner ends it.
#[test]
fn an_empty_session_is_cd_and_esid_00() {
    for level in LEVELS {
        let end = if level < 5 { "F00<0D>" } else { "F00000<0D>" };
        // We called.
        let mut wire = Stage::Speaker.wire(&terms(level), level);
        wire.ask(Request::ChangeDirection);
        assert_says(&mut wire, ["R"]);
        wire.hears(&esid(level, "00"));
        assert_eq!(wire.news(), [Event::Released]);
        assert_says(&mut wire, []);
        assert!(
            wire.session.must_disconnect(),
            "who receives ESID disconnects"
        );

        // We were called: the turn comes unasked, so it is not handed back.
        let mut wire = Stage::Listener.wire(&terms(level), level);
        wire.hears(b"R");
        assert_eq!(wire.news(), [Event::ChangeDirection]);
        refuses(&mut wire, Request::ChangeDirection);
        wire.ask(release(0));
        assert_says(&mut wire, [end]);
        assert!(!wire.session.must_disconnect(), "who sent ESID waits");
        let now = wire.now;
        wire.session.disconnected(now);
        assert_eq!(wire.state(), "IDLE");
    }
}

/// a receipt leaves the turn where it is, and in the place where ESID 00
/// was possible makes the turn an ordinary one.
#[test]
fn after_a_receipt_the_turn_is_given_back_by_cd_and_not_ended() {
    for level in LEVELS {
        let receipts = if level < 4 { 1 } else { 2 };
        for receipt in 0..receipts {
            let mut wire = Stage::Listener.wire(&terms(level), level);
            wire.hears(b"R");
            wire.quiet();
            wire.ask(match receipt {
                0 => Request::Eerp(eerp()),
                _ => Request::Nerp(nerp()),
            });
            assert_eq!(wire.oebs()[0][0], if receipt == 0 { b'E' } else { b'N' });
            wire.hears(b"P");
            assert_eq!(wire.news(), [Event::RtrConfirm]);
            refuses(&mut wire, release(0));
            wire.ask(Request::ChangeDirection);
            assert_says(&mut wire, ["R"]);
        }
    }
}

/// a turn that was asked for may be handed back at once.
#[test]
fn a_turn_asked_for_may_go_back_at_once() {
    for level in LEVELS {
        let mut wire = Stage::TurnAwaited.wire(&terms(level), level);
        wire.hears(b"R");
        assert_eq!(wire.news(), [Event::TurnTaken]);
        refuses(&mut wire, release(0));
        wire.ask(Request::ChangeDirection);
        assert_says(&mut wire, ["R"]);
    }
}

/// what is asked while the turn is on its way goes out when it comes.
#[test]
fn a_request_before_the_turn_goes_out_with_it() {
    for level in LEVELS {
        let mut requests = vec![
            (Request::Eerp(eerp()), b'E'),
            (Request::StartFile(sfid("FILE", 1)), b'H'),
            (Request::ChangeDirection, b'R'),
        ];
        if level >= 4 {
            requests.push((Request::Nerp(nerp()), b'N'));
        }
        for (request, first) in requests {
            let mut wire = Stage::TurnAwaited.wire(&terms(level), level);
            wire.ask(request);
            assert_says(&mut wire, []);
            wire.hears(b"R");
            let oebs = wire.oebs();
            assert_eq!((oebs.len(), oebs[0][0]), (1, first));
        }
    }
}

/// ESID 00 where the listener did not give the turn away is an abort; so is
/// every ESID with a reason.
#[test]
fn an_end_out_of_place_or_with_a_reason_is_an_abort() {
    for level in LEVELS {
        for (stage, reason) in [
            (Stage::Listener, 0),
            (Stage::Receiving('U'), 0),
            (Stage::Listener, 99),
            (Stage::Given, 5),
            (Stage::Receiving('U'), 8),
            // Where the tables have no cell.
            (Stage::Speaker, 0),
            (Stage::Sending, 2),
            (Stage::Closing, 9),
            (Stage::TurnAwaited, 5),
            (Stage::Opening, 8),
            (Stage::Greeting, 8),
        ] {
            let mut wire = stage.wire(&terms(level), level);
            wire.hears(&esid(level, &format!("{reason:02}")));
            let news = wire.news();
            assert!(
                matches!(
                    news.as_slice(),
                    [Event::Aborted { reason: Some(it), origin: Origin::Distant, .. }]
                        if *it == EndReason(reason)
                ),
                "{stage:?}: {news:?}"
            );
            assert_says(&mut wire, []);
            assert!(wire.session.must_disconnect());
        }
    }
}

/// either side may end with a reason at any time, and then hears nothing more
///
#[test]
fn either_side_may_end_with_a_reason_at_any_time() {
    for level in LEVELS {
        for stage in [
            Stage::Opening,
            Stage::Speaker,
            Stage::Offered,
            Stage::Sending,
            Stage::Closing,
            Stage::ReceiptSent,
            Stage::Listener,
            Stage::Given,
            Stage::Receiving('U'),
            Stage::TurnAwaited,
        ] {
            let mut wire = stage.wire(&terms(level), level);
            wire.ask(release(5));
            let said = wire.oebs();
            assert_eq!(said, [esid(level, "05")], "{stage:?}");
            for oeb in [
                b"R".to_vec(),
                b"P".to_vec(),
                b"C  ".to_vec(),
                sfpa(level, 0),
                data(b"abc", true),
                efid(level, 0, 3),
                Offer::at(level).sfid(),
                Offer::at(level).eerp(),
                esid(level, "02"),
            ] {
                wire.hears(&oeb);
            }
            assert_says(&mut wire, []);
            assert!(wire.news().is_empty(), "{stage:?}");
            // The partner never disconnects: the leave timer ends it.
            let deadline = wire.session.next_timeout().unwrap();
            wire.session.handle_timeout(deadline);
            assert!(wire.session.must_disconnect() && wire.state() == "IDLE");
        }
    }
}

/// a line that breaks ends everything, and nothing is said.
#[test]
fn a_line_that_breaks_is_an_abort_without_a_reason() {
    for level in LEVELS {
        for stage in [
            Stage::Offered,
            Stage::Sending,
            Stage::Receiving('U'),
            Stage::TurnAwaited,
        ] {
            let mut wire = stage.wire(&terms(level), level);
            let now = wire.now;
            wire.session.disconnected(now);
            let news = wire.news();
            assert!(
                matches!(
                    news.as_slice(),
                    [Event::Aborted {
                        reason: None,
                        origin: Origin::Distant,
                        ..
                    }]
                ),
                "{stage:?}: {news:?}"
            );
            assert_says(&mut wire, []);
            assert_eq!(wire.state(), "IDLE");
        }
    }
}

/// silence where an answer is awaited ends in ESID 09.
#[test]
fn a_silent_partner_reads_esid_09() {
    for level in LEVELS {
        for stage in [
            Stage::Greeting,
            Stage::Answer,
            Stage::Opening,
            Stage::Offered,
            Stage::Closing,
            Stage::ReceiptSent,
            Stage::Listener,
            Stage::Given,
            Stage::Receiving('U'),
            Stage::TurnAwaited,
        ] {
            let mut wire = stage.wire(&terms(level), level);
            let deadline = wire.session.next_timeout().unwrap();
            wire.session.handle_timeout(deadline);
            let said = wire.oebs();
            assert_eq!(said.len(), 1, "{stage:?}");
            assert!(
                said[0].starts_with(b"F09"),
                "{stage:?}: {}",
                rig::wire::text(&said[0])
            );
        }
    }
}
