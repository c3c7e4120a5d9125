//! Both real halves on one desk: keys, pins, certificates and partners made, link up, public
//! address open.
//!
//! ```text
//!   scripted partner ══TLS══▶ proxy-dmz ◀══link══ proxy-inner ── store
//!                             (all on 127.0.0.1, on ports the system picked)
//! ```

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::binaries::Binaries;
use crate::cli::{Cli, pin_in};
use crate::directory::Directory;
use crate::inside::Inside;
use crate::knobs::{Knobs, quoted};
use crate::logs::Logs;
use crate::pki::Certificate;
use crate::process::Half;

/// What a world is made from; a test changes what it is about.
#[derive(Debug)]
pub struct Setup {
    /// The DMZ half's configuration.
    pub dmz: Knobs,
    /// The inner half's configuration.
    pub inner: Knobs,
    /// Stations and partners, applied once the inner half runs.
    pub directory: Directory,
    /// The folder of the world.
    pub folder: PathBuf,
    /// Which build of the halves to run.
    pub binaries: Binaries,
}

/// Two halves joined by their link.
#[derive(Debug)]
pub struct World {
    /// The DMZ half.
    pub dmz: Half,
    /// The DMZ half's commands.
    pub dmz_cli: Cli,
    /// The inner half.
    pub inner: Inside,
    /// The certificate that callers see.
    pub certificate: Certificate,
    /// The pin of the DMZ half.
    pub dmz_pin: String,
    /// The pin of the inner half.
    pub inner_pin: String,
    link: SocketAddr,
    public: Option<SocketAddr>,
    _reserved: Reserved,
    // Last: the folder goes when both halves are gone.
    folder: TempDir,
}

impl World {
    /// A world with the usual partner.
    pub fn new() -> World {
        World::with(|_| ())
    }

    /// A world with something changed.
    pub fn with(change: impl FnOnce(&mut Setup)) -> World {
        let mut world = World::unjoined(change);
        world.wait_until_open();
        world
    }

    /// A world whose halves run but need not find together: waits for the DMZ half's link address
    /// and the inner half's commands only.
    pub fn unjoined(change: impl FnOnce(&mut Setup)) -> World {
        World::build(change, |link| link)
    }

    /// A world whose inner half dials the address that `lay` makes of the DMZ half's own: a way
    /// to put something in between. Not awaited, as [`World::unjoined`].
    pub fn with_path(lay: impl FnOnce(SocketAddr) -> SocketAddr) -> World {
        World::build(|_| (), lay)
    }

    fn build(change: impl FnOnce(&mut Setup), lay: impl FnOnce(SocketAddr) -> SocketAddr) -> World {
        let folder = temporary_folder();
        let certificate = Certificate::new("our station");
        let (mut setup, pins) = usual_setup(folder.path(), &certificate);
        let reserved = Reserved::new();
        let address = reserved.address.to_string();
        setup.dmz.of_listener("address", &quoted(&address));
        change(&mut setup);

        let config = folder.path().join("proxy-dmz.toml");
        let mut dmz = Half::new("proxy-dmz", &setup.binaries.dmz, &config);
        write_config(&config, &setup.dmz);
        let mark = dmz.start();
        let link = link_address(&dmz.logs, mark);
        setup.dmz.text("link.listen", link.to_string());
        write_config(&config, &setup.dmz);

        if setup.inner.value("link.address").is_none() {
            setup.inner.text("link.address", lay(link).to_string());
        }
        let inner_folder = folder.path().join("inner");
        let mut inner = Inside::new(&setup.binaries, &inner_folder, setup.inner);
        inner.start();
        inner.apply(&setup.directory);
        World {
            dmz,
            dmz_cli: Cli::new(&setup.binaries.dmz, Some(&config)),
            inner,
            certificate,
            dmz_pin: pins.0,
            inner_pin: pins.1,
            link,
            public: None,
            _reserved: reserved,
            folder,
        }
    }

    /// The public address of the first listener.
    ///
    /// # Panics
    /// When it never opened.
    pub fn public(&self) -> SocketAddr {
        self.public.expect("the public listener has opened")
    }

    /// The address at which the DMZ half awaits the inner half (UDP).
    pub fn link(&self) -> SocketAddr {
        self.link
    }

    /// The folder everything lies in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until the DMZ half's public listener is open (again), and notes its address.
    pub fn wait_until_open(&mut self) {
        self.wait_until_open_since(0);
    }

    /// Kills the DMZ half; it gets no chance to tidy up.
    pub fn kill_dmz(&mut self) {
        self.dmz.kill();
    }

    /// Starts the DMZ half again on the ports it had, and waits until its listener is open.
    pub fn start_dmz(&mut self) {
        let mark = self.dmz.start();
        self.wait_until_open_since(mark);
    }

    /// Starts the inner half again, and waits until the DMZ half's listener is open.
    pub fn start_inner(&mut self) {
        let mark = self.dmz.logs.mark();
        self.inner.start();
        self.wait_until_open_since(mark);
    }

    /// Everything both halves have logged so far.
    pub fn all_logs(&self) -> String {
        format!("{}\n{}", self.dmz.logs.text(), self.inner.half.logs.text())
    }

