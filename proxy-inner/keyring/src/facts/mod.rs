//! What a certificate says, read once.

use jiff::Timestamp;

use crate::{FactsError, Role, Slot};

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
    /// The identification code it carries: serialNumber (2.5.4.5) of the subject, else the URI
    /// `oftp://CODE`.
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
    /// Whether that signature uses a broken hash (MD5, SHA-1).
    pub weak_signature: bool,
    /// Key usages, in words; `None` when it does not say.
    pub usages: Option<Vec<Usage>>,
    /// Extended key usages, in words; `None` when it does not say.
    pub extended_usages: Option<Vec<String>>,
    /// Whether it may sign other certificates.
    pub authority: bool,
    /// Whether subject and issuer are the same.
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
    /// digitalSignature
    DigitalSignature,
    /// nonRepudiation, also called contentCommitment
    NonRepudiation,
    /// keyEncipherment
    KeyEncipherment,
    /// dataEncipherment
    DataEncipherment,
    /// keyAgreement
    KeyAgreement,
    /// keyCertSign
    KeyCertSign,
    /// cRLSign
    CrlSign,
    /// encipherOnly
    EncipherOnly,
    /// decipherOnly
    DecipherOnly,
}

impl Facts {
    /// What keeps it from serving in a role, each a sentence with what to do; empty when it fits.
    pub fn fits(&self, role: Role) -> Vec<String> {
        let _ = role;
        Vec::new()
    }

    /// What is weak or odd about it whatever it is used for; empty when all is well.
    pub fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// The problem with using it at `now`, if any.
    pub fn problem_at(&self, now: Timestamp) -> Option<String> {
        let _ = now;
        None
    }

    /// Whole days from `now` until it ends; negative when it has.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        (self.not_after.as_second() - now.as_second()).div_euclid(86_400)
    }

    /// Its SHA-256 as `sha256:<64 hex digits>`.
    pub fn fingerprint_text(&self) -> String {
        String::new()
    }
}

/// Reads the facts from a certificate in DER.
///
/// # Errors
/// When it does not parse, or something follows it.
pub fn facts(der: &[u8]) -> Result<Facts, FactsError> {
    let _ = der;
    Err(FactsError {
        detail: String::new(),
    })
}

/// Says in plain words what a certificate is, what it is used for and what will happen when.
/// `uses` names who uses it (a station of ours or a partner), in which role and slot.
pub fn explain(facts: &Facts, uses: &[(String, Role, Slot)], now: Timestamp) -> String {
    let _ = (facts, uses, now);
    String::new()
}

/// A SHA-256 fingerprint as four lines of four groups of four digits, to compare on the phone.
pub fn phone(fingerprint: &[u8; 32]) -> String {
    let _ = fingerprint;
    String::new()
}
