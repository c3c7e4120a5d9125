//! Each leniency of the codec: what it takes, what it makes of it, and that it can be refused.

use oftp::{Code, Command, Deviation, Deviations, EndReason, ErrorKind, Esid, Format, Level, Ssrm};

use crate::samples::{all, eerp, oeb, one, sfid, ssid};

const L5: Level = Level::L5;

/// Decodes with every leniency, checks that exactly these were needed and that without them the
/// buffer is refused, and gives what was understood.
#[track_caller]
fn takes(oeb: &[u8], level: Level, needed: &[Deviation]) -> Command<'static> {
    let lenient = Command::decode_refusing(oeb, level, Deviations::none());
    let (command, met) = lenient.unwrap();
    assert_eq!(met.iter().collect::<Vec<_>>(), needed);
    for deviation in needed {
        let refused = [*deviation].into_iter().collect();
        let error = Command::decode_refusing(oeb, level, refused).unwrap_err();
        assert_eq!(Some(error.end_reason()), deviation.end_reason(), "{error}");
    }
    let options = Deviations::refused_by_default();
    let optional = met.intersection(options);
    let usual = Command::decode_noting(oeb, level);
    assert_eq!(usual.is_ok(), optional.is_empty());
    owned(command)
}

/// A command that owns its octets.
fn owned(command: Command<'_>) -> Command<'static> {
    match command {
        Command::Ssrm(ssrm) => Command::Ssrm(ssrm),
        Command::Ssid(ssid) => Command::Ssid(ssid),
        Command::Sfid(sfid) => Command::Sfid(sfid),
        Command::Eerp(eerp) => Command::Eerp(eerp),
        Command::Nerp(nerp) => Command::Nerp(nerp),
        Command::Esid(esid) => Command::Esid(esid),
        Command::Cdt => Command::Cdt,
        Command::Cd => Command::Cd,
        Command::Efpa(efpa) => Command::Efpa(efpa),
        other => panic!("no leniency is tried with {other:?}"),
    }
}

/// R-037, A-33.
#[test]
fn a_carriage_return_may_have_its_high_bit_set() {
    for level in Level::ALL {
        for code in [Code::Ssrm, Code::Ssid, Code::Esid] {
            let command = one(code, level);
            let mut buffer = oeb(&command, level);
            *buffer.last_mut().unwrap() = 0x8D;
            assert_eq!(takes(&buffer, level, &[]), command);
        }
    }
}

#[test]
fn a_line_feed_may_stand_for_a_carriage_return() {
    for level in Level::ALL {
        for code in [Code::Ssrm, Code::Ssid, Code::Esid] {
            let command = one(code, level);
            let mut buffer = oeb(&command, level);
            *buffer.last_mut().unwrap() = b'\n';
            let needed = [Deviation::LineFeedForCarriageReturn];
            assert_eq!(takes(&buffer, level, &needed), command);
        }
    }
}

/// A-33.
#[test]
fn a_carriage_return_may_be_missing_as_an_option() {
    for level in Level::ALL {
        for code in [Code::Ssrm, Code::Ssid, Code::Esid] {
            let command = one(code, level);
            let mut buffer = oeb(&command, level);
            buffer.pop();
            let needed = [Deviation::CarriageReturnMissing];
            assert_eq!(takes(&buffer, level, &needed), command);
            buffer.pop();
            let result = Command::decode_refusing(&buffer, level, Deviations::none());
            assert!(result.is_err(), "only the carriage return may be missing");
        }
    }
}

/// A-34.
#[test]
fn octets_may_trail_a_command_as_an_option() {
    for level in Level::ALL {
        let fixed = [
            Code::Ssrm,
            Code::Ssid,
            Code::Sfid,
            Code::Eerp,
            Code::Esid,
            Code::Cdt,
            Code::Cd,
            Code::Efpa,
        ];
        for command in all(level) {
            if !fixed.contains(&command.code()) {
                continue;
            }
            for trail in [&b" "[..], b"\0\0", b"\r\n", &[0xFF; 40]] {
                let buffer = [oeb(&command, level).as_slice(), trail].concat();
                let needed = [Deviation::TrailingOctets];
                assert_eq!(takes(&buffer, level, &needed), command);
            }
        }
    }
}

/// A-34.
#[test]
fn a_receipt_of_level_5_is_taken_at_level_4_as_an_option() {
    let mut receipt = eerp(L5);
    (receipt.hash, receipt.signature) = (Vec::new(), Vec::new());
    let buffer = oeb(&Command::Eerp(receipt.clone()), L5);
    let needed = [Deviation::TrailingOctets];
    assert_eq!(takes(&buffer, Level::L4, &needed), Command::Eerp(receipt));
}

/// A-54.
#[test]
fn wrong_octets_of_a_text_are_shown_as_replaced() {
    let buffer = b"F99004a\xFFb\xC3\r";
    let command = takes(buffer, L5, &[Deviation::TextNotUtf8]);
    let text = "a\u{FFFD}b\u{FFFD}".to_owned();
    let reason = EndReason::UNSPECIFIED;
    assert_eq!(command, Command::Esid(Esid { reason, text }));
}

/// R-039, A-02: what is sent is one of four levels, what comes counts as the next lower of them.
#[test]
fn undefined_levels_count_as_the_next_lower_one() {
    for (digit, level) in [
        (b'3', Level::L2),
        (b'6', L5),
        (b'7', L5),
        (b'8', L5),
        (b'9', L5),
    ] {
        let mut buffer = oeb(&Command::Ssid(ssid(level)), level);
        assert!(b"1245".contains(&buffer[1]));
        buffer[1] = digit;
        let command = takes(&buffer, L5, &[Deviation::UndefinedLevel]);
        assert_eq!(command, Command::Ssid(ssid(level)));
    }
}

/// A-32.
#[test]
fn any_printable_characters_are_taken_in_names() {
    let mut file = sfid(L5);
    file.dataset = "test_file*.edi".parse().unwrap();
    let needed = [Deviation::OutsideCharacterSet];
    let buffer = oeb(&Command::Sfid(file.clone()), L5);
    assert_eq!(takes(&buffer, L5, &needed), Command::Sfid(file));
    let mut start = ssid(L5);
    start.code = "o0013partner".parse().unwrap();
    let buffer = oeb(&Command::Ssid(start.clone()), L5);
    assert_eq!(takes(&buffer, L5, &needed), Command::Ssid(start));
}

/// R-035, A-32: spaces inside an identification code are no leniency, in names and user data they are.
#[test]
fn spaces_inside_names_are_taken_as_they_are() {
    let mut file = sfid(L5);
    file.dataset = "TEST FILE".parse().unwrap();
    let buffer = oeb(&Command::Sfid(file.clone()), L5);
    let needed = [Deviation::EmbeddedSpace];
    assert_eq!(takes(&buffer, L5, &needed), Command::Sfid(file));
    let mut receipt = eerp(L5);
    receipt.user = " X".parse().unwrap();
    let buffer = oeb(&Command::Eerp(receipt.clone()), L5);
    assert_eq!(takes(&buffer, L5, &needed), Command::Eerp(receipt));
}

#[test]
fn passwords_are_nobodys_business_but_the_partners() {
    let mut start = ssid(L5);
    start.password = "pa ss_1".parse().unwrap();
    let buffer = oeb(&Command::Ssid(start.clone()), L5);
    assert_eq!(takes(&buffer, L5, &[]), Command::Ssid(start));
}

#[test]
fn zero_octets_count_as_padding() {
    let wanted = ssid(L5);
    let mut buffer = oeb(&Command::Ssid(wanted.clone()), L5);
    for position in [25, 26, 33, 34, 57, 59] {
        assert_eq!(buffer[position], b' ');
        buffer[position] = 0;
    }
    let command = takes(&buffer, L5, &[Deviation::ZeroPadding]);
    assert_eq!(command, Command::Ssid(wanted));
    // Inside a name they are not.
    buffer[5] = 0;
    let error = Command::decode(&buffer, L5).unwrap_err();
    assert_eq!(error.end_reason(), EndReason::INVALID_DATA);
    assert!(!error.to_string().contains("SECRET"));
}

#[test]
fn the_password_is_in_no_error() {
    let mut buffer = oeb(&Command::Ssid(ssid(L5)), L5);
    buffer[28] = 0x07;
    let error = Command::decode(&buffer, L5).unwrap_err().to_string();
    assert!(
        error.contains("SSIDPSWD") && error.contains("***"),
        "{error}"
    );
    assert!(!error.contains("CRET"), "{error}");
}

/// R-032, A-31: 0000 comes from partners and from levels without a counter.
#[test]
fn a_counter_of_zero_is_kept() {
    for level in [Level::L4, L5] {
        let mut receipt = eerp(level);
        receipt.stamp = "202401312359580000".parse().unwrap();
        let buffer = oeb(&Command::Eerp(receipt.clone()), level);
        let needed = [Deviation::CounterZero];
        assert_eq!(takes(&buffer, level, &needed), Command::Eerp(receipt));
    }
    let receipt = Command::Eerp(eerp(Level::L2));
    assert_eq!(takes(&oeb(&receipt, Level::L2), Level::L2, &[]), receipt);
}

/// A-53.
#[test]
fn a_date_that_does_not_exist_is_kept() {
    for level in Level::ALL {
        let mut file = sfid(level);
        let counter = if level.has_short_stamp() { 0 } else { 7 };
        file.stamp = format!("20240230250000{counter:04}").parse().unwrap();
        let buffer = oeb(&Command::Sfid(file.clone()), level);
        let needed = [Deviation::ImpossibleDate];
        assert_eq!(takes(&buffer, level, &needed), Command::Sfid(file));
    }
}

/// R-080.
#[test]
fn the_record_length_of_a_stream_counts_as_zero() {
    for (octet, format) in [(b'U', Format::Unstructured), (b'T', Format::Text)] {
        for level in Level::ALL {
            let mut buffer = oeb(&Command::Sfid(sfid(level)), level);
            buffer[106] = octet;
            let needed = [Deviation::StreamWithRecordLength];
            let Command::Sfid(file) = takes(&buffer, level, &needed) else {
                panic!("an SFID");
            };
            assert_eq!((file.format, file.record_length), (format, 0));
        }
    }
}

/// R-188.
#[test]
fn a_hash_without_a_signature_is_kept() {
    let mut receipt = eerp(L5);
    receipt.signature = Vec::new();
    let buffer = oeb(&Command::Eerp(receipt.clone()), L5);
    let needed = [Deviation::HashWithoutSignature];
    assert_eq!(takes(&buffer, L5, &needed), Command::Eerp(receipt));
}

#[test]
fn several_leniencies_are_all_noted() {
    let mut buffer = oeb(&Command::Ssid(ssid(L5)), L5);
    buffer[1] = b'7';
    buffer[2] = b'o';
    buffer[60] = b'\n';
    buffer.push(b'\n');
    let needed = [
        Deviation::LineFeedForCarriageReturn,
        Deviation::TrailingOctets,
        Deviation::UndefinedLevel,
        Deviation::OutsideCharacterSet,
    ];
    takes(&buffer, L5, &needed);
}

/// R-036.
#[test]
fn the_ready_message_has_its_words() {
    assert_eq!(
        Command::decode(b"IODETTE FTP READY \r", L5),
        Ok(Command::Ssrm(Ssrm))
    );
    for wrong in [&b"IODETTE FTP READY2\r"[..], b"IODETTE-FTP READY \r"] {
        let error = Command::decode_refusing(wrong, L5, Deviations::none()).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Content { .. }), "{error}");
    }
}

/// An error goes to a log and to the partner: it shows the front of a field, however long that is.
#[test]
fn an_error_shows_no_more_of_a_field_than_one_can_read() {
    let receipt = Command::Eerp(oftp::Eerp {
        hash: vec![0; 60_000],
        ..oftp::Eerp::unsigned(&sfid(L5).file_id())
    });
    let octets = oeb(&receipt, L5);
    let refused = [Deviation::HashWithoutSignature].into_iter().collect();
    let error = Command::decode_refusing(&octets, L5, refused).unwrap_err();
    assert_eq!(error.end_reason(), EndReason::INVALID_DATA);
    let shown = error.to_string();
    assert!(
        shown.len() < 500 && shown.contains("60000 octets"),
        "{shown}"
    );
}
