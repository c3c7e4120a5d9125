//! Going on with broken transfers, both ways, in every format.

use std::fs;

use oftp::Level::{L2, L5};
use oftp::{Format, Security};
use proptest::prelude::*;

use super::{ACME, CIRCUIT, World, again, at, contents, names, offer, prefixed};
use crate::{Inbound, InboundRefusal, NewOutbound, Offer, Position, State, StoreError};

const MEBI: usize = 1024 * 1024;

fn of(n: u16, format: Format, record_length: u32) -> Offer {
    let mut offer = offer(n);
    offer.sfid.format = format;
    offer.sfid.record_length = record_length;
    offer
}

fn at_block(answer: u64) -> Position {
    Position {
        answer,
        octets: answer * 1024,
    }
}

fn stored(world: &World, inbound: &Inbound) -> Vec<u8> {
    fs::read(world.path("spool").join(format!("in-{}", inbound.id()))).unwrap()
}

#[test]
fn goes_on_from_the_last_whole_block_of_what_was_interrupted() {
    let world = World::new();
    let content: Vec<u8> = (0..5_000_u32).map(|n| n.to_be_bytes()[3]).collect();
    let mut inbound = world.begin(offer(1)).unwrap();
    assert_eq!(inbound.position(), Position::START);
    inbound.write(&content[..2_500], &[]).unwrap();
    let id = inbound.id();
    inbound.interrupted("the circuit was cut", at(1)).unwrap();
    let transfer = world.transfer(id);
    assert_eq!(
        (transfer.state, transfer.restart),
        (State::Interrupted, at_block(2))
    );

    let world = world.reopened();
    let mut inbound = world.begin(again(offer(1), 9)).unwrap();
    assert_eq!((inbound.id(), inbound.position()), (id, at_block(2)));
    assert_eq!(inbound.octets(), 2_048);
    assert_eq!(stored(&world, &inbound), content[..2_048]);
    inbound.write(&content[2_048..], &[]).unwrap();
    assert_eq!(inbound.finish(at(2)).unwrap().octets(), 5_000);
    let path = world.deliver(id, at(3));
    assert_eq!(fs::read(path).unwrap(), content);
    let wanted = [
        "receiving",
        "interrupted",
        "receiving",
        "received",
        "delivered",
    ];
    assert_eq!(world.steps(id), wanted);
}

#[test]
fn goes_on_from_where_the_partner_offers_when_that_is_earlier() {
    let world = World::new();
    for (n, offered, wanted) in [(1, 1, 1), (2, 2, 2), (3, 3, 2), (4, 0, 0)] {
        let mut inbound = world.begin(offer(n)).unwrap();
        inbound.write(&[7; 3_000], &[]).unwrap();
        drop(inbound);
        // Dropped before a checkpoint, nothing is known to be on disk.
        let inbound = world.begin(again(offer(n), 2)).unwrap();
        assert_eq!(inbound.position(), Position::START);
        drop(inbound);

        let mut inbound = world.begin(offer(n)).unwrap();
        inbound.write(&[7; 3_000], &[]).unwrap();
        inbound.interrupted("cut", at(1)).unwrap();
        let inbound = world.begin(again(offer(n), offered)).unwrap();
        assert_eq!(inbound.position(), at_block(wanted), "offered {offered}");
        assert_eq!(
            stored(&world, &inbound).len() as u64,
            wanted * 1024,
            "offered {offered}"
        );
    }
}

