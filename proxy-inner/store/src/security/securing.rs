//! Files that are secured before they are sent, or only hashed for their signed receipt.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use oftp::Format;
use rusqlite::Connection;

use super::packing::{HEADER, Packing};
use super::target::{Target, TargetFile, Written};
use super::{SourceFile, clear_shape, hold_first, release, stored};
use crate::archive::{self, Part};
use crate::crash;
use crate::error::StoreError;
use crate::evidence::{self, Evidence};
use crate::records::Shape;
use crate::row;
use crate::store::{Hold, Store, locked};
use crate::transfer::{Direction, Transfer, TransferId};

/// A file to be secured before it is sent, in the hands of one worker. One that only asks for a signed
/// receipt is to be hashed: nothing is written then. Dropped without a word of how it ended, it is tried
/// again.
#[derive(Debug)]
pub struct SecuringClaim {
    store: Store,
    transfer: Transfer,
    /// Octets of the clear file in the spool.
    clear_stored: u64,
    /// Whether the archive is to keep its files.
    archives: bool,
    target: Option<Arc<Mutex<Target>>>,
    /// Whether its end is recorded.
    ended: bool,
    hold: Hold,
}

impl Store {
    /// Gives the oldest file that is to be secured, or hashed, and is due; `None` when there is none that
    /// nobody has in hand.
    ///
    /// # Errors
    /// What the journal said.
    pub fn claim_securing(&self, now: Timestamp) -> Result<Option<SecuringClaim>, StoreError> {
        self.claim_one_to_secure(None, now)
    }

    /// The same as [`Store::claim_securing`], passing over those whose clear file has more than `most`
    /// octets.
    ///
    /// # Errors
    /// What the journal said.
    pub fn claim_securing_within(
        &self,
        most: u64,
        now: Timestamp,
    ) -> Result<Option<SecuringClaim>, StoreError> {
        self.claim_one_to_secure(Some(most), now)
    }

    fn claim_one_to_secure(
        &self,
        most: Option<u64>,
        now: Timestamp,
    ) -> Result<Option<SecuringClaim>, StoreError> {
        let mut hold = self.inner.live.hold();
        let (number, live) = (hold.number(), Arc::clone(&self.inner.live));
        let claimed = self.run(move |journal| {
            let params = (now.as_millisecond(), most.map(row::octets));
            let Some(id) = hold_first(journal, &live, number, DUE, params)? else {
                return Ok(None);
            };
            let transfer = row::by_id(journal, id)?;
            let (_, clear_stored) = stored(journal, id)?;
            let archives = archive::wanted(journal, &transfer.partner)?;
            Ok::<_, StoreError>(Some((transfer, clear_stored, archives)))
        })?;
        crash::point("securing.claimed");
        Ok(claimed.map(|(transfer, clear_stored, archives)| {
            hold.count(transfer.id, 0);
            SecuringClaim {
                store: self.clone(),
                transfer,
                clear_stored,
                archives,
                target: None,
                ended: false,
                hold,
            }
        }))
    }
}

/// What is to be secured; ?1 is now, ?2 the most octets. The index is named so that the oldest of many is found at once.
const DUE: &str = "INDEXED BY transfer_securing WHERE state = 'securing' \
    AND coalesce(not_before, 0) <= ?1 AND (?2 IS NULL OR clear_stored <= ?2) ORDER BY seq";

impl SecuringClaim {
    /// Everything the journal knows of it; its services among all else.
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// What is to be secured: the records of format V each behind its length in 2 octets (RFC 5024
    /// section 6.5), all else as it is.
    ///
    /// # Errors
    /// [`StoreError::Altered`] when it is no longer what was handed over; else what the disk said.
    pub fn clear(&self) -> Result<SourceFile, StoreError> {
        self.open(Packing::with_headers())
    }

