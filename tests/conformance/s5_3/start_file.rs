//! Sections 5.3.3 to 5.3.5: SFID, SFPA and SFNA.

use engine::{Event, FileRefusal, Position, Request};
use oftp::{FileReason, Format, Security, Sfid};
use rig::script::{OURS, THEIRS, sfid, stamp};
use rig::stage::{Stage, terms};
use rig::wire::{Offer, sfna, sfpa};

use crate::{LEVELS, assert_says, x};

/// our SFID, octet for
/// octet.
#[test]
fn sfid_lies_on_the_line_as_the_table_has_it() {
    let name = x("FILE", 26);
    let parties = format!("{}{}{}", x("", 8), x(THEIRS, 25), x(OURS, 25));
    for (level, expected) in [
        (
            1,
            format!(
                "H{name}{}241121010203{parties}U000000000009000000000",
                x("", 9)
            ),
        ),
        (
            2,
            format!(
                "H{name}{}241121010203{parties}U000000000009000000000",
                x("", 9)
            ),
        ),
        (
            4,
            format!(
                "H{name}{}202411210102030001{parties}U000000000009000000000",
                x("", 3)
            ),
        ),
        (
            5,
            format!(
                "H{name}{}202411210102030001{parties}U00000{}{}{}000000N000",
                x("", 3),
                "0000000000009",
                "0000000000009",
                "0".repeat(17)
            ),
        ),
    ] {
        let mut wire = Stage::Speaker.wire(&terms(level), level);
        wire.ask(Request::StartFile(sfid("FILE", 8546)));
        let said = wire.says();
        assert_eq!(said, [expected], "level {level}");
        let length = rig::wire::octets(&said[0]).len();
        assert_eq!(length, if level < 5 { 128 } else { 165 });
    }
}

/// a description is counted in octets, and absent it is a zero and nothing.
#[test]
fn a_description_is_counted_in_octets() {
    for (description, field) in [
        ("", "000".to_owned()),
        ("Grüße", "007Gr<C3><BC><C3><9F>e".to_owned()),
        (&"ä".repeat(499), format!("998{}", "<C3><A4>".repeat(499))),
    ] {
        let mut wire = Stage::Speaker.wire(&terms(5), 5);
        wire.ask(Request::StartFile(Sfid {
            description: description.to_owned(),
            ..sfid("FILE", 1)
        }));
        let said = wire.oebs();
        assert_eq!(rig::wire::text(&said[0][162..]), field);
        assert!(core::str::from_utf8(&said[0][165..]).is_ok());
    }
}

/// formats and services come across in their own values, at level 5.
#[test]
fn every_format_and_service_is_read_as_it_is_said() {
    let cases = [
        ("000000N", Security::None, 0, false, false, false),
        ("010201N", Security::Encrypted, 2, false, true, false),
        ("020111Y", Security::Signed, 1, true, true, true),
        ("030611Y", Security::EncryptedAndSigned, 6, true, true, true),
    ];
    for format in ['F', 'V', 'U', 'T'] {
        for (services, security, cipher, compression, envelope, signed_receipt) in cases {
            let mut offer = Offer::at(5);
            (offer.format, offer.services) = (format, services);
            offer.record_length = if matches!(format, 'F' | 'V') {
                "00080"
            } else {
                "00000"
            };
            offer.description = "what is inside";
            let mut wire = Stage::Listener.wire(&terms(5), 5);
            wire.hears(&offer.sfid());
            let news = wire.news();
            let [Event::StartFile(sfid)] = news.as_slice() else {
                panic!("{format} {services}: {news:?}");
            };
            let expected = match format {
                'F' => Format::Fixed,
                'V' => Format::Variable,
                'U' => Format::Unstructured,
                _ => Format::Text,
            };
            assert_eq!(sfid.format, expected);
            assert_eq!(
                (
                    sfid.security,
                    sfid.cipher,
                    sfid.compression,
                    sfid.envelope,
                    sfid.signed_receipt
                ),
                (security, cipher, compression, envelope, signed_receipt)
            );
            assert_eq!(sfid.description, "what is inside");
            assert_eq!(sfid.stamp, stamp());
        }
    }
}

