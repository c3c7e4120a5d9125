//! The wire codec: frames, commands, the first identification, subrecords.

use oftp::{Command, Level, Unpacker, Walker};

use crate::Choices;

const LEVELS: [Level; 4] = [Level::L1, Level::L2, Level::L4, Level::L5];

/// Frames: what is split off is as long as its header says, whatever comes after does not matter,
/// and a frame cut short is never taken for a whole one.
pub fn frame(octets: &[u8]) {
    let mut rest = octets;
    while let Ok(Some((oeb, consumed))) = oftp::split(rest) {
        assert!(!oeb.is_empty() && oeb.len() <= oftp::MAX_OEB_LEN);
        assert_eq!(consumed, oeb.len() + oftp::HEADER_LEN);
        assert_eq!(oftp::split(&rest[..consumed]), Ok(Some((oeb, consumed))));
        assert_eq!(oftp::split(&rest[..consumed - 1]), Ok(None));
        let again = [&oftp::header(oeb.len())[..], oeb].concat();
        assert_eq!(oftp::split(&again), Ok(Some((oeb, consumed))));
        rest = &rest[consumed..];
    }
}

/// Commands at every level: what decodes also encodes, and decodes again to the same.
pub fn command(octets: &[u8]) {
    let mut choices = Choices(octets);
    let level = LEVELS[choices.below(LEVELS.len())];
    let oeb = choices.rest();
    match Command::decode(oeb, level) {
        Ok(command) => decodes_to_itself(&command, level),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(error.end_reason().is_defined());
        }
    }
}

/// The first identification, as the DMZ half takes it from a stranger: 61 octets that decode, or
/// nothing.
pub fn ssid(octets: &[u8]) {
    let mut oeb = octets.to_vec();
    oeb.resize(61, b' ');
    oeb[0] = b'X';
    if let Ok(Command::Ssid(ssid)) = Command::decode(&oeb, Level::L5) {
        assert!(ssid.buffer <= 99_999 && ssid.credit <= 999);
        assert!(ssid.code.to_string().len() <= 25);
        let shown = format!("{ssid:?}");
        let password = ssid.password.expose();
        // A short password may stand in other words of the output by chance.
        assert!(password.len() < 6 || !shown.contains(password) || chance(&ssid, password));
        decodes_to_itself(&Command::Ssid(ssid), Level::L5);
    }
}

/// Whether the text stands in the identification's other fields too.
fn chance(ssid: &oftp::Ssid, text: &str) -> bool {
    format!("{:?}{:?}", ssid.code, ssid.user).contains(text) || "Password".contains(text)
}

/// Subrecords: unpacking, and walking past in any pieces, agree on what is sound; and what is
/// packed, as a stream or as records, compressed or not, unpacks to itself.
pub fn subrecord(octets: &[u8]) {
    let mut choices = Choices(octets);
    let compression = choices.octet() & 1 == 1;
    let step = choices.below(200) + 1;
    let room = 128 + choices.below(256) * 250;
    let databuf = choices.rest();

    let mut out = Vec::new();
    let unpacked = Unpacker::unstructured(compression).unpack(databuf, &mut out);
    assert!(out.len() <= databuf.len() * 32, "bounded by what came");
    let mut walker = Walker::new(compression);
    let walked = databuf
        .chunks(step)
        .try_for_each(|piece| walker.walk(piece));
    if unpacked.is_ok() {
        assert!(
            walked.is_ok() && walker.at_boundary(),
            "what unpacks can be walked"
        );
    }
    if walked.is_err() {
        assert!(unpacked.is_err(), "what cannot be walked does not unpack");
    }

    packs_to_itself(databuf, room, compression);
    records_pack_to_themselves(databuf, step, room, compression);
}

fn packs_to_itself(file: &[u8], room: usize, compress: bool) {
    let mut left = file;
    let mut unpacker = Unpacker::unstructured(compress);
    let mut back = Vec::new();
    while !unpacker.ended() {
        let mut frame = Vec::new();
        let taken = if compress {
            oftp::pack_compressed(left, room, true, &mut frame)
        } else {
            oftp::pack_unstructured(left, room, true, &mut frame)
        };
        assert!(
            taken >= left.len().min(oftp::capacity(room)),
            "no buffer is wasted"
        );
        left = &left[taken..];
        unpacker
            .unpack(databuf_of(&frame, room), &mut back)
            .expect("our own subrecords");
    }
    assert!(left.is_empty() && back == file);
}

/// Records as long as the octets of the file say, in steps of at most `step`.
fn records_pack_to_themselves(file: &[u8], step: usize, room: usize, compress: bool) {
    let mut ends = Vec::new();
    let mut end = 0;
    while end < file.len() {
        end = (end + usize::from(file[end]) % step).min(file.len());
        ends.push(end);
        if ends.len() > file.len() {
            break;
        }
    }
    let file = &file[..end];
    let mut unpacker = Unpacker::records(compress);
    let (mut back, mut back_ends) = (Vec::new(), Vec::new());
    let (mut octet, mut record) = (0, 0);
    while record < ends.len() {
        let rest: Vec<usize> = ends[record..].iter().map(|end| end - octet).collect();
        let mut frame = Vec::new();
        let packed = oftp::pack_records(&file[octet..], &rest, room, compress, &mut frame);
        assert!(packed.octets + packed.records > 0, "it goes on");
        octet += packed.octets;
        record += packed.records;
        unpacker
            .unpack_records(databuf_of(&frame, room), &mut back, &mut back_ends)
            .expect("our own subrecords");
    }
    assert!(unpacker.ended());
    assert!(back == file && back_ends == ends);
}

fn databuf_of(frame: &[u8], room: usize) -> &[u8] {
    let (oeb, consumed) = oftp::split(frame).expect("sound").expect("whole");
    assert!(oeb.len() <= room && consumed == frame.len());
    match Command::decode(oeb, Level::L5) {
        Ok(Command::Data(databuf)) => databuf,
        _ => panic!("no DATA: {oeb:02x?}"),
    }
}

fn decodes_to_itself(command: &Command<'_>, level: Level) {
    let mut frame = Vec::new();
    if let Err(error) = command.encode(level, &mut frame) {
        panic!("decoded, but cannot be encoded at level {level:?}: {error}: {command:?}");
    }
    let (oeb, _) = oftp::split(&frame).expect("sound").expect("whole");
    let again = Command::decode(oeb, level).expect("what we encode, we decode");
    match (&again, command) {
        // An ESID may come in the layout of level 5 whatever was agreed; we send that of the level,
        // which below 5 has no text.
        (Command::Esid(ours), Command::Esid(theirs)) if level != Level::L5 => {
            assert_eq!(ours.reason, theirs.reason);
        }
        _ => assert_eq!(&again, command),
    }
}
