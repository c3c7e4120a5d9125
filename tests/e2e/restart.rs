//! A file that was cut off goes on where both sides have it, whoever sends it and whatever cuts it.

use support::compare::{assert_same_file, assert_same_octets, content, write_content};
use support::{Act, Alone, Conversation, Ended, Offer, Partner, Step, World, directory};

use crate::send::mirrored;

/// What the partner sends: made anew for each offer, as the same file.
type Made = fn(&str) -> Offer;

fn unstructured(name: &str) -> Offer {
    Offer::new(name, content(1, 900_000))
}

fn text(name: &str) -> Offer {
    Offer::new(name, b"a line of text\r\n".repeat(60_000)).format(oftp::Format::Text)
}

fn variable(name: &str) -> Offer {
    Offer::variable(name, &records(5000, |number| number * 13 % 400))
}

fn fixed(name: &str) -> Offer {
    Offer::fixed(name, 120, &records(6000, |_| 120))
}

fn records(count: usize, length: impl Fn(usize) -> usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| content(number as u64, length(number)))
        .collect()
}

fn call(world: &World, partner: Partner) -> Conversation {
    let mut conversation = partner.connect(world.public()).expect("TLS");
    conversation.open().expect("an open session");
    conversation
}

#[test]
fn a_file_of_each_format_goes_on_where_the_cut_left_it() {
    let world = World::new();
    let formats: [(&str, Made); 4] = [
        ("A.UNSTRUCTURED", unstructured),
        ("B.TEXT", text),
        ("C.VARIABLE", variable),
        ("D.FIXED", fixed),
    ];
    for (name, made) in formats {
        let usual = || Partner::of(&world).offering(4096, 20).restarting();
        let stamp = made(name).sfid.stamp;
        let cutting = usual().breaks(|step, frame| match step {
            Step::Data(150) => Act::HangUp,
            _ => Act::Send(frame),
        });
        let cut = call(&world, cutting).send(made(name).stamped(stamp));
        assert!(matches!(cut, Err(Ended::ByScript)), "{cut:?}");
        let transfer = world.inner.half.logs.until("the cut is known", || {
            world
                .inner
                .transfers(&["--state", "interrupted"])
                .into_iter()
                .next()
        });

        let mut again = call(&world, usual());
        // As some partners do: the whole length is offered, whatever came of it.
        let offer = made(name).stamped(stamp).restarting_at(1_000_000);
        again.send(offer).expect("an answer");
        assert!(again.resumed_at > 0, "{name} was not begun anew");
        again.finish().expect("a normal end");
        assert_eq!(again.receipts.len(), 1);
        let id = support::inside::identifier(&transfer);
        world.inner.wait_for_state(&id, "delivered");
    }
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 4);
    assert_same_octets("U", &content(1, 900_000), &delivered[0].content());
    assert_same_octets(
        "T",
        &b"a line of text\r\n".repeat(60_000),
        &delivered[1].content(),
    );
    let mut expected = Vec::new();
    for record in records(5000, |number| number * 13 % 400) {
        expected.extend_from_slice(&u32::try_from(record.len()).expect("small").to_be_bytes());
        expected.extend_from_slice(&record);
    }
    assert_same_octets("V", &expected, &delivered[2].content());
    assert_same_octets(
        "F",
        &records(6000, |_| 120).concat(),
        &delivered[3].content(),
    );
}

#[test]
fn a_file_begins_anew_where_restart_is_not_agreed() {
    let world = World::new();
    let stamp = unstructured("ANEW").sfid.stamp;
    let cutting = Partner::of(&world)
        .offering(4096, 20)
        .breaks(|step, frame| match step {
            Step::Data(150) => Act::HangUp,
            _ => Act::Send(frame),
        });
    call(&world, cutting)
        .send(unstructured("ANEW").stamped(stamp))
        .expect_err("the script hangs up");
    world.inner.half.logs.until("the cut is known", || {
        let cut = world.inner.transfers(&["--state", "interrupted"]);
        (!cut.is_empty()).then_some(())
    });

    let mut again = call(&world, Partner::of(&world));
    again
        .send(unstructured("ANEW").stamped(stamp))
        .expect("an answer");
    assert_eq!(again.resumed_at, 0);
    again.finish().expect("a normal end");
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_same_octets("anew", &content(1, 900_000), &delivered[0].content());
}

#[test]
fn a_file_of_ours_goes_on_where_the_partner_has_it() {
    let world = World::new();
    let file = content(7, 2_000_000);
    let path = world.folder().join("out");
    std::fs::write(&path, &file).expect("the folder is ours");
    let id = world.inner.send(directory::PARTNER, &path, Some("OURS"));
    let usual = || Partner::of(&world).offering(4096, 50).restarting();

    let mut credits = 0;
    let cutting = usual().breaks(move |step, frame| {
        credits += u32::from(step == Step::Cdt);
        if credits == 4 {
            Act::HangUp
        } else {
            Act::Send(frame)
        }
    });
    let mut cut = call(&world, cutting);
    cut.finish().expect_err("the script hangs up");
    let partial = std::mem::take(&mut cut.partial);
    assert_eq!(partial.len(), 1, "a part of the file came");
    world.inner.wait_for_state(&id, "queued");

    let mut again = call(&world, usual());
    again.partial = partial;
    again.finish().expect("a normal end");
    assert!(again.received[0].resumed_at > 0, "it was not begun anew");
    assert_same_octets("ours", &file, &again.received[0].content);
    world.inner.wait_for_state(&id, "acknowledged");
}

#[test]
fn two_inner_halves_resume_a_file_across_a_killed_dmz_half() {
    let mut world = World::new();
    let address = Some((world.public(), world.certificate.fingerprint()));
    let sender = Alone::new(&mirrored(address));
    let file = sender.folder().join("file");
    write_content(&file, 5, 150_000_000);

    let id = sender.inner.send("US", &file, Some("CUT.OFF"));
    world.inner.half.logs.until("some of it came", || {
        let coming = world.inner.transfers(&["--state", "receiving"]);
        let octets = coming.first()?["progress"].as_u64()?;
        (octets > 40_000_000).then_some(())
    });
    world.kill_dmz();
    world.start_dmz();

    sender.inner.wait_for_state(&id, "acknowledged");
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_same_file(&file, &delivered[0].path);
    let history = world
        .inner
        .cli()
        .json(&["transfers", "show", &arrived(&world)]);
    assert!(
        history
            .to_string()
            .contains("the partner offers to go on from"),
        "the history says that it was resumed: {history}"
    );
}

fn arrived(world: &World) -> String {
    let all = world.inner.transfers(&["--direction", "in"]);
    support::inside::identifier(&all[0])
}
