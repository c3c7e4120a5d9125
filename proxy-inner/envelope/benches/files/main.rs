//! How fast files are secured and opened, beside `openssl cms` and `gzip` doing the same in the same
//! run, and how much memory it takes.
//!
//! `cargo bench -p envelope` prints MiB of clear octets a second (best of the rounds: what else the
//! machine does can only slow it), the share of openssl's speed, and the most memory a process had.
//! Wanted: at least as fast as openssl's two processes, in less than 64 MiB. `BENCH_MIB` is the size
//! of the file, 256 if nothing else is said; openssl reads no more than 2047.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark's result is what it prints, and it ends where something is wrong"
)]

mod foreign;
mod material;
mod ours;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
/// Octets of each kind of content that is compressed.
const COMPRESSED: usize = 48 << 20;

fn main() {
    if ours::is_child() {
        ours::child();
        return;
    }
    let shm = Path::new("/dev/shm");
    let folder = if shm.is_dir() {
        tempfile::tempdir_in(shm).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    };
    let mib = std::env::var("BENCH_MIB").map_or(256, |mib| mib.parse().unwrap());
    material::keys(folder.path());
    against_openssl(folder.path(), mib);
    levels(folder.path());
}

/// Signing and encrypting, and the reverse, with suite 04.
fn against_openssl(folder: &Path, mib: usize) {
    let at = |name: &str| folder.join(name);
    fs::write(at("clear"), material::edi(mib << 20)).unwrap();
    println!(
        "{mib} MiB, suite 04, indefinite lengths, best of {ROUNDS} rounds, in {}",
        folder.display()
    );
    println!(
        "{:<34} {:>9} {:>9} {:>7} {:>12} {:>12}",
        "", "ours", "openssl", "ratio", "our memory", "openssl's"
    );
    let both: [(&str, Run, Run); 2] = [
        ("sign and encrypt", ours::secure, foreign::secure),
        ("decrypt and verify", ours::open, foreign::open),
    ];
    for (name, our, their) in both {
        let (mut best, mut best_of_theirs) = (Took::longest(), Took::longest());
        for _ in 0..ROUNDS {
            best = best.min(our(folder));
            best_of_theirs = best_of_theirs.min(their(folder));
        }
        let (speed, theirs) = (best.mib_a_second(mib), best_of_theirs.mib_a_second(mib));
        println!(
            "{name:<34} {speed:>9.0} {theirs:>9.0} {:>7.2} {:>8.1} MiB {:>8.1} MiB",
            speed / theirs,
            best.memory_mib(),
            best_of_theirs.memory_mib()
        );
    }
    for name in ["clear", "secured", "opened", "theirs", "theirs-opened"] {
        let _ = fs::remove_file(at(name));
    }
}

/// zlib's levels beside `gzip -6`.
fn levels(folder: &Path) {
    for (name, content) in [
        ("EDI text", material::edi(COMPRESSED)),
        ("CAD-like binary", material::cad(COMPRESSED)),
        ("random", material::random(COMPRESSED)),
    ] {
        println!("\ncompressing {} MiB of {name}", COMPRESSED >> 20);
        let row = |what: String, took: Duration, octets: u64| {
            let mib = f64::from(u32::try_from(COMPRESSED >> 20).unwrap());
            let shrunk = COMPRESSED as f64 / octets as f64;
            println!(
                "  {what:<10} {:>7.0} MiB/s   to 1/{shrunk:.2}",
                mib / took.as_secs_f64()
            );
        };
        for level in [1, 2, 3, 4, 5, 6, 9] {
            let begin = Instant::now();
            let octets = ours::compress(&content, level);
            row(format!("level {level}"), begin.elapsed(), octets);
        }
        let begin = Instant::now();
        let octets = foreign::gzip(folder, &content);
        row("gzip -6".to_owned(), begin.elapsed(), octets);
    }
}

/// One thing measured, in a process of its own.
type Run = fn(&Path) -> Took;

/// Time and most memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    pub(crate) time: Duration,
    /// KiB.
    pub(crate) memory: u64,
}

impl Took {
    fn longest() -> Self {
        Self {
            time: Duration::MAX,
            memory: 0,
        }
    }

    /// The shorter time, the larger memory.
    fn min(self, other: Self) -> Self {
        Self {
            time: self.time.min(other.time),
            memory: self.memory.max(other.memory),
        }
    }

    fn mib_a_second(self, mib: usize) -> f64 {
        mib as f64 / self.time.as_secs_f64()
    }

    fn memory_mib(self) -> f64 {
        self.memory as f64 / 1024.0
    }
}
