//! Files for stations of other partners, and their receipts.

use oftp::Level::{L2, L5};
use oftp::{FileReason, Format, ReceiptReason, Security};

use super::{
    ACME, CIRCUIT, OTHER, World, arrived, at, believed, contents, eerp, names, nerp, offer,
    partner, prefixed,
};
use crate::{
    ArrivedReceipt, Bound, Delivered, Direction, InboundRefusal, OutboundClaim, ReceiptContent,
    ReceiptKind, ReceiptState, Settled, State, StoreError, TransferId,
};

fn bound_for_other(n: u16) -> crate::Offer {
    let mut offer = offer(n);
    offer.bound = Bound::Forward(OTHER.to_owned());
    offer.sfid.destination = "O0013OTHER".parse().unwrap();
    offer
}

/// Received and queued on; as which transfers.
fn forwarded(world: &World, offer: crate::Offer) -> (TransferId, TransferId) {
    let id = world.receive(offer, b"for somebody else").id();
    match world.store.deliver(id, at(2)).unwrap() {
        Delivered::Forwarded(outbound) => (id, outbound),
        Delivered::Inbox(path) => panic!("{}", path.display()),
    }
}

fn claim(world: &World, level: oftp::Level) -> Option<OutboundClaim> {
    world
        .store
        .claim_file(OTHER, CIRCUIT, level, true, at(3))
        .unwrap()
}

fn owed(world: &World, level: oftp::Level) -> Option<ReceiptContent> {
    let claim = world
        .store
        .claim_receipt(ACME, CIRCUIT, level, at(4))
        .unwrap()?;
    Some(claim.content().clone())
}

fn reason(content: &ReceiptContent) -> (u8, &str, &str) {
    match &content.kind {
        ReceiptKind::Negative {
            reason,
            text,
            creator,
        } => (reason.0, text, creator.as_str()),
        ReceiptKind::Positive => panic!("{content:?}"),
    }
}

#[test]
fn forwards_a_file_as_it_came_and_its_receipt_back_as_it_came() {
    let world = World::new();
    let mut offer = bound_for_other(1);
    offer.sfid.user = "USERDATA".parse().unwrap();
    offer.sfid.security = Security::EncryptedAndSigned;
    offer.sfid.cipher = 2;
    offer.sfid.compression = true;
    offer.sfid.envelope = true;
    offer.sfid.signed_receipt = true;
    offer.sfid.original_blocks = 77;
    offer.sfid.format = Format::Variable;
    offer.sfid.record_length = 80;
    let (inbound, outbound) = forwarded(&world, offer.clone());
    assert_eq!(world.state(inbound), State::Forwarded);
    assert_eq!(names(&world.path("spool")), [format!("out-{outbound}")]);
    assert!(names(&world.path("inbox/ACME")).is_empty());
    assert_eq!(
        world.store.deliver(inbound, at(2)).unwrap(),
        Delivered::Forwarded(outbound),
        "once"
    );

    let file = claim(&world, L5).unwrap();
    assert_eq!((file.id(), file.records()), (outbound, 0));
    assert_eq!(file.sfid(), offer.sfid);
    assert_eq!(contents(&file, 0).0, b"for somebody else");
    file.sent(at(3)).unwrap();
    assert_eq!(owed(&world, L5), None, "no receipt of ours");
    assert_eq!(world.transfer(inbound).receipt, Some(ReceiptState::Awaited));

    let receipt = ReceiptContent {
        user: "THEIRS".parse().unwrap(),
        hash: vec![1; 64],
        signature: vec![2; 2_000],
        ..eerp()
    };
    let settled = Settled::Forwarded {
        outbound,
        inbound,
        to: ACME.to_owned(),
    };
    let come = |content: ReceiptContent| {
        let receipt = arrived(offer.sfid.file_id(), content);
        world
            .store
            .receipt_arrived(OTHER, receipt, CIRCUIT, at(4))
            .map(|came| came.settled)
    };
    for _ in 0..2 {
        assert_eq!(come(receipt.clone()).unwrap(), settled);
        assert_eq!(owed(&world, L5), Some(receipt.clone()));
    }
    assert_eq!(world.state(outbound), State::Acknowledged);
    assert!(names(&world.path("spool")).is_empty());
    let claim = world
        .store
        .claim_receipt(ACME, CIRCUIT, L5, at(4))
        .unwrap()
        .unwrap();
    assert_eq!(claim.file(), &offer.sfid.file_id());
    claim.sent(at(5)).unwrap();
    // It comes once more: its sender has it already.
    come(receipt).unwrap();
    assert_eq!(owed(&world, L5), None);
}

