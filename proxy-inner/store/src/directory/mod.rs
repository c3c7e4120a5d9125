//! Our stations and our partners: what they are, and which rules a new one must keep.
//!
//! ```text
//!  apply file ── file.rs: parse ──▶ Directory ──┐
//!                                               ├─ table.rs: one journal transaction ──▶ stations, partners
//!  one station or partner by command ───────────┘                                           │
//!  apply file ◀── file.rs: write ◀──────────────── Store::export ◀──────────────────────────┘
//! ```
//!
//! Passwords are kept in the journal, whose file only its owner may read. No `Debug`, error, fault
//! or log line shows one; an export does when asked to.

mod file;
mod table;

use std::fmt;
use std::str::FromStr;

use oftp::{OdetteId, Password};
use ops::HostPort;
use serde::{Serialize, Serializer};

pub use file::parse_directory;

/// One of our own identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// How we call it: 1 to 32 of `A-Z 0-9 _ -`.
    pub name: String,
    /// Its identification code (SSIDCODE, SFIDORIG of what we send).
    pub code: OdetteId,
}

/// A company we exchange files with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// How we call it: 1 to 32 of `A-Z 0-9 _ -`; names its folders in inbox and outbox.
    pub name: String,
    /// Its identification code; no two partners share one.
    pub code: OdetteId,
    /// The name of our station it deals with.
    pub station: String,
    /// The password we send (SSIDPSWD).
    pub password_sent: Password,
    /// The password we expect.
    pub password_expected: Password,
    /// Where we call it, as `host:port`; without one only the partner calls.
    pub address: Option<String>,
    /// The certificates it may show; empty when none is required.
    pub certificates: Vec<Fingerprint>,
    /// The name its certificate must carry when we call it, where it differs from the host.
    pub server_name: Option<String>,
    /// Largest data exchange buffer we offer (SSIDSDEB), 128 to 99999 octets.
    pub buffer: u32,
    /// Largest credit we offer (SSIDCRED), 1 to 999 buffers.
    pub credit: u16,
    /// Whether it may connect and is called.
    pub enabled: bool,
}

/// The buffer offered where nothing else is said, octets.
pub const DEFAULT_BUFFER: u32 = 65_535;
/// The credit offered where nothing else is said, buffers.
pub const DEFAULT_CREDIT: u16 = 256;

/// Names a certificate: the SHA-256 of its DER, printed as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// From the digest itself.
    pub fn from_digest(digest: [u8; 32]) -> Self {
        Fingerprint(digest)
    }

    /// The digest.
    pub fn digest(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is \"sha256:\" and 64 hexadecimal digits")]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let digits = text.strip_prefix("sha256:").ok_or(NoFingerprint)?;
        if digits.len() != 64 || !digits.bytes().all(|octet| octet.is_ascii_hexdigit()) {
            return Err(NoFingerprint);
        }
        let mut digest = [0; 32];
        for (index, octet) in digest.iter_mut().enumerate() {
            let pair = digits.get(2 * index..2 * index + 2).ok_or(NoFingerprint)?;
            *octet = u8::from_str_radix(pair, 16).map_err(|_| NoFingerprint)?;
        }
        Ok(Fingerprint(digest))
    }
}

/// What putting a station or partner did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there before.
    Added,
    /// It was there and is different now.
    Changed,
    /// It was there just so.
    Unchanged,
}

/// What an apply file says: stations and partners to add or change. What it does not name stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// The stations.
    pub stations: Vec<Station>,
    /// The partners.
    pub partners: Vec<PartnerEntry>,
}

/// A partner as an apply file has it. A password the file leaves out stays as it is in the store, so
/// that an export without passwords can be applied again; a new partner must have both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerEntry {
    /// The partner; a password left out is empty here.
    pub partner: Partner,
    /// Whether `password_sent` was left out.
    pub keep_password_sent: bool,
    /// Whether `password_expected` was left out.
    pub keep_password_expected: bool,
}

/// What became of one entry of an applied [`Directory`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// `station` or `partner`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What happened to it.
    pub change: Change,
}

/// What a name of a station or partner must be, in words that can follow "wanted".
const NAME: &str = "1 to 32 of the characters A-Z, 0-9, \"_\" and \"-\"";

fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|octet| {
            octet.is_ascii_uppercase() || octet.is_ascii_digit() || matches!(octet, b'_' | b'-')
        })
}

impl Station {
    /// The first rule it breaks, as a sentence.
    fn problem(&self) -> Option<String> {
        (!is_name(&self.name)).then(|| format!("station {:?}: the name must be {NAME}", self.name))
    }
}

impl Partner {
    /// The first rule it breaks by itself, as a sentence.
    fn problem(&self) -> Option<String> {
        let name = &self.name;
        if !is_name(name) {
            return Some(format!("partner {name:?}: the name must be {NAME}"));
        }
        if let Some(address) = &self.address
            && let Err(problem) = address.parse::<HostPort>()
        {
            return Some(format!(
                "partner {name}: the address {address:?} is no host with port: {problem}"
            ));
        }
        if !BUFFER.contains(&self.buffer) {
            return Some(format!(
                "partner {name}: the buffer is {}; it must be from {} to {} octets",
                self.buffer,
                BUFFER.start(),
                BUFFER.end()
            ));
        }
        if !CREDIT.contains(&self.credit) {
            return Some(format!(
                "partner {name}: the credit is {}; it must be from {} to {} buffers",
                self.credit,
                CREDIT.start(),
                CREDIT.end()
            ));
        }
        if self
            .server_name
            .as_deref()
            .is_some_and(|server| !is_server_name(server))
        {
            return Some(format!(
                "partner {name}: the server name must be a host name or an IP address, without port"
            ));
        }
        None
    }
}

/// A host name or an IP address, judged as the host of a `host:port`.
fn is_server_name(server: &str) -> bool {
    let host = if server.contains(':') {
        format!("[{server}]:1")
    } else {
        format!("{server}:1")
    };
    host.parse::<HostPort>().is_ok()
}

const BUFFER: std::ops::RangeInclusive<u32> = 128..=99_999;
const CREDIT: std::ops::RangeInclusive<u16> = 1..=999;
