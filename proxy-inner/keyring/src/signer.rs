//! A private key that signs requests and certificates, here or in a token.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use crypto::{Hash, Signing, SoftwareKey};
use rcgen::{
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_RSA_SHA256,
    PublicKeyData, SignatureAlgorithm, SigningKey,
};
use zeroize::Zeroizing;

use crate::MakeError;
use crate::der::{self, Reader};
use crate::key::{Curve, PrivateKey, Public, Unusable};

/// What kind of key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA, 2048 bits.
    Rsa2048,
    /// RSA, 3072 bits: what is made when nothing else is asked for.
    Rsa3072,
    /// RSA, 4096 bits.
    Rsa4096,
    /// The elliptic curve P-256, for TLS only.
    EcP256,
}

impl KeyKind {
    /// Every kind, in the order they are shown.
    pub const ALL: [KeyKind; 4] = [
        KeyKind::Rsa2048,
        KeyKind::Rsa3072,
        KeyKind::Rsa4096,
        KeyKind::EcP256,
    ];

    /// The word for it in commands.
    pub const fn word(self) -> &'static str {
        match self {
            KeyKind::Rsa2048 => "rsa-2048",
            KeyKind::Rsa3072 => "rsa-3072",
            KeyKind::Rsa4096 => "rsa-4096",
            KeyKind::EcP256 => "p-256",
        }
    }

    /// The kind of a word; `None` when there is none of that name.
    pub fn from_word(word: &str) -> Option<KeyKind> {
        KeyKind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Makes a private key, as PKCS#8 DER.
///
/// # Errors
/// [`MakeError::Failed`] when the system gives no randomness.
pub fn generate(kind: KeyKind) -> Result<Zeroizing<Vec<u8>>, MakeError> {
    let bits = match kind {
        KeyKind::Rsa2048 => 2048,
        KeyKind::Rsa3072 => 3072,
        KeyKind::Rsa4096 => 4096,
        KeyKind::EcP256 => {
            let key =
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
                    .map_err(|_| MakeError::Failed("the library made no key".to_owned()))?;
            return Ok(Zeroizing::new(key.as_ref().to_vec()));
        }
    };
    SoftwareKey::generate(bits).map_err(|bad| MakeError::Failed(bad.to_string()))
}

/// The public half (SubjectPublicKeyInfo DER) of a private key given as PKCS#8 DER.
///
/// # Errors
/// [`MakeError::Key`] when it does not parse or is neither RSA nor P-256, P-384 or P-521.
pub fn public_of(pkcs8: &[u8]) -> Result<Vec<u8>, MakeError> {
    load(pkcs8).map(|key| key.public().spki())
}

/// A private key, to sign a request or a certificate with. Its `Debug` shows no key material.
pub struct Signer {
    key: Key,
    /// What the key identifier names, and what the BIT STRING of the certificate holds.
    public: Vec<u8>,
    /// Why the key did not sign; rcgen has no room for it.
    failure: OnceLock<String>,
}

enum Key {
    Rsa(Arc<dyn crypto::PrivateKey>),
    Ec(EcdsaKeyPair, Curve),
}

impl Signer {
    /// A key given as PKCS#8 DER.
    ///
    /// # Errors
    /// [`MakeError::Key`] when it does not parse or is neither RSA nor P-256, P-384 or P-521.
    pub fn software(pkcs8: &[u8]) -> Result<Signer, MakeError> {
        Ok(match load(pkcs8)? {
            PrivateKey::Rsa(key) => Signer::remote(Arc::new(key)),
            PrivateKey::Ec(pair, curve) => Signer {
                public: pair.public_key().as_ref().to_vec(),
                key: Key::Ec(pair, curve),
                failure: OnceLock::new(),
            },
        })
    }

    /// An RSA key that does not leave its home, a token for example.
    pub fn remote(key: Arc<dyn crypto::PrivateKey>) -> Signer {
        // A SubjectPublicKeyInfo that crypto took holds a bit string of whole octets.
        let public = Reader::new(key.public().spki())
            .enter(der::SEQUENCE)
            .and_then(|mut info| {
                info.take(der::SEQUENCE)?;
                Some(info.take(der::BIT_STRING)?.content.get(1..)?.to_vec())
            })
            .unwrap_or_default();
        Signer {
            key: Key::Rsa(key),
            public,
            failure: OnceLock::new(),
        }
    }

    /// The public half as SubjectPublicKeyInfo DER.
    pub fn public(&self) -> Vec<u8> {
        match &self.key {
            Key::Rsa(key) => key.public().spki().to_vec(),
            Key::Ec(_, curve) => Public::Ec(*curve, self.public.clone()).spki(),
        }
    }

    /// Whether it is RSA, and so good for every role.
    pub fn is_rsa(&self) -> bool {
        matches!(self.key, Key::Rsa(_))
    }

    /// Turns what rcgen says into what happened.
    pub(crate) fn told(&self, error: &rcgen::Error) -> MakeError {
        match self.failure.get() {
            Some(why) => MakeError::Signing(why.clone()),
            None => MakeError::Failed(error.to_string()),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Key::Rsa(key) => write!(f, "Signer(RSA, {} bits)", key.public().bits()),
            Key::Ec(_, curve) => write!(f, "Signer({})", curve.name()),
        }
    }
}

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match &self.key {
            Key::Rsa(_) => &PKCS_RSA_SHA256,
            Key::Ec(_, Curve::P256) => &PKCS_ECDSA_P256_SHA256,
            Key::Ec(_, Curve::P384) => &PKCS_ECDSA_P384_SHA384,
            Key::Ec(_, Curve::P521) => &PKCS_ECDSA_P521_SHA512,
        }
    }
}

impl SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signed = match &self.key {
            Key::Rsa(key) => key
                .sign(Signing::Pkcs1(Hash::Sha256), &Hash::Sha256.of(message))
                .map_err(|error| error.to_string()),
            Key::Ec(pair, _) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| "the library did not sign".to_owned()),
        };
        signed.map_err(|why| {
            let _ = self.failure.set(why);
            rcgen::Error::RemoteKeyError
        })
    }
}

fn load(pkcs8: &[u8]) -> Result<PrivateKey, MakeError> {
    PrivateKey::load(pkcs8).map_err(|unusable| match unusable {
        Unusable::Kind(found) => MakeError::Key(format!("it is {found}")),
        Unusable::Damaged(detail) => MakeError::Key(detail),
    })
}
