//! The inactivity timer (RFC 5024 section 4.7.2), the only timer a session on TCP has.
//!
//! Every transition restarts it. Whether its end means anything is decided when it comes:
//! only where the partner is awaited, and only if nothing moved since it was started. Writes and
//! reads of the driver are told without a time, so they leave a mark that buys one more round.

use core::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer {
    length: Duration,
    deadline: Duration,
}

impl Timer {
    pub(crate) fn started(length: Duration, now: Duration) -> Self {
        Self {
            length,
            deadline: now.saturating_add(length),
        }
    }

    /// Something happened at this time: actions 1 and 2 of the state tables.
    pub(crate) fn restart(&mut self, now: Duration) {
        *self = Self::started(self.length, now);
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(crate) fn expired(&self, now: Duration) -> bool {
        now >= self.deadline
    }
}
