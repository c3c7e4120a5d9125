//! Folders and names on disk, in one picture.
//!
//! ```text
//!  root/                          0700 when made here; what others than owner and group may do is taken away
//!    lock                         0600  held by the one process; its number inside
//!    journal.sqlite (-wal, -shm)  0600  the truth after a crash; holds passwords
//!    spool/                       0700  files in motion
//!      in-<transfer>              0600  being received, or received and not yet in the inbox
//!      lines-<transfer>           0600  the same as lines, for the inbox
//!      raw-<transfer>             0600  taken from the outbox as lines, about to become the next
//!      clear-<transfer>           0600  to be secured and sent, or opened and not yet in the inbox
//!      out-<transfer>             0600  to be sent; kept, with the clear one, until its receipt says the
//!                                       partner has it
//!    archive/                     0700  second names of files that are kept after their end
//!      <transfer>.secured         0600  as it travels
//!      <transfer>.clear           0600  the clear file
//!    inbox/                       0750
//!      <partner>/                 0750  for the business systems
//!        <dataset>.<CCYYMMDDHHMMSScccc>.<transfer>            0640  a whole file, put here by one rename
//!        <dataset>.<CCYYMMDDHHMMSScccc>.<transfer>.meta.json  0640  there before the file is
//!    outbox/                      0770
//!      <partner>/                 0770  what is renamed into here is sent
//! ```
//!
//! Spool, archive, inbox and outbox are on one file system, because every hand-over is a rename. For a business
//! system under another account of the same group, the root is opened once: `chmod 0710 root`.
//!
//! A name is on disk only after its folder is synced ([`sync_folder`]); whoever relies on a name that
//! was just made or moved does that first.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::archive::Part;
use crate::error::StoreError;
use crate::transfer::{Direction, TransferId};

/// The paths of one store.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
    pub(crate) lock: PathBuf,
    pub(crate) journal: PathBuf,
    pub(crate) spool: PathBuf,
    pub(crate) archive: PathBuf,
    pub(crate) inbox: PathBuf,
    pub(crate) outbox: PathBuf,
}

/// Whoever may read a file delivered to the inbox.
pub(crate) const INBOX_FILE: u32 = 0o640;
const ROOT: u32 = 0o700;
const SPOOL: u32 = 0o700;
const ARCHIVE: u32 = 0o700;
const INBOX: u32 = 0o750;
const OUTBOX: u32 = 0o770;
const PRIVATE_FILE: u32 = 0o600;

impl Layout {
    /// Names the paths below `root`; touches nothing.
    pub(crate) fn new(root: &Path) -> Layout {
        Layout {
            root: root.to_owned(),
            lock: root.join("lock"),
            journal: root.join("journal.sqlite"),
            spool: root.join("spool"),
            archive: root.join("archive"),
            inbox: root.join("inbox"),
            outbox: root.join("outbox"),
        }
    }

    /// Makes the root folder, and takes it away from everyone but owner and group.
    pub(crate) fn make_root(&self) -> Result<(), StoreError> {
        if !self.root.is_dir() {
            make_folder(&self.root, ROOT)?;
        }
        let meta = fs::metadata(&self.root).map_err(StoreError::file("look at", &self.root))?;
        let mode = meta.permissions().mode() & 0o7777;
        if mode & 0o007 != 0 {
            fs::set_permissions(&self.root, Permissions::from_mode(mode & !0o007))
                .map_err(StoreError::file("take from others the folder", &self.root))?;
            tracing::warn!(
                path = %self.root.display(),
                "The store was open to every account of this host; it now belongs to its owner and group."
            );
        }
        Ok(())
    }

    /// Makes what is missing below the root, and checks that files can be handed over by renaming.
    pub(crate) fn make_rest(&self) -> Result<(), StoreError> {
        for (folder, mode) in [
            (&self.spool, SPOOL),
            (&self.archive, ARCHIVE),
            (&self.inbox, INBOX),
            (&self.outbox, OUTBOX),
        ] {
            if !folder.is_dir() {
                make_folder(folder, mode)?;
            }
            self.on_one_file_system(folder)?;
        }
        make_private_file(&self.journal)?;
        for parent in [&self.inbox, &self.outbox] {
            for entry in fs::read_dir(parent).map_err(StoreError::file("list", parent))? {
                let path = entry.map_err(StoreError::file("list", parent))?.path();
                if path.is_dir() {
                    self.on_one_file_system(&path)?;
                }
            }
        }
        sync_folder(&self.root)
    }

    /// Makes a partner's folders where they are missing.
    pub(crate) fn make_partner(&self, partner: &str) -> Result<(), StoreError> {
        self.make_inbox(partner)?;
        let outbox = self.outbox_of(partner);
        if !outbox.is_dir() {
            make_folder(&outbox, OUTBOX)?;
        }
        Ok(())
    }

