//! How an attempt to receive a file ends before the file does.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Checkpoint, Inbound};
use crate::crash;
use crate::error::StoreError;
use crate::layout;
use crate::row;
use crate::spool::SpoolFile;
use crate::store::{Live, Store};
use crate::transfer::{Direction, State, Transfer, TransferId};

impl Inbound {
    /// The session ended before the file did: what came is put on disk and kept, so that the partner
    /// can go on from it. `why` is a sentence for the operator.
    ///
    /// After a write that failed, as on a full disk, nothing is kept: its room is given back, and the
    /// partner begins anew.
    ///
    /// # Errors
    /// What the disk or the journal said; the last checkpoint stands then.
    pub fn interrupted(mut self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        if self.broken {
            return self.fail(why, now);
        }
        let Some(spool) = &mut self.spool else {
            return Err(StoreError::Stopped);
        };
        spool.sync()?;
        crash::point("inbound.interrupted-synced");
        let ending = self.ending(State::Interrupted, why.to_owned(), self.reached(), now);
        self.spool = None;
        self.store.run(move |journal| ending.record(journal))?;
        crash::point("inbound.interrupted");
        Ok(())
    }

    /// Gives the file up and forgets what came of it; `why` is a sentence for the operator.
    ///
    /// # Errors
    /// What the journal said; the next start cleans up then.
    pub fn abandon(mut self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        self.fail(why, now)
    }

    fn ending(&self, state: State, why: String, kept: Checkpoint, now: Timestamp) -> Ending {
        Ending {
            id: self.id,
            holder: self.hold.number(),
            state,
            why,
            kept,
            circuit: self.circuit.clone(),
            now,
        }
    }

    /// Ends the attempt. The spool file goes first: no `received` was ever written, so nothing can
    /// say that the file is whole, and on a full disk the journal may need its room.
    pub(super) fn fail(&mut self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let removed = match self.spool.take() {
            Some(spool) => spool.remove(),
            // It could not be opened to go on with: what an earlier attempt left goes all the same.
            None => layout::remove_file(&self.path()),
        };
        crash::point("inbound.removed");
        let ending = self.ending(State::Failed, why.to_owned(), Checkpoint::default(), now);
        self.store.run(move |journal| ending.record(journal))?;
        removed
    }

    pub(super) fn path(&self) -> PathBuf {
        let spool = &self.store.inner.layout;
        spool.spool_file(Direction::In, self.id)
    }

    /// The same without waiting for the journal.
    pub(super) fn give_up(&mut self, why: String, now: Timestamp) {
        let Some(spool) = self.spool.take() else {
            return;
        };
        if let Err(error) = spool.remove() {
            tracing::warn!(transfer = %self.id, %error, "A spool file stays until the next start.");
        }
        self.post(self.ending(State::Failed, why, Checkpoint::default(), now));
    }

    /// Ends the attempt after `received` could not be committed. A commit that failed may still be
    /// found whole after a power cut, until a later one is on disk; the spool file goes only then.
    pub(super) fn give_up_in_doubt(&self, spool: SpoolFile, why: String, now: Timestamp) {
        let id = self.id;
        let ending = self.ending(State::Failed, why, Checkpoint::default(), now);
        self.store.inner.journal.post(
            END,
            move |journal| ending.record(journal),
            move || {
                if let Err(error) = spool.remove() {
                    tracing::warn!(transfer = %id, %error, "A spool file stays until the next start.");
                }
            },
        );
    }

    fn post(&self, ending: Ending) {
        self.store
            .inner
            .journal
            .post(END, move |journal| ending.record(journal), || {});
    }
}

const END: &str = "the end of a file that was not received whole";
const DROPPED: &str = "the session ended before the file did";

impl Drop for Inbound {
    fn drop(&mut self) {
        let now = Timestamp::now();
        if self.broken {
            self.give_up(DROPPED.to_owned(), now);
        } else if self.spool.take().is_some() {
            // Nothing is synced here: the last checkpoint is what is held.
            self.post(self.ending(State::Interrupted, DROPPED.to_owned(), self.checkpoint, now));
        }
    }
}

