//! Files that openssl makes are imported, and what cannot be is refused with what to do.

use keyring::{ImportError, certificates, chain_for, import, public_of};

use crate::tools::Bench;

const PASSPHRASE: &str = "correct horse";

/// A root, an intermediate and a leaf: `root`, `middle`, `leaf`.
fn three(bench: &Bench) {
    bench.pair("root");
    bench.issued("middle", "root", "basicConstraints=critical,CA:TRUE\n");
    bench.issued("leaf", "middle", "basicConstraints=CA:FALSE\n");
}

fn chain(bench: &Bench) -> Vec<Vec<u8>> {
    ["leaf", "middle", "root"]
        .map(|name| bench.der(name))
        .into()
}

#[test]
fn imports_pkcs12_with_old_and_new_encryption() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    three(&bench);
    let others = [bench.read("root.pem"), bench.read("middle.pem")].concat();
    bench.write("others.pem", &others);
    let key = bench.pkcs8("leaf");
    for options in [
        "",
        "-legacy",
        "-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1",
        "-certpbe AES-128-CBC -keypbe AES-256-CBC -macalg sha512",
        "-certpbe NONE -keypbe AES-256-CBC",
    ] {
        bench.write("pass", PASSPHRASE.as_bytes());
        bench.run(&format!(
            "openssl pkcs12 -export -inkey leaf.key -in leaf.pem -certfile others.pem {options} \
             -passout file:pass -out it.p12"
        ));
        let octets = bench.read("it.p12");
        let imported =
            import(&octets, Some(PASSPHRASE)).unwrap_or_else(|e| panic!("{options}: {e}"));
        assert_eq!(imported.private.unwrap()[..], key, "{options}");
        assert_eq!(imported.certificates, chain(&bench), "{options}");
        assert!(imported.notes.is_empty(), "{options}: {:?}", imported.notes);

        assert_eq!(
            import(&octets, None),
            Err(ImportError::NeedsPassphrase { what: "PKCS#12" })
        );
        assert_eq!(
            import(&octets, Some("another")),
            Err(ImportError::WrongPassphrase { what: "PKCS#12" })
        );
        assert_eq!(certificates(&octets), Err(ImportError::PrivateKeyInside));
    }
}

#[test]
fn says_when_a_pkcs12_has_no_integrity_check_or_no_passphrase() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    bench.pair("a");
    let export = "openssl pkcs12 -export -inkey a.key -in a.pem -out it.p12";
    bench.write("pass", PASSPHRASE.as_bytes());
    bench.run(&format!("{export} -nomac -passout file:pass"));
    let octets = bench.read("it.p12");
    let imported = import(&octets, Some(PASSPHRASE)).unwrap();
    assert!(imported.notes[0].contains("no integrity check"));
    assert!(matches!(
        import(&octets, Some("another")),
        Err(ImportError::WrongPassphrase { .. })
    ));
    assert!(matches!(
        import(&octets, None),
        Err(ImportError::NeedsPassphrase { .. })
    ));

    for options in ["", "-legacy", "-nomac"] {
        bench.run(&format!("{export} -passout pass: {options}"));
        for passphrase in [None, Some("")] {
            let imported = import(&bench.read("it.p12"), passphrase).unwrap();
            assert!(imported.private.is_some());
            let notes = imported.notes.join(" ");
            assert!(
                notes.contains("passphrase of the PKCS#12 is empty"),
                "{notes}"
            );
        }
    }

    bench.run(&format!(
        "{export} -keypbe NONE -certpbe NONE -nomac -passout pass:"
    ));
    let imported = import(&bench.read("it.p12"), None).unwrap();
    assert!(imported.private.is_some() && imported.certificates.len() == 1);
}

#[test]
fn opens_a_pkcs12_with_a_passphrase_beyond_ascii() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    bench.pair("a");
    bench.write("pass", "sécrèt€ß".as_bytes());
    bench.run("openssl pkcs12 -export -inkey a.key -in a.pem -passout file:pass -out it.p12");
    let octets = bench.read("it.p12");
    assert!(import(&octets, Some("sécrèt€ß")).is_ok());
    assert!(matches!(
        import(&octets, Some("secret")),
        Err(ImportError::WrongPassphrase { .. })
    ));
    assert!(matches!(
        import(&octets, Some("😀")),
        Err(ImportError::Unsupported { .. })
    ));
}

