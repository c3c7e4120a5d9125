//! Stations and partners in the journal.

use oftp::OdetteId;
use rusqlite::{Connection, Params, Row};

use super::{Applied, Change, Directory, Partner, PartnerEntry, Station, file};
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

    /// Adds the station, or changes the one of its name.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the rule it breaks, or what the journal said.
    pub fn put_station(&self, station: Station) -> Result<Change, StoreError> {
        self.run(move |journal| put_station(journal, &station))
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
        self.run(move |journal| partner(journal, &name))
    }

    /// The partner with that identification code, if there is one.
    ///
    /// # Errors
    /// What the journal said.
    pub fn partner_by_code(&self, code: &OdetteId) -> Result<Option<Partner>, StoreError> {
        let code = code.as_str().to_owned();
        self.run(move |journal| Ok(partners(journal, "WHERE code = ?1", [code])?.pop()))
    }

    /// Adds the partner, or changes the one of its name; makes its folders.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the rule it breaks, or what the disk or the journal said.
    pub fn put_partner(&self, partner: Partner) -> Result<Change, StoreError> {
        if let Some(problem) = partner.problem() {
            return Err(StoreError::Refused(problem));
        }
        let name = partner.name.clone();
        let change = self.run(move |journal| put_partner(journal, &partner))?;
        // A kill before this line is made up for by the next start.
        self.inner.layout.make_partner(&name)?;
        Ok(change)
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
                 AND state IN ('receiving', 'received', 'taking', 'queued', 'sending')",
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

    /// Adds and changes everything an apply file says, or nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with every rule that is broken, one a line; or what the disk or the
    /// journal said.
    pub fn apply(&self, directory: Directory) -> Result<Vec<Applied>, StoreError> {
        let applied = self.run(move |journal| apply(journal, directory))?;
        for entry in applied.iter().filter(|entry| entry.kind == PARTNER) {
            self.inner.layout.make_partner(&entry.name)?;
        }
        Ok(applied)
    }

    /// All stations and partners as the text of an apply file, passwords only when asked for.
    ///
    /// # Errors
    /// What the journal said.
    pub fn export(&self, with_passwords: bool) -> Result<String, StoreError> {
        let (stations, partners) = (self.stations()?, self.partners()?);
        file::write_directory(&stations, &partners, with_passwords)
    }
}

const STATION: &str = "station";
const PARTNER: &str = "partner";

fn apply(journal: &Connection, directory: Directory) -> Result<Vec<Applied>, StoreError> {
    let mut applied = Vec::new();
    let mut problems = Vec::new();
    let mut note = |kind, name: String, change: Result<Change, StoreError>| match change {
        Ok(change) => {
            applied.push(Applied { kind, name, change });
            Ok(())
        }
        Err(StoreError::Refused(problem)) => {
            problems.push(problem);
            Ok(())
        }
        Err(error) => Err(error),
    };
    for station in directory.stations {
        note(
            STATION,
            station.name.clone(),
            put_station(journal, &station),
        )?;
    }
    for entry in directory.partners {
        let name = entry.partner.name.clone();
        let change = fill_in(journal, entry).and_then(|partner| put_partner(journal, &partner));
        note(PARTNER, name, change)?;
    }
    if problems.is_empty() {
        Ok(applied)
    } else {
        Err(StoreError::Refused(problems.join("\n")))
    }
}

/// Gives an entry the passwords it left out.
fn fill_in(journal: &Connection, entry: PartnerEntry) -> Result<Partner, StoreError> {
    let PartnerEntry {
        partner: mut new,
        keep_password_sent,
        keep_password_expected,
    } = entry;
    if !keep_password_sent && !keep_password_expected {
        return Ok(new);
    }
    let Some(old) = partner(journal, &new.name)? else {
        return Err(StoreError::Refused(format!(
            "partner {}: it is new and a password is missing; give password_sent and password_expected",
            new.name
        )));
    };
    if keep_password_sent {
        new.password_sent = old.password_sent;
    }
    if keep_password_expected {
        new.password_expected = old.password_expected;
    }
    Ok(new)
}

