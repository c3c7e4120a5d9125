//! What is due, back-off, and the news of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use oftp::FileReason;
use oftp::Level::L5;

use super::{ACME, CIRCUIT, OTHER, World, at, offer, partner};
use crate::{Direction, DuePartner, SessionRecord, State, StoreError};

fn due(world: &World, seconds: i64) -> Vec<DuePartner> {
    world.store.due(at(seconds)).unwrap()
}

#[test]
fn names_partners_with_files_or_receipts_waiting() {
    let world = World::new();
    assert!(due(&world, 5).is_empty());
    world.send(OTHER, "f", b"x");
    world.send(OTHER, "g", b"x");
    let synced = world.receive(offer(1), b"x");
    assert_eq!(
        due(&world, 5).len(),
        1,
        "a receipt is due only after delivery"
    );
    world.store.deliver(synced.id(), at(2)).unwrap();
    let entry = |name: &str, files, receipts| DuePartner {
        partner: name.to_owned(),
        files,
        receipts,
        overdue: 0,
        next_attempt: at(5),
    };
    assert_eq!(due(&world, 5), [entry(ACME, 0, 1), entry(OTHER, 2, 0)]);

    let receipt = world
        .store
        .claim_receipt(ACME, CIRCUIT, L5, at(5))
        .unwrap()
        .unwrap();
    let file = world
        .store
        .claim_file(OTHER, CIRCUIT, L5, true, at(5))
        .unwrap()
        .unwrap();
    assert_eq!(
        due(&world, 5),
        [entry(OTHER, 1, 0)],
        "what a session has in hand does not count"
    );
    drop((receipt, file));
    assert_eq!(due(&world, 5), [entry(ACME, 0, 1), entry(OTHER, 2, 0)]);
}

#[test]
fn leaves_out_partners_that_are_disabled_or_have_no_address() {
    let world = World::new();
    world.send(ACME, "f", b"x");
    world.send(OTHER, "f", b"x");
    world
        .store
        .put_partner(crate::Partner {
            enabled: false,
            ..partner(ACME)
        })
        .unwrap();
    world
        .store
        .put_partner(crate::Partner {
            address: None,
            ..partner(OTHER)
        })
        .unwrap();
    assert!(due(&world, 5).is_empty());
}

#[test]
fn waits_after_failed_sessions_and_counts_them_across_restarts() {
    let world = World::new();
    world.send(ACME, "f", b"x");
    for failures in 1..=3 {
        let (why, delay) = ("connection refused", Duration::from_secs(30));
        world
            .store
            .session_failed(ACME, why, delay, at(10))
            .unwrap();
        let record = world.store.session_record(ACME).unwrap();
        assert_eq!(record.failures, failures);
        assert_eq!(record.next_attempt, Some(at(40)));
        assert_eq!(record.why.as_deref(), Some(why));
    }
    let world = world.reopened();
    assert_eq!(due(&world, 10)[0].next_attempt, at(40));
    assert_eq!(due(&world, 50)[0].next_attempt, at(50), "never in the past");
    world.store.session_succeeded(ACME, at(60)).unwrap();
    let record = world.store.session_record(ACME).unwrap();
    let wanted = SessionRecord {
        failed_at: Some(at(10)),
        succeeded_at: Some(at(60)),
        ..SessionRecord::default()
    };
    assert_eq!(record, wanted);
    assert_eq!(
        world.store.session_record(OTHER).unwrap(),
        SessionRecord::default()
    );
}

#[test]
fn a_delay_beyond_all_time_is_no_overflow() {
    let world = World::new();
    world
        .store
        .session_failed(ACME, "x", Duration::MAX, at(1))
        .unwrap();
    assert!(world.store.session_record(ACME).unwrap().next_attempt > Some(at(1)));
}

#[test]
fn a_file_that_must_wait_holds_back_the_call_but_no_receipt() {
    let world = World::new();
    world.send(ACME, "f", b"x");
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    claim
        .refused(FileReason(6), "", Some(at(100)), at(1))
        .unwrap();
    assert_eq!(due(&world, 5)[0].next_attempt, at(100));
    let synced = world.receive(offer(1), b"x");
    world.store.deliver(synced.id(), at(2)).unwrap();
    assert_eq!(due(&world, 5)[0].next_attempt, at(5));
}

#[test]
fn an_operator_can_have_a_partner_called_at_once() {
    let world = World::new();
    let id = world.send(ACME, "f", b"x");
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    claim
        .refused(FileReason(6), "", Some(at(100)), at(1))
        .unwrap();
    world
        .store
        .session_failed(ACME, "x", Duration::from_secs(900), at(1))
        .unwrap();
    world.store.retry_now(ACME).unwrap();
    assert_eq!(due(&world, 5)[0].next_attempt, at(5));
    assert_eq!(
        world
            .store
            .claim_file(ACME, CIRCUIT, L5, true, at(5))
            .unwrap()
            .unwrap()
            .id(),
        id
    );
    assert!(matches!(
        world.store.retry_now("NOBODY"),
        Err(StoreError::NoPartner(_))
    ));
}

#[test]
fn tells_its_listeners_of_new_work() {
    let world = World::new();
    let told = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&told);
    world.store.on_work(Box::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    }));
    let id = world.send(ACME, "f", b"x");
    assert_eq!(told.load(Ordering::SeqCst), 1);
    let synced = world.receive(offer(1), b"x");
    assert_eq!(
        told.load(Ordering::SeqCst),
        1,
        "a receipt is work only after delivery"
    );
    world.store.deliver(synced.id(), at(2)).unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 2);
    std::fs::write(world.path("outbox/ACME/a"), "x").unwrap();
    world.store.scan_outbox(at(3)).unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 3);
    world.store.scan_outbox(at(3)).unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 3, "nothing was found");
    world.store.retry_now(ACME).unwrap();
    world.store.expire(at(1), at(4)).unwrap();
    world.store.retry(id, at(4)).unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 5);
}

#[test]
fn counts_and_lists_transfers() {
    let world = World::new();
    world.send(ACME, "a", b"x");
    world.send(OTHER, "b", b"x");
    world.receive(offer(1), b"x");
    let counts = world.store.counts().unwrap();
    assert_eq!(counts.of(Direction::Out, State::Queued), 2);
    assert_eq!(counts.of(Direction::In, State::Received), 1);
    assert_eq!(counts.of(Direction::In, State::Delivered), 0);
    assert_eq!(counts.receipts_owed, 1);

    let list = |filter| {
        let transfers = world.store.transfers(filter).unwrap();
        transfers
            .iter()
            .map(|transfer| transfer.file.dataset.to_string())
            .collect::<Vec<_>>()
    };
    let all = crate::Filter::default;
    assert_eq!(list(all()), ["ORDERS.EDI", "B", "A"]);
    assert_eq!(
        list(crate::Filter {
            limit: Some(1),
            ..all()
        }),
        ["ORDERS.EDI"]
    );
    assert_eq!(
        list(crate::Filter {
            direction: Some(Direction::Out),
            ..all()
        }),
        ["B", "A"]
    );
    assert_eq!(
        list(crate::Filter {
            partner: Some(ACME.to_owned()),
            ..all()
        }),
        ["ORDERS.EDI", "A"]
    );
    assert_eq!(
        list(crate::Filter {
            state: Some(State::Received),
            ..all()
        }),
        ["ORDERS.EDI"]
    );
}
