//! Our keys by command: made, imported, certified, put to use, renewed, exported.

use std::os::unix::fs::PermissionsExt;
use std::process::Command as Program;

use ::keyring::{Role, Slot};
use store::KeyHome;

use super::*;
use crate::keyring::KeyringError;

/// A passphrase that must turn up nowhere.
const PASSPHRASE: &str = "kQ7-PASSPHRASE-kQ7";

/// A world with a station US.
fn world() -> World {
    let world = World::new();
    world.ok("station add US --code O0013000001US");
    world
}

/// A world with a key that certifies itself for everything.
fn with_key(name: &str) -> World {
    let world = world();
    world.ok(&made(name));
    world
}

fn made(name: &str) -> String {
    format!("key create {name} --station US --kind rsa-2048 --role all --self-signed")
}

fn uses(world: &World) -> Vec<String> {
    let uses = world.store.key_uses().unwrap().into_iter();
    uses.map(|one| format!("{} {} {}", one.role, one.slot, one.key))
        .collect()
}

/// A CA's answer to a request, as PEM: our certificate and its own.
fn certified(request: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Test CA");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let own = parameters.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(parameters, key);
    let der = pem::parse(request).unwrap().into_contents().into();
    let request = rcgen::CertificateSigningRequestParams::from_der(&der).unwrap();
    let answer = request.signed_by(&issuer).unwrap();
    own.pem() + &answer.pem()
}

#[test]
fn a_key_is_made_certified_by_a_ca_put_to_use_and_explained() {
    let world = world();
    let path = world.folder.path().join("us.csr");
    let line = "key create US-2026 --station US --kind rsa-2048 --organization Example --country DE \
                --host oftp.example --email oftp@example.test --role all --out";
    let told = world.ok(&format!("{line} {}", path.display()));
    assert!(
        told.contains("RSA 2048") && told.contains("us.csr"),
        "{told}"
    );
    let list = world.ok("key list");
    assert!(list.contains("waits for the CA"), "{list}");
    let refused = world.refused("key use US-2026 --station US");
    assert!(refused.contains("no certificate yet"), "{refused}");

    let request = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        world.ok("key request US-2026"),
        request,
        "it is the one that waits"
    );
    let answer = world.file("answer.pem", certified(&request).as_bytes());
    let told = world.ok(&format!("key install US-2026 {}", answer.display()));
    assert!(told.contains("the certificate is installed"), "{told}");
    let refused = world.refused("key request US-2026");
    assert!(refused.contains("no request"), "{refused}");

    world.ok("key use US-2026 --station US --role encryption --role file-signing");
    assert_eq!(
        uses(&world),
        ["encryption current US-2026", "file-signing current US-2026"]
    );
    assert_eq!(world.keyring.own_keys("US", Role::Encryption).len(), 1);
    let shown = world.ok("key show US-2026");
    for wanted in [
        "O0013000001US",
        "oftp.example",
        "encryption of station US (current)",
        "further certificates",
    ] {
        assert!(shown.contains(wanted), "{wanted} is in:\n{shown}");
    }
    let json = world.json("key show US-2026 --json");
    assert_eq!(json["key"]["certificate"]["odette_id"], "O0013000001US");
    assert_eq!(json["key"]["uses"][1]["role"], "file-signing");
    let pem = world.ok("key export US-2026 --certificate");
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2, "{pem}");
}

#[test]
fn the_ca_must_have_answered_for_the_key_that_asked() {
    let world = world();
    for name in ["ONE", "TWO"] {
        world.ok(&format!("key create {name} --station US --kind rsa-2048"));
    }
    let answer = certified(&world.ok("key request ONE"));
    let answer = world.file("answer.pem", answer.as_bytes());
    let refused = world.refused(&format!("key install TWO {}", answer.display()));
    assert!(
        refused.contains("no certificate in the file is for key TWO"),
        "{refused}"
    );
    assert!(refused.contains("Test CA"), "{refused}");
    let junk = world.file("junk", b"certainly no certificate");
    assert!(
        !world
            .refused(&format!("key install ONE {}", junk.display()))
            .is_empty()
    );
    world.ok(&format!("key install ONE {}", answer.display()));
}

