//! Reading BER (X.690) from a slice: definite and indefinite lengths, constructed strings.
//!
//! Tags are compared without the bit that says "constructed"; tags above 30 occur nowhere in CMS.

use crate::BerError;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x10;
pub(crate) const SET: u8 = 0x11;

/// The context-specific tag `[number]`.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// How deep elements may be nested: an EnvelopedData needs 9, names and strings in pieces a few more.
pub(crate) const MOST_DEPTH: u8 = 20;

const CONSTRUCTED: u8 = 0x20;
const INDEFINITE: u8 = 0x80;

/// Reads the elements of one slice, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of `rest` in the whole object.
    at: usize,
    depth: u8,
}

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    /// The tag without the bit that says "constructed".
    pub(crate) tag: u8,
    pub(crate) constructed: bool,
    /// Offset of the element in the whole object.
    pub(crate) at: usize,
    /// The content, without the end mark of an indefinite length.
    content: &'a [u8],
    content_at: usize,
    depth: u8,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self {
            rest: octets,
            at: 0,
            depth: 0,
        }
    }

    /// The next element, which must be there and have this tag.
    pub(crate) fn expect(
        &mut self,
        tag: u8,
        wanted: &'static str,
    ) -> Result<Element<'a>, BerError> {
        let at = self.at;
        match self.next()? {
            None => Err(BerError::Missing { at, wanted }),
            Some(element) if element.tag != tag => Err(BerError::Unexpected { at, wanted }),
            Some(element) => Ok(element),
        }
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, BerError> {
        let here = self.clone();
        match self.next()? {
            Some(element) if element.tag == tag => Ok(Some(element)),
            _ => {
                *self = here;
                Ok(None)
            }
        }
    }

    /// The next element, if any is left.
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, BerError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.at;
        let (identifier, length) = self.header()?;
        if identifier & 0x1f == 0x1f || identifier == 0 {
            return Err(BerError::Tag { at });
        }
        let constructed = identifier & CONSTRUCTED != 0;
        let content_at = self.at;
        let content = match length {
            Some(length) => self.take(length).ok_or(BerError::Truncated { at })?,
            None if constructed => self.until_end_mark(at)?,
            None => return Err(BerError::Length { at }),
        };
        Ok(Some(Element {
            tag: identifier & !CONSTRUCTED,
            constructed,
            at,
            content,
            content_at,
            depth: self.depth,
        }))
    }

    /// That nothing is left.
    pub(crate) fn finish(self) -> Result<(), BerError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(BerError::Trailing { at: self.at })
        }
    }

    /// Identifier octet and length; no length when it is indefinite.
    fn header(&mut self) -> Result<(u8, Option<usize>), BerError> {
        let at = self.at;
        let cut = BerError::Truncated { at };
        let identifier = self.octet().ok_or(cut)?;
        let first = self.octet().ok_or(cut)?;
        let length = match first {
            INDEFINITE => None,
            short if short & 0x80 == 0 => Some(usize::from(short)),
            long => {
                let count = usize::from(long & 0x7f);
                let octets = self.take(count).ok_or(cut)?;
                let mut length: usize = 0;
                for octet in octets {
                    length = length.checked_mul(256).ok_or(BerError::Length { at })?
                        | usize::from(*octet);
                }
                Some(length)
            }
        };
        Ok((identifier, length))
    }

    /// The content up to its end mark, which is passed over.
    fn until_end_mark(&mut self, at: usize) -> Result<&'a [u8], BerError> {
        let mut inside = Reader {
            rest: self.rest,
            at: self.at,
            depth: deeper(self.depth, at)?,
        };
        while !inside.rest.starts_with(&[0, 0]) {
            if inside.next()?.is_none() {
                return Err(BerError::Truncated { at });
            }
        }
        let length = inside.at - self.at;
        let content = self.take(length).ok_or(BerError::Truncated { at })?;
        self.take(2).ok_or(BerError::Truncated { at })?;
        Ok(content)
    }

    fn octet(&mut self) -> Option<u8> {
        self.take(1).and_then(|octets| octets.first().copied())
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        self.at += count;
        Some(taken)
    }
}