#[test]
fn begins_anew_where_restart_is_not_agreed_or_the_file_is_of_another_make() {
    let world = World::new();
    let begun = |change: fn(&mut Offer)| {
        let mut inbound = world.begin(offer(1)).unwrap();
        inbound.write(&[7; 3_000], &[]).unwrap();
        inbound.interrupted("cut", at(1)).unwrap();
        let mut offer = again(offer(1), 2);
        change(&mut offer);
        let inbound = world.begin(offer).unwrap();
        let begun = (inbound.position(), stored(&world, &inbound).len());
        inbound.abandon("tried", at(2)).unwrap();
        begun
    };
    assert_eq!(begun(|_| {}), (at_block(2), 2048));
    let anew = (Position::START, 0);
    assert_eq!(begun(|offer| offer.restart = false), anew);
    assert_eq!(begun(|offer| offer.sfid.format = Format::Text), anew);
    assert_eq!(
        begun(|offer| {
            offer.sfid.format = Format::Fixed;
            offer.sfid.record_length = 80;
        }),
        anew
    );
    assert_eq!(begun(|offer| offer.sfid.size_blocks = 2), anew);
    assert_eq!(begun(|offer| offer.sfid.original_blocks = 2), anew);
    // A level below 5 does not tell the original size.
    let untold = begun(|offer| offer.sfid.original_blocks = 0);
    assert_eq!(untold, (at_block(2), 2048));
    assert!(names(&world.path("spool")).is_empty());
}

#[test]
fn begins_anew_where_the_services_of_a_file_have_changed() {
    let world = World::new();
    let secured = |n| {
        let mut offer = offer(n);
        offer.sfid.security = Security::Encrypted;
        offer.sfid.cipher = 1;
        offer.sfid.envelope = true;
        offer
    };
    let begun = |n, change: fn(&mut Offer)| {
        let mut inbound = world.begin(secured(n)).unwrap();
        inbound.write(&[7; 3_000], &[]).unwrap();
        inbound.interrupted("cut", at(1)).unwrap();
        let mut offer = again(secured(n), 2);
        change(&mut offer);
        world.begin(offer).unwrap().position()
    };
    assert_eq!(begun(1, |_| {}), at_block(2));
    let changes: [fn(&mut Offer); 4] = [
        |offer| offer.sfid.security = Security::EncryptedAndSigned,
        |offer| offer.sfid.cipher = 2,
        |offer| offer.sfid.compression = true,
        |offer| offer.sfid.envelope = false,
    ];
    for (n, change) in (2..).zip(changes) {
        assert_eq!(begun(n, change), Position::START, "case {n}");
    }
}

#[test]
fn what_cannot_be_taken_up_leaves_nothing_behind() {
    let world = World::new();
    let mut inbound = world.begin(offer(1)).unwrap();
    inbound.write(&[7; 3_000], &[]).unwrap();
    let id = inbound.id();
    inbound.interrupted("cut", at(1)).unwrap();
    let spool = world.path("spool").join(format!("in-{id}"));
    fs::remove_file(&spool).unwrap();
    std::os::unix::fs::symlink("/", &spool).unwrap();
    assert!(world.begin(again(offer(1), 2)).is_err());
    assert_eq!(world.state(id), State::Failed);
    assert!(names(&world.path("spool")).is_empty());
    let inbound = world.begin(again(offer(1), 2)).unwrap();
    assert_eq!(inbound.position(), Position::START);
}

#[test]
fn does_not_go_on_from_what_is_no_longer_on_disk() {
    let world = World::new();
    let mut inbound = world.begin(offer(1)).unwrap();
    inbound.write(&[7; 3_000], &[]).unwrap();
    let spool = world.path("spool").join(format!("in-{}", inbound.id()));
    inbound.interrupted("cut", at(1)).unwrap();
    fs::write(&spool, [7; 2_047]).unwrap();
    let inbound = world.begin(again(offer(1), 2)).unwrap();
    assert_eq!(inbound.position(), Position::START);
    drop(inbound);
    fs::remove_file(&spool).unwrap();
    let inbound = world.begin(again(offer(1), 2)).unwrap();
    assert_eq!(inbound.position(), Position::START);
}