#[test]
fn a_renewed_certificate_leaves_the_one_before_in_place() {
    let world = with_key("US-1");
    world.ok("key use US-1 --station US --role encryption");
    let before = world.store.key("US-1").unwrap().unwrap();
    let request = world.ok("key request US-1 --station US --role encryption --common-name again");
    assert!(world.ok("key show US-1").contains("waits for the CA"));
    let answer = world.file("answer.pem", certified(&request).as_bytes());
    world.ok(&format!("key install US-1 {}", answer.display()));
    let after = world.store.key("US-1").unwrap().unwrap();
    assert_ne!(after.certificates[0], before.certificates[0]);
    assert_eq!(after.certificates.last(), before.certificates.last());
    let own = &world.keyring.own_keys("US", Role::Encryption)[0].1;
    assert_eq!(own.certificates().len(), 2, "files for both are opened");
    assert_eq!(own.certificate().der(), after.certificates[0]);
}

#[test]
fn an_exported_key_comes_back_under_its_passphrase_only() {
    let world = with_key("US-1");
    let pass = world.file("pass", format!("{PASSPHRASE}\n").as_bytes());
    let pass = pass.display();
    for (form, name) in [("", "BACK-8"), ("--pkcs12", "BACK-12")] {
        let to = world.folder.path().join(name);
        let export = format!(
            "key export US-1 {form} --passphrase-file {pass} --to {}",
            to.display()
        );
        world.ok(&export);
        let mode = std::fs::metadata(&to).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600);
        let refused = world.refused(&export);
        assert!(refused.contains("not overwritten"), "{refused}");

        let import = format!("key import {name} {}", to.display());
        let refused = world.refused(&import);
        assert!(refused.contains("--passphrase-file"), "{refused}");
        let (_, wrong) = world.run(&format!("{import} --passphrase-file -"), b"another one\n");
        let wrong = wrong.unwrap_err().to_string();
        assert!(wrong.contains("passphrase does not open"), "{wrong}");
        world.ok(&format!("{import} --passphrase-file {pass}"));
    }
    let key = |name: &str| world.store.key(name).unwrap().unwrap();
    assert_eq!(key("BACK-12").certificates, key("US-1").certificates);
    assert!(key("BACK-8").certificates.is_empty());
    assert!(world.ok("key list").contains("no certificate"));

    let refused = world.refused("key export US-1 --to /nowhere/at/all --passphrase-file -");
    assert!(
        refused.contains("/nowhere/at/all: cannot be written"),
        "{refused}"
    );
    let to = world.folder.path().join("never");
    let (_, short) = world.run(
        &format!("key export US-1 --to {} --passphrase-file -", to.display()),
        b"short\n",
    );
    let short = short.unwrap_err().to_string();
    assert!(
        short.contains("too short") && !short.contains("short\n"),
        "{short}"
    );

    let told = log().text();
    assert!(!told.contains(PASSPHRASE), "no passphrase is in the log");
    let KeyHome::Sealed(sealed) = key("US-1").private else {
        panic!("it is in the store");
    };
    let octets = Zeroizing::new(MASTER.as_bytes().to_vec());
    let clear = ::keyring::unseal(&sealed, &MasterSecret::new(octets).unwrap()).unwrap();
    let tail: String = clear[clear.len() - 32..]
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let everything = told + &world.ok("key list --json") + &world.ok("key show US-1 --json");
    assert!(
        !everything.contains(&tail),
        "no private key is in the log or in an answer"
    );
}

