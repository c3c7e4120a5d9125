//! Looks through the outbox folders again and again, gives up what could not be sent or received in
//! time, and has the store kept in order.

use std::time::Duration;

use jiff::Timestamp;
use store::{OutboxFault, OutboxReport, Store, StoreError, TransferId};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::upkeep::{Found, Upkeep};
use crate::session::{SessionContext, Stage};

/// When the outbox is looked at.
#[derive(Clone, Copy, Debug)]
pub struct OutboxSettings {
    /// How often.
    pub every: Duration,
    /// Age at which a file that could not be sent, or was not received to its end, is given up.
    pub expire: Duration,
    /// Age at which the journal forgets a transfer that has ended; with it goes the memory by which
    /// a duplicate is known.
    pub history: Duration,
}

/// The history kept where nothing else is said: a business year and some more.
pub const HISTORY: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// What the looks through the outbox find. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OutboxHandle {
    faults: watch::Receiver<Vec<OutboxFault>>,
    ended: watch::Receiver<()>,
}

impl OutboxHandle {
    /// What the last look found wrong, and all changes of it.
    pub fn faults(&self) -> watch::Receiver<Vec<OutboxFault>> {
        self.faults.clone()
    }

    /// Returns once nobody looks any more, which is so when the process drains.
    pub async fn ended(&self) {
        // Nothing is ever sent: an error says that the sender is gone, which is what is waited for.
        let _ = self.ended.clone().changed().await;
    }
}

/// Starts looking, until the process drains.
pub fn start(settings: OutboxSettings, context: SessionContext) -> OutboxHandle {
    let (faults, faults_seen) = watch::channel(Vec::new());
    let (ending, ended) = watch::channel(());
    let SessionContext {
        store, shutdown, ..
    } = context;
    tokio::spawn(async move {
        let _ending = ending;
        let mut watcher = Watcher {
            store,
            settings,
            faults,
            upkeep: Upkeep::default(),
            failure: None,
        };
        let mut ticks = interval(settings.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => watcher.look().await,
                () = shutdown.reached(Stage::Draining) => return,
            }
        }
    });
    OutboxHandle {
        faults: faults_seen,
        ended,
    }
}

struct Watcher {
    store: Store,
    settings: OutboxSettings,
    faults: watch::Sender<Vec<OutboxFault>>,
    upkeep: Upkeep,
    /// The failure that was logged last; it is not logged again while it lasts.
    failure: Option<String>,
}

impl Watcher {
    async fn look(&mut self) {
        let (store, settings) = (self.store.clone(), self.settings);
        let mut upkeep = std::mem::take(&mut self.upkeep);
        let looked = spawn_blocking(move || {
            let looked = look(&store, settings, &mut upkeep, Timestamp::now());
            (looked, upkeep)
        });
        let failure = match looked.await {
            Ok((looked, upkeep)) => {
                self.upkeep = upkeep;
                looked
                    .map(|look| self.found(look))
                    .err()
                    .map(|error| error.to_string())
            }
            Err(error) => Some(format!("a thread failed: {error}")),
        };
        if let Some(why) = &failure
            && self.failure.as_ref() != Some(why)
        {
            tracing::error!(
                why,
                "The outbox cannot be looked through; it is tried again."
            );
        }
        self.failure = failure;
    }

    fn found(&self, look: Look) {
        let Look {
            report,
            expired,
            found,
        } = look;
        for transfer in &report.queued {
            tracing::info!(%transfer, "A file was taken from the outbox.");
        }
        for transfer in &expired {
            tracing::error!(%transfer, "A file could not be sent, or was not received to its end, in time and was given up; `transfers show` says what kept it.");
        }
        found.report();
        self.faults.send_if_modified(|known| {
            for fault in report.faults.iter().filter(|fault| !known.contains(fault)) {
                tracing::error!(
                    path = %fault.path.display(),
                    why = fault.problem,
                    "A file in the outbox cannot be taken.",
                );
            }
            let changed = *known != report.faults;
            *known = report.faults;
            changed
        });
    }
}

/// What one look found.
struct Look {
    report: OutboxReport,
    expired: Vec<TransferId>,
    found: Found,
}

fn look(
    store: &Store,
    settings: OutboxSettings,
    upkeep: &mut Upkeep,
    now: Timestamp,
) -> Result<Look, StoreError> {
    let report = store.scan_outbox(now)?;
    let oldest = now.checked_sub(settings.expire).unwrap_or(Timestamp::MIN);
    let expired = store.expire(oldest, now)?;
    let found = upkeep.look(store, settings.history, now)?;
    Ok(Look {
        report,
        expired,
        found,
    })
}
