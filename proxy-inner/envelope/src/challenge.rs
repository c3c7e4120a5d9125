//! The challenge of secure authentication: 20 fresh octets in an EnvelopedData (RFC 5024 section 5.3.17).

use zeroize::Zeroizing;

use crate::enveloped::EnvelopedData;
use crate::{BerError, Certificate, OwnKey, SecureError, Suite, write};

/// Octets of a challenge and of its response (AURPRSP).
pub const LENGTH: usize = 20;

/// Certificates a challenge is encrypted for at most; with RSA-8192 it stays far below the 65535
/// octets AUCH can carry.
pub const MOST_RECIPIENTS: usize = 8;

/// A challenge that was made.
pub struct Sealed {
    /// AUCHCHAL, at most 65535 octets.
    pub sealed: Vec<u8>,
    /// The octets inside, which the partner has to send back.
    pub secret: Zeroizing<[u8; LENGTH]>,
}

impl std::fmt::Debug for Sealed {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed")
            .field("octets", &self.sealed.len())
            .finish_non_exhaustive()
    }
}

/// Makes a fresh challenge for whoever holds the key to any of the certificates, of which the first
/// [`MOST_RECIPIENTS`] count: with AES-256 and RSA PKCS#1 v1.5, in DER.
///
/// # Errors
/// See [`SecureError`].
pub fn seal(recipients: &[Certificate]) -> Result<Sealed, SecureError> {
    let recipients = recipients.get(..MOST_RECIPIENTS).unwrap_or(recipients);
    let mut secret = Zeroizing::new([0; LENGTH]);
    crypto::random(secret.as_mut_slice()).map_err(|_| SecureError::Library("draw a challenge"))?;
    let sealed = write::enveloped(secret.as_slice(), Suite::DEFAULT, recipients)?;
    Ok(Sealed { sealed, secret })
}

/// Opens a partner's challenge with whichever of our keys it was made for. Content of any other
/// length than 20 octets is never given out: it could be something else that was encrypted for us.
///
/// # Errors
/// See [`ChallengeError`]. Whoever sent it should not learn which.
pub fn open(sealed: &[u8], keys: &[OwnKey]) -> Result<Zeroizing<[u8; LENGTH]>, ChallengeError> {
    let content = EnvelopedData::parse(sealed)?.open(keys)?;
    let secret = <[u8; LENGTH]>::try_from(content.as_slice());
    secret
        .map(Zeroizing::new)
        .map_err(|_| ChallengeError::Undecryptable)
}

/// Why a challenge could not be opened.
///
/// Whoever sent it should learn no more than that it could not be opened; the kinds are for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeError {
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
    /// Our key cannot be used now, whatever is in the challenge: its token is gone.
    #[error("our key could not be used: {0}")]
    Key(String),
    /// Key, cipher text, padding or the content's length is wrong; which one is not told.
    #[error("it cannot be decrypted with our key, or does not hold what it should")]
    Undecryptable,
}
