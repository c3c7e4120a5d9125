//! What a certificate says: whom it names, and with which key content keys are wrapped for it and
//! its signatures are verified.

use std::fmt;
use std::sync::Arc;

use crypto::PublicKey;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{CertificateError, oid};

/// A certificate with an RSA key: whom a file is encrypted for, or who signed one.
///
/// Nothing is judged here but that it can be used: neither its validity nor who made it.
#[derive(Clone)]
pub struct Certificate(Arc<Parts>);

struct Parts {
    der: Vec<u8>,
    /// The issuer's name as the certificate has it, in DER.
    issuer: Vec<u8>,
    /// Content octets of the serial number.
    serial: Vec<u8>,
    subject_key_identifier: Option<Vec<u8>>,
    key: PublicKey,
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let malformed = |problem: String| CertificateError::Malformed(problem);
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
        if !rest.is_empty() {
            return Err(malformed(format!("{} octets follow it", rest.len())));
        }
        let algorithm = certificate.public_key().algorithm.oid().as_bytes();
        if ![oid::RSA_ENCRYPTION, oid::RSASSA_PSS, oid::RSAES_OAEP].contains(&algorithm) {
            return Err(CertificateError::NotRsa(oid::dotted(algorithm)));
        }
        let key = PublicKey::from_spki(certificate.public_key().raw)
            .map_err(|error| CertificateError::Key(error.to_string()))?;
        Ok(Self(Arc::new(Parts {
            der: der.to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
            serial: certificate.raw_serial().to_vec(),
            subject_key_identifier: subject_key_identifier(&certificate),
            key,
        })))
    }

    /// The certificate as it was given.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Its key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.0.key
    }

    /// The issuer's name as the certificate has it, in DER.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.0.issuer
    }

    /// Content octets of the serial number.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.0.serial
    }

    /// Whether both were made for the same key.
    #[must_use]
    pub fn has_key_of(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }

    pub(crate) fn has_issuer(&self, issuer: &[u8]) -> bool {
        self.0.issuer == issuer
    }

    /// Whether it has this serial number, however many zeros were put before it.
    pub(crate) fn has_serial(&self, serial: &[u8]) -> bool {
        significant(&self.0.serial) == significant(serial)
    }

    pub(crate) fn has_subject_key_identifier(&self, identifier: &[u8]) -> bool {
        self.0.subject_key_identifier.as_deref() == Some(identifier)
    }
}

/// The same octets.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("serial", &oid::hexadecimal(&self.0.serial))
            .finish_non_exhaustive()
    }
}

fn subject_key_identifier(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
            _ => None,
        })
}

/// A number without the zeros some writers put before it.
fn significant(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}
