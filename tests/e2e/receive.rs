//! A partner calls in and sends: the file is delivered, described and confirmed.

use support::compare::{assert_same_octets, content};
use support::{Answer, Directory, Entry, Offer, Partner, World, directory};

use oftp::FileReason;

#[test]
fn delivers_a_file_with_its_metadata_and_confirms_it_in_the_same_session() {
    let world = World::new();
    let file = content(1, 3 * 1024 * 1024 + 17);
    let offer = Offer::new("INVOICE.2026", file.clone());
    let id = offer.id();

    let partner = Partner::of(&world)
        .connect(world.public())
        .expect("TLS to the public address");
    let exchange = partner.exchange(vec![offer]).expect("a whole session");

    assert_eq!(exchange.answers, [Answer::Stored { turn_given: true }]);
    assert_eq!(
        exchange.receipts.len(),
        1,
        "one receipt in the same session"
    );
    assert_eq!(
        exchange.receipts[0].file_id(),
        id,
        "the receipt names the file"
    );

    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_same_octets(
        "the inbox and what was sent",
        &file,
        &delivered[0].content(),
    );
    let name = delivered[0]
        .path
        .file_name()
        .expect("a file")
        .to_string_lossy()
        .into_owned();
    assert!(
        name.starts_with("INVOICE.2026."),
        "named after the dataset: {name}"
    );
    assert!(
        name.contains(&id.stamp.to_string()),
        "and its stamp: {name}"
    );

    let metadata = delivered[0].metadata.to_string();
    for fact in [
        "INVOICE.2026",
        std::str::from_utf8(&id.stamp.date).expect("digits"),
        std::str::from_utf8(&id.stamp.time).expect("digits"),
        directory::PARTNER,
        directory::PARTNER_CODE,
        directory::OUR_CODE,
        &file.len().to_string(),
    ] {
        assert!(
            metadata.contains(fact),
            "the metadata says {fact}: {metadata}"
        );
    }
}

#[test]
fn takes_several_files_in_one_session() {
    let world = World::new();
    let files: Vec<Vec<u8>> = (0..5).map(|seed| content(seed, 100_000)).collect();
    let offers = files
        .iter()
        .enumerate()
        .map(|(number, file)| Offer::new(&format!("PART.{number}"), file.clone()))
        .collect();

    let partner = Partner::of(&world)
        .connect(world.public())
        .expect("TLS to the public address");
    let exchange = partner.exchange(offers).expect("a whole session");

    assert_eq!(exchange.receipts.len(), 5);
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 5);
    for (number, file) in files.iter().enumerate() {
        assert_same_octets("a file of the session", file, &delivered[number].content());
    }
}

#[test]
fn takes_files_of_every_awkward_size() {
    let world = World::new();
    let one_buffer = oftp::capacity(1024);
    let sizes = [
        0,
        1,
        62,
        63,
        64,
        one_buffer - 1,
        one_buffer,
        one_buffer + 1,
        2 * one_buffer,
    ];
    let offers = sizes
        .iter()
        .map(|&size| Offer::new(&format!("SIZE.{size:05}"), content(9, size)))
        .collect();

    let partner = Partner::of(&world).offering(1024, 3);
    let conversation = partner
        .connect(world.public())
        .expect("TLS to the public address");
    let exchange = conversation.exchange(offers).expect("a whole session");

    assert_eq!(exchange.receipts.len(), sizes.len());
    let delivered = world
        .inner
        .wait_for_delivered(directory::PARTNER, sizes.len());
    for (number, &size) in sizes.iter().enumerate() {
        assert_same_octets(
            "an awkward size",
            &content(9, size),
            &delivered[number].content(),
        );
    }
}

#[test]
fn keeps_to_the_smallest_buffer_and_a_credit_of_one() {
    let world = World::new();
    let file = content(2, 20_000);
    let partner = Partner::of(&world).offering(128, 1);
    let conversation = partner
        .connect(world.public())
        .expect("TLS to the public address");

    let exchange = conversation
        .exchange(vec![Offer::new("SMALL", file.clone())])
        .expect("ends");

    assert_eq!(exchange.receipts.len(), 1);
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_same_octets(
        "through the smallest buffer",
        &file,
        &delivered[0].content(),
    );
}

#[test]
fn takes_a_file_over_either_tls_version() {
    let world = World::new();
    for (number, version) in [&rustls::version::TLS12, &rustls::version::TLS13]
        .into_iter()
        .enumerate()
    {
        let partner = Partner::of(&world).trusting(world.certificate.der(), None, &[version]);
        let conversation = partner
            .connect(world.public())
            .expect("TLS to the public address");
        let exchange = conversation
            .exchange(vec![Offer::new(
                &format!("TLS.{number}"),
                content(3, 50_000),
            )])
            .expect("a whole session");
        assert_eq!(exchange.receipts.len(), 1, "over {version:?}");
    }
    world.inner.wait_for_delivered(directory::PARTNER, 2);
}

#[test]
fn refuses_a_file_it_has_already_as_a_duplicate() {
    let world = World::new();
    let first = Offer::new("ONCE", content(4, 1000));
    let stamp = first.sfid.stamp;
    let session = |offer| {
        let partner = Partner::of(&world).connect(world.public()).expect("TLS");
        partner.exchange(vec![offer]).expect("a whole session")
    };

    assert_eq!(session(first).receipts.len(), 1);
    let again = session(Offer::new("ONCE", content(4, 1000)).stamped(stamp));

    match &again.answers[..] {
        [Answer::NotStarted { reason, retry, .. }] => {
            assert_eq!(*reason, FileReason::DUPLICATE);
            assert!(!retry, "there is no point in offering it again");
        }
        other => panic!("SFNA 13 was due, but: {other:?}"),
    }
    world.inner.wait_for_delivered(directory::PARTNER, 1);
}

#[test]
fn refuses_a_file_for_a_station_that_is_not_ours() {
    let world = World::new();
    let mut offer = Offer::new("ASTRAY", content(5, 1000));
    offer.sfid.destination = support::partner::id("O0013SOMEBODY");

    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let exchange = partner.exchange(vec![offer]).expect("a whole session");

    match &exchange.answers[..] {
        [Answer::NotStarted { reason, .. }] => {
            assert_eq!(*reason, FileReason::INVALID_DESTINATION);
        }
        other => panic!("SFNA 02 was due, but: {other:?}"),
    }
    assert!(world.inner.delivered(directory::PARTNER).is_empty());
}

#[test]
fn keeps_the_files_of_two_partners_apart() {
    let world = World::with(|setup| {
        setup.directory = Directory::usual().partner(Entry::named("BETA", "O0013BETA"));
    });
    for code in [directory::PARTNER_CODE, "O0013BETA"] {
        let partner = Partner::of(&world)
            .named(code)
            .connect(world.public())
            .expect("TLS");
        let offer = Offer::new("SAME.NAME", code.as_bytes().to_vec()).from(code);
        assert_eq!(
            partner
                .exchange(vec![offer])
                .expect("a whole session")
                .receipts
                .len(),
            1
        );
    }
    let acme = world.inner.wait_for_delivered(directory::PARTNER, 1);
    let beta = world.inner.wait_for_delivered("BETA", 1);
    assert_same_octets(
        "of one",
        directory::PARTNER_CODE.as_bytes(),
        &acme[0].content(),
    );
    assert_same_octets("of the other", b"O0013BETA", &beta[0].content());
}
