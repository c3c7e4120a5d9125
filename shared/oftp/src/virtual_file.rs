//! What names and describes a virtual file (RFC 5024 §1.5).

use core::fmt;
use core::str::FromStr;

use crate::field::FieldError;
use crate::ident::{DatasetName, OdetteId};
use crate::level::Level;

/// What identifies a transfer on the wire: equal for the file and its receipt (§1.5.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileId {
    /// SFIDDSN.
    pub dataset: DatasetName,
    /// SFIDDATE and SFIDTIME.
    pub stamp: Stamp,
    /// SFIDORIG: who created the file.
    pub origin: OdetteId,
    /// SFIDDEST: the final recipient.
    pub destination: OdetteId,
}

impl FileId {
    /// Whether both name the same file, as far as the stamps of this level go: levels 1 and 2 carry
    /// neither century nor counter.
    #[must_use]
    pub fn same_at(&self, other: &FileId, level: Level) -> bool {
        let same_stamp = if level.has_short_stamp() {
            self.stamp.short() == other.stamp.short()
        } else {
            self.stamp == other.stamp
        };
        same_stamp
            && self.dataset == other.dataset
            && self.origin == other.origin
            && self.destination == other.destination
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} from {} to {}",
            self.dataset, self.stamp, self.origin, self.destination
        )
    }
}

/// SFIDFMT (§1.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Records of one length.
    Fixed,
    /// Records of several lengths.
    Variable,
    /// A stream of octets.
    Unstructured,
    /// Text lines ended by CR LF, sent as a stream.
    Text,
}

impl Format {
    /// The format of an SFIDFMT octet.
    #[must_use]
    pub fn from_octet(octet: u8) -> Option<Format> {
        match octet {
            b'F' => Some(Format::Fixed),
            b'V' => Some(Format::Variable),
            b'U' => Some(Format::Unstructured),
            b'T' => Some(Format::Text),
            _ => None,
        }
    }

    /// The octet that stands in SFIDFMT.
    #[must_use]
    pub fn octet(self) -> u8 {
        match self {
            Format::Fixed => b'F',
            Format::Variable => b'V',
            Format::Unstructured => b'U',
            Format::Text => b'T',
        }
    }

    /// Whether the file has records that are counted (F and V).
    #[must_use]
    pub fn has_records(self) -> bool {
        matches!(self, Format::Fixed | Format::Variable)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(self.octet()))
    }
}

/// Date `CCYYMMDD` and time `HHMMSScccc` of a virtual file, as digits (§5.3.3). An identifier: it
/// is compared and copied, and no calendar is enforced on what a partner sends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp {
    /// `CCYYMMDD`, ASCII digits.
    pub date: [u8; 8],
    /// `HHMMSScccc`, ASCII digits; `cccc` is a counter, 0001 to 9999.
    pub time: [u8; 10],
}

impl Stamp {
    /// Puts a stamp together.
    ///
    /// # Errors
    /// A part outside its range: year 0–9999, month 1–12, day 1–31, hour 0–23, minute 0–59,
    /// second 0–60, counter 1–9999.
    pub fn new(
        (year, month, day): (u16, u8, u8),
        (hour, minute, second): (u8, u8, u8),
        counter: u16,
    ) -> Result<Stamp, FieldError> {
        let in_range = year <= 9999
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour <= 23
            && minute <= 59
            && second <= 60
            && (1..=9999).contains(&counter);
        let text =
            format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{counter:04}");
        if in_range {
            text.parse()
        } else {
            Err(stamp_error(&text))
        }
    }
}

impl Stamp {
    /// `YYMMDDHHMMSS`, ASCII digits: all that levels 1 and 2 carry.
    #[must_use]
    pub fn short(&self) -> [u8; 12] {
        let [_, _, y1, y2, m1, m2, d1, d2] = self.date;
        let [h1, h2, i1, i2, s1, s2, ..] = self.time;
        [y1, y2, m1, m2, d1, d2, h1, h2, i1, i2, s1, s2]
    }

