//! What each subcommand does; answers go to `out`, problems come back as [`Failure`].

use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use ops::{Faults, logging};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{self, App};
use crate::arguments::IdentityArguments;
use crate::config::Config;
use crate::harden;

/// Why a command came to nothing, as the operator reads it, and how the process ends.
#[derive(Debug)]
pub enum Failure {
    /// The configuration, or what it names, is not fit: exit code 64.
    Configuration(String),
    /// Anything else: exit code 1.
    Other(String),
}

impl Failure {
    /// What to print.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Failure::Configuration(message) | Failure::Other(message) => message,
        }
    }

    /// How the process ends.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        match self {
            Failure::Configuration(_) => ExitCode::from(64),
            Failure::Other(_) => ExitCode::FAILURE,
        }
    }
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Failure {
        Failure::Configuration(faults.to_string())
    }
}

/// `run`: serves until a signal.
///
/// # Errors
/// Why it could not begin.
pub fn run(config: &Path) -> Result<(), Failure> {
    let config = Config::load(config)?;
    logging::init(config.log.format, &config.log.filter).map_err(other)?;
    harden::limits::forbid_core_dumps().map_err(other)?;
    let runtime = app::runtime().map_err(other)?;
    runtime.block_on(async {
        let stop = Stop::listen().map_err(other)?;
        let app = App::bind(config).map_err(other)?;
        app.run(stop.asked()).await;
        Ok(())
    })
}

/// `check`: reads what `run` would read, binds nothing.
///
/// # Errors
/// All that is wrong.
pub fn check(config: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let file = config.display();
    let config = Config::load(config)?;
    let identity = app::show_identity(&config.link.identity)
        .map_err(|error| Failure::Configuration(error.to_string()))?;
    writeln!(out, "{file}: in order").map_err(other)?;
    writeln!(
        out,
        "link: UDP {}, {} pinned",
        config.link.listen,
        config.link.pins.len()
    )
    .map_err(other)?;
    for listener in &config.listeners {
        writeln!(out, "listener {}: TCP {}", listener.name, listener.address).map_err(other)?;
    }
    if config.listeners.is_empty() {
        writeln!(
            out,
            "no [[listener]]: partners cannot call, calls out are relayed"
        )
        .map_err(other)?;
    }
    writeln!(
        out,
        "pin of this half, for link.pins of the inner half:\n{}",
        identity.pin()
    )
    .map_err(other)
}

/// `identity`: makes or finds the link key, prints its pin.
///
/// # Errors
/// Why there is no usable key.
pub fn identity(
    config: &Path,
    arguments: &IdentityArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let path = match &arguments.key {
        Some(path) => path.clone(),
        None => Config::identity_path(config)?,
    };
    let identity = if arguments.show {
        app::show_identity(&path)
    } else {
        app::make_identity(&path)
    };
    writeln!(out, "{}", identity.map_err(other)?.pin()).map_err(other)
}

/// The signals that end the process.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> std::io::Result<Stop> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn asked(mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

fn other(error: impl Display) -> Failure {
    Failure::Other(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn pin_of(arguments: &IdentityArguments) -> Result<String, Failure> {
        let mut out = Vec::new();
        identity(Path::new("/nowhere"), arguments, &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn makes_a_key_for_its_owner_only_and_keeps_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = folder.path().join("link.key");
        let arguments = IdentityArguments {
            key: Some(key.clone()),
            show: false,
        };
        let pin = pin_of(&arguments).expect("a new key");
        assert!(pin.starts_with("sha256:") && pin.ends_with('\n'), "{pin}");
        let mode = std::fs::metadata(&key)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let octets = std::fs::read(&key).expect("readable");
        assert_eq!(pin_of(&arguments).expect("the same key"), pin);
        assert_eq!(std::fs::read(&key).expect("readable"), octets);
        let arguments = IdentityArguments {
            key: Some(key),
            show: true,
        };
        assert_eq!(pin_of(&arguments).expect("the same key"), pin);
    }

    #[test]
    fn shows_no_key_that_is_not_there_and_makes_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = folder.path().join("link.key");
        let arguments = IdentityArguments {
            key: Some(key.clone()),
            show: true,
        };
        assert!(matches!(pin_of(&arguments), Err(Failure::Other(_))));
        assert!(!key.exists());
    }

    #[test]
    fn check_prints_the_pin_and_leaves_the_address_free() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = folder.path().join("link.key");
        let pin = pin_of(&IdentityArguments {
            key: Some(key.clone()),
            show: false,
        })
        .expect("key");
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let config = folder.path().join("proxy-dmz.toml");
        let text = format!(
            "[link]\nlisten = \"{}\"\nidentity = \"{}\"\npins = [\"{}\"]\n",
            taken.local_addr().expect("an address"),
            key.display(),
            pin.trim()
        );
        std::fs::write(&config, text).expect("written");
        let mut out = Vec::new();
        check(&config, &mut out).expect("in order, though the address is in use");
        let out = String::from_utf8(out).expect("text");
        assert!(
            out.contains("in order") && out.contains(pin.trim()),
            "{out}"
        );
    }

    #[test]
    fn check_tells_faults_and_a_missing_key_as_bad_configuration() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("proxy-dmz.toml");
        std::fs::write(&config, "[link]\nlisten = \"x\"\ncolour = 1").expect("written");
        let failure = check(&config, &mut Vec::new()).expect_err("faults");
        assert!(matches!(&failure, Failure::Configuration(_)), "{failure:?}");
        assert!(
            failure.message().lines().count() >= 3,
            "{}",
            failure.message()
        );
        let text = "[link]\nlisten = \"127.0.0.1:1\"\nidentity = \"/nowhere/link.key\"\npins = [\
                    \"sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"]";
        std::fs::write(&config, text).expect("written");
        let failure = check(&config, &mut Vec::new()).expect_err("no key");
        assert!(matches!(&failure, Failure::Configuration(_)), "{failure:?}");
        assert!(
            failure.message().contains("/nowhere/link.key"),
            "{}",
            failure.message()
        );
    }
}
