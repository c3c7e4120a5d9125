//! A private key in a token, used like any other.

use std::fmt;

use crypto::{
    Hash, KeyUseError, Oaep, PrivateKey, PublicKey, Signing, content_key_of_block,
    content_key_of_oaep_block, digest_info, stand_in,
};
use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::rsa::{PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use zeroize::Zeroizing;

use crate::ability::{Abilities, parameter};
use crate::error::answer;
use crate::pool::{Pool, Trouble};
use crate::{TokenError, TokenUri, find};

const REJECTION_LABEL: &[u8] = b"implicit rejection of content keys\0";

/// An RSA key in a token. May be shared by threads; each use takes one of a few sessions.
pub struct TokenKey {
    pool: Pool,
    abilities: Abilities,
    certificates: Vec<Vec<u8>>,
    /// From which the keys are derived that stand in for those that cannot be unwrapped.
    rejection: Zeroizing<Vec<u8>>,
}

impl TokenKey {
    pub(crate) fn open(uri: &TokenUri, pin: Option<Zeroizing<String>>) -> Result<Self, TokenError> {
        let (pool, (abilities, certificates)) =
            Pool::open(uri, pin, |module, slot, session, found| {
                let abilities = Abilities::of(module, slot, found)?;
                Ok((abilities, find::certificates(session, &found.public)?))
            })?;
        let mut key = Self {
            pool,
            abilities,
            certificates,
            rejection: Zeroizing::new(Vec::new()),
        };
        key.rejection = key.rejection_secret()?;
        Ok(key)
    }

    /// Its address.
    #[must_use]
    pub fn uri(&self) -> &TokenUri {
        self.pool.uri()
    }

    /// Certificates in the token that were made for this key, DER; often one, maybe none.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// Something only the holder of the key can work out, the same each time: a signature nobody
    /// can have asked us for, because nobody knows what its digest is of. Of a key that cannot
    /// make one, random octets, new at each start.
    fn rejection_secret(&self) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        let mut digest = Hash::Sha256.of(REJECTION_LABEL);
        for octet in &mut digest {
            *octet = !*octet;
        }
        let signing = Signing::Pkcs1(Hash::Sha256);
        let signature = match self.sign(signing, &digest) {
            Err(KeyUseError::Unsupported { .. }) => self
                .public()
                .signature_block(signing, &digest)
                .and_then(|block| self.decrypt_raw(&block)),
            signed => signed.map(Zeroizing::new),
        };
        if let Ok(signature) = signature {
            return Ok(Zeroizing::new(Hash::Sha256.of(&signature)));
        }
        let mut secret = Zeroizing::new(vec![0; 32]);
        crypto::random(&mut secret).map_err(|error| TokenError::Call {
            doing: "a secret for the key cannot be made",
            why: error.to_string(),
        })?;
        Ok(secret)
    }

    /// Our padding around the digest, the token's power.
    fn sign_raw(&self, signing: Signing, digest: &[u8]) -> Result<Vec<u8>, KeyUseError> {
        let block = self.public().signature_block(signing, digest)?;
        self.pool
            .run(|session, key| session.sign(&Mechanism::RsaX509, key, &block))
            .map_err(told)
    }

    fn sign_pkcs1(&self, hash: Hash, digest: &[u8]) -> Result<Vec<u8>, KeyUseError> {
        if self.abilities.signs(MechanismType::RSA_PKCS) {
            let info = digest_info(hash, digest);
            return self
                .pool
                .run(|session, key| session.sign(&Mechanism::RsaPkcs, key, &info))
                .map_err(told);
        }
        if self.abilities.signs(MechanismType::RSA_X_509) {
            return self.sign_raw(Signing::Pkcs1(hash), digest);
        }
        Err(unsupported(
            Signing::Pkcs1(hash),
            "neither CKM_RSA_PKCS nor CKM_RSA_X_509",
        ))
    }

    fn sign_pss(&self, hash: Hash, digest: &[u8]) -> Result<Vec<u8>, KeyUseError> {
        let raw = self.abilities.signs(MechanismType::RSA_X_509);
        if self.abilities.signs(MechanismType::RSA_PKCS_PSS)
            && let Some((hash_alg, mgf)) = parameter(hash)
        {
            let mechanism = Mechanism::RsaPkcsPss(PkcsPssParams {
                hash_alg,
                mgf,
                s_len: salt(hash),
            });
            let answered = self
                .pool
                .run(|session, key| session.sign(&mechanism, key, digest));
            match answered {
                // Each token has its own idea of which hashes go.
                Err(Trouble::Refused(error)) if is_about_parameters(&error) => {}
                answered => return answered.map_err(told),
            }
        }
        if raw {
            return self.sign_raw(Signing::Pss(hash), digest);
        }
        Err(unsupported(
            Signing::Pss(hash),
            "neither CKM_RSA_PKCS_PSS with this hash nor CKM_RSA_X_509",
        ))
    }

    /// The block a wrapped key decrypts to, as long as the modulus, looked at by nobody yet.
    fn decrypt_raw(&self, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
        let octets = self.public().modulus_octets();
        if !self.public().has_range_for(wrapped) {
            return Ok(Zeroizing::new(vec![0; octets]));
        }
        if !self.abilities.decrypts(MechanismType::RSA_X_509) {
            return Err(unsupported("raw decryption", "no CKM_RSA_X_509"));
        }
        let given = self
            .pool
            .run(|session, key| session.decrypt(&Mechanism::RsaX509, key, wrapped))
            .map_err(told)?;
        let given = Zeroizing::new(given);
        // Some tokens leave out zeros in front.
        let Some(zeros) = octets.checked_sub(given.len()) else {
            return Err(KeyUseError::Failed(
                "the token decrypted to more octets than the key has".to_owned(),
            ));
        };
        let mut block = Zeroizing::new(vec![0; octets]);
        for (into, octet) in block.iter_mut().skip(zeros).zip(given.iter()) {
            *into = *octet;
        }
        Ok(block)
    }

    /// What the token took out of the padding, put into a block again: its answer to a wrong
    /// padding becomes a block of zeros, and both are looked at in the same way.
    fn unpadded_by_token(
        &self,
        mechanism: &Mechanism<'_>,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let octets = self.public().modulus_octets();
        let mut block = Zeroizing::new(vec![0; octets]);
        if !self.public().has_range_for(wrapped) {
            return Ok(block);
        }
        // Told apart within the operation: for a wrong padding no session is closed and opened.
        let plain =
            self.pool.run(
                |session, key| match session.decrypt(mechanism, key, wrapped) {
                    Err(error) if is_about_padding(&error) => Ok(None),
                    answered => answered.map(|plain| Some(Zeroizing::new(plain))),
                },
            )?;
        let Some(plain) = plain else {
            return Ok(block);
        };
        let Some(filling) = octets.checked_sub(plain.len() + 3) else {
            return Ok(block);
        };
        let whole = [0x00, 0x02]
            .into_iter()
            .chain(std::iter::repeat_n(0xFF, filling))
            .chain([0x00])
            .chain(plain.iter().copied());
        for (into, octet) in block.iter_mut().zip(whole) {
            *into = octet;
        }
        Ok(block)
    }
}

