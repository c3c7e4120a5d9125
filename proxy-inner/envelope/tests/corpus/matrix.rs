//! Everything openssl can make: suites, layers, forms and sizes.

use envelope::{DecryptionError, Kind, OpenError, Opening, SignatureError, Suite};

use crate::bench::{Bench, compress, octets, open_octets};

const SIZES: [usize; 3] = [0, 16, 65_537];
const LAYERS: [&str; 6] = ["s", "e", "es", "ec", "cs", "ecs"];

#[test]
fn opens_what_openssl_secured_with_every_suite_nesting_form_and_size() {
    let Some(bench) = Bench::get() else { return };
    let mut done = 0;
    for suite in Suite::ALL {
        for stream in [false, true] {
            for size in SIZES {
                for layers in LAYERS {
                    done += u32::from(opens(bench, *suite, layers, stream, size));
                }
            }
        }
    }
    eprintln!("{done} files made by openssl were opened");
    assert!(done >= 320, "only {done}");
}

/// False when openssl cannot make it.
fn opens(bench: &Bench, suite: Suite, layers: &str, stream: bool, size: usize) -> bool {
    let name = format!("matrix-{layers}-{}-{stream}-{size}", suite.number);
    let is_pss = suite.oaep().is_some();
    if is_pss && suite.hash == crypto::Hash::Sha3_512 && layers.contains('s') {
        return false;
    }
    let content = octets(size);
    let mut file = content.clone();
    let streamed: &[&str] = if stream { &["-stream"] } else { &[] };
    if layers.contains('s') {
        // openssl 3.0 can stream neither PSS nor an empty file that is signed.
        let form = if is_pss || size == 0 { &[] } else { streamed };
        let form = [form, &["-nocerts"]].concat();
        file = bench.sign(&name, &file, suite, &form);
    }
    if layers.contains('c') {
        file = compress(&file);
    }
    if layers.contains('e') {
        file = bench.encrypt(&name, &file, suite, streamed);
    }
    for agreed in [Some(suite), None] {
        let (opened, clear) = open_octets(&bench.opening(layers, agreed), &file)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(clear == content, "{name}");
        assert_eq!(opened.key, layers.contains('e').then_some(0), "{name}");
        let signers: &[usize] = if layers.contains('s') { &[0] } else { &[] };
        assert_eq!(opened.signers, signers, "{name}");
        assert!(opened.certificates.is_empty(), "{name}");
    }
    true
}

#[test]
fn verifies_signatures_with_and_without_attributes_and_certificates_and_by_key_identifier() {
    let Some(bench) = Bench::get() else { return };
    let content = octets(1000);
    for (place, more) in [
        vec!["-noattr"],
        vec!["-noattr", "-nocerts", "-keyid"],
        vec!["-keyid"],
        vec!["-nosmimecap", "-stream"],
        vec!["-noattr", "-stream"],
    ]
    .into_iter()
    .enumerate()
    {
        let file = bench.sign(&format!("forms-{place}"), &content, Suite::DEFAULT, &more);
        let opening = bench.opening("s", Some(Suite::DEFAULT));
        let (opened, clear) = open_octets(&opening, &file).unwrap();
        assert_eq!(clear, content, "{more:?}");
        assert_eq!(opened.signers, [0]);
        let mut certificates: Vec<&[u8]> = vec![bench.partner.certificate.der()];
        if more.contains(&"-nocerts") {
            certificates.clear();
        }
        assert_eq!(opened.certificates, certificates, "{more:?}");
    }
}

/// several signers, of whom one is known and right.
#[test]
fn one_good_signature_of_several_is_enough() {
    let Some(bench) = Bench::get() else { return };
    let content = octets(70_000);
    let both = ["-signer", "stranger.pem", "-inkey", "stranger.key"];
    let file = bench.sign("several", &content, Suite::DEFAULT, &both);
    let people = [&bench.us, &bench.partner, &bench.stranger];
    let certificates = people.map(|person| person.certificate.clone());
    for (signers, verified) in [
        (&certificates[1..2], vec![0]),
        (&certificates[2..], vec![0]),
        (&certificates[1..], vec![0, 1]),
        (&certificates[..], vec![1, 2]),
    ] {
        let opening = Opening {
            signers,
            ..bench.opening("s", Some(Suite::DEFAULT))
        };
        let (mut opened, clear) = open_octets(&opening, &file).unwrap();
        opened.signers.sort_unstable();
        assert_eq!(opened.signers, verified);
        assert_eq!(clear, content);
    }
    for signers in [&certificates[..1], &[]] {
        let opening = Opening {
            signers,
            ..bench.opening("s", Some(Suite::DEFAULT))
        };
        let error = open_octets(&opening, &file).unwrap_err();
        assert_eq!(error.kind(), Kind::Signature, "{error}");
    }
}

#[test]
fn decrypts_for_whichever_of_our_keys_is_named() {
    let Some(bench) = Bench::get() else { return };
    let content = octets(100);
    let keys = [bench.stranger.key.clone(), bench.us.key.clone()];
    for (place, more) in [
        vec![],
        vec!["-keyid"],
        vec!["-recip", "partner.pem"],
        vec!["-keyid", "-stream", "-recip", "partner.pem"],
    ]
    .into_iter()
    .enumerate()
    {
        let file = bench.encrypt(&format!("keys-{place}"), &content, Suite::DEFAULT, &more);
        let opening = Opening {
            keys: &keys,
            ..bench.opening("e", Some(Suite::DEFAULT))
        };
        let (opened, clear) = open_octets(&opening, &file).unwrap();
        assert_eq!((opened.key, clear), (Some(1), content.clone()), "{more:?}");
    }
}