#[test]
fn a_key_in_the_way_gives_way_only_when_told_to() {
    let world = with_key("US-1");
    world.ok(&made("US-2"));
    world.ok("key use US-1 --station US --role encryption");
    let refused = world.refused("key use US-2 --station US --role encryption");
    assert!(
        refused.contains("US-1") && refused.contains("--slot next"),
        "{refused}"
    );
    world.ok("key use US-2 --station US --role encryption --slot next");
    let keys = world.keyring.own_keys("US", Role::Encryption);
    assert_eq!(
        keys.iter().map(|(slot, _)| *slot).collect::<Vec<_>>(),
        [Slot::Current, Slot::Next]
    );
    world.ok("key promote --station US");
    assert_eq!(
        uses(&world),
        ["encryption current US-2", "encryption previous US-1"]
    );
    let refused = world.refused("key promote --station US");
    assert!(refused.contains("no key in slot next"), "{refused}");

    let refused = world.refused("key remove US-1");
    assert!(refused.contains("in use"), "{refused}");
    let told = world.ok("key use US-1 --station US --role encryption --replace");
    assert!(told.contains("US-2 is no longer current"), "{told}");
    world.ok("key unuse US-1");
    assert!(uses(&world).is_empty());
    let refused = world.refused("key unuse --station US --role encryption");
    assert!(refused.contains("no key is put to such a use"), "{refused}");
    world.ok("key remove US-1");
    assert!(world.keyring.own_keys("US", Role::Encryption).is_empty());
    let refused = world.refused("key show US-1");
    assert!(refused.contains("no key named"), "{refused}");
}

#[test]
fn a_certificate_that_does_not_fit_is_not_used_unless_forced() {
    let world = world();
    world.ok("key create TLS --station US --kind ec-p256 --host oftp.example --self-signed");
    let refused = world.refused("key use TLS --station US --role encryption");
    assert!(refused.contains("good for TLS only"), "{refused}");
    assert_eq!(
        world.refused("key use TLS --station US --role encryption --force"),
        refused
    );
    let told = world.ok("key use TLS --station US");
    assert!(
        told.contains("tls-server") && told.contains("tls-client"),
        "{told}"
    );
    assert!(!told.contains("encryption"), "{told}");
    let now = Timestamp::now();
    assert!(world.keyring.tls("US", Role::TlsServer, now).is_ok());

    world.ok("key create SIGN --station US --kind rsa-2048 --role file-signing --self-signed");
    let refused = world.refused("key use SIGN --station US --role encryption");
    assert!(
        refused.contains("does not fit") && refused.contains("--force"),
        "{refused}"
    );
    world.ok("key use SIGN --station US --role encryption --force");
    assert_eq!(world.keyring.own_keys("US", Role::Encryption).len(), 1);
}

/// What partners have pinned in TLS does not change because files get a key.
#[test]
fn a_key_for_files_is_not_shown_in_tls_unless_told_to() {
    let world = world();
    world.ok("key create FILES --station US --kind rsa-2048 --self-signed");
    let told = world.ok("key use FILES --station US");
    assert!(
        told.contains("encryption") && !told.contains("tls"),
        "{told}"
    );
    let told = world.ok("key use FILES --station US --role tls-server --force");
    assert!(told.contains("Note: Forced for tls-server"), "{told}");
}

#[test]
fn a_request_is_for_what_its_key_is_usually_for() {
    let world = world();
    let host = "--host oftp.example";
    world.ok(&format!(
        "key create CURVE --station US --kind ec-p256 {host} --self-signed"
    ));
    let asked = world.ok(&format!("key request CURVE --station US {host}"));
    let answer = world.file("answer.pem", certified(&asked).as_bytes());
    world.ok(&format!("key install CURVE {}", answer.display()));
    let told = world.ok("key use CURVE --station US");
    assert!(
        told.contains("tls-server") && told.contains("tls-client"),
        "{told}"
    );
}

