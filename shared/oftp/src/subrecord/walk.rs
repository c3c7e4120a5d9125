//! Walking past subrecords without decoding them.

use super::{Subrecord, SubrecordError};

/// Checks the subrecords of data buffers without decoding them, from octets that arrive in any pieces.
///
/// It allocates nothing and looks at headers only. [`Walker::default`] checks the syntax alone and lets
/// compressed subrecords pass; [`Walker::new`] refuses them where they were not agreed.
///
/// ```
/// let mut walker = oftp::subrecord::Walker::default();
/// walker.walk(&[0x03, b'a'])?;
/// assert!(!walker.at_boundary());
/// walker.walk(&[b'b', b'c', 0x80])?;
/// assert!(walker.at_boundary());
/// # Ok::<(), oftp::subrecord::SubrecordError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Walker {
    refuse_compressed: bool,
    /// Octets of the current subrecord that are still to come.
    wanting: usize,
    /// Octets of this DATABUF walked so far.
    offset: usize,
}

impl Walker {
    /// A walker at the start of a DATABUF which refuses compressed subrecords unless `compression_agreed`.
    #[must_use]
    pub const fn new(compression_agreed: bool) -> Self {
        Self {
            refuse_compressed: !compression_agreed,
            wanting: 0,
            offset: 0,
        }
    }

    /// Walks over the next octets of the DATABUF; they may begin and end anywhere in it.
    ///
    /// # Errors
    ///
    /// [`SubrecordError::NotAgreed`]. A subrecord that overruns its buffer shows at the end of the buffer, by
    /// [`Walker::at_boundary`].
    pub fn walk(&mut self, octets: &[u8]) -> Result<(), SubrecordError> {
        let mut rest = octets;
        loop {
            let Some(after) = rest.get(self.wanting..) else {
                self.wanting -= rest.len();
                break;
            };
            self.wanting = 0;
            let Some((&header, after)) = after.split_first() else {
                break;
            };
            let offset = self.offset.saturating_add(octets.len() - after.len() - 1);
            self.wanting = Subrecord::read(header, offset, !self.refuse_compressed)?.wire;
            rest = after;
        }
        self.offset = self.offset.saturating_add(octets.len());
        Ok(())
    }

    /// Whether the octets so far end with a whole subrecord. If not at the end of the DATABUF, the last
    /// subrecord overruns it: [`SubrecordError::Overrun`], by [`Walker::end`].
    #[must_use]
    pub const fn at_boundary(&self) -> bool {
        self.wanting == 0
    }

    /// The DATABUF is at its end: checks that its last subrecord is too, and makes ready for the next buffer.
    ///
    /// # Errors
    ///
    /// [`SubrecordError::Overrun`].
    pub fn end(&mut self) -> Result<(), SubrecordError> {
        let (wanted, offset) = (self.wanting, self.offset);
        self.reset();
        if wanted == 0 {
            return Ok(());
        }
        Err(SubrecordError::Overrun {
            offset,
            wanted,
            left: 0,
        })
    }

    /// Makes ready for the next DATABUF.
    pub const fn reset(&mut self) {
        self.wanting = 0;
        self.offset = 0;
    }
}