    /// The same from a place in the DMZ half's log on.
    pub fn wait_until_open_since(&mut self, mark: usize) {
        let line = self
            .dmz
            .logs
            .wait_to_hear(mark, "A public listener is open.");
        let address: SocketAddr = line
            .text("address")
            .parse()
            .unwrap_or_else(|_| panic!("no address in {}", line.raw));
        self.public = Some(address);
    }
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

/// An inner half whose DMZ half is played by the test: with the right key, or with none.
#[derive(Debug)]
pub struct Orphan {
    /// The inner half; started by [`Orphan::start`].
    pub inner: Inside,
    /// The key file of the DMZ half that the inner half trusts.
    pub dmz_key: PathBuf,
    /// The key file of the inner half.
    pub inner_key: PathBuf,
    /// The pin of the inner half.
    pub inner_pin: String,
    directory: Directory,
    // Last: the folder goes when the half is gone.
    folder: TempDir,
}

impl Orphan {
    /// Everything made, nothing running.
    pub fn new(change: impl FnOnce(&mut Setup)) -> Orphan {
        let folder = temporary_folder();
        let certificate = Certificate::new("our station");
        let (mut setup, pins) = usual_setup(folder.path(), &certificate);
        change(&mut setup);
        let inner_folder = folder.path().join("inner");
        Orphan {
            dmz_key: folder.path().join("dmz-link.key"),
            inner_key: inner_folder.join("link.key"),
            inner: Inside::new(&setup.binaries, &inner_folder, setup.inner),
            inner_pin: pins.1,
            directory: setup.directory,
            folder,
        }
    }

    /// Starts the inner half, which dials the link at `address`.
    pub fn start(&mut self, address: SocketAddr) {
        self.inner.configure(|knobs| {
            knobs.text("link.address", address.to_string());
        });
        self.inner.start();
        self.inner.apply(&self.directory);
    }

    /// The folder everything lies in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A partner's inner half that has no DMZ half and calls out directly.
#[derive(Debug)]
pub struct Alone {
    /// The inner half.
    pub inner: Inside,
    // Last: the folder goes when the half is gone.
    folder: TempDir,
}

impl Alone {
    /// An inner half that runs and knows the given stations and partners.
    pub fn new(directory: &Directory) -> Alone {
        Alone::with(directory, |_| ())
    }

    /// The same with something changed in its configuration.
    pub fn with(directory: &Directory, change: impl FnOnce(&mut Knobs)) -> Alone {
        let folder = temporary_folder();
        let mut knobs = Inside::usual_knobs(folder.path());
        knobs.text("outbound.via", "direct");
        change(&mut knobs);
        let mut inner = Inside::new(Binaries::dev(), folder.path(), knobs);
        inner.start();
        inner.apply(directory);
        Alone { inner, folder }
    }

    /// The folder everything lies in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A TCP port that is ours as long as this lives: nobody is given it by chance while the DMZ half is
/// down. Bound but not listening, so that the DMZ half can listen on it.
#[derive(Debug)]
struct Reserved {
    address: SocketAddr,
    _socket: Socket,
}

impl Reserved {
    fn new() -> Reserved {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a TCP socket");
        socket
            .set_reuse_address(true)
            .expect("an option of every TCP socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).expect("loopback has a free port");
        let address = socket
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket());
        Reserved {
            address: address.expect("a bound socket has an address"),
            _socket: socket,
        }
    }
}

fn temporary_folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("oftp2-")
        .tempdir()
        .expect("/tmp is writable")
}

/// Settings that work, and the pins of the DMZ half and of the inner half.
fn usual_setup(folder: &Path, certificate: &Certificate) -> (Setup, (String, String)) {
    let binaries = Binaries::dev().clone();
    let inner_folder = folder.join("inner");
    std::fs::create_dir(&inner_folder).expect("the folder is ours");
    let dmz_key = folder.join("dmz-link.key");
    let inner_key = inner_folder.join("link.key");
    let dmz_pin = make_identity(&binaries.dmz, &dmz_key);
    let inner_pin = make_identity(&binaries.inner, &inner_key);
    let (tls_certificate, tls_key) = certificate.write(&inner_folder, "tls");

    let mut dmz = Knobs::default();
    dmz.text("link.listen", "127.0.0.1:0")
        .path("link.identity", &dmz_key);
    dmz.texts("link.pins", &[&inner_pin]);
    dmz.listener(&[
        ("name", quoted("oftps")),
        ("address", quoted("127.0.0.1:0")),
    ]);
    dmz.raw("dial.allow_private", "true");
    dmz.text("log.format", "json").text("log.filter", "info");

    let mut inner = Inside::usual_knobs(&inner_folder);
    inner
        .path("link.identity", &inner_key)
        .texts("link.pins", &[&dmz_pin]);
    inner.listener(&[
        ("name", quoted("oftps")),
        (
            "certificate",
            quoted(&tls_certificate.display().to_string()),
        ),
        ("key", quoted(&tls_key.display().to_string())),
        ("client_certificate", quoted("off")),
    ]);
    let directory = Directory::usual();
    let setup = Setup {
        dmz,
        inner,
        directory,
        folder: folder.to_path_buf(),
        binaries,
    };
    (setup, (dmz_pin, inner_pin))
}

/// Lets a half make its link key; returns the pin it prints.
pub fn make_identity(binary: &Path, key: &Path) -> String {
    let cli = Cli::new(binary, None);
    pin_in(&cli.ok(&["identity".as_ref(), "--key".as_ref(), key.as_os_str()]))
}

fn write_config(path: &Path, knobs: &Knobs) {
    crate::pki::write_private(path, knobs.to_toml().as_bytes());
}

fn link_address(logs: &Logs, mark: usize) -> SocketAddr {
    let line = logs.wait_to_hear(mark, "The link listener is bound.");
    line.text("address")
        .parse()
        .unwrap_or_else(|_| panic!("no address in {}", line.raw))
}
