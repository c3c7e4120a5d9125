//! Our keys: where each one is, its certificates, and what every station uses it for.
//!
//! ```text
//!  key      name ─ sealed private key | token URI ─ certificates ─ request that waits for its answer
//!    ▲
//!  key_use  (station, role, slot) ─▶ key          promote: next ─▶ current ─▶ previous
//! ```
//!
//! Private keys are here only sealed under the master secret, which the store never has; what tells a
//! wrong master secret from the right one ([`Store::keyring_check`]) lies beside them. `Debug` shows
//! neither.

use std::fmt;

use jiff::Timestamp;
use keyring::{Role, Slot};
use rusqlite::Connection;

use crate::directory::{certificates_from_pem, certificates_to_pem};
use crate::error::StoreError;
use crate::row;
use crate::store::Store;

/// The tables of version 3. `sealed` or `token` says where the private key is; `certificates` is PEM
/// text, the one made for the key first. `keyring_check` has one row at most.
pub(crate) const MIGRATE_3: &str = "
CREATE TABLE key (
    name TEXT PRIMARY KEY,
    sealed BLOB,
    token TEXT,
    certificates TEXT NOT NULL,
    request BLOB,
    created INTEGER NOT NULL,
    CHECK ((sealed IS NULL) <> (token IS NULL))
) STRICT;
CREATE TABLE key_use (
    station TEXT NOT NULL REFERENCES station (name) ON DELETE CASCADE,
    role TEXT NOT NULL,
    slot TEXT NOT NULL,
    key TEXT NOT NULL REFERENCES key (name),
    PRIMARY KEY (station, role, slot)
) STRICT;
CREATE INDEX key_use_key ON key_use (key);
CREATE TABLE keyring_check (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    value BLOB NOT NULL
) STRICT;
";

/// One of our keys with what belongs to it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// How we call it: 1 to 32 of `A-Z 0-9 _ -`.
    pub name: String,
    /// Where the private key is.
    pub private: KeyHome,
    /// Its certificates as DER: the one made for it first, then those above; empty as long as a
    /// request waits for its answer.
    pub certificates: Vec<Vec<u8>>,
    /// The certificate request (PKCS#10, DER) that waits for the CA's answer.
    pub request: Option<Vec<u8>>,
    /// When it was made or imported.
    pub created: Timestamp,
}

/// Where a private key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyHome {
    /// Here, sealed under the master secret (EncryptedPrivateKeyInfo, DER).
    Sealed(Vec<u8>),
    /// In a PKCS#11 token: its URI, without a PIN.
    Token(String),
}

/// What a station uses a key for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyUse {
    /// The station's name.
    pub station: String,
    /// What for.
    pub role: Role,
    /// Now, before, or later.
    pub slot: Slot,
    /// The key's name.
    pub key: String,
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRecord")
            .field("name", &self.name)
            .field("private", &self.private)
            .field("certificates", &self.certificates.len())
            .field("request", &self.request.is_some())
            .field("created", &self.created)
            .finish()
    }
}

impl fmt::Debug for KeyHome {
    /// Without the sealed key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyHome::Sealed(_) => f.write_str("Sealed(..)"),
            KeyHome::Token(uri) => f.debug_tuple("Token").field(uri).finish(),
        }
    }
}

