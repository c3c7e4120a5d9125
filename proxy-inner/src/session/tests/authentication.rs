//! Secure authentication between two halves of ours.

use ::keyring::{Role, Slot};
use oftp::EndReason;
use store::State;

use super::super::*;
use super::world::{Side, meet, meet_well, two};
use crate::security::tests::keys::{
    coming, equip, equip_with, know, know_by, ours, strange, theirs,
};

/// Both sides have a key, and each knows the other's certificate.
fn known_to_each_other() -> (Side, Side) {
    let (mut us, mut them) = two();
    for (side, own, other) in [(&mut us, ours(), theirs()), (&mut them, theirs(), ours())] {
        equip_with(side, &own.own);
        side.change_partner(|partner| {
            partner.authentication = true;
            know_by(partner, &other.certificate);
        });
    }
    (us, them)
}

/// Both sides end with this reason, and the file waits.
async fn fails_with(us: &Side, them: &Side, reason: EndReason) {
    let sent = us.queue("orders", b"octets");
    let (report, answer) = meet(us, them).await;
    for report in [report, answer.unwrap()] {
        let Ending::Aborted { reason: found, .. } = &report.ending else {
            panic!("{report:?}");
        };
        assert_eq!(*found, Some(reason), "{report:?}");
    }
    assert_eq!(us.transfer(sent).state, State::Queued);
    assert!(them.received().is_empty());
}

/// both sides prove their keys, and only then does a file pass.
#[tokio::test]
async fn files_pass_once_both_sides_have_proved_themselves() {
    let (us, them) = known_to_each_other();
    let sent = us.queue("orders", b"octets");
    let answered = them.queue("stock", b"other octets");
    meet_well(&us, &them).await;
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
    assert_eq!(them.transfer(answered).state, State::Acknowledged);
}

/// a challenge that was sealed for another key cannot be opened, whoever made it.
#[tokio::test]
async fn who_does_not_hold_the_key_is_esid_11() {
    for called in [true, false] {
        let (us, them) = known_to_each_other();
        let wrong = if called { &them } else { &us };
        wrong.change_partner(|partner| {
            let stranger = &strange().certificate;
            know(partner, Role::Authentication, Slot::Current, stranger);
        });
        fails_with(&us, &them, EndReason::INVALID_CHALLENGE_RESPONSE).await;
    }
}

/// without a usable certificate, or without a key of our own, nobody is let in.
#[tokio::test]
async fn without_a_key_authentication_fails() {
    for called in [true, false] {
        let (mut us, mut them) = known_to_each_other();
        equip(if called { &mut them } else { &mut us }, &[]);
        fails_with(&us, &them, EndReason::INVALID_CHALLENGE_RESPONSE).await;
    }
}

/// what one side asks for and the other does not is ESID 12.
#[tokio::test]
async fn authentication_asked_by_one_side_only_is_esid_12() {
    for called in [true, false] {
        let (us, them) = known_to_each_other();
        let side = if called { &them } else { &us };
        side.change_partner(|partner| partner.authentication = false);
        fails_with(&us, &them, EndReason::AUTHENTICATION_INCOMPATIBLE).await;
    }
}

/// Whoever answers with a wrong password gets nothing of ours opened.
#[tokio::test]
async fn the_password_in_the_answer_is_judged_before_its_challenge() {
    let (us, them) = known_to_each_other();
    them.change_partner(|partner| partner.password_sent = "WRONG".parse().unwrap());
    fails_with(&us, &them, EndReason::INVALID_PASSWORD).await;
}

/// while either side changes its key, whichever certificate is known of it proves it.
#[tokio::test]
async fn a_side_that_changes_its_key_is_known_by_either_certificate() {
    for known in [theirs(), coming()] {
        let (us, mut them) = known_to_each_other();
        equip(
            &mut them,
            &[
                (Role::Authentication, Slot::Current, &coming().own),
                (Role::Authentication, Slot::Previous, &theirs().own),
            ],
        );
        us.change_partner(|partner| know_by(partner, &known.certificate));
        let sent = us.queue("orders", b"octets");
        meet_well(&us, &them).await;
        assert_eq!(us.transfer(sent).state, State::Acknowledged);
    }
}
