//! Files with records, as they are handed over.

use std::fs;

use oftp::Format;
use oftp::Level::L5;

use super::{ACME, CIRCUIT, World, at, contents, names, offer, partner, prefixed};
use crate::{Direction, NewOutbound, Partner, RecordForm, State, StoreError, TransferId};

fn new(format: Format, record_length: u32, records: RecordForm) -> NewOutbound {
    NewOutbound {
        format,
        record_length,
        records,
        ..NewOutbound::new(ACME, "f")
    }
}

fn refused(world: &World, new: NewOutbound, content: &[u8]) -> String {
    let taken = world
        .store
        .begin_outbound(new, at(0))
        .and_then(|mut intake| {
            for octet in content {
                intake.write(&[*octet])?;
            }
            intake.finish(at(0))
        });
    match taken {
        Err(StoreError::Refused(why)) => {
            assert!(names(&world.path("spool")).is_empty(), "{why}");
            why
        }
        other => panic!("{other:?}"),
    }
}

fn claimed(world: &World, id: TransferId) -> (Vec<u8>, Vec<usize>, u64, u32) {
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    assert_eq!(claim.id(), id);
    let (octets, ends) = contents(&claim, 0);
    assert_eq!(octets.len() as u64, claim.octets());
    let (records, record_length) = (claim.records(), claim.record_length());
    claim.sent(at(2)).unwrap();
    (octets, ends, records, record_length)
}

#[test]
fn takes_lines_as_records_and_the_last_one_without_its_end() {
    let world = World::new();
    let lines = || new(Format::Variable, 0, RecordForm::Lines);
    let id = world.hand_over(lines(), b"one\n\nthree\r\nlast");
    assert_eq!(
        claimed(&world, id),
        (b"onethree\rlast".to_vec(), vec![3, 3, 9, 13], 4, 6)
    );
    let id = world.hand_over(lines(), b"one\n");
    assert_eq!(claimed(&world, id), (b"one".to_vec(), vec![3], 1, 3));
    let id = world.hand_over(lines(), b"");
    assert_eq!(claimed(&world, id), (vec![], vec![], 0, 0));
}

#[test]
fn takes_records_with_their_lengths_and_none_that_are_wrong() {
    let world = World::new();
    let variable = |most| new(Format::Variable, most, RecordForm::Prefixed);
    let id = world.hand_over(variable(9), &prefixed(&[b"a\nb", b"", b"123456789"]));
    assert_eq!(
        claimed(&world, id),
        (b"a\nb123456789".to_vec(), vec![3, 3, 12], 3, 9)
    );
    let world = World::new();
    let why = refused(&world, variable(8), &prefixed(&[b"123456789"]));
    assert!(why.contains("record 1 has 9 octets, at most 8"), "{why}");
    assert!(refused(&world, variable(0), b"plain text, no lengths").contains("record 1"));
    for broken in [&b"\0"[..], b"\0\0\0\x05four", b"\0\0\0\x01x\0\0"] {
        assert!(refused(&world, variable(0), broken).contains("ends within"));
    }
    let long = "x".repeat(100_000);
    let lines = new(Format::Variable, 0, RecordForm::Lines);
    assert!(refused(&world, lines, long.as_bytes()).contains("at least 100000 octets"));
}

#[test]
fn takes_fixed_records_only_whole() {
    let world = World::new();
    let fixed = |length| new(Format::Fixed, length, RecordForm::Prefixed);
    assert!(refused(&world, fixed(0), b"").contains("must be from 1 to 99999"));
    assert!(refused(&world, fixed(100_000), b"").contains("must be from 1 to 99999"));
    assert!(refused(&world, fixed(4), b"12345").contains("no multiple"));
    let id = world.hand_over(fixed(4), b"12345678abcd");
    assert_eq!(
        claimed(&world, id),
        (b"12345678abcd".to_vec(), vec![4, 8, 12], 3, 4)
    );
    let id = world.hand_over(new(Format::Text, 80, RecordForm::Lines), b"a\r\nb");
    assert_eq!(claimed(&world, id), (b"a\r\nb".to_vec(), vec![], 0, 0));
}

