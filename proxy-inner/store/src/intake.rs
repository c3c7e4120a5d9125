//! Taking a file to send from a caller who hands over its octets.
//!
//! The order of the steps, and why (a kill may fall between any two):
//! 1. spool file made and written, in the spool's form (`records.rs`). It has no journal entry: a restart
//!    removes it, and the caller, who was told nothing, hands it over again.
//! 2. file data synced, then the spool folder.
//! 3. journal `queued`, or `securing` where file services are wanted, with a stamp that no other file
//!    has, in one transaction. Only now is the caller told the transfer's name; from now on it is sent
//!    until the partner has it.

use jiff::Timestamp;
use oftp::{DatasetName, Format, OdetteId, UserField};
use rusqlite::Connection;

use crate::archive::Part;
use crate::crash;
use crate::directory::{Archive, RecordForm, Served};
use crate::error::StoreError;
use crate::naming::{dataset_from_name, has_short_stamps, unique_stamp};
use crate::records::{Counted, Examining, Terms};
use crate::row;
use crate::services::Services;
use crate::spool::SpoolFile;
use crate::store::{Store, new_id};
use crate::transfer::{State, TransferId};

/// A file to send, as a caller announces it. Make one with [`NewOutbound::new`] and change what differs.
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
    /// User data (SFIDUSER).
    pub user: UserField,
    /// Record format (SFIDFMT).
    pub format: Format,
    /// Record length (SFIDLRECL), octets: of each record (F), of the longest (V, 0 to have it counted);
    /// of no meaning for U and T.
    pub record_length: u32,
    /// How the records of format V are handed over.
    pub records: RecordForm,
    /// The final recipient (SFIDDEST): the partner's own code when absent, else that of a further station
    /// behind it.
    pub destination: Option<OdetteId>,
    /// The name of our station that sends it (SFIDORIG); the one that deals with the partner when absent.
    pub station: Option<String>,
    /// How it is secured, and what receipt is asked for; as the partner's terms have it when absent.
    pub services: Option<Services>,
}

impl NewOutbound {
    /// A file of format U for the partner itself.
    pub fn new(partner: impl Into<String>, original_name: impl Into<String>) -> NewOutbound {
        NewOutbound {
            partner: partner.into(),
            dataset: None,
            original_name: original_name.into(),
            description: String::new(),
            user: UserField::default(),
            format: Format::Unstructured,
            record_length: 0,
            records: RecordForm::default(),
            destination: None,
            station: None,
            services: None,
        }
    }
}

/// A file to send, being handed over. Dropped before [`Intake::finish`], it never was.
#[derive(Debug)]
pub struct Intake {
    store: Store,
    id: TransferId,
    new: NewOutbound,
    services: Services,
    /// Whether the archive is to keep it.
    archives: bool,
    /// `None` once its end is known.
    examining: Option<Examining>,
    /// Octets handed over.
    octets: u64,
    /// What goes to disk next where it differs; kept to be used again.
    out: Vec<u8>,
    /// `None` once it is queued.
    spool: Option<SpoolFile>,
}

impl Store {
    /// Begins to take a file to send.
    ///
    /// # Errors
    /// [`StoreError::NoPartner`], [`StoreError::NoStation`]; [`StoreError::Refused`] for a description
    /// that is too long, a record length that does not go with the format, or a destination the partner
    /// does not serve; else what the disk or the journal said.
    pub fn begin_outbound(&self, new: NewOutbound, _now: Timestamp) -> Result<Intake, StoreError> {
        if new.description.len() > DESCRIPTION {
            return Err(StoreError::Refused(format!(
                "the description has {} octets, {DESCRIPTION} are allowed; shorten it",
                new.description.len()
            )));
        }
        let (partner, station) = (new.partner.clone(), new.station.clone());
        self.run(move |journal| ends(journal, &partner, station.as_deref()).map(drop))?;
        let partner = self
            .partner(&new.partner)?
            .ok_or_else(|| StoreError::NoPartner(new.partner.clone()))?;
        let services = match new.services {
            Some(services) => services.checked()?,
            None => Services::of(&partner),
        };
        let terms = Terms {
            format: new.format,
            record_length: new.record_length,
            records: new.records,
            secured: services.secures(),
        }
        .checked()?;
        if let Some(destination) = &new.destination {
            match self.serving(destination)? {
                Some(Served::Partner(serving)) if serving.name == new.partner => {}
                _ => {
                    return Err(StoreError::Refused(format!(
                        "partner {} does not serve the destination {destination}; add it to the partner's stations, or send the file to the partner who serves it",
                        new.partner
                    )));
                }
            }
        }
        let id = new_id()?;
        let path = self.inner.layout.handed_over(id, services.secures());
        let spool = SpoolFile::create(path, self.inner.options.reserve)?;
        Ok(Intake {
            store: self.clone(),
            id,
            new,
            services,
            archives: partner.archive == Archive::Files,
            examining: Some(Examining::new(terms)),
            octets: 0,
            out: Vec::new(),
            spool: Some(spool),
        })
    }
}

