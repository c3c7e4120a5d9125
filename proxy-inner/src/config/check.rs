//! `check`: looks at everything a configuration names and says what to do; binds and changes nothing.

mod certificates;

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::net::ToSocketAddrs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::unistd::{AccessFlags, access, geteuid};

use super::Config;
use crate::keys;
use certificates::{authentication, keyring, shown};

/// Days before a certificate's end from which it is pointed out.
const SOON: i64 = 30;

/// How one thing looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but an operator should know.
    Note,
    /// It will not work.
    Problem,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it looks.
    pub verdict: Verdict,
    /// What was looked at.
    pub what: String,
    /// What was found, and what to do about it.
    pub detail: String,
}

/// Everything looked at, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many things will not work.
    pub fn problems(&self) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Problem)
            .count()
    }

    fn ok(&mut self, what: impl Into<String>, detail: impl Into<String>) {
        self.add(Verdict::Ok, what, detail);
    }

    fn note(&mut self, what: impl Into<String>, detail: impl Into<String>) {
        self.add(Verdict::Note, what, detail);
    }

    fn problem(&mut self, what: impl Into<String>, detail: impl Into<String>) {
        self.add(Verdict::Problem, what, detail);
    }

    fn add(&mut self, verdict: Verdict, what: impl Into<String>, detail: impl Into<String>) {
        self.findings.push(Finding {
            verdict,
            what: what.into(),
            detail: detail.into(),
        });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let verdict = match finding.verdict {
                Verdict::Ok => "OK",
                Verdict::Note => "NOTE",
                Verdict::Problem => "PROBLEM",
            };
            writeln!(f, "{verdict:<8} {}: {}", finding.what, finding.detail)?;
        }
        Ok(())
    }
}

/// Looks at everything `config` names, at the time `now`.
pub fn examine(config: &Config, now: Timestamp) -> Report {
    let mut report = Report::default();
    report.ok(
        "configuration",
        format!("{} is complete and in range", config.file.display()),
    );
    if geteuid().is_root() {
        report.note(
            "account",
            "this check runs as root, who may open everything; run it as the account of the \
             service to have permissions judged",
        );
    }
    link(config, &mut report);
    listeners(config, now, &mut report);
    outbound(config, now, &mut report);
    keyring(config, &mut report);
    authentication(config, now, &mut report);
    plain(config, &mut report);
    timeouts(config, &mut report);
    store(config, &mut report);
    socket(&config.admin.socket, &mut report);
    report
}

fn link(config: &Config, report: &mut Report) {
    let Some(link) = &config.link else {
        report.note(
            "link",
            "none configured: no public listeners, and calls go out directly",
        );
        return;
    };
    let path = link.identity.display();
    let what = format!("link key {path}");
    match keys::load_identity(&link.identity) {
        Ok(identity) if link.pins.contains(&identity.pin()) => report.problem(
            what,
            "its pin is in link.pins; put the pin of the DMZ half there, as `proxy-dmz identity \
             --show` prints it",
        ),
        Ok(identity) => {
            report.ok(
                what,
                format!(
                    "its pin, for link.pins of the DMZ half, is {}",
                    identity.pin()
                ),
            );
        }
        Err(_) if !link.identity.exists() => {
            let make = format!("is missing; make it with `proxy-inner identity --key {path}`");
            report.problem(what, make);
        }
        Err(error) => report.problem(what, error.to_string()),
    }
    let address = link.address.to_string();
    let what = format!("link address {address}");
    match address.to_socket_addrs().map(|mut found| found.next()) {
        Ok(Some(found)) => report.ok(what, format!("is {found}")),
        Ok(None) => report.note(
            what,
            "has no IP address now; the link waits until it has one",
        ),
        Err(error) => report.note(
            what,
            format!("cannot be looked up now ({error}); the link waits until it can"),
        ),
    }
}

fn listeners(config: &Config, now: Timestamp, report: &mut Report) {
    for listener in &config.listeners {
        let what = format!("listener {}", listener.name);
        shown(&what, &listener.tls, config, now, report);
    }
    if config.link.is_some() && config.listeners.is_empty() {
        report.note(
            "listeners",
            "none configured: partners cannot call, we can only call them",
        );
    }
}

fn outbound(config: &Config, now: Timestamp, report: &mut Report) {
    if let Some(tls) = &config.outbound.tls {
        shown("outbound", tls, config, now, report);
    }
}

fn plain(config: &Config, report: &mut Report) {
    for address in &config.plain.listen {
        report.note(
            format!("plain listener {address}"),
            "nothing protects the sessions on it, passwords and files cross the network in the \
             clear; keep it to networks of your own",
        );
    }
}

