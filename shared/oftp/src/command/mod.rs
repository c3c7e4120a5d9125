//! The 18 commands (RFC 5024 §5.3), one variant each; decoded by identifier octet and level.
//!
//! Each file has a command group; above each struct stands the RFC's field table.

mod data;
mod end_file;
mod receipt;
mod security;
mod session;
mod start_file;
mod turn;

pub use end_file::{Efid, Efna, Efpa};
pub use receipt::{Eerp, Nerp};
pub use security::{Auch, Aurp};
pub use session::{Esid, Mode, Ssid, Ssrm};
pub use start_file::{Security, Sfid, Sfna, Sfpa};

use crate::deviation::Deviations;
use crate::error::{DecodeError, EncodeError, ErrorKind};
use crate::level::Level;
use crate::reader::Reader;
use crate::writer::Writer;

/// One command; DATA borrows its octets from the exchange buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command<'a> {
    /// Start Session Ready Message.
    Ssrm(Ssrm),
    /// Start Session.
    Ssid(Ssid),
    /// Security Change Direction.
    Secd,
    /// Authentication Challenge.
    Auch(Auch),
    /// Authentication Response.
    Aurp(Aurp),
    /// Start File.
    Sfid(Sfid),
    /// Start File Positive Answer.
    Sfpa(Sfpa),
    /// Start File Negative Answer.
    Sfna(Sfna),
    /// Data Exchange Buffer: the subrecords behind `D`.
    Data(&'a [u8]),
    /// Set Credit.
    Cdt,
    /// End File.
    Efid(Efid),
    /// End File Positive Answer.
    Efpa(Efpa),
    /// End File Negative Answer.
    Efna(Efna),
    /// End Session.
    Esid(Esid),
    /// Change Direction.
    Cd,
    /// End to End Response.
    Eerp(Eerp),
    /// Negative End Response.
    Nerp(Nerp),
    /// Ready To Receive.
    Rtr,
}

