//! What is due for whom, and when a partner may be called again.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use oftp::Level;
use rusqlite::Connection;

use crate::error::StoreError;
use crate::outbound::release_forgotten;
use crate::receipt;
use crate::row;
use crate::store::{Live, Store};

/// A partner we can call and have something for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePartner {
    /// The partner's name.
    pub partner: String,
    /// Files waiting for a session, also those that must wait a while yet.
    pub files: u64,
    /// Receipts waiting for a session.
    pub receipts: u64,
    /// Receipts of its own that are overdue, where it is called for them.
    pub overdue: u64,
    /// From when on it may be called; the time asked for when that is now.
    pub next_attempt: Timestamp,
}

/// How the latest sessions with a partner went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionRecord {
    /// How many have failed since the last success.
    pub failures: u32,
    /// Before when we do not call again.
    pub next_attempt: Option<Timestamp>,
    /// Why the last one failed, if the last one did; a sentence.
    pub why: Option<String>,
    /// When the last failure was.
    pub failed_at: Option<Timestamp>,
    /// When the last success was.
    pub succeeded_at: Option<Timestamp>,
}

impl Store {
    /// Every partner that is enabled, has an address, and for whom a file or a receipt waits, or who owes
    /// an overdue receipt and is called for it, by name. What a session has in hand at the moment does not count.
    ///
    /// # Errors
    /// What the journal said.
    pub fn due(&self, now: Timestamp) -> Result<Vec<DuePartner>, StoreError> {
        let live = Arc::clone(&self.inner.live);
        self.run(move |journal| {
            let due = callable(journal)?
                .into_iter()
                .map(|partner| due(journal, &live, partner, now));
            due.filter_map(Result::transpose).collect()
        })
    }

    /// Notes that a session with the partner failed, and that it is not called again for `delay`.
    ///
    /// # Errors
    /// What the journal said.
    pub fn session_failed(
        &self,
        partner: &str,
        why: &str,
        delay: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (partner, why) = (partner.to_owned(), why.to_owned());
        let delay = SignedDuration::try_from(delay).map_or(LONGEST, |delay| delay.min(LONGEST));
        let next = now.saturating_add(delay).unwrap_or(now);
        self.run(move |journal| {
            row::change(
                journal,
                "INSERT INTO session (partner, failures, next_attempt, why, failed_at) \
                 VALUES (?1, 1, ?2, ?3, ?4) ON CONFLICT (partner) DO UPDATE SET \
                 failures = failures + 1, next_attempt = ?2, why = ?3, failed_at = ?4",
                (partner, next.as_millisecond(), why, now.as_millisecond()),
            )
            .map(drop)
        })
    }

    /// Notes that a session with the partner succeeded: the count of failures starts anew.
    ///
    /// # Errors
    /// What the journal said.
    pub fn session_succeeded(&self, partner: &str, now: Timestamp) -> Result<(), StoreError> {
        let partner = partner.to_owned();
        self.run(move |journal| {
            row::change(
                journal,
                "INSERT INTO session (partner, succeeded_at) VALUES (?1, ?2) \
                 ON CONFLICT (partner) DO UPDATE SET \
                 failures = 0, next_attempt = NULL, why = NULL, succeeded_at = ?2",
                (partner, now.as_millisecond()),
            )
            .map(drop)
        })
    }

    /// How the latest sessions with the partner went.
    ///
    /// # Errors
    /// What the journal said.
    pub fn session_record(&self, partner: &str) -> Result<SessionRecord, StoreError> {
        let partner = partner.to_owned();
        self.run(move |journal| record(journal, &partner))
    }

    /// Lets the partner be called, and its waiting files be offered, secured or opened, at once.
    ///
    /// # Errors
    /// [`StoreError::NoPartner`], or what the journal said.
    pub fn retry_now(&self, partner: &str) -> Result<(), StoreError> {
        let name = partner.to_owned();
        self.run(move |journal| {
            let known: Option<i64> =
                row::value(journal, "SELECT 1 FROM partner WHERE name = ?1", [&name])?;
            if known.is_none() {
                return Err(StoreError::NoPartner(name));
            }
            row::change(
                journal,
                "UPDATE session SET failures = 0, next_attempt = NULL WHERE partner = ?1",
                [&name],
            )?;
            row::change(
                journal,
                "UPDATE transfer SET not_before = NULL \
                 WHERE partner = ?1 AND state IN ('queued', 'securing', 'received')",
                [&name],
            )?;
            receipt::release_held(journal, Some(name.as_str()))
        })?;
        self.tell_of_work();
        self.tell_of_security();
        Ok(())
    }
}

