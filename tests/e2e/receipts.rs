//! Receipts in later sessions: sent when the business says so, awaited with a deadline, listed by
//! age.

use oftp::{Nerp, ReceiptReason};
use support::compare::content;
use support::{Conversation, Directory, Entry, Offer, Partner, World, directory};

fn world_where_the_business_confirms() -> World {
    World::with(|setup| {
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(Entry::usual().with("receipts", "\"confirmed\""));
    })
}

fn call(world: &World) -> Conversation {
    let mut conversation = Partner::of(world).connect(world.public()).expect("TLS");
    conversation.open().expect("an open session");
    conversation
}

/// Takes a file of the partner, whose receipt must not come in the same session; returns the
/// transfer's id.
fn deliver(world: &World, name: &str) -> String {
    let mut conversation = call(world);
    conversation
        .send(Offer::new(name, content(1, 1000)))
        .expect("an answer");
    conversation.finish().expect("a normal end");
    assert!(
        conversation.receipts.is_empty(),
        "nobody confirmed {name} yet"
    );
    let all = world.inner.transfers(&["--direction", "in"]);
    let id = support::inside::identifier(&all[0]);
    world.inner.wait_for_state(&id, "delivered");
    id
}

#[test]
fn a_confirmed_file_gets_its_eerp_in_a_later_session() {
    let world = world_where_the_business_confirms();
    let id = deliver(&world, "GOOD");
    world.inner.cli().ok(&["receipts", "confirm", &id]);

    let mut later = call(&world);
    later.finish().expect("a normal end");
    assert_eq!(later.receipts.len(), 1);
    assert_eq!(later.receipts[0].dataset.to_string(), "GOOD");

    let mut last = call(&world);
    last.finish().expect("a normal end");
    assert!(last.receipts.is_empty(), "a receipt is sent once");
}

#[test]
fn a_rejected_file_gets_a_nerp_with_reason_and_text_in_a_later_session() {
    let world = world_where_the_business_confirms();
    let id = deliver(&world, "BAD");
    world.inner.cli().ok(&[
        "receipts",
        "reject",
        &id,
        "--reason",
        "34",
        "--text",
        "part number unknown",
    ]);
    world.inner.cli().refused(&["receipts", "confirm", &id]);

    let mut later = call(&world);
    later.finish().expect("a normal end");
    assert!(later.receipts.is_empty());
    let nerp = &later.refusals[0];
    assert_eq!(nerp.reason, ReceiptReason::PROCESSING_FAILED);
    assert_eq!(nerp.text, "part number unknown");
    assert_eq!(nerp.creator.to_string(), directory::OUR_CODE);
}

#[test]
fn an_awaited_receipt_is_listed_until_it_comes_in_a_later_session() {
    let world = World::new();
    let path = world.folder().join("out");
    std::fs::write(&path, content(1, 1000)).expect("the folder is ours");
    let id = world.inner.send(directory::PARTNER, &path, Some("OUT"));
    let mut conversation = call(&world);
    conversation.give_turn().expect("the turn given");
    conversation.listen().expect("the file comes");
    conversation.received[0].confirmed = true;
    let file = conversation.received[0].id();
    conversation.finish().expect("a normal end");
    world.inner.wait_for_state(&id, "sent");

    let list = |which| world.inner.cli().json(&["receipts", which]).to_string();
    let awaited = list("--awaited");
    assert!(
        awaited.contains(&id) && awaited.contains("OUT"),
        "{awaited}"
    );
    assert!(!list("--overdue").contains(&id), "it has its days");

    let mut later = call(&world);
    later.send_receipt(&file).expect("it is taken");
    later.finish().expect("a normal end");
    world.inner.wait_for_state(&id, "acknowledged");
    assert!(!list("--awaited").contains(&id), "it is awaited no more");
}

#[test]
fn a_negative_receipt_in_a_later_session_rejects_the_transfer() {
    let world = World::new();
    let path = world.folder().join("out");
    std::fs::write(&path, content(1, 1000)).expect("the folder is ours");
    let id = world.inner.send(directory::PARTNER, &path, Some("OUT"));
    let mut conversation = call(&world);
    conversation.give_turn().expect("the turn given");
    conversation.listen().expect("the file comes");
    conversation.received[0].confirmed = true;
    let file = conversation.received[0].id();
    conversation.finish().expect("a normal end");

    let mut later = call(&world);
    let nerp = Nerp {
        dataset: file.dataset,
        stamp: file.stamp,
        destination: file.origin,
        origin: file.destination.clone(),
        creator: file.destination,
        reason: ReceiptReason::NOT_DELIVERED,
        text: "the plant is closed".to_owned(),
        hash: Vec::new(),
        signature: Vec::new(),
    };
    later.send_refusal(nerp).expect("it is taken");
    later.finish().expect("a normal end");
    let transfer = world.inner.wait_for_state(&id, "rejected");
    assert!(
        transfer.to_string().contains("the plant is closed"),
        "{transfer}"
    );
}
