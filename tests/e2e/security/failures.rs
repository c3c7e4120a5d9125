//! Files that cannot be opened: the partner hears why, and nothing of them is delivered.

use oftp::{FileReason, ReceiptReason, Security};
use support::cms::{Cms, Services};
use support::compare::content;
use support::{Answer, Offer, directory};

use super::{Secured, ended, receipts};

/// What is wrong with a file.
struct Wrong {
    name: &'static str,
    offer: Offer,
    nerp: ReceiptReason,
    efna: FileReason,
}

fn wrongs(secured: &Secured) -> Vec<Wrong> {
    let stranger = Cms::new("a stranger");
    let clear = content(5, 30_000);
    let announced = |services: Services, name, octets: Vec<u8>| {
        services.announce(Offer::new(name, octets), clear.len())
    };
    let to_us = secured.ours.certificate();
    let signed_by_another = stranger.secure(&clear, Services::ALL, &to_us);
    let for_another = secured
        .theirs
        .secure(&clear, Services::ALL, &stranger.certificate());
    let mut cut = secured.theirs.secure(&clear, Services::ALL, &to_us);
    cut.truncate(cut.len() / 2);
    let compressed = Services {
        security: Security::None,
        suite: 0,
        ..Services::ALL
    };
    let mut damaged = secured.theirs.secure(&clear, compressed, &to_us);
    let middle = damaged.len() / 2;
    damaged[middle..middle + 16].fill(0xff);
    let signed = Services {
        security: Security::Signed,
        ..Services::PROTECTED
    };
    let mut altered = secured.theirs.secure(&clear, signed, &to_us);
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    vec![
        Wrong {
            name: "STRANGER",
            offer: announced(Services::ALL, "STRANGER", signed_by_another),
            nerp: ReceiptReason::INVALID_SIGNATURE,
            efna: FileReason::INVALID_SIGNATURE,
        },
        Wrong {
            name: "ALTERED",
            offer: announced(signed, "ALTERED", altered),
            nerp: ReceiptReason::INVALID_SIGNATURE,
            efna: FileReason::INVALID_SIGNATURE,
        },
        Wrong {
            name: "NOT.FOR.US",
            offer: announced(Services::ALL, "NOT.FOR.US", for_another),
            nerp: ReceiptReason::DECRYPTION_FAILURE,
            efna: FileReason::DECRYPTION_FAILURE,
        },
        Wrong {
            name: "CUT",
            offer: announced(Services::ALL, "CUT", cut),
            nerp: ReceiptReason::DECRYPTION_FAILURE,
            efna: FileReason::DECRYPTION_FAILURE,
        },
        Wrong {
            name: "DAMAGED",
            offer: announced(compressed, "DAMAGED", damaged),
            nerp: ReceiptReason::DECOMPRESSION_FAILURE,
            efna: FileReason::DECOMPRESSION_FAILURE,
        },
    ]
}

/// NERP 31, 32 and 33 for what EFNA calls 21, 23 and 22.
#[test]
fn what_cannot_be_opened_is_answered_with_a_nerp() {
    let Some(secured) = Secured::new("failures told by NERP", &[]) else {
        return;
    };
    for wrong in wrongs(&secured) {
        let mut conversation = secured.call();
        let answer = conversation.send(wrong.offer).expect("an answer");
        assert!(matches!(answer, Answer::Stored { .. }), "{answer:?}");
        conversation.finish().expect("a normal end");
        ended(&secured.world, wrong.name, "failed");
        // In the session that brought the file, or in the next one.
        let mut refusals = conversation.refusals;
        refusals.extend(receipts(&secured.world).refusals);
        let reasons: Vec<_> = refusals.iter().map(|nerp| nerp.reason).collect();
        assert_eq!(reasons, [wrong.nerp], "{}", wrong.name);
    }
    let inbox = secured.world.inner.delivered(directory::PARTNER);
    assert!(inbox.is_empty(), "{inbox:?}");
}

/// in the session, where the partner is set to it.
#[test]
fn what_cannot_be_opened_is_refused_before_it_is_acknowledged() {
    let terms = [("check", "\"before-acknowledgement\"")];
    let Some(secured) = Secured::new("failures told by EFNA", &terms) else {
        return;
    };
    for wrong in wrongs(&secured) {
        match secured.hand_over(wrong.offer) {
            Answer::NotStored { reason, .. } => assert_eq!(reason, wrong.efna, "{}", wrong.name),
            other => panic!("{}: {other:?}", wrong.name),
        }
    }
    let good = secured.offer("GOOD", b"a file", Services::ALL);
    assert!(matches!(secured.hand_over(good), Answer::Stored { .. }));
    let delivered = secured
        .world
        .inner
        .wait_for_delivered(directory::PARTNER, 1);
    assert_eq!(delivered[0].content(), b"a file");
}
