//! TLS 1.3 with raw public keys (RFC 7250) both ways, judged by pins alone; no resumption.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};

use crate::error::LinkError;
use crate::identity::LinkIdentity;
use crate::pin::Pin;

/// Protocol name of the link in TLS; the same for every version of the messages, so that two
/// releases can still tell each other their versions.
pub(crate) const ALPN: &[u8] = b"oftp-link";

/// What a handshake found out about the other end's key, filled by the verifier.
pub(crate) type SeenPin = Arc<OnceLock<Pin>>;

/// The DMZ half's side of one handshake.
pub(crate) fn server_config(
    identity: &LinkIdentity,
    pins: &Arc<[Pin]>,
    provider: &Arc<CryptoProvider>,
    seen: &SeenPin,
) -> Result<ServerConfig, LinkError> {
    let verifier = PinVerifier::new(pins, provider, seen);
    let keys = AlwaysResolvesServerRawPublicKeys::new(identity.certified_key());
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(keys));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// The inner half's side of one handshake.
pub(crate) fn client_config(
    identity: &LinkIdentity,
    pins: &Arc<[Pin]>,
    provider: &Arc<CryptoProvider>,
    seen: &SeenPin,
) -> Result<ClientConfig, LinkError> {
    let verifier = PinVerifier::new(pins, provider, seen);
    let keys = AlwaysResolvesClientRawPublicKeys::new(identity.certified_key());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(keys));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    Ok(config)
}

fn unusable(error: Error) -> LinkError {
    LinkError::Settings(format!("the cryptographic provider is unfit: {error}"))
}

/// Accepts a key when its hash is pinned and the handshake is signed with it.
#[derive(Debug)]
struct PinVerifier {
    pins: Arc<[Pin]>,
    provider: Arc<CryptoProvider>,
    seen: SeenPin,
}

impl PinVerifier {
    fn new(pins: &Arc<[Pin]>, provider: &Arc<CryptoProvider>, seen: &SeenPin) -> Self {
        PinVerifier {
            pins: Arc::clone(pins),
            provider: Arc::clone(provider),
            seen: Arc::clone(seen),
        }
    }

    /// The error shows a stranger a TLS alert (access denied) and nothing else.
    fn check_pin(&self, key: &CertificateDer<'_>) -> Result<(), Error> {
        let pin = Pin::of(key);
        // Set once a handshake; were it asked twice, the first key is the one to tell of.
        let _ = self.seen.set(pin);
        if pin.is_among(&self.pins) {
            return Ok(());
        }
        Err(Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        ))
    }

    fn check_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = SubjectPublicKeyInfoDer::from(key.as_ref());
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &spki, signature, algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check_pin(end_entity)
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for PinVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check_pin(end_entity)
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
