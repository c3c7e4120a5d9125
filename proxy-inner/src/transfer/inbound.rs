//! One file coming in: how its octets, and the ends of its records, get from the engine to the spool.
//!
//! ```text
//!  offer::take ─▶ Receiving: engine ─▶ buffers ─▶ spool ─▶ finish ─▶ EFPA ─▶ deliver
//! ```
//!
//! The partner hears EFPA only against the store's own proof that the file is on disk. A file that
//! does not come to its end keeps its place in the spool: the partner may go on from there. When the disk
//! fails in the middle of a file, or while it is being made durable, the session ends with ESID 08
//! (resources not available): RFC 5024 section 5.3.11 has the partner call again later, and since no
//! EFPA was sent, it still has the file. An EFNA would have no retry flag, and would come only after
//! the rest of the file had travelled for nothing.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{Position, Received, Session};
use jiff::Timestamp;
use store::{Inbound, StoreError, TransferId};
use tokio::task::{JoinHandle, spawn_blocking};

use super::offer::{Care, Taken};

/// Buffers of one file between engine and disk, the one being written included.
const MOST_BUFFERS: usize = 3;

/// A file being received: its octets on their way from the engine to the spool.
///
/// At most [`MOST_BUFFERS`] buffers are in use; while all are, nothing is taken from the engine,
/// which then stops reading, and the partner waits for the disk.
pub(crate) struct Receiving {
    id: TransferId,
    /// The spool file, while no buffer is being written.
    inbound: Option<Inbound>,
    writing: Option<JoinHandle<Written>>,
    waiting: VecDeque<Received>,
    free: Vec<Received>,
    buffers: usize,
    forwarded: bool,
    care: Care,
    /// Where the partner goes on.
    start: Position,
    taken: u64,
    /// The engine has something that was not taken yet.
    announced: bool,
    /// The octets the engine counted, once the partner has sent all.
    whole: Option<u64>,
    problem: Option<String>,
}

/// What a blocking thread gives back.
struct Written {
    inbound: Inbound,
    buffers: VecDeque<Received>,
    outcome: Result<(), StoreError>,
}

impl Receiving {
    /// A file taken up.
    pub(crate) fn new(taken: Taken) -> Self {
        let Taken { inbound, to, care } = taken;
        let store::Position { answer, octets } = inbound.position();
        Self {
            id: inbound.id(),
            inbound: Some(inbound),
            writing: None,
            waiting: VecDeque::new(),
            free: Vec::new(),
            buffers: 0,
            forwarded: to.is_some(),
            care,
            start: Position { answer, octets },
            taken: octets,
            announced: false,
            whole: None,
            problem: None,
        }
    }

    /// Its name in the journal.
    pub(crate) fn id(&self) -> TransferId {
        self.id
    }

