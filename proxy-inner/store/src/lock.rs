//! One process at a time: the lock file of a store, with the number of the process that holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::StoreError;

/// Holds the store until dropped. The system releases it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave it to a child process between its fork and its exec.
        let _ = self.0.unlock();
    }
}

/// Takes the lock `path` of the store `root`, or says who has it.
pub(crate) fn take(root: &Path, path: &Path) -> Result<Lock, StoreError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::file("open", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // A holder that has not yet written its number is told as unknown.
            let _ = file.read_to_string(&mut text);
            return Err(StoreError::Locked {
                path: root.to_owned(),
                pid: text.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(source)) => {
            return Err(StoreError::File {
                doing: "lock",
                path: path.to_owned(),
                source,
            });
        }
    }
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    write(&mut file).map_err(StoreError::file("write", path))?;
    Ok(Lock(file))
}
