//! One file coming in: may it, and how its octets get from the engine to the spool.
//!
//! ```text
//!  SFID ─▶ take (checks, journal) ─▶ Receiving: engine ─▶ buffers ─▶ spool ─▶ finish ─▶ EFPA ─▶ deliver
//! ```
//!
//! The partner hears EFPA only against the store's own proof that the file is on disk. When the disk
//! fails in the middle of a file, or while it is being made durable, the session ends with ESID 08
//! (resources not available): RFC 5024 section 5.3.11 has the partner call again later, and since no
//! EFPA was sent, it still has the file. An EFNA would have no retry flag, and would come only after
//! the rest of the file had travelled for nothing.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use engine::{FileRefusal, RECEIVE_CEILING, Session};
use jiff::Timestamp;
use oftp::{FileReason, Format, Security, Sfid};
use store::{Inbound, InboundRefusal, Offer, Store, StoreError, TransferId};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::session::answers::Party;

/// Buffers of one file between engine and disk, the one being written included.
const MOST_BUFFERS: usize = 3;

/// Takes up an offered file, or says what the partner is told instead. Blocks.
///
/// # Errors
/// What goes out as SFNA.
pub(crate) fn take(
    store: &Store,
    party: &Party,
    sfid: Sfid,
    circuit: String,
) -> Result<Inbound, FileRefusal> {
    check(&sfid, party)?;
    let stations = store.stations().map_err(|error| failed(&error))?;
    let station = stations
        .into_iter()
        .find(|station| station.code == sfid.destination)
        .ok_or_else(|| {
            let text = format!("destination {} is not here", sfid.destination);
            refusal(FileReason::INVALID_DESTINATION, false, text)
        })?;
    let offer = Offer {
        partner: party.partner.name.clone(),
        station: station.name,
        file: sfid.file_id(),
        format: sfid.format,
        size_blocks: sfid.size_blocks,
        description: sfid.description,
        user: sfid.user,
        circuit,
    };
    store
        .begin_inbound(offer, Timestamp::now())
        .map_err(|problem| match problem {
            InboundRefusal::Duplicate { .. } => {
                refusal(FileReason::DUPLICATE, false, "the file was received before")
            }
            InboundRefusal::Busy { .. } => {
                let text = "the file is being received in another session";
                refusal(FileReason::UNSPECIFIED, true, text)
            }
            InboundRefusal::NoSpace { .. } => refusal(
                FileReason::TOO_BIG,
                true,
                "no space at present; offer it later",
            ),
            InboundRefusal::Store(error) => failed(&error),
        })
}

/// The checks that need nothing but the offer and the two sides.
fn check(sfid: &Sfid, party: &Party) -> Result<(), FileRefusal> {
    if sfid.origin != party.partner.code {
        let text = format!("origin {} may not send here", sfid.origin);
        return Err(refusal(FileReason::INVALID_ORIGIN, false, text));
    }
    if !matches!(sfid.format, Format::Unstructured | Format::Text) {
        let text = "files of format U and T are taken";
        return Err(refusal(FileReason::FORMAT_NOT_SUPPORTED, false, text));
    }
    let service = match sfid.security {
        Security::None => None,
        Security::Signed => Some((FileReason::SIGNED_NOT_ALLOWED, "signed files")),
        _ => Some((FileReason::ENCRYPTED_NOT_ALLOWED, "encrypted files")),
    };
    let service = service
        .or_else(|| {
            sfid.compression
                .then_some((FileReason::COMPRESSION_NOT_ALLOWED, "compressed files"))
        })
        .or_else(|| {
            sfid.signed_receipt.then_some((
                FileReason::CIPHER_NOT_SUPPORTED,
                "requests for signed receipts",
            ))
        })
        .or_else(|| {
            (sfid.cipher != 0).then_some((FileReason::CIPHER_NOT_SUPPORTED, "cipher suites"))
        })
        .or_else(|| {
            sfid.envelope
                .then_some((FileReason::CIPHER_NOT_SUPPORTED, "files in a CMS envelope"))
        });
    match service {
        None => Ok(()),
        Some((reason, what)) => Err(refusal(reason, false, format!("{what} are not taken"))),
    }
}

