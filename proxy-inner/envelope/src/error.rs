//! What can be wrong with a CMS object, a certificate or a key.

use std::io;

/// Octets that are no BER, or no BER this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BerError {
    /// An element reaches beyond what encloses it.
    #[error("the element at octet {at} is cut off")]
    Truncated {
        /// Offset of the element.
        at: usize,
    },
    /// A length that is malformed, or larger than anything here.
    #[error("the length of the element at octet {at} cannot be read")]
    Length {
        /// Offset of the element.
        at: usize,
    },
    /// A tag above 30, or an end mark where none belongs.
    #[error("the tag at octet {at} does not belong there")]
    Tag {
        /// Offset of the element.
        at: usize,
    },
    /// Another element than the structure has at that place.
    #[error("the element at octet {at} is not {wanted}")]
    Unexpected {
        /// Offset of the element.
        at: usize,
        /// What belongs there.
        wanted: &'static str,
    },
    /// Something is missing at the end of a structure.
    #[error("{wanted} is missing at octet {at}")]
    Missing {
        /// Offset of the end.
        at: usize,
        /// What belongs there.
        wanted: &'static str,
    },
    /// Octets follow the end of a structure.
    #[error("octets that do not belong there follow at octet {at}")]
    Trailing {
        /// Their offset.
        at: usize,
    },
    /// Nested beyond the ceiling.
    #[error("the element at octet {at} is nested deeper than {most}")]
    TooDeep {
        /// Offset of the element.
        at: usize,
        /// The ceiling.
        most: u8,
    },
    /// More of a kind than are looked at.
    #[error("there are more than {most} {of} at octet {at}")]
    TooMany {
        /// Offset of the first beyond.
        at: usize,
        /// How many are looked at.
        most: usize,
        /// Of what.
        of: &'static str,
    },
}

/// A certificate nothing can be encrypted for or verified with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It does not parse.
    #[error("the certificate does not parse ({0})")]
    Malformed(String),
    /// Its key is not RSA.
    #[error(
        "the certificate has no RSA key (algorithm {0}); file security and challenges of OFTP2 are made with RSA, use an RSA certificate"
    )]
    NotRsa(String),
    /// Its RSA key is not usable.
    #[error(
        "the certificate's RSA key cannot be used ({0}); keys of 1024 to 8192 bits are accepted"
    )]
    Key(String),
}

/// A private key and certificates that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No certificate was made for it.
    #[error("the first certificate was made for another key")]
    Mismatch,
}

/// Why nothing could be signed, compressed or encrypted.
///
/// All of it is ours: a key, a disk, a wrong wish. Nothing here says anything about a partner.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecureError {
    /// The plan asks for nothing.
    #[error("neither signing, compressing nor encrypting was asked for")]
    Nothing,
    /// There is nobody to encrypt for.
    #[error("there is no certificate to encrypt for")]
    NoRecipient,
    /// zlib has no such level.
    #[error("there is no compression level {0}; 0 to 9 are known")]
    Level(u32),
    /// The time of signing cannot be written.
    #[error("the signing time {0} (seconds since 1970) is not between the years 1950 and 9999")]
    SigningTime(i64),
    /// Our key could not be used.
    #[error("our key could not sign: {0}")]
    Sign(#[source] crypto::KeyUseError),
    /// What our key made is no signature of its own size.
    #[error("our key made a signature of {found} octets where it makes {expected}")]
    SignatureSize {
        /// Octets of the key's modulus.
        expected: usize,
        /// Octets that came.
        found: usize,
    },
    /// The content key could not be encrypted for a recipient.
    #[error("the content key cannot be encrypted for the certificate {serial}: {problem}")]
    Wrap {
        /// Its serial number.
        serial: String,
        /// What the library says.
        problem: String,
    },
    /// There was more or less to secure than the definite form was told.
    #[error("{expected} octets were to be secured, but there are {found}{}", if .found > .expected { " or more" } else { "" })]
    Length {
        /// Octets in [`Form::Definite`](crate::Form::Definite).
        expected: u64,
        /// Octets that came.
        found: u64,
    },
    /// What is to be secured cannot be read.
    #[error("what is to be secured cannot be read: {0}")]
    Read(#[source] io::Error),
    /// What was secured cannot be written.
    #[error("what was secured cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The cryptographic library failed.
    #[error("the cryptographic library failed to {0}")]
    Library(&'static str),
    /// Another layer failed, and its error is the one to tell.
    #[error("securing was given up")]
    GivenUp,
}
