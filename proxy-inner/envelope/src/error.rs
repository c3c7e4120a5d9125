//! What can be wrong with a CMS object, a certificate or a key.

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
}

/// A certificate nothing can be enveloped for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It does not parse.
    #[error("the certificate does not parse ({0})")]
    Malformed(String),
    /// Its key is not RSA.
    #[error(
        "the certificate has no RSA key (algorithm {0}); challenges need RSA key transport, use an RSA certificate"
    )]
    NotRsa(String),
    /// Its RSA key is not usable.
    #[error(
        "the certificate's RSA key cannot be used ({0}); keys of 2048 to 8192 bits are accepted"
    )]
    Key(String),
}

/// A private key that cannot open anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not an RSA key, or one of a size that is not accepted.
    #[error("the private key is no RSA key that can be used ({0}); use RSA of 2048 to 8192 bits")]
    Unusable(String),
    /// A certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No certificate was made for it.
    #[error("the first certificate was made for another key")]
    Mismatch,
}

/// Why nothing could be enveloped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// There is nobody to envelope it for.
    #[error("there is no certificate to encrypt for")]
    NoRecipient,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed to {0}")]
    Library(&'static str),
}

/// Why an enveloped object could not be opened.
///
/// Whoever sent it should learn no more than that it could not be opened; the kinds are for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is larger than such an object may be.
    #[error("it has {octets} octets; at most {most} are read")]
    TooLarge {
        /// Its size.
        octets: usize,
        /// The ceiling.
        most: usize,
    },
    /// It is not well-formed CMS.
    #[error("it is not well-formed CMS: {0}")]
    Malformed(#[from] BerError),
    /// It is CMS of another kind.
    #[error("it is no EnvelopedData but has the content type {0}")]
    ContentType(String),
    /// It has more recipients than are looked at.
    #[error("it has more than {0} recipients")]
    TooManyRecipients(usize),
    /// It was encrypted for other certificates.
    #[error(
        "it was encrypted for another certificate ({0}); give the partner our present authentication certificate"
    )]
    NotForUs(String),
    /// The content key is wrapped in a way that is not read.
    #[error("its content key is wrapped with {0}; RSA PKCS#1 v1.5 is read")]
    KeyTransport(String),
    /// The content is encrypted in a way that is not read.
    #[error("its content is encrypted with {0}; AES-CBC and 3DES-CBC are read")]
    Cipher(String),
    /// Key, cipher text, padding or the content's length is wrong; which one is not told.
    #[error("it cannot be decrypted with our key, or does not hold what it should")]
    Undecryptable,
}
