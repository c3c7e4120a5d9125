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
//! DATABUF, the octets after the `D`; only [`Walker`] takes it in pieces. What is sent is never compressed;
//! what is received may be, if both sides announced it (R-115).

use crate::frame::{self, HEADER_LEN, MAX_OEB_LEN};
use crate::reason::EndReason;

/// Header bit: this subrecord is the last of its record; in a U or T file, of the file.
const END: u8 = 0x80;
/// Header bit: one octet follows, to be repeated.
const COMPRESSED: u8 = 0x40;
/// Header bits that hold the count of file octets.
const COUNT: u8 = 0x3F;
/// Most file octets in one subrecord.
const MOST: usize = 63;
/// A subrecord with the most octets, header included.
const FULL: usize = MOST + 1;
/// Header of a full literal subrecord that does not end its record.
const FULL_HEADER: u8 = 0x3F;
/// Says how many file octets fit into one DATA command of `data_buffer_len` octets (SSIDSDEB), in literal
/// subrecords: `(S − 1) − ceil((S − 1) / 64)`.
///
/// The length counts the command octet and not the Stream Transmission Header.
#[must_use]
pub const fn capacity(data_buffer_len: usize) -> usize {
    let room = data_buffer_len.saturating_sub(1);
    room - room.div_ceil(FULL)
}

/// Appends one whole DATA frame (STH, `D`, literal subrecords) for the front of `file` to `out` and returns
/// how many octets of `file` it took.
///
/// `oeb_room` is the agreed SSIDSDEB: the most octets the exchange buffer may have, `D` included and the STH
/// not (R-112); more than 99 999 counts as 99 999. With `end_of_file`, the last subrecord carries the end flag
/// if the frame takes all of `file` (R-117, R-118); an empty file then becomes the one header `0x80`.
///
/// Nothing is appended and 0 is returned if there is nothing to send (`file` is empty and does not end) or
/// if `oeb_room` has no place for a single octet (less than 3, where the protocol's least is 128).
pub fn pack_unstructured(
    file: &[u8],
    oeb_room: usize,
    end_of_file: bool,
    out: &mut Vec<u8>,
) -> usize {
    let oeb_room = oeb_room.min(MAX_OEB_LEN);
    let taken = file.len().min(capacity(oeb_room));
    let ended = end_of_file && taken == file.len();
    if taken == 0 && (!ended || oeb_room < 2) {
        return 0;
    }
    let (front, _) = file.split_at(taken);
    let (pieces, last) = front.as_chunks::<MOST>();
    let lone_end = taken == 0;
    let oeb_len = 1 + taken + taken.div_ceil(MOST) + usize::from(lone_end);

    out.reserve(HEADER_LEN + oeb_len);
    out.extend_from_slice(&frame::header(oeb_len));
    out.push(b'D');
    let start = out.len();
    out.resize(start + pieces.len() * FULL, 0);
    if let Some(room) = out.get_mut(start..) {
        // Both sides in pieces of fixed size: the copies become a few wide moves, without a length test each.
        for ([header, octets @ ..], piece) in room.as_chunks_mut::<FULL>().0.iter_mut().zip(pieces)
        {
            *header = FULL_HEADER;
            *octets = *piece;
        }
    }
    let end = if ended { END } else { 0 };
    if !last.is_empty() || lone_end {
        out.push(count_octet(last.len()) | end);
        out.extend_from_slice(last);
    } else if let Some(header) = out.iter_mut().rev().nth(MOST) {
        *header |= end;
    }
    taken
}

/// The count field of a subrecord of less than 64 octets.
fn count_octet(len: usize) -> u8 {
    let [.., low] = len.to_be_bytes();
    low & COUNT
}

/// Decodes the data buffers of one received file, in order.
///
/// Made for one file and dropped after it. What it decodes is bounded by what arrives: at most 31.5 octets for
/// each octet of a compressed buffer.
#[derive(Debug, Clone)]
pub struct Unpacker {
    compression_agreed: bool,
    /// The last subrecord that counts closed its record (U, T: the file).
    ended: bool,
    octets: u64,
    /// There only for F and V files.
    records: Option<Records>,
}

/// The records of an F or V file so far.
#[derive(Debug, Clone, Default)]
struct Records {
    count: u64,
    ends: Vec<u64>,
}

impl Unpacker {
    /// For a U or T file, and for every signed, encrypted or file-compressed one: one record, whose end is
    /// the end of the file.
    ///
    /// `compression_agreed`: both sides announced SSIDCMPR `Y` (R-049).
    #[must_use]
    pub const fn unstructured(compression_agreed: bool) -> Self {
        Self {
            compression_agreed,
            ended: false,
            octets: 0,
            records: None,
        }
    }

