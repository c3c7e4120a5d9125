//! `Pin`: how each half knows the other's key; there is no other way to be trusted on the link.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// SHA-256 of a public key as DER SubjectPublicKeyInfo, written `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

impl Pin {
    /// The pin of a public key, given its DER SubjectPublicKeyInfo.
    pub fn of(spki: &[u8]) -> Pin {
        Pin(Sha256::digest(spki).into())
    }

    /// The 32 octets of the hash.
    pub fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are the same; takes the same time whatever they are.
    pub fn ct_eq(&self, other: &Pin) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Whether `pins` has this one; takes the same time wherever it stands.
    pub fn is_among(&self, pins: &[Pin]) -> bool {
        let found = pins
            .iter()
            .fold(Choice::from(0), |found, pin| found | self.0.ct_eq(&pin.0));
        found.into()
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

/// The text is no pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pin is \"sha256:\" and 64 hexadecimal digits, as the other half's `identity` command prints it"
)]
pub struct PinError;

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let digits = text.strip_prefix(PREFIX).ok_or(PinError)?.as_bytes();
        if digits.len() != 64 {
            return Err(PinError);
        }
        let mut octets = [0; 32];
        for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
            *octet = pair.iter().try_fold(0, |value, digit| {
                nibble(*digit)
                    .map(|nibble| value << 4 | nibble)
                    .ok_or(PinError)
            })?;
        }
        Ok(Pin(octets))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

const PREFIX: &str = "sha256:";

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn prints_and_reads_the_same_text() {
        assert_eq!(Pin::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(Pin::of(b"")));
        assert_eq!(EMPTY.replace("e3b0", "E3B0").parse(), Ok(Pin::of(b"")));
    }

    #[test]
    fn refuses_what_is_no_pin() {
        let short = EMPTY.get(..EMPTY.len() - 1).unwrap();
        for text in [
            "",
            "sha256:",
            short,
            EMPTY.trim_start_matches("sha256:"),
            &format!("{EMPTY}0"),
            &EMPTY.replace('b', "g"),
            &EMPTY.replace("sha256", "sha512"),
        ] {
            assert_eq!(text.parse::<Pin>(), Err(PinError), "{text}");
        }
    }

    #[test]
    fn finds_itself_among_several_and_only_itself() {
        let (a, b, c) = (Pin::of(b"a"), Pin::of(b"b"), Pin::of(b"c"));
        assert!(a.is_among(&[b, a]) && a.is_among(&[a, b]));
        assert!(!c.is_among(&[a, b]) && !c.is_among(&[]));
        assert!(a.ct_eq(&a) && !a.ct_eq(&b));
    }
}
