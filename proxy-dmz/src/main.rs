//! `proxy-dmz`: the DMZ half of the OFTP2 proxy.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use proxy_dmz::arguments::{Arguments, Command};
use proxy_dmz::commands;

fn main() -> ExitCode {
    let Arguments { config, command } = Arguments::parse();
    let done = match command {
        Command::Run => commands::run(&config),
        Command::Check => commands::check(&config, &mut io::stdout().lock()),
        Command::Identity(arguments) => {
            commands::identity(&config, &arguments, &mut io::stdout().lock())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // With standard error gone there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{}", failure.message());
            failure.code()
        }
    }
}
