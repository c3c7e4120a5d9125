//! SSRM, SSID, ESID: a session begins and ends (RFC 5024 §5.3.1, §5.3.2, §5.3.11).

use crate::deviation::Deviation;
use crate::error::{DecodeError, EncodeError};
use crate::field::{Password, UserField};
use crate::ident::OdetteId;
use crate::level::Level;
use crate::reader::Reader;
use crate::reason::EndReason;
use crate::writer::Writer;

use super::start_file::{code, parsed, user};

/// Start Session Ready Message, 19 octets: the responder's first words.
///
/// | Offset | Field | Format |
/// |---|---|---|
/// | 0 | SSRMCMD | `I` |
/// | 1 | SSRMMSG | X(17) `ODETTE FTP READY ` |
/// | 18 | SSRMCR | CR |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ssrm;

const READY: &str = "ODETTE FTP READY";

impl Ssrm {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Ssrm, DecodeError> {
        reader.exactly_with_cr(19)?;
        let offset = reader.offset();
        let message = reader.text("SSRMMSG", 17)?;
        if message != READY {
            return Err(reader.content("SSRMMSG", offset, message.as_bytes(), READY));
        }
        reader.carriage_return("SSRMCR")?;
        Ok(Ssrm)
    }

    #[expect(
        clippy::unnecessary_wraps,
        clippy::trivially_copy_pass_by_ref,
        reason = "one shape for all commands"
    )]
    pub(super) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.text(READY, 17).carriage_return();
        Ok(())
    }
}

/// Start Session, 61 octets at every level.
///
/// | Offset | Field | Format |
/// |---|---|---|
/// | 0 | SSIDCMD | `X` |
/// | 1 | SSIDLEV | 9(1): 1, 2, 4, 5 |
/// | 2 | SSIDCODE | X(25) |
/// | 27 | SSIDPSWD | X(8) |
/// | 35 | SSIDSDEB | 9(5): 128 … 99999 |
/// | 40 | SSIDSR | S, R, B |
/// | 41 | SSIDCMPR | Y/N |
/// | 42 | SSIDREST | Y/N |
/// | 43 | SSIDSPEC | Y/N |
/// | 44 | SSIDCRED | 9(3): 1 … 999 |
/// | 47 | SSIDAUTH | Y/N at level 5, reserved below |
/// | 48 | SSIDRSV1 | X(4) |
/// | 52 | SSIDUSER | X(8) |
/// | 60 | SSIDCR | CR |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssid {
    /// SSIDLEV: the highest level its sender speaks.
    pub level: Level,
    /// SSIDCODE: who sends this SSID.
    pub code: OdetteId,
    /// SSIDPSWD.
    pub password: Password,
    /// SSIDSDEB: the longest DATA exchange buffer its sender takes, 128 … 99999 octets.
    pub buffer: u32,
    /// SSIDSR.
    pub mode: Mode,
    /// SSIDCMPR: buffer compression.
    pub compression: bool,
    /// SSIDREST: restart.
    pub restart: bool,
    /// SSIDSPEC: special logic; never on TCP.
    pub special_logic: bool,
    /// SSIDCRED: DATA buffers without a CDT between them, 1 … 999.
    pub credit: u16,
    /// SSIDAUTH: secure authentication is required.
    pub authentication: bool,
    /// SSIDUSER.
    pub user: UserField,
}

