//! Received files that are opened before they are delivered, or only hashed for their signed receipt.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use oftp::ReceiptReason;
use rusqlite::Connection;

use super::packing::{Packing, Unpacking};
use super::target::{Target, TargetFile, Written};
use super::{SourceFile, hold_first, release, stored};
use crate::archive::{self, Part};
use crate::crash;
use crate::error::StoreError;
use crate::evidence::{self, Evidence};
use crate::layout;
use crate::receipt::{self, ReceiptContent};
use crate::records::Shape;
use crate::row;
use crate::store::{Hold, Store, locked};
use crate::transfer::{Direction, Transfer, TransferId};

/// A received file to be opened, in the hands of one worker or session. One that only asks for a signed
/// receipt is to be hashed: nothing is written then. Dropped without a word of how it ended, it is tried
/// again.
#[derive(Debug)]
pub struct OpeningClaim {
    store: Store,
    transfer: Transfer,
    /// Octets of the received file in the spool.
    stored: u64,
    /// Whether the archive is to keep its files.
    archives: bool,
    target: Option<Arc<Mutex<Target>>>,
    /// Whether its end is recorded.
    ended: bool,
    hold: Hold,
}

impl Store {
    /// Gives a received file for a station of ours that is to be opened, or hashed: that of the name
    /// `id`, due or not, or else the oldest that is due. `None` when there is none that nobody has in
    /// hand.
    ///
    /// # Errors
    /// What the journal said.
    pub fn claim_opening(
        &self,
        id: Option<TransferId>,
        now: Timestamp,
    ) -> Result<Option<OpeningClaim>, StoreError> {
        self.claim_one_to_open(id, None, now)
    }

    /// The same as [`Store::claim_opening`] of any, passing over those that have more than `most` octets.
    ///
    /// # Errors
    /// What the journal said.
    pub fn claim_opening_within(
        &self,
        most: u64,
        now: Timestamp,
    ) -> Result<Option<OpeningClaim>, StoreError> {
        self.claim_one_to_open(None, Some(most), now)
    }

    fn claim_one_to_open(
        &self,
        id: Option<TransferId>,
        most: Option<u64>,
        now: Timestamp,
    ) -> Result<Option<OpeningClaim>, StoreError> {
        let hold = self.inner.live.hold();
        let (number, live) = (hold.number(), Arc::clone(&self.inner.live));
        let claimed = self.run(move |journal| {
            let wanted = id.map(|id| id.to_string());
            let params = (wanted, now.as_millisecond(), most.map(row::octets));
            let Some(id) = hold_first(journal, &live, number, DUE, params)? else {
                return Ok(None);
            };
            Claimed::read(journal, id).map(Some)
        })?;
        crash::point("opening.claimed");
        Ok(claimed.map(|claimed| OpeningClaim::new(self, claimed, hold)))
    }
}

/// What is received and not opened; ?1 names one, ?2 is now, ?3 the most octets. The index is named so that the oldest of many
/// is found at once.
const DUE: &str = "INDEXED BY transfer_received WHERE direction = 'in' AND state = 'received' AND forward_to IS NULL AND NOT opened \
    AND (security <> 0 OR compression OR signed_receipt) \
    AND (id = ?1 OR (?1 IS NULL AND coalesce(not_before, 0) <= ?2)) \
    AND (?3 IS NULL OR stored <= ?3) ORDER BY seq";

/// What a claim must know.
struct Claimed {
    transfer: Transfer,
    stored: u64,
    archives: bool,
}

impl Claimed {
    fn read(journal: &Connection, id: TransferId) -> Result<Claimed, StoreError> {
        let transfer = row::by_id(journal, id)?;
        let (stored, _) = stored(journal, id)?;
        let archives = archive::wanted(journal, &transfer.partner)?;
        Ok(Claimed {
            transfer,
            stored,
            archives,
        })
    }
}

impl OpeningClaim {
    fn new(store: &Store, claimed: Claimed, mut hold: Hold) -> OpeningClaim {
        hold.count(claimed.transfer.id, 0);
        OpeningClaim {
            store: store.clone(),
            transfer: claimed.transfer,
            stored: claimed.stored,
            archives: claimed.archives,
            target: None,
            ended: false,
            hold,
        }
    }

    /// Everything the journal knows of it.
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// The octets as they were transmitted: what is to be opened.
    ///
    /// # Errors
    /// [`StoreError::Altered`] when it is no longer what was received; else what the disk said.
    pub fn secured(&self) -> Result<SourceFile, StoreError> {
        self.virtual_file()
    }

