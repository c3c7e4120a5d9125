//! The rules for fields of each format, on both sides (reference section 2.1).

use oftp::{
    Code, Command, DatasetName, EncodeError, EndReason, ErrorKind, Esid, Format, Level, OdetteId,
    Security, Sfid, Sfpa, UserField,
};
use proptest::prelude::*;

use crate::generators::{Content, config, encoded, level_and_command};
use crate::samples::{A, all, eerp, field, nerp, oeb, one, sfid, ssid};

const L5: Level = Level::L5;

/// The ESID reason that answers a buffer; `None` when it decodes.
fn reason(oeb: &[u8], level: Level) -> Option<EndReason> {
    Command::decode(oeb, level)
        .err()
        .map(|error| error.end_reason())
}

/// Offset and width of a field.
type Place = (usize, usize);

/// 9(n) fields at level 5, and below.
#[rustfmt::skip]
const NUMBERS: [(Code, Place, Place); 17] = [
    (Code::Ssid, (35, 5), (35, 5)),
    (Code::Ssid, (44, 3), (44, 3)),
    (Code::Sfid, (30, 8), (36, 6)),
    (Code::Sfid, (38, 10), (42, 6)),
    (Code::Sfid, (107, 5), (107, 5)),
    (Code::Sfid, (112, 13), (112, 7)),
    (Code::Sfid, (125, 13), (119, 9)),
    (Code::Sfid, (138, 17), (119, 9)),
    (Code::Sfid, (157, 2), (119, 9)),
    (Code::Sfid, (162, 3), (119, 9)),
    (Code::Sfpa, (1, 17), (1, 9)),
    (Code::Sfna, (1, 2), (1, 2)),
    (Code::Efid, (1, 17), (1, 9)),
    (Code::Efid, (18, 17), (10, 12)),
    (Code::Efna, (1, 2), (1, 2)),
    (Code::Esid, (1, 2), (1, 2)),
    (Code::Eerp, (30, 8), (36, 6)),
];

/// R-029.
#[test]
fn refuses_anything_but_digits_in_a_number() {
    let mut refused = 0;
    for (code, new, old) in NUMBERS {
        for (level, (offset, width)) in [(L5, new), (Level::L2, old)] {
            let whole = oeb(&one(code, level), level);
            for position in offset..offset + width {
                for octet in *b" A-:/\0\xB2" {
                    let mut wrong = whole.clone();
                    wrong[position] = octet;
                    let found = reason(&wrong, level);
                    assert_eq!(
                        found,
                        Some(EndReason::INVALID_DATA),
                        "{code} at {level}: {octet:#04x} at {position}"
                    );
                    refused += 1;
                }
            }
        }
    }
    assert_eq!(refused, 7 * 254, "octets tried");
}

/// R-028, R-079, R-081.
#[test]
fn refuses_a_value_that_is_not_listed() {
    #[rustfmt::skip]
    let fixed: [(Code, usize, &str, &str); 16] = [
        (Code::Ssrm, 1, "O", "o\u{1}"),
        (Code::Ssrm, 18, "\r", "\u{b} 0"),
        (Code::Ssid, 1, "5", "0AX "),
        (Code::Ssid, 40, "SRB", "sXN "),
        (Code::Ssid, 41, "YN", "y1 "),
        (Code::Ssid, 42, "YN", "n0 "),
        (Code::Ssid, 43, "YN", "y? "),
        (Code::Ssid, 47, "YN", "y1 "),
        (Code::Ssid, 60, "\r", "\u{b} 0"),
        (Code::Sfid, 106, "FV", "Sfu "),
        (Code::Sfid, 156, "0123", "49A "),
        (Code::Sfid, 155, "0", "13A "),
        (Code::Sfid, 159, "01", "29Y "),
        (Code::Sfid, 160, "01", "29N "),
        (Code::Sfid, 161, "YN", "y1 "),
        (Code::Efpa, 1, "YN", "y1 "),
    ];
    for (code, offset, good, bad) in fixed {
        let mut buffer = oeb(&one(code, L5), L5);
        for octet in good.bytes() {
            buffer[offset] = octet;
            assert_eq!(
                reason(&buffer, L5),
                None,
                "{code}: {octet:#04x} at {offset}"
            );
        }
        for octet in bad.bytes() {
            buffer[offset] = octet;
            let found = reason(&buffer, L5);
            assert_eq!(
                found,
                Some(EndReason::INVALID_DATA),
                "{code}: {octet:#04x} at {offset}"
            );
        }
    }
}

