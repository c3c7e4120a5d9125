//! The ciphers of a challenge's content, in one piece of memory.
#![expect(
    deprecated,
    reason = "3DES is of yesterday, but in cipher suites 01 and 03 of RFC 5024, and only opened here"
)]

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DES_EDE3_FOR_LEGACY_USE_ONLY, DecryptionContext,
    PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use crate::ber::{self, Element};
use crate::challenge::ChallengeError;
use crate::oid;

/// Octets of an AES initialisation vector.
const AES_IV: usize = 16;

/// A content encryption algorithm with its initialisation vector.
pub(crate) struct ContentCipher {
    algorithm: &'static Algorithm,
    /// Octets of its key.
    key_length: usize,
    iv: Iv,
}

enum Iv {
    Aes([u8; AES_IV]),
    Des([u8; 8]),
}

impl ContentCipher {
    /// Reads a ContentEncryptionAlgorithmIdentifier.
    pub(crate) fn read(element: &Element<'_>) -> Result<Self, ChallengeError> {
        const VECTOR: &str = "the initialisation vector of the content's cipher";
        let mut parts = element.open("an algorithm")?;
        let identifier = parts
            .expect(ber::OBJECT_IDENTIFIER, "the identifier of an algorithm")?
            .primitive("the identifier of an algorithm")?;
        let (algorithm, key_length) = match identifier {
            oid::AES_256_CBC => (&AES_256, 32),
            oid::AES_192_CBC => (&AES_192, 24),
            oid::AES_128_CBC => (&AES_128, 16),
            oid::DES_EDE3_CBC => (&DES_EDE3_FOR_LEGACY_USE_ONLY, 24),
            other => return Err(ChallengeError::Cipher(oid::dotted(other))),
        };
        let vector = parts.expect(ber::OCTET_STRING, VECTOR)?;
        let octets = vector.octets()?;
        let iv = if algorithm.block_len() == AES_IV {
            Iv::Aes(octets.try_into().map_err(|_| vector.unexpected(VECTOR))?)
        } else {
            Iv::Des(octets.try_into().map_err(|_| vector.unexpected(VECTOR))?)
        };
        parts.finish()?;
        Ok(Self {
            algorithm,
            key_length,
            iv,
        })
    }

    pub(crate) fn key_length(&self) -> usize {
        self.key_length
    }

    /// The content, its padding taken off. `key` has at least the key's octets.
    ///
    /// `None` for a key, length or padding that is wrong: nothing tells which.
    pub(crate) fn decrypt(&self, key: &[u8], encrypted: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = UnboundCipherKey::new(self.algorithm, key.get(..self.key_length)?).ok()?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
        let context = match self.iv {
            Iv::Aes(iv) => DecryptionContext::Iv128(FixedLength::from(iv)),
            Iv::Des(iv) => DecryptionContext::Iv64(FixedLength::from(iv)),
        };
        let mut content = Zeroizing::new(encrypted.to_vec());
        let length = key.decrypt(&mut content, context).ok()?.len();
        content.truncate(length);
        Some(content)
    }
}
