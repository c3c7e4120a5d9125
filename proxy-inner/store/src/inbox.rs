//! Handing a received file to the business systems: once, whole, its metadata beside it.
//!
//! The order of the steps, and why (a kill may fall between any two):
//! 1. Is the spool file there? If not, an earlier attempt moved it and was killed before it could say
//!    so; the business system may have taken it away since. Nothing is written again: go to 5.
//! 2. Metadata written under a hidden name, synced, renamed into its place: whoever sees the file
//!    finds its metadata. A second attempt replaces them with the same.
//! 3. The file renamed from the spool into the inbox: one instant, whole, never over another file,
//!    because the name ends with the transfer's own.
//! 4. Inbox folder synced, then the spool folder: the file is never in neither after a power cut.
//! 5. journal `delivered`: only from now on is its receipt sent.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::crash;
use crate::error::StoreError;
use crate::layout;
use crate::row;
use crate::store::Store;
use crate::transfer::{Direction, State, Transfer, TransferId};

/// What the metadata file beside a delivered file says, as JSON.
#[derive(Debug, Serialize)]
struct Metadata<'a> {
    transfer: TransferId,
    partner: &'a str,
    station: &'a str,
    dataset: &'a str,
    date: &'a str,
    time: &'a str,
    origin: &'a str,
    destination: &'a str,
    octets: u64,
    received_at: Timestamp,
    circuit: Option<&'a str>,
    description: &'a str,
    user: &'a str,
    format: String,
}

impl Store {
    /// Puts a received file into its partner's inbox and tells where it is. Done once however often
    /// it is called; a start after a crash calls it for what was left over.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] for a transfer that was not received; else what the disk or the
    /// journal said: the file stays safe in the spool, and [`Store::scan_outbox`] and the next start
    /// try again.
    pub fn deliver(&self, id: TransferId, now: Timestamp) -> Result<PathBuf, StoreError> {
        let path = {
            let _mine = self.delivery_of(id);
            let transfer = self.run(move |journal| row::by_id(journal, id))?;
            let inbox = self.inner.layout.inbox.join(&transfer.partner);
            let path = inbox.join(transfer.inbox_name.as_deref().unwrap_or_default());
            match transfer.state {
                State::Delivered => return Ok(path),
                State::Received => {}
                state => {
                    return Err(StoreError::WrongState {
                        id,
                        state,
                        wanted: "delivered",
                    });
                }
            }
            self.hand_over(&transfer, &path)?;
            crash::point("inbox.handed-over");
            self.run(move |journal| {
                row::change(
                    journal,
                    "UPDATE transfer SET state = 'delivered' WHERE id = ?1 AND state = 'received'",
                    [id.to_string()],
                )?;
                row::step(journal, id, now, "delivered", "", None)
            })?;
            path
        };
        crash::point("inbox.delivered");
        self.tell_of_work();
        Ok(path)
    }

    /// Delivers what was received and could not be delivered before; tells what still cannot.
    pub(crate) fn deliver_waiting(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(Transfer, StoreError)>, StoreError> {
        let waiting =
            self.run(|journal| row::select(journal, "WHERE state = 'received' ORDER BY seq", []))?;
        let mut stuck = Vec::new();
        for transfer in waiting {
            if let Err(error) = self.deliver(transfer.id, now) {
                stuck.push((transfer, error));
            }
        }
        Ok(stuck)
    }

    fn hand_over(&self, transfer: &Transfer, path: &Path) -> Result<(), StoreError> {
        let spool = self.inner.layout.spool_file(Direction::In, transfer.id);
        if !fs::exists(&spool).map_err(StoreError::file("look for", &spool))? {
            return Ok(());
        }
        let inbox = self.inner.layout.make_inbox(&transfer.partner)?;
        write_metadata(transfer, path)?;
        crash::point("inbox.metadata");
        fs::set_permissions(&spool, Permissions::from_mode(layout::INBOX_FILE))
            .map_err(StoreError::file("open to its group", &spool))?;
        layout::rename(&spool, path)?;
        crash::point("inbox.renamed");
        layout::sync_folder(&inbox)?;
        layout::sync_folder(&self.inner.layout.spool)
    }
}

fn write_metadata(transfer: &Transfer, path: &Path) -> Result<(), StoreError> {
    let stamp = transfer.file.stamp.to_string();
    let (date, time) = stamp.split_at_checked(8).unwrap_or((&stamp, ""));
    let metadata = Metadata {
        transfer: transfer.id,
        partner: &transfer.partner,
        station: &transfer.station,
        dataset: transfer.file.dataset.as_str(),
        date,
        time,
        origin: transfer.file.origin.as_str(),
        destination: transfer.file.destination.as_str(),
        octets: transfer.octets,
        received_at: transfer.changed,
        circuit: transfer.circuit.as_deref(),
        description: &transfer.description,
        user: transfer.user.as_str(),
        format: transfer.format.to_string(),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = path.with_file_name(format!(".{name}{METADATA}.tmp"));
    let write = || {
        let mut text = serde_json::to_vec_pretty(&metadata)?;
        text.push(b'\n');
        // What an attempt that was killed left under this name is worth nothing.
        match fs::remove_file(&hidden) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = layout::new_file(&hidden)?;
        file.write_all(&text)?;
        file.set_permissions(Permissions::from_mode(layout::INBOX_FILE))?;
        file.sync_all()
    };
    write().map_err(StoreError::file("write", &hidden))?;
    layout::rename(&hidden, &path.with_file_name(format!("{name}{METADATA}")))
}

/// What the name of a metadata file has more than that of its file.
const METADATA: &str = ".meta.json";
