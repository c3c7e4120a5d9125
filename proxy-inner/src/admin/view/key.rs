//! Our keys as operators see them.

use jiff::Timestamp;
use keyring::{Facts, KeyFacts, facts};
use serde::{Deserialize, Serialize};
use store::{KeyHome, KeyRecord, KeyUse};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// One of our keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// Its name.
    pub name: String,
    /// `store` or `token`.
    pub home: String,
    /// Where in a token it is, without a PIN.
    pub token: Option<String>,
    /// For example `RSA 3072`; absent when nothing tells.
    pub kind: Option<String>,
    /// When it was made or taken in.
    pub created: String,
    /// Whether a request waits for the CA's answer.
    pub request_waits: bool,
    /// Its certificate.
    pub certificate: Option<KeyCertificateView>,
    /// How many further certificates are kept with it: issuers, and earlier ones of the same key.
    pub further_certificates: usize,
    /// What it is used for.
    pub uses: Vec<KeyUseView>,
    /// Why it cannot be used, if it cannot.
    pub problem: Option<String>,
}

/// The certificate of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCertificateView {
    /// Whom it names.
    pub subject: String,
    /// Who made it.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// The identification code it carries.
    pub odette_id: Option<String>,
    /// Host names and IP addresses.
    pub names: Vec<String>,
    /// From when it is valid.
    pub not_before: String,
    /// Until when it is valid.
    pub not_after: String,
    /// Whole days until it ends; negative when it has.
    pub days_left: i64,
    /// `sha256:` and 64 hexadecimal digits.
    pub fingerprint: String,
}

/// One use of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUseView {
    /// The station's name.
    pub station: String,
    /// What for.
    pub role: String,
    /// `current`, `next` or `previous`.
    pub slot: String,
    /// The key's name.
    pub key: String,
}

impl KeyView {
    /// What is known of a key; `problem` is what the keyring says of it.
    pub(in crate::admin) fn new(
        key: &KeyRecord,
        uses: &[KeyUse],
        problem: Option<String>,
        now: Timestamp,
    ) -> KeyView {
        let facts = key.certificates.first().and_then(|der| facts(der).ok());
        let (home, token) = match &key.private {
            KeyHome::Sealed(_) => ("store", None),
            KeyHome::Token(uri) => ("token", Some(uri.clone())),
        };
        let of_certificate = || {
            let problem = facts.as_ref()?.problem_at(now)?;
            Some(format!("its certificate is {problem}"))
        };
        KeyView {
            name: key.name.clone(),
            home: home.to_owned(),
            token,
            kind: match (&facts, &key.request) {
                (Some(facts), _) => Some(kind(&facts.key)),
                (None, Some(request)) => requested(request),
                (None, None) => None,
            },
            created: key.created.to_string(),
            request_waits: key.request.is_some(),
            certificate: facts
                .as_ref()
                .map(|facts| KeyCertificateView::new(facts, now)),
            further_certificates: key.certificates.len().saturating_sub(1),
            uses: uses
                .iter()
                .filter(|one| one.key == key.name)
                .map(KeyUseView::from)
                .collect(),
            problem: problem.or_else(of_certificate),
        }
    }
}

impl KeyCertificateView {
    pub(in crate::admin) fn new(facts: &Facts, now: Timestamp) -> KeyCertificateView {
        KeyCertificateView {
            subject: facts.subject.clone(),
            issuer: facts.issuer.clone(),
            serial: facts.serial.clone(),
            odette_id: facts.odette_id.clone(),
            names: facts.names.clone(),
            not_before: facts.not_before.to_string(),
            not_after: facts.not_after.to_string(),
            days_left: facts.days_left(now),
            fingerprint: facts.fingerprint_text(),
        }
    }
}

impl From<&KeyUse> for KeyUseView {
    fn from(one: &KeyUse) -> KeyUseView {
        KeyUseView {
            station: one.station.clone(),
            role: one.role.word().to_owned(),
            slot: one.slot.word().to_owned(),
            key: one.key.clone(),
        }
    }
}

fn kind(key: &KeyFacts) -> String {
    match key {
        KeyFacts::Rsa { bits } => format!("RSA {bits}"),
        KeyFacts::Ec { curve } => format!("EC {curve}"),
        KeyFacts::Other(name) => name.clone(),
    }
}

/// The kind of the key a request is for.
fn requested(request: &[u8]) -> Option<String> {
    let (_, request) = X509CertificationRequest::from_der(request).ok()?;
    of_public(&request.certification_request_info.subject_pki)
}

/// The kind of a public key (SubjectPublicKeyInfo, DER).
pub(in crate::admin) fn kind_of(spki: &[u8]) -> Option<String> {
    let (_, public) = SubjectPublicKeyInfo::from_der(spki).ok()?;
    of_public(&public)
}

fn of_public(public: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    match public.parsed().ok()? {
        PublicKey::RSA(key) => Some(format!("RSA {}", key.key_size())),
        // Coordinates are of whole octets.
        PublicKey::EC(point) => match point.key_size() {
            528 => Some("EC P-521".to_owned()),
            bits => Some(format!("EC P-{bits}")),
        },
        _ => None,
    }
}
