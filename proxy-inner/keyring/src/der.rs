//! As much ASN.1 as it takes to tell key files apart and to put them into one form.
//!
//! Reading knows definite lengths only; what may be BER goes through [`normalise`] first.

use zeroize::Zeroizing;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xA0;

/// Deepest nesting followed; PKCS#12, the deepest form, has about ten levels.
const MOST_DEPTH: usize = 24;

/// One element.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    /// Its identifier octet.
    pub(crate) tag: u8,
    /// What is in it.
    pub(crate) content: &'a [u8],
    /// The whole of it, with identifier and length.
    pub(crate) whole: &'a [u8],
}

/// Reads elements one after the other; `None` where one is cut off or not DER.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Reader<'a> {
        Reader { rest: octets }
    }

    /// The identifier octet of what comes next.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn next(&mut self) -> Option<Element<'a>> {
        let (header, length) = header(self.rest)?;
        let length = length?;
        let end = header.checked_add(length)?;
        let (whole, rest) = self.rest.split_at_checked(end)?;
        let element = Element {
            tag: *whole.first()?,
            content: whole.get(header..)?,
            whole,
        };
        self.rest = rest;
        Some(element)
    }

    /// The next element when its identifier octet is `tag`.
    pub(crate) fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        if self.peek() != Some(tag) {
            return None;
        }
        self.next()
    }

    /// The inside of the next element when its identifier octet is `tag`.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.take(tag).map(|element| Reader::new(element.content))
    }
}

/// An element around the parts, in a buffer that never grows: no copy of a secret stays behind.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut into = Zeroizing::new(Vec::with_capacity(length.saturating_add(10)));
    into.push(tag);
    push_length(length, &mut into);
    for part in parts {
        into.extend_from_slice(part);
    }
    into
}

/// Writes the first BER element of `octets` anew as DER: lengths definite and short, constructed
/// octet strings joined. Gives what follows it, too. What is DER already comes back as it was.
///
/// `None` when it is cut off, nested too deep, or not BER at all.
pub(crate) fn normalise(octets: &[u8]) -> Option<(Zeroizing<Vec<u8>>, &[u8])> {
    // Twice the size is more than the longer lengths can take: the buffer never grows.
    let mut into = Zeroizing::new(Vec::with_capacity(octets.len().saturating_mul(2) + 16));
    let rest = rewrite(octets, MOST_DEPTH, &mut into)?;
    Some((into, rest))
}

/// Rewrites one element, `depth` levels at the most, and gives what follows it.
fn rewrite<'a>(input: &'a [u8], depth: usize, into: &mut Zeroizing<Vec<u8>>) -> Option<&'a [u8]> {
    let depth = depth.checked_sub(1)?;
    let tag = *input.first()?;
    let (header, length) = header(input)?;
    let after_header = input.get(header..)?;
    if tag & 0x20 == 0 {
        let (content, rest) = after_header.split_at_checked(length?)?;
        into.push(tag);
        push_length(content.len(), into);
        into.extend_from_slice(content);
        return Some(rest);
    }

    let (mut inside, rest) = match length {
        Some(length) => {
            let (content, rest) = after_header.split_at_checked(length)?;
            (content, Some(rest))
        }
        None => (after_header, None),
    };
    let mut content = Zeroizing::new(Vec::with_capacity(inside.len().saturating_mul(2) + 16));
    let mut tags = Vec::new();
    let rest = loop {
        match rest {
            Some(rest) if inside.is_empty() => break rest,
            None if inside.starts_with(&[0, 0]) => break inside.get(2..)?,
            _ => {}
        }
        let start = content.len();
        inside = rewrite(inside, depth, &mut content)?;
        let written = *content.get(start)?;
        // EncryptedContentInfo (RFC 5652 §6.1): after type and algorithm comes an implicit string.
        if tag == SEQUENCE && written == CONTEXT_0 && tags == [IDENTIFIER, SEQUENCE] {
            join_implicit(&mut content, start)?;
        }
        tags.push(written);
    };
    if tag == OCTET_STRING | 0x20 {
        let joined = joined(&content)?;
        into.push(OCTET_STRING);
        push_length(joined.len(), into);
        into.extend_from_slice(&joined);
    } else {
        into.push(tag);
        push_length(content.len(), into);
        into.extend_from_slice(&content);
    }
    Some(rest)
}

