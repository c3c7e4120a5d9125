//! What a certificate says of whom a content key is encrypted for.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{CertificateError, SealError, ber, der, oid};

/// A certificate with an RSA key, as the recipient of an envelope.
///
/// Nothing is judged here but that it can be used: neither its validity nor who made it.
pub struct RecipientCertificate {
    /// The issuer's name as the certificate has it, in DER.
    issuer: Vec<u8>,
    /// Content octets of the serial number.
    serial: Vec<u8>,
    subject_key_identifier: Option<Vec<u8>>,
    key: Pkcs1PublicEncryptingKey,
    /// The key as SubjectPublicKeyInfo, written by the library and therefore comparable.
    spki: Vec<u8>,
}

impl RecipientCertificate {
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
        if algorithm != oid::RSA_ENCRYPTION {
            return Err(CertificateError::NotRsa(oid::dotted(algorithm)));
        }
        let unusable = |what: &str| CertificateError::Key(what.to_owned());
        let public = PublicEncryptingKey::from_der(certificate.public_key().raw)
            .map_err(|error| unusable(&error.to_string()))?;
        let spki: PublicKeyX509Der<'_> = public
            .as_der()
            .map_err(|_| unusable("it cannot be written anew"))?;
        let spki = spki.as_ref().to_vec();
        let key = Pkcs1PublicEncryptingKey::new(public)
            .map_err(|_| unusable("the library refuses it"))?;
        Ok(Self {
            issuer: certificate.issuer().as_raw().to_vec(),
            serial: certificate.raw_serial().to_vec(),
            subject_key_identifier: subject_key_identifier(&certificate),
            key,
            spki,
        })
    }

    /// KeyTransRecipientInfo, version 0, with the content key for this certificate (RFC 5652
    /// section 6.2.1): the issuer's name and serial number, which every partner reads.
    pub(crate) fn key_transport(&self, content_key: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut wrapped = vec![0; self.key.ciphertext_size()];
        let wrapped = self
            .key
            .encrypt(content_key, &mut wrapped)
            .map_err(|_| SealError::Library("encrypt the content key"))?;
        let serial = der::element(ber::INTEGER, &[&self.serial]);
        Ok(der::sequence(&[
            &der::small_integer(0),
            &der::sequence(&[&self.issuer, &serial]),
            &der::sequence(&[&der::identifier(oid::RSA_ENCRYPTION), &der::null()]),
            &der::octet_string(wrapped),
        ]))
    }

    pub(crate) fn has_key_of(&self, other: &Self) -> bool {
        self.is_for(&other.spki)
    }

    pub(crate) fn is_for(&self, spki: &[u8]) -> bool {
        self.spki == spki
    }

    pub(crate) fn has_issuer(&self, issuer: &[u8]) -> bool {
        self.issuer == issuer
    }

    pub(crate) fn has_serial(&self, serial: &[u8]) -> bool {
        significant(&self.serial) == significant(serial)
    }

    pub(crate) fn has_subject_key_identifier(&self, identifier: &[u8]) -> bool {
        self.subject_key_identifier.as_deref() == Some(identifier)
    }
}

impl fmt::Debug for RecipientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecipientCertificate")
            .field("serial", &oid::hexadecimal(&self.serial))
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
