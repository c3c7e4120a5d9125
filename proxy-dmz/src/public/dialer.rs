//! Out to a partner when the inner half orders it: resolve, check, connect, report.
//!
//! The order's deadline covers all of it. What a name resolves to is checked address by address,
//! and the connection goes to a checked address, never to the name again.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use ::link::message::{Dial, DialAnswer, DialFailure};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::target;

/// Connects out; one a process.
#[derive(Debug, Clone)]
pub struct Dialer {
    allow_private: bool,
    dials: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
}

/// A connection out.
#[derive(Debug)]
pub struct Dialed {
    /// The connection.
    pub stream: TcpStream,
    /// Whom it reached.
    pub peer: SocketAddr,
    /// Our end.
    pub local: SocketAddr,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct DialError {
    /// The kind, as the inner half is told.
    pub kind: DialFailure,
    /// What happened, and to which address.
    pub detail: String,
}

impl Dialer {
    /// `allow_private` as in the configuration's `[dial]`.
    #[must_use]
    pub fn new(allow_private: bool) -> Dialer {
        Dialer {
            allow_private,
            dials: Arc::new(Semaphore::new(MOST_DIALS)),
            lookups: Arc::new(Semaphore::new(MOST_LOOKUPS)),
        }
    }

    /// Carries out an order.
    ///
    /// # Errors
    /// Why the partner was not reached.
    pub async fn dial(&self, order: &Dial) -> Result<Dialed, DialError> {
        let _place = self.dials.try_acquire().map_err(|_| DialError {
            kind: DialFailure::Busy,
            detail: format!("{MOST_DIALS} calls out are being connected already"),
        })?;
        let allowed = Duration::from_millis(u64::from(order.deadline_ms)).min(LONGEST);
        let deadline = Instant::now() + allowed;
        let addresses = timeout_at(deadline, self.resolve(order))
            .await
            .map_err(|_| DialError {
                kind: DialFailure::Timeout,
                detail: format!(
                    "{} was not resolved within {} ms",
                    order.host,
                    allowed.as_millis()
                ),
            })??;
        self.connect(addresses, deadline).await
    }

    async fn resolve(&self, order: &Dial) -> Result<Vec<SocketAddr>, DialError> {
        let host = order
            .host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = host.unwrap_or(&order.host).to_owned();
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, order.port)]);
        }
        let failed = |detail| DialError {
            kind: DialFailure::Name,
            detail,
        };
        let place = Arc::clone(&self.lookups)
            .acquire_owned()
            .await
            .map_err(|error| failed(error.to_string()))?;
        let port = order.port;
        let name = host.clone();
        let found = tokio::task::spawn_blocking(move || {
            // A look-up cannot be cancelled; its place goes with its thread.
            let _place = place;
            (name.as_str(), port)
                .to_socket_addrs()
                .map(Iterator::collect::<Vec<_>>)
        })
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(format!("{host} cannot be resolved: {error}")))?;
        if found.is_empty() {
            return Err(failed(format!("{host} has no address")));
        }
        Ok(found)
    }

    async fn connect(
        &self,
        addresses: Vec<SocketAddr>,
        deadline: Instant,
    ) -> Result<Dialed, DialError> {
        let mut last = None;
        let mut allowed = Vec::new();
        for address in addresses {
            match target::check(address.ip(), self.allow_private) {
                Ok(()) if address.port() != 0 => allowed.push(address),
                Ok(()) => last = Some(not_allowed("port 0 is no port to call".to_owned())),
                Err(refused) => last = Some(not_allowed(refused.to_string())),
            }
        }
        allowed.truncate(MOST_ADDRESSES);
        let mut left = u32::try_from(allowed.len()).unwrap_or(u32::MAX);
        for address in allowed {
            // A silent address must not use up the time of those after it.
            let now = Instant::now();
            let share = deadline.saturating_duration_since(now) / left.max(1);
            left = left.saturating_sub(1);
            match timeout_at(now + share, connect(address)).await {
                Ok(Ok(dialed)) => return Ok(dialed),
                Ok(Err(error)) => {
                    last = Some(DialError {
                        kind: kind(&error),
                        detail: format!("{address}: {error}"),
                    });
                }
                Err(_) => {
                    last = Some(DialError {
                        kind: DialFailure::Timeout,
                        detail: format!("{address} did not answer in time"),
                    });
                }
            }
        }
        Err(last.unwrap_or_else(|| not_allowed("there is no address to call".to_owned())))
    }
}

/// What the inner half is told about an order's outcome.
#[must_use]
pub fn answer(outcome: &Result<Dialed, DialError>) -> DialAnswer {
    match outcome {
        Ok(dialed) => DialAnswer::Connected {
            peer: dialed.peer,
            local: dialed.local,
        },
        Err(error) => DialAnswer::Failed {
            kind: error.kind,
            detail: error.detail.clone(),
        },
    }
}

async fn connect(address: SocketAddr) -> io::Result<Dialed> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    Ok(Dialed {
        stream,
        peer: address,
        local,
    })
}

fn not_allowed(detail: String) -> DialError {
    DialError {
        kind: DialFailure::NotAllowed,
        detail,
    }
}

fn kind(error: &io::Error) -> DialFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => DialFailure::Refused,
        io::ErrorKind::TimedOut => DialFailure::Timeout,
        _ => DialFailure::Unreachable,
    }
}

/// Calls out being connected at a time.
pub const MOST_DIALS: usize = 64;
/// Names being resolved at a time; each holds a thread.
pub const MOST_LOOKUPS: usize = 32;
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;
/// The longest an order may take, whatever it says.
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use ::link::message::{CircuitId, Purpose};
    use tokio::net::TcpListener;

    use super::*;

    fn order(host: &str, port: u16) -> Dial {
        Dial {
            circuit: CircuitId(7),
            host: host.to_owned(),
            port,
            purpose: Purpose::Sealed,
            deadline_ms: 30_000,
        }
    }

    #[tokio::test]
    async fn connects_to_a_private_target_only_when_allowed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let order = order("127.0.0.1", address.port());
        let refused = Dialer::new(false).dial(&order).await.expect_err("loopback");
        assert_eq!(refused.kind, DialFailure::NotAllowed);
        let dialed = Dialer::new(true).dial(&order).await.expect("a connection");
        assert_eq!(dialed.peer, address);
    }

    #[tokio::test]
    async fn checks_what_a_name_resolves_to() {
        let refused = Dialer::new(false)
            .dial(&order("localhost", 6619))
            .await
            .expect_err("local");
        assert_eq!(refused.kind, DialFailure::NotAllowed, "{refused}");
    }

    #[tokio::test]
    async fn tells_a_refused_connection_from_an_unknown_name() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let dialer = Dialer::new(true);
        let refused = dialer
            .dial(&order("127.0.0.1", port))
            .await
            .expect_err("nobody listens");
        assert_eq!(refused.kind, DialFailure::Refused, "{refused}");
        let unknown = dialer
            .dial(&order("no host here", 1))
            .await
            .expect_err("no name");
        assert_eq!(unknown.kind, DialFailure::Name, "{unknown}");
    }

    #[tokio::test]
    async fn refuses_an_order_too_many() {
        let dialer = Dialer::new(true);
        let _all = dialer.dials.try_acquire_many(64).expect("all places");
        let refused = dialer.dial(&order("127.0.0.1", 1)).await.expect_err("busy");
        assert_eq!(refused.kind, DialFailure::Busy);
    }
}
