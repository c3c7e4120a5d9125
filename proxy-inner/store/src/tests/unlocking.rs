//! Received files that are opened before they are delivered.

use std::fs;
use std::io::{ErrorKind, Write};

use oftp::Level::L5;
use oftp::{Format, ReceiptReason};

use super::guise::{
    HASHED, SECURED, all_of, disguised, hash, offered_with, open, undisguised, work,
};
use super::{ACME, CIRCUIT, OTHER, World, at, contents, names, partner, prefixed};
use crate::{
    Bound, Delivered, Direction, EvidenceKind, Filter, InboundRefusal, Offer, Partner, ReceiptKind,
    ReceiptState, RecordForm, Services, State, StoreError, TransferId,
};

const CLEAR: &[u8] = b"the clear file";

fn spool(world: &World) -> Vec<String> {
    names(&world.path("spool"))
}

fn variable(n: u16, record_length: u32) -> Offer {
    let mut offer = offered_with(SECURED, n);
    offer.sfid.format = Format::Variable;
    offer.sfid.record_length = record_length;
    offer
}

fn owed(world: &World) -> Vec<TransferId> {
    let mut owed = Vec::new();
    while let Some(claim) = world.store.claim_receipt(ACME, CIRCUIT, L5, at(9)).unwrap() {
        owed.push(claim.id());
        claim.sent(at(9)).unwrap();
    }
    owed
}

#[test]
fn delivers_what_was_written_in_place_of_what_came() {
    let world = World::new();
    let secured = disguised(CLEAR);
    let id = world.receive(offered_with(SECURED, 1), &secured).id();
    assert!(world.transfer(id).needs_opening());
    assert!(matches!(
        world.store.deliver(id, at(2)),
        Err(StoreError::NotOpened(_))
    ));
    assert!(owed(&world).is_empty());
    let counts = world.store.counts().unwrap();
    assert_eq!((counts.unopened, counts.held), (1, 0));
    let report = world.store.scan_outbox(at(2)).unwrap();
    assert!(report.faults.is_empty(), "{report:?}");

    let claim = world.opening();
    assert_eq!(all_of(claim.secured().unwrap()), secured);
    assert!(world.store.claim_opening(None, at(2)).unwrap().is_none());
    assert!(
        world
            .store
            .claim_opening(Some(id), at(2))
            .unwrap()
            .is_none()
    );
    open(claim, at(3)).unwrap();
    assert_eq!(spool(&world), [format!("clear-{id}")]);
    let opened = world.transfer(id);
    assert_eq!((opened.state, opened.opened), (State::Received, true));
    assert_eq!((opened.octets, opened.clear_octets), (23, 14));
    assert_eq!(opened.hash, hash(&secured));
    assert!(!opened.needs_opening());

    let path = world.deliver(id, at(4));
    assert_eq!(fs::read(&path).unwrap(), CLEAR);
    assert!(spool(&world).is_empty());
    let meta = format!("{}.meta.json", path.display());
    let meta: serde_json::Value = serde_json::from_slice(&fs::read(meta).unwrap()).unwrap();
    assert_eq!(
        (&meta["octets"], &meta["secured_octets"]),
        (&14.into(), &23.into())
    );
    assert_eq!(owed(&world), [id]);
    assert_eq!(
        world.steps(id)[1..],
        ["received", "opened", "delivered", "receipt sent"]
    );
}

#[test]
fn only_hashes_a_plain_file_for_its_signed_receipt() {
    let world = World::new();
    let mut offer = offered_with(HASHED, 1);
    offer.sfid.format = Format::Variable;
    offer.sfid.record_length = 9;
    let mut inbound = world.begin(offer).unwrap();
    inbound.write(b"onethree", &[3, 3, 8]).unwrap();
    let id = inbound.finish(at(1)).unwrap().id();
    assert!(matches!(
        world.store.deliver(id, at(2)),
        Err(StoreError::NotOpened(_))
    ));
    let mut claim = world.opening();
    assert!(!claim.is_secured());
    assert!(matches!(claim.target(), Err(StoreError::Refused(_))));
    //
    assert_eq!(all_of(claim.virtual_file().unwrap()), b"onethree");
    open(claim, at(3)).unwrap();
    let path = world.deliver(id, at(4));
    assert_eq!(fs::read(path).unwrap(), prefixed(&[b"one", b"", b"three"]));
    assert_eq!(world.transfer(id).hash, hash(b"onethree"));
}

