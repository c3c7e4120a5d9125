//! Protocol levels (RFC 5024 §5.3.2): the layout of the commands depends on the session's level.

use core::fmt;

/// A level as SSIDLEV says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// ODETTE-FTP 1.2.
    L1 = 1,
    /// ODETTE-FTP 1.3 (RFC 2204).
    L2 = 2,
    /// ODETTE-FTP 1.4.
    L4 = 4,
    /// ODETTE-FTP 2.0 (RFC 5024).
    L5 = 5,
}

impl Level {
    /// All four, lowest first.
    pub const ALL: [Level; 4] = [Level::L1, Level::L2, Level::L4, Level::L5];

    /// The level with this number: 1, 2, 4 or 5.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Level> {
        Level::ALL
            .into_iter()
            .find(|level| level.number() == number)
    }

    /// 1, 2, 4 or 5.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The level of an SSIDLEV digit. Digits above 5 count as 5 and 3 as 2, so that a newer or odd
    /// partner can be talked to; `None` for 0 and what is no digit.
    #[must_use]
    pub fn from_octet(octet: u8) -> Option<Level> {
        match octet {
            b'1' => Some(Level::L1),
            b'2' | b'3' => Some(Level::L2),
            b'4' => Some(Level::L4),
            b'5'..=b'9' => Some(Level::L5),
            _ => None,
        }
    }

    /// The digit that stands in SSIDLEV.
    #[must_use]
    pub fn octet(self) -> u8 {
        match self {
            Level::L1 => b'1',
            Level::L2 => b'2',
            Level::L4 => b'4',
            Level::L5 => b'5',
        }
    }

    /// Whether dates have no century and times no counter (levels 1 and 2).
    #[must_use]
    pub fn has_short_stamp(self) -> bool {
        self < Level::L4
    }

    /// Whether the level has OFTP 2 fields: texts, security, wide numbers.
    #[must_use]
    pub fn is_oftp2(self) -> bool {
        self == Level::L5
    }

    /// Whether there are negative receipts: NERP came with 1.4.
    #[must_use]
    pub fn has_nerp(self) -> bool {
        self >= Level::L4
    }

    /// Whether there is secure authentication: SSIDAUTH, SECD, AUCH, AURP.
    #[must_use]
    pub fn has_authentication(self) -> bool {
        self.is_oftp2()
    }

    /// Whether files can be signed, encrypted or compressed as a whole, and receipts signed.
    #[must_use]
    pub fn has_file_services(self) -> bool {
        self.is_oftp2()
    }

    /// Whether refusals, the end of a session and a file's offer can carry a text.
    #[must_use]
    pub fn has_texts(self) -> bool {
        self.is_oftp2()
    }

    /// The largest SFIDFSIZ, in blocks of 1024 octets: seven digits, thirteen at level 5.
    #[must_use]
    pub fn most_blocks(self) -> u64 {
        if self.is_oftp2() {
            9_999_999_999_999
        } else {
            9_999_999
        }
    }

    /// The largest record count and restart position: nine digits, seventeen at level 5.
    #[must_use]
    pub fn most_records(self) -> u64 {
        if self.is_oftp2() {
            99_999_999_999_999_999
        } else {
            999_999_999
        }
    }

    /// The largest octet count of a file: twelve digits, seventeen at level 5.
    #[must_use]
    pub fn most_octets(self) -> u64 {
        if self.is_oftp2() {
            99_999_999_999_999_999
        } else {
            999_999_999_999
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", *self as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_digits_name_the_same_levels() {
        for level in Level::ALL {
            assert_eq!(Level::from_number(level.number()), Some(level));
            assert_eq!(Level::from_octet(level.octet()), Some(level));
            assert_eq!(level.octet(), b'0' + level.number());
        }
        for number in [0, 3, 6, 9, 53] {
            assert_eq!(Level::from_number(number), None);
        }
    }

    #[test]
    fn what_a_level_has_grows_with_it() {
        let nerp = Level::ALL.map(Level::has_nerp);
        assert_eq!(nerp, [false, false, true, true]);
        let short = Level::ALL.map(Level::has_short_stamp);
        assert_eq!(short, [true, true, false, false]);
        let two = Level::ALL.map(Level::is_oftp2);
        assert_eq!(two, [false, false, false, true]);
        assert_eq!(two, Level::ALL.map(Level::has_authentication));
        assert_eq!(two, Level::ALL.map(Level::has_file_services));
        assert_eq!(two, Level::ALL.map(Level::has_texts));
    }
}
