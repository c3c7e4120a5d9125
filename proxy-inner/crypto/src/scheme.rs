//! Which padding goes around a digest or a content key.

use std::fmt;

use crate::Hash;

/// How we sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signing {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    Pkcs1(Hash),
    /// RSASSA-PSS (RFC 8017 §8.1): MGF1 with the same hash, salt as long as the hash.
    Pss(Hash),
}

impl Signing {
    /// The hash of what is signed.
    #[must_use]
    pub fn hash(self) -> Hash {
        match self {
            Signing::Pkcs1(hash) | Signing::Pss(hash) => hash,
        }
    }
}

impl fmt::Display for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Signing::Pkcs1(hash) => write!(f, "PKCS#1 v1.5 signatures with {}", hash.name()),
            Signing::Pss(hash) => write!(f, "PSS signatures with {}", hash.name()),
        }
    }
}

/// How a signature was made that is to be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verifying {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    Pkcs1(Hash),
    /// RSASSA-PSS (RFC 8017 §8.1).
    Pss {
        /// The hash of what was signed.
        hash: Hash,
        /// The hash of the mask generation function MGF1.
        mgf: Hash,
        /// Octets of the salt; `None`: as many as there are.
        salt: Option<usize>,
    },
}

impl Verifying {
    /// The hash of what was signed.
    #[must_use]
    pub fn hash(self) -> Hash {
        match self {
            Verifying::Pkcs1(hash) | Verifying::Pss { hash, .. } => hash,
        }
    }
}

impl From<Signing> for Verifying {
    /// What verifies what we sign.
    fn from(signing: Signing) -> Self {
        match signing {
            Signing::Pkcs1(hash) => Verifying::Pkcs1(hash),
            Signing::Pss(hash) => Verifying::Pss {
                hash,
                mgf: hash,
                salt: Some(hash.octets()),
            },
        }
    }
}

/// RSAES-OAEP with an empty label (RFC 8017 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Oaep {
    /// The hash of the label.
    pub hash: Hash,
    /// The hash of the mask generation function MGF1.
    pub mgf: Hash,
}

impl Oaep {
    /// With one hash for both, as the cipher suites have it.
    #[must_use]
    pub fn with(hash: Hash) -> Self {
        Self { hash, mgf: hash }
    }

    /// Octets it adds to a content key.
    pub(crate) fn overhead(self) -> usize {
        2 * self.hash.octets() + 2
    }
}

impl fmt::Display for Oaep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OAEP with {}", self.hash.name())?;
        if self.mgf != self.hash {
            write!(f, " (masks with {})", self.mgf.name())?;
        }
        Ok(())
    }
}