/// No delay is longer than this: nobody waits so long, and every time stays within the calendar.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);

/// After a session with it a partner is not called again so soon only because its receipts are overdue.
const CALL_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// A partner that may be called.
struct Callable {
    name: String,
    level: Level,
    /// Called for overdue receipts: how long after a file they are, seconds.
    receipt_within: Option<i64>,
}

fn callable(journal: &Connection) -> Result<Vec<Callable>, StoreError> {
    let rows = || -> Result<Vec<Callable>, rusqlite::Error> {
        let mut statement = journal.prepare_cached(
            "SELECT name, level, CASE WHEN call_for_receipts THEN receipt_within END FROM partner \
             WHERE enabled AND address IS NOT NULL ORDER BY name",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            let level: i64 = row.get(1)?;
            Ok(Callable {
                name: row.get(0)?,
                level: if level < 4 { Level::L2 } else { Level::L5 },
                receipt_within: row.get(2)?,
            })
        };
        statement.query_map([], read)?.collect()
    };
    rows().map_err(StoreError::journal("read"))
}

fn due(
    journal: &Connection,
    live: &Live,
    partner: Callable,
    now: Timestamp,
) -> Result<Option<DuePartner>, StoreError> {
    let name = partner.name;
    release_forgotten(journal, live, &name, now)?;
    let (files, earliest) = waiting_files(journal, &name)?;
    let receipts = receipt::waiting(journal, live, &name, partner.level, now)?;
    let held = receipt::held_until(journal, &name)?;
    let session = record(journal, &name)?;
    let (overdue, since) = match partner.receipt_within {
        Some(within) => overdue(journal, &name, within, now)?,
        None => (0, None),
    };
    let again = session
        .succeeded_at
        .and_then(|at| at.saturating_add(CALL_AGAIN).ok());
    let ready = if receipts > 0 {
        Some(Timestamp::MIN)
    } else {
        let call = since.map(|since| again.map_or(since, |again| again.max(since)));
        [earliest, call, held].into_iter().flatten().min()
    };
    let Some(ready) = ready else { return Ok(None) };
    let may_call = session.next_attempt.unwrap_or(Timestamp::MIN);
    Ok(Some(DuePartner {
        partner: name,
        files,
        receipts,
        overdue,
        next_attempt: ready.max(may_call).max(now),
    }))
}

/// How many receipts of the partner are overdue, and since when the first is.
fn overdue(
    journal: &Connection,
    partner: &str,
    within: i64,
    now: Timestamp,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let within = within.saturating_mul(1000);
    let sql = "SELECT count(*), min(coalesce(receipt_since, changed)) FROM transfer \
        WHERE state = 'sent' AND partner = ?1 AND coalesce(receipt_since, changed) < ?2";
    let latest = now.as_millisecond().saturating_sub(within);
    let (number, first): (i64, Option<i64>) = journal
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_row((partner, latest), |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .map_err(StoreError::journal("read"))?;
    let first = first.map(|first| row::time(first.saturating_add(within)));
    Ok((row::number(number), first.transpose()?))
}

/// How many files wait for the partner, and when the first of them may be offered.
fn waiting_files(
    journal: &Connection,
    partner: &str,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let sql = "SELECT count(*), min(coalesce(not_before, created)) FROM transfer \
        WHERE state = 'queued' AND partner = ?1";
    let (number, earliest): (i64, Option<i64>) = journal
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_row([partner], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .map_err(StoreError::journal("read"))?;
    Ok((
        u64::try_from(number).unwrap_or(0),
        earliest.map(row::time).transpose()?,
    ))
}

fn record(journal: &Connection, partner: &str) -> Result<SessionRecord, StoreError> {
    type Raw = (u32, Option<i64>, Option<String>, Option<i64>, Option<i64>);
    let sql = "SELECT failures, next_attempt, why, failed_at, succeeded_at FROM session WHERE partner = ?1";
    let raw: Result<Raw, rusqlite::Error> =
        journal.prepare_cached(sql).and_then(|mut statement| {
            statement.query_row([partner], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })
        });
    let (failures, next_attempt, why, failed_at, succeeded_at) = match raw {
        Ok(raw) => raw,
        Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(SessionRecord::default()),
        Err(error) => return Err(StoreError::journal("read")(error)),
    };
    Ok(SessionRecord {
        failures,
        next_attempt: next_attempt.map(row::time).transpose()?,
        why,
        failed_at: failed_at.map(row::time).transpose()?,
        succeeded_at: succeeded_at.map(row::time).transpose()?,
    })
}
