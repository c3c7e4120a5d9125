//! Signed attributes (RFC 5652 sections 5.3 and 11).

use crate::ber::{OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET, context};
use crate::{BerError, der, oid};

const ATTRIBUTES: &str = "the signed attributes";
const CONSTRUCTED_SET: u8 = 0x31;
/// Signed attributes, and values of one, that are looked at: each costs more memory than octets.
const MOST: usize = 64;

/// The attributes a signature covers in place of the content.
#[derive(Debug, Clone)]
pub(super) struct Attributes {
    /// Each in DER, in the order they were sent.
    each: Vec<Vec<u8>>,
    content_types: Vec<Vec<u8>>,
    message_digests: Vec<Vec<u8>>,
}

impl Attributes {
    /// From the whole `[0]` element, definite throughout.
    pub(super) fn read(octets: &[u8]) -> Result<Self, BerError> {
        let mut whole = Reader::new(octets);
        let mut attributes = whole.expect(context(0), ATTRIBUTES)?.open(ATTRIBUTES)?;
        let mut read = Self {
            each: Vec::new(),
            content_types: Vec::new(),
            message_digests: Vec::new(),
        };
        while let Some(attribute) = attributes.next()? {
            count(read.each.len(), attribute.at, "signed attributes")?;
            read.each.push(attribute.definite()?);
            let mut parts = attribute.open("a signed attribute")?;
            let kind = parts
                .expect(OBJECT_IDENTIFIER, "the type of an attribute")?
                .primitive("the type of an attribute")?;
            let values = parts.expect(SET, "the values of an attribute")?;
            parts.finish()?;
            let mut values = values.open("the values of an attribute")?;
            let mut seen = 0;
            while let Some(value) = values.next()? {
                count(seen, value.at, "values of a signed attribute")?;
                seen += 1;
                match (kind, value.tag) {
                    (oid::CONTENT_TYPE, OBJECT_IDENTIFIER) => {
                        let identifier = value.primitive("a content type")?;
                        read.content_types.push(identifier.to_vec());
                    }
                    (oid::MESSAGE_DIGEST, OCTET_STRING) => {
                        read.message_digests.push(value.octets()?);
                    }
                    (oid::CONTENT_TYPE | oid::MESSAGE_DIGEST, _) => {
                        return Err(value.unexpected("a value of that attribute"));
                    }
                    _ => {}
                }
            }
        }
        Ok(read)
    }

    /// What must be in them: one content type, that of the content, and one digest, which is given
    /// back.
    pub(super) fn message_digest(&self, content_type: &[u8]) -> Result<&[u8], &'static str> {
        match self.content_types.as_slice() {
            [one] if one == content_type => {}
            [_] => return Err("they are of another content type"),
            [] => return Err("they have no content type"),
            _ => return Err("they have more than one content type"),
        }
        match self.message_digests.as_slice() {
            [one] => Ok(one),
            [] => Err("they have no message digest"),
            _ => Err("they have more than one message digest"),
        }
    }

    /// What is signed, as it was sent.
    pub(super) fn as_sent(&self) -> Vec<u8> {
        set(&self.each)
    }

    /// What is signed, as DER wants it: some signers sort only what they sign, some only what they
    /// send. `None` when it is the same.
    pub(super) fn sorted(&self) -> Option<Vec<u8>> {
        if self.each.is_sorted() {
            return None;
        }
        let mut each = self.each.clone();
        each.sort();
        Some(set(&each))
    }
}

/// Whether a content begins as signed attributes do.
///
/// A signature without attributes covers the content itself, so that of somebody's signed attributes
/// would be a good one of a "file" which is these attributes: nobody meant to sign that file. Any kind
/// of attribute may come first; other files do not begin like that.
pub(super) fn could_be_attributes(start: &[u8]) -> bool {
    let after_header = |tag: u8, octets: &[u8]| -> Option<Vec<u8>> {
        let (first, rest) = octets.split_first()?;
        let (length, rest) = rest.split_first()?;
        let more = if *length > 0x80 {
            usize::from(length & 0x7f)
        } else {
            0
        };
        (*first == tag).then(|| rest.get(more..).unwrap_or_default().to_vec())
    };
    after_header(CONSTRUCTED_SET, start)
        .and_then(|inside| after_header(0x20 | SEQUENCE, &inside))
        .is_some_and(|attribute| attribute.first() == Some(&OBJECT_IDENTIFIER))
}

fn count(seen: usize, at: usize, of: &'static str) -> Result<(), BerError> {
    if seen >= MOST {
        return Err(BerError::TooMany { at, most: MOST, of });
    }
    Ok(())
}

fn set(each: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<&[u8]> = each.iter().map(Vec::as_slice).collect();
    der::element(CONSTRUCTED_SET, &parts)
}
