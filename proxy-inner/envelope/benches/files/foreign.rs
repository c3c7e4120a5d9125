//! What the others take: two `openssl cms` processes joined by a pipe, and `gzip -6`.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Took;
use super::ours::most_memory;

/// Signs and encrypts "clear" into "theirs".
pub(crate) fn secure(folder: &Path) -> Took {
    let sign = "cms -sign -stream -binary -nodetach -nocerts -md sha256 -signer signer.pem \
                -inkey signer.key -outform DER -in clear";
    let encrypt =
        "cms -encrypt -stream -binary -aes256 -recip recipient.pem -outform DER -out theirs";
    piped(folder, sign, encrypt)
}

/// Decrypts and verifies "theirs" into "theirs-opened".
pub(crate) fn open(folder: &Path) -> Took {
    let decrypt =
        "cms -decrypt -binary -inform DER -recip recipient.pem -inkey recipient.key -in theirs";
    let verify =
        "cms -verify -noverify -binary -inform DER -certfile signer.pem -out theirs-opened";
    piped(folder, decrypt, verify)
}

#[expect(
    clippy::disallowed_methods,
    reason = "how much memory another process has can only be asked again and again"
)]
fn piped(folder: &Path, first: &str, second: &str) -> Took {
    let begin = Instant::now();
    let mut command = Command::new("openssl");
    command.args(first.split_whitespace()).current_dir(folder);
    let mut first = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut command = Command::new("openssl");
    command.args(second.split_whitespace()).current_dir(folder);
    command
        .stdin(first.stdout.take().unwrap())
        .stderr(Stdio::null());
    let mut second = command.spawn().unwrap();
    let mut memory = [0; 2];
    loop {
        for (child, memory) in [&first, &second].into_iter().zip(&mut memory) {
            *memory = memory_of(child).unwrap_or(0).max(*memory);
        }
        if second.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let time = begin.elapsed();
    assert!(first.wait().unwrap().success());
    assert!(second.wait().unwrap().success());
    Took {
        time,
        memory: memory.iter().sum(),
    }
}

fn memory_of(child: &Child) -> Option<u64> {
    most_memory(&child.id().to_string())
}

/// Octets that `gzip -6` makes of a content.
pub(crate) fn gzip(folder: &Path, content: &[u8]) -> u64 {
    let (from, to) = (folder.join("content"), folder.join("content.gz"));
    fs::write(&from, content).unwrap();
    let status = Command::new("gzip")
        .args(["-6", "-c"])
        .stdin(File::open(&from).unwrap())
        .stdout(File::create(&to).unwrap())
        .status()
        .unwrap();
    assert!(status.success());
    fs::metadata(to).unwrap().len()
}
