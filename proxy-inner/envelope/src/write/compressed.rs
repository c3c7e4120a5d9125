//! CompressedData (RFC 3274): zlib.

use flate2::{Compress as Zlib, Compression, FlushCompress, Status};

use super::Sink;
use super::frame::Frame;
use super::pieces::Pieces;
use crate::{SecureError, der, oid};

const EXPLICIT_0: u8 = 0xa0;
const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
/// Octets that leave zlib at a time.
const ROOM: usize = 32 * 1024;
const MOST_LEVEL: u32 = 9;

/// Compresses what it is given.
pub(crate) struct Compress<S> {
    zlib: Zlib,
    room: Vec<u8>,
    pieces: Pieces,
    next: S,
}

impl<S: Sink> Compress<S> {
    pub(crate) fn start(level: u32, mut next: S) -> Result<Self, SecureError> {
        if level > MOST_LEVEL {
            return Err(SecureError::Level(level));
        }
        let algorithm = der::sequence(&[&der::identifier(oid::ZLIB)]);
        let frame = Frame::around(OCTET_STRING)
            .within(SEQUENCE, &[&der::identifier(oid::COMPRESSED_DATA)])
            .within(EXPLICIT_0, &[])
            .within(SEQUENCE, &[&der::small_integer(0), &algorithm])
            .within(SEQUENCE, &[&der::identifier(oid::DATA)])
            .within(EXPLICIT_0, &[]);
        Ok(Self {
            zlib: Zlib::new(Compression::new(level), true),
            room: vec![0; ROOM],
            pieces: Pieces::start(frame, None, &mut next)?,
            next,
        })
    }

    /// Gives zlib octets until it has taken them all, or written all it had.
    fn run(&mut self, mut octets: &[u8], flush: FlushCompress) -> Result<(), SecureError> {
        loop {
            let (taken, written) = (self.zlib.total_in(), self.zlib.total_out());
            let status = self
                .zlib
                .compress(octets, &mut self.room, flush)
                .map_err(|_| FAILED)?;
            let taken = usize::try_from(self.zlib.total_in() - taken).unwrap_or(usize::MAX);
            let written = usize::try_from(self.zlib.total_out() - written).unwrap_or(usize::MAX);
            octets = octets.get(taken..).ok_or(FAILED)?;
            let out = self.room.get(..written).ok_or(FAILED)?;
            self.pieces.put(out, &mut self.next)?;
            let all_taken = octets.is_empty() && written < self.room.len();
            match flush {
                FlushCompress::Finish if status == Status::StreamEnd => return Ok(()),
                FlushCompress::Finish => {}
                _ if all_taken => return Ok(()),
                _ => {}
            }
            if taken == 0 && written == 0 {
                return Err(FAILED);
            }
        }
    }
}

impl<S: Sink> Sink for Compress<S> {
    fn put(&mut self, octets: &[u8]) -> Result<(), SecureError> {
        self.run(octets, FlushCompress::None)
    }

    fn finish(&mut self) -> Result<(), SecureError> {
        self.run(&[], FlushCompress::Finish)?;
        self.pieces.finish(&[], &mut self.next)
    }
}

const FAILED: SecureError = SecureError::Library("compress the content");