#[test]
fn passes_a_negative_receipt_on_with_its_maker() {
    let world = World::new();
    let (inbound, _) = forwarded(&world, bound_for_other(1));
    claim(&world, L5).unwrap().sent(at(3)).unwrap();
    let content = nerp(34, "not readable");
    let receipt = arrived(world.transfer(inbound).file, content.clone());
    world
        .store
        .receipt_arrived(OTHER, receipt, CIRCUIT, at(4))
        .map(|came| came.settled)
        .unwrap();
    assert_eq!(owed(&world, L2), None, "level 2 has no NERP");
    assert!(
        world
            .store
            .due(at(5))
            .unwrap()
            .iter()
            .any(|due| due.receipts == 1)
    );
    assert_eq!(owed(&world, L5), Some(content));
}

#[test]
fn keeps_records_and_their_ends_on_the_way() {
    let world = World::new();
    let mut offer = bound_for_other(1);
    offer.sfid.format = Format::Variable;
    offer.sfid.record_length = 9;
    let mut inbound = world.begin(offer).unwrap();
    inbound.write(b"onetwo", &[3, 3, 6]).unwrap();
    let id = inbound.finish(at(1)).unwrap().id();
    world.store.deliver(id, at(2)).unwrap();
    let file = claim(&world, L5).unwrap();
    assert_eq!((file.octets(), file.records()), (6, 3));
    assert_eq!(contents(&file, 0), (b"onetwo".to_vec(), vec![3, 3, 6]));
    assert_eq!(contents(&file, 0).1.len(), 3);
    let spool = world.path("spool").join(format!("out-{}", file.id()));
    let stored = std::fs::read(spool).unwrap();
    assert_eq!(stored, prefixed(&[b"one", b"", b"two"]));
}

