//! Receiving and delivering.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use oftp::Level::L5;

use super::{ACME, CIRCUIT, OTHER, World, at, names, offer};
use crate::{Delivered, Direction, InboundRefusal, ReceiptState, State, StoreError};

#[test]
fn delivers_a_received_file_with_its_metadata_beside_it() {
    let world = World::new();
    let synced = world.receive(offer(1), b"UNB+UNOA:1'");
    assert_eq!(synced.octets(), 11);
    assert_eq!(world.state(synced.id()), State::Received);
    let path = world.deliver(synced.id(), at(2));

    let name = format!("ORDERS.EDI.202611211000000001.{}", synced.id());
    assert_eq!(path, world.path("inbox/ACME").join(&name));
    assert_eq!(fs::read(&path).unwrap(), b"UNB+UNOA:1'");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(
        names(&world.path("inbox/ACME")),
        [name.clone(), format!("{name}.meta.json")]
    );
    assert!(names(&world.path("spool")).is_empty());

    let text = fs::read_to_string(path.with_file_name(format!("{name}.meta.json"))).unwrap();
    let metadata: serde_json::Value = serde_json::from_str(&text).unwrap();
    let wanted = serde_json::json!({
        "transfer": synced.id().to_string(), "partner": ACME, "station": "HEAD",
        "dataset": "ORDERS.EDI", "date": "20261121", "time": "1000000001",
        "origin": "O0013ACME", "destination": "O0013HEAD", "octets": 11,
        "received_at": "2026-11-21T10:00:01Z", "circuit": CIRCUIT,
        "description": "orders, week 47", "user": "", "format": "U", "record_length": 0,
        "records": 0, "original_blocks": 1, "security": 0, "cipher": 0, "compression": false,
        "envelope": false, "signed_receipt": false,
    });
    assert_eq!(metadata, wanted);

    let transfer = world.transfer(synced.id());
    assert_eq!(transfer.state, State::Delivered);
    assert_eq!(transfer.receipt, Some(ReceiptState::Owed));
    assert_eq!(transfer.octets, 11);
    assert_eq!(
        world.steps(synced.id()),
        ["receiving", "received", "delivered"]
    );
}

#[test]
fn takes_an_empty_file() {
    let world = World::new();
    let synced = world.begin(offer(1)).unwrap().finish(at(1)).unwrap();
    let path = world.deliver(synced.id(), at(1));
    assert_eq!(fs::metadata(path).unwrap().len(), 0);
}

#[test]
fn takes_a_file_that_is_synced_on_the_way() {
    let world = World::new();
    let piece = vec![7; 1024 * 1024];
    let mut inbound = world.begin(offer(1)).unwrap();
    for _ in 0..65 {
        inbound.write(&piece, &[]).unwrap();
    }
    let synced = inbound.finish(at(1)).unwrap();
    assert_eq!(synced.octets(), 65 * 1024 * 1024);
    let path = world.deliver(synced.id(), at(1));
    assert_eq!(fs::metadata(path).unwrap().len(), synced.octets());
}

#[test]
fn refuses_a_file_that_was_received_before() {
    let world = World::new();
    let synced = world.receive(offer(1), b"x");
    for delivered in [false, true] {
        match world.begin(offer(1)) {
            Err(InboundRefusal::Duplicate { earlier, at: when }) => {
                assert_eq!(
                    (earlier, when),
                    (synced.id(), at(1)),
                    "delivered: {delivered}"
                );
            }
            other => panic!("{other:?}"),
        }
        world.store.deliver(synced.id(), at(2)).unwrap();
    }
    let claim = world
        .store
        .claim_receipt(ACME, CIRCUIT, L5, at(3))
        .unwrap()
        .unwrap();
    claim.sent(at(3)).unwrap();
    assert!(matches!(
        world.begin(offer(1)),
        Err(InboundRefusal::Duplicate { .. })
    ));
}

#[test]
fn takes_a_file_that_differs_in_anything_that_names_it() {
    let world = World::new();
    world.receive(offer(1), b"x");
    let mut name = offer(1);
    name.sfid.dataset = "INVOICES".parse().unwrap();
    let mut origin = offer(1);
    origin.sfid.origin = "O0013THIRD".parse().unwrap();
    let mut destination = offer(1);
    destination.sfid.destination = "O0013FAR".parse().unwrap();
    let mut partner = offer(1);
    partner.partner = OTHER.to_owned();
    for offer in [offer(2), name, origin, destination, partner] {
        world.receive(offer, b"x");
    }
    assert_eq!(world.all(Direction::In).len(), 6);
}

#[test]
fn refuses_a_file_that_another_session_is_receiving() {
    let world = World::new();
    let mut first = world.begin(offer(1)).unwrap();
    first.write(b"half", &[]).unwrap();
    match world.begin(offer(1)) {
        Err(InboundRefusal::Busy { earlier }) => assert_eq!(earlier, first.id()),
        other => panic!("{other:?}"),
    }
    let id = first.id();
    assert_eq!(world.transfer(id).progress, Some(4));
    drop(first);
    let second = world.receive(offer(1), b"whole");
    assert_eq!(second.id(), id, "the same transfer goes on");
    assert_eq!(world.state(id), State::Received);
    assert_eq!(world.transfer(id).progress, None);
    assert_eq!(names(&world.path("spool")), [format!("in-{id}")]);
}

