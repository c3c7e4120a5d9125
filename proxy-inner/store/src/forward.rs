//! Files for stations of other partners: on they go, as they came.
//!
//! The order of the steps, and why (a kill may fall between any two):
//! 1. the spool file gets a second name, that of the outbound transfer it is to become, and the folder is
//!    synced. Without a journal entry that name is worth nothing: the next start removes it.
//! 2. one transaction: the outbound transfer is `queued`, the inbound one `forwarded`. From now on the
//!    file is sent, once.
//! 3. the first name is removed; after a kill, by the next start.
//!
//! Nothing of the file is changed: name, stamp, addresses, format, services. Its receipt is the one its
//! recipient gives (`receipt/arrived.rs`), or our NERP when it cannot be forwarded for good.

use jiff::Timestamp;
use oftp::ReceiptReason;
use rusqlite::Connection;

use crate::crash;
use crate::error::StoreError;
use crate::layout;
use crate::receipt::refuse_forwarding;
use crate::row;
use crate::store::{Store, new_id};
use crate::transfer::{Direction, Transfer, TransferId};

impl Store {
    /// Queues a received file for the partner `to`; tells as which transfer. Whoever calls holds its
    /// delivery.
    pub(crate) fn forward(
        &self,
        transfer: &Transfer,
        to: &str,
        now: Timestamp,
    ) -> Result<TransferId, StoreError> {
        let outbound = new_id()?;
        let from = self.inner.layout.spool_file(Direction::In, transfer.id);
        let path = self.inner.layout.spool_file(Direction::Out, outbound);
        std::fs::hard_link(&from, &path)
            .map_err(StoreError::file("give a second name to", &from))?;
        layout::sync_folder(&self.inner.layout.spool)?;
        crash::point("forward.linked");
        let (entry, to) = (transfer.clone(), to.to_owned());
        let live = self.inner.live.clone();
        let queued = self.run(move |journal| {
            if let Some((reason, why)) = obstacle(journal, &entry, &to)? {
                let id = entry.id;
                let sql = "UPDATE transfer SET state = 'failed', reason = ?2 WHERE id = ?1";
                row::change(journal, sql, (id.to_string(), &why))?;
                row::step(journal, id, now, "failed", &why, None)?;
                refuse_forwarding(journal, &live, id, (reason, &why), now)?;
                return Ok(Err(why));
            }
            queue(journal, &entry, outbound, &to, now).map(Ok)
        });
        crash::point("forward.queued");
        match queued {
            Ok(Ok(())) => {
                layout::remove_file(&from)?;
                Ok(outbound)
            }
            Ok(Err(why)) => {
                layout::remove_file(&path)?;
                layout::remove_file(&from)?;
                Err(StoreError::Refused(format!(
                    "transfer {} cannot be forwarded: {why}; partner {} is told so",
                    transfer.id, transfer.partner
                )))
            }
            // A commit that failed may still be found whole by the next start, which keeps or removes
            // the second name by what the journal then says.
            Err(error) => Err(error),
        }
    }
}

/// Why the file can never be forwarded, and what its sender is told.
fn obstacle(
    journal: &Connection,
    transfer: &Transfer,
    to: &str,
) -> Result<Option<(ReceiptReason, String)>, StoreError> {
    let sql = "SELECT 1 FROM partner WHERE name = ?1";
    let known: Option<i64> = row::value(journal, sql, [to])?;
    if known.is_none() {
        let why = format!("there is no partner {to} any more");
        return Ok(Some((ReceiptReason::NOT_DELIVERED, why)));
    }
    let file = &transfer.file;
    let out: Option<String> = row::value(
        journal,
        "SELECT id FROM transfer WHERE direction = 'out' AND dataset = ?1 AND stamp = ?2 \
         AND origin = ?3 AND destination = ?4",
        (
            file.dataset.as_str(),
            file.stamp.to_string(),
            file.origin.as_str(),
            file.destination.as_str(),
        ),
    )?;
    Ok(out.map(|out| {
        let why = format!("a file of the same name, time and addresses went out as transfer {out}");
        (ReceiptReason::DUPLICATE, why)
    }))
}

fn queue(
    journal: &Connection,
    transfer: &Transfer,
    outbound: TransferId,
    to: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = transfer.id;
    let changed = row::change(
        journal,
        "UPDATE transfer SET state = 'forwarded', forwarded_to = ?2 WHERE id = ?1 AND state = 'received'",
        (id.to_string(), outbound.to_string()),
    )?;
    if changed != 1 {
        let state = row::by_id(journal, id)?.state;
        return Err(StoreError::WrongState {
            id,
            state,
            wanted: "forwarded",
        });
    }
    row::change(
        journal,
        "INSERT INTO transfer (id, direction, partner, station, dataset, stamp, origin, destination, \
         format, state, octets, description, user, original_name, created, changed, record_length, \
         records, stored, original_blocks, security, cipher, compression, envelope, signed_receipt, \
         forwarded_from) \
         SELECT ?2, 'out', ?3, station, dataset, stamp, origin, destination, format, 'queued', octets, \
         description, user, inbox_name, ?4, ?4, record_length, records, stored, original_blocks, \
         security, cipher, compression, envelope, signed_receipt, id FROM transfer WHERE id = ?1",
        (
            id.to_string(),
            outbound.to_string(),
            to,
            now.as_millisecond(),
        ),
    )?;
    let detail = format!("to partner {to}, as transfer {outbound}");
    row::step(journal, id, now, "forwarded", &detail, None)?;
    let detail = format!(
        "from partner {}, where it was transfer {id}",
        transfer.partner
    );
    row::step(journal, outbound, now, "queued", &detail, None)
}
