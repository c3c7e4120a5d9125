//! Every example file in `deploy/examples` is taken by the half it is for, and no key in it may be
//! misspelt.

use std::path::{Path, PathBuf};

use support::binaries::{Binaries, workspace_root};
use support::cli::Cli;
use support::pki::{Certificate, write_private};
use support::world::make_identity;
use support::{Alone, Directory};

/// The files for each half, and partner directories.
struct Examples {
    dmz: Vec<PathBuf>,
    inner: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

fn examples() -> Examples {
    let mut found = Examples {
        dmz: Vec::new(),
        inner: Vec::new(),
        directories: Vec::new(),
    };
    let folder = workspace_root().join("deploy/examples");
    for path in support::inside::visible_files(&folder) {
        let name = path
            .file_name()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        if !name.ends_with(".toml") {
            continue;
        }
        match () {
            () if name.contains("dmz") => found.dmz.push(path),
            () if name.contains("inner") => found.inner.push(path),
            () => found.directories.push(path),
        }
    }
    found
}

/// The example with every path led into `folder`, where the files it names are made.
fn at_home(example: &Path, folder: &Path) -> String {
    let text = std::fs::read_to_string(example).expect("the example is readable");
    let mut text = text.replace("sha256:…", &pin('a'));
    for (old, new) in [
        ("\"/etc/proxy-dmz/", "dmz"),
        ("\"/etc/proxy-inner/", "inner"),
        ("\"/var/lib/", "lib"),
        ("\"/run/", "run"),
    ] {
        let home = folder.join(new);
        std::fs::create_dir_all(&home).expect("the folder is ours");
        text = text.replace(old, &format!("\"{}/", home.display()));
    }
    text
}

fn pin(digit: char) -> String {
    format!("sha256:{}", String::from(digit).repeat(64))
}

/// Makes the key and certificate files that a configuration names.
fn make_files(program: &Path, config: &toml::Table) {
    let text = |value: Option<&toml::Value>| value.and_then(toml::Value::as_str).map(PathBuf::from);
    if let Some(key) = text(config.get("link").and_then(|link| link.get("identity")))
        && !key.exists()
    {
        make_identity(program, &key);
    }
    let listeners = config
        .get("listener")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten();
    for section in listeners.chain(config.get("outbound")) {
        if let (Some(certificate), Some(key)) =
            (text(section.get("certificate")), text(section.get("key")))
        {
            let made = Certificate::new("example");
            let folder = tempfile::tempdir().expect("/tmp is writable");
            let (from_certificate, from_key) = made.write(folder.path(), "made");
            std::fs::create_dir_all(certificate.parent().expect("a folder")).expect("writable");
            std::fs::copy(from_certificate, certificate).expect("copied");
            write_private(&key, &std::fs::read(from_key).expect("just made"));
        }
    }
}

#[test]
fn every_example_is_taken_by_the_half_it_is_for() {
    let examples = examples();
    assert!(
        !examples.dmz.is_empty(),
        "there is an example for proxy-dmz"
    );
    assert!(
        !examples.inner.is_empty(),
        "there is an example for proxy-inner"
    );
    let binaries = Binaries::dev();
    let mut checked = 0;
    for (program, files) in [
        (&binaries.dmz, &examples.dmz),
        (&binaries.inner, &examples.inner),
    ] {
        for example in files {
            let folder = tempfile::tempdir().expect("/tmp is writable");
            let text = at_home(example, folder.path());
            let table: toml::Table = text.parse().expect("an example is TOML");
            make_files(program, &table);
            let config = folder.path().join("config.toml");
            write_private(&config, text.as_bytes());
            let answer = Cli::new(program, Some(&config)).run(&["check"]);
            assert_eq!(
                answer.code,
                Some(0),
                "{}: {}",
                example.display(),
                answer.both()
            );
            checked += 1;
        }
    }
    let all = std::fs::read_dir(workspace_root().join("deploy/examples")).expect("it is there");
    let files = all
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".toml"))
        .count();
    assert_eq!(
        checked + examples.directories.len(),
        files,
        "no example is left out"
    );
    support::say(&format!(
        "{checked} configurations and {} directories",
        examples.directories.len()
    ));
}

#[test]
fn every_example_directory_is_applied() {
    for example in examples().directories {
        let office = Alone::new(&Directory::default());
        let path = example.to_string_lossy();
        office.inner.cli().ok(&["partner", "apply", "-f", &path]);
        let list = office.inner.cli().ok(&["partner", "list"]);
        assert!(!list.trim().is_empty(), "{path} names partners");
    }
}

#[test]
fn an_unknown_key_in_any_table_of_any_example_is_refused_by_name() {
    let examples = examples();
    let binaries = Binaries::dev();
    let mut tried = 0;
    for (program, files) in [
        (&binaries.dmz, &examples.dmz),
        (&binaries.inner, &examples.inner),
    ] {
        for example in files {
            let folder = tempfile::tempdir().expect("/tmp is writable");
            let text = at_home(example, folder.path());
            make_files(program, &text.parse().expect("an example is TOML"));
            let headers: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
            for header in std::iter::once("").chain(headers) {
                let misspelt = if header.is_empty() {
                    format!("misspelt_key = 1\n{text}")
                } else {
                    text.replacen(
                        &format!("\n{header}\n"),
                        &format!("\n{header}\nmisspelt_key = 1\n"),
                        1,
                    )
                };
                let config = folder.path().join("config.toml");
                write_private(&config, misspelt.as_bytes());
                let answer = Cli::new(program, Some(&config)).run(&["check"]);
                assert_eq!(answer.code, Some(64), "below {header:?}: {}", answer.both());
                assert!(answer.both().contains("misspelt_key"), "{}", answer.both());
                tried += 1;
            }
        }
    }
    assert!(tried > 8, "every table of every example was tried: {tried}");
}

#[test]
fn all_faults_of_a_configuration_are_told_together() {
    let binaries = Binaries::dev();
    let folder = tempfile::tempdir().expect("/tmp is writable");
    let config = folder.path().join("config.toml");
    write_private(
        &config,
        b"colour = 1\n[link]\nlisten = \"nowhere\"\nidentity = \"/no/such/key\"\npins = [\"sha256:1\"]\n",
    );
    let answer = Cli::new(&binaries.dmz, Some(&config)).run(&["check"]);
    assert_eq!(answer.code, Some(64));
    for fault in ["colour", "link.listen", "link.pins"] {
        assert!(
            answer.both().contains(fault),
            "tells of {fault}: {}",
            answer.both()
        );
    }
}

#[test]
fn checking_a_configuration_binds_nothing() {
    // The very addresses a running half holds: `check` could not bind them if it tried.
    let world = support::World::new();
    world.dmz_cli.ok(&["check"]);
    world.inner.cli().ok(&["check"]);
}
