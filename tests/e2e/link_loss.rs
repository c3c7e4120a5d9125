//! The network between the halves fails: the public side shuts, nothing is lost, and all goes on
//! when it is back.

use std::net::TcpStream;

use support::compare::{assert_same_file, assert_same_octets, content, write_content};
use support::faults::Path;
use support::{Alone, Offer, Partner, World, directory};

use crate::send::mirrored;

/// A world whose link runs through a path that can be cut.
fn world_on_a_path() -> (World, Path) {
    let mut path = None;
    let mut world = World::with_path(|link| {
        let through = Path::to(link);
        let address = through.address();
        path = Some(through);
        address
    });
    world.wait_until_open();
    (world, path.expect("the path was laid"))
}

#[test]
fn the_public_address_is_shut_while_the_link_is_down() {
    let (mut world, path) = world_on_a_path();
    let address = world.public();
    drop(TcpStream::connect(address).expect("open while the link is up"));

    let mark = world.dmz.logs.mark();
    path.cut();
    world
        .dmz
        .logs
        .wait_to_hear(mark, "A public listener is closed.");
    assert!(
        TcpStream::connect(address).is_err(),
        "shut while the link is down"
    );

    path.mend();
    world.wait_until_open_since(mark);
    let partner = Partner::of(&world)
        .connect(world.public())
        .expect("open again");
    let exchange = partner
        .exchange(vec![Offer::new("BACK", content(1, 1000))])
        .expect("ends");
    assert_eq!(exchange.receipts.len(), 1);
}

#[test]
fn a_file_cut_off_by_the_link_is_delivered_once_when_the_link_is_back() {
    let (world, path) = world_on_a_path();
    let address = Some((world.public(), world.certificate.fingerprint()));
    let sender = Alone::new(&mirrored(address));
    let file = sender.folder().join("file");
    write_content(&file, 5, 30_000_000);
    let mark = world.dmz.logs.mark();

    let id = sender.inner.send("US", &file, Some("CUT.OFF"));
    world.dmz.logs.wait_to_hear(mark, "A circuit opened.");
    path.cut();
    world
        .dmz
        .logs
        .wait_to_hear(mark, "A public listener is closed.");
    path.mend();

    sender.inner.wait_for_state(&id, "acknowledged");
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_same_file(&file, &delivered[0].path);
}

#[test]
fn lost_datagrams_slow_a_session_but_do_not_harm_it() {
    let (world, path) = world_on_a_path();
    path.lose_every(50);
    let file = content(4, 3_000_000);

    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let exchange = partner
        .exchange(vec![Offer::new("LOSSY", file.clone())])
        .expect("ends");

    assert_eq!(exchange.receipts.len(), 1);
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_same_octets("through a lossy link", &file, &delivered[0].content());
}
