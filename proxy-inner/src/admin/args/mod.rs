//! The arguments of the commands that speak to a running process.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

mod certs;
mod keys;
mod partner;
mod receipts;

pub use certs::{CertAdd, CertCommand, CertWhich};
pub use keys::{
    ALL, EvidenceArgs, KeyCommand, KeyCreate, KeyExport, KeyImport, KeyRequest, KeyUnuse, KeyUse,
    SubjectArgs,
};
pub use partner::{PartnerAdd, PartnerCommand};
pub use receipts::{ReceiptListArgs, ReceiptsArgs, ReceiptsCommand, RejectArgs};

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
#[command(after_help = SEND_HELP)]
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
    /// User data (SFIDUSER), up to 8 characters
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub user: String,
    /// Format (SFIDFMT): U octets, T text, F records of one length, V records of several lengths
    /// [default: the partner's]
    #[arg(long, value_parser = ["U", "T", "F", "V"])]
    pub format: Option<String>,
    /// Length of every record (F) or of the longest (V; 0: as they are), octets; 0 for U and T
    /// [default: the partner's for its own format, else 0]
    #[arg(long, value_name = "OCTETS")]
    pub record_length: Option<u32>,
    /// How the records of a V file lie in it: after their length as 4 octets, or as lines
    /// [default: the partner's]
    #[arg(long, value_parser = ["prefixed", "lines"])]
    pub records: Option<String>,
    /// Identification code of the station the file is for (SFIDDEST), where it is a further one
    /// behind the partner [default: the partner's own]
    #[arg(long, value_name = "CODE")]
    pub destination: Option<String>,
    /// The station of ours that sends it (SFIDORIG) [default: the one the partner deals with]
    #[arg(long, value_name = "NAME")]
    pub station: Option<String>,
    /// Follow the transfer until the partner's receipt has come
    #[arg(long)]
    pub wait: bool,

    /// How it is protected (SFIDSEC) [default: as agreed with the partner]
    #[arg(long, value_parser = ["none", "encrypted", "signed", "encrypted-and-signed"],
        help_heading = PROTECTION)]
    pub security: Option<String>,
    /// Cipher suite (SFIDCIPH), 1 to 10, of those the partner allows [default: the partner's]
    #[arg(long, value_name = "NUMBER", help_heading = PROTECTION)]
    pub cipher_suite: Option<u8>,
    /// Compress it in CMS (SFIDCOMP) [default: as agreed with the partner]
    #[arg(long, help_heading = PROTECTION)]
    pub compress: bool,
    /// Do not
    #[arg(long, conflicts_with = "compress", help_heading = PROTECTION)]
    pub no_compress: bool,
    /// Ask for a signed receipt (SFIDSIGN) [default: as agreed with the partner]
    #[arg(long, help_heading = PROTECTION)]
    pub signed_receipt: bool,
    /// Do not
    #[arg(long, conflicts_with = "signed_receipt", help_heading = PROTECTION)]
    pub no_signed_receipt: bool,

    /// How long to wait
    #[command(flatten)]
    pub patience: Patience,
    /// How to print
    #[command(flatten)]
    pub output: Output,
}

const PROTECTION: &str = "File security";

const SEND_HELP: &str = "\
Examples:
  proxy-inner send --partner ACME invoice.edi --wait
  proxy-inner send --partner ACME --format F --record-length 80 cards.txt
  proxy-inner send --partner ACME --format V --records lines report.txt
  proxy-inner send --partner ACME --security encrypted-and-signed --compress --signed-receipt cad.zip
  make-orders | proxy-inner send --partner ACME --dsn ORDERS --destination O0013000002ACMEDEPOT -";

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
    /// Only those that are held, as they cannot be secured or opened for now
    #[arg(long)]
    pub held: bool,
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
