//! A partner's public key, or the public half of ours.

use std::fmt;
use std::sync::Arc;

use crate::ffi::Rsa;
use crate::hash::digest_info_without_null;
use crate::{BadKey, KeyUseError, Oaep, Signing, Verifying, der, digest_info};

/// Bits of the shortest key used at all: only old partners have it, policy warns of it.
const LEAST_BITS: usize = 1024;
/// Bits of the longest: beyond, one signature would cost a tenth of a second and more.
const MOST_BITS: usize = 8192;
/// Octets of the longest structure around such a key, with room to spare.
const MOST_OCTETS: usize = 8192;

const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const RSAES_OAEP: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x07];
const RSASSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A];

/// An RSA public key of 1024 to 8192 bits. Cheap to clone; equal to every key of the same numbers.
#[derive(Clone)]
pub struct PublicKey {
    inner: Arc<Inner>,
}

struct Inner {
    key: Rsa,
    marked: Marked,
    spki: Vec<u8>,
    /// RSAPublicKey in DER, the same for the same numbers.
    numbers: Vec<u8>,
}

impl PublicKey {
    /// From a SubjectPublicKeyInfo in DER, as a certificate holds it (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// See [`BadKey`].
    pub fn from_spki(spki: &[u8]) -> Result<Self, BadKey> {
        let broken = BadKey::Encoding {
            structure: "SubjectPublicKeyInfo",
        };
        if spki.len() > MOST_OCTETS {
            return Err(broken);
        }
        let mut outer = der::Reader::new(spki);
        let mut info = outer.sequence().ok_or(broken.clone())?;
        let marked = Marked::read(info.sequence().ok_or(broken.clone())?)?;
        let numbers = info.bit_string().ok_or(broken.clone())?;
        if !info.is_at_end() || !outer.is_at_end() {
            return Err(broken);
        }
        Self::checked(numbers, marked, spki.to_vec())
    }

    /// From its two numbers, most significant octet first, as a token gives them.
    ///
    /// # Errors
    /// See [`BadKey`].
    pub fn from_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self, BadKey> {
        if modulus.len().saturating_add(exponent.len()) > MOST_OCTETS {
            return Err(BadKey::Encoding {
                structure: "RSAPublicKey",
            });
        }
        let numbers = der::sequence(&[&der::natural(modulus), &der::natural(exponent)]);
        Self::from_pkcs1(&numbers, Marked::Any)
    }

