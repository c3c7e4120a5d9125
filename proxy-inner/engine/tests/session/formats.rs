//! Formats F, V, U and T: what travels as records and what as one stream, what their ends must say,
//! and what no session takes (RFC 5024 sections 1.5.3, 5.3.3, 5.3.8 and 7).

use engine::{
    Deviation, Durable, Event, Position, RECEIVE_CEILING, Received, Request, RequestError, Session,
    Settings,
};
use oftp::{Command, Deviations, Efid, FileReason, Format, Level, Packed, Security, Sfid};

use rig::pair::{Dice, Pair, Split};
use rig::script::{
    NOW, ask, databuf, feed, listener, news, receiving, receiving_of, said, sending_of, settings,
    sfid, sfid_of, speaker,
};

use crate::samples::{KINDS, LEVELS, Sample};

/// The DATA buffers of RFC 2204, appendix A: format V, buffer compression, an empty record, records
/// over two buffers.
const RFC_2204_APPENDIX_A: [&str; 3] = [
    "bc2249742773206120536e61726b2122207761732074686520736f756e6420746861742066697273742063616d6520\
     746f20746865697220656172732c4520a6416e64207365656d656420616c6d6f737420746f6f20676f6f6420746f20\
     626520747275652e185468656e20666f6c6c6f776564206120746f7272656e7420",
    "976f66206c6175676874657220616e64206368656572733a4520a45468656e20746865206f6d696e6f757320776f72\
     6473202249742773206120426f6f2d2280b25468656e2c2073696c656e63652e2020536f6d652066616e6369656420\
     7468657920686561726420696e2074686520616972",
    "45209a4120776561727920616e642077616e646572696e672073696768b05468656e20736f756e646564206c696b65\
     20222d6a756d21222062757420746865206f7468657273206465636c61726545 20a2497420776173206f6e6c792061\
     20627265657a6520746861742077656e742062792e",
];

fn small() -> Settings {
    Settings {
        buffer: 128,
        credit: 3,
        compression: false,
        restart: true,
        ..settings()
    }
}

fn at(level: Level, settings: Settings) -> Settings {
    Settings {
        level,
        lowest_level: Level::L1,
        ..settings
    }
}

fn octets_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn efid(records: u64, octets: u64) -> Command<'static> {
    Command::Efid(Efid { records, octets })
}

fn dropped(session: &mut Session) -> FileReason {
    let dropped = news(session).into_iter().find_map(|event| match event {
        Event::FileDropped { reason, .. } => Some(reason),
        _ => None,
    });
    dropped.expect("the file is dropped")
}

fn received(session: &mut Session) -> Received {
    let mut received = Received::default();
    session.take_received(&mut received, NOW);
    received
}

/// both ways, at every level, compressed or not, at every split.
#[test]
fn files_of_every_format_cross_both_ways_at_every_level() {
    for level in LEVELS {
        for compression in [false, true] {
            for split in [
                Split::All,
                Split::Fixed(1),
                Split::Random(Dice::new(7), 300),
            ] {
                let ours = Settings {
                    compression,
                    ..at(level, small())
                };
                let mut pair = Pair::new(&ours, &ours).with_split(&split);
                let mut dice = Dice::new(3);
                let mut samples = Vec::new();
                for (number, kind) in KINDS.into_iter().enumerate() {
                    for size in [0, 1, 63, 125, 126, 700] {
                        if kind.exists_at(level) {
                            let name = format!("A{number}.{size}");
                            samples.push(Sample::new(kind, &name, size, &mut dice));
                        }
                    }
                }
                for sample in &samples {
                    sample.offer(&mut pair.initiator.monitor);
                    sample.offer(&mut pair.responder.monitor);
                }
                pair.run();
                pair.assert_clean();
                for side in [&pair.initiator, &pair.responder] {
                    assert_eq!(side.monitor.deviations, []);
                    assert_eq!(side.monitor.inbox.len(), samples.len());
                    for (place, sample) in samples.iter().enumerate() {
                        sample.assert_at(&side.monitor, place);
                    }
                    let agreed = side.session.agreement().map(|agreed| agreed.level);
                    assert_eq!(agreed, Some(level));
                }
            }
        }
    }
}

