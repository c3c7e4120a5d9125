//! Sending a file: a session claims it, and says how it ended.
//!
//! A claim is the journal's `sending` with the claim's own number: while it lives nobody else gets
//! the file, and only it may end the attempt. A claim that is dropped, or whose process is killed,
//! puts the file back into the queue.
//!
//! [`OutboundClaim::fully_offered`] is recorded before our EFID goes out: from then on the partner may
//! have the file although we never saw its EFPA. So when it later refuses the same file as a duplicate
//! (SFNA 13), or sends a receipt for it, it does have it, and the file is not sent twice.
//!
//! The spool file is kept until the receipt has come: until then the partner may still say that it
//! could not use the file, and an operator sends it again. What failed is kept as well, since the
//! outbox gave it up; [`Store::retry`] sends it again, [`Store::discard`] removes it.

use std::fs::File;
use std::sync::Arc;

use jiff::Timestamp;
use oftp::{FileId, FileReason, Format, UserField};
use rusqlite::Connection;

use crate::crash;
use crate::error::StoreError;
use crate::row;
use crate::store::{Hold, Live, Progress, Store};
use crate::transfer::{Direction, State, Transfer, TransferId};

/// A file to send, in the hands of one session. Dropped without a word of how it ended, it was
/// interrupted.
#[derive(Debug)]
pub struct OutboundClaim {
    store: Store,
    transfer: Transfer,
    circuit: String,
    /// Whether our EFID may have gone out in this attempt.
    offered: bool,
    /// Whether its end is recorded.
    ended: bool,
    progress: Arc<Progress>,
    hold: Hold,
}

/// What a duplicate refusal (SFNA 13, EFNA 13) meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlreadyThere {
    /// The partner had it from an earlier attempt; it counts as sent.
    Sent,
    /// The partner cannot have it from us; the transfer has failed and an operator must look.
    Conflict,
}

impl Store {
    /// Gives the session on `circuit` the oldest file that is due for the partner, if there is one.
    ///
    /// # Errors
    /// What the journal said.
    pub fn claim_file(
        &self,
        partner: &str,
        circuit: &str,
        now: Timestamp,
    ) -> Result<Option<OutboundClaim>, StoreError> {
        let mut hold = self.inner.live.hold();
        let (number, live) = (hold.number(), Arc::clone(&self.inner.live));
        let (partner, on) = (partner.to_owned(), circuit.to_owned());
        let claimed = self.run(move |journal| {
            release_forgotten(journal, &live, &partner, now)?;
            claim(journal, number, &partner, &on, now)
        })?;
        crash::point("claim.claimed");
        Ok(claimed.map(|transfer| OutboundClaim {
            store: self.clone(),
            progress: hold.count(transfer.id, 0),
            transfer,
            circuit: circuit.to_owned(),
            offered: false,
            ended: false,
            hold,
        }))
    }
}

impl OutboundClaim {
    /// The name of the transfer.
    pub fn id(&self) -> TransferId {
        self.transfer.id
    }

    /// What names it on the wire.
    pub fn file(&self) -> &FileId {
        &self.transfer.file
    }

    /// Its size, octets.
    pub fn octets(&self) -> u64 {
        self.transfer.octets
    }

    /// Record format (SFIDFMT).
    pub fn format(&self) -> Format {
        self.transfer.format
    }

    /// Description (SFIDDESC), may be empty.
    pub fn description(&self) -> &str {
        &self.transfer.description
    }

    /// User data (SFIDUSER).
    pub fn user(&self) -> &UserField {
        &self.transfer.user
    }

    /// How often it was offered and refused for now.
    pub fn attempts(&self) -> u32 {
        self.transfer.attempts
    }

    /// Everything the journal knows of it.
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// Its octets, from the first.
    ///
    /// # Errors
    /// [`StoreError::Altered`] when it is no longer what was queued; else what the disk said.
    pub fn open(&self) -> Result<File, StoreError> {
        let (id, queued) = (self.transfer.id, self.transfer.octets);
        let path = self.store.inner.layout.spool_file(Direction::Out, id);
        let file = File::open(&path).map_err(StoreError::file("open", &path))?;
        let found = file
            .metadata()
            .map_err(StoreError::file("look at", &path))?
            .len();
        if found == queued {
            Ok(file)
        } else {
            Err(StoreError::Altered {
                id,
                path,
                found,
                queued,
            })
        }
    }

