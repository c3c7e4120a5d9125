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
use std::collections::VecDeque;

use engine::{
    Challenge, Durable, Event, Origin, Phase, Position, Received, Refusal, Request, Session,
    Settings,
};
use oftp::{Eerp, EndReason, FileReason, Sfid, Ssid};

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
    owed: VecDeque<Eerp>,
    outgoing: Option<(Sfid, Vec<u8>, usize)>,
    incoming: Option<(Sfid, Vec<u8>)>,
    name: &'static str,
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

    fn refused(&mut self, what: &str, reason: FileReason) {
        self.outgoing = None;
        self.refusals.push(format!("{what} {reason:?}"));
    }

    /// Receipts first, then files.
    fn next_work(&mut self) -> Option<Request> {
        if let Some(eerp) = self.owed.pop_front() {
            return Some(Request::Eerp(eerp));
        }
        let (sfid, octets) = self.outbox.pop_front()?;
        self.outgoing = Some((sfid.clone(), octets, 0));
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
                self.incoming = Some((sfid, Vec::new()));
                answer(Request::StartFileResponse(Ok(Position::START)));
            }
            Event::StartFileAccepted { answer } => assert_eq!(answer, 0),
            Event::StartFileRefused { reason, .. } => self.refused("offer", reason),
            Event::DataReceived => {
                let mut received = Received::default();
                session.take_received(&mut received, now);
                let (_, octets) = self.incoming.as_mut().unwrap();
                octets.extend_from_slice(&received.octets);
            }
            Event::DataConfirm => {}
            Event::CloseFile { octets, .. } => {
                let (sfid, file) = self.incoming.take().unwrap();
                assert_eq!(octets, file.len() as u64);
                self.owed.push_back(eerp_for(&sfid));
                self.inbox.push((sfid, file));
                answer(Request::CloseFileResponse(Ok((
                    Durable::synced(octets),
                    self.want_turn,
                ))));
            }
            Event::CloseFileAccepted { .. } => self.sent.push(self.outgoing.take().unwrap().0),
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
            Event::RtrConfirm | Event::ChangeDirection | Event::TurnTaken => {}
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
            Phase::Sending if session.can_close_file() => {
                let octets = self.outgoing.as_ref().unwrap().1.len() as u64;
                Request::CloseFile { records: 0, octets }
            }
            Phase::Sending if session.can_send_data() => {
                let (_, octets, position) = self.outgoing.as_mut().unwrap();
                let end = position.saturating_add(self.piece).min(octets.len());
                let whole = end == octets.len();
                let before = session.stats().data_sent;
                *position += session
                    .send_data(&octets[*position..end], whole, now)
                    .unwrap();
                return session.stats().data_sent > before;
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
