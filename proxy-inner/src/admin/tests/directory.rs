//! Stations and partners by command and by file; passwords in, never out.

use super::*;

#[test]
fn adds_shows_lists_changes_and_removes() {
    let world = World::with_partner();
    assert_eq!(
        world.ok("station add US --code O0013000001US"),
        "Station US unchanged.\n"
    );
    assert_eq!(
        world.ok("station add US --code O0013000001XX"),
        "Station US changed.\n"
    );
    assert!(world.ok("station show US").contains("O0013000001XX"));
    let list = world.ok("partner list");
    assert!(
        list.starts_with("NAME  CODE") && list.contains("ACME"),
        "{list}"
    );
    let show = world.ok("partner show ACME");
    assert!(
        show.contains("oftp.acme.example:6619") && show.contains("***"),
        "{show}"
    );

    let busy = world.refused("station remove US");
    assert!(busy.contains("ACME"), "{busy}");
    assert_eq!(world.ok("partner remove ACME"), "Partner ACME removed.\n");
    assert_eq!(world.ok("station remove US"), "Station US removed.\n");
    assert!(world.ok("partner list").contains("proxy-inner partner add"));
    assert!(world.refused("partner show ACME").contains("partner list"));
}

#[test]
fn shows_partners_as_json_with_keys_that_stay() {
    let world = World::with_partner();
    let partner = world.json("partner show ACME --json");
    let keys: Vec<_> = partner
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(
        keys.join(" "),
        "accept_compressed accept_encrypted accept_signed address archive authentication buffer \
         call_for_receipts certificate certificates check cipher_suite cipher_suites code \
         compression credit enabled encoding expansion file_compression format gateway \
         include_certificate level lowest_level name receipt_signature receipt_suite \
         receipt_within receipts record_length records refuse restart security server_name \
         signed_receipts station stations transport unsigned_receipts"
    );
    assert_eq!(
        world.json("partner list --json").as_array().unwrap().len(),
        1
    );
}

#[test]
fn takes_a_certificate_by_file_or_by_fingerprint() {
    let world = World::with_partner();
    let (certificate, key) = (
        world.folder.path().join("c.pem"),
        world.folder.path().join("c.key"),
    );
    let issued =
        crate::keys::issue(&["oftp.acme.example".to_owned()], 9, &certificate, &key).unwrap();
    let other = format!("sha256:{}", "ab".repeat(32));
    let line = format!(
        "partner add ACME --code O0013000002ACME --station US --password-sent-file - \
         --password-expected-file - --certificate {} --certificate {other}",
        certificate.display()
    );
    world
        .run(&line, format!("{SENT}\n{EXPECTED}\n").as_bytes())
        .1
        .unwrap();
    let shown = world.json("partner show ACME --json");
    let certificates = shown["certificates"].as_array().unwrap();
    assert!(
        certificates
            .iter()
            .any(|one| *one == issued.facts.fingerprint_text()),
        "{shown}"
    );
    assert!(
        certificates.iter().any(|one| *one == other.as_str()),
        "{shown}"
    );
    let (_, ended) = world.run(&line.replace("c.pem", "c.key"), b"a\nb\n");
    let refused = ended.unwrap_err().to_string();
    assert!(refused.contains("holds no certificate"), "{refused}");
}

#[test]
fn applies_the_example_and_exports_it_again() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/directory.toml");
    let world = World::new();
    let apply = format!("partner apply -f {}", example.display());
    assert_eq!(world.ok(&apply), "Station US added.\nPartner ACME added.\n");
    assert_eq!(
        world.ok(&apply),
        "Station US unchanged.\nPartner ACME unchanged.\n"
    );

    let without = world.ok("partner export");
    assert!(
        !without.contains("OURPW") && !without.contains("THEIRPW"),
        "{without}"
    );
    let with = world.ok("station export --with-passwords");
    assert!(with.contains("OURPW") && with.contains("THEIRPW"), "{with}");

    let other = World::new();
    let file = other.file("export.toml", with.as_bytes());
    other.ok(&format!("station apply -f {}", file.display()));
    assert_eq!(other.ok("partner export --with-passwords"), with);

    // An export without passwords leaves those that are there as they are.
    let file = other.file("without.toml", without.as_bytes());
    other.ok(&format!("station apply -f {}", file.display()));
    assert_eq!(other.ok("partner export --with-passwords"), with);
}

#[test]
fn tells_all_faults_of_an_apply_file_and_applies_nothing() {
    let world = World::new();
    let text = format!(
        "[[station]]\nname = \"us\"\ncode = \"O1\"\n[[station]]\nname = \"OK\"\ncode = \"O2\"\n\
         [[partner]]\nname = \"ACME\"\ncode = \"O3\"\nstation = \"OK\"\nbuffer = 5\n\
         password_sent = \"{SENT}toolong\"\n"
    );
    let file = world.file("faulty.toml", text.as_bytes());
    let refused = world.refused(&format!("partner apply -f {}", file.display()));
    assert_eq!(refused.lines().count(), 3, "{refused}");
    assert!(
        refused.lines().all(|line| line.contains("faulty.toml: ")),
        "{refused}"
    );
    assert!(!refused.contains(SENT), "{refused}");
    assert!(world.ok("station list").contains("No stations"));
    let missing = world.refused("partner apply -f /no/such/file.toml");
    assert!(
        missing.contains("/no/such/file.toml: cannot be read"),
        "{missing}"
    );
}

#[test]
fn refuses_a_password_oftp_cannot_carry_without_repeating_it() {
    let world = World::new();
    world.ok("station add US --code O0013000001US");
    let line = "partner add ACME --code O0013000002ACME --station US \
                --password-sent-file - --password-expected-file -";
    let (printed, ended) = world.run(line, format!("{SENT}{EXPECTED}\nok\n").as_bytes());
    let refused = ended.unwrap_err().to_string();
    assert!(
        refused.contains("password sent") && refused.contains("8 characters"),
        "{refused}"
    );
    assert!(!refused.contains(SENT) && !printed.contains(SENT));
    let (_, ended) = world.run(line, b"only one line\n");
    let refused = ended.unwrap_err().to_string();
    assert!(refused.contains("--password-expected-file"), "{refused}");
}

#[test]
fn no_password_is_in_any_output_or_log() {
    let world = World::with_partner();
    let file = world.file(
        "ok.toml",
        format!(
            "[[partner]]\nname = \"ACME\"\ncode = \"O0013000002ACME\"\nstation = \"US\"\n\
         password_sent = \"{SENT}\"\npassword_expected = \"{EXPECTED}\"\n"
        )
        .as_bytes(),
    );
    let mut printed = String::new();
    for line in [
        "station list",
        "partner list --json",
        "partner show ACME",
        "partner show ACME --json",
        "partner export",
        "transfers --json",
        "status",
        "status --json",
        &format!("partner apply -f {}", file.display()),
    ] {
        printed.push_str(&world.ok(line));
    }
    printed.push_str(&world.refused(
        "partner add ACME --code bad~code~bad --station US \
        --password-sent-file /no/such/file",
    ));
    let logged = log().text();
    assert!(
        logged.contains("A partner was put by command."),
        "the log is captured"
    );
    for secret in [SENT, EXPECTED] {
        assert!(!printed.contains(secret), "{printed}");
        assert!(!logged.contains(secret), "a password is in the log");
    }
}
