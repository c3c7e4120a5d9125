//! What BouncyCastle makes: CompressedData, pieces of a single octet, and no attributes at all.

use std::fs;
use std::path::Path;
use std::process::Command;

use envelope::Suite;

use crate::bench::{Bench, octets, open_octets};

const JARS: [&str; 3] = [
    "/usr/share/java/bcprov.jar",
    "/usr/share/java/bcpkix.jar",
    "/usr/share/java/bcutil.jar",
];

#[test]
fn opens_what_bouncy_castle_secured_with_every_suite_nesting_and_piece_size() {
    let Some(bench) = Bench::get() else { return };
    if Command::new("java").arg("-version").output().is_err()
        || !JARS.iter().all(|jar| Path::new(jar).exists())
    {
        eprintln!("SKIPPED: java or the jars of BouncyCastle are not installed");
        return;
    }
    for size in [0, 1, 15, 16, 17, 1000, 70_000] {
        bench.put(&format!("content-{size}"), &octets(size));
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/Bouncy.java");
    let output = Command::new("java")
        .args(["-cp", &JARS.join(":")])
        .arg(program)
        .arg(bench.path(""))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let list = String::from_utf8(output.stdout).unwrap();
    let mut done = 0;
    for line in list.lines() {
        let [name, layers, suite, size] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let file = fs::read(bench.path(name)).unwrap();
        let suite = Suite::of(suite.parse().unwrap());
        let (opened, clear) = open_octets(&bench.opening(layers, suite), &file)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(clear == octets(size.parse().unwrap()), "{name}");
        assert_eq!(
            opened.signers.len(),
            usize::from(layers.contains('s')),
            "{name}"
        );
        done += 1;
    }
    eprintln!("{done} files made by BouncyCastle were opened");
    assert!(done > 1000, "only {done}");
}
