//! The command line and the running process, over a real socket, with a real store.

mod certificates;
mod directory;
mod hostile;
mod keys;
mod protection;
mod receipts;
mod terms;
mod transfers;

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ::keyring::MasterSecret;
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use store::{OutboxFault, Store, StoreOptions};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::args::{
    CallArgs, CertCommand, EvidenceArgs, KeyCommand, Output, PartnerCommand, ReceiptsArgs,
    SendArgs, StationCommand, TransfersArgs,
};
use super::ctl::{Console, Order, run_on};
use super::{AdminServer, CtlError, Services};
use crate::keyring::{Keyring, Secrets};
use crate::session::{SessionContext, SessionSettings, Shutdown};

/// A running admin server with its store in a folder of its own; gone on drop.
struct World {
    socket: PathBuf,
    store: Store,
    keyring: Arc<Keyring>,
    called: Arc<Mutex<Vec<String>>>,
    outbox: watch::Sender<Vec<OutboxFault>>,
    _runtime: Runtime,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::with_reserve(0)
    }

    fn with_secrets(secrets: Secrets) -> Self {
        Self::with(0, secrets)
    }

    fn with_reserve(reserve: u64) -> Self {
        Self::with(reserve, secrets())
    }

    fn with(reserve: u64, secrets: Secrets) -> Self {
        log();
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            reserve,
            ..StoreOptions::default()
        };
        let store = Store::open(&folder.path().join("store"), options).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let context =
            SessionContext::new(store.clone(), SessionSettings::default(), Shutdown::new());
        let keyring = Keyring::open(store.clone(), secrets).unwrap();
        let called: Arc<Mutex<Vec<String>>> = Arc::default();
        let calls = Arc::clone(&called);
        let (outbox, faults) = watch::channel(Vec::new());
        let services = Services {
            store: store.clone(),
            context,
            keyring: Arc::clone(&keyring),
            link: None,
            plain: None,
            call: Arc::new(move |partner| {
                lock(&calls).push(partner.to_owned());
                Ok(())
            }),
            outbox: faults,
            reserve,
            started: Timestamp::now(),
        };
        let socket = folder.path().join("run/admin.sock");
        let entered = runtime.enter();
        let server = AdminServer::open(&socket, services).unwrap();
        drop(entered);
        runtime.spawn(server.serve());
        World {
            socket,
            store,
            keyring,
            called,
            outbox,
            _runtime: runtime,
            folder,
        }
    }

    /// A world with a station US and a partner ACME.
    fn with_partner() -> Self {
        let world = World::new();
        world.ok("station add US --code O0013000001US");
        let line = "partner add ACME --code O0013000002ACME --station US \
                    --address oftp.acme.example:6619 \
                    --password-sent-file - --password-expected-file -";
        world
            .run(line, format!("{SENT}\n{EXPECTED}\n").as_bytes())
            .1
            .unwrap();
        world
    }

    /// Runs a command line, with that standard input; what it printed, and how it ended.
    fn run(&self, line: &str, stdin: &[u8]) -> (String, Result<(), CtlError>) {
        run(&self.socket, line, stdin)
    }

    /// What a command prints that must succeed.
    fn ok(&self, line: &str) -> String {
        let (printed, ended) = self.run(line, b"");
        if let Err(error) = ended {
            panic!("`{line}` failed: {error}");
        }
        printed
    }

    /// The sentence of a command that must fail.
    fn refused(&self, line: &str) -> String {
        match self.run(line, b"") {
            (printed, Ok(())) => panic!("`{line}` succeeded and printed {printed:?}"),
            (_, Err(error)) => error.to_string(),
        }
    }

    fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(line)).unwrap()
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A raw connection, for what no honest command line says.
    fn raw(&self) -> Raw {
        let stream = UnixStream::connect(&self.socket).unwrap();
        Raw {
            stream: BufReader::new(stream),
        }
    }
}

struct Raw {
    stream: BufReader<UnixStream>,
}

impl Raw {
    fn say(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(octets)
    }

    fn hear(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Whether the other end has closed.
    fn is_closed(&mut self) -> bool {
        matches!(self.stream.fill_buf(), Ok([]) | Err(_))
    }
}

/// The master secret the keys of the tests are sealed under.
fn secrets() -> Secrets {
    let octets = Zeroizing::new(MASTER.as_bytes().to_vec());
    Secrets {
        master: Some(MasterSecret::new(octets).unwrap()),
        ..Secrets::default()
    }
}

const MASTER: &str = "a master secret for the tests only";

/// The passwords of the tests: they must turn up nowhere.
const SENT: &str = "q7SENTq7";
const EXPECTED: &str = "z9EXPEz9";

fn run(socket: &Path, line: &str, mut stdin: &[u8]) -> (String, Result<(), CtlError>) {
    let words = std::iter::once("proxy-inner").chain(line.split_whitespace());
    let order = match Line::try_parse_from(words)
        .unwrap_or_else(|error| panic!("{error}"))
        .command
    {
        Words::Station(command) => Order::Station(command),
        Words::Partner(command) => Order::Partner(command),
        Words::Send(args) => Order::Send(args),
        Words::Call(args) => Order::Call(args),
        Words::Transfers(args) => Order::Transfers(args),
        Words::Receipts(args) => Order::Receipts(args),
        Words::Status(output) => Order::Status(output),
        Words::Key(command) => Order::Key(command),
        Words::Evidence(args) => Order::Evidence(args),
        Words::Cert(command) => Order::Cert(command),
    };
    let mut out = Vec::new();
    let console = Console {
        out: &mut out,
        progress: None,
        stdin: &mut stdin,
        terminal: false,
    };
    let ended = run_on(socket, order, console);
    (String::from_utf8(out).unwrap(), ended)
}

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: Words,
}

#[derive(Subcommand)]
enum Words {
    #[command(subcommand)]
    Station(StationCommand),
    #[command(subcommand)]
    Partner(PartnerCommand),
    Send(SendArgs),
    Call(CallArgs),
    Transfers(TransfersArgs),
    Receipts(ReceiptsArgs),
    Status(Output),
    #[command(subcommand)]
    Key(KeyCommand),
    Evidence(EvidenceArgs),
    #[command(subcommand)]
    Cert(CertCommand),
}

/// Everything logged in this test process, from the finest level up.
fn log() -> Lines {
    static LINES: OnceLock<Lines> = OnceLock::new();
    LINES
        .get_or_init(|| {
            let lines = Lines::default();
            let writer = lines.clone();
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_writer(move || writer.clone())
                .init();
            lines
        })
        .clone()
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
