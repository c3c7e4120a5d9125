use proptest::prelude::*;

use super::*;
use crate::{
    KeyKind, Role, Signer, Subject, export_pkcs8, export_pkcs12, facts, generate, pem, self_signed,
};

const PASSPHRASE: &str = "correct horse";

struct Made {
    key: Zeroizing<Vec<u8>>,
    certificate: Vec<u8>,
}

fn made() -> Made {
    let key = generate(KeyKind::EcP256).unwrap();
    let subject = Subject {
        common_name: "a".to_owned(),
        odette_id: "OA".to_owned(),
        ..Subject::default()
    };
    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    let signer = Signer::software(&key).unwrap();
    let certificate = self_signed(&signer, &subject, &[Role::TlsServer], 9, now).unwrap();
    Made { key, certificate }
}

#[test]
fn refuses_what_it_is_not_made_for_and_says_what_to_do() {
    let zip = b"PK\x03\x04 and so on";
    let jks = [0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2];
    let openssh = pem("OPENSSH PRIVATE KEY", b"openssh-key-v1");
    let pgp = pem("PGP PUBLIC KEY BLOCK", b"key");
    let unknown = pem("SURPRISE", b"x");
    let huge = vec![0x30; MOST_OCTETS + 1];
    let cases: [(&[u8], &str); 11] = [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (&huge, "more than the 262144"),
        (zip, "ZIP archive; unpack"),
        (&jks, "keytool -importkeystore"),
        (openssh.as_bytes(), "ssh-keygen -p -m PKCS8"),
        (pgp.as_bytes(), "OpenPGP"),
        (unknown.as_bytes(), "SURPRISE"),
        (b"hello, here is our key", "-----BEGIN"),
        (&[0xFF, 0x00, 0x80], "neither PEM nor DER"),
        (&[0x30, 0x03, 0x02, 0x01, 0x07], "ASN.1 of a kind"),
    ];
    for (octets, part) in cases {
        for error in [
            import(octets, None).unwrap_err(),
            certificates(octets).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
    }
}

#[test]
fn refuses_more_certificates_than_any_chain_has() {
    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    let key = generate(KeyKind::EcP256).unwrap();
    let signer = Signer::software(&key).unwrap();
    let many: Vec<u8> = (0..=MOST_CERTIFICATES)
        .flat_map(|number| {
            let subject = Subject {
                common_name: format!("number {number}"),
                odette_id: "OA".to_owned(),
                ..Subject::default()
            };
            self_signed(&signer, &subject, &[Role::TlsServer], 9, now).unwrap()
        })
        .collect();
    assert_eq!(
        certificates(&many),
        Err(ImportError::TooMany {
            found: MOST_CERTIFICATES + 1,
            most: MOST_CERTIFICATES
        })
    );
}

#[test]
fn reads_base64_without_the_lines_around_it() {
    let made = made();
    let text = pem("CERTIFICATE", &made.certificate);
    let bare: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(certificates(bare.as_bytes()), Ok(vec![made.certificate]));
}

#[test]
fn names_the_certificate_that_does_not_parse() {
    let made = made();
    let broken = [0x30, 0x07, 0x30, 0x00, 0x30, 0x00, 0x03, 0x01, 0x00];
    let text = pem("CERTIFICATE", &made.certificate) + &pem("CERTIFICATE", &broken);
    assert!(import(text.as_bytes(), None).is_err());
    let public = crate::public_of(&made.key).unwrap();
    let refused = chain_for(&public, vec![made.certificate, broken.to_vec()]).unwrap_err();
    assert!(
        matches!(&refused, ImportError::Damaged { what, .. } if what == "certificate 2"),
        "{refused}"
    );
}

#[test]
fn refuses_work_without_end() {
    let made = made();
    let sealed = export_pkcs8(&made.key, PASSPHRASE).unwrap();
    // scrypt's N stands behind the salt as INTEGER 16384.
    let at = sealed
        .windows(4)
        .position(|window| window == [0x02, 0x02, 0x40, 0x00])
        .unwrap();
    let mut costly = sealed;
    costly[at + 2] = 0x7F;
    costly[at + 3] = 0xFF;
    let text = import(&costly, Some(PASSPHRASE)).unwrap_err().to_string();
    assert!(text.contains("encrypted"), "{text}");
    // The block size r, INTEGER 8, follows: 255 * 128 * 32767 octets are still too few to matter,
    // so parallelism, INTEGER 1, is raised.
    let mut wide = costly;
    assert_eq!(wide[at + 7..at + 10], [0x02, 0x01, 0x01]);
    wide[at + 9] = 0x7F;
    let text = import(&wide, Some(PASSPHRASE)).unwrap_err().to_string();
    assert!(text.contains("minutes or more"), "{text}");
}

#[test]
fn shows_no_key_in_debug() {
    let made = made();
    let imported = import(&made.key, None).unwrap();
    let shown = format!("{imported:?}");
    assert!(shown.contains("***") && shown.len() < 100, "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_octets_end_in_a_value_or_an_error(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = import(&octets, Some(PASSPHRASE));
        let _ = certificates(&octets);
        let _ = facts(&octets);
        let _ = crate::der::normalise(&octets);
    }

    #[test]
    fn random_asn1_ends_in_a_value_or_an_error(
        elements in proptest::collection::vec((0_usize..8, proptest::collection::vec(any::<u8>(), 0..20)), 0..12)
    ) {
        let tags = [0x02, 0x03, 0x04, 0x06, 0x30, 0x31, 0xA0, 0x24];
        let parts: Vec<_> = elements
            .iter()
            .map(|(tag, content)| crate::der::element(tags[*tag], &[content]))
            .collect();
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_slice()).collect();
        let octets = crate::der::element(0x30, &parts);
        let _ = import(&octets, Some(PASSPHRASE));
        let _ = facts(&octets);
    }
}

/// Real files with a few octets changed, cut or doubled: the way in that random octets miss.
#[test]
fn changed_files_end_in_a_value_or_an_error() {
    let made = made();
    let chain = [made.certificate.clone()];
    let pkcs12 = export_pkcs12(&made.key, &chain, "a", PASSPHRASE).unwrap();
    let text = [
        pem("PRIVATE KEY", &made.key),
        pem("CERTIFICATE", &made.certificate),
    ]
    .concat();
    let seeds: [&[u8]; 4] = [&made.key, &made.certificate, text.as_bytes(), &pkcs12];
    for (number, seed) in seeds.into_iter().enumerate() {
        // The PKCS#12 costs time for its rounds each time it gets that far.
        let cases = if number == 3 { 24 } else { 400 };
        let config = ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(cases)
        };
        let change = (any::<prop::sample::Index>(), any::<u8>(), 0_u8..3);
        proptest!(config, |(changes in proptest::collection::vec(change, 1..4))| {
            let mut octets = seed.to_vec();
            for (at, octet, how) in changes {
                let at = at.index(octets.len().max(1));
                match how {
                    0 => octets.iter_mut().skip(at).take(1).for_each(|place| *place = octet),
                    1 => octets.truncate(at.max(1)),
                    _ => octets.insert(at, octet),
                }
            }
            let _ = import(&octets, Some(PASSPHRASE));
            let _ = certificates(&octets);
            let _ = facts(&octets);
        });
    }
}
