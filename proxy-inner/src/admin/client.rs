//! The command line's end of the admin socket: one connection, questions and answers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::protocol::{
    Answer, Command, MOST_ANSWER, MOST_CHUNK, Refusal, read_answer, request_line,
};

/// Longest wait for one answer. The running process answers at once, or says every few seconds
/// that it still waits; storing a large upload is what takes longest.
const PATIENCE: Duration = Duration::from_secs(600);

/// Why a command did not do what was asked; prints what, where and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CtlError {
    /// Nothing answers at the socket.
    #[error(
        "proxy-inner is not running here: nothing answers at {socket}; start it with \
         `proxy-inner run` (or `systemctl start proxy-inner`), or name its socket with --socket \
         or its configuration with --config"
    )]
    NotRunning {
        /// Where it was looked for.
        socket: PathBuf,
    },
    /// The socket may not be opened.
    #[error(
        "the admin socket {socket} may not be opened by this account; run the command as the \
         account proxy-inner runs as"
    )]
    Denied {
        /// The socket.
        socket: PathBuf,
    },
    /// The connection failed.
    #[error("the running process at {socket} could not be asked: {detail}")]
    Connection {
        /// The socket.
        socket: PathBuf,
        /// What happened.
        detail: String,
    },
    /// The running process refused.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// Something on this side: a file, a password, the output.
    #[error("{0}")]
    Here(String),
    /// The transfer did not end well.
    #[error("{0}")]
    Unsuccessful(String),
    /// The wait took longer than was asked for.
    #[error("still not finished after {}; the transfer goes on: {hint}", ops::duration::display(*.waited))]
    TimedOut {
        /// How long was waited.
        waited: Duration,
        /// How to look again.
        hint: String,
    },
    /// Who reads our output has gone; nothing to say to anybody.
    #[error("the output was closed")]
    OutputClosed,
}

/// A connection to the running process.
pub(super) struct Client {
    socket: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the socket at `socket`.
    pub(super) fn connect(socket: &Path) -> Result<Client, CtlError> {
        let stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => CtlError::NotRunning {
                socket: socket.into(),
            },
            io::ErrorKind::PermissionDenied => CtlError::Denied {
                socket: socket.into(),
            },
            _ => CtlError::Connection {
                socket: socket.into(),
                detail: error.to_string(),
            },
        })?;
        Ok(Client {
            socket: socket.into(),
            stream: BufReader::new(stream),
        })
    }

    /// Asks, and takes the one answer.
    pub(super) fn ask(&mut self, command: &Command) -> Result<Answer, CtlError> {
        self.request(command)?;
        self.answer()
    }

    /// Sends a request.
    pub(super) fn request(&mut self, command: &Command) -> Result<(), CtlError> {
        let line = request_line(command).map_err(|error| self.broken(&error.to_string()))?;
        self.stream
            .get_mut()
            .write_all(&line)
            .map_err(|error| self.failed(&error))
    }

    /// Takes the next answer; a refusal is an error.
    pub(super) fn answer(&mut self) -> Result<Answer, CtlError> {
        let answer = self.answer_before(None)?;
        answer.ok_or_else(|| self.broken("it took too long to answer; look at its log"))
    }

    /// Takes the next answer, or `None` when the deadline passes first. Without a deadline the
    /// patience of an ordinary question holds.
    pub(super) fn answer_before(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Option<Answer>, CtlError> {
        let mut line = Vec::new();
        loop {
            let patience = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => PATIENCE,
            };
            if patience.is_zero() {
                return Ok(None);
            }
            let set = self.stream.get_ref().set_read_timeout(Some(patience));
            set.map_err(|error| self.failed(&error))?;
            let room = u64::try_from(MOST_ANSWER.saturating_sub(line.len())).unwrap_or(0);
            match self.stream.by_ref().take(room).read_until(b'\n', &mut line) {
                Ok(0) if line.len() >= MOST_ANSWER => {
                    return Err(self.broken("its answer is too long; ask for less with --limit"));
                }
                Ok(0) => return Err(self.broken("it ended before it answered; look at its log")),
                Ok(_) if line.last() == Some(&b'\n') => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Ok(None),
                Err(error) => return Err(self.failed(&error)),
            }
        }
        match read_answer(&line).map_err(|detail| self.broken(&detail))? {
            Answer::Refused(refusal) => Err(CtlError::Refused(refusal)),
            answer => Ok(Some(answer)),
        }
    }

    /// Sends octets as one chunk; none at all is the end of the file.
    pub(super) fn chunk(&mut self, octets: &[u8]) -> io::Result<()> {
        debug_assert!(
            octets.len() <= MOST_CHUNK,
            "a chunk of {} octets",
            octets.len()
        );
        let length = u32::try_from(octets.len()).map_err(io::Error::other)?;
        let stream = self.stream.get_mut();
        stream.write_all(&length.to_be_bytes())?;
        stream.write_all(octets)
    }

    /// The error for an answer that does not belong to the question.
    pub(super) fn unexpected(&self, answer: &Answer) -> CtlError {
        tracing::debug!(?answer, "An answer does not belong to its question.");
        self.broken(
            "its answer does not belong to the question; use the command line of its version",
        )
    }

    pub(super) fn failed(&self, error: &io::Error) -> CtlError {
        self.broken(&format!(
            "{error}; it may have been stopped, look at its log"
        ))
    }

    fn broken(&self, detail: &str) -> CtlError {
        CtlError::Connection {
            socket: self.socket.clone(),
            detail: detail.to_owned(),
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
