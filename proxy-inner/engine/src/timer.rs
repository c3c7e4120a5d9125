//! Who is waited for, since when (RFC 5024 section 4.7.2).
//!
//! A wait begins when it comes about. What the awaited side does begins it anew, what the other
//! side does is no sign of its life. Nothing runs in the background: the session looks after
//! every call whom it waits for now, and the limit is reached at an exact moment.

use core::time::Duration;

use crate::Timers;

/// What a state waits for, which decides how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A step of the opening, by the partner.
    Opening,
    /// Any other answer or command of the partner.
    Partner,
    /// The partner's answer to EFID.
    EndOfFile,
    /// The partner's disconnect after our ESID.
    Leave,
    /// Our own driver.
    Driver,
}

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// The partner has to send.
    Partner,
    /// The partner has to read what we sent.
    Reader,
    /// Our driver has to answer, ask, or take octets.
    Driver,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer {
    running: Option<(Whom, Wait)>,
    since: Duration,
}

impl Timer {
    pub(crate) fn stopped(now: Duration) -> Self {
        Self {
            running: None,
            since: now,
        }
    }

    /// This is waited for now, and that side has just acted, if any.
    pub(crate) fn watch(&mut self, wait: Option<(Whom, Wait)>, acted: Option<Whom>, now: Duration) {
        let goes_on = self.running == wait && wait.map(|(whom, _)| whom) != acted;
        if !goes_on {
            self.running = wait;
            self.since = now;
        }
    }

    pub(crate) fn running(&self) -> Option<(Whom, Wait)> {
        self.running
    }

    pub(crate) fn deadline(&self, timers: &Timers) -> Option<Duration> {
        let (whom, wait) = self.running?;
        Some(self.since.saturating_add(limit(timers, whom, wait)))
    }
}

/// How long that may take.
pub(crate) fn limit(timers: &Timers, whom: Whom, wait: Wait) -> Duration {
    match (whom, wait) {
        (Whom::Driver, _) => timers.answer,
        (_, Wait::Opening) => timers.opening,
        (_, Wait::Leave) => timers.leave,
        (Whom::Partner, Wait::EndOfFile) => timers.end_of_file,
        (Whom::Partner | Whom::Reader, _) => timers.inactivity,
    }
}
