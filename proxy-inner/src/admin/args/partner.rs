//! The arguments of `partner`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{ApplyArgs, ExportArgs, Output};

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
    /// It may not connect and is not called
    #[arg(long)]
    pub disabled: bool,

    /// Where we call it; without it only the partner calls
    #[arg(long, value_name = "HOST:PORT", help_heading = LINE)]
    pub address: Option<String>,
    /// What lies between it and us; plain only where the line is private by itself
    #[arg(long, value_parser = ["tls", "plain"], default_value = "tls", help_heading = LINE)]
    pub transport: String,
    /// A TLS certificate it may show: a file, or its fingerprint as sha256:…; may be repeated
    #[arg(long = "certificate", value_name = "FILE|sha256:…", help_heading = LINE)]
    pub certificates: Vec<String>,
    /// The name its TLS certificate must carry when we call it, where it differs from the host
    #[arg(long, value_name = "HOST", help_heading = LINE)]
    pub server_name: Option<String>,

    /// Protocol level we offer it, the highest spoken: 1 (1.2), 2 (1.3), 4 (1.4) or 5 (2.0)
    #[arg(long, default_value_t = 5, help_heading = SESSION)]
    pub level: u8,
    /// Lowest level spoken: below it a session is refused [default: as --level]
    #[arg(long, value_name = "LEVEL", help_heading = SESSION)]
    pub lowest_level: Option<u8>,
    /// Largest data exchange buffer we offer it, octets (128 to 99999)
    #[arg(long, default_value_t = store::DEFAULT_BUFFER, help_heading = SESSION)]
    pub buffer: u32,
    /// Largest credit we offer it, buffers (1 to 999)
    #[arg(long, default_value_t = store::DEFAULT_CREDIT, help_heading = SESSION)]
    pub credit: u16,
    /// Offer no compression
    #[arg(long, help_heading = SESSION)]
    pub no_compression: bool,
    /// Offer no restart: broken transfers begin anew
    #[arg(long, help_heading = SESSION)]
    pub no_restart: bool,
    /// Both sides prove themselves by secure authentication; the partner must have it set too
    #[arg(long, requires = "authentication_certificates", help_heading = SESSION)]
    pub authentication: bool,
    /// File with its certificate for secure authentication (PEM or DER); may be repeated
    #[arg(long = "authentication-certificate", value_name = "FILE", help_heading = SESSION)]
    pub authentication_certificates: Vec<PathBuf>,
    /// A leniency it does not get, by its name, or "all"; "none" grants every one; may be repeated
    /// [default: those RFC 5024 has refused]
    #[arg(long, value_name = "DEVIATION", help_heading = SESSION)]
    pub refuse: Vec<String>,

    /// When it gets its receipts: once a file is delivered, or once you confirmed it
    #[arg(long, value_parser = ["delivered", "confirmed"], default_value = "delivered",
        help_heading = FILES)]
    pub receipts: String,
    /// How long after a file its receipt is overdue, as 12h or 3d
    #[arg(long, value_name = "TIME", value_parser = ops::duration::parse, default_value = "3d",
        help_heading = FILES)]
    pub receipt_within: Duration,
    /// Call it when nothing but an overdue receipt is wanted of it
    #[arg(long, help_heading = FILES)]
    pub call_for_receipts: bool,
    /// Code of a further station reached through it; may be repeated
    #[arg(long = "further-station", value_name = "CODE", help_heading = FILES)]
    pub stations: Vec<String>,
    /// Forward files from it that are for stations of other partners
    #[arg(long, help_heading = FILES)]
    pub gateway: bool,
    /// Format of the files taken from its outbox folder
    #[arg(long, value_parser = ["U", "T", "F", "V"], default_value = "U", help_heading = FILES)]
    pub format: String,
    /// Their record length, octets: of every record (F), of the longest (V)
    #[arg(long, value_name = "OCTETS", default_value_t = 0, help_heading = FILES)]
    pub record_length: u32,
    /// How records lie in V files of its outbox and inbox folders: after their length, or as lines
    #[arg(long, value_parser = ["prefixed", "lines"], default_value = "prefixed",
        help_heading = FILES)]
    pub records: String,
}

const LINE: &str = "The line";
const SESSION: &str = "Its sessions";
const FILES: &str = "Its files and receipts";

const PARTNER_ADD_HELP: &str = "\
Passwords are never arguments: they are read from files, from standard input (the line for
--password-sent-file first) or asked for on the terminal. What is not given has its default, also
where the partner was there before; `partner apply` changes many partners, and keeps passwords.

Examples:
  proxy-inner partner add ACME --code O0013000002ACME --station US \\
      --address oftp.acme.example:6619 --certificate acme.pem
  proxy-inner partner add OLD --code O0013000003OLD --station US --level 4 --lowest-level 1 \\
      --transport plain --address 10.1.2.3:3305 --format F --record-length 80
  printf '%s\\n%s\\n' OURPW THEIRPW | proxy-inner partner add ACME --code O0013000002ACME \\
      --station US --password-sent-file - --password-expected-file -";
