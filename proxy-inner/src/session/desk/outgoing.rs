//! The desk's part in the turn: files that go out, and the receipts that come for them.

use std::fs::File;
use std::time::Duration;

use ::link::CircuitId;
use engine::{Phase, Request, Session};
use jiff::Timestamp;
use oftp::{EndReason, FileReason, Mode};
use store::{OutboundClaim, StoreError};
use tokio::task::spawn_blocking;

use super::{Desk, Done, unrecorded};
use crate::session::Stage;
use crate::session::report::Ending;
use crate::transfer::outbound::{self, Next, Refused, Sending};
use crate::transfer::receipts::{self, Arrived, Settled};

impl Desk {
    /// With the turn and nothing under way, looks for what is next.
    pub(super) fn advance_turn(&mut self, session: &Session, stage: Stage) -> bool {
        let ours = matches!(
            session.phase(),
            Phase::IdleSpeaker | Phase::IdleSpeakerAfterCd
        );
        let free = self.work.is_idle() && self.is_between_files() && self.receipt.is_none();
        if !ours || !free || self.ended_by_us.is_some() {
            return false;
        }
        let (Some(party), Some(agreement)) = (&self.party, &self.agreement) else {
            return false;
        };
        let files = stage == Stage::Running && agreement.mode != Mode::Receive;
        let store = self.context.store.clone();
        let circuit = self.circuit.to_string();
        let partner = party.partner.name.clone();
        self.work
            .start(move || Done::Next(outbound::next(&store, &partner, &circuit, files)));
        true
    }

    pub(super) fn next(
        &mut self,
        next: Result<Next, StoreError>,
        session: &mut Session,
        now: Duration,
    ) {
        match next {
            Ok(Next::Receipt(claim)) => {
                let eerp = receipts::eerp(&claim);
                match session.request(Request::Eerp(eerp), now) {
                    Ok(()) => self.receipt = Some(claim),
                    Err(error) => {
                        self.give_up(session, now, &format!("a receipt cannot be sent: {error}"))
                    }
                }
            }
            Ok(Next::File(claim, file)) => self.offer(claim, file, session, now),
            Ok(Next::Nothing) => {
                let last = session.phase() == Phase::IdleSpeakerAfterCd;
                let request = if last {
                    Request::Release(EndReason::NORMAL, String::new())
                } else {
                    Request::ChangeDirection
                };
                match session.request(request, now) {
                    Ok(()) if last => {
                        self.ending.get_or_insert(Ending::Released);
                    }
                    Ok(()) => {}
                    // Else what is next would be asked for again and again.
                    Err(error) => self.give_up(
                        session,
                        now,
                        &format!("the turn cannot be given away: {error}"),
                    ),
                }
            }
            Err(error) => {
                self.give_up(
                    session,
                    now,
                    &format!("the journal cannot tell what is next: {error}"),
                );
            }
        }
    }

    pub(super) fn offer(
        &mut self,
        claim: Box<OutboundClaim>,
        file: File,
        session: &mut Session,
        now: Duration,
    ) {
        let buffer = self
            .agreement
            .as_ref()
            .map_or(128, |agreement| agreement.buffer);
        let sending = Sending::new(claim, file, buffer);
        let Some(sfid) = sending.sfid() else {
            return;
        };
        tracing::info!(
            circuit = %self.circuit,
            partner = self.partner(),
            transfer = %sending.id(),
            dataset = %sfid.dataset,
            stamp = %sfid.stamp,
            octets = sending.size(),
            "A file is being sent.",
        );
        self.show(sending.id(), true);
        self.sending = Some(sending);
        if let Err(error) = session.request(Request::StartFile(sfid), now) {
            self.give_up(session, now, &format!("a file cannot be offered: {error}"));
        }
    }