#[test]
fn an_abandoned_file_leaves_nothing_but_its_reason() {
    let world = World::new();
    let mut inbound = world.begin(offer(1)).unwrap();
    inbound.write(b"half", &[]).unwrap();
    let id = inbound.id();
    inbound.abandon("the circuit was cut", at(1)).unwrap();
    assert!(names(&world.path("spool")).is_empty());
    assert_eq!(
        world.transfer(id).reason.as_deref(),
        Some("the circuit was cut")
    );
    assert!(matches!(
        world.store.deliver(id, at(2)),
        Err(StoreError::WrongState {
            state: State::Failed,
            ..
        })
    ));
}

#[test]
fn takes_a_file_again_whose_end_could_not_be_recorded() {
    for offered_again in [true, false] {
        let world = World::new();
        let synced = world.receive(offer(1), b"x");
        let id = synced.id();
        // As it is when the journal could not be written at the end of an attempt.
        world
            .store
            .run(move |journal| {
                let sql = "UPDATE transfer SET state = 'receiving', inbox_name = NULL, receipt = NULL, \
                    holder = 1 WHERE id = ?1";
                crate::row::change(journal, sql, [id.to_string()])
            })
            .unwrap();
        if !offered_again {
            world.store.scan_outbox(at(2)).unwrap();
            assert_eq!(world.state(id), State::Interrupted);
        }
        let again = world.receive(offer(1), b"again");
        assert_eq!((again.id(), world.state(id)), (id, State::Received));
        assert_eq!(names(&world.path("spool")), [format!("in-{id}")]);
        let path = world.deliver(id, at(3));
        assert_eq!(fs::read(path).unwrap(), b"again");
    }
}

#[test]
fn delivers_once_however_often_it_is_asked() {
    let world = World::new();
    let synced = world.receive(offer(1), b"x");
    let path = world.deliver(synced.id(), at(2));
    // The business system takes it away.
    fs::remove_file(&path).unwrap();
    fs::remove_file(path.with_file_name(names(&world.path("inbox/ACME")).remove(0))).unwrap();
    let again = world.store.deliver(synced.id(), at(3)).unwrap();
    assert_eq!(again, Delivered::Inbox(path));
    assert!(names(&world.path("inbox/ACME")).is_empty());
    assert_eq!(
        world.steps(synced.id()),
        ["receiving", "received", "delivered"]
    );
}

#[test]
fn delivers_at_the_next_start_what_was_received() {
    let world = World::new();
    let synced = world.receive(offer(1), b"content");
    let world = world.reopened();
    assert_eq!(world.state(synced.id()), State::Delivered);
    let inbox = world.path("inbox/ACME");
    assert_eq!(fs::read(inbox.join(&names(&inbox)[0])).unwrap(), b"content");
}

#[test]
fn does_not_deliver_again_what_was_moved_before_the_journal_knew() {
    let world = World::new();
    let synced = world.receive(offer(1), b"content");
    // A kill fell between the rename and the journal, and the business system was quick.
    fs::remove_file(world.path("spool").join(format!("in-{}", synced.id()))).unwrap();
    let world = world.reopened();
    assert_eq!(world.state(synced.id()), State::Delivered);
    assert!(names(&world.path("inbox/ACME")).is_empty());
    assert!(
        world
            .store
            .claim_receipt(ACME, CIRCUIT, L5, at(2))
            .unwrap()
            .is_some()
    );
}

#[test]
fn keeps_a_file_it_cannot_deliver_and_tries_again() {
    let world = World::new();
    let synced = world.receive(offer(1), b"content");
    fs::remove_dir(world.path("inbox/ACME")).unwrap();
    fs::write(world.path("inbox/ACME"), "in the way").unwrap();
    assert!(world.store.deliver(synced.id(), at(2)).is_err());
    assert_eq!(world.state(synced.id()), State::Received);
    let report = world.store.scan_outbox(at(3)).unwrap();
    assert_eq!(report.faults.len(), 1);
    assert!(
        report.faults[0].problem.contains("it is safe in the spool"),
        "{report:?}"
    );

    fs::remove_file(world.path("inbox/ACME")).unwrap();
    assert!(world.store.scan_outbox(at(4)).unwrap().faults.is_empty());
    assert_eq!(world.state(synced.id()), State::Delivered);
}

#[test]
fn never_takes_a_dataset_name_for_a_path() {
    let world = World::new();
    for (n, (dataset, wanted)) in [
        ("../../ETC/X", "_._.._ETC_X"),
        (".HIDDEN", "_HIDDEN"),
        ("A B;$(RM)", "A_B___RM_"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut offer = offer(u16::try_from(n).unwrap() + 1);
        offer.sfid.dataset = dataset.parse().unwrap();
        let synced = world.receive(offer, b"x");
        let path = world.deliver(synced.id(), at(2));
        assert_eq!(path.parent().unwrap(), world.path("inbox/ACME"));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            name.starts_with(&format!("{wanted}.2026")) || dataset.starts_with(".."),
            "{name}"
        );
        assert!(!name.starts_with('.') && !name.contains('/'), "{name}");
    }
}

#[test]
fn refuses_a_file_of_no_partner() {
    let world = World::new();
    let mut offer = offer(1);
    offer.partner = "NOBODY".to_owned();
    assert!(matches!(
        world.begin(offer),
        Err(InboundRefusal::Store(StoreError::NoPartner(name))) if name == "NOBODY"
    ));
    assert!(names(&world.path("spool")).is_empty());
}
