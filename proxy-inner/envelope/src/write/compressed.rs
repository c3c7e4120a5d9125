//! CompressedData (RFC 3274): zlib, as far as it pays.
//!
//! What is compressed or encrypted already does not shrink and takes longest of all. Where a stretch
//! of the file did not, the next one is stored as it is, in blocks that DEFLATE has for this; then
//! another is tried, and so on. A reader sees one zlib stream.

use flate2::{Compress as Deflate, Compression, FlushCompress, Status};
use zlib_rs::adler32::adler32;

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
/// What a zlib stream begins with: DEFLATE, a window of 32 KiB (RFC 1950 section 2.2).
const ZLIB_HEADER: [u8; 2] = [0x78, 0x9c];

/// Octets after which it is judged whether they shrank.
const TRIED: u64 = 64 * 1024;
/// Octets that are stored after the first stretch that did not; twice as many each time after.
const STORED: u64 = 1 << 20;
/// The most that are stored before it is tried again.
const MOST_STORED: u64 = 16 << 20;
/// Octets of a stored block; two octets say how many.
const STORED_BLOCK: usize = 32 * 1024;

/// Compresses what it is given.
pub(crate) struct Compress<S> {
    deflate: Deflate,
    /// Adler-32 of what was taken, with which a zlib stream ends (RFC 1950 section 2.2).
    adler: u32,
    stretch: Stretch,
    room: Vec<u8>,
    pieces: Pieces,
    next: S,
}

/// A part of the file that is treated alike.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    /// Octets of it that are still to come.
    left: u64,
    stored: bool,
    /// Octets DEFLATE had written when it began.
    written: u64,
    /// Octets to store the next time it does not pay.
    next_stored: u64,
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
        let mut pieces = Pieces::start(frame, None, &mut next)?;
        pieces.put(&ZLIB_HEADER, &mut next)?;
        Ok(Self {
            deflate: Deflate::new(Compression::new(level), false),
            adler: 1,
            stretch: Stretch {
                left: if level == 0 { u64::MAX } else { TRIED },
                stored: level == 0,
                written: 0,
                next_stored: STORED,
            },
            room: vec![0; ROOM],
            pieces,
            next,
        })
    }

    /// Has DEFLATE take all octets, or write all it has.
    fn deflate(&mut self, mut octets: &[u8], flush: FlushCompress) -> Result<(), SecureError> {
        loop {
            let (taken, written) = (self.deflate.total_in(), self.deflate.total_out());
            let status = self
                .deflate
                .compress(octets, &mut self.room, flush)
                .map_err(|_| FAILED)?;
            let count = |octets: u64| usize::try_from(octets).map_err(|_| FAILED);
            let taken = count(self.deflate.total_in() - taken)?;
            let written = count(self.deflate.total_out() - written)?;
            octets = octets.get(taken..).ok_or(FAILED)?;
            let out = self.room.get(..written).ok_or(FAILED)?;
            self.pieces.put(out, &mut self.next)?;
            // With room to spare it has nothing more to say for now.
            let done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => octets.is_empty() && written < self.room.len(),
            };
            if done {
                return Ok(());
            }
            if taken == 0 && written == 0 {
                return Err(FAILED);
            }
        }
    }

    /// Blocks that hold octets as they are (RFC 1951 section 3.2.4); they begin at a whole octet,
    /// where a flush has ended.
    fn store(&mut self, octets: &[u8]) -> Result<(), SecureError> {
        for block in octets.chunks(STORED_BLOCK) {
            let [high, low] = u16::try_from(block.len())
                .map_err(|_| FAILED)?
                .to_be_bytes();
            let header = [0, low, high, !low, !high];
            self.pieces.put(&header, &mut self.next)?;
            self.pieces.put(block, &mut self.next)?;
        }
        Ok(())
    }

    /// A stretch has ended: how the next one is treated.
    fn turn(&mut self) -> Result<(), SecureError> {
        let stretch = &mut self.stretch;
        let written = self.deflate.total_out() - stretch.written;
        if stretch.stored {
            // It knows nothing of what was stored, and must not refer to what was before.
            self.deflate.reset();
            stretch.stored = false;
            stretch.left = TRIED;
            stretch.written = 0;
        } else if pays(written) {
            stretch.left = TRIED;
            stretch.written = self.deflate.total_out();
            stretch.next_stored = STORED;
        } else {
            stretch.stored = true;
            stretch.left = stretch.next_stored;
            stretch.next_stored = (stretch.next_stored * 2).min(MOST_STORED);
            self.deflate(&[], FlushCompress::Sync)?;
        }
        Ok(())
    }
}

