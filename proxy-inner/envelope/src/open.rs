//! Opening a secured file: decrypt, decompress, verify, streamed (RFC 5024 section 6.1).
//!
//! ```text
//!  source ─▶ Enveloped ─▶ Compressed ─▶ Signed ─▶ target
//!            our key       ceilings      digest     written as it comes,
//!            padding       zlib's end    signers    thrown away on error
//! ```
//!
//! Each layer is read from the one before it, and says "end" only when all that follows its content
//! was read and is right, the end of the layer before included. So `target` has everything before
//! anything is known to be good: nobody may see it before [`open`] has returned.
//!
//! # What a partner learns
//!
//! CBC has no integrity: whoever can send us altered copies of somebody else's file and sees in the
//! receipt *what* failed can decrypt it, guess by guess. Therefore, once our private key was used,
//! - a wrong key, a wrong padding and octets that are no CMS are one error, with one text, found
//!   after everything was decrypted to its end;
//! - what fails although the padding and the whole structure were right (the signature, zlib, a
//!   missing layer, a ceiling, what the target thinks of the content) is told as what it is for the
//!   first file of a content key that fails, and never after. An honest partner makes a new one for
//!   every file. Whoever sends the same one again is told that it cannot be decrypted, whatever fails;
//! - nothing is told that was read from what was decrypted: no name, no number;
//! - a content key with which too many files have failed is used no more. A file that nobody signed
//!   has no other protection: that an altered copy of it opens is an answer too.
//!
//! The cause is in the error's own text, which is for our log and our operator and is not told.

mod clear;
mod error;
mod told;

use std::io::{Read, Write};

use crate::read::{self, Compressed, Copied, Enveloped, Inner, Octets, Signed, Source};
use crate::{Certificate, OwnKey, Suite};
use told::ContentKey;

pub(crate) use clear::Clear;
pub use error::{
    DecompressionError, DecryptionError, Kind, Layer, OpenError, Problem, SignatureError,
};
pub use told::forget_failures;

/// SignedData directly inside SignedData at most.
const MOST_SIGNED: usize = 4;

/// The layers a file must have: exactly these, in the order of RFC 5024 section 6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expect {
    /// EnvelopedData outermost: SFIDSEC 01 or 03.
    pub encrypted: bool,
    /// CompressedData: SFIDCOMP 1.
    pub compressed: bool,
    /// SignedData: SFIDSEC 02 or 03.
    pub signed: bool,
}

/// How a file is to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// Its layers.
    pub expect: Expect,
    /// What SFIDCIPH says: other algorithms than the suite's are refused. `None`: any that are known.
    pub suite: Option<Suite>,
    /// Our keys; the one that the file names is used.
    pub keys: &'a [OwnKey],
    /// Who may have signed it. One good signature of one of them is enough.
    pub signers: &'a [Certificate],
    /// How much may come out.
    pub limits: Limits,
}

/// How much may come out of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the clear file at most.
    pub clear_octets: u64,
    /// Octets that decompression may give for each that goes in. zlib itself does not reach 1100.
    pub expansion: u32,
}

/// A file that was opened: everything was read, and everything was right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// Octets written to the target.
    pub clear_octets: u64,
    /// The key it was decrypted with, as its place in [`Opening::keys`].
    pub key: Option<usize>,
    /// Whose signatures were verified, as places in [`Opening::signers`], each once.
    pub signers: Vec<usize>,
    /// The certificates that came with the signature, in DER, not looked at.
    pub certificates: Vec<Vec<u8>>,
}

impl Default for Limits {
    /// Any size, and whatever zlib can do.
    fn default() -> Self {
        Self {
            clear_octets: u64::MAX,
            expansion: 1100,
        }
    }
}

