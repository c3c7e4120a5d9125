//! The desk's part in files that come in, and in the receipts we send for them.

use std::time::Duration;

use engine::{Durable, FileRefusal, Request, Session};
use jiff::Timestamp;
use oftp::{FileReason, Sfid};
use store::{Inbound, StoreError, Synced};

use super::{Desk, Done, unrecorded};
use crate::transfer::inbound::{self, Receiving};

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
        let store = self.context.store.clone();
        let circuit = self.circuit.to_string();
        self.work.start(move || {
            let (file, blocks) = (sfid.file_id(), sfid.size_blocks);
            let taken = inbound::take(&store, &party, sfid, circuit.clone());
            match &taken {
                Ok(inbound) => tracing::info!(
                    circuit,
                    partner = party.partner.name,
                    transfer = %inbound.id(),
                    dataset = %file.dataset,
                    stamp = %file.stamp,
                    blocks,
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
        taken: Result<Inbound, FileRefusal>,
        session: &mut Session,
        now: Duration,
    ) {
        let answer = match taken {
            Ok(inbound) => {
                let receiving = Receiving::new(inbound);
                self.show(receiving.id(), false);
                self.receiving = Some(receiving);
                Ok(0)
            }
            Err(refusal) => Err(refusal),
        };
        self.request(session, Request::StartFileResponse(answer), now);
    }

    pub(super) fn advance_receiving(&mut self, session: &mut Session, now: Duration) -> bool {
        let Some(receiving) = &mut self.receiving else {
            return false;
        };
        let mut moved = receiving.advance(session);
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
            self.receiving = None;
            let circuit = self.circuit.to_string();
            let partner = self.partner().unwrap_or_default().to_owned();
            self.work.start(move || {
                let transfer = inbound.id();
                let synced = inbound.finish(Timestamp::now());
                if let Ok(synced) = &synced {
                    let octets = synced.octets();
                    tracing::info!(circuit, partner, %transfer, octets, "A file was received.");
                }
                Done::Synced(synced)
            });
            moved = true;
        }
        moved
    }

    pub(super) fn synced(
        &mut self,
        synced: Result<Synced, StoreError>,
        session: &mut Session,
        now: Duration,
    ) {
        self.live.set_transfer(None);
        let synced = match synced {
            Ok(synced) => synced,
            Err(error) => {
                return self.give_up(
                    session,
                    now,
                    &format!("a file cannot be made durable: {error}"),
                );
            }
        };
        // We ask for the turn: the receipt for this very file is owed in a moment.
        let answer = Ok((Durable::synced(synced.octets()), true));
        self.request(session, Request::CloseFileResponse(answer), now);
        self.deliver(&synced);
    }

    pub(super) fn deliver(&mut self, synced: &Synced) {
        self.moved.files_in += 1;
        self.context.counters.files_in.one();
        self.context.counters.octets_in.add(synced.octets());
        let transfer = synced.id();
        let store = self.context.store.clone();
        let circuit = self.circuit.to_string();
        let partner = self.partner().unwrap_or_default().to_owned();
        self.work.start(move || {
            match store.deliver(transfer, Timestamp::now()) {
                Ok(path) => {
                    let path = path.display().to_string();
                    tracing::info!(circuit, partner, %transfer, path, "A file was delivered.");
                }
                Err(error) => tracing::error!(
                    circuit,
                    partner,
                    %transfer,
                    why = %error,
                    "A received file cannot be put into the inbox; it is safe in the spool.",
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
            tokio::spawn(receiving.abandon(why));
        }
    }

    pub(super) fn receipt_sent(&mut self) {
        let Some(claim) = self.receipt.take() else {
            return;
        };
        self.moved.receipts_out += 1;
        self.context.counters.receipts_out.one();
        let circuit = self.circuit.to_string();
        let partner = self.partner().unwrap_or_default().to_owned();
        self.work.start(move || {
            let transfer = claim.id();
            match claim.sent(Timestamp::now()) {
                Ok(()) => tracing::info!(circuit, partner, %transfer, "A receipt was sent."),
                Err(error) => unrecorded(&circuit, &partner, transfer, &error),
            }
            Done::ReceiptSent
        });
    }
}
