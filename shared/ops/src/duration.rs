//! Time spans as operators write them: `500ms`, `30s`, `5m`, `2h`, `3d`.

use std::fmt;
use std::time::Duration;

/// Why a text is no time span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time span is a whole number and one of ms, s, m, h, d, as \"500ms\", \"30s\" or \"2h\"")]
pub struct DurationError;

/// Reads a time span: a whole number and a unit, nothing between.
///
/// # Errors
/// When the text has another form or the span does not fit.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(DurationError)?;
    let number: u64 = number.parse().map_err(|_| DurationError)?;
    let (_, millis) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(DurationError)?;
    number
        .checked_mul(*millis)
        .map(Duration::from_millis)
        .ok_or(DurationError)
}

/// Prints a span in the largest unit that holds it whole, rounded to milliseconds.
pub fn display(span: Duration) -> impl fmt::Display {
    Display(span)
}

struct Display(Duration);

impl fmt::Display for Display {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.0.as_millis();
        let fits = |millis: u64| span > 0 && span.is_multiple_of(u128::from(millis));
        match UNITS.iter().rev().find(|(_, millis)| fits(*millis)) {
            Some((unit, millis)) => write!(f, "{}{unit}", span / u128::from(*millis)),
            None => f.write_str("0s"),
        }
    }
}

/// Units with their milliseconds, smallest first.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("3d", 259_200_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(display(Duration::from_millis(millis)).to_string(), text);
        }
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert_eq!(display(Duration::ZERO).to_string(), "0s");
        assert_eq!(display(Duration::from_secs(90)).to_string(), "90s");
    }

    #[test]
    fn refuses_other_forms() {
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "5.5s",
            "5S",
            "1h30m",
            "99999999999999999999s",
            "18446744073709551615d",
            "5é",
        ] {
            assert_eq!(parse(text), Err(DurationError), "{text}");
        }
    }
}
