//! The connection breaks at any octet: both sides end, nobody hangs, nothing half is taken for
//! whole.

use engine::{Origin, Settings};

use rig::pair::{Dice, Pair, Split};
use rig::script::{settings, sfid};

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

/// Any octets at all: a session ends or waits, it never panics (R-004, R-028 to to
///
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
