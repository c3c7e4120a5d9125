//! Sending a file: a session claims it, and says how it ended.
//!
//! A claim is the journal's `sending` with the claim's own number: while it lives nobody else gets
//! the file, and only it may end the attempt. A claim that is dropped, or whose process is killed,
//! puts the file back into the queue.
//!
//! [`OutboundClaim::fully_offered`] is recorded before our EFID goes out: from then on the partner may
//! have the file although we never saw its EFPA. So when it later refuses the same file as a duplicate
//! (SFNA 13), or sends a receipt for it, it does have it, and the file is not sent twice.
//!
//! Restart: up to where the partner may have the file is noted every 32 MiB and when an attempt ends; the
//! next attempt offers to go on from there, and [`OutboundClaim::open`] gives the octets from where the
//! partner wants them. They are the very octets of the first attempt.
//!
//! The spool file, and the clear one it was made of, are kept until the receipt has come: until then the partner may still say that it
//! could not use the file, and an operator sends it again. What failed is kept as well, since the
//! outbox gave it up; [`Store::retry`] sends it again, [`Store::discard`] removes it.

mod carry;
mod ending;
mod read;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::Timestamp;
use oftp::{FileId, Format, Level, Sfid, UserField};
use rusqlite::Connection;

use self::read::Marks;
use crate::crash;
use crate::error::StoreError;
use crate::records::Shape;
use crate::row;
use crate::store::{Hold, Live, Progress, Store};
use crate::transfer::{Transfer, TransferId};

pub(crate) use self::ending::fail_forwarded;
pub use self::read::OutboundFile;

/// A file to send, in the hands of one session. Dropped without a word of how it ended, it was
/// interrupted.
#[derive(Debug)]
pub struct OutboundClaim {
    store: Store,
    transfer: Transfer,
    circuit: String,
    level: Level,
    /// Whether the session agreed on restart.
    restart: bool,
    /// Whether the partner accepted it in this attempt.
    opened: AtomicBool,
    /// Up to which octet it was last noted how far it has come.
    noted: AtomicU64,
    /// Where records begin, as far as the file was read.
    marks: Arc<Marks>,
    /// Whether our EFID may have gone out in this attempt.
    offered: bool,
    /// Whether its end is recorded.
    ended: bool,
    progress: Arc<Progress>,
    hold: Hold,
}

/// What a duplicate refusal (SFNA 13, EFNA 13) meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlreadyThere {
    /// The partner had it from an earlier attempt; it counts as sent.
    Sent,
    /// The partner cannot have it from us; the transfer has failed and an operator must look.
    Conflict,
}

impl Store {
    /// Gives the session on `circuit`, of that level and with restart agreed or not, the oldest file that
    /// is due for the partner, if there is one. A file that the level cannot carry fails, with the reason;
    /// one that was to be forwarded is answered with a NERP.
    ///
    /// # Errors
    /// What the journal said.
    pub fn claim_file(
        &self,
        partner: &str,
        circuit: &str,
        level: Level,
        restart: bool,
        now: Timestamp,
    ) -> Result<Option<OutboundClaim>, StoreError> {
        let mut hold = self.inner.live.hold();
        let (number, live) = (hold.number(), Arc::clone(&self.inner.live));
        let (partner, on) = (partner.to_owned(), circuit.to_owned());
        let (claimed, refused) = self.run(move |journal| {
            release_forgotten(journal, &live, &partner, now)?;
            let refused = carry::fail_uncarriable(journal, &live, &partner, level, now)?;
            let claimed = claim(journal, number, &partner, &on, now)?;
            Ok::<_, StoreError>((claimed, refused))
        })?;
        crash::point("claim.claimed");
        if refused > 0 {
            self.tell_of_work();
        }
        Ok(claimed.map(|transfer| OutboundClaim {
            store: self.clone(),
            progress: hold.count(transfer.id, 0),
            noted: AtomicU64::new(transfer.restart.octets),
            transfer,
            circuit: circuit.to_owned(),
            level,
            restart,
            opened: AtomicBool::new(false),
            marks: Arc::default(),
            offered: false,
            ended: false,
            hold,
        }))
    }
}

impl OutboundClaim {
    /// The name of the transfer.
    pub fn id(&self) -> TransferId {
        self.transfer.id
    }

    /// What names it on the wire.
    pub fn file(&self) -> &FileId {
        &self.transfer.file
    }

    /// Its size, octets.
    pub fn octets(&self) -> u64 {
        self.transfer.octets
    }

    /// Record format (SFIDFMT).
    pub fn format(&self) -> Format {
        self.transfer.format
    }

    /// Description (SFIDDESC), may be empty.
    pub fn description(&self) -> &str {
        &self.transfer.description
    }

    /// User data (SFIDUSER).
    pub fn user(&self) -> &UserField {
        &self.transfer.user
    }

    /// How often it was offered and refused for now.
    pub fn attempts(&self) -> u32 {
        self.transfer.attempts
    }

    /// Everything the journal knows of it.
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// Record length (SFIDLRECL), octets.
    pub fn record_length(&self) -> u32 {
        self.transfer.record_length
    }

    /// Its records (EFIDRCNT); 0 for all that has none, secured files included.
    pub fn records(&self) -> u64 {
        match Shape::of(&self.transfer) {
            Shape::Stream => 0,
            Shape::Fixed(_) | Shape::Variable => self.transfer.records,
        }
    }

    /// Whether it is sent as records ([`OutboundFile::read`] then tells their ends).
    pub fn has_records(&self) -> bool {
        Shape::of(&self.transfer) != Shape::Stream
    }