#[test]
fn a_key_that_came_alone_says_its_kind_and_whether_it_is_weak() {
    let world = world();
    for (name, arguments, kind) in [
        (
            "WEAK",
            ["genrsa", "-traditional", "1024"].as_slice(),
            "RSA 1024",
        ),
        (
            "CURVE",
            &["ecparam", "-genkey", "-noout", "-name", "secp384r1"],
            "EC P-384",
        ),
    ] {
        let made = std::process::Command::new("openssl")
            .args(arguments)
            .output();
        let Some(pem) = made.ok().filter(|made| made.status.success()) else {
            continue;
        };
        let path = world.file(name, &pem.stdout);
        let told = world.ok(&format!("key import {name} {}", path.display()));
        assert!(told.contains(kind), "{told}");
        assert_eq!(told.contains("can be broken"), name == "WEAK", "{told}");
        assert!(world.ok("key list").contains(kind));
    }
}

#[test]
fn every_command_names_what_is_missing() {
    let world = with_key("US-1");
    for (line, wanted) in [
        ("key create US-1 --station US --kind rsa-2048", "already"),
        ("key create bad.name --station US --kind rsa-2048", "A-Z"),
        ("key create X --station NONE --kind rsa-2048", "no station"),
        (
            "key create X --station US --country Germany --kind rsa-2048",
            "country",
        ),
        (
            "key create X --station US --kind ec-p256 --role encryption",
            "elliptic",
        ),
        ("key use US-1 --station NONE", "no station"),
        ("key use NONE --station US", "no key named"),
        ("key unuse NONE", "no key named"),
        ("key promote --station NONE", "no station"),
        ("key remove NONE", "no key named"),
        ("key request NONE", "no key named"),
        ("key request US-1 --common-name x", "--station is missing"),
        ("key install US-1 /nowhere/at/all", "cannot be read"),
        ("key import X --token nonsense", "--token"),
        ("receipts accept 0000000000000001", "no transfer"),
        (
            "evidence 0000000000000001 --to /nowhere/at/all",
            "no transfer",
        ),
    ] {
        let refused = world.refused(line).to_lowercase();
        assert!(
            refused.contains(&wanted.to_lowercase()),
            "`{line}`: {refused}"
        );
    }
    let line = "key import X -";
    let certificate = world.ok("key export US-1 --certificate");
    let (_, refused) = world.run(line, certificate.as_bytes());
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("no private key in the file"), "{refused}");
}

#[test]
fn another_master_secret_or_none_is_told_at_start() {
    let world = with_key("US-1");
    let other = Zeroizing::new(b"another secret, as long as that".to_vec());
    let wrong = Secrets {
        master: Some(MasterSecret::new(other).unwrap()),
        origin: " (/etc/secret)".to_owned(),
        ..Secrets::default()
    };
    let error = Keyring::open(world.store.clone(), wrong).unwrap_err();
    assert!(matches!(error, KeyringError::WrongSecret(_)), "{error}");
    assert!(error.to_string().contains("(/etc/secret)"), "{error}");
    assert!(error.to_string().contains("backup"), "{error}");
    let error = Keyring::open(world.store.clone(), Secrets::default()).unwrap_err();
    assert!(
        matches!(&error, KeyringError::NoSecret(keys) if keys == "US-1"),
        "{error}"
    );
    assert!(error.to_string().contains("master_secret"), "{error}");
    assert!(Keyring::open(world.store.clone(), secrets()).is_ok());
}

#[test]
fn without_a_master_secret_no_key_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    let keyring = Keyring::open(store, Secrets::default()).unwrap();
    let new = crate::keyring::NewKey {
        name: "US-1".to_owned(),
        subject: ::keyring::Subject {
            common_name: "oftp.example".to_owned(),
            odette_id: "O0013000001US".to_owned(),
            ..::keyring::Subject::default()
        },
        roles: Role::ALL.to_vec(),
        kind: ::keyring::KeyKind::Rsa2048,
        token: None,
        self_signed: None,
    };
    let refused = keyring
        .create(new, Timestamp::now())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("openssl rand -base64 32"), "{refused}");
}

