//! We send: in a session the partner opened, and by calling the partner through the DMZ half.

use support::compare::{assert_same_file, assert_same_octets, content, write_content};
use support::{Act, Offer};
use support::{Directory, Ended, Entry, Listener, Partner, Step, World, directory};

use oftp::{FileReason, Nerp, ReceiptReason};

/// A world that may call a listening partner.
fn world_that_calls(listener: &Listener) -> World {
    let entry = Entry::usual().at(listener.address(), &listener.certificate.fingerprint());
    World::with(|setup| {
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    })
}

/// Queues made-up content for the usual partner; returns it and the transfer's id.
fn queue(world: &World, dataset: &str, size: usize) -> (Vec<u8>, String) {
    let file = content(size.try_into().expect("fits"), size);
    let path = world.folder().join(dataset);
    std::fs::write(&path, &file).expect("the folder is ours");
    let id = world.inner.send(directory::PARTNER, &path, Some(dataset));
    (file, id)
}

#[test]
fn sends_a_queued_file_in_the_session_that_the_partner_opened() {
    let world = World::new();
    let (file, id) = queue(&world, "ORDERS.1", 2_000_000);

    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let exchange = partner.exchange(Vec::new()).expect("a whole session");

    assert_eq!(exchange.received.len(), 1);
    assert_same_octets("what the partner got", &file, &exchange.received[0].content);
    let sfid = &exchange.received[0].sfid;
    assert_eq!(sfid.dataset.to_string(), "ORDERS.1");
    assert_eq!(sfid.origin.to_string(), directory::OUR_CODE);
    assert_eq!(sfid.destination.to_string(), directory::PARTNER_CODE);
    assert_eq!(sfid.size_blocks, 2_000_000_u64.div_ceil(1024));
    world.inner.wait_for_state(&id, "acknowledged");
}

#[test]
fn answers_a_file_with_a_file_and_a_receipt_in_one_session() {
    let world = World::new();
    let (file, id) = queue(&world, "ANSWER", 300_000);

    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let exchange = partner
        .exchange(vec![Offer::new("QUESTION", content(1, 10))])
        .expect("a whole session");

    assert_eq!(exchange.receipts.len(), 1);
    assert_same_octets("the answer", &file, &exchange.received[0].content);
    world.inner.wait_for_state(&id, "acknowledged");
}

#[test]
fn calls_a_partner_through_the_dmz_half_and_matches_the_receipt() {
    let listener = Listener::new(false);
    let world = world_that_calls(&listener);
    let (file, id) = queue(&world, "CALLED", 2_500_000);

    let exchange = listener
        .accept(Partner::usual())
        .serve()
        .expect("a whole session");

    assert_same_octets("what the partner got", &file, &exchange.received[0].content);
    world.inner.wait_for_state(&id, "acknowledged");
    let line = world.dmz.logs.wait_for("the circuit of the call", |line| {
        line.says("A circuit opened.")
            && line.text("peer").contains(&listener.address().to_string())
    });
    assert!(!line.text("circuit").is_empty(), "named: {}", line.raw);
}

#[test]
fn takes_files_that_the_partner_has_for_us_when_we_call() {
    let listener = Listener::new(false);
    let world = world_that_calls(&listener);
    world
        .inner
        .cli()
        .ok(&["call", "--partner", directory::PARTNER]);

    let file = content(8, 400_000);
    let mut call = listener.accept(Partner::usual());
    call.open_as_called().expect("the session opens");
    call.listen()
        .expect("the caller has nothing and gives the turn");
    call.send(Offer::new("FROM.CALLED", file.clone()))
        .expect("the caller takes the file");
    call.finish().expect("the session ends normally");

    assert_eq!(
        call.receipts.len(),
        1,
        "the receipt came in the same session"
    );
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_same_octets("the inbox", &file, &delivered[0].content());
}

#[test]
fn a_negative_receipt_rejects_the_transfer_and_says_why() {
    let world = World::new();
    let (_, id) = queue(&world, "UNWANTED", 5000);

    let mut partner = Partner::of(&world).connect(world.public()).expect("TLS");
    partner.open().expect("the session opens");
    partner.give_turn().expect("the turn goes over");
    partner
        .listen()
        .expect("we send the file and give the turn back");
    let file = partner.received[0].id();
    let refusal = Nerp {
        dataset: file.dataset.clone(),
        stamp: file.stamp,
        destination: file.origin.clone(),
        origin: file.destination.clone(),
        creator: file.destination.clone(),
        reason: ReceiptReason::PROCESSING_FAILED,
        text: "no such order".into(),
        hash: Vec::new(),
        signature: Vec::new(),
    };
    partner.send_refusal(refusal).expect("the refusal is taken");
    partner.finish().expect("the session ends normally");

    let transfer = world.inner.wait_for_state(&id, "rejected").to_string();
    assert!(
        transfer.contains("no such order"),
        "the partner's words are shown: {transfer}"
    );
}

