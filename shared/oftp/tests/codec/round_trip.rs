//! What holds for every command and for any octets: what is encoded decodes to the same, what is cut short is
//! refused as such, and nothing panics.
//!
//! A failure prints the smallest input found and its seed, and keeps the seed beside this file.

use std::collections::BTreeSet;

use oftp::{
    Auch, Code, Command, Deviation, Deviations, EncodeError, EndReason, ErrorKind, Esid, Level,
    MAX_OEB_LEN, Sfpa, frame,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::generators::{Content, command, config, encoded, level_and_command};

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

/// Octets that a command holds beyond its fixed fields.
fn held(command: &Command<'_>) -> usize {
    match command {
        Command::Auch(auch) => auch.challenge.capacity(),
        Command::Sfid(sfid) => sfid.description.capacity(),
        Command::Sfna(sfna) => sfna.text.capacity(),
        Command::Efna(efna) => efna.text.capacity(),
        Command::Esid(esid) => esid.text.capacity(),
        Command::Eerp(eerp) => eerp.hash.capacity() + eerp.signature.capacity(),
        Command::Nerp(nerp) => {
            nerp.text.capacity() + nerp.hash.capacity() + nerp.signature.capacity()
        }
        _ => 0,
    }
}

/// If octets decode, what they mean can be said again and means the same.
fn says_the_same_again(oeb: &[u8], level: Level) -> Result<(), TestCaseError> {
    let Ok((command, deviations)) = Command::decode_noting(oeb, level) else {
        return Ok(());
    };
    // A replacement character has three octets, and a text grows by doubling.
    prop_assert!(held(&command) <= 6 * oeb.len(), "{} octets", oeb.len());
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

    ///
    #[test]
    fn what_is_encoded_decodes_to_the_same((level, command) in level_and_command(Content::Any)) {
        let framed = encoded(&command, level)?;
        let (oeb, consumed) = frame::split(&framed)?.ok_or_else(|| TestCaseError::fail("cut"))?;
        prop_assert_eq!(consumed, framed.len());
        let (decoded, deviations) = Command::decode_noting(oeb, level)?;
        prop_assert_eq!(decoded, command);
        prop_assert!(!deviations.contains(Deviation::TextNotUtf8));
        prop_assert!(!deviations.contains(Deviation::LineFeedForCarriageReturn));
        prop_assert!(!deviations.contains(Deviation::UndefinedLevel));
    }

    ///
    #[test]
    fn what_is_encoded_by_the_rules_needs_no_leniency(
        (level, command) in level_and_command(Content::Standard),
    ) {
        let framed = encoded(&command, level)?;
        let oeb = framed.get(4..).unwrap_or_default();
        let decoded = Command::decode_refusing(oeb, level, Deviations::all());
        prop_assert_eq!(decoded, Ok((command, Deviations::none())));
    }

    #[test]
    fn what_one_leniency_takes_is_refused_without_it(
        (level, command) in level_and_command(Content::Any),
        wrong in vec((any::<Index>(), select(b"\0 \n\ra09".to_vec())), 0..3),
        more in vec(any::<u8>(), 0..3),
    ) {
        let mut framed = encoded(&command, level)?;
        let mut oeb = framed.split_off(4);
        for (index, octet) in wrong {
            let position = index.index(oeb.len());
            if let Some(place) = oeb.get_mut(position) {
                *place = octet;
            }
        }
        oeb.extend(more);
        let lenient = Command::decode_refusing(&oeb, level, Deviations::none());
        let Ok((command, met)) = lenient else {
            return Ok(());
        };
        for deviation in Deviation::ALL {
            let refused = [deviation].into_iter().collect();
            let strict = Command::decode_refusing(&oeb, level, refused);
            if met.contains(deviation) {
                let reason = strict.map_err(|error| Some(error.end_reason()));
                prop_assert_eq!(reason, Err(deviation.end_reason()), "{:?}", deviation);
            } else {
                prop_assert_eq!(strict, Ok((command.clone(), met)));
            }
        }
    }

    ///
    #[test]
    fn data_of_any_octets_decodes_to_the_same(octets in vec(any::<u8>(), 0..400)) {
        for level in Level::ALL {
            let framed = encoded(&Command::Data(&octets), level)?;
            let oeb = framed.get(4..).unwrap_or_default();
            prop_assert_eq!(Command::decode(oeb, level), Ok(Command::Data(&octets)));
        }
    }

    #[test]
    fn random_octets_are_refused_or_understood(oeb in command_like()) {
        for level in Level::ALL {
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
        (level, command) in level_and_command(Content::Any),
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
        for level in Level::ALL {
            says_the_same_again(&oeb, level)?;
        }
    }
}

proptest! {
    #![proptest_config(config(300))]

    ///
    #[test]
    fn every_truncation_is_a_length_error((level, command) in level_and_command(Content::Any)) {
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

    ///
    #[test]
    fn a_stream_cut_anywhere_gives_the_same_commands(
        commands in vec(command((Level::L5, Content::Any)), 1..5),
        pieces in vec(1..70_usize, 1..200),
    ) {
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
    for level in Level::ALL {
        let commands = command((level, Content::Any));
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
