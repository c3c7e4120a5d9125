//! Records on their way into a secured file and out of it again (RFC 5024 section 6.5).
//!
//! ```text
//!  spool               [length, 4 octets][octets] …
//!  inside a CMS file   [length, 2 octets][octets] …
//!  hashed, when plain  [octets] …
//! ```

use std::io::{self, Read};

use oftp::Format;

use crate::error::StoreError;
use crate::records::{LONGEST_SECURED_RECORD, read_prefix};
use crate::transfer::Transfer;

/// Octets of the length before each record inside a CMS file.
pub(super) const HEADER: usize = 2;

/// Gives the records of a spool file with shorter lengths, or without any.
#[derive(Debug)]
pub(super) struct Packing {
    /// Octets of a length that are given: [`HEADER`], or 0.
    lengths: usize,
    header: [u8; HEADER],
    /// Octets of the header not given yet.
    of_header: usize,
    /// Octets of the record not given yet.
    of_record: u64,
}

impl Packing {
    /// Records as they are inside a CMS file.
    pub(super) fn with_headers() -> Packing {
        Packing::new(HEADER)
    }

    /// Only what is in the records.
    pub(super) fn without_headers() -> Packing {
        Packing::new(0)
    }

    fn new(lengths: usize) -> Packing {
        Packing {
            lengths,
            header: [0; HEADER],
            of_header: 0,
            of_record: 0,
        }
    }

    /// Fills `octets` as far as the file goes, however small its records are.
    pub(super) fn read(&mut self, file: &mut impl Read, octets: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = octets.get_mut(filled..)
            && !rest.is_empty()
        {
            filled += if self.of_header > 0 {
                let header = self.header.get(HEADER - self.of_header..);
                let given = copy(header.unwrap_or_default(), rest);
                self.of_header -= given;
                given
            } else if self.of_record > 0 {
                let most =
                    usize::try_from(self.of_record).map_or(rest.len(), |most| most.min(rest.len()));
                let read = match file.read(rest.get_mut(..most).unwrap_or_default()) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                self.of_record -= read as u64;
                read
            } else {
                let Some(length) = read_prefix(file)? else {
                    break;
                };
                self.begin(length)?;
                0
            };
        }
        Ok(filled)
    }

    fn begin(&mut self, length: u32) -> io::Result<()> {
        self.of_record = u64::from(length);
        if self.lengths == 0 {
            return Ok(());
        }
        let length = u16::try_from(length).map_err(|_| {
            let problem = format!(
                "a record of {length} octets, more than the {LONGEST_SECURED_RECORD} that one of a secured file can have"
            );
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })?;
        self.header = length.to_be_bytes();
        self.of_header = HEADER;
        Ok(())
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let length = from.len().min(to.len());
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    length
}

/// Takes what was inside a CMS file, checks its records, and makes the spool's form of it.
#[derive(Debug)]
pub(super) struct Unpacking {
    format: Format,
    /// What SFIDLRECL says, octets; 0 when it says nothing.
    record_length: u32,
    /// The beginning of a header, as far as it came.
    header: Vec<u8>,
    /// Octets the record still lacks.
    lacking: usize,
    pub(super) octets: u64,
    pub(super) records: u64,
}

impl Unpacking {
    pub(super) fn of(transfer: &Transfer) -> Unpacking {
        Unpacking {
            format: transfer.format,
            record_length: transfer.record_length,
            header: Vec::with_capacity(HEADER),
            lacking: 0,
            octets: 0,
            records: 0,
        }
    }

