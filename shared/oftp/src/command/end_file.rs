//! EFID, EFPA, EFNA: a file ends, accepted or not (RFC 5024 §5.3.8–§5.3.10).

use crate::error::{DecodeError, EncodeError};
use crate::level::Level;
use crate::reader::Reader;
use crate::reason::FileReason;
use crate::writer::Writer;

use super::start_file::file_reason;

/// End File, 35 octets at level 5, 22 below.
///
/// | Offset | Field | Format |
/// |---|---|---|
/// | 0 | EFIDCMD | `T` |
/// | 1 | EFIDRCNT | 9(17) (9(9) below level 5) |
/// | 18 | EFIDUCNT | 9(17) (9(12) below level 5) |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Efid {
    /// EFIDRCNT: records of the whole file; 0 for U and T.
    pub records: u64,
    /// EFIDUCNT: octets of the whole file as transmitted.
    pub octets: u64,
}

impl Efid {
    pub(super) fn read(reader: &mut Reader<'_>, level: Level) -> Result<Efid, DecodeError> {
        let (records, octets) = widths(level);
        let records = reader.number("EFIDRCNT", records)?;
        let octets = reader.number("EFIDUCNT", octets)?;
        reader.end()?;
        Ok(Efid { records, octets })
    }

    pub(super) fn write(self, writer: &mut Writer<'_>, level: Level) -> Result<(), EncodeError> {
        let (records, octets) = widths(level);
        writer.number("EFIDRCNT", self.records, records)?.number(
            "EFIDUCNT",
            self.octets,
            octets,
        )?;
        Ok(())
    }
}

fn widths(level: Level) -> (usize, usize) {
    if level.is_oftp2() { (17, 17) } else { (9, 12) }
}

/// End File Positive Answer, 2 octets.
///
/// | Offset | Field | Format |
/// |---|---|---|
/// | 0 | EFPACMD | `4` |
/// | 1 | EFPACD | Y/N |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Efpa {
    /// EFPACD: the listener asks for the turn.
    pub change_direction: bool,
}

impl Efpa {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Efpa, DecodeError> {
        reader.exactly(2)?;
        Ok(Efpa {
            change_direction: reader.yes_no("EFPACD")?,
        })
    }

    #[expect(clippy::unnecessary_wraps, reason = "one shape for all commands")]
    pub(super) fn write(self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.yes_no(self.change_direction);
        Ok(())
    }
}

/// End File Negative Answer, 6 + n octets at level 5, 3 below.
///
/// | Offset | Field | Format |
/// |---|---|---|
/// | 0 | EFNACMD | `5` |
/// | 1 | EFNAREAS | 9(2) |
/// | 3 | EFNAREASL | 9(3) (level 5) |
/// | 6 | EFNAREAST | T(n) (level 5) |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Efna {
    /// EFNAREAS.
    pub reason: FileReason,
    /// EFNAREAST, empty when absent.
    pub text: String,
}

impl Efna {
    pub(super) fn read(reader: &mut Reader<'_>, level: Level) -> Result<Efna, DecodeError> {
        let reason = file_reason(reader, "EFNAREAS")?;
        let text = if level.is_oftp2() {
            reader.utf8("EFNAREASL")?
        } else {
            String::new()
        };
        reader.end()?;
        Ok(Efna { reason, text })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>, level: Level) -> Result<(), EncodeError> {
        writer.number("EFNAREAS", u64::from(self.reason.0), 2)?;
        if level.is_oftp2() {
            writer.utf8(&self.text);
        }
        Ok(())
    }
}
