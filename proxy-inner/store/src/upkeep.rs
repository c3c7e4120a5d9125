//! What an operator, or the age of a file, does to files under way: send again, discard, expire.

use jiff::Timestamp;
use oftp::ReceiptReason;
use rusqlite::Connection;

use crate::error::StoreError;
use crate::inbox::exists;
use crate::intake::first_state;
use crate::layout;
use crate::naming::{has_short_stamps, unique_stamp};
use crate::outbound::{fail_forwarded, was_offered};
use crate::row;
use crate::services::Services;
use crate::store::{Live, Store};
use crate::transfer::{Direction, State, Transfer, TransferId};

impl Store {
    /// Sends a file again that had failed or was rejected. One with file services is secured anew, unless
    /// an earlier attempt may have brought it to the partner: then it is sent byte by byte as before.
    ///
    /// It keeps its stamp only where an earlier attempt may have brought it to the partner, who can
    /// then tell the duplicate; else it gets a new one, so that it is not taken for one. A forwarded file
    /// always keeps it, and is sent again only as long as its sender has not been told that it failed.
    ///
    /// # Errors
    /// [`StoreError::NoTransfer`], [`StoreError::WrongState`], [`StoreError::Refused`] for a file that was
    /// discarded, or a forwarded one whose sender knows; or what the disk or the journal said.
    pub fn retry(&self, id: TransferId, now: Timestamp) -> Result<(), StoreError> {
        self.refuse_discarded(id)?;
        let live = self.inner.live.clone();
        let first = self.run(move |journal| {
            let transfer = row::by_id(journal, id)?;
            let state = transfer.state;
            if transfer.direction != Direction::Out
                || !matches!(state, State::Failed | State::Rejected)
            {
                return Err(StoreError::WrongState {
                    id,
                    state,
                    wanted: "sent again",
                });
            }
            let (file, old) = (&transfer.file, transfer.file.stamp.to_string());
            let offered = state == State::Failed && was_offered(journal, id)?;
            take_back_answer(journal, &live, &transfer)?;
            let keep = offered || transfer.forwarded_from.is_some();
            let stamp = if keep {
                old.clone()
            } else {
                let short = has_short_stamps(journal, &transfer.partner)?;
                unique_stamp(journal, &file.dataset, &file.origin, short, now)?.to_string()
            };
            let first = if is_ready(journal, &transfer, offered)? {
                Services::default()
            } else {
                make_clear(journal, id)?;
                transfer.services()
            };
            let state = first_state(&first).word();
            row::change(
                journal,
                "UPDATE transfer SET state = ?4, reason = NULL, attempts = 0, not_before = NULL, \
                 offered = ?2, stamp = ?3, position = position * ?2, \
                 position_octets = position_octets * ?2 WHERE id = ?1",
                (id.to_string(), offered, &stamp, state),
            )?;
            // What the partner said of the earlier attempt says nothing of this one.
            let sql = "DELETE FROM receipt WHERE transfer = ?1 AND invalid IS NOT NULL";
            row::change(journal, sql, [id.to_string()])?;
            let detail = format!("sent again by an operator, as {stamp}, before as {old}");
            row::step(journal, id, now, state, &detail, None)?;
            Ok(first)
        })?;
        self.tell_of_queued(&first);
        Ok(())
    }

    fn refuse_discarded(&self, id: TransferId) -> Result<(), StoreError> {
        let transfer = self.run(move |journal| row::by_id(journal, id))?;
        let secures = transfer.forwarded_from.is_none() && transfer.services().secures();
        let path = self.inner.layout.handed_over(id, secures);
        let ended = matches!(transfer.state, State::Failed | State::Rejected);
        if transfer.direction == Direction::Out && ended && !exists(&path)? {
            return Err(StoreError::Refused(format!(
                "the file of transfer {id} is not in the spool any more; hand it over again"
            )));
        }
        Ok(())
    }

