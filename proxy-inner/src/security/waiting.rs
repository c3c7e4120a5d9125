//! Sessions that wait: for a file to be checked before they acknowledge it (EFPA or EFNA), and for those
//! they acknowledged to be opened, so that the receipts go out before the session ends.
//!
//! The store gives a received file to whoever asks first. So that a session finds its own, it says
//! beforehand which one it waits for; should the worker get hold of it, the worker hands it over.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::EndFileRefusal;
use jiff::Timestamp;
use store::{OpeningClaim, State, Store, StoreError, TransferId};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Security;
use super::opening;
use crate::session::{Shutdown, Stage};

/// What a check before the acknowledgement came to.
#[derive(Debug)]
pub(crate) enum Checked {
    /// The file is right, and may be delivered.
    Opened,
    /// It is not, and the partner is told by EFNA; it is forgotten.
    Refused(EndFileRefusal),
    /// That cannot be said now, for a reason of ours: it is acknowledged, and checked later.
    Later,
}

/// A session's claim to check a file itself.
pub(crate) struct Expected {
    security: Arc<Security>,
    id: TransferId,
    octets: u64,
    handed: oneshot::Receiver<OpeningClaim>,
}

impl Security {
    /// To be called before the file, of so many octets, counts as received.
    pub(crate) fn expect(self: &Arc<Self>, id: TransferId, octets: u64) -> Expected {
        let (hand, handed) = oneshot::channel();
        self.expected().insert(id, hand);
        Expected {
            security: Arc::clone(self),
            id,
            octets,
            handed,
        }
    }
}

impl Expected {
    /// Checks the file once it is received. Waits for one of the places of the worker.
    pub(crate) async fn check(mut self, shutdown: Shutdown) -> Checked {
        let checked = self.try_check(shutdown).await;
        checked.unwrap_or_else(|why| {
            tracing::error!(transfer = %self.id, why, "A file cannot be checked before it is acknowledged; it is afterwards.");
            Checked::Later
        })
    }

    async fn try_check(&mut self, shutdown: Shutdown) -> Result<Checked, String> {
        let security = Arc::clone(&self.security);
        let large = match self.octets > security.settings.large {
            true => {
                let permit = Arc::clone(&security.large).acquire_owned().await;
                Some(permit.map_err(|error| error.to_string())?)
            }
            false => None,
        };
        let place = Arc::clone(&security.places).acquire_owned().await;
        let place = place.map_err(|error| error.to_string())?;
        let (store, id) = (security.store.clone(), self.id);
        let claimed = spawn_blocking(move || {
            let claim = store.claim_opening(Some(id), Timestamp::now())?;
            let waits = match &claim {
                Some(_) => true,
                None => store
                    .transfer(id)?
                    .is_some_and(|(it, _)| it.needs_opening()),
            };
            Ok::<_, StoreError>((claim, waits))
        });
        let claimed = claimed.await.map_err(|error| error.to_string())?;
        let claim = match claimed.map_err(|error| error.to_string())? {
            (Some(claim), _) => claim,
            // The worker was first, and hands it over in a moment.
            (None, true) => {
                let handed = (&mut self.handed).await;
                handed.map_err(|_| "it was handed over to nobody")?
            }
            (None, false) => return Err("it does not wait to be opened".to_owned()),
        };
        let checked = spawn_blocking(move || {
            let _places = (large, place);
            security.check(claim, &shutdown)
        });
        let checked = checked.await.map_err(|error| error.to_string())?;
        checked.map_err(|error| error.to_string())
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.security.expected().remove(&self.id);
    }
}

impl Security {
    /// Returns once the worker has seen to all these received files, or it is not worth waiting longer.
    pub(crate) async fn seen_to(&self, files: Vec<TransferId>, shutdown: &Shutdown) {
        if !self.runs.load(Ordering::Relaxed) {
            return;
        }
        let mut seen_to = self.seen_to.subscribe();
        let all = async {
            loop {
                // What is opened while we look is to be seen as a change afterwards.
                seen_to.mark_unchanged();
                let (store, files) = (self.store.clone(), files.clone());
                let waiting = spawn_blocking(move || are_waiting(&store, &files)).await;
                let waits = matches!(waiting, Ok(Ok(true)));
                if !waits || seen_to.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            // Whatever comes of it, the receipts go out some day.
            _ = timeout(self.settings.patience, all) => {}
            () = shutdown.reached(Stage::Draining) => {}
        }
    }

    /// Opens a file whose sender waits for the answer. Blocks, for as long as it takes.
    fn check(&self, mut claim: OpeningClaim, shutdown: &Shutdown) -> Result<Checked, StoreError> {
        let transfer = claim.transfer().clone();
        let (partner, id) = (transfer.partner.as_str(), transfer.id);
        let outcome = self.open(&mut claim, shutdown);
        let now = Timestamp::now();
        match outcome {
            opening::Outcome::Opened {
                hash,
                evidence,
                octets,
            } => {
                self.tell_opened(&transfer, octets, &evidence);
                claim.finish(hash, evidence, now)?;
                self.counters.files_opened.one();
                Ok(Checked::Opened)
            }
            opening::Outcome::Failed { failure, .. } => {
                let reason = failure.what.file_reason();
                claim.refused(&failure.why, now)?;
                self.counters.files_unopened.one();
                tracing::error!(
                    partner,
                    transfer = %id,
                    reason = reason.text(),
                    why = failure.why,
                    "A file cannot be opened; its sender is told so at once.",
                );
                Ok(Checked::Refused(EndFileRefusal {
                    reason,
                    text: failure.text,
                }))
            }
            opening::Outcome::Held(why) => {
                self.hold(&why, transfer.reason.as_deref(), partner, id, "opened");
                claim.held(&why, self.again(now), now)?;
                Ok(Checked::Later)
            }
            opening::Outcome::Stopped => Ok(Checked::Later),
        }
    }
}

/// Whether any of the files is still to be opened, or delivered, and not held.
fn are_waiting(store: &Store, files: &[TransferId]) -> Result<bool, StoreError> {
    for id in files {
        let transfer = store.transfer(*id)?.map(|(transfer, _)| transfer);
        if transfer.is_some_and(|it| it.state == State::Received && it.not_before.is_none()) {
            return Ok(true);
        }
    }
    Ok(false)
}
