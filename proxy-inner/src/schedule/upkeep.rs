//! What the store needs now and then: old history forgotten, and late receipts pointed out.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use store::{ReceiptEntry, ReceiptFilter, ReceiptSide, Store, StoreError, TransferId};

/// History is pruned once a day.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// Receipts are looked through once a minute.
const RECEIPTS_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// What was seen to, and when.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    pruned: Option<Timestamp>,
    looked: Option<Timestamp>,
    /// Receipts that are late and were pointed out.
    late: HashSet<TransferId>,
}

/// What there was to do.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Transfers that were forgotten.
    pub(super) pruned: u64,
    /// Receipts that have become late since the last time.
    pub(super) late: Vec<ReceiptEntry>,
}

impl Upkeep {
    /// Sees to what is due; history older than `history` goes. Blocks.
    ///
    /// # Errors
    /// What the journal said; it is tried again the next time.
    pub(super) fn look(
        &mut self,
        store: &Store,
        history: Duration,
        now: Timestamp,
    ) -> Result<Found, StoreError> {
        let mut found = Found::default();
        if is_due(self.pruned, PRUNE_EVERY, now) {
            let before = now.checked_sub(history).unwrap_or(Timestamp::MIN);
            found.pruned = store.prune(before, now)?;
            self.pruned = Some(now);
        }
        if is_due(self.looked, RECEIPTS_EVERY, now) {
            let filter = ReceiptFilter {
                overdue: true,
                ..ReceiptFilter::default()
            };
            let late = store.receipts(filter, now)?;
            let known = late.iter().map(|entry| entry.transfer).collect();
            let before = std::mem::replace(&mut self.late, known);
            found.late = late;
            found.late.retain(|entry| !before.contains(&entry.transfer));
            self.looked = Some(now);
        }
        Ok(found)
    }
}

impl Found {
    /// Tells the operator.
    pub(super) fn report(&self) {
        if self.pruned > 0 {
            tracing::info!(
                transfers = self.pruned,
                "The journal has forgotten transfers that ended long ago.",
            );
        }
        for entry in &self.late {
            let ReceiptEntry {
                transfer,
                partner,
                file,
                since,
                deadline,
                ..
            } = entry;
            tracing::error!(
                partner,
                %transfer,
                dataset = %file.dataset,
                stamp = %file.stamp,
                %since,
                %deadline,
                todo = what_to_do(entry.side),
                "A receipt is overdue.",
            );
        }
    }
}

fn what_to_do(side: ReceiptSide) -> &'static str {
    match side {
        ReceiptSide::Awaited => {
            "ask the partner what became of the file, and to send its receipt; `send` the file again if it is lost"
        }
        ReceiptSide::Unconfirmed => {
            "see to the file, then `receipts confirm` or `receipts reject` it: the partner waits"
        }
        ReceiptSide::Owed => {
            "the partner waits for our receipt; `status` shows why no session takes it there"
        }
    }
}

fn is_due(last: Option<Timestamp>, every: SignedDuration, now: Timestamp) -> bool {
    // A clock that was set back must not put it off.
    last.is_none_or(|last| now < last || now.duration_since(last) >= every)
}

#[cfg(test)]
mod tests {
    use store::ReceiptTiming;

    use super::super::outbox::HISTORY;
    use super::*;
    use crate::session::tests::world::{meet_well, two};

    fn in_days(days: i64) -> Timestamp {
        Timestamp::now() + SignedDuration::from_hours(24 * days)
    }

    #[tokio::test]
    async fn a_late_receipt_is_pointed_out_once() {
        let (us, them) = two();
        them.change_partner(|partner| partner.receipts = ReceiptTiming::Confirmed);
        let sent = us.queue("orders", b"octets");
        meet_well(&us, &them).await;
        let cases = [
            (&us, ReceiptSide::Awaited, sent),
            (&them, ReceiptSide::Unconfirmed, them.received()[0].id),
        ];
        for (side, waits, id) in cases {
            let mut upkeep = Upkeep::default();
            let mut late = |days| {
                let found = upkeep.look(side.store(), HISTORY, in_days(days));
                let late = found.unwrap().late;
                late.iter()
                    .map(|entry| (entry.side, entry.transfer))
                    .collect::<Vec<_>>()
            };
            assert_eq!(late(1), []);
            assert_eq!(late(4), [(waits, id)]);
            assert_eq!(late(5), []);
        }
    }

    /// what has ended is known for as long as is configured, and no longer.
    #[tokio::test]
    async fn history_is_forgotten_once_it_is_old_enough() {
        let (us, them) = two();
        us.queue("orders", b"octets");
        meet_well(&us, &them).await;
        for side in [&us, &them] {
            let mut upkeep = Upkeep::default();
            let mut pruned = |days| {
                let found = upkeep.look(side.store(), HISTORY, in_days(days));
                found.unwrap().pruned
            };
            assert_eq!(pruned(399), 0);
            assert_eq!(pruned(402), 1);
        }
        assert!(them.received().is_empty());
    }
}
