//! `Dialer`: the inner half's end, which dials and greets.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, ConnectionError, Endpoint, TransportErrorCode, VarInt};
use rustls::AlertDescription;
use rustls::crypto::CryptoProvider;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::error::{LinkError, close};
use crate::greeting::{SOFTWARE, greet};
use crate::identity::LinkIdentity;
use crate::limits::MAX_ADDRESSES;
use crate::link::{Established, Link, Side};
use crate::message::{Greeting, Message, Welcome};
use crate::pin::Pin;
use crate::quic::{Tuning, endpoint, transport};
use crate::tls::{SeenPin, client_config};

/// What the inner half needs to dial.
#[derive(Debug, Clone)]
pub struct DialSettings {
    /// Host name or IP address of the DMZ half, with port; resolved anew at every attempt.
    pub address: String,
    /// The key to show.
    pub identity: LinkIdentity,
    /// The keys the DMZ half may show; at least one.
    pub pins: Vec<Pin>,
    /// Cryptography for TLS and QUIC.
    pub provider: Arc<CryptoProvider>,
    /// Grows with every start of this process.
    pub epoch: u64,
}

/// Dials the DMZ half, as often as asked; when to try again is the caller's to say.
#[derive(Debug)]
pub struct Dialer {
    settings: DialSettings,
    pins: Arc<[Pin]>,
    tuning: Tuning,
}

impl Dialer {
    /// Checks the settings; dials nothing.
    ///
    /// # Errors
    /// [`LinkError::Settings`] when they can never work.
    pub fn new(settings: DialSettings) -> Result<Dialer, LinkError> {
        Self::with_tuning(settings, Tuning::default())
    }

    pub(crate) fn with_tuning(settings: DialSettings, tuning: Tuning) -> Result<Dialer, LinkError> {
        let pins: Arc<[Pin]> = settings.pins.as_slice().into();
        if pins.is_empty() {
            return Err(LinkError::Settings(
                "link.pins is empty; add the DMZ half's pin".into(),
            ));
        }
        let dialer = Dialer {
            settings,
            pins,
            tuning,
        };
        dialer.client_config(&SeenPin::default())?;
        Ok(dialer)
    }

