//! What can go wrong, told so that an operator knows what, where and what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::transfer::{State, TransferId};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another store is open on the same folder.
    #[error(
        "the store {} is in use by process {}; stop that process first, or give this one a store of its own",
        path.display(),
        pid.map_or_else(|| "(unknown)".to_owned(), |pid| pid.to_string())
    )]
    Locked {
        /// The store's folder.
        path: PathBuf,
        /// Who holds it, as the lock file says.
        pid: Option<u32>,
    },
    /// Spool, inbox or outbox is on another file system than the store.
    #[error(
        "{} is on another file system than {}; files are handed over by renaming, which needs one file system: mount one under the whole store",
        other.display(),
        spool.display()
    )]
    TwoFileSystems {
        /// The spool folder.
        spool: PathBuf,
        /// The folder that lies elsewhere.
        other: PathBuf,
    },
    /// The journal was written by a newer version of the product.
    #[error(
        "the journal {} has schema {found}, this version knows up to {known}; run the version that wrote it, or a newer one",
        path.display()
    )]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// Not enough room on the file system.
    #[error(
        "no space: {needed} octets are needed, {free} are free on the file system of {}; make room there, or lower the reserve",
        path.display()
    )]
    NoSpace {
        /// Octets needed, the reserve included.
        needed: u64,
        /// Octets free.
        free: u64,
        /// Where.
        path: PathBuf,
    },
    /// A file or folder could not be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was being done, as a verb.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The journal refused to read or write.
    #[error("the journal cannot {doing}: {source}; check the disk of the store and its free space")]
    Journal {
        /// What was being done, as a verb.
        doing: &'static str,
        /// SQLite's word.
        source: Arc<rusqlite::Error>,
    },
    /// The journal's thread has ended: nothing can be recorded any more.
    #[error("the journal has stopped; restart the process: what was acknowledged is safe on disk")]
    Stopped,
    /// The journal holds something this version cannot read.
    #[error(
        "the journal entry {entry} has {found:?} as {field}; it was changed by hand or the disk is damaged: restore a backup"
    )]
    Damaged {
        /// Which entry.
        entry: String,
        /// Which field of it.
        field: &'static str,
        /// What is there.
        found: String,
    },
    /// No such transfer.
    #[error("there is no transfer {0}; `transfers list` shows those there are")]
    NoTransfer(TransferId),
    /// The transfer is not in a state that allows this.
    #[error("transfer {id} is {state}; it cannot be {wanted}")]
    WrongState {
        /// Which.
        id: TransferId,
        /// Its state.
        state: State,
        /// What was asked, as a participle.
        wanted: &'static str,
    },
    /// A received file is to be opened before it can be delivered.
    #[error("transfer {0} is yet to be opened; it is delivered as soon as it is")]
    NotOpened(TransferId),
    /// What a file turned out to be when it was opened is no file of its format; the sentence says why.
    #[error("{0}; its sender has to send it again with the right records")]
    BadRecords(String),
    /// No such partner.
    #[error("there is no partner named {0:?}; `partner list` shows those there are")]
    NoPartner(String),
    /// No such station.
    #[error("there is no station named {0:?}; `station list` shows those there are")]
    NoStation(String),
    /// A station or partner as given breaks a rule; the sentence says which.
    #[error("{0}")]
    Refused(String),
    /// The file of an outbound transfer is no longer what was queued.
    #[error(
        "the spool file {} of transfer {id} has {found} octets, {queued} were queued: someone wrote to it after handing it over; send the file again",
        path.display()
    )]
    Altered {
        /// Which transfer.
        id: TransferId,
        /// Its file.
        path: PathBuf,
        /// Octets now.
        found: u64,
        /// Octets when it was queued.
        queued: u64,
    },
}

impl StoreError {
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.to_owned();
        move |source| StoreError::File {
            doing,
            path,
            source,
        }
    }

    pub(crate) fn journal(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
        move |source| StoreError::Journal {
            doing,
            source: Arc::new(source),
        }
    }

    /// The same for those who read and write files: a full disk and records that are wrong keep their
    /// kinds, `StorageFull` and `InvalidData`.
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            error if error.is_no_space() => io::ErrorKind::StorageFull,
            StoreError::BadRecords(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }

    /// Whether the cause is a full disk: on our side, and likely to pass.
    pub fn is_no_space(&self) -> bool {
        match self {
            StoreError::NoSpace { .. } => true,
            StoreError::File { source, .. } => {
                matches!(
                    source.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                )
            }
            StoreError::Journal { source, .. } => {
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
            }
            _ => false,
        }
    }
}

/// Why a file a partner offers is not taken.
#[derive(Debug, thiserror::Error)]
pub enum InboundRefusal {
    /// It was received whole before (SFNA 13, no retry).
    #[error("the file was received before, as transfer {earlier} at {at}")]
    Duplicate {
        /// The transfer it was.
        earlier: TransferId,
        /// When it was received.
        at: Timestamp,
    },
    /// It is being received at this moment in another session (SFNA, retry later).
    #[error("the file is being received in another session, as transfer {earlier}")]
    Busy {
        /// The transfer it is.
        earlier: TransferId,
    },
    /// It would come back to where it was before (SFNA 02, no retry).
    #[error("the file would go in a circle: {why}")]
    Loop {
        /// How we know, a sentence.
        why: String,
    },
    /// There is no room for it (SFNA 06, retry later).
    #[error(
        "no space for the file: {needed} octets are needed, reserve included, {free} are free; make room in the store's file system"
    )]
    NoSpace {
        /// Octets needed: the file, others being received, and the reserve.
        needed: u64,
        /// Octets free.
        free: u64,
    },
    /// The store failed (SFNA 99, retry later).
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a receipt a partner sent settles nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptProblem {
    /// We never sent such a file.
    #[error(
        "partner {partner} sent a receipt for {file}, which was never sent; nothing to do, unless the partner misses a receipt of its own"
    )]
    Unknown {
        /// Who sent it.
        partner: String,
        /// For what, as text.
        file: String,
    },
    /// We sent that file to somebody else.
    #[error(
        "partner {partner} sent a receipt for transfer {id}, which went to partner {owner}; ask {partner} why"
    )]
    NotOurs {
        /// Who sent it.
        partner: String,
        /// The transfer it names.
        id: TransferId,
        /// Who the file went to.
        owner: String,
    },
    /// We have that file, but it was never offered whole.
    #[error(
        "partner {partner} sent a receipt for transfer {id}, which is {state} and was never sent whole; ask {partner} what was received"
    )]
    NotSent {
        /// Who sent it.
        partner: String,
        /// The transfer.
        id: TransferId,
        /// Its state.
        state: State,
    },
    /// An earlier receipt said the opposite; the earlier one stands.
    #[error(
        "partner {partner} sent a receipt for transfer {id} that contradicts an earlier one, by which it is {state}; the earlier one stands: ask {partner} which is right"
    )]
    Contradicts {
        /// Who sent it.
        partner: String,
        /// The transfer.
        id: TransferId,
        /// What the earlier receipt made of it.
        state: State,
    },
    /// Its addresses are the wrong way round, which is refused of that partner.
    #[error(
        "partner {partner} sent a receipt for transfer {id} with originator and destination swapped, which is refused of it: have the partner put that right, or take receipt-addresses-swapped out of what is refused"
    )]
    Swapped {
        /// Who sent it.
        partner: String,
        /// The transfer it can only be for.
        id: TransferId,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
