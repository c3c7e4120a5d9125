//! The arguments of `partner`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use keyring::Role;

use super::{ALL, ApplyArgs, ExportArgs, Output};

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
    #[arg(long, help_heading = SESSION)]
    pub authentication: bool,
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
    /// What is kept of its files after their end: nothing, or the files as they travelled and in clear
    #[arg(long, value_parser = ["nothing", "files"], default_value = "nothing",
        help_heading = FILES)]
    pub archive: String,

    /// How files to it are protected (SFIDSEC)
    #[arg(long, value_parser = ["none", "encrypted", "signed", "encrypted-and-signed"],
        default_value = "none", help_heading = PROTECTION)]
    pub security: String,
    /// Cipher suite of files to it (SFIDCIPH), 1 to 10
    #[arg(long, value_name = "NUMBER", default_value_t = store::DEFAULT_SUITE,
        help_heading = PROTECTION)]
    pub cipher_suite: u8,
    /// A cipher suite allowed in files to it and from it; may be repeated [default: 3 4 5 6 7]
    #[arg(long = "allow-suite", value_name = "NUMBER", help_heading = PROTECTION)]
    pub cipher_suites: Vec<u8>,
    /// Compress files to it in CMS (SFIDCOMP)
    #[arg(long, help_heading = PROTECTION)]
    pub compress_files: bool,
    /// Ask it for signed receipts (SFIDSIGN)
    #[arg(long, help_heading = PROTECTION)]
    pub signed_receipts: bool,
    /// Take receipts without signature too where signed ones were asked for
    #[arg(long, help_heading = PROTECTION)]
    pub accept_unsigned_receipts: bool,
    /// Whether files from it are encrypted
    #[arg(long, value_parser = ACCEPTANCE, default_value = "allowed", help_heading = PROTECTION)]
    pub accept_encrypted: String,
    /// Whether files from it are signed
    #[arg(long, value_parser = ACCEPTANCE, default_value = "allowed", help_heading = PROTECTION)]
    pub accept_signed: String,
    /// Whether files from it are compressed in CMS
    #[arg(long, value_parser = ACCEPTANCE, default_value = "allowed", help_heading = PROTECTION)]
    pub accept_compressed: String,
    /// When files from it are opened and checked: after they are acknowledged (a failure is told by
    /// NERP), or before (EFNA; the session waits)
    #[arg(long, value_parser = ["delivered", "before-acknowledgement"],
        default_value = "delivered", help_heading = PROTECTION)]
    pub check: String,
    /// Most octets that compressed data from it may become, per octet (2 to 100000)
    #[arg(long, value_name = "OCTETS", default_value_t = store::DEFAULT_EXPANSION,
        help_heading = PROTECTION)]
    pub expansion: u32,
    /// Whether our signed receipts have what they sign inside
    #[arg(long, value_parser = ["inside", "detached"], default_value = "inside",
        help_heading = PROTECTION)]
    pub receipt_signature: String,
    /// Cipher suite of our signed receipts where its file names none, 1 to 10
    #[arg(long, value_name = "NUMBER", default_value_t = store::DEFAULT_SUITE,
        help_heading = PROTECTION)]
    pub receipt_suite: u8,
    /// Put our certificate into the signatures of files to it
    #[arg(long, help_heading = PROTECTION)]
    pub include_certificate: bool,
    /// How lengths are written in protected files to it (BER)
    #[arg(long, value_parser = ["indefinite", "definite"], default_value = "indefinite",
        help_heading = PROTECTION)]
    pub encoding: String,
    /// Its current certificate for a role, or for "all", from a file (PEM, DER or PKCS#7); may be
    /// repeated [default: those it has stay]
    #[arg(long = "role-certificate", value_name = "ROLE=FILE", value_parser = role_and_file,
        help_heading = PROTECTION)]
    pub role_certificates: Vec<(String, PathBuf)>,
}

/// A role, or "all", and the file of its certificate.
fn role_and_file(text: &str) -> Result<(String, PathBuf), String> {
    let known = store::PARTNER_ROLES.map(Role::word);
    match text.split_once('=') {
        Some((role, file)) if role == ALL || known.contains(&role) => {
            Ok((role.to_owned(), PathBuf::from(file)))
        }
        _ => Err(format!(
            "wanted ROLE=FILE, the role one of {}, {ALL}",
            known.join(", ")
        )),
    }
}

const ACCEPTANCE: [&str; 3] = ["allowed", "required", "refused"];
const PROTECTION: &str = "File security";

const LINE: &str = "The line";
const SESSION: &str = "Its sessions";
const FILES: &str = "Its files and receipts";

const PARTNER_ADD_HELP: &str = "\
Passwords are never arguments: they are read from files, from standard input (the line for
--password-sent-file first) or asked for on the terminal. What is not given has its default, also
where the partner was there before; `partner apply` changes many partners, and keeps passwords. The
certificates by role stay as they are unless --role-certificate names new ones; `cert` changes them.

Examples:
  proxy-inner partner add ACME --code O0013000002ACME --station US \\
      --address oftp.acme.example:6619 --certificate acme.pem
  proxy-inner partner add OLD --code O0013000003OLD --station US --level 4 --lowest-level 1 \\
      --transport plain --address 10.1.2.3:3305 --format F --record-length 80
  proxy-inner partner add ACME --code O0013000002ACME --station US --address oftp.acme.example:6619 \\
      --certificate acme-tls.pem --security encrypted-and-signed --signed-receipts --compress-files \\
      --role-certificate all=acme.pem
  printf '%s\\n%s\\n' OURPW THEIRPW | proxy-inner partner add ACME --code O0013000002ACME \\
      --station US --password-sent-file - --password-expected-file -";