/// one octet more or less around subrecords and buffers, records of all kinds
/// in every piece the driver may choose.
#[test]
fn records_of_every_critical_length_cross_in_pieces_of_any_size() {
    let lengths = [
        0, 1, 62, 63, 64, 0, 0, 123, 124, 125, 126, 127, 250, 251, 1_000, 0,
    ];
    let mut ends = Vec::new();
    let mut end = 0;
    for length in lengths {
        end += length;
        ends.push(end);
    }
    let octets = Dice::new(8).octets(end);
    for credit in [1, 2, 999] {
        for piece in [1, 2, 63, 124, 125, 126, 1_000, usize::MAX] {
            let ours = Settings { credit, ..small() };
            let mut pair = Pair::new(&ours, &ours);
            pair.initiator.monitor.piece = piece;
            let offer = sfid_of(Format::Variable, "V", 1_000);
            let monitor = &mut pair.initiator.monitor;
            monitor.offer_records(offer, octets.clone(), ends.clone());
            pair.run();
            pair.assert_clean();
            let monitor = &pair.responder.monitor;
            assert_eq!(monitor.inbox[0].1, octets, "pieces of {piece}");
            assert_eq!(monitor.inbox_ends[0], ends, "pieces of {piece}");
        }
    }
}

/// the example of RFC 2204, as octets on the wire.
#[test]
fn the_example_of_rfc_2204_has_nine_records() {
    let ours = Settings {
        buffer: 128,
        ..settings()
    };
    let mut session = receiving_of(
        &ours,
        sfid_of(Format::Variable, "SNARK", 80),
        Position::START,
    );
    for buffer in RFC_2204_APPENDIX_A {
        feed(&mut session, &Command::Data(&octets_of(buffer)));
    }
    let file = received(&mut session);
    let mut from = 0;
    let mut lengths = Vec::new();
    for end in &file.record_ends {
        lengths.push(end - from);
        from = *end;
    }
    assert_eq!(lengths, [60, 43, 47, 41, 0, 50, 31, 48, 39]);
    assert!(file.octets.starts_with(b"\"It's a Snark!\" was the sound"));
    assert!(
        file.octets
            .ends_with(b"     It was only a breeze that went by.")
    );
    feed(&mut session, &efid(9, 359));
    let closed = Event::CloseFile {
        records: 9,
        octets: 359,
    };
    assert_eq!(news(&mut session).last(), Some(&closed));
}

/// an empty file of records is no DATA at all, an empty stream is one.
#[test]
fn an_empty_file_of_records_is_sent_without_data() {
    for (format, data) in [
        (Format::Fixed, 0),
        (Format::Variable, 0),
        (Format::Unstructured, 1),
        (Format::Text, 1),
    ] {
        let mut pair = Pair::new(&settings(), &settings());
        let length = if format.has_records() { 80 } else { 0 };
        let monitor = &mut pair.initiator.monitor;
        monitor.offer(sfid_of(format, "EMPTY", length), Vec::new());
        pair.run();
        pair.assert_clean();
        assert_eq!(pair.responder.session.stats().data_received, data);
        assert_eq!(pair.responder.monitor.deviations, []);
        assert_eq!(pair.responder.monitor.inbox_counts, [(0, 0)]);
    }
}

/// the flags and counts of a file of records, one buffer after another.
#[test]
fn each_record_ends_with_its_flag_and_the_counts_are_exact() {
    let mut session = sending_of(&small(), sfid_of(Format::Variable, "V", 70), 0);
    let octets = [b'x'; 73];
    let taken = session.send_records(&octets, &[2, 2, 72], NOW).unwrap();
    assert_eq!((taken.octets, taken.records), (73, 3));
    let wire = session.transmit().to_vec();
    let mut expected = vec![b'D', 0x82, b'x', b'x', 0x80, 0x3F];
    expected.extend([b'x'; 63]);
    expected.push(0x87);
    expected.extend([b'x'; 7]);
    expected.extend([0x01, b'x']);
    assert_eq!(wire[4..], expected);
    assert!(!session.can_close_file(), "a record is open");
    let too_early = Request::CloseFile {
        records: 3,
        octets: 73,
    };
    assert_eq!(
        session.request(too_early, NOW),
        Err(RequestError::EndNotSent)
    );
    let taken = session.send_records(b"", &[0], NOW).unwrap();
    assert_eq!((taken.octets, taken.records), (0, 1));
    assert!(session.can_close_file());
    for (records, octets) in [(3, 73), (5, 73), (4, 72), (4, 74), (0, 73)] {
        let wrong = Request::CloseFile { records, octets };
        let refused = session.request(wrong, NOW);
        assert!(matches!(refused, Err(RequestError::Count { .. })));
    }
    ask(
        &mut session,
        Request::CloseFile {
            records: 4,
            octets: 73,
        },
    );
    assert_eq!(said(&mut session), ["DATA", "DATA", "EFID"]);
}

