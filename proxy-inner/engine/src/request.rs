//! What the driver asks of the engine: the F_xxx_RQ and F_xxx_RS primitives of RFC 5024 section 3.

use oftp::{Eerp, EndReason, FileReason, Nerp, Sfid};

use crate::{Durable, Identity};

/// One request or answer of the driver.
///
/// F_DATA_RQ is not here: file octets go through [`Session::send_data`](crate::Session::send_data)
/// without a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// F_CONNECT_RS, the answer to [`Event::Connect`](crate::Event::Connect): who we are to this
    /// partner, or why the session is refused (ESID with that reason).
    ConnectResponse(Result<Identity, Refusal>),
    /// F_START_FILE_RQ: offer a file. Restart positions are in units of the format (1024 octets
    /// here).
    StartFile(Sfid),
    /// F_START_FILE_RS, the answer to [`Event::StartFile`](crate::Event::StartFile): the position
    /// we hold, at most the one offered and in the same unit, or why the file is refused.
    StartFileResponse(Result<u64, FileRefusal>),
    /// F_CLOSE_FILE_RQ: the file has been sent to its end. Totals of the whole file, also after a
    /// restart; records are 0 for a file that travels as one stream.
    CloseFile {
        /// EFIDRCNT.
        records: u64,
        /// EFIDUCNT.
        octets: u64,
    },
    /// F_CLOSE_FILE_RS, the answer to [`Event::CloseFile`](crate::Event::CloseFile): the file is
    /// durable, and whether we want the turn (EFPACD = Y); or why it is refused.
    CloseFileResponse(Result<(Durable, bool), EndFileRefusal>),
    /// F_EERP_RQ: send a positive receipt.
    Eerp(Eerp),
    /// F_NERP_RQ: send a negative receipt.
    Nerp(Nerp),
    /// F_RTR_RS, the answer to [`Event::Eerp`](crate::Event::Eerp) and
    /// [`Event::Nerp`](crate::Event::Nerp).
    RtrResponse,
    /// F_CD_RQ: give the turn away.
    ChangeDirection,
    /// F_RELEASE_RQ: end the session with ESID. [`EndReason::NORMAL`] only as speaker right after
    /// [`Event::ChangeDirection`](crate::Event::ChangeDirection); any other reason at any time.
    Release(EndReason, String),
    /// F_ABORT_RQ: drop the connection without a word.
    Abort,
}

impl Request {
    /// The RFC's name of the primitive, for messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ConnectResponse(_) => "F_CONNECT_RS",
            Self::StartFile(_) => "F_START_FILE_RQ",
            Self::StartFileResponse(_) => "F_START_FILE_RS",
            Self::CloseFile { .. } => "F_CLOSE_FILE_RQ",
            Self::CloseFileResponse(_) => "F_CLOSE_FILE_RS",
            Self::Eerp(_) => "F_EERP_RQ",
            Self::Nerp(_) => "F_NERP_RQ",
            Self::RtrResponse => "F_RTR_RS",
            Self::ChangeDirection => "F_CD_RQ",
            Self::Release(..) => "F_RELEASE_RQ",
            Self::Abort => "F_ABORT_RQ",
        }
    }
}

/// Why a session is refused: goes out as ESID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// ESIDREAS.
    pub reason: EndReason,
    /// ESIDREAST, cut to 999 octets. The partner reads it.
    pub text: String,
}

/// Why an offered file is refused: goes out as SFNA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRefusal {
    /// SFNAREAS.
    pub reason: FileReason,
    /// SFNARRTR: may the partner offer it again later?
    pub retry: bool,
    /// SFNAREAST, cut to 999 octets. The partner reads it.
    pub text: String,
}

/// Why a received file is refused at its end: goes out as EFNA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndFileRefusal {
    /// EFNAREAS.
    pub reason: FileReason,
    /// EFNAREAST, cut to 999 octets. The partner reads it.
    pub text: String,
}
