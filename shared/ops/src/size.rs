//! Sizes as operators write them: `512B`, `64KiB`, `4MiB`, `1GiB`, `2TiB`.

use std::fmt;

/// Why a text is no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a size is a whole number and one of B, KiB, MiB, GiB, TiB, as \"64KiB\" or \"4MiB\"")]
pub struct SizeError;

/// Reads a size in octets: a whole number and a unit, nothing between.
///
/// # Errors
/// When the text has another form or the size does not fit.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(SizeError)?;
    let number: u64 = number.parse().map_err(|_| SizeError)?;
    let (_, octets) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(SizeError)?;
    number.checked_mul(*octets).ok_or(SizeError)
}

/// Prints a number of octets in the largest unit that holds it whole.
pub fn display(octets: u64) -> impl fmt::Display {
    Display(octets)
}

struct Display(u64);

impl fmt::Display for Display {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: u64| self.0 > 0 && self.0.is_multiple_of(unit);
        match UNITS.iter().rev().find(|(_, unit)| fits(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => f.write_str("0B"),
        }
    }
}

/// Units with their octets, smallest first.
const UNITS: [(&str, u64); 5] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        for (text, octets) in [
            ("512B", 512),
            ("64KiB", 65_536),
            ("4MiB", 4_194_304),
            ("1GiB", 1_073_741_824),
            ("2TiB", 2_199_023_255_552),
        ] {
            assert_eq!(parse(text), Ok(octets), "{text}");
            assert_eq!(display(octets).to_string(), text);
        }
        assert_eq!(display(0).to_string(), "0B");
        assert_eq!(display(1_025).to_string(), "1025B");
    }

    #[test]
    fn refuses_other_forms() {
        for text in [
            "",
            "64",
            "KiB",
            "64 KiB",
            "64kib",
            "64KB",
            "-1B",
            "1.5MiB",
            "99999999TiB",
        ] {
            assert_eq!(parse(text), Err(SizeError), "{text}");
        }
    }
}
