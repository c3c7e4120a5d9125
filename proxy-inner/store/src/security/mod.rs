//! Securing files before they are sent, and opening those that were received.
//!
//! ```text
//!  handed over ─▶ securing ─▶ claim_securing ─▶ SecuringClaim ─▶ finish ─▶ queued ─▶ sent ─▶ receipt
//!                 clear-<id>    clear() ─▶ sign, compress, encrypt ─▶ target()      out-<id>
//!  received ─▶ claim_opening ─▶ OpeningClaim ─▶ finish ─▶ deliver ─▶ inbox
//!  in-<id>      secured() ─▶ decrypt, decompress, verify ─▶ target()          clear-<id>
//! ```
//!
//! The store does none of the cryptography: a claim gives what is to be read and takes what is written,
//! and says in the journal how it ended. What a claim writes is worth nothing until it is finished: a
//! claim that is dropped, or whose process is killed, is made anew from the file that was there before.
//!
//! The order of the steps, and why (a kill may fall between any two):
//! 1. journal: the claim's number as holder. Nobody else gets the file while the claim lives.
//! 2. the new file made and written, in place of what an earlier attempt left, within the reserve.
//! 3. its data synced, then the spool folder; where the archive is to keep the file, what it keeps and the
//!    archive folder likewise.
//! 4. journal, one transaction: `queued` or `opened`, hash, sizes, certificates. From now on the new file
//!    is the one that is sent, byte by byte the same at every attempt, or delivered.
//! 5. opened only: the file as it came is removed; after a kill, by the next start.
//!
//! The clear file of one to be sent is kept until the receipt has come, as the secured one is: until then
//! an operator may send it again, and it is then secured anew.
//!
//! A file that is forwarded is neither secured nor opened: it is not ours to read.

mod opening;
mod packing;
mod securing;
mod target;
mod waking;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use rusqlite::Connection;

use self::packing::Packing;
use crate::error::StoreError;
use crate::records::{BUFFER, Shape};
use crate::row;
use crate::store::Live;
use crate::transfer::{Transfer, TransferId};

pub use self::opening::OpeningClaim;
pub use self::securing::SecuringClaim;
pub use self::target::TargetFile;
pub(crate) use self::waking::WAITING;

/// A file to read for securing or opening it. Reading blocks.
#[derive(Debug)]
pub struct SourceFile {
    file: BufReader<File>,
    /// How records are given, where they lie with their lengths before them.
    packing: Option<Packing>,
}

impl SourceFile {
    /// Opens a file that must have `stored` octets.
    fn open(
        id: TransferId,
        path: &Path,
        stored: u64,
        packing: Option<Packing>,
    ) -> Result<SourceFile, StoreError> {
        let file = File::open(path).map_err(StoreError::file("open", path))?;
        let found = file
            .metadata()
            .map_err(StoreError::file("look at", path))?
            .len();
        if found != stored {
            return Err(StoreError::Altered {
                id,
                path: path.to_owned(),
                found,
                queued: stored,
            });
        }
        Ok(SourceFile {
            file: BufReader::with_capacity(BUFFER, file),
            packing,
        })
    }
}

impl Read for SourceFile {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match &mut self.packing {
            None => self.file.read(octets),
            Some(packing) => packing.read(&mut self.file, octets),
        }
    }
}

/// How the clear file of a transfer lies in the spool.
pub(crate) fn clear_shape(transfer: &Transfer) -> Shape {
    let secured = !transfer.services().secures() && transfer.is_secured();
    Shape::new(transfer.format, transfer.record_length, secured)
}

/// The first of the transfers that `rest` (from the table's name on) selects and that no claim holds, held by
/// `holder` from now on.
fn hold_first(
    journal: &Connection,
    live: &Live,
    holder: i64,
    rest: &str,
    params: impl rusqlite::Params,
) -> Result<Option<TransferId>, StoreError> {
    let found = {
        let mut statement = journal
            .prepare_cached(&format!("SELECT id, holder FROM transfer {rest}"))
            .map_err(StoreError::journal("read"))?;
        let mut rows = statement
            .query(params)
            .map_err(StoreError::journal("read"))?;
        let mut found: Option<TransferId> = None;
        while let Some(entry) = rows.next().map_err(StoreError::journal("read"))? {
            let holder: Option<i64> = entry.get(1).map_err(StoreError::journal("read"))?;
            if !live.holds(holder) {
                let id: String = entry.get(0).map_err(StoreError::journal("read"))?;
                found = Some(row::parse("transfer", "id", &id)?);
                break;
            }
        }
        found
    };
    if let Some(id) = found {
        let sql = "UPDATE transfer SET holder = ?2, not_before = NULL WHERE id = ?1";
        row::change(journal, sql, (id.to_string(), holder))?;
    }
    Ok(found)
}

/// Octets the spool file of a transfer has, and the clear one.
fn stored(journal: &Connection, id: TransferId) -> Result<(u64, u64), StoreError> {
    let sql = "SELECT stored, clear_stored FROM transfer WHERE id = ?1";
    journal
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_row([id.to_string()], |row| {
                let (stored, clear): (i64, i64) = (row.get(0)?, row.get(1)?);
                Ok((row::number(stored), row::number(clear)))
            })
        })
        .map_err(StoreError::journal("read"))
}

/// The holder of a claim that ended before it was finished gives it back.
fn release(journal: &Connection, id: TransferId, holder: i64) -> Result<(), StoreError> {
    let sql = "UPDATE transfer SET holder = NULL WHERE id = ?1 AND holder = ?2";
    row::change(journal, sql, (id.to_string(), holder)).map(drop)
}
