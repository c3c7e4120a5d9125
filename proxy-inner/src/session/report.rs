//! What a session came to, for whoever started it.

use oftp::EndReason;

/// What a session came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// What it moved.
    pub moved: Moved,
    /// Octets received on the circuit.
    pub octets_in: u64,
    /// Octets sent on the circuit.
    pub octets_out: u64,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In good order.
    Released,
    /// Out of order.
    Aborted {
        /// The reason that was sent or received, if one was.
        reason: Option<EndReason>,
        /// What happened, as a sentence for the operator.
        why: String,
    },
}

impl Ending {
    /// Why it ended, as a sentence.
    pub fn why(&self) -> &str {
        match self {
            Ending::Released => "the session was released in good order",
            Ending::Aborted { why, .. } => why,
        }
    }

    /// True when it ended in good order.
    pub fn is_released(&self) -> bool {
        matches!(self, Ending::Released)
    }
}

/// What a session moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Files received and synced.
    pub files_in: u64,
    /// Files sent and accepted.
    pub files_out: u64,
    /// Receipts received.
    pub receipts_in: u64,
    /// Receipts sent and confirmed.
    pub receipts_out: u64,
    /// Files of ours that were refused.
    pub files_refused: u64,
}

impl Moved {
    /// True when nothing of ours was brought forward.
    pub fn nothing_out(&self) -> bool {
        self.files_out == 0 && self.receipts_out == 0
    }
}
