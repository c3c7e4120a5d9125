//! The boxes of a path as processes: this program, started again with a role.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::unistd::Pid;
use support::process::Usage;

use crate::{Process, client, relay, sink};

/// The first argument of a started box.
const MARK: &str = "--role";

/// Plays a role if this process was started for one; `false` if it was not.
pub(crate) fn play() -> bool {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((mark, rest)) = words.split_first() else {
        return false;
    };
    if mark != MARK {
        return false;
    }
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    match words[..] {
        ["oftp-client", address, certificate, mib] => {
            client::oftp(parse(address), Path::new(certificate), parse(mib));
        }
        ["tls-client", address, certificate, mib] => {
            client::tls(parse(address), Path::new(certificate), parse(mib));
        }
        ["tls-sink", certificate, key, file] => sink::tls(certificate, key, file),
        ["quic-relay", certificate, key] => relay::relay(certificate, key),
        ["quic-sink", address, certificate, file] => {
            relay::sink(parse(address), certificate, Path::new(file));
        }
        _ => panic!("no such role: {words:?}"),
    }
    true
}

fn parse<T: std::str::FromStr>(word: &str) -> T {
    word.parse()
        .unwrap_or_else(|_| panic!("not understood: {word}"))
}

/// A box that runs; gone when dropped.
pub(crate) struct Box {
    name: &'static str,
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Box {
    /// Starts a role.
    pub(crate) fn start(name: &'static str, words: &[&str]) -> Box {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .arg(MARK)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Box { name, child, lines }
    }

    /// The next line it says.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let count = self
            .lines
            .read_line(&mut line)
            .expect("its output can be read");
        assert!(count > 0, "{} has ended without a word", self.name);
        line.trim_end().to_owned()
    }

    /// An address it says.
    pub(crate) fn address(&mut self) -> SocketAddr {
        parse(&self.line())
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Process {
        let pid = i32::try_from(self.child.id()).expect("process ids fit");
        let usage = Usage::of(Pid::from_raw(pid));
        Process {
            name: self.name,
            processor: usage.processor,
            peak_kib: usage.peak_kib,
        }
    }
}

impl Drop for Box {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Tells the process that started this one.
pub(crate) fn tell(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .expect("the starter listens");
}

/// Tells a result and waits to be ended, so that the starter can read what was used.
pub(crate) fn tell_and_stay(text: &str) -> ! {
    tell(text);
    loop {
        std::thread::park();
    }
}