#[test]
fn goes_on_by_records_in_files_of_fixed_and_of_variable_records() {
    let world = World::new();
    let mut inbound = world.begin(of(1, Format::Fixed, 10)).unwrap();
    inbound
        .write(b"0123456789abcdefghij01234", &[10, 20])
        .unwrap();
    let fixed = inbound.id();
    inbound.interrupted("cut", at(1)).unwrap();
    let mut inbound = world.begin(again(of(1, Format::Fixed, 10), 5)).unwrap();
    let two = Position {
        answer: 2,
        octets: 20,
    };
    assert_eq!((inbound.position(), inbound.records()), (two, 2));
    inbound.write(b"0123456789", &[10]).unwrap();
    assert_eq!((inbound.octets(), inbound.records()), (30, 3));
    inbound.finish(at(2)).unwrap();
    assert_eq!(
        fs::read(world.deliver(fixed, at(3))).unwrap(),
        b"0123456789abcdefghij0123456789"
    );
    assert_eq!(world.transfer(fixed).records, 3);

    let variable = || of(2, Format::Variable, 100);
    let mut inbound = world.begin(variable()).unwrap();
    inbound.write(b"onetwo", &[3, 3]).unwrap();
    inbound.write(b"hal", &[]).unwrap();
    assert_eq!((inbound.octets(), inbound.records()), (9, 2));
    let id = inbound.id();
    inbound.interrupted("cut", at(1)).unwrap();
    let held = Position {
        answer: 2,
        octets: 3,
    };
    assert_eq!(world.transfer(id).restart, held);
    // The partner goes on one record earlier.
    let mut inbound = world.begin(again(variable(), 1)).unwrap();
    assert_eq!(stored(&world, &inbound), prefixed(&[b"one"]));
    assert_eq!((inbound.octets(), inbound.records()), (3, 1));
    inbound.write(b"TWOthree", &[0, 3, 8]).unwrap();
    inbound.finish(at(2)).unwrap();
    let path = world.deliver(id, at(3));
    assert_eq!(
        fs::read(path).unwrap(),
        prefixed(&[b"one", b"", b"TWO", b"three"])
    );
    let transfer = world.transfer(id);
    assert_eq!((transfer.octets, transfer.records), (11, 4));
}

#[test]
fn counts_a_secured_file_in_blocks_whatever_its_format() {
    let world = World::new();
    let mut secured = of(1, Format::Variable, 100);
    secured.sfid.security = Security::Encrypted;
    let mut inbound = world.begin(secured.clone()).unwrap();
    inbound.write(&[7; 1_500], &[]).unwrap();
    inbound.interrupted("cut", at(1)).unwrap();
    let inbound = world.begin(again(secured, 1)).unwrap();
    assert_eq!(inbound.position(), at_block(1));
}

#[test]
fn refuses_a_record_longer_than_any_and_one_without_end() {
    let world = World::new();
    let mut inbound = world.begin(of(1, Format::Variable, 99_999)).unwrap();
    inbound.write(&[7; 99_999], &[99_999]).unwrap();
    inbound.write(&[7; 60_000], &[]).unwrap();
    assert!(matches!(
        inbound.write(&[7; 40_000], &[]),
        Err(StoreError::Refused(_))
    ));
    let id = inbound.id();
    inbound
        .interrupted("the partner is at fault", at(1))
        .unwrap();
    assert_eq!(
        world.state(id),
        State::Failed,
        "what was written is not what was counted"
    );
    assert!(names(&world.path("spool")).is_empty());

    let mut inbound = world.begin(of(2, Format::Variable, 100)).unwrap();
    inbound.write(b"no end", &[]).unwrap();
    assert!(matches!(inbound.finish(at(1)), Err(StoreError::Refused(_))));
}

#[test]
fn notes_every_32_mebioctets_what_is_on_disk() {
    let world = World::new();
    let piece = vec![7; MEBI];
    let mut inbound = world.begin(offer(1)).unwrap();
    for _ in 0..40 {
        inbound.write(&piece, &[]).unwrap();
    }
    let id = inbound.id();
    assert_eq!(world.transfer(id).restart, at_block(32 * 1024));
    drop(inbound);
    assert_eq!(world.state(id), State::Interrupted);
    let mut inbound = world.begin(again(offer(1), 40 * 1024)).unwrap();
    assert_eq!(inbound.position(), at_block(32 * 1024));
    for _ in 0..8 {
        inbound.write(&piece, &[]).unwrap();
    }
    inbound.finish(at(1)).unwrap();
    let path = world.deliver(id, at(2));
    assert_eq!(fs::metadata(path).unwrap().len(), 40 * MEBI as u64);
}

