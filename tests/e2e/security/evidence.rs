//! What can be shown of a transfer long after: its files, its receipt, its certificates.

use support::cms::Services;
use support::compare::assert_same_octets;

use super::Secured;

#[test]
fn a_transfer_gives_back_its_files_its_receipt_and_a_report() {
    let terms = [
        ("security", "\"encrypted-and-signed\""),
        ("signed_receipts", "true"),
        ("archive", "\"files\""),
    ];
    let Some(secured) = Secured::new("evidence", &terms) else {
        return;
    };
    let id = secured.send("PROVEN", b"a file");
    let (mut conversation, file) = secured.fetch(&id);
    let eerp = secured.receipt(&file);
    conversation.send_eerp(eerp.clone()).expect("it is taken");
    conversation.finish().expect("a normal end");
    secured.world.inner.wait_for_state(&id, "acknowledged");

    let folder = secured.world.folder().join("evidence");
    secured.cli(&["evidence", &id, "--to", super::text_of(&folder)]);
    let read = |name: &str| {
        std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert_same_octets("the clear file", b"a file", &read("clear"));
    assert_same_octets("as transmitted", &file.content, &read("secured"));
    assert_eq!(read("receipt.p7s"), eerp.signature);
    let inside = secured
        .theirs
        .verify(&read("receipt.p7s"), &secured.theirs.certificate());
    assert_eq!(inside, eerp.signed_content());
    let report = String::from_utf8(read("report.txt")).expect("text");
    let hash: String = eerp
        .hash
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    for wanted in ["PROVEN", &id, &hash, "acknowledged"] {
        assert!(report.contains(wanted), "{wanted} is in:\n{report}");
    }
    assert_eq!(secured.opened(&file, Services::PROTECTED), b"a file");
}