/// Turns a `[0]` of octet strings that ends `content` into the string they make up.
fn join_implicit(content: &mut Zeroizing<Vec<u8>>, start: usize) -> Option<()> {
    let parts = Reader::new(content.get(start..)?).next()?.content;
    let joined = joined(parts)?;
    let string = element(CONTEXT_0 & !0x20, &[&joined]);
    content.truncate(start);
    content.extend_from_slice(&string);
    Some(())
}

/// The contents of octet strings one after the other; `None` when something else is among them.
fn joined(strings: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut reader = Reader::new(strings);
    let mut into = Zeroizing::new(Vec::with_capacity(strings.len()));
    while reader.peek().is_some() {
        into.extend_from_slice(reader.take(OCTET_STRING)?.content);
    }
    Some(into)
}

/// How many octets identifier and length take, and the length; `None` inside for an indefinite one.
fn header(octets: &[u8]) -> Option<(usize, Option<usize>)> {
    let (tag, rest) = octets.split_first()?;
    // Tags of several octets are in no key file.
    if tag & 0x1F == 0x1F || *tag == 0 {
        return None;
    }
    match rest.split_first()? {
        (0x80, _) if tag & 0x20 != 0 => Some((2, None)),
        (short @ 0..=0x7F, _) => Some((2, Some(usize::from(*short)))),
        (long @ 0x81..=0x84, rest) => {
            let octets = rest.get(..usize::from(long & 0x7F))?;
            let length = octets
                .iter()
                .fold(0_usize, |sum, octet| sum << 8 | usize::from(*octet));
            Some((2 + octets.len(), Some(length)))
        }
        _ => None,
    }
}

fn push_length(length: usize, into: &mut Vec<u8>) {
    let octets = length.to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let used = octets.get(zeros..).unwrap_or_default();
    match u8::try_from(length) {
        Ok(short @ 0..=0x7F) => into.push(short),
        _ => {
            // At most as many octets as a usize has.
            into.push(0x80 | u8::try_from(used.len()).unwrap_or(0x7F));
            into.extend_from_slice(used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewrites_indefinite_lengths_and_constructed_strings() {
        // SEQUENCE { OCTET STRING { "ab", "c" }, NULL }, all indefinite, then one more octet.
        let ber = [
            0x30, 0x80, 0x24, 0x80, 0x04, 0x02, b'a', b'b', 0x04, 0x01, b'c', 0, 0, 0x05, 0x00, 0,
            0, 0x77,
        ];
        let (der, rest) = normalise(&ber).unwrap();
        assert_eq!(der[..], [0x30, 7, 0x04, 3, b'a', b'b', b'c', 0x05, 0x00]);
        assert_eq!(rest, [0x77]);
        let (again, rest) = normalise(&der).unwrap();
        assert_eq!(again, der);
        assert!(rest.is_empty());
    }

    #[test]
    fn joins_the_implicit_string_of_encrypted_content() {
        let ber = [
            0x30, 0x0D, 0x06, 0x01, 0x2A, 0x30, 0x00, 0xA0, 0x80, 0x04, 0x01, b'x', 0, 0, 0,
        ];
        // One octet too many is claimed by the outer length, so it must not pass.
        assert!(normalise(&ber).is_none());
        let ber = [
            0x30, 0x0C, 0x06, 0x01, 0x2A, 0x30, 0x00, 0xA0, 0x80, 0x04, 0x01, b'x', 0, 0,
        ];
        let (der, _) = normalise(&ber).unwrap();
        assert_eq!(der[..], [0x30, 8, 0x06, 1, 0x2A, 0x30, 0, 0x80, 1, b'x']);
    }

    #[test]
    fn ends_at_its_depth_however_deep_the_input_goes() {
        let deep = [[0x30, 0x80]; 100_000].concat();
        assert!(normalise(&deep).is_none());
    }

    #[test]
    fn writes_the_shortest_length() {
        let header = |length: usize| element(0x04, &[&vec![0; length]])[..5].to_vec();
        assert_eq!(header(3), [0x04, 3, 0, 0, 0]);
        assert_eq!(header(128)[..3], [0x04, 0x81, 128]);
        assert_eq!(header(65_536), [0x04, 0x83, 1, 0, 0]);
    }
}
