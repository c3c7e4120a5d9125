//! Stations and partners.

use super::{ACME, World, open, partner, station};
use crate::{Change, Fingerprint, Partner, Station, StoreError, parse_directory};

fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Refused(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn fingerprint(octet: u8) -> Fingerprint {
    Fingerprint::from_digest([octet; 32])
}

/// A partner with everything set.
fn full(name: &str) -> Partner {
    Partner {
        certificates: vec![fingerprint(1), fingerprint(0xAB)],
        server_name: Some("oftp.example".to_owned()),
        buffer: 4096,
        credit: 12,
        enabled: false,
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
    assert!(put(|new| new.buffer = 127).contains("from 128 to 99999 octets"));
    assert!(put(|new| new.credit = 0).contains("from 1 to 999 buffers"));
    assert!(
        put(|new| new.server_name = Some("a b".to_owned())).contains("the server name must be")
    );
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
        .claim_file(ACME, "c", super::at(1))
        .unwrap()
        .unwrap()
        .sent(super::at(1))
        .unwrap();
    world.store.remove_partner(ACME).unwrap();
    world.store.remove_partner(super::OTHER).unwrap();
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
        [[partner]]
        name = 'ACME'
        code = 'O0013ACME'
        station = 'HEAD'
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
        "partner[1].name",
        "partner[1].code",
    ] {
        assert!(keys.contains(&key), "{key} is missing: {faults}");
    }
    assert_eq!(keys.len(), 16, "{faults}");
    let text = faults.to_string();
    for secret in ["FAR-TOO", "12345678", "HUNTER2"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(parse_directory("[[station").is_err());
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