///
#[test]
fn delivers_a_cms_file_without_services_as_it_is() {
    let world = World::new();
    let mut offer = offered_with(Services::default(), 1);
    offer.sfid.envelope = true;
    offer.sfid.format = Format::Variable;
    let id = world.receive(offer, b"a certificate in CMS").id();
    assert!(!world.transfer(id).needs_opening());
    let path = world.deliver(id, at(2));
    assert_eq!(fs::read(path).unwrap(), b"a certificate in CMS");
}

///
#[test]
fn makes_records_of_what_was_inside() {
    for (form, wanted) in [
        (RecordForm::Prefixed, prefixed(&[b"one", b"", b"three"])),
        (RecordForm::Lines, b"one\n\nthree\n".to_vec()),
    ] {
        let world = World::new();
        let records = form;
        world
            .store
            .put_partner(Partner {
                records,
                ..partner(ACME)
            })
            .unwrap();
        let inside = b"\x00\x03one\x00\x00\x00\x05three";
        let id = world.receive(variable(1, 5), &disguised(inside)).id();
        open(world.opening(), at(3)).unwrap();
        let opened = world.transfer(id);
        assert_eq!((opened.records, opened.clear_octets), (3, 8));
        let world = world.reopened();
        // The start delivered it.
        assert_eq!(world.state(id), State::Delivered);
        let path = world.deliver(id, at(4));
        assert_eq!(fs::read(path).unwrap(), wanted);
        assert!(spool(&world).is_empty());
    }
}

#[test]
fn answers_records_that_are_wrong_with_a_nerp() {
    for (inside, why) in [
        (b"\x00\x03one\x00\x05thr".as_slice(), "ends within record 2"),
        (b"\x00\x03one\x00", "ends within record 2"),
        (b"\x00\x09too long.", "record 1 has 9 octets"),
    ] {
        let world = World::new();
        let id = world.receive(variable(1, 5), &disguised(inside)).id();
        let mut claim = world.opening();
        let mut target = claim.target().unwrap();
        let written = target.write_all(inside);
        let told = match written {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidData);
                claim.problem().unwrap()
            }
            Ok(()) => claim.complete().unwrap_err().to_string(),
        };
        assert!(told.contains(why), "{told}");
        let error = claim.finish(vec![1], Vec::new(), at(3)).unwrap_err();
        assert!(matches!(error, StoreError::BadRecords(_)), "{error}");
        let failed = world.transfer(id);
        assert_eq!(
            (failed.state, failed.receipt),
            (State::Failed, Some(ReceiptState::Owed))
        );
        assert!(failed.reason.unwrap().contains(why));
        assert!(spool(&world).is_empty());
    }
    // RFC 5024 lets SFIDLRECL be 65536, one more than a record can have.
    let world = World::new();
    world.receive(variable(1, 65_536), &disguised(b"\x00\x01x"));
    open(world.opening(), at(3)).unwrap();
}

#[test]
fn owes_a_nerp_for_what_cannot_be_opened() {
    let world = World::new();
    let id = world
        .receive(offered_with(SECURED, 1), b"no CMS at all")
        .id();
    open(world.opening(), at(3)).unwrap();
    let failed = world.transfer(id);
    assert_eq!(failed.state, State::Failed);
    assert_eq!(failed.hash, hash(b"no CMS at all"));
    assert_eq!(failed.reason.as_deref(), Some("its padding is wrong"));
    assert!(spool(&world).is_empty() && names(&world.path("inbox/ACME")).is_empty());
    let claim = world
        .store
        .claim_receipt(ACME, CIRCUIT, L5, at(4))
        .unwrap()
        .unwrap();
    match &claim.content().kind {
        ReceiptKind::Negative {
            reason,
            text,
            creator,
        } => {
            assert_eq!(*reason, ReceiptReason::DECRYPTION_FAILURE);
            assert_eq!(text, "it cannot be decrypted", "all its sender hears");
            assert_eq!(creator.as_str(), "O0013HEAD");
        }
        kind => panic!("{kind:?}"),
    }
    assert!(claim.is_signature_wanted());
    drop(claim);
    // It came and was answered: the same offer is a duplicate.
    assert!(matches!(
        world.begin(offered_with(SECURED, 1)),
        Err(InboundRefusal::Duplicate { .. })
    ));
}

