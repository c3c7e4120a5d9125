//! The partner's receipts for files that asked for a signed one.

use oftp::Eerp;
use support::Incoming;
use support::cms::{Cms, Services};

use super::{Secured, call};

const TERMS: [(&str, &str); 2] = [
    ("security", "\"encrypted-and-signed\""),
    ("signed_receipts", "true"),
];

/// Sends a file out; gives its transfer, and the file as the partner got it.
fn sent(secured: &Secured, name: &str) -> (String, Incoming) {
    let id = secured.send(name, b"a file");
    let (mut conversation, file) = secured.fetch(&id);
    assert!(file.sfid.signed_receipt);
    assert_eq!(secured.opened(&file, Services::PROTECTED), b"a file");
    conversation.finish().expect("a normal end");
    secured.world.inner.wait_for_state(&id, "sent");
    (id, file)
}

fn confirm(secured: &Secured, eerp: Eerp) {
    let mut later = call(&secured.world, support::Partner::of(&secured.world));
    later.send_eerp(eerp).expect("it is answered with RTR");
    later.finish().expect("a normal end");
}

#[test]
fn a_signed_receipt_closes_the_transfer() {
    let Some(secured) = Secured::new("signed receipt in", &TERMS) else {
        return;
    };
    let (id, file) = sent(&secured, "GOOD");
    confirm(&secured, secured.receipt(&file));
    secured.world.inner.wait_for_state(&id, "acknowledged");

    // with the content beside it, as some partners send it.
    let (id, file) = sent(&secured, "DETACHED");
    let mut eerp = secured.receipt(&file);
    eerp.signature = secured.theirs.sign_receipt(&eerp.signed_content(), true);
    confirm(&secured, eerp);
    secured.world.inner.wait_for_state(&id, "acknowledged");
}

/// which field differs is said, with what was expected.
#[test]
fn a_receipt_that_does_not_fit_closes_nothing_until_an_operator_takes_it() {
    let Some(secured) = Secured::new("wrong receipts", &TERMS) else {
        return;
    };
    let stranger = Cms::new("a stranger");
    type Change<'a> = Box<dyn Fn(&mut Eerp) + 'a>;
    let theirs = &secured.theirs;
    let cases: Vec<(&str, Change<'_>, &str)> = vec![
        (
            "HASH",
            Box::new(|eerp| {
                eerp.hash[0] ^= 1;
                eerp.signature = theirs.sign_receipt(&eerp.signed_content(), false);
            }),
            "hash",
        ),
        (
            "FIELD",
            Box::new(|eerp| {
                let mut other = eerp.clone();
                other.dataset = support::files::dataset_name("ANOTHER");
                eerp.signature = theirs.sign_receipt(&other.signed_content(), false);
            }),
            "ANOTHER",
        ),
        (
            "STRANGER",
            Box::new(|eerp| {
                eerp.signature = stranger.sign_receipt(&eerp.signed_content(), false);
            }),
            "sign",
        ),
        ("UNSIGNED", Box::new(|eerp| eerp.signature.clear()), "sign"),
    ];
    for (name, change, wanted) in cases {
        let (id, file) = sent(&secured, name);
        let mut eerp = secured.receipt(&file);
        change(&mut eerp);
        confirm(&secured, eerp);
        let said = secured.world.inner.half.logs.until("it is noted", || {
            let said = secured.world.inner.transfer(&id).to_string();
            said.contains("was not taken").then_some(said)
        });
        assert!(said.contains("\"sent\""), "{name} stays open: {said}");
        assert!(said.contains(wanted), "{name}: {said}");
        if name == "HASH" {
            secured.cli(&["receipts", "accept", &id]);
        } else {
            confirm(&secured, secured.receipt(&file));
        }
        secured.world.inner.wait_for_state(&id, "acknowledged");
    }
}
