//! Packing: the front of a file, or of a file's records, as one DATA frame.

use super::compress::Scan;
use super::{COMPRESSED, END, FULL, FULL_HEADER, MOST, count_octet};
use crate::frame::{self, HEADER_LEN, MAX_OEB_LEN};

/// Says how many file octets fit into one DATA command of `data_buffer_len` octets (SSIDSDEB), in literal
/// subrecords of one record: `(S − 1) − ceil((S − 1) / 64)`.
///
/// The length counts the command octet and not the Stream Transmission Header.
#[must_use]
pub const fn capacity(data_buffer_len: usize) -> usize {
    literals_in(data_buffer_len.saturating_sub(1))
}

/// Appends one whole DATA frame (STH, `D`, literal subrecords) for the front of `file` to `out` and returns
/// how many octets of `file` it took.
///
/// `oeb_room` is the agreed SSIDSDEB: the most octets the exchange buffer may have, `D` included and the STH
/// not; more than 99 999 counts as 99 999. With `end_of_file`, the last subrecord carries the end flag
/// if the frame takes all of `file`; an empty file then becomes the one header `0x80`.
///
/// Nothing is appended and 0 is returned if there is nothing to send (`file` is empty and does not end) or
/// if `oeb_room` has no place for a single octet (less than 3, where the protocol's least is 128).
pub fn pack_unstructured(
    file: &[u8],
    oeb_room: usize,
    end_of_file: bool,
    out: &mut Vec<u8>,
) -> usize {
    pack_stream(file, oeb_room, end_of_file, false, out)
}

/// Appends one whole DATA frame for the front of a file's records to `out`, and says what it took from the
/// front; `oeb_room` as in [`pack_unstructured`].
///
/// `ends` are the places in `octets` where records end, ascending; the same place again is an empty record.
/// Octets after the last end belong to a record that goes on. The last subrecord of each record carries the
/// end flag, and a record is counted as taken only with it: when the caller goes on behind
/// `Packed::octets` and `Packed::records`, nothing is lost or doubled. With `compress`, runs of four and more
/// equal octets become compressed subrecords; that must be agreed.
///
/// An end that is before another's or behind the octets counts as the nearest possible one. Nothing is appended
/// when nothing fits or nothing is there.
pub fn pack_records(
    octets: &[u8],
    ends: &[usize],
    oeb_room: usize,
    compress: bool,
    out: &mut Vec<u8>,
) -> Packed {
    let mut frame = Frame::begin(oeb_room, octets.len().saturating_add(ends.len()), out);
    let mut packed = Packed::default();
    let mut rest = octets;
    for &end in ends {
        let (record, after) = rest.split_at(end.saturating_sub(packed.octets).min(rest.len()));
        let part = frame.put(record, true, compress);
        packed.octets += part.octets;
        if !part.closed {
            frame.finish();
            return packed;
        }
        packed.records += 1;
        rest = after;
    }
    packed.octets += frame.put(rest, false, compress).octets;
    frame.finish();
    packed
}

/// What a frame took from the front of a file's records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packed {
    /// Octets taken.
    pub octets: usize,
    /// Records that were closed.
    pub records: usize,
}

/// One record that is a whole stream file: U, T, and everything secured.
pub(super) fn pack_stream(
    file: &[u8],
    oeb_room: usize,
    end_of_file: bool,
    compress: bool,
    out: &mut Vec<u8>,
) -> usize {
    let mut frame = Frame::begin(oeb_room, file.len(), out);
    let part = frame.put(file, end_of_file, compress);
    frame.finish();
    part.octets
}

/// How many octets of one record fit into `room` octets of literal subrecords.
const fn literals_in(room: usize) -> usize {
    room - room.div_ceil(FULL)
}

/// A DATA frame while it is filled.
struct Frame<'a> {
    out: &'a mut Vec<u8>,
    /// Where the frame begins in `out`.
    start: usize,
    /// Octets of DATABUF that there is still room for.
    room: usize,
}

/// What became of a record's octets.
struct Part {
    /// Octets taken from the front.
    octets: usize,
    /// The record's end flag is in the frame.
    closed: bool,
}

