use super::*;
use crate::{KeyKind, Role, Signer, Slot, Subject, facts, generate, self_signed};

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn after(days: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() + days * 86_400).unwrap()
}

fn made(roles: &[Role]) -> Facts {
    made_for("O0013000009AAA  US", roles)
}

fn made_for(code: &str, roles: &[Role]) -> Facts {
    let subject = Subject {
        common_name: "oftp.example.com".to_owned(),
        organization: Some("Example GmbH".to_owned()),
        odette_id: code.to_owned(),
        dns_names: vec!["oftp.example.com".to_owned()],
        ..Subject::default()
    };
    let signer = Signer::software(&generate(KeyKind::Rsa2048).unwrap()).unwrap();
    facts(&self_signed(&signer, &subject, roles, 40, now()).unwrap()).unwrap()
}

fn uses(list: &[(&str, Role, Slot)]) -> Vec<(String, Role, Slot)> {
    list.iter()
        .map(|(who, role, slot)| ((*who).to_owned(), *role, *slot))
        .collect()
}

#[test]
fn explains_whose_what_for_until_when_and_what_breaks() {
    let facts = made(&[Role::Encryption, Role::TlsServer]);
    let text = explain(
        &facts,
        &uses(&[
            ("station US", Role::Encryption, Slot::Current),
            ("station US", Role::TlsServer, Slot::Next),
            ("station OLD", Role::Authentication, Slot::Previous),
        ]),
        now(),
    );
    for part in [
        "the certificate of oftp.example.com of Example GmbH",
        "the Odette ID O0013000009AAA  US",
        "It names the hosts oftp.example.com.",
        "valid from 2026-11-21 00:00 UTC to 2027-01-01 00:00 UTC: 39 days left",
        "self-signed",
        "RSA, 2048 bits",
        "station US, encryption, current: files to its owner are encrypted for it.",
        "On 2027-01-01 00:00 UTC, unless another has taken its place: files to its owner cannot",
        "station US, tls-server, next",
        "If it is not in use by 2027-01-01",
        "station OLD, authentication, previous",
        "can still be opened while it is kept",
        "It fits: tls-server, tls-client, encryption",
        "to compare with its owner on the phone",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!text.contains("Mind:"), "{text}");
}

#[test]
fn explains_what_is_past_and_what_is_not_yet() {
    let facts = made(&[Role::FileSigning]);
    let used = uses(&[("US", Role::FileSigning, Slot::Current)]);
    let past = explain(&facts, &used, after(60));
    assert!(
        past.contains("It has ended") && past.contains("20 days ago"),
        "{past}"
    );
    assert!(
        past.contains("Since 2027-01-01 00:00 UTC, unless another is in slot next"),
        "{past}"
    );
    assert!(facts.problem_at(after(60)).unwrap().contains("replace it"));
    assert!(facts.days_left(after(60)) < 0);

    let early = explain(&facts, &[], after(-3));
    assert!(
        early.contains("not valid yet: it starts on 2026-11-21"),
        "{early}"
    );
    assert!(early.contains("Nothing here uses it."), "{early}");
    assert!(facts.problem_at(after(-3)).unwrap().contains("clock"));
    assert_eq!(facts.problem_at(now()), None);
}

#[test]
fn explains_why_a_use_does_not_fit() {
    let facts = made(&[Role::FileSigning]);
    assert!(facts.fits(Role::ReceiptSigning).is_empty());
    let text = explain(
        &facts,
        &uses(&[("US", Role::Encryption, Slot::Current)]),
        now(),
    );
    assert!(
        text.contains("It does not fit: Its key usage (digitalSignature) lacks keyEncipherment"),
        "{text}"
    );
    assert!(text.contains("It does not fit encryption:"), "{text}");
}

#[test]
fn reads_a_fingerprint_out_in_four_lines() {
    let mut fingerprint = [0; 32];
    for (octet, value) in fingerprint.iter_mut().zip(0xE0..=0xFF) {
        *octet = value;
    }
    assert_eq!(
        phone(&fingerprint),
        "1:  E0E1 E2E3 E4E5 E6E7\n2:  E8E9 EAEB ECED EEEF\n\
         3:  F0F1 F2F3 F4F5 F6F7\n4:  F8F9 FAFB FCFD FEFF"
    );
}

#[test]
fn shows_few_lines() {
    let text = made(&[Role::TlsServer]).to_string();
    assert!(text.contains("issuer       itself"), "{text}");
    assert!(text.contains("\nfingerprint  sha256:"), "{text}");
    assert_eq!(text.lines().count(), 6);
}

#[test]
fn takes_no_register_number_for_an_odette_id() {
    let facts = made_for("HRB 12345", &[Role::TlsServer]);
    assert_eq!(facts.odette_id, None);
    let text = explain(&facts, &[], now());
    assert!(text.contains("It carries no Odette ID."), "{text}");
}

#[test]
fn refuses_what_is_no_certificate() {
    for octets in [&b""[..], b"\x30\x00", b"nonsense"] {
        assert!(facts(octets).is_err());
    }
}