#[test]
fn passes_over_what_is_larger_than_wanted() {
    let world = World::new();
    let large = world
        .receive(offered_with(SECURED, 1), &disguised(&[1; 100]))
        .id();
    let small = world
        .receive(offered_with(SECURED, 2), &disguised(CLEAR))
        .id();
    let claim = world.store.claim_opening_within(99, at(2)).unwrap();
    assert_eq!(claim.unwrap().transfer().id, small);
    let claim = world.store.claim_opening_within(200, at(2)).unwrap();
    assert_eq!(claim.unwrap().transfer().id, large);
}

#[test]
fn holds_back_what_nobody_has_in_hand() {
    let world = World::new();
    let first = world
        .receive(offered_with(SECURED, 1), &disguised(CLEAR))
        .id();
    let second = world
        .receive(offered_with(SECURED, 2), &disguised(CLEAR))
        .id();
    let claim = world.opening();
    world.store.hold(first, "no room", at(60), at(2)).unwrap();
    assert_eq!(world.transfer(first).not_before, None, "it is in hand");
    drop(claim);
    world.store.hold(first, "no room", at(60), at(2)).unwrap();
    let held = world.transfer(first);
    assert_eq!(held.not_before, Some(at(60)));
    assert_eq!(held.reason.as_deref(), Some("no room"));
    assert_eq!(world.opening().transfer().id, second);
    let claim = world.store.claim_opening(None, at(60)).unwrap();
    assert_eq!(claim.unwrap().transfer().id, first);
}

#[test]
fn owes_nothing_for_what_was_refused_at_once() {
    let world = World::new();
    let receive = || {
        let mut inbound = world.begin(offered_with(SECURED, 1)).unwrap();
        inbound.write(b"no CMS at all", &[]).unwrap();
        let id = inbound.finish(at(1)).unwrap().id();
        let claim = world.store.claim_opening(Some(id), at(2)).unwrap();
        (id, claim.unwrap())
    };
    let (id, claim) = receive();
    claim.refused("it cannot be decrypted", at(2)).unwrap();
    let refused = world.transfer(id);
    assert_eq!((refused.state, refused.receipt), (State::Failed, None));
    assert!(spool(&world).is_empty());
    assert!(owed(&world).is_empty());

    let (again, claim) = receive();
    assert_ne!(again, id);
    drop(claim);
    let claim = world.store.claim_opening(Some(again), at(3)).unwrap();
    assert!(claim.is_some(), "dropped, it is there for the worker");
}

#[test]
fn tries_again_what_was_dropped_and_later_what_is_held() {
    let world = World::new();
    let id = world
        .receive(offered_with(SECURED, 1), &disguised(CLEAR))
        .id();
    let mut claim = world.opening();
    claim.target().unwrap().write_all(b"half of it").unwrap();
    drop(claim);
    assert_eq!(spool(&world), [format!("in-{id}")]);
    world
        .opening()
        .held("the token is away", at(60), at(3))
        .unwrap();
    assert!(world.store.claim_opening(None, at(59)).unwrap().is_none());
    assert_eq!(world.store.security_due().unwrap(), Some(at(60)));
    let filter = Filter {
        held: true,
        ..Filter::default()
    };
    assert_eq!(world.store.transfers(filter).unwrap()[0].id, id);
    assert_eq!(world.store.counts().unwrap().held, 1);
    // By name it is given before its time.
    let claim = world.store.claim_opening(Some(id), at(5)).unwrap().unwrap();
    claim.held("the token is away", at(60), at(5)).unwrap();
    world.store.retry_now(ACME).unwrap();
    open(world.opening(), at(6)).unwrap();
    let opened = world.transfer(id);
    assert_eq!((opened.reason, opened.not_before), (None, None));
    assert_eq!(world.steps(id)[1..], ["received", "held", "opened"]);
}

