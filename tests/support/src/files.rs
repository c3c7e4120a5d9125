//! Files as a scripted partner offers and gets them.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use oftp::{DatasetName, FileId, Format, Security, Sfid, Stamp, UserField};

use crate::directory::{OUR_CODE, PARTNER_CODE};
use crate::partner::id;

/// A file to be offered: its SFID and where its content comes from.
pub struct Offer {
    /// The offer as it goes out.
    pub sfid: Sfid,
    /// The content of an F or V file; all others are read as they go out.
    pub(crate) records: Option<Records>,
    content: Box<dyn Read + Send>,
    ahead: Vec<u8>,
    used: usize,
    over: bool,
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Offer")
            .field("sfid", &self.sfid)
            .finish_non_exhaustive()
    }
}

impl Offer {
    /// A file from the usual partner to us, with a stamp no other offer of this process has.
    pub fn new(dataset: &str, content: Vec<u8>) -> Offer {
        let length = u64::try_from(content.len()).expect("fits");
        Offer::streaming(dataset, length, std::io::Cursor::new(content))
    }

    /// The same with content that is read as it is sent.
    pub fn streaming(dataset: &str, length: u64, content: impl Read + Send + 'static) -> Offer {
        let blocks = length.div_ceil(1024);
        let sfid = Sfid {
            dataset: dataset_name(dataset),
            stamp: fresh_stamp(),
            user: UserField::default(),
            destination: id(OUR_CODE),
            origin: id(PARTNER_CODE),
            format: Format::Unstructured,
            record_length: 0,
            size_blocks: blocks,
            original_blocks: blocks,
            restart: 0,
            security: Security::None,
            cipher: 0,
            compression: false,
            envelope: false,
            signed_receipt: false,
            description: String::new(),
        };
        Offer {
            sfid,
            records: None,
            content: Box::new(content),
            ahead: Vec::new(),
            used: 0,
            over: false,
        }
    }

    /// A file of records of several lengths (format V).
    pub fn variable(dataset: &str, records: &[Vec<u8>]) -> Offer {
        let longest = records.iter().map(Vec::len).max().unwrap_or(0);
        Offer::of_records(dataset, Format::Variable, longest, records)
    }

    /// A file of records of one length (format F).
    pub fn fixed(dataset: &str, length: usize, records: &[Vec<u8>]) -> Offer {
        Offer::of_records(dataset, Format::Fixed, length, records)
    }

    fn of_records(dataset: &str, format: Format, longest: usize, records: &[Vec<u8>]) -> Offer {
        let records = Records::new(records);
        let mut offer = Offer::new(dataset, records.octets.clone());
        offer.sfid.format = format;
        offer.sfid.record_length = u32::try_from(longest).expect("five digits");
        offer.records = Some(records);
        offer
    }

    /// With another format in its SFID.
    #[must_use]
    pub fn format(mut self, format: Format) -> Offer {
        self.sfid.format = format;
        self
    }

    /// For this station instead of ours.
    #[must_use]
    pub fn to(mut self, code: &str) -> Offer {
        self.sfid.destination = id(code);
        self
    }

    /// Offered from this restart position, in the unit of its format.
    #[must_use]
    pub fn restarting_at(mut self, position: u64) -> Offer {
        self.sfid.restart = position;
        self
    }

    /// From this station instead of the usual partner's.
    #[must_use]
    pub fn from(mut self, code: &str) -> Offer {
        self.sfid.origin = id(code);
        self
    }

    /// With the stamp of an earlier offer, to offer the same file again.
    #[must_use]
    pub fn stamped(mut self, stamp: Stamp) -> Offer {
        self.sfid.stamp = stamp;
        self
    }

    /// What names the file on the wire.
    pub fn id(&self) -> FileId {
        self.sfid.file_id()
    }

    /// At least `room` octets of what is left, or all of it; whether that is all.
    pub(crate) fn peek(&mut self, room: usize) -> (&[u8], bool) {
        if self.ahead.len() - self.used < room && !self.over {
            self.ahead.drain(..self.used);
            self.used = 0;
            let wanted = (room * 4).max(256 * 1024) - self.ahead.len();
            let wanted = u64::try_from(wanted).expect("small");
            let count = self
                .content
                .by_ref()
                .take(wanted)
                .read_to_end(&mut self.ahead)
                .expect("test content can be read");
            self.over = u64::try_from(count).expect("small") < wanted;
        }
        let left = &self.ahead[self.used..];
        if left.len() > room {
            (&left[..room], false)
        } else {
            (left, self.over)
        }
    }

