//! What the engine's user does in one session: answers its questions, gives it files and receipts to
//! send, and hands everything back to the store when it ends.
//!
//! ```text
//!  events ──▶ event() ──▶ requests to the engine, or pieces of blocking work
//!  outcomes ─▶ advance() ─▶ requests to the engine
//! ```
//!
//! As speaker it sends owed receipts first, then files, and then gives the turn away; where the
//! partner gave us the turn unasked and there is nothing left, it releases the session. So an empty
//! call ends after one exchange, and the turn never goes round for ever: RFC 5024 section 3.4.1 lets
//! nobody hand back a turn that it was given unasked.

use std::task::{Context, Poll};
use std::time::Duration;

use ::link::CircuitId;
use engine::{Agreement, Event, FileRefusal, Identity, Origin, Phase, Refusal, Request, Session};
use oftp::{EndReason, Ssid, UserField};
use store::{Inbound, OutboundClaim, ReceiptClaim, StoreError, Synced, TransferId};

use outgoing::interrupt;

use super::answers::{self, Party, Verdict};
use super::live::{LiveSession, TransferNow};
use super::report::{Ending, Moved, Report};
use super::work::Work;
use super::{SessionContext, Stage};
use crate::transfer::inbound::Receiving;
use crate::transfer::outbound::{Next, Sending};
use crate::transfer::receipts::Settled;

mod incoming;
mod outgoing;

/// The user of one session's engine.
pub(super) struct Desk {
    context: SessionContext,
    circuit: CircuitId,
    live: LiveSession,
    /// What the caller is told; none when we called.
    verdict: Option<Verdict>,
    /// The two sides, once they are known.
    party: Option<Party>,
    agreement: Option<Agreement>,
    receiving: Option<Receiving>,
    sending: Option<Sending>,
    receipt: Option<Box<ReceiptClaim>>,
    work: Work<Done>,
    /// We have ended the session ourselves; why.
    ended_by_us: Option<String>,
    stream_end: Option<String>,
    ending: Option<Ending>,
    moved: Moved,
}

/// The outcome of a piece of blocking work.
enum Done {
    Taken(Result<Inbound, FileRefusal>),
    Synced(Result<Synced, StoreError>),
    Delivered,
    Next(Result<Next, StoreError>),
    Offered(Box<OutboundClaim>, Result<(), StoreError>),
    Receipt(Result<Settled, StoreError>),
    ReceiptSent,
    FileSent,
    FileRefused,
}

impl Desk {
    /// For a session with a partner that called.
    pub(super) fn called(
        context: SessionContext,
        circuit: CircuitId,
        verdict: Verdict,
        live: LiveSession,
    ) -> Self {
        let party = match &verdict {
            Verdict::Welcome(party) => Some(Party::clone(party)),
            Verdict::Refuse(_) => None,
        };
        Self::new(context, circuit, Some(verdict), party, live)
    }

    /// For a session with a partner we called.
    pub(super) fn calling(
        context: SessionContext,
        circuit: CircuitId,
        party: Party,
        live: LiveSession,
    ) -> Self {
        Self::new(context, circuit, None, Some(party), live)
    }

    fn new(
        context: SessionContext,
        circuit: CircuitId,
        verdict: Option<Verdict>,
        party: Option<Party>,
        live: LiveSession,
    ) -> Self {
        Self {
            context,
            circuit,
            live,
            verdict,
            party,
            agreement: None,
            receiving: None,
            sending: None,
            receipt: None,
            work: Work::default(),
            ended_by_us: None,
            stream_end: None,
            ending: None,
            moved: Moved::default(),
        }
    }

    /// Octets came in on the circuit.
    pub(super) fn count_in(&self, octets: usize) {
        self.live.add_in(octets as u64);
    }

    /// Octets went out on the circuit.
    pub(super) fn count_out(&self, octets: usize) {
        self.live.add_out(octets as u64);
    }

    /// The stream has ended, and how.
    pub(super) fn note_stream_end(&mut self, how: String) {
        self.stream_end = Some(how);
    }

