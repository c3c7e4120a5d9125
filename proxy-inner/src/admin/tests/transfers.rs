//! Files handed over by command, and how operators follow them.

use std::thread;

use oftp::{Level, ReceiptReason, UserField};
use store::{ArrivedReceipt, Judgement, OutboundClaim, ReceiptContent};

use super::*;

/// The next file for ACME, as a session at level 5 is given it.
fn claim(world: &World) -> OutboundClaim {
    let claim = world
        .store
        .claim_file("ACME", "00f3", Level::L5, true, Timestamp::now());
    claim.unwrap().unwrap()
}

/// `length` octets that differ from place to place.
fn content(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    next.flatten().take(length).collect()
}

/// What a session would be given to send next.
fn spooled(world: &World) -> Vec<u8> {
    let claim = claim(world);
    let mut file = claim.open(0).unwrap();
    let (mut octets, mut ends) = (Vec::new(), Vec::new());
    while !file.read(&mut octets, &mut ends, 1 << 20).unwrap() {}
    claim
        .failed("the test has read it", Timestamp::now())
        .unwrap();
    octets
}

#[test]
fn hands_over_files_of_any_size_whole() {
    let world = World::with_partner();
    for length in [0, 1, 300, 256 * 1024, 10 * 1024 * 1024 + 7] {
        let octets = content(length);
        let file = world.file("orders.edi", &octets);
        let id = world.ok(&format!("send --partner ACME {}", file.display()));
        let shown = world.json(&format!("transfers show {} --json", id.trim()));
        assert_eq!(shown["transfer"]["state"], "queued");
        assert_eq!(shown["transfer"]["octets"], length);
        assert_eq!(shown["transfer"]["original_name"], "orders.edi");
        assert!(spooled(&world) == octets, "{length} octets arrived changed");
    }
}

#[test]
fn hands_over_what_is_piped_in_with_name_and_description() {
    let world = World::with_partner();
    let octets = content(100_000);
    let (printed, ended) = world.run(
        "send --partner ACME --dsn INVOICES --description May - --json",
        &octets,
    );
    ended.unwrap();
    let id = serde_json::from_str::<serde_json::Value>(&printed).unwrap()["id"].clone();
    let shown = world.json(&format!("transfers show {} --json", id.as_str().unwrap()));
    assert_eq!(shown["transfer"]["dataset"], "INVOICES");
    assert_eq!(shown["transfer"]["description"], "May");
    assert!(spooled(&world) == octets);
}

#[test]
fn hands_over_records_for_a_further_station_from_another_of_ours() {
    let world = World::with_partner();
    world.ok("station add BRANCH --code O0013BRANCH");
    let line = "partner add ACME --code O0013000002ACME --station US --password-sent-file - \
        --password-expected-file - --further-station O0013DEPOT --format F --record-length 80";
    world.run(line, b"a\nb\n").1.unwrap();
    let shown = |line: &str| {
        let id = world.ok(line);
        let mut shown = world.json(&format!("transfers show {} --json", id.trim()));
        let text = world.ok(&format!("transfers show {}", id.trim()));
        (shown["transfer"].take(), text)
    };
    let file = world.file("records", &[b'x'; 160]);
    let file = file.display();
    let (fixed, text) = shown(&format!("send --partner ACME {file}"));
    assert_eq!(fixed["format"], "F", "as agreed with the partner");
    assert_eq!(fixed["record_length"], 80);
    assert_eq!(fixed["records"], 2);
    assert_eq!(fixed["origin"], "O0013000001US");
    assert_eq!(fixed["destination"], "O0013000002ACME");
    assert!(text.contains("F, 2 records of 80 octets"), "{text}");

    let lines = world.file("lines", b"one\ntwo\n\nfour\n");
    let (variable, text) = shown(&format!(
        "send --partner ACME --format V --records lines --destination O0013DEPOT --station BRANCH \
         --user U1 {}",
        lines.display()
    ));
    assert_eq!(variable["format"], "V");
    assert_eq!(variable["records"], 4);
    assert_eq!(variable["octets"], 10, "line ends belong to no record");
    assert_eq!(variable["origin"], "O0013BRANCH");
    assert_eq!(variable["destination"], "O0013DEPOT");
    assert_eq!(variable["user"], "U1");
    assert!(
        text.contains("O0013BRANCH → O0013DEPOT") && text.contains("V, 4 records"),
        "{text}"
    );

    let (other, _) = shown(&format!("send --partner ACME --format T {file}"));
    assert_eq!(other["format"], "T");
    assert_eq!(other["record_length"], 0, "no length was agreed for it");

    for (options, part) in [
        (
            "--format F --record-length 0",
            "--record-length: found \"0\"",
        ),
        ("--format U --record-length 80", "have no records"),
        ("--user TOOLONGUSER", "--user"),
        ("--destination O0013000001US", "O0013000001US"),
        ("--station NOWHERE", "NOWHERE"),
        ("--record-length 79", "79"),
    ] {
        let refused = world.refused(&format!("send --partner ACME {options} {file}"));
        assert!(refused.contains(part), "{options}: {refused}");
    }
}

