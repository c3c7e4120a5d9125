//! Against ourselves: what is sealed opens, for those it was sealed for.

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::*;
use crate::challenge::{self, LENGTH};
use crate::{CertificateError, EnvelopedData, KeyError, OpenError, SealError, enveloped};

#[test]
fn opens_what_was_sealed_for_us_with_a_key_in_either_form() {
    let sealed = challenge::seal(&[recipient()]).unwrap();
    for form in [PrivateKey::Pkcs8(PKCS8), PrivateKey::Pkcs1(PKCS1)] {
        let key = RecipientKey::new(form, &[RECIPIENT]).unwrap();
        assert_eq!(
            challenge::open(&sealed.sealed, &key).unwrap(),
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
        let opened = challenge::open(&sealed.sealed, &key()).unwrap();
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
    assert_eq!(
        challenge::seal(&[]).map(|_| ()),
        Err(SealError::NoRecipient)
    );
}

#[test]
fn gives_out_nothing_but_twenty_octets() {
    for length in [0, 1, 15, 16, 19, 21, 32, 100] {
        let sealed = enveloped::seal(&vec![7; length], &[recipient()]).unwrap();
        let content = EnvelopedData::parse(&sealed).unwrap().open(&key()).unwrap();
        assert_eq!(*content, vec![7; length]);
        assert_eq!(
            challenge::open(&sealed, &key()),
            Err(OpenError::Undecryptable),
            "{length}"
        );
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
    let ours =
        RecipientKey::new(PrivateKey::Pkcs8(PKCS8), &[renewed.der(), OTHER, RECIPIENT]).unwrap();
    for certificate in [renewed.der().as_ref(), RECIPIENT] {
        let certificate = RecipientCertificate::from_der(certificate).unwrap();
        let sealed = challenge::seal(&[certificate]).unwrap();
        assert_eq!(
            challenge::open(&sealed.sealed, &ours).unwrap(),
            sealed.secret
        );
    }
    let foreign = challenge::seal(&[other()]).unwrap();
    assert!(matches!(
        challenge::open(&foreign.sealed, &ours),
        Err(OpenError::NotForUs(_))
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
    assert_eq!(challenge::open(&octets, &key()).unwrap(), sealed.secret);
}

#[test]
fn tells_what_is_wrong_with_keys_and_certificates() {
    let elliptic = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = CertificateParams::new(["ec.example".to_owned()])
        .unwrap()
        .self_signed(&elliptic)
        .unwrap();
    let refused = RecipientCertificate::from_der(certificate.der()).unwrap_err();
    assert_eq!(
        refused,
        CertificateError::NotRsa("1.2.840.10045.2.1".to_owned())
    );
    assert!(refused.to_string().contains("use an RSA certificate"));
    assert!(matches!(
        RecipientCertificate::from_der(b"no certificate"),
        Err(CertificateError::Malformed(_))
    ));
    let with = |key, certificates: &[&[u8]]| RecipientKey::new(key, certificates).map(|_| ());
    let pkcs8 = PrivateKey::Pkcs8(PKCS8);
    assert_eq!(with(pkcs8, &[OTHER, RECIPIENT]), Err(KeyError::Mismatch));
    assert_eq!(with(pkcs8, &[]), Err(KeyError::Mismatch));
    assert!(matches!(
        with(pkcs8, &[b"nothing"]),
        Err(KeyError::Certificate(_))
    ));
    let elliptic = elliptic.serialize_der();
    assert!(matches!(
        with(PrivateKey::Pkcs8(&elliptic), &[RECIPIENT]),
        Err(KeyError::Unusable(_))
    ));
}

#[test]
fn prints_no_secret() {
    let sealed = challenge::seal(&[recipient()]).unwrap();
    let text = format!("{:?} {:?} {sealed:?}", key(), PrivateKey::Pkcs8(PKCS8));
    assert!(text.contains("Pkcs8(..)"), "{text}");
    assert!(text.len() < 250, "{text}");
}
