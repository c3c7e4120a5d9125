//! From whatever a kill left behind to a consistent start.
//!
//! Everything here may itself be killed at any instruction and is done again by the next start.
//! 1. journal, one transaction: what was `receiving` is interrupted (the partner was told nothing, and
//!    goes on from the last checkpoint); what was `sending` waits again.
//! 2. what was being taken from the outbox is queued if it is in the spool, else forgotten.
//! 3. what was `received` is delivered or forwarded.
//! 4. files in spool and archive that no journal entry needs are removed. Last, because only now does
//!    the journal say what is needed.

use std::collections::HashSet;
use std::fs;

use jiff::Timestamp;
use rusqlite::Connection;

use crate::crash;
use crate::error::StoreError;
use crate::layout::{self, Kind};
use crate::outbox::OutboxReport;
use crate::row;
use crate::store::Store;
use crate::transfer::{Direction, State, TransferId};

/// Brings the store to a consistent start.
pub(crate) fn recover(store: &Store) -> Result<(), StoreError> {
    let now = Timestamp::now();
    for partner in store.partners()? {
        store.inner.layout.make_partner(&partner.name)?;
    }
    let (interrupted, requeued) = store.run(move |journal| end_attempts(journal, now))?;
    crash::point("recover.attempts");
    let mut report = OutboxReport::default();
    store.settle_taking(now, &mut report)?;
    for fault in &report.faults {
        tracing::error!(path = %fault.path.display(), problem = fault.problem, "A file taken from the outbox cannot be queued.");
    }
    crash::point("recover.taking");
    for (transfer, error) in store.deliver_waiting(now)? {
        tracing::error!(
            transfer = %transfer.id,
            partner = transfer.partner,
            %error,
            "A received file cannot be handed on; unless its sender was told so, it is safe in the spool and tried again."
        );
    }
    crash::point("recover.delivered");
    let removed = sweep(store)? + store.sweep_archive()?;
    if interrupted + requeued + removed > 0 {
        tracing::info!(
            interrupted,
            requeued,
            removed,
            "The store was not closed properly; transfers under way were set right and unfinished spool files removed."
        );
    }
    Ok(())
}

fn end_attempts(journal: &Connection, now: Timestamp) -> Result<(usize, usize), StoreError> {
    let receiving = row::select(journal, "WHERE state = 'receiving'", [])?;
    let sending = row::select(journal, "WHERE state = 'sending'", [])?;
    for transfer in &receiving {
        row::step(journal, transfer.id, now, "interrupted", STOPPED, None)?;
    }
    for transfer in &sending {
        row::step(journal, transfer.id, now, "interrupted", STOPPED, None)?;
    }
    row::change(
        journal,
        "UPDATE transfer SET state = 'interrupted', reason = ?1, holder = NULL WHERE state = 'receiving'",
        [STOPPED],
    )?;
    row::change(
        journal,
        "UPDATE transfer SET state = 'queued', reason = ?1, holder = NULL WHERE state = 'sending'",
        [STOPPED],
    )?;
    // Nobody has in hand what is to be secured or opened; numbers of claims begin anew.
    row::change(
        journal,
        "UPDATE transfer SET holder = NULL WHERE state IN ('securing', 'received')",
        [],
    )?;
    Ok((receiving.len(), sending.len()))
}

const STOPPED: &str = "the process stopped before the file ended";

/// Removes spool files that nothing needs; tells how many.
fn sweep(store: &Store) -> Result<usize, StoreError> {
    let needed = store.run(needed)?;
    let spool = &store.inner.layout.spool;
    let mut removed = 0;
    for entry in fs::read_dir(spool).map_err(StoreError::file("list", spool))? {
        let entry = entry.map_err(StoreError::file("list", spool))?;
        let name = entry.file_name();
        let Some(known) = name.to_str().and_then(layout::spool_name) else {
            tracing::warn!(path = %entry.path().display(), "Something that is not the store's lies in its spool; it is left there.");
            continue;
        };
        if !needed.contains(&known) {
            layout::remove_file(&entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The files in the spool that are needed.
fn needed(journal: &Connection) -> Result<HashSet<(Kind, TransferId)>, StoreError> {
    let rows = || -> Result<Vec<(String, String, bool, bool)>, rusqlite::Error> {
        let mut statement = journal.prepare_cached(
            "SELECT state, id, security <> 0 OR compression, opened FROM transfer \
             WHERE (direction = 'in' AND state IN ('received', 'interrupted')) \
             OR (direction = 'out' AND state <> 'acknowledged')",
        )?;
        statement
            .query_map([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect()
    };
    let mut needed = HashSet::new();
    for (state, id, secures, opened) in rows().map_err(StoreError::journal("read"))? {
        let id: TransferId = row::parse("transfer", "id", &id)?;
        let handed_over = if secures {
            Kind::Clear
        } else {
            Kind::Spool(Direction::Out)
        };
        match row::parse("transfer", "state", &state)? {
            State::Interrupted => needed.insert((Kind::Spool(Direction::In), id)),
            State::Received if secures && opened => {
                needed.insert((Kind::Lines, id));
                needed.insert((Kind::Clear, id))
            }
            State::Received => {
                needed.insert((Kind::Lines, id));
                needed.insert((Kind::Spool(Direction::In), id))
            }
            State::Taking => {
                needed.insert((Kind::Raw, id));
                needed.insert((handed_over, id))
            }
            // What was written of the secured file is written anew.
            State::Securing => needed.insert((handed_over, id)),
            _ => {
                needed.insert((handed_over, id));
                needed.insert((Kind::Spool(Direction::Out), id))
            }
        };
    }
    Ok(needed)
}
