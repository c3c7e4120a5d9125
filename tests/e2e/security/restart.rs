//! A secured file that is cut off goes on with the very same octets.

use std::sync::atomic::{AtomicBool, Ordering};

use support::cms::Services;
use support::compare::{assert_same_octets, content};
use support::{Act, Ended, Offer, Partner, Step, directory};

use super::{Secured, call};

#[test]
fn a_secured_file_of_ours_goes_on_in_the_middle() {
    let terms = [
        ("security", "\"encrypted-and-signed\""),
        ("file_compression", "true"),
    ];
    let Some(mut secured) = Secured::new("restart out", &terms) else {
        return;
    };
    let clear = content(9, 3_000_000);
    let id = secured.send("CUT", &clear);
    secured.world.inner.wait_for_state(&id, "queued");

    let cut = AtomicBool::new(false);
    let cutting = Partner::of(&secured.world)
        .offering(4096, 20)
        .restarting()
        .breaks(move |step, frame| match step {
            // The credit after the first MiB or so is the last thing that is said.
            Step::Cdt if cut.swap(true, Ordering::Relaxed) => Act::HangUp,
            _ => Act::Send(frame),
        });
    let mut conversation = call(&secured.world, cutting);
    conversation.give_turn().expect("the turn given");
    let ended = conversation.listen();
    assert!(matches!(ended, Err(Ended::ByScript)), "{ended:?}");
    let partial = std::mem::take(&mut conversation.partial);
    let held = partial[0].content.len();
    assert!(held > 0);
    drop(conversation);
    secured.world.inner.wait_for_state(&id, "queued");

    // Not even a restart of the process changes a single octet.
    secured.world.inner.half.kill();
    secured.world.start_inner();

    let restarting = Partner::of(&secured.world).offering(4096, 20).restarting();
    let mut again = call(&secured.world, restarting);
    again.partial = partial;
    again.give_turn().expect("the turn given");
    again.listen().expect("the rest comes");
    let file = again.received.pop().expect("one file");
    assert!(file.resumed_at > 0, "it was not begun anew");
    let opened = secured.opened(&file, Services::ALL);
    assert_same_octets("the file", &clear, &opened);
    again.send_receipt(&file.id()).expect("it is taken");
    again.finish().expect("a normal end");
    secured.world.inner.wait_for_state(&id, "acknowledged");
}

#[test]
fn a_secured_file_for_us_goes_on_in_the_middle() {
    let Some(secured) = Secured::new("restart in", &[]) else {
        return;
    };
    let clear = content(8, 3_000_000);
    let (offer, octets) = secured.offer_of("CUT", &clear, Services::PROTECTED);
    let stamp = offer.sfid.stamp;
    let cutting = Partner::of(&secured.world)
        .offering(4096, 20)
        .restarting()
        .breaks(|step, frame| match step {
            Step::Data(300) => Act::HangUp,
            _ => Act::Send(frame),
        });
    let cut = call(&secured.world, cutting).send(offer);
    assert!(matches!(cut, Err(Ended::ByScript)), "{cut:?}");
    let logs = &secured.world.inner.half.logs;
    logs.until("the cut is known", || {
        let interrupted = ["--state", "interrupted"];
        secured.world.inner.transfers(&interrupted).pop()
    });

    let again = Offer::new("CUT", octets)
        .stamped(stamp)
        .restarting_at(1_000_000);
    let restarting = Partner::of(&secured.world).offering(4096, 20).restarting();
    let mut conversation = call(&secured.world, restarting);
    let again = Services::PROTECTED.announce(again, clear.len());
    conversation.send(again).expect("an answer");
    assert!(conversation.resumed_at > 0, "it was not begun anew");
    conversation.finish().expect("a normal end");
    let delivered = secured
        .world
        .inner
        .wait_for_delivered(directory::PARTNER, 1);
    assert_same_octets("the file", &clear, &delivered[0].content());
}
