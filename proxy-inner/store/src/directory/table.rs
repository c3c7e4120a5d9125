//! Stations and partners in the journal.

use std::time::Duration;

use oftp::OdetteId;
use rusqlite::{Connection, Params, Row, ToSql, named_params};

use super::view::{PartnerView, RoleCertificateView};
use super::{Partner, Station, certificates_to_pem, write};
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
                 AND state IN ('receiving', 'interrupted', 'received', 'taking', \
                 'securing', 'queued', 'sending')",
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

/// Lets go of a partner's codes and certificates, until [`write_partner`] gives it some again.
pub(super) fn release_partner(journal: &Connection, name: &str) -> Result<(), StoreError> {
    // No code has a line feed.
    let sql = "UPDATE partner SET code = char(10) || name WHERE name = ?1";
    row::change(journal, sql, [name])?;
    for table in ["partner_station", "partner_certificate"] {
        let sql = format!("DELETE FROM {table} WHERE partner = ?1");
        row::change(journal, &sql, [name])?;
    }
    Ok(())
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
    let view = PartnerView::from(new);
    let values = named_params! {
        ":name": view.name,
        ":code": view.code,
        ":station": view.station,
        ":password_sent": new.password_sent.expose(),
        ":password_expected": new.password_expected.expose(),
        ":address": view.address,
        ":certificates": view.certificates.join(" "),
        ":server_name": view.server_name,
        ":buffer": view.buffer,
        ":credit": view.credit,
        ":enabled": view.enabled,
        ":level": view.level,
        ":lowest_level": view.lowest_level,
        ":transport": view.transport,
        ":compression": view.compression,
        ":restart": view.restart,
        ":authentication": view.authentication,
        ":refuse": view.refuse.join(" "),
        ":receipts": view.receipts,
        ":receipt_within": row::octets(new.receipt_within.as_secs()),
        ":call_for_receipts": view.call_for_receipts,
        ":gateway": view.gateway,
        ":format": view.format,
        ":record_length": view.record_length,
        ":records": view.records,
        ":security": view.security,
        ":cipher_suite": view.cipher_suite,
        ":file_compression": view.file_compression,
        ":signed_receipts": view.signed_receipts,
        ":cipher_suites": words(&view.cipher_suites),
        ":accept_encrypted": view.accept_encrypted,
        ":accept_signed": view.accept_signed,
        ":accept_compressed": view.accept_compressed,
        ":check_timing": view.check,
        ":unsigned_receipts": view.unsigned_receipts,
        ":receipt_signature": view.receipt_signature,
        ":include_certificate": view.include_certificate,
        ":encoding": view.encoding,
        ":expansion": view.expansion,
        ":receipt_suite": view.receipt_suite,
        ":archive": view.archive,
    };
    row::change(journal, &put_partner(values), values)?;
    for (place, code) in (0_i64..).zip(&view.stations) {
        row::change(
            journal,
            "INSERT INTO partner_station (code, partner, place) VALUES (?1, ?2, ?3)",
            (code, &view.name, place),
        )?;
    }
    for held in &new.role_certificates {
        row::change(
            journal,
            "INSERT INTO partner_certificate (partner, role, slot, certificate) \
             VALUES (?1, ?2, ?3, ?4)",
            (
                &view.name,
                held.role.word(),
                held.slot.word(),
                certificates_to_pem(&[&held.certificate]),
            ),
        )?;
    }
    Ok(())
}

/// Puts a row whose columns are called as the values are.
fn put_partner(values: &[(&str, &dyn ToSql)]) -> String {
    let names = values.iter().map(|(name, _)| name.trim_start_matches(':'));
    let list = |of: &dyn Fn(&str) -> String| names.clone().map(of).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO partner ({}) VALUES ({}) ON CONFLICT (name) DO UPDATE SET {}",
        list(&str::to_owned),
        list(&|name| format!(":{name}")),
        list(&|name| format!("{name} = excluded.{name}")),
    )
}

