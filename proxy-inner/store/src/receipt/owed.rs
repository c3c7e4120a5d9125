//! Receipts we owe, and the sessions that send them.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use oftp::{FileId, Level};
use rusqlite::Connection;

use super::{ReceiptContent, content, note};
use crate::crash;
use crate::error::StoreError;
use crate::evidence::{self, Evidence};
use crate::row;
use crate::store::{Live, Store};
use crate::transfer::{Transfer, TransferId};

/// A receipt we owe, in the hands of one session. Dropped before [`ReceiptClaim::sent`], it is owed
/// as before.
#[derive(Debug)]
pub struct ReceiptClaim {
    store: Store,
    transfer: Transfer,
    content: ReceiptContent,
    circuit: String,
}

impl Store {
    /// Gives the session on `circuit` the oldest receipt we owe the partner and a session of that level
    /// can carry, if there is one. NERPs wait for level 4 or 5.
    ///
    /// # Errors
    /// What the journal said.
    pub fn claim_receipt(
        &self,
        partner: &str,
        circuit: &str,
        level: Level,
        now: Timestamp,
    ) -> Result<Option<ReceiptClaim>, StoreError> {
        let (partner, live) = (partner.to_owned(), self.inner.live.clone());
        let taken = Arc::new(OnceLock::new());
        let noted = Arc::clone(&taken);
        let owed = self.run(move |journal| {
            let take = |id| live.take_receipt(id) && noted.set(id).is_ok();
            let Some(id) = first_owed(journal, &partner, level, now, take)? else {
                return Ok(None);
            };
            let transfer = row::by_id(journal, id)?;
            let content = content(journal, id)?
                .unwrap_or_else(|| ReceiptContent::positive(transfer.user.clone()));
            Ok(Some((transfer, content)))
        });
        if let (Err(_), Some(id)) = (&owed, taken.get()) {
            // It was taken and nobody will get it, as when another's entry failed the common commit.
            self.inner.live.release_receipt(*id);
        }
        let owed: Option<(Transfer, ReceiptContent)> = owed?;
        Ok(owed.map(|(transfer, content)| ReceiptClaim {
            store: self.clone(),
            transfer,
            content,
            circuit: circuit.to_owned(),
        }))
    }
}

impl ReceiptClaim {
    /// The transfer the receipt is for.
    pub fn id(&self) -> TransferId {
        self.transfer.id
    }

    /// What names the file on the wire, as the partner knows it. The receipt's own addresses are these
    /// swapped.
    pub fn file(&self) -> &FileId {
        &self.transfer.file
    }

    /// What the receipt says.
    pub fn content(&self) -> &ReceiptContent {
        &self.content
    }

    /// Everything the journal knows of the transfer.
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// Hash of the file the receipt is for, as it travelled; empty when it is not known.
    pub fn hash(&self) -> &[u8] {
        &self.transfer.hash
    }

    /// Whether the receipt is ours to sign and yet to be signed: a signed one was asked for, and the file
    /// was not forwarded.
    pub fn is_signature_wanted(&self) -> bool {
        let transfer = &self.transfer;
        transfer.signed_receipt
            && transfer.forward_to.is_none()
            && self.content.signature.is_empty()
    }

    /// Gives the receipt its hash and signature. They are noted before it is sent: it is the same receipt
    /// however often it is sent.
    ///
    /// # Errors
    /// What the journal said; the receipt must not be sent then.
    pub fn sign(
        &mut self,
        hash: Vec<u8>,
        signature: Vec<u8>,
        evidence: Option<Evidence>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = self.transfer.id;
        let signed = ReceiptContent {
            hash,
            signature,
            ..self.content.clone()
        };
        let content = signed.clone();
        self.store.run(move |journal| {
            note(journal, id, &content)?;
            if let Some(evidence) = &evidence {
                evidence::note(journal, id, evidence, now)?;
            }
            row::step(journal, id, now, "receipt signed", "", None)
        })?;
        crash::point("receipt.signed");
        self.content = signed;
        Ok(())
    }

    /// It cannot be sent as it should be now: it is owed as before, but nobody gets it before `until`, nor
    /// is the partner called for it ([`Store::release_held`] makes that earlier).
    ///
    /// # Errors
    /// What the journal said.
    pub fn held(self, why: &str, until: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let (id, why) = (self.transfer.id, why.to_owned());
        self.store.run(move |journal| {
            row::change(
                journal,
                "UPDATE transfer SET not_before = ?2 WHERE id = ?1 AND receipt = 'owed'",
                (id.to_string(), until.as_millisecond()),
            )?;
            // The same reason each time it is tried again would only fill the journal.
            let sql = "SELECT step || ' ' || detail FROM step WHERE transfer = ?1 ORDER BY rowid DESC LIMIT 1";
            let last: Option<String> = row::value(journal, sql, [id.to_string()])?;
            if last.is_some_and(|last| last == format!("{HELD} {why}")) {
                return Ok(());
            }
            row::step(journal, id, now, HELD, &why, None)
        })
    }