fn agreed(world: &World, format: Format, record_length: u32, records: RecordForm) {
    let partner = Partner {
        format,
        record_length,
        records,
        ..partner(ACME)
    };
    world.store.put_partner(partner).unwrap();
    assert_eq!(
        world.store.partner(ACME).unwrap().unwrap().format,
        format,
        "the directory keeps it"
    );
}

#[test]
fn takes_files_from_the_outbox_in_the_form_agreed_with_the_partner() {
    let world = World::new();
    let outbox = world.path("outbox/ACME");
    let scanned = |content: &[u8]| {
        fs::write(outbox.join("f"), content).unwrap();
        let mut report = world.store.scan_outbox(at(1)).unwrap();
        let problem = report.faults.pop().map(|fault| fault.problem);
        (report.queued.pop(), problem)
    };
    agreed(&world, Format::Variable, 80, RecordForm::Lines);
    let (id, _) = scanned(b"one\ntwo\n");
    assert_eq!(
        claimed(&world, id.unwrap()),
        (b"onetwo".to_vec(), vec![3, 6], 2, 80)
    );
    assert_eq!(
        names(&world.path("spool")),
        [format!("out-{}", id.unwrap())]
    );
    let (none, problem) = scanned("x".repeat(81).as_bytes());
    assert!(none.is_none() && problem.unwrap().contains("at most 80"));
    assert_eq!(fs::read(outbox.join("f")).unwrap().len(), 81, "it stays");

    agreed(&world, Format::Variable, 0, RecordForm::Prefixed);
    let (none, problem) = scanned(b"not prefixed");
    assert!(none.is_none() && problem.unwrap().contains("stays in the outbox"));
    let (id, _) = scanned(&prefixed(&[b"p"]));
    assert_eq!(claimed(&world, id.unwrap()), (b"p".to_vec(), vec![1], 1, 1));

    agreed(&world, Format::Fixed, 3, RecordForm::Prefixed);
    let (none, problem) = scanned(b"1234");
    assert!(none.is_none() && problem.unwrap().contains("no multiple"));
    let (id, _) = scanned(b"123456");
    assert_eq!(
        claimed(&world, id.unwrap()),
        (b"123456".to_vec(), vec![3, 6], 2, 3)
    );
    let out = world.all(Direction::Out);
    assert!(out.iter().all(|transfer| transfer.state == State::Sent));
    assert_eq!(out.len(), 3);
}

fn metadata(path: &std::path::Path) -> serde_json::Value {
    let name = path.file_name().unwrap().to_str().unwrap();
    let text = fs::read(path.with_file_name(format!("{name}.meta.json"))).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn delivers_lines_where_agreed_and_lengths_where_a_record_is_no_line() {
    let world = World::new();
    let received = |n, octets: &[u8], ends: &[usize]| {
        let mut offer = offer(n);
        offer.sfid.format = Format::Variable;
        offer.sfid.record_length = 80;
        let mut inbound = world.begin(offer).unwrap();
        inbound.write(octets, ends).unwrap();
        let id = inbound.finish(at(1)).unwrap().id();
        let path = world.deliver(id, at(2));
        assert!(names(&world.path("spool")).is_empty());
        (fs::read(&path).unwrap(), metadata(&path))
    };
    let (content, meta) = received(1, b"onetwo", &[3, 6]);
    assert_eq!(content, prefixed(&[b"one", b"two"]));
    assert_eq!(
        (&meta["record_form"], &meta["records"]),
        (&"prefixed".into(), &2.into())
    );
    assert_eq!(
        (&meta["octets"], &meta["record_length"]),
        (&6.into(), &80.into())
    );

    agreed(&world, Format::Unstructured, 0, RecordForm::Lines);
    let (content, meta) = received(2, b"onetwo\r", &[3, 3, 7]);
    assert_eq!(content, b"one\n\ntwo\r\n");
    assert_eq!(meta["record_form"], "lines");
    let (content, meta) = received(3, b"onet\no", &[3, 6]);
    assert_eq!(content, prefixed(&[b"one", b"t\no"]));
    assert_eq!(meta["record_form"], "prefixed");
    let (content, _) = received(4, b"", &[]);
    assert_eq!(content, b"");
}