impl<'a> Command<'a> {
    /// Reads a whole exchange buffer as a command of this level.
    ///
    /// # Errors
    /// An unknown identifier, a length that the command does not have, a field whose content is not
    /// allowed; [`DecodeError::end_reason`] says which ESID answers it.
    pub fn decode(oeb: &'a [u8], level: Level) -> Result<Command<'a>, DecodeError> {
        Command::decode_noting(oeb, level).map(|(command, _)| command)
    }

    /// As [`Command::decode`], and says which leniencies were needed. Those of
    /// [`Deviations::refused_by_default`] are refused.
    ///
    /// # Errors
    /// As [`Command::decode`].
    pub fn decode_noting(
        oeb: &'a [u8],
        level: Level,
    ) -> Result<(Command<'a>, Deviations), DecodeError> {
        Command::decode_refusing(oeb, level, Deviations::refused_by_default())
    }

    /// As [`Command::decode_noting`], where every leniency of `refused` is an error of its own field,
    /// and every other is accepted, those too that are refused by default.
    ///
    /// # Errors
    /// As [`Command::decode`].
    pub fn decode_refusing(
        oeb: &'a [u8],
        level: Level,
        refused: Deviations,
    ) -> Result<(Command<'a>, Deviations), DecodeError> {
        let Some((&octet, rest)) = oeb.split_first() else {
            let kind = ErrorKind::Length {
                found: 0,
                wanted: 1,
            };
            return Err(DecodeError {
                command: None,
                field: "length",
                offset: 0,
                kind,
            });
        };
        let Some(code) = Code::from_octet(octet).filter(|code| code.exists_at(level)) else {
            let kind = ErrorKind::UnknownCommand { octet };
            return Err(DecodeError {
                command: None,
                field: "identifier",
                offset: 0,
                kind,
            });
        };
        let reader = &mut Reader::new(code, oeb, refused);
        let command = match code {
            Code::Ssrm => Command::Ssrm(Ssrm::read(reader)?),
            Code::Ssid => Command::Ssid(Ssid::read(reader)?),
            Code::Secd => turn::read_bare(reader).map(|()| Command::Secd)?,
            Code::Auch => Command::Auch(Auch::read(reader)?),
            Code::Aurp => Command::Aurp(Aurp::read(reader)?),
            Code::Sfid => Command::Sfid(Sfid::read(reader, level)?),
            Code::Sfpa => Command::Sfpa(Sfpa::read(reader, level)?),
            Code::Sfna => Command::Sfna(Sfna::read(reader, level)?),
            Code::Data => Command::Data(rest),
            Code::Cdt => data::read_cdt(reader).map(|()| Command::Cdt)?,
            Code::Efid => Command::Efid(Efid::read(reader, level)?),
            Code::Efpa => Command::Efpa(Efpa::read(reader)?),
            Code::Efna => Command::Efna(Efna::read(reader, level)?),
            Code::Esid => Command::Esid(Esid::read(reader)?),
            Code::Cd => turn::read_bare(reader).map(|()| Command::Cd)?,
            Code::Eerp => Command::Eerp(Eerp::read(reader, level)?),
            Code::Nerp => Command::Nerp(Nerp::read(reader, level)?),
            Code::Rtr => turn::read_bare(reader).map(|()| Command::Rtr)?,
        };
        Ok((command, reader.deviations))
    }

    /// Appends the command as a whole frame (stream header and exchange buffer) of this level.
    /// After an error `out` is as it was before.
    ///
    /// # Errors
    /// What does not fit the fields of this level, or a command that it does not have.
    pub fn encode(&self, level: Level, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let command = self.code();
        if !command.exists_at(level) {
            return Err(EncodeError::NotAtThisLevel { command, level });
        }
        let mut writer = Writer::new(command, out);
        let written = match self {
            Command::Ssrm(ssrm) => ssrm.write(&mut writer),
            Command::Ssid(ssid) => ssid.write(&mut writer),
            Command::Auch(auch) => auch.write(&mut writer),
            Command::Aurp(aurp) => aurp.write(&mut writer),
            Command::Sfid(sfid) => sfid.write(&mut writer, level),
            Command::Sfpa(sfpa) => sfpa.write(&mut writer, level),
            Command::Sfna(sfna) => sfna.write(&mut writer, level),
            Command::Data(octets) => {
                writer.octets(octets);
                Ok(())
            }
            Command::Cdt => data::write_cdt(&mut writer),
            Command::Efid(efid) => efid.write(&mut writer, level),
            Command::Efpa(efpa) => efpa.write(&mut writer),
            Command::Efna(efna) => efna.write(&mut writer, level),
            Command::Esid(esid) => esid.write(&mut writer, level),
            Command::Eerp(eerp) => eerp.write(&mut writer, level),
            Command::Nerp(nerp) => nerp.write(&mut writer, level),
            Command::Secd | Command::Cd | Command::Rtr => Ok(()),
        };
        match written {
            Ok(()) => writer.finish(),
            Err(error) => Err(writer.fail(error)),
        }
    }

    /// Which command it is.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Command::Ssrm(_) => Code::Ssrm,
            Command::Ssid(_) => Code::Ssid,
            Command::Secd => Code::Secd,
            Command::Auch(_) => Code::Auch,
            Command::Aurp(_) => Code::Aurp,
            Command::Sfid(_) => Code::Sfid,
            Command::Sfpa(_) => Code::Sfpa,
            Command::Sfna(_) => Code::Sfna,
            Command::Data(_) => Code::Data,
            Command::Cdt => Code::Cdt,
            Command::Efid(_) => Code::Efid,
            Command::Efpa(_) => Code::Efpa,
            Command::Efna(_) => Code::Efna,
            Command::Esid(_) => Code::Esid,
            Command::Cd => Code::Cd,
            Command::Eerp(_) => Code::Eerp,
            Command::Nerp(_) => Code::Nerp,
            Command::Rtr => Code::Rtr,
        }
    }
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $variant:ident $octet:literal $name:literal; )*) => {
        /// The command identifiers (RFC 5024 §5.2): the first octet of an exchange buffer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $( $(#[$doc])* $variant, )* }

        impl Code {
            /// All 18.
            pub const ALL: [Code; 18] = [$( Code::$variant, )*];

            /// The command with this identifier.
            #[must_use]
            pub fn from_octet(octet: u8) -> Option<Code> {
                match octet { $( $octet => Some(Code::$variant), )* _ => None }
            }

            /// The identifier.
            #[must_use]
            pub fn octet(self) -> u8 {
                match self { $( Code::$variant => $octet, )* }
            }

            /// The name RFC 5024 uses.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $( Code::$variant => $name, )* }
            }
        }
    };
}

codes! {
    /// Start Session Ready Message.
    Ssrm b'I' "SSRM";
    /// Start Session.
    Ssid b'X' "SSID";
    /// Security Change Direction.
    Secd b'J' "SECD";
    /// Authentication Challenge.
    Auch b'A' "AUCH";
    /// Authentication Response.
    Aurp b'S' "AURP";
    /// Start File.
    Sfid b'H' "SFID";
    /// Start File Positive Answer.
    Sfpa b'2' "SFPA";
    /// Start File Negative Answer.
    Sfna b'3' "SFNA";
    /// Data Exchange Buffer.
    Data b'D' "DATA";
    /// Set Credit.
    Cdt b'C' "CDT";
    /// End File.
    Efid b'T' "EFID";
    /// End File Positive Answer.
    Efpa b'4' "EFPA";
    /// End File Negative Answer.
    Efna b'5' "EFNA";
    /// End Session.
    Esid b'F' "ESID";
    /// Change Direction.
    Cd b'R' "CD";
    /// End to End Response.
    Eerp b'E' "EERP";
    /// Negative End Response.
    Nerp b'N' "NERP";
    /// Ready To Receive.
    Rtr b'P' "RTR";
}

impl Code {
    /// Whether the command exists at this level: NERP came with 1.4, authentication with 2.0.
    #[must_use]
    pub fn exists_at(self, level: Level) -> bool {
        match self {
            Code::Nerp => level.has_nerp(),
            Code::Secd | Code::Auch | Code::Aurp => level.has_authentication(),
            _ => true,
        }
    }
}

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
