//! CD, RTR and SECD: one octet each (RFC 5024 §5.3.12, §5.3.15, §5.3.16).
//!
//! | Command | Octet | Says |
//! |---|---|---|
//! | CD | `R` | the speaker yields the turn |
//! | RTR | `P` | the listener is ready for what follows a receipt |
//! | SECD | `J` | the other side authenticates now |

use crate::error::DecodeError;
use crate::reader::Reader;

pub(super) fn read_bare(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    reader.exactly(1)
}