#[test]
fn forwards_a_secured_file_unopened() {
    let world = World::new();
    let mut offer = offered_with(SECURED, 1);
    offer.bound = Bound::Forward(OTHER.to_owned());
    offer.sfid.destination = "O0013OTHER".parse().unwrap();
    let secured = disguised(CLEAR);
    let id = world.receive(offer, &secured).id();
    assert!(!world.transfer(id).needs_opening());
    assert!(world.store.claim_opening(None, at(2)).unwrap().is_none());
    let Delivered::Forwarded(outbound) = world.store.deliver(id, at(2)).unwrap() else {
        panic!("not forwarded");
    };
    assert_eq!(world.state(outbound), State::Queued);
    assert!(world.store.claim_securing(at(2)).unwrap().is_none());
    let claim = world
        .store
        .claim_file(OTHER, CIRCUIT, L5, true, at(3))
        .unwrap()
        .unwrap();
    assert_eq!(contents(&claim, 0).0, secured);
    claim.failed("its disk cannot be read", at(4)).unwrap();
    world.store.retry(outbound, at(5)).unwrap();
    assert_eq!(world.state(outbound), State::Queued, "nor secured again");
}

#[test]
fn goes_on_after_a_restart_with_what_was_not_opened() {
    let world = World::new();
    let id = world
        .receive(offered_with(SECURED, 1), &disguised(CLEAR))
        .id();
    let mut claim = world.opening();
    claim.target().unwrap().write_all(b"half of it").unwrap();
    std::mem::forget(claim);
    let dir = world.dir;
    // A claim that is never dropped keeps the store open; a copy of it is as a kill leaves it.
    let copy = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(format!("{}/.", dir.path().display()))
        .arg(copy.path())
        .status();
    assert!(copied.unwrap().success());
    let store = super::open(copy.path());
    let world = World { dir: copy, store };
    assert_eq!(spool(&world), [format!("in-{id}")]);
    assert_eq!(world.state(id), State::Received);
    work(&world.store, at(5));
    assert_eq!(world.state(id), State::Delivered);
    assert_eq!(fs::read(world.deliver(id, at(6))).unwrap(), CLEAR);
}

#[test]
fn keeps_an_opened_file_that_cannot_be_delivered_yet() {
    let world = World::new();
    let id = world
        .receive(offered_with(SECURED, 1), &disguised(CLEAR))
        .id();
    open(world.opening(), at(3)).unwrap();
    let name = world.transfer(id).inbox_name.unwrap();
    let obstacle = world.path("inbox/ACME").join(name);
    fs::create_dir(&obstacle).unwrap();
    let world = world.reopened();
    assert_eq!(world.state(id), State::Received);
    assert_eq!(spool(&world), [format!("clear-{id}")]);
    fs::remove_dir(obstacle).unwrap();
    let report = world.store.scan_outbox(at(4)).unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
    assert_eq!(fs::read(world.deliver(id, at(5))).unwrap(), CLEAR);
}

#[test]
fn tells_what_was_used_for_it() {
    let world = World::new();
    let id = world
        .receive(offered_with(SECURED, 1), &disguised(CLEAR))
        .id();
    let evidence = world.store.evidence(id).unwrap();
    assert!(evidence.certificates.is_empty() && evidence.clear.is_none());
    let secured = evidence.secured.unwrap();
    assert_eq!(undisguised(&fs::read(secured).unwrap()).unwrap(), CLEAR);
    work(&world.store, at(3));
    let evidence = world.store.evidence(id).unwrap();
    let kinds: Vec<_> = evidence.certificates.iter().map(|used| used.what).collect();
    assert_eq!(kinds, [EvidenceKind::DecryptedWith, EvidenceKind::SignedBy]);
    assert_eq!(evidence.secured, None);
    assert_eq!(fs::read(evidence.clear.unwrap()).unwrap(), CLEAR);
    assert!(evidence.receipt.unwrap().is_positive());
    assert_eq!(evidence.transfer.direction, Direction::In);
    assert_eq!(evidence.steps.last().unwrap().step, "delivered");
}
