//! Reads what operators are given: PKCS#12, private keys and certificates in all common forms.

use std::fmt;

use zeroize::Zeroizing;

use crate::ImportError;

/// Most octets a file may have; a key with a chain of RSA-8192 certificates is far below.
pub const MOST_OCTETS: usize = 256 * 1024;

/// Most certificates of one file.
pub const MOST_CERTIFICATES: usize = 64;

/// What a file held.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The private key as PKCS#8 DER, RSA or elliptic curve; `None` when there was none.
    pub private: Option<Zeroizing<Vec<u8>>>,
    /// The certificates in DER: first the one for the key, then its issuers in order.
    pub certificates: Vec<Vec<u8>>,
    /// What the operator should know: full sentences.
    pub notes: Vec<String>,
}

impl fmt::Debug for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imported")
            .field("private", &self.private.as_ref().map(|_| "***"))
            .field("certificates", &self.certificates.len())
            .field("notes", &self.notes)
            .finish()
    }
}

/// Reads a private key and certificates from a file, told apart by content, not by name.
///
/// # Errors
/// Every way a file can be unusable, each saying what to do; see [`ImportError`].
pub fn import(octets: &[u8], passphrase: Option<&str>) -> Result<Imported, ImportError> {
    let _ = (octets, passphrase);
    Err(ImportError::Empty)
}

/// Reads the certificates of a partner from a file: PEM, DER or a PKCS#7 bundle, those no other
/// is issued by first.
///
/// # Errors
/// As [`import`], and [`ImportError::PrivateKeyInside`].
pub fn certificates(octets: &[u8]) -> Result<Vec<Vec<u8>>, ImportError> {
    let _ = octets;
    Err(ImportError::Empty)
}
