//! Receipts: those we owe, and those that come for what we sent.
//!
//! An owed receipt is in the journal from the moment the file is ours (`received`), and is given to
//! sessions from the moment it is in the inbox (`delivered`). Whoever has it in hand is known in
//! memory only: a kill gives it back, and at worst the partner gets the same EERP twice, which RFC
//! 5024 has it bear; it never gets none.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use oftp::{FileId, ReceiptReason};
use rusqlite::Connection;

use crate::claim::was_offered;
use crate::crash;
use crate::error::{ReceiptProblem, StoreError};
use crate::layout;
use crate::row;
use crate::store::Store;
use crate::transfer::{Direction, State, Transfer, TransferId};

/// What a partner's receipt says of a file we sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// EERP: it arrived.
    Positive,
    /// NERP: it did not, or could not be used.
    Negative {
        /// NERPREAS.
        reason: ReceiptReason,
        /// NERPREAST, may be empty.
        text: String,
    },
}

/// A receipt we owe, in the hands of one session. Dropped before [`ReceiptClaim::sent`], it is owed
/// as before.
#[derive(Debug)]
pub struct ReceiptClaim {
    store: Store,
    transfer: Transfer,
    circuit: String,
}

impl Store {
    /// Gives the session on `circuit` the oldest receipt we owe the partner, if there is one.
    ///
    /// # Errors
    /// What the journal said.
    pub fn claim_receipt(
        &self,
        partner: &str,
        circuit: &str,
        _now: Timestamp,
    ) -> Result<Option<ReceiptClaim>, StoreError> {
        let (partner, live) = (partner.to_owned(), self.inner.live.clone());
        let taken = Arc::new(OnceLock::new());
        let note = Arc::clone(&taken);
        let owed = self.run(move |journal| {
            let take = |id| live.take_receipt(id) && note.set(id).is_ok();
            let id = first_owed(journal, &partner, take)?;
            id.map(|id| row::by_id(journal, id)).transpose()
        });
        if let (Err(_), Some(id)) = (&owed, taken.get()) {
            // It was taken and nobody will get it, as when another's entry failed the common commit.
            self.inner.live.release_receipt(*id);
        }
        let owed: Option<Transfer> = owed?;
        Ok(owed.map(|transfer| ReceiptClaim {
            store: self.clone(),
            transfer,
            circuit: circuit.to_owned(),
        }))
    }

    /// Settles the transfer a partner's receipt is for, and names it. The same receipt a second time
    /// changes nothing. The partner is answered (RTR) in any case.
    ///
    /// # Errors
    /// [`ReceiptProblem`]: for no file we sent to that partner, for one that it cannot have, against an
    /// earlier receipt, or a failure of the store.
    pub fn receipt_arrived(
        &self,
        partner: &str,
        file: &FileId,
        receipt: Receipt,
        circuit: &str,
        now: Timestamp,
    ) -> Result<TransferId, ReceiptProblem> {
        let arrival = Arrival {
            partner: partner.to_owned(),
            file: file.clone(),
            receipt,
            circuit: circuit.to_owned(),
            now,
        };
        let (id, state) = self.run(move |journal| arrival.settle(journal))?;
        crash::point("receipt.settled");
        if state == State::Acknowledged {
            // The partner has it for good. A kill before this line leaves it to the next start.
            layout::remove_file(&self.inner.layout.spool_file(Direction::Out, id))?;
        }
        Ok(id)
    }
}

/// Receipts of a partner that may be sent, the oldest first. The index is named because a partner's
/// history is long and what is owed is little.
pub(crate) const OWED: &str = "SELECT id FROM transfer INDEXED BY receipt_owed \
    WHERE receipt = 'owed' AND state = 'delivered' AND partner = ?1 ORDER BY seq";

