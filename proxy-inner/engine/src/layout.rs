//! How a virtual file travels (RFC 5024 sections 1.5.3 and 1.5.4): as one stream of octets or as
//! records, and what its positions count.

use oftp::{Format, Security, Sfid};

use crate::Position;

/// What lies between two positions of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// U and T, and whatever a CMS envelope or a file service made of any file: one
    /// record, positions in blocks of 1024 octets.
    Stream {
        /// SFIDFMT names a format with records, so that EFIDRCNT may name the original's.
        of_records: bool,
    },
    /// F: records of this many octets each.
    Fixed {
        /// SFIDLRECL.
        length: u64,
    },
    /// V: records of up to this many octets.
    Variable {
        /// SFIDLRECL.
        longest: u64,
    },
}

impl Layout {
    pub(crate) fn of(sfid: &Sfid) -> Self {
        let length = u64::from(sfid.record_length);
        match sfid.format {
            format if is_secured(sfid) => Self::Stream {
                of_records: format.has_records(),
            },
            Format::Fixed => Self::Fixed { length },
            Format::Variable => Self::Variable { longest: length },
            Format::Unstructured | Format::Text => Self::Stream { of_records: false },
        }
    }

    pub(crate) const fn has_records(self) -> bool {
        !matches!(self, Self::Stream { .. })
    }

    /// May a record of this format have so many octets?
    pub(crate) const fn takes_record(self, octets: u64) -> bool {
        match self {
            Self::Stream { .. } => true,
            Self::Fixed { length } => octets == length,
            Self::Variable { longest } => octets <= longest,
        }
    }

    /// May a record that goes on have so many octets already?
    pub(crate) const fn takes_open_record(self, octets: u64) -> bool {
        match self {
            Self::Stream { .. } => true,
            Self::Fixed { .. } | Self::Variable { .. } => octets <= self.record_length(),
        }
    }

    /// SFIDLRECL, as far as it binds.
    pub(crate) const fn record_length(self) -> u64 {
        match self {
            Self::Stream { .. } => 0,
            Self::Fixed { length } => length,
            Self::Variable { longest } => longest,
        }
    }

    /// Fewest and most octets that can lie before a position.
    pub(crate) fn octets_before(self, position: u64) -> (u128, u128) {
        let units = u128::from(position);
        match self {
            Self::Stream { .. } => (units * BLOCK, units * BLOCK),
            Self::Fixed { length } => (units * u128::from(length), units * u128::from(length)),
            Self::Variable { longest } => (0, units * u128::from(longest)),
        }
    }

    /// Can the octets before the position be as many as it says?
    pub(crate) fn has_position(self, position: Position) -> bool {
        let (fewest, most) = self.octets_before(position.answer);
        (fewest..=most).contains(&u128::from(position.octets))
    }
}

/// The unit of restart positions of a stream.
const BLOCK: u128 = 1024;

/// Does a CMS object travel in place of the file?
pub(crate) fn is_secured(sfid: &Sfid) -> bool {
    sfid.envelope || sfid.compression || sfid.security != Security::None
}

#[cfg(test)]
mod tests {
    use oftp::Level;

    use super::*;

    /// also where the product of units and octets leaves 64 bits.
    #[test]
    fn octets_before_a_position_are_exact_up_to_the_last_digit() {
        let last = Level::L5.most_records();
        let stream = Layout::Stream { of_records: false };
        let exact = u128::from(last) * 1024;
        assert!(exact > u128::from(u64::MAX));
        assert_eq!(stream.octets_before(last), (exact, exact));
        let fixed = Layout::Fixed { length: 99_999 };
        assert_eq!(fixed.octets_before(3), (299_997, 299_997));
        let variable = Layout::Variable { longest: 80 };
        assert_eq!(variable.octets_before(3), (0, 240));
    }

    #[test]
    fn a_position_is_believed_only_where_its_octets_fit_the_format() {
        let position = |answer, octets| Position { answer, octets };
        let stream = Layout::Stream { of_records: true };
        assert!(stream.has_position(position(2, 2048)));
        assert!(!stream.has_position(position(2, 2047)));
        let fixed = Layout::Fixed { length: 80 };
        assert!(fixed.has_position(position(2, 160)));
        assert!(!fixed.has_position(position(2, 159)));
        let variable = Layout::Variable { longest: 80 };
        assert!(variable.has_position(position(2, 0)) && variable.has_position(position(2, 160)));
        assert!(!variable.has_position(position(2, 161)));
        assert!(!variable.has_position(position(0, 1)));
    }
}
