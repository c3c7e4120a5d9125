//! What `check` finds, on folders made for the purpose.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use super::*;
use crate::keys::{create_identity, issue, issue_authentication};

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        issue(
            &["oftp.example".to_owned()],
            90,
            &path("tls.pem"),
            &path("tls.key"),
        )
        .unwrap();
        create_identity(&path("link.key")).unwrap();
        World { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> Config {
        let folder = self.folder.path().display();
        let pin = "0".repeat(64);
        let text = format!(
            "store = \"{folder}/store\"\n[admin]\nsocket = \"{folder}/run/admin.sock\"\n\
             [link]\naddress = \"127.0.0.1:16619\"\nidentity = \"{folder}/link.key\"\n\
             pins = [\"sha256:{pin}\"]\n\
             [[listener]]\nname = \"oftps\"\ncertificate = \"{folder}/tls.pem\"\n\
             key = \"{folder}/tls.key\"\n[spool]\nreserve = \"0B\"\n"
        );
        let path = self.path("proxy-inner.toml");
        fs::write(&path, text).unwrap();
        Config::load(&path).unwrap()
    }

    fn problems(&self, config: &Config) -> Vec<String> {
        let report = examine(config, Timestamp::now());
        let problems = report
            .findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Problem);
        problems
            .map(|finding| format!("{}: {}", finding.what, finding.detail))
            .collect()
    }
}

#[test]
fn finds_nothing_wrong_and_makes_nothing() {
    let world = World::new();
    let config = world.config();
    assert_eq!(world.problems(&config), Vec::<String>::new());
    let text = examine(&config, Timestamp::now()).to_string();
    assert!(text.contains("OK       listener oftps"), "{text}");
    assert!(text.contains("names oftp.example"), "{text}");
    assert!(!world.path("store").exists() && !world.path("run").exists());
}

#[test]
fn names_every_problem_at_once() {
    let world = World::new();
    let config = world.config();
    fs::set_permissions(world.path("tls.key"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(world.path("link.key")).unwrap();
    fs::write(world.path("store"), "no folder").unwrap();
    fs::create_dir(world.path("run")).unwrap();
    fs::write(world.path("run/admin.sock"), "no socket").unwrap();
    let problems = world.problems(&config);
    assert_eq!(problems.len(), 4, "{problems:#?}");
    for part in [
        "chmod 600",
        "proxy-inner identity --key",
        "is no folder",
        "move it away",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "{part}: {problems:#?}"
        );
    }
}

#[test]
fn tells_a_certificate_that_has_ended_or_will_soon() {
    let world = World::new();
    let config = world.config();
    let day =
        |days: i64| Timestamp::from_second(Timestamp::now().as_second() + days * 86_400).unwrap();
    let later = examine(&config, day(100)).to_string();
    assert!(
        later.contains("PROBLEM  listener oftps") && later.contains("expired"),
        "{later}"
    );
    let soon = examine(&config, day(70)).to_string();
    assert!(
        soon.contains("NOTE     listener oftps") && soon.contains("replace it soon"),
        "{soon}"
    );
}

#[test]
fn points_out_our_own_pin_where_the_other_half_belongs() {
    let world = World::new();
    let mut config = world.config();
    let own = keys::load_identity(&world.path("link.key")).unwrap().pin();
    config.link.as_mut().unwrap().pins = vec![own];
    let problems = world.problems(&config);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains("pin of the DMZ half"), "{problems:#?}");
}

#[test]
fn knows_a_running_process_from_a_dead_socket() {
    let world = World::new();
    let config = world.config();
    fs::create_dir(world.path("run")).unwrap();
    let listener = UnixListener::bind(world.path("run/admin.sock")).unwrap();
    let text = examine(&config, Timestamp::now()).to_string();
    assert!(text.contains("a running process answers there"), "{text}");
    drop(listener);
    let text = examine(&config, Timestamp::now()).to_string();
    assert!(text.contains("will be replaced"), "{text}");
}

#[test]
fn looks_at_the_key_for_secure_authentication() {
    let world = World::new();
    let mut config = world.config();
    let files = |stem: &str| super::super::TlsFiles {
        certificate: world.path(&format!("{stem}.pem")),
        key: world.path(&format!("{stem}.key")),
    };
    let made = files("auth");
    issue_authentication("O0013US", 90, &made.certificate, &made.key).unwrap();
    config.authentication = Some(made.clone());
    assert_eq!(world.problems(&config), Vec::<String>::new());
    let text = examine(&config, Timestamp::now()).to_string();
    assert!(text.contains("OK       authentication "), "{text}");

    // A pair that serves TLS too is pointed out, whatever its file is called.
    let copy = files("copy");
    fs::copy(&made.certificate, &copy.certificate).unwrap();
    config.outbound.tls = Some(super::super::TlsSource::Files(copy));
    let text = examine(&config, Timestamp::now()).to_string();
    assert!(text.contains("the same pair serves TLS"), "{text}");
    config.outbound.tls = None;

    // The listener's key is elliptic.
    config.authentication = Some(files("tls"));
    let problems = world.problems(&config);
    assert!(
        problems.len() == 1 && problems[0].contains("RSA"),
        "{problems:#?}"
    );
    config.authentication = Some(made.clone());
    fs::set_permissions(&made.key, fs::Permissions::from_mode(0o644)).unwrap();
    let problems = world.problems(&config);
    assert!(
        problems.len() == 1 && problems[0].contains("chmod 600"),
        "{problems:#?}"
    );
}

#[test]
fn points_out_plain_listeners_and_waits_that_the_dmz_half_would_cut() {
    let world = World::new();
    let mut config = world.config();
    let quiet = examine(&config, Timestamp::now()).to_string();
    assert!(
        !quiet.contains("plain") && !quiet.contains("idle_timeout"),
        "{quiet}"
    );
    config.plain.listen = vec!["10.1.1.1:3305".parse().unwrap()];
    config.public.idle_ms = 600_000;
    let text = examine(&config, Timestamp::now()).to_string();
    assert!(
        text.contains("NOTE     plain listener 10.1.1.1:3305"),
        "{text}"
    );
    assert!(
        text.contains("not longer than session.end_of_file and session.answer"),
        "{text}"
    );
}

#[test]
fn looks_at_the_secrets_of_the_keyring() {
    let world = World::new();
    let mut config = world.config();
    let secret = world.path("master");
    config.keyring.master = Some(crate::keyring::SecretSource::File(secret.clone()));
    let problems = world.problems(&config);
    assert!(
        problems.len() == 1 && problems[0].contains("cannot be read"),
        "{problems:#?}"
    );
    fs::write(&secret, "far too long to be guessed").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let problems = world.problems(&config);
    assert!(
        problems.len() == 1 && problems[0].contains("chmod 600"),
        "{problems:#?}"
    );
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(world.problems(&config), Vec::<String>::new());
    config.listeners[0].tls = super::super::TlsSource::Station("US".to_owned());
    let text = examine(&config, Timestamp::now()).to_string();
    assert!(text.contains("shows a key of station US"), "{text}");
    assert!(!text.contains("guessed"), "{text}");
}
