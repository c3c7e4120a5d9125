//! One file going out: how its octets, and the ends of its records, get from the spool to the engine.
//!
//! ```text
//!  SFID ─▶ SFPA: from where? ─▶ Sending: spool ─▶ pieces ─▶ engine ─▶ journal: offered whole ─▶ EFID
//! ```
//!
//! That the whole file went out is in the journal before the EFID is on its way: a partner that later
//! calls the same file a duplicate (SFNA 13) then is known to have it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{Request, RequestError, Session};
use oftp::{Sfid, subrecord};
use store::{OutboundClaim, OutboundFile, StoreError, TransferId};
use tokio::task::{JoinHandle, spawn_blocking};

/// Pieces of one file between disk and engine, the one being read included.
const MOST_PIECES: usize = 3;
/// About how many octets a piece holds.
const PIECE: usize = 512 * 1024;

/// A file being sent: its octets on their way from the spool to the engine.
pub(crate) struct Sending {
    id: TransferId,
    sfid: Sfid,
    size: u64,
    records: u64,
    /// It travels record by record, not as one stream.
    by_records: bool,
    /// In other hands while the journal takes note of something.
    claim: Option<Box<OutboundClaim>>,
    /// The open spool file, while it is not being read.
    file: Option<OutboundFile>,
    reading: Option<JoinHandle<ReadAhead>>,
    /// The last piece has been read.
    all_read: bool,
    ready: VecDeque<Piece>,
    /// Octets of the first ready piece that the engine has taken.
    used: usize,
    free: Vec<Piece>,
    pieces: usize,
    chunk: usize,
    /// Octets of the file with the engine or the partner.
    sent: u64,
    /// Records of the file with the engine or the partner.
    sent_records: u64,
    step: Step,
    problem: Option<String>,
    /// The problem is in the file, which no session can carry.
    hopeless: bool,
}

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// SFID is out.
    Offered,
    /// SFPA came, with the position from which the partner wants it; the spool file is being opened there.
    Opening(u64),
    /// Octets flow.
    Open,
    /// All octets, and the mark of their end, are with the engine.
    Whole,
    /// The journal knows that the file went out whole.
    Recorded,
    /// EFID is out.
    Closing,
}

/// Octets of a file, with the ends of the records in them.
#[derive(Debug, Default)]
struct Piece {
    octets: Vec<u8>,
    /// Offsets into what the engine has not taken of `octets`, ascending.
    ends: Vec<usize>,
    /// The file ends with it.
    last: bool,
}

struct ReadAhead {
    file: OutboundFile,
    piece: Piece,
    outcome: Result<(), StoreError>,
}

impl Sending {
    /// A claimed file, opened where it is sent from its start in any case, to be offered as `sfid` in a
    /// session that agreed on exchange buffers of `buffer` octets.
    pub(crate) fn new(
        claim: Box<OutboundClaim>,
        file: Option<OutboundFile>,
        sfid: Sfid,
        buffer: u32,
    ) -> Self {
        // Whole exchange buffers only: a short one in the middle would cost a credit of its own.
        let capacity = subrecord::capacity(usize::try_from(buffer).unwrap_or(128)).max(1);
        Self {
            id: claim.id(),
            size: claim.octets(),
            records: claim.records(),
            by_records: claim.has_records(),
            sfid,
            claim: Some(claim),
            file,
            reading: None,
            all_read: false,
            ready: VecDeque::new(),
            used: 0,
            free: Vec::new(),
            pieces: 0,
            chunk: (PIECE / capacity).max(1) * capacity,
            sent: 0,
            sent_records: 0,
            step: Step::Offered,
            problem: None,
            hopeless: false,
        }
    }

    /// Its name in the journal.
    pub(crate) fn id(&self) -> TransferId {
        self.id
    }

    /// Its size in octets.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Octets of the file the engine has taken, those before the position it goes on from included.
    pub(crate) fn octets(&self) -> u64 {
        self.sent
    }

    /// What the partner can have of it at most, in the unit of restart positions.
    pub(crate) fn reached(&self) -> u64 {
        if self.by_records {
            self.sent_records
        } else {
            self.sent / 1024
        }
    }

