//! Taking files from the outbox folders, each exactly once.
//!
//! The order of the steps, and why (a kill may fall between any two):
//! 1. journal `taking`, with the file's name: whatever lies in the spool from now on is accounted for.
//! 2. the file renamed into the spool: one instant in which it leaves the outbox. Nothing was copied,
//!    so it is never in both.
//! 3. its data synced, then spool and outbox folders: its maker may not have synced it. It is looked
//!    through, and lines get their lengths in a spool file of their own, again synced (`examine.rs`).
//! 4. journal `queued`, or `securing` where the partner's terms want file services, with its exact size.
//!
//! A restart that finds `taking` looks for the spool file: there, it goes on with 3; not there, the
//! file is still in the outbox, the entry is dropped, and the next scan takes the file.

mod examine;

use std::fs::{self, DirEntry, File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, renameat2};
use oftp::UserField;

use crate::archive::Part;
use crate::crash;
use crate::directory::Archive;
use crate::error::StoreError;
use crate::intake::{Entry, first_state};
use crate::layout;
use crate::naming::dataset_from_name;
use crate::records::{Counted, Terms};
use crate::row;
use crate::services::Services;
use crate::store::{Store, new_id};
use crate::transfer::{Direction, State, TransferId};

/// What a scan of the outbox folders found.
#[derive(Debug, Default)]
pub struct OutboxReport {
    /// Files taken and queued.
    pub queued: Vec<TransferId>,
    /// What could not be handed over and stays where it is.
    pub faults: Vec<OutboxFault>,
}

/// Something that stays where it is until an operator sees to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxFault {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong and what to do, a sentence.
    pub problem: String,
}

impl Store {
    /// Takes every file ready in the outbox folders, in the form agreed with the partner, and tells what
    /// cannot be taken. Also tries again what could not be done before: delivering received files,
    /// recording ends of attempts.
    ///
    /// A file is ready when its name does not start with `.` nor end with `.tmp` or `.part`: whoever
    /// hands over writes under such a name, or elsewhere on the same file system, and renames.
    ///
    /// # Errors
    /// What the journal or the spool folder said; files not yet taken stay in the outbox.
    pub fn scan_outbox(&self, now: Timestamp) -> Result<OutboxReport, StoreError> {
        self.settle_receiving(now)?;
        let mut report = OutboxReport::default();
        for (transfer, error) in self.deliver_waiting(now)? {
            let path = self.inner.layout.spool_file(Direction::In, transfer.id);
            let problem = format!(
                "transfer {} of partner {} was received and cannot be handed on: {error}; unless its sender was told so, it is safe in the spool and tried again",
                transfer.id, transfer.partner
            );
            report.faults.push(OutboxFault { path, problem });
        }
        let _scanning = self.scanning();
        self.settle_taking(now, &mut report)?;
        let ready = self.look(&mut report.faults)?;
        for group in ready.chunks(GROUP) {
            self.take(group, now, &mut report)?;
        }
        if !report.queued.is_empty() {
            self.tell_of_work();
        }
        Ok(report)
    }

    /// Settles what an earlier scan left half taken: queued if it is in the spool, else forgotten.
    pub(crate) fn settle_taking(
        &self,
        now: Timestamp,
        report: &mut OutboxReport,
    ) -> Result<(), StoreError> {
        let taking = self.run(|journal| row::select(journal, "WHERE state = 'taking'", []))?;
        if taking.is_empty() {
            return Ok(());
        }
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for transfer in taking {
            let (format, record_length) = (transfer.format, transfer.record_length);
            let services = transfer.services();
            match self.examine(transfer.id, format, record_length, services.secures()) {
                Ok(Some(counted)) => {
                    let partner = self.partner(&transfer.partner)?;
                    taken.push(Taken {
                        id: transfer.id,
                        counted,
                        services,
                        archives: partner.is_some_and(|partner| partner.archive == Archive::Files),
                    });
                }
                Ok(None) => left.push(transfer.id),
                Err(error) => {
                    let path = self
                        .inner
                        .layout
                        .handed_over(transfer.id, services.secures());
                    let problem = format!(
                        "{:?}, taken from the outbox of partner {}, cannot be sent ({error}); put it right or remove it",
                        transfer.original_name.unwrap_or_default(),
                        transfer.partner
                    );
                    report.faults.push(OutboxFault { path, problem });
                }
            }
        }
        self.record(taken, left, now, report)
    }

