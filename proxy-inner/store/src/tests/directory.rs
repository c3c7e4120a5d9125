//! Stations and partners.

mod certificates;
mod terms;

use std::time::Duration;

use keyring::{Role, Slot};
use oftp::{Deviation, Format, Level, OdetteId, Security};

use super::{ACME, OTHER, World, open, partner, station};
use crate::{
    Acceptance, Archive, Change, CheckTiming, Encoding, Fingerprint, Partner, ReceiptSignature,
    ReceiptTiming, RecordForm, RoleCertificate, Served, Station, StoreError, Transport,
    UnsignedReceipts, parse_directory,
};

fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Refused(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn fingerprint(octet: u8) -> Fingerprint {
    Fingerprint::from_digest([octet; 32])
}

fn code(text: &str) -> OdetteId {
    text.parse().unwrap()
}

/// What PEM takes for a certificate.
fn certificate(octet: u8) -> Vec<u8> {
    [vec![0x30, 0x64], vec![octet; 100]].concat()
}

fn held(role: Role, slot: Slot, octet: u8) -> RoleCertificate {
    RoleCertificate {
        role,
        slot,
        certificate: certificate(octet),
    }
}

/// A partner with everything set, and nothing to its default but the levels.
fn full(name: &str) -> Partner {
    Partner {
        transport: Transport::Plain,
        compression: false,
        restart: false,
        authentication: true,
        refuse: [Deviation::CounterZero, Deviation::TextNotUtf8]
            .into_iter()
            .collect(),
        receipts: ReceiptTiming::Confirmed,
        receipt_within: Duration::from_secs(90 * 60),
        call_for_receipts: true,
        stations: vec![
            code(&format!("O0013{name}Z")),
            code(&format!("O0013{name}A")),
        ],
        gateway: true,
        format: Format::Fixed,
        record_length: 80,
        records: RecordForm::Lines,
        certificates: vec![fingerprint(1), fingerprint(0xAB)],
        server_name: Some("oftp.example".to_owned()),
        buffer: 4096,
        credit: 12,
        enabled: false,
        security: Security::EncryptedAndSigned,
        cipher_suite: 10,
        file_compression: true,
        signed_receipts: true,
        cipher_suites: vec![1, 4, 10],
        accept_encrypted: Acceptance::Required,
        accept_signed: Acceptance::Required,
        accept_compressed: Acceptance::Refused,
        check: CheckTiming::BeforeAcknowledgement,
        unsigned_receipts: UnsignedReceipts::Accepted,
        receipt_signature: ReceiptSignature::Detached,
        include_certificate: true,
        encoding: Encoding::Indefinite,
        expansion: 50,
        receipt_suite: 7,
        archive: Archive::Files,
        role_certificates: vec![
            held(Role::Encryption, Slot::Current, 1),
            held(Role::Encryption, Slot::Next, 2),
            held(Role::FileSigning, Slot::Current, 1),
            held(Role::ReceiptSigning, Slot::Current, 1),
            held(Role::Authentication, Slot::Current, 1),
            held(Role::Authentication, Slot::Previous, 3),
        ],
        ..partner(name)
    }
}

#[test]
fn tells_added_from_changed_from_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(store.put_station(station()).unwrap(), Change::Added);
    assert_eq!(store.put_station(station()).unwrap(), Change::Unchanged);
    let moved = Station {
        code: "O0013NEW".parse().unwrap(),
        ..station()
    };
    assert_eq!(store.put_station(moved.clone()).unwrap(), Change::Changed);
    assert_eq!(store.station("HEAD").unwrap(), Some(moved));

    assert_eq!(store.put_partner(full(ACME)).unwrap(), Change::Added);
    assert_eq!(store.put_partner(full(ACME)).unwrap(), Change::Unchanged);
    assert_eq!(store.partner(ACME).unwrap(), Some(full(ACME)));
    let changed = Partner {
        password_sent: "NEW".parse().unwrap(),
        ..full(ACME)
    };
    assert_eq!(store.put_partner(changed.clone()).unwrap(), Change::Changed);
    assert_eq!(store.partner_by_code(&changed.code).unwrap(), Some(changed));
    assert_eq!(
        store
            .partner_by_code(&"O0013NOBODY".parse().unwrap())
            .unwrap(),
        None
    );
    assert!(dir.path().join("inbox/ACME").is_dir() && dir.path().join("outbox/ACME").is_dir());
}