fn put_station(journal: &Connection, station: &Station) -> Result<Change, StoreError> {
    if let Some(problem) = station.problem() {
        return Err(StoreError::Refused(problem));
    }
    let Station { name, code } = station;
    if let Some(other) = stations(
        journal,
        "WHERE code = ?1 AND name <> ?2",
        [code.as_str(), name],
    )?
    .pop()
    {
        return Err(StoreError::Refused(format!(
            "station {name}: the code {code} is that of station {}; each has its own",
            other.name
        )));
    }
    let old = stations(journal, "WHERE name = ?1", [name])?.pop();
    let change = Change::of(old.as_ref(), station);
    if change != Change::Unchanged {
        row::change(
            journal,
            "INSERT INTO station (name, code) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET code = excluded.code",
            [name, code.as_str()],
        )?;
    }
    Ok(change)
}

fn put_partner(journal: &Connection, new: &Partner) -> Result<Change, StoreError> {
    if let Some(problem) = new.problem() {
        return Err(StoreError::Refused(problem));
    }
    let name = &new.name;
    if stations(journal, "WHERE name = ?1", [&new.station])?.is_empty() {
        return Err(StoreError::Refused(format!(
            "partner {name}: there is no station named {:?}; add the station first",
            new.station
        )));
    }
    let same = partners(
        journal,
        "WHERE code = ?1 AND name <> ?2",
        [new.code.as_str(), name],
    )?;
    if let Some(other) = same.first() {
        return Err(StoreError::Refused(format!(
            "partner {name}: the code {} is that of partner {}; no two may share one",
            new.code, other.name
        )));
    }
    let change = Change::of(partner(journal, name)?.as_ref(), new);
    if change == Change::Unchanged {
        return Ok(change);
    }
    let certificates: Vec<String> = new.certificates.iter().map(ToString::to_string).collect();
    row::change(
        journal,
        "INSERT INTO partner (name, code, station, password_sent, password_expected, address, \
         certificates, server_name, buffer, credit, enabled) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (name) DO UPDATE SET \
         code = excluded.code, station = excluded.station, password_sent = excluded.password_sent, \
         password_expected = excluded.password_expected, address = excluded.address, \
         certificates = excluded.certificates, server_name = excluded.server_name, \
         buffer = excluded.buffer, credit = excluded.credit, enabled = excluded.enabled",
        (
            name,
            new.code.as_str(),
            &new.station,
            new.password_sent.expose(),
            new.password_expected.expose(),
            &new.address,
            certificates.join(" "),
            &new.server_name,
            new.buffer,
            new.credit,
            new.enabled,
        ),
    )?;
    Ok(change)
}

impl Change {
    fn of<T: PartialEq>(old: Option<&T>, new: &T) -> Change {
        match old {
            None => Change::Added,
            Some(old) if old == new => Change::Unchanged,
            Some(_) => Change::Changed,
        }
    }
}

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

fn partner(journal: &Connection, name: &str) -> Result<Option<Partner>, StoreError> {
    Ok(partners(journal, "WHERE name = ?1", [name])?.pop())
}

pub(super) fn partners(
    journal: &Connection,
    rest: &str,
    params: impl Params,
) -> Result<Vec<Partner>, StoreError> {
    let raws = || -> Result<Vec<Raw>, rusqlite::Error> {
        let mut statement = journal.prepare_cached(&format!(
            "SELECT name, code, station, password_sent, password_expected, address, certificates, \
             server_name, buffer, credit, enabled FROM partner {rest}"
        ))?;
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
}

impl Raw {
    fn read(row: &Row<'_>) -> Result<Raw, rusqlite::Error> {
        Ok(Raw {
            name: row.get(0)?,
            code: row.get(1)?,
            station: row.get(2)?,
            password_sent: row.get::<_, String>(3)?.into(),
            password_expected: row.get::<_, String>(4)?.into(),
            address: row.get(5)?,
            certificates: row.get(6)?,
            server_name: row.get(7)?,
            buffer: row.get(8)?,
            credit: row.get(9)?,
            enabled: row.get(10)?,
        })
    }

    fn check(self) -> Result<Partner, StoreError> {
        let name = self.name;
        let password = |field, secret: &ops::Secret<String>| {
            secret.expose().parse().map_err(|_| StoreError::Damaged {
                entry: name.clone(),
                field,
                found: "***".to_owned(),
            })
        };
        let code = row::parse(&name, "code", &self.code)?;
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
            ..Partner::new(name.clone(), code, self.station)
        })
    }
}
