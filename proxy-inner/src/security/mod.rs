//! Files secured and opened, receipts signed and judged: what the keys are for.
//!
//! ```text
//!  SFID ─▶ policy: may it in as it is? ─────────────────────▶ transfer (SFNA 15 to 20, 99)
//!  store: securing ─┐                  ┌─▶ securing: sign ▸ compress ▸ encrypt ─▶ queued
//!  store: received ─┴▶ worker (CPUs) ──┴─▶ opening: decrypt ▸ expand ▸ verify ─▶ inbox, or NERP 31 to 33
//!                           └──▶ waiting: a session that answers EFID (EFPA, or EFNA 21 to 23)
//!  receipts: signed before they go out (sign) ── judged when they come (judge, difference)
//! ```
//!
//! Assumes that the store keeps what is claimed and that the keyring's keys are right; promises that
//! no clear octet is delivered before everything about it was checked, that a file which cannot be
//! secured or opened for a reason of ours is held with that reason and tried again, and that nothing
//! secret is in a log line.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZero;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use store::{OpeningClaim, Store, TransferId};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::keyring::Keyring;
use crate::session::Counters;

mod certificates;
mod live;
mod meter;
mod opening;
pub(crate) mod policy;
mod reasons;
pub(crate) mod receipts;
mod securing;
mod waiting;
mod worker;

pub use live::{Kind, WorkNow};
pub(crate) use waiting::{Checked, Expected};

/// How files are secured and opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecuritySettings {
    /// Files worked on at one time.
    pub parallel: usize,
    /// Files of more octets than this never have all the places: one is always left for smaller ones,
    /// where there are two at least.
    pub large: u64,
    /// When a file that is held is tried again at the latest; a change of keys makes it earlier.
    pub again: Duration,
    /// How long a session that has nothing else to do waits for what it received to be opened, so that
    /// the receipts still go out in it.
    pub patience: Duration,
}

impl Default for SecuritySettings {
    /// As many files as there are processors, two at least, and a place for those up to 64 MiB; held
    /// ones every minute; sessions wait for five seconds.
    fn default() -> Self {
        Self {
            parallel: available_parallelism().map_or(1, NonZero::get).max(2),
            large: 64 * 1024 * 1024,
            again: Duration::from_secs(60),
            patience: Duration::from_secs(5),
        }
    }
}

/// Secures and opens files; shared by the worker and all sessions.
pub struct Security {
    store: Store,
    keyring: Arc<Keyring>,
    settings: SecuritySettings,
    counters: Arc<Counters>,
    live: live::Live,
    /// One permit for each file worked on.
    places: Arc<Semaphore>,
    /// One more for each of them that is large; taken before a place is waited for.
    large: Arc<Semaphore>,
    /// The files that a session waits for.
    expected: Mutex<HashMap<TransferId, oneshot::Sender<OpeningClaim>>>,
    /// Counts the times there was something new to do.
    due: watch::Sender<u64>,
    /// Counts the files that were opened, or not.
    seen_to: watch::Sender<u64>,
    /// Whether the worker runs.
    runs: AtomicBool,
}

impl Security {
    /// With the keys of `keyring`, for the files of `store`.
    pub fn new(store: Store, keyring: Arc<Keyring>, settings: SecuritySettings) -> Arc<Security> {
        let parallel = settings.parallel.clamp(1, Semaphore::MAX_PERMITS);
        let due = watch::Sender::new(0);
        let bell = due.clone();
        store.on_security(Box::new(move || bell.send_modify(|count| *count += 1)));
        Arc::new(Security {
            store,
            keyring,
            settings,
            counters: Arc::default(),
            live: live::Live::default(),
            places: Arc::new(Semaphore::new(parallel)),
            large: Arc::new(Semaphore::new((parallel - 1).max(1))),
            expected: Mutex::default(),
            due,
            seen_to: watch::Sender::new(0),
            runs: AtomicBool::new(false),
        })
    }

    /// The keys.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// The counters it counts on; those of the sessions too.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// The files worked on at this moment, the oldest first.
    pub fn now(&self) -> Vec<WorkNow> {
        self.live.list()
    }

    fn expected(&self) -> MutexGuard<'_, HashMap<TransferId, oneshot::Sender<OpeningClaim>>> {
        // Whoever panicked while holding it left a map that is whole.
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Security")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