    /// From where it is offered (SFIDREST): 0 when the session has not agreed on restart, or nothing of
    /// it has gone out.
    pub fn restart(&self) -> u64 {
        if !self.restart {
            return 0;
        }
        let most = if self.level.is_oftp2() {
            RESTART_DIGITS_17
        } else {
            RESTART_DIGITS_9
        };
        self.transfer.restart.answer.min(most)
    }

    /// The SFID that offers it.
    pub fn sfid(&self) -> Sfid {
        let Transfer { file, .. } = &self.transfer;
        let size_blocks = self.transfer.octets.div_ceil(1024);
        Sfid {
            dataset: file.dataset.clone(),
            stamp: file.stamp,
            user: self.transfer.user.clone(),
            destination: file.destination.clone(),
            origin: file.origin.clone(),
            format: self.transfer.format,
            record_length: self.transfer.record_length,
            size_blocks,
            original_blocks: self.transfer.original_blocks,
            restart: self.restart(),
            security: self.transfer.security,
            cipher: self.transfer.cipher,
            compression: self.transfer.compression,
            envelope: self.transfer.envelope,
            signed_receipt: self.transfer.signed_receipt,
            description: self.transfer.description.clone(),
        }
    }

    /// Notes how many octets of the virtual file, those before the restart position included, have gone
    /// out. Every 32 MiB the journal is told as well, without waiting.
    pub fn progress(&self, position_octets: u64) {
        self.progress.set(position_octets);
        let noted = self.noted.load(Ordering::Relaxed);
        if position_octets.saturating_sub(noted) < NOTE_EVERY {
            return;
        }
        let shape = Shape::of(&self.transfer);
        let reached = match shape {
            Shape::Variable => self.marks.before(position_octets),
            Shape::Stream | Shape::Fixed(_) => Some(shape.position(position_octets, 0)),
        };
        let Some(reached) = reached else { return };
        self.noted.store(position_octets, Ordering::Relaxed);
        let (id, holder) = (self.transfer.id, self.hold.number());
        self.store.inner.journal.post(
            "how far a file has gone out",
            move |journal| {
                row::change(
                    journal,
                    "UPDATE transfer SET position = ?3, position_octets = ?4 \
                     WHERE id = ?1 AND holder = ?2 AND state = 'sending'",
                    (
                        id.to_string(),
                        holder,
                        row::octets(reached.answer),
                        row::octets(reached.octets),
                    ),
                )
                .map(drop)
            },
            || {},
        );
    }

    /// To be called after the last octet and before our EFID goes out: the partner may have the file
    /// from now on.
    ///
    /// # Errors
    /// What the journal said; the EFID must not go out then.
    pub fn fully_offered(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let (id, circuit) = (self.transfer.id, self.circuit.clone());
        self.while_held(move |journal, holder| {
            let changed = row::change(
                journal,
                "UPDATE transfer SET offered = 1 WHERE id = ?1 AND holder = ?2 AND state = 'sending'",
                (id.to_string(), holder),
            )?;
            let step = || row::step(journal, id, now, "offered", "sent whole", Some(&circuit));
            if changed == 1 { step() } else { Ok(()) }
        })?;
        self.offered = true;
        crash::point("claim.offered");
        Ok(())
    }

    fn while_held<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let holder = self.hold.number();
        self.store.run(move |journal| work(journal, holder))
    }
}

/// Most that SFIDREST holds at level 5, and below.
const RESTART_DIGITS_17: u64 = 99_999_999_999_999_999;
const RESTART_DIGITS_9: u64 = 999_999_999;
/// After so many octets the journal is told how far a file has gone out.
const NOTE_EVERY: u64 = 32 * 1024 * 1024;

/// Whether our EFID for this file may ever have reached the partner.
pub(crate) fn was_offered(journal: &Connection, id: TransferId) -> Result<bool, StoreError> {
    let sql = "SELECT offered FROM transfer WHERE id = ?1";
    Ok(row::value(journal, sql, [id.to_string()])?.unwrap_or(false))
}

fn claim(
    journal: &Connection,
    holder: i64,
    partner: &str,
    circuit: &str,
    now: Timestamp,
) -> Result<Option<Transfer>, StoreError> {
    let due = row::first(
        journal,
        "WHERE state = 'queued' AND partner = ?1 AND coalesce(not_before, 0) <= ?2 ORDER BY seq",
        (partner, now.as_millisecond()),
    )?;
    let Some(transfer) = due else { return Ok(None) };
    row::change(
        journal,
        "UPDATE transfer SET state = 'sending', holder = ?2, not_before = NULL WHERE id = ?1",
        (transfer.id.to_string(), holder),
    )?;
    row::step(journal, transfer.id, now, "sending", "", Some(circuit))?;
    row::by_id(journal, transfer.id).map(Some)
}

/// Puts back what is `sending` and held by nobody: its end could not be recorded.
pub(crate) fn release_forgotten(
    journal: &Connection,
    live: &Live,
    partner: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sending = row::select(
        journal,
        "WHERE state = 'sending' AND partner = ?1",
        [partner],
    )?;
    for transfer in sending {
        let id = transfer.id.to_string();
        let holder: Option<Option<i64>> =
            row::value(journal, "SELECT holder FROM transfer WHERE id = ?1", [&id])?;
        if live.holds(holder.flatten()) {
            continue;
        }
        let sql = "UPDATE transfer SET state = 'queued', holder = NULL WHERE id = ?1";
        row::change(journal, sql, [&id])?;
        let why = "the end of the attempt could not be recorded";
        row::step(journal, transfer.id, now, "interrupted", why, None)?;
    }
    Ok(())
}