#[test]
fn names_what_was_found_and_what_is_expected() {
    let Some(bench) = Bench::get() else { return };
    let content = octets(100);
    let suite = |number| Suite::of(number).unwrap();
    let found = |layers: &str, number: u8, file: &[u8]| {
        open_octets(&bench.opening(layers, Some(suite(number))), file).unwrap_err()
    };
    let signed = bench.sign("named-s", &content, suite(4), &[]);
    let encrypted = bench.encrypt("named-e", &content, suite(4), &[]);
    for (layers, number, file, words) in [
        (
            "s",
            2,
            &signed,
            [
                "RSA PKCS#1 v1.5 and SHA-256",
                "RSA PKCS#1 v1.5 and SHA-1 is",
            ],
        ),
        (
            "s",
            8,
            &signed,
            ["RSA PKCS#1 v1.5 and SHA-256", "RSA PSS and SHA-256 is"],
        ),
        ("e", 3, &encrypted, ["with AES-256-CBC", "3DES-CBC is"]),
        (
            "e",
            8,
            &encrypted,
            ["with RSA PKCS#1 v1.5", "RSA OAEP with SHA-256 is"],
        ),
        ("e", 4, &signed, ["SignedData", "EnvelopedData"]),
        ("s", 4, &encrypted, ["EnvelopedData", "SignedData"]),
        ("c", 4, &signed, ["SignedData", "CompressedData"]),
    ] {
        let error = found(layers, number, file).to_string();
        for words in words {
            assert!(error.contains(words), "{error}");
        }
    }
}

#[test]
fn tells_a_wrong_key_and_a_wrong_signer_before_and_after() {
    let Some(bench) = Bench::get() else { return };
    let content = octets(100);
    let strangers_key = [bench.stranger.key.clone()];
    let stranger = [bench.stranger.certificate.clone()];
    let encrypted = bench.encrypt("wrong-e", &content, Suite::DEFAULT, &[]);
    let opening = Opening {
        keys: &strangers_key,
        ..bench.opening("e", None)
    };
    let error = open_octets(&opening, &encrypted).unwrap_err();
    assert!(matches!(
        error,
        OpenError::Decryption(DecryptionError::NotForUs { .. })
    ));

    let signed = bench.sign("wrong-s", &content, Suite::DEFAULT, &[]);
    let opening = Opening {
        signers: &stranger,
        ..bench.opening("s", None)
    };
    let error = open_octets(&opening, &signed).unwrap_err();
    assert!(matches!(
        error,
        OpenError::Signature(SignatureError::OtherSigner { .. })
    ));

    // Inside an envelope it is told the first time only.
    let both = bench.encrypt("wrong-es", &signed, Suite::DEFAULT, &[]);
    let opening = Opening {
        signers: &stranger,
        ..bench.opening("es", None)
    };
    let first = open_octets(&opening, &both).unwrap_err();
    assert_eq!(first.kind(), Kind::Signature, "{first}");
    let second = open_octets(&opening, &both).unwrap_err();
    assert_eq!(second.kind(), Kind::Decryption, "{second}");
    assert!(second.to_string().contains("it was signed by"), "{second}");
    assert!(
        !second.public_text().contains("sign"),
        "{}",
        second.public_text()
    );
}

#[test]
fn a_signature_without_its_content_signs_nothing_here() {
    let Some(bench) = Bench::get() else { return };
    let arguments = ["-sign", "-signer", "partner.pem", "-inkey", "partner.key"];
    let file = bench.cms("detached", &octets(100), &arguments);
    let error = open_octets(&bench.opening("s", None), &file).unwrap_err();
    assert!(matches!(
        error,
        OpenError::Signature(SignatureError::Digest(_))
    ));
}

#[test]
fn takes_the_certificates_of_a_bundle() {
    let Some(bench) = Bench::get() else { return };
    let made = bench.path("bundle.p7b");
    let output = std::process::Command::new("openssl")
        .args(["crl2pkcs7", "-nocrl", "-outform", "DER", "-certfile"])
        .arg(bench.path("us.pem"))
        .arg("-certfile")
        .arg(bench.path("partner.pem"))
        .arg("-out")
        .arg(&made)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let bundle = std::fs::read(made).unwrap();
    let expected = [&bench.us, &bench.partner].map(|person| person.certificate.der().to_vec());
    assert_eq!(envelope::pkcs7::certificates(&bundle).unwrap(), expected);

    let signed = bench.sign("bundle-signed", b"x", Suite::DEFAULT, &["-stream"]);
    assert_eq!(
        envelope::pkcs7::certificates(&signed).unwrap(),
        [bench.partner.certificate.der()]
    );
    let encrypted = bench.encrypt("bundle-e", b"x", Suite::DEFAULT, &[]);
    assert!(envelope::pkcs7::certificates(&encrypted).is_err());
    assert!(envelope::pkcs7::certificates(&bundle[..bundle.len() - 1]).is_err());
}
