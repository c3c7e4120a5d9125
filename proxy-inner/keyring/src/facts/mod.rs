//! What a certificate says, read once; whether it fits a role; all of it in words.
//!
//! ```text
//!  DER ── read ──▶ Facts ──┬─ fit ─────▶ what keeps it from a role, what is weak about it
//!                          └─ explain ─▶ plain words for the operator, with who uses it
//! ```
//!
//! Text from certificates is foreign: control characters in it are replaced, so that none of it
//! reaches a terminal.

mod explain;
mod fit;
mod phone;
mod read;

use std::fmt;

use jiff::Timestamp;

pub use explain::explain;
pub use phone::phone;
pub use read::facts;

/// The facts of one certificate an operator compares and worries about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whom it names: the whole distinguished name.
    pub subject: String,
    /// Who made it: the whole distinguished name.
    pub issuer: String,
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The subject's organisation.
    pub organization: Option<String>,
    /// The identification code it carries (it starts with O): serialNumber (2.5.4.5) of the
    /// subject, else the URI `oftp://CODE`.
    pub odette_id: Option<String>,
    /// Serial number, in hexadecimal digits.
    pub serial: String,
    /// Host names and IP addresses among its other names.
    pub names: Vec<String>,
    /// Mail addresses among its other names.
    pub emails: Vec<String>,
    /// URIs among its other names.
    pub uris: Vec<String>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// X.509 version: 1, 2 or 3.
    pub version: u32,
    /// Its public key.
    pub key: KeyFacts,
    /// How its issuer signed it, in words.
    pub signature: String,
    /// Whether that signature uses a broken hash (MD2, MD5, SHA-1).
    pub weak_signature: bool,
    /// Key usages; `None` when it does not say.
    pub usages: Option<Vec<Usage>>,
    /// Extended key usages, in words; `None` when it does not say.
    pub extended_usages: Option<Vec<String>>,
    /// Whether it may sign other certificates.
    pub authority: bool,
    /// Whether it names itself as its issuer and its own key made the signature (or the
    /// signature is of a kind that cannot be checked here).
    pub self_signed: bool,
    /// Critical extensions nobody here understands.
    pub unknown_critical: Vec<String>,
    /// SHA-256 of the whole certificate.
    pub fingerprint: [u8; 32],
    /// SHA-1 of the whole certificate: what older products show.
    pub fingerprint_sha1: [u8; 20],
}

/// The public key of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFacts {
    /// RSA with so many bits.
    Rsa {
        /// Length of the modulus.
        bits: usize,
    },
    /// An elliptic curve by its name.
    Ec {
        /// For example `P-256`.
        curve: String,
    },
    /// Something else, by its name or object identifier.
    Other(String),
}

/// One key usage (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Signatures other than those on certificates.
    DigitalSignature,
    /// Signatures that are to hold later, too; now called contentCommitment.
    NonRepudiation,
    /// Encrypting content keys.
    KeyEncipherment,
    /// Encrypting data itself.
    DataEncipherment,
    /// Agreeing on keys.
    KeyAgreement,
    /// Signing certificates.
    KeyCertSign,
    /// Signing revocation lists.
    CrlSign,
    /// With key agreement: encrypting only.
    EncipherOnly,
    /// With key agreement: decrypting only.
    DecipherOnly,
}

impl Facts {
    /// The problem with using it at `now`, if any.
    pub fn problem_at(&self, now: Timestamp) -> Option<String> {
        if now < self.not_before {
            return Some(format!(
                "not valid before {}; check this host's clock",
                self.not_before
            ));
        }
        if now > self.not_after {
            return Some(format!("expired on {}; replace it", self.not_after));
        }
        None
    }

    /// Whole days from `now` until it ends; negative when it has.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        (self.not_after.as_second() - now.as_second()).div_euclid(86_400)
    }

    /// Its SHA-256 as `sha256:<64 hex digits>`.
    pub fn fingerprint_text(&self) -> String {
        format!("sha256:{}", hex(&self.fingerprint))
    }

    /// A name for people: the common name, else the whole subject.
    pub fn title(&self) -> &str {
        self.common_name.as_deref().unwrap_or(&self.subject)
    }
}

/// Few aligned lines, without a line end after the last.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .names
            .iter()
            .chain(&self.emails)
            .chain(&self.uris)
            .map(String::as_str)
            .collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        let issuer = if self.self_signed {
            "itself"
        } else {
            &self.issuer
        };
        writeln!(f, "subject      {}", self.subject)?;
        writeln!(f, "issuer       {issuer}")?;
        writeln!(f, "names        {names}")?;
        writeln!(
            f,
            "key          {}, signed with {}",
            self.key, self.signature
        )?;
        writeln!(f, "valid        {} to {}", self.not_before, self.not_after)?;
        write!(f, "fingerprint  {}", self.fingerprint_text())
    }
}

impl fmt::Display for KeyFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyFacts::Rsa { bits } => write!(f, "RSA, {bits} bits"),
            KeyFacts::Ec { curve } => write!(f, "elliptic curve {curve}"),
            KeyFacts::Other(name) => f.write_str(name),
        }
    }
}

impl Usage {
    /// Every usage, in the order of its bits.
    pub const ALL: [Usage; 9] = [
        Usage::DigitalSignature,
        Usage::NonRepudiation,
        Usage::KeyEncipherment,
        Usage::DataEncipherment,
        Usage::KeyAgreement,
        Usage::KeyCertSign,
        Usage::CrlSign,
        Usage::EncipherOnly,
        Usage::DecipherOnly,
    ];

    /// Its name in RFC 5280.
    pub const fn word(self) -> &'static str {
        match self {
            Usage::DigitalSignature => "digitalSignature",
            Usage::NonRepudiation => "nonRepudiation",
            Usage::KeyEncipherment => "keyEncipherment",
            Usage::DataEncipherment => "dataEncipherment",
            Usage::KeyAgreement => "keyAgreement",
            Usage::KeyCertSign => "keyCertSign",
            Usage::CrlSign => "cRLSign",
            Usage::EncipherOnly => "encipherOnly",
            Usage::DecipherOnly => "decipherOnly",
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Octets as lower-case hexadecimal digits.
fn hex(octets: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

#[cfg(test)]
mod tests;
