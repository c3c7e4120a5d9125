//! A store of an earlier version goes on under this one.

use std::fs;

use oftp::Level::L5;
use rusqlite::Connection;

use super::guise::{self, SECURED, disguised};
use super::{ACME, CIRCUIT, World, arrived, at, contents, eerp, names, offer, open};
use crate::{Direction, InboundRefusal, Position, ReceiptState, Settled, State, TransferId};

type Row = (
    u16,
    &'static str,
    &'static str,
    Option<&'static str>,
    bool,
    u32,
);

/// Inbound and outbound transfers of every state version 1 had: number, direction, state, receipt,
/// offered, octets.
const TRANSFERS: [Row; 11] = [
    (1, "in", "receiving", None, false, 4096),
    (2, "in", "received", Some("owed"), false, 3),
    (3, "in", "delivered", Some("owed"), false, 3),
    (4, "in", "delivered", Some("sent"), false, 3),
    (5, "in", "failed", None, false, 4096),
    (6, "out", "queued", None, false, 3),
    (7, "out", "sending", None, true, 3),
    (8, "out", "sent", None, true, 3),
    (9, "out", "acknowledged", None, true, 3),
    (10, "out", "rejected", None, true, 3),
    (11, "out", "taking", None, false, 0),
];

fn id(n: u16) -> TransferId {
    format!("{n:016x}").parse().unwrap()
}

