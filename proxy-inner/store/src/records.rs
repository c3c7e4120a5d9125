//! How files with records lie in the spool, and how they are handed over.
//!
//! ```text
//!  U, T, everything secured   the octets as they are             restart in blocks of 1024 octets
//!  F                          the octets as they are             restart in records
//!  V                          [length, 4 octets][octets] …       restart in records
//! ```
//!
//! Lengths are big-endian. A record of format V may be handed over as a line instead; in the spool it
//! always has its length before it, so that no octet of a record can be taken for its end.

use std::fs::File;
use std::io::{self, BufReader, Read};

use oftp::Format;

use crate::directory::RecordForm;
use crate::error::StoreError;
use crate::transfer::{Position, Transfer};

/// The longest record there is (SFIDLRECL), octets.
pub(crate) const LONGEST_RECORD: u32 = 99_999;
/// The longest record of format V in a file that is signed, encrypted or compressed: its length has two
/// octets there (RFC 5024 section 6.5).
pub(crate) const LONGEST_SECURED_RECORD: u32 = 65_535;
/// Octets of the length before each record of format V.
pub(crate) const PREFIX: usize = 4;
/// Octets of a restart block (RFC 5024 section 1.5.4).
pub(crate) const BLOCK: u64 = 1024;

/// How the octets of a file lie in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As they are; restart counts blocks.
    Stream,
    /// As they are, in records of so many octets.
    Fixed(u64),
    /// Each record with its length before it.
    Variable,
}

impl Shape {
    /// A secured file is a stream whatever its format was.
    pub(crate) fn new(format: Format, record_length: u32, secured: bool) -> Shape {
        match format {
            Format::Fixed if !secured && record_length > 0 => {
                Shape::Fixed(u64::from(record_length))
            }
            Format::Variable if !secured => Shape::Variable,
            _ => Shape::Stream,
        }
    }

    pub(crate) fn of(transfer: &Transfer) -> Shape {
        Shape::new(
            transfer.format,
            transfer.record_length,
            transfer.is_secured(),
        )
    }

    /// Octets between two places a transfer can go on from; `None` where they vary.
    pub(crate) fn unit(self) -> Option<u64> {
        match self {
            Shape::Stream => Some(BLOCK),
            Shape::Fixed(length) => Some(length),
            Shape::Variable => None,
        }
    }

    /// The last place at or before `octets` that a transfer can go on from; `records` are whole
    /// records that take up all of `octets` where they vary.
    pub(crate) fn position(self, octets: u64, records: u64) -> Position {
        let Some(unit) = self.unit() else {
            return Position {
                answer: records,
                octets,
            };
        };
        let answer = octets / unit;
        Position {
            answer,
            octets: answer * unit,
        }
    }
}

/// Gives each record its length while the octets of records arrive piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Prefixing {
    /// The beginning of a record that goes on.
    under_way: Vec<u8>,
}

impl Prefixing {
    /// Appends the records that end within `octets` to `out`, keeps the beginning of the next; `ends`
    /// are offsets into `octets`. Returns how many records ended.
    pub(crate) fn push(
        &mut self,
        octets: &[u8],
        ends: &[usize],
        out: &mut Vec<u8>,
    ) -> Result<u64, StoreError> {
        let mut rest = octets;
        let mut taken = 0;
        for end in ends {
            let piece = end
                .checked_sub(taken)
                .and_then(|length| rest.split_at_checked(length));
            let Some((piece, after)) = piece else {
                return Err(StoreError::Refused(format!(
                    "a record ends at octet {end} of a piece of {}; the session is at fault",
                    octets.len()
                )));
            };
            write_prefix(self.under_way.len() + piece.len(), out)?;
            out.append(&mut self.under_way);
            out.extend_from_slice(piece);
            (rest, taken) = (after, *end);
        }
        fits(self.under_way.len() + rest.len())?;
        self.under_way.extend_from_slice(rest);
        Ok(ends.len() as u64)
    }

    /// Octets of the record under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.len()
    }
}

fn write_prefix(length: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
    out.extend_from_slice(&fits(length)?.to_be_bytes());
    Ok(())
}

fn fits(length: usize) -> Result<u32, StoreError> {
    u32::try_from(length)
        .ok()
        .filter(|length| *length <= LONGEST_RECORD)
        .ok_or_else(|| {
            StoreError::Refused(format!(
                "a record has at least {length} octets; the longest there is has {LONGEST_RECORD}: make its records shorter, or send the file as one of format U"
            ))
        })
}

