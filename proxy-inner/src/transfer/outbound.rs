//! One file going out: what is next for a partner, and how its octets get from the spool to the engine.
//!
//! ```text
//!  next ─▶ receipts first, then files ─▶ SFID ─▶ Sending: spool ─▶ buffers ─▶ engine ─▶ offered ─▶ EFID
//! ```
//!
//! That the whole file went out is in the journal before the EFID is on its way: a partner that later
//! calls the same file a duplicate (SFNA 13) then is known to have it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{Request, Session};
use jiff::Timestamp;
use oftp::{FileReason, Security, Sfid, subrecord};
use ops::backoff::draw;
use store::{AlreadyThere, OutboundClaim, ReceiptClaim, Store, StoreError, TransferId};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::session::SessionSettings;

/// Buffers of one file between disk and engine, the one being read included.
const MOST_BUFFERS: usize = 3;
/// About how many octets a buffer holds.
const BUFFER: usize = 512 * 1024;

/// What there is to do for a partner while we have the turn.
pub(crate) enum Next {
    /// A receipt to send.
    Receipt(Box<ReceiptClaim>),
    /// A file to send, opened.
    File(Box<OutboundClaim>, File),
    /// Nothing.
    Nothing,
}

/// Claims what is next for `partner`: owed receipts, then files unless `files` says no. Blocks.
///
/// # Errors
/// What the journal said.
pub(crate) fn next(
    store: &Store,
    partner: &str,
    circuit: &str,
    files: bool,
) -> Result<Next, StoreError> {
    if let Some(receipt) = store.claim_receipt(partner, circuit, Timestamp::now())? {
        return Ok(Next::Receipt(Box::new(receipt)));
    }
    if !files {
        return Ok(Next::Nothing);
    }
    while let Some(claim) = store.claim_file(partner, circuit, Timestamp::now())? {
        match claim.open() {
            Ok(file) => return Ok(Next::File(Box::new(claim), file)),
            Err(error) => {
                tracing::error!(
                    circuit,
                    partner,
                    transfer = %claim.id(),
                    why = %error,
                    "A file cannot be sent.",
                );
                claim.failed(&error.to_string(), Timestamp::now())?;
            }
        }
    }
    Ok(Next::Nothing)
}

/// What happened to a refused file.
pub(crate) enum Refused {
    /// It is offered again in a later session.
    Again,
    /// It has failed.
    Failed,
    /// The partner had it all along.
    AlreadyThere,
}

/// Records that the partner refused a file. `retry` is the partner's own word (SFNARRTR), where it
/// has one. Blocks.
///
/// # Errors
/// What the journal said.
pub(crate) fn refused(
    claim: OutboundClaim,
    reason: FileReason,
    retry: Option<bool>,
    text: &str,
    settings: &SessionSettings,
) -> Result<Refused, StoreError> {
    let now = Timestamp::now();
    if reason == FileReason::DUPLICATE {
        return Ok(match claim.already_there(now)? {
            AlreadyThere::Sent => Refused::AlreadyThere,
            AlreadyThere::Conflict => Refused::Failed,
        });
    }
    let attempts = claim.attempts().saturating_add(1);
    let again = retry.unwrap_or_else(|| may_pass(reason)) && attempts < settings.file_attempts;
    let delay = settings.file_backoff.delay(attempts - 1, draw());
    let retry_at = again.then(|| now.checked_add(delay).unwrap_or(now));
    claim.refused(reason, text, retry_at, now)?;
    Ok(if again {
        Refused::Again
    } else {
        Refused::Failed
    })
}

/// EFNA has no retry flag: these reasons are of a kind that may be gone next time.
fn may_pass(reason: FileReason) -> bool {
    [
        FileReason::TOO_BIG,
        FileReason::INVALID_RECORD_COUNT,
        FileReason::INVALID_BYTE_COUNT,
        FileReason::ACCESS_METHOD_FAILURE,
        FileReason::UNSPECIFIED,
    ]
    .contains(&reason)
}

/// A file being sent: its octets on their way from the spool to the engine.
pub(crate) struct Sending {
    id: TransferId,
    size: u64,
    /// In other hands while the journal takes note of something.
    claim: Option<Box<OutboundClaim>>,
    /// The open spool file, while it is not being read.
    file: Option<File>,
    reading: Option<JoinHandle<ReadAhead>>,
    /// Octets asked of the disk so far.
    asked: u64,
    ready: VecDeque<Vec<u8>>,
    /// Octets of the first ready buffer that the engine has taken.
    used: usize,
    free: Vec<Vec<u8>>,
    buffers: usize,
    chunk: usize,
    sent: u64,
    step: Step,
    problem: Option<String>,
}

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// SFID is out.
    Offered,
    /// SFPA came; octets flow.
    Open,
    /// All octets, and the mark of their end, are with the engine.
    Whole,
    /// The journal knows that the file went out whole.
    Recorded,
    /// EFID is out.
    Closing,
}