    /// For an F or V file: the end flag closes a record and the file goes on (R-119).
    #[must_use]
    pub const fn records(compression_agreed: bool) -> Self {
        Self {
            compression_agreed,
            ended: true,
            octets: 0,
            records: Some(Records {
                count: 0,
                ends: Vec::new(),
            }),
        }
    }

    /// Appends the file octets of one whole DATABUF (without the `D`) to `out`.
    ///
    /// An empty buffer and subrecords of no octets are fine anywhere (R-111); a compressed subrecord with
    /// count 0 skips its octet.
    ///
    /// # Errors
    ///
    /// [`SubrecordError`]; `out` is then as it was, and the file cannot go on.
    pub fn unpack(&mut self, databuf: &[u8], out: &mut Vec<u8>) -> Result<(), SubrecordError> {
        let before = out.len();
        let result = self.unpack_all(databuf, out);
        if result.is_err() {
            out.truncate(before);
        }
        result
    }

    /// For U and T: the end flag has arrived. For F and V: no record is open, so the file may end here.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// File octets decoded so far: what EFIDUCNT counts (R-137), if the file began at its first octet.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// Records closed so far; 0 for U and T, as in EFIDRCNT.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.records.as_ref().map_or(0, |records| records.count)
    }

    /// Moves the record ends found since the last call to `into`, which is cleared first: for each closed
    /// record the number of file octets before its end, counted from the first octet this unpacker decoded.
    ///
    /// Call it after each buffer: an F or V file of empty records makes eight octets here for each one received.
    pub fn take_record_ends(&mut self, into: &mut Vec<u64>) {
        into.clear();
        if let Some(records) = &mut self.records {
            std::mem::swap(&mut records.ends, into);
        }
    }

    fn unpack_all(&mut self, databuf: &[u8], out: &mut Vec<u8>) -> Result<(), SubrecordError> {
        out.reserve(databuf.len());
        let mut rest = databuf;
        loop {
            rest = self.unpack_full_run(rest, out);
            let Some((&header, after)) = rest.split_first() else {
                return Ok(());
            };
            let offset = databuf.len() - rest.len();
            let subrecord = Subrecord::read(header, offset, self.compression_agreed)?;
            let Some((octets, after)) = after.split_at_checked(subrecord.wire) else {
                return Err(SubrecordError::Overrun {
                    offset,
                    wanted: subrecord.wire,
                    left: after.len(),
                });
            };
            self.note(&subrecord, offset)?;
            match octets {
                [octet] if subrecord.wire != subrecord.count => {
                    out.resize(out.len() + subrecord.count, *octet);
                }
                _ => out.extend_from_slice(octets),
            }
            self.close_record(&subrecord);
            rest = after;
        }
    }

    /// The usual case at full speed: takes the full literal subrecords at the front and returns the rest.
    fn unpack_full_run<'a>(&mut self, rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        if self.ended && self.records.is_none() {
            return rest;
        }
        let mut pieces = 0;
        for [header, octets @ ..] in rest.as_chunks::<FULL>().0 {
            if *header != FULL_HEADER {
                break;
            }
            out.extend_from_slice(octets);
            pieces += 1;
        }
        if pieces > 0 {
            self.ended = false;
            self.count(pieces * MOST);
        }
        rest.get(pieces * FULL..).unwrap_or_default()
    }

    /// Takes note of a subrecord before its octets are decoded.
    fn note(&mut self, subrecord: &Subrecord, offset: usize) -> Result<(), SubrecordError> {
        if self.ended && self.records.is_none() && (subrecord.count > 0 || subrecord.end) {
            return Err(SubrecordError::DataAfterEnd { offset });
        }
        // Headers of 0x00 are seen as padding after the last record or the end of the file: they open nothing.
        if subrecord.count > 0 {
            self.ended = false;
            self.count(subrecord.count);
        }
        Ok(())
    }

    fn close_record(&mut self, subrecord: &Subrecord) {
        if !subrecord.end {
            return;
        }
        self.ended = true;
        if let Some(records) = &mut self.records {
            records.count = records.count.saturating_add(1);
            records.ends.push(self.octets);
        }
    }

    fn count(&mut self, octets: usize) {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        self.octets = self.octets.saturating_add(octets);
    }
}

