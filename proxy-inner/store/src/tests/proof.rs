//! Signed receipts, given and taken, and what is kept as proof.

use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oftp::Level::L5;

use super::guise::{HASHED, SECURED, disguised, evidence, hash, offered_with, undisguised, work};
use super::{ACME, CIRCUIT, OTHER, World, arrived, at, eerp, names, nerp, offer, partner};
use crate::{
    Archive, ArrivedReceipt, Bound, Delivered, EvidenceKind, Judgement, NewOutbound, Partner,
    ReceiptContent, ReceiptFilter, ReceiptProblem, RecordForm, Settled, Settlement, State, Store,
    StoreError, StoreOptions, TransferId,
};

const CLEAR: &[u8] = b"the clear file";

fn sent(world: &World) -> TransferId {
    let id = world.hand_over_with(SECURED, NewOutbound::new(ACME, "f"), CLEAR);
    work(&world.store, at(1));
    let mut claim = world.claim();
    claim.fully_offered(at(2)).unwrap();
    claim.sent(at(3)).unwrap();
    id
}

fn judged(
    world: &World,
    id: TransferId,
    content: ReceiptContent,
    judgement: Judgement,
) -> Result<Settlement, ReceiptProblem> {
    let receipt = ArrivedReceipt {
        judge: Box::new(move |_| judgement),
        ..arrived(world.transfer(id).file, content)
    };
    world.store.receipt_arrived(ACME, receipt, CIRCUIT, at(5))
}

fn invalid(why: &str) -> Judgement {
    Judgement::Invalid {
        why: why.to_owned(),
    }
}

fn accepted() -> Judgement {
    Judgement::Accepted { evidence: None }
}

fn signed(content: ReceiptContent) -> ReceiptContent {
    ReceiptContent {
        hash: vec![5; 8],
        signature: vec![6; 9],
        ..content
    }
}

#[test]
fn asks_its_judge_with_the_file_it_is_for() {
    let world = World::new();
    let id = sent(&world);
    let seen = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&seen);
    let receipt = ArrivedReceipt {
        judge: Box::new(move |transfer| {
            *noted.lock().unwrap() = Some((transfer.id, transfer.hash.clone()));
            Judgement::Accepted {
                evidence: Some(evidence(EvidenceKind::ReceiptSignedBy, 8)),
            }
        }),
        ..arrived(world.transfer(id).file, signed(eerp()))
    };
    let came = world
        .store
        .receipt_arrived(ACME, receipt, CIRCUIT, at(5))
        .unwrap();
    assert_eq!(came.settled, Settled::Closed(id));
    let hash = world.transfer(id).hash;
    assert_eq!(*seen.lock().unwrap(), Some((id, hash)));
    let proof = world.store.evidence(id).unwrap();
    assert_eq!(proof.receipt, Some(signed(eerp())));
    assert_eq!(proof.receipt_problem, None);
    let last = proof.certificates.last().unwrap();
    assert_eq!(*last, evidence(EvidenceKind::ReceiptSignedBy, 8));
    // The same receipt again changes nothing, whoever judges it.
    let again = judged(&world, id, eerp(), invalid("it has no signature"));
    assert_eq!(again.unwrap().settled, Settled::Closed(id));
    assert_eq!(world.state(id), State::Acknowledged);
}

#[test]
fn outlives_a_judge_that_panics() {
    let world = World::new();
    let id = sent(&world);
    let receipt = ArrivedReceipt {
        judge: Box::new(|_| panic!("a judge breaks off")),
        ..arrived(world.transfer(id).file, eerp())
    };
    let came = world.store.receipt_arrived(ACME, receipt, CIRCUIT, at(5));
    assert!(matches!(came.unwrap().settled, Settled::Invalid { .. }));
    let came = judged(&world, id, eerp(), accepted()).unwrap();
    assert_eq!(came.settled, Settled::Closed(id));
}

