//! Receipts: those we owe, and those that come for what we sent.
//!
//! ```text
//!  received ─▶ delivered ─▶ (confirmed, rejected) ─┐
//!  forwarded ─▶ its recipient's receipt ───────────┼▶ owed ─▶ claim_receipt ─▶ ReceiptClaim ─▶ sent
//!            └▶ cannot be forwarded: our NERP ─────┘
//!  sent ─▶ awaited ─▶ receipt_arrived ─▶ acknowledged, rejected ─(forwarded)─▶ owed, unchanged
//!                           └▶ not to be believed: kept, still awaited ─▶ accept_receipt
//! ```
//!
//! A receipt belongs to its transfer and is in the journal with it: what it becomes, and what becomes of
//! the transfer, are one commit. Whoever has an owed one in hand is known in memory only: a kill gives
//! it back, and at worst the partner gets the same receipt twice, which RFC 5024 has it bear; it never
//! gets none, and never two that differ.

mod accept;
mod ageing;
mod arrived;
mod confirm;
mod owed;

use std::fmt;

use jiff::Timestamp;
use oftp::{FileId, FileReason, Level, OdetteId, ReceiptReason, UserField};
use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;
use crate::evidence::Evidence;
use crate::row;
use crate::store::Live;
#[cfg(doc)]
use crate::store::Store;
use crate::transfer::{Transfer, TransferId};

pub use ageing::{ReceiptEntry, ReceiptFilter, ReceiptSide};
pub use owed::ReceiptClaim;
pub(crate) use owed::{held_until, release_held, waiting};

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptContent {
    /// Whether the file arrived.
    pub kind: ReceiptKind,
    /// User data (EERPUSER); a NERP has none.
    pub user: UserField,
    /// Hash of the file (EERPHSH, NERPHSH); empty when unsigned.
    pub hash: Vec<u8>,
    /// Signature (EERPSIG, NERPSIG); empty when unsigned.
    pub signature: Vec<u8>,
}

/// The two kinds of receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptKind {
    /// EERP: the file arrived.
    Positive,
    /// NERP: it did not, or could not be used.
    Negative {
        /// NERPREAS.
        reason: ReceiptReason,
        /// NERPREAST, may be empty; at most 999 octets.
        text: String,
        /// NERPCREA: who made it.
        creator: OdetteId,
    },
}

impl ReceiptContent {
    /// An EERP without signature.
    pub fn positive(user: UserField) -> ReceiptContent {
        ReceiptContent {
            kind: ReceiptKind::Positive,
            user,
            hash: Vec::new(),
            signature: Vec::new(),
        }
    }

    /// A NERP without signature.
    pub fn negative(reason: ReceiptReason, text: &str, creator: OdetteId) -> ReceiptContent {
        let mut end = text.len().min(TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        ReceiptContent {
            kind: ReceiptKind::Negative {
                reason,
                text: text.get(..end).unwrap_or_default().to_owned(),
                creator,
            },
            user: UserField::default(),
            hash: Vec::new(),
            signature: Vec::new(),
        }
    }

    /// Whether it is an EERP.
    pub fn is_positive(&self) -> bool {
        self.kind == ReceiptKind::Positive
    }

    /// In words for the journal.
    pub(crate) fn told(&self) -> String {
        match &self.kind {
            ReceiptKind::Positive => "EERP".to_owned(),
            ReceiptKind::Negative {
                reason,
                text,
                creator,
            } if text.is_empty() => format!("NERP of {creator}: {}", reason.text()),
            ReceiptKind::Negative {
                reason,
                text,
                creator,
            } => format!("NERP of {creator}: {} ({text})", reason.text()),
        }
    }
}

/// Most octets of a text (NERPREAST).
const TEXT: usize = 999;

/// A receipt as a partner sent it.
pub struct ArrivedReceipt {
    /// The file it is for, as the receipt names it: its addresses swapped back.
    pub file: FileId,
    /// What it says.
    pub content: ReceiptContent,
    /// The level of the session it came in; below 4 its stamp has no century and no counter.
    pub level: Level,
    /// Whether one that has its addresses the wrong way round settles nothing; else it settles the file
    /// it can only be for.
    pub refuse_swapped: bool,
    /// Says whether it is to be believed. Asked once the file it is for is found and waits for it; not
    /// asked of a receipt for a forwarded file, which is for its originator to judge.
    pub judge: Judge,
}

/// Judges a receipt by the file it is for; within the journal's transaction, so it must not block.
pub type Judge = Box<dyn FnOnce(&Transfer) -> Judgement + Send>;

/// Whether a receipt is to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It settles the file.
    Accepted {
        /// Whose signature it has, if it has one.
        evidence: Option<Evidence>,
    },
    /// It settles nothing, unless an operator takes it after all ([`Store::accept_receipt`]).
    Invalid {
        /// What is wrong with it, a sentence.
        why: String,
    },
}

impl fmt::Debug for ArrivedReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrivedReceipt")
            .field("file", &self.file)
            .field("content", &self.content)
            .field("level", &self.level)
            .field("refuse_swapped", &self.refuse_swapped)
            .finish_non_exhaustive()
    }
}

/// What came of a receipt that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// What it settled.
    pub settled: Settled,
    /// Whether it had its addresses the wrong way round.
    pub swapped: bool,
}

/// What a receipt settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// A file of ours.
    Closed(TransferId),
    /// A file we forwarded: the receipt goes on, unchanged, to where the file came from.
    Forwarded {
        /// The transfer it is for.
        outbound: TransferId,
        /// The transfer that had brought the file.
        inbound: TransferId,
        /// The partner it goes to.
        to: String,
    },
    /// Nothing: it is not to be believed. It is kept, and an operator may take it after all
    /// ([`Store::accept_receipt`]).
    Invalid {
        /// The transfer it is for.
        id: TransferId,
        /// What is wrong with it, a sentence.
        why: String,
    },
}

