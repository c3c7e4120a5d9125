//! A pull reader of BER (X.690) for objects of any size: what is read is asked for, piece by piece.
//!
//! Nothing is held but one buffer and the ends of the elements that are open, so memory does not
//! depend on the input. Nothing recurses.

use super::{Layer, Source};
use crate::ber::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET};
use crate::open::{OpenError, Problem};

/// Elements open at a time at most: a signed attribute that names its signer's issuer needs 17.
pub(crate) const MOST_DEPTH: usize = 20;
/// Octets of a small element at most, written with definite lengths.
pub(crate) const MOST_SMALL: usize = 1 << 20;
/// Octets of all small elements of one layer at most.
pub(crate) const MOST_SMALL_IN_ALL: usize = 4 << 20;
/// Octets read at a time.
pub(crate) const CHUNK: usize = 64 << 10;

const CONSTRUCTED: u8 = 0x20;
const INDEFINITE: u8 = 0x80;
/// Octets looked ahead at most.
const END_MARK: usize = 2;

/// Reads the elements of one layer, one after the other.
pub(crate) struct Pull<'a> {
    source: &'a mut dyn Source,
    layer: Layer,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Offset of the next octet in this layer.
    at: u64,
    /// The elements that are open, the innermost last.
    open: Vec<Open>,
    /// Octets of small elements so far.
    small: usize,
    /// The octet string being read.
    string: Option<Piece>,
}

/// Identifier and length of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The tag without the bit that says "constructed".
    pub(crate) tag: u8,
    pub(crate) constructed: bool,
    /// `None`: indefinite.
    pub(crate) length: Option<u64>,
    /// Offset of the element.
    pub(crate) at: u64,
}

#[derive(Clone, Copy)]
struct Open {
    /// Where it ends; `None`: at an end mark.
    end: Option<u64>,
    /// What no element inside may reach beyond.
    limit: u64,
}

#[derive(Clone, Copy)]
struct Piece {
    /// How many elements were open before the string.
    base: usize,
    /// Octets left of the present primitive piece.
    left: u64,
}

impl<'a> Pull<'a> {
    pub(crate) fn new(source: &'a mut dyn Source, layer: Layer) -> Self {
        Self {
            source,
            layer,
            buffer: vec![0; CHUNK].into_boxed_slice(),
            start: 0,
            end: 0,
            at: 0,
            open: Vec::with_capacity(MOST_DEPTH),
            small: 0,
            string: None,
        }
    }

    /// The next element of what is open; `None` at its end.
    pub(crate) fn next(&mut self) -> Result<Option<Header>, OpenError> {
        let at = self.at;
        let inside = self.open.last().copied();
        let limit = inside.map_or(u64::MAX, |open| open.limit);
        match inside.map(|open| open.end) {
            Some(Some(end)) if at >= end => return Ok(None),
            Some(None) if self.ahead(END_MARK)? == [0, 0] => return Ok(None),
            None if self.ahead(1)?.is_empty() => return Ok(None),
            _ => {}
        }
        let identifier = self.octet(at)?;
        if identifier & 0x1f == 0x1f || identifier == 0 {
            return Err(self.problem(at, Problem::Tag));
        }
        let length = self.length(at)?;
        let constructed = identifier & CONSTRUCTED != 0;
        match length {
            None if !constructed => return Err(self.problem(at, Problem::Length)),
            None if self.at > limit => return Err(self.problem(at, Problem::Overrun)),
            None => {}
            Some(length) => match self.at.checked_add(length) {
                Some(end) if end <= limit => {}
                _ => return Err(self.problem(at, Problem::Overrun)),
            },
        }
        Ok(Some(Header {
            tag: identifier & !CONSTRUCTED,
            constructed,
            length,
            at,
        }))
    }

    /// The next element, which must be there.
    pub(crate) fn required(&mut self, wanted: &'static str) -> Result<Header, OpenError> {
        let at = self.at;
        self.next()?
            .ok_or_else(|| self.problem(at, Problem::Missing(wanted)))
    }