#[test]
fn keeps_a_receipt_that_is_not_to_be_believed() {
    let world = World::new();
    let id = sent(&world);
    let came = judged(&world, id, signed(eerp()), invalid("the hash differs")).unwrap();
    let why = "the hash differs".to_owned();
    assert_eq!(came.settled, Settled::Invalid { id, why });
    assert_eq!(came.settled.transfer(), id);
    let transfer = world.transfer(id);
    assert_eq!(transfer.state, State::Sent);
    assert!(transfer.reason.unwrap().contains("the hash differs"));
    assert_eq!(world.steps(id).last().unwrap(), "receipt invalid");
    assert_eq!(names(&world.path("spool")).len(), 2);
    let proof = world.store.evidence(id).unwrap();
    assert_eq!(proof.receipt, Some(signed(eerp())));
    assert_eq!(proof.receipt_problem.as_deref(), Some("the hash differs"));
    let waiting = world
        .store
        .receipts(ReceiptFilter::default(), at(6))
        .unwrap();
    assert_eq!(waiting.len(), 1, "it is still awaited");

    // A right one settles it.
    let came = judged(&world, id, eerp(), accepted()).unwrap();
    assert_eq!(came.settled, Settled::Closed(id));
    assert_eq!(world.transfer(id).reason, None);
    assert_eq!(world.store.evidence(id).unwrap().receipt_problem, None);
    let late = world.store.accept_receipt(id, at(7));
    assert!(matches!(late, Err(StoreError::Refused(_))));
}

#[test]
fn lets_an_operator_take_a_receipt_after_all() {
    for (content, wanted) in [
        (signed(eerp()), State::Acknowledged),
        (signed(nerp(33, "cannot decrypt")), State::Rejected),
    ] {
        let world = World::new();
        let id = sent(&world);
        let none = world.store.accept_receipt(id, at(4));
        assert!(matches!(none, Err(StoreError::Refused(_))));
        judged(
            &world,
            id,
            content.clone(),
            invalid("its certificate has expired"),
        )
        .unwrap();
        let world = world.reopened();
        world.store.accept_receipt(id, at(6)).unwrap();
        assert_eq!(world.state(id), wanted);
        assert_eq!(world.store.evidence(id).unwrap().receipt, Some(content));
        let steps = world.steps(id);
        assert_eq!(
            steps[steps.len() - 2..],
            ["receipt accepted", wanted.word()]
        );
        let left = names(&world.path("spool")).len();
        assert_eq!(left, if wanted == State::Acknowledged { 0 } else { 2 });
    }
    let unknown = "00000000000000ff".parse().unwrap();
    let world = World::new();
    assert!(matches!(
        world.store.accept_receipt(unknown, at(1)),
        Err(StoreError::NoTransfer(_))
    ));
}

#[test]
fn forgets_what_was_not_believed_when_the_file_is_sent_again() {
    let world = World::new();
    let id = sent(&world);
    judged(&world, id, eerp(), invalid("it has no signature")).unwrap();
    judged(&world, id, nerp(33, ""), accepted()).unwrap();
    world.store.retry(id, at(6)).unwrap();
    work(&world.store, at(7));
    let mut claim = world.claim();
    claim.fully_offered(at(8)).unwrap();
    claim.sent(at(8)).unwrap();
    let none = world.store.accept_receipt(id, at(9));
    assert!(matches!(none, Err(StoreError::Refused(_))), "{none:?}");
    judged(&world, id, eerp(), invalid("it has no signature")).unwrap();
    world.store.accept_receipt(id, at(9)).unwrap();
}

