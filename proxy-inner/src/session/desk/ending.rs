//! The desk's part in the end of a session: why it ended, and everything handed back to the store.

use std::sync::Arc;
use std::time::Duration;

use engine::{Origin, Request, Session};
use jiff::Timestamp;
use oftp::EndReason;
use tokio::task::{JoinError, spawn_blocking};

use super::durable::Ended;
use super::{Desk, Done, locked, unrecorded};
use crate::session::report::{Ending, Report};
use crate::transfer::next::Next;
use crate::transfer::outbound::Sending;

impl Desk {
    /// Waits for what still goes on, hands everything back to the store, and tells what it came to.
    pub(in crate::session) async fn settle(mut self) -> Report {
        let ending = self.ending.take().unwrap_or_else(|| Ending::Aborted {
            reason: None,
            why: self
                .stream_end
                .take()
                .unwrap_or_else(|| "the session ended early".to_owned()),
        });
        while !self.work.is_idle() {
            std::future::poll_fn(|cx| self.work.poll(cx)).await;
            while let Some(done) = self.work.take() {
                self.settle_done(done);
            }
        }
        let why = ending.why().to_owned();
        if let Some(receiving) = self.receiving.take() {
            tracing::warn!(
                circuit = %self.circuit,
                partner = self.partner(),
                transfer = %receiving.id(),
                octets = receiving.octets(),
                why,
                "A file was not received whole; it is kept as far as it came, for the partner to go on.",
            );
            receiving.interrupt(why.clone()).await;
        }
        if let Some(sending) = self.sending.take() {
            self.interrupt(sending, why.clone()).await;
        }
        drop(self.receipt.take());
        self.put_back(why.clone()).await;
        let now = self.live.now();
        let counters = &self.context.counters;
        if ending.is_released() {
            &counters.sessions_released
        } else {
            &counters.sessions_failed
        }
        .one();
        tracing::info!(
            circuit = %self.circuit,
            partner = self.partner(),
            octets_in = now.octets_in,
            octets_out = now.octets_out,
            why,
            "A circuit ended.",
        );
        Report {
            ending,
            moved: self.moved,
            octets_in: now.octets_in,
            octets_out: now.octets_out,
        }
    }

    /// Ends the session by our own will.
    pub(super) fn end(
        &mut self,
        session: &mut Session,
        now: Duration,
        reason: EndReason,
        why: String,
    ) {
        if !self.is_open(session) {
            return;
        }
        self.ended_by_us = Some(why.clone());
        self.ending.get_or_insert(Ending::Aborted {
            reason: Some(reason),
            why,
        });
        self.request(session, Request::Release(reason, String::new()), now);
    }

    /// Something of ours failed: the partner is asked to come again later (ESID 08).
    pub(super) fn give_up(&mut self, session: &mut Session, now: Duration, why: &str) {
        if self.is_open(session) {
            tracing::error!(
                circuit = %self.circuit,
                partner = self.partner(),
                why,
                "A session had to be ended; see to the cause, it will be tried again.",
            );
        }
        self.end(session, now, EndReason::NO_RESOURCES, why.to_owned());
    }

    /// The session ended out of order.
    pub(super) fn aborted(
        &mut self,
        reason: Option<EndReason>,
        text: &str,
        origin: Origin,
        detail: String,
    ) {
        // A partner that wants a file from beyond the position we offered breaks the session (ESID
        // 02), and so does one that cannot go on in the middle at all: next time it gets all of it.
        let open = self.sending.as_ref().is_some_and(Sending::is_restart_open);
        self.restart_denied = open && reason == Some(EndReason::PROTOCOL_VIOLATION);
        let mut why = self.ended_by_us.clone().unwrap_or(detail);
        if let Some(end) = &self.stream_end
            && reason.is_none()
        {
            why = format!("{why}; {end}");
        }
        if origin == Origin::Distant
            && let Some(reason) = reason
        {
            why = format!("{why}: {}", reason.text());
        }
        if !text.is_empty() && origin == Origin::Distant {
            why = format!("{why} ({})", text.escape_debug());
        }
        // What was noted by ourselves says more than what the engine made of it.
        self.ending.get_or_insert(Ending::Aborted { reason, why });
    }

    /// Puts a file back that was not sent whole.
    async fn interrupt(&mut self, sending: Sending, why: String) {
        let (transfer, octets) = (sending.id(), sending.octets());
        let (circuit, partner) = (self.circuit, self.partner().unwrap_or_default());
        let hopeless = sending.is_hopeless();
        if hopeless {
            tracing::error!(%circuit, partner, %transfer, why, "A file cannot be sent; hand it over again as it should be.");
        } else {
            tracing::warn!(%circuit, partner, %transfer, octets, why, "A file was not sent whole; it is offered again.");
        }
        let (reached, denied) = (sending.reached(), self.restart_denied);
        let Some(claim) = sending.into_claim() else {
            return;
        };
        let recorded = spawn_blocking(move || {
            if hopeless {
                claim.failed(&why, Timestamp::now())
            } else if denied {
                claim.restart_denied(&why, Timestamp::now())
            } else {
                claim.interrupted(&why, reached, Timestamp::now())
            }
        });
        if let Ok(Err(error)) = recorded.await {
            unrecorded(&circuit.to_string(), partner, transfer, &error);
        }
    }

    /// Puts back what was claimed for this session and not begun.
    async fn put_back(&mut self, why: String) {
        let refusals = Arc::clone(&self.refusals);
        let ready = self.ready.take();
        let circuit = self.circuit;
        let done = spawn_blocking(move || {
            let ready = match ready {
                Some(Next::File(claim, _)) => {
                    let restart = claim.restart();
                    claim.interrupted(&why, restart, Timestamp::now())
                }
                // An owed receipt goes back by being dropped.
                Some(Next::Receipt(_) | Next::Nothing) | None => Ok(()),
            };
            locked(&refusals).release().and(ready)
        });
        if let Ok(Err(error)) = done.await {
            tracing::error!(%circuit, why = %error, "A file goes back into the queue only when the journal can be written.");
        }
    }

    /// An outcome that came when the session was over: what is durable is delivered, the rest goes
    /// back to the store.
    fn settle_done(&mut self, done: Result<Done, JoinError>) {
        match done {
            Ok(Done::Ended(Ok(Ended::Kept {
                synced,
                deliver,
                ready,
            }))) => {
                self.keep_ready(ready);
                self.received(&synced, deliver);
            }
            Ok(Done::Next(Ok(next))) => self.ready = Some(next),
            Ok(Done::Opened(claim, opened)) => {
                if let Some(sending) = &mut self.sending {
                    sending.opened(claim, opened);
                }
            }
            Ok(Done::Offered(claim, recorded)) => {
                if let Some(sending) = &mut self.sending {
                    sending.recorded(claim, recorded);
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(circuit = %self.circuit, why = %error, "A thread failed.");
            }
        }
    }
}