/// Checks the subrecords of data buffers without decoding them, from octets that arrive in any pieces.
///
/// It allocates nothing and looks at headers only. [`Walker::default`] checks the syntax alone and lets
/// compressed subrecords pass; [`Walker::new`] refuses them where they were not agreed.
///
/// ```
/// let mut walker = oftp::subrecord::Walker::default();
/// walker.walk(&[0x03, b'a'])?;
/// assert!(!walker.at_boundary());
/// walker.walk(&[b'b', b'c', 0x80])?;
/// assert!(walker.at_boundary());
/// # Ok::<(), oftp::subrecord::SubrecordError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Walker {
    refuse_compressed: bool,
    /// Octets of the current subrecord that are still to come.
    wanting: usize,
    /// Octets of this DATABUF walked so far.
    offset: usize,
}

impl Walker {
    /// A walker at the start of a DATABUF which refuses compressed subrecords unless `compression_agreed`.
    #[must_use]
    pub const fn new(compression_agreed: bool) -> Self {
        Self {
            refuse_compressed: !compression_agreed,
            wanting: 0,
            offset: 0,
        }
    }

    /// Walks over the next octets of the DATABUF; they may begin and end anywhere in it.
    ///
    /// # Errors
    ///
    /// [`SubrecordError::NotAgreed`]. A subrecord that overruns its buffer shows at the end of the buffer, by
    /// [`Walker::at_boundary`].
    pub fn walk(&mut self, octets: &[u8]) -> Result<(), SubrecordError> {
        let mut rest = octets;
        loop {
            let Some(after) = rest.get(self.wanting..) else {
                self.wanting -= rest.len();
                break;
            };
            self.wanting = 0;
            let Some((&header, after)) = after.split_first() else {
                break;
            };
            let offset = self.offset.saturating_add(octets.len() - after.len() - 1);
            self.wanting = Subrecord::read(header, offset, !self.refuse_compressed)?.wire;
            rest = after;
        }
        self.offset = self.offset.saturating_add(octets.len());
        Ok(())
    }

    /// Whether the octets so far end with a whole subrecord. If not at the end of the DATABUF, the last
    /// subrecord overruns it: [`SubrecordError::Overrun`], by [`Walker::end`].
    #[must_use]
    pub const fn at_boundary(&self) -> bool {
        self.wanting == 0
    }

    /// The DATABUF is at its end: checks that its last subrecord is too, and makes ready for the next buffer.
    ///
    /// # Errors
    ///
    /// [`SubrecordError::Overrun`].
    pub fn end(&mut self) -> Result<(), SubrecordError> {
        let (wanted, offset) = (self.wanting, self.offset);
        self.reset();
        if wanted == 0 {
            return Ok(());
        }
        Err(SubrecordError::Overrun {
            offset,
            wanted,
            left: 0,
        })
    }

    /// Makes ready for the next DATABUF.
    pub const fn reset(&mut self) {
        self.wanting = 0;
        self.offset = 0;
    }
}

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

/// What is wrong with the subrecords of a received data buffer. Offsets are octets from the start of the
/// DATABUF, the octet after `D`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubrecordError {
    /// A compressed subrecord in a session that did not agree buffer compression (R-115).
    #[error(
        "the data buffer has a compressed subrecord at octet {offset}, but buffer compression was not agreed; \
         the partner must send SSIDCMPR Y or stop compressing"
    )]
    NotAgreed {
        /// Where its header is.
        offset: usize,
    },
    /// A subrecord that is longer than what is left of its buffer (R-107).
    #[error(
        "the data buffer ends inside a subrecord: at octet {offset}, {wanted} more octets are wanted and {left} are left; \
         the partner split a subrecord between buffers or sent a wrong length"
    )]
    Overrun {
        /// Where the subrecord that does not fit begins, or where the buffer ended.
        offset: usize,
        /// Octets still wanted there.
        wanted: usize,
        /// Octets there were.
        left: usize,
    },
    /// More of a U or T file after its end flag (R-117, R-118).
    #[error(
        "the data buffer goes on at octet {offset} after the end-of-file flag; \
         the partner must set the flag on the last subrecord of a U or T file only"
    )]
    DataAfterEnd {
        /// Where the header of the subrecord after the end is.
        offset: usize,
    },
}

impl SubrecordError {
    /// The reason for the ESID command that ends the session over this.
    #[must_use]
    pub const fn end_reason(&self) -> EndReason {
        match self {
            Self::NotAgreed { .. } => EndReason::INVALID_DATA,
            Self::Overrun { .. } => EndReason::BUFFER_SIZE,
            Self::DataAfterEnd { .. } => EndReason::PROTOCOL_VIOLATION,
        }
    }
}

#[cfg(test)]
mod tests;
