//! A private key that signs requests and certificates, here or in a token.

use std::fmt;

use zeroize::Zeroizing;

use crate::MakeError;

/// What kind of key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA, 2048 bits.
    Rsa2048,
    /// RSA, 3072 bits: what is made when nothing else is asked for.
    Rsa3072,
    /// RSA, 4096 bits.
    Rsa4096,
    /// The elliptic curve P-256, for TLS only.
    EcP256,
}

/// A private key, to sign a request or a certificate with. Its `Debug` shows no key material.
pub struct Signer {}

impl Signer {
    /// A key given as PKCS#8 DER.
    ///
    /// # Errors
    /// [`MakeError::Key`] when it does not parse or is neither RSA nor P-256, P-384 or P-521.
    pub fn software(pkcs8: &[u8]) -> Result<Signer, MakeError> {
        let _ = pkcs8;
        Err(MakeError::NoRole)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

/// Makes a private key, as PKCS#8 DER.
///
/// # Errors
/// [`MakeError::Failed`] when the system gives no randomness.
pub fn generate(kind: KeyKind) -> Result<Zeroizing<Vec<u8>>, MakeError> {
    let _ = kind;
    Err(MakeError::NoRole)
}