    pub(crate) fn advance(&mut self, taken: usize) {
        self.used += taken;
    }

    /// Passes over the front of the content; returns how much of it there was.
    pub(crate) fn skip(&mut self, octets: u64) -> u64 {
        let passed = std::io::copy(
            &mut self.content.by_ref().take(octets),
            &mut std::io::sink(),
        );
        passed.expect("test content can be read")
    }
}

/// The records of an F or V file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Records {
    /// All of them, one after the other.
    pub(crate) octets: Vec<u8>,
    /// Where each ends in `octets`.
    pub(crate) ends: Vec<usize>,
}

impl Records {
    fn new(records: &[Vec<u8>]) -> Records {
        let mut all = Records::default();
        for record in records {
            all.octets.extend_from_slice(record);
            all.ends.push(all.octets.len());
        }
        all
    }

    /// Where the record of this number (from 0) begins.
    pub(crate) fn start_of(&self, record: usize) -> usize {
        record.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

/// A file that came.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The offer as it came in.
    pub sfid: Sfid,
    /// The content.
    pub content: Vec<u8>,
    /// Where each record of an F or V file ends in it.
    pub record_ends: Vec<usize>,
    /// The restart position it went on from, 0 for none.
    pub resumed_at: u64,
    /// Whether a receipt has been sent for it.
    pub confirmed: bool,
}

impl Incoming {
    /// What names the file on the wire.
    pub fn id(&self) -> FileId {
        self.sfid.file_id()
    }

    /// Its records, for an F or V file.
    pub fn records(&self) -> Vec<&[u8]> {
        let starts = std::iter::once(0).chain(self.record_ends.iter().copied());
        let spans = starts.zip(&self.record_ends);
        spans
            .map(|(start, end)| &self.content[start..*end])
            .collect()
    }
}

/// A dataset name from a text known to be one.
///
/// # Panics
/// When it is none.
pub fn dataset_name(text: &str) -> DatasetName {
    text.parse()
        .unwrap_or_else(|error| panic!("{text:?} is no dataset name: {error}"))
}

/// A date and time that no other call in this process returns: only the counter and the seconds
/// move, the day is made up.
pub fn fresh_stamp() -> Stamp {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let (seconds, counter) = (number / 9999, number % 9999 + 1);
    let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let text = format!("20260102{hours:02}{minutes:02}{seconds:02}{counter:04}");
    text.parse()
        .unwrap_or_else(|error| panic!("{text} is no stamp: {error}"))
}

/// Content for [`Offer::streaming`] that is made while it is read: memory stays flat on our side.
#[derive(Debug)]
pub struct Made {
    block: Vec<u8>,
    position: u64,
    length: u64,
}

impl Made {
    /// `length` octets: a random block over and over, each time with its number at the front.
    pub fn new(seed: u64, length: u64) -> Made {
        Made {
            block: crate::compare::content(seed, BLOCK),
            position: 0,
            length,
        }
    }
}

const BLOCK: usize = 64 * 1024;

impl Read for Made {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let block = u64::try_from(BLOCK).expect("small");
        let at = usize::try_from(self.position % block).expect("below the block");
        if at == 0 {
            let number = self.position / block;
            self.block[..8].copy_from_slice(&number.to_le_bytes());
        }
        let left = usize::try_from(self.length - self.position).unwrap_or(usize::MAX);
        let count = buffer.len().min(BLOCK - at).min(left);
        buffer[..count].copy_from_slice(&self.block[at..at + count]);
        self.position += u64::try_from(count).expect("small");
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_never_the_same() {
        let stamps: std::collections::HashSet<String> =
            (0..20_050).map(|_| fresh_stamp().to_string()).collect();
        assert_eq!(stamps.len(), 20_050);
    }

    #[test]
    fn made_content_has_its_length_and_differs_between_blocks() {
        let mut all = Vec::new();
        Made::new(1, 200_001).read_to_end(&mut all).expect("memory");
        assert_eq!(all.len(), 200_001);
        assert_ne!(all[..8], all[BLOCK..BLOCK + 8]);
    }

    #[test]
    fn an_offer_gives_every_octet_once_and_says_when_it_is_the_last() {
        let content = crate::compare::content(3, 700_000);
        let mut offer = Offer::new("A", content.clone());
        let mut seen = Vec::new();
        loop {
            let (piece, last) = offer.peek(1000);
            let taken = piece.len().min(999);
            seen.extend_from_slice(&piece[..taken]);
            let done = last && taken == piece.len();
            offer.advance(taken);
            if done {
                break;
            }
        }
        crate::compare::assert_same_octets("the offer", &content, &seen);
    }
}
