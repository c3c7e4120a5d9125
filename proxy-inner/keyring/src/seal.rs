//! Private keys at rest: encrypted PKCS#8 under one master secret.

use std::fmt;

use zeroize::Zeroizing;

use crate::SealError;

/// The secret all keys at rest are sealed under. Wiped when dropped, stars in `Debug`.
pub struct MasterSecret {
    #[expect(dead_code, reason = "types first")]
    octets: Zeroizing<Vec<u8>>,
}

impl MasterSecret {
    /// Takes the octets of a secret file; one line end after them is cut off.
    ///
    /// # Errors
    /// [`SealError::Short`] below 16 octets, [`SealError::Long`] above 1024.
    pub fn new(octets: Zeroizing<Vec<u8>>) -> Result<MasterSecret, SealError> {
        Ok(MasterSecret { octets })
    }

    /// A value to keep beside the sealed keys: tells later whether a secret is the same, and
    /// nothing else about it. Different each time.
    ///
    /// # Errors
    /// [`SealError::Failed`] when the system gives no randomness.
    pub fn check_value(&self) -> Result<Vec<u8>, SealError> {
        Err(SealError::WrongSecret)
    }

    /// Whether `check` was made by [`MasterSecret::check_value`] of the same secret.
    pub fn matches(&self, check: &[u8]) -> bool {
        let _ = check;
        false
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(***)")
    }
}

/// Seals a private key (PKCS#8 DER) as EncryptedPrivateKeyInfo DER: PBES2 with scrypt and AES-256.
///
/// # Errors
/// [`SealError::Failed`] when it is no PKCS#8 key.
pub fn seal(pkcs8: &[u8], master: &MasterSecret) -> Result<Vec<u8>, SealError> {
    let _ = (pkcs8, master);
    Err(SealError::WrongSecret)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`SealError::WrongSecret`], [`SealError::Damaged`].
pub fn unseal(sealed: &[u8], master: &MasterSecret) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let _ = (sealed, master);
    Err(SealError::WrongSecret)
}

/// Encrypts a private key (PKCS#8 DER) under a passphrase of the operator's choice, to take it
/// elsewhere: EncryptedPrivateKeyInfo DER, read by openssl and by [`crate::import`].
///
/// # Errors
/// [`SealError::Failed`] when it is no PKCS#8 key.
pub fn export_pkcs8(pkcs8: &[u8], passphrase: &str) -> Result<Vec<u8>, SealError> {
    let _ = (pkcs8, passphrase);
    Err(SealError::WrongSecret)
}

/// The key with its certificates as PKCS#12 under a passphrase, named `name` inside.
///
/// # Errors
/// [`SealError::Failed`] when key or certificates do not parse.
pub fn export_pkcs12(
    pkcs8: &[u8],
    certificates: &[Vec<u8>],
    name: &str,
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let _ = (pkcs8, certificates, name, passphrase);
    Err(SealError::WrongSecret)
}
