//! Which leniencies each partner needed since start, and how often.
//!
//! An operator who wants to be strict with a partner sees here what it would cost, and a partner's
//! software that begins to behave oddly shows before anything fails. Bounded: one number a partner
//! and kind.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use oftp::Deviation;

/// Counts of tolerated breaches by partner and kind.
#[derive(Debug, Default)]
pub struct Tolerated(Mutex<BTreeMap<(String, Deviation), u64>>);

/// One of these counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToleratedNow {
    /// The partner's name.
    pub partner: String,
    /// What it did.
    pub deviation: Deviation,
    /// Sessions, or files where it concerns a file, in which it did so.
    pub count: u64,
}

impl Tolerated {
    /// Counts one.
    pub fn one(&self, partner: &str, deviation: Deviation) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((partner.to_owned(), deviation)).or_default() += 1;
    }

    /// The counts at this moment, by partner.
    pub fn now(&self) -> Vec<ToleratedNow> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = |((partner, deviation), count): (&(String, Deviation), &u64)| ToleratedNow {
            partner: partner.clone(),
            deviation: *deviation,
            count: *count,
        };
        counts.iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stand_apart_by_partner_and_kind() {
        let tolerated = Tolerated::default();
        tolerated.one("BETA", Deviation::OversizedData);
        tolerated.one("ACME", Deviation::OversizedData);
        tolerated.one("ACME", Deviation::CounterZero);
        tolerated.one("ACME", Deviation::OversizedData);
        let now: Vec<(String, &str, u64)> = tolerated
            .now()
            .into_iter()
            .map(|entry| (entry.partner, entry.deviation.name(), entry.count))
            .collect();
        let expected = [
            ("ACME", "counter-zero", 1),
            ("ACME", "oversized-data", 2),
            ("BETA", "oversized-data", 1),
        ]
        .map(|(partner, name, count)| (partner.to_owned(), name, count));
        assert_eq!(now, expected);
    }
}