    /// The counter, 0000 to 9999; 0000 where the file came at level 1 or 2.
    #[must_use]
    pub fn counter(&self) -> u16 {
        let [.., c1, c2, c3, c4] = self.time;
        number(&[c1, c2, c3, c4])
    }

    /// Whether date and time can be found on a calendar and a clock; second 60 is a leap second.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let [y1, y2, y3, y4, m1, m2, d1, d2] = self.date;
        let [h1, h2, i1, i2, s1, s2, ..] = self.time;
        let (year, month) = (number(&[y1, y2, y3, y4]), number(&[m1, m2]));
        let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        (1..=days).contains(&number(&[d1, d2]))
            && number(&[h1, h2]) <= 23
            && number(&[i1, i2]) <= 59
            && number(&[s1, s2]) <= 60
    }
}

impl FromStr for Stamp {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Stamp, FieldError> {
        let octets = text.as_bytes();
        if octets.len() == 18
            && octets.iter().all(u8::is_ascii_digit)
            && let Some((date, rest)) = octets.split_first_chunk()
            && let Some((time, _)) = rest.split_first_chunk()
        {
            return Ok(Stamp {
                date: *date,
                time: *time,
            });
        }
        Err(stamp_error(text))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date
            .iter()
            .chain(&self.time)
            .try_for_each(|digit| write!(f, "{}", char::from(*digit)))
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stamp({self})")
    }
}

/// The number that at most four ASCII digits say.
fn number(digits: &[u8]) -> u16 {
    digits.iter().fold(0, |value, digit| {
        value * 10 + u16::from(digit.wrapping_sub(b'0') % 10)
    })
}

fn stamp_error(text: &str) -> FieldError {
    FieldError {
        what: "a file's date and time",
        wanted: "18 digits CCYYMMDDHHMMSScccc with the counter cccc from 0001",
        found: format!("\"{}\"", text.escape_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn stamp_is_date_time_and_counter() {
        let stamp = Stamp::new((2024, 1, 31), (23, 59, 59), 1).unwrap();
        assert_eq!(stamp.to_string(), "202401312359590001");
        assert_eq!("202401312359590001".parse(), Ok(stamp));
        assert!(Stamp::new((2024, 1, 31), (23, 59, 59), 0).is_err());
        assert!(Stamp::new((2024, 13, 31), (23, 59, 59), 1).is_err());
        assert!("20240131235959000x".parse::<Stamp>().is_err());
    }
    #[test]
    fn tells_possible_dates_from_impossible_ones() {
        let possible = |text: &str| text.parse::<Stamp>().unwrap().is_possible();
        for stamp in [
            "202402292359590001",
            "200002290000600000",
            "202412312359599999",
        ] {
            assert!(possible(stamp), "{stamp}");
        }
        for stamp in [
            "202302290000000001",
            "190002290000000001",
            "202404310000000001",
            "202413010000000001",
            "202400010000000001",
            "202401000000000001",
            "202401012400000001",
            "202401010060000001",
            "202401010000610001",
        ] {
            assert!(!possible(stamp), "{stamp}");
        }
    }

    #[test]
    fn below_level_4_files_are_the_same_without_century_and_counter() {
        let file = |stamp: &str, origin: &str| FileId {
            dataset: "TEST.FILE".parse().unwrap(),
            stamp: stamp.parse().unwrap(),
            origin: origin.parse().unwrap(),
            destination: "O0013B".parse().unwrap(),
        };
        let ours = file("202401312359590007", "O0013A");
        let short = file("192401312359590000", "O0013A");
        let other = file("202401312359580007", "O0013A");
        let stranger = file("202401312359590007", "O0013C");
        for level in Level::ALL {
            assert!(ours.same_at(&ours, level));
            assert_eq!(ours.same_at(&short, level), level < Level::L4);
            assert!(!ours.same_at(&other, level) && !ours.same_at(&stranger, level));
        }
        assert_eq!(&ours.stamp.short(), b"240131235959");
        assert_eq!((ours.stamp.counter(), short.stamp.counter()), (7, 0));
    }
}
