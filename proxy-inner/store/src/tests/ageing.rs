//! Receipts that are confirmed, overdue, swapped or short; and history that goes.

use std::time::Duration;

use oftp::Level::{L2, L5};
use oftp::{FileId, ReceiptReason};

use super::{
    ACME, CIRCUIT, OTHER, World, arrived, at, believed, eerp, names, nerp, offer, partner,
};
use crate::{
    ArrivedReceipt, Direction, Filter, InboundRefusal, Partner, ReceiptFilter, ReceiptKind,
    ReceiptProblem, ReceiptSide, ReceiptState, ReceiptTiming, Settled, State, StoreError,
    TransferId,
};

fn put(world: &World, change: impl FnOnce(&mut Partner)) {
    let mut partner = partner(ACME);
    change(&mut partner);
    world.store.put_partner(partner).unwrap();
}

fn sent(world: &World, name: &str, seconds: i64) -> TransferId {
    let id = world.send(ACME, name, b"x");
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(seconds))
        .unwrap()
        .unwrap();
    claim.sent(at(seconds)).unwrap();
    id
}

fn list(
    world: &World,
    filter: ReceiptFilter,
    seconds: i64,
) -> Vec<(TransferId, ReceiptSide, bool)> {
    let entries = world.store.receipts(filter, at(seconds)).unwrap();
    entries
        .into_iter()
        .map(|entry| (entry.transfer, entry.side, entry.overdue))
        .collect()
}

#[test]
fn waits_for_confirmation_where_agreed() {
    let world = World::new();
    put(&world, |partner| {
        partner.receipts = ReceiptTiming::Confirmed
    });
    let received = |n| {
        let id = world.receive(offer(n), b"x").id();
        world.deliver(id, at(2));
        id
    };
    let (good, bad) = (received(1), received(2));
    let claim = || world.store.claim_receipt(ACME, CIRCUIT, L5, at(3)).unwrap();
    assert!(claim().is_none());
    assert_eq!(
        world.transfer(good).receipt,
        Some(ReceiptState::Unconfirmed)
    );
    world.store.confirm(good, at(4)).unwrap();
    world
        .store
        .reject(
            bad,
            ReceiptReason::PROCESSING_FAILED,
            "no such order",
            at(5),
        )
        .unwrap();
    for again in [good, bad] {
        assert!(matches!(
            world.store.confirm(again, at(6)),
            Err(StoreError::Refused(_))
        ));
    }
    let first = claim().unwrap();
    assert!(first.content().is_positive());
    let second = claim().unwrap();
    assert_eq!(
        second.content().kind,
        ReceiptKind::Negative {
            reason: ReceiptReason(34),
            text: "no such order".to_owned(),
            creator: "O0013HEAD".parse().unwrap(),
        }
    );
    first.sent(at(7)).unwrap();
    second.sent(at(7)).unwrap();
    assert!(claim().is_none());
    let wanted = [
        "receiving",
        "received",
        "delivered",
        "rejected",
        "receipt sent",
    ];
    assert_eq!(world.steps(bad), wanted);
}

#[test]
fn keeps_a_negative_receipt_for_a_session_that_can_carry_it() {
    let world = World::new();
    put(&world, |partner| {
        partner.receipts = ReceiptTiming::Confirmed;
        partner.level = L2;
        partner.lowest_level = L2;
    });
    let id = world.receive(offer(1), b"x").id();
    world.deliver(id, at(2));
    world
        .store
        .reject(id, ReceiptReason(99), &"ü".repeat(600), at(3))
        .unwrap();
    let claim = |level| {
        world
            .store
            .claim_receipt(ACME, CIRCUIT, level, at(3))
            .unwrap()
    };
    assert!(claim(L2).is_none());
    assert!(
        world.store.due(at(4)).unwrap().is_empty(),
        "no call would bring it there"
    );
    let claim = claim(L5).unwrap();
    let ReceiptKind::Negative { text, .. } = &claim.content().kind else {
        panic!("{claim:?}");
    };
    assert_eq!(text.len(), 998, "cut at a character");
}

