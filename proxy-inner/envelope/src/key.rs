//! Our private key: unwraps content keys, and never tells whether it could.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, Zeroizing};

use crate::{KeyError, RecipientCertificate, der, oid};

/// Octets of the longest content key, that of AES-256.
pub(crate) const LONGEST_KEY: usize = 32;

const REJECTION_LABEL: &[u8] = b"implicit rejection of content keys\0";

/// A private key as it is stored, without a passphrase.
#[derive(Clone, Copy)]
pub enum PrivateKey<'a> {
    /// PrivateKeyInfo (RFC 5208), DER.
    Pkcs8(&'a [u8]),
    /// RSAPrivateKey (RFC 8017), DER.
    Pkcs1(&'a [u8]),
}

impl fmt::Debug for PrivateKey<'_> {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PrivateKey::Pkcs8(_) => "Pkcs8(..)",
            PrivateKey::Pkcs1(_) => "Pkcs1(..)",
        })
    }
}

/// An RSA key and the certificates it is known by.
pub struct RecipientKey {
    certificates: Vec<RecipientCertificate>,
    key: Pkcs1PrivateDecryptingKey,
    /// From which the keys are derived that stand in for those that cannot be unwrapped.
    rejection: Zeroizing<[u8; 32]>,
}

impl RecipientKey {
    /// With certificates in DER: the first must have been made for the key; of the others those
    /// count that were made for it too (a renewed certificate), the rest may be its issuers'.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn new(key: PrivateKey<'_>, certificates: &[&[u8]]) -> Result<Self, KeyError> {
        let wrapped;
        let pkcs8 = match key {
            PrivateKey::Pkcs8(der) => der,
            PrivateKey::Pkcs1(der) => {
                wrapped = Zeroizing::new(private_key_info(der));
                wrapped.as_slice()
            }
        };
        let private = PrivateDecryptingKey::from_pkcs8(pkcs8)
            .map_err(|error| KeyError::Unusable(error.to_string()))?;
        let spki: PublicKeyX509Der<'_> = private
            .public_key()
            .as_der()
            .map_err(|_| KeyError::Unusable("its public half cannot be worked out".into()))?;
        let mut ours = Vec::with_capacity(certificates.len());
        for (place, der) in certificates.iter().enumerate() {
            match RecipientCertificate::from_der(der) {
                Ok(certificate) if certificate.is_for(spki.as_ref()) => ours.push(certificate),
                Ok(_) | Err(_) if place > 0 => {}
                Ok(_) => return Err(KeyError::Mismatch),
                Err(error) => return Err(error.into()),
            }
        }
        if ours.is_empty() {
            return Err(KeyError::Mismatch);
        }
        let key = Pkcs1PrivateDecryptingKey::new(private)
            .map_err(|_| KeyError::Unusable("the library refuses it".into()))?;
        Ok(Self {
            certificates: ours,
            key,
            rejection: rejection_secret(pkcs8),
        })
    }

    /// Whether a certificate was made for this very key: what is sealed for it, we open ourselves.
    #[must_use]
    pub fn is_of(&self, certificate: &RecipientCertificate) -> bool {
        self.certificates
            .iter()
            .any(|ours| ours.has_key_of(certificate))
    }

    pub(crate) fn certificates(&self) -> &[RecipientCertificate] {
        &self.certificates
    }

    /// The content key of `length` octets that was wrapped with PKCS#1 v1.5.
    ///
    /// Implicit rejection: where it cannot be unwrapped, or has another length, a key derived from
    /// our secret and the wrapped octets stands in for it. It is the same each time, as a true but
    /// wrong key would be, so that whoever sends many wrapped keys cannot tell one from the other
    /// (RFC 3218, Marvin). Everything after goes the same way, and fails there.
    pub(crate) fn unwrap(&self, wrapped: &[u8], length: usize) -> Zeroizing<[u8; LONGEST_KEY]> {
        let stand_in = self.stand_in(wrapped);
        let mut room = Zeroizing::new(vec![0; self.key.min_output_size()]);
        let mut found = Zeroizing::new([0_u8; LONGEST_KEY]);
        let unwrapped = match self.key.decrypt(wrapped, &mut room) {
            Ok(plain) => {
                for (into, octet) in found.iter_mut().zip(plain.iter()) {
                    *into = *octet;
                }
                plain.len() == length
            }
            Err(_) => false,
        };
        let unwrapped = Choice::from(u8::from(unwrapped));
        let mut key = Zeroizing::new([0_u8; LONGEST_KEY]);
        for ((into, wrong), right) in key.iter_mut().zip(stand_in.iter()).zip(found.iter()) {
            *into = u8::conditional_select(wrong, right, unwrapped);
        }
        key
    }

    fn stand_in(&self, wrapped: &[u8]) -> Zeroizing<[u8; LONGEST_KEY]> {
        let of_wrapped = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, self.rejection.as_slice()),
            wrapped,
        );
        let derived = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, of_wrapped.as_ref()),
            b"cek",
        );
        let mut key = Zeroizing::new([0; LONGEST_KEY]);
        for (into, octet) in key.iter_mut().zip(derived.as_ref()) {
            *into = *octet;
        }
        key
    }
}

impl fmt::Debug for RecipientKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecipientKey")
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}

/// PrivateKeyInfo around an RSAPrivateKey.
fn private_key_info(pkcs1: &[u8]) -> Vec<u8> {
    let mut key = der::octet_string(pkcs1);
    let info = der::sequence(&[
        &der::small_integer(0),
        &der::sequence(&[&der::identifier(oid::RSA_ENCRYPTION), &der::null()]),
        &key,
    ]);
    key.zeroize();
    info
}

fn rejection_secret(pkcs8: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut hash = Context::new(&SHA256);
    hash.update(REJECTION_LABEL);
    hash.update(pkcs8);
    let mut secret = Zeroizing::new([0; 32]);
    for (into, octet) in secret.iter_mut().zip(hash.finish().as_ref()) {
        *into = *octet;
    }
    secret
}
