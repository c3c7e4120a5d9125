//! `Store`: opening it, and what it tells about transfers.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use crate::error::StoreError;
use crate::journal::Journal;
use crate::layout::Layout;
use crate::lock::{self, Lock};
use crate::security::WAITING;
use crate::services::Services;
use crate::transfer::{Count, Counts, Filter, Step, Transfer, TransferId};
use crate::{recover, row, schema};

/// How a store is opened; change what differs from the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// Octets of its file system that it leaves free for others; none by default.
    pub reserve: u64,
    /// How long the archive keeps files after the end of their transfer; 90 days by default.
    pub archive_keep: Duration,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            reserve: 0,
            archive_keep: Duration::from_secs(90 * 24 * 60 * 60),
        }
    }
}

/// The store. Clones share one; it closes when the last of them, and of the claims and files it
/// gave out, is dropped.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

/// Called when new work appears.
type Listener = Box<dyn Fn() + Send + Sync>;

pub(crate) struct Inner {
    pub(crate) layout: Layout,
    pub(crate) options: StoreOptions,
    pub(crate) live: Arc<Live>,
    listeners: Mutex<Vec<Listener>>,
    security_listeners: Mutex<Vec<Listener>>,
    /// One of these is held while a transfer is put into the inbox, by its identifier.
    deliveries: [Mutex<()>; 16],
    /// Held while the outbox folders are scanned.
    scan: Mutex<()>,
    // Dropped in this order: the journal is closed before the lock is given back.
    pub(crate) journal: Journal,
    _lock: Lock,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("root", &self.inner.layout.root)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in the folder `root`, making what is missing, and sets right what a crash left
    /// behind.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when a process (this one included) has it open;
    /// [`StoreError::TwoFileSystems`], [`StoreError::Newer`]; else what the disk or the journal said.
    pub fn open(root: &Path, options: StoreOptions) -> Result<Store, StoreError> {
        let layout = Layout::new(root);
        layout.make_root()?;
        let lock = lock::take(root, &layout.lock)?;
        layout.make_rest()?;
        let journal = Journal::start(schema::open(&layout.journal)?)?;
        let store = Store {
            inner: Arc::new(Inner {
                layout,
                options,
                live: Arc::default(),
                listeners: Mutex::default(),
                security_listeners: Mutex::default(),
                deliveries: Default::default(),
                scan: Mutex::default(),
                journal,
                _lock: lock,
            }),
        };
        recover::recover(&store)?;
        Ok(store)
    }

    /// Has `listener` called, on the thread that caused it, whenever a file was queued, a receipt
    /// became due, or an attempt was asked for. It must not block.
    pub fn on_work(&self, listener: Box<dyn Fn() + Send + Sync>) {
        locked(&self.inner.listeners).push(listener);
    }

    /// Has `listener` called, on the thread that caused it, whenever a file is there that is to be secured
    /// or opened. It must not block.
    pub fn on_security(&self, listener: Box<dyn Fn() + Send + Sync>) {
        locked(&self.inner.security_listeners).push(listener);
    }

    /// The transfers that `filter` lets through, the newest first.
    ///
    /// # Errors
    /// What the journal said.
    pub fn transfers(&self, filter: Filter) -> Result<Vec<Transfer>, StoreError> {
        let transfers = self.run(move |journal| {
            let rest = format!(
                "WHERE (?1 IS NULL OR direction = ?1) AND (?2 IS NULL OR partner = ?2) \
                 AND (?3 IS NULL OR state = ?3) AND (NOT ?5 OR (not_before IS NOT NULL AND {WAITING})) \
                 ORDER BY seq DESC LIMIT ?4"
            );
            row::select(
                journal,
                &rest,
                (
                    filter.direction.map(|direction| direction.word()),
                    filter.partner,
                    filter.state.map(|state| state.word()),
                    filter.limit.unwrap_or(Filter::MOST),
                    filter.held,
                ),
            )
        })?;
        Ok(transfers
            .into_iter()
            .map(|transfer| self.inner.live.with_progress(transfer))
            .collect())
    }

