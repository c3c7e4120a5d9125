//! One address that is listened on: a place first, then a task a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use store::Transport;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::opening::first_ssid;
use super::places::{Place, Places};
use crate::link::new_circuit;
use crate::session::answers::{self, Caller};
use crate::session::{self, Arrival, SessionContext, Stage};

/// The name a plain listener has in logs and status.
const NAME: &str = "plain";
/// Wait after a failure to accept: what fails, as a lack of descriptors, does not pass at once.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) context: SessionContext,
    pub(super) places: Places,
    /// One permit a caller that has not introduced itself.
    pub(super) openings: Arc<Semaphore>,
    pub(super) ssid_timeout: Duration,
}

impl Listener {
    /// Accepts until the process drains; then the address is free.
    pub(super) async fn run(self) {
        loop {
            let accepted = tokio::select! {
                () = self.context.shutdown.reached(Stage::Draining) => break,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.accepted(stream, peer),
                Err(error) => {
                    tracing::error!(
                        address = %self.address,
                        why = %error,
                        "The plain listener cannot accept connections now; it tries again."
                    );
                    sleep(AFTER_FAILURE).await;
                }
            }
        }
        tracing::info!(address = %self.address, "A plain listener is closed.");
    }

    /// Takes a caller in, or hangs up; returns at once.
    fn accepted(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = self.places.take(peer.ip()) else {
            return self.turn_away(peer, "its address has as many connections as it may have");
        };
        let Ok(opening) = Arc::clone(&self.openings).try_acquire_owned() else {
            return self.turn_away(peer, "too many callers have not introduced themselves");
        };
        let visit = Visit {
            context: self.context.clone(),
            peer,
            ssid_timeout: self.ssid_timeout,
            _place: place,
        };
        tokio::spawn(visit.run(stream, opening));
    }

    fn turn_away(&self, peer: SocketAddr, why: &'static str) {
        self.context.counters.over_ceiling.one();
        tracing::warn!(address = %self.address, %peer, why, "A caller of the plain listener was hung up on.");
    }
}

/// One caller.
struct Visit {
    context: SessionContext,
    peer: SocketAddr,
    ssid_timeout: Duration,
    _place: Place,
}

impl Visit {
    async fn run(self, mut stream: TcpStream, opening: OwnedSemaphorePermit) {
        let circuit = new_circuit();
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%circuit, peer = %self.peer, why = %error, "A connection cannot be told not to delay.");
        }
        let opened = tokio::select! {
            () = self.context.shutdown.reached(Stage::Draining) => return,
            opened = first_ssid(&mut stream, self.ssid_timeout) => opened,
        };
        drop(opening);
        let ssid = match opened {
            Ok(ssid) => ssid,
            Err(error) => {
                return tracing::info!(
                    %circuit,
                    peer = %self.peer,
                    why = %error,
                    "A caller of the plain listener did not introduce itself."
                );
            }
        };
        let Ok(session) = Arc::clone(&self.context.places).try_acquire_owned() else {
            self.context.counters.over_ceiling.one();
            return tracing::warn!(
                %circuit,
                peer = %self.peer,
                "All places for sessions are taken; a caller of the plain listener was hung up on."
            );
        };
        let caller = Caller {
            circuit,
            peer: self.peer,
            listener: NAME.to_owned(),
            transport: Transport::Plain,
            asked_for_certificate: false,
            certificate: None,
        };
        let Some(verdict) = answers::judge(&self.context, &caller, &ssid).await else {
            return;
        };
        let arrival = Arrival {
            caller,
            ssid,
            verdict,
        };
        session::serve(&self.context, arrival, stream).await;
        drop(session);
    }
}
