//! Any file, any sizes, any splits.

use engine::Settings;
use proptest::prelude::*;

use rig::pair::{Dice, Pair, Split};
use rig::script::{settings, sfid};

use crate::samples::{KINDS, LEVELS, Sample};

fn config() -> ProptestConfig {
    // A failure prints the seed and the smallest case it found; nothing is written to disk.
    ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// identical content both ways.
    #[test]
    fn any_file_arrives_as_it_was_sent(
        length in prop_oneof![0..2_000_usize, 0..200_000_usize],
        back in 0..5_000_usize,
        seed in any::<u64>(),
        buffers in (128..=99_999_u32, prop_oneof![128..300_u32, 128..=99_999_u32]),
        credits in (1..=999_u16, prop_oneof![1..4_u16, 1..=999_u16]),
        most in prop_oneof![1..40_usize, 1..100_000_usize],
        piece in prop_oneof![1..300_usize, Just(usize::MAX)],
        eager in any::<bool>(),
    ) {
        let ours = Settings { buffer: buffers.0, credit: credits.0, ..settings() };
        let theirs = Settings { buffer: buffers.1, credit: credits.1, ..settings() };
        let mut dice = Dice::new(seed);
        // Octet by octet a large file takes too many rounds to be worth it.
        let length = if most < 40 { length % 20_000 } else { length };
        let file = dice.octets(length);
        let answer = dice.octets(back);
        let mut pair = Pair::new(&ours, &theirs).with_split(&Split::Random(dice, most));
        pair.initiator.monitor.offer(sfid("OUT", length as u64), file.clone());
        pair.responder.monitor.offer(sfid("BACK", back as u64), answer.clone());
        for side in [&mut pair.initiator, &mut pair.responder] {
            side.monitor.piece = piece;
            side.monitor.eager = eager;
        }
        pair.run();
        pair.assert_clean();
        prop_assert!(pair.responder.monitor.inbox[0].1 == file);
        prop_assert!(pair.initiator.monitor.inbox[0].1 == answer);
        let agreed = pair.initiator.session.agreement();
        let agreed = agreed.map(|agreed| (agreed.buffer, agreed.credit));
        prop_assert_eq!(agreed, Some((buffers.0.min(buffers.1), credits.0.min(credits.1))));
    }

    /// any format, level, buffer,
    /// credit and cut, compressed or not: identical content and counts both ways, exactly once.
    #[test]
    fn any_file_of_any_format_arrives_exactly_once_whatever_is_cut(
        kind in prop::sample::select(&KINDS[..]),
        levels in (prop::sample::select(&LEVELS[..]), prop::sample::select(&LEVELS[..])),
        sizes in (0..30_000_usize, 0..30_000_usize),
        seed in any::<u64>(),
        buffers in (128..=99_999_u32, prop_oneof![128..300_u32, 128..=99_999_u32]),
        credits in (1..=999_u16, prop_oneof![1..4_u16, 1..=999_u16]),
        compression in (any::<bool>(), any::<bool>()),
        restart in (any::<bool>(), any::<bool>()),
        piece in prop_oneof![1..300_usize, Just(usize::MAX)],
        cuts in prop::collection::vec((any::<bool>(), 0..40_000_usize), 0..4),
        lag in (0..3_u64, 0..3_u64),
    ) {
        let side = |level, buffer, credit, compression, restart| Settings {
            level, lowest_level: oftp::Level::L1, buffer, credit, compression, restart, ..settings()
        };
        let ours = side(levels.0, buffers.0, credits.0, compression.0, restart.0);
        let theirs = side(levels.1, buffers.1, credits.1, compression.1, restart.1);
        prop_assume!(kind.exists_at(levels.0.min(levels.1)));
        let mut dice = Dice::new(seed);
        let samples = [
            Sample::new(kind, "OUT", sizes.0, &mut dice),
            Sample::new(kind, "BACK", sizes.1, &mut dice),
        ];
        let mut pair = Pair::new(&ours, &theirs).with_split(&Split::Random(dice, 4_000));
        samples[0].offer(&mut pair.initiator.monitor);
        samples[1].offer(&mut pair.responder.monitor);
        for side in [&mut pair.initiator, &mut pair.responder] {
            side.monitor.piece = piece;
            side.monitor.lost = lag.0;
            side.monitor.held_back = lag.1;
        }
        for (initiators, octets) in cuts {
            let side = if initiators { &mut pair.initiator } else { &mut pair.responder };
            side.cut_after = Some(octets);
            pair.run();
            pair = pair.again(&ours, &theirs);
        }
        pair.run();
        pair.assert_clean();
        prop_assert_eq!(pair.responder.monitor.inbox.len(), 1);
        prop_assert_eq!(pair.initiator.monitor.inbox.len(), 1);
        samples[0].assert_at(&pair.responder.monitor, 0);
        samples[1].assert_at(&pair.initiator.monitor, 0);
        let agreed = pair.initiator.session.agreement().copied();
        let agreed = agreed.map(|agreed| (agreed.level, agreed.compression, agreed.restart));
        let both = (levels.0.min(levels.1), compression.0 && compression.1, restart.0 && restart.1);
        prop_assert_eq!(agreed, Some(both));
    }

    /// Any octets, fed to any state in any pieces, end in a state and never in a panic.
    #[test]
    fn any_octets_are_survived_in_every_early_state(
        octets in prop::collection::vec(any::<u8>(), 0..400),
        framed in any::<bool>(),
        piece in 1..50_usize,
        which in 0..5_usize,
    ) {
        use rig::script::{NOW, OURS, awaiting_turn, identity, listener, receiving};
        let mut session = match which {
            0 => engine::Session::initiator(settings(), identity(OURS), NOW),
            1 => engine::Session::responder(settings(), NOW),
            2 => listener(&settings()),
            3 => receiving(&settings()),
            _ => awaiting_turn(&settings()),
        };
        let mut input = Vec::new();
        if framed && !octets.is_empty() {
            let length = u32::try_from(octets.len() + 4).unwrap().to_be_bytes();
            input.extend([0x10, length[1], length[2], length[3]]);
        }
        input.extend(octets);
        let mut held = Vec::new();
        for piece in input.chunks(piece) {
            held.extend_from_slice(piece);
            let used = session.receive(&held, NOW);
            prop_assert!(used <= held.len());
            held.drain(..used);
        }
        session.disconnected(NOW);
        prop_assert!(session.must_disconnect());
    }
}
