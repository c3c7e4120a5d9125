//! SFID, SFPA, SFNA: a file is offered, accepted or refused (RFC 5024 §5.3.3–§5.3.5).

use core::str::FromStr;

use crate::deviation::Deviation;
use crate::error::{DecodeError, EncodeError};
use crate::field::UserField;
use crate::ident::{DatasetName, OdetteId};
use crate::level::Level;
use crate::reader::Reader;
use crate::reason::FileReason;
use crate::virtual_file::{FileId, Format, Stamp};
use crate::writer::Writer;

/// Start File, 165 + n octets at level 5, 128 below.
///
/// | Offset | Field | Format, level 5 |
/// |---|---|---|
/// | 0 | SFIDCMD | `H` |
/// | 1 | SFIDDSN | X(26) |
/// | 27 | SFIDRSV1 | X(3) |
/// | 30 | SFIDDATE | 9(8) CCYYMMDD |
/// | 38 | SFIDTIME | 9(10) HHMMSScccc |
/// | 48 | SFIDUSER | X(8) |
/// | 56 | SFIDDEST | X(25) |
/// | 81 | SFIDORIG | X(25) |
/// | 106 | SFIDFMT | F, V, U, T |
/// | 107 | SFIDLRECL | 9(5) |
/// | 112 | SFIDFSIZ | 9(13), 1024-octet blocks (9(7) below level 5) |
/// | 125 | SFIDOSIZ | 9(13) (absent below level 5, as all that follows but SFIDREST) |
/// | 138 | SFIDREST | 9(17) (9(9) below level 5) |
/// | 155 | SFIDSEC | 00 … 03 |
/// | 157 | SFIDCIPH | 9(2) |
/// | 159 | SFIDCOMP | 0, 1 |
/// | 160 | SFIDENV | 0, 1 |
/// | 161 | SFIDSIGN | Y/N |
/// | 162 | SFIDDESCL | 9(3) |
/// | 165 | SFIDDESC | T(n) |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sfid {
    /// SFIDDSN.
    pub dataset: DatasetName,
    /// SFIDDATE and SFIDTIME.
    pub stamp: Stamp,
    /// SFIDUSER.
    pub user: UserField,
    /// SFIDDEST.
    pub destination: OdetteId,
    /// SFIDORIG.
    pub origin: OdetteId,
    /// SFIDFMT.
    pub format: Format,
    /// SFIDLRECL: the longest record in octets; U and T have none, it is 0 on the wire then.
    pub record_length: u32,
    /// SFIDFSIZ: size as transmitted, in 1024-octet blocks, an estimate.
    pub size_blocks: u64,
    /// SFIDOSIZ: size of the original file, in 1024-octet blocks; 0 when unknown.
    pub original_blocks: u64,
    /// SFIDREST: restart position, records (F, V) or 1024-octet blocks.
    pub restart: u64,
    /// SFIDSEC.
    pub security: Security,
    /// SFIDCIPH: cipher suite, 0 for none.
    pub cipher: u8,
    /// SFIDCOMP: the file is compressed (ZLIB in CMS).
    pub compression: bool,
    /// SFIDENV: the file is a CMS object.
    pub envelope: bool,
    /// SFIDSIGN: a signed receipt is asked for.
    pub signed_receipt: bool,
    /// SFIDDESC, at most 999 octets.
    pub description: String,
}

