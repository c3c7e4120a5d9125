//! CompressedData (RFC 3274): inflates while it is read, within ceilings.

use flate2::{Decompress, FlushDecompress, Status};

use super::pull::{CHUNK, Pull};
use super::{Inner, Source, enter};
use crate::ber::{OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, context};
use crate::oid;
use crate::open::{DecompressionError, Layer, Limits, OpenError, Problem};

/// Octets that may come out whatever went in: one buffer.
const SLACK: u64 = 64 << 10;
/// What a signature and the lengths of pieces add to the clear octets at most: an eighth and this.
const SIGNATURE: u64 = 8 << 20;

/// The content of a CompressedData.
pub(crate) struct Compressed<'a> {
    pull: Pull<'a>,
    inner: Vec<u8>,
    inflate: Decompress,
    /// Octets read and not yet inflated.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    state: State,
    /// Octets out for each octet in.
    expansion: u32,
    /// Octets out.
    most: u64,
    clear_octets: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Inflating,
    /// zlib says that it ends here.
    Inflated,
    Finished,
}

impl<'a> Compressed<'a> {
    /// Reads what comes before the content.
    pub(crate) fn start(
        source: &'a mut dyn Source,
        declared: &Inner,
        limits: &Limits,
    ) -> Result<Self, OpenError> {
        let layer = Layer::Compression;
        let mut pull = Pull::new(source, layer);
        enter(&mut pull, layer, oid::COMPRESSED_DATA, declared)?;
        let algorithm = pull.small_sequence("the compression algorithm")?;
        require_zlib(&algorithm)?;
        pull.enter(SEQUENCE, "the compressed content")?;
        let inner = pull.identifier("the type of the compressed content")?;
        // Without it there is no content: an empty file of some writers.
        if let Some(explicit) = pull.next()? {
            if explicit.tag != context(0) {
                return Err(pull.unexpected(explicit, "the compressed content"));
            }
            pull.open(explicit, "the compressed content")?;
            let string = pull.expect(OCTET_STRING, "the compressed content")?;
            pull.begin_string(string)?;
        }
        let clear = limits.clear_octets;
        Ok(Self {
            pull,
            inner,
            inflate: Decompress::new(true),
            buffer: vec![0; CHUNK].into_boxed_slice(),
            start: 0,
            end: 0,
            state: State::Inflating,
            expansion: limits.expansion,
            most: clear.saturating_add(clear / 8).saturating_add(SIGNATURE),
            clear_octets: clear,
        })
    }

    /// What it says that its content is.
    pub(crate) fn inner(&self) -> Inner {
        Inner::Type(self.inner.clone())
    }

    /// Inflates some octets; 0 only when zlib has ended, or there is nothing at all.
    fn inflate(&mut self, into: &mut [u8]) -> Result<usize, OpenError> {
        loop {
            let mut is_end = false;
            if self.start == self.end {
                self.start = 0;
                self.end = self.pull.read_string(&mut self.buffer)?;
                is_end = self.end == 0;
                if is_end && self.inflate.total_in() == 0 {
                    self.state = State::Inflated;
                    return Ok(0);
                }
            }
            let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
            let from = self.buffer.get(self.start..self.end).unwrap_or_default();
            let status = self
                .inflate
                .decompress(from, into, FlushDecompress::None)
                .map_err(|error| damaged(&error))?;
            let taken = usize::try_from(self.inflate.total_in() - taken).unwrap_or(usize::MAX);
            self.start = self.start.saturating_add(taken).min(self.end);
            let given = usize::try_from(self.inflate.total_out() - given).unwrap_or(usize::MAX);
            self.check_ceilings()?;
            if status == Status::StreamEnd {
                self.state = State::Inflated;
                return Ok(given);
            }
            if given > 0 {
                return Ok(given);
            }
            if is_end {
                return Err(OpenError::Decompression(DecompressionError::Truncated));
            }
        }
    }

    fn check_ceilings(&self) -> Result<(), OpenError> {
        let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
        let allowed = taken.saturating_mul(self.expansion.into());
        if given > allowed.saturating_add(SLACK) {
            let error = DecompressionError::Expansion(self.expansion);
            return Err(OpenError::Decompression(error));
        }
        if given > self.most {
            return Err(OpenError::TooLarge {
                layer: Layer::Compression,
                most: self.clear_octets,
            });
        }
        Ok(())
    }

    /// Nothing may follow zlib's end, nor the object.
    fn finish(&mut self) -> Result<(), OpenError> {
        let trailing = OpenError::Decompression(DecompressionError::Trailing);
        let mut one = [0];
        if self.start < self.end || self.pull.read_string(&mut one)? > 0 {
            return Err(trailing);
        }
        self.pull.finish()
    }
}

impl Source for Compressed<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, OpenError> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.state == State::Inflating {
            let given = self.inflate(into)?;
            if given > 0 {
                return Ok(given);
            }
        }
        if self.state == State::Inflated {
            self.finish()?;
            self.state = State::Finished;
        }
        Ok(0)
    }
}

fn damaged(error: &flate2::DecompressError) -> OpenError {
    let what = if error.needs_dictionary().is_some() {
        "it needs a dictionary nobody has".to_owned()
    } else {
        error.to_string()
    };
    OpenError::Decompression(DecompressionError::Damaged(what))
}

fn require_zlib(algorithm: &[u8]) -> Result<(), OpenError> {
    const ALGORITHM: &str = "the compression algorithm";
    let read = || {
        let mut whole = Reader::new(algorithm);
        let mut parts = whole.expect(SEQUENCE, ALGORITHM)?.open(ALGORITHM)?;
        parts
            .expect(OBJECT_IDENTIFIER, ALGORITHM)?
            .primitive(ALGORITHM)
    };
    match read() {
        Ok(oid::ZLIB) => Ok(()),
        Ok(other) => Err(OpenError::Decompression(DecompressionError::Algorithm(
            oid::dotted(other),
        ))),
        Err(error) => Err(OpenError::Structure {
            layer: Layer::Compression,
            at: 0,
            problem: Problem::Inside(error),
        }),
    }
}
