//! Receipts that are not to be believed, and operators who take one after all.

use jiff::Timestamp;
use rusqlite::Connection;

use super::{ReceiptContent, content, note, problem};
use crate::crash;
use crate::error::StoreError;
use crate::outbound::was_offered;
use crate::row;
use crate::store::Store;
use crate::transfer::{State, Transfer, TransferId};

impl Store {
    /// Takes a receipt that had come and was not to be believed: the file is acknowledged or rejected, as
    /// the receipt says.
    ///
    /// # Errors
    /// [`StoreError::NoTransfer`]; [`StoreError::Refused`] when no such receipt waits; or what the
    /// journal said.
    pub fn accept_receipt(&self, id: TransferId, now: Timestamp) -> Result<(), StoreError> {
        let state = self.run(move |journal| {
            let transfer = row::by_id(journal, id)?;
            let awaited = transfer.state == State::Sent || was_offered(journal, id)?;
            let why = problem(journal, id)?.filter(|_| awaited && !has_ended(&transfer));
            let (Some(why), Some(content)) = (why, content(journal, id)?) else {
                return Err(StoreError::Refused(format!(
                    "transfer {id} is {} and has no receipt that waits to be accepted",
                    transfer.state
                )));
            };
            let detail = format!("by an operator, although {why}");
            row::step(journal, id, now, "receipt accepted", &detail, None)?;
            settle(journal, id, &content, None, now)
        })?;
        crash::point("receipt.accepted");
        if state == State::Acknowledged {
            self.remove_sent(id)?;
        }
        Ok(())
    }
}

fn has_ended(transfer: &Transfer) -> bool {
    matches!(
        transfer.state,
        State::Acknowledged | State::Rejected | State::Failed
    )
}

/// What a receipt makes of the file it is for.
pub(super) fn state_by(content: &ReceiptContent) -> State {
    if content.is_positive() {
        State::Acknowledged
    } else {
        State::Rejected
    }
}

/// Ends the transfer as its receipt says.
pub(super) fn settle(
    journal: &Connection,
    id: TransferId,
    content: &ReceiptContent,
    circuit: Option<&str>,
    now: Timestamp,
) -> Result<State, StoreError> {
    let settled = state_by(content);
    let told = content.told();
    let reason = (settled == State::Rejected).then_some(told.as_str());
    row::change(
        journal,
        "UPDATE transfer SET state = ?2, reason = ?3, not_before = NULL, holder = NULL WHERE id = ?1",
        (id.to_string(), settled.word(), reason),
    )?;
    note(journal, id, content)?;
    row::step(journal, id, now, settled.word(), &told, circuit)?;
    Ok(settled)
}

/// Keeps a receipt that settles nothing; the file goes on waiting for one.
pub(super) fn keep_invalid(
    journal: &Connection,
    id: TransferId,
    content: &ReceiptContent,
    why: &str,
    circuit: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    note(journal, id, content)?;
    let sql = "UPDATE receipt SET invalid = ?2 WHERE transfer = ?1";
    row::change(journal, sql, (id.to_string(), why))?;
    let reason = format!("a receipt came and was not taken: {why}");
    let sql = "UPDATE transfer SET reason = ?2 WHERE id = ?1";
    row::change(journal, sql, (id.to_string(), reason))?;
    let detail = format!("{}; {why}", content.told());
    row::step(journal, id, now, "receipt invalid", &detail, Some(circuit))
}
