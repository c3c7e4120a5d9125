//! A key is made, a CA certifies it, and it is put to use.

use std::path::Path;

use super::authority::Authority;
use super::{Desk, text_of};

const LONG_AGO: &str = "20200101000000Z";
const ENDED: &str = "20210101000000Z";
const FAR_AWAY: &str = "20450101000000Z";

#[test]
fn a_key_is_made_and_certified_and_files_cross_with_it() {
    let Some(desk) = Desk::new("key, request, certificate, use") else {
        return;
    };
    let authority = Authority::new();
    let request = desk.path("ours.csr");
    let create = ["key", "create", "OURS-1", "--station", "OURS"];
    let about = ["--organization", "Example", "--country", "DE", "--out"];
    desk.cli(&[&create[..], &about, &[text_of(&request)]].concat());
    let without = desk.refused(&["key", "use", "OURS-1", "--station", "OURS"]);
    assert!(without.contains("key install OURS-1 FILE"), "{without}");

    authority.certify(&request, "ours", LONG_AGO, FAR_AWAY);
    for answer in [authority.jumbled("ours"), authority.bundle("ours")] {
        desk.cli(&["key", "install", "OURS-1", text_of(&answer)]);
    }
    let used = desk.cli(&["key", "use", "OURS-1", "--station", "OURS"]);
    assert!(
        used.contains("file-signing") && !used.contains("tls"),
        "{used}"
    );
    let shown = desk.cli(&["key", "show", "OURS-1"]);
    for said in [
        "Example",
        "OURS, encryption",
        "2045-01-01",
        "are held, not sent in clear",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }

    let ours = desk.certificate("OURS-1");
    desk.receives("FIRST", &ours);
    desk.sends("SECOND", &ours);
    desk.never_tells("M4STER");
}

/// What a CA can send wrong leaves the key as it was.
#[test]
fn an_answer_for_another_key_or_one_that_has_ended_changes_nothing() {
    let Some(desk) = Desk::new("wrong answers of a CA") else {
        return;
    };
    let authority = Authority::new();
    let mut requests = Vec::new();
    for name in ["OURS-1", "OURS-2"] {
        let request = desk.path(&format!("{name}.csr"));
        let to = ["--kind", "rsa-2048", "--out", text_of(&request)];
        desk.cli(&[&["key", "create", name, "--station", "OURS"][..], &to].concat());
        requests.push(request);
    }
    authority.certify(&requests[0], "good", LONG_AGO, FAR_AWAY);
    authority.certify(&requests[0], "ended", LONG_AGO, ENDED);
    authority.certify(&requests[1], "other", LONG_AGO, FAR_AWAY);
    desk.cli(&[
        "key",
        "install",
        "OURS-1",
        text_of(&authority.path("good.pem")),
    ]);
    desk.cli(&["key", "use", "OURS-1", "--station", "OURS"]);
    let before = desk.cli(&["key", "show", "OURS-1", "--json"]);

    let cases = [
        ("other.pem", "is for key OURS-1"),
        ("root.pem", "CN=Root"),
        ("middle.csr", "request"),
        ("root.key", "key import"),
        ("ended.pem", "ended on 2021-01-01"),
    ];
    for (file, told) in cases {
        let said = desk.refused(&["key", "install", "OURS-1", text_of(&authority.path(file))]);
        assert!(said.contains(told), "{file}: {said}");
    }
    assert_eq!(desk.cli(&["key", "show", "OURS-1", "--json"]), before);
}

/// The certificates a key had before stay for files that are under way; partners get the new one alone.
#[test]
fn a_renewed_certificate_is_given_out_without_the_one_before() {
    let Some(desk) = Desk::new("a renewed certificate") else {
        return;
    };
    let authority = Authority::new();
    let request = desk.path("ours.csr");
    let create = [
        "key",
        "create",
        "OURS-1",
        "--station",
        "OURS",
        "--kind",
        "rsa-2048",
    ];
    desk.cli(&[&create[..], &["--out", text_of(&request)]].concat());
    authority.certify(&request, "old", LONG_AGO, "20350101000000Z");
    authority.certify(&request, "new", LONG_AGO, FAR_AWAY);
    desk.cli(&[
        "key",
        "install",
        "OURS-1",
        text_of(&authority.bundle("old")),
    ]);
    desk.cli(&["key", "use", "OURS-1", "--station", "OURS"]);
    let old = desk.certificate("OURS-1");
    let told = desk.cli(&[
        "key",
        "install",
        "OURS-1",
        text_of(&authority.bundle("new")),
    ]);
    assert!(told.contains("key export --certificate"), "{told}");

    let new = desk.cli(&["key", "export", "OURS-1", "--certificate"]);
    assert_eq!(new.matches("BEGIN CERTIFICATE").count(), 3, "{new}");
    let new = desk.write("new.pem", new.as_bytes());
    // What we give out is what we would take.
    let taken = [
        "cert",
        "add",
        "ACME",
        &new,
        "--slot",
        "next",
        "--role",
        "encryption",
    ];
    let taken = desk.cli(&taken);
    assert!(taken.contains("2045-01-01"), "{taken}");
    desk.receives_signing("FOR-OLD", &old, Path::new(&new));
}
