//! The same object in other BER: lengths indefinite or long, strings in pieces.

use crate::der;

/// Octets of a string from which on it is cut into pieces: digests stay whole, as signatures need.
const LONG: usize = 65;

/// How to reshape: choices are drawn from a number that is given.
pub(super) struct Shape(u64);

impl Shape {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// One of `most` numbers, 0 the first.
    fn choose(&mut self, most: u64) -> u64 {
        // Knuth's MMIX generator; the low bits are poor.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    /// All elements of `octets`, which are DER, anew.
    pub(super) fn all(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut rest = octets;
        let mut shaped = Vec::new();
        while !rest.is_empty() {
            let (tag, content, after) = split(rest);
            let is_string = tag == 0x04 || tag == 0x80;
            if tag & 0x20 != 0 {
                let inside = self.all(content);
                shaped.extend(self.constructed(tag, &inside));
            } else if is_string && (content.len() >= LONG || tag == 0x80) && self.choose(4) > 0 {
                let pieces = self.pieces(content, 3);
                shaped.extend(self.constructed(tag | 0x20, &pieces));
            } else {
                shaped.extend(self.primitive(tag, content));
            }
            rest = after;
        }
        shaped
    }

    fn pieces(&mut self, content: &[u8], depth: u64) -> Vec<u8> {
        let mut pieces = Vec::new();
        let mut rest = content;
        while !rest.is_empty() || self.choose(3) == 0 {
            let most = [1, 17, 1000, 70_000][usize::try_from(self.choose(4)).unwrap()];
            let (piece, after) = rest.split_at(most.min(rest.len()));
            if depth > 0 && self.choose(3) == 0 {
                let inside = self.pieces(piece, depth - 1);
                pieces.extend(self.constructed(0x24, &inside));
            } else {
                pieces.extend(self.primitive(0x04, piece));
            }
            rest = after;
        }
        pieces
    }

    fn constructed(&mut self, tag: u8, inside: &[u8]) -> Vec<u8> {
        if self.choose(2) == 0 {
            [&[tag, 0x80], inside, &[0, 0]].concat()
        } else {
            self.primitive(tag, inside)
        }
    }

    /// With a length longer than it need be, sometimes.
    fn primitive(&mut self, tag: u8, content: &[u8]) -> Vec<u8> {
        if self.choose(3) > 0 {
            return der::element(tag, &[content]);
        }
        let zeros = usize::try_from(self.choose(3)).unwrap();
        let length = (content.len() as u64).to_be_bytes();
        let count = u8::try_from(0x80 + zeros + length.len()).unwrap();
        [&[tag, count], &[0, 0, 0][..zeros], &length, content].concat()
    }
}

/// Tag, content and what follows of DER.
fn split(octets: &[u8]) -> (u8, &[u8], &[u8]) {
    let (tag, first) = (octets[0], usize::from(octets[1]));
    let (length, start) = if first < 0x80 {
        (first, 2)
    } else {
        let count = first & 0x7f;
        let length = octets[2..2 + count]
            .iter()
            .fold(0, |length, octet| length << 8 | usize::from(*octet));
        (length, 2 + count)
    };
    let (content, after) = octets[start..].split_at(length);
    (tag, content, after)
}
