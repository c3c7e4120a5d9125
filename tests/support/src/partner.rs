//! A scripted partner: who it is, how it connects, which rule it breaks.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use oftp::{Level, Mode, OdetteId, Password};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::CertificateDer;

use crate::conversation::{Authentication, Conversation, Terms};
use crate::directory::{OUR_PASSWORD, PARTNER_CODE, PARTNER_PASSWORD};
use crate::logs::DEADLINE;
use crate::pki::{Certificate, client_config, server_config};
use crate::wire::{Act, Hook, Step, Wire};
use crate::world::World;

/// A partner with its terms. Correct by default; [`Partner::breaks`] makes it break one rule.
pub struct Partner {
    /// What it brings into a session.
    pub terms: Terms,
    tls: Option<Arc<ClientConfig>>,
    server_name: String,
    hooks: Vec<Hook>,
}

impl Partner {
    /// The usual partner of a world, who calls it over TLS.
    pub fn of(world: &World) -> Partner {
        Partner::usual().trusting(world.certificate.der(), None, &[])
    }

    /// The usual partner, without TLS yet.
    pub fn usual() -> Partner {
        Partner {
            terms: Terms {
                code: id(PARTNER_CODE),
                password: password(PARTNER_PASSWORD),
                expected: password(OUR_PASSWORD),
                level: Level::L5,
                buffer: 65_535,
                credit: 256,
                mode: Mode::Both,
                compression: false,
                restart: false,
                authentication: None,
            },
            tls: None,
            server_name: "localhost".into(),
            hooks: Vec::new(),
        }
    }

    /// Expects this certificate of whom it calls; shows its own; speaks these TLS versions
    /// (none named: 1.2 and 1.3).
    #[must_use]
    pub fn trusting(
        mut self,
        expected: CertificateDer<'static>,
        own: Option<&Certificate>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Partner {
        self.tls = Some(client_config(expected, own, versions));
        self
    }

    /// Uses ready-made TLS settings.
    #[must_use]
    pub fn with_tls(mut self, config: Arc<ClientConfig>) -> Partner {
        self.tls = Some(config);
        self
    }

    /// Calls itself so.
    #[must_use]
    pub fn named(mut self, code: &str) -> Partner {
        self.terms.code = id(code);
        self
    }

    /// Sends this password.
    #[must_use]
    pub fn with_password(mut self, sent: &str) -> Partner {
        self.terms.password = password(sent);
        self
    }

    /// Offers this exchange buffer and credit.
    #[must_use]
    pub fn offering(mut self, buffer: u32, credit: u16) -> Partner {
        self.terms.buffer = buffer;
        self.terms.credit = credit;
        self
    }

    /// Speaks no level above this one.
    #[must_use]
    pub fn speaking(mut self, level: Level) -> Partner {
        self.terms.level = level;
        self
    }

    /// Can resume files in the middle.
    #[must_use]
    pub fn restarting(mut self) -> Partner {
        self.terms.restart = true;
        self
    }

    /// Compresses what it sends, and takes compressed subrecords.
    #[must_use]
    pub fn compressing(mut self) -> Partner {
        self.terms.compression = true;
        self
    }

    /// Demands secure authentication with these keys.
    #[must_use]
    pub fn authenticating(mut self, keys: Authentication) -> Partner {
        self.terms.authentication = Some(Arc::new(keys));
        self
    }

    /// Breaks a rule: sees every frame before it goes out, and decides what becomes of it.
    #[must_use]
    pub fn breaks(mut self, hook: impl FnMut(Step, Vec<u8>) -> Act + Send + 'static) -> Partner {
        self.hooks.push(Box::new(hook));
        self
    }

    /// Breaks one step the same way each time.
    #[must_use]
    pub fn breaks_at(self, wanted: Step, act: impl Fn(Vec<u8>) -> Act + Send + 'static) -> Partner {
        self.breaks(move |step, frame| {
            if step == wanted {
                act(frame)
            } else {
                Act::Send(frame)
            }
        })
    }

    /// Connects (with TLS if it has any) and says nothing yet.
    ///
    /// # Errors
    /// What the connection or the handshake met.
    pub fn connect(self, address: SocketAddr) -> io::Result<Conversation> {
        let mut wire = match &self.tls {
            Some(config) => Wire::call_tls(address, Arc::clone(config), &self.server_name)?,
            None => Wire::plain(crate::wire::connect(address)?)?,
        };
        let Partner { terms, hooks, .. } = self;
        wire.add_hooks(hooks);
        Ok(Conversation::new(wire, terms))
    }

    /// Takes a connection that came in.
    ///
    /// # Errors
    /// What the handshake met.
    pub fn answer(
        self,
        tcp: TcpStream,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<Conversation> {
        let mut wire = match tls {
            Some(config) => Wire::accept_tls(tcp, config)?,
            None => Wire::plain(tcp)?,
        };
        let Partner { terms, hooks, .. } = self;
        wire.add_hooks(hooks);
        Ok(Conversation::new(wire, terms))
    }
}

/// A partner's own listener, for the calls we make.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    tls: Arc<ServerConfig>,
    calls: Receiver<TcpStream>,
    /// The certificate it shows.
    pub certificate: Certificate,
}

impl Listener {
    /// Listens on a port the system picks; asks callers for a certificate if `ask` is set.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn new(ask: bool) -> Listener {
        let certificate = Certificate::new("the partner");
        let socket = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let (sender, calls) = channel();
        std::thread::spawn(move || {
            for call in socket.incoming() {
                let Ok(call) = call else { return };
                if sender.send(call).is_err() {
                    return;
                }
            }
        });
        let tls = server_config(&certificate, ask);
        Listener {
            address,
            tls,
            calls,
            certificate,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next call, with TLS done, answered by `partner`.
    ///
    /// # Panics
    /// When nobody calls before the deadline, or the handshake fails.
    #[track_caller]
    pub fn accept(&self, partner: Partner) -> Conversation {
        self.try_answer(self.next_call(), partner)
            .expect("a TLS handshake")
    }

    /// TLS on a connection from [`Listener::next_call`].
    ///
    /// # Errors
    /// What the handshake met.
    pub fn try_answer(&self, tcp: TcpStream, partner: Partner) -> io::Result<Conversation> {
        partner.answer(tcp, Some(Arc::clone(&self.tls)))
    }

    /// The next connection, before TLS.
    ///
    /// # Panics
    /// When nobody calls before the deadline.
    #[track_caller]
    pub fn next_call(&self) -> TcpStream {
        self.calls
            .recv_timeout(DEADLINE)
            .expect("a call before the deadline")
    }
}

/// An Odette ID from a text known to be one.
///
/// # Panics
/// When it is none.
pub fn id(text: &str) -> OdetteId {
    text.parse()
        .unwrap_or_else(|error| panic!("{text:?} is no Odette ID: {error}"))
}

/// A password from a text known to be one.
///
/// # Panics
/// When it is none.
pub fn password(text: &str) -> Password {
    text.parse()
        .unwrap_or_else(|error| panic!("not a password: {error}"))
}