impl PrivateKey for TokenKey {
    fn public(&self) -> &PublicKey {
        self.pool.public()
    }

    fn sign(&self, signing: Signing, digest: &[u8]) -> Result<Vec<u8>, KeyUseError> {
        self.public().can_sign(signing, digest)?;
        let signature = match signing {
            Signing::Pkcs1(hash) => self.sign_pkcs1(hash, digest)?,
            Signing::Pss(hash) => self.sign_pss(hash, digest)?,
        };
        // A wrong signature can give the key away, and would be refused by the partner anyhow.
        if !self.public().verify(signing.into(), digest, &signature) {
            return Err(KeyUseError::Failed(
                "the token gave a signature that does not verify; test it with the maker's tool"
                    .to_owned(),
            ));
        }
        Ok(signature)
    }

    fn unwrap_pkcs1(
        &self,
        wrapped: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
        self.public().can_unwrap_pkcs1(wrapped)?;
        let stand_in = stand_in(&self.rejection, wrapped, length);
        let block = if self.abilities.decrypts(MechanismType::RSA_X_509) {
            self.decrypt_raw(wrapped)?
        } else if self.abilities.decrypts(MechanismType::RSA_PKCS) {
            self.unpadded_by_token(&Mechanism::RsaPkcs, wrapped)
                .map_err(told)?
        } else {
            return Err(unsupported(
                "decryption of keys wrapped with PKCS#1 v1.5",
                "neither CKM_RSA_X_509 nor CKM_RSA_PKCS for decryption",
            ));
        };
        Ok(content_key_of_block(&block, length, &stand_in))
    }

