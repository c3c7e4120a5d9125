//! CompressedData by the test itself: what an openssl without zlib cannot make or undo.

use std::io::{Read as _, Write as _};

use super::world::Shape;

const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const COMPRESSED: &[u8] = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09";
const VERSION: &[u8] = b"\x02\x01\x00";
const ALGORITHM: &[u8] = b"\x30\x0d\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x08";
const SEQUENCE: u8 = 0x30;
const EXPLICIT_0: u8 = 0xa0;
const OCTET_STRING: u8 = 0x04;
/// Octets of a piece of an indefinite string: another number than our own writer has.
const PIECE: usize = 5_000;

/// A CompressedData around a content.
pub(crate) fn made(content: &[u8], shape: Shape) -> Vec<u8> {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    zlib.write_all(content).unwrap();
    let zlib = zlib.finish().unwrap();
    let element = |tag: u8, parts: &[&[u8]]| match shape {
        Shape::Definite => definite(tag, &parts.concat()),
        Shape::Indefinite => [&[tag, 0x80], parts.concat().as_slice(), &[0, 0]].concat(),
    };
    let string = match shape {
        Shape::Definite => definite(OCTET_STRING, &zlib),
        Shape::Indefinite => {
            let pieces = zlib
                .chunks(PIECE)
                .map(|piece| definite(OCTET_STRING, piece));
            let pieces: Vec<u8> = pieces.flatten().collect();
            element(0x20 | OCTET_STRING, &[&pieces])
        }
    };
    let content = element(SEQUENCE, &[DATA, &element(EXPLICIT_0, &[&string])]);
    let data = element(SEQUENCE, &[VERSION, ALGORITHM, &content]);
    element(SEQUENCE, &[COMPRESSED, &element(EXPLICIT_0, &[&data])])
}

/// What is in a CompressedData with definite lengths.
pub(crate) fn undone(cms: &[u8]) -> Result<Vec<u8>, String> {
    let zlib = zlib_of(cms).ok_or("what is in there is no CompressedData")?;
    let mut content = Vec::new();
    flate2::read::ZlibDecoder::new(zlib)
        .read_to_end(&mut content)
        .map_err(|error| format!("zlib: {error}"))?;
    Ok(content)
}

fn zlib_of(cms: &[u8]) -> Option<&[u8]> {
    let info = inside(cms, SEQUENCE)?.strip_prefix(COMPRESSED)?;
    let data = inside(inside(info, EXPLICIT_0)?, SEQUENCE)?.strip_prefix(VERSION)?;
    let content = inside(data.strip_prefix(ALGORITHM)?, SEQUENCE)?.strip_prefix(DATA)?;
    inside(inside(content, EXPLICIT_0)?, OCTET_STRING)
}

/// The content of the element that is all there is.
fn inside(octets: &[u8], tag: u8) -> Option<&[u8]> {
    let (first, rest) = octets.split_first()?;
    let (length, rest) = rest.split_first()?;
    let more = usize::from(length.checked_sub(0x80).unwrap_or_default());
    let (long, content) = rest.split_at_checked(more)?;
    let long = long
        .iter()
        .fold(0, |length, octet| length << 8 | usize::from(*octet));
    let length = if more == 0 {
        usize::from(*length)
    } else {
        long
    };
    (*first == tag && length == content.len()).then_some(content)
}

fn definite(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut octets = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => octets.push(short),
        _ => {
            let length = u32::try_from(length).unwrap().to_be_bytes();
            let used = length.into_iter().skip_while(|octet| *octet == 0);
            octets.push(0x80 | u8::try_from(used.clone().count()).unwrap());
            octets.extend(used);
        }
    }
    octets.extend_from_slice(content);
    octets
}
