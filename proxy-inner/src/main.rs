//! `proxy-inner`: reads the command line and hands over; the parts are in the library.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use proxy_inner::admin::CtlError;
use proxy_inner::admin::args::{
    CallArgs, CertCommand, EvidenceArgs, KeyCommand, Output, PartnerCommand, ReceiptsArgs,
    SendArgs, StationCommand, TransfersArgs,
};
use proxy_inner::admin::ctl::{self, Order};
use proxy_inner::config::{self, Config, DEFAULT_FILE, DEFAULT_SOCKET};
use proxy_inner::{app, keys};

/// The inner half of the OFTP2 proxy: engine, keys, partners, files and receipts
#[derive(Debug, Parser)]
#[command(name = "proxy-inner", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    /// Configuration file [default: /etc/proxy-inner/proxy-inner.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = WHERE)]
    config: Option<PathBuf>,
    /// Admin socket of the running process [default: admin.socket of the configuration]
    #[arg(long, global = true, value_name = "PATH", help_heading = WHERE)]
    socket: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

/// Heading of the options every command has.
const WHERE: &str = "Which process";

const EXAMPLES: &str = "\
Start:
  proxy-inner identity                       make the link key, print its pin for the DMZ half
  proxy-inner certificate --host oftp.example --certificate tls.pem --key tls.key
  proxy-inner certificate --authentication O0013000001US --certificate auth.pem --key auth.key
  proxy-inner check                          look at everything the configuration names
  proxy-inner run                            run until SIGTERM

While it runs:
  proxy-inner station add US --code O0013000001US
  proxy-inner partner add ACME --code O0013000002ACME --station US --address oftp.acme.example:6619
  proxy-inner key create US-2026 --station US --out us-2026.csr
  proxy-inner cert add ACME acme.pem         then compare the fingerprint by phone
  proxy-inner send --partner ACME invoice.edi --wait
  proxy-inner transfers --partner ACME
  proxy-inner receipts --overdue
  proxy-inner status

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 64 faulty configuration.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run until SIGTERM or SIGINT; log to standard error
    Run,
    /// Look at everything the configuration names and say what to do; binds and changes nothing
    Check,
    /// Print the pin of this half's link key for the DMZ half; make the key if there is none
    Identity(IdentityArgs),
    /// Make a self-signed certificate with its key, or show what a certificate says
    #[command(after_help = CERTIFICATE_EXAMPLES)]
    Certificate(CertificateArgs),
    /// Our own stations
    #[command(subcommand)]
    Station(StationCommand),
    /// Our partners
    #[command(subcommand)]
    Partner(PartnerCommand),
    /// Queue a file for a partner; prints the transfer's identifier
    Send(SendArgs),
    /// Call a partner now, even with nothing to send, to fetch what it has for us
    Call(CallArgs),
    /// List, show and follow transfers
    Transfers(TransfersArgs),
    /// List receipts that are owed or awaited, confirm and reject received files
    Receipts(ReceiptsArgs),
    /// Link, listeners, sessions, queue, store and counters at a glance
    Status(Output),
    /// Our keys and certificates: made, imported, put to use, renewed
    #[command(subcommand)]
    Key(KeyCommand),
    /// Write everything that proves a transfer into a folder, with a report
    Evidence(EvidenceArgs),
    /// Certificates of partners: added, explained, promoted, removed
    #[command(subcommand)]
    Cert(CertCommand),
}

/// Which link key
#[derive(Debug, Args)]
struct IdentityArgs {
    /// The key's file [default: link.identity of the configuration]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Never make a key, only show the pin of the one there is
    #[arg(long)]
    show: bool,
}

/// Which certificate
#[derive(Debug, Args)]
struct CertificateArgs {
    /// DNS name or IP address partners call; may be repeated
    #[arg(long = "host", value_name = "NAME", required_unless_present_any = ["show", "authentication"])]
    hosts: Vec<String>,
    /// Make a pair for secure authentication under this name (as our Odette ID) instead of one for TLS
    #[arg(long, value_name = "NAME", conflicts_with = "hosts")]
    authentication: Option<String>,
    /// Certificate file to write (PEM)
    #[arg(long, value_name = "FILE", required_unless_present = "show")]
    certificate: Option<PathBuf>,
    /// Key file to write (PEM, mode 0600)
    #[arg(long, value_name = "FILE", required_unless_present = "show")]
    key: Option<PathBuf>,
    /// Days it is valid
    #[arg(long, default_value_t = 825)]
    days: u32,
    /// Show subject, names, validity and fingerprint of this certificate file instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hosts", "authentication", "certificate", "key", "days"])]
    show: Option<PathBuf>,
}

const CERTIFICATE_EXAMPLES: &str = "\
Examples:
  proxy-inner certificate --host oftp.example --certificate tls.pem --key tls.key
  proxy-inner certificate --authentication O0013000001US --certificate auth.pem --key auth.key
  proxy-inner certificate --show tls.pem";

