//! History that is older than the retention goes: ended transfers, their steps, and with them the memory
//! of which files were received before. With it goes what the archive has kept for as long as it does.

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
    /// confirmed, or awaited; and so does what has files in the archive, as long as that keeps them. A file
    /// of a forgotten transfer that is still in the spool is removed.
    ///
    /// A file of the same name that comes again after that is no duplicate any more.
    ///
    /// # Errors
    /// What the disk or the journal said; what is left is forgotten the next time.
    pub fn prune(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        self.expire_archive(now)?;
        let mut pruned = 0;
        loop {
            let ended = self.run(move |journal| {
                let rest = format!(
                    "WHERE changed < ?1 AND {ENDED} AND NOT archived ORDER BY seq LIMIT ?2"
                );
                let ended = row::select(journal, &rest, (before.as_millisecond(), GROUP))?;
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
                    layout::remove_file(&spool.clear_file(transfer.id))?;
                }
            }
            pruned += ended.len() as u64;
            if ended.len() < GROUP as usize {
                return Ok(pruned);
            }
        }
    }
}

/// What has ended. The file of an inbound transfer that has is not in the spool any more.
pub(crate) const ENDED: &str = "(\
    (direction = 'out' AND state IN ('acknowledged', 'rejected', 'failed')) \
    OR (direction = 'in' AND state = 'failed' AND coalesce(receipt, '') NOT IN ('owed', 'awaited')) \
    OR (direction = 'in' AND state IN ('delivered', 'forwarded') AND receipt = 'sent'))";
