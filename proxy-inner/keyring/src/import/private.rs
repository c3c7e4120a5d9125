//! Private keys in their four forms, brought into one: PKCS#8 DER.

use pkcs8::pkcs5::{EncryptionScheme, pbes2::Kdf};
use pkcs8::{EncryptedPrivateKeyInfoRef, Error as Pkcs8Error, pkcs5};
use zeroize::Zeroizing;

use super::shape::{Shape, shape};
use crate::der::{self, Reader, element};
use crate::key::{PrivateKey, Public, Unusable};
use crate::{ImportError, oid};

/// Most rounds of PBKDF2 a file may ask for: some seconds of work.
const MOST_ROUNDS: u32 = 10_000_000;

/// Most memory scrypt may ask for, in octets.
const MOST_MEMORY: u64 = 1 << 30;

/// A private key that loads.
pub(super) struct Key {
    /// PKCS#8 DER without attributes.
    pub(super) pkcs8: Zeroizing<Vec<u8>>,
    /// Its public half.
    pub(super) public: Public,
    /// Its name inside a PKCS#12.
    pub(super) name: Option<String>,
}

impl Key {
    /// What it is, in words, to tell several apart.
    pub(super) fn words(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.public.words()),
            None => self.public.words(),
        }
    }

    /// From PKCS#8 DER.
    pub(super) fn of_pkcs8(der: &[u8]) -> Result<Key, ImportError> {
        let pkcs8 = without_attributes(der).ok_or_else(|| damaged("it is cut off"))?;
        let loaded = PrivateKey::load(&pkcs8).map_err(|unusable| match unusable {
            Unusable::Kind(found) => ImportError::UnusableKey { found },
            Unusable::Damaged(detail) => damaged(&detail),
        })?;
        Ok(Key {
            public: loaded.public(),
            pkcs8,
            name: None,
        })
    }

    /// From PKCS#1 DER (RSAPrivateKey).
    pub(super) fn of_pkcs1(der: &[u8]) -> Result<Key, ImportError> {
        let algorithm = element(
            der::SEQUENCE,
            &[
                &element(der::IDENTIFIER, &[oid::RSA]),
                &element(der::NULL, &[]),
            ],
        );
        Key::of_pkcs8(&wrapped(&algorithm, der))
    }

    /// From SEC1 DER (ECPrivateKey), which must name its curve.
    pub(super) fn of_sec1(der: &[u8]) -> Result<Key, ImportError> {
        let curve = curve_of_sec1(der).ok_or_else(|| ImportError::UnusableKey {
            found: "an elliptic-curve key that does not name its curve".to_owned(),
        })?;
        let algorithm = element(
            der::SEQUENCE,
            &[
                &element(der::IDENTIFIER, &[oid::EC]),
                &element(der::IDENTIFIER, &[curve]),
            ],
        );
        Key::of_pkcs8(&wrapped(&algorithm, der))
    }

    /// From an EncryptedPrivateKeyInfo.
    pub(super) fn of_encrypted(der: &[u8], passphrase: Option<&str>) -> Result<Key, ImportError> {
        refuse_old(der)?;
        let info = EncryptedPrivateKeyInfoRef::try_from(der)
            .map_err(|error| damaged(&format!("its encryption does not parse ({error})")))?;
        affordable(&info.encryption_algorithm)?;
        let Some(passphrase) = passphrase else {
            return Err(ImportError::NeedsPassphrase {
                what: "private key",
            });
        };
        let wrong = ImportError::WrongPassphrase {
            what: "private key",
        };
        let clear = match info.decrypt(passphrase) {
            Ok(clear) => clear,
            Err(Pkcs8Error::EncryptedPrivateKey(
                error @ (pkcs5::Error::UnsupportedAlgorithm { .. }
                | pkcs5::Error::AlgorithmParametersInvalid { .. }),
            )) => {
                return Err(ImportError::Unsupported {
                    found: format!("the private key is encrypted in an uncommon way ({error})"),
                    advice: ENCRYPT_ANEW.to_owned(),
                });
            }
            // CBC shows a wrong key by its padding, and what slips through (1 in 256) by
            // octets that make no ASN.1.
            Err(_) => return Err(wrong),
        };
        if shape(clear.as_bytes()) != Shape::Pkcs8 {
            return Err(wrong);
        }
        Key::of_pkcs8(clear.as_bytes())
    }
}

