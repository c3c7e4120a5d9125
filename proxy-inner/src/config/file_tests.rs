//! The configuration as operators write it: faults all at once, defaults, examples.

use std::fs;

use super::*;
use crate::keyring::SecretSource;

fn read(text: &str) -> Result<Config, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proxy-inner.toml");
    fs::write(&path, text).unwrap();
    load(&path).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn needs_only_the_store() {
    let config = read("store = \"/var/lib/proxy-inner\"").unwrap();
    assert!(config.link.is_none());
    assert_eq!(config.outbound.via, Via::Direct);
    assert_eq!(config.admin.socket, Path::new(DEFAULT_SOCKET));
    assert_eq!(config.session.buffer, 65_535);
    assert_eq!(config.queue.expire, Duration::from_secs(3 * 86_400));
    assert_eq!(config.spool.reserve, 1 << 30);
}

#[test]
fn reports_every_fault_at_once() {
    let faults = read(
        "storage = \"/x\"\n\
         [link]\naddress = \"dmz.example\"\npins = [\"sha256:12\"]\n\
         [[listener]]\nname = \"a b\"\nclient_certificate = \"maybe\"\n\
         [outbound]\ncertificate = \"/c.pem\"\n\
         [public]\nsessions = 5\nsessions_per_address = 6\nhandshake_timeout = \"1h\"\n\
         [session]\ncredit = 1000\nbuffer = 127\n\
         [queue]\nretry_first = \"10m\"\nretry_most = \"5m\"\n\
         [spool]\nreserve = 5\n\
         [log]\nformat = \"xml\"\n",
    )
    .unwrap_err();
    for key in [
        "store:",
        "storage:",
        "link.address:",
        "link.identity:",
        "link.pins[0]:",
        "listener[0].name:",
        "listener[0].certificate:",
        "listener[0].client_certificate:",
        "outbound.key:",
        "public.sessions_per_address:",
        "public.handshake_timeout:",
        "session.credit:",
        "session.buffer:",
        "queue.retry_most:",
        "spool.reserve:",
        "log.format:",
    ] {
        let count = faults.iter().filter(|fault| fault.starts_with(key)).count();
        assert_eq!(count, 1, "{key} in {faults:#?}");
    }
    assert_eq!(faults.len(), 16, "{faults:#?}");
}

#[test]
fn refuses_listeners_and_calls_over_a_link_that_is_not_configured() {
    let faults = read(
        "store = \"/x\"\n[outbound]\nvia = \"link\"\n\
         [[listener]]\nname = \"a\"\ncertificate = \"c\"\nkey = \"k\"\n",
    )
    .unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(faults[0].starts_with("listener: "), "{faults:#?}");
    assert!(faults[1].starts_with("outbound.via: "), "{faults:#?}");
}

#[test]
fn refuses_two_listeners_of_one_name_and_a_link_without_pins() {
    let listener = "[[listener]]\nname = \"a\"\ncertificate = \"c\"\nkey = \"k\"\n";
    let faults = read(&format!(
        "store = \"/x\"\n{listener}{listener}[link]\naddress = \"h:1\"\nidentity = \"i\"\n"
    ))
    .unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(
        faults.iter().any(|fault| fault.starts_with("link.pins: ")),
        "{faults:#?}"
    );
    assert!(
        faults
            .iter()
            .any(|fault| fault.starts_with("listener[1].name: ")),
        "{faults:#?}"
    );
}

#[test]
fn lowers_the_default_for_one_address_with_the_total() {
    let config = read("store = \"/x\"\n[public]\nsessions = 5\n").unwrap();
    assert_eq!(config.public.sessions_per_address, 5);
}

#[test]
fn the_queue_waits_alike_for_calls_and_for_refused_files() {
    let queue = "[queue]\nretry_first = \"2s\"\nretry_most = \"7s\"\n";
    let config = read(&format!("store = \"/x\"\n{queue}")).unwrap();
    let waits = |backoff: Backoff| (backoff.first.as_secs(), backoff.most.as_secs());
    assert_eq!(waits(config.queue.backoff), (2, 7));
    assert_eq!(waits(config.session.file_backoff), (2, 7));
}

