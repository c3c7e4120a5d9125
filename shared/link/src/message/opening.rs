//! Openings of circuits, and their answers; after an accepting answer the stream is plain octets.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Names one partner connection; both halves log it as `circuit`. Whoever sees the connection first
/// draws it at random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CircuitId(pub u64);

impl fmt::Display for CircuitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for CircuitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CircuitId({self})")
    }
}

/// The text is not sixteen hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a circuit is named by sixteen hexadecimal digits")]
pub struct CircuitIdError;

impl FromStr for CircuitId {
    type Err = CircuitIdError;

    fn from_str(text: &str) -> Result<Self, CircuitIdError> {
        if text.len() != 16 || !text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
            return Err(CircuitIdError);
        }
        u64::from_str_radix(text, 16)
            .map(CircuitId)
            .map_err(|_| CircuitIdError)
    }
}

/// A partner has connected, shaken hands and sent its SSID.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// The partner connection.
    pub circuit: CircuitId,
    /// Listener the partner came to.
    pub listener: String,
    /// The partner's address.
    pub peer: SocketAddr,
    /// Our address it came to.
    pub local: SocketAddr,
    /// What the TLS handshake agreed.
    pub tls: TlsFacts,
    /// The SSID as it came, 61 octets, without stream transmission header. Holds a password.
    pub ssid: Vec<u8>,
}

impl fmt::Debug for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrived")
            .field("circuit", &self.circuit)
            .field("listener", &self.listener)
            .field("peer", &self.peer)
            .field("local", &self.local)
            .field("tls", &self.tls)
            .field("ssid", &format_args!("<{} octets>", self.ssid.len()))
            .finish()
    }
}

/// What a TLS handshake agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// Version code point (0x0303 or 0x0304).
    pub version: u16,
    /// Cipher suite code point.
    pub suite: u16,
    /// Server name the partner asked for.
    pub server_name: Option<String>,
    /// Ticket of the verdict on the partner's certificate, when it showed one.
    pub client: Option<[u8; 16]>,
}

/// Answer to [`Arrived`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArrivedAnswer {
    /// From here on the stream is OFTP2 octets both ways: what followed the SSID, and our reply.
    Accept,
    /// Close the partner's connection.
    Refuse,
}

/// Order to call a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dial {
    /// The connection to be.
    pub circuit: CircuitId,
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// What the connection is for.
    pub purpose: Purpose,
    /// Deadline for the TCP connection, milliseconds.
    pub deadline_ms: u32,
}

/// What an outbound connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// TLS runs end to end from the inner half; the DMZ half relays octets it cannot read.
    Sealed,
}

/// Answer to [`Dial`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DialAnswer {
    /// Connected; from here on the stream is the connection's octets both ways.
    Connected {
        /// Address reached.
        peer: SocketAddr,
        /// Our address it left from.
        local: SocketAddr,
    },
    /// Not connected; the stream ends.
    Failed {
        /// Which kind of failure.
        kind: DialFailure,
        /// What exactly, for the operator.
        detail: String,
    },
}

/// Why an outbound connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DialFailure {
    /// The host name does not resolve.
    Name,
    /// The other end refused the connection.
    Refused,
    /// No connection within the deadline.
    Timeout,
    /// No route, or the connection broke.
    Unreachable,
    /// The DMZ half's own configuration forbids the target.
    NotAllowed,
    /// Too many connections at once.
    Busy,
}

impl fmt::Display for DialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DialFailure::Name => "the host name does not resolve",
            DialFailure::Refused => "the connection was refused",
            DialFailure::Timeout => "no connection within the deadline",
            DialFailure::Unreachable => "the address cannot be reached",
            DialFailure::NotAllowed => "the DMZ half's configuration forbids the target",
            DialFailure::Busy => "the DMZ half has too many connections",
        })
    }
}

/// Answer to [`super::FromInner::Probe`]: the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer(pub u64);