/// How a command that failed ends the process.
enum Failure {
    /// Refused or failed; a sentence for the operator.
    Failed(String),
    /// The configuration is faulty; one line a fault.
    Configuration(String),
    /// Nothing to say: it was said already, or nobody listens.
    Silent(u8),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.command {
        Command::Run => run(&file(cli.config)),
        Command::Check => check(&file(cli.config)),
        Command::Identity(args) => identity(&file(cli.config), args),
        Command::Certificate(args) => certificate(args),
        Command::Station(command) => order(cli.config, cli.socket, Order::Station(command)),
        Command::Partner(command) => order(cli.config, cli.socket, Order::Partner(command)),
        Command::Send(args) => order(cli.config, cli.socket, Order::Send(args)),
        Command::Call(args) => order(cli.config, cli.socket, Order::Call(args)),
        Command::Transfers(args) => order(cli.config, cli.socket, Order::Transfers(args)),
        Command::Receipts(args) => order(cli.config, cli.socket, Order::Receipts(args)),
        Command::Status(output) => order(cli.config, cli.socket, Order::Status(output)),
        Command::Key(command) => order(cli.config, cli.socket, Order::Key(command)),
        Command::Evidence(args) => order(cli.config, cli.socket, Order::Evidence(args)),
        Command::Cert(command) => order(cli.config, cli.socket, Order::Cert(command)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(why)) => say(&format!("proxy-inner: {why}"), 1),
        Err(Failure::Configuration(faults)) => say(&faults, FAULTY),
        Err(Failure::Silent(code)) => ExitCode::from(code),
    }
}

/// Exit code of a faulty configuration (EX_USAGE of sysexits.h).
const FAULTY: u8 = 64;

fn run(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    ops::logging::init(config.log.format, &config.log.filter).map_err(failed)?;
    // Why is in the log, in the form the log has.
    app::run(&config).map_err(|_| Failure::Silent(1))
}

fn check(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    let report = config::examine(&config, Timestamp::now());
    print(&report.to_string())?;
    match report.problems() {
        0 => Ok(()),
        1 => Err(Failure::Configuration(
            "1 problem; see the line marked PROBLEM".to_owned(),
        )),
        many => Err(Failure::Configuration(format!(
            "{many} problems; see the lines marked PROBLEM"
        ))),
    }
}

fn identity(config: &Path, args: IdentityArgs) -> Result<(), Failure> {
    let path = match args.key {
        Some(path) => path,
        None => link::identity_path(config)
            .map_err(|faults| Failure::Configuration(faults.to_string()))?,
    };
    let there = path.symlink_metadata().is_ok();
    let identity = if there || args.show {
        keys::load_identity(&path)
    } else {
        keys::create_identity(&path)
    };
    let identity = identity.map_err(failed)?;
    let made = if there || args.show { "Read" } else { "Made" };
    note(&format!(
        "{made} the link key {}. Its pin goes into link.pins of proxy-dmz.toml; the key stays here.",
        path.display()
    ));
    print(&format!("{}\n", identity.pin()))
}

fn certificate(args: CertificateArgs) -> Result<(), Failure> {
    if let Some(path) = args.show {
        let chain = keys::load_chain(&path).map_err(failed)?;
        for (index, der) in chain.iter().enumerate() {
            let facts = keyring::facts(der).map_err(failed)?;
            let gap = if index > 0 { "\n" } else { "" };
            print(&format!("{gap}{}\n", keys::describe(&facts)))?;
        }
        return Ok(());
    }
    // Both are there: the command line was refused otherwise.
    let (Some(certificate), Some(key)) = (args.certificate, args.key) else {
        return Err(Failure::Silent(2));
    };
    let issued = match &args.authentication {
        Some(name) => keys::issue_authentication(name, args.days, &certificate, &key),
        None => keys::issue(&args.hosts, args.days, &certificate, &key),
    };
    let issued = issued.map_err(failed)?;
    let purpose = match args.authentication {
        Some(name) => format!("secure authentication as {name}"),
        None => issued.facts.names.join(", "),
    };
    note(&format!(
        "Made {} for {purpose}, valid until {}, and its key {} (mode 0600), which stays here.\n\
         Give your partners the certificate, and by another way its fingerprint to compare:",
        certificate.display(),
        issued.facts.not_after.strftime("%Y-%m-%d"),
        key.display(),
    ));
    print(&format!("{}\n", issued.facts.fingerprint_text()))
}

fn order(config: Option<PathBuf>, socket: Option<PathBuf>, order: Order) -> Result<(), Failure> {
    let socket = match (socket, config) {
        (Some(socket), _) => socket,
        (None, None) if !Path::new(DEFAULT_FILE).exists() => PathBuf::from(DEFAULT_SOCKET),
        (None, config) => config::admin_socket(&file(config))
            .map_err(|faults| Failure::Configuration(faults.to_string()))?,
    };
    ctl::run(&socket, order).map_err(|error| match error {
        CtlError::OutputClosed => Failure::Silent(0),
        error => failed(error),
    })
}

fn file(config: Option<PathBuf>) -> PathBuf {
    config.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE))
}

fn load(path: &Path) -> Result<Config, Failure> {
    Config::load(path).map_err(|faults| Failure::Configuration(faults.to_string()))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

/// Prints a result; a reader who has gone is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Silent(0)),
        Err(error) => Err(failed(format!("the result cannot be printed: {error}"))),
    }
}

/// Tells a person something a program does not want on standard output.
fn note(text: &str) {
    // There is nobody left to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "{text}");
}

fn say(text: &str, code: u8) -> ExitCode {
    note(text);
    ExitCode::from(code)
}
