//! RFC 5024 section 8 (and 5.2): exchange buffers behind stream headers on TCP and TLS.

use engine::{Durable, Position, Request};
use rig::script::{OURS, identity, sfid};
use rig::stage::{Stage, terms};
use rig::wire::{Offer, SSRM, Wire, data, efid, framed, octets, sfpa};

use crate::LEVELS;

/// several buffers in one segment, one buffer in many: the same session.
#[test]
fn the_octets_of_a_session_may_arrive_in_any_pieces() {
    for level in LEVELS {
        let settings = terms(level);
        // What a partner says at once, before it has to wait for an answer.
        let turns = [
            vec![Offer::at(level).sfid()],
            vec![data(b"abc", false), data(b"defg", true), efid(level, 0, 7)],
            vec![b"R".to_vec()],
        ];
        for piece in 1..200 {
            let mut wire = Stage::Listener.wire(&settings, level);
            let mut said = Vec::new();
            for turn in &turns {
                let line: Vec<u8> = turn.iter().flat_map(|oeb| framed(oeb)).collect();
                let mut waiting = Vec::new();
                for octets in line.chunks(piece) {
                    waiting.extend_from_slice(octets);
                    let now = wire.now;
                    let taken = wire.session.receive(&waiting, now);
                    waiting.drain(..taken);
                }
                assert!(waiting.is_empty(), "all of a turn is read");
                match wire.state() {
                    "OPIP" => wire.ask(Request::StartFileResponse(Ok(Position::START))),
                    "CLIP" => {
                        assert_eq!(wire.received().octets, b"abcdefg");
                        let durable = Durable::synced(7);
                        wire.ask(Request::CloseFileResponse(Ok((durable, false))));
                    }
                    other => assert_eq!(other, "IDLESPCD"),
                }
                said.extend(wire.oebs());
            }
            let expected = [sfpa(level, 0), b"4N".to_vec()];
            assert_eq!(said, expected, "level {level}, pieces of {piece}");
        }
    }
}

/// Every octet we say in a whole session stands behind a header of four octets that counts itself
/// and one command; nothing is between them.
///
///
#[test]
fn all_we_say_is_commands_behind_headers_of_four_octets() {
    for level in LEVELS {
        let settings = terms(level);
        let mut wire = Wire::called(&settings);
        assert_eq!(
            wire.line(),
            [&octets("<10><00><00><17>"), octets(SSRM).as_slice()].concat()
        );
        let mut wire = Stage::Opening.wire(&settings, level);
        wire.hears(&rig::stage::agreeing(&settings, level).ssid());
        wire.ask(Request::ConnectResponse(Ok(identity(OURS))));
        let ssid = wire.line();
        assert_eq!(ssid[..5], octets("<10><00><00><41>X"));
        assert_eq!(ssid.len(), 0x41);

        // One octet: the length is 5.
        let mut wire = Stage::Speaker.wire(&settings, level);
        wire.ask(Request::ChangeDirection);
        assert_eq!(wire.line(), octets("<10><00><00><05>R"));

        // Nothing is compressed or joined: 63 blanks in a command stay 63 blanks.
        let mut wire = Stage::Speaker.wire(&settings, level);
        wire.ask(Request::StartFile(sfid("F", 3)));
        let line = wire.line();
        assert_eq!(line.len(), if level < 5 { 4 + 128 } else { 4 + 165 });
        assert_eq!(line[5..31], octets(&crate::x("F", 26)));
    }
}

/// The largest exchange buffer there is: 99999 octets, and with its header 100003.
///
///
#[test]
fn the_largest_data_buffer_fills_the_largest_header() {
    let mut settings = terms(5);
    settings.buffer = 99_999;
    settings.compression = false;
    let mut partner = rig::stage::agreeing(&settings, 5);
    partner.buffer = "99999";
    let mut wire = Wire::calling(&settings);
    wire.hears(&octets(SSRM));
    wire.hears(&partner.ssid());
    let file = vec![b'x'; 200_000];
    wire.ask(Request::StartFile(sfid("LARGE", 200_000)));
    wire.hears(&sfpa(5, 0));
    wire.quiet();
    let now = wire.now;
    wire.session.send_data(&file, true, now).unwrap();
    let line = wire.line();
    assert_eq!(line[..5], octets("<10><01><86><A3>D"));

    // And the same comes back in.
    let mut wire = Wire::called(&settings);
    wire.hears(&partner.ssid());
    wire.ask(Request::ConnectResponse(Ok(identity(OURS))));
    wire.hears(&Offer::at(5).sfid());
    wire.ask(Request::StartFileResponse(Ok(Position::START)));
    wire.quiet();
    let taken = wire.session.receive(&line[..100_003], now);
    assert_eq!(taken, 100_003);
    let received = wire.received().octets;
    assert_eq!(received.len(), 99_998 - 99_998_usize.div_ceil(64));
    assert!(file.starts_with(&received));
}
