//! Taking a file to send from a caller who hands over its octets.
//!
//! The order of the steps, and why (a kill may fall between any two):
//! 1. spool file made and written. It has no journal entry: a restart removes it, and the caller, who
//!    was told nothing, hands it over again.
//! 2. file data synced, then the spool folder.
//! 3. journal `queued` with a stamp that no other file has, in one transaction. Only now is the caller
//!    told the transfer's name; from now on it is sent until the partner has it.

use jiff::Timestamp;
use oftp::{DatasetName, OdetteId};
use rusqlite::Connection;

use crate::crash;
use crate::error::StoreError;
use crate::naming::{dataset_from_name, unique_stamp};
use crate::row;
use crate::spool::SpoolFile;
use crate::store::{Store, new_id};
use crate::transfer::{Direction, State, TransferId};

/// A file to send, as a caller announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutbound {
    /// The partner's name.
    pub partner: String,
    /// Dataset name (SFIDDSN); made of `original_name` when absent.
    pub dataset: Option<DatasetName>,
    /// The file's name with the caller, without folders.
    pub original_name: String,
    /// Description (SFIDDESC), at most 999 octets; may be empty.
    pub description: String,
}

/// A file to send, being handed over. Dropped before [`Intake::finish`], it never was.
#[derive(Debug)]
pub struct Intake {
    store: Store,
    id: TransferId,
    new: NewOutbound,
    /// `None` once it is queued.
    spool: Option<SpoolFile>,
}

impl Store {
    /// Begins to take a file to send.
    ///
    /// # Errors
    /// [`StoreError::NoPartner`]; [`StoreError::Refused`] for a description that is too long; else what
    /// the disk or the journal said.
    pub fn begin_outbound(&self, new: NewOutbound, _now: Timestamp) -> Result<Intake, StoreError> {
        if new.description.len() > DESCRIPTION {
            return Err(StoreError::Refused(format!(
                "the description has {} octets, {DESCRIPTION} are allowed; shorten it",
                new.description.len()
            )));
        }
        let partner = new.partner.clone();
        self.run(move |journal| ends(journal, &partner).map(drop))?;
        let id = new_id()?;
        let path = self.inner.layout.spool_file(Direction::Out, id);
        let spool = SpoolFile::create(path, self.inner.options.reserve)?;
        Ok(Intake {
            store: self.clone(),
            id,
            new,
            spool: Some(spool),
        })
    }
}

impl Intake {
    /// Appends octets. May sync, and so take a while.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] when the disk, or what may be used of it, is full; else what the disk
    /// said.
    pub fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        self.spool
            .as_mut()
            .map_or(Err(StoreError::Stopped), |spool| spool.write(octets))
    }

    /// Octets written so far.
    pub fn octets(&self) -> u64 {
        self.spool.as_ref().map_or(0, SpoolFile::octets)
    }

    /// Puts the whole file on disk and queues it.
    ///
    /// # Errors
    /// What the disk or the journal said; the file is not queued then.
    pub fn finish(mut self, now: Timestamp) -> Result<TransferId, StoreError> {
        let Some(spool) = &mut self.spool else {
            return Err(StoreError::Stopped);
        };
        crash::point("intake.written");
        spool.sync()?;
        crash::point("intake.synced");
        let dataset = self.new.dataset.clone();
        let entry = Entry {
            id: self.id,
            partner: self.new.partner.clone(),
            dataset: dataset.unwrap_or_else(|| dataset_from_name(&self.new.original_name)),
            original_name: self.new.original_name.clone(),
            description: self.new.description.clone(),
            octets: spool.octets(),
            state: State::Queued,
            now,
        };
        let queued = self.store.run(move |journal| entry.insert(journal));
        crash::point("intake.queued");
        match queued {
            Ok(()) => {
                self.spool = None;
                self.store.tell_of_work();
                Ok(self.id)
            }
            Err(error) => {
                if matches!(error, StoreError::Journal { .. } | StoreError::Stopped) {
                    // A commit that failed may still be found whole by the next start, which keeps or
                    // removes the file by what the journal then says.
                    self.spool = None;
                }
                Err(error)
            }
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        if let Some(spool) = self.spool.take()
            && let Err(error) = spool.remove()
        {
            tracing::warn!(%error, "A spool file stays until the next start.");
        }
    }
}

/// The journal entry of a file to send.
pub(crate) struct Entry {
    pub(crate) id: TransferId,
    pub(crate) partner: String,
    pub(crate) dataset: DatasetName,
    pub(crate) original_name: String,
    pub(crate) description: String,
    pub(crate) octets: u64,
    /// `Taking` or `Queued`.
    pub(crate) state: State,
    pub(crate) now: Timestamp,
}

impl Entry {
    pub(crate) fn insert(&self, journal: &Connection) -> Result<(), StoreError> {
        let Ends {
            station,
            origin,
            destination,
        } = ends(journal, &self.partner)?;
        let stamp = unique_stamp(journal, &self.dataset, &origin, self.now)?;
        row::change(
            journal,
            "INSERT INTO transfer (id, direction, partner, station, dataset, stamp, origin, destination, \
             format, state, octets, description, user, original_name, created, changed) \
             VALUES (?1, 'out', ?2, ?3, ?4, ?5, ?6, ?7, 'U', ?8, ?9, ?10, '', ?11, ?12, ?12)",
            (
                self.id.to_string(),
                &self.partner,
                station,
                self.dataset.as_str(),
                stamp.to_string(),
                origin.as_str(),
                destination.as_str(),
                self.state.word(),
                row::octets(self.octets),
                &self.description,
                &self.original_name,
                self.now.as_millisecond(),
            ),
        )?;
        let detail = match self.state {
            State::Taking => format!("from the outbox, {:?}", self.original_name),
            _ => format!("{} octets of {:?}", self.octets, self.original_name),
        };
        row::step(journal, self.id, self.now, self.state.word(), &detail, None)
    }
}

struct Ends {
    station: String,
    origin: OdetteId,
    destination: OdetteId,
}

/// From whom to whom a file for `partner` goes.
fn ends(journal: &Connection, partner: &str) -> Result<Ends, StoreError> {
    let sql = "SELECT station.name, station.code, partner.code FROM partner \
        JOIN station ON station.name = partner.station WHERE partner.name = ?1";
    let found: Result<(String, String, String), rusqlite::Error> =
        journal.prepare_cached(sql).and_then(|mut statement| {
            statement.query_row([partner], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        });
    match found {
        Ok((station, origin, destination)) => Ok(Ends {
            station,
            origin: row::parse(partner, "station code", &origin)?,
            destination: row::parse(partner, "code", &destination)?,
        }),
        Err(rusqlite::Error::QueryReturnedNoRows) => Err(StoreError::NoPartner(partner.to_owned())),
        Err(error) => Err(StoreError::journal("read")(error)),
    }
}

/// Most octets of a description (SFIDDESC).
const DESCRIPTION: usize = 999;
