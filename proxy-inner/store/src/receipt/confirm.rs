//! Business confirmation: for partners whose receipts wait until someone has looked at the file.

use jiff::Timestamp;
use oftp::ReceiptReason;

use super::{ReceiptContent, creator, note};
use crate::crash;
use crate::error::StoreError;
use crate::row;
use crate::store::Store;
use crate::transfer::{ReceiptState, TransferId};

impl Store {
    /// The file is good: its partner is owed an EERP from now on.
    ///
    /// # Errors
    /// [`StoreError::NoTransfer`]; [`StoreError::Refused`] when its receipt does not wait for a
    /// confirmation; or what the journal said.
    pub fn confirm(&self, id: TransferId, now: Timestamp) -> Result<(), StoreError> {
        self.answer(id, None, now)
    }

    /// The file cannot be used: its partner is owed a NERP from now on, of that reason and with that
    /// text (at most 999 octets, more is cut off).
    ///
    /// # Errors
    /// As [`Store::confirm`].
    pub fn reject(
        &self,
        id: TransferId,
        reason: ReceiptReason,
        text: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.answer(id, Some((reason, text.to_owned())), now)
    }

    fn answer(
        &self,
        id: TransferId,
        rejection: Option<(ReceiptReason, String)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(move |journal| {
            let transfer = row::by_id(journal, id)?;
            if transfer.receipt != Some(ReceiptState::Unconfirmed) {
                let receipt = transfer.receipt.map_or("none", ReceiptState::word);
                return Err(StoreError::Refused(format!(
                    "transfer {id} is {}, its receipt: {receipt}; only one that is unconfirmed can be confirmed or rejected",
                    transfer.state
                )));
            }
            let content = match rejection {
                None => ReceiptContent::positive(transfer.user.clone()),
                Some((reason, text)) => {
                    ReceiptContent::negative(reason, &text, creator(journal, &transfer)?)
                }
            };
            let step = if content.is_positive() {
                "confirmed"
            } else {
                "rejected"
            };
            row::change(
                journal,
                "UPDATE transfer SET receipt = 'owed', receipt_since = ?2 WHERE id = ?1",
                (id.to_string(), now.as_millisecond()),
            )?;
            note(journal, id, &content)?;
            row::step(journal, id, now, step, &content.told(), None)
        })?;
        crash::point("receipt.confirmed");
        self.tell_of_work();
        Ok(())
    }
}
