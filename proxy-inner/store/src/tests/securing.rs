//! Files to send that are secured first.

use std::fs;
use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use oftp::Level::{L2, L5};
use oftp::{FileReason, Format, Security};

use super::guise::{HASHED, SECURED, all_of, disguised, hash, secure, undisguised, work};
use super::{ACME, CIRCUIT, World, arrived, at, contents, eerp, names, nerp, partner, prefixed};
use crate::{
    AlreadyThere, Direction, EvidenceKind, Filter, NewOutbound, Partner, RecordForm, Services,
    State, Store, StoreError, StoreOptions,
};

const CLEAR: &[u8] = b"the clear file";

fn new() -> NewOutbound {
    NewOutbound::new(ACME, "f")
}

fn spool(world: &World) -> Vec<String> {
    names(&world.path("spool"))
}

#[test]
fn sends_what_was_written_in_place_of_the_clear_file() {
    let world = World::new();
    let id = world.hand_over_with(SECURED, new(), CLEAR);
    assert_eq!(spool(&world), [format!("clear-{id}")]);
    let waiting = world.transfer(id);
    assert_eq!(
        (waiting.state, waiting.octets, waiting.clear_octets),
        (State::Securing, 14, 14)
    );
    assert!(waiting.hash.is_empty());
    let none = world.store.claim_file(ACME, CIRCUIT, L5, true, at(1));
    assert!(none.unwrap().is_none());

    let mut claim = world.securing();
    assert!(world.store.claim_securing(at(1)).unwrap().is_none());
    assert_eq!(all_of(claim.clear().unwrap()), CLEAR);
    let secured = disguised(CLEAR);
    let mut stale = claim.target().unwrap();
    stale.write_all(b"an attempt that came to nothing").unwrap();
    let mut target = claim.target().unwrap();
    for piece in secured.chunks(3) {
        target.write_all(piece).unwrap();
    }
    assert_eq!(world.transfer(id).progress, Some(23));
    claim.finish(hash(&secured), Vec::new(), at(2)).unwrap();
    assert_eq!(
        target.write(b"more").unwrap_err().kind(),
        ErrorKind::Other,
        "the claim has ended"
    );

    let claim = world.claim();
    let sfid = claim.sfid();
    assert_eq!(
        (sfid.security, sfid.cipher, sfid.compression, sfid.envelope),
        (Security::EncryptedAndSigned, 4, false, true)
    );
    assert!(sfid.signed_receipt);
    assert_eq!((sfid.size_blocks, sfid.original_blocks), (1, 1));
    assert_eq!(contents(&claim, 0).0, secured);
    let transfer = claim.transfer();
    assert_eq!((transfer.octets, transfer.clear_octets), (23, 14));
    assert_eq!(transfer.hash, hash(&secured));
    claim.sent(at(4)).unwrap();
    assert_eq!(spool(&world), [format!("clear-{id}"), format!("out-{id}")]);
    assert_eq!(
        world.steps(id),
        ["securing", "secured", "queued", "sending", "sent"]
    );

    let receipt = arrived(world.transfer(id).file, eerp());
    world
        .store
        .receipt_arrived(ACME, receipt, CIRCUIT, at(5))
        .unwrap();
    assert!(spool(&world).is_empty());
}

#[test]
fn hashes_a_file_that_only_asks_for_a_signed_receipt() {
    let world = World::new();
    let records: &[&[u8]] = &[b"one", b"", b"three"];
    let new = NewOutbound {
        format: Format::Variable,
        ..new()
    };
    let id = world.hand_over_with(HASHED, new, &prefixed(records));
    assert_eq!(spool(&world), [format!("out-{id}")]);
    let mut claim = world.securing();
    assert!(!claim.is_secured());
    assert!(matches!(claim.target(), Err(StoreError::Refused(_))));
    // no lengths are hashed with a plain file.
    assert_eq!(all_of(claim.virtual_file().unwrap()), b"onethree");
    secure(claim, at(2)).unwrap();
    let claim = world.claim();
    assert!(claim.has_records() && !claim.sfid().envelope);
    assert_eq!(claim.sfid().cipher, 4);
    assert_eq!(contents(&claim, 0), (b"onethree".to_vec(), vec![3, 3, 8]));
    assert_eq!(claim.transfer().hash, hash(b"onethree"));
}

