//! Sections 5.3.13 to 5.3.15: EERP, NERP and RTR.

use engine::{Event, Request};
use oftp::{Eerp, Nerp, ReceiptReason};
use rig::script::{OURS, THEIRS, code, eerp_for, nerp, sfid};
use rig::stage::{Stage, terms};
use rig::wire::{Offer, text};

use crate::{LEVELS, assert_says, x};

/// our EERP, octet for octet.
#[test]
fn eerp_lies_on_the_line_as_the_table_has_it() {
    let name = x("FILE", 26);
    // From the destination of the file to its origin.
    let parties = format!("{}{}{}", x("", 8), x(THEIRS, 25), x(OURS, 25));
    for (level, expected) in [
        (1, format!("E{name}{}241121010203{parties}", x("", 9))),
        (2, format!("E{name}{}241121010203{parties}", x("", 9))),
        (4, format!("E{name}{}202411210102030001{parties}", x("", 3))),
        (
            5,
            format!(
                "E{name}{}202411210102030001{parties}<00><00><00><00>",
                x("", 3)
            ),
        ),
    ] {
        let mut file = sfid("FILE", 3);
        (file.origin, file.destination) = (code(THEIRS), code(OURS));
        let mut wire = Stage::Speaker.wire(&terms(level), level);
        wire.ask(Request::Eerp(eerp_for(&file)));
        assert_eq!(wire.says(), [expected], "level {level}");
        assert_eq!(wire.state(), "WF_RTR");
    }
}

/// a hash and a signature with their lengths in two octets, at level 5 only.
#[test]
fn a_signed_receipt_carries_hash_and_signature_behind_their_lengths() {
    let signed = Eerp {
        hash: vec![0xAA; 20],
        signature: vec![0xBB; 300],
        ..eerp_for(&sfid("FILE", 3))
    };
    let mut wire = Stage::Speaker.wire(&terms(5), 5);
    wire.ask(Request::Eerp(signed.clone()));
    let oeb = &wire.oebs()[0];
    assert_eq!(oeb.len(), 110 + 20 + 300);
    assert_eq!(oeb[106..108], [0, 20]);
    assert_eq!(oeb[108..128], [0xAA; 20]);
    assert_eq!(oeb[128..130], [1, 44]);

    // Larger than the agreed buffer, which is for DATA only.
    let mut small = terms(5);
    small.buffer = 128;
    let mut wire = Stage::Listener.wire(&small, 5);
    wire.hears(oeb);
    assert_eq!(wire.news(), [Event::Eerp(signed)]);
}

/// our NERP; its reserved octets are six.
#[test]
fn nerp_lies_on_the_line_as_the_table_has_it() {
    for (level, tail) in [(4, "34"), (5, "34005sorry<00><00><00><00>")] {
        let receipt = Nerp {
            reason: ReceiptReason::PROCESSING_FAILED,
            text: "sorry".into(),
            creator: code("O0099GATEWAY"),
            ..nerp()
        };
        let mut wire = Stage::Speaker.wire(&terms(level), level);
        wire.ask(Request::Nerp(receipt));
        let expected = format!(
            "N{}{}202411210102030001{}{}{}{tail}",
            x("FILE", 26),
            x("", 6),
            x(OURS, 25),
            x(THEIRS, 25),
            x("O0099GATEWAY", 25)
        );
        assert_eq!(wire.says(), [expected], "level {level}");
    }
}

/// below level 4 there is no NERP; it is kept, not sent.
#[test]
fn nerp_is_not_said_below_level_4() {
    for level in [1, 2] {
        let mut wire = Stage::Speaker.wire(&terms(level), level);
        let now = wire.now;
        assert!(wire.session.request(Request::Nerp(nerp()), now).is_err());
        assert_says(&mut wire, []);
        assert_eq!(wire.state(), "IDLESP");
    }
}

/// a receipt is told with all it says, and
/// answered with one RTR, when our driver is ready and not before.
#[test]
fn every_receipt_is_answered_with_one_rtr() {
    for level in LEVELS {
        let file = Offer::at(level);
        let mut wire = Stage::Listener.wire(&terms(level), level);
        wire.hears(&file.eerp());
        let news = wire.news();
        let [Event::Eerp(eerp)] = news.as_slice() else {
            panic!("{news:?}");
        };
        assert_eq!(eerp.dataset.as_str(), "FILE");
        assert_eq!(
            (&eerp.destination, &eerp.origin),
            (&code(THEIRS), &code(OURS))
        );
        assert_says(&mut wire, []);
        wire.ask(Request::RtrResponse);
        assert_says(&mut wire, ["P"]);
        assert_eq!(wire.state(), "IDLELI");
        let now = wire.now;
        assert!(wire.session.request(Request::RtrResponse, now).is_err());

        if level >= 4 {
            wire.hears(&file.nerp("O0099GATEWAY", 47));
            let news = wire.news();
            let [Event::Nerp(nerp)] = news.as_slice() else {
                panic!("{news:?}");
            };
            assert_eq!(nerp.creator, code("O0099GATEWAY"));
            // a reason that no list has.
            assert_eq!(nerp.reason, ReceiptReason(47));
            wire.ask(Request::RtrResponse);
            assert_says(&mut wire, ["P"]);
        }
    }
}

/// what a receipt's signature covers is these fields and no others.
#[test]
fn a_signature_covers_the_listed_fields_with_their_padding() {
    let file = sfid("FILE", 3);
    let eerp = Eerp {
        hash: b"abcd".to_vec(),
        user: "USER".parse().unwrap(),
        ..eerp_for(&file)
    };
    let fields = format!(
        "{}202411210102030001{}{}",
        x("FILE", 26),
        x(OURS, 25),
        x(THEIRS, 25)
    );
    assert_eq!(text(&eerp.signed_content()), format!("{fields}abcd"));
    assert_eq!(eerp.signed_content().len(), 94 + 4);

    let nerp = Nerp {
        hash: b"abcd".to_vec(),
        text: "not signed".into(),
        reason: ReceiptReason::DUPLICATE,
        ..nerp()
    };
    assert_eq!(
        text(&nerp.signed_content()),
        format!("{fields}{}abcd", x(THEIRS, 25))
    );
    assert_eq!(nerp.signed_content().len(), 119 + 4);
}
