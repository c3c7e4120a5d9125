//! What operators see of stations, partners, transfers and the process: plain data with JSON keys
//! that stay as they are, so that programs can rely on `--json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::{Applied, Count, Partner, Station, Step, Transfer};

/// One of our stations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StationView {
    /// Our name for it.
    pub name: String,
    /// Its identification code.
    pub code: String,
}

/// One partner, without its passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartnerView {
    /// Our name for it.
    pub name: String,
    /// Its identification code.
    pub code: String,
    /// The station of ours it deals with.
    pub station: String,
    /// Where we call it, as `host:port`.
    pub address: Option<String>,
    /// Fingerprints of the certificates it may show.
    pub certificates: Vec<String>,
    /// The name its certificate must carry when we call it.
    pub server_name: Option<String>,
    /// Largest data exchange buffer we offer, octets.
    pub buffer: u32,
    /// Largest credit we offer, buffers.
    pub credit: u16,
    /// Whether it may connect and is called.
    pub enabled: bool,
}

/// What became of one station or partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedView {
    /// `station` or `partner`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `added`, `changed`, `unchanged` or `removed`.
    pub change: String,
}

/// One transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferView {
    /// 16 hexadecimal digits.
    pub id: String,
    /// `in` or `out`.
    pub direction: String,
    /// The partner's name.
    pub partner: String,
    /// Our station's name.
    pub station: String,
    /// The state's word: `receiving`, `received`, `delivered`, `taking`, `queued`, `sending`,
    /// `sent`, `acknowledged`, `rejected` or `failed`.
    pub state: String,
    /// Why it failed, was rejected, or the last attempt ended early.
    pub reason: Option<String>,
    /// Dataset name on the wire (SFIDDSN).
    pub dataset: String,
    /// Date and time on the wire, `CCYYMMDDHHMMSScccc`.
    pub stamp: String,
    /// Originator's identification code.
    pub origin: String,
    /// Destination's identification code.
    pub destination: String,
    /// Size in octets; announced or counted so far while it is `receiving`.
    pub octets: u64,
    /// Octets passed in the attempt under way.
    pub progress: Option<u64>,
    /// Description (SFIDDESC).
    pub description: String,
    /// Out: the file's name with us.
    pub original_name: Option<String>,
    /// In: its name in the partner's inbox folder.
    pub inbox_name: Option<String>,
    /// In: `owed` or `sent`, once received whole.
    pub receipt: Option<String>,
    /// Out: how often it was offered and refused for now.
    pub attempts: u32,
    /// Out: when it may be offered again, UTC.
    pub not_before: Option<String>,
    /// When the journal first heard of it, UTC.
    pub created: String,
    /// When its journal entry last changed, UTC.
    pub changed: String,
    /// The circuit of its latest step.
    pub circuit: Option<String>,
}

/// One step in the life of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// When, UTC.
    pub at: String,
    /// What happened, one word.
    pub step: String,
    /// More about it; may be empty.
    pub detail: String,
    /// On which circuit.
    pub circuit: Option<String>,
}

/// A followed transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchView {
    /// As it is now.
    pub transfer: TransferView,
    /// Whether nothing more will happen to it.
    pub finished: bool,
    /// Whether it ended well: receipt and all.
    pub succeeded: bool,
}

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
    /// Counters since start.
    pub counters: BTreeMap<String, u64>,
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

impl From<&Station> for StationView {
    fn from(station: &Station) -> Self {
        StationView {
            name: station.name.clone(),
            code: station.code.to_string(),
        }
    }
}

impl From<&Partner> for PartnerView {
    fn from(partner: &Partner) -> Self {
        PartnerView {
            name: partner.name.clone(),
            code: partner.code.to_string(),
            station: partner.station.clone(),
            address: partner.address.clone(),
            certificates: partner
                .certificates
                .iter()
                .map(ToString::to_string)
                .collect(),
            server_name: partner.server_name.clone(),
            buffer: partner.buffer,
            credit: partner.credit,
            enabled: partner.enabled,
        }
    }
}

impl From<&Applied> for AppliedView {
    fn from(applied: &Applied) -> Self {
        AppliedView {
            kind: applied.kind.to_owned(),
            name: applied.name.clone(),
            change: change_word(applied.change).to_owned(),
        }
    }
}

pub(super) fn change_word(change: store::Change) -> &'static str {
    match change {
        store::Change::Added => "added",
        store::Change::Changed => "changed",
        store::Change::Unchanged => "unchanged",
    }
}

impl From<&Transfer> for TransferView {
    fn from(transfer: &Transfer) -> Self {
        TransferView {
            id: transfer.id.to_string(),
            direction: transfer.direction.to_string(),
            partner: transfer.partner.clone(),
            station: transfer.station.clone(),
            state: transfer.state.to_string(),
            reason: transfer.reason.clone(),
            dataset: transfer.file.dataset.to_string(),
            stamp: transfer.file.stamp.to_string(),
            origin: transfer.file.origin.to_string(),
            destination: transfer.file.destination.to_string(),
            octets: transfer.octets,
            progress: transfer.progress,
            description: transfer.description.clone(),
            original_name: transfer.original_name.clone(),
            inbox_name: transfer.inbox_name.clone(),
            receipt: transfer.receipt.map(|receipt| receipt.to_string()),
            attempts: transfer.attempts,
            not_before: transfer.not_before.map(|time| time.to_string()),
            created: transfer.created.to_string(),
            changed: transfer.changed.to_string(),
            circuit: transfer.circuit.clone(),
        }
    }
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        StepView {
            at: step.at.to_string(),
            step: step.step.clone(),
            detail: step.detail.clone(),
            circuit: step.circuit.clone(),
        }
    }
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