impl<'a> Element<'a> {
    /// Reads what is inside a constructed element.
    pub(crate) fn open(&self, wanted: &'static str) -> Result<Reader<'a>, BerError> {
        if !self.constructed {
            return Err(self.unexpected(wanted));
        }
        Ok(Reader {
            rest: self.content,
            at: self.content_at,
            depth: deeper(self.depth, self.at)?,
        })
    }

    /// The content of a primitive element.
    pub(crate) fn primitive(&self, wanted: &'static str) -> Result<&'a [u8], BerError> {
        if self.constructed {
            return Err(self.unexpected(wanted));
        }
        Ok(self.content)
    }

    /// The octets of an octet string in one piece or in many, nested or not. The element's own tag
    /// may be an implicit one.
    pub(crate) fn octets(&self) -> Result<Vec<u8>, BerError> {
        let mut octets = Vec::with_capacity(self.content.len());
        self.gather(&mut octets)?;
        Ok(octets)
    }

    fn gather(&self, into: &mut Vec<u8>) -> Result<(), BerError> {
        if !self.constructed {
            into.extend_from_slice(self.content);
            return Ok(());
        }
        let mut pieces = self.open("an octet string")?;
        while let Some(piece) = pieces.next()? {
            if piece.tag != OCTET_STRING {
                return Err(piece.unexpected("a piece of an octet string"));
            }
            piece.gather(into)?;
        }
        Ok(())
    }

    /// The same element with definite, shortest lengths throughout, so that it can be compared.
    pub(crate) fn definite(&self) -> Result<Vec<u8>, BerError> {
        if !self.constructed {
            return Ok(crate::der::element(self.tag, &[self.content]));
        }
        let mut inside = self.open("a constructed element")?;
        let mut parts = Vec::with_capacity(self.content.len());
        while let Some(part) = inside.next()? {
            parts.extend_from_slice(&part.definite()?);
        }
        Ok(crate::der::element(self.tag | CONSTRUCTED, &[&parts]))
    }

    pub(crate) fn unexpected(&self, wanted: &'static str) -> BerError {
        BerError::Unexpected {
            at: self.at,
            wanted,
        }
    }
}

fn deeper(depth: u8, at: usize) -> Result<u8, BerError> {
    if depth >= MOST_DEPTH {
        return Err(BerError::TooDeep {
            at,
            most: MOST_DEPTH,
        });
    }
    Ok(depth + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(octets: &[u8]) -> Result<Element<'_>, BerError> {
        let mut reader = Reader::new(octets);
        let element = reader.next()?.ok_or(BerError::Missing {
            at: 0,
            wanted: "an element",
        })?;
        reader.finish()?;
        Ok(element)
    }

    #[test]
    fn gathers_an_octet_string_in_nested_pieces_of_indefinite_length() -> Result<(), BerError> {
        let whole = [
            0x24, 0x80, // constructed, indefinite
            0x04, 0x02, 1, 2, //
            0x24, 0x80, 0x04, 0x01, 3, 0x04, 0x00, 0, 0, //
            0x24, 0x03, 0x04, 0x01, 4, //
            0, 0,
        ];
        assert_eq!(only(&whole)?.octets()?, [1, 2, 3, 4]);
        Ok(())
    }

    #[test]
    fn writes_an_element_anew_with_definite_lengths() -> Result<(), BerError> {
        let indefinite = [0x30, 0x80, 0x31, 0x81, 0x03, 0x02, 0x01, 5, 0, 0];
        let definite = [0x30, 0x05, 0x31, 0x03, 0x02, 0x01, 5];
        assert_eq!(only(&indefinite)?.definite()?, definite);
        assert_eq!(only(&definite)?.definite()?, definite);
        Ok(())
    }

    #[test]
    fn refuses_lengths_tags_and_ends_that_do_not_fit() {
        let cases: [(&[u8], BerError); 9] = [
            (&[0x30], BerError::Truncated { at: 0 }),
            (&[0x04, 0x02, 1], BerError::Truncated { at: 0 }),
            (&[0x04, 0x82, 1], BerError::Truncated { at: 0 }),
            (&[0x04, 0x80, 0, 0], BerError::Length { at: 0 }),
            (&[0x24, 0x80, 0x04, 0x00], BerError::Truncated { at: 0 }),
            (&[0x1f, 0x21, 0x00], BerError::Tag { at: 0 }),
            (&[0x00, 0x00], BerError::Tag { at: 0 }),
            (&[0x04, 0x00, 0x04], BerError::Trailing { at: 2 }),
            (
                &[0x04, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0],
                BerError::Length { at: 0 },
            ),
        ];
        for (octets, wanted) in cases {
            assert_eq!(only(octets).map(|_| ()), Err(wanted), "{octets:02x?}");
        }
    }

    #[test]
    fn refuses_what_is_nested_too_deep_however_it_is_nested() {
        let indefinite = [0x24, 0x80].repeat(1_000);
        assert!(matches!(only(&indefinite), Err(BerError::TooDeep { .. })));
        let mut definite = vec![0x04, 0x00];
        for _ in 0..40 {
            definite = crate::der::element(0x24, &[&definite]);
        }
        let found = only(&definite).and_then(|element| element.octets());
        assert!(matches!(found, Err(BerError::TooDeep { .. })), "{found:?}");
    }
}
