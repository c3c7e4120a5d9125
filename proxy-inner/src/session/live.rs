//! The sessions alive now, for the status report and for draining.
//!
//! A session is in the registry exactly as long as its [`LiveSession`] value lives.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::link::CircuitId;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The partner called us.
    In,
    /// We called the partner.
    Out,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::In => "in",
            Direction::Out => "out",
        })
    }
}

/// One session as the status report shows it.
#[derive(Clone, Debug, Serialize)]
pub struct SessionNow {
    /// The circuit, 16 lower-case hexadecimal digits.
    pub circuit: String,
    /// Name of the partner, once it is known.
    pub partner: Option<String>,
    /// The partner's address, as the half that holds the socket reported it.
    pub peer: Option<SocketAddr>,
    /// Who called.
    pub direction: Direction,
    /// When the circuit opened.
    #[serde(serialize_with = "as_text")]
    pub since: Timestamp,
    /// The transfer under way.
    pub transfer: Option<TransferNow>,
    /// Octets received on the circuit, command overhead included.
    pub octets_in: u64,
    /// Octets sent on the circuit, command overhead included.
    pub octets_out: u64,
}

/// The file a session is moving now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferNow {
    /// Its number in the journal.
    pub id: String,
    /// True when we send it.
    pub outbound: bool,
    /// Octets of the file moved so far.
    pub octets: u64,
}

/// All sessions alive. Cheap to clone; every clone is the same registry.
#[derive(Clone, Debug, Default)]
pub struct Live {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sessions: Mutex<HashMap<u64, Arc<Entry>>>,
    count: watch::Sender<usize>,
    next: AtomicU64,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            sessions: Mutex::default(),
            count: watch::Sender::new(0),
            next: AtomicU64::new(0),
        }
    }
}

#[derive(Debug)]
struct Entry {
    circuit: CircuitId,
    peer: Option<SocketAddr>,
    direction: Direction,
    since: Timestamp,
    octets_in: AtomicU64,
    octets_out: AtomicU64,
    changing: Mutex<Changing>,
}

#[derive(Debug, Default)]
struct Changing {
    partner: Option<String>,
    transfer: Option<TransferNow>,
}

impl Live {
    /// Puts a session into the registry; it leaves when the value returned is dropped.
    pub fn enter(
        &self,
        circuit: CircuitId,
        direction: Direction,
        peer: Option<SocketAddr>,
        partner: Option<String>,
        since: Timestamp,
    ) -> LiveSession {
        let key = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry {
            circuit,
            peer,
            direction,
            since,
            octets_in: AtomicU64::new(0),
            octets_out: AtomicU64::new(0),
            changing: Mutex::new(Changing {
                partner,
                transfer: None,
            }),
        });
        let count = {
            let mut sessions = lock(&self.shared.sessions);
            sessions.insert(key, Arc::clone(&entry));
            sessions.len()
        };
        self.shared.count.send_replace(count);
        LiveSession {
            live: self.clone(),
            key,
            entry,
        }
    }

    /// How many sessions are alive.
    pub fn count(&self) -> usize {
        lock(&self.shared.sessions).len()
    }

    /// All sessions alive, the oldest first.
    pub fn list(&self) -> Vec<SessionNow> {
        let mut entries: Vec<(u64, Arc<Entry>)> = lock(&self.shared.sessions)
            .iter()
            .map(|(key, entry)| (*key, Arc::clone(entry)))
            .collect();
        entries.sort_by_key(|(key, _)| *key);
        entries.iter().map(|(_, entry)| entry.now()).collect()
    }

    /// The number of sessions alive, and all its changes.
    pub fn watch(&self) -> watch::Receiver<usize> {
        self.shared.count.subscribe()
    }

    /// Returns once no session is alive.
    pub async fn empty(&self) {
        let mut count = self.shared.count.subscribe();
        // The sender lives in `self`, so waiting cannot fail while we are here.
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

/// A session's own entry in the registry.
#[derive(Debug)]
pub struct LiveSession {
    live: Live,
    key: u64,
    entry: Arc<Entry>,
}

impl LiveSession {
    /// Names the partner once it is known.
    pub fn set_partner(&self, partner: &str) {
        lock(&self.entry.changing).partner = Some(partner.to_owned());
    }

    /// Names the transfer under way, or none.
    pub fn set_transfer(&self, transfer: Option<TransferNow>) {
        lock(&self.entry.changing).transfer = transfer;
    }

    /// Notes how far the transfer under way has come, in octets of the file.
    pub fn set_transfer_octets(&self, octets: u64) {
        if let Some(transfer) = lock(&self.entry.changing).transfer.as_mut() {
            transfer.octets = octets;
        }
    }

    /// Adds octets received on the circuit.
    pub fn add_in(&self, octets: u64) {
        self.entry.octets_in.fetch_add(octets, Ordering::Relaxed);
    }

    /// Adds octets sent on the circuit.
    pub fn add_out(&self, octets: u64) {
        self.entry.octets_out.fetch_add(octets, Ordering::Relaxed);
    }

    /// The session as the status report shows it.
    pub fn now(&self) -> SessionNow {
        self.entry.now()
    }
}

impl Drop for LiveSession {
    fn drop(&mut self) {
        let count = {
            let mut sessions = lock(&self.live.shared.sessions);
            sessions.remove(&self.key);
            sessions.len()
        };
        self.live.shared.count.send_replace(count);
    }
}

impl Entry {
    fn now(&self) -> SessionNow {
        let changing = lock(&self.changing);
        SessionNow {
            circuit: self.circuit.to_string(),
            partner: changing.partner.clone(),
            peer: self.peer,
            direction: self.direction,
            since: self.since,
            transfer: changing.transfer.clone(),
            octets_in: self.octets_in.load(Ordering::Relaxed),
            octets_out: self.octets_out.load(Ordering::Relaxed),
        }
    }
}

fn as_text<S: serde::Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(time)
}

/// Nothing that holds these locks can leave its data half changed, so a poisoned one is usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_leaves_the_registry_with_its_value() {
        let live = Live::default();
        let first = live.enter(
            CircuitId(1),
            Direction::In,
            None,
            None,
            Timestamp::UNIX_EPOCH,
        );
        let second = live.enter(
            CircuitId(2),
            Direction::Out,
            None,
            None,
            Timestamp::UNIX_EPOCH,
        );
        first.set_partner("ACME");
        first.set_transfer(Some(TransferNow {
            id: "7".into(),
            outbound: false,
            octets: 0,
        }));
        first.set_transfer_octets(99);
        first.add_in(10);
        let list = live.list();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].partner.as_deref(), Some("ACME"));
        assert_eq!(list[0].transfer.as_ref().map(|t| t.octets), Some(99));
        assert_eq!(list[0].octets_in, 10);
        drop(first);
        drop(second);
        live.empty().await;
        assert_eq!(live.count(), 0);
    }
}
