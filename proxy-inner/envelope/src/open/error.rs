//! Why a file could not be opened, for the operator; and what of it the partner may read.

use std::fmt;
use std::io;

/// Why a secured file could not be opened, or a signature not be read.
///
/// The text is for our own log and for the operator: it names the cause. A partner is told
/// [`OpenError::public_text`] and no more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It cannot be decrypted.
    #[error(transparent)]
    Decryption(DecryptionError),
    /// It cannot be decompressed.
    #[error(transparent)]
    Decompression(DecompressionError),
    /// No signature of it is good.
    #[error(transparent)]
    Signature(SignatureError),
    /// It is no CMS, or none this crate reads.
    #[error("{} cannot be read: at octet {at}, {problem}", .layer.object())]
    Structure {
        /// The layer that was being read.
        layer: Layer,
        /// Offset in the layer's own octets: those of the file in the outermost layer.
        at: u64,
        /// What is wrong there.
        problem: Problem,
    },
    /// It has other layers than were announced.
    #[error(
        "the file was announced as {}, but has {found} where {} belongs; ask the partner which security services it uses", .expected.announced(), .expected.object()
    )]
    Layers {
        /// The layer that was expected.
        expected: Layer,
        /// What is there.
        found: String,
    },
    /// More comes out of it than may.
    #[error(
        "opened, the file has more than {most} octets, which is the ceiling; raise it if such files are expected"
    )]
    TooLarge {
        /// The layer that gave too much.
        layer: Layer,
        /// The ceiling.
        most: u64,
    },
    /// The target does not take what is in it ([`io::ErrorKind::InvalidData`]); all else is right with
    /// the file. Whose fault that is the target knows, and what may be told of it.
    #[error("what is in it is refused: {error}")]
    Content {
        /// What the target says.
        #[source]
        error: io::Error,
    },
    /// Our key could not be used: nothing is wrong with the file.
    #[error("our key could not be used: {0}")]
    Key(#[source] crypto::KeyUseError),
    /// Reading the secured file or writing the clear one failed: nothing is wrong with the file.
    #[error("{what} failed: {error}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

/// Whom an [`OpenError`] is to be told, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// NERP 33, EFNA 22.
    Decryption,
    /// NERP 32, EFNA 23.
    Decompression,
    /// NERP 31, EFNA 21.
    Signature,
    /// Our own disk or key, or what the target refuses: not for this crate to tell. Our own is not the
    /// partner's fault, and the file is tried again later.
    Other,
}

/// A layer of a secured file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// EnvelopedData.
    Encryption,
    /// CompressedData.
    Compression,
    /// SignedData.
    Signature,
}

/// What is wrong with octets that should be BER.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// They end too early.
    #[error("it is cut off")]
    Truncated,
    /// A length that is malformed or beyond 64 bits.
    #[error("a length cannot be read")]
    Length,
    /// An element is longer than what encloses it.
    #[error("an element reaches beyond what encloses it")]
    Overrun,
    /// A tag above 30, or an end mark where none belongs.
    #[error("a tag does not belong there")]
    Tag,
    /// Another element than belongs there.
    #[error("there is something else than {0}")]
    Unexpected(&'static str),
    /// An element lacks.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Octets follow the end.
    #[error("octets follow that do not belong there")]
    Trailing,
    /// Nested beyond the ceiling.
    #[error("elements are nested deeper than {0}")]
    TooDeep(usize),
    /// A small element, or all of them together, beyond the ceiling.
    #[error("an element, or all the small ones together, exceed {0} octets")]
    TooLarge(usize),
    /// More of a kind than are looked at.
    #[error("there are more than {most} {of}")]
    TooMany {
        /// How many are looked at.
        most: usize,
        /// Of what.
        of: &'static str,
    },
    /// A small element whose inside is wrong.
    #[error("{0}")]
    Inside(crate::BerError),
}

/// Why a file cannot be decrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptionError {
    /// It was encrypted for other certificates.
    #[error(
        "it was encrypted for another certificate ({found}); ours are {ours}; give the partner our present encryption certificate"
    )]
    NotForUs {
        /// The recipients it names.
        found: String,
        /// What we have.
        ours: String,
    },
    /// Its content key is wrapped in another way than agreed.
    #[error("its content key is wrapped with {found}; {expected} is expected")]
    KeyTransport {
        /// What it is wrapped with.
        found: String,
        /// What it should be wrapped with.
        expected: String,
    },
    /// It is encrypted with another cipher than agreed.
    #[error("it is encrypted with {found}; {expected} is expected")]
    Cipher {
        /// What it is encrypted with.
        found: String,
        /// What it should be encrypted with.
        expected: String,
    },
    /// The content key was wrapped for a key of another size.
    #[error(
        "its content key has {found} octets where our key unwraps {expected}: it was encrypted for another key"
    )]
    WrappedLength {
        /// Octets of our modulus.
        expected: usize,
        /// Octets of the wrapped key.
        found: usize,
    },
    /// The padding is wrong: another key, or altered octets.
    #[error("it does not decrypt with our key: it was encrypted for another, or altered")]
    Padding,
    /// Too many files of the same content key have failed.
    #[error(
        "{0} files with the same content key failed, and each may be a guess at what is in one of them: it is used no more before the next start; the partner has to encrypt the file anew"
    )]
    Guessed(u16),
    /// What was encrypted is not what it should be.
    #[error("what was encrypted is not what it should be: {0}")]
    Inside(#[source] Box<OpenError>),
}