/// Opens the file that `source` has and writes it to `target`, with a few hundred KiB of memory
/// whatever its size. When it fails, what was written must be thrown away.
///
/// The target may refuse what is written to it, by an error of the kind `InvalidData`, and at the end
/// the whole of it: it is flushed once, after all else was found right. Only then, and only as far as a
/// partner may know, that comes back as [`OpenError::Content`].
///
/// # Errors
/// See [`OpenError`].
pub fn open(
    opening: &Opening<'_>,
    source: &mut dyn Read,
    target: &mut dyn Write,
) -> Result<Opened, OpenError> {
    let mut source = Octets(source);
    let mut clear = Clear::new(target);
    let mut opened = Opened::default();
    if !opening.expect.encrypted {
        let declared = Inner::Outermost;
        decompress(opening, &mut source, &declared, &mut clear, &mut opened)?;
        clear.end()?;
        return Ok(opened);
    }
    let mut enveloped = Enveloped::start(&mut source, opening)?;
    let ours = opening.keys.get(enveloped.key());
    let ours = ours.map(|key| key.key().public());
    let content_key = ContentKey::of(enveloped.wrapped_key(), ours);
    content_key.may_be_used(opening.expect)?;
    let inner = enveloped.inner();
    opened.key = Some(enveloped.key());
    let inside = decompress(opening, &mut enveloped, &inner, &mut clear, &mut opened);
    match inside.and_then(|()| clear.end()) {
        Ok(()) => Ok(opened),
        Err(error) if error.is_ours() => Err(error),
        Err(error) => {
            let rest = enveloped.drain();
            Err(content_key.verdict(error, rest))
        }
    }
}

fn decompress(
    opening: &Opening<'_>,
    source: &mut dyn Source,
    declared: &Inner,
    clear: &mut Clear<'_>,
    opened: &mut Opened,
) -> Result<(), OpenError> {
    if !opening.expect.compressed {
        return verify(opening, source, declared, clear, opened);
    }
    let mut compressed = Compressed::start(source, declared, &opening.limits)?;
    let inner = compressed.inner();
    verify(opening, &mut compressed, &inner, clear, opened)
}

fn verify(
    opening: &Opening<'_>,
    source: &mut dyn Source,
    declared: &Inner,
    clear: &mut Clear<'_>,
    opened: &mut Opened,
) -> Result<(), OpenError> {
    if !opening.expect.signed {
        return copy(opening, source, declared, clear, opened);
    }
    signed(opening, source, declared, clear, opened, 1)?.map_err(OpenError::Signature)
}

/// A SignedData and those that are directly inside it. The inner result is of their signatures:
/// one good one in any of them is enough.
fn signed(
    opening: &Opening<'_>,
    source: &mut dyn Source,
    declared: &Inner,
    clear: &mut Clear<'_>,
    opened: &mut Opened,
    level: usize,
) -> Result<Result<(), SignatureError>, OpenError> {
    let mut outer = Signed::start(source, declared, opening.suite.map(|suite| suite.hash))?;
    let inner = outer.inner();
    let mut nested = Ok(());
    let is_nested = inner.is(crate::oid::SIGNED_DATA) && level < MOST_SIGNED;
    if is_nested {
        nested = signed(opening, &mut outer, &inner, clear, opened, level + 1)?;
    } else {
        copy(opening, &mut outer, &inner, clear, opened)?;
    }
    let (certificates, signatures) = outer.into_signatures();
    opened.certificates.extend(certificates);
    let verified = signatures.verify(opening.signers, opening.suite);
    for signer in verified.iter().flatten() {
        if !opened.signers.contains(signer) {
            opened.signers.push(*signer);
        }
    }
    Ok(match (verified, is_nested) {
        (Ok(_), _) => Ok(()),
        (Err(_), true) if nested.is_ok() => Ok(()),
        (Err(error), _) => Err(error),
    })
}

/// The innermost content, to its end.
fn copy(
    opening: &Opening<'_>,
    source: &mut dyn Source,
    inner: &Inner,
    clear: &mut Clear<'_>,
    opened: &mut Opened,
) -> Result<(), OpenError> {
    inner.refuse_layer(opening.expect)?;
    let Copied { octets } = read::copy(source, opening, clear)?;
    opened.clear_octets = octets;
    Ok(())
}
