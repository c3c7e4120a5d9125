//! `LinkError`: what broke, which end knows more, and whether dialling again may help.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ops::duration;
use quinn::{ConnectionError, VarInt};

use crate::pin::Pin;

/// Whatever can go wrong on the link; every text is for the operator of this end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The settings cannot work.
    #[error("the link cannot be set up: {0}")]
    Settings(String),
    /// The UDP socket could not be had.
    #[error(
        "the link cannot use UDP address {address}: {problem}; choose a free address of this host in the configuration"
    )]
    Bind {
        /// The address wanted.
        address: SocketAddr,
        /// What the system said.
        problem: String,
    },
    /// The DMZ half's name leads nowhere.
    #[error(
        "the DMZ half's address {address} does not resolve: {problem}; check link.address and the name service"
    )]
    Resolve {
        /// Host and port from the configuration.
        address: String,
        /// What the resolver said.
        problem: String,
    },
    /// Nobody answered.
    #[error("no answer from {address} within {}; check that the DMZ half runs there and that the firewall lets UDP out to it and answers back", Span(*.after))]
    NoAnswer {
        /// Address dialled.
        address: SocketAddr,
        /// How long was waited.
        after: Duration,
    },
    /// The other end showed a key that is not pinned here.
    #[error("{peer} showed the key {seen}, which is not pinned here (pinned: {}); if that key is right, add it to link.pins, else someone else is answering or calling there", Pins(.pinned))]
    UnknownPin {
        /// The other end's address.
        peer: SocketAddr,
        /// The pin of the key it showed.
        seen: Pin,
        /// The pins of this end's configuration.
        pinned: Vec<Pin>,
    },
    /// The other end does not accept the key of this end.
    #[error(
        "{peer} does not accept our key {ours}; add this pin to link.pins on the other half and start it anew"
    )]
    NotAccepted {
        /// The other end's address.
        peer: SocketAddr,
        /// The pin of our key.
        ours: Pin,
    },
    /// The TLS or QUIC handshake failed otherwise.
    #[error("the handshake with {peer} failed: {problem}; it may be no half of this product")]
    Handshake {
        /// The other end's address.
        peer: SocketAddr,
        /// What the transport said.
        problem: String,
    },
    /// The halves speak different versions.
    #[error(
        "the halves speak different link versions: ours is {ours}, the other end's is {theirs}; install the same release on both"
    )]
    Version {
        /// This end's version.
        ours: u16,
        /// The other end's version.
        theirs: u16,
    },
    /// The other end has a link with a later start of the same identity.
    #[error(
        "the DMZ half already holds a link from a later start of the same identity; stop the other process that uses this link key"
    )]
    Busy,
    /// The other end took too long.
    #[error("{what} did not come within {}", Span(*.after))]
    Deadline {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
    },
    /// A message over its ceiling.
    #[error("{what} has {length} octets, the most is {ceiling}")]
    TooLarge {
        /// Which message.
        what: &'static str,
        /// Its length.
        length: usize,
        /// The most it may have.
        ceiling: usize,
    },
    /// A message that cannot be understood, or with octets left over.
    #[error("{what} cannot be understood: {problem}; are both halves of the same release?")]
    Malformed {
        /// Which message.
        what: &'static str,
        /// What the decoder said.
        problem: String,
    },
    /// The control stream was taken before.
    #[error("the control stream of this link has been taken already")]
    ControlTaken,
    /// The other end ended the stream where more had to come.
    #[error("the other end finished the stream where {what} had to come")]
    Ended {
        /// What had to come.
        what: &'static str,
    },
    /// The other end broke off sending on this stream.
    #[error("the other end broke off the stream (code {code})")]
    Reset {
        /// Its code.
        code: u64,
    },
    /// The other end no longer reads this stream.
    #[error("the other end no longer reads the stream (code {code})")]
    Stopped {
        /// Its code.
        code: u64,
    },
    /// This end has finished or aborted the stream before.
    #[error("this end has already ended the stream")]
    StreamEnded,
    /// The other end closed the link.
    #[error("the other end closed the link: {reason}")]
    ClosedByPeer {
        /// Its words.
        reason: String,
    },
    /// This end closed the link.
    #[error("this end closed the link")]
    Closed,
    /// The link is gone without a word.
    #[error("the link is lost: {reason}")]
    Lost {
        /// How it was noticed.
        reason: String,
    },
}

impl LinkError {
    /// Whether dialling again may help without an operator doing something first.
    pub fn redial_helps(&self) -> bool {
        !matches!(
            self,
            LinkError::Settings(_) | LinkError::Bind { .. } | LinkError::ControlTaken
        )
    }

    /// Whether an operator must act: nothing will change by waiting.
    pub fn needs_operator(&self) -> bool {
        matches!(
            self,
            LinkError::Settings(_)
                | LinkError::Bind { .. }
                | LinkError::UnknownPin { .. }
                | LinkError::NotAccepted { .. }
                | LinkError::Version { .. }
        )
    }