impl<'a> Frame<'a> {
    /// `octets`: about how many octets and records wait, to reserve no more than they need.
    fn begin(oeb_room: usize, octets: usize, out: &'a mut Vec<u8>) -> Self {
        let room = oeb_room.min(MAX_OEB_LEN).saturating_sub(1);
        let wanted = octets.saturating_add(octets.div_ceil(MOST)).min(room);
        out.reserve(HEADER_LEN + 1 + wanted);
        let start = out.len();
        out.extend_from_slice(&[0, 0, 0, 0, b'D']);
        Self { out, start, room }
    }

    /// Puts as much of a record as fits; with `ends`, its end flag with its last octet.
    fn put(&mut self, record: &[u8], ends: bool, compress: bool) -> Part {
        if record.is_empty() {
            let closed = ends && self.room > 0;
            if closed {
                self.out.push(END);
                self.room -= 1;
            }
            return Part { octets: 0, closed };
        }
        let octets = if compress {
            self.put_compressed(record, ends)
        } else {
            self.put_literals(record, ends)
        };
        let closed = ends && octets == record.len();
        Part { octets, closed }
    }

    /// As [`Frame::put`], literals only. Returns how many octets fit.
    fn put_literals(&mut self, record: &[u8], ends: bool) -> usize {
        let (front, rest) = record.split_at(record.len().min(literals_in(self.room)));
        let end = if ends && rest.is_empty() { END } else { 0 };
        let (pieces, last) = front.as_chunks::<MOST>();
        let start = self.out.len();
        self.out.resize(start + pieces.len() * FULL, 0);
        if let Some(place) = self.out.get_mut(start..) {
            // Both sides in pieces of fixed size: the copies become a few wide moves, without a length test each.
            let places = place.as_chunks_mut::<FULL>().0.iter_mut();
            for ([header, octets @ ..], piece) in places.zip(pieces) {
                *header = FULL_HEADER;
                *octets = *piece;
            }
        }
        if !last.is_empty() {
            self.out.push(count_octet(last.len()) | end);
            self.out.extend_from_slice(last);
        } else if !front.is_empty()
            && let Some(header) = self.out.iter_mut().rev().nth(MOST)
        {
            *header |= end;
        }
        self.room -= front.len() + front.len().div_ceil(MOST);
        front.len()
    }

    /// As [`Frame::put`], with runs compressed. Returns how many octets fit, which is never less than with
    /// literals alone: a run saves what it costs, and where it does not fit, literals fill the frame.
    fn put_compressed(&mut self, record: &[u8], ends: bool) -> usize {
        let mut rest = record;
        loop {
            // What is beyond the room for literals does not matter to this frame.
            let near = rest
                .len()
                .min(literals_in(self.room).saturating_add(Scan::RUN));
            let Some(at) = Scan::run(rest.get(..near).unwrap_or(rest)) else {
                break;
            };
            let (literals, run) = rest.split_at(at);
            if literals.len() + literals.len().div_ceil(MOST) + 2 > self.room {
                break;
            }
            if !literals.is_empty() {
                self.put_literals(literals, false);
            }
            rest = self.put_run(run, ends);
        }
        record.len() - rest.len() + self.put_literals(rest, ends)
    }

    /// Puts the run of equal octets at the front of `rest` while there is room, in pieces of at most 63 and at
    /// least [`Scan::RUN`] octets, and returns what is behind.
    fn put_run<'r>(&mut self, mut rest: &'r [u8], ends: bool) -> &'r [u8] {
        let Some(&octet) = rest.first() else {
            return rest;
        };
        while self.room >= 2 {
            let length = Scan::length(rest, octet);
            if length < Scan::RUN {
                break;
            }
            rest = rest.get(length..).unwrap_or_default();
            let end = if ends && rest.is_empty() { END } else { 0 };
            self.out
                .extend_from_slice(&[COMPRESSED | count_octet(length) | end, octet]);
            self.room -= 2;
        }
        rest
    }

    /// Fills in the stream header, or takes everything back if no subrecord was put.
    fn finish(self) {
        let oeb_len = self.out.len() - self.start - HEADER_LEN;
        if oeb_len <= 1 {
            self.out.truncate(self.start);
        } else if let Some(header) = self.out.get_mut(self.start..self.start + HEADER_LEN) {
            header.copy_from_slice(&frame::header(oeb_len));
        }
    }
}