fn timeouts(config: &Config, report: &mut Report) {
    let idle = u128::from(config.public.idle_ms);
    let session = &config.session;
    let waits = [
        ("session.inactivity", session.inactivity),
        ("session.end_of_file", session.end_of_file),
        ("session.answer", session.answer),
    ];
    let longer: Vec<_> = waits
        .iter()
        .filter(|(_, wait)| idle <= wait.as_millis())
        .map(|(key, _)| *key)
        .collect();
    if config.link.is_some() && !longer.is_empty() {
        report.note(
            "public.idle_timeout",
            format!(
                "is not longer than {}: the DMZ half will cut silent sessions before this half can \
                 end them with a reason",
                longer.join(" and ")
            ),
        );
    }
    if session.opening < config.plain.ssid_timeout && !config.plain.listen.is_empty() {
        report.note(
            "plain.ssid_timeout",
            "is longer than session.opening, the wait for each step after it",
        );
    }
}

fn store(config: &Config, report: &mut Report) {
    let what = format!("store {}", config.store.display());
    let Some(facts) = facts(&config.store) else {
        match can_be_made(&config.store) {
            Ok(parent) => {
                report.ok(
                    &what,
                    format!("is not there yet and can be made in {}", parent.display()),
                );
                space(&parent, &what, config.spool.reserve, report);
            }
            Err(problem) => report.problem(what, problem),
        }
        return;
    };
    if !facts.is_dir() {
        return report.problem(what, "is no folder; set store to another path");
    }
    if !may_write(&config.store) {
        return report.problem(
            what,
            "may not be written by this account; give it the folder",
        );
    }
    let elsewhere: Vec<_> = ["spool", "inbox", "outbox"]
        .into_iter()
        .filter(|part| {
            let part = self::facts(&config.store.join(part));
            part.is_some_and(|part| part.dev() != facts.dev())
        })
        .collect();
    if !elsewhere.is_empty() {
        return report.problem(
            what,
            format!(
                "{} on another file system; files are handed over by renaming, so mount one file \
                 system under the whole store",
                elsewhere.join(" and ") + if elsewhere.len() == 1 { " is" } else { " are" }
            ),
        );
    }
    if facts.mode() & 0o007 != 0 {
        report.note(
            &what,
            format!(
                "has mode {:04o}: every account of this host may enter it; `chmod o= {}`",
                facts.mode() & 0o7777,
                config.store.display()
            ),
        );
    } else {
        report.ok(
            &what,
            "is a folder this account may write, on one file system",
        );
    }
    space(&config.store, &what, config.spool.reserve, report);
}

fn space(folder: &Path, what: &str, reserve: u64, report: &mut Report) {
    match crate::admin::free_octets(folder) {
        Ok(free) if free <= reserve => report.note(
            what,
            format!(
                "{free} octets are free, spool.reserve keeps {reserve}: files will be refused \
                 until there is more room"
            ),
        ),
        Ok(_) => {}
        Err(error) => report.note(what, format!("its free space cannot be asked: {error}")),
    }
}

fn socket(path: &Path, report: &mut Report) {
    let what = format!("admin socket {}", path.display());
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_path_buf();
    match facts(&folder) {
        None => match can_be_made(&folder) {
            Ok(_) => report.ok(what, "its folder is not there yet and can be made"),
            Err(problem) => report.problem(what, problem),
        },
        Some(facts) if facts.mode() & 0o002 != 0 && facts.mode() & 0o1000 == 0 => report.problem(
            what,
            format!(
                "every account may write into {}; `chmod o-w` it",
                folder.display()
            ),
        ),
        Some(_) if !may_write(&folder) => report.problem(
            what,
            format!("{} may not be written by this account", folder.display()),
        ),
        Some(_) => socket_itself(path, what, report),
    }
}

fn socket_itself(path: &Path, what: String, report: &mut Report) {
    match facts(path) {
        None => report.ok(what, "can be opened"),
        Some(facts) if !facts.file_type().is_socket() => {
            report.problem(what, "something else has that name; move it away");
        }
        Some(_) if UnixStream::connect(path).is_ok() => {
            report.note(
                what,
                "a running process answers there; only one can have it",
            );
        }
        Some(_) => report.ok(
            what,
            "was left by a process that ended, and will be replaced",
        ),
    }
}

fn facts(path: &Path) -> Option<Metadata> {
    fs::metadata(path).ok()
}

fn may_write(folder: &Path) -> bool {
    access(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// The nearest folder above that is there, if this account can make `path` in it.
fn can_be_made(path: &Path) -> Result<PathBuf, String> {
    for above in path.ancestors().skip(1) {
        let above = if above.as_os_str().is_empty() {
            Path::new(".")
        } else {
            above
        };
        match fs::metadata(above) {
            Ok(facts) if !facts.is_dir() => {
                return Err(format!("cannot be made: {} is no folder", above.display()));
            }
            Ok(_) if may_write(above) => return Ok(above.to_path_buf()),
            Ok(_) => {
                return Err(format!(
                    "cannot be made: this account may not write into {}",
                    above.display()
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("cannot be made: {}: {error}", above.display())),
        }
    }
    Err("cannot be made: no folder above it exists".to_owned())
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
