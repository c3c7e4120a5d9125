//! The public handshake: under a deadline, without the key, in bounded places.
//!
//! ```text
//!  TCP ─▶ ClientHello (async) ─▶ a place ─▶ our flight, signed inside (waiting thread)
//!      ─▶ the partner's flight (async) ─▶ the inner half's verdict on its certificate ─▶ Established
//! ```
//!
//! A slow partner holds no thread: only the step in which rustls wants the signature runs on the
//! runtime's waiting threads, for one round trip on the link. After a HelloRetryRequest rustls wants
//! it on a worker instead; few places exist for that.
//!
//! The pool of waiting threads is never exhausted, because its size
//! ([`waiting_threads`]) is the sum of everything that can take one of its threads at a time: handshakes
//! ([`MOST_HANDSHAKES`]), replacements of workers that wait after a HelloRetryRequest
//! ([`MOST_RETRIES`]), name look-ups ([`super::dialer::MOST_LOOKUPS`]), and a margin.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::link::message::{
    CircuitId, ClientCertificate, ClientVerdict, FromDmz, TlsFacts, VerifyClient,
};
use ::link::{Link, LinkError};
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{
    Acceptor, ClientHello, NoClientAuth, NoServerSessionStorage, ResolvesServerCert, ServerConfig,
};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::client::{Proof, ProofKeeper};
use super::dialer;
use super::identity::Identity;
use super::signer::{RemoteKey, SignFault, on_a_waiting_thread};

/// Ends public TLS; one a process.
#[derive(Debug, Clone)]
pub struct Doorman {
    provider: Arc<CryptoProvider>,
    places: Arc<Semaphore>,
    retries: Arc<Semaphore>,
}

/// One call to our public address, on its way through the handshake.
#[derive(Debug)]
pub struct Call {
    /// The name of the connection in both halves' logs.
    pub circuit: CircuitId,
    /// Who calls.
    pub peer: SocketAddr,
    /// The address called.
    pub local: SocketAddr,
    /// Whom we are to the caller.
    pub identity: Arc<Identity>,
    /// The inner half to ask.
    pub link: Link,
    /// When the handshake, verdict included, must be over.
    pub deadline: Instant,
    /// How long the inner half has for one answer.
    pub answer_within: Duration,
}

/// A caller behind TLS, its certificate judged.
#[derive(Debug)]
pub struct Established {
    /// The connection.
    pub stream: TlsStream<TcpStream>,
    /// What the inner half is told about it.
    pub facts: TlsFacts,
}

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The caller did not open with TLS.
    #[error("no usable ClientHello: {0}")]
    Hello(#[source] io::Error),
    /// Caller and we found no common ground, or the connection broke.
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] io::Error),
    /// There was no signature.
    #[error("{0}")]
    Signature(SignFault),
    /// It took too long.
    #[error("the TLS handshake did not end in time")]
    Late,
    /// The inner half does not accept the caller's certificate.
    #[error("the inner half refused the caller's certificate")]
    CertificateRefused,
    /// The inner half could not be asked about the caller's certificate.
    #[error("the inner half could not be asked about the caller's certificate: {0}")]
    Verdict(#[source] LinkError),
    /// A defect of ours.
    #[error("the TLS handshake stopped inside: {0}")]
    Internal(String),
}

impl Doorman {
    /// Offers TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only.
    #[must_use]
    pub fn new() -> Doorman {
        Doorman::with_provider(provider())
    }

    /// As [`Doorman::new`], with other algorithms.
    #[must_use]
    pub fn with_provider(provider: CryptoProvider) -> Doorman {
        Doorman {
            provider: Arc::new(provider),
            places: Arc::new(Semaphore::new(MOST_HANDSHAKES)),
            retries: Arc::new(Semaphore::new(MOST_RETRIES)),
        }
    }

    /// Leads one caller through TLS. `places` is the policy's limit on handshakes at a time, which
    /// holds within this half's own [`MOST_HANDSHAKES`].
    ///
    /// # Errors
    /// Why there is no connection; it is closed then.
    pub async fn receive(
        &self,
        stream: TcpStream,
        call: Call,
        places: Arc<Semaphore>,
    ) -> Result<Established, HandshakeError> {
        let deadline = call.deadline;
        timeout_at(deadline, self.handshake(stream, Arc::new(call), places))
            .await
            .unwrap_or(Err(HandshakeError::Late))
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        call: Arc<Call>,
        places: Arc<Semaphore>,
    ) -> Result<Established, HandshakeError> {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream)
            .await
            .map_err(HandshakeError::Hello)?;
        let fault = Arc::new(OnceLock::new());
        let keeper = match call.identity.client_certificate {
            ClientCertificate::Off => None,
            ClientCertificate::Request => Some(false),
            ClientCertificate::Require => Some(true),
        }
        .map(|required| Arc::new(ProofKeeper::new(Arc::clone(&self.provider), required)));
        let key = RemoteKey::new(
            Arc::clone(&call),
            Arc::clone(&self.retries),
            Arc::clone(&fault),
        );
        let config = Arc::new(self.config(&call.identity, key, keeper.clone())?);

