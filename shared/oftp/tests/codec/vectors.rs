//! The test vectors of the protocol, both ways: one example of every command, and the files of RFC 5024
//! appendix A (T) and RFC 2204 appendix A (V, compressed).
//!
//! The vectors are text, in `tests/vectors/`, with their meaning beside them; what a command must decode to
//! is written here.

use std::collections::BTreeSet;
use std::error::Error;

use oftp::{
    Aurp, Code, Command, DatasetName, Deviation, Eerp, Efid, Efna, Efpa, EndReason, ErrorKind,
    Esid, FileReason, Format, Level, Mode, Nerp, OdetteId, ReceiptReason, Security, Sfid, Sfna,
    Sfpa, Ssid, Ssrm, Stamp, Unpacker, UserField, Walker, frame, pack_records, pack_unstructured,
};

type Outcome = Result<(), Box<dyn Error>>;

const COMMANDS: &str = include_str!("vectors/commands.txt");
const TEXT_FILE: &str = include_str!("vectors/rfc5024-appendix-a.txt");
const RECORD_FILE: &str = include_str!("vectors/rfc2204-appendix-a.txt");

/// A paragraph of a vector file: its first line, and the lines indented under it.
struct Paragraph<'a> {
    title: &'a str,
    lines: Vec<&'a str>,
}

fn paragraphs(text: &str) -> Vec<Paragraph<'_>> {
    let mut found: Vec<Paragraph<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match (line.strip_prefix("  "), found.last_mut()) {
            (Some(inner), Some(paragraph)) => paragraph.lines.push(inner),
            (None, _) if !line.is_empty() => found.push(Paragraph {
                title: line,
                lines: Vec::new(),
            }),
            _ => {}
        }
    }
    found
}

impl<'a> Paragraph<'a> {
    fn field(&self, name: &str) -> Result<&'a str, Box<dyn Error>> {
        let value = self.lines.iter().find_map(|line| line.strip_prefix(name));
        let value = value.ok_or_else(|| format!("{}: no line {name:?}", self.title))?;
        Ok(value.trim_ascii())
    }

    fn levels(&self) -> Result<Vec<Level>, Box<dyn Error>> {
        let mut levels = Vec::new();
        for word in self.field("levels")?.split(' ') {
            levels.push(match word {
                "1" => Level::L1,
                "2" => Level::L2,
                "4" => Level::L4,
                "5" => Level::L5,
                _ => return Err(format!("{}: level {word:?}", self.title).into()),
            });
        }
        Ok(levels)
    }
}

/// Octets written so that they can be read: `·` is a space, `<hh>` an octet in hex.
fn octets(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (_, after) = rest.split_at(first.len_utf8());
        rest = after;
        match first {
            '·' => octets.push(b' '),
            '<' => {
                let (hex, after) = rest.split_once('>').ok_or("an open <")?;
                octets.push(u8::from_str_radix(hex, 16)?);
                rest = after;
            }
            plain => octets.push(u8::try_from(plain)?),
        }
    }
    Ok(octets)
}

fn hex(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let octets = text.split(' ').map(|octet| u8::from_str_radix(octet, 16));
    Ok(octets.collect::<Result<_, _>>()?)
}

