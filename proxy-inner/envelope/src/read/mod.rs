//! Reading CMS objects of any size, one layer from the other.
//!
//! ```text
//!  std::io::Read ─ Octets ─▶ Pull ▸ Enveloped ─▶ Pull ▸ Compressed ─▶ Pull ▸ Signed ─▶ copy
//!                            BER    a Source     BER    a Source      BER    a Source
//! ```
//!
//! A layer reads BER from a [`Source`] and is one itself: its content. It gives "no more octets" only
//! after what follows its content was read and is right, and its own source has ended.
//!
//! Assumes nothing of the octets. Promises memory within fixed ceilings, and work in proportion to
//! the octets read.

mod algorithm;
mod attributes;
mod cipher;
mod compressed;
mod enveloped;
mod pull;
mod recipient;
mod signatures;
mod signed;
mod signer;

use std::io::{self, Read};

pub(crate) use compressed::Compressed;
pub(crate) use enveloped::Enveloped;
pub(crate) use pull::CHUNK;
pub(crate) use signed::Signed;

use crate::ber::{SEQUENCE, context};
use crate::oid;
use crate::open::{Clear, Expect, Layer, OpenError, Opening};
use pull::Pull;

/// Octets that come one after the other.
pub(crate) trait Source {
    /// Fills some of `into`; 0 means that there are no more and that all of it was right. What came
    /// before an error is of no use.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, OpenError>;
}

/// The octets of a file or of memory.
pub(crate) struct Octets<'a>(pub(crate) &'a mut dyn Read);

/// What a layer says that its content is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inner {
    /// There is no layer around it.
    Outermost,
    /// Content octets of the type's identifier.
    Type(Vec<u8>),
}

/// What was copied.
pub(crate) struct Copied {
    pub(crate) octets: u64,
}

impl Source for Octets<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, OpenError> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let what = "reading the secured file";
                    return Err(OpenError::Io { what, error });
                }
                Ok(count) => return Ok(count.min(into.len())),
            }
        }
    }
}

impl Inner {
    pub(crate) fn is(&self, identifier: &[u8]) -> bool {
        matches!(self, Self::Type(inner) if inner == identifier)
    }

    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Outermost => "no layer".to_owned(),
            Self::Type(identifier) => in_words(identifier),
        }
    }

    /// That it is no layer more than was announced: what the business system gets is data.
    pub(crate) fn refuse_layer(&self, expect: Expect) -> Result<(), OpenError> {
        let layer = [
            (oid::ENVELOPED_DATA, Layer::Encryption),
            (oid::COMPRESSED_DATA, Layer::Compression),
            (oid::SIGNED_DATA, Layer::Signature),
        ];
        match layer.iter().find(|(identifier, _)| self.is(identifier)) {
            None => Ok(()),
            Some(_) => Err(OpenError::Layers {
                expected: expect.innermost(),
                found: format!("{} more", self.in_words()),
            }),
        }
    }
}

impl Expect {
    fn innermost(self) -> Layer {
        if self.signed {
            Layer::Signature
        } else if self.compressed {
            Layer::Compression
        } else {
            Layer::Encryption
        }
    }
}

/// Writes everything that `source` has.
pub(crate) fn copy(
    source: &mut dyn Source,
    opening: &Opening<'_>,
    clear: &mut Clear<'_>,
) -> Result<Copied, OpenError> {
    let most = opening.limits.clear_octets;
    let mut buffer = vec![0; CHUNK];
    let mut octets: u64 = 0;
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            return Ok(Copied { octets });
        }
        octets = octets.saturating_add(pull::octets(count));
        if octets > most {
            let layer = opening.expect.innermost();
            return Err(OpenError::TooLarge { layer, most });
        }
        clear.put(buffer.get(..count).unwrap_or_default())?;
    }
}

/// Goes into the object of a layer, to where its version number has been read: a ContentInfo around
/// it, or the bare object where the layer before says that this is what it holds.
fn enter(
    pull: &mut Pull<'_>,
    layer: Layer,
    identifier: &[u8],
    declared: &Inner,
) -> Result<(), OpenError> {
    const TYPE: &str = "a content type";
    let object = layer.object();
    pull.enter(SEQUENCE, "a ContentInfo")?;
    let first = pull.required(TYPE)?;
    if first.tag == crate::ber::INTEGER && declared.is(identifier) {
        pull.primitive(first, "a version")?;
        return Ok(());
    }
    if first.tag != crate::ber::OBJECT_IDENTIFIER {
        return Err(pull.unexpected(first, TYPE));
    }
    let found = pull.primitive(first, TYPE)?;
    if found != identifier {
        let found = in_words(&found);
        return Err(OpenError::Layers {
            expected: layer,
            found,
        });
    }
    pull.enter(context(0), "the content")?;
    pull.enter(SEQUENCE, object)?;
    pull.version("a version")
}

/// A content type by its name, or with dots.
fn in_words(identifier: &[u8]) -> String {
    match identifier {
        oid::DATA => "plain data".to_owned(),
        oid::SIGNED_DATA => Layer::Signature.object().to_owned(),
        oid::ENVELOPED_DATA => Layer::Encryption.object().to_owned(),
        oid::COMPRESSED_DATA => Layer::Compression.object().to_owned(),
        other => oid::dotted(other),
    }
}