#[test]
fn refuses_a_file_received_at_another_level_by_the_time_a_short_stamp_has() {
    let world = World::new();
    let first = world.receive(offer(7), b"x");
    let mut short = offer(1);
    short.level = L2;
    short.sfid.stamp = "202611211000000000".parse().unwrap();
    match world.begin(short.clone()) {
        Err(InboundRefusal::Duplicate { earlier, .. }) => assert_eq!(earlier, first.id()),
        other => panic!("{other:?}"),
    }
    short.sfid.stamp = "202611211000010000".parse().unwrap();
    world.receive(short, b"another second");
    // At level 5 the counter tells them apart.
    world.receive(offer(8), b"y");
}

#[test]
fn gives_up_interrupted_files_that_never_go_on() {
    let world = World::new();
    let mut inbound = world.begin(offer(1)).unwrap();
    inbound.write(&[7; 3_000], &[]).unwrap();
    let id = inbound.id();
    inbound.interrupted("cut", at(10)).unwrap();
    assert!(world.store.expire(at(10), at(20)).unwrap().is_empty());
    assert_eq!(world.store.expire(at(11), at(20)).unwrap(), [id]);
    assert_eq!(world.state(id), State::Failed);
    assert!(names(&world.path("spool")).is_empty());
    let inbound = world.begin(again(offer(1), 2)).unwrap();
    assert_ne!(inbound.id(), id);
    assert_eq!(inbound.position(), Position::START);
}

#[test]
fn offers_to_go_on_from_where_an_attempt_came() {
    let world = World::new();
    let content: Vec<u8> = (0..5_000_u32).map(|n| n.to_be_bytes()[3]).collect();
    let id = world.send(ACME, "f", &content);
    let claim = |restart| {
        let claim = world
            .store
            .claim_file(ACME, CIRCUIT, L5, restart, at(1))
            .unwrap()
            .unwrap();
        assert_eq!(claim.id(), id);
        claim
    };
    let first = claim(true);
    assert_eq!((first.restart(), first.sfid().restart), (0, 0));
    drop(first.open(0).unwrap());
    first.interrupted("cut", 3, at(2)).unwrap();

    let second = claim(true);
    assert_eq!((second.restart(), second.sfid().restart), (3, 3));
    for answer in 0..=3 {
        let from = usize::try_from(answer).unwrap() * 1024;
        assert_eq!(contents(&second, answer).0, content[from..]);
    }
    assert!(matches!(second.open(4), Err(StoreError::Refused(_))));
    second.interrupted("cut", 4, at(3)).unwrap();

    let without = claim(false);
    assert_eq!(without.restart(), 0, "restart is not agreed");
    // It ended before the partner had said anything: what was noted stands.
    without.interrupted("cut", 0, at(4)).unwrap();
    let third = claim(true);
    assert_eq!(third.restart(), 4);
    third
        .restart_denied("the partner begins anew", at(5))
        .unwrap();
    let fourth = claim(true);
    assert_eq!(fourth.restart(), 0);
    // At its end, all of its blocks may be with the partner; a part of one is none.
    drop(fourth.open(0).unwrap());
    fourth.interrupted("cut", 5, at(6)).unwrap();
    let mut last = claim(true);
    assert_eq!(last.restart(), 4);
    last.fully_offered(at(7)).unwrap();
    last.refused(oftp::FileReason(11), "", Some(at(8)), at(8))
        .unwrap();
    assert_eq!(world.transfer(id).restart, Position::START, "EFNA");
}

