//! Sending.

use std::fs;

use oftp::FileReason;
use oftp::Level::L5;
use proptest::prelude::*;

use super::{ACME, CIRCUIT, OTHER, World, at, contents, names};
use crate::{AlreadyThere, State, StoreError, dataset_from_name};

#[test]
fn queues_what_is_handed_over_and_forgets_what_is_not_finished() {
    let world = World::new();
    let id = world.send(ACME, "invoice 4711.xml", b"content");
    let transfer = world.transfer(id);
    assert_eq!(transfer.state, State::Queued);
    assert_eq!(transfer.octets, 7);
    assert_eq!(
        transfer.file.to_string(),
        "INVOICE-4711.XML 202611211000000001 from O0013HEAD to O0013ACME"
    );
    assert_eq!(transfer.original_name.as_deref(), Some("invoice 4711.xml"));

    let new = crate::NewOutbound {
        description: "d".repeat(999),
        ..crate::NewOutbound::new(ACME, "y")
    };
    let mut intake = world.store.begin_outbound(new.clone(), at(0)).unwrap();
    intake.write(b"never finished").unwrap();
    assert_eq!(intake.octets(), 14);
    drop(intake);
    assert_eq!(names(&world.path("spool")), [format!("out-{id}")]);

    let long = crate::NewOutbound {
        description: "d".repeat(1000),
        ..new.clone()
    };
    assert!(matches!(
        world.store.begin_outbound(long, at(0)),
        Err(StoreError::Refused(_))
    ));
    let nobody = crate::NewOutbound {
        partner: "NOBODY".to_owned(),
        ..new
    };
    assert!(matches!(
        world.store.begin_outbound(nobody, at(0)),
        Err(StoreError::NoPartner(_))
    ));
}

#[test]
fn gives_files_of_one_name_and_second_different_stamps() {
    let world = World::new();
    let stamp = |name| {
        world
            .transfer(world.send(ACME, name, b""))
            .file
            .stamp
            .to_string()
    };
    assert_eq!(stamp("a"), "202611211000000001");
    assert_eq!(stamp("a"), "202611211000000002");
    assert_eq!(stamp("b"), "202611211000000001");
    world
        .store
        .run(|journal| {
            let sql = "UPDATE transfer SET stamp = '202611211000009999' WHERE stamp = '202611211000000002'";
            crate::row::change(journal, sql, [])
        })
        .unwrap();
    assert_eq!(stamp("a"), "202611211000010001", "the second is used up");
}

#[test]
fn makes_dataset_names_of_file_names() {
    for (name, wanted) in [
        ("orders.edi", "ORDERS.EDI"),
        ("Straße 7.txt", "STRA-E-7.TXT"),
        ("a_b:c*d", "A-B-C-D"),
        ("(A)&B/C", "(A)&B/C"),
        (
            "abcdefghijklmnopqrstuvwxyz0123.pdf",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        ),
        ("", "FILE"),
        ("\u{0}", "-"),
    ] {
        assert_eq!(dataset_from_name(name).as_str(), wanted, "{name:?}");
    }
}

