//! A known partner whose software breaks the rules in mid-session: the session ends, the operator
//! reads where, and nothing half-done is delivered.

use support::compare::content;
use support::{Act, Answer, Ended, Offer, Partner, Step, World, directory};

/// A rule, and how it is broken.
type Broken = (&'static str, fn(Step, Vec<u8>) -> Act);

const RULES: &[Broken] = &[
    ("a frame of stream version 2", |step, mut frame| {
        if step == Step::Data(2) {
            frame[0] = 0x20;
        }
        Act::Send(frame)
    }),
    ("a frame longer than any", |step, mut frame| {
        if step == Step::Data(2) {
            frame[1] = 0xff;
        }
        Act::Send(frame)
    }),
    (
        "a data buffer longer than agreed",
        |step, frame| match step {
            Step::Data(2) => {
                let mut long = oftp::header(9000).to_vec();
                long.push(b'D');
                long.resize(9004, 0);
                Act::Send(long)
            }
            _ => Act::Send(frame),
        },
    ),
    ("a command that does not exist", |step, frame| match step {
        Step::Data(2) => Act::Send([&oftp::header(1)[..], b"Z"].concat()),
        _ => Act::Send(frame),
    }),
    ("an offer cut short", |step, mut frame| {
        if step == Step::Sfid {
            frame.truncate(60);
            let header = oftp::header(56);
            frame[..4].copy_from_slice(&header);
        }
        Act::Send(frame)
    }),
    ("letters where digits belong", |step, mut frame| {
        if step == Step::Efid {
            frame[30] = b'x';
        }
        Act::Send(frame)
    }),
    (
        "subrecords that reach past their buffer",
        |step, frame| match step {
            Step::Data(2) => Act::Send([&oftp::header(3)[..], b"D\x3fA"].concat()),
            _ => Act::Send(frame),
        },
    ),
    ("an end of file without a file", |step, frame| match step {
        Step::Sfid => {
            let text = format!("T{:017}{:017}", 0, 0);
            Act::Send([&oftp::header(35)[..], text.as_bytes()].concat())
        }
        _ => Act::Send(frame),
    }),
    ("a second identification", |step, frame| match step {
        Step::Sfid => {
            let mut twice = oftp::header(61).to_vec();
            twice.extend_from_slice(&[b' '; 61]);
            twice[4] = b'X';
            Act::Send(twice)
        }
        _ => Act::Send(frame),
    }),
];

#[test]
fn every_broken_rule_ends_the_session_and_delivers_nothing() {
    let world = World::new();
    for (rule, broken) in RULES {
        let partner = Partner::of(&world).offering(4096, 8).breaks(*broken);
        let conversation = partner.connect(world.public()).expect("TLS");
        let local = conversation.wire.local().to_string();
        let mark = world.dmz.logs.mark();
        let outcome = conversation.exchange(vec![Offer::new("BROKEN", content(1, 100_000))]);
        match outcome {
            Err(Ended::Esid { .. } | Ended::HungUp) => {}
            Err(other) => panic!("{rule}: the other side should end it, but: {other:?}"),
            Ok(exchange) => panic!("{rule}: taken as if nothing was wrong: {exchange:?}"),
        }
        let opened = world
            .dmz
            .logs
            .wait_from(mark, "the circuit of this caller", |line| {
                line.says("A circuit opened.") && line.text("peer") == local
            });
        let circuit = opened.text("circuit");
        let ended = world
            .dmz
            .logs
            .wait_from(mark, "the end of the circuit", |line| {
                line.says("A circuit ended.") && line.text("circuit") == circuit
            });
        assert!(
            !ended.text("why").is_empty(),
            "{rule}: says why: {}",
            ended.raw
        );
    }
    assert!(
        world.inner.delivered(directory::PARTNER).is_empty(),
        "nothing half-done arrives"
    );

    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let exchange = partner
        .exchange(vec![Offer::new("SOUND", content(2, 1000))])
        .expect("ends");
    assert_eq!(exchange.receipts.len(), 1, "the next session is served");
}

#[test]
fn an_octet_count_that_is_not_true_is_refused_at_the_end_of_the_file() {
    let world = World::new();
    let partner = Partner::of(&world).breaks_at(Step::Efid, |mut frame| {
        let last = frame.len() - 1;
        frame[last] = if frame[last] == b'9' { b'8' } else { b'9' };
        Act::Send(frame)
    });
    let mut conversation = partner.connect(world.public()).expect("TLS");
    conversation.open().expect("the session opens");
    let offer = Offer::new("MISCOUNTED", content(1, 10_000));
    match conversation.send(offer).expect("the session goes on") {
        Answer::NotStored { reason, .. } => {
            assert_eq!(reason, oftp::FileReason::INVALID_BYTE_COUNT);
        }
        other => panic!("EFNA 11 was due, but: {other:?}"),
    }
    assert!(world.inner.delivered(directory::PARTNER).is_empty());
}
