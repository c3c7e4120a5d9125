//! Sections 5.3.7 to 5.3.10 and 5.3.12: CDT, EFID, EFPA, EFNA and CD.

use engine::{Durable, EndFileRefusal, Event, Request};
use oftp::FileReason;
use rig::stage::{Stage, terms};
use rig::wire::{Wire, data, efid, efna};

use crate::{LEVELS, assert_says};

/// CDT is `C` and two blanks, once a window.
#[test]
fn cdt_is_three_octets_once_a_window() {
    for level in LEVELS {
        let mut wire = Stage::Receiving('U').wire(&terms(level), level);
        for window in 0..3 {
            for _ in 0..7 {
                wire.hears(&data(b"abc", false));
                assert_says(&mut wire, []);
            }
            wire.hears(&data(b"abc", false));
            assert_eq!(
                wire.says(),
                ["C··"],
                "after window {window} at level {level}"
            );
        }
    }
}

/// EFID with the whole file's octets, no records for a stream.
#[test]
fn efid_lies_on_the_line_as_the_table_has_it() {
    for level in LEVELS {
        let mut wire = Stage::Sending.wire(&terms(level), level);
        let now = wire.now;
        wire.session.send_data(b"abc", true, now).unwrap();
        wire.quiet();
        wire.ask(Request::CloseFile {
            records: 0,
            octets: 3,
        });
        let expected = if level < 5 {
            "T000000000000000000003"
        } else {
            "T0000000000000000000000000000000003"
        };
        assert_says(&mut wire, [expected]);
    }
}

fn closing(level: u8) -> Wire {
    let mut wire = Stage::Receiving('U').wire(&terms(level), level);
    wire.hears(&data(b"abc", true));
    let _ = wire.received();
    wire.hears(&efid(level, 0, 3));
    wire.quiet();
    wire
}

/// EFPA, and who has the turn after it.
#[test]
fn efpa_asks_for_the_turn_or_leaves_it() {
    for level in LEVELS {
        for (turn, said, state) in [(false, "4N", "IDLELI"), (true, "4Y", "WF_CD")] {
            let mut wire = closing(level);
            wire.ask(Request::CloseFileResponse(Ok((Durable::synced(3), turn))));
            assert_says(&mut wire, [said]);
            assert_eq!(wire.state(), state);
        }
    }
}

/// EFNA with its reason, and words where the level has them; a reason
/// that the level does not have goes out as 99. The turn stays where it is.
#[test]
fn efna_lies_on_the_line_as_the_table_has_it() {
    for level in LEVELS {
        for reason in [
            1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 99,
        ] {
            let mut wire = closing(level);
            wire.ask(Request::CloseFileResponse(Err(EndFileRefusal {
                reason: FileReason(reason),
                text: "short".into(),
            })));
            let known = match reason {
                14 => level >= 4,
                15..=23 => level == 5,
                _ => true,
            };
            let code = if known { reason } else { 99 };
            let words = if level < 5 { "" } else { "005short" };
            assert_eq!(wire.says(), [format!("5{code:02}{words}")]);
            assert_eq!(wire.state(), "IDLELI");
        }
    }
}

/// refused at its end, a file leaves the turn with us, whatever the code.
#[test]
fn a_speaker_refused_at_the_end_still_speaks() {
    for level in LEVELS {
        let mut wire = Stage::Closing.wire(&terms(level), level);
        wire.hears(&efna(level, "47"));
        let news = wire.news();
        assert!(
            matches!(
                news.as_slice(),
                [Event::CloseFileRefused {
                    reason: FileReason(47),
                    ..
                }]
            ),
            "{news:?}"
        );
        assert_eq!(wire.state(), "IDLESP");
    }
}

/// EFPA(N) leaves the turn with us; EFPA(Y) takes it, and
/// CD follows before anything else.
#[test]
fn a_speaker_asked_for_the_turn_says_cd_at_once() {
    for level in LEVELS {
        for (answer, said, state, speaker) in [
            ("4N", Vec::new(), "IDLESP", true),
            ("4Y", vec!["R".to_owned()], "IDLELI", false),
        ] {
            let mut wire = Stage::Closing.wire(&terms(level), level);
            wire.hears(answer.as_bytes());
            assert_eq!(wire.says(), said);
            assert_eq!(wire.state(), state);
            assert_eq!(wire.news(), [Event::CloseFileAccepted { speaker }]);
        }
    }
}