#[test]
fn refuses_what_breaks_a_rule_with_a_sentence() {
    let world = World::new();
    let put = |change: fn(&mut Partner)| {
        let mut partner = partner("NEW");
        change(&mut partner);
        refusal(world.store.put_partner(partner))
    };
    for name in ["", "lower", "A/B", "..", "ÄPFEL", &"X".repeat(33)] {
        let partner = Partner {
            name: name.to_owned(),
            ..partner(ACME)
        };
        assert!(refusal(world.store.put_partner(partner)).contains("the name must be 1 to 32 of"));
        let station = Station {
            name: name.to_owned(),
            ..station()
        };
        assert!(refusal(world.store.put_station(station)).contains("the name must be 1 to 32 of"));
    }
    assert!(
        put(|new| new.station = "GONE".to_owned()).contains("there is no station named \"GONE\"")
    );
    assert!(put(|new| new.code = partner(ACME).code).contains("is that of partner ACME"));
    assert!(put(|new| new.address = Some("nowhere".to_owned())).contains("the port is missing"));
    assert!(put(|new| new.buffer = 127).contains("buffer: found 127, wanted from 128 to 99999"));
    assert!(put(|new| new.credit = 0).contains("credit: found 0, wanted from 1 to 999 buffers"));
    assert!(
        put(|new| new.server_name = Some("a b".to_owned()))
            .contains("wanted a host name or an IP address")
    );
    assert!(put(|new| new.receipt_within = Duration::ZERO).contains("wanted from 1m to 3650d"));
    let both = put(|new| {
        new.buffer = 1;
        new.credit = 0;
    });
    assert_eq!(both.lines().count(), 2, "every rule is told: {both}");
    let twin = Station {
        name: "TWIN".to_owned(),
        ..station()
    };
    assert!(refusal(world.store.put_station(twin)).contains("is that of station HEAD"));
    assert!(world.store.partner("NEW").unwrap().is_none());
}

#[test]
fn removes_nothing_that_is_still_needed() {
    let world = World::new();
    assert!(refusal(world.store.remove_station("HEAD")).contains("2 partner(s) deal with it"));
    let id = world.send(ACME, "f", b"x");
    assert!(refusal(world.store.remove_partner(ACME)).contains("1 transfer(s)"));
    world
        .store
        .claim_file(ACME, "c", Level::L5, true, super::at(1))
        .unwrap()
        .unwrap()
        .sent(super::at(1))
        .unwrap();
    world.store.remove_partner(ACME).unwrap();
    world.store.remove_partner(OTHER).unwrap();
    world.store.remove_station("HEAD").unwrap();
    assert!(matches!(
        world.store.remove_partner(ACME),
        Err(StoreError::NoPartner(_))
    ));
    assert!(matches!(
        world.store.remove_station("HEAD"),
        Err(StoreError::NoStation(_))
    ));
    assert_eq!(
        world.transfer(id).partner,
        ACME,
        "what was sent stays known"
    );
}

#[test]
fn what_is_exported_can_be_applied_and_is_the_same() {
    let world = World::new();
    world.store.put_partner(full(ACME)).unwrap();
    world
        .store
        .put_partner(Partner {
            password_sent: "\"\\ '#".parse().unwrap(),
            ..partner("QUOTES")
        })
        .unwrap();
    let text = world.store.export(true).unwrap();

    let dir = tempfile::tempdir().unwrap();
    let other = open(dir.path());
    let applied = other.apply(parse_directory(&text).unwrap()).unwrap();
    assert!(
        applied.iter().all(|entry| entry.change == Change::Added),
        "{applied:?}"
    );
    assert_eq!(other.stations().unwrap(), world.store.stations().unwrap());
    assert_eq!(other.partners().unwrap(), world.store.partners().unwrap());
    assert!(dir.path().join("outbox/QUOTES").is_dir());
    assert_eq!(other.export(true).unwrap(), text);

    let again = other.apply(parse_directory(&text).unwrap()).unwrap();
    assert_eq!(again.len(), 4);
    assert!(
        again.iter().all(|entry| entry.change == Change::Unchanged),
        "{again:?}"
    );
}

