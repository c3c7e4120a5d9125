//! What stands around the octets of a layer: elements within elements, open until the octets end.

use crate::der;

const END_MARK: [u8; 2] = [0, 0];
const CONSTRUCTED: u8 = 0x20;
const OCTET_STRING: u8 = 0x04;

/// The elements around streamed octets, from the outermost inwards.
#[derive(Debug)]
pub(crate) struct Frame {
    levels: Vec<Level>,
    /// Identifier of the string that holds the octets, when it is in one piece.
    string: u8,
}

/// One element around the octets.
#[derive(Debug)]
struct Level {
    identifier: u8,
    /// What it has before the next element inwards.
    head: Vec<u8>,
    /// Octets it has behind it.
    tail: u64,
}

impl Frame {
    /// Around a string with this identifier octet.
    pub(crate) fn around(string: u8) -> Self {
        Self {
            levels: Vec::new(),
            string,
        }
    }

    /// Within those there are already: an element that has `head` before what comes further in.
    pub(crate) fn within(self, identifier: u8, head: &[&[u8]]) -> Self {
        self.within_with_tail(identifier, head, 0)
    }

    /// The same with `tail` octets behind what comes further in.
    pub(crate) fn within_with_tail(mut self, identifier: u8, head: &[&[u8]], tail: u64) -> Self {
        self.levels.push(Level {
            identifier,
            head: head.concat(),
            tail,
        });
        self
    }

    /// Octets of the whole around `content` octets, with definite lengths.
    pub(crate) fn octets(&self, content: u64) -> u64 {
        let string = element_octets(self.string, content);
        self.levels
            .iter()
            .rev()
            .fold(string, |inner, level| level.octets(inner))
    }

    /// What stands before `content` octets.
    pub(crate) fn start_definite(&self, content: u64) -> Vec<u8> {
        // Built from the inside, where lengths are known first.
        let mut start = der::header(self.string, content);
        let mut octets = element_octets(self.string, content);
        for level in self.levels.iter().rev() {
            let inside = level.inside(octets);
            let mut outer = der::header(level.identifier, inside);
            outer.extend_from_slice(&level.head);
            outer.extend_from_slice(&start);
            start = outer;
            octets = element_octets(level.identifier, inside);
        }
        start
    }

    /// What stands before octets nobody has counted, which follow in pieces.
    pub(crate) fn start_indefinite(&self) -> Vec<u8> {
        let mut start = Vec::new();
        for level in &self.levels {
            start.extend_from_slice(&[level.identifier, 0x80]);
            start.extend_from_slice(&level.head);
        }
        start.extend_from_slice(&[self.string | CONSTRUCTED, 0x80]);
        start
    }

    /// What stands behind the pieces; `tail` goes where the frame has room for one.
    pub(crate) fn end_indefinite(&self, tail: &[u8]) -> Vec<u8> {
        let mut end = END_MARK.to_vec();
        for level in self.levels.iter().rev() {
            if level.tail > 0 {
                end.extend_from_slice(tail);
            }
            end.extend_from_slice(&END_MARK);
        }
        end
    }
}

impl Level {
    fn inside(&self, inner: u64) -> u64 {
        self.head.len() as u64 + inner + self.tail
    }

    fn octets(&self, inner: u64) -> u64 {
        element_octets(self.identifier, self.inside(inner))
    }
}

/// What stands before a piece of the octets.
pub(crate) fn piece_header(octets: usize) -> Vec<u8> {
    der::header(OCTET_STRING, octets as u64)
}

fn element_octets(identifier: u8, content: u64) -> u64 {
    der::header(identifier, content).len() as u64 + content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_stand_around_the_same_octets() {
        let frame = Frame::around(0x80)
            .within_with_tail(0x30, &[b"ab"], 3)
            .within(0xa0, &[b"c", b"d"]);
        let content = [7; 200];
        let definite = [frame.start_definite(200).as_slice(), &content, b"xyz"].concat();
        let string = der::element(0x80, &[&content]);
        let inner = der::element(0xa0, &[b"cd", &string]);
        assert_eq!(definite, der::sequence(&[b"ab", &inner, b"xyz"]));
        assert_eq!(frame.octets(200), definite.len() as u64);

        assert_eq!(
            frame.start_indefinite(),
            [b"\x30\x80ab".as_slice(), b"\xa0\x80cd", b"\xa0\x80"].concat()
        );
        assert_eq!(frame.end_indefinite(b"xyz"), b"\0\0\0\0xyz\0\0");
    }
}