    /// Whether only a stream is broken and the link itself may go on.
    pub fn spares_link(&self) -> bool {
        matches!(
            self,
            LinkError::Deadline { .. }
                | LinkError::TooLarge { .. }
                | LinkError::Malformed { .. }
                | LinkError::ControlTaken
                | LinkError::Ended { .. }
                | LinkError::Reset { .. }
                | LinkError::Stopped { .. }
                | LinkError::StreamEnded
        )
    }
}

impl From<ConnectionError> for LinkError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => LinkError::ClosedByPeer {
                reason: closing_words(&close.reason),
            },
            ConnectionError::LocallyClosed => LinkError::Closed,
            ConnectionError::TimedOut => LinkError::Lost {
                reason: "nothing was heard from the other end for too long".into(),
            },
            ConnectionError::Reset => LinkError::Lost {
                reason: "the other end does not know the link any more; it was started anew".into(),
            },
            other => LinkError::Lost {
                reason: other.to_string(),
            },
        }
    }
}

impl From<quinn::ReadError> for LinkError {
    fn from(error: quinn::ReadError) -> Self {
        match error {
            quinn::ReadError::Reset(code) => LinkError::Reset {
                code: code.into_inner(),
            },
            quinn::ReadError::ConnectionLost(error) => error.into(),
            quinn::ReadError::ClosedStream
            | quinn::ReadError::IllegalOrderedRead
            | quinn::ReadError::ZeroRttRejected => LinkError::StreamEnded,
        }
    }
}

impl From<quinn::WriteError> for LinkError {
    fn from(error: quinn::WriteError) -> Self {
        match error {
            quinn::WriteError::Stopped(code) => LinkError::Stopped {
                code: code.into_inner(),
            },
            quinn::WriteError::ConnectionLost(error) => error.into(),
            quinn::WriteError::ClosedStream | quinn::WriteError::ZeroRttRejected => {
                LinkError::StreamEnded
            }
        }
    }
}

impl From<LinkError> for io::Error {
    fn from(error: LinkError) -> Self {
        let kind = match error {
            LinkError::Reset { .. } | LinkError::ClosedByPeer { .. } | LinkError::Lost { .. } => {
                io::ErrorKind::ConnectionReset
            }
            LinkError::Stopped { .. } => io::ErrorKind::BrokenPipe,
            LinkError::Closed | LinkError::StreamEnded => io::ErrorKind::NotConnected,
            LinkError::Deadline { .. } => io::ErrorKind::TimedOut,
            LinkError::Ended { .. } => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

/// Codes with which this crate closes a connection.
pub(crate) mod close {
    use super::VarInt;

    pub(crate) const DONE: VarInt = VarInt::from_u32(0);
    pub(crate) const VERSION: VarInt = VarInt::from_u32(1);
    pub(crate) const BUSY: VarInt = VarInt::from_u32(2);
    pub(crate) const GREETING: VarInt = VarInt::from_u32(3);
}

/// Codes with which this crate resets or stops a stream. Callers' own codes may be any.
pub(crate) mod stream {
    use super::VarInt;

    pub(crate) const ABANDONED: VarInt = VarInt::from_u32(1);
    pub(crate) const LATE: VarInt = VarInt::from_u32(2);
    pub(crate) const MALFORMED: VarInt = VarInt::from_u32(3);
}

/// The other end's words, cut and cleaned: they go to our log.
fn closing_words(reason: &[u8]) -> String {
    let text = String::from_utf8_lossy(reason);
    if text.is_empty() {
        return "no reason given".into();
    }
    text.chars()
        .take(200)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        duration::display(self.0).fmt(f)
    }
}

struct Pins<'a>(&'a [Pin]);

impl fmt::Display for Pins<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pin) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            pin.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_pin_names_what_was_seen_and_what_is_pinned() {
        let error = LinkError::UnknownPin {
            peer: "192.0.2.1:16619".parse().unwrap(),
            seen: Pin::of(b"seen"),
            pinned: vec![Pin::of(b"a"), Pin::of(b"b")],
        };
        let text = error.to_string();
        for pin in [Pin::of(b"seen"), Pin::of(b"a"), Pin::of(b"b")] {
            assert!(text.contains(&pin.to_string()), "{text}");
        }
        assert!(
            text.contains("192.0.2.1:16619") && text.contains("link.pins"),
            "{text}"
        );
    }

    #[test]
    fn foreign_closing_words_cannot_break_a_log_line() {
        let error: LinkError = ConnectionError::ApplicationClosed(quinn::ApplicationClose {
            error_code: close::DONE,
            reason: b"stop\nERROR forged".as_slice().into(),
        })
        .into();
        assert_eq!(
            error.to_string(),
            "the other end closed the link: stop ERROR forged"
        );
        let long = closing_words("x".repeat(1000).as_bytes());
        assert_eq!(long.len(), 200);
    }
}
