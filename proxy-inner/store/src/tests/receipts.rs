//! Receipts, those that come and those we owe.

use std::collections::HashSet;
use std::sync::Mutex;

use oftp::Level::L5;

use super::{ACME, CIRCUIT, OTHER, World, arrived, at, eerp, names, nerp, offer};
use crate::{ReceiptProblem, Settled, State};

#[test]
fn gives_no_file_and_no_receipt_to_two_sessions() {
    let world = World::new();
    for n in 1..=40 {
        world.send(ACME, "f", b"x");
        let synced = world.receive(offer(n), b"x");
        world.store.deliver(synced.id(), at(1)).unwrap();
    }
    let (files, receipts) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(claim) = world
                    .store
                    .claim_file(ACME, CIRCUIT, L5, true, at(1))
                    .unwrap()
                {
                    files.lock().unwrap().push(claim);
                }
                while let Some(claim) = world.store.claim_receipt(ACME, CIRCUIT, L5, at(1)).unwrap()
                {
                    receipts.lock().unwrap().push(claim);
                }
            });
        }
    });
    let (files, receipts) = (files.into_inner().unwrap(), receipts.into_inner().unwrap());
    assert_eq!((files.len(), receipts.len()), (40, 40));
    assert_eq!(
        files
            .iter()
            .map(|claim| claim.id())
            .collect::<HashSet<_>>()
            .len(),
        40
    );
    assert_eq!(
        receipts
            .iter()
            .map(|claim| claim.id())
            .collect::<HashSet<_>>()
            .len(),
        40
    );
}

#[test]
fn a_receipt_settles_the_file_it_is_for() {
    let world = World::new();
    let (good, bad) = (
        world.send(ACME, "good", b"x"),
        world.send(ACME, "bad", b"x"),
    );
    for _ in 0..2 {
        world
            .store
            .claim_file(ACME, CIRCUIT, L5, true, at(1))
            .unwrap()
            .unwrap()
            .sent(at(2))
            .unwrap();
    }
    let arrive = |id, content| {
        let receipt = arrived(world.transfer(id).file, content);
        world
            .store
            .receipt_arrived(ACME, receipt, CIRCUIT, at(3))
            .map(|came| came.settled)
    };
    let nerp = nerp(9, "no such desk");
    for _ in 0..2 {
        assert_eq!(arrive(good, eerp()).unwrap(), Settled::Closed(good));
        assert_eq!(arrive(bad, nerp.clone()).unwrap(), Settled::Closed(bad));
    }
    assert_eq!(world.state(good), State::Acknowledged);
    assert_eq!(world.state(bad), State::Rejected);
    assert!(world.transfer(bad).reason.unwrap().contains("no such desk"));
    assert_eq!(
        names(&world.path("spool")),
        [format!("out-{bad}")],
        "only what arrived is gone"
    );
    assert_eq!(
        world.steps(good),
        ["queued", "sending", "sent", "acknowledged"]
    );
    assert!(matches!(
        arrive(good, nerp),
        Err(ReceiptProblem::Contradicts { .. })
    ));
    assert!(matches!(
        arrive(bad, eerp()),
        Err(ReceiptProblem::Contradicts {
            state: State::Rejected,
            ..
        })
    ));
}

#[test]
fn a_receipt_for_what_was_not_sent_to_that_partner_settles_nothing() {
    let world = World::new();
    let id = world.send(ACME, "f", b"x");
    let file = world.transfer(id).file;
    let arrive = |partner, file: &oftp::FileId| {
        let file = file.clone();
        world
            .store
            .receipt_arrived(partner, arrived(file, eerp()), CIRCUIT, at(3))
            .map(|came| came.settled)
    };
    assert!(matches!(
        arrive(ACME, &file),
        Err(ReceiptProblem::NotSent { .. })
    ));
    assert!(matches!(
        arrive(OTHER, &file),
        Err(ReceiptProblem::NotOurs { owner, .. }) if owner == ACME
    ));
    assert!(matches!(
        arrive(ACME, &offer(1).sfid.file_id()),
        Err(ReceiptProblem::Unknown { .. })
    ));
    assert_eq!(world.state(id), State::Queued);
}

#[test]
fn a_receipt_that_overtakes_the_end_of_file_answer_stands() {
    let world = World::new();
    let id = world.send(ACME, "f", b"x");
    let file = world.transfer(id).file;
    let mut claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    claim.fully_offered(at(2)).unwrap();
    world
        .store
        .receipt_arrived(ACME, arrived(file, eerp()), CIRCUIT, at(3))
        .map(|came| came.settled)
        .unwrap();
    claim.sent(at(4)).unwrap();
    assert_eq!(world.state(id), State::Acknowledged);
    assert!(
        world
            .store
            .claim_file(ACME, CIRCUIT, L5, true, at(5))
            .unwrap()
            .is_none()
    );
    assert_eq!(world.reopened().state(id), State::Acknowledged);
}

#[test]
fn owes_a_receipt_until_the_partner_has_confirmed_it() {
    let world = World::new();
    let synced = world.receive(offer(1), b"x");
    assert!(
        world
            .store
            .claim_receipt(ACME, CIRCUIT, L5, at(2))
            .unwrap()
            .is_none(),
        "not delivered yet"
    );
    world.store.deliver(synced.id(), at(2)).unwrap();
    assert!(
        world
            .store
            .claim_receipt(OTHER, CIRCUIT, L5, at(2))
            .unwrap()
            .is_none()
    );
    let claim = world
        .store
        .claim_receipt(ACME, CIRCUIT, L5, at(2))
        .unwrap()
        .unwrap();
    assert_eq!(
        (claim.id(), claim.file()),
        (synced.id(), &offer(1).sfid.file_id())
    );
    assert!(
        world
            .store
            .claim_receipt(ACME, CIRCUIT, L5, at(2))
            .unwrap()
            .is_none(),
        "in hand"
    );
    drop(claim);
    let claim = world
        .store
        .claim_receipt(ACME, CIRCUIT, L5, at(2))
        .unwrap()
        .unwrap();
    claim.sent(at(3)).unwrap();
    assert!(
        world
            .store
            .claim_receipt(ACME, CIRCUIT, L5, at(4))
            .unwrap()
            .is_none()
    );
    let wanted = ["receiving", "received", "delivered", "receipt sent"];
    assert_eq!(world.steps(synced.id()), wanted);
    assert!(
        world
            .reopened()
            .store
            .claim_receipt(ACME, CIRCUIT, L5, at(4))
            .unwrap()
            .is_none()
    );
}

#[test]
fn gives_back_a_receipt_that_it_could_not_hand_out() {
    let world = World::new();
    let synced = world.receive(offer(1), b"x");
    world.store.deliver(synced.id(), at(2)).unwrap();
    let stamp = |stamp: &'static str| {
        let sql = "UPDATE transfer SET stamp = ?1";
        world
            .store
            .run(move |journal| crate::row::change(journal, sql, [stamp]))
            .unwrap();
    };
    stamp("noon");
    assert!(world.store.claim_receipt(ACME, CIRCUIT, L5, at(2)).is_err());
    stamp("202611211000000001");
    assert!(
        world
            .store
            .claim_receipt(ACME, CIRCUIT, L5, at(2))
            .unwrap()
            .is_some()
    );
}
