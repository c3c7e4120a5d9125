//! When there is something to secure or to open, and what is held back.

use jiff::Timestamp;
use rusqlite::Connection;

use crate::error::StoreError;
use crate::receipt;
use crate::row;
use crate::store::Store;
use crate::transfer::TransferId;

impl Store {
    /// When the next file is due to be secured or opened; `None` when none waits for it. What somebody
    /// has in hand does not count. [`Store::on_security`] tells when there is a new one.
    ///
    /// # Errors
    /// What the journal said.
    pub fn security_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let live = self.inner.live.clone();
        self.run(move |journal| {
            let rows = || -> Result<Vec<(i64, Option<i64>)>, rusqlite::Error> {
                let sql = format!(
                    "SELECT coalesce(not_before, created), holder FROM transfer WHERE {WAITING}"
                );
                let mut statement = journal.prepare_cached(&sql)?;
                statement
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            };
            rows()
                .map_err(StoreError::journal("read"))?
                .into_iter()
                .filter(|(_, holder)| !live.holds(*holder))
                .map(|(due, _)| due)
                .min()
                .map(row::time)
                .transpose()
        })
    }

    /// Holds back, until `until`, a file that waits to be secured or opened and whose claim could not say
    /// so itself, as when its end could not be recorded: those behind it do not wait for it. Nothing
    /// happens to one that somebody has in hand again.
    ///
    /// # Errors
    /// What the journal said.
    pub fn hold(
        &self,
        id: TransferId,
        why: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let why = why.to_owned();
        self.run(move |journal| {
            let sql = format!(
                "UPDATE transfer SET reason = ?2, not_before = ?3 \
                 WHERE id = ?1 AND holder IS NULL AND {WAITING}"
            );
            match row::change(
                journal,
                &sql,
                (id.to_string(), &why, until.as_millisecond()),
            )? {
                0 => Ok(()),
                _ => row::step(journal, id, now, "held", &why, None),
            }
        })
    }

    /// Has what is held tried again at once, as after a key was put in its place: files and receipts.
    ///
    /// # Errors
    /// What the journal said.
    pub fn release_held(&self) -> Result<(), StoreError> {
        self.run(|journal| {
            let sql = format!("UPDATE transfer SET not_before = NULL WHERE {WAITING}");
            row::change(journal, &sql, [])?;
            receipt::release_held(journal, None)
        })?;
        self.tell_of_security();
        self.tell_of_work();
        Ok(())
    }
}

/// What waits to be secured or opened.
pub(crate) const WAITING: &str = "(state = 'securing' OR (state = 'received' AND direction = 'in' \
    AND forward_to IS NULL AND NOT opened AND (security <> 0 OR compression OR signed_receipt)))";

/// Ends a claim on a file that cannot be secured or opened yet.
pub(super) fn hold_back(
    journal: &Connection,
    id: TransferId,
    holder: i64,
    why: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let reason: Option<Option<String>> = row::value(
        journal,
        "SELECT reason FROM transfer WHERE id = ?1",
        [id.to_string()],
    )?;
    let changed = row::change(
        journal,
        "UPDATE transfer SET reason = ?3, not_before = ?4, holder = NULL \
         WHERE id = ?1 AND holder = ?2 AND state IN ('securing', 'received')",
        (id.to_string(), holder, why, until.as_millisecond()),
    )?;
    // The same reason each time it is tried again would only fill the journal.
    if changed == 1 && reason.flatten().as_deref() != Some(why) {
        row::step(journal, id, now, "held", why, None)?;
    }
    Ok(())
}
