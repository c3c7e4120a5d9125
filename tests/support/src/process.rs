//! One running half: started, killed, started again; always ours, always by its own process id.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::logs::{Logs, capture};

/// One of the two binaries, run with one configuration file.
#[derive(Debug)]
pub struct Half {
    name: &'static str,
    program: PathBuf,
    config: PathBuf,
    launcher: Vec<String>,
    child: Option<Child>,
    runs: usize,
    /// Everything it logged, across restarts.
    pub logs: Arc<Logs>,
}

impl Half {
    /// A half that is not running yet.
    pub fn new(name: &'static str, program: &Path, config: &Path) -> Half {
        Half {
            name,
            program: program.to_path_buf(),
            config: config.to_path_buf(),
            launcher: Vec::new(),
            child: None,
            runs: 0,
            logs: Arc::new(Logs::default()),
        }
    }

    /// Starts it through another program from now on (`setpriv` with its options, say), which must
    /// become it without a new process.
    pub fn launch_through(&mut self, launcher: &[&str]) {
        self.launcher = launcher.iter().map(|&word| word.to_owned()).collect();
    }

    /// Starts it. Returns the place in the log from which this run's lines follow.
    ///
    /// # Panics
    /// When it runs already or cannot be started.
    pub fn start(&mut self) -> usize {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let mark = self.logs.mark();
        let mut command = match self.launcher.split_first() {
            Some((launcher, options)) => {
                let mut command = Command::new(launcher);
                command.args(options).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        let mut child = command
            .arg("--config")
            .arg(&self.config)
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.program.display()));
        if let Some(stderr) = child.stderr.take() {
            capture(&self.logs, stderr);
        }
        self.child = Some(child);
        self.runs += 1;
        mark
    }

    /// SIGKILL: it gets no chance to tidy up. Returns when it is gone and its log is read.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        child.kill().expect("our own child can be killed");
        child.wait().expect("our own child can be waited for");
        self.logs.wait_for_end(self.runs);
    }

    /// SIGTERM; returns how it ended.
    ///
    /// # Panics
    /// When it is not running.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// Sends a signal to it.
    ///
    /// # Panics
    /// When it is not running.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("our own child can be signalled");
    }

    /// Waits until it has ended by itself; returns how.
    ///
    /// # Panics
    /// When it is not running or does not end before the deadline.
    pub fn wait(&mut self) -> ExitStatus {
        let runs = self.runs;
        self.logs.wait_for_end(runs);
        let mut child = self.child.take().expect("it was started");
        child.wait().expect("our own child can be waited for")
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it is not running.
    pub fn pid(&self) -> Pid {
        let id = self.child.as_ref().expect("it is running").id();
        Pid::from_raw(i32::try_from(id).expect("process ids fit"))
    }

    /// Memory and processor time it has used so far.
    pub fn usage(&self) -> Usage {
        Usage::of(self.pid())
    }

    /// Starts the measurement of its peak memory again from what it uses now.
    pub fn forget_peak(&self) {
        let path = format!("/proc/{}/clear_refs", self.pid());
        std::fs::write(&path, "5").unwrap_or_else(|error| panic!("cannot write {path}: {error}"));
    }

    /// The configuration file it is started with.
    pub fn config(&self) -> &Path {
        &self.config
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        if std::thread::panicking() {
            crate::say(&format!(
                "--- the log of {} ends with:\n{}",
                self.name,
                self.logs.tail()
            ));
        }
    }
}

/// What a process has used, as the kernel counts it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Resident memory now, in KiB.
    pub resident_kib: u64,
    /// The most it ever was, in KiB.
    pub peak_kib: u64,
    /// User and system time of all its threads.
    pub processor: Duration,
}

impl Usage {
    /// Reads the figures of a process from `/proc`.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn of(pid: Pid) -> Usage {
        let read = |name: &str| {
            let path = format!("/proc/{pid}/{name}");
            std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
        };
        let (status, stat) = (read("status"), read("stat"));
        Usage {
            resident_kib: kib(&status, "VmRSS:"),
            peak_kib: kib(&status, "VmHWM:"),
            processor: processor(&stat),
        }
    }
}

fn kib(status: &str, name: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

/// Fields 14 and 15 of `/proc/<pid>/stat`, counted after the program's name, which may hold spaces.
fn processor(stat: &str) -> Duration {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|number| number.parse::<u64>().ok())
        .sum();
    let a_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
        .ok()
        .flatten()
        .and_then(|ticks| u64::try_from(ticks).ok())
        .unwrap_or(100);
    Duration::from_millis(ticks * 1000 / a_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_memory_and_time() {
        let usage = Usage::of(Pid::this());
        assert!(usage.resident_kib > 0 && usage.peak_kib >= usage.resident_kib / 2);
    }

    #[test]
    fn finds_processor_time_behind_a_name_with_spaces() {
        let stat = "1 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0 1";
        assert_eq!(processor(stat), Duration::from_secs(2));
    }
}