#[test]
fn takes_a_file_from_the_outbox_folder_exactly_once() {
    let world = World::new();
    let outbox = world.inner.outbox(directory::PARTNER);
    let file = content(6, 70_000);
    std::fs::write(outbox.join("unfinished.tmp"), b"not yet").expect("the outbox is there");
    std::fs::write(outbox.join("PRICES.CSV"), &file).expect("the outbox is there");
    world
        .inner
        .half
        .logs
        .wait_to_hear(0, "A file was taken from the outbox.");

    let session = || {
        let partner = Partner::of(&world).connect(world.public()).expect("TLS");
        partner.exchange(Vec::new()).expect("a whole session")
    };
    let (first, second) = (session(), session());

    assert_eq!(first.received.len(), 1);
    assert_same_octets("what the partner got", &file, &first.received[0].content);
    assert!(
        first.received[0]
            .sfid
            .dataset
            .to_string()
            .starts_with("PRICES")
    );
    assert!(second.received.is_empty(), "nothing is sent twice");
    assert!(
        outbox.join("unfinished.tmp").exists(),
        "unfinished files stay"
    );
}

#[test]
fn sends_a_file_again_that_was_cut_off() {
    let listener = Listener::new(false);
    let world = world_that_calls(&listener);
    let (file, id) = queue(&world, "STUBBORN", 1_000_000);

    let hang_up = |_| Act::HangUp;
    let first = listener.accept(
        Partner::usual()
            .offering(4096, 8)
            .breaks_at(Step::Cdt, hang_up),
    );
    assert!(
        matches!(first.serve(), Err(Ended::ByScript)),
        "the partner hangs up in mid-file"
    );
    let second = listener
        .accept(Partner::usual())
        .serve()
        .expect("a whole session");

    assert_same_octets("the second time", &file, &second.received[0].content);
    world.inner.wait_for_state(&id, "acknowledged");
}

#[test]
fn takes_a_duplicate_refusal_of_a_file_it_had_offered_whole_as_sent() {
    let listener = Listener::new(false);
    let world = world_that_calls(&listener);
    let (_, id) = queue(&world, "ALREADY", 10_000);

    // The partner stores the file, but its answer is lost on the way.
    let hang_up = |_| Act::HangUp;
    let first = listener.accept(Partner::usual().breaks_at(Step::Efpa, hang_up));
    assert!(matches!(first.serve(), Err(Ended::ByScript)));
    let mut second = listener.accept(Partner::usual());
    second.refuse.push(FileReason::DUPLICATE);
    second.open_as_called().expect("the session opens");
    second.finish().expect("the session ends normally");

    world.inner.wait_for_state(&id, "sent");
}

#[test]
fn gives_up_on_a_file_that_the_partner_will_never_take() {
    let listener = Listener::new(false);
    let world = world_that_calls(&listener);
    let (_, id) = queue(&world, "HOPELESS", 10_000);

    let mut call = listener.accept(Partner::usual());
    call.refuse.push(FileReason::INVALID_FILENAME);
    call.open_as_called().expect("the session opens");
    call.finish().expect("the session ends normally");

    let transfer = world.inner.wait_for_state(&id, "failed").to_string();
    let words = FileReason::INVALID_FILENAME.text();
    assert!(
        transfer.contains(words),
        "shows the reason {words:?}: {transfer}"
    );
}

#[test]
fn two_whole_pairs_exchange_a_file_and_its_receipt() {
    let theirs = World::with(|setup| {
        setup.directory = mirrored(None);
    });
    let ours = World::with(|setup| {
        let entry = Entry::usual().at(theirs.public(), &theirs.certificate.fingerprint());
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    });
    let path = ours.folder().join("BIG");
    write_content(&path, 11, 8 * 1024 * 1024);

    let id = ours
        .inner
        .send(directory::PARTNER, &path, Some("PAIR.TO.PAIR"));

    let delivered = theirs.inner.wait_for_delivered("US", 1);
    assert_same_file(&path, &delivered[0].path);
    ours.inner.wait_for_state(&id, "acknowledged");
}

/// What the usual partner's own inner half knows of us.
pub(crate) fn mirrored(our_address: Option<(std::net::SocketAddr, String)>) -> Directory {
    let mut us = Entry {
        name: "US".into(),
        code: directory::OUR_CODE.into(),
        station: "HOME".into(),
        sent: directory::PARTNER_PASSWORD.into(),
        expected: directory::OUR_PASSWORD.into(),
        ..Entry::usual()
    };
    if let Some((address, fingerprint)) = our_address {
        us = us.at(address, &fingerprint);
    }
    Directory::default()
        .station("HOME", directory::PARTNER_CODE)
        .partner(us)
}
