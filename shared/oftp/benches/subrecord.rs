//! How fast subrecords are packed and unpacked, beside a plain copy of the same octets.
//!
//! `cargo bench -p oftp` prints, for each way, MiB of file octets a second (median of the rounds) and the
//! share of the copy's speed in the same round. Machines differ; the share is what to compare.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark's result is what it prints"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use oftp::{Unpacker, pack_compressed, pack_records, pack_unstructured};

/// Octets of the file.
const FILE: usize = 32 * 1024 * 1024;
/// SSIDSDEB.
const ROOM: usize = 65_535;
/// Octets of a record.
const RECORD: usize = 80;
const ROUNDS: usize = 15;

fn main() {
    let noise = noise(FILE);
    let zeros = vec![0; FILE];
    let text = text(FILE);
    let ends: Vec<usize> = (1..=FILE / RECORD).map(|record| record * RECORD).collect();
    let mut room = Vec::with_capacity(FILE + FILE / 8);

    println!(
        "{} MiB, buffers of {ROOM} octets, median of {ROUNDS} rounds",
        FILE >> 20
    );
    let mut copied = vec![0; FILE];
    bench("pack, literal", &noise, &mut copied, || {
        stream(&noise, &mut room, pack_unstructured)
    });
    let literal = packed(&noise, pack_unstructured);
    let mut file = Vec::with_capacity(FILE + ROOM);
    bench("unpack, literal", &noise, &mut copied, || {
        unpack(&literal, Unpacker::unstructured(false), &mut file)
    });
    bench("compress, noise", &noise, &mut copied, || {
        stream(&noise, &mut room, pack_compressed)
    });
    bench("compress, one run", &zeros, &mut copied, || {
        stream(&zeros, &mut room, pack_compressed)
    });
    bench("compress, text", &text, &mut copied, || {
        stream(&text, &mut room, pack_compressed)
    });
    let run = packed(&zeros, pack_compressed);
    bench("decompress, one run", &zeros, &mut copied, || {
        unpack(&run, Unpacker::unstructured(true), &mut file)
    });
    let lines = packed(&text, pack_compressed);
    bench("decompress, text", &text, &mut copied, || {
        unpack(&lines, Unpacker::unstructured(true), &mut file)
    });
    bench("pack, records of 80", &noise, &mut copied, || {
        records(&noise, &ends, &mut room, false)
    });
    bench("pack, records, compressed", &text, &mut copied, || {
        records(&text, &ends, &mut room, true)
    });
    records(&noise, &ends, &mut room, false);
    let frames = room.clone();
    let mut found = Vec::with_capacity(ends.len());
    bench("unpack, records of 80", &noise, &mut copied, || {
        unpack_records(&frames, &mut file, &mut found)
    });
}

/// Octets without runs worth speaking of (xorshift, always the same).
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(len).collect()
}

/// Lines of 80 octets, a third of them spaces at the end, as in old record files.
fn text(len: usize) -> Vec<u8> {
    let line = format!(
        "{:<80}",
        "UNH+1+DELFOR:D:97A:UN'  LIN+1++4711:IN'  QTY+113:42"
    );
    line.bytes().cycle().take(len).collect()
}

type Pack = fn(&[u8], usize, bool, &mut Vec<u8>) -> usize;

/// One frame after the other into the same place, as a session does with its transmit buffer.
fn stream(file: &[u8], frame: &mut Vec<u8>, pack: Pack) {
    let mut rest = file;
    while !rest.is_empty() {
        frame.clear();
        let taken = pack(black_box(rest), ROOM, true, frame);
        rest = &rest[taken..];
        black_box(frame.last());
    }
}

fn packed(file: &[u8], pack: Pack) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), file);
    while !rest.is_empty() {
        let taken = pack(rest, ROOM, true, &mut out);
        rest = &rest[taken..];
    }
    out
}

/// All frames into one place: where each goes on is known from what was taken.
fn records(octets: &[u8], ends: &[usize], out: &mut Vec<u8>, compress: bool) {
    out.clear();
    let (mut rest, mut done, mut start) = (octets, 0, 0);
    let mut near = Vec::with_capacity(ROOM);
    while done < ends.len() {
        near.clear();
        let soon = ends[done..].iter().take(ROOM / RECORD + 1);
        near.extend(soon.map(|end| end - start));
        let packed = pack_records(black_box(rest), &near, ROOM, compress, out);
        rest = &rest[packed.octets..];
        start += packed.octets;
        done += packed.records;
    }
}

fn unpack(frames: &[u8], mut unpacker: Unpacker, out: &mut Vec<u8>) {
    let mut rest = black_box(frames);
    while let Ok(Some((oeb, used))) = oftp::split(rest) {
        out.clear();
        unpacker
            .unpack(&oeb[1..], out)
            .expect("packed by the same crate");
        black_box(out.last());
        rest = &rest[used..];
    }
    assert!(unpacker.ended());
}

fn unpack_records(frames: &[u8], out: &mut Vec<u8>, ends: &mut Vec<usize>) {
    let mut unpacker = Unpacker::records(false);
    let mut rest = black_box(frames);
    while let Ok(Some((oeb, used))) = oftp::split(rest) {
        out.clear();
        ends.clear();
        unpacker
            .unpack_records(&oeb[1..], out, ends)
            .expect("packed by the same crate");
        black_box((out.last(), ends.last()));
        rest = &rest[used..];
    }
}

/// Times the way and a copy of the same octets in turn.
fn bench(name: &str, file: &[u8], copied: &mut [u8], mut way: impl FnMut()) {
    let mut times = Vec::with_capacity(ROUNDS);
    let mut shares = Vec::with_capacity(ROUNDS);
    way();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for (from, to) in file.chunks(ROOM).zip(copied.chunks_mut(ROOM)) {
            to.copy_from_slice(black_box(from));
        }
        black_box(&copied);
        let copy = start.elapsed();
        let start = Instant::now();
        way();
        let time = start.elapsed();
        times.push(time);
        shares.push(copy.as_secs_f64() / time.as_secs_f64());
    }
    shares.sort_unstable_by(f64::total_cmp);
    let median: Duration = {
        times.sort_unstable();
        times[ROUNDS / 2]
    };
    let speed = (FILE >> 20) as f64 / median.as_secs_f64();
    println!(
        "{name:<28} {speed:>8.0} MiB/s   {:>5.2} of a copy",
        shares[ROUNDS / 2]
    );
}