/// The first receipt owed to the partner that `take` takes.
fn first_owed(
    journal: &Connection,
    partner: &str,
    take: impl Fn(TransferId) -> bool,
) -> Result<Option<TransferId>, StoreError> {
    let failed = StoreError::journal;
    let mut statement = journal.prepare_cached(OWED).map_err(failed("read"))?;
    let mut rows = statement.query([partner]).map_err(failed("read"))?;
    while let Some(entry) = rows.next().map_err(failed("read"))? {
        let id: String = entry.get(0).map_err(failed("read"))?;
        let id = row::parse("transfer", "id", &id)?;
        if take(id) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

impl ReceiptClaim {
    /// The transfer the receipt is for.
    pub fn id(&self) -> TransferId {
        self.transfer.id
    }

    /// What names the received file on the wire.
    pub fn file(&self) -> &FileId {
        &self.transfer.file
    }

    /// Everything the journal knows of the transfer.
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// The partner has confirmed it (RTR).
    ///
    /// # Errors
    /// What the journal said; the receipt is sent again later then.
    pub fn sent(self, now: Timestamp) -> Result<(), StoreError> {
        let (id, circuit) = (self.transfer.id, self.circuit.clone());
        self.store.run(move |journal| {
            row::change(
                journal,
                "UPDATE transfer SET receipt = 'sent' WHERE id = ?1 AND receipt = 'owed'",
                [id.to_string()],
            )?;
            row::step(journal, id, now, "receipt sent", "EERP", Some(&circuit))
        })
    }
}

impl Drop for ReceiptClaim {
    fn drop(&mut self) {
        self.store.inner.live.release_receipt(self.transfer.id);
    }
}

/// A receipt as it came.
struct Arrival {
    partner: String,
    file: FileId,
    receipt: Receipt,
    circuit: String,
    now: Timestamp,
}

impl Arrival {
    fn settle(&self, journal: &Connection) -> Result<(TransferId, State), ReceiptProblem> {
        let transfer = self.find(journal)?;
        let (id, state) = (transfer.id, transfer.state);
        let partner = self.partner.clone();
        if transfer.partner != partner {
            return Err(ReceiptProblem::NotOurs {
                partner,
                id,
                owner: transfer.partner,
            });
        }
        let (settled, step, detail) = self.meaning();
        match state {
            State::Acknowledged | State::Rejected if state == settled => return Ok((id, state)),
            State::Acknowledged | State::Rejected => {
                return Err(ReceiptProblem::Contradicts { partner, id, state });
            }
            State::Sent => {}
            // The EFPA was lost, or its record was: the receipt tells as much.
            _ if was_offered(journal, id)? => {}
            _ => return Err(ReceiptProblem::NotSent { partner, id, state }),
        }
        row::change(
            journal,
            "UPDATE transfer SET state = ?2, reason = nullif(?3, ''), not_before = NULL, holder = NULL \
             WHERE id = ?1",
            (
                id.to_string(),
                settled.word(),
                if settled == State::Rejected {
                    detail.as_str()
                } else {
                    ""
                },
            ),
        )?;
        row::step(journal, id, self.now, step, &detail, Some(&self.circuit))?;
        Ok((id, settled))
    }

    /// The state it settles, the step it is, and what it says.
    fn meaning(&self) -> (State, &'static str, String) {
        match &self.receipt {
            Receipt::Positive => (State::Acknowledged, "acknowledged", "EERP".to_owned()),
            Receipt::Negative { reason, text } if text.is_empty() => (
                State::Rejected,
                "rejected",
                format!("NERP: {}", reason.text()),
            ),
            Receipt::Negative { reason, text } => (
                State::Rejected,
                "rejected",
                format!("NERP: {} ({text})", reason.text()),
            ),
        }
    }

    fn find(&self, journal: &Connection) -> Result<Transfer, ReceiptProblem> {
        let file = &self.file;
        let found = row::first(
            journal,
            "WHERE direction = 'out' AND dataset = ?1 AND stamp = ?2 AND origin = ?3 \
             AND destination = ?4 AND state <> 'taking'",
            (
                file.dataset.as_str(),
                file.stamp.to_string(),
                file.origin.as_str(),
                file.destination.as_str(),
            ),
        )?;
        found.ok_or_else(|| ReceiptProblem::Unknown {
            partner: self.partner.clone(),
            file: file.to_string(),
        })
    }
}