#[test]
fn tells_a_damaged_pkcs12_from_a_wrong_passphrase() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    bench.pair("a");
    bench.write("pass", PASSPHRASE.as_bytes());
    bench.run("openssl pkcs12 -export -inkey a.key -in a.pem -passout file:pass -out it.p12");
    let whole = bench.read("it.p12");
    let cut = import(&whole[..whole.len() - 40], Some(PASSPHRASE));
    assert!(
        matches!(&cut, Err(ImportError::Damaged { detail, .. }) if detail.contains("cut off")),
        "{cut:?}"
    );

    // The last octets are the MAC: salt, rounds, and before them the digest.
    let mut changed = whole.clone();
    let at = changed.len() - 20;
    changed[at] ^= 1;
    let changed = import(&changed, Some(PASSPHRASE));
    assert!(
        matches!(&changed, Err(ImportError::Damaged { detail, .. }) if detail.contains("changed after")),
        "{changed:?}"
    );

    let mut longer = whole;
    longer.extend_from_slice(b"\r\n");
    assert!(
        import(&longer, Some(PASSPHRASE)).is_ok(),
        "a line end is no damage"
    );
    longer.extend_from_slice(b"more");
    assert!(matches!(
        import(&longer, Some(PASSPHRASE)),
        Err(ImportError::Damaged { .. })
    ));
}

#[test]
fn refuses_a_pkcs12_with_several_keys() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    bench.pair("a");
    bench.pair("b");
    let both = [
        bench.read("a.key"),
        bench.read("b.key"),
        bench.read("a.pem"),
    ]
    .concat();
    let refused = import(&both, None);
    assert!(
        matches!(&refused, Err(ImportError::SeveralKeys { keys }) if keys.len() == 2),
        "{refused:?}"
    );
    let twice = [
        bench.read("a.key"),
        bench.read("a.key"),
        bench.read("a.pem"),
    ]
    .concat();
    assert!(
        import(&twice, None).is_ok(),
        "the same key twice is one key"
    );
}

#[test]
fn imports_private_keys_in_every_form() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    bench.run("openssl genrsa -out rsa.key 2048");
    for curve in ["prime256v1", "secp384r1", "secp521r1"] {
        bench.run(&format!(
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} \
             -pkeyopt ec_param_enc:named_curve -out {curve}.key"
        ));
    }
    bench.write("pass", PASSPHRASE.as_bytes());
    for name in ["rsa", "prime256v1", "secp384r1", "secp521r1"] {
        let wanted = bench.pkcs8(name);
        let public = public_of(&wanted).unwrap();
        let traditional = if name == "rsa" {
            "rsa -traditional"
        } else {
            "ec"
        };
        for (line, passphrase) in [
            (
                format!("pkcs8 -topk8 -nocrypt -in {name}.key -out it"),
                None,
            ),
            (
                format!("pkcs8 -topk8 -nocrypt -in {name}.key -outform DER -out it"),
                None,
            ),
            (format!("{traditional} -in {name}.key -out it"), None),
            (
                format!("{traditional} -in {name}.key -outform DER -out it"),
                None,
            ),
            (
                format!("pkcs8 -topk8 -passout file:pass -in {name}.key -out it"),
                Some(PASSPHRASE),
            ),
            (
                format!("pkcs8 -topk8 -passout file:pass -in {name}.key -outform DER -out it"),
                Some(PASSPHRASE),
            ),
            (
                format!(
                    "pkcs8 -topk8 -v2 des3 -v2prf hmacWithSHA1 -passout file:pass -in {name}.key -out it"
                ),
                Some(PASSPHRASE),
            ),
            (
                format!(
                    "pkcs8 -topk8 -v2 aes128 -v2prf hmacWithSHA512 -passout file:pass -in {name}.key -out it"
                ),
                Some(PASSPHRASE),
            ),
            (
                format!("pkcs8 -topk8 -scrypt -passout file:pass -in {name}.key -out it"),
                Some(PASSPHRASE),
            ),
        ] {
            bench.run(&format!("openssl {line}"));
            let octets = bench.read("it");
            let imported = import(&octets, passphrase).unwrap_or_else(|e| panic!("{line}: {e}"));
            let private = imported.private.unwrap();
            assert_eq!(public_of(&private).unwrap(), public, "{line}");
            assert!(imported.certificates.is_empty() && imported.notes.is_empty());
            assert_eq!(
                certificates(&octets),
                Err(ImportError::PrivateKeyInside),
                "{line}"
            );
            if passphrase.is_some() {
                assert_eq!(
                    import(&octets, None),
                    Err(ImportError::NeedsPassphrase {
                        what: "private key"
                    })
                );
                assert_eq!(
                    import(&octets, Some("another")),
                    Err(ImportError::WrongPassphrase {
                        what: "private key"
                    }),
                    "{line}"
                );
            } else {
                let notes = import(&octets, Some("needless")).unwrap().notes;
                assert!(notes[0].contains("not needed"), "{notes:?}");
            }
        }
    }
}

