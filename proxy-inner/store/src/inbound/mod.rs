//! Receiving a file: from the partner's offer to the proof that it is on disk.
//!
//! ```text
//!  offer ─▶ judge (entry.rs) ─▶ receiving ─▶ write* ─▶ finish ─▶ received ─▶ deliver
//!             │ held in part        │ every 32 MiB: data synced, then position journaled (checkpoint.rs)
//!             └─▶ resume.rs         └─▶ interrupted, dropped, killed ─▶ interrupted ─▶ the next offer
//! ```
//!
//! The order of the steps, and why (a kill may fall between any two):
//! 1. journal `receiving`: from here on the same file offered in another session is refused as busy.
//! 2. spool file made, or cut off at the position both sides go on from, and written.
//! 3. at each checkpoint data synced, then the spool folder, then the position in the journal: what the
//!    journal says is held is on disk. What lies behind it in the spool file is worth nothing.
//! 4. at the end data synced, then the spool folder: the octets and their name survive a power cut.
//! 5. journal `received` with the inbox name and the receipt owed, in one transaction. Only now does
//!    [`Synced`] exist, and only with it may the partner be told (EFPA). A kill before this commit
//!    means the partner was told nothing and goes on from the last checkpoint; after it, the file is
//!    ours and the same offer is a duplicate.
//! 6. opening where it is secured (`security/`), then delivery (`inbox.rs`); or forwarding (`forward.rs`), again by the next start if a kill comes first.

mod checkpoint;
mod ending;
mod entry;
mod resume;

use std::sync::Arc;

use jiff::Timestamp;
use oftp::{Level, Sfid};

use self::entry::Entry;
use crate::crash;
use crate::error::{InboundRefusal, StoreError};
use crate::records::{Prefixing, Shape};
use crate::row;
use crate::spool::{self, SpoolFile};
use crate::store::{Hold, Progress, Store, new_id};
use crate::transfer::{Direction, Position, TransferId};

pub(crate) use self::ending::end_forgotten;

/// A file as a partner offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The partner's name.
    pub partner: String,
    /// Whom it is for.
    pub bound: Bound,
    /// The offer itself (SFID).
    pub sfid: Sfid,
    /// The session's level; below 4 a file's stamp has no century and no counter.
    pub level: Level,
    /// Whether the session agreed on restart.
    pub restart: bool,
    /// The circuit it comes over.
    pub circuit: String,
}

/// Whom an offered file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// Our station of that name.
    Station(String),
    /// A station served by the partner of that name: it is forwarded there.
    Forward(String),
}

/// Proof that a file is on disk and in the journal, whatever happens to this process; only
/// [`Inbound::finish`] makes one. The partner may be told that the file is ours.
#[derive(Debug)]
pub struct Synced {
    id: TransferId,
    octets: u64,
}

impl Synced {
    /// Which transfer.
    pub fn id(&self) -> TransferId {
        self.id
    }

    /// Its size, octets of the virtual file.
    pub fn octets(&self) -> u64 {
        self.octets
    }
}

/// A file being received. Dropped before [`Inbound::finish`], it was interrupted: what is on disk is
/// kept, and the partner may go on from there.
#[derive(Debug)]
pub struct Inbound {
    store: Store,
    id: TransferId,
    inbox_name: String,
    circuit: String,
    shape: Shape,
    /// Where this attempt began.
    start: Position,
    /// Octets and records of the virtual file so far, those before `start` included.
    octets: u64,
    records: u64,
    prefixing: Prefixing,
    /// What goes to disk next; kept to be used again.
    out: Vec<u8>,
    checkpoint: Checkpoint,
    progress: Arc<Progress>,
    /// `None` once its end is recorded.
    spool: Option<SpoolFile>,
    /// Whether a write failed: what is in the spool file is not what was counted.
    broken: bool,
    hold: Hold,
}

/// A place up to which a file is on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Checkpoint {
    position: Position,
    /// Octets in the spool.
    stored: u64,
}

impl Store {
    /// Takes up the file a partner offers: from its first octet on, or, where it was interrupted before
    /// and the session agreed on restart, from what is on disk of it and the partner offers to go on
    /// from ([`Inbound::position`]).
    ///
    /// # Errors
    /// [`InboundRefusal`]: received before, being received in another session, going in a circle, no
    /// room, or a failure of the store.
    pub fn begin_inbound(&self, offer: Offer, now: Timestamp) -> Result<Inbound, InboundRefusal> {
        let fresh = new_id()?;
        let mut hold = self.inner.live.hold();
        let announced = offer.sfid.size_blocks.saturating_mul(1024);
        // Room is promised before it is looked for: of two offers at a time, both see each other. What
        // is held already of the file takes no more room.
        let held = self.held(&offer)?;
        let progress = hold.count(fresh, announced);
        progress.set(held);
        let free = spool::free_space(&self.inner.layout.spool_file(Direction::In, fresh))?;
        let needed = self
            .inner
            .live
            .promised()
            .saturating_add(self.inner.options.reserve);
        let entry = Entry {
            fresh,
            holder: hold.number(),
            announced,
            now,
            offer: offer.clone(),
        };
        let live = Arc::clone(&self.inner.live);
        let begun = self.run(move |journal| {
            let earlier = entry.judge(journal, &live)?;
            if free < needed {
                return Err(InboundRefusal::NoSpace { needed, free });
            }
            entry.begin(journal, earlier)
        })?;
        crash::point("inbound.journaled");
        if begun.id != fresh {
            hold.recount(begun.id);
        }
        let mut inbound = Inbound {
            store: self.clone(),
            id: begun.id,
            inbox_name: entry::inbox_name(&offer.sfid.file_id(), begun.id),
            circuit: offer.circuit,
            shape: begun.shape,
            start: Position::START,
            octets: 0,
            records: 0,
            prefixing: Prefixing::default(),
            out: Vec::new(),
            checkpoint: Checkpoint::default(),
            progress,
            spool: None,
            broken: false,
            hold,
        };
        match inbound.take_up(&begun) {
            Ok(()) => Ok(inbound),
            Err(error) => {
                inbound.fail(&error.to_string(), now)?;
                Err(match error {
                    StoreError::NoSpace { needed, free, .. } => {
                        InboundRefusal::NoSpace { needed, free }
                    }
                    error => error.into(),
                })
            }
        }
    }

