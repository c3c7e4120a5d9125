//! Two engines joined by byte queues, each with a monitor that has files to send and keeps what it
//! receives.
//!
//! ```text
//!  Monitor ── Session ──▶ queue ──▶ input ── Session ── Monitor
//!                    ◀── input ◀── queue ◀──
//! ```
//!
//! Time is invented: it moves only when no octet can, straight to the next deadline.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use engine::{
    Challenge, Durable, Event, FileRefusal, Origin, Phase, Position, Received, Refusal, Request,
    Session, Settings,
};
use oftp::{DatasetName, Eerp, EndReason, FileReason, Format, Security, Sfid, Ssid};

use crate::script::{OURS, THEIRS, eerp_for, identity};

/// A repeatable source of choices.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number from 0 to `below` - 1.
    pub fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }

    pub fn octets(&mut self, length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| u8::try_from(self.roll(256)).unwrap())
            .collect()
    }
}

/// How many octets cross at once.
#[derive(Debug, Clone)]
pub enum Split {
    All,
    Fixed(usize),
    Random(Dice, usize),
}

impl Split {
    fn next(&mut self) -> usize {
        match self {
            Self::All => usize::MAX,
            Self::Fixed(octets) => *octets,
            Self::Random(dice, most) => 1 + dice.roll(*most),
        }
    }
}

/// The user of one engine: offers its files, keeps what comes, sends receipts for it, ends the
/// session when done.
#[derive(Debug, Default)]
pub struct Monitor {
    pub outbox: VecDeque<(Sfid, Vec<u8>)>,
    pub inbox: Vec<(Sfid, Vec<u8>)>,
    /// Where the records of the files in `inbox` end; empty for files that travel as one stream.
    pub inbox_ends: Vec<Vec<usize>>,
    /// Counts that came with the files in `inbox`: records and octets.
    pub inbox_counts: Vec<(u64, u64)>,
    pub receipts: Vec<Eerp>,
    pub sent: Vec<Sfid>,
    pub aborts: Vec<(Option<EndReason>, Origin)>,
    pub deviations: Vec<engine::Deviation>,
    /// Files refused on either side.
    pub refusals: Vec<String>,
    pub released: bool,
    /// This side ended the session itself.
    pub releasing: bool,
    pub partner: Option<Ssid>,
    /// The session was open.
    pub open: bool,
    /// What challenges are sealed and opened with; both sides need the same.
    pub key: u8,
    /// Challenges made so far.
    pub challenges: u8,
    /// Octets offered to the engine at a time.
    pub piece: usize,
    /// Ask for the turn with EFPA when there is something to give.
    pub want_turn: bool,
    /// Make a request while the turn is still awaited.
    pub eager: bool,
    /// Of what an interrupted file left here, so many blocks or records were not durable.
    pub lost: u64,
    /// Of what went out, so many blocks or records are not offered as there.
    pub held_back: u64,
    /// Positions at which files were taken up again.
    pub resumed: Vec<u64>,
    /// Where the records of offered files end.
    ends: BTreeMap<DatasetName, Vec<usize>>,
    owed: VecDeque<Eerp>,
    receipt: Option<Eerp>,
    outgoing: Option<Outgoing>,
    incoming: Option<(Sfid, Kept)>,
    /// What an interrupted session left of files.
    partial: BTreeMap<DatasetName, Kept>,
    name: &'static str,
}

/// A file on its way out.
#[derive(Debug)]
struct Outgoing {
    sfid: Sfid,
    octets: Vec<u8>,
    ends: Vec<usize>,
    /// Octets and records that went out.
    position: usize,
    records: usize,
}

/// What came of a file.
#[derive(Debug, Default)]
struct Kept {
    octets: Vec<u8>,
    ends: Vec<usize>,
}

/// Does the file travel as one stream of octets? (R-149)
pub fn is_stream(sfid: &Sfid) -> bool {
    let plain = !sfid.envelope && !sfid.compression && sfid.security == Security::None;
    !(plain && matches!(sfid.format, Format::Fixed | Format::Variable))
}

