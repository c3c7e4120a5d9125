//! What proves a transfer: the steps it took, its receipt, the certificates that were used, its files.

use std::path::PathBuf;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Serialize, Serializer};

use crate::error::StoreError;
use crate::receipt::{self, ReceiptContent};
use crate::row;
use crate::store::{Store, steps};
use crate::transfer::{Direction, ReceiptState, Step, Transfer, TransferId, UnknownWord, words};

words! {
    /// What a certificate had to do with a transfer.
    EvidenceKind {
        /// Out: the file was signed with our key of it.
        SignedWith = "signed-with",
        /// Out: the file was encrypted for its holder.
        EncryptedFor = "encrypted-for",
        /// In: the file was decrypted with our key of it.
        DecryptedWith = "decrypted-with",
        /// In: the file's signature was made by its holder.
        SignedBy = "signed-by",
        /// In: our receipt was signed with our key of it.
        ReceiptSignedWith = "receipt-signed-with",
        /// Out: the partner's receipt was signed by its holder.
        ReceiptSignedBy = "receipt-signed-by",
    }
}

/// A certificate that had to do with a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it had to do with it.
    pub what: EvidenceKind,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

/// Everything that proves a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferEvidence {
    /// The transfer, its hash among all else.
    pub transfer: Transfer,
    /// Its steps, the oldest first.
    pub steps: Vec<Step>,
    /// Its receipt, as it came (out) or as it is owed or was sent (in); `None` when there is none yet.
    pub receipt: Option<ReceiptContent>,
    /// Why the receipt that came settled nothing, if it did not.
    pub receipt_problem: Option<String>,
    /// The certificates, in the order they were used.
    pub certificates: Vec<Evidence>,
    /// The file as it travels, where it is still there: in the archive, or in the spool.
    pub secured: Option<PathBuf>,
    /// The clear file, likewise. One of format V is in the store's own form: the length of each record
    /// before it, in 4 octets.
    pub clear: Option<PathBuf>,
}

impl Store {
    /// Everything that proves the transfer.
    ///
    /// # Errors
    /// [`StoreError::NoTransfer`], or what the disk or the journal said.
    pub fn evidence(&self, id: TransferId) -> Result<TransferEvidence, StoreError> {
        let mut evidence = self.run(move |journal| {
            let transfer = row::by_id(journal, id)?;
            let certificates = of(journal, id)?;
            let noted = receipt::content(journal, id)?;
            let receipt = match (noted, transfer.direction, transfer.receipt) {
                (None, Direction::In, Some(ReceiptState::Owed | ReceiptState::Sent)) => {
                    Some(ReceiptContent::positive(transfer.user.clone()))
                }
                (noted, ..) => noted,
            };
            Ok::<_, StoreError>(TransferEvidence {
                steps: steps(journal, id)?,
                receipt,
                receipt_problem: receipt::problem(journal, id)?,
                certificates,
                secured: None,
                clear: None,
                transfer,
            })
        })?;
        (evidence.secured, evidence.clear) = self.files_of(&evidence.transfer)?;
        Ok(evidence)
    }
}

/// Notes that a certificate was used, unless that is noted already.
pub(crate) fn note(
    journal: &Connection,
    id: TransferId,
    evidence: &Evidence,
    at: Timestamp,
) -> Result<(), StoreError> {
    row::change(
        journal,
        "INSERT INTO evidence (transfer, at, what, certificate) SELECT ?1, ?2, ?3, ?4 \
         WHERE NOT EXISTS (SELECT 1 FROM evidence WHERE transfer = ?1 AND what = ?3 AND certificate = ?4)",
        (
            id.to_string(),
            at.as_millisecond(),
            evidence.what.word(),
            &evidence.certificate,
        ),
    )
    .map(drop)
}

/// Forgets the certificates a file was secured with before.
pub(crate) fn forget_securing(journal: &Connection, id: TransferId) -> Result<(), StoreError> {
    row::change(
        journal,
        "DELETE FROM evidence WHERE transfer = ?1 AND what IN (?2, ?3)",
        (
            id.to_string(),
            EvidenceKind::SignedWith.word(),
            EvidenceKind::EncryptedFor.word(),
        ),
    )
    .map(drop)
}

fn of(journal: &Connection, id: TransferId) -> Result<Vec<Evidence>, StoreError> {
    let rows = || -> Result<Vec<(String, Vec<u8>)>, rusqlite::Error> {
        let mut statement = journal.prepare_cached(
            "SELECT what, certificate FROM evidence WHERE transfer = ?1 ORDER BY rowid",
        )?;
        statement
            .query_map([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    let entry = format!("evidence of transfer {id}");
    rows()
        .map_err(StoreError::journal("read"))?
        .into_iter()
        .map(|(what, certificate)| {
            Ok(Evidence {
                what: row::parse(&entry, "kind", &what)?,
                certificate,
            })
        })
        .collect()
}