/// R-028, R-098, R-142, A-60: a reason that is not listed is kept, SFNARRTR is Y or N.
#[test]
fn takes_reasons_that_are_not_listed_as_they_are() {
    for code in [Code::Sfna, Code::Efna, Code::Esid] {
        let mut buffer = oeb(&one(code, L5), L5);
        buffer[1..3].copy_from_slice(b"77");
        let found = match Command::decode(&buffer, L5) {
            Ok(Command::Sfna(refusal)) => refusal.reason.0,
            Ok(Command::Efna(refusal)) => refusal.reason.0,
            Ok(Command::Esid(end)) => end.reason.0,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, 77);
    }
    let mut refusal = oeb(&one(Code::Sfna, L5), L5);
    for (octet, taken) in [(b'Y', true), (b'N', true), (b'y', false), (b'1', false)] {
        refusal[3] = octet;
        assert_eq!(reason(&refusal, L5).is_none(), taken);
    }
}

/// R-044, R-057, A-04.
#[test]
fn buffer_and_credit_lie_in_their_ranges() {
    let takes = |offset: usize, digits: &str| {
        let mut buffer = oeb(&Command::Ssid(ssid(L5)), L5);
        buffer[offset..offset + digits.len()].copy_from_slice(digits.as_bytes());
        match reason(&buffer, L5) {
            None => true,
            Some(EndReason::INVALID_DATA) => false,
            Some(other) => panic!("{digits}: {other}"),
        }
    };
    for (digits, taken) in [
        ("00000", false),
        ("00127", false),
        ("00128", true),
        ("99999", true),
    ] {
        assert_eq!(takes(35, digits), taken, "SSIDSDEB {digits}");
    }
    for (digits, taken) in [("000", false), ("001", true), ("999", true)] {
        assert_eq!(takes(44, digits), taken, "SSIDCRED {digits}");
    }
}

/// R-062, R-024: reserved octets are sent as spaces and not looked at.
#[test]
fn reserved_octets_may_hold_anything() {
    let reserved = [
        (Code::Ssid, L5, 48..52),
        (Code::Ssid, Level::L4, 47..52),
        (Code::Sfid, L5, 27..30),
        (Code::Sfid, Level::L2, 27..36),
        (Code::Cdt, L5, 1..3),
        (Code::Eerp, L5, 27..30),
        (Code::Eerp, Level::L1, 27..36),
        (Code::Nerp, L5, 27..33),
    ];
    for (code, level, octets) in reserved {
        let command = one(code, level);
        let sent = oeb(&command, level);
        for position in octets {
            assert_eq!(sent[position], b' ', "{code} at {level}: octet {position}");
            for octet in [0, b'Y', b'9', 0xFF] {
                let mut received = sent.clone();
                received[position] = octet;
                assert_eq!(Command::decode(&received, level), Ok(command.clone()));
            }
        }
    }
}

/// R-224, A-57: octet 47 of SSID means nothing below level 5.
#[test]
fn no_authentication_is_asked_below_level_5() {
    for level in [Level::L1, Level::L2, Level::L4] {
        let mut asked = ssid(level);
        asked.authentication = true;
        let mut buffer = oeb(&Command::Ssid(asked), level);
        assert_eq!(buffer[47], b' ');
        buffer[47] = b'Y';
        let Ok(Command::Ssid(found)) = Command::decode(&buffer, L5) else {
            panic!("an SSID of level {level}");
        };
        assert!(!found.authentication);
    }
}

/// R-030, A-34.
#[test]
fn refuses_octets_too_few_and_too_many_at_every_level() {
    for level in Level::ALL {
        for command in all(level) {
            let whole = oeb(&command, level);
            let more = [whole.as_slice(), b" "].concat();
            if command.code() == Code::Data {
                continue;
            }
            let too_long = Command::decode(&more, level);
            assert!(
                matches!(&too_long, Err(error) if error.end_reason() == EndReason::BUFFER_SIZE),
                "{level}: {too_long:?}"
            );
            for length in 1..whole.len() {
                let found = reason(&whole[..length], level);
                assert_eq!(found, Some(EndReason::BUFFER_SIZE), "{command:?}: {length}");
            }
        }
    }
}

