//! What holds for every command and for any octets: what is encoded decodes to the same, what is cut short is
//! refused as such, and nothing panics.
//!
//! A failure prints the smallest input found and its seed, and keeps the seed beside this file.

use std::collections::BTreeSet;

use oftp::{
    Auch, Aurp, Code, Command, DatasetName, Deviation, Eerp, Efid, Efna, Efpa, EncodeError,
    EndReason, ErrorKind, Esid, FileReason, Format, Level, MAX_OEB_LEN, Mode, Nerp, OdetteId,
    ReceiptReason, Security, Sfid, Sfna, Sfpa, Ssid, Ssrm, Stamp, SubrecordError, Unpacker,
    UserField, Walker, capacity, frame, pack_unstructured,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{FileFailurePersistence, TestRunner};

const LEVELS: [Level; 4] = [Level::L1, Level::L2, Level::L4, Level::L5];

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    }
}

fn code() -> impl Strategy<Value = OdetteId> {
    "[ -~]{0,24}[!-~]".prop_filter_map("no code", |text| text.parse().ok())
}

fn dataset() -> impl Strategy<Value = DatasetName> {
    "[ -~]{0,25}[!-~]".prop_filter_map("no name", |text| text.parse().ok())
}

fn user() -> impl Strategy<Value = UserField> {
    "([ -~]{0,7}[!-~])?".prop_filter_map("no user data", |text| text.parse().ok())
}

/// Stamps that the level can bring: levels 1 and 2 have neither century nor counter.
fn stamp(level: Level) -> impl Strategy<Value = Stamp> {
    let digits = if level < Level::L4 {
        "(19[7-9][0-9]|20[0-6][0-9])[0-9]{10}0000"
    } else {
        "[0-9]{18}"
    };
    digits.prop_filter_map("no stamp", |text: String| text.parse().ok())
}

/// Texts of up to 999 octets, which only level 5 has.
fn text(level: Level) -> BoxedStrategy<String> {
    if level < Level::L5 {
        return Just(String::new()).boxed();
    }
    let any_text = vec(any::<char>(), 0..=249).prop_map(String::from_iter);
    prop_oneof![any_text, "[a-z]{0,12}", "[a-z]{999}"].boxed()
}

/// Hash, signature or challenge, which only level 5 has.
fn binary(level: Level) -> BoxedStrategy<Vec<u8>> {
    if level < Level::L5 {
        return Just(Vec::new()).boxed();
    }
    vec(any::<u8>(), 0..=300).boxed()
}

fn number(digits: u32) -> impl Strategy<Value = u64> {
    let most = 10_u64.pow(digits) - 1;
    prop_oneof![Just(0), Just(most), 0..=most]
}

fn ssid() -> impl Strategy<Value = Command<'static>> {
    let names = (
        select(LEVELS.to_vec()),
        code(),
        "([ -~]{0,7}[!-~])?",
        user(),
    );
    let modes = select(vec![Mode::Send, Mode::Receive, Mode::Both]);
    let numbers = (128..=99_999_u32, 1..=999_u16);
    let flags = any::<[bool; 4]>();
    (names, modes, numbers, flags).prop_filter_map(
        "no password",
        |(names, mode, numbers, flags)| {
            let (level, code, password, user) = names;
            let [compression, restart, special_logic, authentication] = flags;
            Some(Command::Ssid(Ssid {
                level,
                code,
                password: password.parse().ok()?,
                buffer: numbers.0,
                mode,
                compression,
                restart,
                special_logic,
                credit: numbers.1,
                authentication: authentication && level == Level::L5,
                user,
            }))
        },
    )
}

