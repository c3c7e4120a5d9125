//! The partner's open file: what of it came, and whether its end may be believed.
//!
//! ```text
//!  DATA ─▶ size, credit ─▶ unpack ─▶ records as announced? ─▶ Received ─▶ driver
//!  EFID ─▶ counts as received? ─▶ driver, or EFNA 05, 10, 11
//! ```
//!
//! What ends the session is judged at once. What is wrong with the file alone is kept until EFID,
//! since nothing but CDT may be said before: the rest of the file is read and thrown away.

use oftp::{Command, Efid, EndReason, FileReason, SubrecordError, Unpacker};

use crate::credit::{Spent, Window};
use crate::layout::Layout;
use crate::line::Line;
use crate::state::State;
use crate::{Deviation, Position, abort};

/// How many octets a DATA buffer may exceed the negotiated size by before it is a size error. Real
/// partners pad their last buffer with empty subrecord headers.
const SLACK: u32 = 4;

/// How far the partner's open file has come in.
#[derive(Debug)]
pub(crate) struct Receiving {
    layout: Layout,
    window: Window,
    unpacker: Unpacker,
    /// Where the file goes on.
    start: Position,
    /// Octets of the record that goes on.
    open: u64,
    /// A DATA buffer came.
    any_data: bool,
    /// The file is refused at its end.
    fault: Option<Box<Fault>>,
}

/// Why a file is refused at its end: goes out as EFNA.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) reason: FileReason,
    pub(crate) text: String,
}

/// Totals of a whole file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) records: u64,
    pub(crate) octets: u64,
}

impl Receiving {
    /// SFPA went out: the window is full (R-124).
    pub(crate) fn opened(layout: Layout, start: Position, line: &Line) -> Self {
        let terms = line.terms();
        Self {
            layout,
            window: Window::full(terms.credit),
            unpacker: if layout.has_records() {
                Unpacker::records(terms.compression)
            } else {
                Unpacker::unstructured(terms.compression)
            },
            start,
            open: 0,
            any_data: false,
            fault: None,
        }
    }

    /// S5-I. Gives the next state where the session ends over it.
    pub(crate) fn data(&mut self, databuf: &[u8], line: &mut Line) -> Option<State> {
        if let Some(end) = Self::check_size(databuf, line) {
            return Some(end);
        }
        let spent = self.window.spend();
        if spent == Spent::Exceeded {
            // P6, R-130.
            return Some(abort::violation(line, "DATA came beyond the credit"));
        }
        line.stats.data_received += 1;
        self.any_data = true;
        match self.unpack(databuf, line) {
            Ok(()) => {}
            // A-27: not a fault of the session, and the speaker waits for CDT all the same.
            Err(SubrecordError::DataAfterEnd { .. }) => self.blame(
                FileReason::INVALID_BYTE_COUNT,
                "octets came after the end of the file".to_owned(),
            ),
            Err(error) => return Some(abort::invalid_data(&error, line)),
        }
        line.announce_received();
        if spent == Spent::Last {
            // P7: also after the end of the file, since the speaker waits for it before EFID.
            line.say(&Command::Cdt);
            self.window.renew();
        }
        None
    }

    /// S5-J: the totals, or why the file is refused (R-139, R-140, A-27, A-30, A-40).
    pub(crate) fn ended(&self, efid: &Efid, line: &mut Line) -> Result<Counts, Fault> {
        if let Some(fault) = &self.fault {
            return Err((**fault).clone());
        }
        let records = if self.layout.has_records() {
            self.record_total(efid)?
        } else {
            self.stream_records(efid, line)?
        };
        let octets = self.start.octets.saturating_add(self.unpacker.octets());
        if efid.octets != octets {
            return Err(Fault {
                reason: FileReason::INVALID_BYTE_COUNT,
                text: format!("EFIDUCNT is {}, {octets} octets came", efid.octets),
            });
        }
        if !self.unpacker.ended() {
            let deviation = if self.any_data || octets > 0 {
                Deviation::EndOfRecordMissing
            } else {
                Deviation::EmptyFileWithoutData
            };
            tolerate(deviation, line)?;
        }
        Ok(Counts { records, octets })
    }

