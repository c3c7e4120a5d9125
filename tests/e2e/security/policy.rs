//! What a partner may, must and must not send, and what its offers may not contradict.

use oftp::{FileReason, Security};
use support::cms::Services;
use support::{Answer, Offer};

use super::Secured;

fn of(security: Security, compression: bool, suite: u8) -> Services {
    Services {
        security,
        compression,
        suite,
    }
}

#[track_caller]
fn refused(secured: &Secured, offer: Offer) -> FileReason {
    match secured.hand_over(offer) {
        Answer::NotStarted { reason, retry, .. } => {
            assert!(!retry, "it would be refused again");
            reason
        }
        other => panic!("{other:?}"),
    }
}

/// SFNA 15 to 20, each for its policy.
#[test]
fn each_policy_refuses_with_its_own_reason() {
    let cases = [
        (
            "accept_encrypted",
            "\"refused\"",
            of(Security::Encrypted, false, 4),
            FileReason::ENCRYPTED_NOT_ALLOWED,
        ),
        (
            "accept_encrypted",
            "\"required\"",
            of(Security::Signed, false, 4),
            FileReason::UNENCRYPTED_NOT_ALLOWED,
        ),
        (
            "accept_compressed",
            "\"refused\"",
            of(Security::None, true, 0),
            FileReason::COMPRESSION_NOT_ALLOWED,
        ),
        (
            "accept_signed",
            "\"refused\"",
            of(Security::Signed, false, 4),
            FileReason::SIGNED_NOT_ALLOWED,
        ),
        (
            "accept_signed",
            "\"required\"",
            of(Security::Encrypted, false, 4),
            FileReason::UNSIGNED_NOT_ALLOWED,
        ),
        (
            "cipher_suites",
            "[4, 6]",
            of(Security::EncryptedAndSigned, false, 5),
            FileReason::CIPHER_NOT_SUPPORTED,
        ),
    ];
    for (key, value, services, wanted) in cases {
        let Some(secured) = Secured::new("policies", &[(key, value)]) else {
            return;
        };
        let offer = secured.offer("REFUSED", b"a file", services);
        assert_eq!(refused(&secured, offer), wanted, "{key} = {value}");
    }
}

/// services without an envelope, or without a suite. Unknown suites and those off by default: SFNA 15.
#[test]
fn contradictory_offers_and_unknown_suites_are_refused() {
    let Some(secured) = Secured::new("contradictions", &[]) else {
        return;
    };
    let mut without_envelope = secured.offer("A", b"a file", Services::ALL);
    without_envelope.sfid.envelope = false;
    let reason = refused(&secured, without_envelope);
    assert_eq!(reason, FileReason::UNSPECIFIED);
    let mut without_suite = secured.offer("B", b"a file", Services::PROTECTED);
    without_suite.sfid.cipher = 0;
    let reason = refused(&secured, without_suite);
    assert_eq!(reason, FileReason::UNSPECIFIED);
    for suite in [1, 2, 11, 42, 99] {
        let mut unknown = secured.offer("C", b"a file", Services::PROTECTED);
        unknown.sfid.cipher = suite;
        let reason = refused(&secured, unknown);
        assert_eq!(reason, FileReason::CIPHER_NOT_SUPPORTED, "{suite}");
    }
}

/// a CMS file without services is for the application; it is delivered as it came.
#[test]
fn a_cms_file_without_services_is_delivered_as_it_is() {
    let Some(secured) = Secured::new("certificates in a file", &[]) else {
        return;
    };
    let bundle = secured
        .theirs
        .sign_receipt(b"stands for certificates", false);
    let mut offer = Offer::new("CERTIFICATES", bundle.clone());
    offer.sfid.envelope = true;
    assert!(matches!(secured.hand_over(offer), Answer::Stored { .. }));
    let delivered = secured
        .world
        .inner
        .wait_for_delivered(support::directory::PARTNER, 1);
    assert_eq!(delivered[0].content(), bundle);
}
