//! How fast a file crosses a pair of engines in memory, both ends on one core, beside a plain copy
//! of the same octets.
//!
//! `cargo bench -p engine` prints, for each way to travel, MiB of file octets a second (median and
//! best of the rounds: what else the machine does can only slow it) and the share of the copy's
//! speed in the same round. Machines differ; the share is what to compare. Wanted: 2048 MiB/s for the literal stream, 500 MiB/s for compressing noise.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark reads the clock, and its result is what it prints"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use engine::{Position, Received, Request, Session, Settings};
use oftp::{Format, Sfid};

use rig::pair::Dice;
use rig::script::{NOW, receiving_of, sending_of, settings, sfid, sfid_of};

/// Octets of the file: whole records.
const FILE: usize = 32_000_000;
/// Octets handed to the engine at a time.
const PIECE: usize = 256 * 1024;
/// Octets of a record.
const RECORD: usize = 80;
const ROUNDS: usize = 25;

fn main() {
    let mut dice = Dice::new(1);
    let noise = noise(&mut dice);
    let text = text(&mut dice);
    println!("{FILE} octets, buffers of 65535 octets, median of {ROUNDS} rounds");
    let stream = sfid("FILE", FILE as u64);
    let records = sfid_of(Format::Variable, "FILE", 80);
    bench("U, literal", &noise, &stream, false);
    bench("V, records of 80 octets, literal", &noise, &records, false);
    bench("U, compressing noise", &noise, &stream, true);
    bench("U, compressing text", &text, &stream, true);
    bench("U, compressing one run", &vec![0; FILE], &stream, true);
    bench(
        "V, records of 80 octets, compressing text",
        &text,
        &records,
        true,
    );
}

fn bench(name: &str, file: &[u8], offer: &Sfid, compression: bool) {
    let settings = Settings {
        buffer: 65_535,
        credit: 256,
        compression,
        ..settings()
    };
    let mut copied = vec![0; FILE];
    let mut received = Received::default();
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let copy = timed(|| copied.copy_from_slice(black_box(file)));
            black_box(&copied);
            let mut pair = (
                sending_of(&settings, offer.clone(), 0),
                receiving_of(&settings, offer.clone(), Position::START),
            );
            let records = offer.format.has_records();
            let crossing = timed(|| transfer(&mut pair, file, records, &mut received));
            (crossing.as_secs_f64(), copy.as_secs_f64())
        })
        .collect();
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let rate = |crossing| FILE as f64 / f64::from(1 << 20) / crossing;
    let (crossing, copy) = rounds[ROUNDS / 2];
    let best = rate(rounds[0].0);
    println!(
        "{name:<44} {:>7.0} MiB/s   {:>5.2} of a copy   best {best:>7.0} MiB/s",
        rate(crossing),
        copy / crossing
    );
}

fn timed(act: impl FnOnce()) -> Duration {
    let started = Instant::now();
    act();
    started.elapsed()
}

/// Sends all of the file, as a stream or in records, and closes it.
fn transfer(
    (sender, receiver): &mut (Session, Session),
    file: &[u8],
    records: bool,
    received: &mut Received,
) {
    let mut sent = 0;
    let mut ends = Vec::with_capacity(PIECE / RECORD + 1);
    let mut arrived = 0;
    while arrived < file.len() {
        let to = file.len().min(sent + PIECE);
        let piece = &file[sent..to];
        if records {
            ends.clear();
            ends.extend((RECORD - sent % RECORD..=piece.len()).step_by(RECORD));
            sent += sender.send_records(piece, &ends, NOW).unwrap().octets;
        } else {
            sent += sender.send_data(piece, to == file.len(), NOW).unwrap();
        }
        cross(sender, receiver);
        receiver.take_received(received, NOW);
        arrived += black_box(&*received).octets.len();
        cross(receiver, sender);
    }
    let close = Request::CloseFile {
        records: if records { sent / RECORD } else { 0 } as u64,
        octets: sent as u64,
    };
    sender.request(close, NOW).unwrap();
}

fn cross(from: &mut Session, to: &mut Session) {
    let octets = from.transmit().len();
    assert_eq!(to.receive(from.transmit(), NOW), octets);
    from.transmitted(octets, NOW);
    while let Some(event) = to.poll_event() {
        black_box(event);
    }
}

fn noise(dice: &mut Dice) -> Vec<u8> {
    let some = dice.octets(1024 * 1024 + 7);
    some.into_iter().cycle().take(FILE).collect()
}

/// Lines of 80 octets: words, and blanks to the end.
fn text(dice: &mut Dice) -> Vec<u8> {
    let mut text = Vec::with_capacity(FILE + RECORD);
    while text.len() < FILE {
        let words = 20 + dice.roll(50);
        let line = (0..words).map(|_| b'A' + u8::try_from(dice.roll(26)).unwrap());
        text.extend(line);
        text.resize(text.len() + RECORD - words, b' ');
    }
    text.truncate(FILE);
    text
}
