//! The journal entry of an offer: may it be taken, and does it go on from an earlier attempt?

use jiff::Timestamp;
use oftp::{FileId, Security};
use rusqlite::Connection;

use super::{Bound, Checkpoint, Offer, end_forgotten};
use crate::error::{InboundRefusal, StoreError};
use crate::records::Shape;
use crate::row;
use crate::store::Live;
use crate::transfer::{State, Transfer, TransferId};

/// An offer on its way into the journal.
pub(super) struct Entry {
    /// The name the transfer gets when it is not one that goes on.
    pub(super) fresh: TransferId,
    pub(super) holder: i64,
    pub(super) announced: u64,
    pub(super) now: Timestamp,
    pub(super) offer: Offer,
}

/// What came of it.
pub(super) struct Begun {
    pub(super) id: TransferId,
    pub(super) shape: Shape,
    /// Up to where an earlier attempt brought it.
    pub(super) held: Checkpoint,
    /// Where the partner offers to go on; 0 when it begins anew.
    pub(super) offered: u64,
}

impl Entry {
    /// Whether the offer may be taken; the interrupted transfer of the same file, if there is one. A
    /// `receiving` entry that nobody holds any more (its end could not be recorded) is interrupted on
    /// the way.
    pub(super) fn judge(
        &self,
        journal: &Connection,
        live: &Live,
    ) -> Result<Option<Transfer>, InboundRefusal> {
        let partner = &self.offer.partner;
        let known: Option<i64> =
            row::value(journal, "SELECT 1 FROM partner WHERE name = ?1", [partner])?;
        if known.is_none() {
            return Err(StoreError::NoPartner(partner.clone()).into());
        }
        let Some(earlier) = earlier(journal, &self.offer)? else {
            self.refuse_loop(journal)?;
            return Ok(None);
        };
        let id = earlier.id;
        match earlier.state {
            State::Interrupted => Ok(Some(earlier)),
            State::Receiving => {
                let receiving = vec![earlier];
                match end_forgotten(journal, live, receiving, self.now)?.pop() {
                    Some(forgotten) => Ok(Some(row::by_id(journal, forgotten)?)),
                    None => Err(InboundRefusal::Busy { earlier: id }),
                }
            }
            _ => {
                let sql = "SELECT at FROM step WHERE transfer = ?1 AND step = 'received'";
                let at: Option<i64> = row::value(journal, sql, [id.to_string()])?;
                let at = at.map_or(Ok(earlier.changed), row::time)?;
                Err(InboundRefusal::Duplicate { earlier: id, at })
            }
        }
    }

    /// A file to be forwarded must not come from where it would go, nor have gone out before.
    fn refuse_loop(&self, journal: &Connection) -> Result<(), InboundRefusal> {
        let Bound::Forward(to) = &self.offer.bound else {
            return Ok(());
        };
        let file = self.offer.sfid.file_id();
        if *to == self.offer.partner {
            let why = format!(
                "{} is served by partner {to}, which offers it",
                file.destination
            );
            return Err(InboundRefusal::Loop { why });
        }
        let (from, until) = stamps(&file, &self.offer);
        let out = row::first(
            journal,
            "WHERE direction = 'out' AND dataset = ?1 AND stamp BETWEEN ?2 AND ?3 AND origin = ?4 \
             AND destination = ?5",
            (
                file.dataset.as_str(),
                from,
                until,
                file.origin.as_str(),
                file.destination.as_str(),
            ),
        )?;
        match out {
            None => Ok(()),
            Some(out) => Err(InboundRefusal::Loop {
                why: format!("it went to partner {} as transfer {}", out.partner, out.id),
            }),
        }
    }

    /// Makes the entry, or takes up that of an earlier attempt.
    pub(super) fn begin(
        &self,
        journal: &Connection,
        earlier: Option<Transfer>,
    ) -> Result<Begun, InboundRefusal> {
        let shape = shape(&self.offer);
        let begun = match earlier {
            None => {
                self.insert(journal)?;
                Begun {
                    id: self.fresh,
                    shape,
                    held: Checkpoint::default(),
                    offered: 0,
                }
            }
            Some(earlier) => {
                let sfid = &self.offer.sfid;
                let restart = self.offer.restart && self.may_be_same(&earlier);
                let sql = "SELECT stored FROM transfer WHERE id = ?1";
                let stored: Option<i64> = row::value(journal, sql, [earlier.id.to_string()])?;
                self.again(journal, &earlier, restart)?;
                Begun {
                    id: earlier.id,
                    shape,
                    held: Checkpoint {
                        position: earlier.restart,
                        stored: stored.map_or(0, row::number),
                    },
                    offered: if restart { sfid.restart } else { 0 },
                }
            }
        };
        Ok(begun)
    }

    /// Whether what is held may be the beginning of what is offered: of another make or size it cannot
    /// be the same octets, whatever its name.
    fn may_be_same(&self, earlier: &Transfer) -> bool {
        let sfid = &self.offer.sfid;
        // Below level 5 the original size is not told.
        let originals = (earlier.original_blocks, sfid.original_blocks);
        earlier.format == sfid.format
            && earlier.record_length == sfid.record_length
            && row::octets(earlier.octets) == row::octets(self.announced)
            && (originals.0 == originals.1 || originals.0 == 0 || originals.1 == 0)
            && earlier.security == sfid.security
            && earlier.cipher == sfid.cipher
            && earlier.compression == sfid.compression
            && earlier.envelope == sfid.envelope
    }