impl Outgoing {
    /// Whole blocks or records that went out.
    fn reached(&self) -> u64 {
        let units = if is_stream(&self.sfid) {
            self.position / 1024
        } else {
            self.records
        };
        units as u64
    }

    fn resume(&mut self, answer: u64) {
        let answer = usize::try_from(answer).unwrap();
        if is_stream(&self.sfid) {
            self.position = answer * 1024;
        } else {
            self.records = answer;
            self.position = answer.checked_sub(1).map_or(0, |last| self.ends[last]);
        }
    }

    /// Hands the next piece to the engine. True if something went out.
    fn send(&mut self, piece: usize, session: &mut Session, now: Duration) -> bool {
        let end = self.position.saturating_add(piece).min(self.octets.len());
        let octets = &self.octets[self.position..end];
        let before = session.stats().data_sent;
        if is_stream(&self.sfid) {
            let whole = end == self.octets.len();
            self.position += session.send_data(octets, whole, now).unwrap();
        } else {
            let ends = self.ends[self.records..].iter();
            let near = ends.take_while(|record| **record <= end);
            let near: Vec<_> = near.map(|record| record - self.position).collect();
            let packed = session.send_records(octets, &near, now).unwrap();
            self.position += packed.octets;
            self.records += packed.records;
        }
        session.stats().data_sent > before
    }

    fn is_sent(&self) -> bool {
        self.position == self.octets.len() && self.records == self.ends.len()
    }
}

impl Kept {
    /// The position to answer: what is held, as far as offered, less what was lost.
    fn position(&mut self, sfid: &Sfid, lost: u64) -> Position {
        let stream = is_stream(sfid);
        let held = if stream {
            self.octets.len() / 1024
        } else {
            self.ends.len()
        };
        let held = (held as u64).saturating_sub(lost).min(sfid.restart);
        let units = usize::try_from(held).unwrap();
        let octets = if stream {
            units * 1024
        } else {
            self.ends.truncate(units);
            self.ends.last().copied().unwrap_or(0)
        };
        self.octets.truncate(octets);
        Position {
            answer: held,
            octets: octets as u64,
        }
    }

    fn take(&mut self, received: &Received) {
        let before = self.octets.len();
        let ends = received.record_ends.iter().map(|end| before + end);
        self.ends.extend(ends);
        self.octets.extend_from_slice(&received.octets);
    }
}

impl Monitor {
    pub fn new(name: &'static str) -> Self {
        Self {
            piece: usize::MAX,
            want_turn: true,
            name,
            ..Self::default()
        }
    }

    pub fn offer(&mut self, sfid: Sfid, octets: Vec<u8>) {
        self.outbox.push_back((sfid, octets));
    }

    /// Offers a file of format F or V, whose records end at these offsets.
    pub fn offer_records(&mut self, sfid: Sfid, octets: Vec<u8>, ends: Vec<usize>) {
        self.ends.insert(sfid.dataset.clone(), ends);
        self.offer(sfid, octets);
    }

    /// The session is over; what it left unfinished is for the next one.
    fn put_back(&mut self, restart: bool) {
        if let Some((sfid, kept)) = self.incoming.take() {
            self.partial.insert(sfid.dataset, kept);
        }
        if let Some(outgoing) = self.outgoing.take() {
            let mut sfid = outgoing.sfid.clone();
            let reached = outgoing.reached().saturating_sub(self.held_back);
            sfid.restart = if restart { reached } else { 0 };
            self.outbox.push_front((sfid, outgoing.octets));
        }
        if let Some(receipt) = self.receipt.take() {
            self.owed.push_front(receipt);
        }
        self.aborts.clear();
        self.released = false;
        self.releasing = false;
        self.open = false;
    }

