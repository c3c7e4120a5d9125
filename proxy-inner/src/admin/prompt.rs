//! Passwords on their way in: from a file, from standard input, or typed without being shown.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::protocol::Hidden;

/// Longest line taken as a password, octets; OFTP's own limit of 8 is told by whoever checks it.
const MOST_LINE: u64 = 256;

/// Where a password comes from could not give one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct PromptError(String);

/// Reads passwords; standard input gives one line each time.
pub(super) struct Passwords<'a> {
    stdin: &'a mut dyn BufRead,
    terminal: bool,
}

impl<'a> Passwords<'a> {
    /// `terminal` says whether a person can be asked.
    pub(super) fn new(stdin: &'a mut dyn BufRead, terminal: bool) -> Self {
        Passwords { stdin, terminal }
    }

    /// Takes the password of option `--{option}` from its file, or asks for it.
    pub(super) fn take(
        &mut self,
        option: &str,
        file: Option<&Path>,
        question: &str,
    ) -> Result<Hidden, PromptError> {
        match file {
            Some(path) if path == Path::new("-") => {
                line(&mut *self.stdin).map_err(|error| told(option, "standard input", &error))
            }
            Some(path) => File::open(path)
                .and_then(|file| line(&mut BufReader::with_capacity(512, file)))
                .map_err(|error| told(option, &path.display().to_string(), &error)),
            None if self.terminal => {
                ask(question).map_err(|error| told(option, "the terminal", &error))
            }
            None => Err(PromptError(format!(
                "no password: there is no terminal to ask on; give --{option} FILE, or \
                 --{option} - for standard input"
            ))),
        }
    }
}

fn told(option: &str, place: &str, error: &io::Error) -> PromptError {
    PromptError(format!(
        "--{option}: no password could be read from {place}: {error}"
    ))
}

/// The first line, without its end.
fn line(reader: &mut dyn BufRead) -> io::Result<Hidden> {
    // Room from the start: a growing buffer would leave unwiped copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(300));
    reader.take(MOST_LINE + 1).read_until(b'\n', &mut octets)?;
    if octets.is_empty() {
        return Err(io::Error::other(
            "there is no line; write the password on the first one",
        ));
    }
    if octets.last() != Some(&b'\n') && octets.len() as u64 > MOST_LINE {
        return Err(io::Error::other(
            "the first line is too long for a password",
        ));
    }
    while matches!(octets.last(), Some(b'\n' | b'\r')) {
        octets.pop();
    }
    let text = str::from_utf8(&octets)
        .map_err(|_| io::Error::other("the first line is no text in UTF-8"))?;
    Ok(Hidden::new(text.to_owned()))
}

/// Asks a person, outside any command: as the process starts.
pub(crate) fn ask_hidden(question: &str) -> io::Result<Zeroizing<String>> {
    ask(question).map(|answer| Zeroizing::new(answer.expose().to_owned()))
}

/// Asks on the terminal itself, so that it works with standard input and output redirected.
fn ask(question: &str) -> io::Result<Hidden> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    write!(terminal, "{question}: ")?;
    terminal.flush()?;
    let answer = {
        let _quiet = Quiet::begin(&terminal)?;
        line(&mut BufReader::with_capacity(512, &terminal))
    };
    writeln!(terminal)?;
    answer
}

/// The terminal without echo, as long as this value lives.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn begin(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(terminal, SetArg::TCSAFLUSH, &quiet)?;
        Ok(Quiet { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Nothing better can be done when the terminal is gone.
        let _ = tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn takes_one_line_of_standard_input_for_each_password() {
        let mut stdin: &[u8] = b"first\r\nsecond\n";
        let mut passwords = Passwords::new(&mut stdin, false);
        let dash = Some(Path::new("-"));
        assert_eq!(passwords.take("a", dash, "").unwrap().expose(), "first");
        assert_eq!(passwords.take("b", dash, "").unwrap().expose(), "second");
        let none = passwords
            .take("password-sent-file", dash, "")
            .unwrap_err()
            .to_string();
        assert!(none.contains("--password-sent-file"), "{none}");
    }

    #[test]
    fn takes_the_first_line_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "S3CRET\nnot this").unwrap();
        let mut stdin: &[u8] = b"";
        let mut passwords = Passwords::new(&mut stdin, false);
        assert_eq!(
            passwords.take("a", Some(&path), "").unwrap().expose(),
            "S3CRET"
        );
        fs::write(&path, "\n").unwrap();
        assert_eq!(passwords.take("a", Some(&path), "").unwrap().expose(), "");
        fs::write(&path, "x".repeat(1000)).unwrap();
        let long = passwords
            .take("a", Some(&path), "")
            .unwrap_err()
            .to_string();
        assert!(long.contains("too long") && !long.contains("xxx"), "{long}");
    }

    #[test]
    fn says_what_to_give_when_nobody_can_be_asked() {
        let mut stdin: &[u8] = b"ignored\n";
        let mut passwords = Passwords::new(&mut stdin, false);
        let error = passwords
            .take("password-sent-file", None, "")
            .unwrap_err()
            .to_string();
        assert!(error.contains("--password-sent-file FILE"), "{error}");
    }
}
