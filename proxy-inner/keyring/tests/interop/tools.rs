//! Foreign tools and a folder for them to work in.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder where commands are run; gone when dropped.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// A bench, or `None` (said aloud) when one of the tools is not on this machine.
    pub(crate) fn with(tools: &[&str]) -> Option<Bench> {
        for tool in tools {
            let found = Command::new(tool).arg("-help").output().is_ok();
            if !found {
                say(&format!("SKIPPED: {tool} is not installed"));
                return None;
            }
        }
        Some(Bench {
            folder: tempfile::tempdir().unwrap(),
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn write(&self, name: &str, octets: &[u8]) {
        fs::write(self.path(name), octets).unwrap();
    }

    /// Runs a command line without quotes in it; gives what it printed, on either stream.
    pub(crate) fn run(&self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.run_words(&words)
    }

    pub(crate) fn run_words(&self, words: &[&str]) -> String {
        let output = self.try_words(words);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{words:?}: {text}");
        text
    }

    pub(crate) fn try_words(&self, words: &[&str]) -> Output {
        Command::new(words[0])
            .args(&words[1..])
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// An RSA key `NAME.key` and a self-signed certificate `NAME.pem` for it.
    pub(crate) fn pair(&self, name: &str) {
        self.run(&format!(
            "openssl req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem \
             -days 30 -subj /CN={name}"
        ));
    }

    /// `NAME.key` and `NAME.pem`, issued by `ISSUER`; `extensions` as `openssl -extfile` takes them.
    pub(crate) fn issued(&self, name: &str, issuer: &str, extensions: &str) {
        self.write("extensions", extensions.as_bytes());
        self.run(&format!(
            "openssl req -new -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr \
             -subj /CN={name}"
        ));
        self.run(&format!(
            "openssl x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key \
             -set_serial 77 -days 30 -extfile extensions -out {name}.pem"
        ));
    }

    /// The DER of the certificate `NAME.pem`.
    pub(crate) fn der(&self, name: &str) -> Vec<u8> {
        self.run(&format!(
            "openssl x509 -in {name}.pem -outform DER -out {name}.der"
        ));
        self.read(&format!("{name}.der"))
    }

    /// The PKCS#8 DER of the key `NAME.key`, as openssl writes it.
    pub(crate) fn pkcs8(&self, name: &str) -> Vec<u8> {
        self.run(&format!(
            "openssl pkcs8 -topk8 -nocrypt -in {name}.key -outform DER -out {name}.p8"
        ));
        self.read(&format!("{name}.p8"))
    }
}

/// Says something to the person who runs the tests.
#[expect(
    clippy::print_stderr,
    reason = "the terminal is where a test's reader looks"
)]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}