#[test]
fn an_export_without_passwords_can_be_applied_where_they_are_known() {
    let world = World::new();
    let text = world.store.export(false).unwrap();
    assert!(!text.contains("password"), "{text}");
    assert!(!text.contains("certificate = []"), "{text}");
    let applied = world.store.apply(parse_directory(&text).unwrap()).unwrap();
    assert!(
        applied
            .iter()
            .all(|entry| entry.change == Change::Unchanged),
        "{applied:?}"
    );

    let dir = tempfile::tempdir().unwrap();
    let text = refusal(open(dir.path()).apply(parse_directory(&text).unwrap()));
    assert_eq!(text.lines().count(), 2, "each partner is told: {text}");
    assert!(
        text.contains("partner ACME: it is new and a password is missing"),
        "{text}"
    );
}

#[test]
fn applies_all_or_nothing() {
    let world = World::new();
    let text = "
        [[station]]
        name = 'BRANCH'
        code = 'O0013BRANCH'
        [[partner]]
        name = 'FIRST'
        code = 'O0013FIRST'
        station = 'BRANCH'
        password_sent = ''
        password_expected = ''
        [[partner]]
        name = 'SECOND'
        code = 'O0013SECOND'
        station = 'NOWHERE'
        password_sent = ''
        password_expected = ''
    ";
    let problem = refusal(world.store.apply(parse_directory(text).unwrap()));
    assert!(
        problem.contains("partner SECOND: there is no station named \"NOWHERE\""),
        "{problem}"
    );
    assert!(world.store.station("BRANCH").unwrap().is_none());
    assert!(world.store.partner("FIRST").unwrap().is_none());
    assert!(!world.path("inbox/FIRST").exists());

    let applied = world
        .store
        .apply(parse_directory(&text.replace("NOWHERE", "HEAD")).unwrap())
        .unwrap();
    let names: Vec<_> = applied
        .iter()
        .map(|entry| (entry.kind, entry.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("station", "BRANCH"),
            ("partner", "FIRST"),
            ("partner", "SECOND")
        ]
    );
    let first = world.store.partner("FIRST").unwrap().unwrap();
    assert_eq!(
        (first.buffer, first.credit, first.enabled),
        (65_535, 256, true)
    );
}

#[test]
fn shows_no_password_when_printed() {
    let shown = format!("{:?} {:?}", partner(ACME), World::new().store);
    assert!(
        !shown.contains("SENTWORD") && !shown.contains("WAITWORD"),
        "{shown}"
    );
}

#[test]
fn a_fingerprint_reads_and_prints_the_same() {
    let text = format!("sha256:{}", "0a".repeat(32));
    assert_eq!(text.parse::<Fingerprint>().unwrap(), fingerprint(10));
    assert_eq!(fingerprint(10).to_string(), text);
    let upper = text.replace("0a", "0A");
    assert_eq!(upper.parse::<Fingerprint>().unwrap(), fingerprint(10));
    for wrong in [
        "",
        "sha256:",
        "sha1:00",
        &text[..70],
        &text.replace("0a", "+a"),
        &text.replace("0a", "é"),
    ] {
        assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
    }
}

