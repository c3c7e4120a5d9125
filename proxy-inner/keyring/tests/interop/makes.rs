//! What is made here is read and verified by openssl.

use jiff::Timestamp;
use keyring::{
    KeyFacts, KeyKind, MasterSecret, Role, Signer, Subject, Usage, export_pkcs8, export_pkcs12,
    facts, generate, import, pem, request, seal, self_signed,
};
use zeroize::Zeroizing;

use crate::tools::Bench;

fn subject() -> Subject {
    Subject {
        common_name: "oftp.example.com".to_owned(),
        organization: Some("Müller & Söhne".to_owned()),
        country: Some("de".to_owned()),
        odette_id: "O0013000009MUELLER".to_owned(),
        dns_names: vec!["oftp.example.com".to_owned(), "192.0.2.7".to_owned()],
        emails: vec!["edi@example.com".to_owned()],
    }
}

#[test]
fn openssl_verifies_requests_with_the_odette_profile() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    for (kind, roles) in [
        (KeyKind::Rsa2048, &Role::ALL[..]),
        (KeyKind::EcP256, &[Role::TlsServer, Role::TlsClient]),
    ] {
        let signer = Signer::software(&generate(kind).unwrap()).unwrap();
        bench.write("it.csr", &request(&signer, &subject(), roles).unwrap());
        let text = bench.run(
            "openssl req -in it.csr -inform DER -verify -noout -text -nameopt utf8,sname,sep_comma_plus",
        );
        for part in [
            "verify OK",
            "C=DE,O=Müller & Söhne,CN=oftp.example.com,serialNumber=O0013000009MUELLER",
            "DNS:oftp.example.com, IP Address:192.0.2.7, email:edi@example.com, URI:oftp://O0013000009MUELLER",
            "X509v3 Key Usage: critical",
            "TLS Web Server Authentication, TLS Web Client Authentication",
            "CA:FALSE",
        ] {
            assert!(text.contains(part), "{kind:?}: {part:?} is not in {text}");
        }
        let encipherment = text.contains("Digital Signature, Key Encipherment");
        assert_eq!(encipherment, kind == KeyKind::Rsa2048, "{text}");
        assert!(!text.contains("Extended Key Usage: critical"), "{text}");
    }
}

#[test]
fn openssl_verifies_self_signed_certificates() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    let now = Timestamp::now();
    let key = generate(KeyKind::Rsa2048).unwrap();
    let signer = Signer::software(&key).unwrap();
    let roles = [Role::Encryption, Role::FileSigning];
    let der = self_signed(&signer, &subject(), &roles, 90, now).unwrap();
    bench.write("a.pem", pem("CERTIFICATE", &der).as_bytes());
    let verified = bench.run("openssl verify -check_ss_sig -CAfile a.pem a.pem");
    assert!(verified.contains("OK"), "{verified}");
    let text = bench.run("openssl x509 -in a.pem -noout -text");
    assert!(text.contains("Subject Key Identifier"), "{text}");
    assert!(
        !text.contains("Extended Key Usage"),
        "no TLS role, no extended key usage: {text}"
    );

    let facts = facts(&der).unwrap();
    let digits = |line: &str| {
        let text = bench.run(line);
        let value = text.split('=').nth(1).unwrap();
        value.trim().replace(':', "").to_lowercase()
    };
    assert_eq!(
        facts.fingerprint_text(),
        format!(
            "sha256:{}",
            digits("openssl x509 -in a.pem -noout -fingerprint -sha256")
        )
    );
    assert_eq!(
        facts.serial,
        digits("openssl x509 -in a.pem -noout -serial")
    );
    assert_eq!(facts.odette_id.as_deref(), Some("O0013000009MUELLER"));
    assert_eq!(facts.common_name.as_deref(), Some("oftp.example.com"));
    assert_eq!(facts.names, ["oftp.example.com", "192.0.2.7"]);
    assert_eq!(
        facts.usages,
        Some(vec![Usage::DigitalSignature, Usage::KeyEncipherment])
    );
    assert_eq!(facts.key, KeyFacts::Rsa { bits: 2048 });
    assert!(facts.self_signed && !facts.authority && !facts.weak_signature);
    assert_eq!(facts.problem_at(now), None);
    assert!((88..=90).contains(&facts.days_left(now)));
    assert!(facts.warnings().is_empty(), "{:?}", facts.warnings());
    for role in Role::ALL {
        assert!(
            facts.fits(role).is_empty(),
            "{role}: {:?}",
            facts.fits(role)
        );
    }

    let renewed = self_signed(&signer, &subject(), &roles, 90, now).unwrap();
    assert_ne!(keyring::facts(&renewed).unwrap().serial, facts.serial);
}

