//! Stations and partners in the journal.

use std::sync::LazyLock;
use std::time::Duration;

use oftp::{Format, OdetteId};
use rusqlite::{Connection, Params, Row, named_params};

use super::{
    Partner, ReceiptTiming, RecordForm, Station, Transport, deviation_names, deviations_from_names,
    write,
};
use crate::error::StoreError;
use crate::row;
use crate::store::Store;

impl Store {
    /// All stations, by name.
    ///
    /// # Errors
    /// What the journal said.
    pub fn stations(&self) -> Result<Vec<Station>, StoreError> {
        self.run(|journal| stations(journal, "ORDER BY name", []))
    }

    /// The station of that name, if there is one.
    ///
    /// # Errors
    /// What the journal said.
    pub fn station(&self, name: &str) -> Result<Option<Station>, StoreError> {
        let name = name.to_owned();
        self.run(move |journal| Ok(stations(journal, "WHERE name = ?1", [name])?.pop()))
    }

    /// Removes the station of that name.
    ///
    /// # Errors
    /// [`StoreError::NoStation`], [`StoreError::Refused`] while a partner deals with it, or what the
    /// journal said.
    pub fn remove_station(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.run(move |journal| {
            let users = partners(journal, "WHERE station = ?1 ORDER BY name", [&name])?;
            if let Some(user) = users.first() {
                return Err(StoreError::Refused(format!(
                    "station {name}: {} partner(s) deal with it, {} for one; remove them or give them another station first",
                    users.len(),
                    user.name
                )));
            }
            match row::change(journal, "DELETE FROM station WHERE name = ?1", [&name])? {
                0 => Err(StoreError::NoStation(name)),
                _ => Ok(()),
            }
        })
    }

    /// All partners, by name.
    ///
    /// # Errors
    /// What the journal said.
    pub fn partners(&self) -> Result<Vec<Partner>, StoreError> {
        self.run(|journal| partners(journal, "ORDER BY name", []))
    }

    /// The partner of that name, if there is one.
    ///
    /// # Errors
    /// What the journal said.
    pub fn partner(&self, name: &str) -> Result<Option<Partner>, StoreError> {
        let name = name.to_owned();
        self.run(move |journal| Ok(partners(journal, "WHERE name = ?1", [name])?.pop()))
    }

    /// The partner with that identification code, if there is one.
    ///
    /// # Errors
    /// What the journal said.
    pub fn partner_by_code(&self, code: &OdetteId) -> Result<Option<Partner>, StoreError> {
        let code = code.as_str().to_owned();
        self.run(move |journal| Ok(partners(journal, "WHERE code = ?1", [code])?.pop()))
    }

    /// Removes the partner of that name. Its folders and its transfers stay.
    ///
    /// # Errors
    /// [`StoreError::NoPartner`], [`StoreError::Refused`] while transfers with it are under way, or what
    /// the journal said.
    pub fn remove_partner(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.run(move |journal| {
            let busy: Option<i64> = row::value(
                journal,
                "SELECT count(*) FROM transfer WHERE partner = ?1 \
                 AND state IN ('receiving', 'interrupted', 'received', 'taking', 'queued', 'sending')",
                [&name],
            )?;
            if let Some(busy @ 1..) = busy {
                return Err(StoreError::Refused(format!(
                    "partner {name}: {busy} transfer(s) with it are under way; wait for them, or disable the partner instead"
                )));
            }
            row::change(journal, "DELETE FROM session WHERE partner = ?1", [&name])?;
            match row::change(journal, "DELETE FROM partner WHERE name = ?1", [&name])? {
                0 => Err(StoreError::NoPartner(name)),
                _ => Ok(()),
            }
        })
    }

    /// All stations and partners as the text of an apply file, passwords only when asked for.
    ///
    /// # Errors
    /// What the journal said.
    pub fn export(&self, with_passwords: bool) -> Result<String, StoreError> {
        let (stations, partners) = (self.stations()?, self.partners()?);
        write::write_directory(&stations, &partners, with_passwords)
    }
}

/// Lets go of a station's code, until [`write_station`] gives it one again.
pub(super) fn release_station(journal: &Connection, name: &str) -> Result<(), StoreError> {
    let sql = "UPDATE station SET code = char(10) || name WHERE name = ?1";
    row::change(journal, sql, [name]).map(drop)
}

