//! A partner's client certificate: checked here for form and proof only, judged inside.
//!
//! This half tells nobody which authorities it likes, and believes no chain. It checks that the
//! handshake was signed with the leaf's key, so that nonsense ends here, and keeps chain, message
//! and signature for the inner half, which checks all of it again and decides.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};

/// Gathers one connection's proof; shared between rustls and the handshake.
#[derive(Debug)]
pub(super) struct ProofKeeper {
    provider: Arc<CryptoProvider>,
    required: bool,
    kept: Mutex<Proof>,
}

/// What a partner proved with its certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Proof {
    /// Certificates, leaf first; empty when none was sent.
    pub(super) chain: Vec<Vec<u8>>,
    /// Code point of the signature's scheme.
    pub(super) scheme: u16,
    /// What was signed: the content of TLS 1.3, or all handshake messages of TLS 1.2.
    pub(super) message: Vec<u8>,
    /// The signature.
    pub(super) signature: Vec<u8>,
}

impl ProofKeeper {
    pub(super) fn new(provider: Arc<CryptoProvider>, required: bool) -> ProofKeeper {
        ProofKeeper {
            provider,
            required,
            kept: Mutex::default(),
        }
    }

    /// What was proven, if a certificate was sent. Complete only after the handshake.
    pub(super) fn take(&self) -> Option<Proof> {
        let proof = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        (!proof.chain.is_empty()).then_some(proof)
    }

    fn keep(&self, message: &[u8], signed: &DigitallySignedStruct) {
        let mut proof = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        proof.scheme = u16::from(signed.scheme);
        proof.message = message.to_vec();
        proof.signature = signed.signature().to_vec();
    }
}

impl ClientCertVerifier for ProofKeeper {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    /// None: long lists break partners, and ours would tell strangers whom we know.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        ParsedCertificate::try_from(leaf)?;
        let mut proof = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        proof.chain = std::iter::once(leaf)
            .chain(intermediates)
            .map(|der| der.as_ref().to_vec())
            .collect();
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if message.len() > MOST_TRANSCRIPT {
            return Err(rustls::Error::General(format!(
                "the handshake has {} octets, {MOST_TRANSCRIPT} are the most that are passed on",
                message.len()
            )));
        }
        let valid = verify_tls12_signature(
            message,
            leaf,
            signed,
            &self.provider.signature_verification_algorithms,
        )?;
        self.keep(message, signed);
        Ok(valid)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let valid = verify_tls13_signature(
            message,
            leaf,
            signed,
            &self.provider.signature_verification_algorithms,
        )?;
        self.keep(message, signed);
        Ok(valid)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The longest TLS 1.2 handshake that is passed inside as proof, octets.
const MOST_TRANSCRIPT: usize = 64 * 1024;
