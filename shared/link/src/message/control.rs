//! Messages of the control stream: greeting, policy, health, drain and counters.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// First message of the control stream, from the inner half.
///
/// Of every version the first field is the version, as a postcard `u16`: it is decoded alone, and
/// nothing after it is looked at unless the version is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// Version of the messages the sender speaks, [`super::VERSION`].
    pub version: u16,
    /// Name and version of the sender's software, for the operator.
    pub software: String,
    /// Grows with every start of the sender; of two links of one identity the older start yields.
    pub epoch: u64,
}

/// The DMZ half's answer to the [`Greeting`]. The octets of `Refuse(Version)` never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Welcome {
    /// The link is up.
    Accept {
        /// Version of the messages both speak from here on.
        version: u16,
        /// Name and version of the DMZ half's software, for the operator.
        software: String,
    },
    /// There will be no link; the connection is closed after this.
    Refuse(LinkRefusal),
}

/// Why the DMZ half refuses a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkRefusal {
    /// The halves speak different versions.
    Version {
        /// What the refusing half speaks.
        ours: u16,
        /// What the greeting said.
        yours: u16,
    },
    /// The same identity holds a link from a later start.
    Busy,
}

/// Control messages of the inner half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToDmz {
    /// The whole policy; replaces the one before.
    Policy(Policy),
    /// Take no new partners; let running circuits end; then say [`ToInner::Drained`].
    Drain,
    /// Answer with the same number.
    Health(u64),
}

/// Control messages of the DMZ half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToInner {
    /// A policy has been put into force, as far as it could be.
    PolicyApplied {
        /// The policy's revision.
        revision: u64,
        /// What became of each listener the policy names.
        listeners: Vec<ListenerState>,
    },
    /// Answer to [`ToDmz::Health`].
    Health(u64),
    /// What has happened since the process started.
    Counters(Counters),
    /// The last circuit has ended after [`ToDmz::Drain`].
    Drained,
}

/// What became of one listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerState {
    /// Its name.
    pub name: String,
    /// The address it is open on, or why it is shut.
    pub result: Result<SocketAddr, String>,
}

/// All that the inner half decides about the public side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Grows with every policy sent.
    pub revision: u64,
    /// The listeners to open; others are shut.
    pub listeners: Vec<ListenerPolicy>,
    /// Limits of the public side.
    pub limits: PublicLimits,
}

/// How one public listener presents itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerPolicy {
    /// Name of a listener in the DMZ half's own configuration.
    pub name: String,
    /// Number by which [`super::Sign`] asks for this listener's key.
    pub key: u32,
    /// Certificate chain to present, DER, our own certificate first.
    pub chain: Vec<Vec<u8>>,
    /// Code points of the TLS signature schemes the key can sign with, best first.
    pub schemes: Vec<u16>,
    /// Whether partners are asked for a certificate.
    pub client_certificate: ClientCertificate,
}

/// Whether partners are asked for a TLS certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientCertificate {
    /// Not asked.
    Off,
    /// Asked; partners without one are let through.
    Request,
    /// Asked; partners without one are refused.
    Require,
}

/// Limits of the public side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicLimits {
    /// Most partner connections at once, over all listeners.
    pub sessions: u32,
    /// Most partner connections at once from one address.
    pub sessions_per_address: u32,
    /// Most TLS handshakes at once.
    pub handshakes: u32,
    /// Deadline of a TLS handshake, milliseconds.
    pub handshake_ms: u32,
    /// Deadline for the first SSID after our SSRM, milliseconds.
    pub ssid_ms: u32,
    /// Deadline for the inner half's answer to an opening, milliseconds.
    pub open_ms: u32,
    /// Longest silence of a circuit in both directions, milliseconds.
    pub idle_ms: u32,
}

/// What has happened on the public side since the DMZ half started; `*_now` are present counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Partner connections open now.
    pub sessions_now: u32,
    /// TLS handshakes under way now.
    pub handshakes_now: u32,
    /// TCP connections accepted.
    pub accepted: u64,
    /// TCP connections refused at admission (counts reached).
    pub refused: u64,
    /// TLS handshakes that failed or ran out of time.
    pub handshakes_failed: u64,
    /// Connections that spoke TLS and then sent no acceptable SSID in time.
    pub strangers: u64,
    /// Circuits opened to the inner half.
    pub circuits: u64,
    /// Calls made on the inner half's order.
    pub dialled: u64,
    /// Circuits ended by the gate because a side broke the protocol.
    pub violations: u64,
    /// Octets relayed from partners to the inner half.
    pub octets_in: u64,
    /// Octets relayed from the inner half to partners.
    pub octets_out: u64,
}
