//! What an operator, or the age of a file, does to files to send: send again, discard, expire.

use jiff::Timestamp;

use crate::claim::was_offered;
use crate::error::StoreError;
use crate::layout;
use crate::naming::unique_stamp;
use crate::row;
use crate::store::Store;
use crate::transfer::{Direction, State, TransferId};

impl Store {
    /// Sends a file again that had failed or was rejected.
    ///
    /// It keeps its stamp only where an earlier attempt may have brought it to the partner, who can
    /// then tell the duplicate; else it gets a new one, so that it is not taken for one.
    ///
    /// # Errors
    /// [`StoreError::NoTransfer`], [`StoreError::WrongState`], or what the journal said.
    pub fn retry(&self, id: TransferId, now: Timestamp) -> Result<(), StoreError> {
        self.run(move |journal| {
            let transfer = row::by_id(journal, id)?;
            let state = transfer.state;
            if transfer.direction != Direction::Out
                || !matches!(state, State::Failed | State::Rejected)
            {
                return Err(StoreError::WrongState { id, state, wanted: "sent again" });
            }
            let (file, old) = (&transfer.file, transfer.file.stamp.to_string());
            let keep = state == State::Failed && was_offered(journal, id)?;
            let stamp = if keep {
                old.clone()
            } else {
                unique_stamp(journal, &file.dataset, &file.origin, now)?.to_string()
            };
            row::change(
                journal,
                "UPDATE transfer SET state = 'queued', reason = NULL, attempts = 0, not_before = NULL, \
                 offered = ?2, stamp = ?3 WHERE id = ?1",
                (id.to_string(), keep, &stamp),
            )?;
            let detail = format!("sent again by an operator, as {stamp}, before as {old}");
            row::step(journal, id, now, "queued", &detail, None)
        })?;
        self.tell_of_work();
        Ok(())
    }

    /// Removes the spool file of an outbound transfer that failed or was rejected; its journal entry
    /// stays.
    ///
    /// # Errors
    /// [`StoreError::NoTransfer`], [`StoreError::WrongState`], or what disk or journal said.
    pub fn discard(&self, id: TransferId, now: Timestamp) -> Result<(), StoreError> {
        self.run(move |journal| {
            let transfer = row::by_id(journal, id)?;
            let ended = matches!(transfer.state, State::Failed | State::Rejected);
            if transfer.direction != Direction::Out || !ended {
                let state = transfer.state;
                return Err(StoreError::WrongState {
                    id,
                    state,
                    wanted: "discarded",
                });
            }
            row::step(
                journal,
                id,
                now,
                "discarded",
                "its spool file was removed",
                None,
            )
        })?;
        layout::remove_file(&self.inner.layout.spool_file(Direction::Out, id))
    }

    /// Fails every queued file that was queued before `queued_before`; names them.
    ///
    /// # Errors
    /// What the journal said.
    pub fn expire(
        &self,
        queued_before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<TransferId>, StoreError> {
        self.run(move |journal| {
            let old = row::select(
                journal,
                "WHERE state = 'queued' AND created < ?1 ORDER BY seq",
                [queued_before.as_millisecond()],
            )?;
            for transfer in &old {
                let why = format!(
                    "not sent since {}; put right what kept it, then send it again",
                    transfer.created
                );
                row::change(
                    journal,
                    "UPDATE transfer SET state = 'failed', reason = ?2 WHERE id = ?1",
                    (transfer.id.to_string(), &why),
                )?;
                row::step(journal, transfer.id, now, "failed", &why, None)?;
            }
            Ok(old.into_iter().map(|transfer| transfer.id).collect())
        })
    }
}
