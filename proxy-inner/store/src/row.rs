//! Journal entries as values: reading transfers, writing steps.

use std::str::FromStr;

use jiff::Timestamp;
use oftp::{FileId, Format, Security};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::error::StoreError;
use crate::transfer::{Direction, Position, State, Transfer, TransferId};

/// What [`select`] reads, in the order [`Raw::read`] takes it.
const COLUMNS: &str = "id, direction, partner, station, dataset, stamp, origin, destination, format, \
    state, reason, octets, description, user, original_name, inbox_name, receipt, attempts, \
    not_before, created, changed, circuit, record_length, records, original_blocks, security, cipher, \
    compression, envelope, signed_receipt, position, position_octets, receipt_since, forward_to, \
    forwarded_to, forwarded_from, clear_octets, hash, opened";

/// All transfers that `rest` (from `WHERE` on) selects.
pub(crate) fn select(
    journal: &Connection,
    rest: &str,
    params: impl Params,
) -> Result<Vec<Transfer>, StoreError> {
    let raws = || -> Result<Vec<Raw>, rusqlite::Error> {
        let mut statement =
            journal.prepare_cached(&format!("SELECT {COLUMNS} FROM transfer {rest}"))?;
        statement.query_map(params, Raw::read)?.collect()
    };
    raws()
        .map_err(StoreError::journal("read"))?
        .into_iter()
        .map(Raw::check)
        .collect()
}

/// The first transfer that `rest` (from `WHERE` on) selects, if any.
pub(crate) fn first(
    journal: &Connection,
    rest: &str,
    params: impl Params,
) -> Result<Option<Transfer>, StoreError> {
    let raw = || -> Result<Option<Raw>, rusqlite::Error> {
        let sql = format!("SELECT {COLUMNS} FROM transfer {rest} LIMIT 1");
        journal
            .prepare_cached(&sql)?
            .query_row(params, Raw::read)
            .optional()
    };
    raw()
        .map_err(StoreError::journal("read"))?
        .map(Raw::check)
        .transpose()
}

/// The transfer named `id`.
pub(crate) fn by_id(journal: &Connection, id: TransferId) -> Result<Transfer, StoreError> {
    first(journal, "WHERE id = ?1", [id.to_string()])?.ok_or(StoreError::NoTransfer(id))
}

/// Changes entries; tells how many.
pub(crate) fn change(
    journal: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<usize, StoreError> {
    journal
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params))
        .map_err(StoreError::journal("write"))
}

/// Reads one value, if there is one.
pub(crate) fn value<T: rusqlite::types::FromSql>(
    journal: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Option<T>, StoreError> {
    journal
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(params, |row| row.get(0)).optional())
        .map_err(StoreError::journal("read"))
}

/// Notes a step of a transfer.
pub(crate) fn step(
    journal: &Connection,
    id: TransferId,
    at: Timestamp,
    step: &str,
    detail: &str,
    circuit: Option<&str>,
) -> Result<(), StoreError> {
    change(
        journal,
        "INSERT INTO step (transfer, at, step, detail, circuit) VALUES (?1, ?2, ?3, ?4, ?5)",
        (id.to_string(), at.as_millisecond(), step, detail, circuit),
    )?;
    change(
        journal,
        "UPDATE transfer SET changed = ?2, circuit = coalesce(?3, circuit) WHERE id = ?1",
        (id.to_string(), at.as_millisecond(), circuit),
    )
    .map(drop)
}

/// A number that is never negative, as SQLite has it.
pub(crate) fn number(found: i64) -> u64 {
    u64::try_from(found).unwrap_or(0)
}

/// A number of octets or records as SQLite keeps it. A file of more than 8 EiB does not exist.
pub(crate) fn octets(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A time as the journal keeps it.
pub(crate) fn time(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| StoreError::Damaged {
        entry: "(time)".to_owned(),
        field: "time",
        found: milliseconds.to_string(),
    })
}

/// A text of the journal as the type it stands for.
pub(crate) fn parse<T: FromStr>(
    entry: &str,
    field: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged {
        entry: entry.to_owned(),
        field,
        found: text.to_owned(),
    })
}

fn format_of(entry: &str, letter: &str) -> Result<Format, StoreError> {
    let format = match letter.as_bytes() {
        [octet] => Format::from_octet(*octet),
        _ => None,
    };
    format.ok_or_else(|| StoreError::Damaged {
        entry: entry.to_owned(),
        field: "format",
        found: letter.to_owned(),
    })
}

fn security_of(entry: &str, number: u8) -> Result<Security, StoreError> {
    let known = [
        Security::None,
        Security::Encrypted,
        Security::Signed,
        Security::EncryptedAndSigned,
    ];
    known
        .into_iter()
        .find(|security| security_number(*security) == number)
        .ok_or_else(|| StoreError::Damaged {
            entry: entry.to_owned(),
            field: "security",
            found: number.to_string(),
        })
}

