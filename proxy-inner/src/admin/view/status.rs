//! The status report as operators see it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::Count;

/// Everything at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// Version of the running process.
    pub version: String,
    /// Its process identifier.
    pub pid: u32,
    /// When it was started, UTC.
    pub started: String,
    /// `running`, `draining` or `stopping`.
    pub stage: String,
    /// The link; absent when none is configured.
    pub link: Option<LinkView>,
    /// The listeners of this half itself, without TLS; absent when none is configured.
    pub plain: Option<PlainView>,
    /// Sessions alive, the oldest first.
    pub sessions: Vec<SessionView>,
    /// Partners that have work waiting or were not reached.
    pub queue: Vec<QueueView>,
    /// Files in outbox folders that cannot be taken.
    pub outbox_faults: Vec<OutboxFaultView>,
    /// Where files and journal are.
    pub store: StoreView,
    /// Transfers by direction and state.
    pub transfers: Vec<CountView>,
    /// Inbound files whose receipt the partner has not confirmed yet.
    pub receipts_owed: u64,
    /// Inbound files that nobody has confirmed or rejected yet, though their receipt waits for it.
    pub receipts_unconfirmed: u64,
    /// Files we sent whose receipt has not come yet.
    pub receipts_awaited: u64,
    /// Receipts of either kind that are past their deadline.
    pub receipts_overdue: u64,
    /// Inbound files that broke off and wait for the partner to go on.
    pub interrupted: u64,
    /// Our keys.
    #[serde(default)]
    pub keys: KeysView,
    /// Files being secured and opened now, the oldest first.
    #[serde(default)]
    pub work: Vec<WorkView>,
    /// Leniencies that partners needed since start; see `partner add --refuse`.
    pub tolerated: Vec<ToleratedView>,
    /// Counters since start.
    pub counters: BTreeMap<String, u64>,
}

/// Our keys in use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysView {
    /// How many are in use.
    pub in_use: u64,
    /// What is wrong with some, or soon will be: a sentence each.
    pub problems: Vec<String>,
}

/// A file being secured or opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkView {
    /// The transfer.
    pub transfer: String,
    /// The partner.
    pub partner: String,
    /// `securing` or `opening`.
    pub kind: String,
    /// Since when, UTC.
    pub since: String,
    /// Octets read of it so far.
    pub octets: u64,
    /// Octets there are to read.
    pub of: u64,
}

/// A leniency one partner needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToleratedView {
    /// The partner.
    pub partner: String,
    /// Its name, as `refuse` takes it.
    pub deviation: String,
    /// What the partner does, in a sentence.
    pub what: String,
    /// In how many sessions, or files where it concerns a file.
    pub count: u64,
}

/// The link to the DMZ half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// `up` or `down`.
    pub state: String,
    /// Its configured address.
    pub address: String,
    /// Since when it is so, UTC.
    pub since: String,
    /// Down: why.
    pub why: Option<String>,
    /// Down: attempts since it was last up.
    pub attempts: Option<u32>,
    /// Up: the address reached.
    pub peer: Option<String>,
    /// Up: the public listeners as last reported.
    pub listeners: Vec<ListenerView>,
    /// The DMZ half's own counters as last reported; empty until then.
    pub dmz: BTreeMap<String, u64>,
}

/// Where partners come without TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainView {
    /// The addresses and ports listened on.
    pub addresses: Vec<String>,
    /// Connections open now, on all of them together.
    pub connections: u32,
}

/// A public listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerView {
    /// Its name.
    pub name: String,
    /// The address it is open at.
    pub address: Option<String>,
    /// Why it is not open.
    pub problem: Option<String>,
}

/// A session alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// 16 hexadecimal digits, the same in the logs of both halves.
    pub circuit: String,
    /// The partner, once known.
    pub partner: Option<String>,
    /// Its address.
    pub peer: Option<String>,
    /// Who called: `in` or `out`.
    pub direction: String,
    /// Since when, UTC.
    pub since: String,
    /// The transfer under way.
    pub transfer: Option<MovingView>,
    /// Octets received on the circuit.
    pub octets_in: u64,
    /// Octets sent on the circuit.
    pub octets_out: u64,
}

/// The file a session is moving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovingView {
    /// The transfer.
    pub id: String,
    /// Whether we send it.
    pub outbound: bool,
    /// Octets of the file moved.
    pub octets: u64,
}

/// What waits for one partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// The partner.
    pub partner: String,
    /// Files to send.
    pub files: u64,
    /// Receipts to send.
    pub receipts: u64,
    /// When it is called next, UTC; absent when it is not called by us.
    pub next_attempt: Option<String>,
    /// Failed calls since the last good one.
    pub failures: u32,
    /// Why the last call failed.
    pub last_failure: Option<String>,
}

/// A file that cannot be taken from the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxFaultView {
    /// The file.
    pub path: String,
    /// What is wrong, as a sentence.
    pub problem: String,
}

/// Where files and journal are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreView {
    /// Its folder.
    pub path: String,
    /// Octets free on its file system; absent when that could not be asked.
    pub free: Option<u64>,
    /// Octets that stay free.
    pub reserve: u64,
}

/// How many transfers are in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountView {
    /// `in` or `out`.
    pub direction: String,
    /// The state's word.
    pub state: String,
    /// How many.
    pub number: u64,
}

impl From<&Count> for CountView {
    fn from(count: &Count) -> Self {
        CountView {
            direction: count.direction.to_string(),
            state: count.state.to_string(),
            number: count.number,
        }
    }
}
