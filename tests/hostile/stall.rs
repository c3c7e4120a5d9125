//! A partner that falls silent: its session ends, its place is free again, the file is not kept.

use support::compare::content;
use support::{Act, Ended, Listener, Offer, Partner, Step, World, directory};
use support::{Directory, Entry};

fn impatient_world() -> World {
    World::with(|setup| {
        setup.inner.text("session.inactivity", "2s");
    })
}

#[test]
fn a_partner_that_stalls_in_mid_file_is_cut_off() {
    let world = impatient_world();
    let mark = world.inner.half.logs.mark();
    let partner = Partner::of(&world).offering(4096, 8);
    let conversation = partner
        .breaks_at(Step::Data(5), |_| Act::Stall)
        .connect(world.public())
        .expect("TLS");

    match conversation.exchange(vec![Offer::new("STALLED", content(1, 1_000_000))]) {
        Err(Ended::Esid { .. } | Ended::HungUp) => {}
        other => panic!("the session should have been cut off, but: {other:?}"),
    }

    let line = world
        .inner
        .half
        .logs
        .wait_from(mark, "the silence", |line| {
            line.level() == "WARN" && line.raw.contains(directory::PARTNER)
        });
    assert!(!line.message().is_empty());
    assert!(
        world.inner.delivered(directory::PARTNER).is_empty(),
        "half a file is not delivered"
    );
    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let exchange = partner
        .exchange(vec![Offer::new("NEXT", content(2, 1000))])
        .expect("ends");
    assert_eq!(exchange.receipts.len(), 1);
}

#[test]
fn a_called_partner_that_never_answers_is_left_and_called_again() {
    let listener = Listener::new(false);
    let world = World::with(|setup| {
        setup.inner.text("session.inactivity", "2s");
        let entry = Entry::usual().at(listener.address(), &listener.certificate.fingerprint());
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    });
    let path = world.folder().join("file");
    std::fs::write(&path, content(1, 1000)).expect("the folder is ours");
    let id = world.inner.send(directory::PARTNER, &path, None);

    let silent = listener
        .accept(Partner::usual().breaks_at(Step::Ssrm, |_| Act::Stall))
        .serve();
    assert!(
        matches!(silent, Err(Ended::Esid { .. } | Ended::HungUp)),
        "{silent:?}"
    );
    listener
        .accept(Partner::usual())
        .serve()
        .expect("the second call is a whole session");
    world.inner.wait_for_state(&id, "acknowledged");
}
