//! Files that come secured.

use oftp::Format;
use support::cms::Services;
use support::compare::{assert_same_octets, content};
use support::{Answer, directory};

use super::{Secured, ended, receipts};

/// every combination of services comes across; R-204: layers are undone in their order.
#[test]
fn a_file_of_every_combination_of_services_is_opened_and_delivered() {
    let Some(secured) = Secured::new("incoming combinations", &[]) else {
        return;
    };
    for (number, services) in Services::every().into_iter().enumerate() {
        let name = format!("IN{number}");
        let clear = content(number as u64, 50_000 + number);
        let answer = secured.hand_over(secured.offer(&name, &clear, services));
        assert!(matches!(answer, Answer::Stored { .. }), "{answer:?}");
        ended(&secured.world, &name, "delivered");
        let delivered = secured
            .world
            .inner
            .wait_for_delivered(directory::PARTNER, number + 1);
        let file = delivered
            .iter()
            .find(|file| file.path.to_string_lossy().contains(&format!("{name}.")))
            .expect("it is there");
        assert_same_octets(&name, &clear, &file.content());
    }
}

/// suites 01 to 06, the oldest two where the partner's list has them.
#[test]
fn files_of_every_suite_that_openssl_has_are_opened() {
    let terms = [("cipher_suites", "[1, 2, 3, 4, 5, 6]")];
    let Some(secured) = Secured::new("incoming suites", &terms) else {
        return;
    };
    for suite in 1..=6 {
        let services = Services {
            suite,
            ..Services::ALL
        };
        let name = format!("SUITE{suite}");
        let answer = secured.hand_over(secured.offer(&name, b"a file", services));
        assert!(matches!(answer, Answer::Stored { .. }), "{answer:?}");
        ended(&secured.world, &name, "delivered");
    }
}

/// the records of a V file are told by lengths inside the secured file.
#[test]
fn the_records_of_a_secured_v_file_are_rebuilt() {
    let Some(secured) = Secured::new("incoming records", &[("records", "\"lines\"")]) else {
        return;
    };
    let lines = ["first", "", "the third"];
    let mut inside = Vec::new();
    for line in lines {
        inside.extend_from_slice(&u16::try_from(line.len()).expect("short").to_be_bytes());
        inside.extend_from_slice(line.as_bytes());
    }
    let mut offer = secured
        .offer("RECORDS", &inside, Services::ALL)
        .format(Format::Variable);
    offer.sfid.record_length = 80;
    secured.hand_over(offer);
    let delivered = secured
        .world
        .inner
        .wait_for_delivered(directory::PARTNER, 1);
    assert_same_octets("lines", b"first\n\nthe third\n", &delivered[0].content());
}

/// the receipt is signed by us, over the file as it was transmitted.
#[test]
fn a_signed_receipt_covers_the_file_as_it_was_transmitted() {
    let Some(secured) = Secured::new("signed receipt out", &[]) else {
        return;
    };
    let plain = Services {
        suite: 4,
        ..Services::NONE
    };
    for (name, services) in [("PROTECTED", Services::ALL), ("CLEAR", plain)] {
        let (mut offer, transmitted) = secured.offer_of(name, &content(3, 9_000), services);
        offer.sfid.signed_receipt = true;
        let mut conversation = secured.call();
        conversation.send(offer).expect("an answer");
        conversation.finish().expect("a normal end");
        ended(&secured.world, name, "delivered");
        let mut all = conversation.receipts;
        all.extend(receipts(&secured.world).receipts);
        let [eerp] = &all[..] else {
            panic!("one receipt: {all:?}");
        };
        assert_eq!(eerp.hash, support::compare::sha256(&transmitted), "{name}");
        let inside = secured
            .theirs
            .verify(&eerp.signature, &secured.ours.certificate());
        assert_eq!(inside, eerp.signed_content(), "{name}");
    }
}