/// What to do with a key file that is encrypted in a way not read here.
const ENCRYPT_ANEW: &str = "encrypt it anew with: \
     openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.key -out NEW.key";

/// Names the broken schemes of PKCS#5 version 1 and PKCS#12 (RFC 8018 §6.1, RFC 7292 appendix C).
fn refuse_old(der: &[u8]) -> Result<(), ImportError> {
    let Some(scheme) = Reader::new(der)
        .enter(der::SEQUENCE)
        .and_then(|mut info| info.enter(der::SEQUENCE))
        .and_then(|mut algorithm| algorithm.take(der::IDENTIFIER))
        .map(|identifier| identifier.content)
    else {
        return Err(damaged("its encryption does not parse"));
    };
    let legacy = " (openssl 3 needs -provider legacy -provider default besides)";
    let number = |prefix: &[u8]| match scheme.strip_prefix(prefix) {
        Some([number]) => Some(*number),
        _ => None,
    };
    let (scheme, provider) = match (number(oid::PKCS5), number(oid::PKCS12_PBE)) {
        (Some(1), _) => ("MD2 and DES (PBES1)", legacy),
        (Some(3), _) => ("MD5 and DES (PBES1)", legacy),
        (Some(4), _) => ("MD2 and RC2 (PBES1)", legacy),
        (Some(6), _) => ("MD5 and RC2 (PBES1)", legacy),
        (Some(10), _) => ("SHA-1 and DES (PBES1)", legacy),
        (Some(11), _) => ("SHA-1 and RC2 (PBES1)", legacy),
        (_, Some(1 | 2)) => ("SHA-1 and RC4 (PKCS#12)", legacy),
        (_, Some(3 | 4)) => ("SHA-1 and 3DES (PKCS#12)", ""),
        (_, Some(5 | 6)) => ("SHA-1 and RC2 (PKCS#12)", legacy),
        _ => return Ok(()),
    };
    Err(ImportError::OldEncryption { scheme, provider })
}

/// Refuses what a file could make us compute for hours.
fn affordable(scheme: &EncryptionScheme) -> Result<(), ImportError> {
    let affordable = match scheme.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Pbkdf2(parameters)) => parameters.iteration_count <= MOST_ROUNDS,
        Some(Kdf::Scrypt(parameters)) => {
            let memory = parameters
                .cost_parameter
                .checked_mul(128)
                .and_then(|octets| octets.checked_mul(u64::from(parameters.block_size)));
            memory.is_some_and(|octets| octets <= MOST_MEMORY) && parameters.parallelization <= 16
        }
        _ => true,
    };
    if affordable {
        return Ok(());
    }
    Err(ImportError::Unsupported {
        found: "the private key's passphrase would take minutes or more to apply (its encryption \
                asks for too many rounds or too much memory)"
            .to_owned(),
        advice: ENCRYPT_ANEW.to_owned(),
    })
}

/// The same key as PKCS#8 version 0 without attributes, which some readers stumble over.
fn without_attributes(pkcs8: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut info = Reader::new(pkcs8).enter(der::SEQUENCE)?;
    info.take(der::INTEGER)?;
    let algorithm = info.take(der::SEQUENCE)?;
    let key = info.take(der::OCTET_STRING)?;
    Some(wrapped(algorithm.whole, key.content))
}

fn wrapped(algorithm: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    element(
        der::SEQUENCE,
        &[
            &element(der::INTEGER, &[&[0]]),
            algorithm,
            &element(der::OCTET_STRING, &[key]),
        ],
    )
}

fn curve_of_sec1(der: &[u8]) -> Option<&[u8]> {
    let mut key = Reader::new(der).enter(der::SEQUENCE)?;
    key.take(der::INTEGER)?;
    key.take(der::OCTET_STRING)?;
    Some(key.enter(der::CONTEXT_0)?.take(der::IDENTIFIER)?.content)
}

fn damaged(detail: &str) -> ImportError {
    ImportError::Damaged {
        what: "private key".to_owned(),
        detail: detail.to_owned(),
    }
}