    /// One attempt: resolves, connects, proves keys, greets. Every address of the host is tried in
    /// turn, up to [`MAX_ADDRESSES`]. Must be called inside a tokio runtime, on which the link then
    /// lives.
    ///
    /// # Errors
    /// What went wrong, of several addresses the most telling.
    pub async fn connect(&self) -> Result<Link, LinkError> {
        let mut telling = None;
        for address in self.resolve().await? {
            match self.connect_to(address).await {
                Ok(link) => return Ok(link),
                Err(error) => match telling {
                    Some(ref earlier) if !matches!(earlier, LinkError::NoAnswer { .. }) => {}
                    _ => telling = Some(error),
                },
            }
        }
        Err(telling.unwrap_or_else(|| self.unresolved("the name has no address")))
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, LinkError> {
        let found = timeout(self.tuning.handshake, lookup_host(&self.settings.address)).await;
        let found = found.map_err(|_| self.unresolved("the name service does not answer"))?;
        let found = found.map_err(|error| self.unresolved(&error.to_string()))?;
        Ok(found.take(MAX_ADDRESSES).collect())
    }

    fn unresolved(&self, problem: &str) -> LinkError {
        LinkError::Resolve {
            address: self.settings.address.clone(),
            problem: problem.into(),
        }
    }

    async fn connect_to(&self, address: SocketAddr) -> Result<Link, LinkError> {
        let seen = SeenPin::default();
        let attempt = Attempt {
            peer: address,
            ours: self.settings.identity.pin(),
            pins: &self.pins,
            seen: &seen,
        };
        let local: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let endpoint = endpoint(local, &self.settings.identity, None)?;
        let connecting = endpoint
            .connect_with(self.client_config(&seen)?, address, SERVER_NAME)
            .map_err(|error| LinkError::Settings(error.to_string()))?;
        let after = self.tuning.handshake;
        let connection = match timeout(after, connecting).await {
            Err(_) | Ok(Err(ConnectionError::TimedOut)) => {
                return Err(LinkError::NoAnswer { address, after });
            }
            Ok(Err(error)) => return Err(attempt.explain(error)),
            Ok(Ok(connection)) => connection,
        };
        let greeting = async {
            let mut control = connection.open_bi().await?;
            let software = greet(&mut control, &self.greeting()).await?;
            Ok((control, software))
        };
        let what = Welcome::NAME;
        let greeted =
            timeout(self.tuning.greeting, greeting)
                .await
                .unwrap_or(Err(LinkError::Deadline {
                    what,
                    after: self.tuning.greeting,
                }));
        match greeted {
            Ok((control, peer_software)) => {
                Ok(self.established(endpoint, connection, control, peer_software, &attempt))
            }
            // In TLS 1.3 the dialer is done before the other end has judged the dialer's key.
            Err(error) => {
                let error = connection
                    .close_reason()
                    .map_or(error, |reason| attempt.explain(reason));
                connection.close(close_code(&error), b"no link came of the greeting");
                Err(error)
            }
        }
    }

    fn established(
        &self,
        endpoint: Endpoint,
        connection: quinn::Connection,
        control: (quinn::SendStream, quinn::RecvStream),
        peer_software: String,
        attempt: &Attempt<'_>,
    ) -> Link {
        Link::new(Established {
            endpoint,
            connection,
            control,
            side: Side::Inner,
            peer_pin: attempt.seen_pin(),
            peer_software,
            epoch: self.settings.epoch,
            first_message: self.tuning.first_message,
        })
    }

    fn greeting(&self) -> Greeting {
        Greeting {
            version: self.tuning.version,
            software: SOFTWARE.into(),
            epoch: self.settings.epoch,
        }
    }

    fn client_config(&self, seen: &SeenPin) -> Result<ClientConfig, LinkError> {
        let DialSettings {
            identity, provider, ..
        } = &self.settings;
        let tls = client_config(identity, &self.pins, provider, seen)?;
        let quic = QuicClientConfig::try_from(tls).map_err(|error| {
            LinkError::Settings(format!(
                "the cryptographic provider is unfit for QUIC: {error}"
            ))
        })?;
        let mut config = ClientConfig::new(Arc::new(quic));
        config.transport_config(transport(&self.tuning)?);
        Ok(config)
    }
}

/// QUIC wants a name; it is neither sent (no SNI) nor judged (pins are).
const SERVER_NAME: &str = "link.invalid";

fn close_code(error: &LinkError) -> VarInt {
    match error {
        LinkError::Version { .. } => close::VERSION,
        LinkError::Busy => close::BUSY,
        _ => close::GREETING,
    }
}

/// What one handshake knows, to tell the operator why it failed. Used from both ends.
pub(crate) struct Attempt<'a> {
    pub(crate) peer: SocketAddr,
    pub(crate) ours: Pin,
    pub(crate) pins: &'a [Pin],
    pub(crate) seen: &'a SeenPin,
}

impl Attempt<'_> {
    pub(crate) fn explain(&self, error: ConnectionError) -> LinkError {
        let peer = self.peer;
        if let Some(seen) = self
            .seen
            .get()
            .copied()
            .filter(|seen| !seen.is_among(self.pins))
        {
            return LinkError::UnknownPin {
                peer,
                seen,
                pinned: self.pins.to_vec(),
            };
        }
        let denied = TransportErrorCode::crypto(u8::from(AlertDescription::AccessDenied));
        match error {
            ConnectionError::ConnectionClosed(close) if close.error_code == denied => {
                LinkError::NotAccepted {
                    peer,
                    ours: self.ours,
                }
            }
            ConnectionError::ConnectionClosed(close) => LinkError::Handshake {
                peer,
                problem: close.error_code.to_string(),
            },
            error @ (ConnectionError::TransportError(_) | ConnectionError::VersionMismatch) => {
                LinkError::Handshake {
                    peer,
                    problem: error.to_string(),
                }
            }
            other => other.into(),
        }
    }

    /// The pin of an established connection; its verifier has seen exactly one key.
    pub(crate) fn seen_pin(&self) -> Pin {
        self.seen.get().copied().unwrap_or_else(|| Pin::of(&[]))
    }
}