#[test]
fn refuses_with_a_sentence_what_cannot_be_sent() {
    let world = World::with_partner();
    let file = world.file("a", b"a");
    let folder = world.folder.path().display().to_string();
    let file = file.display();
    for (line, part) in [
        (
            format!("send --partner NOBODY {file}"),
            "no partner named \"NOBODY\"",
        ),
        (
            format!("send --partner ACME --dsn {} {file}", "X".repeat(27)),
            "--dsn",
        ),
        (
            "send --partner ACME /no/such/file".to_owned(),
            "/no/such/file: cannot be opened",
        ),
        (
            format!("send --partner ACME {folder}"),
            "is no regular file",
        ),
    ] {
        let refused = world.refused(&line);
        assert!(refused.contains(part), "{line}: {refused}");
    }
    assert_eq!(world.ok("transfers"), "No transfers.\n");
}

#[test]
fn refuses_a_file_that_would_cut_into_the_reserve_before_it_is_uploaded() {
    let world = World::with_reserve(1 << 44);
    world.ok("station add US --code O0013000001US");
    world
        .run(
            "partner add ACME --code O0013000002ACME --station US --password-sent-file - \
             --password-expected-file -",
            b"a\nb\n",
        )
        .1
        .unwrap();
    let file = world.file("a", b"a");
    let refused = world.refused(&format!("send --partner ACME {}", file.display()));
    assert!(refused.contains("no space"), "{refused}");
}

#[test]
fn lists_and_shows_transfers_as_json_with_keys_that_stay() {
    let world = World::with_partner();
    let file = world.file("a", b"abc");
    world.ok(&format!("send --partner ACME {}", file.display()));
    let list = world.json("transfers list --direction out --partner ACME --state queued --json");
    let transfer = &list.as_array().unwrap()[0];
    let mut keys: Vec<_> = transfer.as_object().unwrap().keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(
        keys.join(" "),
        "attempts changed circuit clear_octets created dataset description destination direction \
         format forward_to forwarded_from forwarded_to hash held id inbox_name not_before octets \
         opened origin original_name partner position position_octets progress reason receipt \
         receipt_since record_length records services stamp state station user"
    );
    let id = transfer["id"].as_str().unwrap();
    let detail = world.json(&format!("transfers show {id} --json"));
    let mut keys: Vec<_> = detail.as_object().unwrap().keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["certificates", "receipt_problem", "steps", "transfer"]
    );
    let step = detail["steps"].as_array().unwrap()[0].as_object().unwrap();
    let mut keys: Vec<_> = step.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["at", "circuit", "detail", "step"]);
    assert_eq!(
        world
            .json("transfers --direction in --json")
            .as_array()
            .unwrap()
            .len(),
        0
    );
    let text = world.ok(&format!("transfers show {id}"));
    assert!(
        text.contains("to ACME") && text.contains("steps (UTC)"),
        "{text}"
    );
    assert!(
        world
            .refused("transfers show 0000000000000000")
            .contains("transfers list")
    );
    assert!(
        world
            .refused("transfers show 12")
            .contains("16 hexadecimal digits")
    );
}

#[test]
fn follows_a_file_to_its_receipt() {
    let world = World::with_partner();
    let file = world.file("a", b"abc");
    let id = world.ok(&format!("send --partner ACME {}", file.display()));
    let (socket, line) = (
        world.socket.clone(),
        format!("transfers wait {}", id.trim()),
    );
    let waiting = thread::spawn(move || run(&socket, &line, b""));

    let claim = claim(&world);
    let name = claim.file().clone();
    claim.progress(2);
    claim.sent(Timestamp::now()).unwrap();
    let receipt = ArrivedReceipt {
        file: name,
        content: ReceiptContent::positive(UserField::default()),
        level: Level::L5,
        refuse_swapped: false,
        judge: Box::new(|_| Judgement::Accepted { evidence: None }),
    };
    world
        .store
        .receipt_arrived("ACME", receipt, "00f3", Timestamp::now())
        .unwrap();

    let (printed, ended) = waiting.join().unwrap();
    ended.unwrap();
    assert_eq!(printed, format!("transfer {}: acknowledged\n", id.trim()));
}