#[test]
fn asks_nobody_about_a_receipt_that_is_passed_on() {
    let world = World::new();
    let mut offer = offered_with(SECURED, 1);
    offer.bound = Bound::Forward(OTHER.to_owned());
    offer.sfid.destination = "O0013OTHER".parse().unwrap();
    let id = world.receive(offer, &disguised(CLEAR)).id();
    let Delivered::Forwarded(outbound) = world.store.deliver(id, at(2)).unwrap() else {
        panic!("not forwarded");
    };
    let claim = world
        .store
        .claim_file(OTHER, CIRCUIT, L5, true, at(3))
        .unwrap();
    claim.unwrap().sent(at(3)).unwrap();
    let receipt = ArrivedReceipt {
        judge: Box::new(|_| panic!("asked")),
        ..arrived(world.transfer(outbound).file, signed(eerp()))
    };
    let came = world
        .store
        .receipt_arrived(OTHER, receipt, CIRCUIT, at(4))
        .unwrap();
    assert!(matches!(came.settled, Settled::Forwarded { .. }));
    let claim = world
        .store
        .claim_receipt(ACME, CIRCUIT, L5, at(5))
        .unwrap()
        .unwrap();
    assert!(!claim.is_signature_wanted());
    assert_eq!(*claim.content(), signed(eerp()));
}

#[test]
fn sends_the_receipt_it_signed_however_often() {
    let world = World::new();
    let id = world.receive(offered_with(HASHED, 1), CLEAR).id();
    work(&world.store, at(2));
    let claim = |world: &World| {
        let claimed = world.store.claim_receipt(ACME, CIRCUIT, L5, at(3));
        claimed.unwrap().unwrap()
    };
    let mut owed = claim(&world);
    assert!(owed.is_signature_wanted());
    assert_eq!(owed.hash(), hash(CLEAR));
    let used = evidence(EvidenceKind::ReceiptSignedWith, 7);
    let hash = owed.hash().to_vec();
    owed.sign(hash.clone(), vec![6; 9], Some(used.clone()), at(3))
        .unwrap();
    assert!(!owed.is_signature_wanted());
    let content = owed.content().clone();
    assert_eq!(
        (content.hash.clone(), content.signature.clone()),
        (hash, vec![6; 9])
    );
    drop(owed);
    let world = world.reopened();
    let owed = claim(&world);
    assert_eq!(*owed.content(), content);
    assert!(!owed.is_signature_wanted());
    owed.sent(at(4)).unwrap();
    let proof = world.store.evidence(id).unwrap();
    assert_eq!(proof.receipt, Some(content));
    assert_eq!(proof.certificates, [used]);
    let plain = world.receive(offer(2), b"plain").id();
    world.deliver(plain, at(5));
    assert!(!claim(&world).is_signature_wanted());
}

/// One that cannot be signed now does not keep the others, and nobody is called for it before its time.
#[test]
fn holds_a_receipt_that_cannot_be_sent_as_it_should_be() {
    let world = World::new();
    let first = world.receive(offered_with(HASHED, 1), b"one").id();
    let second = world.receive(offered_with(HASHED, 2), b"two").id();
    work(&world.store, at(2));
    let claim = |now| {
        let claim = world.store.claim_receipt(ACME, CIRCUIT, L5, now).unwrap();
        claim.map(|claim| (claim.id(), claim))
    };
    for _ in 0..2 {
        let (id, held) = claim(at(3)).unwrap();
        assert_eq!(id, first);
        held.held("the token is away", at(60), at(3)).unwrap();
        let (id, sent) = claim(at(4)).unwrap();
        assert_eq!(id, second);
        drop(sent);
        world.store.release_held().unwrap();
    }
    let steps = world.steps(first);
    let told = steps.iter().filter(|step| *step == "receipt held").count();
    assert_eq!(told, 1, "{steps:?}");
    let (_, held) = claim(at(5)).unwrap();
    held.held("the token is away", at(60), at(5)).unwrap();
    claim(at(5)).unwrap().1.sent(at(5)).unwrap();
    assert!(claim(at(6)).is_none());
    let due = world.store.due(at(6)).unwrap();
    assert_eq!((due[0].receipts, due[0].next_attempt), (0, at(60)));
    world.store.retry_now(ACME).unwrap();
    assert_eq!(world.store.due(at(6)).unwrap()[0].next_attempt, at(6));
    let (id, sent) = claim(at(7)).unwrap();
    assert_eq!(id, first);
    sent.sent(at(7)).unwrap();
    assert!(world.store.due(at(7)).unwrap().is_empty());
}