/// Why a file cannot be decompressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecompressionError {
    /// It is compressed with something else than zlib.
    #[error("it is compressed with {0}; zlib is read")]
    Algorithm(String),
    /// It is no zlib, or was altered.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It ends before zlib does.
    #[error("it is cut off")]
    Truncated,
    /// Octets follow zlib's end.
    #[error("octets follow the end of what is compressed")]
    Trailing,
    /// More octets come out for each that goes in than may.
    #[error(
        "it expands to more than {0} times its size, which is the ceiling; raise it if such files are expected"
    )]
    Expansion(u32),
}

/// Why no signature is good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Nobody signed it.
    #[error("it has no signature")]
    Unsigned,
    /// There is no certificate to verify it with.
    #[error(
        "there is no certificate to verify its signature with ({found}); install the partner's"
    )]
    NoSigner {
        /// The signers it names.
        found: String,
    },
    /// It was signed by somebody else.
    #[error(
        "it was signed by {found}, but is to be signed by {expected}; ask the partner for the certificate it signs with"
    )]
    OtherSigner {
        /// The signers it names.
        found: String,
        /// The certificates that were given.
        expected: String,
    },
    /// It is signed in another way than agreed.
    #[error("it is signed with {found}; {expected} is expected")]
    Algorithm {
        /// What it is signed with.
        found: String,
        /// What it should be signed with.
        expected: String,
    },
    /// The content is not what was signed.
    #[error("its content is not what {0} signed: it was altered on the way")]
    Digest(String),
    /// The signature does not belong to the certificate.
    #[error("the signature of {0} does not verify with the certificate that is installed")]
    Invalid(String),
    /// A signature that must cover what the content is, but does not.
    #[error("the signed attributes of {signer} are not acceptable: {why}")]
    Attributes {
        /// Who signed.
        signer: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl OpenError {
    /// What it counts as in a receipt or an answer.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Decryption(_) => Kind::Decryption,
            Self::Decompression(_) => Kind::Decompression,
            Self::Signature(_) => Kind::Signature,
            Self::Structure { layer, .. }
            | Self::Layers {
                expected: layer, ..
            }
            | Self::TooLarge { layer, .. } => layer.kind(),
            Self::Content { .. } | Self::Key(_) | Self::Io { .. } => Kind::Other,
        }
    }

    /// What the partner may read of it: the same for everything that goes wrong once a private key
    /// was used, nothing of ours, and nothing that is inside an envelope.
    #[must_use]
    pub fn public_text(&self) -> String {
        match self {
            Self::Decryption(DecryptionError::NotForUs { found, .. }) => {
                format!("encrypted for another certificate: {found}")
            }
            Self::Decryption(
                error @ (DecryptionError::KeyTransport { .. } | DecryptionError::Cipher { .. }),
            ) => error.to_string(),
            Self::Decryption(_) => {
                "it cannot be decrypted, or what was encrypted is not what it should be".to_owned()
            }
            Self::Decompression(error) => error.public_text(),
            Self::Signature(error) => error.public_text(),
            Self::Structure { .. } => self.to_string(),
            Self::Layers { expected, .. } => {
                let (announced, object) = (expected.announced(), expected.object());
                format!(
                    "announced as {announced}, but it has something else where {object} belongs"
                )
            }
            Self::TooLarge { .. } => "opened, the file is larger than is accepted".to_owned(),
            Self::Content { .. } | Self::Key(_) | Self::Io { .. } => {
                "the file cannot be opened at the moment".to_owned()
            }
        }
    }

    /// Whether it is ours and not the file's.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Key(_) | Self::Io { .. })
    }
}

impl DecompressionError {
    fn public_text(&self) -> String {
        match self {
            Self::Algorithm(_) => "it is compressed with something else than zlib".to_owned(),
            Self::Damaged(_) => "it is damaged".to_owned(),
            Self::Expansion(most) => format!("it expands to more than {most} times its size"),
            Self::Truncated | Self::Trailing => self.to_string(),
        }
    }
}

impl SignatureError {
    fn public_text(&self) -> String {
        match self {
            Self::Unsigned => self.to_string(),
            Self::NoSigner { .. } | Self::OtherSigner { .. } => {
                "it is signed by somebody for whom there is no certificate here".to_owned()
            }
            Self::Algorithm { expected, .. } => {
                format!("it is not signed with {expected}, which is expected")
            }
            Self::Digest(_) => "its content is not what was signed".to_owned(),
            Self::Invalid(_) => {
                "its signature does not verify with the certificate that is installed here"
                    .to_owned()
            }
            Self::Attributes { why, .. } => {
                format!("its signed attributes are not acceptable: {why}")
            }
        }
    }
}

impl Layer {
    /// The CMS type.
    #[must_use]
    pub fn object(self) -> &'static str {
        match self {
            Self::Encryption => "EnvelopedData",
            Self::Compression => "CompressedData",
            Self::Signature => "SignedData",
        }
    }

    fn announced(self) -> &'static str {
        match self {
            Self::Encryption => "encrypted",
            Self::Compression => "compressed",
            Self::Signature => "signed",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Encryption => Kind::Decryption,
            Self::Compression => Kind::Decompression,
            Self::Signature => Kind::Signature,
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.object())
    }
}
