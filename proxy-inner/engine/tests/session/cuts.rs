//! The connection breaks at any octet: both sides end, nobody hangs, nothing half is taken for
//! whole.

use engine::{Origin, Settings};
use oftp::Level;

use rig::pair::{Dice, Pair, Split};
use rig::script::{settings, sfid};

use crate::samples::{KINDS, Kind, LEVELS, Sample};

fn busy_pair(split: &Split) -> Pair {
    let settings = Settings {
        buffer: 128,
        credit: 2,
        ..settings()
    };
    let mut pair = Pair::new(&settings, &settings).with_split(split);
    for number in 0..3_u64 {
        let file = Dice::new(number).octets(300 + usize::try_from(number).unwrap());
        pair.initiator
            .monitor
            .offer(sfid(&format!("A{number}"), 300), file.clone());
        pair.responder
            .monitor
            .offer(sfid(&format!("B{number}"), 300), file);
    }
    pair
}

/// every single position of the initiator's and of the responder's stream.
#[test]
fn a_cut_after_any_octet_ends_both_sides_and_keeps_only_whole_files() {
    let mut whole = busy_pair(&Split::All);
    whole.run();
    whole.assert_clean();
    let total = [whole.initiator.sent, whole.responder.sent];
    for (cut_side, octets) in total.into_iter().enumerate() {
        for cut in 0..octets {
            let mut pair = busy_pair(&Split::Fixed(1 + cut % 97));
            if cut_side == 0 {
                pair.initiator.cut_after = Some(cut);
            } else {
                pair.responder.cut_after = Some(cut);
            }
            pair.run();
            let kept = [&pair.initiator, &pair.responder].map(|side| &side.monitor.inbox);
            let all = [&whole.initiator, &whole.responder].map(|side| &side.monitor.inbox);
            for (kept, all) in kept.into_iter().zip(all) {
                assert!(
                    all.starts_with(kept),
                    "cut of side {cut_side} after {cut}: half a file"
                );
            }
            for side in [&pair.initiator, &pair.responder] {
                let monitor = &side.monitor;
                // The one that released the session itself is told nothing more (S2-F).
                let told = monitor.released || !monitor.aborts.is_empty() || monitor.releasing;
                assert!(told, "cut of side {cut_side} after {cut}: nobody was told");
            }
        }
    }
}

/// seeded, random cuts under random splits.
#[test]
fn random_cuts_under_random_splits_never_hang() {
    for seed in 0..400 {
        println!("seed {seed}");
        let mut dice = Dice::new(seed);
        let mut pair = busy_pair(&Split::Random(dice.clone(), 200));
        let cut = Some(dice.roll(4_000));
        if dice.roll(2) == 0 {
            pair.initiator.cut_after = cut;
        } else {
            pair.responder.cut_after = cut;
        }
        pair.run();
        for side in [&pair.initiator, &pair.responder] {
            assert!(side.monitor.aborts.len() <= 1);
            if let Some((reason, origin)) = side.monitor.aborts.first() {
                assert_eq!((*reason, *origin), (None, Origin::Distant));
            }
        }
    }
}

/// The settings of the sessions that are cut and taken up again.
fn resuming(level: Level, compression: bool) -> Settings {
    Settings {
        level,
        lowest_level: Level::L1,
        buffer: 128,
        credit: 2,
        compression,
        restart: true,
        ..settings()
    }
}

/// Two files of one kind, one each way.
fn samples(kind: Kind) -> [Sample; 2] {
    let mut dice = Dice::new(21);
    [
        Sample::new(kind, "OUT", 2_300, &mut dice),
        Sample::new(kind, "BACK", 1_400, &mut dice),
    ]
}

fn offered(samples: &[Sample; 2], ours: &Settings) -> Pair {
    let mut pair = Pair::new(ours, ours);
    samples[0].offer(&mut pair.initiator.monitor);
    samples[1].offer(&mut pair.responder.monitor);
    pair
}

/// Both files arrived, whole, once, and both senders know it.
fn assert_exactly_once(pair: &Pair, samples: &[Sample; 2], case: &str) {
    for (sample, from, to) in [
        (&samples[0], &pair.initiator, &pair.responder),
        (&samples[1], &pair.responder, &pair.initiator),
    ] {
        assert_eq!(to.monitor.inbox.len(), 1, "{case}");
        sample.assert_at(&to.monitor, 0);
        assert_eq!(from.monitor.sent.len(), 1, "{case}");
        assert!(from.monitor.refusals.is_empty(), "{case}");
        assert!(!from.monitor.receipts.is_empty(), "{case}");
    }
}