/// Lets go of a partner's codes, until [`write_partner`] gives it some again.
pub(super) fn release_partner(journal: &Connection, name: &str) -> Result<(), StoreError> {
    // No code has a line feed.
    let sql = "UPDATE partner SET code = char(10) || name WHERE name = ?1";
    row::change(journal, sql, [name])?;
    row::change(
        journal,
        "DELETE FROM partner_station WHERE partner = ?1",
        [name],
    )
    .map(drop)
}

pub(super) fn write_station(journal: &Connection, station: &Station) -> Result<(), StoreError> {
    row::change(
        journal,
        "INSERT INTO station (name, code) VALUES (?1, ?2) \
         ON CONFLICT (name) DO UPDATE SET code = excluded.code",
        [station.name.as_str(), station.code.as_str()],
    )
    .map(drop)
}

pub(super) fn write_partner(journal: &Connection, new: &Partner) -> Result<(), StoreError> {
    let certificates: Vec<String> = new.certificates.iter().map(ToString::to_string).collect();
    let values = named_params! {
        ":name": new.name,
        ":code": new.code.as_str(),
        ":station": new.station,
        ":password_sent": new.password_sent.expose(),
        ":password_expected": new.password_expected.expose(),
        ":address": new.address,
        ":certificates": certificates.join(" "),
        ":server_name": new.server_name,
        ":buffer": new.buffer,
        ":credit": new.credit,
        ":enabled": new.enabled,
        ":level": new.level as u8,
        ":lowest_level": new.lowest_level as u8,
        ":transport": new.transport.word(),
        ":compression": new.compression,
        ":restart": new.restart,
        ":authentication": new.authentication,
        ":refuse": deviation_names(new.refuse).join(" "),
        ":receipts": new.receipts.word(),
        ":receipt_within": row::octets(new.receipt_within.as_secs()),
        ":call_for_receipts": new.call_for_receipts,
        ":gateway": new.gateway,
        ":format": new.format.to_string(),
        ":record_length": new.record_length,
        ":records": new.records.word(),
    };
    row::change(journal, &PUT_PARTNER, values)?;
    for (place, code) in (0_i64..).zip(&new.stations) {
        row::change(
            journal,
            "INSERT INTO partner_station (code, partner, place) VALUES (?1, ?2, ?3)",
            (code.as_str(), &new.name, place),
        )?;
    }
    Ok(())
}

/// A partner's columns, in the order [`Raw::read`] takes them.
const COLUMNS: [&str; 25] = [
    "name",
    "code",
    "station",
    "password_sent",
    "password_expected",
    "address",
    "certificates",
    "server_name",
    "buffer",
    "credit",
    "enabled",
    "level",
    "lowest_level",
    "transport",
    "compression",
    "restart",
    "authentication",
    "refuse",
    "receipts",
    "receipt_within",
    "call_for_receipts",
    "gateway",
    "format",
    "record_length",
    "records",
];

static PUT_PARTNER: LazyLock<String> = LazyLock::new(|| {
    let list = |of: fn(&str) -> String| COLUMNS.map(of).join(", ");
    format!(
        "INSERT INTO partner ({}) VALUES ({}) ON CONFLICT (name) DO UPDATE SET {}",
        COLUMNS.join(", "),
        list(|column| format!(":{column}")),
        list(|column| format!("{column} = excluded.{column}")),
    )
});

/// Selects partners, each with the codes of its further stations, a line each, as the last column.
static SELECT_PARTNERS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, (SELECT group_concat(code, char(10) ORDER BY place) FROM partner_station \
         WHERE partner_station.partner = partner.name) FROM partner",
        COLUMNS.join(", ")
    )
});

