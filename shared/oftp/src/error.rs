//! What can be wrong with octets, and which ESID reason the partner is told.

use crate::command::Code;
use crate::reason::EndReason;

/// Why an exchange buffer is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{field} at octet {offset}: {kind}", prefix(*command))]
pub struct DecodeError {
    /// The command, when its identifier was known.
    pub command: Option<Code>,
    /// The field's name as RFC 5024 has it, or what was looked at.
    pub field: &'static str,
    /// Where it starts in the exchange buffer (the stream header is not counted).
    pub offset: usize,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// What is wrong with a field or a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The first octet is no command identifier.
    #[error("no command has the identifier {octet:#04x}")]
    UnknownCommand {
        /// The octet found.
        octet: u8,
    },
    /// The exchange buffer is shorter or longer than the command implies.
    #[error("the exchange buffer has {found} octets, the command needs {wanted}")]
    Length {
        /// Octets found.
        found: usize,
        /// Octets needed; for a command with variable parts, as far as they were known.
        wanted: usize,
    },
    /// The field's content is not allowed.
    #[error("found {found}, wanted {wanted}")]
    Content {
        /// What stands there, made printable; stars for a password.
        found: String,
        /// What RFC 5024 allows.
        wanted: &'static str,
    },
}

impl DecodeError {
    /// The reason for the ESID that answers it (RFC 5024 §5.3.11): 01, 07 or 06.
    #[must_use]
    pub fn end_reason(&self) -> EndReason {
        match self.kind {
            ErrorKind::UnknownCommand { .. } => EndReason::COMMAND_NOT_RECOGNISED,
            ErrorKind::Length { .. } => EndReason::BUFFER_SIZE,
            ErrorKind::Content { .. } => EndReason::INVALID_DATA,
        }
    }
}

/// Why a command can't be put into octets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A number needs more digits than the field has at this level.
    #[error(
        "{field} holds {digits} digits, {value} does not fit; the partner's protocol level is too old for it"
    )]
    NumberTooLarge {
        /// The field's name.
        field: &'static str,
        /// The number.
        value: u64,
        /// The field's width.
        digits: usize,
    },
    /// A variable part is longer than its length field can say.
    #[error("{field} is {found} octets long, at most {most} are possible")]
    TooLong {
        /// The field's name.
        field: &'static str,
        /// Its length in octets.
        found: usize,
        /// The longest possible.
        most: usize,
    },
    /// The file or receipt needs a field that the session's level does not have.
    #[error(
        "{field} does not exist at protocol level {level}, and the file cannot go without it; \
         agree on level 5 with the partner or send the file without file services",
        level = *level as u8
    )]
    FieldNotAtThisLevel {
        /// The field's name.
        field: &'static str,
        /// The session's level.
        level: crate::Level,
    },
    /// The command does not exist at the session's level.
    #[error("{command} does not exist at protocol level {level}", command = command.name(), level = *level as u8)]
    NotAtThisLevel {
        /// The command.
        command: Code,
        /// The session's level.
        level: crate::Level,
    },
}

fn prefix(command: Option<Code>) -> String {
    command.map_or_else(String::new, |code| format!("{} ", code.name()))
}
