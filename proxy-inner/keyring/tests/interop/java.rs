//! PKCS#12 as Java writes and reads it.

use std::path::Path;

use keyring::{ImportError, export_pkcs12, import, public_of};

use crate::tools::{Bench, say};

const PASSPHRASE: &str = "correct horse";

/// Where Debian's libbcprov-java puts it.
const BOUNCY_CASTLE: &str = "/usr/share/java/bcprov.jar";

/// A key pair in a keystore `it.p12`, made by keytool.
fn keystore(bench: &Bench, alias: &str, more: &[&str]) {
    let mut words = vec![
        "keytool",
        "-genkeypair",
        "-alias",
        alias,
        "-keyalg",
        "RSA",
        "-keysize",
        "2048",
        "-dname",
        "CN=java",
        "-validity",
        "30",
        "-keystore",
        "it.p12",
        "-storepass",
        PASSPHRASE,
    ];
    words.extend_from_slice(more);
    bench.run_words(&words);
}

#[test]
fn imports_what_keytool_makes() {
    let Some(bench) = Bench::with(&["keytool", "openssl"]) else {
        return;
    };
    keystore(&bench, "one", &["-storetype", "PKCS12"]);
    let octets = bench.read("it.p12");
    let imported = import(&octets, Some(PASSPHRASE)).unwrap();
    let facts = keyring::facts(&imported.certificates[0]).unwrap();
    assert_eq!(facts.subject, "CN=java");
    assert!(imported.private.is_some());
    assert!(matches!(
        import(&octets, Some("another")),
        Err(ImportError::WrongPassphrase { .. })
    ));

    keystore(&bench, "two", &["-storetype", "PKCS12"]);
    let refused = import(&bench.read("it.p12"), Some(PASSPHRASE)).unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("one (RSA") && text.contains("two (RSA"),
        "{text}"
    );
}

#[test]
fn imports_the_older_encryption_of_java() {
    let Some(bench) = Bench::with(&["keytool"]) else {
        return;
    };
    keystore(
        &bench,
        "old",
        &["-storetype", "PKCS12", "-J-Dkeystore.pkcs12.legacy"],
    );
    assert!(import(&bench.read("it.p12"), Some(PASSPHRASE)).is_ok());
}

#[test]
fn imports_the_indefinite_lengths_of_bouncy_castle() {
    let Some(bench) = Bench::with(&["keytool"]) else {
        return;
    };
    if !Path::new(BOUNCY_CASTLE).exists() {
        say("SKIPPED: BouncyCastle is not installed");
        return;
    }
    keystore(&bench, "bc", &["-storetype", "PKCS12"]);
    bench.run_words(&[
        "keytool",
        "-importkeystore",
        "-srckeystore",
        "it.p12",
        "-srcstoretype",
        "PKCS12",
        "-srcstorepass",
        PASSPHRASE,
        "-destkeystore",
        "bc.p12",
        "-deststoretype",
        "BCPKCS12",
        "-deststorepass",
        PASSPHRASE,
        "-srcalias",
        "bc",
        "-providerclass",
        "org.bouncycastle.jce.provider.BouncyCastleProvider",
        "-providerpath",
        BOUNCY_CASTLE,
    ]);
    let octets = bench.read("bc.p12");
    assert_eq!(
        octets[..2],
        [0x30, 0x80],
        "it is BER, or this tests nothing"
    );
    let imported = import(&octets, Some(PASSPHRASE)).unwrap();
    let same = import(&bench.read("it.p12"), Some(PASSPHRASE)).unwrap();
    assert_eq!(imported.certificates, same.certificates);
    assert_eq!(imported.private, same.private);
    assert!(matches!(
        import(&octets, Some("another")),
        Err(ImportError::WrongPassphrase { .. })
    ));
}

#[test]
fn tells_a_java_keystore_by_its_look() {
    let Some(bench) = Bench::with(&["keytool"]) else {
        return;
    };
    keystore(&bench, "jks", &["-storetype", "JKS"]);
    let refused = import(&bench.read("it.p12"), Some(PASSPHRASE)).unwrap_err();
    assert!(
        refused.to_string().contains("keytool -importkeystore"),
        "{refused}"
    );
}

#[test]
fn keytool_reads_what_is_exported() {
    let Some(bench) = Bench::with(&["keytool", "openssl"]) else {
        return;
    };
    bench.pair("a");
    let key = bench.pkcs8("a");
    let exported = export_pkcs12(&key, &[bench.der("a")], "ours", PASSPHRASE).unwrap();
    bench.write("it.p12", &exported);
    let listed = bench.run_words(&[
        "keytool",
        "-list",
        "-keystore",
        "it.p12",
        "-storepass",
        PASSPHRASE,
    ]);
    assert!(
        listed.contains("ours") && listed.contains("PrivateKeyEntry"),
        "{listed}"
    );
    let again = import(&exported, Some(PASSPHRASE)).unwrap();
    assert_eq!(
        public_of(&again.private.unwrap()).unwrap(),
        public_of(&key).unwrap()
    );
}
