//! The octets of a file to send, from any place the partner goes on from.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::{NOTE_EVERY, OutboundClaim};
use crate::error::StoreError;
use crate::records::{BUFFER, PREFIX, Shape, find_record, read_prefix};
use crate::store::locked;
use crate::transfer::{Direction, Position};

/// An opened file to send. Reading blocks.
#[derive(Debug)]
pub struct OutboundFile {
    path: PathBuf,
    file: BufReader<File>,
    shape: Shape,
    /// Octets of the spool file not read yet.
    left: u64,
    /// Octets of the record under way not read yet (F, V).
    in_record: u64,
    /// Where in the virtual file the next octet is, and the records that ended before it.
    octets: u64,
    records: u64,
    marks: Arc<Marks>,
}

impl OutboundClaim {
    /// The file's octets from where the partner goes on (SFPAACNT); 0 for the whole of it.
    ///
    /// # Errors
    /// [`StoreError::Altered`] when it is no longer what was queued; [`StoreError::Refused`] for a place
    /// behind the one it was offered from; else what the disk said.
    pub fn open(&self, answer: u64) -> Result<OutboundFile, StoreError> {
        let id = self.transfer.id;
        if answer > self.restart() {
            return Err(StoreError::Refused(format!(
                "transfer {id} was offered from {} on and the partner wants it from {answer} on",
                self.restart()
            )));
        }
        let path = self.store.inner.layout.spool_file(Direction::Out, id);
        let file = File::open(&path).map_err(StoreError::file("open", &path))?;
        let found = file
            .metadata()
            .map_err(StoreError::file("look at", &path))?
            .len();
        let queued = self.stored()?;
        if found != queued {
            return Err(StoreError::Altered {
                id,
                path,
                found,
                queued,
            });
        }
        let shape = Shape::of(&self.transfer);
        let mut file = BufReader::with_capacity(BUFFER, file);
        let mut seek = || match shape.unit() {
            Some(unit) => {
                let octets = answer.saturating_mul(unit);
                file.seek(SeekFrom::Start(octets))
                    .map(|stored| (stored, octets))
            }
            None => find_record(&mut file, answer),
        };
        let (stored, octets) = seek().map_err(StoreError::file("find the place in", &path))?;
        self.opened.store(true, Ordering::Relaxed);
        self.progress.set(octets);
        Ok(OutboundFile {
            path,
            file,
            shape,
            left: queued.saturating_sub(stored),
            in_record: 0,
            octets,
            records: if shape == Shape::Stream { 0 } else { answer },
            marks: Arc::clone(&self.marks),
        })
    }

    /// Octets of its spool file.
    fn stored(&self) -> Result<u64, StoreError> {
        let id = self.transfer.id;
        self.while_held(move |journal, _| {
            let sql = "SELECT stored FROM transfer WHERE id = ?1";
            let stored: Option<i64> = crate::row::value(journal, sql, [id.to_string()])?;
            Ok(stored.map_or(0, crate::row::number))
        })
    }
}

impl OutboundFile {
    /// Where in the virtual file the next octet is: octets before it.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Reads on: appends about `most` octets to `octets`, and to `ends` where in `octets` records end
    /// (F, V). Returns whether that was the end of the file.
    ///
    /// # Errors
    /// What the disk said; the file cannot be sent then.
    pub fn read(
        &mut self,
        octets: &mut Vec<u8>,
        ends: &mut Vec<usize>,
        most: usize,
    ) -> Result<bool, StoreError> {
        // Less would never get past the length of a record.
        let most = most.max(PREFIX + 1);
        match self.shape {
            Shape::Stream => self.copy(octets, most as u64)?,
            Shape::Fixed(length) => self.read_fixed(octets, ends, most as u64, length)?,
            Shape::Variable => self.read_variable(octets, ends, most)?,
        }
        Ok(self.left == 0 && self.in_record == 0)
    }

    fn read_fixed(
        &mut self,
        octets: &mut Vec<u8>,
        ends: &mut Vec<usize>,
        most: u64,
        length: u64,
    ) -> Result<(), StoreError> {
        let before = octets.len();
        let first = match self.octets % length {
            0 => length,
            within => length - within,
        };
        self.copy(octets, most)?;
        let read = (octets.len() - before) as u64;
        let mut end = first;
        while end <= read {
            // It fits: what was read is in memory.
            ends.push(before + usize::try_from(end).unwrap_or(usize::MAX));
            self.records += 1;
            end += length;
        }
        Ok(())
    }

    fn read_variable(
        &mut self,
        octets: &mut Vec<u8>,
        ends: &mut Vec<usize>,
        most: usize,
    ) -> Result<(), StoreError> {
        // Each record counts for its length as well, so that empty ones have an end too.
        let mut room = most;
        loop {
            if self.in_record > 0 {
                let before = octets.len();
                let length = self.in_record.min(room as u64);
                self.copy(octets, length)?;
                self.in_record -= length;
                room -= octets.len() - before;
                if self.in_record > 0 {
                    return Ok(());
                }
                self.end_record(octets.len(), ends);
            }
            if room < PREFIX || self.left == 0 {
                return Ok(());
            }
            let length = read_prefix(&mut self.file)
                .and_then(|length| length.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into()))
                .map_err(StoreError::file("read", &self.path))?;
            self.left = self.left.saturating_sub(PREFIX as u64);
            room -= PREFIX;
            self.in_record = u64::from(length);
            if length == 0 {
                self.end_record(octets.len(), ends);
            } else if room == 0 {
                return Ok(());
            }
        }
    }

    fn end_record(&mut self, end: usize, ends: &mut Vec<usize>) {
        ends.push(end);
        self.records += 1;
        self.marks.note(Position {
            answer: self.records,
            octets: self.octets,
        });
    }

    /// Appends the next octets, at most `most` of them.
    fn copy(&mut self, octets: &mut Vec<u8>, most: u64) -> Result<(), StoreError> {
        let length = most.min(self.left);
        let before = octets.len();
        octets.resize(before + usize::try_from(length).unwrap_or(0), 0);
        let target = octets.get_mut(before..).unwrap_or_default();
        self.file
            .read_exact(target)
            .map_err(StoreError::file("read", &self.path))?;
        self.left -= length;
        self.octets += length;
        Ok(())
    }
}

/// Places in a file of format V, about one every 32 MiB, that were read and may not have gone out yet.
#[derive(Debug, Default)]
pub(super) struct Marks(Mutex<VecDeque<Position>>);

impl Marks {
    /// Notes that a record ends here.
    fn note(&self, position: Position) {
        let mut marks = locked(&self.0);
        let last = marks.back().map_or(0, |mark| mark.octets);
        if position.octets.saturating_sub(last) >= NOTE_EVERY {
            marks.push_back(position);
        }
    }

    /// The last place at or before `octets`; those before it are forgotten.
    pub(super) fn before(&self, octets: u64) -> Option<Position> {
        let mut marks = locked(&self.0);
        let mut found = None;
        while marks.front().is_some_and(|mark| mark.octets <= octets) {
            found = marks.pop_front();
        }
        found
    }
}
