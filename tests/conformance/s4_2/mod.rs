//! RFC 5024 sections 4.2.3, 4.2.4 and 5.3.16 to 5.3.18: secure authentication on the line.

use engine::{Event, Origin, Refusal, Request, Settings};
use oftp::EndReason;
use rig::script::sfid;
use rig::stage::{SECRET, Stage, challenge, terms};
use rig::wire::{SSRM, Terms, Wire};

use crate::assert_says;

fn secured() -> Settings {
    Settings {
        authentication: true,
        ..terms(5)
    }
}

fn response() -> Vec<u8> {
    [b"S".as_slice(), &SECRET].concat()
}

fn challenged(news: &[Event]) -> bool {
    matches!(news, [Event::Challenged(sealed)] if sealed == b"theirs")
}

/// the initiator's half, octet for
/// octet; its driver has no session before the second AURP.
#[test]
fn an_initiator_proves_itself_first_and_then_asks_for_proof() {
    let mut wire = Stage::Answer.wire(&secured(), 5);
    let mut answer = Terms::at(5);
    answer.authentication = 'Y';
    wire.hears(&answer.ssid());
    assert_says(&mut wire, ["J"]);
    let news = wire.news();
    assert!(
        matches!(news.as_slice(), [Event::Introduced(_)]),
        "{news:?}"
    );

    wire.hears_text("A<00><06>theirs");
    assert!(challenged(&wire.news()));
    assert_says(&mut wire, []);
    wire.ask(Request::ChallengeResponse(Ok(SECRET)));
    assert_eq!(wire.oebs(), [response()]);

    wire.hears(b"J");
    assert_eq!(wire.news(), [Event::ChallengeWanted]);
    wire.ask(Request::Challenge(Ok(challenge())));
    assert_says(&mut wire, ["A<00><06>sealed"]);
    let now = wire.now;
    assert!(
        wire.session
            .request(Request::StartFile(sfid("FILE", 1)), now)
            .is_err()
    );

    wire.hears(&response());
    let news = wire.news();
    assert!(
        matches!(news.as_slice(), [Event::Connected(..)]),
        "{news:?}"
    );
    assert_eq!(wire.state(), "IDLESP");
}

/// the responder's half; it says nothing before SECD.
#[test]
fn a_responder_asks_for_proof_first_and_then_proves_itself() {
    let mut wire = Stage::Securing.wire(&secured(), 5);
    assert_says(&mut wire, []);
    wire.hears(b"J");
    assert_eq!(wire.news(), [Event::ChallengeWanted]);
    wire.ask(Request::Challenge(Ok(challenge())));
    assert_says(&mut wire, ["A<00><06>sealed"]);
    wire.hears(&response());
    assert_says(&mut wire, ["J"]);
    wire.hears_text("A<00><06>theirs");
    assert!(challenged(&wire.news()));
    wire.ask(Request::ChallengeResponse(Ok(SECRET)));
    assert_eq!(wire.oebs(), [response()]);
    let news = wire.news();
    assert!(
        matches!(news.as_slice(), [Event::Connected(..)]),
        "{news:?}"
    );
    assert_eq!(wire.state(), "IDLELI");
}

/// where nobody wants it, nothing of it is said.
#[test]
fn without_authentication_the_ssids_are_enough() {
    let mut wire = Wire::calling(&terms(5));
    wire.hears_text(SSRM);
    wire.hears(&Terms::at(5).ssid());
    assert_eq!(wire.oebs().len(), 1, "our SSID alone");
    assert_eq!(wire.state(), "IDLESP");
    let wire = Stage::Listener.wire(&terms(5), 5);
    assert_eq!(wire.state(), "IDLELI");
}

/// an AURP that differs in any one octet, to either side.
#[test]
fn a_response_that_differs_in_one_octet_ends_with_esid_11() {
    for octet in 0..20 {
        let mut wrong = response();
        wrong[1 + octet] ^= 1;
        let mut caller = Stage::Challenging.wire(&secured(), 5);
        caller.hears_text("A<00><06>theirs");
        caller.ask(Request::ChallengeResponse(Ok(SECRET)));
        caller.hears(b"J");
        caller.ask(Request::Challenge(Ok(challenge())));
        caller.quiet();
        for mut wire in [caller, Stage::Responding.wire(&secured(), 5)] {
            wire.hears(&wrong);
            assert!(wire.oebs()[0].starts_with(b"F11"), "octet {octet}");
            let news = wire.news();
            let ended = matches!(
                news.as_slice(),
                [Event::Aborted {
                    reason: Some(EndReason(11)),
                    origin: Origin::Local,
                    ..
                }]
            );
            assert!(ended, "{news:?}");
        }
    }
}