/// R-030, R-069: a length field that points beyond the buffer or stops before its end.
#[test]
fn refuses_lengths_that_do_not_fit_the_buffer() {
    let lengths = [
        (Code::Sfid, 162, &b"999"[..], &b"006"[..]),
        (Code::Sfna, 4, b"007", b"005"),
        (Code::Efna, 3, b"007", b"005"),
        (Code::Nerp, 128, b"999", b"000"),
        (Code::Eerp, 106, &[0xFF, 0xFF], &[0, 1]),
        (Code::Eerp, 111, &[1, 3], &[1, 1]),
        (Code::Auch, 1, &[1, 3], &[1, 1]),
    ];
    for (code, offset, beyond, before) in lengths {
        for length in [beyond, before] {
            let mut buffer = oeb(&one(code, L5), L5);
            buffer[offset..offset + length.len()].copy_from_slice(length);
            let found = Command::decode(&buffer, L5);
            assert!(found.is_err(), "{code}: {length:?} at {offset}");
        }
        let mut buffer = oeb(&one(code, L5), L5);
        buffer[offset..offset + beyond.len()].copy_from_slice(beyond);
        let error = Command::decode(&buffer, L5).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Length { .. }), "{error}");
    }
}

/// R-020, R-226: a number that the level has no digits for is not sent.
#[test]
fn refuses_to_send_numbers_that_do_not_fit() {
    let file = |change: fn(&mut Sfid), level| {
        let mut file = sfid(level);
        change(&mut file);
        Command::Sfid(file).encode(level, &mut Vec::new())
    };
    for level in [Level::L1, Level::L2, Level::L4] {
        assert_eq!(file(|file| file.size_blocks = 9_999_999, level), Ok(()));
        assert!(file(|file| file.size_blocks = 10_000_000, level).is_err());
        assert_eq!(file(|file| file.restart = 999_999_999, level), Ok(()));
        assert!(file(|file| file.restart = 1_000_000_000, level).is_err());
        assert_eq!(level.most_blocks(), 9_999_999);
        assert_eq!(level.most_records(), 999_999_999);
    }
    let (blocks, records) = (L5.most_blocks(), L5.most_records());
    for (answer, fits) in [(records, true), (records + 1, false)] {
        let sent = Command::Sfpa(Sfpa { answer }).encode(L5, &mut Vec::new());
        assert_eq!(sent.is_ok(), fits);
    }
    assert_eq!(blocks, 9_999_999_999_999);
    assert!(file(|file| file.size_blocks = 10_000_000_000_000, L5).is_err());
    assert!(file(|file| file.record_length = 100_000, L5).is_err());
}

/// R-223, R-226: what a level has no field for is not dropped in silence.
#[test]
fn refuses_to_send_file_services_below_level_5() {
    type Change = fn(&mut Sfid);
    let changes: [(&str, Change); 4] = [
        ("SFIDSEC", |file| file.security = Security::Signed),
        ("SFIDCOMP", |file| file.compression = true),
        ("SFIDENV", |file| file.envelope = true),
        ("SFIDSIGN", |file| file.signed_receipt = true),
    ];
    for level in [Level::L1, Level::L2, Level::L4] {
        for (field, change) in changes {
            let mut file = sfid(level);
            change(&mut file);
            let mut out = b"kept".to_vec();
            let sent = Command::Sfid(file).encode(level, &mut out);
            assert_eq!(sent, Err(EncodeError::FieldNotAtThisLevel { field, level }));
            assert_eq!(out, b"kept");
        }
    }
}

/// R-080.
#[test]
fn streams_are_sent_without_a_record_length() {
    for format in [Format::Unstructured, Format::Text] {
        for level in Level::ALL {
            let mut file = sfid(level);
            file.format = format;
            let buffer = oeb(&Command::Sfid(file), level);
            assert_eq!(field(&buffer, 107, 5), "00000");
        }
    }
}

/// R-031, R-019.
#[test]
fn unused_user_data_is_spaces() {
    let (mut start, mut file, mut receipt) = (ssid(L5), sfid(L5), eerp(L5));
    start.user = UserField::default();
    file.user = UserField::default();
    receipt.user = UserField::default();
    let spaces = "        ";
    assert_eq!(field(&oeb(&Command::Ssid(start), L5), 52, 8), spaces);
    assert_eq!(field(&oeb(&Command::Sfid(file), L5), 48, 8), spaces);
    assert_eq!(field(&oeb(&Command::Eerp(receipt), L5), 48, 8), spaces);
}

