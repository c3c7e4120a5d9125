//! The desk's part in receipts, those we send and those that come.

use std::time::Duration;

use engine::{Request, Session};
use jiff::Timestamp;
use oftp::Deviation;
use store::{ReceiptClaim, StoreError};

use super::{Desk, Done, unrecorded};
use crate::transfer::next::Wanted;
use crate::transfer::receipts::{self, Arrived, Outcome};

impl Desk {
    /// Sends an owed receipt.
    pub(super) fn send_receipt(
        &mut self,
        claim: Box<ReceiptClaim>,
        session: &mut Session,
        now: Duration,
    ) {
        match session.request(receipts::request(&claim), now) {
            Ok(()) => self.receipt = Some(claim),
            Err(error) => {
                self.give_up(session, now, &format!("a receipt cannot be sent: {error}"));
            }
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

    pub(super) fn receipt_arrived(&mut self, arrived: Arrived) {
        let Some(wanted) = self.wanted() else {
            return;
        };
        let Some(party) = self.party.clone() else {
            return;
        };
        let store = self.context.store.clone();
        self.work.start(move || {
            let Wanted { circuit, level, .. } = &wanted;
            Done::Settled(receipts::settle(
                &store,
                &party.partner,
                arrived,
                *level,
                circuit,
            ))
        });
    }

    pub(super) fn receipt_settled(
        &mut self,
        settled: Result<Outcome, StoreError>,
        session: &mut Session,
        now: Duration,
    ) {
        match settled {
            Ok(Outcome::Settled { swapped }) => {
                if swapped {
                    self.tolerated(Deviation::ReceiptAddressesSwapped);
                }
                self.moved.receipts_in += 1;
                self.context.counters.receipts_in.one();
            }
            Ok(Outcome::Invalid) => self.context.counters.receipts_invalid.one(),
            Ok(Outcome::Nothing) => self.context.counters.receipts_unknown.one(),
            Err(error) => {
                let why = format!("a receipt cannot be recorded: {error}");
                return self.give_up(session, now, &why);
            }
        }
        self.request(session, Request::RtrResponse, now);
    }
}