    /// Octets that are on disk already of an offered file.
    fn held(&self, offer: &Offer) -> Result<u64, InboundRefusal> {
        let offer = offer.clone();
        let held = self.run(move |journal| -> Result<u64, StoreError> {
            let earlier = entry::earlier(journal, &offer)?;
            Ok(earlier.map_or(0, |transfer| transfer.restart.octets.min(transfer.octets)))
        })?;
        Ok(held)
    }
}

impl Inbound {
    /// The name of the transfer.
    pub fn id(&self) -> TransferId {
        self.id
    }

    /// Where the partner is to go on (SFPAACNT); [`Position::START`] for the whole file.
    pub fn position(&self) -> Position {
        self.start
    }

    /// Octets of the virtual file so far, those of earlier attempts included.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Records so far, those of earlier attempts included (F, V).
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Appends octets of the file, in the order they came; `record_ends` are offsets into `octets` at
    /// which records end, ascending (F, V). May sync, and so take a while.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] when the disk, or what may be used of it, is full; [`StoreError::Refused`]
    /// for a record longer than any can be; else what the disk or the journal said. The attempt is over
    /// then.
    pub fn write(&mut self, octets: &[u8], record_ends: &[usize]) -> Result<(), StoreError> {
        let written = self.append(octets, record_ends);
        self.broken |= written.is_err();
        written
    }

    /// Puts the whole file on disk and into the journal.
    ///
    /// # Errors
    /// What the disk or the journal said, or [`StoreError::Refused`] when the last record has no end.
    /// The file is given up then, and the partner is to be told that it was not taken.
    pub fn finish(mut self, now: Timestamp) -> Result<Synced, StoreError> {
        let Some(mut spool) = self.spool.take() else {
            return Err(StoreError::Stopped);
        };
        let octets = self.octets;
        crash::point("inbound.written");
        if let Err(error) = self.close(&mut spool) {
            self.spool = Some(spool);
            self.give_up(format!("not stored: {error}"), now);
            return Err(error);
        }
        crash::point("inbound.synced");
        if let Err(error) = self.record_received(spool.octets(), now) {
            self.give_up_in_doubt(spool, format!("not stored: {error}"), now);
            return Err(error);
        }
        crash::point("inbound.received");
        self.store.tell_of_security();
        Ok(Synced {
            id: self.id,
            octets,
        })
    }

    fn close(&self, spool: &mut SpoolFile) -> Result<(), StoreError> {
        if self.broken {
            let why = "an earlier write failed; what is in the spool is not the whole file";
            return Err(StoreError::Refused(why.to_owned()));
        }
        if self.prefixing.under_way() > 0 {
            return Err(StoreError::Refused(format!(
                "the last record, of {} octets, has no end",
                self.prefixing.under_way()
            )));
        }
        spool.sync()
    }

    /// One transaction: from now on the file is ours, and its receipt has its state.
    fn record_received(&self, stored: u64, now: Timestamp) -> Result<(), StoreError> {
        let (id, holder) = (self.id, self.hold.number());
        let (octets, records) = (self.octets, self.records);
        let (inbox_name, circuit) = (self.inbox_name.clone(), self.circuit.clone());
        self.store.run(move |journal| {
            let changed = row::change(
                journal,
                "UPDATE transfer SET state = 'received', octets = ?3, records = ?4, stored = ?5, \
                 inbox_name = ?6, reason = NULL, holder = NULL, position = 0, \
                 position_octets = 0, opened = 0, \
                 clear_octets = CASE WHEN security = 0 AND NOT compression THEN ?3 ELSE 0 END, \
                 receipt_since = ?7, receipt = CASE WHEN forward_to IS NOT NULL THEN 'awaited' \
                 WHEN (SELECT receipts FROM partner WHERE name = transfer.partner) = 'confirmed' \
                 THEN 'unconfirmed' ELSE 'owed' END \
                 WHERE id = ?1 AND state = 'receiving' AND holder = ?2",
                (
                    id.to_string(),
                    holder,
                    row::octets(octets),
                    row::octets(records),
                    row::octets(stored),
                    inbox_name,
                    now.as_millisecond(),
                ),
            )?;
            if changed != 1 {
                let state = row::by_id(journal, id)?.state;
                return Err(StoreError::WrongState {
                    id,
                    state,
                    wanted: "received",
                });
            }
            let detail = match records {
                0 => format!("{octets} octets"),
                records => format!("{octets} octets, {records} records"),
            };
            row::step(journal, id, now, "received", &detail, Some(&circuit))
        })
    }
}