impl Intake {
    /// Appends octets, in the form the file is handed over in. May sync, and so take a while.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] when the disk, or what may be used of it, is full;
    /// [`StoreError::Refused`] for what is no file of the format announced; else what the disk said.
    pub fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        let (Some(spool), Some(examining)) = (&mut self.spool, &mut self.examining) else {
            return Err(StoreError::Stopped);
        };
        self.out.clear();
        examining.take(octets, &mut self.out)?;
        if examining.converts() {
            spool.write(&self.out)?;
        } else {
            spool.write(octets)?;
        }
        self.octets += octets.len() as u64;
        Ok(())
    }

    /// Octets handed over so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Puts the whole file on disk and queues it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for what is no whole file of the format announced; else what the disk or
    /// the journal said. The file is not queued then.
    pub fn finish(mut self, now: Timestamp) -> Result<TransferId, StoreError> {
        let (Some(spool), Some(examining)) = (&mut self.spool, self.examining.take()) else {
            return Err(StoreError::Stopped);
        };
        self.out.clear();
        let counted = examining.end(&mut self.out)?;
        spool.write(&self.out)?;
        crash::point("intake.written");
        spool.sync()?;
        crash::point("intake.synced");
        // A file that is to be secured is archived once it is.
        let archived = self.archives && self.services.is_none();
        if archived {
            let path = self.store.inner.layout.handed_over(self.id, false);
            self.store.archive(self.id, &[(Part::Clear, path)])?;
        }
        let new = &self.new;
        let dataset = new.dataset.clone();
        let entry = Entry {
            id: self.id,
            partner: new.partner.clone(),
            dataset: dataset.unwrap_or_else(|| dataset_from_name(&new.original_name)),
            original_name: new.original_name.clone(),
            description: new.description.clone(),
            user: new.user.clone(),
            format: new.format,
            counted,
            destination: new.destination.clone(),
            station: new.station.clone(),
            services: self.services,
            archived,
            state: first_state(&self.services),
            now,
        };
        let queued = self.store.run(move |journal| entry.insert(journal));
        crash::point("intake.queued");
        match queued {
            Ok(()) => {
                self.spool = None;
                self.store.tell_of_queued(&self.services);
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
    pub(crate) user: UserField,
    pub(crate) format: Format,
    pub(crate) counted: Counted,
    pub(crate) destination: Option<OdetteId>,
    pub(crate) station: Option<String>,
    pub(crate) services: Services,
    pub(crate) archived: bool,
    /// `Taking`, `Securing` or `Queued`.
    pub(crate) state: State,
    pub(crate) now: Timestamp,
}

impl Entry {
    pub(crate) fn insert(&self, journal: &Connection) -> Result<(), StoreError> {
        let ends = ends(journal, &self.partner, self.station.as_deref())?;
        let destination = self.destination.as_ref().unwrap_or(&ends.destination);
        let short = has_short_stamps(journal, &self.partner)?;
        let stamp = unique_stamp(journal, &self.dataset, &ends.origin, short, self.now)?;
        let counted = &self.counted;
        row::change(
            journal,
            "INSERT INTO transfer (id, direction, partner, station, dataset, stamp, origin, destination, \
             format, state, octets, description, user, original_name, created, changed, record_length, \
             records, stored, original_blocks, clear_octets, clear_stored, security, cipher, compression, \
             envelope, signed_receipt, archived) VALUES (?1, 'out', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
             ?11, ?12, ?13, ?14, ?14, ?15, ?16, ?17, ?18, ?10, ?17, ?19, ?20, ?21, ?22, ?23, ?24)",
            rusqlite::params![
                self.id.to_string(),
                self.partner,
                ends.station,
                self.dataset.as_str(),
                stamp.to_string(),
                ends.origin.as_str(),
                destination.as_str(),
                self.format.to_string(),
                self.state.word(),
                row::octets(counted.octets),
                self.description,
                self.user.as_str(),
                self.original_name,
                self.now.as_millisecond(),
                counted.record_length,
                row::octets(counted.records),
                row::octets(counted.stored),
                row::octets(counted.octets.div_ceil(1024)),
                row::security_number(self.services.security),
                self.services.suite,
                self.services.compression,
                self.services.secures(),
                self.services.signed_receipt,
                self.archived,
            ],
        )?;
        let detail = match self.state {
            State::Taking => format!("from the outbox, {:?}", self.original_name),
            _ => format!("{} octets of {:?}", counted.octets, self.original_name),
        };
        row::step(journal, self.id, self.now, self.state.word(), &detail, None)
    }
}

/// Where a file goes once it is whole: to be secured or hashed first, or straight into the queue.
pub(crate) fn first_state(services: &Services) -> State {
    if services.is_none() {
        State::Queued
    } else {
        State::Securing
    }
}

struct Ends {
    station: String,
    origin: OdetteId,
    destination: OdetteId,
}

/// From whom to whom a file for `partner` goes; from `station` where one is given.
fn ends(journal: &Connection, partner: &str, station: Option<&str>) -> Result<Ends, StoreError> {
    let sql = "SELECT station.name, station.code, partner.code FROM partner \
        JOIN station ON station.name = coalesce(?2, partner.station) WHERE partner.name = ?1";
    let found: Result<(String, String, String), rusqlite::Error> =
        journal.prepare_cached(sql).and_then(|mut statement| {
            statement.query_row((partner, station), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
        });
    match found {
        Ok((station, origin, destination)) => Ok(Ends {
            station,
            origin: row::parse(partner, "station code", &origin)?,
            destination: row::parse(partner, "code", &destination)?,
        }),
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            let sql = "SELECT 1 FROM partner WHERE name = ?1";
            let known: Option<i64> = row::value(journal, sql, [partner])?;
            Err(match station {
                Some(station) if known.is_some() => StoreError::NoStation(station.to_owned()),
                _ => StoreError::NoPartner(partner.to_owned()),
            })
        }
        Err(error) => Err(StoreError::journal("read")(error)),
    }
}

/// Most octets of a description (SFIDDESC).
const DESCRIPTION: usize = 999;