#[test]
fn a_wait_for_a_file_that_failed_fails_with_the_reason() {
    let world = World::with_partner();
    let file = world.file("a", b"abc");
    let id = world.ok(&format!("send --partner ACME {}", file.display()));
    let id = id.trim();
    let claim = claim(&world);
    claim
        .failed("the partner said no", Timestamp::now())
        .unwrap();
    let refused = world.refused(&format!("transfers wait {id}"));
    assert_eq!(
        refused,
        format!("transfer {id} is failed: the partner said no")
    );

    assert_eq!(
        world.ok(&format!("transfers retry {id}")),
        format!("Transfer {id} queued again.\n")
    );
    assert!(
        world
            .refused(&format!("transfers discard {id}"))
            .contains("is queued")
    );
}

#[test]
fn a_wait_ends_when_its_time_is_over() {
    let world = World::with_partner();
    let file = world.file("a", b"abc");
    let line = format!(
        "send --partner ACME --wait --timeout 10ms {}",
        file.display()
    );
    let (printed, ended) = world.run(&line, b"");
    let error = ended.unwrap_err();
    assert!(matches!(error, CtlError::TimedOut { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&format!("transfers show {}", printed.trim())),
        "{error}"
    );
}

#[test]
fn calls_a_partner_and_no_stranger() {
    let world = World::with_partner();
    assert!(world.ok("call --partner ACME").contains("is being called"));
    assert_eq!(*lock(&world.called), ["ACME"]);
    assert!(
        world
            .refused("call --partner NOBODY")
            .contains("no partner named")
    );
}

#[test]
fn the_status_tells_queue_faults_and_store() {
    let world = World::with_partner();
    let file = world.file("a", b"abc");
    world.ok(&format!("send --partner ACME {}", file.display()));
    let fault = OutboxFault {
        path: "/x/ACME/bad".into(),
        problem: "cannot be read".to_owned(),
    };
    world.outbox.send_replace(vec![fault]);
    let wait = std::time::Duration::from_secs(60);
    world
        .store
        .session_failed("ACME", "nobody answers", wait, Timestamp::now())
        .unwrap();

    let status = world.json("status --json");
    let mut keys: Vec<_> = status.as_object().unwrap().keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(
        keys.join(" "),
        "counters interrupted keys link outbox_faults pid plain queue receipts_awaited \
         receipts_overdue receipts_owed receipts_unconfirmed sessions stage started store \
         tolerated transfers version work"
    );
    assert_eq!(status["queue"][0]["partner"], "ACME");
    assert_eq!(status["queue"][0]["files"], 1);
    assert_eq!(status["queue"][0]["last_failure"], "nobody answers");
    assert_eq!(status["outbox_faults"][0]["problem"], "cannot be read");
    assert!(status["store"]["free"].as_u64().unwrap() > 0);
    assert!(status["counters"]["sessions_in"].is_u64());
    let text = world.ok("status");
    for part in [
        "link: none",
        "nobody answers (1 in a row)",
        "/x/ACME/bad: cannot be read",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_a_partner_wrote_neither_moves_the_cursor_nor_begins_a_line() {
    let world = World::with_partner();
    let file = world.file("a", b"abc");
    let id = world.ok(&format!("send --partner ACME {}", file.display()));
    let claim = claim(&world);
    let name = claim.file().clone();
    claim.sent(Timestamp::now()).unwrap();
    let text = "\u{1b}[2J\u{9b}1A\nforged \u{202e}Zürich's \"x\"";
    let creator = name.destination.clone();
    let receipt = ArrivedReceipt {
        file: name,
        content: ReceiptContent::negative(ReceiptReason::UNSPECIFIED, text, creator),
        level: Level::L5,
        refuse_swapped: false,
        judge: Box::new(|_| Judgement::Accepted { evidence: None }),
    };
    world
        .store
        .receipt_arrived("ACME", receipt, "00f3", Timestamp::now())
        .unwrap();
    let shown = world.ok(&format!("transfers show {}", id.trim()));
    let waited = world.refused(&format!("transfers wait {}", id.trim()));
    for printed in [shown, waited] {
        let strange = |c: &char| (c.is_control() && *c != '\n') || *c == '\u{202e}';
        assert_eq!(printed.chars().find(strange), None, "{printed:?}");
        assert!(!printed.contains("\nforged"), "{printed}");
        assert!(printed.contains("Zürich's \"x\""), "{printed}");
    }
}
