//! What the driver asks of the engine: the F_xxx_RQ and F_xxx_RS primitives of RFC 5024 section 3.

use core::fmt;

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
    /// The answer to [`Event::ChallengeWanted`](crate::Event::ChallengeWanted): a fresh challenge
    /// for the partner (AUCH), or why it cannot be authenticated (ESID with that reason).
    Challenge(Result<Challenge, Refusal>),
    /// The answer to [`Event::Challenged`](crate::Event::Challenged): the 20 octets that were
    /// inside (AURP), or why there are none (ESID with that reason).
    ChallengeResponse(Result<[u8; 20], Refusal>),
    /// F_START_FILE_RQ: offer a file. Restart positions are in units of 1024 octets for files that
    /// travel as one stream, else in records.
    StartFile(Sfid),
    /// F_START_FILE_RS, the answer to [`Event::StartFile`](crate::Event::StartFile): the position
    /// we hold, at most the one offered and in the same unit, or why the file is refused.
    StartFileResponse(Result<Position, FileRefusal>),
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
            Self::Challenge(_) => "the answer to ChallengeWanted",
            Self::ChallengeResponse(_) => "the answer to Challenged",
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

/// A fresh challenge for the partner, made by the driver: the engine has no randomness and no keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// AUCHCHAL: CMS EnvelopedData around `secret` for the partner's certificate, at most 65535
    /// octets.
    pub sealed: Vec<u8>,
    /// The 20 random octets inside. The engine compares the answer with them.
    pub secret: [u8; 20],
}

impl fmt::Debug for Challenge {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("sealed", &self.sealed.len())
            .finish_non_exhaustive()
    }
}

/// Where a file that was interrupted goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// SFPAACNT: 1024-octet blocks of a file that travels as one stream, else records.
    pub answer: u64,
    /// Octets of the virtual file before it.
    pub octets: u64,
}

impl Position {
    /// The start of the file.
    pub const START: Self = Self {
        answer: 0,
        octets: 0,
    };

    /// After so many blocks of 1024 octets of a stream.
    #[must_use]
    pub const fn blocks(blocks: u64) -> Self {
        Self {
            answer: blocks,
            octets: blocks.saturating_mul(1024),
        }
    }
}

/// Why a session is refused: goes out as ESID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// ESIDREAS.
    pub reason: EndReason,
    /// ESIDREAST, cut to 999 octets. The partner reads it, at level 5.
    pub text: String,
}

impl Refusal {
    /// Secure authentication failed on our side, for this reason: ESID 11.
    #[must_use]
    pub fn authentication(text: impl Into<String>) -> Self {
        Self {
            reason: EndReason::INVALID_CHALLENGE_RESPONSE,
            text: text.into(),
        }
    }
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