    fn refused(&mut self, what: &str, reason: FileReason) {
        self.outgoing = None;
        self.refusals.push(format!("{what} {reason:?}"));
    }

    /// Receipts first, then files.
    fn next_work(&mut self) -> Option<Request> {
        if let Some(eerp) = self.owed.pop_front() {
            self.receipt = Some(eerp.clone());
            return Some(Request::Eerp(eerp));
        }
        let (sfid, octets) = self.outbox.pop_front()?;
        self.outgoing = Some(Outgoing {
            sfid: sfid.clone(),
            octets,
            ends: self.ends.get(&sfid.dataset).cloned().unwrap_or_default(),
            position: 0,
            records: 0,
        });
        Some(Request::StartFile(sfid))
    }

    fn hear(&mut self, event: Event, session: &mut Session, now: Duration) {
        let mut answer = |request: Request| {
            let name = request.name();
            // C8: the session may have ended meanwhile; the answer then is an error and nothing
            // else.
            if let Err(error) = session.request(request, now) {
                let over = matches!(session.phase(), Phase::Closed | Phase::Ending);
                assert!(over, "{name}: {error}");
            }
        };
        match event {
            Event::Connect(ssid) => {
                self.partner = Some(ssid);
                answer(Request::ConnectResponse(Ok(identity(self.name))));
            }
            Event::Introduced(ssid) => self.partner = Some(ssid),
            Event::Connected(_, ssid) => {
                self.partner = Some(ssid);
                self.open = true;
            }
            Event::ChallengeWanted => {
                self.challenges += 1;
                let secret = [self.challenges.wrapping_mul(37); 20];
                answer(Request::Challenge(Ok(Challenge {
                    sealed: sealed(&secret, self.key),
                    secret,
                })));
            }
            Event::Challenged(challenge) => {
                let opened = <[u8; 20]>::try_from(sealed(&challenge, self.key));
                answer(Request::ChallengeResponse(opened.map_err(|_| {
                    Refusal::authentication("the challenge is not of 20 octets")
                })));
            }
            Event::StartFile(sfid) => {
                if self
                    .inbox
                    .iter()
                    .any(|(had, _)| had.dataset == sfid.dataset)
                {
                    let reason = FileReason::DUPLICATE;
                    let refusal = FileRefusal {
                        reason,
                        retry: false,
                        text: String::new(),
                    };
                    answer(Request::StartFileResponse(Err(refusal)));
                    return;
                }
                let mut kept = self.partial.remove(&sfid.dataset).unwrap_or_default();
                let position = kept.position(&sfid, self.lost);
                if position != Position::START {
                    self.resumed.push(position.answer);
                }
                self.incoming = Some((sfid, kept));
                answer(Request::StartFileResponse(Ok(position)));
            }
            Event::StartFileAccepted { answer } => {
                let outgoing = self.outgoing.as_mut().unwrap();
                assert!(answer <= outgoing.sfid.restart);
                outgoing.resume(answer);
            }
            // The answer to the end of the file was lost with the session before.
            Event::StartFileRefused {
                reason: FileReason::DUPLICATE,
                ..
            } => self.sent.push(self.outgoing.take().unwrap().sfid),
            Event::StartFileRefused { reason, .. } => self.refused("offer", reason),
            Event::DataReceived => {
                let mut received = Received::default();
                session.take_received(&mut received, now);
                self.incoming.as_mut().unwrap().1.take(&received);
            }
            Event::DataConfirm => {}
            Event::CloseFile { records, octets } => {
                let (sfid, kept) = self.incoming.take().unwrap();
                assert_eq!(octets, kept.octets.len() as u64);
                assert_eq!(records, kept.ends.len() as u64);
                self.owed.push_back(eerp_for(&sfid));
                self.inbox.push((sfid, kept.octets));
                self.inbox_ends.push(kept.ends);
                self.inbox_counts.push((records, octets));
                answer(Request::CloseFileResponse(Ok((
                    Durable::synced(octets),
                    self.want_turn,
                ))));
            }
            Event::CloseFileAccepted { .. } => {
                self.sent.push(self.outgoing.take().unwrap().sfid);
            }
            Event::CloseFileRefused { reason, .. } => self.refused("file", reason),
            Event::FileDropped { reason, .. } => {
                self.incoming = None;
                self.refusals.push(format!("dropped {reason:?}"));
            }
            Event::Eerp(eerp) => {
                self.receipts.push(eerp);
                answer(Request::RtrResponse);
            }
            Event::Nerp(_) => answer(Request::RtrResponse),
            Event::RtrConfirm => self.receipt = None,
            Event::ChangeDirection | Event::TurnTaken => {}
            Event::Released => self.released = true,
            Event::Aborted {
                reason,
                origin,
                detail,
                ..
            } => {
                assert!(!detail.is_empty());
                self.aborts.push((reason, origin));
            }
            Event::Deviation(deviation) => self.deviations.push(deviation),
        }
    }

