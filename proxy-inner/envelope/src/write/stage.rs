//! Layers in threads of their own: octets are handed over in buffers that go back and forth.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::Sink;
use crate::SecureError;

/// Octets of a buffer.
const BUFFER: usize = 64 * 1024;
/// Buffers between two threads.
const BUFFERS: usize = 4;

/// Hands what it is given to another thread.
pub(crate) struct Handover {
    buffer: Vec<u8>,
    /// `None`: there are no more.
    full: Sender<Option<Vec<u8>>>,
    empty: Receiver<Vec<u8>>,
}

/// The other thread's end.
pub(crate) struct Stage {
    full: Receiver<Option<Vec<u8>>>,
    empty: Sender<Vec<u8>>,
}

/// Both ends of a hand-over. There are only so many buffers, so whoever is faster waits.
pub(crate) fn stage() -> (Handover, Stage) {
    let (full, full_end) = channel();
    let (empty_end, empty) = channel();
    for _ in 1..BUFFERS {
        // The receiver is at hand.
        let _ = empty_end.send(Vec::with_capacity(BUFFER));
    }
    let handover = Handover {
        buffer: Vec::with_capacity(BUFFER),
        full,
        empty,
    };
    let stage = Stage {
        full: full_end,
        empty: empty_end,
    };
    (handover, stage)
}

impl Handover {
    fn hand_over(&mut self) -> Result<(), SecureError> {
        let given_up = |_| SecureError::GivenUp;
        let mut empty = self.empty.recv().map_err(given_up)?;
        empty.clear();
        let full = std::mem::replace(&mut self.buffer, empty);
        self.full.send(Some(full)).map_err(|_| SecureError::GivenUp)
    }
}

impl Sink for Handover {
    fn put(&mut self, octets: &[u8]) -> Result<(), SecureError> {
        let mut rest = octets;
        while !rest.is_empty() {
            let room = BUFFER.saturating_sub(self.buffer.len()).min(rest.len());
            let (now, later) = rest.split_at(room);
            self.buffer.extend_from_slice(now);
            rest = later;
            if self.buffer.len() >= BUFFER {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SecureError> {
        if !self.buffer.is_empty() {
            self.hand_over()?;
        }
        self.full.send(None).map_err(|_| SecureError::GivenUp)
    }
}

impl Stage {
    /// Passes on what is handed over, until there is no more.
    pub(crate) fn run(self, next: &mut dyn Sink) -> Result<(), SecureError> {
        loop {
            match self.full.recv() {
                Ok(Some(buffer)) => {
                    next.put(&buffer)?;
                    // Whoever hands over may have ended already.
                    let _ = self.empty.send(buffer);
                }
                Ok(None) => return next.finish(),
                Err(_) => return Err(SecureError::GivenUp),
            }
        }
    }
}
