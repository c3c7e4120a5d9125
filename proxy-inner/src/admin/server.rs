//! The listening end of the admin socket: connections in, requests to their routes, answers out.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::protocol::{
    Answer, Command, MOST_REQUEST, Refusal, RefusalKind, answer_line, read_request,
};
use super::routes::{self, Routed};
use super::socket::{self, SocketError, SocketFile};
use super::{intake, watch};

pub use super::routes::{Call, Services};

/// Connections served at a time; each has a thread while it lasts.
const MOST_CONNECTIONS: usize = 64;

/// A connection may be silent for so long, between requests and within an upload.
const SILENCE: Duration = Duration::from_secs(60);

/// The open admin socket. Dropping it closes the socket and removes its file.
#[derive(Debug)]
pub struct AdminServer {
    listener: UnixListener,
    services: Arc<Services>,
    _file: SocketFile,
}

impl AdminServer {
    /// Opens the socket at `path`, mode 0600. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When another process answers there, the path is something else, or the system refuses.
    pub fn open(path: &Path, services: Services) -> Result<AdminServer, SocketError> {
        let (listener, file) = socket::open(path)?;
        let listener = UnixListener::from_std(listener).map_err(|source| SocketError::Io {
            path: path.into(),
            doing: "listen on it",
            source,
        })?;
        tracing::info!(socket = %path.display(), "The admin socket is open.");
        Ok(AdminServer {
            listener,
            services: Arc::new(services),
            _file: file,
        })
    }

    /// Serves connections until the listening socket itself fails.
    pub async fn serve(self) -> io::Error {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) if is_passing(&error) => {
                    tracing::warn!(%error, "An admin connection could not be accepted.");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
                Err(error) => return error,
            };
            let place = Arc::clone(&places).try_acquire_owned();
            let services = Arc::clone(&self.services);
            tokio::task::spawn_blocking(move || {
                let served = stream.into_std().and_then(|stream| {
                    stream.set_nonblocking(false)?;
                    match place {
                        Ok(_place) => Connection::new(stream)?.serve(&services),
                        Err(_) => Connection::new(stream)?.turn_away(),
                    }
                });
                if let Err(error) = served {
                    tracing::debug!(%error, "An admin connection ended early.");
                }
            });
        }
    }
}

/// Whether accepting may work again later: out of descriptors, or the caller has gone.
fn is_passing(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let known = error.raw_os_error().map(Errno::from_raw);
    matches!(
        known,
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ECONNABORTED | Errno::EINTR | Errno::ENOMEM)
    )
}

/// One operator's connection, served by one thread.
pub(super) struct Connection {
    stream: BufReader<UnixStream>,
}

impl Connection {
    fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        Ok(Connection {
            stream: BufReader::new(stream),
        })
    }

    /// Answers requests until the caller ends or falls silent.
    fn serve(mut self, services: &Services) -> io::Result<()> {
        loop {
            let command = match self.request()? {
                None => return Ok(()),
                Some(Err(refusal)) => {
                    self.answer(&Answer::Refused(refusal))?;
                    continue;
                }
                Some(Ok(command)) => command,
            };
            match routes::route(services, command) {
                Routed::Answer(answer) => self.answer(&answer)?,
                Routed::Upload(upload) => intake::take(&mut self, *upload)?,
                Routed::Follow(id) => watch::follow(&mut self, services, id)?,
            }
        }
    }

    fn turn_away(mut self) -> io::Result<()> {
        self.answer(&Answer::Refused(Refusal::new(
            RefusalKind::Busy,
            format!(
                "{MOST_CONNECTIONS} admin connections are open already; end some (waiting \
                 commands hold one each) and try again"
            ),
        )))
    }

    /// The next request, or why the line is none; `None` at the clean end.
    fn request(&mut self) -> io::Result<Option<Result<Command, Refusal>>> {
        // Requests with passwords are short: they fit without a growing buffer's unwiped copies.
        let mut line = Zeroizing::new(Vec::with_capacity(8 * 1024));
        let most = MOST_REQUEST as u64;
        let read = self
            .stream
            .by_ref()
            .take(most + 1)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            if read <= MOST_REQUEST {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let refusal = Refusal::new(
                RefusalKind::Malformed,
                format!("a request has at most {MOST_REQUEST} octets; split what is applied"),
            );
            self.answer(&Answer::Refused(refusal))?;
            // What follows of the line is not looked at: there is no telling where it ends.
            return Err(io::Error::other("a request line over the ceiling"));
        }
        Ok(Some(read_request(&line)))
    }

    /// Sends one answer.
    pub(super) fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        let line = answer_line(answer).map_err(io::Error::other)?;
        self.stream.get_mut().write_all(&line)
    }

    /// Fills `buffer` with octets of an upload.
    pub(super) fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.stream.read_exact(buffer)
    }

    /// Waits for `moment`, or until the caller says more or goes; tells which.
    pub(super) fn wait(&mut self, moment: Duration) -> io::Result<Waited> {
        self.stream.get_ref().set_read_timeout(Some(moment))?;
        let seen = self.stream.fill_buf().map(<[u8]>::is_empty);
        self.stream.get_ref().set_read_timeout(Some(SILENCE))?;
        match seen {
            Ok(true) => Ok(Waited::Gone),
            Ok(false) => Ok(Waited::Said),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                Ok(Waited::Moment)
            }
            Err(error) => Err(error),
        }
    }
}

/// How [`Connection::wait`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// The moment has passed.
    Moment,
    /// The caller has said more, which is not read yet.
    Said,
    /// The caller has closed the connection.
    Gone,
}
