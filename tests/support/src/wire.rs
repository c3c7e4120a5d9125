//! OFTP2 frames over a blocking stream, and the places where a scripted partner may misbehave.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use oftp::{Command, EndReason, Level};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::logs::DEADLINE;

/// What a partner is about to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The ready message.
    Ssrm,
    /// Its identification.
    Ssid,
    /// The offer of a file.
    Sfid,
    /// One data buffer, counted from 0 in each file.
    Data(u64),
    /// The end of a file.
    Efid,
    /// The turn given away.
    Cd,
    /// The answers to an offer.
    Sfpa,
    /// The refusal of an offer.
    Sfna,
    /// Credit given.
    Cdt,
    /// The end of a file confirmed.
    Efpa,
    /// The end of a file refused.
    Efna,
    /// A receipt.
    Eerp,
    /// A negative receipt.
    Nerp,
    /// A receipt confirmed.
    Rtr,
    /// The end of the session.
    Esid,
    /// The turn of secure authentication.
    Secd,
    /// A challenge of ours.
    Auch,
    /// The response to a challenge.
    Aurp,
}

/// What becomes of a frame that the rules ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// These octets go out: the frame itself, or what takes its place.
    Send(Vec<u8>),
    /// Nothing goes out, and the partner goes on as if it had.
    Skip,
    /// Nothing goes out any more; the partner waits for the other side to hang up.
    Stall,
    /// The partner hangs up.
    HangUp,
}

/// A scripted fault: sees every frame before it goes out.
pub type Hook = Box<dyn FnMut(Step, Vec<u8>) -> Act + Send>;

/// How a session ended before its script did.
#[derive(Debug)]
pub enum Ended {
    /// The other side sent ESID.
    Esid {
        /// Its reason.
        reason: EndReason,
        /// Its text.
        text: String,
    },
    /// The other side hung up, orderly or not.
    HungUp,
    /// The other side said nothing until the deadline.
    Silence,
    /// The connection or TLS broke in another way.
    Broken(io::Error),
    /// The other side said something that the rules do not allow here.
    Surprise(String),
    /// Our own script hung up.
    ByScript,
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Ended {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Ended::HungUp,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ended::Silence,
            _ => Ended::Broken(error),
        }
    }
}

/// A stream of either kind.
trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// One exchange buffer as it came.
#[derive(Debug, Clone)]
pub struct Buffer {
    /// Its octets.
    pub octets: Vec<u8>,
    level: Level,
}

impl Buffer {
    /// The command in it.
    ///
    /// # Errors
    /// [`Ended::Surprise`] when it is none.
    pub fn command(&self) -> Result<Command<'_>, Ended> {
        Command::decode(&self.octets, self.level)
            .map_err(|error| Ended::Surprise(format!("{error} in {:02x?}", head(&self.octets))))
    }
}

/// Frames both ways over TCP or TLS. Reads end with [`Ended::Silence`] at the deadline.
pub struct Wire {
    /// The protocol level by which commands are laid out.
    pub level: Level,
    stream: Box<dyn Stream>,
    tcp: TcpStream,
    peer_certificate: Option<CertificateDer<'static>>,
    hooks: Vec<Hook>,
    out: Vec<u8>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Wire")
            .field("tcp", &self.tcp)
            .finish_non_exhaustive()
    }
}

impl Wire {
    /// Connects and starts TLS as a client.
    ///
    /// # Errors
    /// What the connection or the handshake met.
    pub fn call_tls(
        address: SocketAddr,
        config: Arc<ClientConfig>,
        server_name: &str,
    ) -> io::Result<Wire> {
        let mut tcp = connect(address)?;
        let name = ServerName::try_from(server_name.to_owned()).map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        let handle = tcp.try_clone()?;
        let shown = shown(tls.peer_certificates());
        Ok(Wire::over(StreamOwned::new(tls, tcp), handle, shown))
    }

    /// Takes a connection that came in and starts TLS as a server.
    ///
    /// # Errors
    /// What the handshake met.
    pub fn accept_tls(mut tcp: TcpStream, config: Arc<ServerConfig>) -> io::Result<Wire> {
        set_deadlines(&tcp)?;
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        let handle = tcp.try_clone()?;
        let shown = shown(tls.peer_certificates());
        Ok(Wire::over(StreamOwned::new(tls, tcp), handle, shown))
    }

    /// Uses a connection as it is, without TLS.
    ///
    /// # Errors
    /// When deadlines cannot be set.
    pub fn plain(tcp: TcpStream) -> io::Result<Wire> {
        set_deadlines(&tcp)?;
        let handle = tcp.try_clone()?;
        Ok(Wire::over(tcp, handle, None))
    }