    /// The octets as they were transmitted, by which the receipt is hashed: the records of a plain file
    /// of format V one after the other, all else as it is.
    ///
    /// # Errors
    /// As [`OpeningClaim::secured`].
    pub fn virtual_file(&self) -> Result<SourceFile, StoreError> {
        let plain = Shape::of(&self.transfer) == Shape::Variable;
        let packing = plain.then(Packing::without_headers);
        SourceFile::open(self.transfer.id, &self.path(), self.stored, packing)
    }

    /// Whether there is something to open ([`OpeningClaim::target`]), or it is only to be hashed.
    pub fn is_secured(&self) -> bool {
        self.transfer.services().secures()
    }

    /// The clear file, empty, in place of what was written before. Of format V it takes each record
    /// behind its length in 2 octets; a record longer than SFIDLRECL says is an error of the kind
    /// `InvalidData`, which [`OpeningClaim::problem`] tells.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`]; [`StoreError::Refused`] for a file that is only to be hashed; else what
    /// the disk said.
    pub fn target(&mut self) -> Result<TargetFile, StoreError> {
        if !self.is_secured() {
            return Err(StoreError::Refused(format!(
                "transfer {} is not secured: it is delivered as it is",
                self.transfer.id
            )));
        }
        self.drop_target()?;
        // How long a compressed file becomes nobody knows, and its sender may say anything.
        let promised = match self.transfer.compression {
            true => 0,
            false => self.stored,
        };
        let path = self.clear_path();
        let target = Target::create(
            &self.store,
            &mut self.hold,
            self.transfer.id,
            path,
            promised,
            Some(Unpacking::of(&self.transfer)),
        )?;
        crash::point("opening.target");
        let file = Target::end_for_caller(&target);
        self.target = Some(target);
        Ok(file)
    }

    /// What is wrong with the records that were written, if that is why a write failed.
    pub fn problem(&self) -> Option<String> {
        let target = self.target.as_ref()?;
        locked(target).problem().map(str::to_owned)
    }

    /// Whether what was written is a whole file of its format. The last step before
    /// [`OpeningClaim::finish`], for callers who tell the partner of the answer themselves.
    ///
    /// # Errors
    /// [`StoreError::BadRecords`]: the partner's fault; else what the disk said.
    pub fn complete(&mut self) -> Result<(), StoreError> {
        self.completed().map(drop)
    }

    /// What was written is the clear file, `hash` that of the octets as they were transmitted: it can be
    /// delivered ([`Store::deliver`]).
    ///
    /// # Errors
    /// [`StoreError::BadRecords`] when it is no whole file of its format: it has failed then, and a NERP
    /// is owed. [`StoreError::Refused`] when nothing was written of a secured file; else what the disk or
    /// the journal said: it is tried again then.
    pub fn finish(
        mut self,
        hash: Vec<u8>,
        evidence: Vec<Evidence>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let written = match self.completed() {
            Err(StoreError::BadRecords(problem)) => {
                let reason = ReceiptReason::UNSPECIFIED;
                self.failed(reason, &problem, &problem, hash, now)?;
                return Err(StoreError::BadRecords(problem));
            }
            written => written?,
        };
        crash::point("opening.synced");
        if self.archives {
            self.archive()?;
            crash::point("opening.archived");
        }
        let (id, holder, archived) = (self.transfer.id, self.hold.number(), self.archives);
        let opened = self.store.run(move |journal| {
            let changed = row::change(
                journal,
                "UPDATE transfer SET opened = 1, hash = ?3, reason = NULL, holder = NULL, \
                 clear_octets = coalesce(?4, octets), clear_stored = coalesce(?5, stored), \
                 records = coalesce(?6, records), archived = ?7 \
                 WHERE id = ?1 AND holder = ?2 AND state = 'received'",
                (
                    id.to_string(),
                    holder,
                    hash,
                    written.map(|written| row::octets(written.octets)),
                    written.map(|written| row::octets(written.stored)),
                    written.map(|written| row::octets(written.records)),
                    archived,
                ),
            )?;
            if changed != 1 {
                return Err(wrong_state(journal, id)?);
            }
            for evidence in &evidence {
                evidence::note(journal, id, evidence, now)?;
            }
            let detail = match written {
                Some(written) => format!("{} octets", written.octets),
                None => "hashed for its receipt".to_owned(),
            };
            row::step(journal, id, now, "opened", &detail, None)
        });
        crash::point("opening.opened");
        if !matches!(opened, Err(StoreError::WrongState { .. })) {
            // A commit that failed may still be found whole by the next start, which keeps or removes
            // the file by what the journal then says.
            self.keep_target();
        }
        opened?;
        self.ended = true;
        if written.is_some() {
            layout::remove_file(&self.path())?;
        }
        Ok(())
    }