    /// R-114.
    fn check_size(databuf: &[u8], line: &mut Line) -> Option<State> {
        let length = u32::try_from(databuf.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let excess = length.saturating_sub(line.terms().buffer);
        if excess == 0 {
            return None;
        }
        if excess > SLACK || line.refuses(Deviation::OversizedData) {
            let what = format!(
                "DATA of {length} octets, {} were agreed",
                line.terms().buffer
            );
            return Some(abort::end(line, EndReason::BUFFER_SIZE, what));
        }
        line.tolerate(Deviation::OversizedData);
        None
    }

    /// Decodes one DATA buffer behind what waits in the line.
    fn unpack(&mut self, databuf: &[u8], line: &mut Line) -> Result<(), SubrecordError> {
        let received = &mut line.received;
        let octets_before = received.octets.len();
        let ends_before = received.record_ends.len();
        if self.layout.has_records() {
            self.unpacker.unpack_records(
                databuf,
                &mut received.octets,
                &mut received.record_ends,
            )?;
            let new_ends = received.record_ends.get(ends_before..).unwrap_or_default();
            self.check_records(octets_before, new_ends, received.octets.len());
        } else {
            self.unpacker.unpack(databuf, &mut received.octets)?;
        }
        if self.fault.is_some() {
            received.octets.truncate(octets_before);
            received.record_ends.truncate(ends_before);
        }
        let came = received.octets.len().saturating_sub(octets_before);
        line.stats.octets_received += came as u64;
        Ok(())
    }

    /// Are the records such as SFID announced? (R-121, A-40) All offsets are into the octets that
    /// wait.
    fn check_records(&mut self, mut from: usize, ends: &[usize], to: usize) {
        for &end in ends {
            let length = self.open + end.saturating_sub(from) as u64;
            if !self.layout.takes_record(length) {
                return self.blame_record(length);
            }
            from = end;
            self.open = 0;
        }
        self.open += to.saturating_sub(from) as u64;
        if !self.layout.takes_open_record(self.open) {
            self.blame_record(self.open);
        }
    }

    /// A-40.
    fn blame_record(&mut self, length: u64) {
        let announced = self.layout.record_length();
        let text = format!("a record of {length} octets came, SFIDLRECL is {announced}");
        self.blame(FileReason::RECORD_LENGTH_NOT_SUPPORTED, text);
    }

    fn blame(&mut self, reason: FileReason, text: String) {
        self.fault
            .get_or_insert_with(|| Box::new(Fault { reason, text }));
    }

    /// R-136, R-139: the exact count, also after a restart; the last record has its end (A-27).
    fn record_total(&self, efid: &Efid) -> Result<u64, Fault> {
        let records = self
            .start
            .answer
            .saturating_add(self.unpacker.record_count());
        let invalid = |text| Fault {
            reason: FileReason::INVALID_RECORD_COUNT,
            text,
        };
        if !self.unpacker.ended() {
            return Err(invalid("the last record has no end".to_owned()));
        }
        if efid.records != records {
            let text = format!("EFIDRCNT is {}, {records} records came", efid.records);
            return Err(invalid(text));
        }
        Ok(records)
    }

    /// R-136: zeros for a stream. Some partners count all the same; a secured file may name the
    /// original's count (A-30).
    fn stream_records(&self, efid: &Efid, line: &mut Line) -> Result<u64, Fault> {
        let of_original = matches!(self.layout, Layout::Stream { of_records: true });
        if efid.records > 0 && !of_original {
            tolerate(Deviation::StreamWithRecordCount, line)?;
        }
        Ok(efid.records)
    }
}

/// Takes note of a breach at the end of the file, or refuses the file over it.
fn tolerate(deviation: Deviation, line: &mut Line) -> Result<(), Fault> {
    if line.refuses(deviation) {
        return Err(Fault {
            reason: FileReason::INVALID_RECORD_COUNT,
            text: deviation.sentence().to_owned(),
        });
    }
    line.tolerate(deviation);
    Ok(())
}