#[test]
fn plain_listeners_are_off_by_default_and_stay_inside() {
    let config = read("store = \"/x\"").unwrap();
    assert_eq!(config.plain, Plain::default());
    assert!(config.plain.listen.is_empty());
    let listen = |addresses: &str, more: &str| {
        read(&format!(
            "store = \"/x\"\n[plain]\nlisten = {addresses}\n{more}"
        ))
    };
    let inside = listen(r#"["10.1.1.1:3305", "[fd00::1]:3305"]"#, "").unwrap();
    assert_eq!(inside.plain.listen.len(), 2);
    let everywhere = r#"["0.0.0.0:3305", "[::]:3305", "198.51.100.7:3305"]"#;
    let faults = listen(everywhere, "").unwrap_err();
    for (index, fault) in faults.iter().enumerate() {
        assert!(
            fault.starts_with(&format!("plain.listen[{index}]: ")),
            "{fault}"
        );
        assert!(fault.contains("plain.any_address = true"), "{fault}");
    }
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert!(listen(everywhere, "any_address = true").is_ok());
    let faults = listen(r#"["10.1.1.1:1", "10.1.1.1:1", "here"]"#, "").unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:#?}");
}

#[test]
fn authentication_needs_certificate_and_key() {
    let config = read("store = \"/x\"").unwrap();
    assert_eq!(config.authentication, None);
    let with = |keys: &str| read(&format!("store = \"/x\"\n[authentication]\n{keys}"));
    let both = with("certificate = \"c\"\nkey = \"k\"").unwrap();
    assert_eq!(both.authentication.unwrap().key, Path::new("k"));
    assert_eq!(with("").unwrap_err().len(), 2);
    assert_eq!(with("certificate = \"c\"").unwrap_err().len(), 1);
}

#[test]
fn the_times_of_a_session_are_settings() {
    let times = "opening = \"1s\"\ninactivity = \"2s\"\nend_of_file = \"3s\"\nleave = \"4s\"\nanswer = \"5s\"";
    let session = read(&format!("store = \"/x\"\n[session]\n{times}"))
        .unwrap()
        .session;
    let seconds = [
        session.opening,
        session.inactivity,
        session.end_of_file,
        session.leave,
        session.answer,
    ]
    .map(|time| time.as_secs());
    assert_eq!(seconds, [1, 2, 3, 4, 5]);
}

#[test]
fn history_is_kept_at_least_as_long_as_files_are_tried() {
    let queue = |history: &str| {
        read(&format!(
            "store = \"/x\"\n[queue]\nexpire = \"5d\"\nhistory = \"{history}\""
        ))
    };
    assert_eq!(queue("5d").unwrap().queue.history.as_secs(), 5 * 86_400);
    let faults = queue("4d").unwrap_err();
    assert!(
        faults.len() == 1 && faults[0].starts_with("queue.history: "),
        "{faults:#?}"
    );
}

#[test]
fn finds_the_admin_socket_though_other_keys_are_faulty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proxy-inner.toml");
    fs::write(&path, "nonsense = 1\n[admin]\nsocket = \"/tmp/s\"\n").unwrap();
    assert_eq!(admin_socket(&path).unwrap(), Path::new("/tmp/s"));
}

#[test]
fn accepts_the_example_and_the_example_states_the_defaults() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/inner.toml");
    let stated = load(&example).unwrap();
    let text = fs::read_to_string(&example).unwrap();
    let bare = text.lines().filter(|line| {
        // The same file without the keys that have defaults, so that these apply.
        let key = line.split('=').next().unwrap_or_default().trim();
        !DEFAULTED.contains(&key)
    });
    let defaults = read(&bare.collect::<Vec<_>>().join("\n")).unwrap();
    let comparable = |config: Config| {
        format!(
            "{:?}",
            Config {
                file: PathBuf::new(),
                ..config
            }
        )
    };
    assert_eq!(comparable(stated), comparable(defaults));
    for key in DEFAULTED {
        assert!(
            text.lines()
                .any(|line| line.split('=').next().unwrap_or_default().trim() == *key),
            "the example does not show {key}"
        );
    }
}

/// Keys that have a default; the example must show each at its default.
const DEFAULTED: &[&str] = &[
    "socket",
    "client_certificate",
    "via",
    "connect_timeout",
    "sessions",
    "sessions_per_address",
    "handshakes",
    "handshake_timeout",
    "ssid_timeout",
    "open_timeout",
    "idle_timeout",
    "credit",
    "buffer",
    "opening",
    "inactivity",
    "end_of_file",
    "leave",
    "answer",
    "listen",
    "any_address",
    "keep",
    "strangers",
    "retry_first",
    "retry_most",
    "expire",
    "history",
    "file_attempts",
    "scan_outbox",
    "reserve",
    "format",
    "filter",
];

#[test]
fn the_keyring_has_its_secrets_from_one_place_each() {
    let config = read(
        "store = \"/x\"\n[keyring]\nmaster_credential = \"inner-master\"\ntoken_pin = \"/etc/pin\"\n\
         [archive]\nkeep = \"30d\"\n",
    )
    .unwrap();
    assert_eq!(
        config.keyring.master,
        Some(SecretSource::Credential("inner-master".to_owned()))
    );
    assert_eq!(
        config.keyring.token_pin,
        Some(SecretSource::File("/etc/pin".into()))
    );
    assert_eq!(config.archive.keep, DAY * 30);
    let config = read("store = \"/x\"\n[keyring]\nmaster_prompt = true\n").unwrap();
    assert_eq!(config.keyring.master, Some(SecretSource::Prompt));
    assert_eq!(config.archive.keep, DAY * 90);

    for (text, key) in [
        (
            "master_secret = \"/a\"\nmaster_prompt = true",
            "keyring.master_secret:",
        ),
        (
            "master_credential = \"../../etc/passwd\"",
            "keyring.master_credential:",
        ),
        ("master = \"in the clear\"", "keyring.master:"),
    ] {
        let faults = read(&format!("store = \"/x\"\n[keyring]\n{text}\n")).unwrap_err();
        assert!(
            faults.len() == 1 && faults[0].starts_with(key),
            "{faults:#?}"
        );
    }
}

#[test]
fn a_listener_shows_files_or_the_keys_of_a_station() {
    let listener = |shows: &str| {
        let pin = "0".repeat(64);
        read(&format!(
            "store = \"/x\"\n[link]\naddress = \"dmz.example:16619\"\nidentity = \"/k\"\n\
             pins = [\"sha256:{pin}\"]\n[[listener]]\nname = \"oftps\"\n{shows}\n\
             [outbound]\n{shows}\n"
        ))
    };
    let config = listener("station = \"US\"").unwrap();
    let station = TlsSource::Station("US".to_owned());
    assert_eq!(config.listeners[0].tls, station);
    assert_eq!(config.outbound.tls, Some(station));
    let both = "station = \"US\"\ncertificate = \"/c\"\nkey = \"/k\"";
    assert_eq!(listener(both).unwrap_err().len(), 2);
    assert_eq!(listener("station = \"us\"").unwrap_err().len(), 2);
    let nothing = listener("").unwrap_err();
    assert!(
        nothing.len() == 1 && nothing[0].contains("station with a key for tls-server"),
        "{nothing:#?}"
    );
}
