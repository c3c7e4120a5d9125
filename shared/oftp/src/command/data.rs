//! CDT: the listener renews the speaker's credit (RFC 5024 §5.3.7). DATA itself is its subrecords
//! (§5.3.6, §7), see [`crate::subrecord`].
//!
//! | Offset | Field | Format |
//! |---|---|---|
//! | 0 | CDTCMD | `C` |
//! | 1 | CDTRSV1 | X(2), reserved |

use crate::error::{DecodeError, EncodeError};
use crate::reader::Reader;
use crate::writer::Writer;

pub(super) fn read_cdt(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    reader.exactly(3)?;
    reader.reserved(2)
}

pub(super) fn write_cdt(writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    writer.reserved(2);
    Ok(())
}