impl Sfid {
    /// What names the file.
    #[must_use]
    pub fn file_id(&self) -> FileId {
        FileId {
            dataset: self.dataset.clone(),
            stamp: self.stamp,
            origin: self.origin.clone(),
            destination: self.destination.clone(),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, level: Level) -> Result<Sfid, DecodeError> {
        if !level.is_oftp2() {
            reader.exactly(128)?;
        }
        let dataset = dataset(reader, "SFIDDSN")?;
        reader.reserved(3)?;
        let stamp = reader.stamp(level, ("SFIDDATE", "SFIDTIME"))?;
        let user = user(reader, "SFIDUSER")?;
        let destination = code(reader, "SFIDDEST")?;
        let origin = code(reader, "SFIDORIG")?;
        let format = reader.choice("SFIDFMT", "F, V, U or T", Format::from_octet)?;
        let record_length = record_length(reader, format)?;
        let plain = Sfid {
            dataset,
            stamp,
            user,
            destination,
            origin,
            format,
            record_length,
            size_blocks: 0,
            original_blocks: 0,
            restart: 0,
            security: Security::None,
            cipher: 0,
            compression: false,
            envelope: false,
            signed_receipt: false,
            description: String::new(),
        };
        if level.is_oftp2() {
            plain.read_oftp2(reader)
        } else {
            plain.read_old(reader)
        }
    }

    fn read_old(self, reader: &mut Reader<'_>) -> Result<Sfid, DecodeError> {
        let size_blocks = reader.number("SFIDFSIZ", 7)?;
        let restart = reader.number("SFIDREST", 9)?;
        reader.end()?;
        Ok(Sfid {
            size_blocks,
            original_blocks: size_blocks,
            restart,
            ..self
        })
    }

    fn read_oftp2(self, reader: &mut Reader<'_>) -> Result<Sfid, DecodeError> {
        let size_blocks = reader.number("SFIDFSIZ", 13)?;
        let original_blocks = reader.number("SFIDOSIZ", 13)?;
        let restart = reader.number("SFIDREST", 17)?;
        let offset = reader.offset();
        let security = reader.octets(2)?;
        let security = Security::from_octets(security)
            .ok_or_else(|| reader.content("SFIDSEC", offset, security, "00, 01, 02 or 03"))?;
        let cipher = reader.number_in("SFIDCIPH", 2, 0..=99, "two digits")?;
        let zero_one = |octet| match octet {
            b'0' => Some(false),
            b'1' => Some(true),
            _ => None,
        };
        let compression = reader.choice("SFIDCOMP", "0 or 1", zero_one)?;
        let envelope = reader.choice("SFIDENV", "0 or 1", zero_one)?;
        let signed_receipt = reader.yes_no("SFIDSIGN")?;
        let description = reader.utf8("SFIDDESCL")?;
        reader.end()?;
        Ok(Sfid {
            size_blocks,
            original_blocks,
            restart,
            security,
            cipher: u8::try_from(cipher).unwrap_or(99),
            compression,
            envelope,
            signed_receipt,
            description,
            ..self
        })
    }

    /// What the level's SFID has no field for, but the file cannot do without.
    fn beyond(&self, level: Level) -> Option<&'static str> {
        if level.has_file_services() {
            return None;
        }
        match self {
            Sfid { security, .. } if *security != Security::None => Some("SFIDSEC"),
            Sfid {
                compression: true, ..
            } => Some("SFIDCOMP"),
            Sfid { envelope: true, .. } => Some("SFIDENV"),
            Sfid {
                signed_receipt: true,
                ..
            } => Some("SFIDSIGN"),
            _ => None,
        }
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>, level: Level) -> Result<(), EncodeError> {
        if let Some(field) = self.beyond(level) {
            return Err(EncodeError::FieldNotAtThisLevel { field, level });
        }
        let record_length = if self.format.has_records() {
            self.record_length
        } else {
            0
        };
        writer
            .text(self.dataset.as_str(), DatasetName::WIDTH)
            .reserved(3)
            .stamp(&self.stamp, level)
            .text(self.user.as_str(), 8)
            .text(self.destination.as_str(), OdetteId::WIDTH)
            .text(self.origin.as_str(), OdetteId::WIDTH)
            .octet(self.format.octet())
            .number("SFIDLRECL", u64::from(record_length), 5)?;
        if !level.is_oftp2() {
            writer
                .number("SFIDFSIZ", self.size_blocks, 7)?
                .number("SFIDREST", self.restart, 9)?;
            return Ok(());
        }
        writer
            .number("SFIDFSIZ", self.size_blocks, 13)?
            .number("SFIDOSIZ", self.original_blocks, 13)?
            .number("SFIDREST", self.restart, 17)?
            .octets(self.security.octets())
            .number("SFIDCIPH", u64::from(self.cipher), 2)?
            .octet(if self.compression { b'1' } else { b'0' })
            .octet(if self.envelope { b'1' } else { b'0' })
            .yes_no(self.signed_receipt)
            .utf8(&self.description);
        Ok(())
    }
}

/// SFIDLRECL: streams have none.
fn record_length(reader: &mut Reader<'_>, format: Format) -> Result<u32, DecodeError> {
    let offset = reader.offset();
    let length = reader.number_in("SFIDLRECL", 5, 0..=99_999, "digits")?;
    if format.has_records() || length == 0 {
        return Ok(length);
    }
    reader.tolerate(Deviation::StreamWithRecordLength, |reader| {
        let found = length.to_string();
        reader.content(
            "SFIDLRECL",
            offset,
            found.as_bytes(),
            "00000 for a U or T file",
        )
    })?;
    Ok(0)
}

