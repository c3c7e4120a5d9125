//! Every fuzz body over its kept corpus and over seeded mutations of it: the part of fuzzing that
//! runs in every test run, without libFuzzer. `FUZZ_MUTATIONS` sets how many for each body.

use std::path::PathBuf;

use fuzz_bodies::TARGETS;
use support::compare::Random;

/// The kept inputs of a body.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let inputs: Vec<Vec<u8>> = support::inside::visible_files(&folder)
        .into_iter()
        .map(|path| std::fs::read(path).expect("the corpus is readable"))
        .collect();
    assert!(
        !inputs.is_empty(),
        "there is a corpus in {}",
        folder.display()
    );
    inputs
}

/// Changes an input a little, in one of the ways fuzzers do.
fn mutate(random: &mut Random, inputs: &[Vec<u8>]) -> Vec<u8> {
    let pick = |random: &mut Random, length: usize| {
        usize::try_from(random.below(u64::try_from(length).expect("small"))).expect("small")
    };
    let mut input = inputs[pick(random, inputs.len())].clone();
    for _ in 0..=random.below(6) {
        let at = pick(random, input.len());
        let octet = random.next().to_le_bytes()[0];
        match random.below(7) {
            0 if !input.is_empty() => input[at] = octet,
            1 if !input.is_empty() => input[at] ^= 1 << random.below(8),
            2 => input.insert(at, octet),
            3 if !input.is_empty() => drop(input.remove(at)),
            4 => input.truncate(at),
            5 => {
                let other = &inputs[pick(random, inputs.len())];
                let from = pick(random, other.len());
                input.extend_from_slice(&other[from.min(other.len())..]);
            }
            6 if !input.is_empty() => {
                let tail = input[at..].to_vec();
                input.extend_from_slice(&tail);
            }
            _ => input.push(octet),
        }
        input.truncate(8192);
    }
    input
}

fn mutations() -> u64 {
    std::env::var("FUZZ_MUTATIONS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(300_000)
}

fn smoke(name: &str) {
    let body = TARGETS
        .iter()
        .find(|(target, _)| *target == name)
        .expect("a known body")
        .1;
    let inputs = corpus(name);
    for input in &inputs {
        body(input);
    }
    let mut random = Random::printed(name);
    for _ in 0..mutations() {
        let input = mutate(&mut random, &inputs);
        let outcome = std::panic::catch_unwind(|| body(&input));
        if let Err(panic) = outcome {
            support::say(&format!("{name} fails for the input {input:02x?}"));
            std::panic::resume_unwind(panic);
        }
    }
}

macro_rules! smoke_tests {
    ($($test:ident = $target:literal;)*) => {
        $(#[test]
        fn $test() {
            smoke($target);
        })*

        #[test]
        fn every_body_has_its_smoke_test() {
            let mut here = [$($target),*];
            here.sort_unstable();
            let mut all: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            all.sort_unstable();
            assert_eq!(here[..], all[..]);
        }
    };
}

smoke_tests! {
    certificates_end_in_a_value_or_an_error = "certificates";
    challenges_end_in_a_value_or_an_error = "challenge";
    commands_decode_encode_and_decode_to_the_same = "command";
    frames_are_as_long_as_they_say = "frame";
    the_gate_does_not_care_about_cuts = "gate";
    link_messages_decode_encode_and_decode_to_the_same = "link_message";
    a_receipt_counts_as_signed_only_over_what_was_signed = "receipt_signature";
    a_secured_file_gives_only_what_was_signed_and_no_more_than_the_ceiling = "secured_file";
    the_engine_survives_any_sequence_of_operations = "session_ops";
    a_first_identification_never_shows_its_password = "ssid";
    subrecords_are_unpacked_and_walked_alike = "subrecord";
}