impl Ssid {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Ssid, DecodeError> {
        reader.exactly_with_cr(61)?;
        let mut digit = 0;
        let offset = reader.offset();
        let level = reader.choice("SSIDLEV", "1, 2, 4 or 5", |octet| {
            digit = octet;
            Level::from_octet(octet)
        })?;
        if digit != level.octet() {
            reader.tolerate(Deviation::UndefinedLevel, |reader| {
                reader.content("SSIDLEV", offset, &[digit], "1, 2, 4 or 5")
            })?;
        }
        let code = code(reader, "SSIDCODE")?;
        let offset = reader.offset();
        let password = reader.agreed_text("SSIDPSWD", 8)?;
        let password = parsed(reader, "SSIDPSWD", offset, password, "a password")?;
        let buffer = reader.number_in("SSIDSDEB", 5, 128..=99_999, "00128 to 99999")?;
        let mode = reader.choice("SSIDSR", "S, R or B", Mode::from_octet)?;
        let compression = reader.yes_no("SSIDCMPR")?;
        let restart = reader.yes_no("SSIDREST")?;
        let special_logic = reader.yes_no("SSIDSPEC")?;
        let credit = reader.number_in("SSIDCRED", 3, 1..=999, "001 to 999")?;
        let authentication = if level.is_oftp2() {
            reader.yes_no("SSIDAUTH")?
        } else {
            reader.reserved(1)?;
            false
        };
        reader.reserved(4)?;
        let user = user(reader, "SSIDUSER")?;
        reader.carriage_return("SSIDCR")?;
        Ok(Ssid {
            level,
            code,
            password,
            buffer,
            mode,
            compression,
            restart,
            special_logic,
            credit: u16::try_from(credit).unwrap_or(999),
            authentication,
            user,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer
            .octet(self.level.octet())
            .text(self.code.as_str(), OdetteId::WIDTH)
            .text(self.password.expose(), 8)
            .number("SSIDSDEB", u64::from(self.buffer), 5)?
            .octet(self.mode.octet())
            .yes_no(self.compression)
            .yes_no(self.restart)
            .yes_no(self.special_logic)
            .number("SSIDCRED", u64::from(self.credit), 3)?;
        if self.level.is_oftp2() {
            writer.yes_no(self.authentication);
        } else {
            writer.reserved(1);
        }
        writer
            .reserved(4)
            .text(self.user.as_str(), 8)
            .carriage_return();
        Ok(())
    }
}

/// SSIDSR: what its sender can do in this session (§3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Sender only.
    Send,
    /// Receiver only.
    Receive,
    /// Both.
    Both,
}

impl Mode {
    /// The mode of an SSIDSR octet.
    #[must_use]
    pub fn from_octet(octet: u8) -> Option<Mode> {
        match octet {
            b'S' => Some(Mode::Send),
            b'R' => Some(Mode::Receive),
            b'B' => Some(Mode::Both),
            _ => None,
        }
    }

    /// The octet that stands in SSIDSR.
    #[must_use]
    pub fn octet(self) -> u8 {
        match self {
            Mode::Send => b'S',
            Mode::Receive => b'R',
            Mode::Both => b'B',
        }
    }
}

/// End Session, 7 + n octets at level 5, 4 below.
///
/// | Offset | Field | Format |
/// |---|---|---|
/// | 0 | ESIDCMD | `F` |
/// | 1 | ESIDREAS | 9(2) |
/// | 3 | ESIDREASL | 9(3), octets of the text (level 5) |
/// | 6 | ESIDREAST | T(n) (level 5) |
/// | 6 + n | ESIDCR | CR (offset 3 below level 5) |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Esid {
    /// ESIDREAS.
    pub reason: EndReason,
    /// ESIDREAST, empty when absent.
    pub text: String,
}

impl Esid {
    /// An ESID may come before a level is agreed: its length tells the form.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Esid, DecodeError> {
        let reason = reader.number_in("ESIDREAS", 2, 0..=99, "two digits")?;
        let reason = EndReason(u8::try_from(reason).unwrap_or(99));
        // The old form goes on with its CR or ends, that of level 5 with the digits of a length.
        let text = match reader.peek() {
            Some(b'0'..=b'9') => reader.utf8("ESIDREASL")?,
            _ => String::new(),
        };
        reader.carriage_return("ESIDCR")?;
        reader.end()?;
        Ok(Esid { reason, text })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>, level: Level) -> Result<(), EncodeError> {
        writer.number("ESIDREAS", u64::from(self.reason.0), 2)?;
        if level.is_oftp2() {
            writer.utf8(&self.text);
        }
        writer.carriage_return();
        Ok(())
    }
}
