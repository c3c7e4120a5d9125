//! Why the gate stopped a direction, in words an operator can act on.

use std::fmt;

use oftp::{Code, DecodeError, FrameError, SubrecordError};

use super::Direction;

/// The first thing in one direction that must not cross.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("octet {position} {direction}: {what}")]
pub struct Refusal {
    /// Who sent it.
    pub direction: Direction,
    /// Where its frame starts, in octets of that direction since its greeting began.
    pub position: u64,
    /// What was wrong.
    pub what: What,
}

/// What the gate found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// The stream transmission header is not one (RFC 5024 §8).
    #[error("no valid stream header: {0}")]
    Header(FrameError),
    /// No command has this identifier (§5.3).
    #[error("no command starts with {octet:#04x}")]
    UnknownCommand {
        /// The first octet of the exchange buffer.
        octet: u8,
    },
    /// The header announces more than this command, or the agreed buffer, allows.
    #[error("{} announces {found} octets, {most} is the most allowed here", command.name())]
    TooLong {
        /// The command.
        command: Code,
        /// The announced length of its exchange buffer, in octets.
        found: usize,
        /// The greatest length allowed.
        most: usize,
    },
    /// The command's fields do not decode.
    #[error("{0}")]
    Syntax(DecodeError),
    /// A subrecord of a DATA buffer is malformed (§7.2).
    #[error("{0}")]
    Subrecord(SubrecordError),
    /// A command that needs an agreed session, before the SSIDs have crossed.
    #[error("{} before the session was agreed", command.name())]
    TooEarly {
        /// The command.
        command: Code,
    },
    /// SSRM or SSID once more, inside the session.
    #[error("{} inside an open session", command.name())]
    SecondGreeting {
        /// The command.
        command: Code,
    },
    /// Octets after ESID.
    #[error("octets after the ESID")]
    AfterEnd,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::FromPartner => "from the partner",
            Direction::FromInner => "from the inner half",
        })
    }
}