    fn unwrap_oaep(
        &self,
        oaep: Oaep,
        wrapped: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
        self.public().can_unwrap_oaep(oaep, wrapped)?;
        let stand_in = stand_in(&self.rejection, wrapped, length);
        if self.abilities.decrypts(MechanismType::RSA_X_509) {
            let block = self.decrypt_raw(wrapped)?;
            return Ok(content_key_of_oaep_block(oaep, &block, length, &stand_in));
        }
        if self.abilities.decrypts(MechanismType::RSA_PKCS_OAEP)
            && let Some((hash, _)) = parameter(oaep.hash)
            && let Some((_, mgf)) = parameter(oaep.mgf)
        {
            let parameters = PkcsOaepParams::new(hash, mgf, PkcsOaepSource::empty());
            let mechanism = Mechanism::RsaPkcsOaep(parameters);
            match self.unpadded_by_token(&mechanism, wrapped) {
                // Each token has its own idea of which hashes go.
                Err(Trouble::Refused(error)) if is_about_parameters(&error) => {}
                answered => {
                    let block = answered.map_err(told)?;
                    return Ok(content_key_of_block(&block, length, &stand_in));
                }
            }
        }
        Err(unsupported(
            oaep,
            "neither CKM_RSA_X_509 nor CKM_RSA_PKCS_OAEP with this hash",
        ))
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("uri", &self.uri().to_string())
            .field("public", self.public())
            .finish_non_exhaustive()
    }
}

/// What the users of keys are told.
fn told(trouble: Trouble) -> KeyUseError {
    match trouble {
        Trouble::Gone(error) => KeyUseError::Unreachable(error.to_string()),
        Trouble::Refused(error) => KeyUseError::Failed(answer(&error)),
    }
}

fn unsupported(scheme: impl fmt::Display, lacks: &str) -> KeyUseError {
    KeyUseError::Unsupported {
        scheme: scheme.to_string(),
        why: format!(
            "the token offers {lacks} for this key; allow it in the token, or use a cipher \
             suite or a key without it"
        ),
    }
}

/// Answers by which tokens refuse parameters rather than the operation.
fn is_about_parameters(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::MechanismParamInvalid
                | RvError::MechanismInvalid
                | RvError::ArgumentsBad
                | RvError::FunctionNotSupported,
            _
        )
    )
}

/// Answers by which tokens tell of a wrong padding, once they have begun to decrypt.
fn is_about_padding(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::EncryptedDataInvalid
                | RvError::EncryptedDataLenRange
                | RvError::DataInvalid
                | RvError::DataLenRange
                | RvError::BufferTooSmall
                | RvError::FunctionFailed
                | RvError::GeneralError,
            Function::Decrypt
        )
    )
}

fn salt(hash: Hash) -> cryptoki::types::Ulong {
    // Digests are some dozen octets long.
    cryptoki::types::Ulong::try_from(hash.octets()).unwrap_or(cryptoki::types::Ulong::new(0))
}