fn version_1(root: &std::path::Path) {
    for folder in ["spool", "inbox/ACME", "outbox/ACME"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let journal = Connection::open(root.join("journal.sqlite")).unwrap();
    journal
        .execute_batch(&format!(
            "{} PRAGMA user_version = 1;
             INSERT INTO station VALUES ('HEAD', 'O0013HEAD');
             INSERT INTO partner VALUES ('ACME', 'O0013ACME', 'HEAD', 'SENTWORD', 'WAITWORD',
                 'oftp.example:6619', '', NULL, 4096, 32, 1);
             INSERT INTO session (partner, failures, why) VALUES ('ACME', 2, 'no answer');",
            crate::schema::TABLES
        ))
        .unwrap();
    for (n, direction, state, receipt, offered, octets) in TRANSFERS {
        let (origin, destination) = match direction {
            "in" => ("O0013ACME", "O0013HEAD"),
            _ => ("O0013HEAD", "O0013ACME"),
        };
        let inbox_name = (direction == "in").then(|| format!("ORDERS.EDI.{n}"));
        journal
            .execute(
                "INSERT INTO transfer (id, direction, partner, station, dataset, stamp, origin, \
                 destination, format, state, octets, description, user, original_name, inbox_name, \
                 receipt, offered, holder, created, changed, circuit) VALUES (?1, ?2, 'ACME', 'HEAD', \
                 'ORDERS.EDI', ?3, ?4, ?5, 'U', ?6, ?7, 'orders', '', 'f', ?8, ?9, ?10, 1, ?11, ?11, 'c1')",
                rusqlite::params![
                    id(n).to_string(),
                    direction,
                    format!("20261121100000{n:04}"),
                    origin,
                    destination,
                    state,
                    octets,
                    inbox_name,
                    receipt,
                    offered,
                    at(i64::from(n)).as_millisecond(),
                ],
            )
            .unwrap();
        journal
            .execute(
                "INSERT INTO step VALUES (?1, ?2, ?3, '', 'c1')",
                rusqlite::params![id(n).to_string(), at(0).as_millisecond(), state],
            )
            .unwrap();
        let spooled = !matches!(state, "delivered" | "failed" | "acknowledged");
        if spooled {
            let path = root.join("spool").join(format!("{direction}-{}", id(n)));
            fs::write(path, b"abc").unwrap();
        }
    }
}

fn migrated() -> World {
    let dir = tempfile::tempdir().unwrap();
    version_1(dir.path());
    let store = open(dir.path());
    World { dir, store }
}

#[test]
fn keeps_every_transfer_of_a_version_1_journal() {
    let world = migrated();
    let state = |n| world.state(id(n));
    for (n, wanted) in [
        (1, State::Interrupted),
        (2, State::Delivered),
        (3, State::Delivered),
        (4, State::Delivered),
        (5, State::Failed),
        (6, State::Queued),
        (7, State::Queued),
        (8, State::Sent),
        (9, State::Acknowledged),
        (10, State::Rejected),
        (11, State::Queued),
    ] {
        assert_eq!(state(n), wanted, "transfer {n}");
        let transfer = world.transfer(id(n));
        assert_eq!(transfer.description, "orders");
        assert_eq!(transfer.restart, Position::START);
        assert_eq!(transfer.circuit.as_deref(), Some("c1"));
    }
    assert_eq!(world.transfer(id(4)).receipt, Some(ReceiptState::Sent));
    assert_eq!(world.transfer(id(11)).octets, 3);
    assert_eq!(world.steps(id(8)), ["sent"]);
    assert_eq!(world.store.session_record(ACME).unwrap().failures, 2);
    let partner = world.store.partner(ACME).unwrap().unwrap();
    assert_eq!((partner.buffer, partner.level), (4096, L5));
    assert_eq!(
        fs::read(world.path("inbox/ACME/ORDERS.EDI.2")).unwrap(),
        b"abc"
    );
}

#[test]
fn goes_on_with_what_a_version_1_journal_has() {
    let world = migrated();
    // Files go out, the oldest first, with the octets they had.
    for n in [6, 7, 11] {
        let claim = world
            .store
            .claim_file(ACME, CIRCUIT, L5, true, at(100))
            .unwrap()
            .unwrap();
        assert_eq!(claim.id(), id(n));
        assert_eq!(contents(&claim, 0).0, b"abc");
        assert_eq!(claim.sfid().original_blocks, 1);
        claim.sent(at(101)).unwrap();
    }
    // Receipts are owed and awaited as before.
    for n in [2, 3] {
        let claim = world
            .store
            .claim_receipt(ACME, CIRCUIT, L5, at(102))
            .unwrap();
        let claim = claim.unwrap();
        assert_eq!(claim.id(), id(n));
        assert!(claim.content().is_positive());
        claim.sent(at(103)).unwrap();
    }
    let waiting = world
        .store
        .receipts(crate::ReceiptFilter::default(), at(104))
        .unwrap();
    let oldest = &waiting[0];
    assert_eq!((oldest.transfer, oldest.since), (id(8), at(8)));
    let receipt = arrived(world.transfer(id(8)).file, eerp());
    let settled = world
        .store
        .receipt_arrived(ACME, receipt, CIRCUIT, at(104))
        .map(|came| came.settled);
    assert_eq!(settled.unwrap(), Settled::Closed(id(8)));
    // What was received is known, what was not may come again.
    for n in [2, 3, 4] {
        assert!(matches!(
            world.begin(offer(n)),
            Err(InboundRefusal::Duplicate { .. })
        ));
    }
    assert_eq!(world.receive(offer(1), b"whole").id(), id(1));
    world.receive(offer(5), b"again");
    world.store.retry(id(10), at(105)).unwrap();
    let world = world.reopened();
    assert_eq!(world.all(Direction::Out).len(), 6);
    assert_eq!(names(&world.path("outbox/ACME")).len(), 0);
}

/// A journal of version 2: three files for us that are secured, of which one is delivered, one received and
/// one for another partner; one that was forwarded so; and a plain one that is sent.
fn version_2(root: &std::path::Path) -> World {
    for folder in ["spool", "inbox/ACME", "outbox/ACME"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let journal = Connection::open(root.join("journal.sqlite")).unwrap();
    journal
        .execute_batch(&format!(
            "{} {} PRAGMA user_version = 2;
             INSERT INTO station VALUES ('HEAD', 'O0013HEAD');
             INSERT INTO partner (name, code, station, password_sent, password_expected, certificates,
                 buffer, credit, enabled, refuse)
                 VALUES ('ACME', 'O0013ACME', 'HEAD', 'SENTWORD', 'WAITWORD', '', 4096, 32, 1, ''),
                 ('OTHER', 'O0013OTHER', 'HEAD', 'SENTWORD', 'WAITWORD', '', 4096, 32, 1, '');",
            crate::schema::TABLES,
            crate::schema::VERSION_2.concat(),
        ))
        .unwrap();
    let secured = disguised(b"secured");
    let spooled = [
        (21, "in", "received", Some("owed"), true, secured.as_slice()),
        (22, "in", "delivered", Some("owed"), true, b""),
        (23, "out", "queued", None, true, secured.as_slice()),
        (24, "out", "sent", None, false, b"plain"),
        (25, "in", "received", Some("owed"), false, b"plain"),
    ];
    for (n, direction, state, receipt, secures, octets) in spooled {
        let (origin, destination) = match direction {
            "in" => ("O0013ACME", "O0013HEAD"),
            _ => ("O0013OTHER", "O0013ACME"),
        };
        journal
            .execute(
                "INSERT INTO transfer (id, direction, partner, station, dataset, stamp, origin, \
                 destination, format, state, octets, description, user, inbox_name, receipt, created, \
                 changed, stored, security, cipher, envelope, signed_receipt, forwarded_from) \
                 VALUES (?1, ?2, 'ACME', 'HEAD', 'ORDERS.EDI', ?3, ?4, ?5, 'U', ?6, ?7, '', '', ?8, ?9, ?10, \
                 ?10, ?7, ?11, ?12, ?13, ?13, ?14)",
                rusqlite::params![
                    id(n).to_string(),
                    direction,
                    format!("20261121100000{n:04}"),
                    origin,
                    destination,
                    state,
                    i64::try_from(octets.len()).unwrap(),
                    (direction == "in").then(|| format!("ORDERS.EDI.{n}")),
                    receipt,
                    at(0).as_millisecond(),
                    if secures { 3 } else { 0 },
                    if secures { 4 } else { 0 },
                    secures,
                    (n == 23).then(|| id(99).to_string()),
                ],
            )
            .unwrap();
        if !octets.is_empty() {
            let path = root.join("spool").join(format!("{direction}-{}", id(n)));
            fs::write(path, octets).unwrap();
        }
    }
    journal
        .execute_batch(&format!(
            "INSERT INTO receipt VALUES ('{}', 'eerp', 0, '', NULL, '', x'0102', x'03')",
            id(22)
        ))
        .unwrap();
    drop(journal);
    World {
        dir: tempfile::tempdir().unwrap(),
        store: open(root),
    }
}

#[test]
fn goes_on_with_what_a_version_2_journal_has() {
    let dir = tempfile::tempdir().unwrap();
    let world = version_2(dir.path());
    // What was received secured is opened now; what is delivered or forwarded is left alone.
    let waiting = world.transfer(id(21));
    assert!(waiting.needs_opening());
    assert_eq!((waiting.services(), waiting.clear_octets), (SECURED, 0));
    assert_eq!(world.state(id(25)), State::Delivered);
    assert_eq!(world.transfer(id(25)).clear_octets, 5);
    assert!(!world.transfer(id(22)).needs_opening());
    assert!(world.store.claim_securing(at(1)).unwrap().is_none());
    guise::work(&world.store, at(1));
    assert_eq!(world.state(id(21)), State::Delivered);
    let opened = fs::read(dir.path().join("inbox/ACME/ORDERS.EDI.21"));
    assert_eq!(opened.unwrap(), b"secured");

    let claim = world.claim();
    assert_eq!(claim.id(), id(23));
    assert_eq!(
        guise::undisguised(&contents(&claim, 0).0).unwrap(),
        b"secured"
    );
    drop(claim);
    let sent = world.transfer(id(24));
    assert_eq!((sent.clear_octets, sent.opened), (5, false));
    assert!(sent.hash.is_empty());
    let proof = world.store.evidence(id(22)).unwrap();
    assert_eq!(proof.receipt.unwrap().hash, [1, 2]);
    assert_eq!(proof.receipt_problem, None);
    let receipt = arrived(sent.file, eerp());
    let settled = world.store.receipt_arrived(ACME, receipt, CIRCUIT, at(4));
    assert_eq!(settled.unwrap().settled, Settled::Closed(id(24)));
    let partner = world.store.partner(ACME).unwrap().unwrap();
    assert!(partner.services().is_none());
    assert_eq!(partner.archive, crate::Archive::Nothing);
    assert!(names(&dir.path().join("archive")).is_empty());
}