pub(super) fn stations(
    journal: &Connection,
    rest: &str,
    params: impl Params,
) -> Result<Vec<Station>, StoreError> {
    let raws = || -> Result<Vec<(String, String)>, rusqlite::Error> {
        let mut statement =
            journal.prepare_cached(&format!("SELECT name, code FROM station {rest}"))?;
        statement
            .query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    let raws = raws().map_err(StoreError::journal("read"))?;
    raws.into_iter()
        .map(|(name, code)| {
            Ok(Station {
                code: row::parse(&name, "code", &code)?,
                name,
            })
        })
        .collect()
}

pub(super) fn partners(
    journal: &Connection,
    rest: &str,
    params: impl Params,
) -> Result<Vec<Partner>, StoreError> {
    let raws = || -> Result<Vec<Raw>, rusqlite::Error> {
        let mut statement = journal.prepare_cached(&format!("{} {rest}", *SELECT_PARTNERS))?;
        statement.query_map(params, Raw::read)?.collect()
    };
    raws()
        .map_err(StoreError::journal("read"))?
        .into_iter()
        .map(Raw::check)
        .collect()
}

/// One partner as SQLite has it; passwords leave it only as [`oftp::Password`].
struct Raw {
    name: String,
    code: String,
    station: String,
    password_sent: ops::Secret<String>,
    password_expected: ops::Secret<String>,
    address: Option<String>,
    certificates: String,
    server_name: Option<String>,
    buffer: u32,
    credit: u16,
    enabled: bool,
    level: u8,
    lowest_level: u8,
    transport: String,
    compression: bool,
    restart: bool,
    authentication: bool,
    refuse: String,
    receipts: String,
    receipt_within: i64,
    call_for_receipts: bool,
    gateway: bool,
    format: String,
    record_length: u32,
    records: String,
    stations: Option<String>,
}

impl Raw {
    fn read(row: &Row<'_>) -> Result<Raw, rusqlite::Error> {
        Ok(Raw {
            name: row.get("name")?,
            code: row.get("code")?,
            station: row.get("station")?,
            password_sent: row.get::<_, String>("password_sent")?.into(),
            password_expected: row.get::<_, String>("password_expected")?.into(),
            address: row.get("address")?,
            certificates: row.get("certificates")?,
            server_name: row.get("server_name")?,
            buffer: row.get("buffer")?,
            credit: row.get("credit")?,
            enabled: row.get("enabled")?,
            level: row.get("level")?,
            lowest_level: row.get("lowest_level")?,
            transport: row.get("transport")?,
            compression: row.get("compression")?,
            restart: row.get("restart")?,
            authentication: row.get("authentication")?,
            refuse: row.get("refuse")?,
            receipts: row.get("receipts")?,
            receipt_within: row.get("receipt_within")?,
            call_for_receipts: row.get("call_for_receipts")?,
            gateway: row.get("gateway")?,
            format: row.get("format")?,
            record_length: row.get("record_length")?,
            records: row.get("records")?,
            stations: row.get(COLUMNS.len())?,
        })
    }

    fn check(self) -> Result<Partner, StoreError> {
        let name = self.name;
        let damaged = |field, found: &str| StoreError::Damaged {
            entry: name.clone(),
            field,
            found: found.to_owned(),
        };
        let password = |field, secret: &ops::Secret<String>| {
            let password = secret.expose().parse();
            password.map_err(|_| damaged(field, "***"))
        };
        let level = |field, number: u8| {
            oftp::Level::from_number(number).ok_or_else(|| damaged(field, &number.to_string()))
        };
        let further = self.stations.as_deref().unwrap_or_default().lines();
        Ok(Partner {
            password_sent: password("password_sent", &self.password_sent)?,
            password_expected: password("password_expected", &self.password_expected)?,
            address: self.address,
            certificates: self
                .certificates
                .split_whitespace()
                .map(|certificate| row::parse(&name, "certificates", certificate))
                .collect::<Result<_, _>>()?,
            server_name: self.server_name,
            buffer: self.buffer,
            credit: self.credit,
            enabled: self.enabled,
            level: level("level", self.level)?,
            lowest_level: level("lowest_level", self.lowest_level)?,
            transport: Transport::from_word(&self.transport)
                .ok_or_else(|| damaged("transport", &self.transport))?,
            compression: self.compression,
            restart: self.restart,
            authentication: self.authentication,
            refuse: deviations_from_names(&self.refuse.split_whitespace().collect::<Vec<_>>())
                .map_err(|_| damaged("refuse", &self.refuse))?,
            receipts: ReceiptTiming::from_word(&self.receipts)
                .ok_or_else(|| damaged("receipts", &self.receipts))?,
            receipt_within: u64::try_from(self.receipt_within)
                .map(Duration::from_secs)
                .map_err(|_| damaged("receipt_within", &self.receipt_within.to_string()))?,
            call_for_receipts: self.call_for_receipts,
            stations: further
                .map(|code| row::parse(&name, "stations", code))
                .collect::<Result<_, _>>()?,
            gateway: self.gateway,
            format: match self.format.as_bytes() {
                [letter] => Format::from_octet(*letter),
                _ => None,
            }
            .ok_or_else(|| damaged("format", &self.format))?,
            record_length: self.record_length,
            records: RecordForm::from_word(&self.records)
                .ok_or_else(|| damaged("records", &self.records))?,
            ..Partner::new(
                name.as_str(),
                row::parse(&name, "code", &self.code)?,
                self.station,
            )
        })
    }
}
