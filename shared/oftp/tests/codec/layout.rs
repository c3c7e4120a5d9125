//! Where every field of every command stands, and how long the commands are, at all four levels
//! (reference sections 2 and 11).

use oftp::{Code, Command, Esid, Level};

use crate::samples::{A, B, C, all, field, oeb, one, sfid};

const L2: Level = Level::L2;
const L4: Level = Level::L4;
const L5: Level = Level::L5;

/// Table 11.2, with 6 or 7 octets of text, 3 of hash, 258 of signature and challenge at level 5.
#[rustfmt::skip]
const LENGTHS: [(Code, usize, usize, usize); 18] = [
    (Code::Ssrm,  19,  19,  19),
    (Code::Ssid,  61,  61,  61),
    (Code::Sfid, 128, 128, 165 + 7),
    (Code::Sfpa,  10,  10,  18),
    (Code::Sfna,   4,   4,   7 + 6),
    (Code::Data,   5,   5,   5),
    (Code::Cdt,    3,   3,   3),
    (Code::Efid,  22,  22,  35),
    (Code::Efpa,   2,   2,   2),
    (Code::Efna,   3,   3,   6 + 6),
    (Code::Esid,   4,   4,   7 + 6),
    (Code::Cd,     1,   1,   1),
    (Code::Eerp, 106, 106, 110 + 3 + 258),
    (Code::Nerp,   0, 128, 135 + 6 + 3 + 258),
    (Code::Rtr,    1,   1,   1),
    (Code::Secd,   0,   0,   1),
    (Code::Auch,   0,   0,   3 + 258),
    (Code::Aurp,   0,   0,  21),
];

/// R-038, R-070, R-078, R-094, R-098, R-133, R-135, R-141, R-142, R-156, R-164, R-173, R-174, R-183, R-220, R-221.
#[test]
fn commands_are_as_long_as_the_table_says() {
    for (code, old, middle, new) in LENGTHS {
        let wanted = [
            (Level::L1, old),
            (Level::L2, old),
            (Level::L4, middle),
            (Level::L5, new),
        ];
        for (level, length) in wanted {
            let command = one(code, level);
            if length == 0 {
                assert!(command.encode(level, &mut Vec::new()).is_err());
                continue;
            }
            let oeb = oeb(&command, level);
            assert_eq!(oeb.len(), length, "{code} at {level}");
            assert_eq!(oeb[0], code.octet());
            assert_eq!(Command::decode(&oeb, level), Ok(command));
        }
    }
}

/// Offset, width and content of fields of one command.
type Fields<'a> = &'a [(usize, usize, &'a str)];

#[track_caller]
fn check(command: Code, level: Level, fields: Fields<'_>) {
    let oeb = oeb(&one(command, level), level);
    let mut next = 1;
    for &(offset, width, wanted) in fields {
        assert_eq!(offset, next, "{command} at {level}: the table has a gap");
        assert_eq!(field(&oeb, offset, width), wanted, "octet {offset}");
        next = offset + width;
    }
    let binary = matches!(command, Code::Eerp | Code::Nerp) && level == L5;
    assert!(binary || next == oeb.len(), "{command} at {level}: {next}");
}

/// R-036, R-038, R-031, R-024, R-019, R-020.
#[test]
fn ssrm_and_ssid_have_their_fields_where_the_tables_say() {
    check(
        Code::Ssrm,
        L5,
        &[(1, 17, "ODETTE FTP READY "), (18, 1, "\r")],
    );
    for (level, digit, authentication) in [
        (Level::L1, "1", " "),
        (L2, "2", " "),
        (L4, "4", " "),
        (L5, "5", "Y"),
    ] {
        let fields: Fields<'_> = &[
            (1, 1, digit),
            (2, 25, A),
            (27, 8, "SECRET  "),
            (35, 5, "04096"),
            (40, 1, "B"),
            (41, 1, "Y"),
            (42, 1, "N"),
            (43, 1, "N"),
            (44, 3, "007"),
            (47, 1, authentication),
            (48, 4, "    "),
            (52, 8, "USER    "),
            (60, 1, "\r"),
        ];
        check(Code::Ssid, level, fields);
    }
}

const DSN: &str = "TEST.FILE                 ";

/// R-078, R-079, R-081, R-024, R-026.
#[test]
fn sfid_of_level_5_has_its_fields_where_the_table_says() {
    let fields: Fields<'_> = &[
        (1, 26, DSN),
        (27, 3, "   "),
        (30, 8, "20240131"),
        (38, 10, "2359580042"),
        (48, 8, "USER    "),
        (56, 25, B),
        (81, 25, A),
        (106, 1, "V"),
        (107, 5, "00080"),
        (112, 13, "0000000000009"),
        (125, 13, "0000000000011"),
        (138, 17, "00000000000000004"),
        (155, 2, "03"),
        (157, 2, "02"),
        (159, 1, "1"),
        (160, 1, "1"),
        (161, 1, "Y"),
        (162, 3, "007"),
        (165, 7, "Grüße"),
    ];
    check(Code::Sfid, L5, fields);
}