///
#[test]
fn gives_records_their_lengths_only_where_they_are_secured() {
    let world = World::new();
    let records: &[&[u8]] = &[b"one", b"", b"three"];
    let variable = NewOutbound {
        format: Format::Variable,
        records: RecordForm::Lines,
        ..new()
    };
    let id = world.hand_over_with(SECURED, variable, b"one\n\nthree\n");
    let claim = world.securing();
    assert_eq!(
        all_of(claim.clear().unwrap()),
        b"\x00\x03one\x00\x00\x00\x05three"
    );
    assert_eq!(claim.clear_octets(), 14);
    secure(claim, at(2)).unwrap();
    let claim = world.claim();
    let sfid = claim.sfid();
    assert_eq!((sfid.format, sfid.record_length), (Format::Variable, 5));
    assert_eq!((sfid.size_blocks, sfid.original_blocks), (1, 1));
    assert_eq!((claim.records(), claim.has_records()), (0, false));
    let (octets, ends) = contents(&claim, 0);
    assert!(ends.is_empty());
    assert_eq!(octets.len() as u64, claim.octets());
    assert_eq!(
        undisguised(&octets).unwrap(),
        b"\x00\x03one\x00\x00\x00\x05three"
    );
    assert_eq!(
        world.transfer(id).clear_octets,
        records.concat().len() as u64
    );

    let fixed = NewOutbound {
        format: Format::Fixed,
        record_length: 4,
        ..new()
    };
    world.hand_over_with(SECURED, fixed, b"12345678");
    let claim = world.securing();
    assert_eq!(all_of(claim.clear().unwrap()), b"12345678");
    assert_eq!(claim.clear_octets(), 8);
}

///
#[test]
fn refuses_a_record_too_long_for_its_length_in_two_octets() {
    let world = World::new();
    let hand_over = |services: Services, length: usize| {
        let new = NewOutbound {
            format: Format::Variable,
            services: Some(services),
            ..new()
        };
        let mut intake = world.store.begin_outbound(new, at(0)).unwrap();
        let record = vec![7; length];
        intake.write(&prefixed(&[&record]))?;
        intake.finish(at(0))
    };
    let compressed = Services {
        compression: true,
        ..Services::default()
    };
    hand_over(SECURED, 65_535).unwrap();
    hand_over(HASHED, 65_536).unwrap();
    hand_over(Services::default(), 99_999).unwrap();
    for services in [SECURED, compressed] {
        let error = hand_over(services, 65_536).unwrap_err();
        assert!(error.to_string().contains("65535"), "{error}");
    }
    let named = NewOutbound {
        format: Format::Variable,
        record_length: 65_536,
        services: Some(SECURED),
        ..new()
    };
    let error = world.store.begin_outbound(named, at(0)).unwrap_err();
    assert!(error.to_string().contains("65535"), "{error}");
}

#[test]
fn takes_the_services_of_the_partner_unless_told_otherwise() {
    let world = World::new();
    let terms = Partner {
        security: Security::Encrypted,
        ..partner(ACME)
    };
    assert_eq!(Services::of(&terms).suite, 4);
    assert!(Services::of(&partner(ACME)).is_none());
    let without = world.hand_over_with(Services::default(), new(), CLEAR);
    assert_eq!(world.state(without), State::Queued);
    let plain = world.hand_over(new(), CLEAR);
    assert_eq!(world.state(plain), State::Queued);
    let nameless = Services {
        suite: 0,
        ..SECURED
    };
    let new = NewOutbound {
        services: Some(nameless),
        ..new()
    };
    let error = world.store.begin_outbound(new, at(0)).unwrap_err();
    assert!(error.to_string().contains("suite"), "{error}");
}