#[test]
fn refuses_out_of_date_encryption_with_the_command_that_helps() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    bench.run("openssl genrsa -out a.key 2048");
    bench.write("pass", PASSPHRASE.as_bytes());
    bench.write("new-pass", PASSPHRASE.as_bytes());
    for (line, part) in [
        ("pkcs8 -topk8 -v1 PBE-SHA1-3DES", "SHA-1 and 3DES"),
        (
            "pkcs8 -topk8 -v1 PBE-MD5-DES -provider legacy -provider default",
            "MD5 and DES",
        ),
        (
            "pkcs8 -topk8 -v1 PBE-SHA1-RC2-40 -provider legacy -provider default",
            "SHA-1 and RC2",
        ),
        ("rsa -traditional -aes256", "old PEM encryption"),
    ] {
        for form in ["PEM", "DER"] {
            if line.starts_with("rsa") && form == "DER" {
                continue;
            }
            bench.run(&format!(
                "openssl {line} -in a.key -passout file:pass -outform {form} -out old.key"
            ));
            let refused = import(&bench.read("old.key"), Some(PASSPHRASE)).unwrap_err();
            assert!(
                matches!(refused, ImportError::OldEncryption { .. }),
                "{line}: {refused:?}"
            );
            let text = refused.to_string();
            assert!(
                text.contains(part) && text.contains("openssl pkcs8 -topk8 -v2"),
                "{text}"
            );
        }
        // What the refusal says to do works.
        let legacy = match line.split_once(" -provider") {
            Some((_, providers)) => format!("-provider{providers}"),
            None => String::new(),
        };
        let form = if line.starts_with("rsa") {
            "PEM"
        } else {
            "DER"
        };
        bench.run(&format!(
            "openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.key -inform {form} -passin file:pass \
             -passout file:new-pass -out new.key {legacy}"
        ));
        assert!(import(&bench.read("new.key"), Some(PASSPHRASE)).is_ok());
    }
}

#[test]
fn refuses_keys_of_kinds_that_are_of_no_use() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    for (line, part) in [
        ("genpkey -algorithm ED25519", "Ed25519"),
        (
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
            "1.3.132.0.10",
        ),
        ("genrsa 512", "RSA of 512 bits"),
    ] {
        bench.run(&format!("openssl {line} -out it").replace(" 512 -out it", " -out it 512"));
        let refused = import(&bench.read("it"), None).unwrap_err();
        assert!(
            matches!(&refused, ImportError::UnusableKey { found } if found.contains(part)),
            "{line}: {refused:?}"
        );
    }
}