#[test]
fn openssl_opens_what_is_sealed_and_exported() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    bench.write("secret", b"a master secret of one line\n");
    let master = MasterSecret::new(Zeroizing::new(bench.read("secret"))).unwrap();
    for kind in [KeyKind::Rsa2048, KeyKind::EcP256] {
        let key = generate(kind).unwrap();
        let signer = Signer::software(&key).unwrap();
        bench.write("sealed", &seal(&key, &master).unwrap());
        bench.run(
            "openssl pkey -in sealed -inform DER -passin file:secret -pubout -outform DER -out pub",
        );
        assert_eq!(bench.read("pub"), signer.public(), "{kind:?}");

        let passphrase = "a master secret of one line";
        let exported = export_pkcs8(&key, passphrase).unwrap();
        bench.write("it.key", pem("ENCRYPTED PRIVATE KEY", &exported).as_bytes());
        bench.run("openssl pkey -in it.key -passin file:secret -pubout -outform DER -out pub");
        assert_eq!(bench.read("pub"), signer.public());
        let again = import(&bench.read("it.key"), Some(passphrase)).unwrap();
        assert!(again.private.is_some());

        let der =
            self_signed(&signer, &subject(), &[Role::TlsServer], 9, Timestamp::now()).unwrap();
        let exported = export_pkcs12(&key, std::slice::from_ref(&der), "ours", passphrase).unwrap();
        bench.write("it.p12", &exported);
        bench.run("openssl pkcs12 -in it.p12 -passin file:secret -nodes -out all.pem");
        let again = import(&bench.read("all.pem"), None).unwrap();
        assert_eq!(again.certificates, [der]);
    }
}

#[test]
fn finds_what_is_weak_in_old_certificates() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    let text_of = |name: &str| {
        let facts = facts(&bench.der(name)).unwrap();
        let fits = Role::ALL.map(|role| facts.fits(role).join(" "));
        (facts.clone(), facts.warnings().join(" "), fits)
    };
    let make = "openssl req -x509 -nodes -keyout a.key -days 30 -subj /CN=old -out a.pem -newkey";
    bench.run(&format!("{make} rsa:1024 -sha1"));
    let (facts, warnings, fits) = text_of("a");
    assert!(facts.weak_signature && facts.self_signed && facts.authority);
    for part in [
        "RSA and SHA-1",
        "1024 bits",
        "no key usage",
        "may sign other",
    ] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    assert!(fits.iter().all(|fit| fit.contains("1024 bits")), "{fits:?}");
    assert!(fits[0].contains("names no host"), "{fits:?}");

    // Without a file of extensions openssl makes version 1.
    bench.run("openssl req -new -newkey rsa:2048 -nodes -keyout b.key -subj /CN=one -out b.csr");
    bench.run("openssl x509 -req -in b.csr -signkey b.key -days 3 -out b.pem");
    let (facts, warnings, fits) = text_of("b");
    assert_eq!(facts.version, 1);
    assert!(warnings.contains("version 1") && fits[1].contains("version 1"));
    assert_eq!(fits[2], "", "CMS does not mind");

    let issue = |name: &str, extensions: &str| {
        bench.issued(name, "b", extensions);
        text_of(name)
    };
    let (_, _, fits) = issue(
        "c",
        "keyUsage=critical,keyEncipherment\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:h\n",
    );
    assert!(fits[0].contains("lacks digitalSignature") && !fits[0].contains("lacks serverAuth"));
    assert!(fits[1].contains("lacks clientAuth"), "{fits:?}");
    assert_eq!((fits[2].as_str(), fits[5].as_str()), ("", ""));
    assert!(
        fits[3].contains("lacks digitalSignature") && fits[4].contains("receipt-signing needs")
    );
    let (facts, _, fits) = issue(
        "d",
        "subjectAltName=URI:oftp://OD%20X\nkeyUsage=nonRepudiation\n1.2.3.4=critical,DER:0500\n",
    );
    assert_eq!(facts.odette_id.as_deref(), Some("OD X"));
    assert_eq!(facts.unknown_critical, ["1.2.3.4"]);
    assert!(
        fits[3].contains("1.2.3.4") && !fits[3].contains("lacks"),
        "{fits:?}"
    );
    assert!(fits[2].contains("lacks keyEncipherment"), "{fits:?}");
}
