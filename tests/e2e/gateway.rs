//! A file for a station that is not ours goes on to the partner that serves it, and its receipt
//! travels back unchanged.

use oftp::{EndReason, FileReason, Nerp, ReceiptReason};
use support::compare::{assert_same_octets, content};
use support::{Answer, Conversation, Directory, Ended, Entry, Offer, Partner, World, directory};

const BETA: &str = "O0013BETA";
/// A station behind BETA.
const BETA_PLANT: &str = "O0013BETA         PLANT1";

fn world_between_two() -> World {
    World::with(|setup| {
        let stations = format!("[\"{BETA_PLANT}\"]");
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(Entry::usual().with("gateway", "true"))
            .partner(Entry::named("BETA", BETA).with("stations", &stations));
    })
}

fn call(world: &World, code: &str) -> Conversation {
    let partner = Partner::of(world).named(code);
    let mut conversation = partner.connect(world.public()).expect("TLS");
    conversation.open().expect("an open session");
    conversation
}

#[test]
fn a_file_goes_through_us_and_its_receipt_comes_back_unchanged() {
    let world = world_between_two();
    for (name, destination) in [("TO.BETA", BETA), ("TO.PLANT", BETA_PLANT)] {
        let offer = Offer::new(name, content(1, 300_000)).to(destination);
        let id = offer.id();
        let mut acme = call(&world, directory::PARTNER_CODE);
        acme.send(offer).expect("an answer");
        acme.finish().expect("a normal end");
        assert!(acme.receipts.is_empty(), "only its destination confirms it");

        world.inner.half.logs.until("it waits for BETA", || {
            let queued = world
                .inner
                .transfers(&["--partner", "BETA", "--state", "queued"]);
            (!queued.is_empty()).then_some(())
        });
        let mut beta = call(&world, BETA);
        beta.finish().expect("a normal end");
        assert_eq!(
            beta.received[0].id(),
            id,
            "the identity is the originator's"
        );
        assert_same_octets(name, &content(1, 300_000), &beta.received[0].content);

        let mut acme = call(&world, directory::PARTNER_CODE);
        acme.finish().expect("a normal end");
        assert_eq!(acme.receipts.len(), 1, "the receipt of {name} came back");
        assert_eq!(acme.receipts[0].file_id(), id);
    }
    assert!(world.inner.delivered(directory::PARTNER).is_empty());
}

#[test]
fn a_negative_receipt_comes_back_with_its_reason_text_and_creator() {
    let world = world_between_two();
    let offer = Offer::new("REFUSED", content(1, 1000)).to(BETA);
    let id = offer.id();
    let mut acme = call(&world, directory::PARTNER_CODE);
    acme.send(offer).expect("an answer");
    acme.finish().expect("a normal end");

    let mut beta = call(&world, BETA);
    beta.give_turn().expect("the turn given");
    beta.listen().expect("the file comes");
    let nerp = Nerp {
        dataset: id.dataset.clone(),
        stamp: id.stamp,
        destination: id.origin.clone(),
        origin: id.destination.clone(),
        creator: support::partner::id(BETA),
        reason: ReceiptReason::PROCESSING_FAILED,
        text: "cannot be unpacked".to_owned(),
        hash: vec![1, 2, 3],
        signature: vec![4; 1500],
    };
    beta.received[0].confirmed = true;
    beta.send_refusal(nerp.clone()).expect("it is taken");
    beta.finish().expect("a normal end");

    let mut acme = call(&world, directory::PARTNER_CODE);
    acme.finish().expect("a normal end");
    assert_eq!(acme.refusals, [nerp]);
}

#[test]
fn a_file_that_its_destination_refuses_for_good_is_answered_with_a_nerp_of_ours() {
    let world = world_between_two();
    let offer = Offer::new("NOT.WANTED", content(1, 1000)).to(BETA);
    let id = offer.id();
    let mut acme = call(&world, directory::PARTNER_CODE);
    acme.send(offer).expect("an answer");
    acme.finish().expect("a normal end");
    let mut beta = call(&world, BETA);
    beta.refuse.push(FileReason::INVALID_FILENAME);
    beta.finish().expect("a normal end");

    let nerp = world.inner.half.logs.until("the NERP comes", || {
        let mut acme = call(&world, directory::PARTNER_CODE);
        acme.finish().expect("a normal end");
        acme.refusals.pop()
    });
    assert_eq!(nerp.file_id(), id);
    assert_eq!(nerp.creator.to_string(), directory::OUR_CODE);
    assert_eq!(nerp.reason, ReceiptReason::INVALID_FILENAME);
}

#[test]
fn files_that_would_come_back_or_go_nowhere_are_refused() {
    let world = world_between_two();
    // BETA is no gateway user; ACME's own station would be a loop; nobody serves the last one.
    for (sender, destination) in [
        (BETA, directory::PARTNER_CODE),
        (directory::PARTNER_CODE, directory::PARTNER_CODE),
        (directory::PARTNER_CODE, "O0013NOBODY"),
    ] {
        let offer = Offer::new("LOOP", content(1, 10))
            .from(sender)
            .to(destination);
        let mut conversation = call(&world, sender);
        match conversation.send(offer).expect("an answer") {
            Answer::NotStarted { reason, retry, .. } => {
                assert_eq!(reason, FileReason::INVALID_DESTINATION);
                assert!(!retry);
            }
            other => panic!("SFNA 02 was due for {destination}, but: {other:?}"),
        }
        match conversation.finish() {
            Ok(()) => {}
            Err(Ended::Esid { reason, .. }) => assert_eq!(reason, EndReason::NORMAL),
            Err(other) => panic!("{other:?}"),
        }
    }
}
