//! What every state shares: agreed terms, both buffers, news, timer and counters.

use std::collections::VecDeque;

use core::time::Duration;

use oftp::{Command, Deviation, Deviations, Efna, EncodeError, Esid, Level, Nerp, Sfna};

use crate::timer::Timer;
use crate::transmit::Transmit;
use crate::{Agreement, Event, Received, Settings, Stats};

/// How many octets of decoded file, eight for each end of a record included, may wait to be taken
/// before [`Session::receive`](crate::Session::receive) consumes no more. One decoded DATA buffer
/// more can be waiting: at most 99999 octets, 3.2 million where compression was agreed, or the ends
/// of 99998 empty records.
pub const RECEIVE_CEILING: usize = 256 * 1024;

/// A session that is between files gives memory beyond this back.
const KEPT: usize = 16 * 1024;

/// Breaches that belong to a file.
const OF_FILES: [Deviation; 5] = [
    Deviation::OversizedData,
    Deviation::EmptyFileWithoutData,
    Deviation::EndOfRecordMissing,
    Deviation::StreamWithRecordCount,
    Deviation::EndedBeforeAnswer,
];

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
    /// Deviations reported so far: in this session, and in this file.
    noted: Deviations,
}

impl Line {
    pub(crate) fn new(settings: Settings, now: Duration) -> Self {
        Self {
            transmit: Transmit::default(),
            timer: Timer::stopped(now),
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

    /// The partner's level is known: until both agree, an ESID has the form of the lower one
    ///
    pub(crate) fn meet(&mut self, theirs: Level) {
        self.terms.level = self.settings.level.min(theirs);
    }

    pub(crate) fn agree(&mut self, terms: Agreement) {
        self.terms = terms;
        self.agreed = true;
    }

    /// Queues a command; nothing happens if it does not fit the wire.
    pub(crate) fn send(&mut self, command: &Command<'_>) -> Result<(), EncodeError> {
        let level = self.terms.level;
        // Before a level is agreed nothing is known of the partner's; ESID 12 is about that.
        let reasons = if self.agreed { level } else { Level::L5 };
        let spoken = reason_at(reasons, command);
        self.transmit
            .push(spoken.as_ref().unwrap_or(command), level)?;
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

    /// Does this session refuse what most tolerate?
    pub(crate) fn refuses(&self, deviation: Deviation) -> bool {
        self.settings.refused.contains(deviation)
    }

    /// Counts a tolerated breach, and reports it unless that was done already in this session, or
    /// in this file where it belongs to one.
    pub(crate) fn tolerate(&mut self, deviation: Deviation) {
        self.stats.count(deviation);
        if self.noted.insert(deviation) {
            self.tell(Event::Deviation(deviation));
        }
    }

    /// [`Line::tolerate`] for each.
    pub(crate) fn tolerate_all(&mut self, met: Deviations) {
        for deviation in met.iter() {
            self.tolerate(deviation);
        }
    }

    /// A file of the partner was opened: what it breaks is reported anew.
    pub(crate) fn file_opened(&mut self) {
        for deviation in OF_FILES {
            self.noted.remove(deviation);
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
        self.received
            .record_ends
            .shrink_to(KEPT / size_of::<usize>());
    }
}

/// The command with a reason that exists at this level; `None` where it is right as it is.
fn reason_at(level: Level, command: &Command<'_>) -> Option<Command<'static>> {
    match command {
        Command::Esid(Esid { reason, text }) if reason.at_level(level) != *reason => {
            Some(Command::Esid(Esid {
                reason: reason.at_level(level),
                text: text.clone(),
            }))
        }
        Command::Sfna(Sfna {
            reason,
            retry,
            text,
        }) if reason.at_level(level) != *reason => Some(Command::Sfna(Sfna {
            reason: reason.at_level(level),
            retry: *retry,
            text: text.clone(),
        })),
        Command::Efna(Efna { reason, text }) if reason.at_level(level) != *reason => {
            Some(Command::Efna(Efna {
                reason: reason.at_level(level),
                text: text.clone(),
            }))
        }
        // A receipt that is passed on keeps the reason that its creator gave, where it can.
        Command::Nerp(nerp) if !level.is_oftp2() && nerp.reason.at_level(level) != nerp.reason => {
            Some(Command::Nerp(Nerp {
                reason: nerp.reason.at_level(level),
                ..nerp.clone()
            }))
        }
        _ => None,
    }
}