proptest! {
    #[test]
    fn makes_a_dataset_name_within_appendix_b_of_any_text(name in ".*") {
        let dataset = dataset_from_name(&name);
        let dataset = dataset.as_str();
        prop_assert!((1..=26).contains(&dataset.len()));
        prop_assert!(dataset.bytes().all(|octet| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-.&()".contains(&octet)));
    }
}

#[test]
fn gives_the_oldest_file_first_and_its_octets() {
    let world = World::new();
    let first = world.send(ACME, "first", b"one");
    let second = world.send(ACME, "second", b"two");
    world.send(OTHER, "third", b"three");
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    assert_eq!(claim.id(), first);
    assert_eq!(
        (claim.octets(), claim.file().dataset.as_str()),
        (3, "FIRST")
    );
    assert_eq!(contents(&claim, 0), (b"one".to_vec(), vec![]));
    claim.progress(2);
    assert_eq!(world.transfer(first).progress, Some(2));
    world.store.progress(first, 3);
    assert_eq!(world.transfer(first).progress, Some(3));
    let next = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    assert_eq!(next.id(), second);
    assert!(
        world
            .store
            .claim_file(ACME, CIRCUIT, L5, true, at(1))
            .unwrap()
            .is_none()
    );
    claim.sent(at(2)).unwrap();
    assert_eq!(world.state(first), State::Sent);
    assert_eq!(world.transfer(first).progress, None);
    assert_eq!(world.steps(first), ["queued", "sending", "sent"]);
}

#[test]
fn a_dropped_claim_puts_the_file_back() {
    let world = World::new();
    let id = world.send(ACME, "f", b"x");
    drop(
        world
            .store
            .claim_file(ACME, CIRCUIT, L5, true, at(1))
            .unwrap()
            .unwrap(),
    );
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    assert_eq!((claim.id(), claim.attempts()), (id, 0));
    claim.interrupted("the circuit was cut", 0, at(2)).unwrap();
    assert_eq!(
        world.transfer(id).reason.as_deref(),
        Some("the circuit was cut")
    );
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    claim
        .failed("the spool file cannot be read", at(3))
        .unwrap();
    assert_eq!(world.state(id), State::Failed);
    let wanted = [
        "queued",
        "sending",
        "interrupted",
        "sending",
        "interrupted",
        "sending",
        "failed",
    ];
    assert_eq!(world.steps(id), wanted);
}

#[test]
fn puts_back_a_file_whose_end_could_not_be_recorded() {
    let world = World::new();
    let id = world.send(ACME, "f", b"x");
    let held = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    assert!(
        world
            .store
            .claim_file(ACME, CIRCUIT, L5, true, at(1))
            .unwrap()
            .is_none(),
        "held"
    );
    world
        .store
        .run(|journal| crate::row::change(journal, "UPDATE transfer SET holder = 999999", []))
        .unwrap();
    let again = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    assert_eq!(again.id(), id);
    // The late end of the earlier attempt touches nothing.
    held.sent(at(2)).unwrap();
    assert_eq!(world.state(id), State::Sending);
    again.sent(at(2)).unwrap();
    assert_eq!(world.state(id), State::Sent);
}

#[test]
fn offers_a_file_refused_for_now_again_at_its_time_and_not_before() {
    let world = World::new();
    let id = world.send(ACME, "f", b"x");
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    claim
        .refused(FileReason(6), "disk full", Some(at(60)), at(2))
        .unwrap();
    assert_eq!(world.state(id), State::Queued);
    assert!(
        world
            .store
            .claim_file(ACME, CIRCUIT, L5, true, at(59))
            .unwrap()
            .is_none()
    );
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(60))
        .unwrap()
        .unwrap();
    assert_eq!(claim.attempts(), 1);
    claim.refused(FileReason(2), "", None, at(61)).unwrap();
    let transfer = world.transfer(id);
    assert_eq!((transfer.state, transfer.attempts), (State::Failed, 2));
    assert!(
        transfer
            .reason
            .unwrap()
            .starts_with("the partner refused it: ")
    );
    assert_eq!(
        names(&world.path("spool")),
        [format!("out-{id}")],
        "kept for an operator"
    );
}

#[test]
fn a_duplicate_refusal_means_sent_only_after_an_earlier_end_of_file() {
    let world = World::new();
    let id = world.send(ACME, "f", b"x");
    let mut claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    claim.fully_offered(at(1)).unwrap();
    drop(claim);
    let world = world.reopened();
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(2))
        .unwrap()
        .unwrap();
    assert_eq!(claim.already_there(at(3)).unwrap(), AlreadyThere::Sent);
    assert_eq!(world.state(id), State::Sent);

    let never = world.send(ACME, "g", b"x");
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(4))
        .unwrap()
        .unwrap();
    assert_eq!(claim.already_there(at(5)).unwrap(), AlreadyThere::Conflict);
    assert_eq!(world.state(never), State::Failed);

    // An EFNA tells that the partner does not have what was offered; an SFNA does not.
    let refused = world.send(ACME, "h", b"x");
    let mut claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(6))
        .unwrap()
        .unwrap();
    claim.fully_offered(at(6)).unwrap();
    claim
        .refused(FileReason(99), "", Some(at(7)), at(6))
        .unwrap();
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(7))
        .unwrap()
        .unwrap();
    assert_eq!(claim.id(), refused);
    assert_eq!(claim.already_there(at(8)).unwrap(), AlreadyThere::Conflict);

    let kept = world.send(ACME, "i", b"x");
    let mut claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(9))
        .unwrap()
        .unwrap();
    claim.fully_offered(at(9)).unwrap();
    drop(claim);
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(9))
        .unwrap()
        .unwrap();
    claim
        .refused(FileReason(6), "", Some(at(9)), at(9))
        .unwrap();
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(9))
        .unwrap()
        .unwrap();
    assert_eq!(claim.id(), kept);
    assert_eq!(claim.already_there(at(9)).unwrap(), AlreadyThere::Sent);
}

#[test]
fn tells_when_a_file_was_written_to_after_it_was_queued() {
    let world = World::new();
    let id = world.send(ACME, "f", b"content");
    fs::write(
        world.path("spool").join(format!("out-{id}")),
        "more than there was",
    )
    .unwrap();
    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(1))
        .unwrap()
        .unwrap();
    assert!(matches!(
        claim.open(0),
        Err(StoreError::Altered {
            found: 19,
            queued: 7,
            ..
        })
    ));
}

#[test]
fn fails_what_waited_too_long_and_sends_it_again_when_told() {
    let world = World::new();
    let id = world.send(ACME, "f", b"content");
    assert!(world.store.expire(at(0), at(100)).unwrap().is_empty());
    assert_eq!(world.store.expire(at(1), at(100)).unwrap(), [id]);
    assert_eq!(world.state(id), State::Failed);
    let before = world.transfer(id).file.stamp;
    world.store.retry(id, at(200)).unwrap();
    assert_eq!(world.state(id), State::Queued);
    assert_ne!(
        world.transfer(id).file.stamp,
        before,
        "the partner never saw it"
    );
    assert!(matches!(
        world.store.retry(id, at(200)),
        Err(StoreError::WrongState {
            state: State::Queued,
            ..
        })
    ));

    // Where the partner may have it, the same stamp lets it tell the duplicate.
    let mut claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(201))
        .unwrap()
        .unwrap();
    claim.fully_offered(at(201)).unwrap();
    claim.interrupted("cut", 0, at(202)).unwrap();
    world.store.expire(at(300), at(300)).unwrap();
    let before = world.transfer(id).file.stamp;
    world.store.retry(id, at(400)).unwrap();
    // It has all its time again.
    assert!(world.store.expire(at(400), at(450)).unwrap().is_empty());
    assert_eq!(world.state(id), State::Queued);
    assert_eq!(world.transfer(id).file.stamp, before);

    assert!(matches!(
        world.store.discard(id, at(401)),
        Err(StoreError::WrongState { .. })
    ));
    world.store.expire(at(500), at(500)).unwrap();
    world.store.discard(id, at(501)).unwrap();
    assert!(names(&world.path("spool")).is_empty());
}