    /// True while work goes on whose outcome the engine should still hear.
    pub(super) fn is_busy(&self) -> bool {
        let whole = self
            .receiving
            .as_ref()
            .is_some_and(|file| file.is_whole() && file.problem().is_none());
        whole || !self.work.is_idle()
    }

    /// True while no file is open.
    pub(super) fn is_between_files(&self) -> bool {
        self.receiving.is_none() && self.sending.is_none()
    }

    /// Ready when work has an outcome.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ready = self.work.poll(cx).is_ready();
        if let Some(receiving) = &mut self.receiving {
            ready |= receiving.poll(cx).is_ready();
        }
        if let Some(sending) = &mut self.sending {
            ready |= sending.poll(cx).is_ready();
        }
        if ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Takes one event of the engine.
    pub(super) fn event(&mut self, event: Event, session: &mut Session, now: Duration) {
        match event {
            Event::Connect(_) => self.answer_caller(session, now),
            Event::Connected(agreement, ssid) => self.connected(agreement, &ssid, session, now),
            Event::StartFile(sfid) => self.offered(sfid, session, now),
            // The octets are fetched in `advance`, as far as the disk allows.
            Event::DataReceived => {}
            Event::CloseFile { octets, .. } => {
                if let Some(receiving) = &mut self.receiving {
                    receiving.end(octets);
                }
            }
            Event::FileDropped { reason, text } => self.dropped(reason, &text),
            Event::StartFileAccepted { .. } => {
                if let Some(sending) = &mut self.sending {
                    sending.open();
                }
            }
            Event::StartFileRefused {
                reason,
                retry,
                text,
            } => {
                self.file_refused(reason, Some(retry), text);
            }
            // `advance` offers the engine what there is.
            Event::DataConfirm => {}
            Event::CloseFileAccepted { .. } => self.file_sent(),
            Event::CloseFileRefused { reason, text } => self.file_refused(reason, None, text),
            Event::Eerp(eerp) => self.receipt_arrived(eerp.into()),
            Event::Nerp(nerp) => self.receipt_arrived(nerp.into()),
            Event::RtrConfirm => self.receipt_sent(),
            // `advance` looks at the phase.
            Event::ChangeDirection | Event::TurnTaken => {}
            Event::Released => {
                self.ending.get_or_insert(Ending::Released);
            }
            Event::Aborted {
                reason,
                text,
                origin,
                detail,
            } => {
                self.aborted(reason, &text, origin, detail);
            }
            Event::Deviation(deviation) => {
                self.context.counters.deviations.one();
                tracing::warn!(
                    circuit = %self.circuit,
                    partner = self.partner(),
                    deviation = deviation.name(),
                    what = %deviation,
                    "The partner broke a rule; it was tolerated.",
                );
            }
        }
    }

    /// Goes on with everything that can; true if anything moved.
    pub(super) fn advance(&mut self, session: &mut Session, stage: Stage, now: Duration) -> bool {
        let mut moved = false;
        while let Some(done) = self.work.take() {
            moved = true;
            match done {
                Ok(done) => self.done(done, session, now),
                Err(error) => self.give_up(session, now, &format!("a thread failed: {error}")),
            }
        }
        if stage == Stage::Stopping && self.is_open(session) {
            let why = "this half is stopping".to_owned();
            self.end(session, now, EndReason::EMERGENCY_CLOSE, why);
            moved = true;
        }
        moved |= self.advance_receiving(session, now);
        moved |= self.advance_sending(session, now);
        moved | self.advance_turn(session, stage)
    }