/// A store that archives ACME's files for an hour.
fn archiving(records: RecordForm) -> World {
    let World { dir, store } = World::new();
    drop(store);
    let world = archived(dir);
    let archive = Archive::Files;
    let terms = Partner {
        archive,
        records,
        ..partner(ACME)
    };
    world.store.put_partner(terms).unwrap();
    world
}

fn archived(dir: tempfile::TempDir) -> World {
    let options = StoreOptions {
        archive_keep: Duration::from_secs(3600),
        ..StoreOptions::default()
    };
    let store = Store::open(dir.path(), options).unwrap();
    World { dir, store }
}

fn archive(world: &World) -> Vec<String> {
    names(&world.path("archive"))
}

#[test]
fn archives_what_was_sent_until_its_time_is_over() {
    let world = archiving(RecordForm::Prefixed);
    let id = sent(&world);
    let plain = world.send(ACME, "p", b"plain");
    fs::write(world.path("outbox/ACME/f"), b"taken").unwrap();
    world.store.scan_outbox(at(2)).unwrap();
    for _ in 0..2 {
        let mut claim = world.claim();
        claim.fully_offered(at(4)).unwrap();
        claim.sent(at(4)).unwrap();
    }
    let settle = |world: &World| {
        for transfer in world.all(crate::Direction::Out) {
            let receipt = arrived(transfer.file, eerp());
            world
                .store
                .receipt_arrived(ACME, receipt, CIRCUIT, at(5))
                .unwrap();
        }
    };
    settle(&world);
    assert!(names(&world.path("spool")).is_empty());
    assert_eq!(archive(&world).len(), 4);
    let proof = world.store.evidence(id).unwrap();
    let (secured, clear) = (proof.secured.unwrap(), proof.clear.unwrap());
    assert!(secured.starts_with(world.path("archive")));
    assert_eq!(fs::read(clear).unwrap(), CLEAR);
    let octets = fs::read(secured).unwrap();
    assert_eq!(undisguised(&octets).unwrap(), CLEAR);
    assert_eq!(world.transfer(id).hash, hash(&octets));
    let proof = world.store.evidence(plain).unwrap();
    assert_eq!(fs::read(proof.clear.unwrap()).unwrap(), b"plain");
    assert_eq!(proof.secured, None);

    // History is kept as long as the files are, and no longer.
    let World { dir, store } = world;
    drop(store);
    let world = archived(dir);
    assert_eq!(archive(&world).len(), 4);
    assert_eq!(world.store.prune(at(60), at(3600)).unwrap(), 0);
    assert_eq!(archive(&world).len(), 4);
    assert_eq!(world.store.prune(at(0), at(3606)).unwrap(), 0);
    assert!(archive(&world).is_empty());
    assert_eq!(world.store.evidence(id).unwrap().clear, None);
    assert_eq!(world.store.prune(at(60), at(3606)).unwrap(), 3);
}

#[test]
fn archives_what_was_received() {
    let world = archiving(RecordForm::Lines);
    let octets = disguised(CLEAR);
    let secured = world.receive(offered_with(SECURED, 1), &octets).id();
    let broken = world.receive(offered_with(SECURED, 2), b"no CMS").id();
    let hashed = world.receive(offered_with(HASHED, 3), b"hashed").id();
    let plain = world.receive(offer(4), b"plain").id();
    work(&world.store, at(2));
    world.deliver(plain, at(3));
    let mut lines = offer(5);
    lines.sfid.format = oftp::Format::Variable;
    let mut inbound = world.begin(lines).unwrap();
    inbound.write(b"onetwo", &[3, 6]).unwrap();
    let lines = inbound.finish(at(3)).unwrap().id();
    world.deliver(lines, at(3));
    let read = |path: Option<std::path::PathBuf>| {
        let path = path?;
        assert!(
            path.starts_with(world.path("archive")),
            "{}",
            path.display()
        );
        Some(fs::read(path).unwrap())
    };
    for (id, travelled, clear) in [
        (secured, Some(octets), Some(CLEAR)),
        (broken, Some(b"no CMS".to_vec()), None),
        (hashed, None, Some(b"hashed".as_slice())),
        (plain, None, Some(b"plain".as_slice())),
        (lines, None, Some(b"one\ntwo\n".as_slice())),
    ] {
        let proof = world.store.evidence(id).unwrap();
        assert_eq!(read(proof.secured), travelled, "{id}");
        assert_eq!(read(proof.clear).as_deref(), clear, "{id}");
    }
    assert!(names(&world.path("spool")).is_empty());
    // What waits for its receipt has not ended.
    world.store.prune(at(7200), at(7200)).unwrap();
    assert_eq!(archive(&world).len(), 6);
}

