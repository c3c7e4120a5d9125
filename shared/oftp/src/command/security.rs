//! AUCH and AURP: secure authentication (RFC 5024 §5.3.17, §5.3.18).

use crate::error::{DecodeError, EncodeError};
use crate::reader::Reader;
use crate::writer::Writer;

/// Authentication Challenge, 3 + n octets, level 5 only.
///
/// | Offset | Field | Format |
/// |---|---|---|
/// | 0 | AUCHCMD | `A` |
/// | 1 | AUCHCHLL | U(2), octets of the challenge |
/// | 3 | AUCHCHAL | U(n), CMS EnvelopedData around 20 random octets |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auch {
    /// AUCHCHAL, at most 65535 octets.
    pub challenge: Vec<u8>,
}

impl Auch {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Auch, DecodeError> {
        let challenge = reader.binary()?;
        reader.end()?;
        Ok(Auch { challenge })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.binary("AUCHCHAL", &self.challenge).map(|_| ())
    }
}

/// Authentication Response, 21 octets, level 5 only.
///
/// | Offset | Field | Format |
/// |---|---|---|
/// | 0 | AURPCMD | `S` |
/// | 1 | AURPRSP | U(20), the decrypted challenge |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aurp {
    /// AURPRSP.
    pub response: [u8; 20],
}

impl Aurp {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Aurp, DecodeError> {
        reader.exactly(21)?;
        Ok(Aurp {
            response: reader.array()?,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.octets(&self.response);
        Ok(())
    }
}
