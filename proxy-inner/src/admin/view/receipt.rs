//! Receipts as operators see them.

use serde::{Deserialize, Serialize};
use store::ReceiptEntry;

/// A receipt that is owed or awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptView {
    /// The transfer it is for, 16 hexadecimal digits.
    pub transfer: String,
    /// `owed`: ready for the partner; `unconfirmed`: nobody has confirmed or rejected the file yet;
    /// `awaited`: the partner's is yet to come.
    pub side: String,
    /// The partner's name.
    pub partner: String,
    /// Dataset name of the file (SFIDDSN).
    pub dataset: String,
    /// Date and time of the file, `CCYYMMDDHHMMSScccc`.
    pub stamp: String,
    /// Originator of the file.
    pub origin: String,
    /// Destination of the file.
    pub destination: String,
    /// Whether an owed one is negative (NERP).
    pub negative: bool,
    /// Since when it is owed or awaited, UTC.
    pub since: String,
    /// How long that is, seconds.
    pub age: u64,
    /// Until when it should be there, UTC.
    pub deadline: String,
    /// Whether the deadline has passed.
    pub overdue: bool,
    /// Why one that came is not to be believed; an operator may take it after all.
    pub invalid: Option<String>,
}

impl ReceiptView {
    /// A receipt; `invalid` says what is wrong with one that came.
    pub(in crate::admin) fn new(entry: &ReceiptEntry, invalid: Option<String>) -> Self {
        ReceiptView {
            transfer: entry.transfer.to_string(),
            side: entry.side.to_string(),
            partner: entry.partner.clone(),
            dataset: entry.file.dataset.to_string(),
            stamp: entry.file.stamp.to_string(),
            origin: entry.file.origin.to_string(),
            destination: entry.file.destination.to_string(),
            negative: entry.negative,
            since: entry.since.to_string(),
            age: entry.age.as_secs(),
            deadline: entry.deadline.to_string(),
            overdue: entry.overdue,
            invalid,
        }
    }
}