#[test]
fn tells_its_worker_when_there_is_something_to_do() {
    let world = World::new();
    let (told, files) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (counted, sent) = (Arc::clone(&told), Arc::clone(&files));
    world.store.on_security(Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    }));
    world.store.on_work(Box::new(move || {
        sent.fetch_add(1, Ordering::SeqCst);
    }));
    assert_eq!(world.store.security_due().unwrap(), None);
    world.hand_over(new(), CLEAR);
    assert_eq!(
        (told.load(Ordering::SeqCst), files.load(Ordering::SeqCst)),
        (0, 1)
    );
    world.hand_over_with(SECURED, new(), CLEAR);
    assert_eq!(
        (told.load(Ordering::SeqCst), files.load(Ordering::SeqCst)),
        (1, 1)
    );
    assert_eq!(world.store.security_due().unwrap(), Some(at(0)));
    let claim = world.securing();
    assert_eq!(world.store.security_due().unwrap(), None, "it is in hand");
    secure(claim, at(1)).unwrap();
    assert_eq!(
        (told.load(Ordering::SeqCst), files.load(Ordering::SeqCst)),
        (1, 2)
    );
}

#[test]
fn tries_again_what_was_dropped_and_later_what_is_held() {
    let world = World::new();
    let first = world.hand_over_with(SECURED, new(), CLEAR);
    let second = world.hand_over_with(SECURED, new(), CLEAR);
    let mut claim = world.securing();
    assert_eq!(claim.transfer().id, first);
    claim.target().unwrap().write_all(b"half of it").unwrap();
    drop(claim);
    let clears = [format!("clear-{first}"), format!("clear-{second}")];
    let mut wanted = clears.to_vec();
    wanted.sort();
    assert_eq!(spool(&world), wanted);

    let claim = world.securing();
    assert_eq!(claim.transfer().id, first, "dropped, it is due at once");
    claim.held("no key is there", at(60), at(1)).unwrap();
    let held = world.transfer(first);
    assert_eq!(held.state, State::Securing);
    assert_eq!(held.reason.as_deref(), Some("no key is there"));
    assert_eq!(held.not_before, Some(at(60)));
    let counts = world.store.counts().unwrap();
    assert_eq!(counts.held, 1);
    assert_eq!(counts.of(Direction::Out, State::Securing), 2);
    let filter = Filter {
        held: true,
        ..Filter::default()
    };
    let listed = world.store.transfers(filter).unwrap();
    assert_eq!(
        listed.iter().map(|held| held.id).collect::<Vec<_>>(),
        [first]
    );

    let claim = world.securing();
    assert_eq!(claim.transfer().id, second);
    secure(claim, at(2)).unwrap();
    assert!(world.store.claim_securing(at(59)).unwrap().is_none());
    assert_eq!(world.store.security_due().unwrap(), Some(at(60)));
    // The same reason again is told once only.
    let claim = world.store.claim_securing(at(60)).unwrap().unwrap();
    claim.held("no key is there", at(120), at(60)).unwrap();
    assert_eq!(world.steps(first), ["securing", "held"]);
    world.store.release_held().unwrap();
    secure(world.securing(), at(61)).unwrap();
    assert_eq!(world.transfer(first).reason, None);
}

#[test]
fn secures_anew_what_is_sent_again() {
    let world = World::new();
    let id = world.hand_over_with(SECURED, new(), CLEAR);
    world
        .securing()
        .failed("the certificate has expired", at(1))
        .unwrap();
    assert_eq!(world.state(id), State::Failed);
    assert_eq!(spool(&world), [format!("clear-{id}")]);
    world.store.retry(id, at(2)).unwrap();
    assert_eq!(world.state(id), State::Securing);
    work(&world.store, at(2));
    let claim = world.claim();
    let first = contents(&claim, 0).0;
    let stamp = claim.file().stamp;
    claim.sent(at(3)).unwrap();

    let receipt = arrived(world.transfer(id).file, nerp(33, "cannot decrypt"));
    world
        .store
        .receipt_arrived(ACME, receipt, CIRCUIT, at(4))
        .unwrap();
    assert_eq!(world.state(id), State::Rejected);
    world.store.retry(id, at(5)).unwrap();
    let again = world.transfer(id);
    assert_eq!((again.state, again.octets), (State::Securing, 14));
    assert!(again.hash.is_empty() && again.file.stamp != stamp);
    work(&world.store, at(5));
    let claim = world.claim();
    let second = contents(&claim, 0).0;
    assert_ne!(first, second);
    assert_eq!(undisguised(&second).unwrap(), CLEAR);
    assert_eq!(claim.transfer().hash, hash(&second));
    let evidence = world.store.evidence(id).unwrap();
    let kinds: Vec<_> = evidence.certificates.iter().map(|used| used.what).collect();
    assert_eq!(
        kinds,
        [EvidenceKind::SignedWith, EvidenceKind::EncryptedFor]
    );
}

