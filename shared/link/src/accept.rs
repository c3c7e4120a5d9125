//! `Acceptor`: the DMZ half's end, which listens, judges keys and hears greetings.
//!
//! Every caller is handled in a task of its own, bounded in number (in all and per address) and in
//! time, so that a slow stranger holds up nobody. When many call at once, each must first prove that
//! it hears us at its address (QUIC Retry). A stranger learns nothing but a TLS alert.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, ConnectionError, Endpoint, Incoming, ServerConfig};
use rustls::crypto::CryptoProvider;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use crate::attempt::Attempt;
use crate::error::{LinkError, close};
use crate::greeting::{SOFTWARE, answer, hear};
use crate::identity::LinkIdentity;
use crate::limits::{MAX_HANDSHAKES, MAX_HANDSHAKES_PER_ADDRESS, REFUSAL_LINGER, RETRY_FROM};
use crate::link::{Established, Link, Shared, Side};
use crate::message::{Greeting, LinkRefusal, Message, Welcome};
use crate::pin::Pin;
use crate::quic::{Tuning, endpoint, transport};
use crate::tls::{SeenPin, server_config};

/// What the DMZ half needs to listen for inner halves.
#[derive(Debug, Clone)]
pub struct AcceptSettings {
    /// UDP address to listen on.
    pub address: SocketAddr,
    /// The key to show.
    pub identity: LinkIdentity,
    /// The keys inner halves may show; at least one.
    pub pins: Vec<Pin>,
    /// Cryptography for TLS and QUIC.
    pub provider: Arc<CryptoProvider>,
}

/// Listens for inner halves. Dropped, it takes no more; links it has given out live on.
#[derive(Debug)]
pub struct Acceptor {
    endpoint: Endpoint,
    links: tokio::sync::Mutex<mpsc::Receiver<Result<Link, LinkError>>>,
    reception: AbortHandle,
}

impl Acceptor {
    /// Binds the address and begins to listen. Must be called inside a tokio runtime, on which the
    /// acceptor and its links then live.
    ///
    /// # Errors
    /// [`LinkError::Bind`] or [`LinkError::Settings`].
    pub fn bind(settings: AcceptSettings) -> Result<Acceptor, LinkError> {
        Self::bind_with(settings, Tuning::default())
    }

    pub(crate) fn bind_with(
        settings: AcceptSettings,
        tuning: Tuning,
    ) -> Result<Acceptor, LinkError> {
        let AcceptSettings {
            address,
            identity,
            pins,
            provider,
        } = settings;
        if pins.is_empty() {
            return Err(LinkError::Settings(
                "link.pins is empty; add the inner half's pin".into(),
            ));
        }
        let house = House {
            identity,
            pins: pins.into(),
            provider,
            tuning,
            live: Mutex::default(),
        };
        let config = house.server_config(&SeenPin::default())?;
        let endpoint = endpoint(address, &house.identity, Some(config))?;
        let (sender, links) = mpsc::channel(MAX_HANDSHAKES);
        let reception = receive_callers(endpoint.clone(), Arc::new(house), sender);
        let reception = tokio::spawn(reception).abort_handle();
        Ok(Acceptor {
            endpoint,
            links: tokio::sync::Mutex::new(links),
            reception,
        })
    }

    /// The address listened on, with the port the system chose when it was asked to.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// The next link: handshake and greeting are done. A caller that was refused or failed is an
    /// error to log; go on calling. May be given up at any time.
    ///
    /// # Errors
    /// Why a caller got no link; [`LinkError::Closed`] after [`Acceptor::close`].
    pub async fn accept(&self) -> Result<Link, LinkError> {
        self.links
            .lock()
            .await
            .recv()
            .await
            .unwrap_or(Err(LinkError::Closed))
    }

    /// Takes no more callers and ends all links; their operators read `reason`.
    pub fn close(&self, reason: &str) {
        self.endpoint.close(close::DONE, reason.as_bytes());
    }

    /// After [`Acceptor::close`]: waits until the other ends have surely been told.
    pub async fn drained(&self) {
        self.endpoint.wait_idle().await;
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.reception.abort();
    }
}

/// Takes callers in, as many as there is room for.
async fn receive_callers(
    endpoint: Endpoint,
    house: Arc<House>,
    sender: mpsc::Sender<Result<Link, LinkError>>,
) {
    let mut callers = JoinSet::new();
    let room = Arc::new(Room::default());
    loop {
        tokio::select! {
            Some(_) = callers.join_next() => {}
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { return };
                if callers.len() >= RETRY_FROM && incoming.may_retry() {
                    // Fails only for callers that may not be asked, which was just ruled out.
                    let _ = incoming.retry();
                    continue;
                }
                let place = room.enter(incoming.remote_address().ip(), callers.len());
                let Some(place) = place else {
                    incoming.refuse();
                    continue;
                };
                let caller = serve_caller(endpoint.clone(), Arc::clone(&house), incoming);
                let sender = sender.clone();
                callers.spawn(async move {
                    let outcome = caller.await;
                    drop(place);
                    match outcome {
                        Ok(link) => drop(sender.send(Ok(link)).await),
                        // Strangers may not fill the queue; some of their failures go untold.
                        Err(error) => drop(sender.try_send(Err(error))),
                    }
                });
            }
        }
    }
}