struct ReadAhead {
    file: File,
    buffer: Vec<u8>,
    outcome: io::Result<()>,
}

impl Sending {
    /// A claimed file, to be offered in a session that agreed on exchange buffers of `buffer` octets.
    pub(crate) fn new(claim: Box<OutboundClaim>, file: File, buffer: u32) -> Self {
        // Whole exchange buffers only: a short one in the middle would cost a credit of its own.
        let capacity = subrecord::capacity(usize::try_from(buffer).unwrap_or(128)).max(1);
        Self {
            id: claim.id(),
            size: claim.octets(),
            claim: Some(claim),
            file: Some(file),
            reading: None,
            asked: 0,
            ready: VecDeque::new(),
            used: 0,
            free: Vec::new(),
            buffers: 0,
            chunk: (BUFFER / capacity).max(1) * capacity,
            sent: 0,
            step: Step::Offered,
            problem: None,
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

    /// Octets the engine has taken.
    pub(crate) fn octets(&self) -> u64 {
        self.sent
    }

    /// Why the file cannot go on, if it cannot.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// The SFID that offers it.
    pub(crate) fn sfid(&self) -> Option<Sfid> {
        let claim = self.claim.as_ref()?;
        let file = claim.file();
        let blocks = self.size.div_ceil(1024);
        Some(Sfid {
            dataset: file.dataset.clone(),
            stamp: file.stamp,
            user: claim.user().clone(),
            destination: file.destination.clone(),
            origin: file.origin.clone(),
            format: claim.format(),
            record_length: 0,
            size_blocks: blocks,
            original_blocks: blocks,
            restart: 0,
            security: Security::None,
            cipher: 0,
            compression: false,
            envelope: false,
            signed_receipt: false,
            description: claim.description().to_owned(),
        })
    }

    /// The partner accepted the offer.
    pub(crate) fn open(&mut self) {
        self.step = Step::Open;
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
                records: 0,
                octets: self.size,
            };
            match session.request(close, now) {
                Ok(()) => self.step = Step::Closing,
                Err(error) => self.problem = Some(error.to_string()),
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
                buffer,
                outcome: Ok(()),
            }) => {
                self.file = Some(file);
                self.ready.push_back(buffer);
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
            let rest = match self.ready.front() {
                Some(buffer) => buffer.get(self.used..).unwrap_or_default(),
                // An empty file has its end marked all the same.
                None if self.size == 0 => &[],
                None => break,
            };
            let last = self.sent + rest.len() as u64 == self.size;
            let taken = match session.send_data(rest, last, now) {
                Ok(taken) => taken,
                Err(error) => {
                    self.problem = Some(error.to_string());
                    return true;
                }
            };
            let whole = last && taken == rest.len();
            if taken == 0 && !whole {
                break;
            }
            moved = true;
            self.sent += taken as u64;
            self.used += taken;
            if self
                .ready
                .front()
                .is_some_and(|buffer| self.used >= buffer.len())
            {
                self.free.extend(self.ready.pop_front());
                self.used = 0;
            }
            if whole {
                self.step = Step::Whole;
                break;
            }
        }
        if let Some(claim) = self.claim.as_ref().filter(|_| moved) {
            claim.progress(self.sent);
        }
        moved
    }

    /// Has the next buffer read, if there is one to read and one to read into.
    fn read(&mut self) {
        let left = self.size - self.asked;
        if left == 0 || self.reading.is_some() {
            return;
        }
        let mut buffer = match self.free.pop() {
            Some(buffer) => buffer,
            None if self.buffers < MOST_BUFFERS => {
                self.buffers += 1;
                Vec::new()
            }
            None => return,
        };
        let Some(mut file) = self.file.take() else {
            return;
        };
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.chunk);
        self.asked += length as u64;
        self.reading = Some(spawn_blocking(move || {
            buffer.resize(length, 0);
            let outcome = file.read_exact(&mut buffer);
            ReadAhead {
                file,
                buffer,
                outcome,
            }
        }));
    }
}
