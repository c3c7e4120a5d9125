//! The arguments of `key` and `evidence`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use keyring::{Role, Slot};

use super::Output;

/// What to do with our keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key with a certificate request for a CA, or with a certificate of its own
    #[command(after_help = CREATE_HELP)]
    Create(Box<KeyCreate>),
    /// Take in a key with its certificates: PKCS#12, PKCS#8, PKCS#1 or SEC1, PEM or DER
    #[command(after_help = IMPORT_HELP)]
    Import(KeyImport),
    /// List our keys, what they are used for and until when
    List {
        /// How to print
        #[command(flatten)]
        output: Output,
    },
    /// Explain a key and its certificate: whose, what for, until when, what breaks on that day
    Show {
        /// Its name
        name: String,
        /// How to print
        #[command(flatten)]
        output: Output,
    },
    /// Print the certificate request that waits for the CA's answer, or make a new one for the key
    #[command(after_help = REQUEST_HELP)]
    Request(Box<KeyRequest>),
    /// Take in the CA's answer: PEM, DER or PKCS#7; it must be for the very key that asked
    #[command(after_help = INSTALL_HELP)]
    Install {
        /// The key's name
        name: String,
        /// The CA's answer; "-" reads standard input
        file: PathBuf,
    },
    /// Put a key to use for a station
    #[command(after_help = USE_HELP)]
    Use(KeyUse),
    /// Take a key out of use
    Unuse(KeyUnuse),
    /// Make next keys current, and current ones previous
    Promote {
        /// The station
        #[arg(long)]
        station: String,
        /// Only for this; may be repeated [default: everything that has a next key]
        #[arg(long = "role", value_name = "ROLE", value_parser = roles())]
        roles: Vec<String>,
    },
    /// Remove a key no station uses; one in a token stays there
    Remove {
        /// Its name
        name: String,
    },
    /// Write a key into a file, encrypted under a passphrase; or only its certificates
    #[command(after_help = EXPORT_HELP)]
    Export(KeyExport),
}

/// Whom a certificate is to name and what it is to be good for.
#[derive(Debug, Args)]
pub struct SubjectArgs {
    /// Common name: the host partners call, or a name for people [default: the first host, else the
    /// station's code]
    #[arg(long = "common-name", value_name = "NAME")]
    pub common_name: Option<String>,
    /// Organisation
    #[arg(long, value_name = "NAME")]
    pub organization: Option<String>,
    /// Country, two letters
    #[arg(long, value_name = "CC")]
    pub country: Option<String>,
    /// DNS name or IP address partners call; may be repeated
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// Mail address; may be repeated
    #[arg(long = "email", value_name = "ADDRESS")]
    pub emails: Vec<String>,
    /// What it is to be good for; may be repeated, "all" is all of them [default: everything about
    /// files, receipts and sessions; for an elliptic curve: TLS]
    #[arg(long = "role", value_name = "ROLE", value_parser = roles_or_all())]
    pub roles: Vec<String>,
}

/// Which key to make.
#[derive(Debug, Args)]
pub struct KeyCreate {
    /// Its name: 1 to 32 of A-Z 0-9 _ -
    pub name: String,
    /// The station whose code the certificate carries
    #[arg(long)]
    pub station: String,
    /// Whom it names
    #[command(flatten)]
    pub subject: SubjectArgs,
    /// Its kind; elliptic curves serve TLS only
    #[arg(long, default_value = "rsa-3072", value_parser = ["rsa-2048", "rsa-3072", "rsa-4096", "ec-p256"])]
    pub kind: String,
    /// Make it inside a PKCS#11 token, which it never leaves:
    /// "pkcs11:token=OFTP;object=US-2026?module-path=/usr/lib/softhsm/libsofthsm2.so"
    #[arg(long, value_name = "URI")]
    pub token: Option<String>,
    /// Certify itself instead of asking a CA; for tests, and for partners that agree
    #[arg(long)]
    pub self_signed: bool,
    /// Days a self-signed certificate is valid
    #[arg(long, default_value_t = 825, requires = "self_signed")]
    pub days: u32,
    /// Write the certificate request (PEM) here
    #[arg(long, value_name = "FILE", conflicts_with = "self_signed")]
    pub out: Option<PathBuf>,
    /// How to print
    #[command(flatten)]
    pub output: Output,
}

/// Which key to take in.
#[derive(Debug, Args)]
pub struct KeyImport {
    /// Its name: 1 to 32 of A-Z 0-9 _ -
    pub name: String,
    /// The file with the private key and its certificates; with --token: with certificates only
    #[arg(required_unless_present = "token")]
    pub file: Option<PathBuf>,
    /// The passphrase's file; "-" reads standard input, and without it one that is needed is asked for
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Register a key that is in a PKCS#11 token, where it stays
    #[arg(long, value_name = "URI", conflicts_with = "passphrase_file")]
    pub token: Option<String>,
    /// How to print
    #[command(flatten)]
    pub output: Output,
}

