//! This half's end of the link: it dials the DMZ half, keeps the link up, tells the DMZ half the
//! policy, and answers what the DMZ half asks.
//!
//! ```text
//!  keeper ── dial, back-off ──▶ link ── control: Policy, Health, Drain ──▶
//!     │                          ◀── control: PolicyApplied, Health, Counters, Drained ──
//!     └── service ◀── streams: Sign, VerifyClient, Arrived ──
//!  handle ── dial(Dial) ──▶ stream ──▶ circuit to a partner
//! ```
//!
//! The DMZ half may be captured: whatever it says is bounded in size and number, and names only
//! listeners and keys of the policy it was given; anything else is refused and logged.

use std::net::SocketAddr;
use std::time::Duration;

use ::link::{Dialer, PublicLimits};
use jiff::Timestamp;
use ops::Backoff;

use crate::handshake::TlsKey;

pub mod keeper;
mod service;

pub use keeper::{DialError, Dialed, LinkHandle, new_circuit, start};

/// One public listener of the DMZ half as this half wants it.
#[derive(Clone, Debug)]
pub struct TlsListener {
    /// The key and chain it presents; `key.listener` is its name.
    pub key: TlsKey,
    /// Whether partners are asked for a certificate.
    pub client_certificate: ::link::ClientCertificate,
}

/// What the DMZ half may have under way here at one time. Above a ceiling it is refused at once.
#[derive(Clone, Copy, Debug)]
pub struct Ceilings {
    /// Handshake signatures.
    pub signs: usize,
    /// Client certificate proofs.
    pub proofs: usize,
    /// Partner connections whose first SSID is being judged.
    pub arrivals: usize,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            signs: 128,
            proofs: 64,
            arrivals: 256,
        }
    }
}

/// What the keeper needs.
pub struct KeeperSettings {
    /// Makes connections to the DMZ half.
    pub dialer: Dialer,
    /// The DMZ half's address as configured, for the operator.
    pub address: String,
    /// The public listeners with their keys: the closed list the DMZ half may speak of.
    pub listeners: Vec<TlsListener>,
    /// Limits for the public side.
    pub limits: PublicLimits,
    /// Ceilings for what the DMZ half asks.
    pub ceilings: Ceilings,
    /// Wait before the next attempt.
    pub backoff: Backoff,
    /// A link must have been up this long before the back-off starts again from the beginning.
    pub stable: Duration,
}

/// A public listener as the DMZ half last reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerNow {
    /// Its name.
    pub name: String,
    /// The address it is open at, or why it is not.
    pub result: Result<SocketAddr, String>,
}

/// Whether the link is up, as seen from here.
#[derive(Clone, Debug)]
pub enum LinkState {
    /// There is no link now.
    Down {
        /// Since when.
        since: Timestamp,
        /// Why, as a sentence.
        why: String,
        /// Attempts since it was last up.
        attempts: u32,
    },
    /// The link is up.
    Up {
        /// Since when.
        since: Timestamp,
        /// The DMZ half's address.
        peer: SocketAddr,
        /// The public listeners as last reported; empty until the first report.
        listeners: Vec<ListenerNow>,
    },
}

impl LinkState {
    /// True while the link is up.
    pub fn is_up(&self) -> bool {
        matches!(self, LinkState::Up { .. })
    }
}

#[cfg(test)]
mod tests;