/// Security services as the journal has them: the number SFIDSEC has.
pub(crate) fn security_number(security: Security) -> u8 {
    match security {
        Security::None => 0,
        Security::Encrypted => 1,
        Security::Signed => 2,
        Security::EncryptedAndSigned => 3,
    }
}

fn id_of(
    entry: &str,
    field: &'static str,
    text: Option<String>,
) -> Result<Option<TransferId>, StoreError> {
    text.map(|text| parse(entry, field, &text)).transpose()
}

/// One entry as SQLite has it.
struct Raw {
    id: String,
    direction: String,
    partner: String,
    station: String,
    dataset: String,
    stamp: String,
    origin: String,
    destination: String,
    format: String,
    state: String,
    reason: Option<String>,
    octets: i64,
    description: String,
    user: String,
    original_name: Option<String>,
    inbox_name: Option<String>,
    receipt: Option<String>,
    attempts: i64,
    not_before: Option<i64>,
    created: i64,
    changed: i64,
    circuit: Option<String>,
    record_length: u32,
    records: i64,
    original_blocks: i64,
    security: u8,
    cipher: u8,
    compression: bool,
    envelope: bool,
    signed_receipt: bool,
    position: i64,
    position_octets: i64,
    receipt_since: Option<i64>,
    forward_to: Option<String>,
    forwarded_to: Option<String>,
    forwarded_from: Option<String>,
    clear_octets: i64,
    hash: Vec<u8>,
    opened: bool,
}

impl Raw {
    fn read(row: &Row<'_>) -> Result<Raw, rusqlite::Error> {
        Ok(Raw {
            id: row.get(0)?,
            direction: row.get(1)?,
            partner: row.get(2)?,
            station: row.get(3)?,
            dataset: row.get(4)?,
            stamp: row.get(5)?,
            origin: row.get(6)?,
            destination: row.get(7)?,
            format: row.get(8)?,
            state: row.get(9)?,
            reason: row.get(10)?,
            octets: row.get(11)?,
            description: row.get(12)?,
            user: row.get(13)?,
            original_name: row.get(14)?,
            inbox_name: row.get(15)?,
            receipt: row.get(16)?,
            attempts: row.get(17)?,
            not_before: row.get(18)?,
            created: row.get(19)?,
            changed: row.get(20)?,
            circuit: row.get(21)?,
            record_length: row.get(22)?,
            records: row.get(23)?,
            original_blocks: row.get(24)?,
            security: row.get(25)?,
            cipher: row.get(26)?,
            compression: row.get(27)?,
            envelope: row.get(28)?,
            signed_receipt: row.get(29)?,
            position: row.get(30)?,
            position_octets: row.get(31)?,
            receipt_since: row.get(32)?,
            forward_to: row.get(33)?,
            forwarded_to: row.get(34)?,
            forwarded_from: row.get(35)?,
            clear_octets: row.get(36)?,
            hash: row.get(37)?,
            opened: row.get(38)?,
        })
    }

    fn check(self) -> Result<Transfer, StoreError> {
        let entry = format!("transfer {}", self.id);
        let entry = entry.as_str();
        let direction: Direction = parse(entry, "direction", &self.direction)?;
        let state: State = parse(entry, "state", &self.state)?;
        Ok(Transfer {
            id: parse(entry, "id", &self.id)?,
            direction,
            partner: self.partner,
            station: self.station,
            file: FileId {
                dataset: parse(entry, "dataset", &self.dataset)?,
                stamp: parse(entry, "stamp", &self.stamp)?,
                origin: parse(entry, "origin", &self.origin)?,
                destination: parse(entry, "destination", &self.destination)?,
            },
            format: format_of(entry, &self.format)?,
            record_length: self.record_length,
            records: number(self.records),
            original_blocks: number(self.original_blocks),
            security: security_of(entry, self.security)?,
            cipher: self.cipher,
            compression: self.compression,
            envelope: self.envelope,
            signed_receipt: self.signed_receipt,
            state,
            reason: self.reason,
            octets: number(self.octets),
            clear_octets: number(self.clear_octets),
            hash: self.hash,
            opened: self.opened,
            restart: Position {
                answer: number(self.position),
                octets: number(self.position_octets),
            },
            progress: None,
            description: self.description,
            user: parse(entry, "user", &self.user)?,
            original_name: self.original_name,
            inbox_name: self.inbox_name,
            receipt: self
                .receipt
                .map(|word| parse(entry, "receipt", &word))
                .transpose()?,
            receipt_since: self.receipt_since.map(time).transpose()?,
            forward_to: self.forward_to,
            forwarded_to: id_of(entry, "forwarded_to", self.forwarded_to)?,
            forwarded_from: id_of(entry, "forwarded_from", self.forwarded_from)?,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            not_before: self.not_before.map(time).transpose()?,
            created: time(self.created)?,
            changed: time(self.changed)?,
            circuit: self.circuit,
        })
    }
}