/// Selects partners, each with the codes of its further stations (blanks between them) and its
/// certificates (role, slot and PEM text of each).
const SELECT_PARTNERS: &str = "SELECT partner.*, \
     (SELECT group_concat(code, ' ' ORDER BY place) FROM partner_station \
      WHERE partner_station.partner = partner.name) AS stations, \
     (SELECT json_group_array(json_array(role, slot, certificate)) FROM partner_certificate \
      WHERE partner_certificate.partner = partner.name) AS held \
     FROM partner";

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
        let mut statement = journal.prepare_cached(&format!("{SELECT_PARTNERS} {rest}"))?;
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
    /// All but passwords, the time for receipts and the certificates by role.
    view: PartnerView,
    password_sent: ops::Secret<String>,
    password_expected: ops::Secret<String>,
    receipt_within: i64,
    cipher_suites: String,
    /// A JSON array of role, slot and PEM text of each.
    held: String,
}

impl Raw {
    fn read(row: &Row<'_>) -> Result<Raw, rusqlite::Error> {
        let list = |column| -> Result<Vec<String>, rusqlite::Error> {
            let words: Option<String> = row.get(column)?;
            let words = words.unwrap_or_default();
            Ok(words.split_whitespace().map(ToOwned::to_owned).collect())
        };
        Ok(Raw {
            view: PartnerView {
                name: row.get("name")?,
                code: row.get("code")?,
                station: row.get("station")?,
                address: row.get("address")?,
                certificates: list("certificates")?,
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
                refuse: list("refuse")?,
                receipts: row.get("receipts")?,
                call_for_receipts: row.get("call_for_receipts")?,
                stations: list("stations")?,
                gateway: row.get("gateway")?,
                format: row.get("format")?,
                record_length: row.get("record_length")?,
                records: row.get("records")?,
                security: row.get("security")?,
                cipher_suite: row.get("cipher_suite")?,
                file_compression: row.get("file_compression")?,
                signed_receipts: row.get("signed_receipts")?,
                accept_encrypted: row.get("accept_encrypted")?,
                accept_signed: row.get("accept_signed")?,
                accept_compressed: row.get("accept_compressed")?,
                check: row.get("check_timing")?,
                unsigned_receipts: row.get("unsigned_receipts")?,
                receipt_signature: row.get("receipt_signature")?,
                include_certificate: row.get("include_certificate")?,
                encoding: row.get("encoding")?,
                expansion: row.get("expansion")?,
                receipt_suite: row.get("receipt_suite")?,
                archive: row.get("archive")?,
                ..PartnerView::default()
            },
            password_sent: row.get::<_, String>("password_sent")?.into(),
            password_expected: row.get::<_, String>("password_expected")?.into(),
            receipt_within: row.get("receipt_within")?,
            cipher_suites: row.get("cipher_suites")?,
            held: row.get("held")?,
        })
    }

    fn check(self) -> Result<Partner, StoreError> {
        let name = self.view.name.clone();
        let damaged = |field, found: &str| StoreError::Damaged {
            entry: name.clone(),
            field,
            found: found.to_owned(),
        };
        let password = |field, secret: &ops::Secret<String>| {
            let password = secret.expose().parse();
            password.map_err(|_| damaged(field, "***"))
        };
        let suites = self.cipher_suites.split_whitespace().map(str::parse);
        let held: Vec<(String, String, String)> =
            serde_json::from_str(&self.held).map_err(|_| damaged("certificates", &self.held))?;
        let view = PartnerView {
            certificate: held
                .into_iter()
                .map(|(role, slot, pem)| RoleCertificateView {
                    roles: vec![role],
                    slot,
                    pem,
                })
                .collect(),
            ..self.view
        };
        let read = view.read().map_err(|problems| {
            let (field, found) = problems
                .into_iter()
                .next()
                .map_or(("terms", String::new()), |first| (first.key, first.found));
            damaged(field, found.trim_matches('"'))
        })?;
        let mut partner = Partner {
            password_sent: password("password_sent", &self.password_sent)?,
            password_expected: password("password_expected", &self.password_expected)?,
            receipt_within: u64::try_from(self.receipt_within)
                .map(Duration::from_secs)
                .map_err(|_| damaged("receipt_within", &self.receipt_within.to_string()))?,
            cipher_suites: suites
                .collect::<Result<_, _>>()
                .map_err(|_| damaged("cipher_suites", &self.cipher_suites))?,
            ..read
        };
        partner.settle();
        Ok(partner)
    }
}

/// Numbers with blanks between them.
fn words(numbers: &[u8]) -> String {
    let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    words.join(" ")
}