/// A line `hh octets` of a data buffer: the subrecord header, and what follows it on the wire.
fn subrecord(line: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let (header, rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut subrecord = hex(header)?;
    subrecord.extend(octets(rest)?);
    Ok(subrecord)
}

fn databuf(lines: &[&str]) -> Result<Vec<u8>, Box<dyn Error>> {
    let subrecords: Result<Vec<_>, _> = lines.iter().map(|line| subrecord(line)).collect();
    Ok(subrecords?.concat())
}

/// Station A, which sends the file.
fn a() -> Result<OdetteId, Box<dyn Error>> {
    Ok("O0013TESTORGA      SUB1".parse()?)
}

/// Station B, which receives it.
fn b() -> Result<OdetteId, Box<dyn Error>> {
    Ok("O0013TESTORGB      SUB2".parse()?)
}

fn dataset() -> Result<DatasetName, Box<dyn Error>> {
    Ok("TEST.FILE".parse()?)
}

/// The file's date and time: with counter 0001, and without a counter as levels 1 and 2 bring it.
fn stamp(level: Level) -> Result<Stamp, Box<dyn Error>> {
    let counter = if level < Level::L4 { "0000" } else { "0001" };
    Ok(format!("20240131235959{counter}").parse()?)
}

/// What the vector of that name means at that level.
fn meaning(name: &str, level: Level) -> Result<Command<'static>, Box<dyn Error>> {
    Ok(match name {
        "ssrm" => Command::Ssrm(Ssrm),
        "ssid-5" | "ssid-2" => Command::Ssid(Ssid {
            level,
            code: a()?,
            password: "SECRET".parse()?,
            buffer: 4096,
            mode: Mode::Both,
            compression: true,
            restart: true,
            special_logic: false,
            credit: 64,
            authentication: false,
            user: UserField::default(),
        }),
        "sfid-5" | "sfid-4" | "sfid-1" => Command::Sfid(Sfid {
            dataset: dataset()?,
            stamp: stamp(level)?,
            user: UserField::default(),
            destination: b()?,
            origin: a()?,
            format: Format::Unstructured,
            record_length: 0,
            size_blocks: 9,
            original_blocks: 9,
            restart: 0,
            security: Security::None,
            cipher: 0,
            compression: false,
            envelope: false,
            signed_receipt: false,
            description: if level == Level::L5 { "Grüße" } else { "" }.to_owned(),
        }),
        "sfpa-5" => Command::Sfpa(Sfpa { answer: 0 }),
        "sfna-5" => Command::Sfna(Sfna {
            reason: FileReason::DUPLICATE,
            retry: false,
            text: String::new(),
        }),
        "cdt" => Command::Cdt,
        "efid-5" | "efid-1-4" => Command::Efid(Efid {
            records: 0,
            octets: 8546,
        }),
        "efpa" => Command::Efpa(Efpa {
            change_direction: true,
        }),
        "efna-5" => Command::Efna(Efna {
            reason: FileReason::INVALID_BYTE_COUNT,
            text: "short".to_owned(),
        }),
        "cd" => Command::Cd,
        "eerp-5" | "eerp-4" | "eerp-1" => Command::Eerp(Eerp {
            dataset: dataset()?,
            stamp: stamp(level)?,
            user: UserField::default(),
            destination: a()?,
            origin: b()?,
            hash: Vec::new(),
            signature: Vec::new(),
        }),
        "nerp-5" | "nerp-4" => Command::Nerp(Nerp {
            dataset: dataset()?,
            stamp: stamp(level)?,
            destination: a()?,
            origin: b()?,
            creator: b()?,
            reason: ReceiptReason::PROCESSING_FAILED,
            text: String::new(),
            hash: Vec::new(),
            signature: Vec::new(),
        }),
        "rtr" => Command::Rtr,
        "secd" => Command::Secd,
        "aurp" => Command::Aurp(Aurp {
            response: std::array::from_fn(|position| u8::try_from(position).unwrap_or_default()),
        }),
        "esid-5" | "esid-1-4" => Command::Esid(Esid {
            reason: EndReason::NORMAL,
            text: String::new(),
        }),
        "esid-5-reason" => Command::Esid(Esid {
            reason: EndReason::PROTOCOL_VIOLATION,
            text: "bad".to_owned(),
        }),
        _ => return Err(format!("no meaning is written for the vector {name}").into()),
    })
}

