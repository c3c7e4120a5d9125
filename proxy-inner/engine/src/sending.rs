//! An open file of ours: what of it went out, and what its end must say.
//!
//! ```text
//!  stream    octets ─────────▶ DATA … DATA(end of file)         positions in blocks, 0 records
//!  records   octets + ends ──▶ DATA … DATA, a flag a record     positions in records
//! ```
//!
//! A driver offers more than fits and is told how much was taken; nothing is kept here. Compressed
//! subrecords go out where the session agreed to them (R-115) and where they are shorter.

use oftp::{
    Command, Efid, HEADER_LEN, Level, Packed, capacity, pack_compressed, pack_records,
    pack_unstructured,
};

use crate::RequestError;
use crate::credit::Window;
use crate::layout::Layout;
use crate::line::Line;

/// How far an open file of ours has gone out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sending {
    layout: Layout,
    window: Window,
    /// The position that SFPA answered.
    start: u64,
    /// Octets that went out, with those before `start`; without them for format V, where nobody
    /// told us how many they were.
    octets: u64,
    /// Records that are closed, with those before `start`; 0 for a stream.
    records: u64,
    /// Octets of the record that goes on.
    open: u64,
    /// The flag that ends a stream went out.
    ended: bool,
}

impl Sending {
    /// SFPA came: it grants a full window (R-123), and sending starts at the position it answers
    /// (R-151).
    pub(crate) fn opened(layout: Layout, answer: u64, window: u16) -> Self {
        let (octets_before, _) = layout.octets_before(answer);
        Self {
            layout,
            window: Window::full(window),
            start: answer,
            octets: u64::try_from(octets_before).unwrap_or(u64::MAX),
            records: if layout.has_records() { answer } else { 0 },
            open: 0,
            ended: false,
        }
    }

    /// No credit is left: OPOWFC.
    pub(crate) fn out_of_credit(&self) -> bool {
        self.window.is_spent()
    }

    /// CDT came.
    pub(crate) fn credited(mut self) -> Self {
        self.window.renew();
        self
    }

    /// Could more of the file follow?
    pub(crate) fn goes_on(&self) -> bool {
        !self.ended
    }

    /// May the file end here?
    pub(crate) fn is_whole(&self) -> bool {
        if self.layout.has_records() {
            self.open == 0
        } else {
            self.ended
        }
    }

    /// F_DATA_RQ of a stream: as many buffers as credit and room allow.
    pub(crate) fn stream(
        &mut self,
        file: &[u8],
        end_of_file: bool,
        line: &mut Line,
    ) -> Result<usize, RequestError> {
        if self.layout.has_records() {
            return Err(RequestError::HasRecords);
        }
        if self.ended && !file.is_empty() {
            return Err(RequestError::AfterEnd);
        }
        self.check_reach(file.len(), 0, line)?;
        let (buffer, compress) = packing(line);
        let mut taken = 0;
        while !self.ended && !self.window.is_spent() {
            let rest = file.get(taken..).unwrap_or_default();
            let flows = end_of_file || !rest.is_empty();
            if !flows || (!end_of_file && taken > 0 && rest.len() < capacity(buffer)) {
                break;
            }
            let Some(out) = line.transmit.room_for_data() else {
                break;
            };
            let before = out.len();
            let packed = if compress {
                pack_compressed(rest, buffer, end_of_file, out)
            } else {
                pack_unstructured(rest, buffer, end_of_file, out)
            };
            let all = packed == rest.len();
            if all && !end_of_file && taken > 0 && !is_full(before, out, buffer) {
                out.truncate(before);
                break;
            }
            taken += packed;
            self.ended = end_of_file && all;
            self.sent(packed, line);
        }
        Ok(taken)
    }

    /// F_DATA_RQ of a file with records: as many buffers as credit and room allow. `ends` are
    /// offsets into `octets`.
    pub(crate) fn records(
        &mut self,
        octets: &[u8],
        ends: &[usize],
        line: &mut Line,
    ) -> Result<Packed, RequestError> {
        if !self.layout.has_records() {
            return Err(RequestError::HasNoRecords);
        }
        self.check_records(octets.len(), ends)?;
        self.check_reach(octets.len(), ends.len(), line)?;
        let (buffer, compress) = packing(line);
        let mut taken = Packed {
            octets: 0,
            records: 0,
        };
        while !self.window.is_spent() {
            let rest = octets.get(taken.octets..).unwrap_or_default();
            let ends = ends.get(taken.records..).unwrap_or_default();
            let first = taken.octets == 0 && taken.records == 0;
            let nothing = rest.is_empty() && ends.is_empty();
            if nothing || (!first && fits_easily(rest.len(), ends.len(), buffer)) {
                break;
            }
            let Some((out, shifted)) = line.transmit.room_for_records() else {
                break;
            };
            let before = out.len();
            // Every record costs an octet, so more of them than octets in the buffer are not needed.
            let near = ends.get(..buffer.min(ends.len())).unwrap_or_default();
            let packed = if taken.octets == 0 {
                pack_records(rest, near, buffer, compress, out)
            } else {
                shifted.clear();
                shifted.extend(near.iter().map(|end| end.saturating_sub(taken.octets)));
                pack_records(rest, shifted, buffer, compress, out)
            };
            let all = packed.octets == rest.len() && packed.records == ends.len();
            if all && !first && !is_full(before, out, buffer) {
                out.truncate(before);
                break;
            }
            let last_end = packed
                .records
                .checked_sub(1)
                .and_then(|last| ends.get(last).copied());
            taken.octets += packed.octets;
            taken.records += packed.records;
            self.records += packed.records as u64;
            self.open = match last_end {
                Some(end) => taken.octets.saturating_sub(end) as u64,
                None => self.open + packed.octets as u64,
            };
            self.sent(packed.octets, line);
        }
        Ok(taken)
    }