#[test]
fn no_code_is_there_twice_in_the_whole_directory() {
    let world = World::new();
    let put = |change: &dyn Fn(&mut Partner)| {
        let mut partner = partner("NEW");
        change(&mut partner);
        world.store.put_partner(partner)
    };
    put(&|new| new.stations = vec![code("O0013DEPOT")]).unwrap();
    let of_station = refusal(put(&|new| new.code = station().code));
    assert_eq!(
        of_station,
        "partner NEW: the code O0013HEAD is that of station HEAD; each has its own"
    );
    for taken in ["O0013HEAD", "O0013ACME", "O0013NEW"] {
        let text = refusal(put(&|new| new.stations = vec![code(taken)]));
        let begin = format!("partner NEW: the further station {taken} is that of ");
        assert!(text.starts_with(&begin), "{text}");
    }
    let twice = refusal(put(&|new| {
        new.stations = vec![code("O0013X"), code("O0013X")];
    }));
    assert!(
        twice.contains("is a further station of partner NEW"),
        "{twice}"
    );
    for name in ["LATE", ACME] {
        let late = Partner {
            stations: vec![code("O0013DEPOT")],
            ..partner(name)
        };
        let text = refusal(world.store.put_partner(late));
        assert!(
            text.contains("the further station O0013DEPOT is a further station of partner NEW"),
            "{text}"
        );
    }
    let branch = |text: &str| Station {
        name: "BRANCH".to_owned(),
        code: code(text),
    };
    for (taken, whose) in [
        ("O0013DEPOT", "a further station of partner NEW"),
        ("O0013ACME", "that of partner ACME"),
    ] {
        let text = refusal(world.store.put_station(branch(taken)));
        assert!(text.contains(whose), "{text}");
    }
    world.store.put_station(branch("O0013BRANCH")).unwrap();
}

#[test]
fn codes_may_change_hands_within_one_file() {
    let world = World::new();
    let first = Partner {
        stations: vec![code("O0013DEPOT")],
        ..partner("FIRST")
    };
    world.store.put_partner(first).unwrap();
    let text = "
        [[station]]
        name = 'HEAD'
        code = 'O0013ACME'
        [[partner]]
        name = 'ACME'
        code = 'O0013OTHER'
        station = 'HEAD'
        stations = ['O0013DEPOT']
        [[partner]]
        name = 'OTHER'
        code = 'O0013HEAD'
        station = 'HEAD'
        [[partner]]
        name = 'FIRST'
        code = 'O0013FIRST'
        station = 'HEAD'
    ";
    world.store.apply(parse_directory(text).unwrap()).unwrap();
    let stations = world.store.stations().unwrap();
    assert_eq!(stations.first().unwrap().code, code("O0013ACME"));
    let acme = world.store.partner(ACME).unwrap().unwrap();
    assert_eq!(acme.code, code("O0013OTHER"));
    assert_eq!(acme.stations, [code("O0013DEPOT")]);
    let first = world.store.partner("FIRST").unwrap().unwrap();
    assert!(first.stations.is_empty());
}

#[test]
fn tells_who_serves_a_code_and_who_speaks_for_it() {
    let world = World::new();
    let new = Partner {
        stations: vec![code("O0013DEPOT"), code("O0013ANNEX")],
        enabled: false,
        ..partner("NEW")
    };
    world.store.put_partner(new.clone()).unwrap();
    let serving = |text: &str| world.store.serving(&code(text)).unwrap();
    assert_eq!(serving("O0013HEAD"), Some(Served::Station(station())));
    assert_eq!(serving("O0013ACME"), Some(Served::Partner(partner(ACME))));
    for own in ["O0013NEW", "O0013DEPOT", "O0013ANNEX"] {
        assert_eq!(serving(own), Some(Served::Partner(new.clone())), "{own}");
        assert!(world.store.speaks_for("NEW", &code(own)).unwrap(), "{own}");
        assert!(!world.store.speaks_for(ACME, &code(own)).unwrap(), "{own}");
    }
    assert_eq!(serving("O0013NOBODY"), None);
    assert!(!world.store.speaks_for("NEW", &code("O0013HEAD")).unwrap());
    assert!(!world.store.speaks_for("NEW", &code("O0013NOBODY")).unwrap());

    // What is taken away is served no more, and goes with its partner.
    world.store.put_partner(partner("NEW")).unwrap();
    assert_eq!(serving("O0013DEPOT"), None);
    world.store.put_partner(new).unwrap();
    world.store.remove_partner("NEW").unwrap();
    assert_eq!(serving("O0013DEPOT"), None);
}