    /// Notes how many octets have gone out.
    pub fn progress(&self, octets: u64) {
        self.progress.set(octets);
    }

    /// To be called after the last octet and before our EFID goes out: the partner may have the file
    /// from now on.
    ///
    /// # Errors
    /// What the journal said; the EFID must not go out then.
    pub fn fully_offered(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let (id, circuit) = (self.transfer.id, self.circuit.clone());
        self.while_held(move |journal, holder| {
            let changed = row::change(
                journal,
                "UPDATE transfer SET offered = 1 WHERE id = ?1 AND holder = ?2 AND state = 'sending'",
                (id.to_string(), holder),
            )?;
            let step = || row::step(journal, id, now, "offered", "sent whole", Some(&circuit));
            if changed == 1 { step() } else { Ok(()) }
        })?;
        self.offered = true;
        crash::point("claim.offered");
        Ok(())
    }

    /// The partner has it (EFPA).
    ///
    /// # Errors
    /// What the journal said; the file is offered again later then, and the partner will call it a
    /// duplicate.
    pub fn sent(mut self, now: Timestamp) -> Result<(), StoreError> {
        self.end(
            End {
                state: State::Sent,
                step: "sent",
                ..End::default()
            },
            now,
        )
    }

    /// The partner refused it (SFNA, EFNA): it is offered again from `retry_at` on, or has failed when
    /// that is `None`.
    ///
    /// # Errors
    /// What the journal said.
    pub fn refused(
        mut self,
        reason: FileReason,
        text: &str,
        retry_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let why = refusal(reason, text);
        let (state, step) = match retry_at {
            Some(_) => (State::Queued, "refused for now"),
            None => (State::Failed, "refused"),
        };
        let end = End {
            state,
            step,
            why,
            attempts: 1,
            not_before: retry_at,
            // After an EFID in this attempt the refusal is an EFNA: the partner does not have it.
            forget_offer: self.offered,
        };
        self.end(end, now)
    }

    /// The partner says that it has this file already (SFNA 13, EFNA 13). If an earlier attempt, or
    /// this one, may have brought it there, it is sent; if not, something is wrong and it has failed.
    ///
    /// # Errors
    /// What the journal said.
    pub fn already_there(mut self, now: Timestamp) -> Result<AlreadyThere, StoreError> {
        let id = self.transfer.id;
        if self.while_held(move |journal, _| was_offered(journal, id))? {
            let why = "the partner had it from an earlier attempt".to_owned();
            self.end(
                End {
                    state: State::Sent,
                    step: "sent",
                    why,
                    ..End::default()
                },
                now,
            )?;
            return Ok(AlreadyThere::Sent);
        }
        let why = "the partner says it has a file of this name and time, but it was never sent; send it again under another name".to_owned();
        self.end(
            End {
                state: State::Failed,
                step: "refused",
                why,
                ..End::default()
            },
            now,
        )?;
        Ok(AlreadyThere::Conflict)
    }

    /// The attempt ended early through no word of the partner about this file: it waits for the next
    /// session.
    ///
    /// # Errors
    /// What the journal said.
    pub fn interrupted(mut self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        self.end(
            End {
                why: why.to_owned(),
                ..End::default()
            },
            now,
        )
    }

    /// It cannot be sent, for a reason of our own, as when its spool file cannot be read.
    ///
    /// # Errors
    /// What the journal said.
    pub fn failed(mut self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let end = End {
            state: State::Failed,
            step: "failed",
            why: why.to_owned(),
            ..End::default()
        };
        self.end(end, now)
    }

    fn end(&mut self, end: End, now: Timestamp) -> Result<(), StoreError> {
        let (id, circuit) = (self.transfer.id, self.circuit.clone());
        self.while_held(move |journal, holder| end.record(journal, id, holder, &circuit, now))?;
        self.ended = true;
        crash::point("claim.ended");
        Ok(())
    }

