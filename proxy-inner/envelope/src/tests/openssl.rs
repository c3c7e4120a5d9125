//! Against openssl: what it made, and what it reads of ours.

use std::fs;
use std::process::Command;

use super::*;
use crate::challenge::{self, ChallengeError};
use crate::enveloped::EnvelopedData;

/// Everything openssl made for us, by file name.
pub(super) const MADE_FOR_US: [(&str, &[u8]); 8] = [
    ("aes256", include_bytes!("vectors/aes256.der")),
    ("aes192", include_bytes!("vectors/aes192.der")),
    ("aes128", include_bytes!("vectors/aes128.der")),
    ("des3", include_bytes!("vectors/des3.der")),
    ("keyid", include_bytes!("vectors/keyid.der")),
    ("stream", include_bytes!("vectors/stream.der")),
    (
        "des3-keyid-stream",
        include_bytes!("vectors/des3-keyid-stream.der"),
    ),
    ("several", include_bytes!("vectors/several.der")),
];

#[test]
fn opens_what_openssl_encrypted() {
    for (name, octets) in MADE_FOR_US {
        let opened = challenge::open(octets, &[key()]);
        assert_eq!(opened.map(|secret| *secret), Ok(*SECRET), "{name}");
    }
}

#[test]
fn tells_the_operator_why_it_does_not_open_something() {
    let open = |octets: &[u8]| challenge::open(octets, &[key()]).unwrap_err();
    let other = open(include_bytes!("vectors/other.der"));
    assert!(matches!(&other, ChallengeError::NotForUs(who) if who.contains("serial number 0x")));
    assert_eq!(
        open(include_bytes!("vectors/oaep.der")),
        ChallengeError::KeyTransport("1.2.840.113549.1.1.7".to_owned())
    );
    assert_eq!(
        open(include_bytes!("vectors/data.der")),
        ChallengeError::ContentType("1.2.840.113549.1.7.1".to_owned())
    );
    assert_eq!(
        open(include_bytes!("vectors/nineteen.der")),
        ChallengeError::Undecryptable
    );
}

#[test]
fn openssl_opens_what_we_sealed() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln_skipped();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, recipients) in [
        ("one", vec![recipient()]),
        ("several", vec![other(), recipient()]),
    ] {
        let sealed = challenge::seal(&recipients).unwrap();
        let at = |file: &str| folder.path().join(file);
        fs::write(at("sealed.der"), &sealed.sealed).unwrap();
        fs::write(at("recipient.p8"), PKCS8).unwrap();
        fs::write(at("recipient.cer"), RECIPIENT).unwrap();
        let opened = Command::new("openssl")
            .args(["cms", "-decrypt", "-binary", "-inform", "DER"])
            .args(["-in", "sealed.der", "-keyform", "DER"])
            .args(["-inkey", "recipient.p8", "-recip", "recipient.cer"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&opened.stderr).into_owned();
        assert!(opened.status.success(), "{name}: {said}");
        assert_eq!(opened.stdout, sealed.secret.as_slice(), "{name}");
        // Ours are DER: written anew by openssl nothing changes.
        let printed = Command::new("openssl")
            .args(["cms", "-cmsout", "-inform", "DER", "-outform", "DER"])
            .args(["-in", "sealed.der"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(printed.stdout, sealed.sealed, "{name}");
    }
}

#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn eprintln_skipped() {
    eprintln!(
        "SKIPPED: there is no openssl here, so whether it opens our challenges is not tested"
    );
}

#[test]
fn a_parsed_object_names_its_recipients() {
    let (_, several) = MADE_FOR_US[7];
    let parsed = EnvelopedData::parse(several).unwrap();
    assert_eq!(format!("{parsed:?}").matches("serial number 0x").count(), 2);
}