/// The end of an attempt.
struct Ending {
    id: TransferId,
    holder: i64,
    state: State,
    why: String,
    kept: Checkpoint,
    circuit: String,
    now: Timestamp,
}

impl Ending {
    fn record(&self, journal: &Connection) -> Result<(), StoreError> {
        let position = self.kept.position;
        let changed = row::change(
            journal,
            "UPDATE transfer SET state = ?3, reason = ?4, holder = NULL, position = ?5, \
             position_octets = ?6, stored = ?7 WHERE id = ?1 AND state = 'receiving' AND holder = ?2",
            (
                self.id.to_string(),
                self.holder,
                self.state.word(),
                &self.why,
                row::octets(position.answer),
                row::octets(position.octets),
                row::octets(self.kept.stored),
            ),
        )?;
        if changed != 1 {
            return Ok(());
        }
        let detail = match self.state {
            State::Interrupted => format!("{}; {} octets are held", self.why, position.octets),
            _ => self.why.clone(),
        };
        let circuit = Some(self.circuit.as_str());
        row::step(
            journal,
            self.id,
            self.now,
            self.state.word(),
            &detail,
            circuit,
        )
    }
}

/// Interrupts those of `receiving` that nobody holds any more: what their last checkpoint says is held.
pub(crate) fn end_forgotten(
    journal: &Connection,
    live: &Live,
    receiving: Vec<Transfer>,
    now: Timestamp,
) -> Result<Vec<TransferId>, StoreError> {
    let mut ended = Vec::new();
    for transfer in receiving {
        let id = transfer.id.to_string();
        let holder: Option<Option<i64>> =
            row::value(journal, "SELECT holder FROM transfer WHERE id = ?1", [&id])?;
        if live.holds(holder.flatten()) {
            continue;
        }
        row::change(
            journal,
            "UPDATE transfer SET state = 'interrupted', reason = ?2, holder = NULL WHERE id = ?1",
            [&id, FORGOTTEN],
        )?;
        row::step(journal, transfer.id, now, "interrupted", FORGOTTEN, None)?;
        ended.push(transfer.id);
    }
    Ok(ended)
}

const FORGOTTEN: &str = "its end could not be recorded at the time; the partner sends it again";

impl Store {
    /// Sets right what could not be recorded when it ended, as on a full disk.
    pub(crate) fn settle_receiving(&self, now: Timestamp) -> Result<(), StoreError> {
        let live = self.inner.live.clone();
        self.run(move |journal| {
            let receiving = row::select(journal, "WHERE state = 'receiving'", [])?;
            end_forgotten(journal, &live, receiving, now).map(drop)
        })
    }

    /// Fails files that were interrupted before `before` and never went on; their spool files go once
    /// the journal knows.
    pub(crate) fn expire_interrupted(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<TransferId>, StoreError> {
        let expired = self.run(move |journal| {
            let old = row::select(
                journal,
                "WHERE state = 'interrupted' AND changed < ?1 ORDER BY seq",
                [before.as_millisecond()],
            )?;
            for transfer in &old {
                let why = format!(
                    "the partner has not gone on with it since {}; what was held of it is removed",
                    transfer.changed
                );
                row::change(
                    journal,
                    "UPDATE transfer SET state = 'failed', reason = ?2, position = 0, \
                     position_octets = 0, stored = 0 WHERE id = ?1",
                    (transfer.id.to_string(), &why),
                )?;
                row::step(journal, transfer.id, now, "failed", &why, None)?;
            }
            Ok::<_, StoreError>(
                old.into_iter()
                    .map(|transfer| transfer.id)
                    .collect::<Vec<_>>(),
            )
        })?;
        crash::point("inbound.expired");
        expired.iter().try_for_each(|id| {
            layout::remove_file(&self.inner.layout.spool_file(Direction::In, *id))
        })?;
        Ok(expired)
    }
}