    /// Removes the spool files of an outbound transfer that failed or was rejected; its journal entry
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
                "its files were removed from the spool",
                None,
            )
        })?;
        let spool = &self.inner.layout;
        layout::remove_file(&spool.spool_file(Direction::Out, id))?;
        layout::remove_file(&spool.clear_file(id))
    }

    /// Fails every file that was queued or was to be secured (for the last time, where an operator sent it again), or interrupted
    /// while it was received, before `before` and has not gone on since; names them. What is held of the interrupted ones is removed; the sender of one that
    /// was to be forwarded is told by a NERP.
    ///
    /// # Errors
    /// What the disk or the journal said.
    pub fn expire(&self, before: Timestamp, now: Timestamp) -> Result<Vec<TransferId>, StoreError> {
        let mut expired = self.expire_interrupted(before, now)?;
        let live = self.inner.live.clone();
        let (queued, answered) = self.run(move |journal| {
            let old = row::select(
                journal,
                "WHERE state IN ('queued', 'securing') AND coalesce((SELECT max(at) FROM step \
                 WHERE step.transfer = transfer.id AND step IN ('queued', 'securing')), created) < ?1 \
                 ORDER BY seq",
                [before.as_millisecond()],
            )?;
            let old = unheld(journal, &live, old)?;
            for transfer in &old {
                let kept = match (&transfer.state, &transfer.reason) {
                    (State::Securing, Some(reason)) => format!(" ({reason})"),
                    _ => String::new(),
                };
                let why = format!(
                    "not sent since {}{kept}; put right what kept it, then send it again",
                    transfer.created
                );
                row::change(
                    journal,
                    "UPDATE transfer SET state = 'failed', reason = ?2, not_before = NULL WHERE id = ?1",
                    (transfer.id.to_string(), &why),
                )?;
                row::step(journal, transfer.id, now, "failed", &why, None)?;
                let answer = (ReceiptReason::NOT_DELIVERED, NOT_DELIVERED);
                fail_forwarded(journal, &live, transfer, answer, now)?;
            }
            let answered = old.iter().any(|transfer| transfer.forwarded_from.is_some());
            let ids: Vec<TransferId> = old.into_iter().map(|transfer| transfer.id).collect();
            Ok::<_, StoreError>((ids, answered))
        })?;
        if answered {
            self.tell_of_work();
        }
        expired.extend(queued);
        Ok(expired)
    }
}

/// Whether what is in the spool can be sent as it is. What the partner may have had before must be the
/// same octets again; else it is secured anew, with the keys and certificates that count now.
fn is_ready(journal: &Connection, transfer: &Transfer, offered: bool) -> Result<bool, StoreError> {
    let services = transfer.services();
    if services.is_none() || transfer.forwarded_from.is_some() {
        return Ok(true);
    }
    let sql = "SELECT secured FROM transfer WHERE id = ?1";
    let secured = row::value(journal, sql, [transfer.id.to_string()])?.unwrap_or(false);
    Ok(secured && (offered || !services.secures()))
}

/// Makes of a file that was secured the clear one that it was.
fn make_clear(journal: &Connection, id: TransferId) -> Result<(), StoreError> {
    row::change(
        journal,
        "UPDATE transfer SET secured = 0, hash = x'', octets = clear_octets, stored = clear_stored, position = 0, \
         position_octets = 0 WHERE id = ?1",
        [id.to_string()],
    )
    .map(drop)
}

/// Those that nobody has in hand.
fn unheld(
    journal: &Connection,
    live: &Live,
    transfers: Vec<Transfer>,
) -> Result<Vec<Transfer>, StoreError> {
    let mut unheld = Vec::new();
    for transfer in transfers {
        let sql = "SELECT holder FROM transfer WHERE id = ?1";
        let holder: Option<Option<i64>> = row::value(journal, sql, [transfer.id.to_string()])?;
        if !live.holds(holder.flatten()) {
            unheld.push(transfer);
        }
    }
    Ok(unheld)
}

const NOT_DELIVERED: &str = "the recipient could not be reached in time";

/// Takes back the NERP that the sender of a forwarded file was to get, if there is still time.
fn take_back_answer(
    journal: &Connection,
    live: &Live,
    transfer: &Transfer,
) -> Result<(), StoreError> {
    let Some(inbound) = transfer.forwarded_from else {
        return Ok(());
    };
    let taken_back = !live.has_receipt(inbound)
        && row::change(
            journal,
            "UPDATE transfer SET receipt = 'awaited' WHERE id = ?1 AND receipt = 'owed'",
            [inbound.to_string()],
        )? == 1;
    if !taken_back {
        let id = transfer.id;
        return Err(StoreError::Refused(format!(
            "transfer {id} was forwarded, and its sender has been told that it failed; the sender has to send it again, under a new time"
        )));
    }
    let sql = "DELETE FROM receipt WHERE transfer = ?1";
    row::change(journal, sql, [inbound.to_string()]).map(drop)
}
