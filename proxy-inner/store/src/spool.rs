//! Files in motion: writing within the free space, and syncing in time.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::layout;

/// After so many octets what was written is synced, so that the last sync, for which someone waits, has
/// little left to do.
const SYNC_EVERY: u64 = 64 * 1024 * 1024;
/// After so many octets the free space is looked at again: a file may be longer than announced.
const LOOK_EVERY: u64 = 8 * 1024 * 1024;

/// One spool file being written.
#[derive(Debug)]
pub(crate) struct SpoolFile {
    path: PathBuf,
    file: File,
    reserve: u64,
    octets: u64,
    unsynced: u64,
    unlooked: u64,
    /// Whether its name is known to be on disk.
    named: bool,
}

impl SpoolFile {
    /// Makes the file; `reserve` is what must stay free while it grows, octets.
    pub(crate) fn create(path: PathBuf, reserve: u64) -> Result<SpoolFile, StoreError> {
        let file = layout::new_file(&path).map_err(failed("make", &path))?;
        Ok(SpoolFile {
            path,
            file,
            reserve,
            octets: 0,
            unsynced: 0,
            unlooked: 0,
            named: false,
        })
    }

    /// Opens a file to go on after its first `octets`; the rest of it is cut off.
    pub(crate) fn resume(
        path: PathBuf,
        reserve: u64,
        octets: u64,
    ) -> Result<SpoolFile, StoreError> {
        let open = || {
            let mut file = File::options().write(true).open(&path)?;
            file.set_len(octets)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(failed("go on with", &path))?;
        Ok(SpoolFile {
            path,
            file,
            reserve,
            octets,
            unsynced: 0,
            // The free space is looked at before the first octet.
            unlooked: LOOK_EVERY,
            named: false,
        })
    }

    /// Appends octets.
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        if octets.is_empty() {
            return Ok(());
        }
        let length = octets.len() as u64;
        if self.octets == 0 || self.unlooked + length > LOOK_EVERY {
            let needed = self.reserve.saturating_add(length);
            let free = free_space(&self.path)?;
            if free < needed {
                return Err(StoreError::NoSpace {
                    needed,
                    free,
                    path: self.path.clone(),
                });
            }
            self.unlooked = 0;
        }
        self.file
            .write_all(octets)
            .map_err(failed("write", &self.path))?;
        self.octets += length;
        self.unlooked += length;
        self.unsynced += length;
        if self.unsynced >= SYNC_EVERY {
            self.file.sync_data().map_err(failed("sync", &self.path))?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Octets in the file.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// Puts the octets, and the name of the file, on disk.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        // Octets before the name: a name on disk always stands for octets on disk.
        self.file.sync_data().map_err(failed("sync", &self.path))?;
        self.unsynced = 0;
        crate::crash::point("spool.data-synced");
        if !self.named {
            self.path.parent().map_or(Ok(()), layout::sync_folder)?;
            self.named = true;
        }
        Ok(())
    }

    /// Removes the file. It is closed first: its room is free when this returns.
    pub(crate) fn remove(self) -> Result<(), StoreError> {
        let SpoolFile { path, file, .. } = self;
        drop(file);
        layout::remove_file(&path)
    }
}

/// Copies a whole file to a new one, which is on disk when this returns, but for its name. `keep` is what
/// must stay free, octets. A file system that can (XFS, Btrfs) lets both share their octets until one of
/// them changes.
pub(crate) fn copy(from: &Path, to: &Path, keep: u64) -> Result<(), StoreError> {
    // What an attempt that was killed left is worth nothing.
    layout::remove_file(to)?;
    let mut source = File::open(from).map_err(StoreError::file("open", from))?;
    let length = source
        .metadata()
        .map_err(StoreError::file("look at", from))?
        .len();
    let needed = keep.saturating_add(length);
    let free = free_space(to)?;
    if free < needed {
        return Err(StoreError::NoSpace {
            needed,
            free,
            path: to.to_owned(),
        });
    }
    let copied = layout::new_file(to).and_then(|mut copy| {
        io::copy(&mut source, &mut copy)?;
        copy.sync_data()
    });
    copied.map_err(|error| {
        let error = failed("copy to", to)(error);
        if let Err(left) = layout::remove_file(to) {
            tracing::warn!(%left, "A copy that was not finished stays until the next start.");
        }
        error
    })
}

/// Octets that an ordinary process may still write on the file system of `path`.
pub(crate) fn free_space(path: &Path) -> Result<u64, StoreError> {
    let folder = path.parent().unwrap_or(path);
    let facts = nix::sys::statvfs::statvfs(folder)
        .map_err(|errno| StoreError::file("ask for the free space of", folder)(errno.into()))?;
    Ok(facts
        .blocks_available()
        .saturating_mul(facts.fragment_size()))
}

/// An error of the system, a full disk told apart.
fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let free = free_space(&path).unwrap_or(0);
            StoreError::NoSpace {
                needed: free.saturating_add(1),
                free,
                path,
            }
        }
        _ => StoreError::file(doing, &path)(error),
    }
}
