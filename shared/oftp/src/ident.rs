//! Names on the wire: identification codes (RFC 5024 §5.4) and dataset names (§5.3.3).

use core::fmt;
use core::str::FromStr;

use crate::field::{FieldError, is_printable, is_standard};

/// An identification code of a station, 1 to 25 characters; compared after padding (§5.4).
///
/// | Octet | Field | Meaning |
/// |---|---|---|
/// | 0 | SIOOID | `O` for codes that Odette assigns |
/// | 1–4 | SIOICD | international code designator |
/// | 5–18 | SIOORG | organisation code |
/// | 19–24 | SIOCSA | computer sub-address |
///
/// Real codes ignore this structure, so it is not enforced.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OdetteId(String);

impl OdetteId {
    /// Octets of the field.
    pub const WIDTH: usize = 25;

    /// The code without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has only characters of RFC 5024 (Appendix B); what is sent should. Spaces belong to
    /// them, as SIOORG is padded inside the code.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        is_standard(&self.0)
    }

    /// Whether `O` says that Odette assigned it.
    #[must_use]
    pub fn is_odette_assigned(&self) -> bool {
        self.0.starts_with('O')
    }
}

impl FromStr for OdetteId {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<OdetteId, FieldError> {
        name(text, OdetteId::WIDTH)
            .map(OdetteId)
            .ok_or_else(|| FieldError {
                what: "an identification code",
                wanted: "1 to 25 printable ASCII characters, such as O0013COMPANY",
                found: format!("\"{}\"", text.escape_default()),
            })
    }
}

impl fmt::Display for OdetteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A dataset name (SFIDDSN), 1 to 26 characters. It is not a path: never use it as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatasetName(String);

impl DatasetName {
    /// Octets of the field.
    pub const WIDTH: usize = 26;

    /// The name without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has only characters of RFC 5024 (Appendix B) and no space in it; what is sent should.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        is_standard(&self.0) && !self.0.contains(' ')
    }
}

impl FromStr for DatasetName {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<DatasetName, FieldError> {
        name(text, DatasetName::WIDTH)
            .map(DatasetName)
            .ok_or_else(|| FieldError {
                what: "a dataset name",
                wanted: "1 to 26 printable ASCII characters",
                found: format!("\"{}\"", text.escape_default()),
            })
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn name(text: &str, width: usize) -> Option<String> {
    let trimmed = text.trim_end_matches(' ');
    let fits = !trimmed.is_empty() && trimmed.len() <= width && is_printable(trimmed);
    fits.then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn accepts_codes_of_any_structure_up_to_25_characters() {
        let code: OdetteId = "O0013TESTORGA      SUB1  ".parse().unwrap();
        assert_eq!(code.as_str(), "O0013TESTORGA      SUB1");
        assert!(code.is_odette_assigned());
        assert!("partner-x".parse::<OdetteId>().is_ok());
        assert!("ABCDEFGHIJKLMNOPQRSTUVWXYZ".parse::<OdetteId>().is_err());
        assert!("".parse::<OdetteId>().is_err());
        assert!("Ü".parse::<OdetteId>().is_err());
    }

    #[test]
    fn the_error_says_what_is_wanted() {
        let error = "  ".parse::<DatasetName>().unwrap_err().to_string();
        assert!(error.contains("1 to 26"), "{error}");
    }
}
