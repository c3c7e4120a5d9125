//! Both halves stop when asked to, and say so; a running session may end first.

use nix::sys::signal::{Signal, kill};
use support::compare::{assert_same_octets, content};
use support::{Act, Answer, Offer, Partner, Step, World, directory};

#[test]
fn both_halves_stop_on_sigterm_with_code_0() {
    let mut world = World::new();
    assert_eq!(world.inner.half.terminate().code(), Some(0));
    assert_eq!(world.dmz.terminate().code(), Some(0));
}

#[test]
fn the_inner_half_lets_a_running_transfer_end_before_it_stops() {
    let mut world = World::new();
    let pid = world.inner.half.pid();
    let partner = Partner::of(&world).breaks(move |step, frame| {
        if step == Step::Data(3) {
            kill(pid, Signal::SIGTERM).expect("our own child can be signalled");
        }
        Act::Send(frame)
    });
    let mut conversation = partner.connect(world.public()).expect("TLS");
    conversation.open().expect("the session opens");

    let file = content(1, 2_000_000);
    let answer = conversation
        .send(Offer::new("LAST.ONE", file.clone()))
        .expect("it goes on");

    assert!(
        matches!(answer, Answer::Stored { .. }),
        "it is still taken: {answer:?}"
    );
    conversation.wire.hang_up();
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
