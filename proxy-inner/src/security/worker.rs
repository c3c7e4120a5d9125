//! The loop that takes what is to be opened or secured, as many files at a time as there are
//! processors.
//!
//! Nothing here is in a session's way: the octets of a file move on threads that may block, and the
//! store keeps what is under way if the process ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use store::{
    Delivered, Evidence, EvidenceKind, OpeningClaim, SecuringClaim, StoreError, Transfer,
    TransferId,
};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use super::certificates::used;
use super::live::Kind;
use super::opening::services;
use super::{Security, opening, securing};
use crate::session::{Shutdown, Stage};

/// The store is asked this often even if nothing says that there is something.
const LOOK_AT_LEAST: Duration = Duration::from_secs(60);
/// How long to wait before the store is asked again after it failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The least wait: what is due and in nobody's hand is somebody's in a moment.
const A_MOMENT: Duration = Duration::from_millis(20);

/// What a look at the store came to.
enum Look {
    /// There was something, and it was seen to.
    Worked,
    /// There is nothing for so long, unless something comes.
    Idle(Duration),
    /// There is nothing but large files, of which as many are worked on as may be.
    Large,
    /// The store failed.
    Failed,
}

impl Security {
    /// Opens and secures files until the process drains; what is under way then is ended, or tried
    /// again after the next start.
    pub async fn run(self: Arc<Self>, shutdown: Shutdown) {
        self.runs.store(true, Ordering::Relaxed);
        let mut workers = JoinSet::new();
        for number in 0..self.settings.parallel.max(1) {
            // Files going out do not wait for files coming in, nor the other way round.
            let securing_first = number % 2 == 1;
            workers.spawn(Arc::clone(&self).work(shutdown.clone(), securing_first));
        }
        let bells = Arc::clone(&self).listen(shutdown.clone());
        let all = async { while workers.join_next().await.is_some() {} };
        tokio::join!(bells, all);
        self.runs.store(false, Ordering::Relaxed);
    }

    /// Does everything there is to do now, for those who do not run the loop. Blocks.
    ///
    /// # Errors
    /// What the store said.
    pub fn work_off(self: &Arc<Self>, shutdown: &Shutdown) -> Result<(), StoreError> {
        let mut room = Room::Any;
        while self.open_one(&mut room, shutdown)? || self.secure_one(&mut room, shutdown)? {}
        Ok(())
    }

    /// Has everything that is held tried again when keys have changed.
    async fn listen(self: Arc<Self>, shutdown: Shutdown) {
        let mut changed = self.keyring.changed();
        loop {
            tokio::select! {
                change = changed.changed() => if change.is_err() {
                    return shutdown.reached(Stage::Draining).await;
                },
                () = shutdown.reached(Stage::Draining) => return,
            }
            let store = self.store.clone();
            let released = spawn_blocking(move || store.release_held());
            if let Ok(Err(error)) = released.await {
                tracing::warn!(why = %error, "Held files are tried again only when their time has come.");
            }
        }
    }

    async fn work(self: Arc<Self>, shutdown: Shutdown, mut securing_first: bool) {
        let mut due = self.due.subscribe();
        while shutdown.is_running() {
            // What comes up while we look is to be seen as a change afterwards.
            due.mark_unchanged();
            let look = self.look(&shutdown, securing_first).await;
            securing_first = !securing_first;
            let pause = match look {
                Look::Worked => continue,
                Look::Idle(pause) => pause,
                Look::Failed => AFTER_FAILURE,
                Look::Large => LOOK_AT_LEAST,
            };
            let large = async {
                match look {
                    // The permit goes back at once: the next look takes it, if nobody was faster.
                    Look::Large => drop(self.large.acquire().await),
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = large => {}
                () = bell(&mut due) => {}
                () = shutdown.reached(Stage::Draining) => {}
            }
        }
    }

    async fn look(self: &Arc<Self>, shutdown: &Shutdown, securing_first: bool) -> Look {
        // Sessions that check a file before they acknowledge it take their places from the same number.
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            return Look::Failed;
        };
        let large = Arc::clone(&self.large).try_acquire_owned().ok();
        let (security, shutdown) = (Arc::clone(self), shutdown.clone());
        let looked = spawn_blocking(move || {
            let _place = place;
            let mut room = match large {
                Some(large) => Room::Large { _permit: large },
                None => Room::Small,
            };
            let mut order = [Kind::Opening, Kind::Securing];
            if securing_first {
                order.reverse();
            }
            for kind in order {
                let worked = match kind {
                    Kind::Opening => security.open_one(&mut room, &shutdown)?,
                    Kind::Securing => security.secure_one(&mut room, &shutdown)?,
                };
                if worked {
                    return Ok(Look::Worked);
                }
            }
            let pause = security.pause()?;
            Ok::<_, StoreError>(match room {
                // What is due is not for this place.
                Room::Small if pause <= A_MOMENT => Look::Large,
                _ => Look::Idle(pause),
            })
        });
        match looked.await {
            Ok(Ok(look)) => look,
            Ok(Err(error)) => {
                tracing::error!(why = %error, "The store failed while a file was secured or opened; it is tried again.");
                Look::Failed
            }
            Err(error) => {
                tracing::error!(why = %error, "A thread that secures and opens files failed; its file is tried again.");
                Look::Failed
            }
        }
    }