    /// The octets a plain file travels with, by which its receipt is hashed: the records of format V one
    /// after the other, all else as it is.
    ///
    /// # Errors
    /// As [`SecuringClaim::clear`].
    pub fn virtual_file(&self) -> Result<SourceFile, StoreError> {
        self.open(Packing::without_headers())
    }

    /// The exact length of [`SecuringClaim::clear`], octets.
    pub fn clear_octets(&self) -> u64 {
        let lengths = match self.transfer.format {
            Format::Variable => self.transfer.records.saturating_mul(HEADER as u64),
            _ => 0,
        };
        self.transfer.clear_octets.saturating_add(lengths)
    }

    /// Whether it becomes another file ([`SecuringClaim::target`]), or is only to be hashed.
    pub fn is_secured(&self) -> bool {
        self.transfer.services().secures()
    }

    /// The spool file that will be sent, empty, in place of what was written before.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`]; [`StoreError::Refused`] for a file that is only to be hashed; else what
    /// the disk said.
    pub fn target(&mut self) -> Result<TargetFile, StoreError> {
        if !self.is_secured() {
            return Err(StoreError::Refused(format!(
                "transfer {} asks for a signed receipt only: it is sent as it is",
                self.transfer.id
            )));
        }
        self.drop_target()?;
        // Compressed, nobody knows how long it becomes.
        let promised = match self.transfer.compression {
            true => 0,
            false => self.clear_octets(),
        };
        let path = self.path();
        let target = Target::create(
            &self.store,
            &mut self.hold,
            self.transfer.id,
            path,
            promised,
            None,
        )?;
        crash::point("securing.target");
        let file = Target::end_for_caller(&target);
        self.target = Some(target);
        Ok(file)
    }

    /// What was written is the file to send, `hash` that of the octets it travels with: it is queued. The
    /// clear file stays until the receipt has come.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when nothing was written of a file that is to be secured; else what the
    /// disk or the journal said. It is tried again then.
    pub fn finish(
        mut self,
        hash: Vec<u8>,
        evidence: Vec<Evidence>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let written = self.complete()?;
        crash::point("securing.synced");
        if self.archives {
            self.archive()?;
            crash::point("securing.archived");
        }
        let queueing = Queueing {
            transfer: self.transfer.clone(),
            holder: self.hold.number(),
            written,
            archived: self.archives,
            hash,
            evidence,
            now,
        };
        let queued = self.store.run(move |journal| queueing.record(journal));
        crash::point("securing.queued");
        if !matches!(queued, Err(StoreError::WrongState { .. })) {
            // A commit that failed may still be found whole by the next start, which keeps or removes
            // the file by what the journal then says.
            self.keep_target();
        }
        queued?;
        self.ended = true;
        self.store.tell_of_work();
        Ok(())
    }

    /// It cannot be secured, and trying again would not help: it has failed. The clear file stays, and
    /// [`Store::retry`] has it secured anew.
    ///
    /// # Errors
    /// What the disk or the journal said.
    pub fn failed(mut self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        self.drop_target()?;
        let (id, holder, why) = (self.transfer.id, self.hold.number(), why.to_owned());
        self.store.run(move |journal| {
            let sql = "UPDATE transfer SET state = 'failed', reason = ?3, holder = NULL, not_before = NULL \
                WHERE id = ?1 AND holder = ?2 AND state = 'securing'";
            match row::change(journal, sql, (id.to_string(), holder, &why))? {
                0 => Ok(()),
                _ => row::step(journal, id, now, "failed", &why, None),
            }
        })?;
        self.ended = true;
        crash::point("securing.failed");
        Ok(())
    }

    /// It cannot be secured now, as without a key: it is tried again from `until` on.
    ///
    /// # Errors
    /// What the disk or the journal said; it is tried again at once then.
    pub fn held(mut self, why: &str, until: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        self.drop_target()?;
        let (id, holder, why) = (self.transfer.id, self.hold.number(), why.to_owned());
        self.store
            .run(move |journal| super::waking::hold_back(journal, id, holder, &why, until, now))?;
        self.ended = true;
        crash::point("securing.held");
        Ok(())
    }

