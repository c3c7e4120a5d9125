//! The cipher suites of SFIDCIPH: which algorithms a number stands for.

use crypto::{Hash, Oaep, Signing};

/// A cipher suite (RFC 5024 section 10.2 and the list Odette keeps).
///
/// ```
/// use envelope::Suite;
///
/// assert_eq!(Suite::of(4), Some(Suite::DEFAULT));
/// assert_eq!(Suite::DEFAULT.name(), "AES-256, RSA PKCS#1 v1.5, SHA-256");
/// assert_eq!(Suite::of(0), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Suite {
    /// What SFIDCIPH says, 1 to 10.
    pub number: u8,
    /// What files are encrypted with.
    pub cipher: Cipher,
    /// How RSA is used.
    pub scheme: Scheme,
    /// What signatures and receipts are hashed with.
    pub hash: Hash,
}

/// A cipher for files, in CBC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// 3DES with three keys: slow, and only safe for little data under one key.
    TripleDes,
    /// AES with a key of 256 bits.
    Aes256,
}

/// How RSA signs and wraps content keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// PKCS#1 v1.5 for both.
    Pkcs1,
    /// PSS for signatures, OAEP for content keys, with the suite's hash throughout (RFC 4055).
    PssOaep,
}

impl Suite {
    /// Every suite there is, by its number; 00 means none and is not one.
    pub const ALL: &'static [Suite] = &[
        suite(1, Cipher::TripleDes, Scheme::Pkcs1, Hash::Sha1),
        suite(2, Cipher::Aes256, Scheme::Pkcs1, Hash::Sha1),
        suite(3, Cipher::TripleDes, Scheme::Pkcs1, Hash::Sha256),
        Suite::DEFAULT,
        suite(5, Cipher::TripleDes, Scheme::Pkcs1, Hash::Sha512),
        suite(6, Cipher::Aes256, Scheme::Pkcs1, Hash::Sha512),
        suite(7, Cipher::Aes256, Scheme::Pkcs1, Hash::Sha3_512),
        suite(8, Cipher::Aes256, Scheme::PssOaep, Hash::Sha256),
        suite(9, Cipher::Aes256, Scheme::PssOaep, Hash::Sha512),
        suite(10, Cipher::Aes256, Scheme::PssOaep, Hash::Sha3_512),
    ];

    /// Suite 04, which every product of today can do.
    pub const DEFAULT: Suite = suite(4, Cipher::Aes256, Scheme::Pkcs1, Hash::Sha256);

    /// The suite with this number; none for 0 and for numbers nobody has given a meaning.
    #[must_use]
    pub fn of(number: u8) -> Option<Suite> {
        Suite::ALL
            .iter()
            .copied()
            .find(|suite| suite.number == number)
    }

    /// Its algorithms, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match (self.cipher, self.scheme, self.hash) {
            (Cipher::TripleDes, _, Hash::Sha1) => "3DES, RSA PKCS#1 v1.5, SHA-1",
            (Cipher::TripleDes, _, Hash::Sha256) => "3DES, RSA PKCS#1 v1.5, SHA-256",
            (Cipher::TripleDes, _, _) => "3DES, RSA PKCS#1 v1.5, SHA-512",
            (Cipher::Aes256, Scheme::Pkcs1, Hash::Sha1) => "AES-256, RSA PKCS#1 v1.5, SHA-1",
            (Cipher::Aes256, Scheme::Pkcs1, Hash::Sha256) => "AES-256, RSA PKCS#1 v1.5, SHA-256",
            (Cipher::Aes256, Scheme::Pkcs1, Hash::Sha3_512) => "AES-256, RSA PKCS#1 v1.5, SHA3-512",
            (Cipher::Aes256, Scheme::Pkcs1, _) => "AES-256, RSA PKCS#1 v1.5, SHA-512",
            (Cipher::Aes256, Scheme::PssOaep, Hash::Sha256) => "AES-256, RSA PSS and OAEP, SHA-256",
            (Cipher::Aes256, Scheme::PssOaep, Hash::Sha3_512) => {
                "AES-256, RSA PSS and OAEP, SHA3-512"
            }
            (Cipher::Aes256, Scheme::PssOaep, _) => "AES-256, RSA PSS and OAEP, SHA-512",
        }
    }

    /// How signatures are made with it.
    #[must_use]
    pub fn signing(self) -> Signing {
        match self.scheme {
            Scheme::Pkcs1 => Signing::Pkcs1(self.hash),
            Scheme::PssOaep => Signing::Pss(self.hash),
        }
    }

    /// How content keys are wrapped with it; none means PKCS#1 v1.5.
    #[must_use]
    pub fn oaep(self) -> Option<Oaep> {
        match self.scheme {
            Scheme::Pkcs1 => None,
            Scheme::PssOaep => Some(Oaep {
                hash: self.hash,
                mgf: self.hash,
            }),
        }
    }
}

impl Cipher {
    /// Octets of its key.
    #[must_use]
    pub const fn key_octets(self) -> usize {
        match self {
            Cipher::TripleDes => 24,
            Cipher::Aes256 => 32,
        }
    }

    /// Octets of a block and of the initialisation vector.
    #[must_use]
    pub const fn block_octets(self) -> usize {
        match self {
            Cipher::TripleDes => 8,
            Cipher::Aes256 => 16,
        }
    }
}

const fn suite(number: u8, cipher: Cipher, scheme: Scheme, hash: Hash) -> Suite {
    Suite {
        number,
        cipher,
        scheme,
        hash,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn suites_are_numbered_without_a_gap_and_named_apart() {
        for (place, suite) in Suite::ALL.iter().enumerate() {
            assert_eq!(usize::from(suite.number), place + 1);
            assert_eq!(Suite::of(suite.number), Some(*suite));
        }
        let names: HashSet<_> = Suite::ALL.iter().map(|suite| suite.name()).collect();
        assert_eq!(names.len(), Suite::ALL.len());
        assert_eq!(Suite::of(0), None);
        assert_eq!(Suite::of(11), None);
    }

    #[test]
    fn a_name_says_what_the_suite_has() {
        for suite in Suite::ALL {
            let name = suite.name();
            let cipher = match suite.cipher {
                Cipher::TripleDes => "3DES",
                Cipher::Aes256 => "AES-256",
            };
            assert!(name.starts_with(cipher), "{name}");
            assert_eq!(
                name.contains("OAEP"),
                suite.scheme == Scheme::PssOaep,
                "{name}"
            );
            assert!(name.ends_with(suite.hash.name()), "{name}");
        }
    }
}
