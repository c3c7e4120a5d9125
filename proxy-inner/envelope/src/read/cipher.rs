//! Decrypting the content of an envelope while it is read.
#![expect(
    deprecated,
    reason = "3DES is of yesterday, but in cipher suites 01, 03 and 05 of OFTP2"
)]

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm as Library, DES_EDE3_FOR_LEGACY_USE_ONLY,
    DecryptionContext, StreamingDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use crate::open::{DecryptionError, Layer, OpenError, Problem};
use crate::{Suite, oid};

/// Octets of the largest block.
pub(super) const MOST_BLOCK: usize = 16;

/// A content encryption algorithm with its initialisation vector.
pub(super) struct ContentCipher {
    algorithm: &'static Library,
    /// Octets of its key.
    key_octets: usize,
    iv: Iv,
}

#[derive(Clone, Copy)]
enum Iv {
    Aes([u8; 16]),
    Des([u8; 8]),
}

/// A decryption under way.
pub(super) struct Decryption {
    key: Option<StreamingDecryptingKey>,
    /// Something was wrong; the work is done nevertheless.
    failed: bool,
    fed: bool,
}

impl ContentCipher {
    /// From a ContentEncryptionAlgorithmIdentifier, which must be the suite's.
    pub(super) fn read(algorithm: &Algorithm, suite: Option<Suite>) -> Result<Self, OpenError> {
        let structure = |error| OpenError::Structure {
            layer: Layer::Encryption,
            at: 0,
            problem: Problem::Inside(error),
        };
        let refused = |found: String, expected: &str| {
            OpenError::Decryption(DecryptionError::Cipher {
                found,
                expected: expected.to_owned(),
            })
        };
        let identifier = algorithm.identifier().map_err(structure)?;
        let (library, key_octets, name) = match identifier {
            oid::AES_256_CBC => (&AES_256, 32, "AES-256-CBC"),
            oid::AES_192_CBC => (&AES_192, 24, "AES-192-CBC"),
            oid::AES_128_CBC => (&AES_128, 16, "AES-128-CBC"),
            oid::DES_EDE3_CBC => (&DES_EDE3_FOR_LEGACY_USE_ONLY, 24, "3DES-CBC"),
            other => {
                let expected = suite.map_or("AES-CBC or 3DES-CBC", cipher_name);
                return Err(refused(oid::dotted(other), expected));
            }
        };
        if let Some(suite) = suite
            && cipher_name(suite) != name
        {
            return Err(refused(name.to_owned(), cipher_name(suite)));
        }
        let vector = algorithm.vector().map_err(structure)?;
        let octets = vector.len();
        let iv = if library.block_len() == MOST_BLOCK {
            vector.try_into().map(Iv::Aes).ok()
        } else {
            vector.try_into().map(Iv::Des).ok()
        };
        let found = || format!("{name} and an initialisation vector of {octets} octets");
        let iv = iv.ok_or_else(|| refused(found(), "one of a block"))?;
        Ok(Self {
            algorithm: library,
            key_octets,
            iv,
        })
    }

    /// Octets of its key.
    pub(super) fn key_octets(&self) -> usize {
        self.key_octets
    }

    /// Begins to decrypt. A key the library refuses (3DES with equal halves) fails at the end, as a
    /// wrong one does, and costs the same: another is used in its place.
    pub(super) fn decrypt(&self, key: &[u8]) -> Decryption {
        if let Some(key) = self.key(key) {
            return Decryption {
                key: Some(key),
                failed: false,
                fed: false,
            };
        }
        let stand_in: Zeroizing<Vec<u8>> = Zeroizing::new((1..=32).collect());
        Decryption {
            key: self.key(stand_in.get(..self.key_octets).unwrap_or_default()),
            failed: true,
            fed: false,
        }
    }

    fn key(&self, key: &[u8]) -> Option<StreamingDecryptingKey> {
        let key = UnboundCipherKey::new(self.algorithm, key).ok()?;
        let context = match self.iv {
            Iv::Aes(iv) => DecryptionContext::Iv128(FixedLength::from(iv)),
            Iv::Des(iv) => DecryptionContext::Iv64(FixedLength::from(iv)),
        };
        StreamingDecryptingKey::cbc_pkcs7(key, context).ok()
    }
}

impl Decryption {
    /// Decrypts into `into`, which has room for a block more than `from`; how much came out.
    pub(super) fn update(&mut self, from: &[u8], into: &mut [u8]) -> usize {
        self.fed |= !from.is_empty();
        let update = self.key.as_mut().map(|key| key.update(from, into));
        match update {
            Some(Ok(update)) => update.written().len(),
            _ => {
                self.failed = true;
                0
            }
        }
    }

    /// The last octets, of which `into` has room for a block. Afterwards [`Decryption::is_good`] tells.
    pub(super) fn finish(&mut self, into: &mut [u8]) -> usize {
        // No octets at all are an empty content, which some writers do not encrypt.
        let Some(key) = self.key.take().filter(|_| self.fed) else {
            return 0;
        };
        match key.finish(into) {
            Ok(update) => update.written().len(),
            Err(_) => {
                self.failed = true;
                0
            }
        }
    }

    /// Whether nothing was wrong, the padding included.
    pub(super) fn is_good(&self) -> bool {
        !self.failed
    }
}

fn cipher_name(suite: Suite) -> &'static str {
    match suite.cipher {
        crate::Cipher::TripleDes => "3DES-CBC",
        crate::Cipher::Aes256 => "AES-256-CBC",
    }
}