/// and the field tables of RFC 5024 §5.3.
#[test]
fn every_command_vector_decodes_and_encodes() -> Outcome {
    let (mut vectors, mut runs, mut codes) = (0, 0, BTreeSet::new());
    for vector in paragraphs(COMMANDS) {
        let name = vector.title;
        let header = hex(vector.field("header")?)?;
        let oeb = octets(vector.field("buffer")?)?;
        vectors += 1;
        for level in vector.levels()? {
            let command = meaning(name, level)?;
            assert_eq!(
                Command::decode(&oeb, level),
                Ok(command.clone()),
                "{name} at {level}"
            );
            let mut framed = b"before".to_vec();
            command.encode(level, &mut framed)?;
            let wanted = [b"before", header.as_slice(), oeb.as_slice()].concat();
            assert_eq!(framed, wanted, "{name} at {level}");
            codes.insert(command.code());
            runs += 1;
        }
    }
    // All but DATA, whose vectors are the two files, and AUCH, which has none.
    let missing: Vec<Code> = Code::ALL
        .into_iter()
        .filter(|code| !codes.contains(code))
        .collect();
    assert_eq!((vectors, runs), (25, 46));
    assert_eq!(missing, [Code::Auch, Code::Data]);
    Ok(())
}

#[test]
fn every_truncation_of_a_command_vector_is_a_length_error() -> Outcome {
    let mut refused = 0;
    for vector in paragraphs(COMMANDS) {
        let oeb = octets(vector.field("buffer")?)?;
        for level in vector.levels()? {
            for len in 0..oeb.len() {
                let (part, _) = oeb.split_at(len);
                let error = Command::decode(part, level).err();
                let error =
                    error.ok_or_else(|| format!("{}: {len} octets are taken", vector.title))?;
                assert!(
                    matches!(error.kind, ErrorKind::Length { found, .. } if found == len),
                    "{} at {level}, {len} octets: {error}",
                    vector.title
                );
                assert_eq!(error.end_reason(), EndReason::BUFFER_SIZE);
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 1661, "truncations tried");
    Ok(())
}

#[test]
fn a_command_vector_with_an_octet_too_many_is_a_length_error() -> Outcome {
    for vector in paragraphs(COMMANDS) {
        let mut oeb = octets(vector.field("buffer")?)?;
        oeb.push(b' ');
        for level in vector.levels()? {
            let kind = Command::decode(&oeb, level).map_err(|error| error.kind);
            assert!(
                matches!(kind, Err(ErrorKind::Length { .. })),
                "{} at {level}: {kind:?}",
                vector.title
            );
        }
    }
    Ok(())
}

/// R-037; the line feed is a named leniency.
#[test]
fn a_carriage_return_may_have_its_high_bit_set_or_be_a_line_feed() -> Outcome {
    let mut ends = 0;
    for vector in paragraphs(COMMANDS) {
        let oeb = octets(vector.field("buffer")?)?;
        let Some(front) = oeb.strip_suffix(&[0x0D]) else {
            continue;
        };
        for level in vector.levels()? {
            let wanted = meaning(vector.title, level)?;
            let high_bit = [front, &[0x8D]].concat();
            let line_feed = [front, &[0x0A]].concat();
            let space = [front, b" "].concat();
            assert_eq!(Command::decode(&high_bit, level), Ok(wanted.clone()));
            let (command, deviations) = Command::decode_noting(&line_feed, level)?;
            assert_eq!(command, wanted);
            assert!(deviations.contains(Deviation::LineFeedForCarriageReturn));
            let reason = Command::decode(&space, level).map_err(|error| error.end_reason());
            assert_eq!(reason, Err(EndReason::INVALID_DATA));
            ends += 1;
        }
    }
    assert_eq!(ends, 11);
    Ok(())
}

#[test]
fn commands_that_a_level_does_not_have_are_unknown_there() -> Outcome {
    let mut refused = Vec::new();
    for vector in paragraphs(COMMANDS) {
        let oeb = octets(vector.field("buffer")?)?;
        for level in [Level::L1, Level::L2, Level::L4] {
            let Err(error) = Command::decode(&oeb, level) else {
                continue;
            };
            if matches!(error.kind, ErrorKind::UnknownCommand { .. }) {
                assert_eq!(error.end_reason(), EndReason::COMMAND_NOT_RECOGNISED);
                refused.push(format!("{} {level}", vector.title));
            }
        }
    }
    let wanted = [
        "nerp-5 1", "nerp-5 2", "nerp-4 1", "nerp-4 2", "secd 1", "secd 2", "secd 4", "aurp 1",
        "aurp 2", "aurp 4",
    ];
    assert_eq!(refused, wanted);
    Ok(())
}

///
#[test]
fn text_file_of_rfc_5024_unpacks_and_packs() -> Outcome {
    let [buffer, file] = &*paragraphs(TEXT_FILE) else {
        return Err("wants a buffer and a file".into());
    };
    let databuf = databuf(&buffer.lines)?;
    assert_eq!(databuf.len(), 820);
    let lines: Result<Vec<_>, _> = file.lines.iter().map(|line| octets(line)).collect();
    let lines = lines?;
    assert_eq!(lines.len(), 29);
    let file = lines.concat();
    assert_eq!(file.len(), 807);

    let mut unpacker = Unpacker::unstructured(false);
    let mut decoded = Vec::new();
    unpacker.unpack(&databuf, &mut decoded)?;
    assert_eq!(decoded, file);
    assert!(unpacker.ended());

    for room in [821, 4096, 99_999] {
        let mut out = Vec::new();
        assert_eq!(pack_unstructured(&file, room, true, &mut out), 807);
        let (oeb, consumed) = frame::split(&out)?.ok_or("a frame that is not whole")?;
        assert_eq!(consumed, out.len());
        assert_eq!(
            Command::decode(oeb, Level::L5)?,
            Command::Data(databuf.as_slice())
        );
    }
    Ok(())
}

///
#[test]
fn record_file_of_rfc_2204_unpacks_to_nine_records() -> Outcome {
    let paragraphs = paragraphs(RECORD_FILE);
    let [buffers @ .., records] = &*paragraphs else {
        return Err("wants buffers and records".into());
    };
    assert_eq!(buffers.len(), 3);
    let mut unpacker = Unpacker::records(true);
    let mut walker = Walker::new(true);
    let (mut decoded, mut ends) = (Vec::new(), Vec::new());
    for buffer in buffers {
        let databuf = databuf(&buffer.lines)?;
        let mut framed = Vec::new();
        Command::Data(&databuf).encode(Level::L5, &mut framed)?;
        let header = buffer.title.strip_prefix("buffer ").ok_or("no header")?;
        assert_eq!(framed.first_chunk::<4>(), hex(header)?.first_chunk::<4>());

        let (oeb, _) = frame::split(&framed)?.ok_or("a frame that is not whole")?;
        let Command::Data(databuf) = Command::decode(oeb, Level::L5)? else {
            return Err("not DATA".into());
        };
        walker.walk(databuf)?;
        walker.end()?;
        unpacker.unpack_records(databuf, &mut decoded, &mut ends)?;
    }
    assert!(unpacker.ended());
    assert_eq!((unpacker.record_count(), unpacker.octets()), (9, 359));

    // Packed by us the first buffer is the same; the second was closed early by whoever made the vector.
    let mut ours = Vec::new();
    pack_records(&decoded, &ends, 128, true, &mut ours);
    let first = buffers.first().ok_or("no buffer")?;
    assert_eq!(ours.get(5..), Some(databuf(&first.lines)?.as_slice()));

    let mut start = 0;
    let mut found = Vec::new();
    for end in ends {
        found.push(decoded.get(start..end).ok_or("ends out of order")?);
        start = end;
    }
    let mut wanted = Vec::new();
    for line in &records.lines {
        wanted.push(match *line {
            "(empty)" => Vec::new(),
            line => octets(line)?,
        });
    }
    assert_eq!(found, wanted);
    Ok(())
}

/// R-112; 8546 octets at SSIDSDEB 4000 were seen as 4000, 4000 and 686.
#[test]
fn file_of_the_published_trace_fills_its_buffers_the_same_way() -> Outcome {
    let file = vec![b'x'; 8546];
    let mut rest = file.as_slice();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let taken = pack_unstructured(rest, 4000, true, &mut out);
        rest = rest.split_at(taken).1;
    }
    let mut lengths = Vec::new();
    let mut input = out.as_slice();
    while let Some((oeb, consumed)) = frame::split(input)? {
        lengths.push(oeb.len());
        input = input.split_at(consumed).1;
    }
    assert_eq!(lengths, [4000, 4000, 686]);
    assert!(input.is_empty());
    Ok(())
}
