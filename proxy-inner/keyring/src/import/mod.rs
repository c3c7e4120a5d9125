//! Reads what operators are given: PKCS#12, private keys and certificates in all common forms.
//!
//! ```text
//!  octets ── armour (PEM blocks, UTF-16) ──┐
//!         └─ one DER or BER element ───────┴─▶ shape ─▶ key ──────────▶ gather ─▶ chain ─▶ Imported
//!                                                 ├───▶ pkcs12 (keys, certificates) ▲
//!                                                 ├───▶ pkcs7  (certificates) ──────┤
//!                                                 └───▶ certificate ────────────────┘
//! ```
//!
//! Assumes nothing about the octets: any input ends in a value or an error, within a ceiling on
//! size, certificates and the work a passphrase may cost. Promises that what is given back fits
//! together: the key loads, the first certificate is for it, and each parses. Our own buffers with
//! keys and passphrases are wiped; those inside the PKCS#12 reader are not ours to wipe.

mod armour;
mod chain;
mod gather;
mod pkcs12;
mod pkcs7;
mod private;
mod shape;

use std::fmt;

use zeroize::Zeroizing;

use crate::ImportError;
use crate::key::Public;
use gather::Gathered;

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
/// Without a private key the certificates are given alone, those no other is issued by first.
///
/// # Errors
/// Every way a file can be unusable, each saying what to do; see [`ImportError`].
pub fn import(octets: &[u8], passphrase: Option<&str>) -> Result<Imported, ImportError> {
    let gathered = gather::gather(octets, passphrase)?;
    if gathered.nothing() {
        return Err(gathered.why_nothing());
    }
    let Gathered {
        mut keys,
        certificates,
        mut notes,
        ..
    } = gathered;
    let key = keys.pop();
    if let Some(key) = &key
        && !keys.is_empty()
    {
        let names = keys.iter().chain([key]).map(|key| key.words()).collect();
        return Err(ImportError::SeveralKeys { keys: names });
    }
    let certificates = chain::order(
        certificates,
        key.as_ref().map(|key| &key.public),
        &mut notes,
    )?;
    Ok(Imported {
        private: key.map(|key| key.pkcs8),
        certificates,
        notes,
    })
}

/// Reads the certificates of a partner from a file: PEM, DER or a PKCS#7 bundle, those no other
/// is issued by first, each followed by its issuers.
///
/// # Errors
/// As [`import`], and [`ImportError::PrivateKeyInside`].
pub fn certificates(octets: &[u8]) -> Result<Vec<Vec<u8>>, ImportError> {
    let gathered = match gather::gather(octets, None) {
        Err(
            ImportError::NeedsPassphrase { .. }
            | ImportError::OldEncryption { .. }
            | ImportError::UnusableKey { .. },
        ) => return Err(ImportError::PrivateKeyInside),
        other => other?,
    };
    if !gathered.keys.is_empty() {
        return Err(ImportError::PrivateKeyInside);
    }
    if gathered.nothing() {
        return Err(gathered.why_nothing());
    }
    chain::order(gathered.certificates, None, &mut Vec::new())
}

/// Orders certificates for a key whose public half (SubjectPublicKeyInfo DER) is given: the one
/// that is for it first, then its issuers. For a key in a token, and for a certificate that
/// arrives after its request. `private` of what is given back is `None`.
///
/// # Errors
/// [`ImportError::KeyOfNone`] when none is for this key, [`ImportError::UnusableKey`] when no key
/// can have this public half, and [`ImportError::Damaged`] for one that does not parse.
pub fn chain_for(spki: &[u8], certificates: Vec<Vec<u8>>) -> Result<Imported, ImportError> {
    let public = Public::of_spki(spki).ok_or_else(|| ImportError::UnusableKey {
        found: "of a kind nothing here can use".to_owned(),
    })?;
    if certificates.len() > MOST_CERTIFICATES {
        return Err(ImportError::TooMany {
            found: certificates.len(),
            most: MOST_CERTIFICATES,
        });
    }
    let mut notes = Vec::new();
    let certificates = chain::order(certificates, Some(&public), &mut notes)?;
    Ok(Imported {
        private: None,
        certificates,
        notes,
    })
}

#[cfg(test)]
mod tests;
