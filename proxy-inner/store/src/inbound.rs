//! Receiving a file: from the partner's offer to the proof that it is on disk.
//!
//! The order of the steps, and why (a kill may fall between any two):
//! 1. journal `receiving`: from here on the same file offered in another session is refused as busy.
//! 2. spool file made and written, synced every 64 MiB. A spool file whose entry is `receiving` is
//!    worth nothing: a restart removes it, the partner sends again.
//! 3. file data synced, then the spool folder: the octets and their name survive a power cut.
//! 4. journal `received` with the inbox name and the receipt owed, in one transaction. Only now does
//!    [`Synced`] exist, and only with it may the partner be told (EFPA). A kill before this commit
//!    means the partner was told nothing and sends again; after it, the file is ours and the same
//!    offer is a duplicate.
//! 5. delivery (`inbox.rs`), again by the next start if a kill comes first.

use std::sync::Arc;

use jiff::Timestamp;
use oftp::{FileId, Format, UserField};
use rusqlite::Connection;

use crate::crash;
use crate::error::{InboundRefusal, StoreError};
use crate::layout;
use crate::row;
use crate::spool::{self, SpoolFile};
use crate::store::{Hold, Live, Progress, Store, new_id};
use crate::transfer::{Direction, State, Transfer, TransferId};

/// A file as a partner offers it (SFID).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The partner's name.
    pub partner: String,
    /// The name of our station it is for.
    pub station: String,
    /// What names it on the wire.
    pub file: FileId,
    /// Record format (SFIDFMT).
    pub format: Format,
    /// Announced size (SFIDFSIZ), blocks of 1024 octets.
    pub size_blocks: u64,
    /// Description (SFIDDESC).
    pub description: String,
    /// User data (SFIDUSER).
    pub user: UserField,
    /// The circuit it comes over.
    pub circuit: String,
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

    /// Its size, octets.
    pub fn octets(&self) -> u64 {
        self.octets
    }
}

/// A file being received. Dropped before [`Inbound::finish`], it is abandoned: its spool file is
/// removed at once, which takes the file system a moment when it is long.
#[derive(Debug)]
pub struct Inbound {
    store: Store,
    id: TransferId,
    inbox_name: String,
    circuit: String,
    progress: Arc<Progress>,
    /// `None` once its end is recorded.
    spool: Option<SpoolFile>,
    hold: Hold,
}