#[test]
fn refuses_files_that_would_go_in_a_circle() {
    let world = World::new();
    let mut back = bound_for_other(1);
    back.bound = Bound::Forward(ACME.to_owned());
    assert!(matches!(
        world.begin(back),
        Err(InboundRefusal::Loop { .. })
    ));
    forwarded(&world, bound_for_other(1));
    let mut round = bound_for_other(1);
    round.partner = OTHER.to_owned();
    round.bound = Bound::Forward(ACME.to_owned());
    match world.begin(round) {
        Err(InboundRefusal::Loop { why }) => {
            assert!(why.contains("went to partner OTHER"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    // To another destination it is another file, as in a broadcast.
    let mut broadcast = bound_for_other(1);
    broadcast.sfid.destination = "O0013BRANCH".parse().unwrap();
    forwarded(&world, broadcast);
    assert!(matches!(
        world.begin(bound_for_other(1)),
        Err(InboundRefusal::Duplicate { .. })
    ));
}

#[test]
fn answers_with_a_nerp_what_cannot_be_forwarded_for_good() {
    let world = World::new();
    let refuse = |n, end: &dyn Fn(OutboundClaim)| {
        forwarded(&world, bound_for_other(n));
        end(claim(&world, L5).unwrap());
        let content = owed(&world, L5).unwrap();
        let claim = world
            .store
            .claim_receipt(ACME, CIRCUIT, L5, at(4))
            .unwrap()
            .unwrap();
        claim.sent(at(5)).unwrap();
        let (code, _, creator) = reason(&content);
        assert_eq!(creator, "O0013HEAD");
        code
    };
    for (n, (sent, wanted)) in [
        (2, 12),
        (11, 21),
        (13, 23),
        (15, 25),
        (22, 33),
        (23, 32),
        (99, 99),
    ]
    .into_iter()
    .enumerate()
    {
        let n = u16::try_from(n).unwrap() + 1;
        let code = refuse(n, &|claim| {
            if sent == 13 {
                claim.already_there(at(3)).unwrap();
            } else {
                claim.refused(FileReason(sent), "", None, at(3)).unwrap();
            }
        });
        assert_eq!(code, wanted, "after {sent}");
    }
    // Refused for now, nobody is told anything.
    forwarded(&world, bound_for_other(50));
    let now = claim(&world, L5).unwrap();
    now.refused(FileReason(6), "", Some(at(9)), at(3)).unwrap();
    assert_eq!(owed(&world, L5), None);
    world.store.expire(at(100), at(100)).unwrap();
    assert_eq!(reason(&owed(&world, L5).unwrap()).0, 35);
}

#[test]
fn fails_what_the_level_of_a_session_cannot_carry() {
    let world = World::new();
    let mut secured = bound_for_other(1);
    secured.sfid.security = Security::Signed;
    let (_, first) = forwarded(&world, secured);
    let plain = world.send(OTHER, "plain", b"x");
    let big = world.send(OTHER, "big", b"x");
    world
        .store
        .run(move |journal| {
            let sql = "UPDATE transfer SET octets = 10240000000 WHERE id = ?1";
            crate::row::change(journal, sql, [big.to_string()])
        })
        .unwrap();
    let claim = claim(&world, L2).unwrap();
    assert_eq!(claim.id(), plain);
    assert_eq!(world.state(first), State::Failed);
    assert_eq!(world.state(big), State::Failed);
    assert!(world.transfer(big).reason.unwrap().contains("too big"));
    let content = owed(&world, L5).unwrap();
    let (code, text, _) = reason(&content);
    assert_eq!(code, 99);
    assert!(text.contains("level 2"), "{text}");
}

#[test]
fn sends_a_forwarded_file_again_only_while_its_sender_was_told_nothing() {
    let world = World::new();
    let (inbound, outbound) = forwarded(&world, bound_for_other(1));
    let fail = || {
        let claim = claim(&world, L5).unwrap();
        claim.refused(FileReason(2), "", None, at(3)).unwrap();
    };
    fail();
    let stamp = world.transfer(outbound).file.stamp;
    world.store.retry(outbound, at(4)).unwrap();
    assert_eq!(world.transfer(outbound).file.stamp, stamp);
    assert_eq!(owed(&world, L5), None, "taken back");
    assert_eq!(world.transfer(inbound).receipt, Some(ReceiptState::Awaited));
    fail();
    let in_hand = world
        .store
        .claim_receipt(ACME, CIRCUIT, L5, at(4))
        .unwrap()
        .unwrap();
    assert!(matches!(
        world.store.retry(outbound, at(5)),
        Err(StoreError::Refused(_))
    ));
    in_hand.sent(at(6)).unwrap();
    assert!(matches!(
        world.store.retry(outbound, at(7)),
        Err(StoreError::Refused(_))
    ));
    world.store.discard(outbound, at(8)).unwrap();
    assert!(names(&world.path("spool")).is_empty());
}

#[test]
fn tells_the_sender_when_the_partner_to_forward_to_is_gone() {
    let world = World::new();
    let id = world.receive(bound_for_other(1), b"x").id();
    world.store.remove_partner(OTHER).unwrap();
    assert!(matches!(
        world.store.deliver(id, at(2)),
        Err(StoreError::Refused(_))
    ));
    assert_eq!(world.state(id), State::Failed);
    let content = owed(&world, L5).unwrap();
    assert_eq!(reason(&content).0, ReceiptReason::NOT_DELIVERED.0);
    assert!(names(&world.path("spool")).is_empty());
    world.store.put_partner(partner(OTHER)).unwrap();
    let world = world.reopened();
    assert!(world.all(Direction::Out).is_empty());
}

#[test]
fn forwards_at_the_next_start_what_was_received() {
    let world = World::new();
    let id = world.receive(bound_for_other(1), b"x").id();
    // A kill fell between the second name and the journal.
    let spool = world.path("spool");
    std::fs::hard_link(
        spool.join(format!("in-{id}")),
        spool.join("out-0000000000000001"),
    )
    .unwrap();
    let world = world.reopened();
    assert_eq!(world.state(id), State::Forwarded);
    let out = world.all(Direction::Out);
    assert_eq!(out.len(), 1);
    assert_eq!(names(&spool), [format!("out-{}", out[0].id)]);
}

#[test]
fn a_receipt_that_comes_twice_never_settles_another_file_of_the_same_second() {
    let world = World::new();
    // The first has the counter 0000, as a file has that came at level 1 or 2.
    let offers = [bound_for_other(0), bound_for_other(1)];
    let [(_, first), (_, second)] = offers.clone().map(|offer| forwarded(&world, offer));
    for _ in 0..2 {
        claim(&world, L5).unwrap().sent(at(3)).unwrap();
    }
    for _ in 0..2 {
        let receipt = ArrivedReceipt {
            file: offers[0].sfid.file_id(),
            content: eerp(),
            level: L2,
            refuse_swapped: false,
            judge: believed(),
        };
        let settled = world
            .store
            .receipt_arrived(OTHER, receipt, CIRCUIT, at(4))
            .map(|came| came.settled);
        assert_eq!(settled.unwrap().transfer(), first);
    }
    assert_eq!(world.state(first), State::Acknowledged);
    assert_eq!(world.state(second), State::Sent);
}

#[test]
fn a_file_whose_sender_is_told_that_it_failed_is_a_duplicate_when_it_comes_again() {
    let world = World::new();
    let id = world.receive(bound_for_other(1), b"for nobody").id();
    world.store.remove_partner(OTHER).unwrap();
    assert!(world.store.deliver(id, at(2)).is_err());
    assert_eq!(world.state(id), State::Failed);
    world.store.put_partner(partner(OTHER)).unwrap();
    // Our EFPA was lost: the partner offers it once more.
    let again = world.begin(bound_for_other(1)).unwrap_err();
    assert!(
        matches!(again, InboundRefusal::Duplicate { earlier, .. } if earlier == id),
        "{again}"
    );
    let told = reason(&owed(&world, L5).unwrap()).0;
    assert_eq!(told, ReceiptReason::NOT_DELIVERED.0);
}