/// Which request.
#[derive(Debug, Args)]
pub struct KeyRequest {
    /// The key's name
    pub name: String,
    /// Make a new request in the name of this station, which then waits instead
    #[arg(long)]
    pub station: Option<String>,
    /// Whom it names
    #[command(flatten)]
    pub subject: SubjectArgs,
    /// Write it (PEM) here instead of printing it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Which key is put to use, and where.
#[derive(Debug, Args)]
pub struct KeyUse {
    /// The key's name
    pub name: String,
    /// The station
    #[arg(long)]
    pub station: String,
    /// What for; may be repeated [default: everything its certificate is good for;
    /// TLS only where its extended key usage says so]
    #[arg(long = "role", value_name = "ROLE", value_parser = roles())]
    pub roles: Vec<String>,
    /// Now, before, or later
    #[arg(long, default_value = "current", value_parser = slots())]
    pub slot: String,
    /// Drop another key that has this place
    #[arg(long)]
    pub replace: bool,
    /// Use it though its certificate says it is for something else
    #[arg(long)]
    pub force: bool,
}

/// Which use ends; what is not said does not narrow.
#[derive(Debug, Args)]
pub struct KeyUnuse {
    /// The key's name
    #[arg(required_unless_present = "station")]
    pub name: Option<String>,
    /// Only for this station
    #[arg(long)]
    pub station: Option<String>,
    /// Only for this; may be repeated
    #[arg(long = "role", value_name = "ROLE", value_parser = roles())]
    pub roles: Vec<String>,
    /// Only in this place
    #[arg(long, value_parser = slots())]
    pub slot: Option<String>,
}

/// Which key is written out, and how.
#[derive(Debug, Args)]
pub struct KeyExport {
    /// The key's name
    pub name: String,
    /// The file to write (mode 0600), which must not exist
    #[arg(long, value_name = "FILE", required_unless_present = "certificate")]
    pub to: Option<PathBuf>,
    /// Write PKCS#12, key and certificates together, instead of an encrypted PKCS#8 key in PEM
    #[arg(long)]
    pub pkcs12: bool,
    /// Write the certificates only (PEM), to give to partners
    #[arg(long, conflicts_with_all = ["pkcs12", "passphrase_file"])]
    pub certificate: bool,
    /// The passphrase's file; "-" reads standard input, and without it one is asked for
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Which transfer's evidence, and where to.
#[derive(Debug, Args)]
#[command(after_help = EVIDENCE_HELP)]
pub struct EvidenceArgs {
    /// The transfer's identifier, 16 hexadecimal digits
    pub id: String,
    /// The folder to write into; made when missing, and nothing in it is overwritten
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

fn roles() -> PossibleValuesParser {
    PossibleValuesParser::new(Role::ALL.map(Role::word))
}

fn roles_or_all() -> PossibleValuesParser {
    let words = Role::ALL.map(Role::word).into_iter();
    PossibleValuesParser::new(words.chain([ALL]).collect::<Vec<_>>())
}

fn slots() -> PossibleValuesParser {
    PossibleValuesParser::new(Slot::ALL.map(Slot::word))
}

/// Stands for every role.
pub const ALL: &str = "all";

const CREATE_HELP: &str = "\
The private key is sealed under the master secret of [keyring] and kept in the store, or made inside \
a token. A request goes to the CA; its answer comes back with `key install`. The key is in use once \
`key use` says so.

Examples:
  proxy-inner key create US-2026 --station US --organization Example --country DE \\
    --out us-2026.csr
  proxy-inner key create US-TLS --station US --kind ec-p256 --host oftp.example --out us-tls.csr
  proxy-inner key create TEST --station US --role all --self-signed --days 30";

const IMPORT_HELP: &str = "\
What the file holds is told by its content, not by its name. A passphrase is never an argument.

Examples:
  proxy-inner key import US-2026 us-2026.p12
  proxy-inner key import US-2026 us-2026.pem --passphrase-file /run/secrets/us
  proxy-inner key import US-HSM \\
    --token \"pkcs11:token=OFTP;object=US?module-path=/usr/lib/softhsm/libsofthsm2.so\"";

const REQUEST_HELP: &str = "\
Without --station the request that waits is printed again. With it a new one is made for the same \
key, for example because its certificate ends; to change the key as well, make a new one with \
`key create`.

Examples:
  proxy-inner key request US-2026 --out us-2026.csr
  proxy-inner key request US-2026 --station US --common-name oftp.example --role file-signing";

const INSTALL_HELP: &str = "\
The file may hold the issuers' certificates too, in any order. A certificate the key had before stays \
behind the new one: files encrypted for it are still opened. One that has ended is refused. A key in \
use goes on in use, with the new certificate.

Examples:
  proxy-inner key install US-2026 answer.p7b";

const USE_HELP: &str = "\
A new key goes into slot next first: partners get its certificate, files they encrypt for it are \
opened already, and `key promote` makes it current on the day agreed. The one before stays as \
previous, for what is under way.

Examples:
  proxy-inner key use US-2026 --station US
  proxy-inner key use US-2027 --station US --role encryption --role file-signing --slot next";

const EXPORT_HELP: &str = "\
Examples:
  proxy-inner key export US-2026 --pkcs12 --to us-2026.p12
  proxy-inner key export US-2026 --certificate > us-2026.pem";

const EVIDENCE_HELP: &str = "\
Writes what there is of: secured (the file as it travelled), clear (the file itself), receipt.p7s \
(the signature of the receipt), certificates as PEM, and report.txt, one page that says who, what \
and when. The files are there when the partner's archive term says \"files\", or as long as they are \
in the spool.

Example:
  proxy-inner evidence 23795075ee51fa84 --to /tmp/case-4711";
