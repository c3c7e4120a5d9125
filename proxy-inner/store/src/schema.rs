//! The journal's tables, and how its file is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::error::StoreError;

/// The newest schema this version knows.
const VERSION: i64 = 1;

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
    if found < 1 {
        let sql = format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;");
        connection
            .execute_batch(&sql)
            .map_err(StoreError::journal("make its tables"))?;
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

/// Times are milliseconds UTC since 1970; words are those of `transfer.rs`.
///
/// `holder` is the number, good for one process life, of the value that holds a transfer in hand
/// while it is `receiving` or `sending`: only that value may end the attempt.
/// `offered` tells that our EFID may have reached the partner.
const TABLES: &str = "
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
