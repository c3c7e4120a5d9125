//! An RSA key wherever it is, software or token, as rustls signs handshakes with it.

use std::sync::Arc;

use crypto::{Hash, PrivateKey, Signing};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::SubjectPublicKeyInfoDer;

/// An RSA key for handshakes. Its signatures are made on the calling thread; with a token that can
/// take as long as the token takes.
#[derive(Debug)]
pub(super) struct RsaSigningKey {
    key: Arc<dyn PrivateKey>,
}

/// The schemes, the preferred first.
const SCHEMES: [(SignatureScheme, Signing); 6] = [
    (SignatureScheme::RSA_PSS_SHA256, Signing::Pss(Hash::Sha256)),
    (SignatureScheme::RSA_PSS_SHA384, Signing::Pss(Hash::Sha384)),
    (SignatureScheme::RSA_PSS_SHA512, Signing::Pss(Hash::Sha512)),
    (
        SignatureScheme::RSA_PKCS1_SHA256,
        Signing::Pkcs1(Hash::Sha256),
    ),
    (
        SignatureScheme::RSA_PKCS1_SHA384,
        Signing::Pkcs1(Hash::Sha384),
    ),
    (
        SignatureScheme::RSA_PKCS1_SHA512,
        Signing::Pkcs1(Hash::Sha512),
    ),
];

impl RsaSigningKey {
    pub(super) fn new(key: Arc<dyn PrivateKey>) -> Self {
        RsaSigningKey { key }
    }
}

impl SigningKey for RsaSigningKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let (scheme, signing) = SCHEMES
            .into_iter()
            .find(|(scheme, _)| offered.contains(scheme))?;
        Some(Box::new(RsaSigner {
            key: Arc::clone(&self.key),
            scheme,
            signing,
        }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.key.public().spki()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

#[derive(Debug)]
struct RsaSigner {
    key: Arc<dyn PrivateKey>,
    scheme: SignatureScheme,
    signing: Signing,
}

impl Signer for RsaSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let (Signing::Pkcs1(hash) | Signing::Pss(hash)) = self.signing;
        self.key
            .sign(self.signing, &hash.of(message))
            .map_err(|error| Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}