    fn over(
        stream: impl Read + Write + Send + 'static,
        tcp: TcpStream,
        peer_certificate: Option<CertificateDer<'static>>,
    ) -> Wire {
        Wire {
            level: Level::L5,
            stream: Box::new(stream),
            tcp,
            peer_certificate,
            hooks: Vec::new(),
            out: Vec::new(),
        }
    }

    /// The certificate the other side showed, if any.
    pub fn peer_certificate(&self) -> Option<CertificateDer<'static>> {
        self.peer_certificate.clone()
    }

    /// Adds faults.
    pub fn add_hooks(&mut self, hooks: Vec<Hook>) {
        self.hooks.extend(hooks);
    }

    /// Says a command, unless a hook makes something else of it.
    ///
    /// # Errors
    /// How the session ended.
    pub fn say(&mut self, step: Step, command: &Command<'_>) -> Result<(), Ended> {
        let mut frame = std::mem::take(&mut self.out);
        frame.clear();
        command
            .encode(self.level, &mut frame)
            .map_err(|error| Ended::Surprise(format!("cannot encode {step:?}: {error}")))?;
        self.say_frame(step, frame)
    }

    /// Says a whole frame, unless a hook makes something else of it.
    ///
    /// # Errors
    /// How the session ended.
    pub fn say_frame(&mut self, step: Step, mut frame: Vec<u8>) -> Result<(), Ended> {
        for hook in &mut self.hooks {
            match hook(step, frame) {
                Act::Send(octets) => frame = octets,
                Act::Skip => return Ok(()),
                Act::Stall => return Err(self.stall()),
                Act::HangUp => {
                    self.hang_up();
                    return Err(Ended::ByScript);
                }
            }
        }
        let sent = self.write_raw(&frame);
        self.out = frame;
        match sent {
            Ok(()) => Ok(()),
            // What the other side said before it hung up explains more than the broken pipe does.
            Err(error) => Err(self.last_words().unwrap_or(Ended::from(error))),
        }
    }

    /// Sends octets past all rules.
    ///
    /// # Errors
    /// What the stream met.
    pub fn write_raw(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets)?;
        self.stream.flush()
    }

    /// The next exchange buffer.
    ///
    /// # Errors
    /// How the session ended; an ESID is returned as such.
    pub fn hear(&mut self) -> Result<Buffer, Ended> {
        let mut header = [0; oftp::HEADER_LEN];
        self.stream.read_exact(&mut header)?;
        let length = oftp::decode_header(header)
            .map_err(|error| Ended::Surprise(format!("{error} in {header:02x?}")))?;
        let mut octets = vec![0; length];
        self.stream.read_exact(&mut octets)?;
        let buffer = Buffer {
            octets,
            level: self.level,
        };
        if let Command::Esid(esid) = buffer.command()? {
            return Err(Ended::Esid {
                reason: esid.reason,
                text: esid.text,
            });
        }
        Ok(buffer)
    }

    /// Everything the other side still sends until it hangs up.
    ///
    /// # Errors
    /// When it does not hang up before the deadline.
    pub fn hear_all(&mut self) -> Result<Vec<u8>, Ended> {
        let mut all = Vec::new();
        match self.stream.read_to_end(&mut all) {
            Ok(_) => Ok(all),
            Err(error) => match Ended::from(error) {
                Ended::HungUp => Ok(all),
                other => Err(other),
            },
        }
    }

    /// Shuts the connection both ways, without a TLS farewell.
    pub fn hang_up(&mut self) {
        drop(self.tcp.shutdown(Shutdown::Both));
    }

    /// Our own address of this connection.
    ///
    /// # Panics
    /// When the connection is gone already.
    pub fn local(&self) -> SocketAddr {
        self.tcp
            .local_addr()
            .expect("a connected socket has an address")
    }

    fn stall(&mut self) -> Ended {
        loop {
            match self.hear() {
                Ok(_) => {}
                Err(ended) => return ended,
            }
        }
    }

    fn last_words(&mut self) -> Option<Ended> {
        loop {
            match self.hear() {
                Ok(_) => {}
                Err(ended @ Ended::Esid { .. }) => return Some(ended),
                Err(_) => return None,
            }
        }
    }
}

/// A TCP connection with the deadlines of tests.
///
/// # Errors
/// What connecting met.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect_timeout(&address, DEADLINE)?;
    set_deadlines(&tcp)?;
    Ok(tcp)
}

fn set_deadlines(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(DEADLINE))?;
    tcp.set_write_timeout(Some(DEADLINE))
}

fn shown(chain: Option<&[CertificateDer<'_>]>) -> Option<CertificateDer<'static>> {
    chain
        .and_then(|chain| chain.first())
        .map(|certificate| certificate.clone().into_owned())
}

fn head(octets: &[u8]) -> &[u8] {
    &octets[..octets.len().min(32)]
}