    /// One transfer with its steps, the oldest first; `None` when there is none of that name.
    ///
    /// # Errors
    /// What the journal said.
    pub fn transfer(&self, id: TransferId) -> Result<Option<(Transfer, Vec<Step>)>, StoreError> {
        let found = self.run(move |journal| {
            let Some(transfer) = row::first(journal, "WHERE id = ?1", [id.to_string()])? else {
                return Ok(None);
            };
            Ok(Some((transfer, steps(journal, id)?)))
        })?;
        Ok(found.map(|(transfer, steps)| (self.inner.live.with_progress(transfer), steps)))
    }

    /// How many transfers there are in each state.
    ///
    /// # Errors
    /// What the journal said.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        self.run(|journal| {
            let rows = || -> Result<Vec<(String, String, i64)>, rusqlite::Error> {
                let mut statement = journal.prepare_cached(
                    "SELECT direction, state, count(*) FROM transfer GROUP BY direction, state",
                )?;
                let rows =
                    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
                rows.collect()
            };
            let mut counts = Counts::default();
            for (direction, state, number) in rows().map_err(StoreError::journal("read"))? {
                counts.transfers.push(Count {
                    direction: row::parse("(count)", "direction", &direction)?,
                    state: row::parse("(count)", "state", &state)?,
                    number: u64::try_from(number).unwrap_or(0),
                });
            }
            let number = |condition: &str| -> Result<u64, StoreError> {
                let sql = format!("SELECT count(*) FROM transfer WHERE {condition}");
                Ok(row::value(journal, &sql, [])?.map_or(0, row::number))
            };
            counts.receipts_owed = number("receipt = 'owed'")?;
            counts.unopened = number(&format!("state = 'received' AND {WAITING}"))?;
            counts.held = number(&format!("not_before IS NOT NULL AND {WAITING}"))?;
            Ok(counts)
        })
    }

    /// Notes how many octets of an outbound transfer have gone out in the attempt under way; shown as
    /// [`Transfer::progress`], kept in memory only. Inbound transfers note theirs by themselves.
    pub fn progress(&self, id: TransferId, octets: u64) {
        if let Some(progress) = locked(&self.inner.live.progress).get(&id) {
            progress.passed.store(octets, Ordering::Relaxed);
        }
    }

    /// The folder the store is in.
    pub fn root(&self) -> &Path {
        &self.inner.layout.root
    }

    pub(crate) fn run<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.inner.journal.run(work)
    }

    pub(crate) fn tell_of_work(&self) {
        for listener in locked(&self.inner.listeners).iter() {
            listener();
        }
    }

    /// Tells those who secure a file with such services, or those who send it when it has none.
    pub(crate) fn tell_of_queued(&self, services: &Services) {
        if services.is_none() {
            self.tell_of_work();
        } else {
            self.tell_of_security();
        }
    }

    pub(crate) fn tell_of_security(&self) {
        for listener in locked(&self.inner.security_listeners).iter() {
            listener();
        }
    }

    /// Held by whoever takes files from the outbox.
    pub(crate) fn scanning(&self) -> MutexGuard<'_, ()> {
        locked(&self.inner.scan)
    }

    /// Held by whoever puts the transfer into the inbox.
    pub(crate) fn delivery_of(&self, id: TransferId) -> MutexGuard<'_, ()> {
        let shard = usize::try_from(id.number() % 16).unwrap_or(0);
        locked(
            self.inner
                .deliveries
                .get(shard)
                .unwrap_or(&self.inner.deliveries[0]),
        )
    }
}

/// What is true in memory only: who holds what at the moment.
#[derive(Debug, Default)]
pub(crate) struct Live {
    next: AtomicU64,
    holders: Mutex<HashSet<i64>>,
    progress: Mutex<HashMap<TransferId, Arc<Progress>>>,
    receipts: Mutex<HashSet<TransferId>>,
}