/// What an SFID of any level holds.
fn plain_sfid(level: Level) -> impl Strategy<Value = Sfid> {
    let names = (dataset(), stamp(level), user(), code(), code());
    let formats = select(vec![
        Format::Fixed,
        Format::Variable,
        Format::Unstructured,
        Format::Text,
    ]);
    let old = level < Level::L5;
    let numbers = (
        0..=99_999_u32,
        number(if old { 7 } else { 13 }),
        number(if old { 9 } else { 17 }),
    );
    (names, formats, numbers).prop_map(|(names, format, numbers)| {
        let (dataset, stamp, user, destination, origin) = names;
        let (record_length, size_blocks, restart) = numbers;
        Sfid {
            dataset,
            stamp,
            user,
            destination,
            origin,
            format,
            record_length,
            size_blocks,
            original_blocks: size_blocks,
            restart,
            security: Security::None,
            cipher: 0,
            compression: false,
            envelope: false,
            signed_receipt: false,
            description: String::new(),
        }
    })
}

fn sfid(level: Level) -> BoxedStrategy<Command<'static>> {
    if level < Level::L5 {
        return plain_sfid(level).prop_map(Command::Sfid).boxed();
    }
    let security = select(vec![
        Security::None,
        Security::Encrypted,
        Security::Signed,
        Security::EncryptedAndSigned,
    ]);
    let services = (number(13), security, 0..=99_u8, any::<[bool; 3]>());
    (plain_sfid(level), services, text(level))
        .prop_map(|(plain, services, description)| {
            let (original_blocks, security, cipher, flags) = services;
            let [compression, envelope, signed_receipt] = flags;
            Command::Sfid(Sfid {
                original_blocks,
                security,
                cipher,
                compression,
                envelope,
                signed_receipt,
                description,
                ..plain
            })
        })
        .boxed()
}

fn eerp(level: Level) -> impl Strategy<Value = Command<'static>> {
    let names = (dataset(), stamp(level), user(), code(), code());
    (names, binary(level), binary(level)).prop_map(|(names, hash, signature)| {
        let (dataset, stamp, user, destination, origin) = names;
        Command::Eerp(Eerp {
            dataset,
            stamp,
            user,
            destination,
            origin,
            hash,
            signature,
        })
    })
}

fn nerp(level: Level) -> impl Strategy<Value = Command<'static>> {
    let names = (dataset(), stamp(level), code(), code(), code());
    let why = (0..=99_u8, text(level));
    (names, why, binary(level), binary(level)).prop_map(|(names, why, hash, signature)| {
        let (dataset, stamp, destination, origin, creator) = names;
        let (reason, text) = why;
        Command::Nerp(Nerp {
            dataset,
            stamp,
            destination,
            origin,
            creator,
            reason: ReceiptReason(reason),
            text,
            hash,
            signature,
        })
    })
}

fn answers(level: Level) -> BoxedStrategy<Command<'static>> {
    let (wide, octets) = if level < Level::L5 { (9, 12) } else { (17, 17) };
    let refusal = || (0..=99_u8, text(level));
    prop_oneof![
        number(wide).prop_map(|answer| Command::Sfpa(Sfpa { answer })),
        (refusal(), any::<bool>()).prop_map(|((reason, text), retry)| {
            let reason = FileReason(reason);
            Command::Sfna(Sfna {
                reason,
                retry,
                text,
            })
        }),
        (number(wide), number(octets))
            .prop_map(|(records, octets)| Command::Efid(Efid { records, octets })),
        any::<bool>().prop_map(|change_direction| Command::Efpa(Efpa { change_direction })),
        refusal().prop_map(|(reason, text)| {
            let reason = FileReason(reason);
            Command::Efna(Efna { reason, text })
        }),
        refusal().prop_map(|(reason, text)| {
            let reason = EndReason(reason);
            Command::Esid(Esid { reason, text })
        }),
    ]
    .boxed()
}