    /// It cannot be opened, and its sender is to know (NERP): it has failed. Nothing of it is delivered.
    /// `text` is what the sender reads, `why` what our operator does.
    ///
    /// # Errors
    /// What the disk or the journal said; it is tried again then.
    pub fn failed(
        mut self,
        reason: ReceiptReason,
        text: &str,
        why: &str,
        hash: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.drop_target()?;
        if self.archives {
            let parts = [(Part::Secured, self.path())];
            self.store.archive(self.transfer.id, &parts)?;
        }
        let (transfer, holder) = (self.transfer.clone(), self.hold.number());
        let (archived, text, why) = (self.archives, text.to_owned(), why.to_owned());
        self.store.run(move |journal| {
            let id = transfer.id;
            let creator = receipt::creator(journal, &transfer)?;
            let content = ReceiptContent::negative(reason, &text, creator);
            let changed = row::change(
                journal,
                "UPDATE transfer SET state = 'failed', reason = ?3, hash = ?4, holder = NULL, \
                 receipt = 'owed', receipt_since = ?5, archived = ?6 \
                 WHERE id = ?1 AND holder = ?2 AND state = 'received'",
                (
                    id.to_string(),
                    holder,
                    &why,
                    hash,
                    now.as_millisecond(),
                    archived,
                ),
            )?;
            if changed != 1 {
                return Err(wrong_state(journal, id)?);
            }
            receipt::note(journal, id, &content)?;
            row::step(journal, id, now, "failed", &why, None)?;
            row::step(journal, id, now, "receipt owed", &content.told(), None)
        })?;
        crash::point("opening.failed");
        self.ended = true;
        self.store.tell_of_work();
        layout::remove_file(&self.path())
    }

    /// It cannot be opened, and its sender is told at once (EFNA): it has failed, no receipt is owed, and
    /// the same file may come again.
    ///
    /// # Errors
    /// What the disk or the journal said. The partner must not be told then: it is tried again, and what
    /// comes of it is told by the receipt.
    pub fn refused(mut self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        self.drop_target()?;
        let (id, holder, why) = (self.transfer.id, self.hold.number(), why.to_owned());
        self.store.run(move |journal| {
            let changed = row::change(
                journal,
                "UPDATE transfer SET state = 'failed', reason = ?3, holder = NULL, receipt = NULL, \
                 receipt_since = NULL WHERE id = ?1 AND holder = ?2 AND state = 'received'",
                (id.to_string(), holder, &why),
            )?;
            if changed != 1 {
                return Err(wrong_state(journal, id)?);
            }
            row::step(journal, id, now, "refused", &why, None)
        })?;
        crash::point("opening.refused");
        self.ended = true;
        layout::remove_file(&self.path())
    }

    /// It cannot be opened now, for a reason of our own, as a token that is away: it is tried again from
    /// `until` on.
    ///
    /// # Errors
    /// What the disk or the journal said; it is tried again at once then.
    pub fn held(mut self, why: &str, until: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        self.drop_target()?;
        let (id, holder, why) = (self.transfer.id, self.hold.number(), why.to_owned());
        self.store
            .run(move |journal| super::waking::hold_back(journal, id, holder, &why, until, now))?;
        self.ended = true;
        crash::point("opening.held");
        Ok(())
    }

    fn path(&self) -> PathBuf {
        let spool = &self.store.inner.layout;
        spool.spool_file(Direction::In, self.transfer.id)
    }

    fn clear_path(&self) -> PathBuf {
        self.store.inner.layout.clear_file(self.transfer.id)
    }

    /// What was written, on disk; `None` where nothing is.
    fn completed(&mut self) -> Result<Option<Written>, StoreError> {
        match &self.target {
            Some(target) => locked(target).complete().map(Some),
            None if self.is_secured() => Err(StoreError::Refused(format!(
                "nothing was written of transfer {}, which is secured",
                self.transfer.id
            ))),
            None => Ok(None),
        }
    }

    fn archive(&self) -> Result<(), StoreError> {
        let parts = match self.is_secured() {
            true => vec![
                (Part::Secured, self.path()),
                (Part::Clear, self.clear_path()),
            ],
            false => vec![(Part::Clear, self.path())],
        };
        self.store.archive(self.transfer.id, &parts)
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

impl Drop for OpeningClaim {
    fn drop(&mut self) {
        let id = self.transfer.id;
        if let Err(error) = self.drop_target() {
            tracing::warn!(transfer = %id, %error, "A spool file stays until the file is opened again.");
        }
        if !self.ended {
            let holder = self.hold.number();
            self.store.inner.journal.post(
                "the end of an attempt to open a file",
                move |journal| release(journal, id, holder),
                || {},
            );
        }
    }
}

fn wrong_state(journal: &Connection, id: TransferId) -> Result<StoreError, StoreError> {
    let state = row::by_id(journal, id)?.state;
    Ok(StoreError::WrongState {
        id,
        state,
        wanted: "opened",
    })
}