    /// The next element, which must be there and have this tag.
    pub(crate) fn expect(&mut self, tag: u8, wanted: &'static str) -> Result<Header, OpenError> {
        let header = self.required(wanted)?;
        if header.tag == tag {
            Ok(header)
        } else {
            Err(self.unexpected(header, wanted))
        }
    }

    /// Goes into the next element, which must be constructed and have this tag.
    pub(crate) fn enter(&mut self, tag: u8, wanted: &'static str) -> Result<(), OpenError> {
        let header = self.expect(tag, wanted)?;
        self.open(header, wanted)
    }

    /// Goes into an element whose header was read.
    pub(crate) fn open(&mut self, header: Header, wanted: &'static str) -> Result<(), OpenError> {
        if !header.constructed {
            return Err(self.unexpected(header, wanted));
        }
        if self.open.len() >= MOST_DEPTH {
            return Err(self.problem(header.at, Problem::TooDeep(MOST_DEPTH)));
        }
        let outer = self.open.last().map_or(u64::MAX, |open| open.limit);
        // `next` has seen that it does not overflow and fits.
        let end = header.length.map(|length| self.at.saturating_add(length));
        self.open.push(Open {
            end,
            limit: end.unwrap_or(outer),
        });
        Ok(())
    }

    /// Leaves the innermost open element, of which nothing may be left.
    pub(crate) fn close(&mut self) -> Result<(), OpenError> {
        let at = self.at;
        match self.open.last().copied() {
            Some(Open { end: Some(end), .. }) if end == at => {}
            Some(Open { end: None, .. }) => {
                let mark = self.ahead(END_MARK)?;
                if mark.len() < END_MARK {
                    return Err(self.problem(at, Problem::Truncated));
                }
                if mark != [0, 0] {
                    return Err(self.problem(at, Problem::Trailing));
                }
                self.consume(END_MARK);
            }
            _ => return Err(self.problem(at, Problem::Trailing)),
        }
        self.open.pop();
        Ok(())
    }

    /// That the source has ended with the outermost element.
    pub(crate) fn finish(&mut self) -> Result<(), OpenError> {
        while !self.open.is_empty() {
            self.close()?;
        }
        let at = self.at;
        if self.ahead(1)?.is_empty() {
            Ok(())
        } else {
            Err(self.problem(at, Problem::Trailing))
        }
    }

    /// The whole element with definite, shortest lengths throughout. Its size meets a ceiling.
    pub(crate) fn small(&mut self, header: Header) -> Result<Vec<u8>, OpenError> {
        let base = self.open.len();
        let mut octets = Vec::new();
        // Where the content of each open element starts in `octets`.
        let mut starts = Vec::with_capacity(MOST_DEPTH);
        let mut next = Some(header);
        loop {
            match next {
                Some(element) if element.constructed => {
                    octets.push(element.tag | CONSTRUCTED);
                    starts.push(octets.len());
                    self.open(element, "a constructed element")?;
                    self.charge(header, octets.len())?;
                }
                Some(element) => {
                    let length = element.length.unwrap_or_default();
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    self.charge(header, octets.len().saturating_add(length))?;
                    octets.push(element.tag);
                    octets.extend(length_octets(length));
                    self.append(element.at, length, &mut octets)?;
                }
                None => {
                    self.close()?;
                    let start = starts.pop().unwrap_or_default();
                    let length = octets.len().saturating_sub(start);
                    octets.splice(start..start, length_octets(length));
                }
            }
            if self.open.len() == base {
                break;
            }
            next = self.next()?;
        }
        self.small = self.small.saturating_add(octets.len());
        self.charge(header, 0)?;
        Ok(octets)
    }

