//! Files cross both ways: in one session, and in sessions of both sides at the same time.

use support::compare::{assert_same_file, assert_same_octets, content, write_content};
use support::{Alone, Directory, Entry, Offer, Partner, World, directory};

use crate::send::mirrored;

#[test]
fn several_files_each_way_and_all_receipts_in_one_session() {
    let world = World::new();
    let mut ids = Vec::new();
    for number in 0..4 {
        let path = world.folder().join(format!("out.{number}"));
        std::fs::write(&path, content(number, 200_000)).expect("the folder is ours");
        let dataset = format!("OUT.{number}");
        ids.push(world.inner.send(directory::PARTNER, &path, Some(&dataset)));
    }
    let offers = (10..13)
        .map(|seed| Offer::new(&format!("IN.{seed}"), content(seed, 150_000)))
        .collect();

    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let exchange = partner.exchange(offers).expect("a whole session");

    assert_eq!(
        exchange.receipts.len(),
        3,
        "every file of the partner is confirmed"
    );
    assert_eq!(exchange.received.len(), 4, "every file of ours has arrived");
    for file in &exchange.received {
        let name = file.sfid.dataset.to_string();
        let seed = name.trim_start_matches("OUT.").parse().expect("a number");
        assert_same_octets(&name, &content(seed, 200_000), &file.content);
    }
    for (file, seed) in world
        .inner
        .wait_for_delivered(directory::PARTNER, 3)
        .iter()
        .zip(10..)
    {
        assert_same_octets("delivered", &content(seed, 150_000), &file.content());
    }
    for id in ids {
        world.inner.wait_for_state(&id, "acknowledged");
    }
}

#[test]
fn an_inner_half_alone_calls_in_and_takes_what_waits_for_it() {
    let world = World::new();
    let address = Some((world.public(), world.certificate.fingerprint()));
    let alone = Alone::new(&mirrored(address));
    let (there, here) = (alone.folder().join("there"), world.folder().join("here"));
    write_content(&there, 1, 3_000_000);
    write_content(&here, 2, 3_000_000);

    // Ours waits until the partner calls; nothing tells us its address.
    let ours = world.inner.send(directory::PARTNER, &here, Some("FROM.US"));
    let theirs = alone.inner.send("US", &there, Some("FROM.THEM"));

    alone.inner.wait_for_state(&theirs, "acknowledged");
    assert_same_file(
        &there,
        &world.inner.wait_for_delivered(directory::PARTNER, 1)[0].path,
    );
    assert_same_file(&here, &alone.inner.wait_for_delivered("US", 1)[0].path);
    world.inner.wait_for_state(&ours, "acknowledged");
}

#[test]
fn two_pairs_call_each_other_at_the_same_time() {
    let theirs = World::with(|setup| setup.directory = mirrored(None));
    let ours = World::with(|setup| {
        let entry = Entry::usual().at(theirs.public(), &theirs.certificate.fingerprint());
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    });
    theirs.inner.apply(&mirrored(Some((
        ours.public(),
        ours.certificate.fingerprint(),
    ))));

    let count = 6;
    let mut sent = Vec::new();
    for number in 0..count {
        let (a, b) = (
            ours.folder().join(format!("a{number}")),
            ours.folder().join(format!("b{number}")),
        );
        write_content(&a, number, 500_000);
        write_content(&b, number + 100, 500_000);
        sent.push(
            ours.inner
                .send(directory::PARTNER, &a, Some(&format!("A.{number}"))),
        );
        sent.push(theirs.inner.send("US", &b, Some(&format!("B.{number}"))));
    }
    for (number, pair) in sent.chunks(2).enumerate() {
        ours.inner.wait_for_state(&pair[0], "acknowledged");
        theirs.inner.wait_for_state(&pair[1], "acknowledged");
        let files = theirs.inner.delivered("US");
        let name = format!("A.{number}.");
        let arrived = files.iter().filter(|file| {
            file.path
                .file_name()
                .is_some_and(|found| found.to_string_lossy().starts_with(&name))
        });
        assert_eq!(arrived.count(), 1, "{name} arrived once");
    }
    let expected = usize::try_from(count).expect("small");
    ours.inner.wait_for_delivered(directory::PARTNER, expected);
    theirs.inner.wait_for_delivered("US", expected);
}