    fn insert(&self, journal: &Connection) -> Result<(), StoreError> {
        let Offer {
            partner,
            bound,
            sfid,
            circuit,
            ..
        } = &self.offer;
        let (station, forward_to) = match bound {
            Bound::Station(station) => (station.clone(), None),
            Bound::Forward(to) => {
                let sql = "SELECT station FROM partner WHERE name = ?1";
                let ours: Option<String> = row::value(journal, sql, [partner])?;
                (ours.unwrap_or_default(), Some(to))
            }
        };
        row::change(
            journal,
            "INSERT INTO transfer (id, direction, partner, station, dataset, stamp, origin, destination, \
             format, state, octets, description, user, holder, created, changed, circuit, record_length, \
             original_blocks, security, cipher, compression, envelope, signed_receipt, forward_to) \
             VALUES (?1, 'in', ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'receiving', ?9, ?10, ?11, ?12, ?13, ?13, ?14, \
             ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
            rusqlite::params![
                self.fresh.to_string(),
                partner,
                station,
                sfid.dataset.as_str(),
                sfid.stamp.to_string(),
                sfid.origin.as_str(),
                sfid.destination.as_str(),
                sfid.format.to_string(),
                row::octets(self.announced),
                sfid.description,
                sfid.user.as_str(),
                self.holder,
                self.now.as_millisecond(),
                circuit,
                sfid.record_length,
                row::octets(sfid.original_blocks),
                row::security_number(sfid.security),
                sfid.cipher,
                sfid.compression,
                sfid.envelope,
                sfid.signed_receipt,
                forward_to,
            ],
        )?;
        let detail = format!("about {} octets announced", self.announced);
        let circuit = Some(circuit.as_str());
        row::step(journal, self.fresh, self.now, "receiving", &detail, circuit)
    }

    /// Takes up an interrupted transfer again. The offer may have changed in what does not name the
    /// file; its terms are those of the latest. From the start, what was held is worth nothing.
    fn again(
        &self,
        journal: &Connection,
        earlier: &Transfer,
        restart: bool,
    ) -> Result<(), StoreError> {
        let Offer { bound, sfid, .. } = &self.offer;
        let id = earlier.id;
        let (station, forward_to) = match bound {
            Bound::Station(station) => (station.as_str(), None),
            Bound::Forward(to) => (earlier.station.as_str(), Some(to)),
        };
        row::change(
            journal,
            "UPDATE transfer SET state = 'receiving', reason = NULL, holder = ?2, octets = ?3, \
             description = ?4, user = ?5, format = ?6, record_length = ?7, original_blocks = ?8, \
             security = ?9, cipher = ?10, compression = ?11, envelope = ?12, signed_receipt = ?13, \
             station = ?14, forward_to = ?15, position = position * ?16, \
             position_octets = position_octets * ?16, stored = stored * ?16 WHERE id = ?1",
            rusqlite::params![
                id.to_string(),
                self.holder,
                row::octets(self.announced),
                sfid.description,
                sfid.user.as_str(),
                sfid.format.to_string(),
                sfid.record_length,
                row::octets(sfid.original_blocks),
                row::security_number(sfid.security),
                sfid.cipher,
                sfid.compression,
                sfid.envelope,
                sfid.signed_receipt,
                station,
                forward_to,
                restart && sfid.restart > 0,
            ],
        )?;
        let detail = format!(
            "again, the partner offers to go on from {}, {} are held",
            sfid.restart, earlier.restart.answer
        );
        let circuit = Some(self.offer.circuit.as_str());
        row::step(journal, id, self.now, "receiving", &detail, circuit)
    }
}

fn shape(offer: &Offer) -> Shape {
    let sfid = &offer.sfid;
    let secured = sfid.security != Security::None || sfid.compression || sfid.envelope;
    Shape::new(sfid.format, sfid.record_length, secured)
}

/// The transfer in which an offered file came, wholly or in part. One that failed after it was
/// acknowledged has come: its sender is told so by a NERP, and must not get another receipt for it.
pub(super) fn earlier(journal: &Connection, offer: &Offer) -> Result<Option<Transfer>, StoreError> {
    let file = offer.sfid.file_id();
    let (from, until) = stamps(&file, offer);
    row::first(
        journal,
        "WHERE direction = 'in' AND partner = ?1 AND dataset = ?2 AND stamp BETWEEN ?3 AND ?4 \
         AND origin = ?5 AND destination = ?6 \
         AND (state IN ('receiving', 'interrupted', 'received', 'delivered', 'forwarded') \
         OR (state = 'failed' AND receipt IS NOT NULL)) ORDER BY seq",
        (
            &offer.partner,
            file.dataset.as_str(),
            from,
            until,
            file.origin.as_str(),
            file.destination.as_str(),
        ),
    )
}

/// The stamps, from the first to the last, that an offered file may have been received under. Without a
/// counter it may be any of its second: it was then offered at a higher level before.
fn stamps(file: &FileId, offer: &Offer) -> (String, String) {
    let stamp = file.stamp.to_string();
    if !offer.level.has_short_stamp() {
        return (stamp.clone(), stamp);
    }
    let second = stamp.get(..14).unwrap_or(&stamp);
    (format!("{second}0000"), format!("{second}9999"))
}

/// The name of a file in the inbox. A dataset name is no path: what may mean something to a file
/// system or a shell is replaced; the true name is in the metadata.
pub(super) fn inbox_name(file: &FileId, id: TransferId) -> String {
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
