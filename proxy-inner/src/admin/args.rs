//! The arguments of the commands that speak to a running process.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

/// What to do with our stations.
#[derive(Debug, Subcommand)]
pub enum StationCommand {
    /// Add a station, or change its code
    #[command(after_help = "Example:\n  proxy-inner station add US --code O0013000001US")]
    Add {
        /// How we call it: A-Z, 0-9, - and _, up to 32
        name: String,
        /// Its OFTP identification code (SSIDCODE), up to 25 characters
        #[arg(long)]
        code: String,
    },
    /// Show one station
    Show {
        /// Its name
        name: String,
        /// How to print
        #[command(flatten)]
        output: Output,
    },
    /// List all stations
    List {
        /// How to print
        #[command(flatten)]
        output: Output,
    },
    /// Remove a station no partner deals with
    Remove {
        /// Its name
        name: String,
    },
    /// Add or change the stations and partners a file describes
    Apply(ApplyArgs),
    /// Print all stations and partners in the form `apply` reads
    Export(ExportArgs),
}

/// What to do with our partners.
#[derive(Debug, Subcommand)]
pub enum PartnerCommand {
    /// Add a partner, or replace all that is known of it
    #[command(after_help = PARTNER_ADD_HELP)]
    Add(Box<PartnerAdd>),
    /// Show one partner; its passwords are not shown
    Show {
        /// Its name
        name: String,
        /// How to print
        #[command(flatten)]
        output: Output,
    },
    /// List all partners
    List {
        /// How to print
        #[command(flatten)]
        output: Output,
    },
    /// Remove a partner with nothing under way
    Remove {
        /// Its name
        name: String,
    },
    /// Add or change the stations and partners a file describes
    Apply(ApplyArgs),
    /// Print all stations and partners in the form `apply` reads
    Export(ExportArgs),
}

/// A partner as the command line takes it.
#[derive(Debug, Args)]
pub struct PartnerAdd {
    /// How we call it: A-Z, 0-9, - and _, up to 32; names its inbox and outbox folders
    pub name: String,
    /// Its OFTP identification code, up to 25 characters
    #[arg(long)]
    pub code: String,
    /// The station of ours it deals with
    #[arg(long)]
    pub station: String,
    /// File whose first line is the password we send; "-" reads standard input
    #[arg(long, value_name = "FILE")]
    pub password_sent_file: Option<PathBuf>,
    /// File whose first line is the password we expect; "-" reads standard input
    #[arg(long, value_name = "FILE")]
    pub password_expected_file: Option<PathBuf>,
    /// Where we call it; without it only the partner calls
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// A certificate it may show: a file, or its fingerprint as sha256:…; may be repeated
    #[arg(long = "certificate", value_name = "FILE|sha256:…")]
    pub certificates: Vec<String>,
    /// The name its certificate must carry when we call it, where it differs from the host
    #[arg(long, value_name = "HOST")]
    pub server_name: Option<String>,
    /// Largest data exchange buffer we offer it, octets (128 to 99999)
    #[arg(long, default_value_t = store::DEFAULT_BUFFER)]
    pub buffer: u32,
    /// Largest credit we offer it, buffers (1 to 999)
    #[arg(long, default_value_t = store::DEFAULT_CREDIT)]
    pub credit: u16,
    /// It may not connect and is not called
    #[arg(long)]
    pub disabled: bool,
}

const PARTNER_ADD_HELP: &str = "\
Passwords are never arguments: they are read from files, from standard input (the line for
--password-sent-file first) or asked for on the terminal.

Examples:
  proxy-inner partner add ACME --code O0013000002ACME --station US \\
      --address oftp.acme.example:6619 --certificate acme.pem
  printf '%s\\n%s\\n' OURPW THEIRPW | proxy-inner partner add ACME --code O0013000002ACME \\
      --station US --password-sent-file - --password-expected-file -";

/// Which file to apply.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The file (TOML); "-" reads standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub file: PathBuf,
}

/// How to export.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Write the passwords too; keep the output where only you can read it
    #[arg(long)]
    pub with_passwords: bool,
}

/// Which file to send to whom.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The file; "-" reads standard input
    pub file: PathBuf,
    /// The partner's name
    #[arg(long)]
    pub partner: String,
    /// Dataset name on the wire (SFIDDSN), up to 26 characters; made from the file's name when absent
    #[arg(long, value_name = "NAME")]
    pub dsn: Option<String>,
    /// Description (SFIDDESC)
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
    /// Follow the transfer until the partner's receipt has come
    #[arg(long)]
    pub wait: bool,
    /// How long to wait
    #[command(flatten)]
    pub patience: Patience,
    /// How to print
    #[command(flatten)]
    pub output: Output,
}

/// Whom to call.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// The partner's name
    #[arg(long)]
    pub partner: String,
}

/// What to do with transfers; lists them when nothing is said.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct TransfersArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Option<TransfersCommand>,
    /// Which to list
    #[command(flatten)]
    pub list: ListArgs,
}

/// What to do with transfers.
#[derive(Debug, Subcommand)]
pub enum TransfersCommand {
    /// List transfers, newest first
    List(ListArgs),
    /// Show one transfer and every step it went through
    Show {
        /// Its identifier, 16 hexadecimal digits
        id: String,
        /// How to print
        #[command(flatten)]
        output: Output,
    },
    /// Follow one transfer until it has ended; fails when it did not end well
    Wait {
        /// Its identifier, 16 hexadecimal digits
        id: String,
        /// How long to wait
        #[command(flatten)]
        patience: Patience,
        /// How to print
        #[command(flatten)]
        output: Output,
    },
    /// Queue a file again that had failed or was rejected
    Retry {
        /// Its identifier, 16 hexadecimal digits
        id: String,
    },
    /// Remove our copy of a file that failed or was rejected; its history stays
    Discard {
        /// Its identifier, 16 hexadecimal digits
        id: String,
    },
}

/// Which transfers to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only this way
    #[arg(long, value_parser = ["in", "out"])]
    pub direction: Option<String>,
    /// Only of this partner
    #[arg(long)]
    pub partner: Option<String>,
    /// Only in this state
    #[arg(long, value_parser = states())]
    pub state: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// How to print
    #[command(flatten)]
    pub output: Output,
}

/// How long to wait.
#[derive(Debug, Args)]
pub struct Patience {
    /// Stop waiting after this time, as 30s or 5m; the transfer itself goes on
    #[arg(long, value_name = "TIME", value_parser = ops::duration::parse)]
    pub timeout: Option<Duration>,
}

/// How to print.
#[derive(Debug, Args)]
pub struct Output {
    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

fn states() -> Vec<&'static str> {
    store::State::ALL.iter().map(|state| state.word()).collect()
}
