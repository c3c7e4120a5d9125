//! The journal's tables, and how its file is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::error::StoreError;
use crate::{directory, keys};

/// The newest schema this version knows.
const VERSION: i64 = 3;

/// Opens the journal's file, which must exist (empty at first) with the right permissions.
///
/// # Errors
/// [`StoreError::Newer`] for a schema of the future, [`StoreError::Journal`] for anything else.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(StoreError::journal("open"))?;
    configure(&connection).map_err(StoreError::journal("open"))?;
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(StoreError::journal("read its version"))?;
    if found > VERSION {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known: VERSION,
        });
    }
    for (version, sql) in (1..).zip(STEPS) {
        if found < version {
            // Each step alone: a kill between two leaves a journal of the version between.
            let sql = sql.concat();
            connection
                .execute_batch(&format!(
                    "BEGIN IMMEDIATE; {sql} PRAGMA user_version = {version}; COMMIT;"
                ))
                .map_err(StoreError::journal("bring its tables up to date"))?;
        }
    }
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    // Nobody else writes; an operator's backup may read for a moment.
    connection.busy_timeout(Duration::from_secs(10))?;
    // FULL syncs the write-ahead log at each commit: what `run` answered survives a power cut.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// What leads from each version to the next; a new journal goes the whole way.
const STEPS: [&[&str]; 3] = [
    &[TABLES],
    VERSION_2,
    &[directory::schema::MIGRATE_3, keys::MIGRATE_3, MIGRATE_3],
];

/// What leads from version 1 to version 2.
pub(crate) const VERSION_2: &[&str] = &[directory::schema::MIGRATE_2, MIGRATE_2];

/// Version 1. Times are milliseconds UTC since 1970; words are those of `transfer.rs`.
///
/// `holder` is the number, good for one process life, of the value that holds a transfer in hand
/// while it is `receiving` or `sending`: only that value may end the attempt.
/// `offered` tells that our EFID may have reached the partner.
pub(crate) const TABLES: &str = "
CREATE TABLE station (
    name TEXT PRIMARY KEY,
    code TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE partner (
    name TEXT PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    station TEXT NOT NULL REFERENCES station (name),
    password_sent TEXT NOT NULL,
    password_expected TEXT NOT NULL,
    address TEXT,
    certificates TEXT NOT NULL,
    server_name TEXT,
    buffer INTEGER NOT NULL,
    credit INTEGER NOT NULL,
    enabled INTEGER NOT NULL
) STRICT;
CREATE TABLE session (
    partner TEXT PRIMARY KEY,
    failures INTEGER NOT NULL DEFAULT 0,
    next_attempt INTEGER,
    why TEXT,
    failed_at INTEGER,
    succeeded_at INTEGER
) STRICT;
CREATE TABLE transfer (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    partner TEXT NOT NULL,
    station TEXT NOT NULL,
    dataset TEXT NOT NULL,
    stamp TEXT NOT NULL,
    origin TEXT NOT NULL,
    destination TEXT NOT NULL,
    format TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    octets INTEGER NOT NULL,
    description TEXT NOT NULL,
    user TEXT NOT NULL,
    original_name TEXT,
    inbox_name TEXT,
    receipt TEXT,
    offered INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER,
    holder INTEGER,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    circuit TEXT
) STRICT;
CREATE UNIQUE INDEX inbound_once ON transfer (partner, dataset, stamp, origin, destination)
    WHERE direction = 'in' AND state IN ('receiving', 'received', 'delivered');
CREATE UNIQUE INDEX outbound_once ON transfer (dataset, stamp, origin) WHERE direction = 'out';
CREATE INDEX transfer_state ON transfer (state, partner);
CREATE INDEX transfer_partner ON transfer (partner);
CREATE INDEX receipt_owed ON transfer (partner) WHERE receipt = 'owed';
CREATE TABLE step (
    transfer TEXT NOT NULL REFERENCES transfer (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    step TEXT NOT NULL,
    detail TEXT NOT NULL,
    circuit TEXT
) STRICT;
CREATE INDEX step_transfer ON step (transfer);
";

/// Version 2: records, file services, restart, forwarding, receipts with all they say.
///
/// `stored` is the length of the spool file that stands for `position` (in, not whole yet) or for the
/// whole file. `position` counts records or blocks of 1024 octets; `position_octets` is the same place
/// in octets of the virtual file. `security` is SFIDSEC. `receipt_since` is when the receipt became
/// owed, or its wait began. `receipt` has what a receipt says that is owed or has come; an owed one
/// without an entry there is a plain EERP.
const MIGRATE_2: &str = "
ALTER TABLE transfer ADD COLUMN record_length INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN records INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN original_blocks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN security INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN cipher INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN compression INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN envelope INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN signed_receipt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN position_octets INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN receipt_since INTEGER;
ALTER TABLE transfer ADD COLUMN forward_to TEXT;
ALTER TABLE transfer ADD COLUMN forwarded_to TEXT;
ALTER TABLE transfer ADD COLUMN forwarded_from TEXT;
UPDATE transfer SET stored = octets WHERE direction = 'out' OR state IN ('received', 'delivered');
UPDATE transfer SET original_blocks = (octets + 1023) / 1024 WHERE direction = 'out';
UPDATE transfer SET receipt_since = changed WHERE receipt = 'owed' OR state = 'sent';
CREATE TABLE receipt (
    transfer TEXT PRIMARY KEY REFERENCES transfer (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('eerp', 'nerp')),
    reason INTEGER NOT NULL,
    text TEXT NOT NULL,
    creator TEXT,
    user TEXT NOT NULL,
    hash BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;
DROP INDEX inbound_once;
CREATE UNIQUE INDEX inbound_once ON transfer (partner, dataset, stamp, origin, destination)
    WHERE direction = 'in' AND state IN ('receiving', 'interrupted', 'received', 'delivered', 'forwarded');
DROP INDEX outbound_once;
CREATE UNIQUE INDEX outbound_once ON transfer (dataset, stamp, origin, destination) WHERE direction = 'out';
CREATE INDEX receipt_open ON transfer (receipt) WHERE receipt IN ('owed', 'unconfirmed');
";

/// Version 3: files that are secured and opened, signed receipts, what proves them.
///
/// `octets` and `stored` are of the file as it travels, `clear_octets` and `clear_stored` of the clear
/// one. `secured` tells that a file to send is ready: secured, or hashed. While a file is secured or opened, `holder` is the number of the value that does it, as while it
/// is sent. `archived` tells that the archive has files of it. `invalid` says why a receipt that came
/// settled nothing.
const MIGRATE_3: &str = "
ALTER TABLE transfer ADD COLUMN hash BLOB NOT NULL DEFAULT x'';
ALTER TABLE transfer ADD COLUMN secured INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN opened INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN clear_octets INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN clear_stored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
UPDATE transfer SET clear_octets = octets, clear_stored = stored
    WHERE security = 0 AND NOT compression AND (direction = 'out' OR state IN ('received', 'delivered', 'forwarded'));
ALTER TABLE receipt ADD COLUMN invalid TEXT;
CREATE TABLE evidence (
    transfer TEXT NOT NULL REFERENCES transfer (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    certificate BLOB NOT NULL
) STRICT;
CREATE INDEX evidence_transfer ON evidence (transfer);
CREATE INDEX transfer_securing ON transfer (seq) WHERE state = 'securing';
CREATE INDEX transfer_received ON transfer (seq) WHERE state = 'received';
CREATE INDEX transfer_archived ON transfer (changed) WHERE archived;
";