/// nothing goes out that the offer did not announce.
#[test]
fn records_of_another_length_than_announced_are_not_sent() {
    type Records = (Format, &'static [usize], usize, u64, u64);
    let cases: [Records; 6] = [
        (Format::Fixed, &[4, 7], 7, 2, 3),
        (Format::Fixed, &[4, 9], 9, 2, 5),
        (Format::Fixed, &[0], 0, 1, 0),
        (Format::Fixed, &[4], 9, 2, 5),
        (Format::Variable, &[4, 9], 9, 2, 5),
        (Format::Variable, &[4, 4], 9, 3, 5),
    ];
    for (format, ends, octets, record, length) in cases {
        let mut session = sending_of(&small(), sfid_of(format, "FILE", 4), 0);
        let refused = session.send_records(&vec![0; octets], ends, NOW);
        let expected = RequestError::RecordLength {
            record,
            length,
            announced: 4,
        };
        assert_eq!(refused, Err(expected), "{format} {ends:?}");
        assert!(session.transmit().is_empty());
        session.send_records(&[0; 6], &[4], NOW).unwrap();
        session.send_records(&[0; 3], &[3], NOW).unwrap_err();
        session.send_records(&[0; 2], &[2], NOW).unwrap();
        let close = Request::CloseFile {
            records: 2,
            octets: 8,
        };
        ask(&mut session, close);
    }
}

#[test]
fn ends_of_records_that_make_no_sense_are_refused() {
    for (ends, end, from) in [(vec![3, 2], 2, 3), (vec![6], 6, 0), (vec![1, 6], 6, 1)] {
        let mut session = sending_of(&small(), sfid_of(Format::Variable, "V", 80), 0);
        let expected = RequestError::RecordEnds {
            end,
            from,
            octets: 5,
        };
        assert_eq!(session.send_records(b"abcde", &ends, NOW), Err(expected));
        assert!(session.transmit().is_empty());
    }
}

#[test]
fn octets_of_the_wrong_kind_of_file_are_refused() {
    let mut stream = sending_of(&small(), sfid("U", 0), 0);
    assert_eq!(
        stream.send_records(b"abc", &[3], NOW),
        Err(RequestError::HasNoRecords)
    );
    let mut records = sending_of(&small(), sfid_of(Format::Fixed, "F", 3), 0);
    assert_eq!(
        records.send_data(b"abc", true, NOW),
        Err(RequestError::HasRecords)
    );
    assert!(stream.transmit().is_empty() && records.transmit().is_empty());
}

/// SFIDLRECL.
#[test]
fn record_lengths_that_a_format_cannot_have_are_neither_offered_nor_taken() {
    for (format, length) in [
        (Format::Fixed, 0),
        (Format::Unstructured, 80),
        (Format::Text, 1),
    ] {
        let mut session = speaker(&settings());
        let refused = session.request(Request::StartFile(sfid_of(format, "FILE", length)), NOW);
        let expected = RequestError::UnusableRecordLength { format, length };
        assert_eq!(refused, Err(expected));
        assert!(session.transmit().is_empty());
    }
    let mut session = listener(&settings());
    feed(
        &mut session,
        &Command::Sfid(sfid_of(Format::Fixed, "FILE", 0)),
    );
    assert_eq!(said(&mut session), ["SFNA"]);
    assert_eq!(
        dropped(&mut session),
        FileReason::RECORD_LENGTH_NOT_SUPPORTED
    );
    assert_eq!(session.state_name(), "IDLELI");
}

/// the file is read to its end, with credit, and refused there; the next one is taken.
#[test]
fn records_of_another_length_than_announced_are_refused_at_the_end_with_reason_05() {
    let long = [databuf(&[b'x'; 5], false), databuf(&[b'x'; 5], true)];
    type Buffers = Vec<Vec<u8>>;
    let cases: [(Format, u32, Buffers); 5] = [
        (Format::Fixed, 4, vec![databuf(b"abc", true)]),
        (Format::Fixed, 4, vec![databuf(b"abcde", true)]),
        (Format::Fixed, 4, vec![vec![0x80]]),
        (Format::Variable, 4, vec![databuf(b"abcde", true)]),
        (Format::Variable, 9, long.to_vec()),
    ];
    for (format, length, buffers) in cases {
        let mut session = receiving_of(&small(), sfid_of(format, "FILE", length), Position::START);
        for buffer in &buffers {
            feed(&mut session, &Command::Data(buffer));
        }
        for _ in buffers.len()..3 {
            feed(&mut session, &Command::Data(&[]));
        }
        assert_eq!(said(&mut session), ["CDT"]);
        feed(&mut session, &efid(1, 5));
        assert_eq!(said(&mut session), ["EFNA"]);
        assert!(received(&mut session).is_empty(), "what came is forgotten");
        assert_eq!(
            dropped(&mut session),
            FileReason::RECORD_LENGTH_NOT_SUPPORTED
        );
        feed(
            &mut session,
            &Command::Sfid(sfid_of(format, "NEXT", length)),
        );
        assert_eq!(session.state_name(), "OPIP");
    }
}

/// the counts of a file of records, and its last end.
#[test]
fn wrong_counts_of_a_file_of_records_are_refused_with_10_and_11() {
    let cases = [
        (true, 1, 3, None),
        (true, 2, 3, Some(FileReason::INVALID_RECORD_COUNT)),
        (true, 0, 3, Some(FileReason::INVALID_RECORD_COUNT)),
        (true, 1, 4, Some(FileReason::INVALID_BYTE_COUNT)),
        (true, 1, 0, Some(FileReason::INVALID_BYTE_COUNT)),
        (false, 0, 3, Some(FileReason::INVALID_RECORD_COUNT)),
        (false, 1, 3, Some(FileReason::INVALID_RECORD_COUNT)),
    ];
    for format in [Format::Fixed, Format::Variable] {
        for (ended, records, octets, refused) in cases {
            let mut session = receiving_of(&small(), sfid_of(format, "FILE", 3), Position::START);
            feed(&mut session, &Command::Data(&databuf(b"abc", ended)));
            feed(&mut session, &efid(records, octets));
            match refused {
                None => assert!(said(&mut session).is_empty()),
                Some(reason) => {
                    assert_eq!(said(&mut session), ["EFNA"]);
                    assert_eq!(dropped(&mut session), reason);
                    assert!(received(&mut session).is_empty(), "what came is forgotten");
                }
            }
        }
    }
}

/// a stream has no records. Partners that count all the same are tolerated by name.
#[test]
fn a_record_count_of_a_stream_is_named_or_refused() {
    for strict in [false, true] {
        let mut ours = settings();
        if strict {
            ours.refused.insert(Deviation::StreamWithRecordCount);
        }
        let mut session = receiving(&ours);
        feed(&mut session, &Command::Data(&databuf(b"abc", true)));
        feed(&mut session, &efid(1, 3));
        if strict {
            assert_eq!(said(&mut session), ["EFNA"]);
            assert_eq!(dropped(&mut session), FileReason::INVALID_RECORD_COUNT);
        } else {
            let deviation = Event::Deviation(Deviation::StreamWithRecordCount);
            assert!(news(&mut session).contains(&deviation));
            assert_eq!(session.state_name(), "CLIP");
        }
    }
}

/// a secured file of format V is a stream; it may name the original's records.
#[test]
fn a_secured_file_of_records_is_a_stream_and_may_name_the_count_of_the_original() {
    let secured = |change: fn(&mut Sfid)| {
        let mut file = sfid_of(Format::Variable, "FILE", 80);
        change(&mut file);
        file
    };
    let files = [
        secured(|file| file.envelope = true),
        secured(|file| file.compression = true),
        secured(|file| file.security = Security::Encrypted),
    ];
    for file in files {
        let ours = Settings {
            refused: Deviations::all(),
            ..settings()
        };
        let mut session = receiving_of(&ours, file.clone(), Position::START);
        feed(&mut session, &Command::Data(&databuf(&[7; 200], true)));
        assert!(received(&mut session).record_ends.is_empty());
        feed(&mut session, &efid(12, 200));
        let closed = Event::CloseFile {
            records: 12,
            octets: 200,
        };
        assert_eq!(news(&mut session).last(), Some(&closed));
        let answer = Request::CloseFileResponse(Ok((Durable::synced(200), false)));
        ask(&mut session, answer);

        let mut session = sending_of(&settings(), file, 0);
        assert_eq!(session.send_data(&[7; 200], true, NOW), Ok(200));
        let counted = Request::CloseFile {
            records: 12,
            octets: 200,
        };
        session.request(counted, NOW).unwrap_err();
        let close = Request::CloseFile {
            records: 0,
            octets: 200,
        };
        ask(&mut session, close);
    }
}

/// what a level has no field for is not sent, and nothing else either.
#[test]
fn a_file_that_the_level_cannot_carry_is_not_offered() {
    for level in [Level::L1, Level::L2, Level::L4] {
        let ours = at(level, small());
        let changes: [fn(&mut Sfid); 4] = [
            |file| file.envelope = true,
            |file| file.compression = true,
            |file| file.security = Security::Signed,
            |file| file.signed_receipt = true,
        ];
        for change in changes {
            let mut file = sfid("FILE", 0);
            change(&mut file);
            let mut session = speaker(&ours);
            let refused = session.request(Request::StartFile(file), NOW);
            assert_eq!(refused, Err(RequestError::NoFileServices { level }));
            assert!(session.transmit().is_empty());
        }
        let mut session = speaker(&ours);
        type Number = (&'static str, u64, fn(&mut Sfid, u64));
        let numbers: [Number; 2] = [
            ("SFIDFSIZ", 10_000_000, |file, value| {
                file.size_blocks = value
            }),
            ("SFIDREST", 1_000_000_000, |file, value| {
                *file = sfid_of(Format::Variable, "V", 80);
                file.restart = value;
            }),
        ];
        for (field, value, set) in numbers {
            let mut file = sfid("FILE", 0);
            set(&mut file, value);
            let expected = RequestError::TooLargeForLevel {
                field,
                value,
                level,
            };
            let refused = session.request(Request::StartFile(file), NOW);
            assert_eq!(refused, Err(expected));
            assert!(session.transmit().is_empty());
            let mut file = sfid("FILE", 0);
            set(&mut file, value - 1);
            ask(&mut speaker(&ours), Request::StartFile(file));
        }
        assert_eq!(session.state_name(), "IDLESP");
    }
}

/// nor does a file grow beyond what EFID can say.
#[test]
fn a_file_that_outgrows_the_counts_of_its_level_is_stopped() {
    for level in [Level::L2, Level::L4] {
        // The last whole block before 10^12 octets.
        let blocks = 999_999_999_999 / 1024;
        let offer = Sfid {
            restart: blocks,
            ..sfid("FILE", 0)
        };
        let mut session = sending_of(&at(level, small()), offer, blocks);
        let left = usize::try_from(999_999_999_999 - blocks * 1024).unwrap();
        let refused = session.send_data(&vec![1; left + 1], true, NOW);
        let expected = RequestError::TooLargeForLevel {
            field: "EFIDUCNT",
            value: 1_000_000_000_000,
            level,
        };
        assert_eq!(refused, Err(expected));
        assert!(session.transmit().is_empty());
        let most_records = Sfid {
            restart: 999_999_999,
            ..sfid_of(Format::Variable, "V", 80)
        };
        let mut session = sending_of(&at(level, small()), most_records, 999_999_998);
        let one = session.send_records(b"", &[0], NOW).unwrap();
        assert_eq!(one.records, 1);
        let refused = session.send_records(b"", &[0], NOW);
        let expected = RequestError::TooLargeForLevel {
            field: "EFIDRCNT",
            value: 1_000_000_000,
            level,
        };
        assert_eq!(refused, Err(expected));
    }
}

/// what credit allows, and not one buffer more; the rest is offered again.
#[test]
fn records_are_taken_as_far_as_credit_goes() {
    let mut session = sending_of(&small(), sfid_of(Format::Fixed, "F", 50), 0);
    let octets = Dice::new(4).octets(1_000);
    let ends: Vec<usize> = (1..=20).map(|record| record * 50).collect();
    let taken = session.send_records(&octets, &ends, NOW).unwrap();
    assert_eq!(said(&mut session), ["DATA"; 3]);
    assert_eq!(session.state_name(), "OPOWFC");
    assert!(taken.octets < 1_000 && taken.records == taken.octets / 50);
    let nothing = Packed {
        octets: 0,
        records: 0,
    };
    let rest: Vec<_> = ends[taken.records..]
        .iter()
        .map(|end| end - taken.octets)
        .collect();
    let again = session.send_records(&octets[taken.octets..], &rest, NOW);
    assert_eq!(again, Ok(nothing));
    feed(&mut session, &Command::Cdt);
    assert_eq!(news(&mut session), [Event::DataConfirm]);
    let more = session.send_records(&octets[taken.octets..], &rest, NOW);
    assert!(more.unwrap().octets > 0);
}

/// A file of empty records has no octets and must not fill the memory: its ends count too.
#[test]
fn empty_records_count_against_the_ceiling() {
    let ours = Settings {
        buffer: 32_768,
        credit: 999,
        ..settings()
    };
    let mut session = receiving_of(&ours, sfid_of(Format::Variable, "V", 0), Position::START);
    let one = rig::script::frame(&Command::Data(&vec![0x80; 20_000]));
    let input = one.repeat(20);
    let mut used = session.receive(&input, NOW);
    assert!(used < input.len(), "the engine takes all of it");
    assert_eq!(news(&mut session), [Event::DataReceived]);
    let mut taken = Received::default();
    let mut records = 0;
    let mut most = 0;
    while used < input.len() {
        session.take_received(&mut taken, NOW);
        records += taken.record_ends.len();
        most = most.max(taken.held());
        used += session.receive(&input[used..], NOW);
    }
    session.take_received(&mut taken, NOW);
    assert_eq!(records + taken.record_ends.len(), 20 * 20_000);
    assert!(most < RECEIVE_CEILING + 20_000 * size_of::<usize>());
    assert!(taken.octets.is_empty());
}

/// The proof is asked for only when the ends of records were taken too.
#[test]
fn a_file_of_empty_records_is_taken_before_it_is_acknowledged() {
    let mut session = receiving_of(
        &small(),
        sfid_of(Format::Variable, "V", 80),
        Position::START,
    );
    feed(&mut session, &Command::Data(&[0x80, 0x80]));
    feed(&mut session, &efid(2, 0));
    assert!(news(&mut session).contains(&Event::DataReceived));
    let answer = || Request::CloseFileResponse(Ok((Durable::synced(0), false)));
    let refused = session.request(answer(), NOW);
    assert!(matches!(refused, Err(RequestError::DataWaiting { .. })));
    assert_eq!(received(&mut session).record_ends, [0, 0]);
    ask(&mut session, answer());
    assert_eq!(said(&mut session), ["EFPA(N)"]);
}

/// a T file is one record; CR LF is content.
#[test]
fn a_text_file_keeps_its_line_ends_and_has_no_records() {
    let text = b"first line\r\nsecond\r\n".to_vec();
    let mut pair = Pair::new(&settings(), &settings());
    let monitor = &mut pair.initiator.monitor;
    monitor.offer(sfid_of(Format::Text, "T", 0), text.clone());
    pair.run();
    pair.assert_clean();
    assert_eq!(pair.responder.monitor.inbox[0].1, text);
    assert_eq!(pair.responder.monitor.inbox_counts, [(0, 20)]);
}