        let closed = |_| HandshakeError::Internal("its places are closed".to_owned());
        let allowed = places.acquire_owned().await.map_err(closed)?;
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(closed)?;
        let accept = tokio::task::spawn_blocking(move || {
            // The places go with the thread: it may outlive a caller that gave up.
            let _places = (allowed, place);
            on_a_waiting_thread(|| start.into_stream(config))
        })
        .await
        .map_err(|error| HandshakeError::Internal(error.to_string()))?;
        let stream = accept.await.map_err(|error| match fault.get() {
            Some(fault) => HandshakeError::Signature(fault.clone()),
            None => HandshakeError::Tls(error),
        })?;

        let mut facts = facts(&stream);
        if let Some(proof) = keeper.and_then(|keeper| keeper.take()) {
            facts.client = Some(judge(&call, facts.version, proof).await?);
        }
        Ok(Established { stream, facts })
    }

    /// A configuration for one connection: its signer knows whom it signs for.
    fn config(
        &self,
        identity: &Identity,
        key: RemoteKey,
        keeper: Option<Arc<ProofKeeper>>,
    ) -> Result<ServerConfig, HandshakeError> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| HandshakeError::Internal(error.to_string()))?;
        let builder = match keeper {
            Some(keeper) => builder.with_client_cert_verifier(keeper),
            None => builder.with_client_cert_verifier(Arc::new(NoClientAuth)),
        };
        let certified = CertifiedKey::new(identity.chain.clone(), Arc::new(key));
        let mut config = builder.with_cert_resolver(Arc::new(Ours(Arc::new(certified))));
        // Tickets and stored sessions would be secrets out here, and would skip revocation.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.max_early_data_size = 0;
        Ok(config)
    }
}

impl Default for Doorman {
    fn default() -> Doorman {
        Doorman::new()
    }
}

/// How many waiting threads the runtime must be able to have.
#[must_use]
pub const fn waiting_threads() -> usize {
    MOST_HANDSHAKES + MOST_RETRIES + dialer::MOST_LOOKUPS + MARGIN
}

/// Handshakes that may wait for a signature at a time, whatever the policy says. Each holds a
/// thread: at most about 64 KiB of touched stack.
pub const MOST_HANDSHAKES: usize = 512;
/// Handshakes that may wait for a signature at a time after a HelloRetryRequest.
pub const MOST_RETRIES: usize = 8;
/// Threads for what the runtime itself may want one for.
const MARGIN: usize = 32;

/// Only forward secrecy and authenticated encryption; groups every partner has.
#[must_use]
pub fn provider() -> CryptoProvider {
    use ring::{cipher_suite, kx_group};
    CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1],
        ..ring::default_provider()
    }
}

/// Asks the inner half about a certificate; a ticket names the verdict from then on.
async fn judge(call: &Call, version: u16, proof: Proof) -> Result<[u8; 16], HandshakeError> {
    let question = FromDmz::VerifyClient(VerifyClient {
        circuit: call.circuit,
        listener: call.identity.listener.clone(),
        peer: call.peer,
        chain: proof.chain,
        tls_version: version,
        scheme: proof.scheme,
        message: proof.message,
        signature: proof.signature,
    });
    let answer = async {
        let mut circuit = call.link.open(&question).await?;
        circuit.receive_message::<ClientVerdict>().await
    };
    match answer.await.map_err(HandshakeError::Verdict)? {
        ClientVerdict::Accept { ticket } => Ok(ticket),
        ClientVerdict::Refuse => Err(HandshakeError::CertificateRefused),
    }
}

fn facts(stream: &TlsStream<TcpStream>) -> TlsFacts {
    let (_, connection) = stream.get_ref();
    TlsFacts {
        version: connection.protocol_version().map_or(0, u16::from),
        suite: connection
            .negotiated_cipher_suite()
            .map_or(0, |suite| u16::from(suite.suite())),
        server_name: connection.server_name().map(str::to_owned),
        client: None,
    }
}

#[derive(Debug)]
struct Ours(Arc<CertifiedKey>);

impl ResolvesServerCert for Ours {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