/// How far the attempt under way has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Octets announced, for which room is kept; zero for outbound files.
    promised: u64,
    /// Octets passed.
    passed: AtomicU64,
}

impl Progress {
    pub(crate) fn set(&self, octets: u64) {
        self.passed.store(octets, Ordering::Relaxed);
    }

    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

impl Live {
    /// A number nobody else in this process has; it counts as live until dropped.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        locked(&self.holders).insert(number);
        Hold {
            live: Arc::clone(self),
            number,
            transfer: None,
        }
    }

    /// Whether the holder of that number is still at it.
    pub(crate) fn holds(&self, number: Option<i64>) -> bool {
        number.is_some_and(|number| locked(&self.holders).contains(&number))
    }

    /// Octets announced for the files now arriving and not written yet.
    pub(crate) fn promised(&self) -> u64 {
        let progress = locked(&self.progress);
        progress.values().fold(0, |sum, file| {
            let passed = file.passed.load(Ordering::Relaxed);
            sum.saturating_add(file.promised.saturating_sub(passed))
        })
    }

    /// Marks an owed receipt as in hand; `false` when it is already.
    pub(crate) fn take_receipt(&self, id: TransferId) -> bool {
        locked(&self.receipts).insert(id)
    }

    /// Gives an owed receipt back.
    pub(crate) fn release_receipt(&self, id: TransferId) {
        locked(&self.receipts).remove(&id);
    }

    /// Whether the receipt is in someone's hand.
    pub(crate) fn has_receipt(&self, id: TransferId) -> bool {
        locked(&self.receipts).contains(&id)
    }

    fn with_progress(&self, mut transfer: Transfer) -> Transfer {
        let progress = locked(&self.progress);
        transfer.progress = progress
            .get(&transfer.id)
            .map(|file| file.passed.load(Ordering::Relaxed));
        transfer
    }
}

/// The right to end one attempt of one transfer; see `holder` in the journal.
#[derive(Debug)]
pub(crate) struct Hold {
    live: Arc<Live>,
    number: i64,
    transfer: Option<TransferId>,
}

impl Hold {
    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    /// Counts the progress of `id` for as long as it is held, with `promised` octets to come.
    pub(crate) fn count(&mut self, id: TransferId, promised: u64) -> Arc<Progress> {
        let progress = Arc::new(Progress {
            promised,
            passed: AtomicU64::new(0),
        });
        locked(&self.live.progress).insert(id, Arc::clone(&progress));
        self.transfer = Some(id);
        progress
    }

    /// Counts what it counts as the progress of `id` instead.
    pub(crate) fn recount(&mut self, id: TransferId) {
        let mut progress = locked(&self.live.progress);
        if let Some(earlier) = self.transfer.replace(id)
            && let Some(counted) = progress.remove(&earlier)
        {
            progress.insert(id, counted);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(id) = self.transfer {
            locked(&self.live.progress).remove(&id);
        }
        locked(&self.live.holders).remove(&self.number);
    }
}

/// A new transfer name.
pub(crate) fn new_id() -> Result<TransferId, StoreError> {
    getrandom::u64().map(TransferId).map_err(|error| {
        let error = std::io::Error::other(error.to_string());
        StoreError::file("draw a random number from", Path::new("the system"))(error)
    })
}

/// Locks, also after a panic elsewhere: every value guarded here is whole between two statements.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn steps(journal: &Connection, id: TransferId) -> Result<Vec<Step>, StoreError> {
    type Raw = (i64, String, String, Option<String>);
    let raws = || -> Result<Vec<Raw>, rusqlite::Error> {
        let mut statement = journal.prepare_cached(
            "SELECT at, step, detail, circuit FROM step WHERE transfer = ?1 ORDER BY rowid",
        )?;
        let rows = statement.query_map([id.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        rows.collect()
    };
    let raws = raws().map_err(StoreError::journal("read"))?;
    raws.into_iter()
        .map(|(at, step, detail, circuit)| {
            Ok(Step {
                at: row::time(at)?,
                step,
                detail,
                circuit,
            })
        })
        .collect()
}
