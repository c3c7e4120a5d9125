//! What each shipped binary is made of: the exposed half has the small cryptographic core only.

use support::binaries::cargo;

/// The names of every crate that a package's own build links, with versions.
fn tree(package: &str) -> Vec<String> {
    let output = cargo()
        .args([
            "tree",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--locked",
        ])
        .args(["--format", "{p}"])
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    let mut crates: Vec<String> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(format!("{} {}", words.next()?, words.next()?))
        })
        .collect();
    crates.sort();
    crates.dedup();
    assert!(crates.len() > 20, "a whole tree of {package}: {crates:?}");
    crates
}

fn named<'a>(crates: &'a [String], name: &str) -> Vec<&'a String> {
    crates
        .iter()
        .filter(|one| one.split(' ').next() == Some(name))
        .collect()
}

#[test]
fn the_dmz_half_has_no_aws_lc() {
    let crates = tree("proxy-dmz");
    for name in ["aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys"] {
        assert!(named(&crates, name).is_empty(), "{name} is in proxy-dmz");
    }
    assert_eq!(named(&crates, "ring").len(), 1, "its core is ring");
}

#[test]
fn the_dmz_half_has_nothing_of_the_inner_half() {
    let crates = tree("proxy-dmz");
    for name in [
        "crypto",
        "engine",
        "envelope",
        "keyring",
        "store",
        "token",
        "rusqlite",
        "libsqlite3-sys",
        "x509-parser",
        "rcgen",
    ] {
        assert!(named(&crates, name).is_empty(), "{name} is in proxy-dmz");
    }
}

#[test]
fn the_inner_half_has_no_rsa_crate_and_no_ring() {
    let crates = tree("proxy-inner");
    for name in ["rsa", "ring", "openssl-sys"] {
        assert!(named(&crates, name).is_empty(), "{name} is in proxy-inner");
    }
}

#[test]
fn there_is_one_aws_lc_and_it_is_the_one_that_aws_lc_rs_uses() {
    let path = support::binaries::workspace_root().join("Cargo.lock");
    let lock: toml::Table = std::fs::read_to_string(path)
        .expect("Cargo.lock")
        .parse()
        .expect("TOML");
    let packages = lock["package"].as_array().expect("a list of packages");
    let versions: Vec<&str> = packages
        .iter()
        .filter(|package| package["name"].as_str() == Some("aws-lc-sys"))
        .filter_map(|package| package["version"].as_str())
        .collect();
    assert_eq!(
        versions.len(),
        1,
        "one C library of cryptography: {versions:?}"
    );
}

#[test]
fn the_pure_crates_reach_no_runtime_and_no_socket() {
    for package in ["oftp", "engine"] {
        let output = cargo()
            .args([
                "tree",
                "--package",
                package,
                "--edges",
                "normal",
                "--prefix",
                "none",
            ])
            .args(["--locked", "--format", "{p}"])
            .output()
            .expect("cargo runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(package), "the tree of {package}: {text}");
        for name in [
            "tokio ",
            "quinn ",
            "rustls ",
            "nix ",
            "getrandom ",
            "rusqlite ",
        ] {
            assert!(
                !text.lines().any(|line| line.starts_with(name)),
                "{name}is in {package}"
            );
        }
    }
}
