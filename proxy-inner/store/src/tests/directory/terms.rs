//! Terms of partners as apply files have them: faults, clashes, defaults.

use std::time::Duration;

use oftp::{Deviations, Format, Level, Password};

use super::super::{ACME, World, partner};
use super::{certificate, code, full, refusal};
use crate::{
    Partner, PartnerView, ReceiptTiming, RoleCertificateView, Transport, certificates_to_pem,
    parse_directory,
};

/// A partner's section with these lines; `HELD` and words stand for its certificate with those roles.
fn section(lines: &str) -> String {
    let pem = certificates_to_pem(&[certificate(7)]);
    let line = |line: &str| match line.strip_prefix("HELD ") {
        Some(roles) => {
            let roles: Vec<_> = roles.split(' ').collect();
            format!("[[partner.certificate]]\nroles = {roles:?}\npem = '''{pem}'''\n")
        }
        None => format!("{line}\n"),
    };
    format!(
        "[[partner]]\nname = 'NEW'\ncode = 'O0013NEW'\nstation = 'HEAD'\n\
         password_sent = ''\npassword_expected = ''\n{}",
        lines.lines().map(line).collect::<String>()
    )
}

#[test]
fn terms_that_clash_are_told() {
    for (lines, part) in [
        (
            "lowest_level = 5\nlevel = 4",
            "lowest_level: found 5, wanted at most the level, 4",
        ),
        (
            "authentication = true",
            "authentication: found true without a certificate",
        ),
        (
            "authentication = true\nlevel = 4\nHELD authentication",
            "authentication: found true where sessions of level 4 are allowed",
        ),
        (
            "authentication = true\nlowest_level = 2\nHELD authentication",
            "authentication: found true where sessions of level 2 are allowed",
        ),
        (
            "format = 'F'",
            "record_length: found 0, wanted the length of every record",
        ),
        (
            "record_length = 80",
            "record_length: found 80, wanted 0: files of format U and T",
        ),
        (
            "format = 'T'\nrecord_length = 1",
            "record_length: found 1, wanted 0",
        ),
        (
            "cipher_suite = 2",
            "cipher_suite: found 2, wanted one of cipher_suites, which has 3, 4, 5, 6, 7",
        ),
        (
            "cipher_suites = [8, 10, 9]",
            "cipher_suite: found 4, wanted one of cipher_suites, which has 8, 9, 10",
        ),
        (
            "security = 'encrypted-and-signed'\nHELD receipt-signing",
            "security: found \"encrypted-and-signed\" without a certificate to encrypt for, wanted \
             the partner's certificate with the role \"encryption\" and the slot \"current\"",
        ),
        (
            "signed_receipts = true\nHELD encryption file-signing",
            "signed_receipts: found true without a certificate to check them with, wanted the \
             partner's certificate with the role \"receipt-signing\"",
        ),
        (
            "accept_signed = 'required'",
            "accept_signed: found \"required\" without a certificate to check signatures with, \
             wanted the partner's certificate with the role \"file-signing\"",
        ),
        (
            "encoding = 'definite'\nfile_compression = true",
            "encoding: found \"definite\" for files that are compressed",
        ),
        (
            "level = 4\nsecurity = 'signed'",
            "security: found \"signed\" where sessions of level 4 are allowed, wanted level and \
             lowest_level 5 with it: lower levels have no file security",
        ),
        (
            "lowest_level = 1\nfile_compression = true",
            "file_compression: found true where sessions of level 1 are allowed",
        ),
        (
            "lowest_level = 4\nsigned_receipts = true\nHELD receipt-signing",
            "signed_receipts: found true where sessions of level 4 are allowed",
        ),
        (
            "lowest_level = 4\naccept_encrypted = 'required'",
            "accept_encrypted: found \"required\" where sessions of level 4 are allowed",
        ),
        (
            "lowest_level = 4\naccept_compressed = 'required'",
            "accept_compressed: found \"required\" where sessions of level 4 are allowed",
        ),
        (
            "HELD encryption\nHELD file-signing encryption",
            "certificate: found",
        ),
        (
            "HELD encryption\nslot = 'next'\nHELD encryption",
            "certificate: found the same one as current and next for encryption, wanted each \
             certificate once for each role",
        ),
    ] {
        let faults = parse_directory(&section(lines)).unwrap_err().to_string();
        assert!(faults.contains(part), "{lines}: {faults}");
        assert_eq!(faults.lines().count(), 1, "{lines}: {faults}");
    }
    for lines in [
        "level = 4",
        "level = 2\nlowest_level = 1",
        "authentication = true\nHELD authentication",
        "format = 'F'\nrecord_length = 99999",
        "format = 'V'",
        "format = 'V'\nrecord_length = 99999\nrecords = 'lines'",
        "transport = 'plain'\naddress = 'oftp.example:3305'",
        "refuse = []",
        "stations = []",
        "cipher_suites = [1, 2]\ncipher_suite = 1",
        "security = 'signed'\nencoding = 'definite'",
        "security = 'encrypted'\naccept_signed = 'required'\nsigned_receipts = true\n\
         HELD encryption file-signing receipt-signing",
        "level = 2\nlowest_level = 1\naccept_encrypted = 'refused'\naccept_signed = 'refused'",
    ] {
        parse_directory(&section(lines)).unwrap_or_else(|faults| panic!("{lines}: {faults}"));
    }
    // The same rules hold for what does not come from a file.
    let clash = |change: fn(&mut Partner)| {
        let mut new = partner("NEW");
        change(&mut new);
        refusal(World::new().store.put_partner(new))
    };
    let lower = clash(|new| new.level = Level::L4);
    assert_eq!(
        lower,
        "partner NEW: lowest_level: found 5, wanted at most the level, 4"
    );
    assert!(clash(|new| new.format = Format::Fixed).contains("record_length"));
    assert!(clash(|new| new.authentication = true).contains("without a certificate"));
}

