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
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", *self as u8)
    }
}
