//! The command lines of both halves, run as an operator runs them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A binary and the configuration it is run with.
#[derive(Debug, Clone)]
pub struct Cli {
    program: PathBuf,
    config: Option<PathBuf>,
}

/// What a command answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// Both outputs, for searching.
    pub fn both(&self) -> String {
        format!("{}\n{}", self.out, self.err)
    }
}

impl Cli {
    /// Commands of `program` with `--config`.
    pub fn new(program: &Path, config: Option<&Path>) -> Cli {
        Cli {
            program: program.to_path_buf(),
            config: config.map(Path::to_path_buf),
        }
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Answer {
        let mut command = Command::new(&self.program);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        let output = command
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", self.program.display()));
        Answer {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed; returns its standard output.
    ///
    /// # Panics
    /// When it fails, with everything it said.
    #[track_caller]
    pub fn ok<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        let answer = self.run(arguments);
        assert!(
            answer.code == Some(0),
            "{} {:?} ended with {:?}\nout: {}\nerr: {}",
            self.program.display(),
            arguments
                .iter()
                .map(|argument| argument.as_ref())
                .collect::<Vec<_>>(),
            answer.code,
            answer.out,
            answer.err
        );
        answer.out
    }

    /// Runs a command that must fail; returns everything it said.
    ///
    /// # Panics
    /// When it succeeds.
    #[track_caller]
    pub fn refused<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Answer {
        let answer = self.run(arguments);
        assert!(
            answer.code != Some(0),
            "should have been refused, but said: {}",
            answer.both()
        );
        answer
    }

    /// Runs a command with `--json` that must succeed; returns the value it prints.
    ///
    /// # Panics
    /// When it fails or prints no JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let out = self.ok(&all);
        serde_json::from_str(&out)
            .unwrap_or_else(|error| panic!("{all:?} printed no JSON ({error}): {out}"))
    }
}

/// The first pin in a text.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn pin_in(text: &str) -> String {
    let digest = text
        .match_indices("sha256:")
        .map(|(at, prefix)| &text[at + prefix.len()..])
        .map(|rest| {
            rest.chars()
                .take_while(char::is_ascii_hexdigit)
                .collect::<String>()
        })
        .find(|digest| digest.len() == 64)
        .unwrap_or_else(|| panic!("no sha256:<64 hex digits> in: {text}"));
    format!("sha256:{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_pin_among_words() {
        let digest = "ab".repeat(32);
        let text = format!("sha256:short\nThe pin is sha256:{digest}.\n");
        assert_eq!(pin_in(&text), format!("sha256:{digest}"));
    }
}
