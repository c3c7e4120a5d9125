//! Our TLS identity now in force: a chain to show and the schemes the inner half signs with.
//!
//! It comes over the link, lives in memory only, and is swapped live. The private key stays inside.

use ::link::message::{ClientCertificate, ListenerPolicy};
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use rustls::{SignatureAlgorithm, SignatureScheme};

/// One listener's identity, checked for being usable at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The listener's name, as the inner half knows it.
    pub listener: String,
    /// Which of its keys the inner half signs with.
    pub key: u32,
    /// Certificate chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// What the key signs with, best first; never empty, all of one algorithm.
    pub schemes: Vec<SignatureScheme>,
    /// The algorithm of the schemes.
    pub algorithm: SignatureAlgorithm,
    /// Whether callers are asked for a certificate.
    pub client_certificate: ClientCertificate,
}

/// Why a listener cannot be served with what the policy says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// There is no certificate.
    #[error("the policy has no certificate for this listener")]
    NoCertificate,
    /// The leaf cannot be parsed.
    #[error("the listener's certificate cannot be used: {0}")]
    Certificate(String),
    /// There is no scheme this half can offer.
    #[error("the policy names no signature scheme that TLS can use with this key")]
    NoScheme,
    /// Schemes of different kinds of keys.
    #[error("the policy names signature schemes of different kinds of keys")]
    MixedSchemes,
}

impl Identity {
    /// Reads what the policy says about one listener.
    ///
    /// # Errors
    /// Why it cannot be served.
    pub fn new(policy: &ListenerPolicy) -> Result<Identity, IdentityError> {
        let chain: Vec<_> = policy
            .chain
            .iter()
            .map(|der| CertificateDer::from(der.clone()))
            .collect();
        let leaf = chain.first().ok_or(IdentityError::NoCertificate)?;
        ParsedCertificate::try_from(leaf)
            .map_err(|error| IdentityError::Certificate(error.to_string()))?;
        let schemes: Vec<_> = policy
            .schemes
            .iter()
            .map(|&scheme| SignatureScheme::from(scheme))
            .filter(|scheme| algorithm(*scheme).is_some())
            .collect();
        let algorithm = schemes
            .first()
            .copied()
            .and_then(algorithm)
            .ok_or(IdentityError::NoScheme)?;
        if schemes
            .iter()
            .any(|scheme| self::algorithm(*scheme) != Some(algorithm))
        {
            return Err(IdentityError::MixedSchemes);
        }
        Ok(Identity {
            listener: policy.name.clone(),
            key: policy.key,
            chain,
            schemes,
            algorithm,
            client_certificate: policy.client_certificate,
        })
    }
}

/// The kind of key a scheme needs; `None` for what is not to be used (SHA-1 among them).
fn algorithm(scheme: SignatureScheme) -> Option<SignatureAlgorithm> {
    match scheme {
        SignatureScheme::RSA_PSS_SHA256
        | SignatureScheme::RSA_PSS_SHA384
        | SignatureScheme::RSA_PSS_SHA512
        | SignatureScheme::RSA_PKCS1_SHA256
        | SignatureScheme::RSA_PKCS1_SHA384
        | SignatureScheme::RSA_PKCS1_SHA512 => Some(SignatureAlgorithm::RSA),
        SignatureScheme::ECDSA_NISTP256_SHA256
        | SignatureScheme::ECDSA_NISTP384_SHA384
        | SignatureScheme::ECDSA_NISTP521_SHA512 => Some(SignatureAlgorithm::ECDSA),
        SignatureScheme::ED25519 => Some(SignatureAlgorithm::ED25519),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256: u16 = 0x0403;
    const PSS_SHA256: u16 = 0x0804;
    const RSA_SHA1: u16 = 0x0201;

    fn policy(schemes: &[u16]) -> ListenerPolicy {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec!["dmz.example".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        ListenerPolicy {
            name: "oftps".to_owned(),
            key: 3,
            chain: vec![certificate.der().to_vec()],
            schemes: schemes.to_vec(),
            client_certificate: ClientCertificate::Off,
        }
    }

    #[test]
    fn keeps_the_order_of_schemes_and_leaves_out_what_is_not_to_be_used() {
        let identity = Identity::new(&policy(&[RSA_SHA1, PSS_SHA256, 0x0401])).expect("usable");
        assert_eq!(
            identity.schemes,
            [
                SignatureScheme::RSA_PSS_SHA256,
                SignatureScheme::RSA_PKCS1_SHA256
            ]
        );
        assert_eq!(identity.algorithm, SignatureAlgorithm::RSA);
        assert_eq!((identity.listener.as_str(), identity.key), ("oftps", 3));
    }

    #[test]
    fn refuses_what_cannot_be_served() {
        let refused = |policy: &ListenerPolicy| Identity::new(policy).expect_err("not usable");
        assert_eq!(refused(&policy(&[RSA_SHA1])), IdentityError::NoScheme);
        assert_eq!(refused(&policy(&[])), IdentityError::NoScheme);
        assert_eq!(
            refused(&policy(&[P256, PSS_SHA256])),
            IdentityError::MixedSchemes
        );
        let mut bare = policy(&[P256]);
        bare.chain.clear();
        assert_eq!(refused(&bare), IdentityError::NoCertificate);
        bare.chain.push(vec![0x30, 0]);
        assert!(matches!(refused(&bare), IdentityError::Certificate(_)));
    }
}