    /// SubjectPublicKeyInfo in DER: as it was given, else one for any use.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.inner.spki
    }

    /// RSAPublicKey in DER (RFC 8017 §A.1.1): the same for the same key, and found as it is in
    /// every certificate for it.
    #[must_use]
    pub fn numbers(&self) -> &[u8] {
        &self.inner.numbers
    }

    /// Whether wrapped octets are a number its private half can be applied to: one below the
    /// modulus. Their sender can tell as well as we.
    #[must_use]
    pub fn has_range_for(&self, wrapped: &[u8]) -> bool {
        let modulus = der::Reader::new(&self.inner.numbers)
            .sequence()
            .and_then(|mut numbers| numbers.natural());
        modulus.is_some_and(|modulus| modulus.len() == wrapped.len() && wrapped < modulus)
    }

    /// Bits of the modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.inner.key.bits()
    }

    /// Octets of the modulus, and so of every signature and wrapped key.
    #[must_use]
    pub fn modulus_octets(&self) -> usize {
        self.inner.key.octets()
    }

    /// Whether a signature over the digest was made by the private half of this key.
    #[must_use]
    pub fn verify(&self, verifying: Verifying, digest: &[u8], signature: &[u8]) -> bool {
        if digest.len() != verifying.hash().octets() || signature.len() != self.modulus_octets() {
            return false;
        }
        match verifying {
            Verifying::Pkcs1(hash) => {
                // Encode and compare: nothing of what was signed is parsed (RFC 8017 §8.2.2).
                self.inner.marked.signs(Signing::Pkcs1(hash)).is_ok()
                    && self
                        .inner
                        .key
                        .signed_with_pkcs1(signature)
                        .is_some_and(|signed| {
                            signed == digest_info(hash, digest)
                                || signed == digest_info_without_null(hash, digest)
                        })
            }
            Verifying::Pss { hash, mgf, salt } => {
                self.inner.marked.signs(Signing::Pss(hash)).is_ok()
                    && self
                        .inner
                        .key
                        .verify_pss(hash, mgf, salt, digest, signature)
            }
        }
    }

    /// Wraps a content key with PKCS#1 v1.5 (RFC 8017 §7.2).
    ///
    /// # Errors
    /// The key is too short for it, or marked for other uses.
    pub fn wrap_pkcs1(&self, content_key: &[u8]) -> Result<Vec<u8>, KeyUseError> {
        let scheme = "PKCS#1 v1.5 key transport";
        self.inner.marked.wraps(Wrapping::Pkcs1, &scheme)?;
        self.room(content_key.len() + 11, &scheme)?;
        self.inner
            .key
            .encrypt_pkcs1(content_key)
            .ok_or_else(|| KeyUseError::Failed("the library failed in wrapping".into()))
    }

    /// Wraps a content key with OAEP and an empty label (RFC 8017 §7.1).
    ///
    /// # Errors
    /// The key is too short for it, or marked for other uses.
    pub fn wrap_oaep(&self, oaep: Oaep, content_key: &[u8]) -> Result<Vec<u8>, KeyUseError> {
        self.inner.marked.wraps(Wrapping::Oaep, &oaep)?;
        self.room(content_key.len() + oaep.overhead(), &oaep)?;
        self.inner
            .key
            .encrypt_oaep(oaep, content_key)
            .ok_or_else(|| KeyUseError::Failed("the library failed in wrapping".into()))
    }

    /// The block a holder of the private half has to raise to its power for a signature: for
    /// tokens that do no more than that (`CKM_RSA_X_509`).
    ///
    /// # Errors
    /// The digest has a wrong length, or the key is too short or marked for other uses.
    pub fn signature_block(&self, signing: Signing, digest: &[u8]) -> Result<Vec<u8>, KeyUseError> {
        self.can_sign(signing, digest)?;
        let failed = || KeyUseError::Failed("the library failed in padding".into());
        match signing {
            Signing::Pkcs1(hash) => {
                let info = digest_info(hash, digest);
                let filling = self
                    .modulus_octets()
                    .checked_sub(info.len() + 3)
                    .ok_or_else(failed)?;
                let mut block = vec![0x00, 0x01];
                block.resize(filling + 2, 0xFF);
                block.push(0x00);
                block.extend_from_slice(&info);
                Ok(block)
            }
            Signing::Pss(hash) => self.inner.key.pss_block(hash, digest).ok_or_else(failed),
        }
    }

    /// Whether its private half can make such a signature over such a digest.
    ///
    /// # Errors
    /// The digest has a wrong length, or the key is too short or marked for other uses.
    pub fn can_sign(&self, signing: Signing, digest: &[u8]) -> Result<(), KeyUseError> {
        let hash = signing.hash();
        if digest.len() != hash.octets() {
            return Err(KeyUseError::DigestLength {
                hash: hash.name(),
                expected: hash.octets(),
                found: digest.len(),
            });
        }
        self.inner.marked.signs(signing)?;
        let needed = match signing {
            Signing::Pkcs1(_) => digest_info(hash, digest).len() + 11,
            // With a modulus of 8n + 1 bits the block is an octet shorter than the modulus.
            Signing::Pss(_) => 2 * hash.octets() + 2 + usize::from(self.bits() % 8 == 1),
        };
        self.room(needed, &signing)
    }

    /// Whether its private half can unwrap what was wrapped with PKCS#1 v1.5.
    ///
    /// # Errors
    /// The wrapped octets have a wrong length, or the key is marked for other uses.
    pub fn can_unwrap_pkcs1(&self, wrapped: &[u8]) -> Result<(), KeyUseError> {
        self.inner
            .marked
            .wraps(Wrapping::Pkcs1, &"PKCS#1 v1.5 key transport")?;
        self.wrapped_length(wrapped)
    }

    /// Whether its private half can unwrap what was wrapped with OAEP.
    ///
    /// # Errors
    /// The wrapped octets have a wrong length, or the key is too short or marked for other uses.
    pub fn can_unwrap_oaep(&self, oaep: Oaep, wrapped: &[u8]) -> Result<(), KeyUseError> {
        self.inner.marked.wraps(Wrapping::Oaep, &oaep)?;
        self.room(oaep.overhead(), &oaep)?;
        self.wrapped_length(wrapped)
    }

    /// From an RSAPublicKey in DER.
    pub(crate) fn from_pkcs1(numbers: &[u8], marked: Marked) -> Result<Self, BadKey> {
        let spki = der::sequence(&[
            &der::sequence(&[&der::identifier(RSA_ENCRYPTION), &der::null()]),
            &der::bit_string(numbers),
        ]);
        Self::checked(numbers, marked, spki)
    }

    fn checked(numbers: &[u8], marked: Marked, spki: Vec<u8>) -> Result<Self, BadKey> {
        check_size(numbers, 0)?;
        let key = Rsa::public(numbers).ok_or(BadKey::Numbers)?;
        Ok(Self {
            inner: Arc::new(Inner {
                key,
                marked,
                spki,
                numbers: numbers.to_vec(),
            }),
        })
    }

    fn wrapped_length(&self, wrapped: &[u8]) -> Result<(), KeyUseError> {
        if wrapped.len() == self.modulus_octets() {
            return Ok(());
        }
        Err(KeyUseError::WrappedLength {
            expected: self.modulus_octets(),
            found: wrapped.len(),
        })
    }

    fn room(&self, needed: usize, scheme: &dyn fmt::Display) -> Result<(), KeyUseError> {
        if needed <= self.modulus_octets() {
            return Ok(());
        }
        Err(KeyUseError::TooShort {
            bits: self.bits(),
            scheme: scheme.to_string(),
        })
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.inner.numbers == other.inner.numbers
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("bits", &self.bits())
            .field("marked", &self.inner.marked)
            .finish_non_exhaustive()
    }
}

