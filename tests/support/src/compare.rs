//! Made-up file content, hashes, and comparisons that show both sides when they fail.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

/// The SHA-256 of `octets`.
pub fn sha256(octets: &[u8]) -> Vec<u8> {
    Sha256::digest(octets).to_vec()
}

/// Lower-case hex of the SHA-256 of `octets`.
pub fn sha256_hex(octets: &[u8]) -> String {
    hex(&Sha256::digest(octets))
}

/// Lower-case hex of the SHA-256 of a file, read in pieces.
///
/// # Panics
/// When the file cannot be read.
pub fn sha256_of_file(path: &Path) -> String {
    let mut file =
        File::open(path).unwrap_or_else(|error| panic!("cannot open {}: {error}", path.display()));
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; 256 * 1024];
    loop {
        let count = file
            .read(&mut buffer)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        if count == 0 {
            return hex(&hash.finalize());
        }
        hash.update(&buffer[..count]);
    }
}

/// Two files must have the same content; the message names both, their lengths and hashes.
///
/// # Panics
/// When they differ or one cannot be read.
#[track_caller]
pub fn assert_same_file(left: &Path, right: &Path) {
    let (ours, theirs) = (sha256_of_file(left), sha256_of_file(right));
    assert!(
        ours == theirs,
        "the files differ\n   left: {} ({} octets) sha256 {ours}\n  right: {} ({} octets) sha256 {theirs}",
        left.display(),
        length(left),
        right.display(),
        length(right),
    );
}

/// Two runs of octets must be the same; the message shows lengths, hashes and the first difference
/// with what stands around it on both sides.
///
/// # Panics
/// When they differ.
#[track_caller]
pub fn assert_same_octets(what: &str, left: &[u8], right: &[u8]) {
    if left == right {
        return;
    }
    let at = left
        .iter()
        .zip(right)
        .position(|(a, b)| a != b)
        .unwrap_or_else(|| left.len().min(right.len()));
    panic!(
        "{what}: differ from octet {at} on\n   left: {} octets, sha256 {}, {}\n  right: {} octets, sha256 {}, {}",
        left.len(),
        sha256_hex(left),
        around(left, at),
        right.len(),
        sha256_hex(right),
        around(right, at),
    );
}

/// `length` octets which never repeat in a pattern that a shifted or doubled block could hide in,
/// the same for the same `seed`.
pub fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut octets = Vec::with_capacity(length + 8);
    while octets.len() < length {
        octets.extend_from_slice(&random.next().to_le_bytes());
    }
    octets.truncate(length);
    octets
}

/// Writes such content to a file, piece by piece; returns its SHA-256.
///
/// # Panics
/// When the file cannot be written.
pub fn write_content(path: &Path, seed: u64, length: u64) -> String {
    let mut file = File::create(path)
        .unwrap_or_else(|error| panic!("cannot create {}: {error}", path.display()));
    let mut random = Random::new(seed);
    let mut hash = Sha256::new();
    let mut left = length;
    while left > 0 {
        let piece = left.min(1024 * 1024);
        let octets = content(
            random.next(),
            usize::try_from(piece).expect("at most 1 MiB"),
        );
        hash.update(&octets);
        file.write_all(&octets)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        left -= piece;
    }
    hex(&hash.finalize())
}

/// A small reproducible generator (SplitMix64): tests print its seed and can be run again with it.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator that gives the same numbers for the same seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// A generator seeded from the environment variable `SEED`, or at random; prints which.
    pub fn printed(test: &str) -> Random {
        let seed = std::env::var("SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| getrandom::u64().expect("the system has randomness"));
        crate::say(&format!("{test}: to repeat this run set SEED={seed}"));
        Random(seed)
    }

    /// The next number.
    #[expect(
        clippy::should_implement_trait,
        reason = "never ends, so no iterator is wanted"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

fn around(octets: &[u8], at: usize) -> String {
    let start = at.saturating_sub(8);
    let end = (at + 8).min(octets.len());
    format!(
        "octets {start}..{end}: {}",
        hex(&octets[start.min(end)..end])
    )
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path)
        .map(|metadata| metadata.len())
        .unwrap_or_default()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_the_standard_says() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    #[should_panic(expected = "differ from octet 3 on")]
    fn a_comparison_shows_the_first_difference() {
        assert_same_octets("both", b"abcdef", b"abcxef");
    }

    #[test]
    #[should_panic(expected = "left: 2 octets")]
    fn a_comparison_shows_a_shorter_side() {
        assert_same_octets("both", b"ab", b"abc");
    }

    #[test]
    fn made_up_content_is_the_same_for_the_same_seed_only() {
        assert_eq!(content(7, 1000), content(7, 1000));
        assert_ne!(content(7, 1000), content(8, 1000));
        assert_eq!(content(7, 13).len(), 13);
    }
}
