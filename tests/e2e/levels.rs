//! Partners of the last 25 years: protocol levels 1, 2, 4 and 5, and no downgrade where level 5 is
//! agreed.

use oftp::{EndReason, Level};
use support::compare::{assert_same_octets, content};
use support::{Directory, Ended, Entry, Offer, Partner, World, directory};

/// A world whose usual partner may speak any level.
fn world_of_any_level() -> World {
    World::with(|setup| {
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(Entry::usual().with("lowest_level", "1"));
    })
}

#[test]
fn files_and_receipts_cross_both_ways_at_every_level() {
    for level in [Level::L1, Level::L2, Level::L4, Level::L5] {
        let world = world_of_any_level();
        let path = world.folder().join("out");
        std::fs::write(&path, content(1, 200_000)).expect("the folder is ours");
        let id = world.inner.send(directory::PARTNER, &path, Some("OUT"));

        let mut conversation = Partner::of(&world)
            .speaking(level)
            .connect(world.public())
            .expect("TLS");
        let answer = conversation.open().expect("a session at this level");
        assert_eq!(answer.level, level, "the lower level governs (R-040)");
        conversation
            .send(Offer::new("IN", content(2, 150_000)))
            .expect("an answer");
        conversation.finish().expect("a normal end");

        assert_eq!(conversation.receipts.len(), 1, "at level {level}");
        assert_eq!(conversation.receipts[0].dataset.to_string(), "IN");
        assert_same_octets(
            "out",
            &content(1, 200_000),
            &conversation.received[0].content,
        );
        world.inner.wait_for_state(&id, "acknowledged");
        let delivered = world.inner.wait_for_delivered(directory::PARTNER, 1);
        assert_same_octets("in", &content(2, 150_000), &delivered[0].content());
    }
}

#[test]
fn two_files_of_one_second_are_told_apart_where_the_level_has_no_counter() {
    let world = World::with(|setup| {
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(Entry::usual().with("level", "2").with("lowest_level", "1"));
    });
    let path = world.folder().join("out");
    std::fs::write(&path, content(1, 1000)).expect("the folder is ours");
    let ids: Vec<String> = (0..3)
        .map(|_| world.inner.send(directory::PARTNER, &path, Some("SAME")))
        .collect();

    let conversation = Partner::of(&world)
        .speaking(Level::L1)
        .connect(world.public())
        .expect("TLS");
    let exchange = conversation.exchange(Vec::new()).expect("a whole session");

    let mut stamps: Vec<_> = exchange
        .received
        .iter()
        .map(|file| file.sfid.stamp)
        .collect();
    stamps.sort();
    stamps.dedup();
    assert_eq!(stamps.len(), 3, "no two files of one name and second");
    for id in ids {
        world.inner.wait_for_state(&id, "acknowledged");
    }
}

#[test]
fn a_partner_agreed_on_level_5_is_not_talked_down() {
    let world = World::new();
    for level in [Level::L1, Level::L2, Level::L4] {
        let mut conversation = Partner::of(&world)
            .speaking(level)
            .connect(world.public())
            .expect("TLS");
        match conversation.open() {
            Err(Ended::Esid { reason, .. }) => assert_eq!(reason, EndReason::INCOMPATIBLE),
            other => panic!("ESID 10 was due at level {level}, but: {other:?}"),
        }
    }
}
