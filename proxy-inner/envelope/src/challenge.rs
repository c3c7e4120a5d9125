//! The challenge of secure authentication: 20 fresh octets in an EnvelopedData (RFC 5024 section 5.3.17).

use zeroize::Zeroizing;

use crate::enveloped;
use crate::{EnvelopedData, OpenError, RecipientCertificate, RecipientKey, SealError};

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
/// [`MOST_RECIPIENTS`] count.
///
/// # Errors
/// See [`SealError`].
pub fn seal(recipients: &[RecipientCertificate]) -> Result<Sealed, SealError> {
    let recipients = recipients.get(..MOST_RECIPIENTS).unwrap_or(recipients);
    let mut secret = Zeroizing::new([0; LENGTH]);
    enveloped::random(secret.as_mut_slice())?;
    let sealed = enveloped::seal(secret.as_slice(), recipients)?;
    Ok(Sealed { sealed, secret })
}

/// Opens a partner's challenge. Content of any other length than 20 octets is never given out: it
/// could be something else that was encrypted for us.
///
/// # Errors
/// See [`OpenError`]. Whoever sent it should not learn which.
pub fn open(sealed: &[u8], key: &RecipientKey) -> Result<Zeroizing<[u8; LENGTH]>, OpenError> {
    let content = EnvelopedData::parse(sealed)?.open(key)?;
    let secret = <[u8; LENGTH]>::try_from(content.as_slice());
    secret
        .map(Zeroizing::new)
        .map_err(|_| OpenError::Undecryptable)
}
