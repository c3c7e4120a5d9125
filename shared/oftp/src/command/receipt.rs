//! EERP and NERP: receipts for whole files (RFC 5024 §5.3.13, §5.3.14).

use crate::deviation::Deviation;
use crate::error::{DecodeError, EncodeError};
use crate::field::UserField;
use crate::ident::{DatasetName, OdetteId};
use crate::level::Level;
use crate::reader::Reader;
use crate::reason::ReceiptReason;
use crate::virtual_file::{FileId, Stamp};
use crate::writer::Writer;

use super::start_file::{code, dataset, user};

/// End to End Response, 110 + h + s octets at level 5, 106 below.
///
/// | Offset | Field | Format, level 5 |
/// |---|---|---|
/// | 0 | EERPCMD | `E` |
/// | 1 | EERPDSN | X(26) |
/// | 27 | EERPRSV1 | X(3) |
/// | 30 | EERPDATE | 9(8) |
/// | 38 | EERPTIME | 9(10) |
/// | 48 | EERPUSER | X(8) |
/// | 56 | EERPDEST | X(25), the file's originator |
/// | 81 | EERPORIG | X(25), the file's final recipient |
/// | 106 | EERPHSHL | U(2) (level 5, as all that follows) |
/// | 108 | EERPHSH | U(h) |
/// | 108 + h | EERPSIGL | U(2) |
/// | 110 + h | EERPSIG | U(s) |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eerp {
    /// EERPDSN, as in the file.
    pub dataset: DatasetName,
    /// EERPDATE and EERPTIME, as in the file.
    pub stamp: Stamp,
    /// EERPUSER.
    pub user: UserField,
    /// EERPDEST: where the receipt goes, the file's originator.
    pub destination: OdetteId,
    /// EERPORIG: who made the receipt, the file's final recipient.
    pub origin: OdetteId,
    /// EERPHSH: hash of the file as transmitted; empty when unsigned.
    pub hash: Vec<u8>,
    /// EERPSIG; empty when unsigned.
    pub signature: Vec<u8>,
}

impl Eerp {
    /// The unsigned receipt for a file.
    #[must_use]
    pub fn unsigned(file: &FileId) -> Eerp {
        Eerp {
            dataset: file.dataset.clone(),
            stamp: file.stamp,
            user: UserField::default(),
            destination: file.origin.clone(),
            origin: file.destination.clone(),
            hash: Vec::new(),
            signature: Vec::new(),
        }
    }

    /// The file it speaks of: the receipt's addresses are the file's, swapped.
    #[must_use]
    pub fn file_id(&self) -> FileId {
        FileId {
            dataset: self.dataset.clone(),
            stamp: self.stamp,
            origin: self.destination.clone(),
            destination: self.origin.clone(),
        }
    }

    /// What EERPSIG signs (§5.3.13): dataset name, date, time, destination and origin as they go
    /// over the wire at level 5, then the hash; 94 octets and the hash.
    #[must_use]
    pub fn signed_content(&self) -> Vec<u8> {
        let mut content = signed_names(&self.dataset, &self.stamp);
        pad(&mut content, self.destination.as_str(), OdetteId::WIDTH);
        pad(&mut content, self.origin.as_str(), OdetteId::WIDTH);
        content.extend_from_slice(&self.hash);
        content
    }

    pub(super) fn read(reader: &mut Reader<'_>, level: Level) -> Result<Eerp, DecodeError> {
        let dataset = dataset(reader, "EERPDSN")?;
        reader.reserved(3)?;
        let stamp = reader.stamp(level, ("EERPDATE", "EERPTIME"))?;
        let user = user(reader, "EERPUSER")?;
        let destination = code(reader, "EERPDEST")?;
        let origin = code(reader, "EERPORIG")?;
        let (hash, signature) = read_proof(reader, level, "EERPHSH")?;
        Ok(Eerp {
            dataset,
            stamp,
            user,
            destination,
            origin,
            hash,
            signature,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>, level: Level) -> Result<(), EncodeError> {
        writer
            .text(self.dataset.as_str(), DatasetName::WIDTH)
            .reserved(3)
            .stamp(&self.stamp, level)
            .text(self.user.as_str(), 8)
            .text(self.destination.as_str(), OdetteId::WIDTH)
            .text(self.origin.as_str(), OdetteId::WIDTH);
        if level.is_oftp2() {
            writer
                .binary("EERPHSH", &self.hash)?
                .binary("EERPSIG", &self.signature)?;
        }
        Ok(())
    }
}

/// Negative End Response, 135 + t + h + s octets at level 5, 128 at level 4, none below.
///
/// | Offset | Field | Format, level 5 |
/// |---|---|---|
/// | 0 | NERPCMD | `N` |
/// | 1 | NERPDSN | X(26) |
/// | 27 | NERPRSV1 | X(6): six, so what follows is not where EERP has it |
/// | 33 | NERPDATE | 9(8) |
/// | 41 | NERPTIME | 9(10) |
/// | 51 | NERPDEST | X(25), the file's originator |
/// | 76 | NERPORIG | X(25), the file's final recipient |
/// | 101 | NERPCREA | X(25), who made this NERP |
/// | 126 | NERPREAS | 9(2) |
/// | 128 | NERPREASL | 9(3) (level 5, as all that follows) |
/// | 131 | NERPREAST | T(t) |
/// | 131 + t | NERPHSHL, NERPHSH | U(2), U(h) |
/// | 133 + t + h | NERPSIGL, NERPSIG | U(2), U(s) |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nerp {
    /// NERPDSN, as in the file.
    pub dataset: DatasetName,
    /// NERPDATE and NERPTIME, as in the file.
    pub stamp: Stamp,
    /// NERPDEST: the file's originator.
    pub destination: OdetteId,
    /// NERPORIG: the file's final recipient.
    pub origin: OdetteId,
    /// NERPCREA.
    pub creator: OdetteId,
    /// NERPREAS.
    pub reason: ReceiptReason,
    /// NERPREAST, empty when absent.
    pub text: String,
    /// NERPHSH; empty when unsigned.
    pub hash: Vec<u8>,
    /// NERPSIG; empty when unsigned.
    pub signature: Vec<u8>,
}

impl Nerp {
    /// The file it speaks of: the receipt's addresses are the file's, swapped.
    #[must_use]
    pub fn file_id(&self) -> FileId {
        FileId {
            dataset: self.dataset.clone(),
            stamp: self.stamp,
            origin: self.destination.clone(),
            destination: self.origin.clone(),
        }
    }

