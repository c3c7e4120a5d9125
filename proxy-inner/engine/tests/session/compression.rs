//! Buffer compression (RFC 5024 section 7.2): sent where it was agreed and where it helps, taken
//! where it was agreed.

use engine::{Origin, Position, Received, Request, Settings};
use oftp::{Command, Efid, EndReason, Format};

use rig::pair::{Dice, Pair};
use rig::script::{
    NOW, abort_of, ask, feed, news, receiving, receiving_of, said, sending_of, settings, sfid,
    sfid_of,
};

fn with_compression(ours: bool, theirs: bool) -> Pair {
    let side = |compression| Settings {
        buffer: 128,
        compression,
        ..settings()
    };
    Pair::new(&side(ours), &side(theirs))
}

/// one side's N is enough.
#[test]
fn compressed_subrecords_are_sent_only_where_both_sides_announced_them() {
    for (ours, theirs) in [(false, false), (false, true), (true, false), (true, true)] {
        for format in [Format::Unstructured, Format::Fixed] {
            let mut pair = with_compression(ours, theirs);
            let length = if format == Format::Fixed { 50 } else { 0 };
            let ends = if length > 0 {
                (1..=100).map(|record| record * 50).collect()
            } else {
                Vec::new()
            };
            let offer = sfid_of(format, "RUNS", length);
            let monitor = &mut pair.initiator.monitor;
            monitor.offer_records(offer, vec![b' '; 5_000], ends.clone());
            pair.run();
            pair.assert_clean();
            assert_eq!(pair.responder.monitor.inbox[0].1, vec![b' '; 5_000]);
            assert_eq!(pair.responder.monitor.inbox_ends[0], ends);
            let data = pair.initiator.session.stats().data_sent;
            assert_eq!(data < 5, ours && theirs, "{data} buffers of {format}");
        }
    }
}

/// Noise goes out as if compression had not been agreed: never longer.
#[test]
fn octets_without_runs_cost_nothing_more() {
    let file = Dice::new(5).octets(20_000);
    let ends: Vec<usize> = (1..=400).map(|record| record * 50).collect();
    for format in [Format::Unstructured, Format::Fixed] {
        let mut sent = Vec::new();
        for compression in [false, true] {
            let mut pair = with_compression(compression, compression);
            let length = if format == Format::Fixed { 50 } else { 0 };
            let ends = if length > 0 { ends.clone() } else { Vec::new() };
            let offer = sfid_of(format, "NOISE", length);
            let monitor = &mut pair.initiator.monitor;
            monitor.offer_records(offer, file.clone(), ends);
            pair.run();
            pair.assert_clean();
            assert_eq!(pair.responder.monitor.inbox[0].1, file);
            sent.push(pair.initiator.sent);
        }
        assert!(sent[1] <= sent[0], "{sent:?} octets of {format}");
    }
}

/// counts are of the file, not of what compression made of it.
#[test]
fn counts_are_of_the_octets_before_compression() {
    let mut session = sending_of(&settings(), sfid("RUNS", 0), 0);
    assert_eq!(session.send_data(&[0; 100_000], true, NOW), Ok(100_000));
    assert!(session.transmit().len() < 5_000);
    ask(
        &mut session,
        Request::CloseFile {
            records: 0,
            octets: 100_000,
        },
    );
    assert_eq!(session.stats().octets_sent, 100_000);
}

/// A tail that compresses well fills no buffer, and waits for what follows it.
#[test]
fn a_tail_of_runs_waits_for_what_follows() {
    let ours = Settings {
        buffer: 128,
        credit: 999,
        ..settings()
    };
    let mut file = Dice::new(1).octets(126);
    file.extend([b'x'; 2_000]);
    let mut session = sending_of(&ours, sfid("FILE", 0), 0);
    let first = session.send_data(&file, false, NOW).unwrap();
    assert!(first < file.len());
    assert_eq!(said(&mut session), ["DATA"], "only what fills its buffer");
    let rest = file.len() - first;
    assert_eq!(session.send_data(&file[first..], false, NOW), Ok(rest));
    assert_eq!(said(&mut session), ["DATA"], "all there is");

    let mut session = sending_of(&ours, sfid_of(Format::Variable, "FILE", 2_000), 0);
    let ends = [126, file.len()];
    let first = session.send_records(&file, &ends, NOW).unwrap();
    assert!(first.octets < file.len());
    assert_eq!(said(&mut session), ["DATA"]);
}

/// what was not agreed ends the session; a run of no octets is nothing.
#[test]
fn compressed_subrecords_are_taken_only_where_they_were_agreed() {
    let buffer = [0x43, b'a', 0x40, b'?', 0x81, b'b'];
    let mut session = receiving(&settings());
    feed(&mut session, &Command::Data(&buffer));
    let mut received = Received::default();
    session.take_received(&mut received, NOW);
    assert_eq!(received.octets, b"aaab");
    feed(
        &mut session,
        &Command::Efid(Efid {
            records: 0,
            octets: 4,
        }),
    );
    assert_eq!(session.state_name(), "CLIP");
    let plain = Settings {
        compression: false,
        ..settings()
    };
    for format in [Format::Unstructured, Format::Variable] {
        let length = if format == Format::Variable { 80 } else { 0 };
        let mut session = receiving_of(&plain, sfid_of(format, "FILE", length), Position::START);
        feed(&mut session, &Command::Data(&buffer));
        let end = abort_of(&news(&mut session));
        assert_eq!(end, (Some(EndReason::INVALID_DATA), Origin::Local));
        assert_eq!(said(&mut session), ["ESID(06)"]);
    }
}

/// a subrecord that leaves its buffer, in every format.
#[test]
fn subrecords_that_overrun_their_buffer_end_the_session_with_07() {
    for format in [Format::Unstructured, Format::Variable] {
        for buffer in [&[5, b'a'][..], &[0x45][..]] {
            let length = if format == Format::Variable { 80 } else { 0 };
            let offer = sfid_of(format, "FILE", length);
            let mut session = receiving_of(&settings(), offer, Position::START);
            feed(&mut session, &Command::Data(buffer));
            assert_eq!(said(&mut session), ["ESID(07)"]);
        }
    }
}
