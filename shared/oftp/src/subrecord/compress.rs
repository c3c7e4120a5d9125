//! Run-length compression of what is packed: where runs of equal octets are.
//!
//! A run in the middle of literals costs its two octets and one header more for the literals behind it, so
//! that four equal octets always gain and three never do. The search looks at 64 places at once, without a
//! branch on their content, so that files with no runs cost little more than their copy.

use super::MOST;
use super::pack::pack_stream;

/// As [`pack_unstructured`](super::pack_unstructured), with runs of four and more equal octets as compressed
/// subrecords. Only where both sides announced SSIDCMPR `Y`.
///
/// One pass over what the frame takes, and never a frame that takes less of the file than without compression.
pub fn pack_compressed(
    file: &[u8],
    oeb_room: usize,
    end_of_file: bool,
    out: &mut Vec<u8>,
) -> usize {
    pack_stream(file, oeb_room, end_of_file, true, out)
}

/// The search for runs.
pub(super) struct Scan;

/// Places looked at together.
const BLOCK: usize = 64;

impl Scan {
    /// The shortest run that is compressed.
    pub(super) const RUN: usize = 4;

    /// Where the first run of at least [`Scan::RUN`] equal octets begins.
    pub(super) fn run(octets: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(block) = octets
            .get(at..)
            .and_then(<[u8]>::first_chunk::<{ BLOCK + Scan::RUN - 1 }>)
        {
            if has_run(block) {
                break;
            }
            at += BLOCK;
        }
        while let Some(place) = octets.get(at..).and_then(first_run) {
            match place {
                Place::At(found) => return Some(at + found),
                Place::NotInFirst(places) => at += places,
            }
        }
        let rest = octets.get(at..)?;
        let found = rest.array_windows().position(is_run)?;
        Some(at + found)
    }

    /// How many octets at the front are all `octet`, at most 63.
    pub(super) fn length(octets: &[u8], octet: u8) -> usize {
        let near = octets.get(..MOST).unwrap_or(octets);
        let (words, last) = near.as_chunks::<WORD>();
        let all = u64::from_le_bytes([octet; WORD]);
        let mut length = 0;
        for word in words {
            let different = u64::from_le_bytes(*word) ^ all;
            if different != 0 {
                return length + octets_before(different);
            }
            length += WORD;
        }
        length + last.iter().take_while(|other| **other == octet).count()
    }
}

/// Octets of a machine word.
const WORD: usize = 8;

/// Where the first run begins among the places at the front that one word holds.
enum Place {
    At(usize),
    /// No run begins at so many places.
    NotInFirst(usize),
}

/// Looks at eight places together; `None` where there are not enough octets for that.
fn first_run(octets: &[u8]) -> Option<Place> {
    let near = octets.first_chunk::<{ WORD + Scan::RUN - 1 }>()?;
    // Not octet by octet, so that each is one load.
    let [first @ .., _, _, _] = near;
    let [_, second @ .., _, _] = near;
    let [_, _, third @ .., _] = near;
    let [_, _, _, fourth @ ..] = near;
    let [first, second, third, fourth] =
        [first, second, third, fourth].map(|word| u64::from_le_bytes(*word));
    // An octet of this is zero where four octets in a row are equal.
    let different = (first ^ second) | (first ^ third) | (first ^ fourth);
    // The lowest bit that remains stands in the first octet that was zero; those above may be wrong.
    let zero = different.wrapping_sub(LOW_BITS) & !different & HIGH_BITS;
    Some(match zero {
        0 => Place::NotInFirst(WORD),
        zero => Place::At(octets_before(zero)),
    })
}

/// The lowest bit of each octet of a word.
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each octet of a word.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Octets of a word, in the order of memory, before the first that is not zero.
fn octets_before(word: u64) -> usize {
    usize::try_from(word.trailing_zeros() / 8).unwrap_or(WORD)
}

fn is_run([a, b, c, d]: &[u8; Scan::RUN]) -> bool {
    a == b && a == c && a == d
}

/// Whether a run begins at one of the first 64 places. All are looked at, so that the compiler makes a few wide
/// comparisons of it.
fn has_run(block: &[u8; BLOCK + Scan::RUN - 1]) -> bool {
    let [a @ .., _, _, _] = block;
    let [_, b @ .., _, _] = block;
    let [_, _, c @ .., _] = block;
    let [_, _, _, d @ ..] = block;
    let (a, b): (&[u8; BLOCK], &[u8; BLOCK]) = (a, b);
    let mut found = 0;
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        found |= u8::from((a == b) & (a == c) & (a == d));
    }
    found != 0
}
