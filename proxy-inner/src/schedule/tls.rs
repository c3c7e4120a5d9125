//! TLS from inside to a partner we call: the partner's certificate must be one of those pinned.
//!
//! No certificate authority is asked: a pinned certificate is itself the trust. It must be valid
//! now, and the partner must prove its key in the handshake. Sessions are never resumed, so every
//! call makes the proof anew.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use ops::HostPort;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme,
    version,
};
use store::{Fingerprint, Partner};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::handshake::proof::{check_validity, fingerprint_of, parse};
use crate::handshake::signature::{SignatureProblem, TlsVersion, verify};

/// Why TLS with a partner did not come about.
#[derive(Debug, thiserror::Error)]
pub enum TlsProblem {
    /// No certificate is pinned for the partner.
    #[error(
        "partner {0} has an address but no certificate; add the one it shows with `partner add {0} --certificate ...`"
    )]
    NoPin(String),
    /// The name to ask for is no host name.
    #[error("{0:?} is no name a TLS server can be asked for; set the partner's server_name")]
    Name(String),
    /// The partner's certificate was refused.
    #[error("the partner's certificate was refused: {0}")]
    Certificate(String),
    /// TLS could not be set up on our side.
    #[error("TLS could not be set up: {0}")]
    Setup(Error),
    /// The handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Handshake(std::io::Error),
}

/// What a call needs to speak TLS with one partner.
pub struct PartnerTls {
    connector: TlsConnector,
    name: ServerName<'static>,
    verifier: Arc<PinnedServer>,
}

impl PartnerTls {
    /// Prepares TLS with `partner`, which is called at `address`.
    ///
    /// # Errors
    /// [`TlsProblem::NoPin`], [`TlsProblem::Name`] or [`TlsProblem::Setup`].
    pub fn new(
        partner: &Partner,
        address: &HostPort,
        identity: Option<Arc<CertifiedKey>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, TlsProblem> {
        if partner.certificates.is_empty() {
            return Err(TlsProblem::NoPin(partner.name.clone()));
        }
        let name = partner.server_name.as_ref().unwrap_or(&address.host);
        let name =
            ServerName::try_from(name.clone()).map_err(|_| TlsProblem::Name(name.clone()))?;
        let verifier = Arc::new(PinnedServer {
            pins: partner.certificates.clone(),
            algorithms: provider.signature_verification_algorithms,
            refusal: Mutex::default(),
        });
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(TlsProblem::Setup)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
            }
        };
        config.resumption = Resumption::disabled();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name,
            verifier,
        })
    }

    /// Holds the handshake on a connection to the partner. The caller sets the deadline.
    ///
    /// # Errors
    /// [`TlsProblem::Certificate`] or [`TlsProblem::Handshake`].
    pub async fn connect<S>(&self, stream: S) -> Result<TlsStream<S>, TlsProblem>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connected = self.connector.connect(self.name.clone(), stream).await;
        connected.map_err(|error| match self.verifier.take_refusal() {
            Some(refusal) => TlsProblem::Certificate(refusal),
            None => TlsProblem::Handshake(error),
        })
    }
}

/// Takes exactly the pinned certificates.
#[derive(Debug)]
struct PinnedServer {
    pins: Vec<Fingerprint>,
    algorithms: WebPkiSupportedAlgorithms,
    /// The sentence for the operator; rustls errors have no room for it.
    refusal: Mutex<Option<String>>,
}

impl PinnedServer {
    fn judge(&self, der: &[u8], now: UnixTime) -> Result<(), String> {
        let fingerprint = fingerprint_of(der);
        if !self.pins.contains(&fingerprint) {
            return Err(format!(
                "it shows {fingerprint}, which is not pinned; if the partner confirms it, add it to the partner's certificates"
            ));
        }
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let now = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let certificate = parse(der).map_err(|refusal| refusal.to_string())?;
        check_validity(&certificate, &fingerprint, now).map_err(|refusal| refusal.to_string())
    }

    fn take_refusal(&self) -> Option<String> {
        self.refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn check(
        &self,
        version: TlsVersion,
        message: &[u8],
        der: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = parse(der).map_err(|_| CertificateError::BadEncoding)?;
        verify(
            &self.algorithms,
            version,
            signed.scheme,
            certificate.public_key(),
            message,
            signed.signature(),
        )
        .map(|()| HandshakeSignatureValid::assertion())
        .map_err(|problem| match problem {
            SignatureProblem::Scheme => {
                PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into()
            }
            SignatureProblem::Key => CertificateError::BadEncoding.into(),
            SignatureProblem::Wrong => CertificateError::BadSignature.into(),
        })
    }
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(end_entity, now).map_err(|refusal| {
            *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
            Error::from(CertificateError::ApplicationVerificationFailure)
        })?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(TlsVersion::Tls12, message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(TlsVersion::Tls13, message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