#[test]
fn imports_certificates_and_bundles_leaf_first() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    three(&bench);
    let chain = chain(&bench);
    let mixed = [
        bench.read("root.pem"),
        bench.read("leaf.pem"),
        bench.read("middle.pem"),
        bench.read("leaf.pem"),
    ]
    .concat();
    bench.write("mixed.pem", &mixed);
    bench.run("openssl crl2pkcs7 -nocrl -certfile mixed.pem -out it.p7b");
    bench.run("openssl crl2pkcs7 -nocrl -certfile mixed.pem -outform DER -out it.p7c");
    let row = [chain[1].clone(), chain[0].clone(), chain[2].clone()].concat();
    let with_text = [b"subject=x\n".to_vec(), mixed.clone()].concat();
    let windows = String::from_utf8(mixed.clone())
        .unwrap()
        .replace('\n', "\r\n");
    for octets in [
        mixed.clone(),
        bench.read("it.p7b"),
        bench.read("it.p7c"),
        row,
        with_text,
        windows.into_bytes(),
    ] {
        assert_eq!(certificates(&octets).unwrap(), chain);
        assert_eq!(import(&octets, None).unwrap().certificates, chain);
    }
    assert_eq!(certificates(&chain[0]).unwrap(), chain[..1]);

    let public = public_of(&bench.pkcs8("leaf")).unwrap();
    let others = vec![chain[2].clone(), chain[1].clone(), chain[0].clone()];
    assert_eq!(chain_for(&public, others).unwrap().certificates, chain);
}

#[test]
fn names_the_certificates_a_key_does_not_belong_to() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    bench.pair("a");
    bench.pair("b");
    let mixed = [bench.read("a.key"), bench.read("b.pem")].concat();
    assert_eq!(
        import(&mixed, None),
        Err(ImportError::KeyOfNone {
            certificates: vec!["CN=b".to_owned()]
        })
    );
    let public = public_of(&bench.pkcs8("a")).unwrap();
    assert!(matches!(
        chain_for(&public, vec![bench.der("b")]),
        Err(ImportError::KeyOfNone { .. })
    ));

    let more = [
        bench.read("a.key"),
        bench.read("b.pem"),
        bench.read("a.pem"),
    ]
    .concat();
    let imported = import(&more, None).unwrap();
    assert_eq!(imported.certificates, [bench.der("a")]);
    assert!(
        imported.notes[0].contains("left out: CN=b"),
        "{:?}",
        imported.notes
    );
}

#[test]
fn takes_the_certificate_that_is_valid_longest_when_a_key_has_several() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    bench.run("openssl genrsa -out a.key 2048");
    for (name, days) in [("short", 10), ("long", 90), ("mid", 50)] {
        bench.run(&format!(
            "openssl req -x509 -new -key a.key -days {days} -subj /CN=a -out {name}.pem"
        ));
    }
    let all = ["a.key", "short.pem", "long.pem", "mid.pem"].map(|name| bench.read(name));
    let imported = import(&all.concat(), None).unwrap();
    let wanted = ["long", "mid", "short"].map(|name| bench.der(name));
    assert_eq!(imported.certificates, wanted);
    assert!(imported.notes[0].contains("3 certificates are for this key"));
}

#[test]
fn says_what_a_file_without_key_and_certificate_is() {
    let Some(bench) = Bench::with(&["openssl"]) else {
        return;
    };
    bench.pair("a");
    bench.run("openssl req -new -key a.key -subj /CN=a -out it.csr");
    bench.run("openssl req -new -key a.key -subj /CN=a -outform DER -out der.csr");
    bench.run("openssl rsa -in a.key -pubout -out it.pub");
    bench.write("index.txt", b"");
    bench.write(
        "ca.conf",
        b"[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=3\n",
    );
    bench.run("openssl ca -config ca.conf -gencrl -keyfile a.key -cert a.pem -out it.crl");
    for (name, part) in [
        ("it.csr", "signing request"),
        ("der.csr", "signing request"),
        ("it.pub", "public key"),
        ("it.crl", "revocation list"),
    ] {
        let refused = import(&bench.read(name), None).unwrap_err();
        assert!(
            matches!(&refused, ImportError::Nothing { found } if found.contains(part)),
            "{name}: {refused:?}"
        );
        assert_eq!(certificates(&bench.read(name)), Err(refused));
    }
}
