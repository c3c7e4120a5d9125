//! Keys change while files are on their way.

use support::cms::{Cms, Services};
use support::directory;

use super::{Secured, ended};

/// The partner goes on encrypting for our old key for a while, and starts with the new one when it likes.
#[test]
fn files_for_the_previous_the_current_and_the_next_key_are_opened() {
    let Some(secured) = Secured::new("rollover of our key", &[]) else {
        return;
    };
    let (second, third) = (Cms::new("ours, second"), Cms::new("ours, third"));
    secured.take_up("SECOND", &second);
    secured.take_up("THIRD", &third);
    secured.use_key("SECOND", "next");
    for role in ["encryption", "file-signing", "receipt-signing"] {
        secured.cli(&["key", "promote", "--station", "OURS", "--role", role]);
    }
    secured.use_key("THIRD", "next");
    for (number, key) in [&secured.ours, &second, &third].into_iter().enumerate() {
        let name = format!("FOR{number}");
        let octets = secured
            .theirs
            .secure(b"a file", Services::ALL, &key.certificate());
        let offer = Services::ALL.announce(support::Offer::new(&name, octets), 6);
        secured.hand_over(offer);
        ended(&secured.world, &name, "delivered");
    }
}

/// A file that was secured for the partner's old certificate still goes out and closes; one that is made after
/// the change is for the new one.
#[test]
fn a_partner_changes_its_certificate_while_files_wait() {
    let terms = [
        ("security", "\"encrypted-and-signed\""),
        ("signed_receipts", "true"),
    ];
    let Some(secured) = Secured::new("rollover of the partner's key", &terms) else {
        return;
    };
    let before = secured.send("BEFORE", b"before");
    secured.world.inner.wait_for_state(&before, "queued");
    let renewed = Cms::new("theirs, renewed");
    for role in ["encryption", "file-signing", "receipt-signing"] {
        let certificate = renewed.certificate();
        let to = [
            "--role",
            role,
            "--slot",
            "next",
            super::text_of(&certificate),
        ];
        secured.cli(&[&["cert", "add", directory::PARTNER][..], &to].concat());
        secured.cli(&["cert", "promote", directory::PARTNER, "--role", role]);
    }
    let (mut conversation, file) = secured.fetch(&before);
    assert_eq!(secured.opened(&file, Services::PROTECTED), b"before");
    // Signed with the old key: it is the previous one now.
    conversation
        .send_eerp(secured.receipt(&file))
        .expect("it is taken");
    conversation.finish().expect("a normal end");
    secured.world.inner.wait_for_state(&before, "acknowledged");

    let after = secured.send("AFTER", b"after");
    let (_conversation, file) = secured.fetch(&after);
    let ours = secured.ours.certificate();
    let opened = renewed.open(&file.content, Services::PROTECTED, &ours);
    assert_eq!(opened, b"after");
}