    fn open(&self, packing: Packing) -> Result<SourceFile, StoreError> {
        let id = self.transfer.id;
        let path = self.store.inner.layout.handed_over(id, self.is_secured());
        let packing = (clear_shape(&self.transfer) == Shape::Variable).then_some(packing);
        SourceFile::open(id, &path, self.clear_stored, packing)
    }

    fn path(&self) -> PathBuf {
        let spool = &self.store.inner.layout;
        spool.spool_file(Direction::Out, self.transfer.id)
    }

    /// What was written, on disk; `None` where nothing is.
    fn complete(&mut self) -> Result<Option<Written>, StoreError> {
        match &self.target {
            Some(target) => locked(target).complete().map(Some),
            None if self.is_secured() => Err(StoreError::Refused(format!(
                "nothing was written of transfer {}, which is to be secured",
                self.transfer.id
            ))),
            None => Ok(None),
        }
    }

    fn archive(&self) -> Result<(), StoreError> {
        let id = self.transfer.id;
        let clear = self.store.inner.layout.handed_over(id, self.is_secured());
        let mut parts = vec![(Part::Clear, clear)];
        if self.is_secured() {
            parts.push((Part::Secured, self.path()));
        }
        self.store.archive(id, &parts)
    }

    fn drop_target(&mut self) -> Result<(), StoreError> {
        self.target
            .take()
            .map_or(Ok(()), |target| locked(&target).remove())
    }

    fn keep_target(&mut self) {
        if let Some(target) = self.target.take() {
            locked(&target).keep();
        }
    }
}

impl Drop for SecuringClaim {
    fn drop(&mut self) {
        let id = self.transfer.id;
        if let Err(error) = self.drop_target() {
            tracing::warn!(transfer = %id, %error, "A spool file stays until the file is secured again.");
        }
        if !self.ended {
            let holder = self.hold.number();
            self.store.inner.journal.post(
                "the end of an attempt to secure a file",
                move |journal| release(journal, id, holder),
                || {},
            );
        }
    }
}

/// A file on its way into the queue.
struct Queueing {
    transfer: Transfer,
    holder: i64,
    /// `None` for a file that was only hashed.
    written: Option<Written>,
    archived: bool,
    hash: Vec<u8>,
    evidence: Vec<Evidence>,
    now: Timestamp,
}

impl Queueing {
    fn record(&self, journal: &Connection) -> Result<(), StoreError> {
        let id = self.transfer.id;
        let written = self.written.as_ref();
        let changed = row::change(
            journal,
            "UPDATE transfer SET state = 'queued', reason = NULL, holder = NULL, hash = ?3, secured = 1, \
             octets = coalesce(?4, octets), stored = coalesce(?5, stored), position = 0, \
             position_octets = 0, archived = ?6 WHERE id = ?1 AND holder = ?2 AND state = 'securing'",
            (
                id.to_string(),
                self.holder,
                &self.hash,
                written.map(|written| row::octets(written.octets)),
                written.map(|written| row::octets(written.stored)),
                self.archived,
            ),
        )?;
        if changed != 1 {
            return Err(wrong_state(journal, id)?);
        }
        evidence::forget_securing(journal, id)?;
        for evidence in &self.evidence {
            evidence::note(journal, id, evidence, self.now)?;
        }
        if let Some(written) = written {
            let detail = format!(
                "{} octets, before {}",
                written.octets, self.transfer.clear_octets
            );
            row::step(journal, id, self.now, "secured", &detail, None)?;
        }
        row::step(journal, id, self.now, "queued", "", None)
    }
}

fn wrong_state(journal: &Connection, id: TransferId) -> Result<StoreError, StoreError> {
    let state = row::by_id(journal, id)?.state;
    Ok(StoreError::WrongState {
        id,
        state,
        wanted: "queued",
    })
}