/// codes of any owner, with blanks and hyphens inside the
/// organisation, come across whole; the reserved octets are nobody's business.
#[test]
fn codes_of_every_owner_are_read_whole() {
    for code in ["O0013ACME CO-OP    SUB-01", "X9999FOREIGN-CODE", "O0013A"] {
        let mut offer = Offer::at(5);
        offer.origin = code;
        let mut octets = offer.sfid();
        octets[27..30].copy_from_slice(b"XYZ");
        let mut wire = Stage::Listener.wire(&terms(5), 5);
        wire.hears(&octets);
        let news = wire.news();
        assert!(
            matches!(news.as_slice(), [Event::StartFile(sfid)] if sfid.origin.as_str() == code),
            "{news:?}"
        );
    }
}

/// SFPA with the position we hold.
#[test]
fn sfpa_lies_on_the_line_as_the_table_has_it() {
    for level in LEVELS {
        for (offered, held) in [(0, 0), (7, 7), (7, 3), (7, 0)] {
            let mut offer = Offer::at(level);
            offer.restart = offered;
            let mut wire = Stage::Listener.wire(&terms(level), level);
            wire.hears(&offer.sfid());
            wire.ask(Request::StartFileResponse(Ok(Position::blocks(held))));
            let expected = if level < 5 {
                format!("2{held:09}")
            } else {
                format!("2{held:017}")
            };
            assert_eq!(wire.says(), [expected]);
        }
    }
}

/// SFNA with its reason, whether to try again, and words
/// where the level has them; a reason that the level does not have goes out as 99.
#[test]
fn sfna_lies_on_the_line_as_the_table_has_it() {
    for level in LEVELS {
        for reason in [
            1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 99,
        ] {
            for retry in [true, false] {
                let mut wire = Stage::Listener.wire(&terms(level), level);
                wire.hears(&Offer::at(level).sfid());
                wire.ask(Request::StartFileResponse(Err(FileRefusal {
                    reason: FileReason(reason),
                    retry,
                    text: "no".into(),
                })));
                let flag = if retry { 'Y' } else { 'N' };
                let known = match reason {
                    14 => level >= 4,
                    15..=20 => level == 5,
                    _ => true,
                };
                let code = if known { reason } else { 99 };
                let words = if level < 5 { "" } else { "002no" };
                assert_eq!(wire.says(), [format!("3{code:02}{flag}{words}")]);
                assert_eq!(wire.state(), "IDLELI");
            }
        }
    }
}

/// what a refusal says reaches the driver, codes that no list has included; the
/// turn is still ours, for a file, a receipt or CD.
#[test]
fn a_refused_speaker_may_go_on_with_anything() {
    for level in LEVELS {
        for next in 0..3 {
            let mut wire = Stage::Offered.wire(&terms(level), level);
            wire.hears(&sfna(level, "47", 'Y'));
            let news = wire.news();
            assert!(
                matches!(
                    news.as_slice(),
                    [Event::StartFileRefused {
                        reason: FileReason(47),
                        retry: true,
                        ..
                    }]
                ),
                "{news:?}"
            );
            let (request, first) = match next {
                0 => (Request::StartFile(sfid("NEXT", 1)), b'H'),
                1 => (Request::Eerp(rig::script::eerp()), b'E'),
                _ => (Request::ChangeDirection, b'R'),
            };
            wire.ask(request);
            assert_eq!(wire.oebs()[0][0], first);
        }
    }
}

