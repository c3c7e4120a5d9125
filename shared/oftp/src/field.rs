//! Small text fields of SSID, SFID and EERP: password and user data.

use core::fmt;
use core::str::FromStr;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A text does not fit a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {wanted}, found {found}")]
pub struct FieldError {
    /// Which kind of field.
    pub what: &'static str,
    /// What is allowed.
    pub wanted: &'static str,
    /// What was found; a length for secrets.
    pub found: String,
}

/// SSIDPSWD: up to eight printable ASCII characters, agreed with the partner (RFC 5024 §5.3.2).
///
/// Never shown by `Debug`, wiped when dropped, compared in constant time.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct Password([u8; 8]);

impl Password {
    /// The password as text, trailing spaces taken off. Keep it out of logs.
    #[must_use]
    pub fn expose(&self) -> &str {
        core::str::from_utf8(&self.0)
            .unwrap_or_default()
            .trim_end_matches(['\0', ' '])
    }

    /// Whether both are the same, in time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, other: &Password) -> bool {
        let padded = |octet: u8| if octet == 0 { b' ' } else { octet };
        let pairs = self.0.iter().zip(&other.0);
        let different = pairs.fold(0, |different, (a, b)| different | (padded(*a) ^ padded(*b)));
        core::hint::black_box(different) == 0
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Password) -> bool {
        self.matches(other)
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

impl FromStr for Password {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Password, FieldError> {
        let text = text.trim_end_matches(' ');
        let mut octets = [0; 8];
        match octets.get_mut(..text.len()) {
            Some(front) if is_printable(text) => front.copy_from_slice(text.as_bytes()),
            _ => {
                return Err(FieldError {
                    what: "a password",
                    wanted: "0 to 8 printable ASCII characters",
                    found: format!("{} characters", text.chars().count()),
                });
            }
        }
        Ok(Password(octets))
    }
}

/// SSIDUSER, SFIDUSER, EERPUSER: up to eight printable ASCII characters, bilateral; empty when unused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct UserField(String);

impl UserField {
    /// The text without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has only characters of RFC 5024 (Appendix B) and no space in it; what is sent should.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        is_standard(&self.0) && !self.0.contains(' ')
    }

    /// Whether it is unused (spaces on the wire).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for UserField {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<UserField, FieldError> {
        let trimmed = text.trim_end_matches(' ');
        if trimmed.len() <= 8 && is_printable(trimmed) {
            return Ok(UserField(trimmed.to_owned()));
        }
        Err(FieldError {
            what: "user data",
            wanted: "0 to 8 printable ASCII characters",
            found: format!("\"{}\"", text.escape_default()),
        })
    }
}

impl fmt::Display for UserField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 5024 Appendix B: digits, upper-case letters, `/ - . & ( )` and space.
pub(crate) fn is_standard(text: &str) -> bool {
    text.bytes().all(|octet| {
        matches!(octet, b'0'..=b'9' | b'A'..=b'Z' | b'/' | b'-' | b'.' | b'&' | b'(' | b')' | b' ')
    })
}

pub(crate) fn is_printable(text: &str) -> bool {
    text.bytes().all(|octet| matches!(octet, 0x20..=0x7E))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_never_shown() {
        let password: Password = "SECRET".parse().unwrap();
        assert_eq!(format!("{password:?}"), "Password(***)");
        let error = "FARTOOLONGSECRET".parse::<Password>().unwrap_err();
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }

    #[test]
    fn passwords_match_whatever_their_padding() {
        let password: Password = "SECRET".parse().unwrap();
        assert!(password.matches(&"SECRET  ".parse().unwrap()));
        assert!(!password.matches(&"SECRE".parse().unwrap()));
        assert!(!password.matches(&"secret".parse().unwrap()));
        assert!(!password.matches(&Password::default()));
        assert!(Password::default().matches(&"        ".parse().unwrap()));
    }
}