    /// Records what came of files that were being taken; their names are synced first.
    fn record(
        &self,
        taken: Vec<Taken>,
        left: Vec<TransferId>,
        now: Timestamp,
        report: &mut OutboxReport,
    ) -> Result<(), StoreError> {
        layout::sync_folder(&self.inner.layout.spool)?;
        crash::point("outbox.synced");
        let (mut kept, all) = (Vec::with_capacity(taken.len()), taken);
        for taken in all {
            let path = self.inner.layout.handed_over(taken.id, false);
            match taken.is_archived() {
                true => match self.archive(taken.id, &[(Part::Clear, path.clone())]) {
                    Ok(()) => kept.push(taken),
                    // One too large to be archived now does not keep the others from being sent.
                    Err(error) => {
                        let problem = format!(
                            "transfer {} is not sent before it is archived: {error}; it is tried again",
                            taken.id
                        );
                        report.faults.push(OutboxFault { path, problem });
                    }
                },
                false => kept.push(taken),
            }
        }
        let taken = kept;
        let queued: Vec<TransferId> = taken.iter().map(|taken| taken.id).collect();
        let securing = taken.iter().any(|taken| !taken.services.is_none());
        self.run(move |journal| {
            left.iter().try_for_each(|id| forget(journal, *id))?;
            taken
                .iter()
                .try_for_each(|taken| queue(journal, taken, now))
        })?;
        crash::point("outbox.queued");
        if securing {
            self.tell_of_security();
        }
        for id in &queued {
            // What was taken as lines is in the spool with lengths now.
            layout::remove_file(&self.inner.layout.raw_file(*id))?;
        }
        report.queued.extend(queued);
        Ok(())
    }

    /// What is ready to be taken, in the order of partners and names.
    fn look(&self, faults: &mut Vec<OutboxFault>) -> Result<Vec<Ready>, StoreError> {
        let partners = self.partners()?;
        let mut ready = Vec::new();
        for (folder, name) in entries(&self.inner.layout.outbox)? {
            let path = folder.path();
            if name.starts_with('.') {
                continue;
            }
            let Some(partner) = partners.iter().find(|partner| partner.name == name) else {
                let problem =
                    format!("no partner is named {name:?}; `partner add` it, or remove this");
                faults.push(OutboxFault { path, problem });
                continue;
            };
            let services = Services::of(partner);
            let terms = Terms {
                format: partner.format,
                record_length: partner.record_length,
                records: partner.records,
                secured: services.secures(),
            };
            let terms = match terms.checked() {
                Ok(terms) => terms,
                Err(error) => {
                    let problem = format!("{error}; change what is said of partner {name}");
                    faults.push(OutboxFault { path, problem });
                    continue;
                }
            };
            let files = match entries(&path) {
                Ok(files) => files,
                Err(error) => {
                    faults.push(OutboxFault {
                        path,
                        problem: format!("{error}; let this account use the folder"),
                    });
                    continue;
                }
            };
            for (entry, file) in files {
                if is_unfinished(&file) {
                    continue;
                }
                let path = entry.path();
                match check(&entry) {
                    Ok(()) => ready.push(Ready {
                        path,
                        partner: name.clone(),
                        name: file,
                        terms,
                        services,
                        archives: partner.archive == Archive::Files,
                    }),
                    Err(problem) => faults.push(OutboxFault { path, problem }),
                }
            }
        }
        Ok(ready)
    }

    fn take(
        &self,
        group: &[Ready],
        now: Timestamp,
        report: &mut OutboxReport,
    ) -> Result<(), StoreError> {
        let ids = group
            .iter()
            .map(|_| new_id())
            .collect::<Result<Vec<_>, _>>()?;
        let entries: Vec<Entry> = std::iter::zip(group, &ids)
            .map(|(ready, id)| Entry {
                id: *id,
                partner: ready.partner.clone(),
                dataset: dataset_from_name(&ready.name),
                original_name: ready.name.clone(),
                description: String::new(),
                user: UserField::default(),
                format: ready.terms.format,
                counted: Counted {
                    record_length: ready.terms.record_length,
                    ..Counted::default()
                },
                destination: None,
                station: None,
                services: ready.services,
                archived: false,
                state: State::Taking,
                now,
            })
            .collect();
        let entered =
            self.run(move |journal| entries.iter().try_for_each(|entry| entry.insert(journal)));
        match (entered, group) {
            (Ok(()), _) => {}
            // What is wrong with one file must not keep the others from being taken.
            (Err(StoreError::Refused(why)), [ready]) => {
                report.faults.push(OutboxFault {
                    path: ready.path.clone(),
                    problem: format!("{why}; it stays in the outbox"),
                });
                return Ok(());
            }
            (Err(StoreError::Refused(_)), group) => {
                let mut alone = group.chunks(1);
                return alone.try_for_each(|ready| self.take(ready, now, report));
            }
            (Err(error), _) => return Err(error),
        }
        crash::point("outbox.taking");
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for (ready, id) in std::iter::zip(group, ids) {
            let spool = match ready.terms.converts() {
                true => self.inner.layout.raw_file(id),
                false => self.inner.layout.handed_over(id, ready.terms.secured),
            };
            match self.move_in(ready, id, &spool) {
                Moved::In(counted) => taken.push(Taken {
                    id,
                    counted,
                    services: ready.services,
                    archives: ready.archives,
                }),
                Moved::Not(problem) => {
                    report.faults.push(OutboxFault {
                        path: ready.path.clone(),
                        problem,
                    });
                    left.push(id);
                }
                // Its entry keeps it from being swept out of the spool.
                Moved::Stuck(problem) => report.faults.push(OutboxFault {
                    path: spool,
                    problem,
                }),
            }
            crash::point("outbox.moved");
        }
        let mut folders: Vec<&Path> = group
            .iter()
            .filter_map(|ready| ready.path.parent())
            .collect();
        folders.dedup();
        folders.into_iter().try_for_each(layout::sync_folder)?;
        self.record(taken, left, now, report)
    }