    /// True when it is for a third party.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.forwarded
    }

    /// What has to be done with it once it is whole.
    pub(crate) fn care(&self) -> Care {
        self.care
    }

    /// Where the partner is to go on: what we hold of the file already.
    pub(crate) fn start(&self) -> Position {
        self.start
    }

    /// Octets of the file there are, those of earlier attempts included.
    pub(crate) fn octets(&self) -> u64 {
        self.taken
    }

    /// The engine has something of the file.
    pub(crate) fn announce(&mut self) {
        self.announced = true;
    }

    /// The partner has sent the whole file.
    pub(crate) fn end(&mut self, octets: u64) {
        self.whole = Some(octets);
    }

    /// True once the partner has sent the whole file.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.is_some()
    }

    /// Why the file cannot be stored, if it cannot.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Moves octets from the engine towards the disk; true if any were moved.
    pub(crate) fn advance(&mut self, session: &mut Session, now: Duration) -> bool {
        if self.problem.is_some() {
            return false;
        }
        // Small pieces are left to gather while the disk is at work.
        let worth_it = self.writing.is_none() || session.is_full() || self.is_whole();
        let mut moved = false;
        if self.announced
            && worth_it
            && let Some(mut buffer) = self.buffer()
        {
            session.take_received(&mut buffer, now);
            self.announced = false;
            self.taken += buffer.octets.len() as u64;
            self.waiting.push_back(buffer);
            moved = true;
        }
        self.write();
        moved
    }

    /// The session is about to end: what the engine still holds of the file is kept too.
    pub(crate) fn rescue(&mut self, session: &mut Session, now: Duration) {
        if self.announced && self.problem.is_none() {
            let mut rest = Received::default();
            session.take_received(&mut rest, now);
            self.announced = false;
            self.taken += rest.octets.len() as u64;
            self.waiting.push_back(rest);
        }
    }

    /// The spool file, once every octet of the whole file is written.
    pub(crate) fn take_complete(&mut self, session: &Session) -> Option<Inbound> {
        let complete = self.is_whole()
            && self.problem.is_none()
            && !self.announced
            && session.received_len() == 0
            && self.writing.is_none()
            && self.waiting.is_empty();
        if complete { self.inbound.take() } else { None }
    }

    /// Ready when the disk has taken something.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(writing) = &mut self.writing else {
            return Poll::Pending;
        };
        let Poll::Ready(written) = Pin::new(writing).poll(cx) else {
            return Poll::Pending;
        };
        self.writing = None;
        match written {
            Ok(Written {
                inbound,
                buffers,
                outcome,
            }) => {
                self.inbound = Some(inbound);
                self.free.extend(buffers);
                if let Err(error) = outcome {
                    self.problem = Some(error.to_string());
                }
            }
            Err(error) => self.problem = Some(format!("the writing thread failed: {error}")),
        }
        Poll::Ready(())
    }

    /// The session has ended before the file did: what is there is kept, so that a later attempt can
    /// go on from it. Waits for the disk.
    pub(crate) async fn interrupt(self, why: String) {
        self.finish_with(move |inbound| inbound.interrupted(&why, Timestamp::now()))
            .await;
    }

    /// The file was refused at its end: what is there is forgotten. Waits for the disk.
    pub(crate) async fn abandon(mut self, why: String) {
        self.waiting.clear();
        self.finish_with(move |inbound| inbound.abandon(&why, Timestamp::now()))
            .await;
    }

    async fn finish_with(
        mut self,
        end: impl FnOnce(Inbound) -> Result<(), StoreError> + Send + 'static,
    ) {
        if let Some(writing) = self.writing.take() {
            match writing.await {
                Ok(written) => self.inbound = Some(written.inbound),
                Err(error) => {
                    tracing::error!(transfer = %self.id, why = %error, "A writing thread failed.");
                }
            }
        }
        let Some(mut inbound) = self.inbound.take() else {
            return;
        };
        let (id, waiting) = (self.id, self.waiting);
        let sound = self.problem.is_none();
        let ended = spawn_blocking(move || {
            // What came and is not written yet need not travel again.
            if sound && let Err(error) = write(&mut inbound, &waiting) {
                tracing::warn!(transfer = %id, why = %error, "The last octets of a file were not stored.");
            }
            end(inbound)
        });
        if let Ok(Err(error)) = ended.await {
            tracing::error!(
                transfer = %id,
                why = %error,
                "The journal did not take note that a file was not received whole; the next start will see to it.",
            );
        }
    }

    fn buffer(&mut self) -> Option<Received> {
        if let Some(buffer) = self.free.pop() {
            return Some(buffer);
        }
        if self.buffers >= MOST_BUFFERS {
            return None;
        }
        self.buffers += 1;
        Some(Received::default())
    }

    /// Has all waiting buffers written in one go, unless some are being written.
    fn write(&mut self) {
        if self.waiting.is_empty() || self.writing.is_some() {
            return;
        }
        let Some(mut inbound) = self.inbound.take() else {
            return;
        };
        let buffers = std::mem::take(&mut self.waiting);
        self.writing = Some(spawn_blocking(move || {
            let outcome = write(&mut inbound, &buffers);
            Written {
                inbound,
                buffers,
                outcome,
            }
        }));
    }
}

fn write(inbound: &mut Inbound, buffers: &VecDeque<Received>) -> Result<(), StoreError> {
    buffers
        .iter()
        .try_for_each(|buffer| inbound.write(&buffer.octets, &buffer.record_ends))
}
