//! What this half begins by itself: calls to partners that are due, and taking files from the outbox.
//!
//! ```text
//!  store: due work ──▶ caller ──▶ (link: Dial | direct TCP) ──▶ TLS from inside ──▶ session
//!                       └───▶ plain TCP, for partners whose transport is plain ──▶ session
//!  outbox folders ──▶ outbox::start ──▶ store.scan_outbox ──▶ on_work ──▶ caller
//! ```

use std::sync::Arc;
use std::time::Duration;

use ops::Backoff;
use rustls::sign::CertifiedKey;

use crate::link::LinkHandle;

mod call;
pub mod caller;
pub mod outbox;
mod plain;
pub mod tls;
mod upkeep;

/// How long to wait before the journal is asked again after it failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How calls leave this half.
#[derive(Clone)]
pub enum Via {
    /// Through the DMZ half, TLS end to end from here.
    Link(LinkHandle),
    /// Straight from this host.
    Direct,
}

/// Certificate and key for the call that is about to be made; they may differ from one to the next.
pub type ClientIdentity = Arc<dyn Fn() -> Option<Arc<CertifiedKey>> + Send + Sync>;

/// What the caller needs.
#[derive(Clone)]
pub struct CallerSettings {
    /// How calls leave this half.
    pub via: Via,
    /// What is shown to partners that ask for a certificate.
    pub client_identity: Option<ClientIdentity>,
    /// Time to reach the partner, and again for the TLS handshake.
    pub connect_timeout: Duration,
    /// Wait before a partner is called again after a failed call.
    pub backoff: Backoff,
}

#[cfg(test)]
mod tests;