/// R-220, R-221.
#[test]
fn sfid_of_the_older_levels_has_its_fields_where_the_table_says() {
    let tail: Fields<'_> = &[
        (48, 8, "USER    "),
        (56, 25, B),
        (81, 25, A),
        (106, 1, "V"),
        (107, 5, "00080"),
        (112, 7, "0000009"),
        (119, 9, "000000004"),
    ];
    let short: Fields<'_> = &[
        (1, 26, DSN),
        (27, 9, "         "),
        (36, 6, "240131"),
        (42, 6, "235958"),
    ];
    let long: Fields<'_> = &[
        (1, 26, DSN),
        (27, 3, "   "),
        (30, 8, "20240131"),
        (38, 10, "2359580042"),
    ];
    check(Code::Sfid, Level::L1, &[short, tail].concat());
    check(Code::Sfid, L2, &[short, tail].concat());
    check(Code::Sfid, L4, &[long, tail].concat());
}

/// R-173, R-220, R-221.
#[test]
fn eerp_has_its_fields_where_the_tables_say() {
    let tail: Fields<'_> = &[(48, 8, "USER    "), (56, 25, A), (81, 25, B)];
    let short: Fields<'_> = &[
        (1, 26, DSN),
        (27, 9, "         "),
        (36, 6, "240131"),
        (42, 6, "235958"),
    ];
    let long: Fields<'_> = &[
        (1, 26, DSN),
        (27, 3, "   "),
        (30, 8, "20240131"),
        (38, 10, "2359580042"),
    ];
    check(Code::Eerp, Level::L1, &[short, tail].concat());
    check(Code::Eerp, L2, &[short, tail].concat());
    check(Code::Eerp, L4, &[long, tail].concat());
    check(Code::Eerp, L5, &[long, tail].concat());
    let oeb = oeb(&one(Code::Eerp, L5), L5);
    assert_eq!(oeb[106..108], [0, 3]);
    assert_eq!(oeb[108..111], [0xAA; 3]);
    assert_eq!(oeb[111..113], [1, 2], "258, network byte order");
    assert_eq!(oeb[113..], [0xBB; 258]);
}

/// R-174, R-221.
#[test]
fn nerp_has_six_reserved_octets_and_its_fields_behind_them() {
    let names: Fields<'_> = &[
        (1, 26, DSN),
        (27, 6, "      "),
        (33, 8, "20240131"),
        (41, 10, "2359580042"),
        (51, 25, A),
        (76, 25, B),
        (101, 25, C),
        (126, 2, "34"),
    ];
    check(Code::Nerp, L4, names);
    let text: Fields<'_> = &[(128, 3, "006"), (131, 6, "späte")];
    check(Code::Nerp, L5, &[names, text].concat());
    let oeb = oeb(&one(Code::Nerp, L5), L5);
    assert_eq!(oeb[137..139], [0, 3]);
    assert_eq!(oeb[139..142], [0xAA; 3]);
    assert_eq!(oeb[142..144], [1, 2]);
    assert_eq!(oeb[144..], [0xBB; 258]);
}