/// after a cut at every position of either stream, the next session
/// goes on where this one ended, in every format, at every level, compressed or not.
#[test]
fn a_file_cut_after_any_octet_goes_on_and_arrives_exactly_once() {
    let mut cuts = 0;
    let mut resumed = 0;
    for level in LEVELS {
        for kind in KINDS.into_iter().filter(|kind| kind.exists_at(level)) {
            for compression in [false, true] {
                let ours = resuming(level, compression);
                let samples = samples(kind);
                let mut whole = offered(&samples, &ours);
                whole.run();
                whole.assert_clean();
                let total = [whole.initiator.sent, whole.responder.sent];
                for (side, octets) in total.into_iter().enumerate() {
                    // All of level 5; of the others, whose streams differ in commands only, each
                    // octet in one of the two ways to pack.
                    let step = if level == Level::L5 { 1 } else { 2 };
                    for cut in (usize::from(compression)..octets).step_by(step) {
                        let mut pair =
                            offered(&samples, &ours).with_split(&Split::Fixed(1 + cut % 97));
                        let cut_side = if side == 0 {
                            &mut pair.initiator
                        } else {
                            &mut pair.responder
                        };
                        cut_side.cut_after = Some(cut);
                        pair.run();
                        let mut pair = pair.again(&ours, &ours);
                        pair.run();
                        let case = format!("{kind:?} at {level}, side {side} cut after {cut}");
                        assert_exactly_once(&pair, &samples, &case);
                        cuts += 1;
                        resumed += pair.responder.monitor.resumed.len();
                        resumed += pair.initiator.monitor.resumed.len();
                    }
                }
            }
        }
    }
    println!("{cuts} cuts, {resumed} files taken up in the middle");
    assert!(resumed > cuts / 4, "{resumed} of {cuts}");
}

/// larger files, several cuts one after another, and syncing that lags behind.
#[test]
fn files_cut_again_and_again_arrive_exactly_once() {
    for seed in 0..150 {
        println!("seed {seed}");
        let mut dice = Dice::new(seed);
        let level = LEVELS[dice.roll(LEVELS.len())];
        let kind = KINDS[dice.roll(if level == Level::L5 { 5 } else { 4 })];
        let ours = Settings {
            buffer: u32::try_from(128 + dice.roll(5_000)).unwrap(),
            credit: u16::try_from(1 + dice.roll(20)).unwrap(),
            ..resuming(level, dice.roll(2) == 0)
        };
        let samples = [
            Sample::new(kind, "OUT", dice.roll(60_000), &mut dice),
            Sample::new(kind, "BACK", dice.roll(60_000), &mut dice),
        ];
        let mut pair = offered(&samples, &ours);
        for _ in 0..1 + dice.roll(5) {
            pair.initiator.split = Split::Random(dice.clone(), 3_000);
            pair.responder.split = Split::Random(dice.clone(), 3_000);
            let cut = Some(dice.roll(40_000));
            if dice.roll(2) == 0 {
                pair.initiator.cut_after = cut;
            } else {
                pair.responder.cut_after = cut;
            }
            pair.run();
            for side in [&mut pair.initiator, &mut pair.responder] {
                side.monitor.lost = dice.roll(4) as u64;
                side.monitor.held_back = dice.roll(4) as u64;
            }
            pair = pair.again(&ours, &ours);
        }
        pair.run();
        assert_exactly_once(&pair, &samples, &format!("seed {seed}"));
    }
}

/// Any octets at all: a session ends or waits, it never panics.
#[test]
fn damaged_octets_end_in_an_abort_or_a_wait_and_never_in_a_panic() {
    for seed in 0..600 {
        println!("seed {seed}");
        let mut dice = Dice::new(seed);
        let mut pair = busy_pair(&Split::Random(dice.clone(), 150));
        let damage = dice.roll(4_000);
        pair.initiator
            .damage(damage, u8::try_from(1 + dice.roll(255)).unwrap());
        pair.run();
    }
}
