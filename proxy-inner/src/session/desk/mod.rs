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

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use ::link::CircuitId;
use engine::{Agreement, Challenge, Event, FileRefusal, Phase, Refusal, Request, Session};
use oftp::{Deviation, EndReason};
use store::{OutboundClaim, OutboundFile, ReceiptClaim, StoreError, TransferId};

use durable::Ended;

use super::answers::{Party, Verdict};
use super::live::{LiveSession, TransferNow};
use super::report::{Ending, Moved};
use super::work::Work;
use super::{SessionContext, Stage};
use crate::transfer::inbound::Receiving;
use crate::transfer::next::{Next, Refusals};
use crate::transfer::offer::Taken;
use crate::transfer::outbound::Sending;
use crate::transfer::receipts::Outcome;

mod durable;
mod ending;
mod incoming;
mod opening;
mod outgoing;
mod receipts;

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
    /// What the turn was asked for, until it comes.
    ready: Option<Next>,
    /// The files of this session that were yet to be opened when it was last looked.
    unopened: Vec<TransferId>,
    /// The files the partner refused in this session.
    refusals: Arc<Mutex<Refusals>>,
    /// The session ended over the position from which a file was offered to go on.
    restart_denied: bool,
    work: Work<Done>,
    /// We have ended the session ourselves; why.
    ended_by_us: Option<String>,
    stream_end: Option<String>,
    ending: Option<Ending>,
    moved: Moved,
}

/// The outcome of a piece of blocking work.
enum Done {
    Challenge(Result<Challenge, Refusal>),
    Response(Result<[u8; 20], Refusal>),
    Taken(Result<Taken, FileRefusal>),
    Ended(Result<Ended, StoreError>),
    Delivered,
    Next(Result<Next, StoreError>),
    Opened(Box<OutboundClaim>, Result<OutboundFile, StoreError>),
    Offered(Box<OutboundClaim>, Result<(), StoreError>),
    Settled(Result<Outcome, StoreError>),
    ReceiptSent,
    FileSent,
    FileRefused,
    Forgotten,
    Waited,
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
            ready: None,
            unopened: Vec::new(),
            refusals: Arc::default(),
            restart_denied: false,
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

    /// The session is about to end: what the engine still holds of a file is kept for a later attempt.
    pub(super) fn rescue(&mut self, session: &mut Session, now: Duration) {
        if let Some(receiving) = &mut self.receiving {
            receiving.rescue(session, now);
        }
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
            Event::Introduced(ssid) => {
                self.judge_answer(&ssid, session, now);
            }
            Event::ChallengeWanted => self.challenge(),
            Event::Challenged(sealed) => self.challenged(sealed),
            Event::Connected(agreement, ssid) => self.connected(agreement, &ssid, session, now),
            Event::StartFile(sfid) => self.offered(sfid, session, now),
            // The octets are fetched in `advance`, as far as the disk allows.
            Event::DataReceived => {
                if let Some(receiving) = &mut self.receiving {
                    receiving.announce();
                }
            }
            Event::CloseFile { octets, .. } => {
                if let Some(receiving) = &mut self.receiving {
                    receiving.end(octets);
                }
            }
            Event::FileDropped { reason, text } => self.dropped(reason, &text),
            Event::StartFileAccepted { answer } => {
                if let Some(sending) = &mut self.sending {
                    sending.accepted(answer);
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
            Event::Deviation(deviation) => self.tolerated(deviation),
        }
    }

    /// The partner broke a rule that is not held against it.
    fn tolerated(&self, deviation: Deviation) {
        self.context.counters.deviations.one();
        if let Some(partner) = self.partner() {
            self.context.tolerated.one(partner, deviation);
        }
        tracing::warn!(
            circuit = %self.circuit,
            partner = self.partner(),
            deviation = deviation.name(),
            what = deviation.sentence(),
            "The partner broke a rule; it was tolerated.",
        );
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
        moved | self.advance_turn(session, now)
    }

    fn partner(&self) -> Option<&str> {
        self.party.as_ref().map(|party| party.partner.name.as_str())
    }

    fn is_open(&self, session: &Session) -> bool {
        self.ended_by_us.is_none() && !matches!(session.phase(), Phase::Ending | Phase::Closed)
    }

    fn show(&self, id: TransferId, outbound: bool, octets: u64) {
        let id = id.to_string();
        self.live.set_transfer(Some(TransferNow {
            id,
            outbound,
            octets,
        }));
    }

    /// A request that the session's own state may have overtaken; the engine says how it ended.
    fn request(&self, session: &mut Session, request: Request, now: Duration) {
        let name = request.name();
        if let Err(error) = session.request(request, now) {
            tracing::debug!(circuit = %self.circuit, request = name, why = %error, "A request came too late.");
        }
    }

    /// The outcome of a piece of blocking work.
    fn done(&mut self, done: Done, session: &mut Session, now: Duration) {
        match done {
            Done::Challenge(challenge) => {
                self.authentication_failed(challenge.as_ref().err());
                self.request(session, Request::Challenge(challenge), now);
            }
            Done::Response(response) => {
                self.authentication_failed(response.as_ref().err());
                self.request(session, Request::ChallengeResponse(response), now);
            }
            Done::Taken(taken) => self.taken(taken, session, now),
            Done::Ended(ended) => self.ended(ended, session, now),
            Done::Next(next) => self.next(next, session, now),
            Done::Opened(claim, opened) => {
                if let Some(sending) = &mut self.sending {
                    sending.opened(claim, opened);
                }
            }
            Done::Offered(claim, recorded) => {
                if let Some(sending) = &mut self.sending {
                    sending.recorded(claim, recorded);
                }
            }
            Done::Settled(settled) => self.receipt_settled(settled, session, now),
            Done::Delivered
            | Done::ReceiptSent
            | Done::FileSent
            | Done::FileRefused
            | Done::Forgotten
            | Done::Waited => {}
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

/// Whoever panicked while holding it left a list that is whole.
fn locked(refusals: &Mutex<Refusals>) -> std::sync::MutexGuard<'_, Refusals> {
    refusals.lock().unwrap_or_else(PoisonError::into_inner)
}
