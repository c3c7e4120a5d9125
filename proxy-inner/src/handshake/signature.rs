//! Checks a TLS handshake signature against the public key of a certificate, without any opinion on
//! the certificate itself: pinned certificates need not be of the shape that path builders demand.

use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use x509_parser::asn1_rs::{Any, FromDer};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::sign::fits_tls13;

/// The TLS versions in which a handshake is signed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2: an ECDSA scheme names the hash, not the curve.
    Tls12,
    /// TLS 1.3: an ECDSA scheme names hash and curve; PKCS#1 v1.5 is not allowed.
    Tls13,
}

impl TlsVersion {
    /// From the code point on the wire.
    pub fn from_code(code: u16) -> Option<Self> {
        match code {
            0x0303 => Some(TlsVersion::Tls12),
            0x0304 => Some(TlsVersion::Tls13),
            _ => None,
        }
    }
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    /// The scheme is unknown, not allowed in this TLS version, or not one for this kind of key.
    #[error("the signature scheme does not fit the certificate's key or the TLS version")]
    Scheme,
    /// The public key is not well-formed.
    #[error("the certificate's public key is not well-formed")]
    Key,
    /// The signature is not that of this key over these octets.
    #[error("the signature is not that of the certificate's key")]
    Wrong,
}

/// Verifies `signature` over `message` by the key in `spki`.
///
/// # Errors
/// See [`SignatureProblem`].
pub fn verify(
    algorithms: &WebPkiSupportedAlgorithms,
    version: TlsVersion,
    scheme: SignatureScheme,
    spki: &SubjectPublicKeyInfo<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureProblem> {
    if version == TlsVersion::Tls13 && !fits_tls13(scheme) {
        return Err(SignatureProblem::Scheme);
    }
    let candidates = algorithms
        .mapping
        .iter()
        .find(|(known, _)| *known == scheme)
        .map_or(&[][..], |(_, candidates)| candidates);
    let candidates = match version {
        TlsVersion::Tls12 => candidates,
        // The first one is that of the scheme's own curve.
        TlsVersion::Tls13 => candidates.get(..1).unwrap_or_default(),
    };
    let identifier = algorithm_identifier(spki)?;
    let algorithm = candidates
        .iter()
        .find(|candidate| candidate.public_key_alg_id().as_ref() == identifier)
        .ok_or(SignatureProblem::Scheme)?;
    algorithm
        .verify_signature(&spki.subject_public_key.data, message, signature)
        .map_err(|_| SignatureProblem::Wrong)
}

/// The content of the key's AlgorithmIdentifier, as the verification algorithms name theirs.
fn algorithm_identifier<'a>(spki: &SubjectPublicKeyInfo<'a>) -> Result<&'a [u8], SignatureProblem> {
    let (_, whole) = Any::from_der(spki.raw).map_err(|_| SignatureProblem::Key)?;
    let (_, identifier) = Any::from_der(whole.data).map_err(|_| SignatureProblem::Key)?;
    Ok(identifier.data)
}