/// Every command that the level has, but DATA, which takes any octets.
fn command(level: Level) -> BoxedStrategy<Command<'static>> {
    let bare = select(vec![
        Command::Ssrm(Ssrm),
        Command::Cdt,
        Command::Cd,
        Command::Rtr,
    ]);
    let everywhere = prop_oneof![
        2 => bare, 2 => ssid(), 3 => sfid(level), 6 => answers(level), 2 => eerp(level)
    ];
    if level < Level::L4 {
        return everywhere.boxed();
    }
    if level < Level::L5 {
        return prop_oneof![15 => everywhere, 2 => nerp(level)].boxed();
    }
    let authentication = prop_oneof![
        Just(Command::Secd),
        binary(level).prop_map(|challenge| Command::Auch(Auch { challenge })),
        any::<[u8; 20]>().prop_map(|response| Command::Aurp(Aurp { response })),
    ];
    prop_oneof![15 => everywhere, 2 => nerp(level), 2 => authentication].boxed()
}

fn level_and_command() -> impl Strategy<Value = (Level, Command<'static>)> {
    select(LEVELS.to_vec()).prop_flat_map(|level| (Just(level), command(level)))
}

/// The frame of a command.
fn encoded(command: &Command<'_>, level: Level) -> Result<Vec<u8>, EncodeError> {
    let mut framed = Vec::new();
    command.encode(level, &mut framed)?;
    Ok(framed)
}

/// Octets that begin like a command, or like none.
fn command_like() -> impl Strategy<Value = Vec<u8>> {
    let codes = Code::ALL.map(Code::octet).to_vec();
    let octet = prop_oneof![
        any::<u8>(),
        b'0'..=b'9',
        select(b"YN \r0123456789".to_vec())
    ];
    (
        prop_oneof![9 => select(codes), 1 => any::<u8>()],
        vec(octet, 0..220),
    )
        .prop_map(|(code, mut octets)| {
            octets.insert(0, code);
            octets
        })
}

