//! `Dialer`: the inner half's end, which dials and greets.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream, VarInt};
use rustls::crypto::CryptoProvider;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::attempt::Attempt;
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
        let connection = self.shake_hands(&endpoint, &attempt).await?;
        let peer_pin = attempt.proven_pin()?;
        match self.greet(&connection).await {
            Ok((control, peer_software)) => Ok(Link::new(Established {
                endpoint,
                connection,
                control,
                side: Side::Inner,
                peer_pin,
                peer_software,
                epoch: self.settings.epoch,
                tuning: self.tuning,
            })),
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

    async fn shake_hands(
        &self,
        endpoint: &Endpoint,
        attempt: &Attempt<'_>,
    ) -> Result<Connection, LinkError> {
        let (address, after) = (attempt.peer, self.tuning.handshake);
        let connecting = endpoint
            .connect_with(self.client_config(attempt.seen)?, address, SERVER_NAME)
            .map_err(|error| LinkError::Settings(error.to_string()))?;
        match timeout(after, connecting).await {
            Err(_) | Ok(Err(ConnectionError::TimedOut)) => {
                Err(LinkError::NoAnswer { address, after })
            }
            Ok(Err(error)) => Err(attempt.explain(error)),
            Ok(Ok(connection)) => Ok(connection),
        }
    }

    /// The control stream and the other end's software.
    async fn greet(
        &self,
        connection: &Connection,
    ) -> Result<((SendStream, RecvStream), String), LinkError> {
        let greeting = async {
            let mut control = connection.open_bi().await?;
            let software = greet(&mut control, &self.greeting()).await?;
            Ok((control, software))
        };
        let (what, after) = (Welcome::NAME, self.tuning.greeting);
        timeout(after, greeting)
            .await
            .unwrap_or(Err(LinkError::Deadline { what, after }))
    }

    fn greeting(&self) -> Greeting {
        Greeting {
            version: self.tuning.version,
            software: SOFTWARE.into(),
            epoch: self.settings.epoch,
        }
    }

    pub(crate) fn client_config(&self, seen: &SeenPin) -> Result<ClientConfig, LinkError> {
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
pub(crate) const SERVER_NAME: &str = "link.invalid";

fn close_code(error: &LinkError) -> VarInt {
    match error {
        LinkError::Version { .. } => close::VERSION,
        LinkError::Busy => close::BUSY,
        _ => close::GREETING,
    }
}