#[test]
fn lists_receipts_by_age_with_their_deadlines() {
    let world = World::new();
    put(&world, |partner| {
        partner.receipt_within = Duration::from_secs(100);
        partner.receipts = ReceiptTiming::Confirmed;
    });
    let awaited = sent(&world, "a", 10);
    let young = sent(&world, "b", 60);
    let unconfirmed = world.receive(offer(1), b"x").id();
    let mut other = offer(2);
    other.partner = OTHER.to_owned();
    let owed = world.receive(other, b"x").id();
    let all = list(&world, ReceiptFilter::default(), 111);
    assert_eq!(all.len(), 4);
    assert!(all.contains(&(unconfirmed, ReceiptSide::Unconfirmed, true)));
    assert!(
        all.contains(&(owed, ReceiptSide::Owed, false)),
        "three days"
    );
    assert!(all[2..].starts_with(&[(awaited, ReceiptSide::Awaited, true)]));
    assert_eq!(all[3], (young, ReceiptSide::Awaited, false));
    let filter = |side, partner: Option<&str>, overdue| ReceiptFilter {
        side,
        partner: partner.map(str::to_owned),
        overdue,
    };
    let owing = list(&world, filter(Some(ReceiptSide::Owed), None, false), 111);
    assert_eq!(owing.len(), 2);
    assert_eq!(list(&world, filter(None, Some(OTHER), false), 111).len(), 1);
    assert_eq!(list(&world, filter(None, None, true), 111).len(), 2);
    let entry = &world
        .store
        .receipts(filter(None, None, true), at(111))
        .unwrap()[1];
    assert_eq!(
        (entry.age, entry.deadline, entry.since),
        (Duration::from_secs(101), at(110), at(10))
    );
}

#[test]
fn calls_for_overdue_receipts_where_agreed_and_not_too_often() {
    let world = World::new();
    let agree = |call| {
        put(&world, |partner| {
            partner.receipt_within = Duration::from_secs(100);
            partner.call_for_receipts = call;
        });
    };
    agree(false);
    sent(&world, "a", 10);
    assert!(world.store.due(at(200)).unwrap().is_empty());
    agree(true);
    assert!(world.store.due(at(110)).unwrap().is_empty());
    let due = world.store.due(at(111)).unwrap();
    assert_eq!((due[0].overdue, due[0].next_attempt), (1, at(111)));
    world.store.session_succeeded(ACME, at(150)).unwrap();
    let due = world.store.due(at(200)).unwrap();
    assert_eq!(due[0].next_attempt, at(150 + 3_600));
}

#[test]
fn knows_the_file_of_a_receipt_with_swapped_addresses_or_a_short_stamp() {
    let world = World::new();
    let swapped = |file: FileId| FileId {
        origin: file.destination,
        destination: file.origin,
        ..file
    };
    let id = sent(&world, "a", 1);
    let file = swapped(world.transfer(id).file);
    let receipt = arrived(file, eerp());
    let settled = world
        .store
        .receipt_arrived(ACME, receipt, CIRCUIT, at(2))
        .map(|came| came.settled)
        .unwrap();
    assert_eq!(settled, Settled::Closed(id));

    // Two of one second: the one that waits is meant, then the other.
    let (first, second) = (sent(&world, "b", 1), sent(&world, "b", 1));
    for id in [first, second] {
        let short = FileId {
            stamp: "202611211000000000".parse().unwrap(),
            ..swapped(world.transfer(id).file)
        };
        let at_level = |level| ArrivedReceipt {
            file: short.clone(),
            content: eerp(),
            level,
            refuse_swapped: false,
            judge: believed(),
        };
        assert!(matches!(
            world
                .store
                .receipt_arrived(ACME, at_level(L5), CIRCUIT, at(3))
                .map(|came| came.settled),
            Err(ReceiptProblem::Unknown { .. })
        ));
        let settled = world
            .store
            .receipt_arrived(ACME, at_level(L2), CIRCUIT, at(3))
            .map(|came| came.settled)
            .unwrap();
        assert_eq!(settled, Settled::Closed(id));
    }
}

