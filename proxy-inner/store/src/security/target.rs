//! The file a claim writes: gathered into large pieces, within the reserve, synced at the end.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::packing::Unpacking;
use crate::error::StoreError;
use crate::layout;
use crate::spool::{self, SpoolFile};
use crate::store::{Hold, Progress, Store, locked};
use crate::transfer::TransferId;

/// The spool file a claim writes. Writing blocks, and may sync; it fails once the claim has ended.
#[derive(Debug)]
pub struct TargetFile(Arc<Mutex<Target>>);

/// What is shared by a claim and the file it gave out.
pub(super) struct Target {
    /// `None` once the claim has ended.
    spool: Option<SpoolFile>,
    /// What goes to disk next.
    buffer: Vec<u8>,
    /// How records become those of the spool (in).
    unpacking: Option<Unpacking>,
    progress: Arc<Progress>,
    /// Octets taken.
    taken: u64,
    /// Whether a write failed, or what was written is no file of its format.
    broken: bool,
    /// What is wrong with its records.
    problem: Option<String>,
}

impl fmt::Debug for Target {
    /// Without the octets gathered, which may be clear ones.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("spool", &self.spool)
            .field("taken", &self.taken)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

/// What was written, on disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// Octets of the virtual file.
    pub(super) octets: u64,
    /// Octets in the spool.
    pub(super) stored: u64,
    /// Records, where it was looked for them.
    pub(super) records: u64,
}

impl Target {
    /// Makes the file, in place of what an earlier attempt left. `promised` are the octets it is
    /// known to take; there must be room for them beside what is promised to others.
    pub(super) fn create(
        store: &Store,
        hold: &mut Hold,
        id: TransferId,
        path: std::path::PathBuf,
        promised: u64,
        unpacking: Option<Unpacking>,
    ) -> Result<Arc<Mutex<Target>>, StoreError> {
        layout::remove_file(&path)?;
        let progress = hold.count(id, promised);
        let reserve = store.inner.options.reserve;
        let needed = store.inner.live.promised().saturating_add(reserve);
        let free = spool::free_space(&path)?;
        if free < needed {
            hold.count(id, 0);
            return Err(StoreError::NoSpace { needed, free, path });
        }
        Ok(Arc::new(Mutex::new(Target {
            spool: Some(SpoolFile::create(path, reserve)?),
            buffer: Vec::with_capacity(BUFFER),
            unpacking,
            progress,
            taken: 0,
            broken: false,
            problem: None,
        })))
    }

    /// The end of it that a caller writes to.
    pub(super) fn end_for_caller(target: &Arc<Mutex<Target>>) -> TargetFile {
        TargetFile(Arc::clone(target))
    }

    /// What is wrong with the records that were written.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Puts all that was written on disk.
    pub(super) fn complete(&mut self) -> Result<Written, StoreError> {
        if let Some(problem) = &self.problem {
            return Err(StoreError::BadRecords(problem.clone()));
        }
        if self.broken {
            let why = "an earlier write failed; what was written is not the whole file";
            return Err(StoreError::Refused(why.to_owned()));
        }
        if let Some(unpacking) = &mut self.unpacking
            && let Err(error) = unpacking.end()
        {
            return Err(self.note(error));
        }
        self.flush_buffer()?;
        let spool = self.spool.as_mut().ok_or(StoreError::Stopped)?;
        spool.sync()?;
        let stored = spool.octets();
        let counted = self.unpacking.as_ref();
        Ok(Written {
            octets: counted.map_or(stored, |counted| counted.octets),
            stored,
            records: counted.map_or(0, |counted| counted.records),
        })
    }

    /// Ends it; the file stays where it is.
    pub(super) fn keep(&mut self) {
        self.spool = None;
        self.buffer = Vec::new();
    }

    /// Ends it and removes the file.
    pub(super) fn remove(&mut self) -> Result<(), StoreError> {
        self.buffer = Vec::new();
        self.spool.take().map_or(Ok(()), SpoolFile::remove)
    }

    fn take(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        let spool = self.spool.as_mut().ok_or_else(|| {
            StoreError::Refused("the claim this file belongs to has ended".to_owned())
        })?;
        match &mut self.unpacking {
            Some(unpacking) => unpacking.push(octets, &mut self.buffer)?,
            None if self.buffer.is_empty() && octets.len() >= BUFFER => spool.write(octets)?,
            None => self.buffer.extend_from_slice(octets),
        }
        if self.buffer.len() >= BUFFER {
            self.flush_buffer()?;
        }
        self.taken += octets.len() as u64;
        self.progress.set(self.taken);
        Ok(())
    }

    fn flush_buffer(&mut self) -> Result<(), StoreError> {
        let spool = self.spool.as_mut().ok_or(StoreError::Stopped)?;
        spool.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn note(&mut self, error: StoreError) -> StoreError {
        self.broken = true;
        if let StoreError::BadRecords(problem) = &error {
            self.problem = Some(problem.clone());
        }
        error
    }
}

impl Write for TargetFile {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut target = locked(&self.0);
        match target.take(octets) {
            Ok(()) => Ok(octets.len()),
            Err(error) => Err(target.note(error).into_io()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut target = locked(&self.0);
        target
            .flush_buffer()
            .map_err(|error| target.note(error).into_io())
    }
}

/// Octets that are gathered before they are written.
const BUFFER: usize = 256 * 1024;