#[test]
fn no_rule_is_tried_on_the_default_of_a_faulty_key() {
    for (lines, key) in [
        ("format = 'F'\nrecord_length = 'long'", "record_length"),
        ("format = 'Q'\nrecord_length = 80", "format"),
        ("level = 3\nlowest_level = 5", "level"),
        (
            "authentication = true\nauthentication_certificates = 'none'",
            "authentication_certificates",
        ),
        ("cipher_suite = 11\ncipher_suites = [8]", "cipher_suite"),
        ("cipher_suite = 8\ncipher_suites = []", "cipher_suites"),
        (
            "security = 'encrypted'\n[[partner.certificate]]\nroles = ['encryption']\npem = 'x'",
            "certificate[0].pem",
        ),
    ] {
        let faults = parse_directory(&section(lines)).unwrap_err();
        let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(keys, [format!("partner[0].{key}")], "{lines}: {faults}");
    }
}

#[test]
fn what_a_file_leaves_out_has_its_default() {
    let read = |lines: &str| {
        let entry = parse_directory(&section(lines)).unwrap().partners.remove(0);
        entry.partner
    };
    let plain = read("");
    assert_eq!(plain, Partner::new("NEW", code("O0013NEW"), "HEAD"));
    assert_eq!((plain.level, plain.lowest_level), (Level::L5, Level::L5));
    assert_eq!(plain.transport, Transport::Tls);
    assert!(plain.compression && plain.restart && !plain.authentication && !plain.gateway);
    assert_eq!(plain.refuse, Deviations::refused_by_default());
    assert_eq!(plain.receipts, ReceiptTiming::Delivered);
    assert_eq!(plain.receipt_within, Duration::from_secs(3 * 86_400));

    // Where only the highest level is said, no lower one is spoken.
    let older = read("level = 4\nrefuse = ['all']");
    assert_eq!((older.level, older.lowest_level), (Level::L4, Level::L4));
    assert_eq!(older.refuse, Deviations::all());
    assert_eq!(read("refuse = []").refuse, Deviations::none());
}

#[test]
fn what_refuses_every_deviation_is_exported_and_kept_as_all() {
    let world = World::new();
    let strict = Partner {
        refuse: Deviations::all(),
        ..partner(ACME)
    };
    world.store.put_partner(strict).unwrap();
    assert!(
        world
            .store
            .export(false)
            .unwrap()
            .contains("refuse = [\"all\"]")
    );
    let kept = world.store.partner(ACME).unwrap().unwrap();
    assert_eq!(kept.refuse, Deviations::all());
}

