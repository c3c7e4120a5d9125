//! The arguments of `receipts`.

use clap::{Args, Subcommand};

use super::Output;

/// What to do with receipts; lists them when nothing is said.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = RECEIPTS_HELP)]
pub struct ReceiptsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Option<ReceiptsCommand>,
    /// Which to list
    #[command(flatten)]
    pub list: ReceiptListArgs,
}

/// What to do with receipts.
#[derive(Debug, Subcommand)]
pub enum ReceiptsCommand {
    /// List receipts that are owed or awaited, the oldest first
    List(ReceiptListArgs),
    /// Say that a received file is good: its partner gets the positive receipt (EERP)
    Confirm {
        /// The transfer's identifier, 16 hexadecimal digits
        id: String,
    },
    /// Say that a received file cannot be used: its partner gets the negative receipt (NERP)
    #[command(after_help = super::super::reasons::help())]
    Reject(RejectArgs),
    /// Take a partner's receipt after all whose signature or content was not to be believed
    Accept {
        /// The transfer's identifier, 16 hexadecimal digits
        id: String,
    },
}

/// Which receipts to list; what is not said does not narrow.
#[derive(Debug, Args)]
pub struct ReceiptListArgs {
    /// Only those partners wait for, ready or unconfirmed
    #[arg(long, group = "side")]
    pub owed: bool,
    /// Only those partners wait for and nobody has confirmed or rejected yet
    #[arg(long, group = "side")]
    pub unconfirmed: bool,
    /// Only those we wait for
    #[arg(long, group = "side")]
    pub awaited: bool,
    /// Only those past their deadline
    #[arg(long)]
    pub overdue: bool,
    /// Only those where one came that is not to be believed
    #[arg(long, conflicts_with_all = ["owed", "unconfirmed"])]
    pub invalid: bool,
    /// Only with this partner
    #[arg(long)]
    pub partner: Option<String>,
    /// How to print
    #[command(flatten)]
    pub output: Output,
}

/// Which file is rejected, and why.
#[derive(Debug, Args)]
pub struct RejectArgs {
    /// The transfer's identifier, 16 hexadecimal digits
    pub id: String,
    /// Why: a reason's number or name, see below
    #[arg(long, value_name = "CODE")]
    pub reason: String,
    /// More about it for the partner (NERPREAST), up to 999 octets
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub text: String,
}

const RECEIPTS_HELP: &str = "\
A file of a partner with receipts = \"confirmed\" waits in the list as \"unconfirmed\" until it is
confirmed or rejected; the receipt travels in the next session.

Examples:
  proxy-inner receipts --awaited --overdue
  proxy-inner receipts --unconfirmed --json
  proxy-inner receipts --invalid
  proxy-inner receipts confirm 23795075ee51fa84
  proxy-inner receipts reject 23795075ee51fa84 --reason 34 --text \"line 17: no such article\"";
