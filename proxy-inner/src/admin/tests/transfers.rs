//! Files handed over by command, and how operators follow them.

use std::io::Read;
use std::thread;

use store::Receipt;

use super::*;

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
    let claim = world
        .store
        .claim_file("ACME", "00", Timestamp::now())
        .unwrap()
        .unwrap();
    let mut octets = Vec::new();
    claim.open().unwrap().read_to_end(&mut octets).unwrap();
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
        "attempts changed circuit created dataset description destination direction id inbox_name \
         not_before octets origin original_name partner progress reason receipt stamp state station"
    );
    let id = transfer["id"].as_str().unwrap();
    let detail = world.json(&format!("transfers show {id} --json"));
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

    let claim = world
        .store
        .claim_file("ACME", "00f3", Timestamp::now())
        .unwrap()
        .unwrap();
    let name = claim.file().clone();
    claim.progress(2);
    claim.sent(Timestamp::now()).unwrap();
    world
        .store
        .receipt_arrived("ACME", &name, Receipt::Positive, "00f3", Timestamp::now())
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
    let claim = world
        .store
        .claim_file("ACME", "00f3", Timestamp::now())
        .unwrap()
        .unwrap();
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
        "counters link outbox_faults pid queue receipts_owed sessions stage started store \
         transfers version"
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
