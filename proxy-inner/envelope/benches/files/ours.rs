//! Our own half, in a process of its own so that its memory can be told.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use crypto::SoftwareKey;
use envelope::{Expect, Form, Limits, Opening, OwnKey, Plan, Suite};

use super::Took;

const VARIABLE: &str = "ENVELOPE_BENCH";

pub(crate) fn is_child() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Secures "clear" into "secured".
pub(crate) fn secure(folder: &Path) -> Took {
    run(folder, "secure")
}

/// Opens "secured" into "opened".
pub(crate) fn open(folder: &Path) -> Took {
    run(folder, "open")
}

fn run(folder: &Path, what: &str) -> Took {
    let begin = Instant::now();
    let output = Command::new(std::env::current_exe().unwrap())
        .env(VARIABLE, what)
        .current_dir(folder)
        .output()
        .unwrap();
    let time = begin.elapsed();
    assert!(output.status.success(), "{output:?}");
    let memory = String::from_utf8(output.stdout).unwrap();
    let memory = memory.trim().parse().unwrap();
    Took { time, memory }
}

/// The process that does it; prints the most memory it had, in KiB.
pub(crate) fn child() {
    let key = |name: &str| {
        let private = fs::read(format!("{name}.p8")).unwrap();
        let private = Arc::new(SoftwareKey::from_pkcs8(&private).unwrap());
        OwnKey::from_chain(private, &[fs::read(format!("{name}.cer")).unwrap()]).unwrap()
    };
    let (signer, recipient) = (key("signer"), key("recipient"));
    if std::env::var(VARIABLE).as_deref() == Ok("secure") {
        let plan = Plan {
            sign: vec![signer],
            encrypt: vec![recipient.certificate().clone()],
            ..plan(None)
        };
        let mut source = File::open("clear").unwrap();
        let mut target = File::create("secured").unwrap();
        envelope::secure(&plan, &mut source, &mut target).unwrap();
    } else {
        let opening = Opening {
            expect: Expect {
                encrypted: true,
                compressed: false,
                signed: true,
            },
            suite: Some(Suite::DEFAULT),
            keys: &[recipient],
            signers: &[signer.certificate().clone()],
            limits: Limits::default(),
        };
        let mut source = File::open("secured").unwrap();
        let mut target = File::create("opened").unwrap();
        let opened = envelope::open(&opening, &mut source, &mut target).unwrap();
        assert_eq!(opened.clear_octets, fs::metadata("clear").unwrap().len());
    }
    println!("{}", most_memory("self").unwrap());
}

/// KiB a process had at most, as far as it still lives.
pub(crate) fn most_memory(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Compresses only, and says to how many octets.
pub(crate) fn compress(content: &[u8], level: u32) -> u64 {
    let plan = plan(Some(level));
    let secured = envelope::secure(&plan, &mut &content[..], &mut std::io::sink()).unwrap();
    secured.secured_octets
}

fn plan(compress: Option<u32>) -> Plan {
    Plan {
        suite: Suite::DEFAULT,
        sign: Vec::new(),
        compress,
        encrypt: Vec::new(),
        form: Form::Indefinite,
        include_certificate: false,
        signing_time: None,
    }
}