/// If octets decode, what they mean can be said again and means the same.
fn says_the_same_again(oeb: &[u8], level: Level) -> Result<(), TestCaseError> {
    let Ok((command, deviations)) = Command::decode_noting(oeb, level) else {
        return Ok(());
    };
    if deviations.contains(Deviation::TextNotUtf8) {
        // The octets that stand for the wrong ones are more, and may not fit.
        return Ok(());
    }
    // An ESID says its form by its length, so that below level 5 it may come with a text.
    let form = match command {
        Command::Esid(_) => Level::L5,
        _ => level,
    };
    let again = encoded(&command, form);
    let again = again.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let again = again.get(4..).unwrap_or_default();
    prop_assert_eq!(Command::decode(again, level), Ok(command.clone()));
    Ok(())
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn what_is_encoded_decodes_to_the_same((level, command) in level_and_command()) {
        let framed = encoded(&command, level)?;
        let (oeb, consumed) = frame::split(&framed)?.ok_or_else(|| TestCaseError::fail("cut"))?;
        prop_assert_eq!(consumed, framed.len());
        let (decoded, deviations) = Command::decode_noting(oeb, level)?;
        prop_assert_eq!(decoded, command);
        prop_assert!(!deviations.contains(Deviation::TextNotUtf8));
        prop_assert!(!deviations.contains(Deviation::LineFeedForCarriageReturn));
        prop_assert!(!deviations.contains(Deviation::UndefinedLevel));
    }

    #[test]
    fn data_of_any_octets_decodes_to_the_same(octets in vec(any::<u8>(), 0..400)) {
        for level in LEVELS {
            let framed = encoded(&Command::Data(&octets), level)?;
            let oeb = framed.get(4..).unwrap_or_default();
            prop_assert_eq!(Command::decode(oeb, level), Ok(Command::Data(&octets)));
        }
    }

    #[test]
    fn random_octets_are_refused_or_understood(oeb in command_like()) {
        for level in LEVELS {
            says_the_same_again(&oeb, level)?;
        }
        // Read as a stream they give whole frames or an error, and never more than there is.
        let mut rest = oeb.as_slice();
        while let Ok(Some((found, consumed))) = frame::split(rest) {
            prop_assert!(found.len() + 4 == consumed && consumed <= rest.len());
            rest = rest.split_at(consumed).1;
        }
    }

    #[test]
    fn commands_with_wrong_octets_are_refused_or_understood(
        (level, command) in level_and_command(),
        wrong in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut framed = encoded(&command, level)?;
        let mut oeb = framed.split_off(4);
        for (index, octet) in wrong {
            let position = index.index(oeb.len());
            if let Some(place) = oeb.get_mut(position) {
                *place = octet;
            }
        }
        for level in LEVELS {
            says_the_same_again(&oeb, level)?;
        }
    }

    #[test]
    fn any_octets_walk_and_unpack_alike(
        databuf in vec(prop_oneof![any::<u8>(), 0..6_u8, 0x80..0x86_u8, 0x40..0x44_u8], 0..300),
        cuts in vec(any::<Index>(), 0..4),
        agreed in any::<bool>(),
    ) {
        let mut walker = Walker::new(agreed);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(databuf.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut walked, mut start) = (Ok(()), 0);
        for end in cuts.into_iter().chain([databuf.len()]) {
            let piece = databuf.get(start..end).unwrap_or_default();
            walked = walked.and_then(|()| walker.walk(piece));
            start = end;
        }
        let walked = walked.and_then(|()| walker.end());

        let mut out = b"kept".to_vec();
        let mut unpacker = Unpacker::records(agreed);
        let mut ends = vec![99];
        let unpacked = unpacker.unpack_records(&databuf, &mut out, &mut ends);
        match (&walked, &unpacked) {
            (Err(SubrecordError::Overrun { .. }), Err(SubrecordError::Overrun { .. })) => {}
            _ => prop_assert_eq!(&walked, &unpacked),
        }
        if unpacked.is_ok() {
            prop_assert_eq!(unpacker.octets() + 4, out.len() as u64);
            prop_assert_eq!(ends.len() as u64, unpacker.record_count() + 1);
            prop_assert!(ends.get(1..).is_some_and(<[usize]>::is_sorted));
            prop_assert!(ends.iter().skip(1).all(|end| (4..=out.len()).contains(end)));
        } else {
            prop_assert_eq!(ends, [99]);
            prop_assert_eq!(&out, b"kept");
        }

        // As one record the same octets are refused at least as often.
        let mut one = Unpacker::unstructured(agreed);
        let mut one_out = b"kept".to_vec();
        if one.unpack(&databuf, &mut one_out).is_ok() {
            prop_assert_eq!(unpacked, Ok(()));
            prop_assert_eq!(one_out, out);
        }
    }

    #[test]
    fn packed_files_unpack_to_the_same(
        file in vec(any::<u8>(), 0..3000),
        room in prop_oneof![3..300_usize, 3..5000_usize],
    ) {
        let mut unpacker = Unpacker::unstructured(false);
        let (mut out, mut rest) = (Vec::new(), file.as_slice());
        while !unpacker.ended() {
            let mut framed = Vec::new();
            let taken = pack_unstructured(rest, room, true, &mut framed);
            prop_assert_eq!(taken, rest.len().min(capacity(room)));
            let (oeb, consumed) = frame::split(&framed)?.ok_or_else(|| TestCaseError::fail("cut"))?;
            prop_assert!(oeb.len() <= room && consumed == framed.len());
            let databuf = oeb.strip_prefix(b"D").unwrap_or_default();
            unpacker.unpack(databuf, &mut out)?;
            rest = rest.split_at(taken).1;
            prop_assert_eq!(unpacker.ended(), rest.is_empty());
        }
        prop_assert_eq!(out, file);
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn every_truncation_is_a_length_error((level, command) in level_and_command()) {
        let framed = encoded(&command, level)?;
        let oeb = framed.get(4..).unwrap_or_default();
        for len in 0..oeb.len() {
            let (part, _) = oeb.split_at(len);
            let result = Command::decode(part, level);
            let refused = matches!(
                &result,
                Err(error) if matches!(error.kind, ErrorKind::Length { found, .. } if found == len)
            );
            prop_assert!(refused, "{} of {} octets at {}: {:?}", len, oeb.len(), level, result);
        }
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_commands(
        commands in vec(command(Level::L5), 1..5),
        pieces in vec(1..70_usize, 1..200),
    ) {
        //
        let mut stream = Vec::new();
        for command in &commands {
            command.encode(Level::L5, &mut stream)?;
        }
        let (mut found, mut waiting, mut rest) = (Vec::new(), Vec::new(), stream.as_slice());
        for piece in pieces.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (arrived, later) = rest.split_at(piece.min(rest.len()));
            waiting.extend_from_slice(arrived);
            rest = later;
            while let Some((oeb, consumed)) = frame::split(&waiting)? {
                let framed = encoded(&Command::decode(oeb, Level::L5)?, Level::L5)?;
                found.push(framed);
                waiting.drain(..consumed);
            }
        }
        prop_assert!(waiting.is_empty());
        let wanted: Result<Vec<_>, _> = commands.iter().map(|one| encoded(one, Level::L5)).collect();
        prop_assert_eq!(found, wanted?);
    }

    #[test]
    fn a_command_that_does_not_fit_leaves_the_buffer_as_it_was(
        answer in 10_u64.pow(9)..,
        too_long in (MAX_OEB_LEN + 1)..(MAX_OEB_LEN + 100),
    ) {
        let mut out = b"kept".to_vec();
        let level = if answer < 10_u64.pow(17) { Level::L4 } else { Level::L5 };
        let result = Command::Sfpa(Sfpa { answer }).encode(level, &mut out);
        let refused = matches!(result, Err(EncodeError::NumberTooLarge { value, .. }) if value == answer);
        prop_assert!(refused, "{:?}", result);

        let challenge = vec![0; too_long];
        let result = Command::Auch(Auch { challenge }).encode(Level::L5, &mut out);
        let refused = matches!(result, Err(EncodeError::TooLong { most: 65_535, .. }));
        prop_assert!(refused, "{:?}", result);

        let octets = vec![0; too_long];
        let result = Command::Data(&octets).encode(Level::L5, &mut out);
        let refused = matches!(result, Err(EncodeError::TooLong { most: MAX_OEB_LEN, .. }));
        prop_assert!(refused, "{:?}", result);

        let result = Command::Secd.encode(Level::L4, &mut out);
        let refused = matches!(result, Err(EncodeError::NotAtThisLevel { .. }));
        prop_assert!(refused, "{:?}", result);
        prop_assert_eq!(out, b"kept");
    }
}

#[test]
fn the_generators_reach_every_command_at_every_level() {
    let mut runner = TestRunner::deterministic();
    for level in LEVELS {
        let commands = command(level);
        let mut found = BTreeSet::new();
        for _ in 0..1000 {
            if let Ok(tree) = commands.new_tree(&mut runner) {
                found.insert(tree.current().code());
            }
        }
        let wanted = Code::ALL.into_iter();
        let wanted = wanted.filter(|code| code.exists_at(level) && *code != Code::Data);
        assert_eq!(found, wanted.collect(), "level {level}");
    }
}

#[test]
fn the_longest_variable_fields_come_across() -> Result<(), Box<dyn std::error::Error>> {
    let challenge = vec![0xA5; 65_535];
    let longest = [
        Command::Auch(Auch { challenge }),
        Command::Esid(Esid {
            reason: EndReason::UNSPECIFIED,
            text: "é".repeat(499),
        }),
    ];
    for command in longest {
        let framed = encoded(&command, Level::L5)?;
        let oeb = framed.get(4..).unwrap_or_default();
        assert_eq!(Command::decode(oeb, Level::L5), Ok(command));
    }
    Ok(())
}

#[test]
fn a_text_too_long_is_cut_at_a_character() -> Result<(), Box<dyn std::error::Error>> {
    let reason = EndReason::UNSPECIFIED;
    let text = "é".repeat(500);
    let framed = encoded(&Command::Esid(Esid { reason, text }), Level::L5)?;
    let oeb = framed.get(4..).unwrap_or_default();
    let text = "é".repeat(499);
    assert_eq!(
        Command::decode(oeb, Level::L5),
        Ok(Command::Esid(Esid { reason, text }))
    );
    Ok(())
}
