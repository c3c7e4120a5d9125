//! The octets of a layer: in pieces of 64 KiB, or in one whose length was told before.

use super::Sink;
use super::frame::{Frame, piece_header};
use crate::SecureError;

/// Octets of a piece.
pub(crate) const PIECE: usize = 64 * 1024;

/// Writes a frame and the octets in it.
pub(crate) struct Pieces {
    frame: Frame,
    form: PieceForm,
}

enum PieceForm {
    /// Gathered until a piece is full; its header stands in front of it already.
    Indefinite { piece: Vec<u8>, header: usize },
    /// Octets that are still to come, and those that were told.
    Definite { left: u64, told: u64 },
}

impl Pieces {
    /// Writes what stands before the octets: `octets` of them, or any number.
    pub(crate) fn start(
        frame: Frame,
        octets: Option<u64>,
        next: &mut dyn Sink,
    ) -> Result<Self, SecureError> {
        let form = match octets {
            Some(octets) => {
                next.put(&frame.start_definite(octets))?;
                PieceForm::Definite {
                    left: octets,
                    told: octets,
                }
            }
            None => {
                next.put(&frame.start_indefinite())?;
                let header = piece_header(PIECE);
                let mut piece = Vec::with_capacity(header.len() + PIECE);
                piece.extend_from_slice(&header);
                PieceForm::Indefinite {
                    piece,
                    header: header.len(),
                }
            }
        };
        Ok(Self { frame, form })
    }

    pub(crate) fn put(&mut self, octets: &[u8], next: &mut dyn Sink) -> Result<(), SecureError> {
        match &mut self.form {
            PieceForm::Definite { left, told } => {
                *left = left
                    .checked_sub(octets.len() as u64)
                    .ok_or(SecureError::Length {
                        expected: *told,
                        found: told.saturating_add(1),
                    })?;
                next.put(octets)
            }
            PieceForm::Indefinite { piece, header } => {
                let full = *header + PIECE;
                let mut rest = octets;
                while !rest.is_empty() {
                    let room = full.saturating_sub(piece.len()).min(rest.len());
                    let (now, later) = rest.split_at(room);
                    piece.extend_from_slice(now);
                    rest = later;
                    if piece.len() == full {
                        next.put(piece)?;
                        piece.truncate(*header);
                    }
                }
                Ok(())
            }
        }
    }

    /// Writes what is left and what stands behind, `tail` in it.
    pub(crate) fn finish(&mut self, tail: &[u8], next: &mut dyn Sink) -> Result<(), SecureError> {
        match &self.form {
            PieceForm::Definite { left: 0, .. } => next.put(tail)?,
            PieceForm::Definite { left, told } => {
                return Err(SecureError::Length {
                    expected: *told,
                    found: told - left,
                });
            }
            PieceForm::Indefinite { piece, header } => {
                let last = piece.get(*header..).unwrap_or_default();
                if !last.is_empty() {
                    next.put(&piece_header(last.len()))?;
                    next.put(last)?;
                }
                next.put(&self.frame.end_indefinite(tail))?;
            }
        }
        next.finish()
    }
}