    /// The partner has confirmed it (RTR).
    ///
    /// # Errors
    /// What the journal said; the receipt is sent again later then.
    pub fn sent(self, now: Timestamp) -> Result<(), StoreError> {
        let (id, circuit, told) = (self.transfer.id, self.circuit.clone(), self.content.told());
        self.store.run(move |journal| {
            row::change(
                journal,
                "UPDATE transfer SET receipt = 'sent', not_before = NULL WHERE id = ?1 AND receipt = 'owed'",
                [id.to_string()],
            )?;
            row::step(journal, id, now, "receipt sent", &told, Some(&circuit))
        })?;
        crash::point("receipt.sent");
        Ok(())
    }
}

/// The step of a receipt that could not be sent.
const HELD: &str = "receipt held";

impl Drop for ReceiptClaim {
    fn drop(&mut self) {
        self.store.inner.live.release_receipt(self.transfer.id);
    }
}

/// Receipts of a partner that may be sent, the oldest first. The index is named because a partner's
/// history is long and what is owed is little.
///
/// What is received and not in the inbox yet has to wait; what failed after we had acknowledged it is
/// answered with a NERP.
const OWED: &str = "SELECT id FROM transfer INDEXED BY receipt_owed WHERE receipt = 'owed' \
    AND state IN ('delivered', 'forwarded', 'failed') AND partner = ?1 \
    AND (?2 OR NOT EXISTS (SELECT 1 FROM receipt WHERE receipt.transfer = transfer.id AND kind = 'nerp')) \
    AND coalesce(not_before, 0) <= ?3 ORDER BY seq";

/// How many receipts wait for a session of that level with the partner.
pub(crate) fn waiting(
    journal: &Connection,
    live: &Live,
    partner: &str,
    level: Level,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let owed = || -> Result<Vec<String>, rusqlite::Error> {
        let mut statement = journal.prepare_cached(OWED)?;
        let params = (partner, has_nerp(level), now.as_millisecond());
        statement.query_map(params, |row| row.get(0))?.collect()
    };
    let mut number = 0;
    for id in owed().map_err(StoreError::journal("read"))? {
        let id: TransferId = row::parse("transfer", "id", &id)?;
        if !live.has_receipt(id) {
            number += 1;
        }
    }
    Ok(number)
}

/// From when on the first of the partner's receipts that are held may be sent.
pub(crate) fn held_until(
    journal: &Connection,
    partner: &str,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT min(not_before) FROM transfer INDEXED BY receipt_owed WHERE receipt = 'owed' \
        AND state IN ('delivered', 'forwarded', 'failed') AND partner = ?1";
    let until: Option<Option<i64>> = row::value(journal, sql, [partner])?;
    until.flatten().map(row::time).transpose()
}

/// Lets receipts that are held be sent: those of one partner, or all.
pub(crate) fn release_held(journal: &Connection, partner: Option<&str>) -> Result<(), StoreError> {
    let sql = "UPDATE transfer SET not_before = NULL WHERE receipt = 'owed' AND direction = 'in' \
        AND state IN ('delivered', 'forwarded', 'failed') AND not_before IS NOT NULL \
        AND (?1 IS NULL OR partner = ?1)";
    row::change(journal, sql, [partner]).map(drop)
}

/// The first receipt owed to the partner that `take` takes.
fn first_owed(
    journal: &Connection,
    partner: &str,
    level: Level,
    now: Timestamp,
    take: impl Fn(TransferId) -> bool,
) -> Result<Option<TransferId>, StoreError> {
    let failed = StoreError::journal;
    let mut statement = journal.prepare_cached(OWED).map_err(failed("read"))?;
    let mut rows = statement
        .query((partner, has_nerp(level), now.as_millisecond()))
        .map_err(failed("read"))?;
    while let Some(entry) = rows.next().map_err(failed("read"))? {
        let id: String = entry.get(0).map_err(failed("read"))?;
        let id = row::parse("transfer", "id", &id)?;
        if take(id) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// NERP came with level 4.
fn has_nerp(level: Level) -> bool {
    level >= Level::L4
}
