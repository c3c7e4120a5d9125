//! Partners that come without TLS (RFC 5024 section 2.4), straight to this half from the inside.
//!
//! ```text
//!  partner ── TCP 3305 ──▶ listener ── place for its address ──▶ opening ── SSRM, SSID ──▶ judge ──▶ session
//! ```
//!
//! Nothing protects these sessions on their way, so the listener is off unless configured, and only
//! partners whose transport is plain are welcome: no caller gets past TLS by coming here.
//! Assumes nothing about callers: those that have not introduced themselves are bounded in number
//! and time, and per address; each session takes one of the places all sessions share.

use std::io;
use std::net::{SocketAddr, TcpListener as BoundListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::session::SessionContext;
use listener::Listener;
use places::Places;

mod listener;
mod opening;
mod places;

#[cfg(test)]
mod tests;

/// Callers that have not sent their SSID, over all addresses. Each holds one descriptor.
const MOST_OPENINGS: usize = 128;

/// What the plain listeners need.
#[derive(Clone, Debug)]
pub struct PlainSettings {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// Connections at a time from one address.
    pub sessions_per_address: u32,
    /// Time from accepting a caller to its SSID.
    pub ssid_timeout: Duration,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error(
    "the plain listener cannot open {address} ({source}); see plain.listen: the address must be one of \
     this host, and its port free"
)]
pub struct PlainError {
    address: SocketAddr,
    source: io::Error,
}

/// The plain listeners, for those who look at them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PlainHandle {
    addresses: Arc<[SocketAddr]>,
    places: Places,
    ended: watch::Receiver<()>,
}

impl PlainHandle {
    /// The addresses listened on; a port that was left to the system is the one it picked.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Connections that are open now, also those that have not introduced themselves.
    pub fn connections(&self) -> u32 {
        self.places.taken()
    }

    /// Returns once nothing is listened on any more, which is so when the process drains.
    pub async fn ended(&self) {
        // Nothing is ever sent: an error says that all listeners are gone, which is what is waited for.
        let _ = self.ended.clone().changed().await;
    }
}

/// Binds every address and starts to accept, until the process drains. Must be called inside the
/// runtime.
///
/// # Errors
/// The first address that cannot be bound; none is open then.
pub fn start(
    settings: &PlainSettings,
    context: &SessionContext,
) -> Result<PlainHandle, PlainError> {
    let mut sockets = Vec::with_capacity(settings.listen.len());
    let mut addresses = Vec::with_capacity(settings.listen.len());
    for address in &settings.listen {
        let failed = |source| PlainError {
            address: *address,
            source,
        };
        let socket = bind(*address).map_err(failed)?;
        addresses.push(socket.local_addr().map_err(failed)?);
        sockets.push(socket);
    }
    let (ending, ended) = watch::channel(());
    let ending = Arc::new(ending);
    let places = Places::new(settings.sessions_per_address);
    let openings = Arc::new(Semaphore::new(MOST_OPENINGS));
    for (socket, address) in sockets.into_iter().zip(&addresses) {
        let listener = Listener {
            socket,
            address: *address,
            context: context.clone(),
            places: places.clone(),
            openings: Arc::clone(&openings),
            ssid_timeout: settings.ssid_timeout,
        };
        let ending = Arc::clone(&ending);
        tokio::spawn(async move {
            listener.run().await;
            drop(ending);
        });
        tracing::warn!(
            %address,
            "A plain listener is open: nothing protects the sessions on it; only partners with transport plain are taken."
        );
    }
    Ok(PlainHandle {
        addresses: addresses.into(),
        places,
        ended,
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = BoundListener::bind(address)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}
