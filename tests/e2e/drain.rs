//! Both halves stop when asked to, and say so; a running session may end first.

use support::compare::{assert_same_octets, content};
use support::{Offer, Partner, World, directory};

#[test]
fn both_halves_stop_on_sigterm_with_code_0() {
    let mut world = World::new();
    assert_eq!(world.inner.half.terminate().code(), Some(0));
    assert_eq!(world.dmz.terminate().code(), Some(0));
}

#[test]
fn the_inner_half_lets_a_running_session_end_before_it_stops() {
    let mut world = World::new();
    let mut partner = Partner::of(&world).connect(world.public()).expect("TLS");
    partner.open().expect("the session opens");

    world.inner.half.signal(nix::sys::signal::Signal::SIGTERM);
    let file = content(1, 500_000);
    partner
        .send(Offer::new("LAST.ONE", file.clone()))
        .expect("it is still taken");
    partner.wire.hang_up();

    assert_eq!(world.inner.half.wait().code(), Some(0));
    let delivered = world.inner.delivered(directory::PARTNER);
    assert_eq!(delivered.len(), 1);
    assert_same_octets("the last file", &file, &delivered[0].content());
}

#[test]
fn what_was_delivered_stays_and_receipts_go_out_after_a_restart() {
    let mut world = World::new();
    // The partner sends a file but leaves before it can be given the receipt.
    let mut partner = Partner::of(&world).connect(world.public()).expect("TLS");
    partner.open().expect("the session opens");
    let offer = Offer::new("OWED", content(2, 10_000));
    let id = offer.id();
    partner.send(offer).expect("the file is taken");
    partner.wire.hang_up();
    world.inner.wait_for_delivered(directory::PARTNER, 1);

    assert_eq!(world.inner.half.terminate().code(), Some(0));
    world.start_inner();

    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let exchange = partner.exchange(Vec::new()).expect("a whole session");
    assert_eq!(exchange.receipts.len(), 1, "the receipt that was owed");
    assert_eq!(exchange.receipts[0].file_id(), id);
    world.inner.wait_for_delivered(directory::PARTNER, 1);
}
