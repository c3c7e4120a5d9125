//! A private key once it is loaded, and the public half by which certificates are told.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _,
};
use crypto::{BadKey, PrivateKey as _, PublicKey, SoftwareKey};

use crate::der::{self, Reader};
use crate::oid;

/// A private key that can be used.
pub(crate) enum PrivateKey {
    /// For everything.
    Rsa(SoftwareKey),
    /// For TLS.
    Ec(EcdsaKeyPair, Curve),
}

/// Why a key cannot be used.
pub(crate) enum Unusable {
    /// It is whole, but of a kind that is of no use; what it is.
    Kind(String),
    /// It is not whole; what is wrong.
    Damaged(String),
}

/// The public half, in a form that compares.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Public {
    /// The same for the same numbers.
    Rsa(PublicKey),
    /// A curve and the point on it, not compressed.
    Ec(Curve, Vec<u8>),
}

/// The curves TLS takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl PrivateKey {
    /// Loads PKCS#8 DER.
    pub(crate) fn load(pkcs8: &[u8]) -> Result<PrivateKey, Unusable> {
        let torn = || Unusable::Damaged("it is cut off or no PKCS#8".to_owned());
        let mut outer = Reader::new(pkcs8);
        let mut info = outer.enter(der::SEQUENCE).ok_or_else(torn)?;
        info.take(der::INTEGER).ok_or_else(torn)?;
        let mut algorithm = info.enter(der::SEQUENCE).ok_or_else(torn)?;
        let kind = algorithm.take(der::IDENTIFIER).ok_or_else(torn)?.content;
        info.take(der::OCTET_STRING).ok_or_else(torn)?;
        match kind {
            oid::RSA | oid::RSA_PSS | oid::RSA_OAEP => SoftwareKey::from_pkcs8(pkcs8)
                .map(PrivateKey::Rsa)
                .map_err(rsa_unusable),
            oid::EC => {
                let named = algorithm.take(der::IDENTIFIER).map(|curve| curve.content);
                let Some(curve) = named.and_then(Curve::of) else {
                    return Err(Unusable::Kind(format!(
                        "on the elliptic curve {}",
                        named.map_or("of its own parameters".to_owned(), oid::dotted)
                    )));
                };
                EcdsaKeyPair::from_private_key_der(curve.signing(), pkcs8)
                    .map(|pair| PrivateKey::Ec(pair, curve))
                    .map_err(|_| {
                        Unusable::Damaged(format!("its numbers make no key on {}", curve.name()))
                    })
            }
            oid::DSA => Err(Unusable::Kind("a DSA key".to_owned())),
            oid::ED25519 => Err(Unusable::Kind("an Ed25519 key".to_owned())),
            oid::ED448 => Err(Unusable::Kind("an Ed448 key".to_owned())),
            other => Err(Unusable::Kind(format!(
                "for the algorithm {}",
                oid::dotted(other)
            ))),
        }
    }

    /// The public half.
    pub(crate) fn public(&self) -> Public {
        match self {
            PrivateKey::Rsa(key) => Public::Rsa(key.public().clone()),
            PrivateKey::Ec(pair, curve) => Public::Ec(*curve, pair.public_key().as_ref().to_vec()),
        }
    }
}

impl Public {
    /// Reads a SubjectPublicKeyInfo; `None` for kinds no key here can have.
    pub(crate) fn of_spki(spki: &[u8]) -> Option<Public> {
        let mut info = Reader::new(spki).enter(der::SEQUENCE)?;
        let mut algorithm = info.enter(der::SEQUENCE)?;
        if algorithm.take(der::IDENTIFIER)?.content != oid::EC {
            return PublicKey::from_spki(spki).ok().map(Public::Rsa);
        }
        let curve = Curve::of(algorithm.take(der::IDENTIFIER)?.content)?;
        match info.take(der::BIT_STRING)?.content.split_first()? {
            (0, point) => Some(Public::Ec(curve, point.to_vec())),
            _ => None,
        }
    }

    /// The SubjectPublicKeyInfo in DER.
    pub(crate) fn spki(&self) -> Vec<u8> {
        match self {
            Public::Rsa(key) => key.spki().to_vec(),
            Public::Ec(curve, point) => {
                let algorithm = der::element(
                    der::SEQUENCE,
                    &[
                        &der::element(der::IDENTIFIER, &[oid::EC]),
                        &der::element(der::IDENTIFIER, &[curve.identifier()]),
                    ],
                );
                let point = der::element(der::BIT_STRING, &[&[0], point]);
                der::element(der::SEQUENCE, &[&algorithm, &point]).to_vec()
            }
        }
    }

    /// What it is, in words.
    pub(crate) fn words(&self) -> String {
        match self {
            Public::Rsa(key) => format!("RSA, {} bits", key.bits()),
            Public::Ec(curve, _) => format!("elliptic curve {}", curve.name()),
        }
    }
}

impl Curve {
    const ALL: [Curve; 3] = [Curve::P256, Curve::P384, Curve::P521];

    /// By its object identifier.
    pub(crate) fn of(identifier: &[u8]) -> Option<Curve> {
        Curve::ALL
            .into_iter()
            .find(|curve| curve.identifier() == identifier)
    }

    pub(crate) fn identifier(self) -> &'static [u8] {
        match self {
            Curve::P256 => oid::P256,
            Curve::P384 => oid::P384,
            Curve::P521 => oid::P521,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Curve::P256 => "P-256",
            Curve::P384 => "P-384",
            Curve::P521 => "P-521",
        }
    }

    pub(crate) fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Curve::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
            Curve::P521 => &ECDSA_P521_SHA512_ASN1_SIGNING,
        }
    }
}

fn rsa_unusable(bad: BadKey) -> Unusable {
    match bad {
        BadKey::Size { bits, .. } => Unusable::Kind(format!("RSA of {bits} bits")),
        BadKey::Restricted | BadKey::NotRsa => Unusable::Kind(bad.to_string()),
        other => Unusable::Damaged(other.to_string()),
    }
}