/// R-094, R-098, R-133, R-135, R-141, R-142, R-164, R-026.
#[test]
fn answers_and_ends_have_their_fields_where_the_tables_say() {
    check(Code::Sfpa, L5, &[(1, 17, "00000000000000003")]);
    let text: &str = "späte";
    check(
        Code::Sfna,
        L5,
        &[(1, 2, "13"), (3, 1, "N"), (4, 3, "006"), (7, 6, text)],
    );
    check(Code::Cdt, L5, &[(1, 2, "  ")]);
    check(
        Code::Efid,
        L5,
        &[(1, 17, "00000000000000005"), (18, 17, "00000000000008546")],
    );
    check(Code::Efpa, L5, &[(1, 1, "Y")]);
    check(Code::Efna, L5, &[(1, 2, "11"), (3, 3, "006"), (6, 6, text)]);
    check(
        Code::Esid,
        L5,
        &[(1, 2, "02"), (3, 3, "006"), (6, 6, text), (12, 1, "\r")],
    );
    for level in [Level::L1, L2, L4] {
        check(Code::Sfpa, level, &[(1, 9, "000000003")]);
        check(Code::Sfna, level, &[(1, 2, "13"), (3, 1, "N")]);
        let counts: Fields<'_> = &[(1, 9, "000000005"), (10, 12, "000000008546")];
        check(Code::Efid, level, counts);
        check(Code::Efna, level, &[(1, 2, "11")]);
        check(Code::Esid, level, &[(1, 2, "02"), (3, 1, "\r")]);
        check(Code::Efpa, level, &[(1, 1, "Y")]);
        check(Code::Cdt, level, &[(1, 2, "  ")]);
    }
}

/// R-069, R-070, R-021.
#[test]
fn challenge_and_response_are_binary_behind_their_identifier() {
    let challenge = oeb(&one(Code::Auch, L5), L5);
    assert_eq!(challenge[..3], [b'A', 1, 2]);
    assert_eq!(challenge[3..], [0xCC; 258]);
    let response = oeb(&one(Code::Aurp, L5), L5);
    assert_eq!(response[0], b'S');
    assert_eq!(response[1..], [0xDD; 20]);
}

/// R-156, R-183.
#[test]
fn turn_receipt_and_security_changes_are_one_octet() {
    for level in Level::ALL {
        assert_eq!(oeb(&Command::Cd, level), b"R");
        assert_eq!(oeb(&Command::Rtr, level), b"P");
    }
    assert_eq!(oeb(&Command::Secd, L5), b"J");
}

/// R-001, R-002, R-003, R-007.
#[test]
fn every_command_is_one_frame_with_its_header() {
    for level in Level::ALL {
        for command in all(level) {
            let mut framed = Vec::new();
            command.encode(level, &mut framed).unwrap();
            let [0x10, high, middle, low] = framed[..4] else {
                panic!("{command:?} begins with {:02x?}", &framed[..4]);
            };
            let length = u32::from_be_bytes([0, high, middle, low]) as usize;
            assert_eq!(length, framed.len());
            assert_eq!(framed[4], command.code().octet());
            assert_eq!(oftp::split(&framed).unwrap().unwrap().1, framed.len());
        }
    }
}

/// R-116: the longest runs of spaces and zeros do not shorten a command.
#[test]
fn a_command_full_of_runs_is_sent_as_it_is() {
    let mut file = sfid(L4);
    file.dataset = "X".parse().unwrap();
    file.user = "".parse().unwrap();
    let buffer = oeb(&Command::Sfid(file), L4);
    assert_eq!(buffer.len(), 128);
    assert_eq!(field(&buffer, 1, 29), format!("{:<29}", "X"));
}

/// R-225, A-01.
#[test]
fn both_forms_of_esid_are_understood_at_every_level() {
    let esid = |text: &str| {
        Command::Esid(Esid {
            reason: oftp::EndReason::USER_CODE_NOT_KNOWN,
            text: text.to_owned(),
        })
    };
    for level in Level::ALL {
        assert_eq!(Command::decode(b"F03\r", level), Ok(esid("")));
        assert_eq!(Command::decode(b"F03000\r", level), Ok(esid("")));
        assert_eq!(Command::decode(b"F03004none\r", level), Ok(esid("none")));
        assert_eq!(
            oeb(&esid("none"), level),
            if level == L5 {
                &b"F03004none\r"[..]
            } else {
                b"F03\r"
            }
        );
    }
}

/// R-032, R-220: years of two digits below 70 belong to this century.
#[test]
fn two_digits_of_a_year_get_their_century_back() {
    for (year, century) in [("00", "20"), ("69", "20"), ("70", "19"), ("99", "19")] {
        let mut buffer = oeb(&one(Code::Sfid, L2), L2);
        buffer[36..38].copy_from_slice(year.as_bytes());
        let Ok(Command::Sfid(file)) = Command::decode(&buffer, L2) else {
            panic!("year {year}");
        };
        assert_eq!(
            file.stamp.to_string(),
            format!("{century}{year}01312359580000")
        );
        assert_eq!(oeb(&Command::Sfid(file), L2), buffer);
    }
}
