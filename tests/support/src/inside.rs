//! The inner half of a world: its configuration, its folders, its commands.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binaries::Binaries;
use crate::cli::Cli;
use crate::directory::Directory;
use crate::knobs::Knobs;
use crate::process::Half;

/// An inner half with its store, under a folder of its own.
#[derive(Debug)]
pub struct Inside {
    folder: PathBuf,
    knobs: Knobs,
    cli: Cli,
    /// The process.
    pub half: Half,
}

/// A file that reached an inbox.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Where it lies.
    pub path: PathBuf,
    /// What its metadata file says.
    pub metadata: Value,
}

impl Inside {
    /// An inner half that is configured but not running.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn new(binaries: &Binaries, folder: &Path, knobs: Knobs) -> Inside {
        let config = folder.join("proxy-inner.toml");
        let inside = Inside {
            folder: folder.to_path_buf(),
            knobs,
            cli: Cli::new(&binaries.inner, Some(&config)),
            half: Half::new("proxy-inner", &binaries.inner, &config),
        };
        inside.write_config();
        inside
    }

    /// What every inner half of a test has in common: quick retries, a small reserve, JSON logs.
    pub fn usual_knobs(folder: &Path) -> Knobs {
        let mut knobs = Knobs::default();
        knobs.path("store", &folder.join("store"));
        knobs.path("admin.socket", &folder.join("admin.sock"));
        knobs
            .text("queue.retry_first", "200ms")
            .text("queue.retry_most", "1s");
        knobs.text("queue.scan_outbox", "1s");
        knobs.text("spool.reserve", "1MiB");
        knobs.text("log.format", "json").text("log.filter", "info");
        knobs
    }

    /// Changes the configuration file; it counts from the next start on.
    pub fn configure(&mut self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.knobs);
        self.write_config();
    }

    /// Starts the half and waits until its commands are answered.
    pub fn start(&mut self) {
        let mark = self.half.start();
        self.half
            .logs
            .wait_to_hear(mark, "The admin socket is open.");
    }

    /// Its commands.
    pub fn cli(&self) -> &Cli {
        &self.cli
    }

    /// Makes the running half know these stations and partners.
    pub fn apply(&self, directory: &Directory) {
        let file = self.folder.join("directory.toml");
        crate::pki::write_private(&file, directory.to_toml().as_bytes());
        self.cli.ok(&[
            "partner".as_ref(),
            "apply".as_ref(),
            "-f".as_ref(),
            file.as_os_str(),
        ]);
    }

    /// The folder all its files lie in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where its store lies.
    pub fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// The folder into which a partner's files are delivered.
    pub fn inbox(&self, partner: &str) -> PathBuf {
        self.store().join("inbox").join(partner)
    }

    /// The folder from which a partner's files are taken.
    pub fn outbox(&self, partner: &str) -> PathBuf {
        self.store().join("outbox").join(partner)
    }

    /// Every file in a partner's inbox, with its metadata, by name.
    ///
    /// # Panics
    /// When a file has no readable metadata beside it.
    pub fn delivered(&self, partner: &str) -> Vec<Delivered> {
        let mut files = visible_files(&self.inbox(partner));
        files.retain(|path| !path.to_string_lossy().ends_with(".meta.json"));
        files.into_iter().map(Delivered::read).collect()
    }

    /// Waits until a partner's inbox has `count` files; then it must not have more.
    ///
    /// # Panics
    /// When it has another number of files in the end.
    #[track_caller]
    pub fn wait_for_delivered(&self, partner: &str, count: usize) -> Vec<Delivered> {
        let what = format!("{count} files in the inbox of {partner}");
        let files = self.half.logs.until(&what, || {
            let files = self.delivered(partner);
            (files.len() >= count).then_some(files)
        });
        assert_eq!(files.len(), count, "{what}");
        files
    }

    /// Queues a file with `send`; returns the transfer's id.
    ///
    /// # Panics
    /// When the command is refused.
    #[track_caller]
    pub fn send(&self, partner: &str, file: &Path, dataset: Option<&str>) -> String {
        let file = file.to_string_lossy();
        let mut arguments = vec!["send", "--partner", partner, &file];
        if let Some(dataset) = dataset {
            arguments.extend(["--dsn", dataset]);
        }
        let answer = self.cli.json(&arguments);
        identifier(&answer)
    }

    /// All transfers, as `transfers list --json` shows them; `filter` are further options.
    pub fn transfers(&self, filter: &[&str]) -> Vec<Value> {
        let mut arguments = vec!["transfers", "list", "--limit", "100000"];
        arguments.extend(filter);
        let answer = self.cli.json(&arguments);
        let list = answer.get("transfers").unwrap_or(&answer);
        list.as_array()
            .unwrap_or_else(|| panic!("no list of transfers: {answer}"))
            .clone()
    }

    /// One transfer, as `transfers show --json` shows it.
    pub fn transfer(&self, id: &str) -> Value {
        let answer = self.cli.json(&["transfers", "show", id]);
        answer.get("transfer").cloned().unwrap_or(answer)
    }

    /// Waits until a transfer has the state given (any case).
    ///
    /// # Panics
    /// When it does not get there.
    #[track_caller]
    pub fn wait_for_state(&self, id: &str, state: &str) -> Value {
        let what = format!("transfer {id} is {state}");
        self.half.logs.until(&what, || {
            let transfer = self.transfer(id);
            state_of(&transfer)
                .eq_ignore_ascii_case(state)
                .then_some(transfer)
        })
    }

    fn write_config(&self) {
        crate::pki::write_private(self.half.config(), self.knobs.to_toml().as_bytes());
    }
}

impl Delivered {
    fn read(path: PathBuf) -> Delivered {
        let beside = PathBuf::from(format!("{}.meta.json", path.display()));
        let text = std::fs::read(&beside)
            .unwrap_or_else(|error| panic!("no metadata at {}: {error}", beside.display()));
        let metadata = serde_json::from_slice(&text)
            .unwrap_or_else(|error| panic!("no JSON in {}: {error}", beside.display()));
        Delivered { path, metadata }
    }

    /// Its content.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn content(&self) -> Vec<u8> {
        std::fs::read(&self.path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", self.path.display()))
    }
}

/// The state of a transfer as a command shows it.
pub fn state_of(transfer: &Value) -> &str {
    transfer["state"].as_str().unwrap_or_default()
}

/// The id of a transfer as a command shows it.
pub fn identifier(transfer: &Value) -> String {
    match &transfer["id"] {
        Value::String(id) => id.clone(),
        Value::Null => match &transfer["transfer"] {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            inner if inner.is_object() => identifier(inner),
            _ => panic!("no transfer id in {transfer}"),
        },
        id => id.to_string(),
    }
}

/// The regular files of a folder whose names do not start with a dot, sorted; none when the folder
/// is not there.
pub fn visible_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| !name.to_string_lossy().starts_with('.'))
        })
        .collect();
    files.sort();
    files
}
