//! Throughput, processor time and memory of the whole path, beside what the machine can do at all.
//!
//! ```text
//! cargo bench -p tests                        # 1 GiB, 3 rounds
//! cargo bench -p tests -- --mib 256 --rounds 5
//! ```
//!
//! Measured in turns within one run, every other round in reverse order, medians at the end:
//!
//! | path | what it is |
//! |---|---|
//! | product | OFTP2 client ═TLS═▶ proxy-dmz ═link═▶ proxy-inner ▶ disk, both release binaries; from SFID to EFPA, so the file is synced |
//! | quinn | the same octets ═TLS═▶ bare relay ═quinn, the link's settings═▶ sink ▶ disk and sync |
//! | tls-disk | the same octets ═TLS═▶ sink ▶ disk and sync |
//! | tls | the same octets ═TLS═▶ sink that forgets them |
//!
//! Every box is a process of its own. Nothing is asserted: the figures are this machine's, the
//! ratios travel better.

mod cells;
mod client;
mod relay;
mod role;
mod sink;
mod table;

use std::time::Duration;

use cells::{Cell, Stage};
use table::Table;

/// What was measured in one cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    pub(crate) elapsed: Duration,
    pub(crate) processes: Vec<Process>,
}

/// What one process used in one cell.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) name: &'static str,
    pub(crate) processor: Duration,
    pub(crate) peak_kib: u64,
}

struct Arguments {
    mib: u64,
    rounds: usize,
}

fn main() {
    // A re-exec of this program plays one box of a path.
    if role::play() {
        return;
    }
    let Some(arguments) = arguments() else {
        return say("usage: cargo bench -p tests -- [--mib N] [--rounds N]");
    };
    say("Building both halves as they are released.");
    let stage = Stage::new(arguments.mib);
    let mut table = Table::new(arguments.mib);
    for round in 0..arguments.rounds {
        let mut cells = Cell::ALL;
        if round % 2 == 1 {
            cells.reverse();
        }
        for cell in cells {
            let sample = stage.run(cell);
            let rate = table::rate(arguments.mib, sample.elapsed);
            say(&format!(
                "round {} of {}: {:<8} {rate:7.0} MiB/s",
                round + 1,
                arguments.rounds,
                cell.name()
            ));
            table.add(cell, sample);
        }
    }
    say(&table.to_string());
}

fn arguments() -> Option<Arguments> {
    let mut arguments = Arguments {
        mib: 1024,
        rounds: 3,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            // cargo says so to every bench target.
            "--bench" => {}
            "--mib" => arguments.mib = words.next()?.parse().ok().filter(|&mib| mib > 0)?,
            "--rounds" => arguments.rounds = words.next()?.parse().ok().filter(|&n| n > 0)?,
            _ => return None,
        }
    }
    Some(arguments)
}

#[expect(clippy::print_stdout, reason = "the figures are the program's result")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}
