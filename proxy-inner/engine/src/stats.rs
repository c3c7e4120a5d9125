//! Plain counters of one session.

/// What a session has done so far. Counters only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Exchange buffers received, DATA included.
    pub frames_received: u64,
    /// Exchange buffers queued for sending, DATA included.
    pub frames_sent: u64,
    /// DATA buffers received.
    pub data_received: u64,
    /// DATA buffers sent.
    pub data_sent: u64,
    /// File octets received.
    pub octets_received: u64,
    /// File octets sent.
    pub octets_sent: u64,
    /// Files of the partner we acknowledged with EFPA.
    pub files_received: u64,
    /// Files of ours the partner acknowledged with EFPA.
    pub files_sent: u64,
    /// Receipts received.
    pub receipts_received: u64,
    /// Receipts of ours the partner took with RTR.
    pub receipts_sent: u64,
    /// Tolerated breaches, every one of them.
    pub deviations: u64,
}