    /// Why the file cannot go on, if it cannot.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// True when no other session could carry the file either.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.hopeless
    }

    /// The SFID that offers it.
    pub(crate) fn sfid(&self) -> &Sfid {
        &self.sfid
    }

    /// True while the partner has not said from where it wants the file, although it was offered to go
    /// on in the middle.
    pub(crate) fn is_restart_open(&self) -> bool {
        self.step == Step::Offered && self.sfid.restart > 0
    }

    /// The partner accepted the offer, and wants the file from this position on.
    pub(crate) fn accepted(&mut self, answer: u64) {
        self.step = if self.file.is_some() {
            Step::Open
        } else {
            Step::Opening(answer)
        };
    }

    /// The claim, for the spool file to be opened at a position; once.
    pub(crate) fn take_to_open(&mut self) -> Option<(Box<OutboundClaim>, u64)> {
        match self.step {
            Step::Opening(answer) => self.claim.take().map(|claim| (claim, answer)),
            _ => None,
        }
    }

    /// The spool file is open at the position, or is not.
    pub(crate) fn opened(
        &mut self,
        claim: Box<OutboundClaim>,
        opened: Result<OutboundFile, StoreError>,
    ) {
        self.claim = Some(claim);
        match (opened, self.step) {
            (Ok(file), Step::Opening(answer)) => {
                self.sent = file.octets();
                self.sent_records = if self.by_records { answer } else { 0 };
                self.file = Some(file);
                self.step = Step::Open;
            }
            (Ok(_), _) => {}
            (Err(error), _) => self.problem = Some(error.to_string()),
        }
    }

    /// Moves octets from the disk towards the engine; true if any were moved.
    pub(crate) fn advance(&mut self, session: &mut Session, now: Duration) -> bool {
        if self.problem.is_some() {
            return false;
        }
        let mut moved = false;
        if self.step == Step::Open {
            moved = self.feed(session, now);
            self.read();
        }
        if self.step == Step::Recorded && session.can_close_file() {
            let close = Request::CloseFile {
                records: if self.by_records { self.records } else { 0 },
                octets: self.size,
            };
            match session.request(close, now) {
                Ok(()) => self.step = Step::Closing,
                Err(error) => {
                    self.problem = Some(error.to_string());
                    self.hopeless = true;
                }
            }
            moved = true;
        }
        moved
    }

    /// The claim, for the journal to take note that the file went out whole; once.
    pub(crate) fn take_to_record(&mut self) -> Option<Box<OutboundClaim>> {
        if self.step == Step::Whole {
            self.claim.take()
        } else {
            None
        }
    }

    /// The journal took note, or did not.
    pub(crate) fn recorded(&mut self, claim: Box<OutboundClaim>, outcome: Result<(), StoreError>) {
        self.claim = Some(claim);
        match outcome {
            Ok(()) => self.step = Step::Recorded,
            Err(error) => self.problem = Some(error.to_string()),
        }
    }

    /// The claim, to say how the attempt ended.
    pub(crate) fn into_claim(self) -> Option<OutboundClaim> {
        self.claim.map(|claim| *claim)
    }

    /// Ready when the disk has given something.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(reading) = &mut self.reading else {
            return Poll::Pending;
        };
        let Poll::Ready(read) = Pin::new(reading).poll(cx) else {
            return Poll::Pending;
        };
        self.reading = None;
        match read {
            Ok(ReadAhead {
                file,
                piece,
                outcome: Ok(()),
            }) => {
                self.file = Some(file);
                self.all_read = piece.last;
                self.ready.push_back(piece);
            }
            Ok(ReadAhead {
                outcome: Err(error),
                ..
            }) => {
                self.problem = Some(format!("its spool file cannot be read: {error}"));
            }
            Err(error) => self.problem = Some(format!("the reading thread failed: {error}")),
        }
        Poll::Ready(())
    }

    /// Offers the engine what is ready.
    fn feed(&mut self, session: &mut Session, now: Duration) -> bool {
        let mut moved = false;
        while session.can_send_data() {
            let Some(piece) = self.ready.front() else {
                break;
            };
            let last = piece.last;
            let taken = match give(piece, self.used, self.by_records, session, now) {
                Ok(taken) => taken,
                Err(error) => {
                    self.problem = Some(error.to_string());
                    self.hopeless = true;
                    return true;
                }
            };
            moved |= taken.any();
            self.sent += taken.octets as u64;
            self.sent_records += taken.records as u64;
            self.used += taken.octets;
            if !taken.whole {
                self.shift(taken);
                break;
            }
            self.used = 0;
            self.free.extend(self.ready.pop_front());
            if last {
                self.step = Step::Whole;
                moved = true;
                break;
            }
        }
        if let Some(claim) = self.claim.as_ref().filter(|_| moved) {
            claim.progress(self.sent);
        }
        moved
    }

    /// The ends of the records that are left count from the octets that are left.
    fn shift(&mut self, taken: Taken) {
        if let Some(piece) = self.ready.front_mut() {
            piece.ends.drain(..taken.records.min(piece.ends.len()));
            for end in &mut piece.ends {
                *end = end.saturating_sub(taken.octets);
            }
        }
    }

    /// Has the next piece read, if there is one to read and one to read into.
    fn read(&mut self) {
        if self.all_read || self.reading.is_some() {
            return;
        }
        let mut piece = match self.free.pop() {
            Some(piece) => piece,
            None if self.pieces < MOST_PIECES => {
                self.pieces += 1;
                Piece::default()
            }
            None => return,
        };
        let Some(mut file) = self.file.take() else {
            self.free.push(piece);
            return;
        };
        let most = self.chunk;
        self.reading = Some(spawn_blocking(move || {
            piece.octets.clear();
            piece.ends.clear();
            let read = file.read(&mut piece.octets, &mut piece.ends, most);
            let outcome = read.map(|last| piece.last = last);
            ReadAhead {
                file,
                piece,
                outcome,
            }
        }));
    }
}

/// What the engine has taken of a piece.
#[derive(Clone, Copy)]
struct Taken {
    octets: usize,
    records: usize,
    /// Nothing of the piece is left.
    whole: bool,
}

impl Taken {
    fn any(self) -> bool {
        self.octets > 0 || self.records > 0
    }
}

/// Gives the engine, which can send, what it takes of a piece, of which it has `used` octets.
fn give(
    piece: &Piece,
    used: usize,
    by_records: bool,
    session: &mut Session,
    now: Duration,
) -> Result<Taken, RequestError> {
    let rest = piece.octets.get(used..).unwrap_or_default();
    if by_records {
        let packed = session.send_records(rest, &piece.ends, now)?;
        return Ok(Taken {
            octets: packed.octets,
            records: packed.records,
            whole: packed.octets == rest.len() && packed.records == piece.ends.len(),
        });
    }
    let octets = session.send_data(rest, piece.last, now)?;
    Ok(Taken {
        octets,
        records: 0,
        whole: octets == rest.len(),
    })
}
