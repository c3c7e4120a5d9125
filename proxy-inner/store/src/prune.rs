//! History that is older than the retention goes: ended transfers, their steps, and with them the memory
//! of which files were received before.

use jiff::Timestamp;

use crate::crash;
use crate::error::StoreError;
use crate::layout;
use crate::row;
use crate::store::Store;
use crate::transfer::{Direction, Transfer};

/// Ended transfers that share a commit; others wait for it.
const GROUP: u32 = 500;

impl Store {
    /// Forgets every transfer that ended before `before`, with its steps and receipt; tells how many.
    /// What waits for anything stays, however old: a file to be sent or delivered, a receipt owed, to be
    /// confirmed, or awaited. A file of a forgotten transfer that is still in the spool is removed.
    ///
    /// A file of the same name that comes again after that is no duplicate any more.
    ///
    /// # Errors
    /// What the disk or the journal said; what is left is forgotten the next time.
    pub fn prune(&self, before: Timestamp, _now: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let ended = self.run(move |journal| {
                let ended = row::select(journal, ENDED, (before.as_millisecond(), GROUP))?;
                for transfer in &ended {
                    let id = transfer.id.to_string();
                    row::change(journal, "DELETE FROM transfer WHERE id = ?1", [id])?;
                }
                Ok::<Vec<Transfer>, StoreError>(ended)
            })?;
            crash::point("prune.forgotten");
            // A kill before this leaves the files to the next start.
            for transfer in &ended {
                if transfer.direction == Direction::Out {
                    let spool = &self.inner.layout;
                    layout::remove_file(&spool.spool_file(Direction::Out, transfer.id))?;
                }
            }
            pruned += ended.len() as u64;
            if ended.len() < GROUP as usize {
                return Ok(pruned);
            }
        }
    }
}

/// The file of an inbound transfer that ended is not in the spool any more.
const ENDED: &str = "WHERE changed < ?1 AND (\
    (direction = 'out' AND state IN ('acknowledged', 'rejected', 'failed')) \
    OR (direction = 'in' AND state = 'failed' AND coalesce(receipt, '') NOT IN ('owed', 'awaited')) \
    OR (direction = 'in' AND state IN ('delivered', 'forwarded') AND receipt = 'sent')) \
    ORDER BY seq LIMIT ?2";