/// One caller from its first packet to a link.
async fn serve_caller(
    endpoint: Endpoint,
    house: Arc<House>,
    incoming: Incoming,
) -> Result<Link, LinkError> {
    let peer = incoming.remote_address();
    let seen = SeenPin::default();
    let attempt = Attempt {
        peer,
        ours: house.identity.pin(),
        pins: &house.pins,
        seen: &seen,
    };
    let config = Arc::new(house.server_config(&seen)?);
    let connecting = incoming
        .accept_with(config)
        .map_err(|error| attempt.explain(error))?;
    let after = house.tuning.handshake;
    let connection = match timeout(after, connecting).await {
        Err(_) | Ok(Err(ConnectionError::TimedOut)) => {
            return Err(LinkError::Deadline {
                what: "the rest of a caller's handshake",
                after,
            });
        }
        Ok(Err(error)) => return Err(attempt.explain(error)),
        Ok(Ok(connection)) => connection,
    };
    let after = house.tuning.greeting;
    let greeted = timeout(after, house.greet(endpoint, &connection, &attempt))
        .await
        .unwrap_or(Err(LinkError::Deadline {
            what: Greeting::NAME,
            after,
        }));
    if greeted.is_err() {
        connection.close(close::GREETING, b"no link came of the greeting");
    }
    greeted
}

/// What every caller is judged by.
#[derive(Debug)]
struct House {
    identity: LinkIdentity,
    pins: Arc<[Pin]>,
    provider: Arc<CryptoProvider>,
    tuning: Tuning,
    /// The newest link of each identity, to tell an older start of it from a newer.
    live: Mutex<HashMap<Pin, Weak<Shared>>>,
}

impl House {
    fn server_config(&self, seen: &SeenPin) -> Result<ServerConfig, LinkError> {
        let tls = server_config(&self.identity, &self.pins, &self.provider, seen)?;
        let quic = QuicServerConfig::try_from(tls).map_err(|error| {
            LinkError::Settings(format!(
                "the cryptographic provider is unfit for QUIC: {error}"
            ))
        })?;
        let mut config = ServerConfig::with_crypto(Arc::new(quic));
        config
            .transport_config(transport(&self.tuning)?)
            .migration(false)
            .max_incoming(2 * MAX_HANDSHAKES)
            .incoming_buffer_size(16 * 1024)
            .incoming_buffer_size_total(512 * 1024);
        Ok(config)
    }

    async fn greet(
        &self,
        endpoint: Endpoint,
        connection: &Connection,
        attempt: &Attempt<'_>,
    ) -> Result<Link, LinkError> {
        let ours = self.tuning.version;
        let (mut send, mut receive) = connection.accept_bi().await?;
        let greeting = match hear(&mut receive, ours).await {
            Ok(greeting) => greeting,
            Err(error) => {
                if let LinkError::Version { ours, theirs } = error {
                    let refusal = LinkRefusal::Version {
                        ours,
                        yours: theirs,
                    };
                    self.refuse(connection, send, refusal).await;
                }
                return Err(error);
            }
        };
        let pin = attempt.proven_pin()?;
        if self
            .live_epoch(&pin)
            .is_some_and(|live| live > greeting.epoch)
        {
            self.refuse(connection, send, LinkRefusal::Busy).await;
            return Err(LinkError::Busy);
        }
        answer(
            &mut send,
            &Welcome::Accept {
                version: ours,
                software: SOFTWARE.into(),
            },
        )
        .await?;
        let link = Link::new(Established {
            endpoint,
            connection: connection.clone(),
            control: (send, receive),
            side: Side::Dmz,
            peer_pin: pin,
            peer_software: greeting.software,
            epoch: greeting.epoch,
            tuning: self.tuning,
        });
        self.live().insert(pin, Arc::downgrade(&link.shared));
        Ok(link)
    }

    /// Says no, and waits a moment for the other end to hang up: closing at once would drop the
    /// words.
    async fn refuse(&self, connection: &Connection, send: quinn::SendStream, refusal: LinkRefusal) {
        let mut send = send;
        if answer(&mut send, &Welcome::Refuse(refusal)).await.is_ok() && send.finish().is_ok() {
            // Either way the caller closes next.
            let _ = timeout(REFUSAL_LINGER, connection.closed()).await;
        }
    }

    fn live_epoch(&self, pin: &Pin) -> Option<u64> {
        self.live()
            .get(pin)
            .and_then(Weak::upgrade)
            .and_then(|shared| shared.live_epoch())
    }

    fn live(&self) -> std::sync::MutexGuard<'_, HashMap<Pin, Weak<Shared>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the callers at each address.
#[derive(Debug, Default)]
struct Room {
    callers: Mutex<HashMap<IpAddr, usize>>,
}

impl Room {
    /// A place for one more caller from `address`, when `present` in all leave one.
    fn enter(self: &Arc<Self>, address: IpAddr, present: usize) -> Option<Place> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let here = callers.entry(address).or_default();
        if present >= MAX_HANDSHAKES || *here >= MAX_HANDSHAKES_PER_ADDRESS {
            if *here == 0 {
                callers.remove(&address);
            }
            return None;
        }
        *here += 1;
        Some(Place {
            room: Arc::clone(self),
            address,
        })
    }
}

/// One caller's place, free again when dropped.
#[derive(Debug)]
struct Place {
    room: Arc<Room>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut callers = self
            .room
            .callers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = callers.get_mut(&self.address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                callers.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places() {
        let room = Arc::new(Room::default());
        let (greedy, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut places: Vec<_> = (0..MAX_HANDSHAKES_PER_ADDRESS)
            .map(|present| room.enter(greedy, present).unwrap())
            .collect();
        assert!(room.enter(greedy, places.len()).is_none());
        assert!(room.enter(other, places.len()).is_some());
        assert!(room.enter(other, MAX_HANDSHAKES).is_none());
        places.pop();
        assert!(room.enter(greedy, places.len()).is_some());
        drop(places);
        assert!(room.callers.lock().unwrap().is_empty());
    }
}
