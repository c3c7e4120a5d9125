//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::DEFAULT_PATH;

/// Ends public TLS without its key, guards OFTP2, and relays to the inner half over the link.
#[derive(Debug, Parser)]
#[command(name = "proxy-dmz", version)]
pub struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH, global = true)]
    pub config: PathBuf,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run until SIGTERM or SIGINT
    Run,
    /// Check configuration and link key, bind nothing, print the pin
    Check,
    /// Make the link key where it will live, or find it there, and print its pin
    Identity(IdentityArguments),
}

/// Which key, and whether to make it.
#[derive(Debug, Args)]
pub struct IdentityArguments {
    /// Key file; default: link.identity of the configuration
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Only show the pin of a key that is there; make none
    #[arg(long)]
    pub show: bool,
}
