//! Going on with a file that was interrupted.
//!
//! Both sides go on from the lower of what the partner offers and what we hold. The spool file is cut off
//! there: what lies behind was never promised, and is written again. The journal is told first: at no
//! time does it promise more than is on disk.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::entry::Begun;
use super::{Checkpoint, Inbound};
use crate::crash;
use crate::error::StoreError;
use crate::layout;
use crate::records::{BUFFER, Shape, find_record};
use crate::row;
use crate::spool::SpoolFile;
use crate::transfer::Position;

impl Inbound {
    /// Opens the spool file at the place to go on from, or makes a new one.
    pub(super) fn take_up(&mut self, begun: &Begun) -> Result<(), StoreError> {
        let path = self.path();
        let reserve = self.store.inner.options.reserve;
        let start = begin_at(&path, begun)?;
        if start != begun.held {
            self.note_held(start)?;
            crash::point("inbound.lowered");
        }
        let spool = if start.position.answer > 0 {
            SpoolFile::resume(path, reserve, start.stored)?
        } else {
            layout::remove_file(&path)?;
            SpoolFile::create(path, reserve)?
        };
        crash::point("inbound.resumed");
        self.spool = Some(spool);
        self.start = start.position;
        self.octets = start.position.octets;
        self.records = match begun.shape {
            Shape::Stream => 0,
            Shape::Fixed(_) | Shape::Variable => start.position.answer,
        };
        self.checkpoint = start;
        self.progress.set(self.octets);
        Ok(())
    }

    /// Notes up to where the file is on disk.
    pub(super) fn note_held(&self, held: Checkpoint) -> Result<(), StoreError> {
        let (id, holder) = (self.id, self.hold.number());
        self.store.run(move |journal| {
            row::change(
                journal,
                "UPDATE transfer SET position = ?3, position_octets = ?4, stored = ?5 \
                 WHERE id = ?1 AND state = 'receiving' AND holder = ?2",
                (
                    id.to_string(),
                    holder,
                    row::octets(held.position.answer),
                    row::octets(held.position.octets),
                    row::octets(held.stored),
                ),
            )
            .map(drop)
        })
    }
}

/// The place both sides can go on from.
fn begin_at(path: &Path, begun: &Begun) -> Result<Checkpoint, StoreError> {
    let held = begun.held;
    let length = std::fs::metadata(path).map_or(0, |meta| meta.len());
    if begun.offered == 0 || held.position.answer == 0 || length < held.stored {
        return Ok(Checkpoint::default());
    }
    if begun.offered >= held.position.answer {
        return Ok(held);
    }
    let answer = begun.offered;
    if let Some(unit) = begun.shape.unit() {
        let octets = answer.saturating_mul(unit);
        return Ok(Checkpoint {
            position: Position { answer, octets },
            stored: octets,
        });
    }
    let file = File::open(path).map_err(StoreError::file("open", path))?;
    let mut file = BufReader::with_capacity(BUFFER, file);
    let (stored, octets) =
        find_record(&mut file, answer).map_err(StoreError::file("read", path))?;
    Ok(Checkpoint {
        position: Position { answer, octets },
        stored,
    })
}
