//! Plain counters of one session.

use oftp::Deviation;

/// What a session has done so far. Counters only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Exchange buffers received, DATA included.
    pub frames_received: u64,
    /// Exchange buffers queued for sending, DATA included.
    pub frames_sent: u64,
    /// DATA buffers received.
    pub data_received: u64,
    /// DATA buffers sent.
    pub data_sent: u64,
    /// File octets received.
    pub octets_received: u64,
    /// File octets sent.
    pub octets_sent: u64,
    /// Files of the partner we acknowledged with EFPA.
    pub files_received: u64,
    /// Files of ours the partner acknowledged with EFPA.
    pub files_sent: u64,
    /// Receipts received.
    pub receipts_received: u64,
    /// Receipts of ours the partner took with RTR.
    pub receipts_sent: u64,
    /// Tolerated breaches of all kinds, every one of them.
    pub deviations: u64,
    /// The same by kind, in the order of [`Deviation::ALL`].
    kinds: [u64; Deviation::ALL.len()],
}

impl Stats {
    /// How often this breach was tolerated.
    #[must_use]
    pub fn tolerated(&self, deviation: Deviation) -> u64 {
        self.by_kind()
            .find_map(|(kind, count)| (kind == deviation).then_some(count))
            .unwrap_or_default()
    }

    /// Every kind of breach with how often it was tolerated, also those never met.
    pub fn by_kind(&self) -> impl Iterator<Item = (Deviation, u64)> {
        Deviation::ALL.into_iter().zip(self.kinds)
    }

    pub(crate) fn count(&mut self, deviation: Deviation) {
        self.deviations += 1;
        for (kind, count) in Deviation::ALL.into_iter().zip(&mut self.kinds) {
            *count += u64::from(kind == deviation);
        }
    }
}