impl Store {
    /// Adds the key, or changes the one of its name.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a name that breaks the rule, or what the journal said.
    pub fn put_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        if !is_name(&key.name) {
            return Err(StoreError::Refused(format!(
                "key {:?}: the name must be 1 to 32 of A-Z 0-9 _ -",
                key.name
            )));
        }
        self.run(move |journal| {
            let (sealed, token) = match &key.private {
                KeyHome::Sealed(octets) => (Some(octets.as_slice()), None),
                KeyHome::Token(uri) => (None, Some(uri.as_str())),
            };
            row::change(
                journal,
                "INSERT INTO key (name, sealed, token, certificates, request, created) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE SET \
                 sealed = ?2, token = ?3, certificates = ?4, request = ?5, created = ?6",
                (
                    &key.name,
                    sealed,
                    token,
                    certificates_to_pem(&key.certificates),
                    &key.request,
                    key.created.as_millisecond(),
                ),
            )
            .map(drop)
        })
    }

    /// All keys by name.
    ///
    /// # Errors
    /// What the journal said.
    pub fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.run(|journal| records(journal, None))
    }

    /// One key; `None` when there is none of that name.
    ///
    /// # Errors
    /// What the journal said.
    pub fn key(&self, name: &str) -> Result<Option<KeyRecord>, StoreError> {
        let name = name.to_owned();
        self.run(move |journal| Ok(records(journal, Some(&name))?.pop()))
    }

    /// Removes a key that no station uses.
    ///
    /// # Errors
    /// [`StoreError::Refused`] while it is used or when there is none, or what the journal said.
    pub fn remove_key(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.run(move |journal| {
            let used: Vec<_> = uses(journal)?
                .into_iter()
                .filter(|one| one.key == name)
                .map(|one| format!("{} {} {}", one.station, one.role.word(), one.slot.word()))
                .collect();
            if !used.is_empty() {
                return Err(StoreError::Refused(format!(
                    "key {name} is in use ({}); take it out of use there first (`key unuse`)",
                    used.join(", ")
                )));
            }
            match row::change(journal, "DELETE FROM key WHERE name = ?1", [&name])? {
                0 => Err(no_key(&name)),
                _ => Ok(()),
            }
        })
    }

    /// Puts a key to use; tells the name of the other key that was there and is not any more.
    ///
    /// # Errors
    /// [`StoreError::NoStation`], [`StoreError::Refused`] when there is no such key, or what the
    /// journal said.
    pub fn assign_key(
        &self,
        station: &str,
        role: Role,
        slot: Slot,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let (station, name) = (station.to_owned(), name.to_owned());
        self.run(move |journal| {
            has_station(journal, &station)?;
            let found: Option<i64> =
                row::value(journal, "SELECT 1 FROM key WHERE name = ?1", [&name])?;
            if found.is_none() {
                return Err(no_key(&name));
            }
            let before = assigned(journal, &station, role, slot)?;
            assign(journal, &station, role, slot, &name)?;
            Ok(before.filter(|before| *before != name))
        })
    }

    /// Takes what is used in that place out of use; tells its name, `None` when nothing was.
    ///
    /// # Errors
    /// What the journal said.
    pub fn unassign_key(
        &self,
        station: &str,
        role: Role,
        slot: Slot,
    ) -> Result<Option<String>, StoreError> {
        let station = station.to_owned();
        self.run(move |journal| {
            let before = assigned(journal, &station, role, slot)?;
            unassign(journal, &station, role, slot)?;
            Ok(before)
        })
    }

    /// The key in `next` becomes `current`, that one becomes `previous`, and what was previous is not
    /// used there any more; tells its name.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is none in `next`, or what the journal said.
    pub fn promote_keys(&self, station: &str, role: Role) -> Result<Option<String>, StoreError> {
        let station = station.to_owned();
        self.run(move |journal| {
            has_station(journal, &station)?;
            let Some(next) = assigned(journal, &station, role, Slot::Next)? else {
                return Err(StoreError::Refused(format!(
                    "station {station} has no key in slot next for {}; put the new one there first \
                     (`key use NAME --station {station} --role {} --slot next`)",
                    role.word(),
                    role.word()
                )));
            };
            let mut dropped = None;
            if let Some(current) = assigned(journal, &station, role, Slot::Current)? {
                // The same key may wait in `next` as it is: it is not its own predecessor.
                if current != next {
                    dropped = assigned(journal, &station, role, Slot::Previous)?
                        .filter(|previous| *previous != current && *previous != next);
                    assign(journal, &station, role, Slot::Previous, &current)?;
                }
            }
            assign(journal, &station, role, Slot::Current, &next)?;
            unassign(journal, &station, role, Slot::Next)?;
            Ok(dropped)
        })
    }

    /// What every station uses its keys for, by station, role and slot.
    ///
    /// # Errors
    /// What the journal said.
    pub fn key_uses(&self) -> Result<Vec<KeyUse>, StoreError> {
        self.run(uses)
    }

    /// What tells the right master secret from a wrong one; `None` before the first key was sealed.
    ///
    /// # Errors
    /// What the journal said.
    pub fn keyring_check(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(|journal| row::value(journal, "SELECT value FROM keyring_check", []))
    }

    /// Keeps what tells the right master secret from a wrong one.
    ///
    /// # Errors
    /// What the journal said.
    pub fn put_keyring_check(&self, value: Vec<u8>) -> Result<(), StoreError> {
        self.run(move |journal| {
            row::change(
                journal,
                "INSERT INTO keyring_check (one, value) VALUES (1, ?1) \
                 ON CONFLICT (one) DO UPDATE SET value = ?1",
                [value],
            )
            .map(drop)
        })
    }
}