#[test]
fn sends_the_same_octets_again_where_the_partner_may_have_them() {
    let world = World::new();
    let compressed = Services {
        compression: true,
        ..Services::default()
    };
    let id = world.hand_over_with(compressed, new(), CLEAR);
    let mut claim = world.securing();
    claim.target().unwrap().write_all(b"compressed").unwrap();
    // Without a suite nobody hashes it.
    claim.finish(Vec::new(), Vec::new(), at(1)).unwrap();
    let mut claim = world.claim();
    let first = contents(&claim, 0).0;
    claim.fully_offered(at(3)).unwrap();
    claim.failed("its disk cannot be read", at(4)).unwrap();
    world.store.retry(id, at(5)).unwrap();
    assert_eq!(world.state(id), State::Queued);
    let claim = world.claim();
    assert_eq!(contents(&claim, 0).0, first);
    assert_eq!(claim.already_there(at(6)).unwrap(), AlreadyThere::Sent);
}

#[test]
fn goes_on_with_the_same_octets_after_an_interruption_and_a_restart() {
    let world = World::new();
    let content = b"0123456789".repeat(1_000);
    world.hand_over_with(SECURED, new(), &content);
    work(&world.store, at(1));
    let claim = world.claim();
    let whole = contents(&claim, 0).0;
    claim.interrupted("cut", 4, at(4)).unwrap();
    let world = world.reopened();
    let claim = world.claim();
    assert_eq!((claim.restart(), claim.sfid().restart), (4, 4));
    assert_eq!(contents(&claim, 4).0, whole[4096..]);
}

#[test]
fn forgets_what_is_discarded_acknowledged_or_old() {
    let world = World::new();
    let id = world.hand_over_with(SECURED, new(), CLEAR);
    work(&world.store, at(1));
    let claim = world.claim();
    let reason = FileReason::INVALID_DESTINATION;
    claim.refused(reason, "", None, at(3)).unwrap();
    assert_eq!(spool(&world).len(), 2);
    let world = world.reopened();
    assert_eq!(spool(&world).len(), 2);
    world.store.discard(id, at(4)).unwrap();
    assert!(spool(&world).is_empty());
    let error = world.store.retry(id, at(4)).unwrap_err();
    assert!(error.to_string().contains("hand it over again"), "{error}");

    let id = world.hand_over_with(SECURED, new(), CLEAR);
    world.securing().failed("no certificate", at(1)).unwrap();
    assert_eq!(world.store.prune(at(5), at(5)).unwrap(), 2);
    assert!(spool(&world).is_empty());
    assert!(world.store.transfer(id).unwrap().is_none());
}

#[test]
fn gives_up_what_waits_too_long_unless_it_is_in_hand() {
    let world = World::new();
    let id = world.hand_over_with(SECURED, new(), CLEAR);
    let claim = world.securing();
    assert!(world.store.expire(at(60), at(60)).unwrap().is_empty());
    claim.held("no key is there", at(120), at(61)).unwrap();
    assert_eq!(world.store.expire(at(60), at(62)).unwrap(), [id]);
    let failed = world.transfer(id);
    assert_eq!(failed.state, State::Failed);
    assert!(failed.reason.unwrap().contains("no key is there"));
    world.store.retry(id, at(63)).unwrap();
    assert!(world.store.expire(at(60), at(64)).unwrap().is_empty());
    work(&world.store, at(64));
    assert_eq!(world.state(id), State::Queued);
}

#[test]
fn fails_what_a_lower_level_cannot_carry() {
    let world = World::new();
    let secured = world.hand_over_with(SECURED, new(), CLEAR);
    let hashed = world.hand_over_with(HASHED, new(), CLEAR);
    work(&world.store, at(1));
    let claimed = world
        .store
        .claim_file(ACME, CIRCUIT, L2, true, at(2))
        .unwrap();
    assert!(claimed.is_none());
    for (id, why) in [(secured, "secured"), (hashed, "signed receipt")] {
        let transfer = world.transfer(id);
        assert_eq!(transfer.state, State::Failed);
        assert!(transfer.reason.unwrap().contains(why));
    }
}