impl Store {
    /// Takes up the file a partner offers, from its first octet on.
    ///
    /// # Errors
    /// [`InboundRefusal`]: received before, being received in another session, no room, or a failure
    /// of the store.
    pub fn begin_inbound(&self, offer: Offer, now: Timestamp) -> Result<Inbound, InboundRefusal> {
        let id = new_id()?;
        let mut hold = self.inner.live.hold();
        let announced = offer.size_blocks.saturating_mul(1024);
        // Room is promised before it is looked for: of two offers at a time, both see each other.
        let progress = hold.count(id, announced);
        let path = self.inner.layout.spool_file(Direction::In, id);
        let needed = self
            .inner
            .live
            .promised()
            .saturating_add(self.inner.options.reserve);
        let free = spool::free_space(&path)?;
        let entry = Entry {
            id,
            holder: hold.number(),
            announced,
            now,
            offer: offer.clone(),
        };
        let live = Arc::clone(&self.inner.live);
        let stale = self.run(move |journal| {
            let stale = entry.judge(journal, &live)?;
            if free < needed {
                return Err(InboundRefusal::NoSpace { needed, free });
            }
            entry.insert(journal)?;
            Ok(stale)
        })?;
        if let Some(stale) = stale {
            layout::remove_file(&self.inner.layout.spool_file(Direction::In, stale))?;
        }
        crash::point("inbound.journaled");
        let mut inbound = Inbound {
            store: self.clone(),
            id,
            inbox_name: inbox_name(&offer.file, id),
            circuit: offer.circuit,
            progress,
            spool: None,
            hold,
        };
        match SpoolFile::create(path, self.inner.options.reserve) {
            Ok(spool) => {
                inbound.spool = Some(spool);
                Ok(inbound)
            }
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
}

impl Store {
    /// Sets right what could not be recorded when it ended, as on a full disk.
    pub(crate) fn settle_receiving(&self, now: Timestamp) -> Result<(), StoreError> {
        let live = Arc::clone(&self.inner.live);
        let failed = self.run(move |journal| {
            let receiving = row::select(journal, "WHERE state = 'receiving'", [])?;
            fail_forgotten(journal, &live, receiving, now)
        })?;
        failed.into_iter().try_for_each(|id| {
            layout::remove_file(&self.inner.layout.spool_file(Direction::In, id))
        })
    }
}

impl Inbound {
    /// The name of the transfer.
    pub fn id(&self) -> TransferId {
        self.id
    }

    /// Appends octets of the file, in the order they came. May sync, and so take a while.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] when the disk, or what may be used of it, is full; else what the disk
    /// said. The file is to be abandoned then.
    pub fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        let Some(spool) = &mut self.spool else {
            return Err(StoreError::Stopped);
        };
        spool.write(octets)?;
        self.progress.set(spool.octets());
        Ok(())
    }

    /// Octets written so far.
    pub fn octets(&self) -> u64 {
        self.spool.as_ref().map_or(0, SpoolFile::octets)
    }

    /// Puts the whole file on disk and into the journal.
    ///
    /// # Errors
    /// What the disk or the journal said. The file is abandoned then, and the partner is to be told
    /// that it was not taken.
    pub fn finish(mut self, now: Timestamp) -> Result<Synced, StoreError> {
        let Some(mut spool) = self.spool.take() else {
            return Err(StoreError::Stopped);
        };
        let octets = spool.octets();
        crash::point("inbound.written");
        if let Err(error) = spool.sync() {
            self.spool = Some(spool);
            self.give_up(format!("not stored: {error}"), now);
            return Err(error);
        }
        crash::point("inbound.synced");
        if let Err(error) = self.record_received(octets, now) {
            self.give_up_in_doubt(spool, format!("not stored: {error}"), now);
            return Err(error);
        }
        crash::point("inbound.received");
        Ok(Synced {
            id: self.id,
            octets,
        })
    }

    /// Gives the file up; `why` is a sentence for the operator.
    ///
    /// # Errors
    /// What the journal said; the next start cleans up then.
    pub fn abandon(mut self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        self.fail(why, now)
    }

    fn record_received(&self, octets: u64, now: Timestamp) -> Result<(), StoreError> {
        let (id, holder) = (self.id, self.hold.number());
        let (inbox_name, circuit) = (self.inbox_name.clone(), self.circuit.clone());
        self.store.run(move |journal| {
            let changed = row::change(
                journal,
                "UPDATE transfer SET state = 'received', octets = ?3, inbox_name = ?4, receipt = 'owed', \
                 reason = NULL, holder = NULL WHERE id = ?1 AND state = 'receiving' AND holder = ?2",
                (id.to_string(), holder, row::octets(octets), inbox_name),
            )?;
            if changed != 1 {
                let state = row::by_id(journal, id)?.state;
                return Err(StoreError::WrongState { id, state, wanted: "received" });
            }
            row::step(journal, id, now, "received", &format!("{octets} octets"), Some(&circuit))
        })
    }

    fn failure(&self, why: String, now: Timestamp) -> Failure {
        let (id, holder) = (self.id, self.hold.number());
        Failure {
            id,
            holder,
            why,
            circuit: self.circuit.clone(),
            now,
        }
    }

    /// Ends the attempt. The spool file goes first: no `received` was ever written, so nothing can
    /// say that the file is whole, and on a full disk the journal may need its room.
    fn fail(&mut self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let removed = self.spool.take().map_or(Ok(()), SpoolFile::remove);
        crash::point("inbound.removed");
        let failure = self.failure(why.to_owned(), now);
        self.store.run(move |journal| failure.record(journal))?;
        removed
    }

    /// The same without waiting for the journal.
    fn give_up(&mut self, why: String, now: Timestamp) {
        let Some(spool) = self.spool.take() else {
            return;
        };
        if let Err(error) = spool.remove() {
            tracing::warn!(transfer = %self.id, %error, "A spool file stays until the next start.");
        }
        let failure = self.failure(why, now);
        self.store
            .inner
            .journal
            .post(END, move |journal| failure.record(journal), || {});
    }

    /// Ends the attempt after `received` could not be committed. A commit that failed may still be
    /// found whole after a power cut, until a later one is on disk; the spool file goes only then.
    fn give_up_in_doubt(&self, spool: SpoolFile, why: String, now: Timestamp) {
        let (id, failure) = (self.id, self.failure(why, now));
        self.store.inner.journal.post(
            END,
            move |journal| failure.record(journal),
            move || {
                if let Err(error) = spool.remove() {
                    tracing::warn!(transfer = %id, %error, "A spool file stays until the next start.");
                }
            },
        );
    }
}

const END: &str = "the end of a file that was not received whole";

impl Drop for Inbound {
    fn drop(&mut self) {
        self.give_up(
            "the session ended before the file did".to_owned(),
            Timestamp::now(),
        );
    }
}

/// The journal entry of an offer.
struct Entry {
    id: TransferId,
    holder: i64,
    announced: u64,
    now: Timestamp,
    offer: Offer,
}

impl Entry {
    /// Whether the offer may be taken. A `receiving` entry that nobody holds any more (its end could
    /// not be recorded) is failed on the way, and named.
    fn judge(
        &self,
        journal: &Connection,
        live: &Live,
    ) -> Result<Option<TransferId>, InboundRefusal> {
        let partner = &self.offer.partner;
        let known: Option<i64> =
            row::value(journal, "SELECT 1 FROM partner WHERE name = ?1", [partner])?;
        if known.is_none() {
            return Err(StoreError::NoPartner(partner.clone()).into());
        }
        let file = &self.offer.file;
        let Some(earlier) = row::first(
            journal,
            "WHERE direction = 'in' AND partner = ?1 AND dataset = ?2 AND stamp = ?3 AND origin = ?4 \
             AND destination = ?5 AND state IN ('receiving', 'received', 'delivered')",
            (
                partner,
                file.dataset.as_str(),
                file.stamp.to_string(),
                file.origin.as_str(),
                file.destination.as_str(),
            ),
        )?
        else {
            return Ok(None);
        };
        if earlier.state != State::Receiving {
            let at: Option<i64> = row::value(
                journal,
                "SELECT at FROM step WHERE transfer = ?1 AND step = 'received'",
                [earlier.id.to_string()],
            )?;
            let at = at.map_or(Ok(earlier.changed), row::time)?;
            return Err(InboundRefusal::Duplicate {
                earlier: earlier.id,
                at,
            });
        }
        let id = earlier.id;
        match fail_forgotten(journal, live, vec![earlier], self.now)?.pop() {
            Some(forgotten) => Ok(Some(forgotten)),
            None => Err(InboundRefusal::Busy { earlier: id }),
        }
    }

