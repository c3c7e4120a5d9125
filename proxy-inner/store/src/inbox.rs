//! Handing a received file to the business systems: once, whole, its metadata beside it.
//!
//! The order of the steps, and why (a kill may fall between any two):
//! 1. A file of format V that is to be lines: its lines are written to a spool file of their own and
//!    synced, then the one with lengths is removed. There is always one of them that is whole; while
//!    the first is there, the second is made anew.
//!    For a partner whose files are archived, what is handed over is copied into the archive
//!    (`archive.rs`), unless that was done at its opening.
//! 2. Is there a spool file? If not, an earlier attempt moved it and was killed before it could say
//!    so; the business system may have taken it away since. Nothing is written again: go to 6.
//! 3. Metadata written under a hidden name, synced, renamed into its place: whoever sees the file
//!    finds its metadata. A second attempt replaces them with the same.
//! 4. The file renamed from the spool into the inbox: one instant, whole, never over another file,
//!    because the name ends with the transfer's own.
//! 5. Inbox folder synced, then the spool folder: the file is never in neither after a power cut.
//! 6. journal `delivered`: only from now on is its receipt sent.

use std::fs::{self, File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::archive::Part;
use crate::crash;
use crate::directory::{Archive, Partner, RecordForm};
use crate::error::StoreError;
use crate::layout;
use crate::records::{BUFFER, Shape, write_lines};
use crate::row;
use crate::security::clear_shape;
use crate::store::Store;
use crate::transfer::{Direction, State, Transfer, TransferId};

/// Where a received file went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// Into the inbox, as this file.
    Inbox(PathBuf),
    /// On to the partner who serves its destination, as this outbound transfer.
    Forwarded(TransferId),
}

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
    /// How long it was as it travelled; only where that was another file.
    #[serde(skip_serializing_if = "Option::is_none")]
    secured_octets: Option<u64>,
    received_at: Timestamp,
    circuit: Option<&'a str>,
    description: &'a str,
    user: &'a str,
    format: String,
    record_length: u32,
    records: u64,
    /// How the records lie in the file; only for format V.
    #[serde(skip_serializing_if = "Option::is_none")]
    record_form: Option<&'static str>,
    original_blocks: u64,
    security: u8,
    cipher: u8,
    compression: bool,
    envelope: bool,
    signed_receipt: bool,
}

impl Store {
    /// Puts a received file into its partner's inbox and tells where it is, or queues it for the partner
    /// it is to be forwarded to and tells as what. Done once however often it is called; a start after a
    /// crash calls it for what was left over.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] for a transfer that was not received; [`StoreError::NotOpened`] for one
    /// that is yet to be opened or hashed; [`StoreError::Refused`] for one that can never be forwarded: its sender is told by a NERP. Else what the disk or the journal
    /// said: the file stays safe in the spool, and [`Store::scan_outbox`] and the next start try again.
    pub fn deliver(&self, id: TransferId, now: Timestamp) -> Result<Delivered, StoreError> {
        let delivered = {
            let _mine = self.delivery_of(id);
            let transfer = self.run(move |journal| row::by_id(journal, id))?;
            let inbox = self.inner.layout.inbox.join(&transfer.partner);
            let path = inbox.join(transfer.inbox_name.as_deref().unwrap_or_default());
            match (transfer.state, transfer.forwarded_to, &transfer.forward_to) {
                (State::Delivered, ..) => return Ok(Delivered::Inbox(path)),
                (State::Forwarded, Some(outbound), _) => {
                    return Ok(Delivered::Forwarded(outbound));
                }
                (State::Received, _, Some(to)) => {
                    let forwarded = self.forward(&transfer, to, now);
                    if forwarded.is_err() {
                        // Its NERP may be due.
                        self.tell_of_work();
                    }
                    Delivered::Forwarded(forwarded?)
                }
                (State::Received, _, None) if transfer.needs_opening() => {
                    return Err(StoreError::NotOpened(id));
                }
                (State::Received, _, None) => {
                    self.put_into_inbox(&transfer, &path, now)?;
                    Delivered::Inbox(path)
                }
                (state, ..) => {
                    return Err(StoreError::WrongState {
                        id,
                        state,
                        wanted: "delivered",
                    });
                }
            }
        };
        crash::point("inbox.delivered");
        self.tell_of_work();
        Ok(delivered)
    }

    fn put_into_inbox(
        &self,
        transfer: &Transfer,
        path: &Path,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = transfer.id;
        let partner = self.partner(&transfer.partner)?;
        self.hand_over(transfer, partner.as_ref(), path)?;
        crash::point("inbox.handed-over");
        let archived = self.is_in_archive(id)?;
        self.run(move |journal| {
            row::change(
                journal,
                "UPDATE transfer SET state = 'delivered', archived = ?2 \
                 WHERE id = ?1 AND state = 'received'",
                (id.to_string(), archived),
            )?;
            row::step(journal, id, now, "delivered", "", None)
        })
    }