    /// S4-A: what EFID says. The counts are totals of the whole file (R-137, R-138); a stream has
    /// no records (R-136, A-30).
    ///
    /// Of the octets before a restart position of format V only the most that there can be is
    /// known.
    pub(crate) fn close(
        self,
        records: u64,
        octets: u64,
        line: &mut Line,
    ) -> Result<(), RequestError> {
        if !self.is_whole() {
            return Err(RequestError::EndNotSent);
        }
        let unknown = match self.layout {
            Layout::Variable { .. } => self.layout.octets_before(self.start).1,
            Layout::Stream { .. } | Layout::Fixed { .. } => 0,
        };
        let least = u128::from(self.octets);
        if records != self.records || !(least..=least + unknown).contains(&u128::from(octets)) {
            return Err(RequestError::Count {
                records,
                octets,
                sent_records: self.records,
                sent: self.octets,
            });
        }
        line.send(&Command::Efid(Efid { records, octets }))?;
        Ok(())
    }

    /// One DATA buffer was queued.
    fn sent(&mut self, octets: usize, line: &mut Line) {
        self.octets = self.octets.saturating_add(octets as u64);
        self.window.spend();
        line.stats.frames_sent += 1;
        line.stats.data_sent += 1;
        line.stats.octets_sent += octets as u64;
    }

    /// Are these records such as SFID announced? (R-121, A-40)
    fn check_records(&self, octets: usize, ends: &[usize]) -> Result<(), RequestError> {
        let mut from = 0;
        let mut open = self.open;
        for (number, &end) in ends.iter().enumerate() {
            let grown = end.checked_sub(from).filter(|_| end <= octets);
            let Some(grown) = grown else {
                return Err(RequestError::RecordEnds { end, from, octets });
            };
            let length = open + grown as u64;
            if !self.layout.takes_record(length) {
                return Err(self.bad_record(number, length));
            }
            from = end;
            open = 0;
        }
        let length = open + octets.saturating_sub(from) as u64;
        if self.layout.takes_open_record(length) {
            Ok(())
        } else {
            Err(self.bad_record(ends.len(), length))
        }
    }

    fn bad_record(&self, number: usize, length: u64) -> RequestError {
        RequestError::RecordLength {
            record: self.records + number as u64 + 1,
            length,
            announced: self.layout.record_length(),
        }
    }

    /// Will EFID be able to say how much it was?
    fn check_reach(&self, octets: usize, records: usize, line: &Line) -> Result<(), RequestError> {
        let level = line.terms().level;
        let octets = self.octets.saturating_add(octets as u64);
        let records = self.records.saturating_add(records as u64);
        level_carries("EFIDUCNT", octets, level.most_octets(), level)?;
        level_carries("EFIDRCNT", records, level.most_records(), level)
    }
}

/// Whether a field of the agreed level has the digits for a number (R-226).
pub(crate) fn level_carries(
    field: &'static str,
    value: u64,
    most: u64,
    level: Level,
) -> Result<(), RequestError> {
    if value > most {
        return Err(RequestError::TooLargeForLevel {
            field,
            value,
            level,
        });
    }
    Ok(())
}

/// The agreed buffer size, and whether compressed subrecords may go out.
fn packing(line: &Line) -> (usize, bool) {
    let terms = line.terms();
    (terms.buffer as usize, terms.compression)
}

/// Does the DATA frame that begins at `before` leave no room?
fn is_full(before: usize, out: &[u8], buffer: usize) -> bool {
    out.len().saturating_sub(before) >= HEADER_LEN + buffer
}

/// Is a buffer larger than these records, even if nothing in them can be compressed?
fn fits_easily(octets: usize, records: usize, buffer: usize) -> bool {
    1 + octets + octets.div_ceil(63) + records < buffer
}