impl Settled {
    /// The transfer the receipt was for.
    pub fn transfer(&self) -> TransferId {
        match self {
            Settled::Closed(id)
            | Settled::Forwarded { outbound: id, .. }
            | Settled::Invalid { id, .. } => *id,
        }
    }
}

/// What is noted of the receipt for a transfer; `None` when nothing is.
pub(crate) fn content(
    journal: &Connection,
    id: TransferId,
) -> Result<Option<ReceiptContent>, StoreError> {
    type Raw = (String, u8, String, Option<String>, String, Vec<u8>, Vec<u8>);
    let sql = "SELECT kind, reason, text, creator, user, hash, signature FROM receipt WHERE transfer = ?1";
    let raw: Option<Raw> = journal
        .prepare_cached(sql)
        .and_then(|mut statement| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                ))
            };
            statement.query_row([id.to_string()], read).optional()
        })
        .map_err(StoreError::journal("read"))?;
    let Some((kind, reason, text, creator, user, hash, signature)) = raw else {
        return Ok(None);
    };
    let entry = format!("receipt of transfer {id}");
    let kind = match creator {
        Some(creator) if kind == "nerp" => ReceiptKind::Negative {
            reason: ReceiptReason(reason),
            text,
            creator: row::parse(&entry, "creator", &creator)?,
        },
        _ => ReceiptKind::Positive,
    };
    let user = row::parse(&entry, "user", &user)?;
    Ok(Some(ReceiptContent {
        kind,
        user,
        hash,
        signature,
    }))
}

/// Why the receipt that came for a transfer settled nothing; `None` when it did, or none has come.
pub(crate) fn problem(journal: &Connection, id: TransferId) -> Result<Option<String>, StoreError> {
    let sql = "SELECT invalid FROM receipt WHERE transfer = ?1";
    let found: Option<Option<String>> = row::value(journal, sql, [id.to_string()])?;
    Ok(found.flatten())
}

/// Notes what the receipt for a transfer says, in place of what was noted before.
pub(crate) fn note(
    journal: &Connection,
    id: TransferId,
    content: &ReceiptContent,
) -> Result<(), StoreError> {
    let (kind, reason, text, creator) = match &content.kind {
        ReceiptKind::Positive => ("eerp", 0, "", None),
        ReceiptKind::Negative {
            reason,
            text,
            creator,
        } => ("nerp", reason.0, text.as_str(), Some(creator.as_str())),
    };
    row::change(
        journal,
        "INSERT OR REPLACE INTO receipt (transfer, kind, reason, text, creator, user, hash, signature) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            id.to_string(),
            kind,
            reason,
            text,
            creator,
            content.user.as_str(),
            &content.hash,
            &content.signature,
        ),
    )
    .map(drop)
}

/// Makes the receipt of a forwarded file owed to the partner it came from: its recipient's, or ours
/// when it could not be forwarded. Tells to whom; `None` when one has gone there already.
pub(crate) fn pass_back(
    journal: &Connection,
    live: &Live,
    inbound: TransferId,
    content: &ReceiptContent,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let Some(transfer) = row::first(journal, "WHERE id = ?1", [inbound.to_string()])? else {
        // Its history was pruned: what was owed for it was sent long ago.
        return Ok(None);
    };
    if live.has_receipt(inbound) {
        return Ok(None);
    }
    let changed = row::change(
        journal,
        "UPDATE transfer SET receipt = 'owed', receipt_since = ?2 \
         WHERE id = ?1 AND receipt IN ('awaited', 'owed')",
        (inbound.to_string(), now.as_millisecond()),
    )?;
    if changed == 0 {
        return Ok(None);
    }
    note(journal, inbound, content)?;
    row::step(journal, inbound, now, "receipt owed", &content.told(), None)?;
    Ok(Some(transfer.partner))
}

/// Our own NERP for a file that cannot be forwarded for good.
pub(crate) fn refuse_forwarding(
    journal: &Connection,
    live: &Live,
    inbound: TransferId,
    (reason, text): (ReceiptReason, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(transfer) = row::first(journal, "WHERE id = ?1", [inbound.to_string()])? else {
        return Ok(());
    };
    let content = ReceiptContent::negative(reason, text, creator(journal, &transfer)?);
    pass_back(journal, live, inbound, &content, now).map(drop)
}

/// Who makes a NERP of ours: the station that deals with the partner the file came from.
pub(crate) fn creator(journal: &Connection, transfer: &Transfer) -> Result<OdetteId, StoreError> {
    let sql = "SELECT code FROM station WHERE name = ?1";
    let code: Option<String> = row::value(journal, sql, [&transfer.station])?;
    match code {
        Some(code) => row::parse(&transfer.station, "code", &code),
        None => Ok(transfer.file.destination.clone()),
    }
}

/// The reason of the NERP that follows a refusal for good (RFC 5024 section 5.3.14 has most of them
/// ten above).
pub(crate) fn reason_of(refusal: FileReason) -> ReceiptReason {
    match refusal {
        FileReason::DECRYPTION_FAILURE => ReceiptReason::DECRYPTION_FAILURE,
        FileReason::DECOMPRESSION_FAILURE => ReceiptReason::DECOMPRESSION_FAILURE,
        FileReason(code @ (1..=6 | 10..=21)) => ReceiptReason(code + 10),
        _ => ReceiptReason::UNSPECIFIED,
    }
}
