//! Challenges between two sides with keys made for the test.

use ::keyring::Slot;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use store::RoleCertificate;
use tempfile::TempDir;

use super::*;
use crate::keys::{issue_authentication, load_authentication, load_chain};

/// One side's key, and the certificate the other side has on file.
struct Side {
    authenticator: Authenticator,
    certificate: Vec<u8>,
    _folder: TempDir,
}

impl Side {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("a.pem"), folder.path().join("a.key"));
        issue_authentication("O0013TEST", 30, &certificate, &key).unwrap();
        Self {
            authenticator: Authenticator::new(
                Keyring::none(),
                Some(load_authentication(&certificate, &key).unwrap()),
            ),
            certificate: load_chain(&certificate).unwrap()[0].to_vec(),
            _folder: folder,
        }
    }
}

fn partner(certificates: Vec<Vec<u8>>) -> Partner {
    let mut partner = Partner::new("THEM", "O0013THEM".parse().unwrap(), "US");
    partner.authentication = true;
    let slots = [Slot::Current, Slot::Next, Slot::Previous];
    let held = slots.into_iter().zip(certificates);
    partner.role_certificates = held
        .map(|(slot, certificate)| RoleCertificate {
            role: Role::Authentication,
            slot,
            certificate,
        })
        .collect();
    partner
}

fn expired() -> Vec<u8> {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
    params.self_signed(&pair).unwrap().der().to_vec()
}

fn elliptic() -> Vec<u8> {
    let pair = KeyPair::generate().unwrap();
    let params = CertificateParams::default();
    params.self_signed(&pair).unwrap().der().to_vec()
}

#[test]
fn a_partner_with_the_key_answers_what_we_challenge_it_with() {
    let (us, them) = (Side::new(), Side::new());
    let partner = partner(vec![them.certificate.clone()]);
    let first = us.authenticator.challenge(&partner, "US").unwrap();
    let second = us.authenticator.challenge(&partner, "US").unwrap();
    assert_ne!(first.secret, second.secret);
    for challenge in [first, second] {
        let answer = them.authenticator.respond(&challenge.sealed, "THEM");
        assert_eq!(answer.unwrap(), challenge.secret);
    }
}

#[test]
fn while_a_partner_changes_its_key_either_key_answers() {
    let (us, old, new) = (Side::new(), Side::new(), Side::new());
    for unusable in [expired(), elliptic()] {
        let certificates = vec![unusable, old.certificate.clone(), new.certificate.clone()];
        let partner = partner(certificates);
        let challenge = us.authenticator.challenge(&partner, "US").unwrap();
        for side in [&old, &new] {
            let answer = side.authenticator.respond(&challenge.sealed, "THEM");
            assert_eq!(answer.unwrap(), challenge.secret);
        }
    }
}

#[test]
fn without_a_usable_certificate_a_partner_is_refused_with_text() {
    let us = Side::new();
    for certificates in [
        Vec::new(),
        vec![expired()],
        vec![elliptic()],
        vec![b"no certificate".to_vec()],
    ] {
        let refusal = us
            .authenticator
            .challenge(&partner(certificates), "US")
            .unwrap_err();
        assert_eq!(refusal.reason.0, 11);
        assert!(refusal.text.contains("certificate"), "{}", refusal.text);
    }
}

#[test]
fn the_operator_is_told_what_is_wrong_with_each_certificate() {
    let now = Timestamp::now();
    let us = Side::new();
    let ours = us.authenticator.ours("US").unwrap();
    let told = |certificates| {
        recipients(&partner(certificates), &ours, now)
            .map(|usable| usable.len())
            .unwrap_err()
    };
    assert_eq!(told(Vec::new()), "none is on file");
    let told = told(vec![expired(), elliptic(), us.certificate.clone()]);
    for wanted in [
        "certificate 3 is of our own key",
        "certificate 1: expired on 2002-01-01",
        "certificate 2: ",
        "RSA",
    ] {
        assert!(told.contains(wanted), "{told}");
    }
}

#[test]
fn a_challenge_that_is_not_for_us_or_no_challenge_is_refused_with_one_text() {
    let (us, other) = (Side::new(), Side::new());
    let foreign = us
        .authenticator
        .challenge(&partner(vec![other.certificate.clone()]), "US")
        .unwrap();
    let mut broken = other
        .authenticator
        .challenge(&partner(vec![us.certificate.clone()]), "US")
        .unwrap()
        .sealed;
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let texts = [foreign.sealed, broken, Vec::new(), vec![0x30; 70_000]].map(|sealed| {
        let refusal = us.authenticator.respond(&sealed, "US").unwrap_err();
        assert_eq!(refusal.reason.0, 11);
        refusal.text
    });
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[test]
fn without_a_key_nothing_is_asked_and_nothing_answered() {
    let (none, them) = (Authenticator::none(), Side::new());
    let partner = partner(vec![them.certificate.clone()]);
    assert!(!none.is_ready() && them.authenticator.is_ready());
    for refusal in [
        none.challenge(&partner, "US").map(|_| ()).unwrap_err(),
        none.respond(&[], "US").map(|_| ()).unwrap_err(),
    ] {
        assert_eq!(refusal.reason.0, 11);
        assert!(refusal.text.contains("configured"), "{}", refusal.text);
    }
}

/// Partners may know us by any of our certificates while we change our key, and the key of the
/// configuration is there for them as well.
#[test]
fn every_key_of_the_station_answers() {
    use crate::security::tests::keys::{coming, ours, strange, theirs};

    let us = Side::new();
    let keyring = Keyring::with(vec![
        (
            "US",
            Role::Authentication,
            Slot::Current,
            ours().own.clone(),
        ),
        ("US", Role::Authentication, Slot::Next, coming().own.clone()),
        (
            "OTHER",
            Role::Authentication,
            Slot::Current,
            strange().own.clone(),
        ),
    ]);
    let configured = us.authenticator.configured.clone();
    let authenticator = Authenticator::new(keyring, configured);
    let them = Authenticator::new(
        Keyring::with(vec![(
            "THEM",
            Role::Authentication,
            Slot::Current,
            theirs().own.clone(),
        )]),
        None,
    );
    let answered = |certificate: &Vec<u8>| {
        let challenge = them.challenge(&partner(vec![certificate.clone()]), "THEM");
        let challenge = challenge.unwrap();
        let answer = authenticator.respond(&challenge.sealed, "US");
        answer.is_ok_and(|answer| answer == challenge.secret)
    };
    assert!(answered(&ours().certificate));
    assert!(answered(&coming().certificate));
    assert!(answered(&us.certificate));
    assert!(!answered(&strange().certificate));
}
