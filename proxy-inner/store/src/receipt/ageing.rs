//! The ageing list: every receipt that is owed or awaited, since when, and until when.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use oftp::FileId;
use rusqlite::Connection;
use serde::{Serialize, Serializer};

use super::content;
use crate::directory::DEFAULT_RECEIPT_WITHIN;
use crate::error::StoreError;
use crate::row;
use crate::store::Store;
use crate::transfer::{ReceiptState, Transfer, TransferId, UnknownWord, words};

words! {
    /// Who waits for a receipt.
    ReceiptSide {
        /// The partner waits for ours, which is ready to be sent.
        Owed = "owed",
        /// The partner waits for ours, which waits for an operator or a business system.
        Unconfirmed = "unconfirmed",
        /// We wait for the partner's.
        Awaited = "awaited",
    }
}

/// Which receipts to list; `Default` lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiptFilter {
    /// Only those; unconfirmed ones are owed too.
    pub side: Option<ReceiptSide>,
    /// Only with this partner.
    pub partner: Option<String>,
    /// Only those past their deadline.
    pub overdue: bool,
}

/// A receipt that is owed or awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptEntry {
    /// The transfer it is for.
    pub transfer: TransferId,
    /// Who waits for it.
    pub side: ReceiptSide,
    /// With which partner.
    pub partner: String,
    /// The file it is for.
    pub file: FileId,
    /// Whether an owed one is a NERP.
    pub negative: bool,
    /// Since when it is owed or awaited.
    pub since: Timestamp,
    /// How long that is.
    pub age: Duration,
    /// Until when it should be there, by what was agreed with the partner.
    pub deadline: Timestamp,
    /// Whether the deadline has passed.
    pub overdue: bool,
}

impl Store {
    /// Every receipt that is owed or awaited and that `filter` lets through, the oldest first.
    ///
    /// # Errors
    /// What the journal said.
    pub fn receipts(
        &self,
        filter: ReceiptFilter,
        now: Timestamp,
    ) -> Result<Vec<ReceiptEntry>, StoreError> {
        let within: HashMap<String, Duration> = self
            .partners()?
            .into_iter()
            .map(|partner| (partner.name, partner.receipt_within))
            .collect();
        let entries = self.run(move |journal| list(journal, &within, now))?;
        Ok(entries
            .into_iter()
            .filter(|entry| filter.lets_through(entry))
            .collect())
    }
}

impl ReceiptFilter {
    fn lets_through(&self, entry: &ReceiptEntry) -> bool {
        let side = match self.side {
            None => true,
            Some(ReceiptSide::Owed) => entry.side != ReceiptSide::Awaited,
            Some(side) => entry.side == side,
        };
        let partner = self.partner.as_ref();
        side && partner.is_none_or(|name| *name == entry.partner)
            && (entry.overdue || !self.overdue)
    }
}

fn list(
    journal: &Connection,
    within: &HashMap<String, Duration>,
    now: Timestamp,
) -> Result<Vec<ReceiptEntry>, StoreError> {
    let mut open = row::select(journal, "WHERE receipt IN ('owed', 'unconfirmed')", [])?;
    open.extend(row::select(
        journal,
        "WHERE direction = 'out' AND state = 'sent'",
        [],
    )?);
    let mut entries = open
        .into_iter()
        .map(|transfer| entry(journal, within, transfer, now))
        .collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(|entry| entry.since);
    Ok(entries)
}

fn entry(
    journal: &Connection,
    within: &HashMap<String, Duration>,
    transfer: Transfer,
    now: Timestamp,
) -> Result<ReceiptEntry, StoreError> {
    let side = match transfer.receipt {
        Some(ReceiptState::Owed) => ReceiptSide::Owed,
        Some(ReceiptState::Unconfirmed) => ReceiptSide::Unconfirmed,
        _ => ReceiptSide::Awaited,
    };
    // What a partner said of an earlier attempt says nothing of the one that is awaited.
    let negative = side != ReceiptSide::Awaited
        && content(journal, transfer.id)?.is_some_and(|content| !content.is_positive());
    let since = transfer.receipt_since.unwrap_or(transfer.changed);
    let within = within.get(&transfer.partner);
    let deadline = deadline(since, within.copied().unwrap_or(DEFAULT_RECEIPT_WITHIN));
    Ok(ReceiptEntry {
        transfer: transfer.id,
        side,
        partner: transfer.partner,
        file: transfer.file,
        negative,
        since,
        age: Duration::try_from(now.duration_since(since)).unwrap_or_default(),
        deadline,
        overdue: deadline < now,
    })
}

/// Until when a receipt should be there.
pub(crate) fn deadline(since: Timestamp, within: Duration) -> Timestamp {
    SignedDuration::try_from(within)
        .ok()
        .and_then(|within| since.saturating_add(within).ok())
        .unwrap_or(Timestamp::MAX)
}
