//! A key of ours with the certificates partners know it by.

use std::fmt;
use std::sync::Arc;

use crypto::PrivateKey;

use crate::{Certificate, KeyError};

/// Our private RSA key, wherever it is kept, and its certificates.
#[derive(Clone)]
pub struct OwnKey {
    key: Arc<dyn PrivateKey>,
    /// The first one, which signatures are made in the name of.
    certificate: Certificate,
    /// All that were made for the key, the first one among them.
    certificates: Vec<Certificate>,
}

impl OwnKey {
    /// The first certificate must have been made for the key; of the others those count that were
    /// made for it too (a renewed certificate), the rest may be its issuers'.
    ///
    /// # Errors
    /// [`KeyError::Mismatch`].
    pub fn new(key: Arc<dyn PrivateKey>, certificates: &[Certificate]) -> Result<Self, KeyError> {
        let is_for_key = |certificate: &&Certificate| certificate.public_key() == key.public();
        let certificate = certificates
            .first()
            .filter(is_for_key)
            .ok_or(KeyError::Mismatch)?
            .clone();
        let certificates = certificates.iter().filter(is_for_key).cloned().collect();
        Ok(Self {
            key,
            certificate,
            certificates,
        })
    }

    /// The same with a chain in DER, of which only the first certificate must be one with an RSA
    /// key: issuers may have any.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_chain<C: AsRef<[u8]>>(
        key: Arc<dyn PrivateKey>,
        chain: &[C],
    ) -> Result<Self, KeyError> {
        let mut certificates = Vec::with_capacity(chain.len());
        for (place, der) in chain.iter().enumerate() {
            match Certificate::from_der(der.as_ref()) {
                Ok(certificate) => certificates.push(certificate),
                Err(_) if place > 0 => {}
                Err(error) => return Err(error.into()),
            }
        }
        Self::new(key, &certificates)
    }

    /// The certificate signatures are made in the name of.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// All certificates that were made for the key.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> &Arc<dyn PrivateKey> {
        &self.key
    }

    /// Whether a certificate was made for this very key: what is sealed for it, we open ourselves.
    #[must_use]
    pub fn is_of(&self, certificate: &Certificate) -> bool {
        self.key.public() == certificate.public_key()
    }
}

impl fmt::Debug for OwnKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnKey")
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}
