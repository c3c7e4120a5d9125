//! RFC 5024 section 7: what DATA buffers hold, octet for octet, in both directions.

use engine::{Event, Position, Request, Settings};
use oftp::{Format, Sfid};
use rig::script::sfid;
use rig::stage::{Stage, terms};
use rig::wire::{Offer, Wire, efid, octets, sfpa, text};

use crate::LEVELS;

fn plain(level: u8) -> Settings {
    Settings {
        compression: false,
        ..terms(level)
    }
}

fn sending(settings: &Settings, level: u8, file: Sfid) -> Wire {
    let mut wire = Stage::Speaker.wire(settings, level);
    wire.ask(Request::StartFile(file));
    wire.hears(&sfpa(level, 0));
    wire.quiet();
    wire
}

fn of_format(format: Format, record_length: u32) -> Sfid {
    Sfid {
        format,
        record_length,
        ..sfid("FILE", 200)
    }
}

/// a U file of 130 octets is three literal subrecords, the
/// flag on the last; an empty one is the flag alone. Nothing is put into the file.
#[test]
fn a_stream_is_literal_subrecords_with_the_flag_on_the_last() {
    for level in LEVELS {
        let file: Vec<u8> = (0..130).collect();
        let mut wire = sending(&plain(level), level, sfid("FILE", 130));
        let now = wire.now;
        wire.session.send_data(&file, true, now).unwrap();
        let expected = [
            b"D\x3F",
            &file[..63],
            b"\x3F",
            &file[63..126],
            b"\x84",
            &file[126..],
        ];
        assert_eq!(wire.oebs(), [expected.concat()]);

        let mut wire = sending(&plain(level), level, sfid("EMPTY", 0));
        wire.session.send_data(b"", true, now).unwrap();
        assert_eq!(wire.says(), ["D<80>"]);
    }
}

/// with compression agreed, runs become one octet and a count of at most 63.
#[test]
fn runs_are_compressed_where_both_sides_agreed() {
    for level in LEVELS {
        let mut file = b"ab".to_vec();
        file.extend([b' '; 70]);
        file.extend(b"cd");
        let mut wire = sending(&terms(level), level, sfid("FILE", 74));
        let now = wire.now;
        wire.session.send_data(&file, true, now).unwrap();
        assert_eq!(wire.says(), ["D<02>ab<7F>·G·<82>cd"]);
    }
}

/// V records one after another in a buffer, each with its flag, an
/// empty one among them, and nothing before any of them.
#[test]
fn records_follow_each_other_and_end_with_their_flag() {
    for level in LEVELS {
        let mut wire = sending(&plain(level), level, of_format(Format::Variable, 80));
        let now = wire.now;
        let packed = wire
            .session
            .send_records(b"abcde", &[3, 3, 5], now)
            .unwrap();
        assert_eq!((packed.octets, packed.records), (5, 3));
        let said = wire.says().concat();
        wire.ask(Request::CloseFile {
            records: 3,
            octets: 5,
        });
        let rest = wire.oebs();
        let (end, data) = rest.split_last().unwrap();
        let data: String = data.iter().map(|oeb| text(oeb)).collect();
        assert_eq!(said + &data, "D<83>abc<80><82>de");
        assert_eq!(*end, efid(level, 3, 5));
    }
}

/// a buffer of the least size is filled without splitting a subrecord.
#[test]
fn the_smallest_buffers_are_filled_by_whole_subrecords() {
    let settings = Settings {
        buffer: 128,
        credit: 999,
        ..plain(5)
    };
    let mut wire = sending(&settings, 5, sfid("FILE", 1000));
    let now = wire.now;
    // Our partner grants no more than eight.
    wire.session.send_data(&[b'x'; 1000], false, now).unwrap();
    let said = wire.oebs();
    assert!(!said.is_empty());
    for oeb in said {
        assert!(oeb.len() <= 128);
        let mut rest = &oeb[1..];
        while let Some((header, after)) = rest.split_first() {
            assert_eq!(header & 0xC0, 0, "neither compressed nor ended");
            rest = &after[usize::from(header & 0x3F)..];
        }
    }
}

