//! Certificates of partners as operators see them.

use envelope::Certificate;
use jiff::Timestamp;
use keyring::{Role, Slot, explain, facts, phone};
use serde::{Deserialize, Serialize};
use store::{Partner, RoleCertificate, certificates_to_pem};

use super::KeyCertificateView;

/// A certificate of a partner, once for each slot it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateView {
    /// The partner's name.
    pub partner: String,
    /// What it is used for: `encryption`, `file-signing`, `receipt-signing`, `authentication`.
    pub roles: Vec<String>,
    /// `current`, `next` or `previous`.
    pub slot: String,
    /// What it says; absent when it cannot be read.
    pub certificate: Option<KeyCertificateView>,
    /// Its key, for example `RSA 3072`; absent when it cannot be read.
    pub key: Option<String>,
    /// `sha1:` and 40 hexadecimal digits, as older products show it; empty when it cannot be read.
    pub fingerprint_sha1: String,
    /// The SHA-256 fingerprint in groups to read out, over several lines; likewise.
    pub phone: String,
    /// Why it cannot be used, or not for all of its roles, or not now; a sentence each.
    pub problems: Vec<String>,
    /// Everything about it in plain words.
    pub explanation: String,
    /// The certificate itself.
    pub pem: String,
}

impl CertificateView {
    /// The certificates of `partner` that `wanted` lets through; `all` has everybody who may share one.
    pub(in crate::admin) fn of(
        partner: &Partner,
        all: &[Partner],
        wanted: impl Fn(&RoleCertificate) -> bool,
        now: Timestamp,
    ) -> Vec<CertificateView> {
        let mut groups: Vec<(Slot, &[u8], Vec<Role>)> = Vec::new();
        for held in partner.role_certificates.iter().filter(|held| wanted(held)) {
            let der = held.certificate.as_slice();
            let same = groups
                .iter_mut()
                .find(|(slot, other, _)| *slot == held.slot && *other == der);
            match same {
                Some((_, _, roles)) => roles.push(held.role),
                None => groups.push((held.slot, der, vec![held.role])),
            }
        }
        groups.sort_by_key(|(slot, _, _)| *slot);
        groups
            .into_iter()
            .map(|(slot, der, roles)| Self::new(&partner.name, der, &roles, slot, all, now))
            .collect()
    }

    fn new(
        partner: &str,
        der: &[u8],
        roles: &[Role],
        slot: Slot,
        all: &[Partner],
        now: Timestamp,
    ) -> CertificateView {
        let mut view = CertificateView {
            partner: partner.to_owned(),
            roles: roles.iter().map(ToString::to_string).collect(),
            slot: slot.to_string(),
            certificate: None,
            key: None,
            fingerprint_sha1: String::new(),
            phone: String::new(),
            problems: Vec::new(),
            explanation: String::new(),
            pem: certificates_to_pem(&[der]),
        };
        let facts = match facts(der) {
            Ok(facts) => facts,
            Err(problem) => {
                view.problems.push(problem.to_string());
                return view;
            }
        };
        if let Err(problem) = Certificate::from_der(der) {
            view.problems.push(problem.to_string());
        }
        for role in roles {
            for problem in facts.fits(*role) {
                if !view.problems.contains(&problem) {
                    view.problems.push(problem);
                }
            }
        }
        if let Some(problem) = facts.problem_at(now) {
            view.problems.push(problem);
        }
        view.certificate = Some(KeyCertificateView::new(&facts, now));
        view.key = Some(facts.key.to_string());
        let sha1 = facts.fingerprint_sha1.iter();
        view.fingerprint_sha1 = sha1.fold("sha1:".to_owned(), |text, octet| {
            format!("{text}{octet:02x}")
        });
        view.phone = phone(&facts.fingerprint);
        view.explanation = explain(&facts, &uses(der, all), now);
        view
    }
}

/// Everybody who uses the certificate, and what for.
fn uses(der: &[u8], all: &[Partner]) -> Vec<(String, Role, Slot)> {
    let of = |partner: &Partner| -> Vec<(String, Role, Slot)> {
        let held = partner.role_certificates.iter();
        held.filter(|held| held.certificate == der)
            .map(|held| (partner.name.clone(), held.role, held.slot))
            .collect()
    };
    all.iter().flat_map(of).collect()
}