    fn insert(&self, journal: &Connection) -> Result<(), StoreError> {
        let Offer {
            partner,
            station,
            file,
            format,
            description,
            user,
            circuit,
            ..
        } = &self.offer;
        row::change(
            journal,
            "INSERT INTO transfer (id, direction, partner, station, dataset, stamp, origin, destination, \
             format, state, octets, description, user, holder, created, changed, circuit) \
             VALUES (?1, 'in', ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'receiving', ?9, ?10, ?11, ?12, ?13, ?13, ?14)",
            rusqlite::params![
                self.id.to_string(),
                partner,
                station,
                file.dataset.as_str(),
                file.stamp.to_string(),
                file.origin.as_str(),
                file.destination.as_str(),
                format.to_string(),
                row::octets(self.announced),
                description,
                user.as_str(),
                self.holder,
                self.now.as_millisecond(),
                circuit,
            ],
        )?;
        let detail = format!("about {} octets announced", self.announced);
        row::step(
            journal,
            self.id,
            self.now,
            "receiving",
            &detail,
            Some(circuit),
        )
    }
}

/// The end of an attempt that failed.
struct Failure {
    id: TransferId,
    holder: i64,
    why: String,
    circuit: String,
    now: Timestamp,
}

impl Failure {
    fn record(&self, journal: &Connection) -> Result<(), StoreError> {
        let changed = row::change(
            journal,
            "UPDATE transfer SET state = 'failed', reason = ?3, holder = NULL \
             WHERE id = ?1 AND state = 'receiving' AND holder = ?2",
            (self.id.to_string(), self.holder, &self.why),
        )?;
        if changed == 1 {
            row::step(
                journal,
                self.id,
                self.now,
                "failed",
                &self.why,
                Some(&self.circuit),
            )
        } else {
            Ok(())
        }
    }
}

/// Fails those of `receiving` that nobody holds any more.
fn fail_forgotten(
    journal: &Connection,
    live: &Live,
    receiving: Vec<Transfer>,
    now: Timestamp,
) -> Result<Vec<TransferId>, StoreError> {
    let mut failed = Vec::new();
    for transfer in receiving {
        let id = transfer.id.to_string();
        let holder: Option<Option<i64>> =
            row::value(journal, "SELECT holder FROM transfer WHERE id = ?1", [&id])?;
        if live.holds(holder.flatten()) {
            continue;
        }
        row::change(
            journal,
            "UPDATE transfer SET state = 'failed', reason = ?2, holder = NULL WHERE id = ?1",
            [&id, FORGOTTEN],
        )?;
        row::step(journal, transfer.id, now, "failed", FORGOTTEN, None)?;
        failed.push(transfer.id);
    }
    Ok(failed)
}

const FORGOTTEN: &str = "its end could not be recorded at the time; the partner sends it again";

/// The name of a file in the inbox. A dataset name is no path: what may mean something to a file
/// system or a shell is replaced; the true name is in the metadata.
fn inbox_name(file: &FileId, id: TransferId) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_') {
            character
        } else {
            '_'
        }
    };
    let dataset: String = file.dataset.as_str().chars().map(plain).collect();
    // A leading dot would hide the file.
    let dataset = match dataset.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None => dataset,
    };
    format!("{dataset}.{}.{id}", file.stamp)
}
