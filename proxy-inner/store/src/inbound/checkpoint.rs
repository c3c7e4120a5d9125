//! Octets on their way to disk, and the positions up to which they are there.

use super::{Checkpoint, Inbound};
use crate::crash;
use crate::error::StoreError;
use crate::records::Shape;

/// After so many octets what came is put on disk and noted: as much at most travels again after a
/// kill, and so little is left to sync at the end, for which the partner waits.
pub(super) const CHECKPOINT_EVERY: u64 = 32 * 1024 * 1024;

impl Inbound {
    pub(super) fn append(
        &mut self,
        octets: &[u8],
        record_ends: &[usize],
    ) -> Result<(), StoreError> {
        let Some(spool) = &mut self.spool else {
            return Err(StoreError::Stopped);
        };
        match self.shape {
            Shape::Stream => spool.write(octets)?,
            Shape::Fixed(_) => {
                spool.write(octets)?;
                self.records += record_ends.len() as u64;
            }
            Shape::Variable => {
                self.out.clear();
                self.records += self.prefixing.push(octets, record_ends, &mut self.out)?;
                spool.write(&self.out)?;
            }
        }
        self.octets += octets.len() as u64;
        self.progress.set(self.octets);
        if spool.octets().saturating_sub(self.checkpoint.stored) >= CHECKPOINT_EVERY {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Puts on disk what came, then notes up to where.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        let Some(spool) = &mut self.spool else {
            return Err(StoreError::Stopped);
        };
        spool.sync()?;
        crash::point("inbound.checkpoint-synced");
        let reached = self.reached();
        self.note_held(reached)?;
        self.checkpoint = reached;
        crash::point("inbound.checkpointed");
        Ok(())
    }

    /// The last place in what was written that the partner can go on from.
    pub(super) fn reached(&self) -> Checkpoint {
        let stored = self.spool.as_ref().map_or(0, |spool| spool.octets());
        let whole = self.octets - self.prefixing.under_way() as u64;
        let position = self.shape.position(whole, self.records);
        Checkpoint {
            position,
            stored: match self.shape {
                Shape::Stream | Shape::Fixed(_) => position.octets,
                Shape::Variable => stored,
            },
        }
    }
}