fn receiving(settings: &Settings, level: u8, format: char, record_length: &'static str) -> Wire {
    let mut wire = Stage::Listener.wire(settings, level);
    let mut offer = Offer::at(level);
    (offer.format, offer.record_length) = (format, record_length);
    wire.hears(&offer.sfid());
    wire.ask(Request::StartFileResponse(Ok(Position::START)));
    wire.quiet();
    wire
}

/// a stream in every form that says the same file.
#[test]
fn a_stream_may_come_in_any_subrecords() {
    let forms: [&[&str]; 6] = [
        &["D<86>aaaabc"],
        &["D<44>a<82>bc"],
        &["D<04>aaaa", "D<00><82>bc<00>"],
        &["D<01>a<01>a<01>a<01>a<01>b<81>c"],
        &["D", "D<00>", "D<42>a<42>a<02>bc", "D<80>"],
        &["D<C4>a", ""],
    ];
    for level in LEVELS {
        for form in forms {
            let whole = form.last() != Some(&"");
            let mut wire = receiving(&terms(level), level, 'U', "00000");
            for oeb in form.iter().filter(|oeb| !oeb.is_empty()) {
                wire.hears(&octets(oeb));
            }
            let file: &[u8] = if whole { b"aaaabc" } else { b"aaaa" };
            let received = wire.received();
            assert_eq!(received.octets, file, "{form:?}");
            assert!(received.record_ends.is_empty());
            wire.hears(&efid(level, 0, file.len() as u64));
            let news = wire.news();
            let closed = news
                .iter()
                .any(|event| matches!(event, Event::CloseFile { records: 0, .. }));
            assert!(closed, "{form:?}: {news:?}");
        }
    }
}

/// records in one buffer, over several, and empty ones.
#[test]
fn records_may_come_in_any_subrecords() {
    let forms: [&[&str]; 3] = [
        &["D<83>abc<80><82>de"],
        &["D<01>a", "D<01>b<81>c", "D<80>", "D<02>de<80>"],
        &["D<03>abc<80><80><02>de", "D<00>", "D<80>"],
    ];
    for level in LEVELS {
        for form in forms {
            let mut wire = receiving(&terms(level), level, 'V', "00080");
            for oeb in form {
                wire.hears(&octets(oeb));
            }
            let received = wire.received();
            assert_eq!(received.octets, b"abcde");
            assert_eq!(received.record_ends, [3, 3, 5], "{form:?}");
            wire.hears(&efid(level, 3, 5));
            let news = wire.news();
            let closed = news.iter().any(|event| {
                matches!(
                    event,
                    Event::CloseFile {
                        records: 3,
                        octets: 5
                    }
                )
            });
            assert!(closed, "{form:?}: {news:?}");
        }
    }
}

/// a file with services is one stream whatever its format, and ends once.
#[test]
fn a_file_in_an_envelope_is_one_stream_whatever_its_format() {
    for (format, length) in [
        ('F', "00003"),
        ('V', "00080"),
        ('U', "00000"),
        ('T', "00000"),
    ] {
        let mut wire = Stage::Listener.wire(&terms(5), 5);
        let mut offer = Offer::at(5);
        (offer.format, offer.record_length) = (format, length);
        offer.services = "030211N";
        wire.hears(&offer.sfid());
        wire.ask(Request::StartFileResponse(Ok(Position::START)));
        wire.quiet();
        wire.hears_text("D<05>abcde");
        wire.hears_text("D<81>f");
        let received = wire.received();
        assert_eq!(
            (received.octets.as_slice(), received.record_ends.len()),
            (&b"abcdef"[..], 0)
        );
        wire.hears(&efid(5, 0, 6));
        let news = wire.news();
        let closed = news.iter().any(|event| {
            matches!(
                event,
                Event::CloseFile {
                    records: 0,
                    octets: 6
                }
            )
        });
        assert!(closed, "{format}: {news:?}");

        let mut wire = sending(
            &plain(5),
            5,
            Sfid {
                security: oftp::Security::EncryptedAndSigned,
                cipher: 2,
                envelope: true,
                ..of_format(
                    match format {
                        'F' => Format::Fixed,
                        'V' => Format::Variable,
                        'U' => Format::Unstructured,
                        _ => Format::Text,
                    },
                    length.parse().unwrap(),
                )
            },
        );
        let now = wire.now;
        wire.session.send_data(b"abcdef", true, now).unwrap();
        assert_eq!(wire.says(), ["D<86>abcdef"]);
    }
}
