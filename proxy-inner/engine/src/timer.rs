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
    moved: bool,
}

impl Timer {
    pub(crate) fn started(length: Duration, now: Duration) -> Self {
        Self {
            length,
            deadline: now.saturating_add(length),
            moved: false,
        }
    }

    /// Something happened at this time: actions 1 and 2 of the state tables.
    pub(crate) fn restart(&mut self, now: Duration) {
        *self = Self::started(self.length, now);
    }

    /// Octets moved at an unknown time.
    pub(crate) fn mark_moved(&mut self) {
        self.moved = true;
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// True once when the time is over and nothing moved; restarts itself when something did.
    pub(crate) fn expired(&mut self, now: Duration) -> bool {
        if now < self.deadline {
            return false;
        }
        let idle = !self.moved;
        self.restart(now);
        idle
    }
}
