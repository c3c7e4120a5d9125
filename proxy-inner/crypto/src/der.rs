//! As much DER as stands around an RSA key.

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// Reads elements one after the other; `None` where one is cut off, is not DER or is another.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn sequence(&mut self) -> Option<Reader<'a>> {
        self.element(SEQUENCE).map(Reader::new)
    }

    pub(crate) fn identifier(&mut self) -> Option<&'a [u8]> {
        self.element(IDENTIFIER)
    }

    pub(crate) fn octet_string(&mut self) -> Option<&'a [u8]> {
        self.element(OCTET_STRING)
    }

    /// A whole number that is not negative, without leading zeros (zero itself is empty).
    pub(crate) fn natural(&mut self) -> Option<&'a [u8]> {
        match self.element(INTEGER)? {
            [0] => Some(&[]),
            [0, rest @ ..] if rest.first()? & 0x80 != 0 => Some(rest),
            [0, ..] | [] => None,
            [first, ..] if first & 0x80 != 0 => None,
            octets => Some(octets),
        }
    }

    /// A bit string of whole octets.
    pub(crate) fn bit_string(&mut self) -> Option<&'a [u8]> {
        match self.element(BIT_STRING)?.split_first()? {
            (0, octets) => Some(octets),
            _ => None,
        }
    }

    /// Steps over a NULL if there is one.
    pub(crate) fn null(&mut self) -> Option<()> {
        if self.rest.first() == Some(&NULL) {
            return self.element(NULL)?.is_empty().then_some(());
        }
        Some(())
    }

    fn element(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, rest) = self.rest.split_first()?;
        if *tag != wanted {
            return None;
        }
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            short @ 0..=0x7F => (usize::from(*short), rest),
            long @ 0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
                let length = octets
                    .iter()
                    .fold(0_usize, |sum, octet| sum << 8 | usize::from(*octet));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(content)
    }
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

pub(crate) fn identifier(content: &[u8]) -> Vec<u8> {
    element(IDENTIFIER, &[content])
}

pub(crate) fn octet_string(content: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, &[content])
}

pub(crate) fn bit_string(content: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], content])
}

pub(crate) fn null() -> Vec<u8> {
    element(NULL, &[])
}

/// A whole number from its octets, most significant first.
pub(crate) fn natural(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let octets = octets.get(zeros..).unwrap_or_default();
    match octets.first() {
        Some(first) if first & 0x80 == 0 => element(INTEGER, &[octets]),
        _ => element(INTEGER, &[&[0], octets]),
    }
}

/// An element in a buffer that never grows, so that no copy of a secret is left behind.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut into = Vec::with_capacity(length + 10);
    into.push(tag);
    let octets = length.to_be_bytes();
    let used = length.leading_zeros() as usize / 8;
    let significant = octets.get(used..).unwrap_or_default();
    if length > 0x7F {
        into.push(0x80 | u8::try_from(significant.len()).unwrap_or(u8::MAX));
        into.extend_from_slice(significant);
    } else {
        into.push(significant.first().copied().unwrap_or(0));
    }
    for part in parts {
        into.extend_from_slice(part);
    }
    into
}