    /// The content of a small primitive element.
    pub(crate) fn primitive(
        &mut self,
        header: Header,
        wanted: &'static str,
    ) -> Result<Vec<u8>, OpenError> {
        let Some(length) = header.length.filter(|_| !header.constructed) else {
            return Err(self.unexpected(header, wanted));
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.charge(header, length)?;
        let mut octets = Vec::new();
        self.append(header.at, length, &mut octets)?;
        self.small = self.small.saturating_add(length);
        Ok(octets)
    }

    /// The content of an object identifier, which must be next.
    pub(crate) fn identifier(&mut self, wanted: &'static str) -> Result<Vec<u8>, OpenError> {
        let header = self.expect(OBJECT_IDENTIFIER, wanted)?;
        self.primitive(header, wanted)
    }

    /// A version number, which must be next and is not looked at: what matters is what follows.
    pub(crate) fn version(&mut self, wanted: &'static str) -> Result<(), OpenError> {
        let header = self.expect(INTEGER, wanted)?;
        self.primitive(header, wanted).map(|_| ())
    }

    /// A whole small SEQUENCE, which must be next.
    pub(crate) fn small_sequence(&mut self, wanted: &'static str) -> Result<Vec<u8>, OpenError> {
        let header = self.expect(SEQUENCE, wanted)?;
        self.small(header)
    }

    /// Goes into a SET, which must be next.
    pub(crate) fn enter_set(&mut self, wanted: &'static str) -> Result<(), OpenError> {
        self.enter(SET, wanted)
    }

    /// Passes over an element, whatever is in it.
    pub(crate) fn skip(&mut self, header: Header) -> Result<(), OpenError> {
        let base = self.open.len();
        let mut next = Some(header);
        loop {
            match next {
                Some(Header {
                    length: Some(length),
                    at,
                    ..
                }) => self.pass_over(at, length)?,
                Some(indefinite) => self.open(indefinite, "a constructed element")?,
                None => self.close()?,
            }
            if self.open.len() == base {
                return Ok(());
            }
            next = self.next()?;
        }
    }

    /// Begins to read an octet string, whatever its tag: in one piece or in many, nested or not.
    pub(crate) fn begin_string(&mut self, header: Header) -> Result<(), OpenError> {
        let base = self.open.len();
        let left = if header.constructed {
            self.open(header, "an octet string")?;
            0
        } else {
            header.length.unwrap_or_default()
        };
        self.string = Some(Piece { base, left });
        Ok(())
    }

    /// Fills `into` with the next octets of the string; fewer come only at its end.
    pub(crate) fn read_string(&mut self, into: &mut [u8]) -> Result<usize, OpenError> {
        let mut filled = 0;
        while let Some(room) = into.get_mut(filled..).filter(|room| !room.is_empty()) {
            let Some(piece) = self.string else {
                break;
            };
            if piece.left > 0 {
                let count = self.some(piece.left, room)?;
                self.string = Some(Piece {
                    left: piece.left.saturating_sub(octets(count)),
                    ..piece
                });
                filled += count;
            } else if self.open.len() <= piece.base {
                self.string = None;
            } else {
                self.next_piece(piece.base)?;
            }
        }
        Ok(filled)
    }

    pub(crate) fn problem(&self, at: u64, problem: Problem) -> OpenError {
        OpenError::Structure {
            layer: self.layer,
            at,
            problem,
        }
    }

    pub(crate) fn unexpected(&self, header: Header, wanted: &'static str) -> OpenError {
        self.problem(header.at, Problem::Unexpected(wanted))
    }

    fn next_piece(&mut self, base: usize) -> Result<(), OpenError> {
        const PIECE: &str = "a piece of an octet string";
        match self.next()? {
            None => self.close(),
            Some(piece) if piece.tag != OCTET_STRING => Err(self.unexpected(piece, PIECE)),
            Some(piece) if piece.constructed => self.open(piece, PIECE),
            Some(piece) => {
                let left = piece.length.unwrap_or_default();
                self.string = Some(Piece { base, left });
                Ok(())
            }
        }
    }

    /// Some of the next `left` octets, at least one; `into` is not empty.
    fn some(&mut self, left: u64, into: &mut [u8]) -> Result<usize, OpenError> {
        let at = self.at;
        let most = usize::try_from(left).map_or(into.len(), |left| left.min(into.len()));
        let into = into.get_mut(..most).unwrap_or_default();
        let count = if self.start < self.end || most < CHUNK / 2 {
            self.more(1)?;
            let there = self.buffered();
            let count = there.len().min(most);
            if let (Some(into), Some(from)) = (into.get_mut(..count), there.get(..count)) {
                into.copy_from_slice(from);
            }
            self.consume(count);
            count
        } else {
            // Nothing is buffered and much is wanted: no need for a copy.
            let count = self.source.read(into)?;
            self.at = self.at.saturating_add(octets(count));
            count
        };
        if count == 0 {
            return Err(self.problem(at, Problem::Truncated));
        }
        Ok(count)
    }

    fn append(&mut self, element: u64, length: usize, into: &mut Vec<u8>) -> Result<(), OpenError> {
        let mut left = length;
        while left > 0 {
            self.more(1)?;
            let there = self.buffered();
            let count = there.len().min(left);
            into.extend_from_slice(there.get(..count).unwrap_or_default());
            if count == 0 {
                return Err(self.problem(element, Problem::Truncated));
            }
            self.consume(count);
            left -= count;
        }
        Ok(())
    }

    fn pass_over(&mut self, element: u64, length: u64) -> Result<(), OpenError> {
        let mut left = length;
        while left > 0 {
            self.more(1)?;
            let there = self.buffered().len();
            let count = usize::try_from(left).map_or(there, |left| left.min(there));
            if count == 0 {
                return Err(self.problem(element, Problem::Truncated));
            }
            self.consume(count);
            left = left.saturating_sub(octets(count));
        }
        Ok(())
    }

    /// Refuses a small element that is none, and small elements that add up to too much.
    fn charge(&self, element: Header, octets: usize) -> Result<(), OpenError> {
        if octets > MOST_SMALL {
            return Err(self.problem(element.at, Problem::TooLarge(MOST_SMALL)));
        }
        if self.small.saturating_add(octets) > MOST_SMALL_IN_ALL {
            return Err(self.problem(element.at, Problem::TooLarge(MOST_SMALL_IN_ALL)));
        }
        Ok(())
    }

    fn length(&mut self, element: u64) -> Result<Option<u64>, OpenError> {
        let first = self.octet(element)?;
        if first == INDEFINITE {
            return Ok(None);
        }
        if first & 0x80 == 0 {
            return Ok(Some(first.into()));
        }
        let mut length: u64 = 0;
        for _ in 0..first & 0x7f {
            let octet = self.octet(element)?;
            length = length
                .checked_mul(256)
                .ok_or_else(|| self.problem(element, Problem::Length))?
                | u64::from(octet);
        }
        Ok(Some(length))
    }

    fn octet(&mut self, element: u64) -> Result<u8, OpenError> {
        let octet = self.ahead(1)?.first().copied();
        let octet = octet.ok_or_else(|| self.problem(element, Problem::Truncated))?;
        self.consume(1);
        Ok(octet)
    }

    /// The next octets without taking them; fewer than asked for only at the end of the source.
    fn ahead(&mut self, count: usize) -> Result<&[u8], OpenError> {
        self.more(count)?;
        let there = self.buffered();
        Ok(there.get(..count).unwrap_or(there))
    }

    fn buffered(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        self.at = self.at.saturating_add(octets(count));
    }

    /// Sees to it that `count` octets are buffered, or all that are left.
    fn more(&mut self, count: usize) -> Result<(), OpenError> {
        while self.end - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            let read = self.source.read(room)?;
            if read == 0 {
                break;
            }
            self.end = self.end.saturating_add(read).min(self.buffer.len());
        }
        Ok(())
    }
}

/// The octets of a definite length, in the shortest form.
fn length_octets(length: usize) -> impl Iterator<Item = u8> {
    let octets = length.to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let (first, skipped) = if length < 0x80 {
        (None, octets.len() - 1)
    } else {
        let count = u8::try_from(octets.len() - zeros).unwrap_or(u8::MAX);
        (Some(0x80 | count), zeros)
    };
    first.into_iter().chain(octets.into_iter().skip(skipped))
}

/// A count in memory as a length of a file.
pub(crate) fn octets(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
