//! The DMZ half's protocol guard.

use oftp::{Command, Level, Mode, Ssid, UserField};
use proxy_dmz::relay::gate::{Gate, pair};

use crate::Choices;

/// The gate: it comes to the same verdict whatever the cuts in which octets come, and passes the same
/// where nothing is wrong (of DATA that turns out wrong, more or less may have passed); it holds back
/// at most one frame, repeats its refusal, and what passed in whole frames decodes.
pub fn gate(octets: &[u8]) {
    let mut choices = Choices(octets);
    let buffer = 128 + u32::from(choices.octet()) * 64;
    let from_inner = choices.octet() & 1 == 1;
    let mut cuts = Vec::new();
    for _ in 0..8 {
        cuts.push(choices.below(64) + 1);
    }
    let stream = choices.rest();

    let whole = run(opened(buffer, from_inner), stream, &[stream.len().max(1)]);
    let pieces = run(opened(buffer, from_inner), stream, &cuts);
    assert_eq!(
        whole.1, pieces.1,
        "the cuts make no difference to the verdict"
    );
    if whole.1.is_none() {
        assert_eq!(whole.0, pieces.0, "nor to what passes");
    }

    let passed = whole.0.max(pieces.0);
    let mut rest = &stream[..passed];
    while let Ok(Some((oeb, consumed))) = oftp::split(rest) {
        let command = Command::decode(oeb, Level::L5);
        assert!(command.is_ok(), "passed, but is no command: {oeb:02x?}");
        rest = &rest[consumed..];
    }
}

/// The guard of one direction of a session that both sides have just opened.
fn opened(buffer: u32, from_inner: bool) -> Gate {
    let ssid = Ssid {
        level: Level::L5,
        code: "O0013PARTNER".parse().expect("a code"),
        password: "SECRET".parse().expect("a password"),
        buffer,
        mode: Mode::Both,
        compression: true,
        restart: true,
        special_logic: false,
        credit: 10,
        authentication: false,
        user: UserField::default(),
    };
    let (from_partner, mut back) = pair(&ssid);
    let mut frame = Vec::new();
    Command::Ssid(ssid)
        .encode(Level::L5, &mut frame)
        .expect("our own");
    assert_eq!(back.check(&frame), Ok(frame.len()), "the answer passes");
    if from_inner { back } else { from_partner }
}

/// Feeds a stream in pieces of the given lengths, in turn; returns how much passed, and the refusal
/// as text if there was one.
fn run(mut gate: Gate, stream: &[u8], cuts: &[usize]) -> (usize, Option<String>) {
    let mut passed = 0;
    let mut come = 0;
    let mut cuts = cuts.iter().cycle();
    loop {
        match gate.check(&stream[passed..come]) {
            Ok(more) => {
                assert!(more <= come - passed, "no more than there is");
                passed += more;
                if more > 0 {
                    continue;
                }
            }
            Err(refusal) => {
                let repeated = gate.check(b"R").expect_err("the refusal is final");
                assert_eq!(repeated.to_string(), refusal.to_string());
                return (passed, Some(refusal.to_string()));
            }
        }
        assert!(
            come - passed <= oftp::MAX_FRAME_LEN,
            "at most one frame is held back"
        );
        if come == stream.len() {
            return (passed, None);
        }
        come = (come + cuts.next().copied().unwrap_or(1)).min(stream.len());
    }
}