    /// Delivers what was received and could not be delivered before; tells what still cannot. What is yet
    /// to be opened waits for that.
    pub(crate) fn deliver_waiting(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(Transfer, StoreError)>, StoreError> {
        let waiting =
            self.run(|journal| row::select(journal, "WHERE state = 'received' ORDER BY seq", []))?;
        let mut stuck = Vec::new();
        for transfer in waiting {
            if transfer.needs_opening() {
                continue;
            }
            if let Err(error) = self.deliver(transfer.id, now) {
                stuck.push((transfer, error));
            }
        }
        Ok(stuck)
    }

    fn hand_over(
        &self,
        transfer: &Transfer,
        partner: Option<&Partner>,
        path: &Path,
    ) -> Result<(), StoreError> {
        let id = transfer.id;
        let spool = match transfer.services().secures() {
            true => self.inner.layout.clear_file(id),
            false => self.inner.layout.spool_file(Direction::In, id),
        };
        let lines = self.inner.layout.lines_file(id);
        let form = if clear_shape(transfer) == Shape::Variable {
            Some(self.form_for(partner, &spool, &lines)?)
        } else {
            None
        };
        let ready = match form {
            Some(RecordForm::Lines) => &lines,
            _ => &spool,
        };
        if !exists(ready)? {
            return Ok(());
        }
        if partner.is_some_and(|partner| partner.archive == Archive::Files)
            && !self.is_in_archive(id)?
        {
            self.archive(id, &[(Part::Clear, ready.clone())])?;
        }
        let inbox = self.inner.layout.make_inbox(&transfer.partner)?;
        write_metadata(transfer, form, path)?;
        crash::point("inbox.metadata");
        fs::set_permissions(ready, Permissions::from_mode(layout::INBOX_FILE))
            .map_err(StoreError::file("open to its group", ready))?;
        layout::rename(ready, path)?;
        crash::point("inbox.renamed");
        layout::sync_folder(&inbox)?;
        layout::sync_folder(&self.inner.layout.spool)
    }

    /// The form a file of format V is handed over in, with its spool file made ready. A record that has
    /// an LF within cannot be a line: such a file keeps its lengths.
    fn form_for(
        &self,
        partner: Option<&Partner>,
        spool: &Path,
        lines: &Path,
    ) -> Result<RecordForm, StoreError> {
        if !exists(spool)? {
            // Its lines are there, or it was handed over.
            return Ok(RecordForm::Lines);
        }
        if partner.is_none_or(|partner| partner.records == RecordForm::Prefixed)
            || !make_lines(spool, lines)?
        {
            layout::remove_file(lines)?;
            return Ok(RecordForm::Prefixed);
        }
        layout::sync_folder(&self.inner.layout.spool)?;
        crash::point("inbox.lines");
        layout::remove_file(spool)?;
        layout::sync_folder(&self.inner.layout.spool)?;
        crash::point("inbox.lines-only");
        Ok(RecordForm::Lines)
    }
}

/// Writes the lines of a file, synced; `false` when it has a record that is none.
fn make_lines(spool: &Path, lines: &Path) -> Result<bool, StoreError> {
    // What an attempt that was killed left is worth nothing.
    layout::remove_file(lines)?;
    let from = File::open(spool).map_err(StoreError::file("open", spool))?;
    let write = || {
        let mut to = BufWriter::with_capacity(BUFFER, layout::new_file(lines)?);
        if !write_lines(&from, &mut to)? {
            return Ok(false);
        }
        to.get_ref().sync_data().map(|()| true)
    };
    write().map_err(StoreError::file("write the lines of", spool))
}

pub(crate) fn exists(path: &Path) -> Result<bool, StoreError> {
    fs::exists(path).map_err(StoreError::file("look for", path))
}

fn write_metadata(
    transfer: &Transfer,
    form: Option<RecordForm>,
    path: &Path,
) -> Result<(), StoreError> {
    let stamp = transfer.file.stamp.to_string();
    let (date, time) = stamp.split_at_checked(8).unwrap_or((&stamp, ""));
    let secured = transfer.services().secures();
    let metadata = Metadata {
        transfer: transfer.id,
        partner: &transfer.partner,
        station: &transfer.station,
        dataset: transfer.file.dataset.as_str(),
        date,
        time,
        origin: transfer.file.origin.as_str(),
        destination: transfer.file.destination.as_str(),
        octets: if secured {
            transfer.clear_octets
        } else {
            transfer.octets
        },
        secured_octets: secured.then_some(transfer.octets),
        received_at: transfer.changed,
        circuit: transfer.circuit.as_deref(),
        description: &transfer.description,
        user: transfer.user.as_str(),
        format: transfer.format.to_string(),
        record_length: transfer.record_length,
        records: transfer.records,
        record_form: form.map(RecordForm::word),
        original_blocks: transfer.original_blocks,
        security: row::security_number(transfer.security),
        cipher: transfer.cipher,
        compression: transfer.compression,
        envelope: transfer.envelope,
        signed_receipt: transfer.signed_receipt,
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
