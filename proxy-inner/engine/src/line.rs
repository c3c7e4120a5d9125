//! What every state shares: agreed terms, both buffers, news, timer and counters.

use std::collections::VecDeque;

use core::time::Duration;

use oftp::{Command, Deviations, EncodeError};

use crate::timer::Timer;
use crate::transmit::Transmit;
use crate::{Agreement, Deviation, Event, Received, Settings, Stats};

/// How many decoded file octets may wait to be taken before
/// [`Session::receive`](crate::Session::receive) consumes no more. One decoded DATA buffer more can
/// be waiting: at most 99999 octets, or 3.2 million where compression was agreed.
pub const RECEIVE_CEILING: usize = 256 * 1024;

/// A session that is between files gives memory beyond this back.
const KEPT: usize = 16 * 1024;

/// The part of a session that outlives its states.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) settings: Settings,
    pub(crate) transmit: Transmit,
    pub(crate) timer: Timer,
    pub(crate) stats: Stats,
    /// What came of the file being received and was not taken yet.
    pub(crate) received: Received,
    /// Our settings until the session is agreed.
    terms: Agreement,
    agreed: bool,
    events: VecDeque<Event>,
    /// A `DataReceived` stands for what is in `received`.
    announced: bool,
    /// Deviations of the partner's encoding reported so far.
    noted: Deviations,
}

impl Line {
    pub(crate) fn new(settings: Settings, now: Duration) -> Self {
        Self {
            transmit: Transmit::default(),
            timer: Timer::started(settings.timers.inactivity, now),
            stats: Stats::default(),
            received: Received::default(),
            terms: Agreement::of_settings(&settings),
            agreed: false,
            events: VecDeque::new(),
            announced: false,
            noted: Deviations::none(),
            settings,
        }
    }

    pub(crate) fn terms(&self) -> &Agreement {
        &self.terms
    }

    pub(crate) fn agreement(&self) -> Option<&Agreement> {
        self.agreed.then_some(&self.terms)
    }

    pub(crate) fn agree(&mut self, terms: Agreement) {
        self.terms = terms;
        self.agreed = true;
    }

    /// Queues a command; nothing happens if it does not fit the wire.
    pub(crate) fn send(&mut self, command: &Command<'_>) -> Result<(), EncodeError> {
        self.transmit.push(command, self.terms.level)?;
        self.stats.frames_sent += 1;
        Ok(())
    }

    /// Queues a command whose fields cannot fail to encode.
    pub(crate) fn say(&mut self, command: &Command<'_>) {
        let sent = self.send(command);
        debug_assert!(
            sent.is_ok(),
            "a command without free fields must encode: {sent:?}"
        );
    }

    /// Would [`Line::send`] take this command?
    pub(crate) fn check(&mut self, command: &Command<'_>) -> Result<(), EncodeError> {
        self.transmit.check(command, self.terms.level)
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Tolerates what the codec did, and reports each kind once a session.
    pub(crate) fn tolerate_encoding(&mut self, met: Deviations) {
        for deviation in met.iter() {
            let report = !self.noted.contains(deviation);
            self.noted.note(deviation);
            self.tolerate(Deviation::Encoding(deviation), report);
        }
    }

    /// Counts a tolerated breach, and reports it unless that was done already.
    pub(crate) fn tolerate(&mut self, deviation: Deviation, report: bool) {
        self.stats.deviations += 1;
        if report {
            self.tell(Event::Deviation(deviation));
        }
    }

    /// Octets were added to `received`.
    pub(crate) fn announce_received(&mut self) {
        if !self.announced && !self.received.is_empty() {
            self.announced = true;
            self.tell(Event::DataReceived);
        }
    }

    pub(crate) fn take_received(&mut self, into: &mut Received) {
        into.clear();
        core::mem::swap(&mut self.received, into);
        self.announced = false;
    }

    /// Forgets octets nobody needs any more.
    pub(crate) fn drop_received(&mut self) {
        self.received.clear();
        self.announced = false;
    }

    /// A file is over: gives memory back.
    pub(crate) fn relax(&mut self) {
        self.transmit.relax();
        self.received.octets.shrink_to(KEPT);
        self.received.record_ends.shrink_to(KEPT / size_of::<usize>());
    }
}