#[test]
fn keeps_the_reserve_while_it_writes() {
    let World { dir, store } = World::new();
    let world = World { dir, store };
    let id = world.hand_over_with(SECURED, new(), CLEAR);
    let World { dir, store } = world;
    drop(store);
    let options = StoreOptions {
        reserve: u64::MAX / 2,
        ..StoreOptions::default()
    };
    let store = Store::open(dir.path(), options).unwrap();
    let mut claim = store.claim_securing(at(1)).unwrap().unwrap();
    let refused = claim.target();
    match refused {
        Err(StoreError::NoSpace { needed, .. }) => assert_eq!(needed, u64::MAX / 2 + 14),
        other => panic!("{other:?}"),
    }
    claim.held("no space", at(60), at(1)).unwrap();
    assert_eq!(names(&dir.path().join("spool")), [format!("clear-{id}")]);
    let compressed = NewOutbound {
        services: Some(Services {
            compression: true,
            ..Services::default()
        }),
        ..new()
    };
    assert!(
        store
            .begin_outbound(compressed, at(0))
            .unwrap()
            .write(CLEAR)
            .is_err()
    );
}

#[test]
fn tells_a_clear_file_that_someone_wrote_to() {
    let world = World::new();
    let id = world.hand_over_with(SECURED, new(), CLEAR);
    let path = world.path(&format!("spool/clear-{id}"));
    let mut file = fs::File::options().append(true).open(path).unwrap();
    file.write_all(b"!").unwrap();
    let claim = world.securing();
    assert!(matches!(claim.clear(), Err(StoreError::Altered { .. })));
}

#[test]
fn queues_nothing_that_was_not_written() {
    let world = World::new();
    let id = world.hand_over_with(SECURED, new(), CLEAR);
    let claim = world.securing();
    let error = claim.finish(vec![1], Vec::new(), at(2)).unwrap_err();
    assert!(error.to_string().contains("nothing was written"), "{error}");
    assert_eq!(world.state(id), State::Securing);
    work(&world.store, at(3));
    assert_eq!(world.state(id), State::Queued);
}

#[test]
fn secures_files_of_the_outbox_by_the_terms_of_the_partner() {
    let world = World::new();
    let terms = Partner {
        file_compression: true,
        format: Format::Variable,
        records: RecordForm::Lines,
        ..partner(ACME)
    };
    world.store.put_partner(terms).unwrap();
    fs::write(world.path("outbox/ACME/f"), b"one\ntwo\n").unwrap();
    let report = world.store.scan_outbox(at(1)).unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
    let [id] = report.queued[..] else {
        panic!("{report:?}");
    };
    assert_eq!(world.state(id), State::Securing);
    assert_eq!(spool(&world), [format!("clear-{id}")]);
    let claim = world.securing();
    assert_eq!(all_of(claim.clear().unwrap()), b"\x00\x03one\x00\x03two");
    secure(claim, at(2)).unwrap();
    let sfid = world.claim().sfid();
    assert!(sfid.compression && sfid.envelope);
    assert_eq!((sfid.security, sfid.cipher), (Security::None, 0));

    fs::write(world.path("outbox/ACME/long"), vec![b'x'; 65_536]).unwrap();
    let report = world.store.scan_outbox(at(3)).unwrap();
    assert!(report.faults[0].problem.contains("65535"), "{report:?}");
    assert_eq!(names(&world.path("outbox/ACME")), ["long"]);
}

#[test]
fn passes_over_what_is_larger_than_wanted() {
    let world = World::new();
    let large = world.hand_over_with(SECURED, NewOutbound::new(ACME, "large"), &[1; 100]);
    let small = world.hand_over_with(SECURED, NewOutbound::new(ACME, "small"), &[1; 10]);
    let claim = world.store.claim_securing_within(99, at(1)).unwrap();
    assert_eq!(claim.unwrap().transfer().id, small);
    let claim = world.store.claim_securing_within(100, at(1)).unwrap();
    assert_eq!(claim.unwrap().transfer().id, large);
}