#[test]
fn tells_every_fault_of_a_file_at_once_and_no_password() {
    let text = "
        surplus = 1
        [[station]]
        name = 'head'
        code = ''
        [[partner]]
        name = 'ACME'
        code = 'O0013ACME'
        password_sent = 'FAR-TOO-LONG-A-SECRET'
        password_expected = 12345678
        address = 'nowhere'
        certificates = ['sha256:00', 'md5:11']
        server_name = 'a b'
        buffer = 1
        credit = 1000
        enabled = 'yes'
        pasword = 'HUNTER2'
        level = 3
        lowest_level = '5'
        transport = 'carrier pigeon'
        compression = 1
        restart = 'on'
        authentication = 1
        authentication_certificates = '-----BEGIN PRIVATE KEY-----'
        security = 'top secret'
        cipher_suite = 11
        file_compression = 'zlib'
        signed_receipts = 1
        cipher_suites = [4, 0]
        accept_encrypted = 'yes'
        accept_signed = 'maybe'
        accept_compressed = 1
        check = 'never'
        unsigned_receipts = 'allowed'
        receipt_signature = 'outside'
        include_certificate = 'yes'
        encoding = 'DER'
        expansion = 1
        receipt_suite = 0
        archive = 'everything'
        refuse = ['counter-zero', 'counter-one', 'none', 'all']
        receipts = 'never'
        receipt_within = '5s'
        call_for_receipts = 'yes'
        stations = ['O0013DEPOT', '', 'O0013DEPOT']
        gateway = 'yes'
        format = 'X'
        record_length = 100000
        records = 'columns'
        [[partner.certificate]]
        roles = ['encryption', 'tls-server', 'signing']
        slot = 'old'
        pem = '-----BEGIN PRIVATE KEY-----'
        surplus = 1
        [[partner.certificate]]
        [[partner]]
        name = 'ACME'
        code = 'O0013ACME'
        station = 'HEAD'
        stations = ['O0013DEPOT']
    ";
    let faults = parse_directory(text).unwrap_err();
    let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
    for key in [
        "surplus",
        "station[0].name",
        "station[0].code",
        "partner[0].station",
        "partner[0].password_sent",
        "partner[0].password_expected",
        "partner[0].address",
        "partner[0].certificates[0]",
        "partner[0].certificates[1]",
        "partner[0].server_name",
        "partner[0].buffer",
        "partner[0].credit",
        "partner[0].enabled",
        "partner[0].pasword",
        "partner[0].level",
        "partner[0].lowest_level",
        "partner[0].transport",
        "partner[0].compression",
        "partner[0].restart",
        "partner[0].authentication",
        "partner[0].authentication_certificates",
        "partner[0].security",
        "partner[0].cipher_suite",
        "partner[0].file_compression",
        "partner[0].signed_receipts",
        "partner[0].cipher_suites[1]",
        "partner[0].accept_encrypted",
        "partner[0].accept_signed",
        "partner[0].accept_compressed",
        "partner[0].check",
        "partner[0].unsigned_receipts",
        "partner[0].receipt_signature",
        "partner[0].include_certificate",
        "partner[0].encoding",
        "partner[0].expansion",
        "partner[0].receipt_suite",
        "partner[0].archive",
        "partner[0].certificate[0].roles[1]",
        "partner[0].certificate[0].roles[2]",
        "partner[0].certificate[0].slot",
        "partner[0].certificate[0].pem",
        "partner[0].certificate[0].surplus",
        "partner[0].certificate[1].roles",
        "partner[0].certificate[1].pem",
        "partner[0].refuse[1]",
        "partner[0].refuse[2]",
        "partner[0].receipts",
        "partner[0].receipt_within",
        "partner[0].call_for_receipts",
        "partner[0].stations[1]",
        "partner[0].stations",
        "partner[0].gateway",
        "partner[0].format",
        "partner[0].record_length",
        "partner[0].records",
        "partner[1].name",
        "partner[1].code",
        "partner[1].stations",
    ] {
        assert!(keys.contains(&key), "{key} is missing: {faults}");
    }
    assert_eq!(keys.len(), 58, "{faults}");
    let text = faults.to_string();
    for secret in ["FAR-TOO", "12345678", "HUNTER2"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(parse_directory("[[station").is_err());
}

#[test]
fn a_partner_as_text_has_the_defaults_of_a_new_partner() {
    let partner = Partner::new("ACME", code("O0013ACME"), "US");
    let view = PartnerView {
        name: "ACME".to_owned(),
        code: "O0013ACME".to_owned(),
        station: "US".to_owned(),
        ..PartnerView::default()
    };
    assert_eq!(PartnerView::from(&partner), view);
    assert_eq!(view.to_partner(), Ok(partner));
    assert_eq!(PartnerView::default().code, "");
}

#[test]
fn a_partner_as_text_comes_back_the_same() {
    let plain = Partner {
        password_sent: Password::default(),
        password_expected: Password::default(),
        ..full(ACME)
    };
    let view = PartnerView::from(&plain);
    assert_eq!(
        view.certificate.len(),
        3,
        "one for each certificate and slot"
    );
    let mut back = view.to_partner().unwrap();
    back.role_certificates.sort();
    assert_eq!(back, plain);
}

#[test]
fn everything_in_a_text_that_cannot_be_read_is_told_at_once() {
    let wrong = || "wrong".to_owned();
    let view = PartnerView {
        name: "ACME".to_owned(),
        code: String::new(),
        transport: wrong(),
        certificates: vec![wrong()],
        level: 3,
        lowest_level: 0,
        refuse: vec![wrong()],
        receipts: wrong(),
        receipt_within: wrong(),
        stations: vec![String::new()],
        format: wrong(),
        records: wrong(),
        security: wrong(),
        accept_encrypted: wrong(),
        accept_signed: wrong(),
        accept_compressed: wrong(),
        check: wrong(),
        unsigned_receipts: wrong(),
        receipt_signature: wrong(),
        encoding: wrong(),
        archive: wrong(),
        certificate: vec![RoleCertificateView {
            roles: vec![wrong()],
            slot: wrong(),
            pem: wrong(),
        }],
        ..PartnerView::default()
    };
    let problems = view.to_partner().unwrap_err();
    assert_eq!(problems.len(), 23, "{problems:#?}");
    let security = "security: found \"wrong\", wanted one of none, encrypted, signed, \
                    encrypted-and-signed";
    assert!(
        problems.iter().any(|problem| problem == security),
        "{problems:#?}"
    );
}