#[test]
fn notes_on_the_way_how_far_a_file_has_gone_out() {
    let world = World::new();
    let record = vec![b'x'; 65_536];
    let mut intake = world
        .store
        .begin_outbound(
            NewOutbound {
                format: Format::Variable,
                ..NewOutbound::new(ACME, "v")
            },
            at(0),
        )
        .unwrap();
    for _ in 0..600 {
        intake.write(&prefixed(&[&record])).unwrap();
    }
    let id = intake.finish(at(0)).unwrap();
    let stream = world.send(ACME, "u", &vec![7; 40 * MEBI]);
    let claim = || {
        world
            .store
            .claim_file(ACME, CIRCUIT, L5, true, at(1))
            .unwrap()
            .unwrap()
    };
    let variable = claim();
    let mut file = variable.open(0).unwrap();
    let (mut octets, mut ends) = (Vec::new(), Vec::new());
    while !file.read(&mut octets, &mut ends, MEBI).unwrap() {}
    variable.progress(31 * MEBI as u64);
    variable.progress(33 * MEBI as u64);
    let unstructured = claim();
    unstructured.open(0).unwrap();
    unstructured.progress(31 * MEBI as u64);
    unstructured.progress(32 * MEBI as u64 + 1);
    // As after a kill: nobody says how the attempts ended.
    assert_eq!(
        world.transfer(id).restart,
        Position {
            answer: 512,
            octets: 32 * MEBI as u64
        }
    );
    assert_eq!(world.transfer(stream).restart, at_block(32 * 1024));
}

#[test]
fn begins_anew_when_a_file_is_sent_again_under_another_stamp() {
    let world = World::new();
    let id = world.send(ACME, "f", &[7; 5_000]);
    let claim = || {
        world
            .store
            .claim_file(ACME, CIRCUIT, L5, true, at(1))
            .unwrap()
            .unwrap()
    };
    let first = claim();
    first.open(0).unwrap();
    first.interrupted("cut", 2, at(2)).unwrap();
    world.store.expire(at(3), at(3)).unwrap();
    world.store.retry(id, at(4)).unwrap();
    assert_eq!(claim().restart(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_cut_of_any_records_arrives_as_it_was_sent(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
        pieces in prop::collection::vec(1_usize..30, 1..40),
        cut in 0_usize..40,
        earlier in 0_u64..4,
    ) {
        let world = World::new();
        let refs: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let new = NewOutbound { format: Format::Variable, ..NewOutbound::new(ACME, "v") };
        let sent = world.hand_over(new, &prefixed(&refs));
        let claim = world.store.claim_file(ACME, CIRCUIT, L5, true, at(1)).unwrap().unwrap();
        prop_assert_eq!(claim.id(), sent);
        let mut inbound = world.begin(of(1, Format::Variable, 100)).unwrap();
        let mut file = claim.open(0).unwrap();
        for piece in pieces.iter().take(cut) {
            let (mut octets, mut ends) = (Vec::new(), Vec::new());
            file.read(&mut octets, &mut ends, *piece).unwrap();
            inbound.write(&octets, &ends).unwrap();
        }
        let reached = inbound.records();
        inbound.interrupted("cut", at(2)).unwrap();
        claim.interrupted("cut", reached, at(2)).unwrap();

        let claim = world.store.claim_file(ACME, CIRCUIT, L5, true, at(3)).unwrap().unwrap();
        prop_assert_eq!(claim.restart(), reached);
        let offered = reached.saturating_sub(earlier);
        let mut inbound = world.begin(again(of(1, Format::Variable, 100), offered)).unwrap();
        prop_assert_eq!(inbound.position().answer, offered);
        let mut file = claim.open(inbound.position().answer).unwrap();
        loop {
            let (mut octets, mut ends) = (Vec::new(), Vec::new());
            let last = file.read(&mut octets, &mut ends, pieces[0]).unwrap();
            inbound.write(&octets, &ends).unwrap();
            if last { break }
        }
        prop_assert_eq!(inbound.records(), records.len() as u64);
        prop_assert_eq!(inbound.octets(), claim.octets());
        prop_assert_eq!(inbound.records(), claim.records());
        let synced = inbound.finish(at(4)).unwrap();
        let path = world.deliver(synced.id(), at(5));
        prop_assert_eq!(fs::read(path).unwrap(), prefixed(&refs));
    }
}
