//! In steady state nothing is allocated for a DATA buffer, on neither side: proven by counting every
//! allocation of the process. A program of its own, without a test harness that allocates beside it.

#![expect(clippy::print_stdout, reason = "says what was proven")]

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use engine::{Position, Received, Session, Settings};
use oftp::{Format, Sfid};

use rig::pair::Dice;
use rig::script::{NOW, receiving_of, sending_of, settings, sfid, sfid_of};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Octets handed over at a time: four buffers and a tail.
const PIECE: usize = 140_000;
const WARM_UP: u64 = 200;
const MEASURED: u64 = 2_000;

fn main() {
    let mut file = Dice::new(1).octets(PIECE);
    // Some runs, so that a compressing session has both kinds of subrecords.
    for run in file.chunks_mut(1_000) {
        run[..100].fill(b' ');
    }
    let ends: Vec<usize> = (1..=PIECE / 50).map(|record| record * 50).collect();
    let offers = [
        (sfid("U", 0), &[][..]),
        (sfid_of(Format::Variable, "V", 99_999), &ends[..]),
    ];
    for (offer, ends) in offers {
        for compression in [false, true] {
            assert_allocates_nothing(&offer, &file, ends, compression);
        }
    }
}

fn assert_allocates_nothing(offer: &Sfid, file: &[u8], ends: &[usize], compression: bool) {
    let settings = Settings {
        buffer: 32_768,
        credit: 7,
        compression,
        ..settings()
    };
    let mut sender = sending_of(&settings, offer.clone(), 0);
    let mut receiver = receiving_of(&settings, offer.clone(), Position::START);
    let mut received = Received::default();
    let mut send_until = |buffers: u64| {
        while sender.stats().data_sent < buffers {
            if offer.format.has_records() {
                sender.send_records(file, ends, NOW).unwrap();
            } else {
                sender.send_data(file, false, NOW).unwrap();
            }
            cross(&mut sender, &mut receiver);
            receiver.take_received(&mut received, NOW);
            cross(&mut receiver, &mut sender);
        }
    };
    send_until(WARM_UP);
    let region = Region::new(ALLOCATOR);
    send_until(WARM_UP + MEASURED);
    let counted = region.change();
    let allocations = counted.allocations + counted.reallocations;
    let case = format!("format {}, compression {compression}", offer.format);
    assert_eq!(allocations, 0, "{case}: {counted:?}");
    println!("{case}: {MEASURED} DATA buffers crossed and nothing was allocated");
}

fn cross(from: &mut Session, to: &mut Session) {
    let octets = from.transmit().len();
    assert_eq!(to.receive(from.transmit(), NOW), octets);
    from.transmitted(octets, NOW);
    while to.poll_event().is_some() {}
}
