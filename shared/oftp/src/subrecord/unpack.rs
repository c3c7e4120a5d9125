//! Unpacking: the octets of a file, and the ends of its records, from its data buffers.

use super::{FULL, FULL_HEADER, MOST, Subrecord, SubrecordError};

/// Decodes the data buffers of one received file, in order.
///
/// Made for one file and dropped after it. What it decodes is bounded by what arrives: at most 31.5 octets for
/// each octet of a compressed buffer.
#[derive(Debug, Clone)]
pub struct Unpacker {
    compression_agreed: bool,
    /// F and V: the end flag closes a record and the file goes on.
    has_records: bool,
    /// The last subrecord that counts closed its record (U, T: the file).
    ended: bool,
    octets: u64,
    records: u64,
}

impl Unpacker {
    /// For a U or T file, and for every signed, encrypted or file-compressed one: one record, whose end is
    /// the end of the file.
    ///
    /// `compression_agreed`: both sides announced SSIDCMPR `Y`.
    #[must_use]
    pub const fn unstructured(compression_agreed: bool) -> Self {
        Self {
            compression_agreed,
            has_records: false,
            ended: false,
            octets: 0,
            records: 0,
        }
    }

    /// For an F or V file: the end flag closes a record and the file goes on.
    #[must_use]
    pub const fn records(compression_agreed: bool) -> Self {
        Self {
            compression_agreed,
            has_records: true,
            ended: true,
            octets: 0,
            records: 0,
        }
    }

    /// Appends the file octets of one whole DATABUF (without the `D`) to `out`.
    ///
    /// An empty buffer and subrecords of no octets are fine anywhere; a compressed subrecord with
    /// count 0 skips its octet.
    ///
    /// # Errors
    ///
    /// [`SubrecordError`]; `out` is then as it was, and the file cannot go on.
    pub fn unpack(&mut self, databuf: &[u8], out: &mut Vec<u8>) -> Result<(), SubrecordError> {
        self.decode(databuf, out, &mut ())
    }

    /// As [`Unpacker::unpack`], and appends to `ends` where records end: for each record that closes in this
    /// buffer the length of `out` at its end, ascending. A U or T file adds none.
    ///
    /// An F or V file of empty records makes one end, eight octets here, for each octet received.
    ///
    /// # Errors
    ///
    /// [`SubrecordError`]; `out` and `ends` are then as they were, and the file cannot go on.
    pub fn unpack_records(
        &mut self,
        databuf: &[u8],
        out: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) -> Result<(), SubrecordError> {
        let before = ends.len();
        let result = self.decode(databuf, out, ends);
        if result.is_err() {
            ends.truncate(before);
        }
        result
    }

    /// For U and T: the end flag has arrived. For F and V: no record is open, so the file may end here.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// File octets decoded so far: what EFIDUCNT counts, if the file began at its first octet.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// Records closed so far; 0 for U and T, as in EFIDRCNT.
    #[must_use]
    pub const fn record_count(&self) -> u64 {
        self.records
    }

    fn decode(
        &mut self,
        databuf: &[u8],
        out: &mut Vec<u8>,
        ends: &mut impl Ends,
    ) -> Result<(), SubrecordError> {
        let before = out.len();
        out.reserve(databuf.len());
        let mut rest = databuf;
        while !rest.is_empty() {
            rest = match self.take_one(rest, databuf.len(), out, ends) {
                Ok(rest) => rest,
                Err(error) => {
                    out.truncate(before);
                    return Err(error);
                }
            };
        }
        Ok(())
    }

    /// Takes the full literal subrecords in front and the subrecord behind them; returns the rest.
    fn take_one<'a>(
        &mut self,
        rest: &'a [u8],
        whole: usize,
        out: &mut Vec<u8>,
        ends: &mut impl Ends,
    ) -> Result<&'a [u8], SubrecordError> {
        let rest = self.take_full(rest, out);
        let Some((&header, after)) = rest.split_first() else {
            return Ok(rest);
        };
        let offset = whole.saturating_sub(rest.len());
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
                // A copy of fixed size and a cut are faster than filling a length known only now.
                let end = out.len().saturating_add(subrecord.count);
                out.extend_from_slice(&[*octet; MOST]);
                out.truncate(end);
            }
            _ => out.extend_from_slice(octets),
        }
        if subrecord.end {
            self.ended = true;
            if self.has_records {
                self.records = self.records.saturating_add(1);
                ends.close(out.len());
            }
        }
        Ok(after)
    }

    /// The usual case at full speed: takes the full literal subrecords at the front and returns the rest.
    fn take_full<'a>(&mut self, rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        if self.ended && !self.has_records {
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
        if self.ended && !self.has_records && (subrecord.count > 0 || subrecord.end) {
            return Err(SubrecordError::DataAfterEnd { offset });
        }
        // Headers of 0x00 are seen as padding after the last record or the end of the file: they open nothing.
        if subrecord.count > 0 {
            self.ended = false;
            self.count(subrecord.count);
        }
        Ok(())
    }

    fn count(&mut self, octets: usize) {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        self.octets = self.octets.saturating_add(octets);
    }
}

/// Where the ends of records go.
trait Ends {
    /// A record ends here: the length of the decoded octets.
    fn close(&mut self, at: usize);
}

/// Nobody asks for them.
impl Ends for () {
    fn close(&mut self, _at: usize) {}
}

impl Ends for Vec<usize> {
    fn close(&mut self, at: usize) {
        self.push(at);
    }
}