#[test]
fn evidence_of_a_transfer_is_written_once() {
    let world = World::with_partner();
    let file = world.file("orders", b"some orders");
    let sent = world.json(&format!("send --partner ACME --json {}", file.display()));
    let id = sent["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{sent}"))
        .to_owned();
    let to = world.folder.path().join("case");
    let line = format!("evidence {id} --to {}", to.display());
    let told = world.ok(&line);
    assert!(told.contains("report.txt"), "{told}");
    let mode = std::fs::metadata(&to).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o700);
    let report = std::fs::read_to_string(to.join("report.txt")).unwrap();
    for wanted in [&id, "O0013000001US", "O0013000002ACME", "ORDERS", "queued"] {
        assert!(report.contains(wanted), "{wanted} is in:\n{report}");
    }
    let refused = world.refused(&line);
    assert!(refused.contains("exist"), "{refused}");
}

/// Needs `softhsm2-util`; the token's place is an environment variable, so the test runs anew as a child.
#[test]
fn a_key_in_a_token_is_made_certified_and_used_there() {
    const NAME: &str = "admin::tests::keys::a_key_in_a_token_is_made_certified_and_used_there";
    const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
    if std::env::var_os("SOFTHSM2_CONF").is_some() {
        return in_a_token(MODULE);
    }
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("softhsm2.conf");
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let text = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        tokens.display()
    );
    std::fs::write(&conf, text).unwrap();
    let made = Program::new("softhsm2-util")
        .args([
            "--init-token",
            "--free",
            "--label",
            "OFTP",
            "--pin",
            "1234",
            "--so-pin",
            "5678",
        ])
        .env("SOFTHSM2_CONF", &conf)
        .output();
    if !made.is_ok_and(|made| made.status.success()) || !Path::new(MODULE).exists() {
        writeln!(io::stderr(), "SKIPPED: softhsm2 is not there").unwrap();
        return;
    }
    let child = Program::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env("SOFTHSM2_CONF", &conf)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(
        child.status.success() && told.contains("1 passed"),
        "{told}\n{}",
        String::from_utf8_lossy(&child.stderr)
    );
}

fn in_a_token(module: &str) {
    let world = World::with_secrets(Secrets {
        token_pin: Some(Zeroizing::new("1234".to_owned())),
        ..secrets()
    });
    world.ok("station add US --code O0013000001US");
    let uri = format!("pkcs11:token=OFTP;object=US?module-path={module}");
    let told = world.ok(&format!(
        "key create HSM --station US --kind rsa-2048 --role all --host oftp.example --token {uri}"
    ));
    assert!(told.contains("in the token"), "{told}");
    let answer = certified(&world.ok("key request HSM"));
    let answer = world.file("answer.pem", answer.as_bytes());
    world.ok(&format!("key install HSM {}", answer.display()));
    world.ok("key use HSM --station US");
    let now = Timestamp::now();
    let own = world
        .keyring
        .signing_key("US", Role::FileSigning, now)
        .unwrap();
    let digest = crypto::Hash::Sha256.of(b"content");
    let (how, check) = (
        crypto::Signing::Pkcs1(crypto::Hash::Sha256),
        crypto::Verifying::Pkcs1(crypto::Hash::Sha256),
    );
    let signature = own.key().sign(how, &digest).unwrap();
    assert!(
        own.certificate()
            .public_key()
            .verify(check, &digest, &signature)
    );
    assert!(world.keyring.tls("US", Role::TlsServer, now).is_ok());

    let export = format!(
        "key export HSM --to {} --passphrase-file",
        world.folder.path().join("never").display()
    );
    let refused = world.refused(&format!("{export} /dev/null"));
    assert!(!refused.is_empty());
    let (_, refused) = world.run(&format!("{export} -"), format!("{PASSPHRASE}\n").as_bytes());
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("never leaves it"), "{refused}");
    world.ok(&format!("key import AGAIN --token {uri}"));
    let refused = world.refused(&format!(
        "key import OTHER --token pkcs11:token=OFTP;object=NONE?module-path={module}"
    ));
    assert!(!refused.contains("1234"), "{refused}");
}