/// the answer may be anything up to what was offered.
#[test]
fn an_answer_up_to_the_offer_is_taken() {
    for level in LEVELS {
        for answer in [0, 1, 7] {
            let mut wire = Stage::Speaker.wire(&terms(level), level);
            wire.ask(Request::StartFile(Sfid {
                restart: 7,
                ..sfid("FILE", 9 * 1024)
            }));
            wire.quiet();
            wire.hears(&sfpa(level, answer));
            let news = wire.news();
            assert!(
                matches!(news.as_slice(), [Event::StartFileAccepted { answer: it }] if *it == answer),
                "{news:?}"
            );
            assert_says(&mut wire, []);
        }
    }
}

/// what was not agreed is not offered, and the offer says zero.
#[test]
fn without_restart_the_offer_says_zero() {
    let mut settings = terms(5);
    settings.restart = false;
    let mut wire = Stage::Speaker.wire(&settings, 5);
    let resumed = Sfid {
        restart: 1,
        ..sfid("FILE", 9 * 1024)
    };
    let now = wire.now;
    assert!(
        wire.session
            .request(Request::StartFile(resumed), now)
            .is_err()
    );
    assert_says(&mut wire, []);
    wire.ask(Request::StartFile(sfid("FILE", 9 * 1024)));
    assert_eq!(wire.oebs()[0][138..155], *b"00000000000000000");
}

/// numbers that the fields of the level cannot hold are refused before anything is said.
#[test]
fn a_file_beyond_the_fields_of_the_level_is_not_offered() {
    for (level, blocks, fits) in [
        (2, 9_999_999, true),
        (2, 10_000_000, false),
        (4, 10_000_000, false),
        (5, 10_000_000, true),
    ] {
        let mut wire = Stage::Speaker.wire(&terms(level), level);
        let now = wire.now;
        let offer = Sfid {
            size_blocks: blocks,
            original_blocks: blocks,
            ..sfid("LARGE", 0)
        };
        assert_eq!(
            wire.session.request(Request::StartFile(offer), now).is_ok(),
            fits
        );
        assert_eq!(wire.oebs().len(), usize::from(fits));
    }
}

/// below level 5 there are no file services, so none is offered.
#[test]
fn a_file_with_services_is_not_offered_below_level_5() {
    for level in [1, 2, 4] {
        let mut wire = Stage::Speaker.wire(&terms(level), level);
        let now = wire.now;
        let offer = Sfid {
            security: Security::Encrypted,
            cipher: 2,
            envelope: true,
            ..sfid("SECRET", 1)
        };
        assert!(
            wire.session
                .request(Request::StartFile(offer), now)
                .is_err()
        );
        assert_says(&mut wire, []);
        assert_eq!(wire.state(), "IDLESP");
    }
}

/// a secured V file may announce records of 65536 octets.
#[test]
fn a_record_length_of_65536_is_read() {
    let mut offer = Offer::at(5);
    (offer.format, offer.record_length, offer.services) = ('V', "65536", "010201N");
    let mut wire = Stage::Listener.wire(&terms(5), 5);
    wire.hears(&offer.sfid());
    let news = wire.news();
    assert!(
        matches!(news.as_slice(), [Event::StartFile(sfid)] if sfid.record_length == 65_536),
        "{news:?}"
    );
}

/// sizes are estimates; a file that turns out larger or smaller than its offer is taken.
#[test]
fn a_wrong_estimate_of_the_size_is_no_fault() {
    for level in LEVELS {
        for blocks in [0, 1, 9_999_999] {
            let mut offer = Offer::at(level);
            offer.blocks = blocks;
            let mut wire = Stage::Listener.wire(&terms(level), level);
            wire.hears(&offer.sfid());
            wire.ask(Request::StartFileResponse(Ok(Position::START)));
            wire.hears(&rig::wire::data(&[b'x'; 63], false));
            wire.hears(&rig::wire::data(&[b'x'; 63], true));
            let _ = wire.received();
            wire.hears(&rig::wire::efid(level, 0, 126));
            assert_eq!(wire.state(), "CLIP", "{blocks} blocks at level {level}");
        }
    }
}