/// Whether a stretch that was tried became smaller by more than two in a hundred.
fn pays(written: u64) -> bool {
    written < TRIED - TRIED / 50
}

impl<S: Sink> Sink for Compress<S> {
    fn put(&mut self, octets: &[u8]) -> Result<(), SecureError> {
        self.adler = adler32(self.adler, octets);
        let mut rest = octets;
        while !rest.is_empty() {
            let left = usize::try_from(self.stretch.left).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(left.min(rest.len()));
            if self.stretch.stored {
                self.store(now)?;
            } else {
                self.deflate(now, FlushCompress::None)?;
            }
            self.stretch.left -= now.len() as u64;
            rest = later;
            if self.stretch.left == 0 {
                self.turn()?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SecureError> {
        if self.stretch.stored {
            self.deflate.reset();
        }
        self.deflate(&[], FlushCompress::Finish)?;
        let check = self.adler.to_be_bytes();
        self.pieces.put(&check, &mut self.next)?;
        self.pieces.finish(&[], &mut self.next)
    }
}

const FAILED: SecureError = SecureError::Library("compress the content");

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// The zlib stream in a CompressedData that has no more than 64 KiB of it.
    fn inflated(secured: &[u8]) -> Vec<u8> {
        // Pieces have headers of four octets at most, but for the full ones.
        let mut zlib = Vec::new();
        let start = secured
            .windows(4)
            .position(|four| four == [0x24, 0x80, 0x04, 0x83]);
        let start = start.or_else(|| {
            secured
                .windows(3)
                .position(|three| three == [0x24, 0x80, 0x04])
        });
        let mut rest = &secured[start.unwrap() + 2..];
        while rest[0] == 0x04 {
            let (header, length) = match rest[1] {
                0x81 => (3, usize::from(rest[2])),
                0x82 => (4, usize::from(rest[2]) << 8 | usize::from(rest[3])),
                0x83 => (5, 64 * 1024),
                short => (2, usize::from(short)),
            };
            zlib.extend_from_slice(&rest[header..header + length]);
            rest = &rest[header + length..];
        }
        let mut content = Vec::new();
        flate2::read::ZlibDecoder::new(&zlib[..])
            .read_to_end(&mut content)
            .unwrap();
        content
    }

    fn compressed(content: &[u8], level: u32) -> Vec<u8> {
        let mut secured = Vec::new();
        let mut layer = Compress::start(level, &mut secured).unwrap();
        for portion in content.chunks(50_000) {
            layer.put(portion).unwrap();
        }
        layer.finish().unwrap();
        drop(layer);
        secured
    }

    #[test]
    fn what_does_not_shrink_is_stored_and_what_follows_is_compressed_again() {
        let text = b"LIN+1++4711:IN'QTY+113:12:PCE'".repeat(150_000);
        let mut noise = vec![0; 3 << 20];
        crypto::random(&mut noise).unwrap();
        for level in 0..=9 {
            let content = [&text[..], &noise, &text, &noise[..100_000]].concat();
            let secured = compressed(&content, level);
            assert!(inflated(&secured) == content, "{level}");
            if level > 0 {
                // Stored as it is, noise costs next to nothing; of the text that follows no more
                // than what is stored before it is tried again is left as it was.
                let noise = noise.len() + 100_000;
                assert!(secured.len() > noise, "{level}");
                let most = noise + noise / 50 + 4 * (1 << 20) + text.len() / 50;
                assert!(secured.len() < most, "{level}: {}", secured.len());
            }
            let only_noise = compressed(&noise[..3 << 20], level);
            let most = noise.len() + noise.len() / 50;
            assert!(only_noise.len() < most, "{level}: {}", only_noise.len());
        }
    }

    #[test]
    fn refuses_a_level_zlib_has_not() {
        let refused = Compress::start(10, Vec::new()).map(|_| ());
        assert!(matches!(refused, Err(SecureError::Level(10))));
    }
}
