//! Receipts that are owed and awaited, as operators look at them and answer.

use oftp::{Format, Level, ReceiptReason, Security, Sfid, UserField};
use store::{Bound, Delivered, Offer, ReceiptKind};

use super::*;

/// A world whose partner ACME gets its receipts once a file is confirmed.
fn confirming() -> World {
    let world = World::with_partner();
    let line = "partner add ACME --code O0013000002ACME --station US --receipts confirmed \
        --password-sent-file - --password-expected-file -";
    world.run(line, b"a\nb\n").1.unwrap();
    world
}

/// An offer of ACME's file number `n`.
fn offer(n: u16) -> Offer {
    Offer {
        partner: "ACME".to_owned(),
        bound: Bound::Station("US".to_owned()),
        sfid: Sfid {
            dataset: "ORDERS".parse().unwrap(),
            stamp: format!("20261121100000{n:04}").parse().unwrap(),
            user: UserField::default(),
            destination: "O0013000001US".parse().unwrap(),
            origin: "O0013000002ACME".parse().unwrap(),
            format: Format::Unstructured,
            record_length: 0,
            size_blocks: 4,
            original_blocks: 4,
            restart: 0,
            security: Security::None,
            cipher: 0,
            compression: false,
            envelope: false,
            signed_receipt: false,
            description: String::new(),
        },
        level: Level::L5,
        restart: true,
        circuit: "00f3".to_owned(),
    }
}

/// Receives the file, and delivers it; its identifier.
fn receive(world: &World, n: u16, at: Timestamp) -> String {
    let mut inbound = world.store.begin_inbound(offer(n), at).unwrap();
    inbound.write(b"content", &[]).unwrap();
    let synced = inbound.finish(at).unwrap();
    let delivered = world.store.deliver(synced.id(), at).unwrap();
    assert!(matches!(delivered, Delivered::Inbox(_)));
    synced.id().to_string()
}

fn days_ago(days: i64) -> Timestamp {
    Timestamp::now() - jiff::SignedDuration::from_hours(24 * days)
}

