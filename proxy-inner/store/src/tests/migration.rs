//! A store of version 1 goes on under version 2.

use std::fs;

use oftp::Level::L5;
use rusqlite::Connection;

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
