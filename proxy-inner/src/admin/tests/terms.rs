//! What was agreed with a partner, by command and by file.

use super::*;

#[test]
fn takes_every_term_of_a_partner_and_shows_it() {
    let world = World::with_partner();
    let line = "partner add OLD --code O0013000003OLD --station US \
        --password-sent-file - --password-expected-file - \
        --address 10.1.2.3:3305 --transport plain --level 4 --lowest-level 1 \
        --no-compression --no-restart --refuse counter-zero --refuse text-not-utf8 \
        --receipts confirmed --receipt-within 12h --call-for-receipts --gateway \
        --further-station O0013DEPOT --further-station O0013ANNEX \
        --format F --record-length 80 --records lines --disabled";
    world.run(line, b"a\nb\n").1.unwrap();
    let shown = world.json("partner show OLD --json");
    for (key, value) in [
        ("transport", serde_json::json!("plain")),
        ("level", 4.into()),
        ("lowest_level", 1.into()),
        ("compression", false.into()),
        ("restart", false.into()),
        ("authentication", false.into()),
        (
            "refuse",
            serde_json::json!(["text-not-utf8", "counter-zero"]),
        ),
        ("receipts", "confirmed".into()),
        ("receipt_within", "12h".into()),
        ("call_for_receipts", true.into()),
        ("gateway", true.into()),
        ("stations", serde_json::json!(["O0013DEPOT", "O0013ANNEX"])),
        ("format", "F".into()),
        ("record_length", 80.into()),
        ("records", "lines".into()),
        ("enabled", false.into()),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    let text = world.ok("partner show OLD");
    for part in [
        "4, down to 1",
        "without TLS",
        "counter-zero",
        "once confirmed or rejected; overdue after 12h, and called for then",
        "F, records of 80 octets",
        "O0013ANNEX",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let list = world.ok("partner list");
    assert!(
        list.contains("10.1.2.3:3305 (plain)") && list.contains("1-4"),
        "{list}"
    );
    // Put again without them, every term has its default.
    let line = "partner add OLD --code O0013000003OLD --station US \
        --password-sent-file - --password-expected-file - --refuse none --level 4";
    world.run(line, b"a\nb\n").1.unwrap();
    let shown = world.json("partner show OLD --json");
    assert_eq!(shown["refuse"], serde_json::json!([]));
    assert_eq!(shown["lowest_level"], 4, "no lower level is spoken unasked");
    assert_eq!(shown["transport"], "tls");
}

#[test]
fn tells_all_that_is_wrong_with_a_partner_by_command() {
    let world = World::with_partner();
    let line = "partner add NEW --code O0013NEW --station US --password-sent-file - \
        --password-expected-file - --level 3 --refuse counter-one --further-station \
        O0013000001USABCDEFGHIJKLMNOPQ";
    let (_, ended) = world.run(line, b"a\nb\n");
    let refused = ended.unwrap_err().to_string();
    assert_eq!(refused.lines().count(), 4, "{refused}");
    for part in ["wanted 1, 2, 4 or 5", "counter-one", "stations: "] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    for (terms, part) in [
        ("--level 4 --lowest-level 5", "lowest_level: found 5"),
        ("--format F", "record_length: found 0"),
        ("--record-length 5", "no records"),
        ("--further-station O0013000001US", "is that of station US"),
    ] {
        let line = format!(
            "partner add NEW --code O0013NEW --station US --password-sent-file - \
             --password-expected-file - {terms}"
        );
        let refused = world.run(&line, b"a\nb\n").1.unwrap_err().to_string();
        assert!(refused.contains(part), "{terms}: {refused}");
    }
}

#[test]
fn the_example_shows_every_key_with_its_default() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/directory.toml");
    let example = std::fs::read_to_string(example).unwrap();
    let world = World::with_partner();
    let export = world.ok("partner export");
    let own = ["name", "code", "station", "address"];
    let mut compared = 0;
    for line in export.lines() {
        let Some((key, _)) = line.split_once(" = ") else {
            continue;
        };
        if !own.contains(&key) {
            assert!(example.lines().any(|shown| shown == line), "{line}");
            compared += 1;
        }
    }
    assert_eq!(compared, 35, "{export}");
    for key in [
        "server_name = ",
        "# [[partner.certificate]]",
        "# roles = [",
        "# slot = ",
        "# pem = ",
    ] {
        assert!(example.contains(key), "{key}");
    }
}