    /// Appends what goes to disk to `out`.
    pub(super) fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Result<(), StoreError> {
        if self.format != Format::Variable {
            self.octets += octets.len() as u64;
            out.extend_from_slice(octets);
            return Ok(());
        }
        let mut rest = octets;
        while !rest.is_empty() {
            if self.lacking > 0 {
                let (piece, after) = rest.split_at(rest.len().min(self.lacking));
                out.extend_from_slice(piece);
                self.lacking -= piece.len();
                self.octets += piece.len() as u64;
                rest = after;
                continue;
            }
            if self.header.is_empty()
                && let Some((header, after)) = rest.split_first_chunk::<HEADER>()
            {
                self.begin(u16::from_be_bytes(*header), out)?;
                rest = after;
                continue;
            }
            let (piece, after) = rest.split_at(rest.len().min(HEADER - self.header.len()));
            self.header.extend_from_slice(piece);
            rest = after;
            if let Ok(header) = <[u8; HEADER]>::try_from(self.header.as_slice()) {
                self.header.clear();
                self.begin(u16::from_be_bytes(header), out)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, length: u16, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.records += 1;
        let (wide, most) = (u32::from(length), self.record_length);
        if most > 0 && wide > most {
            return Err(StoreError::BadRecords(format!(
                "record {} has {length} octets; SFIDLRECL says {most}",
                self.records
            )));
        }
        out.extend_from_slice(&wide.to_be_bytes());
        self.lacking = usize::from(length);
        Ok(())
    }

    /// Whether that was a whole file.
    pub(super) fn end(&mut self) -> Result<(), StoreError> {
        match self.format {
            Format::Variable if self.lacking > 0 || !self.header.is_empty() => {
                Err(StoreError::BadRecords(format!(
                    "the file ends within record {}",
                    self.records + u64::from(!self.header.is_empty())
                )))
            }
            Format::Fixed if self.record_length > 0 => {
                let length = u64::from(self.record_length);
                if !self.octets.is_multiple_of(length) {
                    return Err(StoreError::BadRecords(format!(
                        "the file has {} octets, which is no multiple of its record length {length}",
                        self.octets
                    )));
                }
                self.records = self.octets / length;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn spooled(records: &[Vec<u8>]) -> Vec<u8> {
        let mut octets = Vec::new();
        for record in records {
            octets.extend_from_slice(&u32::try_from(record.len()).unwrap().to_be_bytes());
            octets.extend_from_slice(record);
        }
        octets
    }

    /// All that a packing gives, in pieces of `piece` octets.
    fn packed(mut packing: Packing, spooled: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let (mut octets, mut file) = (Vec::new(), spooled);
        let mut buffer = vec![0; piece];
        loop {
            match packing.read(&mut file, &mut buffer)? {
                0 => return Ok(octets),
                read => octets.extend_from_slice(&buffer[..read]),
            }
        }
    }

    fn unpacking(format: Format, record_length: u32) -> Unpacking {
        Unpacking {
            format,
            record_length,
            header: Vec::new(),
            lacking: 0,
            octets: 0,
            records: 0,
        }
    }

    fn unpacked(
        mut unpacking: Unpacking,
        octets: &[u8],
        piece: usize,
    ) -> Result<(Vec<u8>, Unpacking), StoreError> {
        let mut out = Vec::new();
        for piece in octets.chunks(piece) {
            unpacking.push(piece, &mut out)?;
        }
        unpacking.end()?;
        Ok((out, unpacking))
    }

    proptest! {
        /// R-213, R-214.
        #[test]
        fn records_come_out_as_they_went_in(
            records in vec(vec(any::<u8>(), 0..300), 0..40), read in 1..700_usize, write in 1..700_usize,
        ) {
            let spool = spooled(&records);
            let inside = packed(Packing::with_headers(), &spool, read).unwrap();
            let mut wanted = Vec::new();
            for record in &records {
                wanted.extend_from_slice(&u16::try_from(record.len()).unwrap().to_be_bytes());
                wanted.extend_from_slice(record);
            }
            prop_assert_eq!(&inside, &wanted);
            prop_assert_eq!(packed(Packing::without_headers(), &spool, read).unwrap(), records.concat());
            let (out, counted) = unpacked(unpacking(Format::Variable, 299), &inside, write).unwrap();
            prop_assert_eq!(out, spool);
            prop_assert_eq!(counted.records, records.len() as u64);
            prop_assert_eq!(counted.octets, records.concat().len() as u64);
        }

        #[test]
        fn a_file_cut_short_is_none(
            records in vec(vec(any::<u8>(), 0..20), 1..9), cut in any::<prop::sample::Index>(), piece in 1..40_usize,
        ) {
            let inside = packed(Packing::with_headers(), &spooled(&records), 64).unwrap();
            let at = cut.index(inside.len());
            let mut ends = vec![0];
            for record in &records {
                ends.push(ends.last().unwrap() + HEADER + record.len());
            }
            let whole = unpacked(unpacking(Format::Variable, 0), &inside[..at], piece);
            prop_assert_eq!(whole.is_ok(), ends.contains(&at));
        }
    }

    #[test]
    fn takes_records_of_up_to_65535_octets() {
        let longest = vec![7; 65_535];
        let spool = spooled(&[longest.clone(), vec![], longest]);
        let inside = packed(Packing::with_headers(), &spool, 64 * 1024).unwrap();
        assert_eq!(inside[..2], [0xFF, 0xFF]);
        let (out, counted) = unpacked(unpacking(Format::Variable, 65_536), &inside, 1000).unwrap();
        assert!(out == spool);
        assert_eq!(counted.records, 3);
        let too_long = spooled(&[vec![7; 65_536]]);
        let error = packed(Packing::with_headers(), &too_long, 4096).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("65535"), "{error}");
        assert_eq!(
            packed(Packing::without_headers(), &too_long, 4096)
                .unwrap()
                .len(),
            65_536
        );
    }

    #[test]
    fn names_the_record_that_is_longer_than_announced() {
        let inside = packed(
            Packing::with_headers(),
            &spooled(&[vec![1; 80], vec![1; 81]]),
            64,
        )
        .unwrap();
        let error = unpacked(unpacking(Format::Variable, 80), &inside, 7).unwrap_err();
        assert!(matches!(&error, StoreError::BadRecords(_)), "{error}");
        assert!(
            error.to_string().contains("record 2 has 81 octets"),
            "{error}"
        );
    }

    #[test]
    fn counts_the_records_of_a_fixed_file() {
        let (out, counted) = unpacked(unpacking(Format::Fixed, 3), b"abcdef", 4).unwrap();
        assert_eq!((out.as_slice(), counted.records), (b"abcdef".as_slice(), 2));
        assert!(unpacked(unpacking(Format::Fixed, 4), b"abcdef", 4).is_err());
        let (_, counted) = unpacked(unpacking(Format::Unstructured, 0), b"abcdef", 4).unwrap();
        assert_eq!((counted.records, counted.octets), (0, 6));
    }

    #[test]
    fn tells_a_spool_file_that_ends_within_a_record() {
        let spool = spooled(&[vec![1; 8]]);
        for end in 1..spool.len() {
            let read = packed(Packing::with_headers(), &spool[..end], 64);
            assert!(read.is_err(), "{end}");
        }
    }
}