    /// What NERPSIG signs (§5.3.14): dataset name, date, time, destination, origin and creator as
    /// they go over the wire at level 5, then the hash; 119 octets and the hash. The reason and its
    /// text are not signed.
    #[must_use]
    pub fn signed_content(&self) -> Vec<u8> {
        let mut content = signed_names(&self.dataset, &self.stamp);
        pad(&mut content, self.destination.as_str(), OdetteId::WIDTH);
        pad(&mut content, self.origin.as_str(), OdetteId::WIDTH);
        pad(&mut content, self.creator.as_str(), OdetteId::WIDTH);
        content.extend_from_slice(&self.hash);
        content
    }

    pub(super) fn read(reader: &mut Reader<'_>, level: Level) -> Result<Nerp, DecodeError> {
        let dataset = dataset(reader, "NERPDSN")?;
        reader.reserved(6)?;
        let stamp = reader.stamp(level, ("NERPDATE", "NERPTIME"))?;
        let destination = code(reader, "NERPDEST")?;
        let origin = code(reader, "NERPORIG")?;
        let creator = code(reader, "NERPCREA")?;
        let reason = reader.number_in("NERPREAS", 2, 0..=99, "two digits")?;
        let text = if level.is_oftp2() {
            reader.utf8("NERPREASL")?
        } else {
            String::new()
        };
        let (hash, signature) = read_proof(reader, level, "NERPHSH")?;
        let reason = ReceiptReason(u8::try_from(reason).unwrap_or(99));
        Ok(Nerp {
            dataset,
            stamp,
            destination,
            origin,
            creator,
            reason,
            text,
            hash,
            signature,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>, level: Level) -> Result<(), EncodeError> {
        writer
            .text(self.dataset.as_str(), DatasetName::WIDTH)
            .reserved(6)
            .stamp(&self.stamp, level)
            .text(self.destination.as_str(), OdetteId::WIDTH)
            .text(self.origin.as_str(), OdetteId::WIDTH)
            .text(self.creator.as_str(), OdetteId::WIDTH)
            .number("NERPREAS", u64::from(self.reason.0), 2)?;
        if level.is_oftp2() {
            writer
                .utf8(&self.text)
                .binary("NERPHSH", &self.hash)?
                .binary("NERPSIG", &self.signature)?;
        }
        Ok(())
    }
}

/// The front of what a receipt's signature covers: dataset name, date and time, 44 octets.
fn signed_names(dataset: &DatasetName, stamp: &Stamp) -> Vec<u8> {
    let mut content = Vec::with_capacity(183);
    pad(&mut content, dataset.as_str(), DatasetName::WIDTH);
    content.extend_from_slice(&stamp.date);
    content.extend_from_slice(&stamp.time);
    content
}

/// An X(n) field as it goes over the wire.
fn pad(out: &mut Vec<u8>, text: &str, n: usize) {
    out.extend(text.bytes().chain(core::iter::repeat(b' ')).take(n));
}

/// Hash and signature; a hash has no business in a receipt that is not signed.
fn read_proof(
    reader: &mut Reader<'_>,
    level: Level,
    hash_field: &'static str,
) -> Result<(Vec<u8>, Vec<u8>), DecodeError> {
    if !level.is_oftp2() {
        reader.end()?;
        return Ok((Vec::new(), Vec::new()));
    }
    let offset = reader.offset();
    let (hash, signature) = (reader.binary()?, reader.binary()?);
    reader.end()?;
    if signature.is_empty() && !hash.is_empty() {
        reader.tolerate(Deviation::HashWithoutSignature, |reader| {
            reader.content(hash_field, offset, &hash, "no hash without a signature")
        })?;
    }
    Ok((hash, signature))
}