/// Writes over a file in its place, as a careless program does.
fn scribble(path: &std::path::Path) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(b"XXX").unwrap();
}

/// What proves a transfer is not in the hands of those who hand files over or take them.
#[test]
fn the_archive_does_not_change_with_the_file_that_was_handed_over() {
    let world = archiving(RecordForm::Prefixed);
    let secured = world
        .receive(offered_with(SECURED, 1), &disguised(CLEAR))
        .id();
    let hashed = world.receive(offered_with(HASHED, 2), b"hashed").id();
    let plain = world.receive(offer(3), b"plain").id();
    work(&world.store, at(2));
    for (id, clear) in [(secured, CLEAR), (hashed, b"hashed"), (plain, b"plain")] {
        scribble(&world.deliver(id, at(3)));
        let proof = world.store.evidence(id).unwrap();
        assert_eq!(fs::read(proof.clear.unwrap()).unwrap(), clear, "{id}");
    }
    // Its maker has a second name for what it renamed into the outbox.
    let (outbox, kept) = (world.path("outbox/ACME/f"), world.path("kept"));
    fs::write(&kept, b"taken").unwrap();
    fs::hard_link(&kept, outbox).unwrap();
    let taken = world.store.scan_outbox(at(4)).unwrap().queued[0];
    scribble(&kept);
    let proof = world.store.evidence(taken).unwrap();
    assert_eq!(fs::read(proof.clear.unwrap()).unwrap(), b"taken");
}

#[test]
fn archives_what_was_secured_anew_in_place_of_the_first() {
    let world = archiving(RecordForm::Prefixed);
    let id = sent(&world);
    judged(&world, id, nerp(33, ""), accepted()).unwrap();
    let first = fs::read(world.path(&format!("archive/{id}.secured"))).unwrap();
    world.store.retry(id, at(6)).unwrap();
    work(&world.store, at(7));
    let second = fs::read(world.path(&format!("archive/{id}.secured"))).unwrap();
    assert_ne!(first, second);
    assert_eq!(world.transfer(id).hash, hash(&second));
}

#[test]
fn sweeps_out_of_the_archive_what_nobody_knows() {
    let world = archiving(RecordForm::Prefixed);
    let id = sent(&world);
    fs::write(world.path("archive/00000000000000aa.clear"), b"x").unwrap();
    fs::write(world.path("archive/notes"), b"someone's").unwrap();
    fs::write(world.path(&format!("spool/copy-{id}")), b"half").unwrap();
    let world = world.reopened();
    let wanted = [
        format!("{id}.clear"),
        format!("{id}.secured"),
        "notes".to_owned(),
    ];
    assert_eq!(archive(&world), wanted);
    let wanted = [format!("clear-{id}"), format!("out-{id}")];
    assert_eq!(names(&world.path("spool")), wanted);
}

#[test]
fn archives_nothing_unless_the_terms_say_so() {
    let world = World::new();
    sent(&world);
    world.receive(offered_with(SECURED, 1), &disguised(CLEAR));
    work(&world.store, at(2));
    assert!(archive(&world).is_empty());
}
