//! Private keys and certificates: made, loaded, explained; a key never leaves this process.
//!
//! ```text
//!   tls.pem + tls.key ── tls.rs ──▶ TlsIdentity (chain, rustls SigningKey) ──▶ handshake, outbound
//!   link.key          ── identity.rs ──▶ link::LinkIdentity ──▶ the link's dialer
//!   auth.pem + .key   ── authentication.rs ──▶ envelope::OwnKey ──▶ session::Authenticator
//!   `certificate`     ── issue.rs (make) · facts.rs (show)
//! ```
//!
//! Assumes key files are PEM and belong to the account the process runs as. Promises to refuse a
//! key file that other accounts can read, and never to print or log key material.

mod authentication;
mod error;
mod facts;
mod identity;
mod issue;
mod tls;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use authentication::load_authentication;
pub use error::KeyError;
pub use facts::{describe, fingerprint_of_file};
pub use identity::{create_identity, load_identity};
pub use issue::{Issued, issue, issue_authentication};
pub use tls::{TlsIdentity, load, load_chain};

/// The one cryptographic provider of this process.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