    /// Waits for what still goes on, hands everything back to the store, and tells what it came to.
    pub(super) async fn settle(mut self) -> Report {
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
                "A file was not received whole; the partner will send it again.",
            );
            receiving.abandon(why.clone()).await;
        }
        if let Some(sending) = self.sending.take() {
            let partner = self.partner().unwrap_or_default().to_owned();
            interrupt(self.circuit, partner, sending, why.clone()).await;
        }
        drop(self.receipt.take());
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

    fn partner(&self) -> Option<&str> {
        self.party.as_ref().map(|party| party.partner.name.as_str())
    }

    fn is_open(&self, session: &Session) -> bool {
        self.ended_by_us.is_none() && !matches!(session.phase(), Phase::Ending | Phase::Closed)
    }

    fn show(&self, id: TransferId, outbound: bool) {
        let id = id.to_string();
        self.live.set_transfer(Some(TransferNow {
            id,
            outbound,
            octets: 0,
        }));
    }

    /// A request that the session's own state may have overtaken; the engine says how it ended.
    fn request(&self, session: &mut Session, request: Request, now: Duration) {
        let name = request.name();
        if let Err(error) = session.request(request, now) {
            tracing::debug!(circuit = %self.circuit, request = name, why = %error, "A request came too late.");
        }
    }

    /// Ends the session by our own will.
    fn end(&mut self, session: &mut Session, now: Duration, reason: EndReason, why: String) {
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
    fn give_up(&mut self, session: &mut Session, now: Duration, why: &str) {
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

    fn aborted(&mut self, reason: Option<EndReason>, text: &str, origin: Origin, detail: String) {
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

    // Opening the session.

    fn answer_caller(&mut self, session: &mut Session, now: Duration) {
        let answer = match self.verdict.take() {
            Some(Verdict::Welcome(party)) => Ok(Identity {
                code: party.station.code.clone(),
                password: party.partner.password_sent.clone(),
                user: UserField::default(),
            }),
            Some(Verdict::Refuse(reason)) => {
                let why = format!("the caller was turned away: {}", reason.text());
                self.ending.get_or_insert(Ending::Aborted {
                    reason: Some(reason),
                    why,
                });
                Err(Refusal {
                    reason,
                    text: String::new(),
                })
            }
            // Only a called session has this event, and it has it once.
            None => Err(Refusal {
                reason: EndReason::UNSPECIFIED,
                text: String::new(),
            }),
        };
        self.request(session, Request::ConnectResponse(answer), now);
    }

    fn connected(
        &mut self,
        agreement: Agreement,
        answer: &Ssid,
        session: &mut Session,
        now: Duration,
    ) {
        let Some(party) = &self.party else {
            return;
        };
        tracing::info!(
            circuit = %self.circuit,
            partner = party.partner.name,
            station = party.station.name,
            buffer = agreement.buffer,
            credit = agreement.credit,
            "A session is open.",
        );
        self.live.set_partner(&party.partner.name);
        self.agreement = Some(agreement);
        // The caller was judged before; whom we called is judged now.
        if let Some((reason, why)) = answers::wrong_answer(&party.partner, answer) {
            tracing::error!(
                circuit = %self.circuit,
                partner = self.partner(),
                why,
                "The partner we called is not who it should be.",
            );
            self.context.counters.partners_refused.one();
            self.end(session, now, reason, why);
        }
    }

    // Outcomes of blocking work.

    fn done(&mut self, done: Done, session: &mut Session, now: Duration) {
        match done {
            Done::Taken(taken) => self.taken(taken, session, now),
            Done::Synced(synced) => self.synced(synced, session, now),
            Done::Next(next) => self.next(next, session, now),
            Done::Offered(claim, recorded) => {
                if let Some(sending) = &mut self.sending {
                    sending.recorded(claim, recorded);
                }
            }
            Done::Receipt(settled) => self.receipt_settled(settled, session, now),
            Done::Delivered | Done::ReceiptSent | Done::FileSent | Done::FileRefused => {}
        }
    }

    /// An outcome that came when the session was over: what is durable is delivered, the rest goes
    /// back to the store by being dropped.
    fn settle_done(&mut self, done: Result<Done, tokio::task::JoinError>) {
        match done {
            Ok(Done::Synced(Ok(synced))) => self.deliver(&synced),
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

/// The journal did not take note of how something ended; the store sorts it out by itself.
fn unrecorded(circuit: &str, partner: &str, transfer: TransferId, error: &StoreError) {
    tracing::error!(
        circuit,
        partner,
        %transfer,
        why = %error,
        "The journal did not take note of a transfer's step; it will be made again.",
    );
}