fn refusal(reason: FileReason, retry: bool, text: impl Into<String>) -> FileRefusal {
    FileRefusal {
        reason,
        retry,
        text: text.into(),
    }
}

/// The store failed: ours to repair, the partner may try again.
fn failed(error: &StoreError) -> FileRefusal {
    tracing::error!(why = %error, "An offered file could not be taken into the store.");
    refusal(
        FileReason::UNSPECIFIED,
        true,
        "not possible at present; offer it later",
    )
}

/// A file being received: its octets on their way from the engine to the spool.
///
/// At most [`MOST_BUFFERS`] buffers are in use; while all are, nothing is taken from the engine,
/// which then stops reading, and the partner waits for the disk.
pub(crate) struct Receiving {
    id: TransferId,
    /// The spool file, while no buffer is being written.
    inbound: Option<Inbound>,
    writing: Option<JoinHandle<Written>>,
    waiting: VecDeque<Vec<u8>>,
    free: Vec<Vec<u8>>,
    buffers: usize,
    taken: u64,
    /// The octets the engine counted, once the partner has sent all.
    whole: Option<u64>,
    problem: Option<String>,
}

/// What a blocking thread gives back.
struct Written {
    inbound: Inbound,
    buffers: VecDeque<Vec<u8>>,
    outcome: Result<(), StoreError>,
}

impl Receiving {
    pub(crate) fn new(inbound: Inbound) -> Self {
        Self {
            id: inbound.id(),
            inbound: Some(inbound),
            writing: None,
            waiting: VecDeque::new(),
            free: Vec::new(),
            buffers: 0,
            taken: 0,
            whole: None,
            problem: None,
        }
    }

    /// Its name in the journal.
    pub(crate) fn id(&self) -> TransferId {
        self.id
    }

    /// Octets taken from the engine.
    pub(crate) fn octets(&self) -> u64 {
        self.taken
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
    pub(crate) fn advance(&mut self, session: &mut Session) -> bool {
        if self.problem.is_some() {
            return false;
        }
        let waiting = session.received_len();
        // Small pieces are left to gather while the disk is at work.
        let worth_it = self.writing.is_none() || waiting >= RECEIVE_CEILING || self.is_whole();
        let mut moved = false;
        if waiting > 0
            && worth_it
            && let Some(mut buffer) = self.buffer()
        {
            session.take_received(&mut buffer);
            self.taken += buffer.len() as u64;
            self.waiting.push_back(buffer);
            moved = true;
        }
        self.write();
        moved
    }

    /// The spool file, once every octet of the whole file is written.
    pub(crate) fn take_complete(&mut self, session: &Session) -> Option<Inbound> {
        let complete = self.is_whole()
            && self.problem.is_none()
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

    /// Gives the file up: waits for the disk, then hands it back to the store.
    pub(crate) async fn abandon(mut self, why: String) {
        if let Some(writing) = self.writing.take() {
            match writing.await {
                Ok(written) => self.inbound = Some(written.inbound),
                Err(error) => {
                    tracing::error!(transfer = %self.id, why = %error, "A writing thread failed.");
                }
            }
        }
        let Some(inbound) = self.inbound.take() else {
            return;
        };
        let id = self.id;
        let abandoned = spawn_blocking(move || inbound.abandon(&why, Timestamp::now())).await;
        if let Ok(Err(error)) = abandoned {
            tracing::error!(
                transfer = %id,
                why = %error,
                "The journal did not take note that a file was not received whole; the next start will see to it.",
            );
        }
    }

    fn buffer(&mut self) -> Option<Vec<u8>> {
        if let Some(buffer) = self.free.pop() {
            return Some(buffer);
        }
        if self.buffers >= MOST_BUFFERS {
            return None;
        }
        self.buffers += 1;
        Some(Vec::new())
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
            let outcome = buffers.iter().try_for_each(|buffer| inbound.write(buffer));
            Written {
                inbound,
                buffers,
                outcome,
            }
        }));
    }
}
