//! The admin socket as a file: made for its owner alone, freed from a process that died, never taken
//! from one that lives.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Why the admin socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another process answers there.
    #[error(
        "the admin socket {path} is in use by a running process; stop that one first, or set \
         admin.socket to another path"
    )]
    Live {
        /// The socket.
        path: PathBuf,
    },
    /// Something else has that name.
    #[error("{path} is there and is no socket; move it away, or set admin.socket to another path")]
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// A step failed.
    #[error(
        "the admin socket {path} cannot be opened: cannot {doing} ({source}); check the folder and \
         this account's rights there"
    )]
    Io {
        /// The socket.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// The socket's file; removed when dropped, unless another process has put its own there since.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

/// Opens the socket at `path` with mode 0600. A missing folder is made with mode 0700.
pub(super) fn open(path: &Path) -> Result<(UnixListener, SocketFile), SocketError> {
    let failed = |doing| {
        move |source| SocketError::Io {
            path: path.to_owned(),
            doing,
            source,
        }
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed("make its folder"))?;
    }
    refuse_occupied(path)?;
    // Bound under another name first: nobody can connect before the permissions are right, and
    // the rename replaces a dead socket in one step.
    let first = folder
        .unwrap_or(Path::new("."))
        .join(format!(".a{}", std::process::id()));
    let _ = fs::remove_file(&first);
    let listener = UnixListener::bind(&first).map_err(failed("bind it"))?;
    let placed = fs::set_permissions(&first, Permissions::from_mode(0o600))
        .and_then(|()| listener.set_nonblocking(true))
        .and_then(|()| fs::symlink_metadata(&first))
        .and_then(|facts| fs::rename(&first, path).map(|()| facts));
    match placed {
        Ok(facts) => {
            let file = SocketFile {
                path: path.to_owned(),
                inode: (facts.dev(), facts.ino()),
            };
            Ok((listener, file))
        }
        Err(source) => {
            let _ = fs::remove_file(&first);
            Err(failed("put it in place")(source))
        }
    }
}

/// Refuses a path where a process answers or where something else is; a dead socket is all right.
pub(crate) fn refuse_occupied(path: &Path) -> Result<(), SocketError> {
    let facts = match fs::symlink_metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(SocketError::Io {
                path: path.into(),
                doing: "look at it",
                source,
            });
        }
    };
    if !facts.file_type().is_socket() {
        return Err(SocketError::NoSocket { path: path.into() });
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(SocketError::Live { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        // Gone between the two looks.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(SocketError::Io {
            path: path.into(),
            doing: "find out whether a process answers there",
            source,
        }),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|facts| (facts.dev(), facts.ino()) == self.inode);
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn makes_the_socket_for_its_owner_alone_and_takes_it_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run").join("admin.sock");
        let (listener, file) = open(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        UnixStream::connect(&path).unwrap();
        drop(listener);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn replaces_the_socket_of_a_dead_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a dead socket stays behind");
        let (_listener, _file) = open(&path).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn refuses_the_socket_of_a_living_process_and_leaves_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let (_listener, _file) = open(&path).unwrap();
        let refused = open(&path).unwrap_err();
        assert!(matches!(refused, SocketError::Live { .. }), "{refused}");
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn refuses_a_path_that_is_no_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        fs::write(&path, "precious").unwrap();
        let refused = open(&path).unwrap_err();
        assert!(matches!(refused, SocketError::NoSocket { .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn does_not_remove_the_socket_of_its_successor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let (listener, file) = open(&path).unwrap();
        drop(listener);
        let (_next, _next_file) = open(&path).unwrap();
        drop(file);
        UnixStream::connect(&path).unwrap();
    }
}
