//! One public address while it is open: admission first, then a task a connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::link::message::{CircuitId, PublicLimits};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};

use super::admission::{Admission, Most, Place, Turned};
use super::identity::Identity;
use super::tls::MOST_HANDSHAKES;
use crate::status::{Cause, Status};

/// Somebody who called a public address and was let in so far.
#[derive(Debug)]
pub struct Caller {
    /// The connection.
    pub stream: TcpStream,
    /// Its name in both halves' logs.
    pub circuit: CircuitId,
    /// Who calls.
    pub peer: SocketAddr,
    /// The address called.
    pub local: SocketAddr,
    /// Whom we are to the caller.
    pub identity: Arc<Identity>,
    /// When the call was accepted.
    pub accepted: Instant,
    /// The caller's place, kept as long as the connection.
    pub place: Place,
}

/// What a listener works with.
#[derive(Debug, Clone)]
pub struct Reception {
    /// Who is in.
    pub admission: Admission,
    /// The limits now in force.
    pub rules: watch::Receiver<Rules>,
    /// What is counted.
    pub status: Arc<Status>,
    /// Where callers go who were let in.
    pub callers: mpsc::Sender<Caller>,
}

/// The policy's limits in usable form.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Connections at a time.
    pub most: Most,
    /// Handshakes at a time.
    pub handshakes: Arc<Semaphore>,
    /// From accepting to the end of the handshake.
    pub handshake: Duration,
    /// From our SSRM to the SSID.
    pub ssid: Duration,
    /// For one answer of the inner half.
    pub open: Duration,
    /// Longest silence of a circuit.
    pub idle: Duration,
}

impl Rules {
    /// Reads the policy's limits. Handshakes at a time never exceed this half's own ceiling.
    #[must_use]
    pub fn new(limits: &PublicLimits) -> Rules {
        let handshakes = usize::try_from(limits.handshakes).unwrap_or(usize::MAX);
        let milliseconds = |span: u32| Duration::from_millis(u64::from(span));
        Rules {
            most: Most {
                total: limits.sessions,
                per_address: limits.sessions_per_address,
            },
            handshakes: Arc::new(Semaphore::new(handshakes.clamp(1, MOST_HANDSHAKES))),
            handshake: milliseconds(limits.handshake_ms),
            ssid: milliseconds(limits.ssid_ms),
            open: milliseconds(limits.open_ms),
            idle: milliseconds(limits.idle_ms),
        }
    }
}

/// A listener that is open; closed by [`Listener::close`], or when dropped.
#[derive(Debug)]
pub struct Listener {
    name: String,
    address: SocketAddr,
    identity: watch::Sender<Arc<Identity>>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Binds the address and starts to accept.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn open(
        address: SocketAddr,
        identity: Identity,
        reception: Reception,
    ) -> io::Result<Listener> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        let name = identity.listener.clone();
        let (identity, current) = watch::channel(Arc::new(identity));
        let task = tokio::spawn(accept(socket, current, reception));
        info!(listener = %name, %address, "A public listener is open.");
        Ok(Listener {
            name,
            address,
            identity,
            task,
        })
    }

    /// The address that was bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whom callers meet from now on.
    pub fn present(&self, identity: Identity) {
        self.identity.send_replace(Arc::new(identity));
    }

    /// Closes the address; done when this returns.
    pub async fn close(mut self) {
        self.task.abort();
        // The only error is the abort just asked for.
        let _ = (&mut self.task).await;
        info!(listener = %self.name, address = %self.address, "A public listener is closed.");
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    socket: TcpListener,
    identity: watch::Receiver<Arc<Identity>>,
    reception: Reception,
) {
    loop {
        let (stream, peer) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_the_callers(&error) => continue,
            Err(error) => {
                warn!(%error, "A public listener cannot accept now; raise the limit on open files if this goes on.");
                sleep(PAUSE).await;
                continue;
            }
        };
        reception.status.accepted();
        let most = reception.rules.borrow().most;
        let place = match reception.admission.enter(peer.ip(), most) {
            Ok(place) => place,
            Err(turned) => {
                reception.status.count(match turned {
                    Turned::Full { .. } => Cause::Full,
                    Turned::AddressFull { .. } => Cause::AddressFull,
                });
                debug!(%peer, cause = %turned, "A connection was turned away.");
                continue;
            }
        };
        let circuit = match getrandom::u64() {
            Ok(number) => CircuitId(number),
            Err(error) => {
                error!(%error, "The system gives no random numbers; no partner can be let in.");
                continue;
            }
        };
        // On an error the caller is gone already.
        let Ok(local) = stream.set_nodelay(true).and_then(|()| stream.local_addr()) else {
            continue;
        };
        let identity = Arc::clone(&identity.borrow());
        let accepted = Instant::now();
        let caller = Caller {
            stream,
            circuit,
            peer,
            local,
            identity,
            accepted,
            place,
        };
        if reception.callers.send(caller).await.is_err() {
            return;
        }
    }
}

/// The connection was gone before it was accepted; the next one may be fine.
fn is_the_callers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Long enough not to spin when descriptors are used up, short enough to be back soon.
const PAUSE: Duration = Duration::from_millis(100);
