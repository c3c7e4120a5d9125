//! Sections 5.3.1, 5.3.2 and 5.3.11: SSRM, SSID and ESID.

use engine::{Event, Request};
use oftp::Deviations;
use rig::script::{OURS, identity, password};
use rig::stage::{Stage, agreeing, release, terms};
use rig::wire::{SSRM, Terms, Wire, octets, text};

use crate::{LEVELS, assert_says, x};

/// the responder speaks first, and says these 19 octets.
#[test]
fn a_called_side_greets_with_ssrm() {
    let mut wire = Wire::called(&terms(5));
    assert_says(&mut wire, [SSRM]);
    assert_eq!(octets(SSRM).len(), 19);
}

/// nothing before SSRM.
#[test]
fn a_calling_side_is_silent_until_it_is_greeted() {
    let mut wire = Wire::calling(&terms(5));
    assert_says(&mut wire, []);
    wire.hears_text(SSRM);
    assert_eq!(wire.oebs().len(), 1);
}

/// Our SSID in both roles: our own code and password, blanks where nothing is said, one CR.
///
///
#[test]
fn ssid_lies_on_the_line_as_the_table_has_it() {
    for level in LEVELS {
        let settings = terms(level);
        let authentication = if level == 5 { "N" } else { "·" };
        let ours = format!(
            "X{level}{}{}04096BYYN008{authentication}{}<0D>",
            x(OURS, 25),
            x("SECRET", 8),
            x("", 4 + 8)
        );

        let mut caller = Wire::calling(&settings);
        caller.hears_text(SSRM);
        let said = caller.says();
        assert_eq!(said.concat(), ours, "calling at level {level}");
        assert_eq!(octets(&said[0]).len(), 61);

        let mut called = Stage::Opening.wire(&settings, level);
        called.hears(&agreeing(&settings, level).ssid());
        called.ask(Request::ConnectResponse(Ok(identity(OURS))));
        assert_eq!(called.says(), [ours], "called at level {level}");
    }
}

/// the limits of SSIDSDEB and SSIDCRED, with their leading zeros.
#[test]
fn the_least_and_the_most_buffer_and_credit_go_out_in_full_width() {
    for (buffer, credit, expected) in [(128, 1, "00128BYYN001"), (99_999, 999, "99999BYYN999")] {
        let mut settings = terms(5);
        settings.buffer = buffer;
        settings.credit = credit;
        let mut wire = Wire::calling(&settings);
        wire.hears_text(SSRM);
        assert_eq!(text(&wire.oebs()[0][35..47]), expected);
    }
}

/// the lower level governs, in both roles and for every pair of levels; the
/// formats that follow are those of that level.
#[test]
fn the_lower_level_governs_the_session() {
    for ours in LEVELS {
        for theirs in LEVELS {
            let common = ours.min(theirs);
            let end = if common < 5 { "F99<0D>" } else { "F99000<0D>" };

            let mut called = Stage::Opening.wire(&terms(ours), theirs);
            called.hears(&Terms::at(theirs).ssid());
            called.ask(Request::ConnectResponse(Ok(identity(OURS))));
            assert_eq!(&called.says()[0][..2], format!("X{common}"));
            called.ask(release(99));
            assert_says(&mut called, [end]);

            // An answer of a higher level than ours is taken as ours.
            let mut caller = Stage::Answer.wire(&terms(ours), theirs);
            let mut answer = Terms::at(theirs);
            if theirs > ours && theirs == 5 {
                answer.authentication = 'N';
            }
            caller.hears(&answer.ssid());
            assert_eq!(caller.state(), "IDLESP", "{ours} asked, {theirs} answered");
            caller.ask(release(99));
            assert_says(&mut caller, [end]);
        }
    }
}

/// levels above 5 count as 5.
#[test]
fn a_level_that_is_not_yet_defined_counts_as_the_highest() {
    for level in ['6', '9'] {
        let mut wire = Stage::Opening.wire(&terms(5), 5);
        let mut caller = Terms::at(5);
        caller.level = level;
        wire.hears(&caller.ssid());
        wire.ask(Request::ConnectResponse(Ok(identity(OURS))));
        assert_eq!(&wire.says()[0][..2], "X5");
    }
}

/// what we answer is the smaller buffer and the smaller credit.
#[test]
fn the_answer_states_the_smaller_buffer_and_credit() {
    for (buffer, credit, expected) in [
        ("00128", "001", "00128BYYN001"),
        ("04096", "008", "04096BYYN008"),
        ("99999", "999", "04096BYYN008"),
    ] {
        let mut wire = Stage::Opening.wire(&terms(5), 5);
        let mut caller = Terms::at(5);
        (caller.buffer, caller.credit) = (buffer, credit);
        wire.hears(&caller.ssid());
        wire.ask(Request::ConnectResponse(Ok(identity(OURS))));
        assert_eq!(text(&wire.oebs()[0][35..47]), expected);
    }
}