/// What is said of a file that is handed over to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) format: Format,
    pub(crate) record_length: u32,
    pub(crate) records: RecordForm,
    /// Whether it is signed, compressed or encrypted before it is sent.
    pub(crate) secured: bool,
}

impl Terms {
    /// The terms with what does not matter set to nothing, or what is wrong with them.
    pub(crate) fn checked(self) -> Result<Terms, StoreError> {
        let length = self.record_length;
        let refused = |wanted: &str| {
            Err(StoreError::Refused(format!(
                "the record length is {length}; for format {} {wanted}",
                self.format
            )))
        };
        match self.format {
            Format::Fixed if !(1..=LONGEST_RECORD).contains(&length) => {
                refused("it must be from 1 to 99999 octets")
            }
            Format::Variable if length > LONGEST_RECORD => {
                refused("it must be at most 99999 octets, or 0 for that of the longest record")
            }
            Format::Variable if self.secured && length > LONGEST_SECURED_RECORD => refused(
                "it must be at most 65535 octets where the file is signed, encrypted or compressed",
            ),
            Format::Fixed | Format::Variable => Ok(self),
            Format::Unstructured | Format::Text => Ok(Terms {
                record_length: 0,
                ..self
            }),
        }
    }

    /// Whether what is handed over differs from what lies in the spool.
    pub(crate) fn converts(self) -> bool {
        self.format == Format::Variable && self.records == RecordForm::Lines
    }
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Octets of the virtual file.
    pub(crate) octets: u64,
    /// Octets in the spool.
    pub(crate) stored: u64,
    pub(crate) records: u64,
    pub(crate) record_length: u32,
}

/// Looks through a file that is handed over, piece by piece.
#[derive(Debug)]
pub(crate) struct Examining {
    terms: Terms,
    counted: Counted,
    longest: u32,
    /// The beginning of a length (prefixed), as far as it came.
    prefix: Vec<u8>,
    /// Octets the record still lacks (prefixed).
    lacking: u32,
    lines: Prefixing,
}

impl Examining {
    pub(crate) fn new(terms: Terms) -> Examining {
        Examining {
            terms,
            counted: Counted::default(),
            longest: 0,
            prefix: Vec::with_capacity(PREFIX),
            lacking: 0,
            lines: Prefixing::default(),
        }
    }

    /// Whether what is stored differs from what is handed over.
    pub(crate) fn converts(&self) -> bool {
        self.terms.converts()
    }