/// no certificate, or a challenge that cannot be opened: ESID 11 and no octet of what
/// was inside.
#[test]
fn what_cannot_be_sealed_or_opened_ends_with_esid_11() {
    let refusal = || Refusal::authentication("no certificate");
    let mut wire = Stage::Securing.wire(&secured(), 5);
    wire.hears(b"J");
    wire.ask(Request::Challenge(Err(refusal())));
    assert_says(&mut wire, ["F11014no·certificate<0D>"]);

    let mut wire = Stage::Challenging.wire(&secured(), 5);
    wire.hears_text("A<00><06>theirs");
    wire.ask(Request::ChallengeResponse(Err(refusal())));
    assert_says(&mut wire, ["F11014no·certificate<0D>"]);
}

/// every command of the connection phase out of its turn, and a file
/// instead of one.
#[test]
fn commands_out_of_turn_end_with_esid_02() {
    let challenge = b"A\0\x06theirs".to_vec();
    let commands: [(&str, Vec<u8>); 6] = [
        ("SSRM", rig::wire::octets(SSRM)),
        ("SSID", Terms::at(5).ssid()),
        ("SECD", b"J".to_vec()),
        ("AUCH", challenge),
        ("AURP", response()),
        ("SFID", rig::wire::Offer::at(5).sfid()),
    ];
    for (stage, fits) in [
        (Stage::Securing, "SECD"),
        (Stage::Challenging, "AUCH"),
        (Stage::Responding, "AURP"),
    ] {
        for (name, oeb) in &commands {
            if *name == fits {
                continue;
            }
            let mut wire = stage.wire(&secured(), 5);
            wire.hears(oeb);
            let said = wire.oebs();
            assert!(
                said.len() == 1 && said[0].starts_with(b"F02"),
                "{name} in {stage:?}"
            );
        }
    }
}

/// ESID within the phase.
#[test]
fn an_esid_within_the_phase_is_an_abort() {
    for stage in [Stage::Securing, Stage::Challenging, Stage::Responding] {
        let mut wire = stage.wire(&secured(), 5);
        wire.hears_text("F11000<0D>");
        let news = wire.news();
        let aborted = matches!(
            news.as_slice(),
            [Event::Aborted {
                reason: Some(EndReason(11)),
                origin: Origin::Distant,
                ..
            }]
        );
        assert!(
            aborted && wire.session.must_disconnect(),
            "{stage:?}: {news:?}"
        );
        assert_says(&mut wire, []);
    }
}

/// what one side wants alone, and what the level does not have, is ESID 12.
#[test]
fn authentication_wanted_by_one_side_ends_the_session() {
    let cases = [
        // We want it, the partner does not.
        (secured(), 5, 'N', "F12"),
        // The partner wants it, we do not.
        (terms(5), 5, 'Y', "F12"),
        // We want it, the partner cannot.
        (secured(), 4, ' ', "F12<0D>"),
        (secured(), 1, 'Y', "F12<0D>"),
    ];
    for (settings, level, theirs, end) in cases {
        let mut partner = Terms::at(level);
        partner.authentication = theirs;
        let mut caller = Stage::Answer.wire(&settings, level);
        caller.hears(&partner.ssid());
        let said = caller.says();
        assert!(said[0].starts_with(end), "answered at {level}: {said:?}");

        let mut called = Stage::Opening.wire(&settings, level);
        called.hears(&partner.ssid());
        let us = rig::script::identity(rig::script::OURS);
        called.ask(Request::ConnectResponse(Ok(us)));
        let said = called.says();
        assert!(said[0].starts_with(end), "asked at {level}: {said:?}");
    }
}

/// a challenge of the largest length there is.
#[test]
fn a_challenge_may_be_as_long_as_its_length_field_says() {
    let mut wire = Stage::Challenging.wire(&secured(), 5);
    let mut oeb = b"A\xFF\xFF".to_vec();
    oeb.resize(3 + 65_535, 0xE5);
    wire.hears(&oeb);
    let news = wire.news();
    assert!(matches!(news.as_slice(), [Event::Challenged(sealed)] if sealed.len() == 65_535));
}