    /// Does the next thing that the phase allows. True if it did something.
    fn act(&mut self, session: &mut Session, now: Duration) -> bool {
        let request = match session.phase() {
            Phase::IdleSpeaker | Phase::IdleSpeakerAfterCd => {
                if let Some(work) = self.next_work() {
                    work
                } else if session.phase() == Phase::IdleSpeakerAfterCd {
                    self.releasing = true;
                    Request::Release(EndReason::NORMAL, String::new())
                } else {
                    Request::ChangeDirection
                }
            }
            Phase::AwaitingTurn if self.eager => match self.next_work() {
                Some(work) => work,
                None => Request::ChangeDirection,
            },
            Phase::Sending => {
                let outgoing = self.outgoing.as_mut().unwrap();
                if outgoing.is_sent() && session.can_close_file() {
                    Request::CloseFile {
                        records: outgoing.ends.len() as u64,
                        octets: outgoing.octets.len() as u64,
                    }
                } else if session.can_send_data() {
                    return outgoing.send(self.piece, session, now);
                } else {
                    return false;
                }
            }
            _ => return false,
        };
        let name = request.name();
        session
            .request(request, now)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        true
    }
}

/// Stands for CMS EnvelopedData, both ways.
fn sealed(octets: &[u8], key: u8) -> Vec<u8> {
    octets.iter().map(|octet| octet ^ key).collect()
}

/// One side: an engine, its monitor, and what has arrived but is not consumed.
#[derive(Debug)]
pub struct Side {
    pub session: Session,
    pub monitor: Monitor,
    pub split: Split,
    input: Vec<u8>,
    /// Octets this side has sent in all.
    pub sent: usize,
    /// The connection broke after that many octets of this side had crossed.
    pub cut_after: Option<usize>,
    /// The octet at this position arrives changed by these bits.
    damage: Option<(usize, u8)>,
    gone: bool,
}

impl Side {
    fn new(session: Session, monitor: Monitor) -> Self {
        Self {
            session,
            monitor,
            split: Split::All,
            input: Vec::new(),
            sent: 0,
            cut_after: None,
            damage: None,
            gone: false,
        }
    }

    /// Lets one octet that this side sends arrive with some of its bits turned.
    pub fn damage(&mut self, position: usize, bits: u8) {
        self.damage = Some((position, bits));
    }

    fn serve(&mut self, now: Duration) -> bool {
        let mut moved = false;
        let used = self.session.receive(&self.input, now);
        self.input.drain(..used);
        moved |= used > 0;
        while let Some(event) = self.session.poll_event() {
            self.monitor.hear(event, &mut self.session, now);
            moved = true;
        }
        moved |= self.monitor.act(&mut self.session, now);
        moved
    }

    fn closed(&self) -> bool {
        self.session.must_disconnect() && self.session.transmit().is_empty()
    }
}

/// An initiator and a responder.
#[derive(Debug)]
pub struct Pair {
    pub initiator: Side,
    pub responder: Side,
    pub now: Duration,
}

