//! What a file taken from the outbox is: synced, looked through, and in the spool's form.
//!
//! Lines are taken into a spool file of another name than the one they become, so that a restart never
//! takes the one for the other: while the first is there, the second is made anew.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use oftp::Format;

use super::open_plain;
use crate::crash;
use crate::directory::RecordForm;
use crate::error::StoreError;
use crate::layout;
use crate::records::{BUFFER, Counted, Examining, Terms};
use crate::spool::SpoolFile;
use crate::store::Store;
use crate::transfer::TransferId;

impl Store {
    /// Puts what was taken on disk in the spool's form, and tells what it is; `None` when it is not in
    /// the spool.
    pub(super) fn examine(
        &self,
        id: TransferId,
        format: Format,
        record_length: u32,
        secured: bool,
    ) -> Result<Option<Counted>, StoreError> {
        let path = self.inner.layout.handed_over(id, secured);
        let raw = self.inner.layout.raw_file(id);
        let mut terms = Terms {
            format,
            record_length,
            records: RecordForm::Prefixed,
            secured,
        };
        if let Some(taken) = open_taken(&raw)? {
            terms.records = RecordForm::Lines;
            return self.convert(&taken, terms, &raw, path).map(Some);
        }
        let Some(taken) = open_taken(&path)? else {
            return Ok(None);
        };
        look_through(&taken, terms, &path, |_| Ok(())).map(Some)
    }

    /// Gives lines their lengths.
    fn convert(
        &self,
        taken: &File,
        terms: Terms,
        raw: &Path,
        path: std::path::PathBuf,
    ) -> Result<Counted, StoreError> {
        // What an attempt that was killed left is worth nothing.
        layout::remove_file(&path)?;
        let mut spool = SpoolFile::create(path, self.inner.options.reserve)?;
        let counted = look_through(taken, terms, raw, |octets| spool.write(octets))
            .and_then(|counted| spool.sync().map(|()| counted));
        crash::point("outbox.converted");
        match counted {
            Ok(counted) => Ok(counted),
            Err(error) => {
                spool.remove()?;
                Err(error)
            }
        }
    }
}

/// A file just moved into the spool, its data synced; `None` when there is none.
fn open_taken(path: &Path) -> Result<Option<File>, StoreError> {
    let open = || {
        let file = open_plain(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no plain file"));
        }
        file.sync_all()?;
        Ok(file)
    };
    match open() {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::file("read", path)(error)),
    }
}

/// Reads a file as far as it must be read to know what it is; `store` gets what differs from it.
fn look_through(
    mut file: &File,
    terms: Terms,
    path: &Path,
    mut store: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<Counted, StoreError> {
    let failed = |error| StoreError::file("read", path)(error);
    let mut examining = Examining::new(terms);
    let mut out = Vec::new();
    if terms.format == Format::Variable {
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            out.clear();
            examining.take(buffer.get(..read).unwrap_or_default(), &mut out)?;
            store(&out)?;
        }
    } else {
        let length = file.metadata().map_err(failed)?.len();
        examining.skip(length);
    }
    out.clear();
    let counted = examining.end(&mut out)?;
    store(&out)?;
    Ok(counted)
}