#[test]
fn lists_receipts_by_age_and_narrows() {
    let world = confirming();
    assert_eq!(world.ok("receipts"), "No receipts.\n");
    let old = receive(&world, 1, days_ago(5));
    let new = receive(&world, 2, days_ago(1));
    let file = world.file("a", b"abc");
    let sent = world.ok(&format!("send --partner ACME {}", file.display()));
    let claim = world
        .store
        .claim_file("ACME", "00f3", Level::L5, true, Timestamp::now());
    claim.unwrap().unwrap().sent(Timestamp::now()).unwrap();
    world.ok(&format!("receipts confirm {new}"));

    let names = |line: &str| -> Vec<String> {
        let list = world.json(line);
        let names = list.as_array().unwrap().iter();
        names
            .map(|one| one["transfer"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("receipts --json").first(), Some(&old), "oldest first");
    assert_eq!(names("receipts --json").len(), 3);
    assert_eq!(names("receipts list --owed --json").len(), 2);
    assert_eq!(
        names("receipts --unconfirmed --json"),
        std::slice::from_ref(&old)
    );
    assert_eq!(names("receipts --awaited --json"), [sent.trim()]);
    assert_eq!(
        names("receipts --overdue --json"),
        std::slice::from_ref(&old)
    );
    assert!(names("receipts --awaited --overdue --json").is_empty());
    assert_eq!(names("receipts --partner ACME --json").len(), 3);
    assert!(
        world
            .refused("receipts --partner NOBODY")
            .contains("no partner named")
    );

    let list = world.json("receipts --unconfirmed --json");
    let mut keys: Vec<_> = list[0].as_object().unwrap().keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(
        keys.join(" "),
        "age dataset deadline destination invalid negative origin overdue partner side since stamp \
         transfer"
    );
    let text = world.ok("receipts");
    assert!(
        text.contains("OVERDUE") && text.contains("5d") && text.contains("awaited"),
        "{text}"
    );
    let status = world.json("status --json");
    assert_eq!(status["receipts_overdue"], 1);
    assert_eq!(status["receipts_unconfirmed"], 1);
    assert_eq!(status["receipts_awaited"], 1);
    assert!(
        world.ok("status").contains("receipts --overdue"),
        "the status says where to look"
    );
}

#[test]
fn confirms_and_rejects_and_tells_the_partner_why() {
    let world = confirming();
    let (good, bad) = (
        receive(&world, 1, Timestamp::now()),
        receive(&world, 2, Timestamp::now()),
    );
    assert!(
        world
            .ok(&format!("transfers show {good}"))
            .contains("delivered, receipt unconfirmed")
    );
    assert_eq!(
        world.ok(&format!("receipts confirm {good}")),
        format!("Transfer {good} confirmed.\n")
    );
    assert_eq!(
        world.ok(&format!(
            "receipts reject {bad} --reason file-processing-failed --text line-17"
        )),
        format!("Transfer {bad} rejected.\n")
    );
    let mut owed = Vec::new();
    while let Some(claim) = world
        .store
        .claim_receipt("ACME", "00f3", Level::L5, Timestamp::now())
        .unwrap()
    {
        owed.push((claim.id().to_string(), claim.content().kind.clone()));
        claim.sent(Timestamp::now()).unwrap();
    }
    owed.sort_by_key(|(id, _)| *id != good);
    assert_eq!(owed[0], (good.clone(), ReceiptKind::Positive));
    assert!(
        matches!(
            &owed[1].1,
            ReceiptKind::Negative { reason: ReceiptReason::PROCESSING_FAILED, text, creator }
                if text == "line-17" && creator.as_str() == "O0013000001US"
        ),
        "{owed:?}"
    );
    for line in [
        format!("receipts confirm {good}"),
        format!("receipts reject {good} --reason 99"),
    ] {
        let refused = world.refused(&line);
        assert!(refused.contains("unconfirmed"), "{refused}");
    }
    assert!(
        world
            .refused("receipts confirm 0000000000000000")
            .contains("transfers list")
    );
}

#[test]
fn names_the_reasons_when_one_is_not_known() {
    let world = confirming();
    let id = receive(&world, 1, Timestamp::now());
    for reason in ["1", "because", "100"] {
        let refused = world.refused(&format!("receipts reject {id} --reason {reason}"));
        assert!(
            refused.contains("34  file-processing-failed"),
            "{reason}: {refused}"
        );
    }
    let refused = world.refused(&format!(
        "receipts reject {id} --reason 99 --text {}",
        "x".repeat(1000)
    ));
    assert!(refused.contains("999 are allowed"), "{refused}");
    assert_eq!(
        world.json("receipts --json")[0]["side"],
        "unconfirmed",
        "nothing was answered"
    );
}

#[test]
fn shows_where_a_broken_transfer_goes_on() {
    let world = World::with_partner();
    let now = Timestamp::now();
    let mut inbound = world.store.begin_inbound(offer(1), now).unwrap();
    inbound.write(&[7; 2048 + 5], &[]).unwrap();
    let id = inbound.id().to_string();
    inbound.interrupted("the line broke", now).unwrap();
    let shown = world.json(&format!("transfers show {id} --json"));
    assert_eq!(shown["transfer"]["state"], "interrupted");
    assert_eq!(shown["transfer"]["position"], 2);
    assert_eq!(shown["transfer"]["position_octets"], 2048);
    let text = world.ok(&format!("transfers show {id}"));
    assert!(
        text.contains("interrupted at 50 %") && text.contains("block 2 (2.0 KiB before it)"),
        "{text}"
    );
    assert_eq!(world.json("status --json")["interrupted"], 1);
    assert!(world.ok("status").contains("1 inbound file(s) broke off"));
    let list = world.json("transfers --state interrupted --json");
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[test]
fn shows_the_route_of_a_forwarded_file() {
    let world = World::with_partner();
    let line = "partner add OTHER --code O0013OTHER --station US --password-sent-file - \
        --password-expected-file -";
    world.run(line, b"a\nb\n").1.unwrap();
    let now = Timestamp::now();
    let offered = offer(1);
    let offered = Offer {
        bound: Bound::Forward("OTHER".to_owned()),
        sfid: Sfid {
            destination: "O0013OTHER".parse().unwrap(),
            ..offered.sfid
        },
        ..offered
    };
    let mut inbound = world.store.begin_inbound(offered, now).unwrap();
    inbound.write(b"content", &[]).unwrap();
    let synced = inbound.finish(now).unwrap();
    let came = synced.id().to_string();
    let Delivered::Forwarded(went) = world.store.deliver(synced.id(), now).unwrap() else {
        panic!("it is for another partner");
    };
    let shown = world.json(&format!("transfers show {came} --json"));
    assert_eq!(shown["transfer"]["state"], "forwarded");
    assert_eq!(shown["transfer"]["forward_to"], "OTHER");
    assert_eq!(shown["transfer"]["forwarded_to"], went.to_string());
    let text = world.ok(&format!("transfers show {came}"));
    assert!(text.contains(&format!("to OTHER as {went}")), "{text}");
    let text = world.ok(&format!("transfers show {went}"));
    assert!(text.contains(&format!("from {came}")), "{text}");
    assert!(text.contains("O0013000002ACME → O0013OTHER"), "{text}");
}
