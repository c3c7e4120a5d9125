//! How files are protected: terms of partners, single files, and what is shown of both.

use std::io::{Read, Write};

use jiff::SignedDuration;
use oftp::{Level, UserField};
use store::{ArrivedReceipt, Evidence, EvidenceKind, Judgement, ReceiptContent};

use super::certificates::certificate;
use super::*;

/// A world whose partner ACME has a certificate for everything, and these terms.
fn with_terms(terms: &str) -> World {
    let world = World::with_partner();
    let pem = certificate("ACME", &[]).pem();
    let file = world.file("acme.pem", pem.as_bytes());
    let line = format!("{ADD} {terms} --role-certificate all={}", file.display());
    world.run(&line, b"a\nb\n").1.unwrap();
    world
}

const ADD: &str = "partner add ACME --code O0013000002ACME --station US --password-sent-file - \
    --password-expected-file -";

#[test]
fn takes_every_term_of_protection_and_shows_it() {
    let world = with_terms(
        "--security encrypted-and-signed --cipher-suite 8 --allow-suite 8 --allow-suite 1 \
         --compress-files --signed-receipts --accept-unsigned-receipts --accept-encrypted required \
         --accept-signed required --accept-compressed refused --check before-acknowledgement \
         --expansion 50 --receipt-signature detached --receipt-suite 7 --include-certificate \
         --archive files --authentication",
    );
    let shown = world.json("partner show ACME --json");
    for (key, value) in [
        ("security", serde_json::json!("encrypted-and-signed")),
        ("cipher_suite", 8.into()),
        ("cipher_suites", serde_json::json!([1, 8])),
        ("file_compression", true.into()),
        ("signed_receipts", true.into()),
        ("unsigned_receipts", "accepted".into()),
        ("accept_encrypted", "required".into()),
        ("accept_signed", "required".into()),
        ("accept_compressed", "refused".into()),
        ("check", "before-acknowledgement".into()),
        ("expansion", 50.into()),
        ("receipt_signature", "detached".into()),
        ("receipt_suite", 7.into()),
        ("include_certificate", true.into()),
        ("encoding", "indefinite".into()),
        ("archive", "files".into()),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    let held = shown["certificate"].as_array().unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(
        held[0]["roles"],
        serde_json::json!([
            "encryption",
            "file-signing",
            "receipt-signing",
            "authentication"
        ])
    );
    assert_eq!(held[0]["slot"], "current");
    let text = world.ok("partner show ACME");
    for part in [
        "encrypted and signed, compressed, cipher suite 08 (",
        "signed receipts asked for",
        "01, 08",
        "encryption required, signature required, compression refused (at most 50 octets out of one)",
        "before they are acknowledged (EFNA)",
        "asked for; unsigned ones are taken too",
        "ours have the signature alone, suite 07 (",
        "indefinite lengths, with our certificate in signatures",
        "as they travelled and in clear",
        "yes, as holder of\n",
        "(current): sha256:",
        "(CN=ACME), until ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }

    // What is exported is applied and changes nothing.
    let export = world.ok("partner export");
    let file = world.file("export.toml", export.as_bytes());
    let applied = world.ok(&format!("partner apply -f {}", file.display()));
    assert_eq!(applied, "Station US unchanged.\nPartner ACME unchanged.\n");
}

#[test]
fn certificates_stay_when_a_partner_is_put_again() {
    let world = with_terms("");
    let before = world.json("partner show ACME --json")["certificate"].take();
    world
        .run(&format!("{ADD} --credit 3"), b"a\nb\n")
        .1
        .unwrap();
    let after = world.json("partner show ACME --json");
    assert_eq!(after["credit"], 3);
    assert_eq!(after["certificate"], before);
}

#[test]
fn tells_what_protection_lacks() {
    let world = World::with_partner();
    for (terms, part) in [
        (
            "--security encrypted",
            "security: found \"encrypted\" without",
        ),
        ("--cipher-suite 2", "cipher_suite: found 2, wanted one of"),
        ("--allow-suite 11", "cipher_suites: found 11"),
        ("--signed-receipts", "signed_receipts: found true without"),
        ("--authentication", "authentication: found true without"),
        ("--level 4 --security signed", "sessions of level 4"),
        (
            "--encoding definite --compress-files",
            "encoding: found \"definite\"",
        ),
        (
            "--role-certificate all=/no/such",
            "/no/such: cannot be read",
        ),
    ] {
        let refused = world.run(&format!("{ADD} {terms}"), b"a\nb\n").1;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(part), "{terms}: {refused}");
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_by_file_too() {
    let world = World::with_partner();
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let text = format!(
        "[[partner]]\nname = 'ACME'\ncode = 'O0013000002ACME'\nstation = 'US'\ncredit = 3\n\
         [[partner.certificate]]\nroles = ['encryption']\nslot = 'next'\npem = \"\"\"\n{pem}\"\"\"\n"
    );
    let file = world.file("curve.toml", text.as_bytes());
    let refused = world.refused(&format!("partner apply -f {}", file.display()));
    assert!(
        refused.contains(
            "curve.toml: partner ACME: certificate: the next one for encryption cannot be used: "
        ),
        "{refused}"
    );
    assert_eq!(world.json("partner show ACME --json")["credit"], 256);

    let old = text
        .split("[[partner.certificate]]")
        .next()
        .unwrap()
        .to_owned();
    let old = old + &format!("authentication_certificates = \"\"\"\n{pem}\"\"\"\n");
    let file = world.file("old.toml", old.as_bytes());
    let refused = world.refused(&format!("partner apply -f {}", file.display()));
    assert!(
        refused.contains("partner[0].authentication_certificates: found a key of earlier versions")
            && refused.contains("[[partner.certificate]] with roles = [\"authentication\"]"),
        "{refused}"
    );
}

#[test]
fn a_single_file_is_protected_as_it_is_said() {
    let world = with_terms("--security signed --signed-receipts");
    let file = world.file("a", b"abc");
    let file = file.display();
    let sent = |options: &str| {
        let id = world.ok(&format!("send --partner ACME {options} {file}"));
        let line = format!("transfers show {} --json", id.trim());
        world.json(&line)["transfer"].take()
    };
    let own = sent("");
    assert_eq!(own["state"], "securing");
    assert_eq!(own["services"]["signed"], true);
    assert_eq!(own["services"]["encrypted"], false);
    assert_eq!(own["services"]["cipher"], 4);
    assert_eq!(own["services"]["signed_receipt"], true);

    let other = sent("--security encrypted --cipher-suite 5 --compress --no-signed-receipt");
    assert_eq!(other["services"]["signed"], false);
    assert_eq!(other["services"]["encrypted"], true);
    assert_eq!(other["services"]["compressed"], true);
    assert_eq!(other["services"]["cipher"], 5);
    assert_eq!(other["services"]["signed_receipt"], false);

    let plain = sent("--security none --no-signed-receipt");
    assert_eq!(plain["state"], "queued");
    assert_eq!(plain["services"], serde_json::Value::Null);

    for (options, part) in [
        (
            "--cipher-suite 1",
            "--cipher-suite: found 1, wanted one of cipher_suites",
        ),
        (
            "--cipher-suite 77",
            "--cipher-suite: found 77, wanted a cipher suite, 1 to 10",
        ),
    ] {
        let refused = world.refused(&format!("send --partner ACME {options} {file}"));
        assert!(refused.contains(part), "{options}: {refused}");
    }
    world.run(&format!("{ADD} --level 4"), b"a\nb\n").1.unwrap();
    let refused = world.refused(&format!("send --partner ACME --security signed {file}"));
    assert!(
        refused.contains("--security: found \"signed\" where sessions of level 4 are allowed"),
        "{refused}"
    );
    world.run(ADD, b"a\nb\n").1.unwrap();
    world.ok("cert remove ACME --slot current");
    let refused = world.refused(&format!(
        "send --partner ACME --security encrypted --signed-receipt {file}"
    ));
    assert_eq!(refused.lines().count(), 2, "{refused}");
    assert!(
        refused.contains("--security: found \"encrypted\" without")
            && refused.contains("--signed-receipt: found true without"),
        "{refused}"
    );
}

#[test]
fn a_held_file_says_why_and_a_secured_one_what_it_had() {
    let world = with_terms("--security encrypted --compress-files");
    let file = world.file("a", &[b'x'; 5000]);
    let id = world.ok(&format!("send --partner ACME {}", file.display()));
    let id = id.trim();
    let now = Timestamp::now();
    let claim = world.store.claim_securing(now).unwrap().unwrap();
    let until = now + SignedDuration::from_mins(10);
    claim
        .held("no certificate to encrypt for is valid", until, now)
        .unwrap();

    let shown = world.json(&format!("transfers show {id} --json"));
    assert_eq!(shown["transfer"]["held"], true);
    assert_eq!(shown["transfer"]["state"], "securing");
    let text = world.ok(&format!("transfers show {id}"));
    assert!(
        text.contains("securing, HELD until ")
            && text.contains("reason          no certificate to encrypt for is valid\n"),
        "{text}"
    );
    assert!(
        world
            .ok("transfers --held")
            .contains("securing, HELD until ")
    );
    assert!(world.ok("transfers --state securing").contains(id));

    let later = until + SignedDuration::from_secs(1);
    let mut claim = world.store.claim_securing(later).unwrap().unwrap();
    let mut octets = Vec::new();
    claim.clear().unwrap().read_to_end(&mut octets).unwrap();
    assert_eq!(octets.len(), 5000);
    let mut target = claim.target().unwrap();
    target.write_all(b"secured octets").unwrap();
    drop(target);
    let evidence = vec![Evidence {
        what: EvidenceKind::EncryptedFor,
        certificate: certificate("ACME", &[]).der().to_vec(),
    }];
    claim.finish(vec![0xAB; 32], evidence, later).unwrap();

    let shown = world.json(&format!("transfers show {id} --json"));
    let transfer = &shown["transfer"];
    assert_eq!(transfer["state"], "queued");
    assert_eq!(transfer["held"], false);
    assert_eq!(transfer["octets"], 14);
    assert_eq!(transfer["clear_octets"], 5000);
    assert_eq!(transfer["hash"], "ab".repeat(32));
    assert_eq!(shown["certificates"][0]["what"], "encrypted-for");
    let text = world.ok(&format!("transfers show {id}"));
    for part in [
        "size            14 octets (14)\n",
        "clear size      4.8 KiB (5000)\n",
        "services        encrypted, compressed, in CMS, cipher suite 04 (",
        &format!("hash            {}\n", "ab".repeat(32)),
        "\ncertificates\n  encrypted-for        CN=ACME\n                       sha256:",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(world.ok("transfers --held"), "No transfers.\n");
}

#[test]
fn a_wait_goes_on_while_a_file_is_secured() {
    let world = with_terms("--security signed");
    let file = world.file("a", b"abc");
    let line = format!(
        "send --partner ACME --wait --timeout 10ms {}",
        file.display()
    );
    let error = world.run(&line, b"").1.unwrap_err();
    assert!(matches!(error, CtlError::TimedOut { .. }), "{error}");
}

#[test]
fn a_receipt_that_is_not_to_be_believed_is_listed_and_can_be_taken() {
    let world = with_terms("");
    let file = world.file("a", b"abc");
    let mut sent = Vec::new();
    for _ in 0..2 {
        sent.push(world.ok(&format!("send --partner ACME {}", file.display())));
        let claim = world
            .store
            .claim_file("ACME", "00f3", Level::L5, true, Timestamp::now());
        claim.unwrap().unwrap().sent(Timestamp::now()).unwrap();
    }
    let id = sent[0].trim();
    let (transfer, _) = world.store.transfer(id.parse().unwrap()).unwrap().unwrap();
    let receipt = ArrivedReceipt {
        file: transfer.file,
        content: ReceiptContent::positive(UserField::default()),
        level: Level::L5,
        refuse_swapped: false,
        judge: Box::new(|_| Judgement::Invalid {
            why: "EERPHSH: expected 01, received 02".to_owned(),
        }),
    };
    world
        .store
        .receipt_arrived("ACME", receipt, "00f3", Timestamp::now())
        .unwrap();

    let list = world.json("receipts --invalid --json");
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["transfer"], id);
    let why = list[0]["invalid"].as_str().unwrap();
    assert!(why.contains("EERPHSH: expected 01, received 02"), "{why}");
    assert_eq!(
        world
            .json("receipts --awaited --json")
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let text = world.ok("receipts");
    assert!(
        text.contains("INVALID") && text.contains(&format!("{id}  {why}\n")),
        "{text}"
    );
    let shown = world.ok(&format!("transfers show {id}"));
    assert!(
        shown.contains("receipt came    and settled nothing: "),
        "{shown}"
    );
    world.ok(&format!("receipts accept {id}"));
    assert_eq!(world.ok("receipts --invalid"), "No receipts.\n");
    let state = &world.json(&format!("transfers show {id} --json"))["transfer"]["state"];
    assert_eq!(*state, "acknowledged");
}
