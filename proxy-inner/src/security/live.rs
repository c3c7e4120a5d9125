//! The files being secured and opened now, for the status report.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use store::Transfer;

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Signed, compressed, encrypted, as asked; or only hashed, for its receipt.
    Securing,
    /// The reverse.
    Opening,
}

/// One file as the status report shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkNow {
    /// The transfer's name.
    pub transfer: String,
    /// The partner's name.
    pub partner: String,
    /// What is done with it.
    pub kind: Kind,
    /// Since when, UTC.
    pub since: String,
    /// Octets read of it so far.
    pub octets: u64,
    /// Octets there are to read.
    pub of: u64,
}

/// All files worked on. Cheap to clone; every clone is the same registry.
#[derive(Clone, Debug, Default)]
pub(super) struct Live(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    next: AtomicU64,
    works: Mutex<BTreeMap<u64, (WorkNow, Arc<AtomicU64>)>>,
}

impl Live {
    /// Puts a file into the registry; it leaves when the value returned is dropped. `of` octets are to
    /// be read of it.
    pub(super) fn enter(
        &self,
        transfer: &Transfer,
        kind: Kind,
        of: u64,
        now: Timestamp,
    ) -> LiveWork {
        let key = self.0.next.fetch_add(1, Ordering::Relaxed);
        let octets = Arc::new(AtomicU64::new(0));
        let work = WorkNow {
            transfer: transfer.id.to_string(),
            partner: transfer.partner.clone(),
            kind,
            since: now.to_string(),
            octets: 0,
            of,
        };
        self.works().insert(key, (work, Arc::clone(&octets)));
        LiveWork {
            live: self.clone(),
            key,
            octets,
        }
    }

    /// All files worked on, the oldest first.
    pub(super) fn list(&self) -> Vec<WorkNow> {
        let works = self.works();
        let now = |(work, octets): &(WorkNow, Arc<AtomicU64>)| WorkNow {
            octets: octets.load(Ordering::Relaxed),
            ..work.clone()
        };
        works.values().map(now).collect()
    }

    /// Nothing that holds this lock can leave the map half changed, so a poisoned one is usable.
    fn works(&self) -> MutexGuard<'_, BTreeMap<u64, (WorkNow, Arc<AtomicU64>)>> {
        self.0.works.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file's own entry in the registry.
#[derive(Debug)]
pub(super) struct LiveWork {
    live: Live,
    key: u64,
    octets: Arc<AtomicU64>,
}

impl LiveWork {
    /// Where the octets read are counted.
    pub(super) fn count(&self) -> &Arc<AtomicU64> {
        &self.octets
    }
}

impl Drop for LiveWork {
    fn drop(&mut self) {
        self.live.works().remove(&self.key);
    }
}