    fn while_held<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let holder = self.hold.number();
        self.store.run(move |journal| work(journal, holder))
    }
}

impl Drop for OutboundClaim {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let (id, holder, circuit) = (self.transfer.id, self.hold.number(), self.circuit.clone());
        let end = End {
            why: "the session ended before the file did".to_owned(),
            ..End::default()
        };
        self.store.inner.journal.post(
            "the end of an attempt to send a file",
            move |journal| end.record(journal, id, holder, &circuit, Timestamp::now()),
            || {},
        );
    }
}

/// How an attempt ended; the default is an interruption.
struct End {
    state: State,
    step: &'static str,
    why: String,
    attempts: u32,
    not_before: Option<Timestamp>,
    forget_offer: bool,
}

impl Default for End {
    fn default() -> Self {
        End {
            state: State::Queued,
            step: "interrupted",
            why: String::new(),
            attempts: 0,
            not_before: None,
            forget_offer: false,
        }
    }
}

impl End {
    /// A receipt may have settled the transfer meanwhile; then its state stays as it is.
    fn record(
        &self,
        journal: &Connection,
        id: TransferId,
        holder: i64,
        circuit: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = row::change(
            journal,
            "UPDATE transfer SET state = ?3, reason = nullif(?4, ''), attempts = attempts + ?5, \
             not_before = ?6, offered = offered AND NOT ?7, holder = NULL \
             WHERE id = ?1 AND holder = ?2 AND state = 'sending'",
            (
                id.to_string(),
                holder,
                self.state.word(),
                if self.state == State::Sent {
                    ""
                } else {
                    self.why.as_str()
                },
                self.attempts,
                self.not_before.map(Timestamp::as_millisecond),
                self.forget_offer,
            ),
        )?;
        if changed == 1 {
            row::step(journal, id, now, self.step, &self.why, Some(circuit))
        } else {
            Ok(())
        }
    }
}

/// Whether our EFID for this file may ever have reached the partner.
pub(crate) fn was_offered(journal: &Connection, id: TransferId) -> Result<bool, StoreError> {
    let sql = "SELECT offered FROM transfer WHERE id = ?1";
    Ok(row::value(journal, sql, [id.to_string()])?.unwrap_or(false))
}

fn claim(
    journal: &Connection,
    holder: i64,
    partner: &str,
    circuit: &str,
    now: Timestamp,
) -> Result<Option<Transfer>, StoreError> {
    let due = row::first(
        journal,
        "WHERE state = 'queued' AND partner = ?1 AND coalesce(not_before, 0) <= ?2 ORDER BY seq",
        (partner, now.as_millisecond()),
    )?;
    let Some(transfer) = due else { return Ok(None) };
    row::change(
        journal,
        "UPDATE transfer SET state = 'sending', holder = ?2, not_before = NULL WHERE id = ?1",
        (transfer.id.to_string(), holder),
    )?;
    row::step(journal, transfer.id, now, "sending", "", Some(circuit))?;
    row::by_id(journal, transfer.id).map(Some)
}

/// Puts back what is `sending` and held by nobody: its end could not be recorded.
pub(crate) fn release_forgotten(
    journal: &Connection,
    live: &Live,
    partner: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sending = row::select(
        journal,
        "WHERE state = 'sending' AND partner = ?1",
        [partner],
    )?;
    for transfer in sending {
        let id = transfer.id.to_string();
        let holder: Option<Option<i64>> =
            row::value(journal, "SELECT holder FROM transfer WHERE id = ?1", [&id])?;
        if live.holds(holder.flatten()) {
            continue;
        }
        let sql = "UPDATE transfer SET state = 'queued', holder = NULL WHERE id = ?1";
        row::change(journal, sql, [&id])?;
        let why = "the end of the attempt could not be recorded";
        row::step(journal, transfer.id, now, "interrupted", why, None)?;
    }
    Ok(())
}

fn refusal(reason: FileReason, text: &str) -> String {
    let said = reason.text();
    if text.is_empty() {
        format!("the partner refused it: {said}")
    } else {
        format!("the partner refused it: {said} ({text})")
    }
}