    /// Moves one file into the spool. What turns out to be something else is moved back.
    fn move_in(&self, ready: &Ready, id: TransferId, spool: &Path) -> Moved {
        let path = &ready.path;
        if let Err(error) = layout::rename(path, spool) {
            return Moved::Not(format!("{error}; it stays in the outbox"));
        }
        crash::point("outbox.renamed");
        let Terms {
            format,
            record_length,
            secured,
            ..
        } = ready.terms;
        let problem = match self.examine(id, format, record_length, secured) {
            Ok(Some(counted)) => return Moved::In(counted),
            Ok(None) => "it was removed meanwhile".to_owned(),
            Err(error) => format!("{error}; it stays in the outbox"),
        };
        // Never over something that was put in its place meanwhile.
        let back = renameat2(
            AT_FDCWD,
            spool,
            AT_FDCWD,
            path,
            RenameFlags::RENAME_NOREPLACE,
        );
        match back {
            Ok(()) => Moved::Not(problem),
            Err(errno) => Moved::Stuck(format!(
                "{problem}; it came from {} and cannot go back ({errno})",
                path.display()
            )),
        }
    }
}

/// Drops the entry of a file that is still in the outbox.
fn forget(journal: &rusqlite::Connection, id: TransferId) -> Result<(), StoreError> {
    let sql = "DELETE FROM transfer WHERE id = ?1 AND state = 'taking'";
    row::change(journal, sql, [id.to_string()]).map(drop)
}

/// Queues a file that is in the spool and synced, to be secured first where that is wanted.
fn queue(journal: &rusqlite::Connection, taken: &Taken, now: Timestamp) -> Result<(), StoreError> {
    let (id, counted) = (taken.id, &taken.counted);
    let state = first_state(&taken.services);
    row::change(
        journal,
        "UPDATE transfer SET state = ?7, octets = ?2, stored = ?3, records = ?4, record_length = ?5, \
         original_blocks = ?6, clear_octets = ?2, clear_stored = ?3, archived = ?8 \
         WHERE id = ?1 AND state = 'taking'",
        (
            id.to_string(),
            row::octets(counted.octets),
            row::octets(counted.stored),
            row::octets(counted.records),
            counted.record_length,
            row::octets(counted.octets.div_ceil(1024)),
            state.word(),
            taken.is_archived(),
        ),
    )?;
    let detail = format!("{} octets", counted.octets);
    row::step(journal, id, now, state.word(), &detail, None)
}

/// A file that is in the spool.
struct Taken {
    id: TransferId,
    counted: Counted,
    services: Services,
    /// Whether the archive is to keep it.
    archives: bool,
}

impl Taken {
    /// Whether it is archived as it is; one that is to be secured is archived once it is.
    fn is_archived(&self) -> bool {
        self.archives && self.services.is_none()
    }
}

/// A file that is ready to be taken.
struct Ready {
    path: PathBuf,
    partner: String,
    name: String,
    terms: Terms,
    services: Services,
    archives: bool,
}

/// Files that share two commits; also bounds how many a kill leaves for the next start to sort out.
const GROUP: usize = 128;

/// What came of moving one file into the spool.
enum Moved {
    /// It is there, synced, and this is what it is.
    In(Counted),
    /// It stayed, or was moved back.
    Not(String),
    /// It is there, is nothing that can be sent, and cannot be moved back.
    Stuck(String),
}

fn open_plain(path: &Path) -> io::Result<File> {
    // A symbolic link is not followed, and a pipe put in its place meanwhile is not waited for.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)
}

/// Whether an entry can be taken; if not, what is wrong and what to do.
fn check(entry: &DirEntry) -> Result<(), String> {
    let kind = entry
        .file_type()
        .map_err(|error| format!("it cannot be looked at ({error})"))?;
    if !kind.is_file() {
        return Err(format!(
            "it is {}; only plain files are sent: remove it",
            describe(kind)
        ));
    }
    if entry.file_name().to_str().is_none() {
        return Err("its name is no UTF-8; give it a plain name".to_owned());
    }
    open_plain(&entry.path()).map(drop).map_err(|error| {
        format!("the file cannot be read ({error}); let the account of this process read it")
    })
}

fn describe(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') || name.ends_with(".tmp") || name.ends_with(".part")
}

/// What is in a folder, by name; a name that is no UTF-8 is shown as well as it can be.
fn entries(folder: &Path) -> Result<Vec<(DirEntry, String)>, StoreError> {
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(StoreError::file("list", folder))?
        .into_iter()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (entry, name)
        })
        .collect::<Vec<_>>();
    entries.sort_by(|(_, one), (_, other)| one.cmp(other));
    Ok(entries)
}
