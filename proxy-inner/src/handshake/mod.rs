//! What the inner half does with keys for the TLS handshakes that end in the DMZ half: it signs what
//! is plainly a handshake, and it judges the proof of a partner's client certificate.
//!
//! ```text
//!  DMZ half ── Sign ─────────▶ sign::Signatory ── form check ── key ──▶ signature | refused
//!           ── VerifyClient ─▶ proof::ClientProofs ── form, signature, replay, pin ──▶ ticket | refused
//!           ── Arrived(ticket) ▶ proof::ClientProofs::redeem ──▶ fingerprint of the certificate
//! ```
//!
//! Everything asked here is asked by a host that may be captured: each request is checked against a
//! closed list of listeners and keys, bounded in size, and refused when anything is unusual.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::sign::SigningKey;

pub mod proof;
pub mod sign;
pub mod signature;
mod transcript;

/// One TLS private key and the certificate chain it belongs to, for one listener of the DMZ half.
///
/// The chain goes to the DMZ half; the key never leaves this process.
#[derive(Clone)]
pub struct TlsKey {
    /// Number by which the DMZ half names the key when it asks for a signature.
    pub id: u32,
    /// Name of the listener this key serves.
    pub listener: String,
    /// Certificates as DER, the end-entity certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key itself.
    pub key: Arc<dyn SigningKey>,
}

impl fmt::Debug for TlsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsKey")
            .field("id", &self.id)
            .field("listener", &self.listener)
            .field("chain", &self.chain.len())
            .field("algorithm", &self.key.algorithm())
            .finish()
    }
}
