//! What a session of a lower level cannot carry.

use jiff::Timestamp;
use oftp::{Level, ReceiptReason, Security};
use rusqlite::Connection;

use super::ending::fail_forwarded;
use crate::error::StoreError;
use crate::row;
use crate::store::Live;
use crate::transfer::Transfer;

/// Fails what is queued for the partner and cannot go out in a session of that level; tells how many.
/// Below level 5 there are no CMS services, seven digits for the size and nine for the records.
pub(super) fn fail_uncarriable(
    journal: &Connection,
    live: &Live,
    partner: &str,
    level: Level,
    now: Timestamp,
) -> Result<usize, StoreError> {
    if level.is_oftp2() {
        return Ok(0);
    }
    let found = row::select(
        journal,
        "WHERE state = 'queued' AND partner = ?1 AND coalesce(not_before, 0) <= ?2 \
         AND (security <> 0 OR cipher <> 0 OR compression OR envelope OR signed_receipt \
         OR octets > ?3 OR records > ?4) ORDER BY seq",
        (
            partner,
            now.as_millisecond(),
            row::octets(MOST_BLOCKS * 1024),
            row::octets(MOST_RECORDS),
        ),
    )?;
    for transfer in &found {
        let (reason, what) = problem(transfer);
        let why = format!(
            "a session of level {level} cannot carry it: {what}; the partner has to agree on level 5"
        );
        row::change(
            journal,
            "UPDATE transfer SET state = 'failed', reason = ?2, not_before = NULL WHERE id = ?1",
            (transfer.id.to_string(), &why),
        )?;
        row::step(journal, transfer.id, now, "failed", &why, None)?;
        fail_forwarded(journal, live, transfer, (reason, &why), now)?;
    }
    Ok(found.len())
}

fn problem(transfer: &Transfer) -> (ReceiptReason, &'static str) {
    if transfer.octets > MOST_BLOCKS * 1024 || transfer.records > MOST_RECORDS {
        (ReceiptReason::SIZE_INCOMPATIBLE, "it is too big")
    } else if transfer.security == Security::None && !transfer.envelope && !transfer.compression {
        let what = "it asks for a signed receipt";
        (ReceiptReason::UNSPECIFIED, what)
    } else {
        let what = "it is secured or compressed in CMS";
        (ReceiptReason::UNSPECIFIED, what)
    }
}

/// Most that SFIDFSIZ, and EFIDRCNT, hold below level 5.
const MOST_BLOCKS: u64 = 9_999_999;
const MOST_RECORDS: u64 = 999_999_999;
