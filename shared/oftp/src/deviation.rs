//! Leniencies: what partners do beside RFC 5024 and we accept, each with a name.

use core::fmt;

/// One thing that was accepted although RFC 5024 does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Deviation {
    /// SSID or ESID ends in LF (0x0A) instead of CR.
    LineFeedForCarriageReturn,
    /// A text field (`T(n)`) is not valid UTF-8; wrong octets are shown as U+FFFD.
    TextNotUtf8,
    /// SSIDLEV is none of 1, 2, 4, 5; the next lower defined level is used.
    UndefinedLevel,
    /// An X field holds printable ASCII outside the RFC's character set (Appendix B).
    OutsideCharacterSet,
}

impl Deviation {
    /// All of them, in the order of their bits.
    pub const ALL: [Deviation; 4] = [
        Deviation::LineFeedForCarriageReturn,
        Deviation::TextNotUtf8,
        Deviation::UndefinedLevel,
        Deviation::OutsideCharacterSet,
    ];

    /// The name used in logs and counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Deviation::LineFeedForCarriageReturn => "line-feed-for-carriage-return",
            Deviation::TextNotUtf8 => "text-not-utf8",
            Deviation::UndefinedLevel => "undefined-level",
            Deviation::OutsideCharacterSet => "outside-character-set",
        }
    }

    fn bit(self) -> u8 {
        1_u8.wrapping_shl(self as u32)
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The set of deviations met in one command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deviations(u8);

impl Deviations {
    /// None.
    #[must_use]
    pub fn none() -> Deviations {
        Deviations(0)
    }

    /// Whether nothing was lenient.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds one.
    pub fn note(&mut self, deviation: Deviation) {
        self.0 |= deviation.bit();
    }

    /// Whether this one was met.
    #[must_use]
    pub fn contains(self, deviation: Deviation) -> bool {
        self.0 & deviation.bit() != 0
    }

    /// Those that were met.
    pub fn iter(self) -> impl Iterator<Item = Deviation> {
        Deviation::ALL
            .into_iter()
            .filter(move |deviation| self.contains(*deviation))
    }
}
