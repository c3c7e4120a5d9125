//! RFC 5024 section 4.4 (and 9.10 to 9.12): credit, counted by hand on the line.

use engine::{Event, Request, Settings};
use oftp::Sfid;
use rig::script::{eerp, sfid};
use rig::stage::{Stage, agreeing, terms};
use rig::wire::{Wire, data, efid, sfna, sfpa};

use crate::LEVELS;

/// A speaker in buffers of the least size whose partner grants this many.
fn speaker(level: u8, credit: &'static str) -> Wire {
    let settings = Settings {
        buffer: 128,
        credit: 999,
        compression: false,
        ..terms(level)
    };
    let mut partner = agreeing(&settings, level);
    (partner.buffer, partner.credit) = ("00128", credit);
    let mut wire = Stage::Answer.wire(&settings, level);
    wire.hears(&partner.ssid());
    wire.quiet();
    wire
}

fn open(wire: &mut Wire, level: u8, file: Sfid) {
    wire.ask(Request::StartFile(file));
    wire.hears(&sfpa(level, 0));
    wire.quiet();
}

/// Hands over as much as goes, and counts the DATA buffers.
fn send(wire: &mut Wire, file: &[u8], position: &mut usize) -> usize {
    let now = wire.now;
    let mut buffers = 0;
    while wire.session.can_send_data() {
        let taken = wire
            .session
            .send_data(&file[*position..], true, now)
            .unwrap();
        *position += taken;
        let said = wire.oebs();
        buffers += said.len();
        assert!(said.iter().all(|oeb| oeb[0] == b'D'));
        if taken == 0 && said.is_empty() {
            break;
        }
    }
    buffers
}

/// a window of DATA after SFPA, and no EFID
/// and no more before CDT; then a full window again, whatever was left of the file.
#[test]
fn a_speaker_sends_one_window_and_waits() {
    for level in LEVELS {
        for (credit, window) in [("001", 1), ("003", 3), ("999", 999)] {
            let mut wire = speaker(level, credit);
            // Two windows and one buffer more of 125 octets each.
            let file = vec![b'x'; (2 * window + 1) * 125];
            open(&mut wire, level, sfid("FILE", file.len() as u64));
            let mut position = 0;
            for expected in [window, window] {
                assert_eq!(
                    send(&mut wire, &file, &mut position),
                    expected,
                    "window {window}"
                );
                assert_eq!(wire.state(), "OPOWFC");
                assert!(!wire.session.can_close_file());
                let close = Request::CloseFile {
                    records: 0,
                    octets: file.len() as u64,
                };
                let now = wire.now;
                assert!(
                    wire.session.request(close, now).is_err(),
                    "no EFID without credit"
                );
                wire.hears(b"C  ");
                assert_eq!(wire.news(), [Event::DataConfirm]);
            }
            assert_eq!(send(&mut wire, &file, &mut position), 1);
            if window == 1 {
                // The last buffer used the last credit: EFID waits too.
                assert_eq!(wire.state(), "OPOWFC");
                wire.hears(b"C  ");
            }
            wire.ask(Request::CloseFile {
                records: 0,
                octets: file.len() as u64,
            });
            assert_eq!(wire.oebs(), [efid(level, 0, file.len() as u64)]);
        }
    }
}

/// EFID ends the credit of a file; the next file has a full window, and refusals,
/// receipts and their answers cost nothing.
#[test]
fn every_file_begins_with_a_full_window_and_only_data_costs() {
    for level in LEVELS {
        let mut wire = speaker(level, "003");
        for _ in 0..3 {
            wire.ask(Request::StartFile(sfid("REFUSED", 1)));
            wire.hears(&sfna(level, "99", 'Y'));
            wire.ask(Request::Eerp(eerp()));
            wire.hears(b"P");
            wire.quiet();

            let file = [b'x'; 2 * 125];
            open(&mut wire, level, sfid("FILE", 250));
            let mut position = 0;
            assert_eq!(send(&mut wire, &file, &mut position), 2);
            assert_eq!(wire.state(), "OPO", "one is left");
            wire.ask(Request::CloseFile {
                records: 0,
                octets: 250,
            });
            wire.hears(b"4N");
            wire.quiet();
        }
        // What was left of the files before was not added.
        let file = vec![b'x'; 1250];
        open(&mut wire, level, sfid("FILE", 1250));
        assert_eq!(send(&mut wire, &file, &mut 0), 3);
    }
}

/// a listener grants with the buffer that uses the
/// last credit, whatever the length of the buffers, and counts nothing else.
#[test]
fn a_listener_grants_when_the_window_is_used_up() {
    for level in LEVELS {
        for (credit, window) in [(1, 1), (3, 3), (999, 999)] {
            let settings = Settings {
                credit,
                ..terms(level)
            };
            let mut partner = agreeing(&settings, level);
            partner.credit = "999";
            let mut wire = Stage::Opening.wire(&settings, level);
            wire.hears(&partner.ssid());
            let us = rig::script::identity(rig::script::OURS);
            wire.ask(Request::ConnectResponse(Ok(us)));
            for file in 0..2 {
                wire.hears(&rig::wire::Offer::at(level).sfid());
                wire.ask(Request::StartFileResponse(Ok(engine::Position::START)));
                wire.quiet();
                // A file leaves a part of its window unused; the next begins with all of it.
                let buffers = 2 * window + 1;
                let mut granted = Vec::new();
                for buffer in 1..=buffers {
                    wire.hears(&data(&[b'x'; 63][..buffer % 63], buffer == buffers));
                    let said = wire.oebs();
                    if !said.is_empty() {
                        assert_eq!(said, [b"C  ".to_vec()]);
                        granted.push(buffer);
                    }
                }
                let mut expected = vec![window, 2 * window];
                if window == 1 {
                    expected.push(3);
                }
                assert_eq!(granted, expected, "file {file}, window {window}");
                let octets = wire.received().octets.len() as u64;
                wire.hears(&efid(level, 0, octets));
                wire.ask(Request::CloseFileResponse(Ok((
                    engine::Durable::synced(octets),
                    false,
                ))));
                wire.quiet();
            }
        }
    }
}