/// R-025, R-026, R-027, A-54.
#[test]
fn texts_are_counted_in_octets_cut_at_a_character_and_absent_as_zero() {
    let esid = |text: &str| {
        let reason = EndReason::UNSPECIFIED;
        let text = text.to_owned();
        oeb(&Command::Esid(Esid { reason, text }), L5)
    };
    assert_eq!(esid(""), b"F99000\r");
    assert_eq!(field(&esid("äöü"), 3, 9), "006äöü");
    let cut = esid(&"€".repeat(400));
    assert_eq!(field(&cut, 3, 3), "999");
    assert_eq!(cut.len(), 7 + 999);
    let cut = esid(&"ä".repeat(500));
    assert_eq!(field(&cut, 3, 3), "998");
    assert!(std::str::from_utf8(&cut[6..6 + 998]).is_ok());
}

/// R-027, R-188.
#[test]
fn a_receipt_without_signature_has_two_lengths_of_zero() {
    let mut negative = nerp(L5);
    (negative.hash, negative.signature) = (Vec::new(), Vec::new());
    negative.text = String::new();
    let negative = oeb(&Command::Nerp(negative), L5);
    assert_eq!(negative[128..], *b"000\0\0\0\0");
    let mut positive = eerp(L5);
    (positive.hash, positive.signature) = (Vec::new(), Vec::new());
    assert_eq!(oeb(&Command::Eerp(positive), L5)[106..], [0; 4]);
}

/// R-033, R-034, R-035, A-32.
#[test]
fn codes_of_any_owner_and_organisation_are_taken() {
    let code = |text: &str| text.parse::<OdetteId>().unwrap();
    let odette = code(A);
    assert!(odette.is_odette_assigned() && odette.is_standard());
    assert_eq!(field(&oeb(&Command::Ssid(ssid(L5)), L5), 2, 25), A);
    assert_eq!((&A[0..1], &A[1..5]), ("O", "0013"));
    assert_eq!((&A[5..19], &A[19..25]), ("TESTORGA      ", "SUB1  "));
    let other = code("Z9999AN ORG-1");
    assert!(!other.is_odette_assigned() && other.is_standard());
    let mut start = ssid(L5);
    start.code = other;
    let buffer = oeb(&Command::Ssid(start.clone()), L5);
    assert_eq!(Command::decode(&buffer, L5), Ok(Command::Ssid(start)));
}

/// R-022, R-023.
#[test]
fn names_say_whether_they_keep_to_the_rules() {
    let dataset = |text: &str| text.parse::<DatasetName>().unwrap().is_standard();
    let user = |text: &str| text.parse::<UserField>().unwrap().is_standard();
    let code = |text: &str| text.parse::<OdetteId>().unwrap().is_standard();
    assert!(dataset("AZ09/-.&()") && user("AZ09/-.&") && code("AZ09/-.&() 1"));
    assert!(!dataset("TEST FILE") && !user(" A") && code("A B"));
    for odd in ["a", "_", ",", "*", "#", "~"] {
        assert!(!dataset(odd) && !user(odd) && !code(odd), "{odd}");
    }
}

proptest! {
    #![proptest_config(config(500))]

    /// R-022, R-023, R-024.
    #[test]
    fn what_is_sent_by_the_rules_has_only_the_characters_of_the_rfc(
        (_, command) in level_and_command(Content::Standard),
    ) {
        // Level 4 has every field but binaries and texts.
        prop_assume!(command.code().exists_at(Level::L4));
        prop_assume!(!matches!(command, Command::Ssid(_)), "passwords are bilateral");
        let Ok(framed) = encoded(&command, Level::L4) else {
            return Ok(());
        };
        let oeb = framed.get(4..).unwrap_or_default();
        let text = oeb.strip_suffix(b"\r").unwrap_or(oeb);
        let in_set = |octet: &u8| {
            octet.is_ascii_digit() || octet.is_ascii_uppercase() || b"/-.&() ".contains(octet)
        };
        prop_assert!(text.iter().all(in_set), "{}", text.escape_ascii());
    }
}
