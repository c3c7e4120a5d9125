//! The desk's part in the turn: what is next, and files that go out.

use std::sync::Arc;
use std::time::Duration;

use engine::{Phase, Request, RequestError, Session};
use jiff::Timestamp;
use oftp::{EndReason, FileReason, Mode};
use store::{OutboundClaim, OutboundFile, StoreError};

use super::{Desk, Done, locked, unrecorded};
use crate::session::report::Ending;
use crate::transfer::next::{self, Next, Refused, Wanted};
use crate::transfer::outbound::Sending;

impl Desk {
    /// With the turn and nothing under way, looks for what is next.
    pub(super) fn advance_turn(&mut self, session: &mut Session, now: Duration) -> bool {
        let ours = matches!(
            session.phase(),
            Phase::IdleSpeaker | Phase::IdleSpeakerAfterCd
        );
        let free = self.work.is_idle() && self.is_between_files() && self.receipt.is_none();
        if !ours || !free || self.ended_by_us.is_some() {
            return false;
        }
        if let Some(next) = self.ready.take() {
            self.next(Ok(next), session, now);
            return true;
        }
        let Some(wanted) = self.wanted() else {
            return false;
        };
        let store = self.context.store.clone();
        let security = Arc::clone(&self.context.security);
        let refusals = Arc::clone(&self.refusals);
        self.work.start(move || {
            let mut refusals = locked(&refusals);
            Done::Next(next::next(&store, &security, &wanted, &mut refusals))
        });
        true
    }

    /// What may be looked for in this session; none before it is open.
    pub(super) fn wanted(&self) -> Option<Wanted> {
        let (party, agreement) = (self.party.as_ref()?, self.agreement.as_ref()?);
        Some(Wanted {
            partner: party.partner.name.clone(),
            circuit: self.circuit.to_string(),
            level: agreement.level,
            restart: agreement.restart,
            files: self.context.shutdown.is_running() && agreement.mode != Mode::Receive,
        })
    }

    pub(super) fn next(
        &mut self,
        next: Result<Next, StoreError>,
        session: &mut Session,
        now: Duration,
    ) {
        match next {
            Ok(Next::Receipt(claim)) => self.send_receipt(claim, session, now),
            Ok(Next::File(claim, file)) => self.offer(claim, file, session, now),
            Ok(Next::Nothing) if !self.unopened.is_empty() => {
                let files = std::mem::take(&mut self.unopened);
                let security = Arc::clone(&self.context.security);
                let shutdown = self.context.shutdown.clone();
                self.work.start_task(async move {
                    security.seen_to(files, &shutdown).await;
                    Done::Waited
                });
            }
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
        file: Option<OutboundFile>,
        session: &mut Session,
        now: Duration,
    ) {
        let Some(agreement) = self.agreement else {
            return;
        };
        let sfid = claim.sfid();
        if let Err(error) = session.request(Request::StartFile(sfid.clone()), now) {
            return self.cannot_offer(claim, &error, session, now);
        }
        let sending = Sending::new(claim, file, sfid, agreement.buffer);
        let sfid = sending.sfid();
        tracing::info!(
            circuit = %self.circuit,
            partner = self.partner(),
            transfer = %sending.id(),
            dataset = %sfid.dataset,
            stamp = %sfid.stamp,
            format = %sfid.format,
            octets = sending.size(),
            restart = sfid.restart,
            "A file is being sent.",
        );
        self.show(sending.id(), true, 0);
        self.sending = Some(sending);
    }

    /// The engine will not offer this file in this session.
    fn cannot_offer(
        &mut self,
        claim: Box<OutboundClaim>,
        error: &RequestError,
        session: &mut Session,
        now: Duration,
    ) {
        if matches!(error, RequestError::NotInState { .. }) {
            let why = format!("a file cannot be offered: {error}");
            self.ready = None;
            return self.give_up(session, now, &why);
        }
        let transfer = claim.id();
        let circuit = self.circuit.to_string();
        let partner = self.partner().unwrap_or_default().to_owned();
        let why = error.to_string();
        tracing::error!(circuit, partner, %transfer, why, "A file cannot be sent.");
        self.work.start(move || {
            if let Err(error) = claim.failed(&why, Timestamp::now()) {
                unrecorded(&circuit, &partner, transfer, &error);
            }
            Done::FileRefused
        });
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
        if let Some((claim, answer)) = sending.take_to_open() {
            self.work.start(move || {
                let opened = claim.open(answer);
                Done::Opened(claim, opened)
            });
            moved = true;
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
        locked(&self.refusals).note(transfer);
        let Some(claim) = sending.into_claim() else {
            return;
        };
        self.work.start(move || {
            let why = reason.text();
            let said = text.escape_debug().to_string();
            match next::refused(claim, reason, retry, &text, &settings) {
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
}
