//! The arguments of `cert`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use keyring::{Role, Slot};

use super::Output;

/// What to do with certificates of partners.
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// Give a partner a certificate: PEM, DER or PKCS#7
    #[command(after_help = ADD_HELP)]
    Add(CertAdd),
    /// List the certificates of all partners, or of one
    List {
        /// Only of this partner
        partner: Option<String>,
        /// How to print
        #[command(flatten)]
        output: Output,
    },
    /// Explain certificates: whose, what for, until when, what breaks on that day
    #[command(after_help = SHOW_HELP)]
    Show {
        /// Which
        #[command(flatten)]
        which: CertWhich,
        /// Only in this place
        #[arg(long, value_parser = slots())]
        slot: Option<String>,
        /// How to print
        #[command(flatten)]
        output: Output,
    },
    /// Make next certificates current, and current ones previous; previous ones are forgotten
    #[command(after_help = PROMOTE_HELP)]
    Promote(CertWhich),
    /// Take a certificate from a partner; refused while its terms need it
    #[command(after_help = REMOVE_HELP)]
    Remove {
        /// Which
        #[command(flatten)]
        which: CertWhich,
        /// From this place
        #[arg(long, value_parser = slots())]
        slot: String,
    },
}

/// Which certificate, for whom.
#[derive(Debug, Args)]
pub struct CertAdd {
    /// The partner's name
    pub partner: String,
    /// The file it is in; "-" reads standard input
    pub file: PathBuf,
    /// What it is used for; may be repeated [default: everything it is good for]
    #[arg(long = "role", value_name = "ROLE", value_parser = roles())]
    pub roles: Vec<String>,
    /// Now, later, or before
    #[arg(long, default_value = "current", value_parser = slots())]
    pub slot: String,
    /// Drop another certificate that has this place
    #[arg(long)]
    pub replace: bool,
    /// Take it though it says it is for something else
    #[arg(long)]
    pub force: bool,
    /// How to print
    #[command(flatten)]
    pub output: Output,
}

/// Certificates of a partner.
#[derive(Debug, Args)]
pub struct CertWhich {
    /// The partner's name
    pub partner: String,
    /// Only for this; may be repeated [default: for everything]
    #[arg(long = "role", value_name = "ROLE", value_parser = roles())]
    pub roles: Vec<String>,
}

/// The roles a partner's certificates have.
pub(super) fn roles() -> PossibleValuesParser {
    PossibleValuesParser::new(store::PARTNER_ROLES.map(Role::word))
}

fn slots() -> PossibleValuesParser {
    PossibleValuesParser::new(Slot::ALL.map(Slot::word))
}

const ADD_HELP: &str = "\
A certificate is worth what is known of its origin: after adding it, read its fingerprint to \
somebody you know at the partner on the phone, and let them compare. The certificates of the \
partner's TLS are not here: they are pinned with `partner add --certificate`.

A new certificate goes into slot next first: files and receipts signed with it are taken already, \
and `cert promote` makes it current on the day agreed. Files are encrypted for the current one, or \
for the next one once the current one has expired.

Examples:
  proxy-inner cert add ACME acme-2026.pem
  proxy-inner cert add ACME acme-2027.p7b --slot next
  proxy-inner cert add ACME --role encryption --role authentication acme-enc.cer";

const SHOW_HELP: &str = "\
Examples:
  proxy-inner cert show ACME
  proxy-inner cert show ACME --role encryption --slot next";

const PROMOTE_HELP: &str = "\
Examples:
  proxy-inner cert promote ACME
  proxy-inner cert promote ACME --role encryption";

const REMOVE_HELP: &str = "\
Examples:
  proxy-inner cert remove ACME --slot previous
  proxy-inner cert remove ACME --role encryption --slot next";
