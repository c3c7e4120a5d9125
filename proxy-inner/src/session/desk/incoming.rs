//! The desk's part in files that come in: offered, received, made durable, and handed on.

use std::sync::Arc;
use std::time::Duration;

use engine::{Durable, FileRefusal, Request, Session};
use jiff::Timestamp;
use oftp::{FileReason, Sfid};
use store::{Delivered, Inbound, ReceiptTiming, StoreError, Synced};

use super::durable::{Ended, Ending, Ready};
use super::{Desk, Done};
use crate::session::answers::Party;
use crate::transfer::inbound::Receiving;
use crate::transfer::offer::{self, Care, Taken};

impl Desk {
    pub(super) fn offered(&mut self, sfid: Sfid, session: &mut Session, now: Duration) {
        let Some(party) = self.party.clone() else {
            return;
        };
        if !self.context.shutdown.is_running() {
            let text = "closing down; offer it in a later session".to_owned();
            let refusal = FileRefusal {
                reason: FileReason::UNSPECIFIED,
                retry: true,
                text,
            };
            return self.request(session, Request::StartFileResponse(Err(refusal)), now);
        }
        let Some(agreement) = self.agreement else {
            return;
        };
        let store = self.context.store.clone();
        let circuit = self.circuit.to_string();
        self.work.start(move || {
            let (file, format, blocks) = (sfid.file_id(), sfid.format, sfid.size_blocks);
            let taken = offer::take(&store, &party, agreement, sfid, circuit.clone());
            match &taken {
                Ok(Taken { inbound, to, .. }) => tracing::info!(
                    circuit,
                    partner = party.partner.name,
                    transfer = %inbound.id(),
                    dataset = %file.dataset,
                    stamp = %file.stamp,
                    %format,
                    blocks,
                    from = inbound.position().octets,
                    to,
                    "A file is being received.",
                ),
                Err(refusal) => tracing::warn!(
                    circuit,
                    partner = party.partner.name,
                    dataset = %file.dataset,
                    stamp = %file.stamp,
                    origin = %file.origin,
                    destination = %file.destination,
                    why = refusal.text,
                    retry = refusal.retry,
                    "An offered file was refused.",
                ),
            }
            Done::Taken(taken)
        });
    }

    pub(super) fn taken(
        &mut self,
        taken: Result<Taken, FileRefusal>,
        session: &mut Session,
        now: Duration,
    ) {
        let answer = match taken {
            Ok(taken) => {
                let receiving = Receiving::new(taken);
                let start = receiving.start();
                self.show(receiving.id(), false, start.octets);
                self.receiving = Some(receiving);
                Ok(start)
            }
            Err(refusal) => Err(refusal),
        };
        self.request(session, Request::StartFileResponse(answer), now);
    }

    pub(super) fn advance_receiving(&mut self, session: &mut Session, now: Duration) -> bool {
        let Some(receiving) = &mut self.receiving else {
            return false;
        };
        let mut moved = receiving.advance(session, now);
        if moved {
            self.live.set_transfer_octets(receiving.octets());
        }
        if let Some(problem) = receiving.problem() {
            if self.ended_by_us.is_some() {
                return moved;
            }
            let why = format!("transfer {} cannot be stored: {problem}", receiving.id());
            self.give_up(session, now, &why);
            return true;
        }
        if let Some(inbound) = receiving.take_complete(session) {
            let (forwarded, care) = (receiving.is_forwarded(), receiving.care());
            let octets = receiving.octets();
            self.receiving = None;
            self.finish(inbound, octets, forwarded, care);
            moved = true;
        }
        moved
    }

    /// Has a file made durable that came whole, and finds out what the turn would be needed for.
    fn finish(&mut self, inbound: Inbound, octets: u64, forwarded: bool, care: Care) {
        let Some(wanted) = self.wanted() else {
            return;
        };
        let at_once = |party: &Party| party.partner.receipts == ReceiptTiming::Delivered;
        let ending = Ending {
            store: self.context.store.clone(),
            security: Arc::clone(&self.context.security),
            refusals: Arc::clone(&self.refusals),
            wanted,
            receipt: !forwarded && self.party.as_ref().is_some_and(at_once),
            later: care == Care::After,
        };
        if care == Care::Before {
            // Before the file counts as received: else the worker might open it, and nobody say EFNA.
            let expected = self.context.security.expect(inbound.id(), octets);
            let shutdown = self.context.shutdown.clone();
            let checked = ending.check(inbound, expected, shutdown);
            self.work
                .start_task(async move { Done::Ended(checked.await) });
        } else {
            self.work.start(move || Done::Ended(ending.keep(inbound)));
        }
    }

    pub(super) fn ended(
        &mut self,
        ended: Result<Ended, StoreError>,
        session: &mut Session,
        now: Duration,
    ) {
        self.live.set_transfer(None);
        match ended {
            Ok(Ended::Kept {
                synced,
                deliver,
                ready,
            }) => {
                let want_turn = !matches!(ready, Ready::Nothing);
                self.keep_ready(ready);
                let answer = Ok((Durable::synced(synced.octets()), want_turn));
                self.request(session, Request::CloseFileResponse(answer), now);
                self.received(&synced, deliver);
            }
            Ok(Ended::Refused(refusal)) => {
                self.request(session, Request::CloseFileResponse(Err(refusal)), now);
            }
            Err(error) => {
                self.give_up(
                    session,
                    now,
                    &format!("a file cannot be made durable: {error}"),
                );
            }
        }
    }

    /// Keeps what was claimed until the turn comes.
    pub(super) fn keep_ready(&mut self, ready: Ready) {
        if let Ready::Claimed(next) = ready {
            self.ready = Some(next);
        }
    }

    /// Counts a file that is ours, and has it delivered unless it must be opened first.
    pub(super) fn received(&mut self, synced: &Synced, deliver: bool) {
        self.moved.files_in += 1;
        self.context.counters.files_in.one();
        self.context.counters.octets_in.add(synced.octets());
        let transfer = synced.id();
        if !deliver {
            self.unopened.push(transfer);
            return;
        }
        let store = self.context.store.clone();
        let circuit = self.circuit.to_string();
        let partner = self.partner().unwrap_or_default().to_owned();
        self.work.start(move || {
            match store.deliver(transfer, Timestamp::now()) {
                Ok(Delivered::Inbox(path)) => {
                    let path = path.display().to_string();
                    tracing::info!(circuit, partner, %transfer, path, "A file was delivered.");
                }
                Ok(Delivered::Forwarded(onward)) => {
                    tracing::info!(circuit, partner, %transfer, %onward, "A file was queued for the partner it is for.");
                }
                Err(error) => tracing::error!(
                    circuit,
                    partner,
                    %transfer,
                    why = %error,
                    "A received file cannot be handed on; it is safe in the spool.",
                ),
            }
            Done::Delivered
        });
    }

    /// The engine refused the partner's file by itself.
    pub(super) fn dropped(&mut self, reason: FileReason, text: &str) {
        let transfer = self
            .receiving
            .as_ref()
            .map(|receiving| receiving.id().to_string());
        tracing::warn!(
            circuit = %self.circuit,
            partner = self.partner(),
            transfer,
            why = text,
            reason = reason.text(),
            "A file was refused.",
        );
        self.live.set_transfer(None);
        if let Some(receiving) = self.receiving.take() {
            let why = format!("it was refused: {text}");
            // Before what comes next: the partner may offer the same file again at once.
            self.work.start_task(async move {
                receiving.abandon(why).await;
                Done::Forgotten
            });
        }
    }
}