    /// Takes the next octets; for lines, appends what is to be stored to `out`.
    pub(crate) fn take(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Result<(), StoreError> {
        if self.terms.converts() {
            return self.take_lines(octets, out);
        }
        self.counted.stored += octets.len() as u64;
        if self.terms.format == Format::Variable {
            self.take_prefixed(octets)
        } else {
            self.counted.octets += octets.len() as u64;
            Ok(())
        }
    }

    /// Counts octets of a format whose octets need not be looked at.
    pub(crate) fn skip(&mut self, octets: u64) {
        self.counted.octets += octets;
        self.counted.stored += octets;
    }

    fn take_prefixed(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        let mut rest = octets;
        while !rest.is_empty() {
            if self.lacking > 0 {
                let length = rest.len().min(self.lacking as usize);
                rest = rest.get(length..).unwrap_or_default();
                self.lacking -= u32::try_from(length).unwrap_or(self.lacking);
                self.counted.octets += length as u64;
                continue;
            }
            let (piece, after) = rest.split_at(rest.len().min(PREFIX - self.prefix.len()));
            self.prefix.extend_from_slice(piece);
            rest = after;
            if let Ok(prefix) = <[u8; PREFIX]>::try_from(self.prefix.as_slice()) {
                self.prefix.clear();
                let length = u32::from_be_bytes(prefix);
                self.record(length)?;
                self.lacking = length;
            }
        }
        Ok(())
    }

    fn take_lines(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Result<(), StoreError> {
        for piece in octets.split_inclusive(|octet| *octet == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(line) => self.line(line, true, out)?,
                None => self.line(piece, false, out)?,
            }
        }
        Ok(())
    }

    fn line(&mut self, piece: &[u8], ends: bool, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let before = out.len();
        let length = self.lines.under_way() + piece.len();
        let end = [piece.len()];
        let ends = if ends { end.as_slice() } else { &[] };
        self.lines.push(piece, ends, out)?;
        self.counted.stored += (out.len() - before) as u64;
        self.counted.octets += piece.len() as u64;
        if !ends.is_empty() {
            self.record(u32::try_from(length).unwrap_or(u32::MAX))?;
        }
        Ok(())
    }

    fn record(&mut self, length: u32) -> Result<(), StoreError> {
        self.counted.records += 1;
        let most = match self.terms.record_length {
            0 => LONGEST_RECORD,
            most => most,
        };
        if self.terms.secured && length > LONGEST_SECURED_RECORD {
            return Err(StoreError::Refused(format!(
                "record {} has {length} octets, at most {LONGEST_SECURED_RECORD} are allowed where the file is signed, encrypted or compressed: make its records shorter, send it as one of format U, or as it is",
                self.counted.records
            )));
        }
        if length > most {
            return Err(StoreError::Refused(format!(
                "record {} has {length} octets, at most {most} are allowed; is the file of format V with each record behind its length in 4 octets, or in lines, as said?",
                self.counted.records
            )));
        }
        self.longest = self.longest.max(length);
        Ok(())
    }

    /// What the whole file is; a last line without its LF is a record too.
    pub(crate) fn end(mut self, out: &mut Vec<u8>) -> Result<Counted, StoreError> {
        if self.lines.under_way() > 0 {
            self.line(&[], true, out)?;
        }
        if self.lacking > 0 || !self.prefix.is_empty() {
            return Err(StoreError::Refused(format!(
                "the file ends within record {}; hand it over whole",
                self.counted.records.max(1)
            )));
        }
        self.counted.record_length = self.terms.record_length;
        match self.terms.format {
            Format::Fixed => {
                let length = u64::from(self.terms.record_length.max(1));
                if !self.counted.octets.is_multiple_of(length) {
                    return Err(StoreError::Refused(format!(
                        "the file has {} octets, which is no multiple of its record length {length}; give the right record length, or send it as one of format U",
                        self.counted.octets
                    )));
                }
                self.counted.records = self.counted.octets / length;
            }
            Format::Variable if self.counted.record_length == 0 => {
                self.counted.record_length = self.longest;
            }
            _ => {}
        }
        Ok(self.counted)
    }
}

/// Reads a file with its lengths and writes its records as lines.
///
/// Returns `false`, with part of it written, when a record has an LF within.
pub(crate) fn write_lines(from: &File, to: &mut impl io::Write) -> io::Result<bool> {
    let mut from = BufReader::with_capacity(BUFFER, from);
    let mut record = Vec::new();
    loop {
        match read_prefix(&mut from)? {
            None => return to.flush().map(|()| true),
            Some(length) => {
                record.resize(length as usize, 0);
                from.read_exact(&mut record)?;
            }
        }
        if record.contains(&b'\n') {
            return Ok(false);
        }
        record.push(b'\n');
        to.write_all(&record)?;
    }
}

/// The length of the next record; `None` at the end of the file.
pub(crate) fn read_prefix(from: &mut impl Read) -> io::Result<Option<u32>> {
    let mut prefix = [0; PREFIX];
    let mut have = 0;
    while let Some(rest) = prefix.get_mut(have..)
        && !rest.is_empty()
    {
        match from.read(rest) {
            Ok(0) if have == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => have += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let length = u32::from_be_bytes(prefix);
    if length > LONGEST_RECORD {
        let problem = format!("a record of {length} octets, more than any can have");
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    Ok(Some(length))
}

/// Where in a file with lengths the record number `records` (from 0) begins: octets stored before it
/// and octets of the virtual file before it.
pub(crate) fn find_record(file: &mut BufReader<File>, records: u64) -> io::Result<(u64, u64)> {
    let (mut stored, mut octets) = (0, 0);
    for _ in 0..records {
        let Some(length) = read_prefix(file)? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        file.seek_relative(i64::from(length))?;
        octets += u64::from(length);
        stored += u64::from(length) + PREFIX as u64;
    }
    Ok((stored, octets))
}

/// Octets read ahead.
pub(crate) const BUFFER: usize = 256 * 1024;