impl Pair {
    pub fn new(ours: &Settings, theirs: &Settings) -> Self {
        let now = Duration::from_secs(1);
        let initiator = Session::initiator(ours.clone(), identity(OURS), now);
        let responder = Session::responder(theirs.clone(), now);
        Self {
            initiator: Side::new(initiator, Monitor::new(OURS)),
            responder: Side::new(responder, Monitor::new(THEIRS)),
            now,
        }
    }

    pub fn with_split(mut self, split: &Split) -> Self {
        self.initiator.split = split.clone();
        self.responder.split = split.clone();
        self
    }

    /// A new session of both sides after this one ended, with what it left unfinished.
    pub fn again(self, ours: &Settings, theirs: &Settings) -> Self {
        let mut next = Self::new(ours, theirs);
        next.now = self.now;
        for (old, new) in [
            (self.initiator, &mut next.initiator),
            (self.responder, &mut next.responder),
        ] {
            new.split = old.split;
            new.monitor = old.monitor;
            new.monitor.put_back(ours.restart && theirs.restart);
        }
        next
    }

    /// Runs until both sides are closed.
    pub fn run(&mut self) {
        let mut stalls = 0;
        while !(self.initiator.session.must_disconnect()
            && self.responder.session.must_disconnect())
        {
            let mut moved = self.initiator.serve(self.now);
            moved |= self.responder.serve(self.now);
            moved |= carry(&mut self.initiator, &mut self.responder, self.now);
            moved |= carry(&mut self.responder, &mut self.initiator, self.now);
            if moved {
                stalls = 0;
                continue;
            }
            stalls += 1;
            assert!(stalls < 10, "the pair hangs: {self:#?}");
            self.jump();
        }
        for side in [&mut self.initiator, &mut self.responder] {
            side.serve(self.now);
        }
    }

    /// Moves the time to the next deadline.
    fn jump(&mut self) {
        let deadlines = [&self.initiator, &self.responder].map(|side| side.session.next_timeout());
        let next = deadlines.into_iter().flatten().min();
        let Some(next) = next else {
            panic!("nothing moves and nobody has a deadline: {self:#?}");
        };
        self.now = self.now.max(next);
        self.initiator.session.handle_timeout(self.now);
        self.responder.session.handle_timeout(self.now);
    }

    /// Both sides ended the session in good order.
    pub fn assert_clean(&self) {
        for side in [&self.initiator, &self.responder] {
            assert_eq!(side.monitor.aborts, [], "{}", side.monitor.name);
            assert!(
                side.monitor.refusals.is_empty(),
                "{:?}",
                side.monitor.refusals
            );
            assert!(side.monitor.outbox.is_empty() && side.monitor.owed.is_empty());
        }
        assert!(
            self.initiator.monitor.released != self.responder.monitor.released,
            "exactly one side is told of the release"
        );
    }
}

/// Takes octets from one side to the other, and the end of the connection after them.
fn carry(from: &mut Side, to: &mut Side, now: Duration) -> bool {
    let crossing = from.session.transmit().len().min(from.split.next());
    let crossing = match from.cut_after {
        Some(limit) => crossing.min(limit.saturating_sub(from.sent)),
        None => crossing,
    };
    to.input
        .extend_from_slice(&from.session.transmit()[..crossing]);
    if let Some((position, bits)) = from.damage
        && (from.sent..from.sent + crossing).contains(&position)
    {
        let end = to.input.len();
        to.input[end - crossing + position - from.sent] ^= bits;
    }
    from.session.transmitted(crossing, now);
    from.sent += crossing;
    let cut = from.cut_after == Some(from.sent);
    if (from.closed() || cut) && !from.gone {
        from.gone = true;
        to.serve(now);
        to.session.disconnected(now);
        if cut {
            from.session.disconnected(now);
        }
        return true;
    }
    crossing > 0
}