#[test]
fn gives_files_for_partners_of_low_levels_a_second_each() {
    let world = World::new();
    put(&world, |partner| {
        partner.level = L2;
        partner.lowest_level = L2;
    });
    let stamp = |name| {
        let id = world.send(ACME, name, b"x");
        world.transfer(id).file.stamp.to_string()
    };
    assert_eq!(stamp("a"), "202611211000000001");
    assert_eq!(stamp("a"), "202611211000010001");
    assert_eq!(stamp("b"), "202611211000000001");
    put(&world, |_| {});
    assert_eq!(stamp("a"), "202611211000000002");
}

#[test]
fn forgets_what_ended_before_the_retention_and_nothing_that_waits() {
    let world = World::new();
    let filter = Filter::default;
    let settle = |id, content| {
        let receipt = arrived(world.transfer(id).file, content);
        world
            .store
            .receipt_arrived(ACME, receipt, CIRCUIT, at(5))
            .map(|came| came.settled)
            .unwrap();
    };
    let acknowledged = sent(&world, "a", 1);
    settle(acknowledged, eerp());
    let rejected = sent(&world, "b", 1);
    settle(rejected, nerp(34, ""));
    let awaited = sent(&world, "c", 1);
    let failed = world.send(ACME, "d", b"x");
    let (answered, owed) = (world.receive(offer(1), b"x"), world.receive(offer(2), b"x"));
    world.deliver(answered.id(), at(2));
    let claim = world.store.claim_receipt(ACME, CIRCUIT, L5, at(3)).unwrap();
    claim.unwrap().sent(at(3)).unwrap();
    world.deliver(owed.id(), at(2));
    let interrupted = world.begin(offer(3)).unwrap();
    interrupted.interrupted("cut", at(4)).unwrap();
    world.store.expire(at(1), at(6)).unwrap();
    assert_eq!(world.state(failed), State::Failed);
    let queued = world.send(ACME, "e", b"x");

    assert_eq!(world.store.prune(at(3), at(9)).unwrap(), 0);
    assert_eq!(world.store.prune(at(100), at(101)).unwrap(), 4);
    let mut left: Vec<_> = world
        .store
        .transfers(filter())
        .unwrap()
        .into_iter()
        .map(|transfer| transfer.id)
        .collect();
    left.sort();
    let interrupted = world
        .all(Direction::In)
        .into_iter()
        .find(|transfer| transfer.state == State::Interrupted)
        .unwrap();
    let mut wanted = vec![awaited, owed.id(), interrupted.id, queued];
    wanted.sort();
    assert_eq!(left, wanted);
    let mut spool = vec![
        format!("in-{}", interrupted.id),
        format!("out-{awaited}"),
        format!("out-{queued}"),
    ];
    spool.sort();
    assert_eq!(names(&world.path("spool")), spool);
    // What is forgotten may come again; what is not, not.
    world.receive(offer(1), b"x");
    assert!(matches!(
        world.begin(offer(2)),
        Err(InboundRefusal::Duplicate { .. })
    ));
    assert_eq!(world.reopened().state(awaited), State::Sent);
}

#[test]
fn says_that_a_receipt_has_its_addresses_swapped_and_refuses_it_where_told() {
    let world = World::new();
    let id = sent(&world, "a", 1);
    let file = world.transfer(id).file;
    let swapped = FileId {
        origin: file.destination.clone(),
        destination: file.origin.clone(),
        ..file.clone()
    };
    let come = |file: &FileId, refuse_swapped| {
        let receipt = ArrivedReceipt {
            refuse_swapped,
            ..arrived(file.clone(), eerp())
        };
        world.store.receipt_arrived(ACME, receipt, CIRCUIT, at(2))
    };
    let refused = come(&swapped, true).unwrap_err();
    assert!(
        matches!(&refused, ReceiptProblem::Swapped { id: named, .. } if *named == id),
        "{refused}"
    );
    assert_eq!(world.state(id), State::Sent);
    assert!(come(&swapped, false).unwrap().swapped);
    assert_eq!(world.state(id), State::Acknowledged);
    assert!(!come(&file, true).unwrap().swapped);
}