/// What the algorithm identifier beside a key allows (RFC 4055 §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marked {
    Any,
    PssOnly,
    OaepOnly,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    Pkcs1,
    Oaep,
}

impl Marked {
    /// From the content of an AlgorithmIdentifier.
    pub(crate) fn read(mut algorithm: der::Reader<'_>) -> Result<Self, BadKey> {
        let marked = match algorithm.identifier() {
            Some(RSA_ENCRYPTION) => Marked::Any,
            Some(RSAES_OAEP) => Marked::OaepOnly,
            Some(RSASSA_PSS) => Marked::PssOnly,
            _ => return Err(BadKey::NotRsa),
        };
        // rsaEncryption has NULL, which some leave out; the others have nothing, or restrictions.
        if marked == Marked::Any && algorithm.null().is_none() || !algorithm.is_at_end() {
            return Err(BadKey::Restricted);
        }
        Ok(marked)
    }

    fn signs(self, signing: Signing) -> Result<(), KeyUseError> {
        match (self, signing) {
            (Marked::Any, _) | (Marked::PssOnly, Signing::Pss(_)) => Ok(()),
            _ => Err(self.refuses(&signing)),
        }
    }

    fn wraps(self, wrapping: Wrapping, scheme: &dyn fmt::Display) -> Result<(), KeyUseError> {
        match (self, wrapping) {
            (Marked::Any, _) | (Marked::OaepOnly, Wrapping::Oaep) => Ok(()),
            _ => Err(self.refuses(scheme)),
        }
    }

    fn refuses(self, scheme: &dyn fmt::Display) -> KeyUseError {
        KeyUseError::NotAllowed {
            only: match self {
                Marked::Any => "any use",
                Marked::PssOnly => "PSS signatures",
                Marked::OaepOnly => "OAEP key transport",
            },
            scheme: scheme.to_string(),
        }
    }
}

/// Whether the modulus is one we work with, before the library spends time on it. It is the
/// first number of RSAPublicKey, and the second of RSAPrivateKey (`before` = 1).
pub(crate) fn check_size(key: &[u8], before: usize) -> Result<(), BadKey> {
    let broken = BadKey::Encoding {
        structure: "RSA key",
    };
    if key.len() > MOST_OCTETS {
        return Err(broken);
    }
    let mut numbers = der::Reader::new(key).sequence().ok_or(broken.clone())?;
    for _ in 0..before {
        numbers.natural().ok_or(broken.clone())?;
    }
    let modulus = numbers.natural().ok_or(broken)?;
    let bits = modulus.first().map_or(0, |first| {
        modulus.len() * 8 - first.leading_zeros() as usize
    });
    if !(LEAST_BITS..=MOST_BITS).contains(&bits) {
        return Err(BadKey::Size {
            bits,
            least: LEAST_BITS,
            most: MOST_BITS,
        });
    }
    Ok(())
}