/// SFIDSEC (§5.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// `00`: no security services.
    None,
    /// `01`: encrypted.
    Encrypted,
    /// `02`: signed.
    Signed,
    /// `03`: encrypted and signed.
    EncryptedAndSigned,
}

impl Security {
    fn from_octets(octets: &[u8]) -> Option<Security> {
        match octets {
            b"00" => Some(Security::None),
            b"01" => Some(Security::Encrypted),
            b"02" => Some(Security::Signed),
            b"03" => Some(Security::EncryptedAndSigned),
            _ => None,
        }
    }

    fn octets(self) -> &'static [u8] {
        match self {
            Security::None => b"00",
            Security::Encrypted => b"01",
            Security::Signed => b"02",
            Security::EncryptedAndSigned => b"03",
        }
    }
}

/// Start File Positive Answer, 18 octets at level 5, 10 below.
///
/// | Offset | Field | Format |
/// |---|---|---|
/// | 0 | SFPACMD | `2` |
/// | 1 | SFPAACNT | 9(17) (9(9) below level 5) |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sfpa {
    /// SFPAACNT: where to begin, at most SFIDREST, in its units.
    pub answer: u64,
}

impl Sfpa {
    pub(super) fn read(reader: &mut Reader<'_>, level: Level) -> Result<Sfpa, DecodeError> {
        let digits = if level.is_oftp2() { 17 } else { 9 };
        let answer = reader.number("SFPAACNT", digits)?;
        reader.end()?;
        Ok(Sfpa { answer })
    }

    pub(super) fn write(self, writer: &mut Writer<'_>, level: Level) -> Result<(), EncodeError> {
        let digits = if level.is_oftp2() { 17 } else { 9 };
        writer.number("SFPAACNT", self.answer, digits).map(|_| ())
    }
}

/// Start File Negative Answer, 7 + n octets at level 5, 4 below.
///
/// | Offset | Field | Format |
/// |---|---|---|
/// | 0 | SFNACMD | `3` |
/// | 1 | SFNAREAS | 9(2) |
/// | 3 | SFNARRTR | Y/N |
/// | 4 | SFNAREASL | 9(3) (level 5) |
/// | 7 | SFNAREAST | T(n) (level 5) |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sfna {
    /// SFNAREAS.
    pub reason: FileReason,
    /// SFNARRTR: the file may be offered again in a later session.
    pub retry: bool,
    /// SFNAREAST, empty when absent.
    pub text: String,
}

impl Sfna {
    pub(super) fn read(reader: &mut Reader<'_>, level: Level) -> Result<Sfna, DecodeError> {
        let reason = file_reason(reader, "SFNAREAS")?;
        let retry = reader.yes_no("SFNARRTR")?;
        let text = if level.is_oftp2() {
            reader.utf8("SFNAREASL")?
        } else {
            String::new()
        };
        reader.end()?;
        Ok(Sfna {
            reason,
            retry,
            text,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>, level: Level) -> Result<(), EncodeError> {
        writer
            .number("SFNAREAS", u64::from(self.reason.0), 2)?
            .yes_no(self.retry);
        if level.is_oftp2() {
            writer.utf8(&self.text);
        }
        Ok(())
    }
}

pub(super) fn file_reason(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<FileReason, DecodeError> {
    let reason = reader.number_in(field, 2, 0..=99, "two digits")?;
    Ok(FileReason(u8::try_from(reason).unwrap_or(99)))
}

/// A dataset name.
pub(super) fn dataset(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<DatasetName, DecodeError> {
    let offset = reader.offset();
    let text = reader.word(field, DatasetName::WIDTH)?;
    parsed(reader, field, offset, text, "a dataset name")
}

/// An identification code.
pub(super) fn code(reader: &mut Reader<'_>, field: &'static str) -> Result<OdetteId, DecodeError> {
    let offset = reader.offset();
    let text = reader.text(field, OdetteId::WIDTH)?;
    parsed(reader, field, offset, text, "an identification code")
}

/// User data.
pub(super) fn user(reader: &mut Reader<'_>, field: &'static str) -> Result<UserField, DecodeError> {
    let offset = reader.offset();
    let text = reader.word(field, 8)?;
    parsed(reader, field, offset, text, "user data")
}

/// An X(n) field that has a type of its own.
pub(super) fn parsed<T: FromStr>(
    reader: &Reader<'_>,
    field: &'static str,
    offset: usize,
    text: &str,
    wanted: &'static str,
) -> Result<T, DecodeError> {
    text.parse()
        .map_err(|_| reader.content(field, offset, text.as_bytes(), wanted))
}
