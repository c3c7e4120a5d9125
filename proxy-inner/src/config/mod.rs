//! The configuration of this half: one TOML file in, one usable [`Config`] out, or every fault at once.
//!
//! ```text
//!  proxy-inner.toml ── file.rs: types, ranges, unknown keys ─┐
//!                        rules between keys ─────────────────┼─▶ Config, or all faults together
//!  Config ── check.rs: keys, link, store, socket looked at ──▶ a report; binds nothing
//! ```
//!
//! Reading opens no file but the configuration itself. Relative paths count from the folder the
//! process was started in.

mod check;
mod file;
mod keyring;
mod plain;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::link::{ClientCertificate, Pin, PublicLimits};
use ops::{Backoff, Faults, HostPort};

use crate::session::SessionSettings;

pub use check::{Finding, Report, Verdict, examine};
pub use file::admin_socket;
pub use keyring::{Archive, Keyring, TlsSource};
pub use plain::Plain;

/// Where the configuration is when the command line does not say.
pub const DEFAULT_FILE: &str = "/etc/proxy-inner/proxy-inner.toml";

/// Where the admin socket is when nothing says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/proxy-inner/admin.sock";

/// A configuration that can be used: every value in range, every rule between values kept.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// The folder of the store.
    pub store: PathBuf,
    /// `[admin]`
    pub admin: Admin,
    /// `[link]`; without it this half stands alone and only calls out directly.
    pub link: Option<Link>,
    /// `[[listener]]`, in the order of the file; a listener's place is its key number.
    pub listeners: Vec<Listener>,
    /// `[outbound]`
    pub outbound: Outbound,
    /// `[public]`, as it is sent to the DMZ half.
    pub public: PublicLimits,
    /// `[plain]`
    pub plain: Plain,
    /// `[keyring]`
    pub keyring: Keyring,
    /// `[archive]`
    pub archive: Archive,
    /// `[authentication]`: certificate and key with which we answer challenges where a station has
    /// none of its own in the keyring.
    pub authentication: Option<TlsFiles>,
    /// `[session]`, with the number of attempts from `[queue]`.
    pub session: SessionSettings,
    /// `[queue]`
    pub queue: Queue,
    /// `[spool]`
    pub spool: Spool,
    /// `[log]`
    pub log: ops::logging::Settings,
}

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// All faults of the file together.
    pub fn load(path: &Path) -> Result<Config, Faults> {
        file::load(path)
    }
}

/// `[admin]`: how operators reach the running process.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The Unix socket of the command line.
    pub socket: PathBuf,
}

/// `[link]`: the way to the DMZ half.
#[derive(Debug, Clone)]
pub struct Link {
    /// The DMZ half's link address.
    pub address: HostPort,
    /// This half's link key.
    pub identity: PathBuf,
    /// The DMZ half's keys, at least one.
    pub pins: Vec<Pin>,
}

/// One `[[listener]]`: a public listener of the DMZ half, and the key it answers with.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The name the DMZ half's configuration knows it by.
    pub name: String,
    /// What is presented there.
    pub tls: TlsSource,
    /// Whether partners are asked for a certificate.
    pub client_certificate: ClientCertificate,
}

/// A certificate chain and its key, as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain in PEM, our own certificate first.
    pub certificate: PathBuf,
    /// The private key in PEM.
    pub key: PathBuf,
}

/// `[outbound]`: how this half calls partners.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// The way out.
    pub via: Via,
    /// What is shown to partners that ask for a certificate.
    pub tls: Option<TlsSource>,
    /// Time to reach the partner, and again for the TLS handshake.
    pub connect_timeout: Duration,
}

/// The way out of this half's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Through the DMZ half.
    Link,
    /// Straight from this host.
    Direct,
}

/// `[queue]`: when work is tried again and given up.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Wait before a partner is called again.
    pub backoff: Backoff,
    /// Age at which a file that could not be sent is given up.
    pub expire: Duration,
    /// Age at which the journal forgets what has ended.
    pub history: Duration,
    /// How often the outbox folders are looked through.
    pub scan_outbox: Duration,
}

/// `[spool]`: files in motion.
#[derive(Debug, Clone)]
pub struct Spool {
    /// Octets of the file system that stay free.
    pub reserve: u64,
}