/// what we answer to every mode, and to every wish for compression,
/// restart and special logic.
#[test]
fn the_answer_never_adds_to_what_was_asked() {
    for (asked, answered) in [('S', 'R'), ('R', 'S'), ('B', 'B')] {
        for wish in ["YYN", "NYN", "YNN", "NNN", "YYY", "NNY"] {
            let mut wire = Stage::Opening.wire(&terms(5), 5);
            let mut caller = Terms::at(5);
            let mut wishes = wish.chars();
            caller.mode = asked;
            caller.compression = wishes.next().unwrap();
            caller.restart = wishes.next().unwrap();
            caller.special_logic = wishes.next().unwrap();
            wire.hears(&caller.ssid());
            wire.ask(Request::ConnectResponse(Ok(identity(OURS))));
            let expected = format!("{answered}{}N", &wish[..2]);
            assert_eq!(text(&wire.oebs()[0][40..44]), expected);
        }
    }
}

/// 0x8D ends SSRM, SSID and ESID as well as 0x0D does, and is no deviation.
#[test]
fn a_carriage_return_with_its_high_bit_set_is_a_carriage_return() {
    let mut settings = terms(5);
    settings.refused = Deviations::all();
    let mut wire = Wire::calling(&settings);
    wire.hears_text("IODETTE·FTP·READY·<8D>");
    wire.quiet();
    let mut answer = Terms::at(5);
    answer.end = 0x8D;
    wire.hears(&answer.ssid());
    assert_eq!(wire.state(), "IDLESP");
    wire.quiet();
    wire.hears_text("F05000<8D>");
    let news = wire.news();
    assert!(
        matches!(news.as_slice(), [Event::Aborted { reason: Some(reason), .. }] if reason.0 == 5),
        "{news:?}"
    );
}

/// before a level is agreed, ESID is understood in both forms.
#[test]
fn an_early_esid_is_read_in_both_forms() {
    for level in LEVELS {
        for esid in ["F03<0D>", "F03000<0D>", "F03007unknown<0D>"] {
            let mut wire = Stage::Answer.wire(&terms(level), level);
            wire.hears_text(esid);
            let news = wire.news();
            assert!(
                matches!(news.as_slice(), [Event::Aborted { reason: Some(reason), .. }] if reason.0 == 3),
                "{esid} at level {level}: {news:?}"
            );
            assert!(
                wire.session.must_disconnect(),
                "who receives ESID disconnects"
            );
        }
    }
}

/// each refusal of a caller, in the form of its level.
#[test]
fn a_refused_caller_reads_the_reason_in_the_form_of_its_level() {
    for level in LEVELS {
        for reason in [3, 4, 8] {
            let mut wire = Stage::Opening.wire(&terms(5), level);
            wire.hears(&Terms::at(level).ssid());
            wire.ask(Request::ConnectResponse(Err(engine::Refusal {
                reason: oftp::EndReason(reason),
                text: "größer".into(),
            })));
            let expected = if level < 5 {
                format!("F0{reason}<0D>")
            } else {
                format!("F0{reason}008gr<C3><B6><C3><9F>er<0D>")
            };
            assert_eq!(wire.says(), [expected]);
            assert_eq!(wire.state(), "WF_NDISC");
            assert!(!wire.session.must_disconnect(), "who sent ESID waits");
        }
    }
}

/// a reason that no list has is passed on as it is, and never answered.
#[test]
fn an_esid_with_an_unknown_reason_is_not_answered() {
    for level in LEVELS {
        let mut wire = Stage::Speaker.wire(&terms(level), level);
        wire.hears(&rig::wire::esid(level, "42"));
        assert_says(&mut wire, []);
        let news = wire.news();
        assert!(
            matches!(news.as_slice(), [Event::Aborted { reason: Some(reason), .. }] if reason.0 == 42),
            "{news:?}"
        );
    }
}

/// the password goes out as it was agreed, blanks to the right.
#[test]
fn a_short_password_is_padded() {
    let mut settings = terms(5);
    settings.credit = 1;
    let mut us = identity(OURS);
    us.password = password("AB");
    let mut wire = Wire {
        session: engine::Session::initiator(settings, us, rig::script::NOW),
        now: rig::script::NOW,
    };
    wire.hears_text(SSRM);
    assert!(wire.says()[0].contains("AB······04096"));
}