fn has_station(journal: &Connection, station: &str) -> Result<(), StoreError> {
    let found: Option<i64> =
        row::value(journal, "SELECT 1 FROM station WHERE name = ?1", [station])?;
    match found {
        Some(_) => Ok(()),
        None => Err(StoreError::NoStation(station.to_owned())),
    }
}

fn assigned(
    journal: &Connection,
    station: &str,
    role: Role,
    slot: Slot,
) -> Result<Option<String>, StoreError> {
    row::value(
        journal,
        "SELECT key FROM key_use WHERE station = ?1 AND role = ?2 AND slot = ?3",
        (station, role.word(), slot.word()),
    )
}

fn assign(
    journal: &Connection,
    station: &str,
    role: Role,
    slot: Slot,
    name: &str,
) -> Result<(), StoreError> {
    row::change(
        journal,
        "INSERT INTO key_use (station, role, slot, key) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (station, role, slot) DO UPDATE SET key = ?4",
        (station, role.word(), slot.word(), name),
    )
    .map(drop)
}

fn unassign(journal: &Connection, station: &str, role: Role, slot: Slot) -> Result<(), StoreError> {
    row::change(
        journal,
        "DELETE FROM key_use WHERE station = ?1 AND role = ?2 AND slot = ?3",
        (station, role.word(), slot.word()),
    )
    .map(drop)
}

fn records(journal: &Connection, name: Option<&str>) -> Result<Vec<KeyRecord>, StoreError> {
    type Raw = (
        String,
        Option<Vec<u8>>,
        Option<String>,
        String,
        Option<Vec<u8>>,
        i64,
    );
    let raws = || -> Result<Vec<Raw>, rusqlite::Error> {
        let mut statement = journal.prepare_cached(
            "SELECT name, sealed, token, certificates, request, created FROM key \
             WHERE ?1 IS NULL OR name = ?1 ORDER BY name",
        )?;
        let rows = statement.query_map([name], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        })?;
        rows.collect()
    };
    let raws = raws().map_err(StoreError::journal("read"))?;
    raws.into_iter()
        .map(|(name, sealed, token, certificates, request, created)| {
            let private = match (sealed, token) {
                (Some(octets), _) => KeyHome::Sealed(octets),
                (None, Some(uri)) => KeyHome::Token(uri),
                (None, None) => return Err(damaged(&name, "sealed", "(nothing)")),
            };
            let certificates = certificates_from_pem(&certificates)
                .map_err(|why| damaged(&name, "certificates", &why.to_string()))?;
            Ok(KeyRecord {
                name,
                private,
                certificates,
                request,
                created: row::time(created)?,
            })
        })
        .collect()
}

fn uses(journal: &Connection) -> Result<Vec<KeyUse>, StoreError> {
    let raws = || -> Result<Vec<(String, String, String, String)>, rusqlite::Error> {
        let mut statement =
            journal.prepare_cached("SELECT station, role, slot, key FROM key_use")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        rows.collect()
    };
    let raws = raws().map_err(StoreError::journal("read"))?;
    let mut uses = raws
        .into_iter()
        .map(|(station, role, slot, key)| {
            Ok(KeyUse {
                role: Role::from_word(&role).ok_or_else(|| damaged(&key, "role", &role))?,
                slot: Slot::from_word(&slot).ok_or_else(|| damaged(&key, "slot", &slot))?,
                station,
                key,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    uses.sort();
    Ok(uses)
}

fn no_key(name: &str) -> StoreError {
    StoreError::Refused(format!(
        "there is no key named {name:?}; `key list` shows those there are"
    ))
}

fn damaged(key: &str, field: &'static str, found: &str) -> StoreError {
    StoreError::Damaged {
        entry: format!("key {key}"),
        field,
        found: found.to_owned(),
    }
}

fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|octet| matches!(octet, b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-'))
}
