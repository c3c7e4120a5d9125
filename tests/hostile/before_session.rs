//! Before a session: junk before TLS, TLS without OFTP2, an identification that never ends.

use std::io::{Read, Write};

use support::compare::{Random, content};
use support::{Act, Ended, Offer, Partner, Step, World, directory};

/// A world that does not wait long for strangers, and tells of each connection.
fn impatient_world() -> World {
    World::with(|setup| {
        setup.dmz.text("log.filter", "info,proxy_dmz=debug");
        setup
            .inner
            .text("public.handshake_timeout", "1s")
            .text("public.ssid_timeout", "1s");
    })
}

/// A whole session of the usual partner works.
fn still_serves(world: &World) {
    let partner = Partner::of(world).connect(world.public()).expect("TLS");
    let offer = Offer::new("STILL.HERE", content(1, 1000));
    assert_eq!(
        partner
            .exchange(vec![offer])
            .expect("a whole session")
            .receipts
            .len(),
        1
    );
}

/// What a caller without TLS reads until the other side hangs up.
fn answer_to(world: &World, octets: &[u8]) -> Vec<u8> {
    let mut tcp = support::wire::connect(world.public()).expect("open");
    // The other side may hang up while we still write.
    drop(tcp.write_all(octets));
    let mut answer = Vec::new();
    match tcp.read_to_end(&mut answer) {
        Ok(_) => answer,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => answer,
        Err(error) => panic!("should have hung up, but: {error}"),
    }
}

#[test]
fn junk_before_tls_gets_at_most_a_tls_alert_and_opens_no_circuit() {
    let world = impatient_world();
    let mut random = Random::printed("junk");
    let mut samples = vec![
        b"GET / HTTP/1.1\r\nHost: oftp.example\r\n\r\n".to_vec(),
        b"IODETTE FTP READY \r".to_vec(),
        vec![0x16, 0x03, 0x01, 0xff, 0xff, 0x01],
        vec![0; 70_000],
        Vec::new(),
    ];
    for _ in 0..20 {
        let length = usize::try_from(random.below(2000)).expect("small");
        samples.push(content(random.next(), length));
    }
    for sample in &samples {
        let answer = answer_to(&world, sample);
        assert!(answer.len() <= 7, "no more than one alert: {answer:02x?}");
        assert!(
            answer.is_empty() || answer[0] == 0x15,
            "an alert or nothing: {answer:02x?}"
        );
    }
    assert_eq!(world.dmz.logs.count("A circuit opened."), 0);
    still_serves(&world);
}

#[test]
fn tls_without_oftp2_hears_the_ready_message_and_nothing_else() {
    let world = impatient_world();
    for said in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x10\x00\x00\x05R", b""] {
        let mut stranger = Partner::of(&world).connect(world.public()).expect("TLS");
        let ready = stranger.wire.hear().expect("the ready message");
        assert_eq!(ready.octets, b"IODETTE FTP READY \r");
        stranger.wire.write_raw(said).expect("still connected");
        let rest = stranger.wire.hear_all().expect("the other side hangs up");
        assert!(rest.is_empty(), "silence to {said:?}, but: {rest:02x?}");
    }
    assert_eq!(
        world.dmz.logs.count("A circuit opened."),
        0,
        "no circuit for strangers"
    );
    still_serves(&world);
}

#[test]
fn an_identification_that_never_ends_is_cut_off_at_its_deadline() {
    let world = impatient_world();
    let mark = world.dmz.logs.mark();
    let mut stranger = Partner::of(&world).connect(world.public()).expect("TLS");
    let local = stranger.wire.local().to_string();
    stranger.wire.hear().expect("the ready message");
    stranger
        .wire
        .write_raw(b"\x10\x00\x00\x41X5O0013")
        .expect("still connected");

    let rest = stranger.wire.hear_all().expect("the other side hangs up");

    assert!(rest.is_empty(), "without a word: {rest:02x?}");
    let line = world
        .dmz
        .logs
        .wait_from(mark, "the caller in the log", |line| {
            line.raw.contains(&local) && !line.says("A circuit")
        });
    assert!(
        line.raw.contains("SSID"),
        "the operator reads why: {}",
        line.raw
    );
    assert_eq!(world.dmz.logs.count("A circuit opened."), 0);
    still_serves(&world);
}

#[test]
fn a_first_frame_longer_than_an_identification_is_cut_off_without_being_read() {
    let world = impatient_world();
    let mut stranger = Partner::of(&world).connect(world.public()).expect("TLS");
    stranger.wire.hear().expect("the ready message");
    // A frame that announces the longest length there is, and an X as if it were an SSID.
    stranger
        .wire
        .write_raw(b"\x10\x01\x86\xa3X")
        .expect("still connected");
    let rest = stranger.wire.hear_all().expect("the other side hangs up");
    assert!(rest.is_empty(), "without a word: {rest:02x?}");
    still_serves(&world);
}

#[test]
fn a_handshake_that_never_ends_holds_nobody_up() {
    let world = impatient_world();
    let stuck: Vec<_> = (0..40)
        .map(|_| {
            let mut tcp = support::wire::connect(world.public()).expect("open");
            tcp.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
                .expect("sent");
            tcp
        })
        .collect();
    still_serves(&world);
    for mut tcp in stuck {
        let mut answer = Vec::new();
        drop(tcp.read_to_end(&mut answer));
        assert!(answer.len() <= 7, "at most an alert: {answer:02x?}");
    }
}

#[test]
fn a_caller_beyond_the_count_is_turned_away_and_the_others_go_on() {
    let world = World::with(|setup| {
        setup
            .inner
            .raw("public.sessions", "3")
            .raw("public.sessions_per_address", "3");
    });
    let mut inside: Vec<_> = (0..3)
        .map(|_| {
            let mut partner = Partner::of(&world).connect(world.public()).expect("TLS");
            partner.open().expect("a place is free");
            partner
        })
        .collect();
    let beyond = Partner::of(&world).connect(world.public());
    let turned_away = match beyond {
        Err(_) => true,
        Ok(mut partner) => partner.open().is_err(),
    };
    assert!(turned_away, "there is no fourth place");
    for partner in &mut inside {
        partner.finish().expect("the others are untouched");
    }
}

#[test]
fn a_broken_identification_is_told_to_the_operator_and_not_to_the_caller() {
    let world = impatient_world();
    let mark = world.dmz.logs.mark();
    let mut partner = Partner::of(&world)
        .breaks_at(Step::Ssid, |mut frame| {
            frame[44] = b'Q'; // neither S, R nor B
            Act::Send(frame)
        })
        .connect(world.public())
        .expect("TLS");
    let local = partner.wire.local().to_string();
    match partner.open() {
        Err(Ended::HungUp | Ended::Esid { .. }) => {}
        other => panic!("the session should have ended: {other:?}"),
    }
    world
        .dmz
        .logs
        .wait_from(mark, "the caller in the log", |line| {
            line.raw.contains(&local)
        });
    assert!(world.inner.delivered(directory::PARTNER).is_empty());
    still_serves(&world);
}
