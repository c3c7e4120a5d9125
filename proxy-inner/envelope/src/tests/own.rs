//! Against ourselves: what is sealed opens, for those it was sealed for.

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

use super::*;
use crate::challenge::{self, ChallengeError, LENGTH};
use crate::enveloped::EnvelopedData;
use crate::{CertificateError, KeyError, SecureError, Suite, write};

#[test]
fn opens_what_was_sealed_for_us_with_a_key_in_either_form() {
    let sealed = challenge::seal(&[recipient()]).unwrap();
    for key in [
        SoftwareKey::from_pkcs8(PKCS8).unwrap(),
        SoftwareKey::from_pkcs1(PKCS1).unwrap(),
    ] {
        let key = OwnKey::new(Arc::new(key), &[recipient()]).unwrap();
        assert_eq!(
            challenge::open(&sealed.sealed, &[key]).unwrap(),
            sealed.secret
        );
    }
}

#[test]
fn every_challenge_is_fresh() {
    let challenges: Vec<_> = std::iter::repeat_with(|| challenge::seal(&[recipient()]).unwrap())
        .take(8)
        .collect();
    for (place, one) in challenges.iter().enumerate() {
        assert_ne!(*one.secret, [0; LENGTH]);
        for other in &challenges[..place] {
            assert_ne!(one.secret, other.secret);
            assert_ne!(one.sealed, other.sealed);
        }
    }
}

#[test]
fn each_of_several_recipients_can_open_it() {
    for recipients in [[recipient(), other()], [other(), recipient()]] {
        let sealed = challenge::seal(&recipients).unwrap();
        let opened = challenge::open(&sealed.sealed, &[key()]).unwrap();
        assert_eq!(opened, sealed.secret);
    }
}

#[test]
fn a_challenge_for_the_most_recipients_fits_into_auch() {
    let recipients: Vec<_> = std::iter::repeat_with(recipient).take(20).collect();
    let sealed = challenge::seal(&recipients).unwrap().sealed;
    let parsed = EnvelopedData::parse(&sealed).unwrap();
    assert_eq!(format!("{parsed:?}").matches("serial").count(), 8);
    assert!(sealed.len() < 65_535 / 4, "{}", sealed.len());
    assert!(matches!(
        challenge::seal(&[]),
        Err(SecureError::NoRecipient)
    ));
}

#[test]
fn gives_out_nothing_but_twenty_octets() {
    for length in [0, 1, 15, 16, 19, 21, 32, 100] {
        for suite in [1, 2].map(|number| Suite::of(number).unwrap()) {
            let sealed = write::enveloped(&vec![7; length], suite, &[recipient()]).unwrap();
            let parsed = EnvelopedData::parse(&sealed).unwrap();
            assert_eq!(*parsed.open(&[key()]).unwrap(), vec![7; length]);
            assert_eq!(
                challenge::open(&sealed, &[key()]),
                Err(ChallengeError::Undecryptable),
                "{length}"
            );
        }
    }
}

#[test]
fn a_renewed_certificate_of_the_same_key_counts_too() {
    // In front: a certificate of the same key with another name and number.
    let pair = KeyPair::try_from(PKCS8).unwrap();
    let renewed = CertificateParams::new(["renewed.example".to_owned()])
        .unwrap()
        .self_signed(&pair)
        .unwrap();
    let chain: [&[u8]; 4] = [
        renewed.der(),
        OTHER,
        b"an issuer of another kind",
        RECIPIENT,
    ];
    let ours = OwnKey::from_chain(software_key(), &chain).unwrap();
    assert_eq!(ours.certificates().len(), 2);
    assert_eq!(ours.certificate().der(), renewed.der().as_ref());
    for certificate in [renewed.der().as_ref(), RECIPIENT] {
        let certificate = Certificate::from_der(certificate).unwrap();
        assert!(ours.is_of(&certificate));
        let sealed = challenge::seal(&[certificate]).unwrap();
        assert_eq!(
            challenge::open(&sealed.sealed, std::slice::from_ref(&ours)).unwrap(),
            sealed.secret
        );
    }
    assert!(!ours.is_of(&other()));
    let foreign = challenge::seal(&[other()]).unwrap();
    assert!(matches!(
        challenge::open(&foreign.sealed, &[ours]),
        Err(ChallengeError::NotForUs(_))
    ));
}

#[test]
fn opens_with_whichever_of_our_keys_a_challenge_names() {
    let fresh = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::new(["next.example".to_owned()])
        .unwrap()
        .self_signed(&fresh)
        .unwrap();
    let private = Arc::new(SoftwareKey::from_pkcs8(&fresh.serialize_der()).unwrap());
    let next = OwnKey::from_chain(private, &[certificate.der()]).unwrap();
    for keys in [[key(), next.clone()], [next.clone(), key()]] {
        for certificate in [recipient(), next.certificate().clone()] {
            let sealed = challenge::seal(&[certificate]).unwrap();
            assert_eq!(
                challenge::open(&sealed.sealed, &keys).unwrap(),
                sealed.secret
            );
        }
    }
    let sealed = challenge::seal(&[recipient()]).unwrap();
    assert!(matches!(
        challenge::open(&sealed.sealed, &[]),
        Err(ChallengeError::NotForUs(_))
    ));
}

#[test]
fn an_issuer_written_in_other_string_types_is_known_by_the_serial_number() {
    let sealed = challenge::seal(&[recipient()]).unwrap();
    let mut octets = sealed.sealed.clone();
    // The common name as PrintableString instead of UTF8String.
    let name = b"\x0c\x09recipient";
    let at = octets
        .windows(name.len())
        .position(|window| window == name)
        .unwrap();
    octets[at] = 0x13;
    assert_eq!(challenge::open(&octets, &[key()]).unwrap(), sealed.secret);
}

#[test]
fn tells_what_is_wrong_with_keys_and_certificates() {
    let elliptic = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = CertificateParams::new(["ec.example".to_owned()])
        .unwrap()
        .self_signed(&elliptic)
        .unwrap();
    let refused = Certificate::from_der(certificate.der()).unwrap_err();
    assert_eq!(
        refused,
        CertificateError::NotRsa("1.2.840.10045.2.1".to_owned())
    );
    assert!(refused.to_string().contains("use an RSA certificate"));
    assert!(matches!(
        Certificate::from_der(b"no certificate"),
        Err(CertificateError::Malformed(_))
    ));
    let with = |chain: &[&[u8]]| OwnKey::from_chain(software_key(), chain).map(|_| ());
    assert_eq!(with(&[OTHER, RECIPIENT]), Err(KeyError::Mismatch));
    assert_eq!(with(&[]), Err(KeyError::Mismatch));
    assert!(matches!(with(&[b"nothing"]), Err(KeyError::Certificate(_))));
}

#[test]
fn prints_no_secret() {
    let sealed = challenge::seal(&[recipient()]).unwrap();
    let text = format!("{:?} {sealed:?}", key());
    assert!(text.starts_with("OwnKey"), "{text}");
    assert!(text.len() < 250, "{text}");
}
