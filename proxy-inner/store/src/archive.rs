//! What is kept of files after their end, for partners whose terms say so.
//!
//! ```text
//!  spool/out-<id>, in-<id>   ── second name ──▶ archive/<id>.secured    the file as it travels
//!  spool/clear-<id>, …       ── copy ─────────▶ archive/<id>.clear      the clear file
//! ```
//!
//! A secured file never leaves the spool but by the wire: a second name costs nothing and is safe. A
//! clear file comes from a business system or goes to one, which may still write into it, and would write
//! into what proves the transfer: the archive has a copy of its own. That costs its size on disk once more,
//! at once, and writing it; on file systems whose files can share octets (XFS, Btrfs) next to nothing.
//!
//! A file gets its name in the archive before the journal says that it is archived, in the commit that ends
//! its securing, opening or delivery: what the journal says is there. A copy gets its name once it is
//! whole. Without the journal's word the name is worth nothing, and the next start removes it. So it is with
//! what is older than the archive keeps: the journal forgets it first.
//!
//! What only passes through to another partner is not archived.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use crate::crash;
use crate::directory::Archive;
use crate::error::StoreError;
use crate::inbox::exists;
use crate::layout::{self, archive_name};
use crate::prune::ENDED;
use crate::row;
use crate::spool;
use crate::store::Store;
use crate::transfer::{Direction, State, Transfer, TransferId};

/// Which file of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// As it travels.
    Secured,
    /// The clear one.
    Clear,
}

impl Part {
    pub(crate) const ALL: [Part; 2] = [Part::Secured, Part::Clear];

    /// What its name ends in.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Part::Secured => "secured",
            Part::Clear => "clear",
        }
    }
}

/// Whether the terms of the partner have its files archived.
pub(crate) fn wanted(journal: &Connection, partner: &str) -> Result<bool, StoreError> {
    let sql = "SELECT archive FROM partner WHERE name = ?1";
    let found: Option<String> = row::value(journal, sql, [partner])?;
    Ok(found.as_deref() == Some(Archive::Files.word()))
}

impl Store {
    /// Puts files of a transfer into the archive, on disk when this returns. The journal is told by the
    /// caller.
    pub(crate) fn archive(
        &self,
        id: TransferId,
        parts: &[(Part, PathBuf)],
    ) -> Result<(), StoreError> {
        let layout = &self.inner.layout;
        for (part, from) in parts {
            let to = layout.archive_file(id, *part);
            // That of an earlier attempt is worth nothing.
            layout::remove_file(&to)?;
            match part {
                Part::Secured => fs::hard_link(from, &to)
                    .map_err(StoreError::file("give a second name to", from))?,
                Part::Clear => {
                    let copy = layout.copy_file(id);
                    let promised = self.inner.live.promised();
                    let keep = self.inner.options.reserve.saturating_add(promised);
                    spool::copy(from, &copy, keep)?;
                    crash::point("archive.copied");
                    layout::rename(&copy, &to)?;
                }
            }
        }
        layout::sync_folder(&layout.archive)?;
        crash::point("archive.linked");
        Ok(())
    }

    /// Whether the archive has a file of the transfer.
    pub(crate) fn is_in_archive(&self, id: TransferId) -> Result<bool, StoreError> {
        let layout = &self.inner.layout;
        let parts = Part::ALL.map(|part| layout.archive_file(id, part));
        Ok(first_there(parts)?.is_some())
    }

    /// Where the files of a transfer are, secured and clear, as far as they are anywhere.
    pub(crate) fn files_of(
        &self,
        transfer: &Transfer,
    ) -> Result<(Option<PathBuf>, Option<PathBuf>), StoreError> {
        let layout = &self.inner.layout;
        let id = transfer.id;
        let spool = layout.spool_file(transfer.direction, id);
        let secures = transfer.services().secures() || transfer.envelope;
        let has_secured = match transfer.direction {
            Direction::In => secures && !transfer.opened,
            Direction::Out => secures && transfer.state != State::Securing,
        };
        let mut secured = vec![layout.archive_file(id, Part::Secured)];
        if has_secured {
            secured.push(spool.clone());
        }
        let mut clear = vec![layout.archive_file(id, Part::Clear), layout.clear_file(id)];
        if !secures {
            clear.push(spool);
        }
        if let Some(name) = &transfer.inbox_name
            && transfer.state == State::Delivered
        {
            clear.push(layout.inbox.join(&transfer.partner).join(name));
        }
        Ok((first_there(secured)?, first_there(clear)?))
    }

    /// Removes from the archive what ended longer ago than it is kept.
    pub(crate) fn expire_archive(&self, now: Timestamp) -> Result<(), StoreError> {
        let before = self.archived_since(now);
        loop {
            let expired = self.run(move |journal| {
                let rest =
                    format!("WHERE archived AND {ENDED} AND changed < ?1 ORDER BY seq LIMIT ?2");
                let expired = row::select(journal, &rest, (before.as_millisecond(), GROUP))?;
                for transfer in &expired {
                    let sql = "UPDATE transfer SET archived = 0 WHERE id = ?1";
                    row::change(journal, sql, [transfer.id.to_string()])?;
                }
                Ok::<Vec<Transfer>, StoreError>(expired)
            })?;
            crash::point("archive.expired");
            // A kill before this leaves the files to the next start.
            for transfer in &expired {
                self.remove_archived(transfer.id)?;
            }
            if expired.len() < GROUP as usize {
                return Ok(());
            }
        }
    }

    /// What ended after this is still kept.
    fn archived_since(&self, now: Timestamp) -> Timestamp {
        SignedDuration::try_from(self.inner.options.archive_keep)
            .ok()
            .and_then(|keep| now.checked_sub(keep).ok())
            .unwrap_or(Timestamp::MIN)
    }

    fn remove_archived(&self, id: TransferId) -> Result<(), StoreError> {
        let layout = &self.inner.layout;
        Part::ALL
            .into_iter()
            .try_for_each(|part| layout::remove_file(&layout.archive_file(id, part)))
    }

    /// Removes what lies in the archive and the journal does not know; tells how many.
    pub(crate) fn sweep_archive(&self) -> Result<usize, StoreError> {
        let known = self.run(archived)?;
        let archive = &self.inner.layout.archive;
        let mut removed = 0;
        for entry in fs::read_dir(archive).map_err(StoreError::file("list", archive))? {
            let path = entry.map_err(StoreError::file("list", archive))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let Some((_, id)) = name.and_then(archive_name) else {
                tracing::warn!(path = %path.display(), "Something that is not the store's lies in its archive; it is left there.");
                continue;
            };
            if !known.contains(&id) {
                layout::remove_file(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// The transfers of which the archive has files.
fn archived(journal: &Connection) -> Result<HashSet<TransferId>, StoreError> {
    let rows = || -> Result<Vec<String>, rusqlite::Error> {
        let mut statement = journal.prepare_cached("SELECT id FROM transfer WHERE archived")?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    rows()
        .map_err(StoreError::journal("read"))?
        .iter()
        .map(|id| row::parse("transfer", "id", id))
        .collect()
}

/// Ended transfers that share a commit; others wait for it.
const GROUP: u32 = 500;

fn first_there(paths: impl IntoIterator<Item = PathBuf>) -> Result<Option<PathBuf>, StoreError> {
    for path in paths {
        if exists(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