    /// Makes a partner's inbox folder where it is missing, and names it.
    pub(crate) fn make_inbox(&self, partner: &str) -> Result<PathBuf, StoreError> {
        let inbox = self.inbox.join(partner);
        if !inbox.is_dir() {
            make_folder(&inbox, INBOX)?;
        }
        Ok(inbox)
    }

    /// A partner's outbox folder.
    pub(crate) fn outbox_of(&self, partner: &str) -> PathBuf {
        self.outbox.join(partner)
    }

    /// The spool file of a transfer.
    pub(crate) fn spool_file(&self, direction: Direction, id: TransferId) -> PathBuf {
        self.spool.join(format!("{direction}-{id}"))
    }

    /// The clear file of a transfer that is secured to be sent, or was opened.
    pub(crate) fn clear_file(&self, id: TransferId) -> PathBuf {
        self.spool.join(format!("{CLEAR}-{id}"))
    }

    /// What a caller or the outbox handed over: the file to send itself, or the clear one where that is
    /// yet to be secured.
    pub(crate) fn handed_over(&self, id: TransferId, secures: bool) -> PathBuf {
        if secures {
            self.clear_file(id)
        } else {
            self.spool_file(Direction::Out, id)
        }
    }

    /// A file of a transfer in the archive.
    pub(crate) fn archive_file(&self, id: TransferId, part: Part) -> PathBuf {
        self.archive.join(format!("{id}.{}", part.word()))
    }

    /// A copy of a clear file on its way to the archive.
    pub(crate) fn copy_file(&self, id: TransferId) -> PathBuf {
        self.spool.join(format!("{COPY}-{id}"))
    }

    /// The lines of a received file of format V on their way to the inbox.
    pub(crate) fn lines_file(&self, id: TransferId) -> PathBuf {
        self.spool.join(format!("{LINES}-{id}"))
    }

    /// A file taken from the outbox that is yet to be brought into the spool's form.
    pub(crate) fn raw_file(&self, id: TransferId) -> PathBuf {
        self.spool.join(format!("{RAW}-{id}"))
    }

    fn on_one_file_system(&self, folder: &Path) -> Result<(), StoreError> {
        let device = |path: &Path| {
            fs::metadata(path)
                .map(|meta| meta.dev())
                .map_err(StoreError::file("look at", path))
        };
        if device(folder)? == device(&self.spool)? {
            Ok(())
        } else {
            Err(StoreError::TwoFileSystems {
                spool: self.spool.clone(),
                other: folder.to_owned(),
            })
        }
    }
}

/// What a file in the spool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// That of a transfer.
    Spool(Direction),
    /// Made by [`Layout::lines_file`].
    Lines,
    /// Made by [`Layout::raw_file`].
    Raw,
    /// Made by [`Layout::clear_file`].
    Clear,
    /// Made by [`Layout::copy_file`].
    Copy,
}

const LINES: &str = "lines";
const RAW: &str = "raw";
const CLEAR: &str = "clear";
const COPY: &str = "copy";

/// Which transfer a file name in the spool stands for, and as what; `None` for a name the store never
/// gives.
pub(crate) fn spool_name(name: &str) -> Option<(Kind, TransferId)> {
    let (kind, id) = name.split_once('-')?;
    let kind = match kind {
        LINES => Kind::Lines,
        RAW => Kind::Raw,
        CLEAR => Kind::Clear,
        COPY => Kind::Copy,
        direction => Kind::Spool(direction.parse().ok()?),
    };
    Some((kind, id.parse().ok()?))
}

/// Which file of which transfer a name in the archive stands for; `None` for a name the store never
/// gives.
pub(crate) fn archive_name(name: &str) -> Option<(Part, TransferId)> {
    let (id, word) = name.split_once('.')?;
    let part = Part::ALL.into_iter().find(|part| part.word() == word)?;
    Some((part, id.parse().ok()?))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::file("sync", folder))
}

/// Makes a new file that only its owner may use; it must not exist.
pub(crate) fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(PRIVATE_FILE)
        .open(path)
}

/// Renames a file; when that fails because the folders are mounted apart, says so.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(|error| match (error.kind(), from.parent(), to.parent()) {
        (io::ErrorKind::CrossesDevices, Some(from), Some(to)) => StoreError::TwoFileSystems {
            spool: from.to_owned(),
            other: to.to_owned(),
        },
        _ => StoreError::file("move to its place", from)(error),
    })
}

/// Removes a file that may be gone already.
pub(crate) fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn make_folder(path: &Path, mode: u32) -> Result<(), StoreError> {
    let make = || {
        DirBuilder::new().recursive(true).mode(mode).create(path)?;
        // The mask of the process must not take from the group what the picture gives it.
        fs::set_permissions(path, Permissions::from_mode(mode))
    };
    make().map_err(StoreError::file("make the folder", path))?;
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .map_or(Ok(()), sync_folder)
}

fn make_private_file(path: &Path) -> Result<(), StoreError> {
    let make = || {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_FILE)
            .open(path)?;
        file.set_permissions(Permissions::from_mode(PRIVATE_FILE))
    };
    make().map_err(StoreError::file("make", path))
}
