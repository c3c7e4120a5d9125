//! What can be wrong with subrecords, and how the partner is told.

use crate::reason::{EndReason, FileReason};

/// What is wrong with the subrecords of a received data buffer. Offsets are octets from the start of the
/// DATABUF, the octet after `D`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubrecordError {
    /// A compressed subrecord in a session that did not agree buffer compression.
    #[error(
        "the data buffer has a compressed subrecord at octet {offset}, but buffer compression was not agreed; \
         the partner must send SSIDCMPR Y or stop compressing"
    )]
    NotAgreed {
        /// Where its header is.
        offset: usize,
    },
    /// A subrecord that is longer than what is left of its buffer.
    #[error(
        "the data buffer ends inside a subrecord: at octet {offset}, {wanted} more octets are wanted and {left} are left; \
         the partner split a subrecord between buffers or sent a wrong length"
    )]
    Overrun {
        /// Where the subrecord that does not fit begins, or where the buffer ended.
        offset: usize,
        /// Octets still wanted there.
        wanted: usize,
        /// Octets there were.
        left: usize,
    },
    /// More of a U or T file after its end flag.
    #[error(
        "the data buffer goes on at octet {offset} after the end-of-file flag; \
         the partner must set the flag on the last subrecord of a U or T file only"
    )]
    DataAfterEnd {
        /// Where the header of the subrecord after the end is.
        offset: usize,
    },
}

impl SubrecordError {
    /// The reason for the EFNA that refuses the file at its end, where the session goes on: octets after
    /// the end of a U or T file make its count wrong. The rest of such a file is not looked at.
    /// `None` where the session ends, see [`SubrecordError::end_reason`].
    #[must_use]
    pub const fn file_reason(&self) -> Option<FileReason> {
        match self {
            Self::DataAfterEnd { .. } => Some(FileReason::INVALID_BYTE_COUNT),
            Self::NotAgreed { .. } | Self::Overrun { .. } => None,
        }
    }

    /// The reason for the ESID command that ends the session over this, unless the file alone is refused
    /// ([`SubrecordError::file_reason`]).
    #[must_use]
    pub const fn end_reason(&self) -> EndReason {
        match self {
            Self::NotAgreed { .. } => EndReason::INVALID_DATA,
            Self::Overrun { .. } => EndReason::BUFFER_SIZE,
            Self::DataAfterEnd { .. } => EndReason::PROTOCOL_VIOLATION,
        }
    }
}
