//! Subrecords, the inside of a DATA command: packing a file, unpacking it, and walking past it (RFC 5024 §7).
//!
//! ```text
//!  STH (4) | 'D' | header | octets … | header | octets … |
//!                   |
//!                   +-- 0x80 end of record (U, T: end of file)   R-103
//!                       0x40 compressed: one octet, repeated count times   R-105
//!                       0x3F count, 0 to 63   R-106
//! ```
//!
//! A subrecord never crosses the end of its buffer (R-107), so every function here works on one whole
//! DATABUF, the octets after the `D`; only [`Walker`] takes it in pieces. Compressed subrecords are sent
//! and taken only where both sides announced them (R-115).

mod compress;
mod error;
mod pack;
mod unpack;
mod walk;

pub use compress::pack_compressed;
pub use error::SubrecordError;
pub use pack::{Packed, capacity, pack_records, pack_unstructured};
pub use unpack::Unpacker;
pub use walk::Walker;

/// Header bit: this subrecord is the last of its record; in a U or T file, of the file.
const END: u8 = 0x80;
/// Header bit: one octet follows, to be repeated.
const COMPRESSED: u8 = 0x40;
/// Header bits that hold the count of file octets.
const COUNT: u8 = 0x3F;
/// Most file octets in one subrecord.
const MOST: usize = 63;
/// A literal subrecord with the most octets, header included.
const FULL: usize = MOST + 1;
/// Header of a full literal subrecord that does not end its record.
const FULL_HEADER: u8 = 0x3F;

/// A subrecord header, read.
struct Subrecord {
    end: bool,
    /// File octets it stands for.
    count: usize,
    /// Octets that follow it on the wire.
    wire: usize,
}

impl Subrecord {
    fn read(header: u8, offset: usize, compression_agreed: bool) -> Result<Self, SubrecordError> {
        let compressed = header & COMPRESSED != 0;
        if compressed && !compression_agreed {
            return Err(SubrecordError::NotAgreed { offset });
        }
        let count = usize::from(header & COUNT);
        Ok(Self {
            end: header & END != 0,
            count,
            wire: if compressed { 1 } else { count },
        })
    }
}

/// The count field of a subrecord of less than 64 octets.
fn count_octet(len: usize) -> u8 {
    let [.., low] = len.to_be_bytes();
    low & COUNT
}

#[cfg(test)]
mod tests;
