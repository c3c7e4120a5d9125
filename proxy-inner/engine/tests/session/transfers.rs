//! Files across a pair of engines.

use engine::{Deviation, Settings};

use rig::pair::{Dice, Pair, Split};
use rig::script::{eerp_for, settings, sfid};

/// sizes around subrecords and buffers, both directions, receipts for all, one
/// session.
#[test]
fn files_of_every_critical_size_cross_both_ways_in_one_session_with_receipts() {
    let settings = Settings {
        buffer: 128,
        credit: 3,
        ..settings()
    };
    let sizes = [
        0, 1, 62, 63, 64, 65, 124, 125, 126, 127, 128, 250, 251, 374, 375, 376, 10_000,
    ];
    for split in [
        Split::All,
        Split::Fixed(1),
        Split::Fixed(7),
        Split::Random(Dice::new(5), 300),
    ] {
        let mut pair = Pair::new(&settings, &settings).with_split(&split);
        for (number, size) in sizes.into_iter().enumerate() {
            let name = format!("OUT{number}");
            let octets = Dice::new(number as u64).octets(size);
            pair.initiator
                .monitor
                .offer(sfid(&name, size as u64), octets);
            let name = format!("BACK{number}");
            let octets = Dice::new(1000 + number as u64).octets(size);
            pair.responder
                .monitor
                .offer(sfid(&name, size as u64), octets);
        }
        let out = Vec::from(pair.initiator.monitor.outbox.clone());
        let back = Vec::from(pair.responder.monitor.outbox.clone());
        pair.run();
        pair.assert_clean();
        assert_eq!(pair.responder.monitor.inbox, out);
        assert_eq!(pair.initiator.monitor.inbox, back);
        let receipts: Vec<_> = out.iter().map(|(file, _)| eerp_for(file)).collect();
        assert_eq!(pair.initiator.monitor.receipts, receipts);
        let receipts: Vec<_> = back.iter().map(|(file, _)| eerp_for(file)).collect();
        assert_eq!(pair.responder.monitor.receipts, receipts);
    }
}

/// recovery of exchange buffers does not depend on how the octets arrive.
#[test]
fn a_session_crosses_whole_at_every_split_size() {
    let settings = Settings {
        buffer: 128,
        credit: 2,
        ..settings()
    };
    for octets in 1..=260 {
        let mut pair = Pair::new(&settings, &settings).with_split(&Split::Fixed(octets));
        pair.initiator
            .monitor
            .offer(sfid("A", 700), Dice::new(1).octets(700));
        pair.responder
            .monitor
            .offer(sfid("B", 300), Dice::new(2).octets(300));
        pair.run();
        pair.assert_clean();
        assert_eq!(
            pair.responder.monitor.inbox[0].1,
            Dice::new(1).octets(700),
            "split {octets}"
        );
        assert_eq!(
            pair.initiator.monitor.inbox[0].1,
            Dice::new(2).octets(300),
            "split {octets}"
        );
    }
}

/// the smallest and the largest window.
#[test]
fn windows_of_1_and_999_carry_files_that_end_on_and_off_the_window() {
    for credit in [1, 999] {
        let settings = Settings {
            buffer: 128,
            credit,
            compression: false,
            ..settings()
        };
        for buffers in [1, 2, 998, 999, 1000, 1998] {
            let size = buffers * 125;
            let mut pair = Pair::new(&settings, &settings);
            pair.initiator.monitor.offer(sfid("A", 0), vec![7; size]);
            pair.initiator
                .monitor
                .offer(sfid("B", 0), vec![8; size + 1]);
            pair.run();
            pair.assert_clean();
            assert_eq!(pair.responder.monitor.inbox[0].1, vec![7; size]);
            assert_eq!(pair.responder.monitor.inbox[1].1, vec![8; size + 1]);
            let data = (buffers + buffers + 1) as u64;
            assert_eq!(
                pair.initiator.session.stats().data_sent,
                data,
                "credit {credit}"
            );
        }
    }
}

/// we always send one DATA buffer, even for an empty file, so that no partner finds a fault.
#[test]
fn an_empty_file_crosses_as_one_buffer_without_any_deviation() {
    let mut pair = Pair::new(&settings(), &settings());
    pair.initiator.monitor.offer(sfid("EMPTY", 0), Vec::new());
    pair.run();
    pair.assert_clean();
    assert_eq!(pair.responder.monitor.inbox[0].1, Vec::<u8>::new());
    assert_eq!(pair.responder.session.stats().data_received, 1);
    assert_eq!(pair.responder.monitor.deviations, Vec::<Deviation>::new());
}

/// small pieces, each with its own DATA buffers, and the end found only afterwards.
#[test]
fn a_file_offered_in_small_pieces_arrives_whole() {
    let settings = Settings {
        buffer: 128,
        credit: 5,
        ..settings()
    };
    for piece in [1, 2, 63, 64, 124, 125, 126, 1000] {
        let mut pair = Pair::new(&settings, &settings);
        pair.initiator.monitor.piece = piece;
        let file = Dice::new(9).octets(2_000);
        pair.initiator.monitor.offer(sfid("A", 2_000), file.clone());
        pair.run();
        pair.assert_clean();
        assert_eq!(pair.responder.monitor.inbox[0].1, file, "pieces of {piece}");
    }
}

/// Both ceilings are passed several times over.
#[test]
fn a_file_far_larger_than_all_buffers_arrives_whole() {
    let settings = Settings {
        buffer: 99_999,
        credit: 999,
        ..settings()
    };
    let mut pair = Pair::new(&settings, &settings).with_split(&Split::Random(Dice::new(3), 70_000));
    let file = Dice::new(4).octets(5_000_000);
    pair.initiator
        .monitor
        .offer(sfid("BIG", 5_000_000), file.clone());
    pair.responder
        .monitor
        .offer(sfid("BACK", 5_000_000), file.clone());
    pair.run();
    pair.assert_clean();
    assert!(
        pair.responder.monitor.inbox[0].1 == file,
        "the content differs"
    );
    assert!(
        pair.initiator.monitor.inbox[0].1 == file,
        "the content differs on the way back"
    );
}

/// A call with nothing to say ends in good order: RFC 5024 section 4.6.
#[test]
fn an_empty_session_is_released_by_the_responder() {
    let mut pair = Pair::new(&settings(), &settings());
    pair.run();
    pair.assert_clean();
    assert!(pair.initiator.monitor.released);
    assert_eq!(
        pair.initiator
            .monitor
            .partner
            .as_ref()
            .unwrap()
            .code
            .to_string(),
        rig::script::THEIRS
    );
    assert_eq!(
        pair.responder
            .monitor
            .partner
            .as_ref()
            .unwrap()
            .code
            .to_string(),
        rig::script::OURS
    );
}
