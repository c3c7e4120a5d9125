//! How an attempt to send a file ends.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use oftp::{FileReason, ReceiptReason};
use rusqlite::Connection;

use super::{AlreadyThere, OutboundClaim, was_offered};
use crate::crash;
use crate::error::StoreError;
use crate::receipt::{reason_of, refuse_forwarding};
use crate::records::Shape;
use crate::row;
use crate::store::Live;
use crate::transfer::{Position, State, Transfer};

impl OutboundClaim {
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
            // After an EFID in this attempt the refusal is an EFNA: the partner does not have it, nor
            // any part of it.
            forget_offer: self.offered,
            reached: self.offered.then_some(Position::START),
            answer: reason_of(reason),
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
                answer: ReceiptReason::DUPLICATE,
                ..End::default()
            },
            now,
        )?;
        Ok(AlreadyThere::Conflict)
    }

    /// The attempt ended early through no word of the partner about this file: it waits for the next
    /// session. `reached` is the place, in the units of SFIDREST, up to which the partner may have it;
    /// the next session offers to go on from there. It counts only where the file was opened in this
    /// attempt; else what was noted before stands.
    ///
    /// # Errors
    /// What the journal said.
    pub fn interrupted(
        mut self,
        why: &str,
        reached: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let reached = self.opened.load(Ordering::Relaxed).then_some(reached);
        let end = End {
            why: why.to_owned(),
            reached: reached.map(|answer| self.position(answer)),
            ..End::default()
        };
        self.end(end, now)
    }

    /// The attempt ended early, and the partner cannot go on from where it was offered: the next session
    /// offers the whole file.
    ///
    /// # Errors
    /// What the journal said.
    pub fn restart_denied(mut self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let end = End {
            why: why.to_owned(),
            reached: Some(Position::START),
            ..End::default()
        };
        self.end(end, now)
    }

    /// A place in the file, at most its end.
    fn position(&self, answer: u64) -> Position {
        let shape = Shape::of(&self.transfer);
        match shape.unit() {
            Some(unit) => shape.position(answer.saturating_mul(unit).min(self.transfer.octets), 0),
            None => Position {
                answer: answer.min(self.transfer.records),
                octets: self.progress.passed().min(self.transfer.octets),
            },
        }
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
        let (transfer, circuit) = (self.transfer.clone(), self.circuit.clone());
        let live = self.store.inner.live.clone();
        let answered = end.state == State::Failed && transfer.forwarded_from.is_some();
        self.while_held(move |journal, holder| {
            end.record(journal, &live, &transfer, (holder, &circuit), now)
        })?;
        self.ended = true;
        crash::point("claim.ended");
        if answered {
            self.store.tell_of_work();
        }
        Ok(())
    }
}

impl Drop for OutboundClaim {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let (transfer, holder) = (self.transfer.clone(), self.hold.number());
        let (circuit, live) = (self.circuit.clone(), self.store.inner.live.clone());
        let end = End {
            why: "the session ended before the file did".to_owned(),
            ..End::default()
        };
        self.store.inner.journal.post(
            "the end of an attempt to send a file",
            move |journal| {
                let now = Timestamp::now();
                end.record(journal, &live, &transfer, (holder, &circuit), now)
            },
            || {},
        );
    }
}

/// How an attempt ended; the default is an interruption.
pub(super) struct End {
    state: State,
    step: &'static str,
    why: String,
    attempts: u32,
    not_before: Option<Timestamp>,
    forget_offer: bool,
    /// From where it is offered next; as noted before when that is `None`.
    reached: Option<Position>,
    /// What the one a forwarded file came from is told when it has failed.
    answer: ReceiptReason,
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
            reached: None,
            answer: ReceiptReason::UNSPECIFIED,
        }
    }
}

impl End {
    /// A receipt may have settled the transfer meanwhile; then its state stays as it is.
    fn record(
        &self,
        journal: &Connection,
        live: &Live,
        transfer: &Transfer,
        (holder, circuit): (i64, &str),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = transfer.id;
        let why = match self.state {
            State::Sent => "",
            _ => self.why.as_str(),
        };
        let reached = self.reached;
        let changed = row::change(
            journal,
            "UPDATE transfer SET state = ?3, reason = nullif(?4, ''), attempts = attempts + ?5, \
             not_before = ?6, offered = offered AND NOT ?7, holder = NULL, \
             position = coalesce(?8, position), position_octets = coalesce(?9, position_octets), \
             receipt_since = CASE WHEN ?3 = 'sent' THEN ?10 ELSE receipt_since END \
             WHERE id = ?1 AND holder = ?2 AND state = 'sending'",
            (
                id.to_string(),
                holder,
                self.state.word(),
                why,
                self.attempts,
                self.not_before.map(Timestamp::as_millisecond),
                self.forget_offer,
                reached.map(|position| row::octets(position.answer)),
                reached.map(|position| row::octets(position.octets)),
                now.as_millisecond(),
            ),
        )?;
        if changed != 1 {
            return Ok(());
        }
        row::step(journal, id, now, self.step, &self.why, Some(circuit))?;
        if self.state == State::Failed {
            fail_forwarded(journal, live, transfer, (self.answer, &self.why), now)?;
        }
        Ok(())
    }
}

/// Has the one a failed file came from told so, when it was forwarded.
pub(crate) fn fail_forwarded(
    journal: &Connection,
    live: &Live,
    transfer: &Transfer,
    answer: (ReceiptReason, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    match transfer.forwarded_from {
        Some(inbound) => refuse_forwarding(journal, live, inbound, answer, now),
        None => Ok(()),
    }
}

fn refusal(reason: FileReason, text: &str) -> String {
    let said = reason.text();
    if text.is_empty() {
        format!("the partner refused it: {said}")
    } else {
        format!("the partner refused it: {said} ({text})")
    }
}