    /// How long nothing is due.
    fn pause(&self) -> Result<Duration, StoreError> {
        let due = self.store.security_due()?;
        let wait = due.map(|due| Timestamp::now().duration_until(due));
        let wait = wait.map(|wait| Duration::try_from(wait).unwrap_or(A_MOMENT));
        Ok(wait.map_or(LOOK_AT_LEAST, |wait| wait.clamp(A_MOMENT, LOOK_AT_LEAST)))
    }

    /// Opens one file, if one waits.
    fn open_one(
        self: &Arc<Self>,
        room: &mut Room,
        shutdown: &Shutdown,
    ) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let claim = match room {
            Room::Small => self.store.claim_opening_within(self.settings.large, now)?,
            _ => self.store.claim_opening(None, now)?,
        };
        let Some(claim) = claim else {
            return Ok(false);
        };
        let (id, partner) = (claim.transfer().id, claim.transfer().partner.clone());
        room.settle(claim.transfer().octets, self.settings.large);
        // A session waits for this one.
        let waiting = self.expected().remove(&id);
        let claim = match waiting {
            None => claim,
            Some(session) => match session.send(claim) {
                Ok(()) => return Ok(true),
                Err(claim) => claim,
            },
        };
        let finished = self.finish_opening(claim, shutdown);
        let finished = finished.or_else(|error| self.put_off(id, &partner, "opened", &error));
        self.seen_to.send_modify(|count| *count += 1);
        finished.map(|()| true)
    }

    /// The end of work on a file could not be recorded: it is tried again, but not before all others.
    fn put_off(
        &self,
        id: TransferId,
        partner: &str,
        wanted: &'static str,
        error: &StoreError,
    ) -> Result<(), StoreError> {
        let (why, now) = (error.to_string(), Timestamp::now());
        self.hold(&why, None, partner, id, wanted);
        self.store.hold(id, &why, self.again(now), now)
    }

    /// Opens a file and delivers it, or sees to it that its sender is told.
    fn finish_opening(
        &self,
        mut claim: OpeningClaim,
        shutdown: &Shutdown,
    ) -> Result<(), StoreError> {
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
                self.deliver(partner, id);
            }
            opening::Outcome::Failed { failure, hash } => {
                let reason = failure.what.receipt_reason();
                claim.failed(reason, &failure.text, &failure.why, hash, now)?;
                self.counters.files_unopened.one();
                tracing::error!(
                    partner,
                    transfer = %id,
                    reason = reason.text(),
                    why = failure.why,
                    "A file cannot be opened; its sender gets a negative receipt.",
                );
            }
            opening::Outcome::Held(why) => {
                self.hold(&why, transfer.reason.as_deref(), partner, id, "opened");
                claim.held(&why, self.again(now), now)?;
            }
            opening::Outcome::Stopped => drop(claim),
        }
        Ok(())
    }

    /// Tells that a file was opened, and with which certificates.
    pub(super) fn tell_opened(&self, transfer: &Transfer, octets: u64, evidence: &[Evidence]) {
        tracing::info!(
            partner = transfer.partner,
            transfer = %transfer.id,
            services = services(transfer.security, transfer.compression),
            octets,
            decrypted_with = used(evidence, EvidenceKind::DecryptedWith),
            signed_by = used(evidence, EvidenceKind::SignedBy),
            "A file was opened.",
        );
    }

    /// Puts an opened file into the inbox.
    fn deliver(&self, partner: &str, transfer: TransferId) {
        match self.store.deliver(transfer, Timestamp::now()) {
            Ok(Delivered::Inbox(path)) => {
                let path = path.display().to_string();
                tracing::info!(partner, %transfer, path, "A file was delivered.");
            }
            Ok(Delivered::Forwarded(onward)) => {
                tracing::info!(partner, %transfer, %onward, "A file was queued for the partner it is for.");
            }
            Err(error) => tracing::error!(
                partner,
                %transfer,
                why = %error,
                "A received file cannot be handed on; it is safe in the spool.",
            ),
        }
    }

    /// Secures one file, if one waits.
    pub(super) fn secure_one(
        &self,
        room: &mut Room,
        shutdown: &Shutdown,
    ) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let claim = match room {
            Room::Small => self.store.claim_securing_within(self.settings.large, now)?,
            _ => self.store.claim_securing(now)?,
        };
        let Some(mut claim) = claim else {
            return Ok(false);
        };
        let (id, partner) = (claim.transfer().id, claim.transfer().partner.clone());
        room.settle(claim.clear_octets(), self.settings.large);
        let outcome = self.secure(&mut claim, shutdown);
        let finished = self.finish_securing(claim, outcome);
        let finished = finished.or_else(|error| self.put_off(id, &partner, "secured", &error));
        finished.map(|()| true)
    }

    fn finish_securing(
        &self,
        claim: SecuringClaim,
        outcome: securing::Outcome,
    ) -> Result<(), StoreError> {
        let transfer = claim.transfer().clone();
        let (partner, id) = (transfer.partner.as_str(), transfer.id);
        let now = Timestamp::now();
        match outcome {
            securing::Outcome::Secured {
                hash,
                evidence,
                octets,
            } => {
                tracing::info!(
                    partner,
                    transfer = %id,
                    services = services(transfer.security, transfer.compression),
                    clear = transfer.octets,
                    octets,
                    signed_with = used(&evidence, EvidenceKind::SignedWith),
                    encrypted_for = used(&evidence, EvidenceKind::EncryptedFor),
                    "A file was secured.",
                );
                claim.finish(hash, evidence, now)?;
                self.counters.files_secured.one();
            }
            securing::Outcome::Failed(why) => {
                claim.failed(&why, now)?;
                tracing::error!(partner, transfer = %id, why, "A file cannot be secured; hand it over again as it should be.");
            }
            securing::Outcome::Held(why) => {
                self.hold(&why, transfer.reason.as_deref(), partner, id, "secured");
                claim.held(&why, self.again(now), now)?;
            }
            securing::Outcome::Stopped => drop(claim),
        }
        Ok(())
    }

    /// Tells that a file is held, and why; once for the same reason, `before` being the one it had.
    pub(super) fn hold(
        &self,
        why: &str,
        before: Option<&str>,
        partner: &str,
        transfer: TransferId,
        wanted: &'static str,
    ) {
        self.counters.files_held.one();
        if before == Some(why) {
            tracing::debug!(partner, %transfer, wanted, why, "A file is still held.");
            return;
        }
        tracing::error!(
            partner,
            %transfer,
            wanted,
            why,
            "A file is held; it is tried again by itself once that is put right.",
        );
    }

    /// When what is held now is tried again.
    pub(super) fn again(&self, now: Timestamp) -> Timestamp {
        let pause = SignedDuration::try_from(self.settings.again);
        pause.map_or(now, |pause| now.saturating_add(pause).unwrap_or(now))
    }
}

/// What a place may be used for.
pub(super) enum Room {
    /// Every file, without regard to others.
    Any,
    /// Every file; the permit is for a large one.
    Large { _permit: OwnedSemaphorePermit },
    /// Files that are not large.
    Small,
}

impl Room {
    /// A file of so many octets was taken: the permit for a large one goes back if it is not.
    fn settle(&mut self, octets: u64, large: u64) {
        if octets <= large && matches!(self, Room::Large { .. }) {
            *self = Room::Small;
        }
    }
}

/// Returns when something new is to be done.
async fn bell(due: &mut watch::Receiver<u64>) {
    if due.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
