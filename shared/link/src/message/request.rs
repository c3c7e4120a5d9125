//! First messages of streams, and the requests that are answered with one message.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::opening::{Arrived, CircuitId, Dial};

/// First message of a stream opened by the DMZ half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromDmz {
    /// Sign a TLS handshake; answered with [`SignAnswer`].
    Sign(Sign),
    /// Judge a partner's certificate; answered with [`ClientVerdict`].
    VerifyClient(VerifyClient),
    /// A partner has sent its SSID; answered with [`super::ArrivedAnswer`].
    Arrived(Arrived),
}

/// First message of a stream opened by the inner half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromInner {
    /// Call a partner; answered with [`super::DialAnswer`].
    Dial(Dial),
    /// Are streams still served? Answered with [`super::ProbeAnswer`] of the same number.
    Probe(u64),
}

/// Asks for the signature that a TLS handshake of ours needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    /// The partner connection; a circuit that follows has the same number.
    pub circuit: CircuitId,
    /// Listener the partner came to.
    pub listener: String,
    /// Key number from the listener's policy.
    pub key: u32,
    /// The partner's address.
    pub peer: SocketAddr,
    /// Code point of the TLS signature scheme chosen.
    pub scheme: u16,
    /// What is to be signed, not hashed.
    pub message: Vec<u8>,
}

/// Answer to [`Sign`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignAnswer {
    /// The signature, as TLS carries it.
    Signature(Vec<u8>),
    /// There will be none; the reason is in the inner half's log.
    Refused,
}

/// Asks for the verdict on a partner's certificate and its proof of possession.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyClient {
    /// The partner connection.
    pub circuit: CircuitId,
    /// Listener the partner came to.
    pub listener: String,
    /// The partner's address.
    pub peer: SocketAddr,
    /// The certificates it sent, DER, its own first.
    pub chain: Vec<Vec<u8>>,
    /// TLS version code point (0x0303 or 0x0304).
    pub tls_version: u16,
    /// Code point of the signature scheme of its CertificateVerify.
    pub scheme: u16,
    /// What its CertificateVerify signs.
    pub message: Vec<u8>,
    /// The signature over `message`.
    pub signature: Vec<u8>,
}

/// Answer to [`VerifyClient`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientVerdict {
    /// The handshake may go on.
    Accept {
        /// What [`super::TlsFacts::client`] must show to speak for this certificate.
        ticket: [u8; 16],
    },
    /// The handshake must fail; the reason is in the inner half's log.
    Refuse,
}
