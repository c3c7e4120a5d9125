//! A private key in our own memory.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use zeroize::Zeroizing;

use crate::ffi::Rsa;
use crate::public::{Marked, check_size};
use crate::{
    BadKey, Digest, Hash, KeyUseError, Oaep, PrivateKey, PublicKey, Signing, content_key_of_block,
    content_key_of_oaep_block, der, digest_info, stand_in,
};

const REJECTION_LABEL: &[u8] = b"implicit rejection of content keys\0";

/// An RSA private key of 1024 to 8192 bits, wiped when dropped.
pub struct SoftwareKey {
    key: Rsa,
    public: PublicKey,
    /// From which the keys are derived that stand in for those that cannot be unwrapped.
    rejection: Zeroizing<Vec<u8>>,
}

impl SoftwareKey {
    /// From a PrivateKeyInfo in DER (PKCS#8, RFC 5208 and RFC 5958), not encrypted.
    ///
    /// # Errors
    /// See [`BadKey`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, BadKey> {
        let broken = BadKey::Encoding {
            structure: "PrivateKeyInfo (PKCS#8)",
        };
        let mut outer = der::Reader::new(pkcs8);
        let mut info = outer.sequence().ok_or(broken.clone())?;
        info.natural().ok_or(broken.clone())?;
        let marked = Marked::read(info.sequence().ok_or(broken.clone())?)?;
        // Attributes and a copy of the public key may follow; they say nothing new.
        let pkcs1 = info.octet_string().ok_or(broken.clone())?;
        if !outer.is_at_end() {
            return Err(broken);
        }
        Self::checked(pkcs1, marked)
    }

    /// From an RSAPrivateKey in DER (PKCS#1, RFC 8017 §A.1.2).
    ///
    /// # Errors
    /// See [`BadKey`].
    pub fn from_pkcs1(pkcs1: &[u8]) -> Result<Self, BadKey> {
        Self::checked(pkcs1, Marked::Any)
    }

    /// Makes a key of 2048, 3072 or 4096 bits with exponent 65537: a PrivateKeyInfo in DER.
    ///
    /// # Errors
    /// Another size, or a failure of the library.
    pub fn generate(bits: usize) -> Result<Zeroizing<Vec<u8>>, BadKey> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            _ => return Err(BadKey::NotGenerated { bits }),
        };
        let pair = KeyPair::generate(size).map_err(|_| BadKey::Generation)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| BadKey::Generation)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    fn checked(pkcs1: &[u8], marked: Marked) -> Result<Self, BadKey> {
        check_size(pkcs1, 1)?;
        let key = Rsa::private(pkcs1).ok_or(BadKey::Numbers)?;
        let public = PublicKey::from_pkcs1(&key.public_numbers().ok_or(BadKey::Numbers)?, marked)?;
        let mut rejection = Digest::new(Hash::Sha256);
        rejection.update(REJECTION_LABEL);
        rejection.update(pkcs1);
        Ok(Self {
            key,
            public,
            rejection: Zeroizing::new(rejection.finish()),
        })
    }

    /// The decrypted block, whatever it holds. A wrapped number beyond the modulus, which its
    /// sender can see as well as we, makes a block of zeros, and so a stand-in.
    fn block(&self, wrapped: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut block = Zeroizing::new(vec![0; self.public.modulus_octets()]);
        if !self.key.decrypt_raw(wrapped, &mut block) {
            block.fill(0);
        }
        block
    }
}

impl PrivateKey for SoftwareKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, signing: Signing, digest: &[u8]) -> Result<Vec<u8>, KeyUseError> {
        self.public.can_sign(signing, digest)?;
        match signing {
            Signing::Pkcs1(hash) => self.key.sign_pkcs1(&digest_info(hash, digest)),
            Signing::Pss(hash) => self.key.sign_pss(hash, digest),
        }
        .ok_or_else(|| KeyUseError::Failed("the library failed in signing".into()))
    }

    fn unwrap_pkcs1(
        &self,
        wrapped: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
        self.public.can_unwrap_pkcs1(wrapped)?;
        let stand_in = stand_in(&self.rejection, wrapped, length);
        Ok(content_key_of_block(
            &self.block(wrapped),
            length,
            &stand_in,
        ))
    }

    fn unwrap_oaep(
        &self,
        oaep: Oaep,
        wrapped: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
        self.public.can_unwrap_oaep(oaep, wrapped)?;
        let stand_in = stand_in(&self.rejection, wrapped, length);
        Ok(content_key_of_oaep_block(
            oaep,
            &self.block(wrapped),
            length,
            &stand_in,
        ))
    }
}

impl fmt::Debug for SoftwareKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