    pub(super) fn advance_sending(&mut self, session: &mut Session, now: Duration) -> bool {
        let Some(sending) = &mut self.sending else {
            return false;
        };
        let mut moved = sending.advance(session, now);
        if moved {
            self.live.set_transfer_octets(sending.octets());
        }
        if let Some(problem) = sending.problem() {
            if self.ended_by_us.is_some() {
                return moved;
            }
            let why = format!("transfer {} cannot be sent: {problem}", sending.id());
            self.give_up(session, now, &why);
            return true;
        }
        if let Some(mut claim) = sending.take_to_record() {
            self.work.start(move || {
                let recorded = claim.fully_offered(Timestamp::now());
                Done::Offered(claim, recorded)
            });
            moved = true;
        }
        moved
    }

    pub(super) fn file_sent(&mut self) {
        self.live.set_transfer(None);
        let Some(sending) = self.sending.take() else {
            return;
        };
        self.moved.files_out += 1;
        self.context.counters.files_out.one();
        self.context.counters.octets_out.add(sending.size());
        let (transfer, octets) = (sending.id(), sending.size());
        let circuit = self.circuit.to_string();
        let partner = self.partner().unwrap_or_default().to_owned();
        let Some(claim) = sending.into_claim() else {
            return;
        };
        self.work.start(move || {
            match claim.sent(Timestamp::now()) {
                Ok(()) => tracing::info!(circuit, partner, %transfer, octets, "A file was sent."),
                Err(error) => unrecorded(&circuit, &partner, transfer, &error),
            }
            Done::FileSent
        });
    }

    pub(super) fn file_refused(&mut self, reason: FileReason, retry: Option<bool>, text: String) {
        self.live.set_transfer(None);
        let Some(sending) = self.sending.take() else {
            return;
        };
        let transfer = sending.id();
        let settings = self.context.settings.clone();
        let circuit = self.circuit.to_string();
        let partner = self.partner().unwrap_or_default().to_owned();
        if reason != FileReason::DUPLICATE {
            self.moved.files_refused += 1;
        }
        let Some(claim) = sending.into_claim() else {
            return;
        };
        self.work.start(move || {
            let why = reason.text();
            let said = text.escape_debug().to_string();
            match outbound::refused(claim, reason, retry, &text, &settings) {
                Ok(Refused::Again) => tracing::warn!(
                    circuit, partner, %transfer, why, said,
                    "The partner refused a file for now; it is offered again.",
                ),
                Ok(Refused::Failed) => tracing::error!(
                    circuit, partner, %transfer, why, said,
                    "The partner refused a file; it is not offered again.",
                ),
                Ok(Refused::AlreadyThere) => tracing::info!(
                    circuit, partner, %transfer,
                    "The partner has a file from an earlier attempt; it counts as sent.",
                ),
                Err(error) => unrecorded(&circuit, &partner, transfer, &error),
            }
            Done::FileRefused
        });
    }

    pub(super) fn receipt_arrived(&mut self, arrived: Arrived) {
        let store = self.context.store.clone();
        let circuit = self.circuit.to_string();
        let partner = self.partner().unwrap_or_default().to_owned();
        self.work
            .start(move || Done::Receipt(receipts::settle(&store, &partner, arrived, &circuit)));
    }

    pub(super) fn receipt_settled(
        &mut self,
        settled: Result<Settled, StoreError>,
        session: &mut Session,
        now: Duration,
    ) {
        match settled {
            Ok(Settled::Closed) => {
                self.moved.receipts_in += 1;
                self.context.counters.receipts_in.one();
            }
            Ok(Settled::Nothing) => self.context.counters.receipts_unknown.one(),
            Err(error) => {
                let why = format!("a receipt cannot be recorded: {error}");
                return self.give_up(session, now, &why);
            }
        }
        self.request(session, Request::RtrResponse, now);
    }
}

/// Puts a file back that was not sent whole.
pub(super) async fn interrupt(circuit: CircuitId, partner: String, sending: Sending, why: String) {
    let transfer = sending.id();
    let octets = sending.octets();
    tracing::warn!(%circuit, partner, %transfer, octets, why, "A file was not sent whole; it is offered again.");
    let Some(claim) = sending.into_claim() else {
        return;
    };
    let recorded = spawn_blocking(move || claim.interrupted(&why, Timestamp::now())).await;
    if let Ok(Err(error)) = recorded {
        unrecorded(&circuit.to_string(), &partner, transfer, &error);
    }
}
