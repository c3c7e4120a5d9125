//! The keys of `proxy-inner.toml`: their types, ranges and defaults, and the rules between them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::link::{ClientCertificate, Pin, PublicLimits};
use ops::{Backoff, Faults, Section, read_table};

use super::{
    Admin, Archive, Config, DEFAULT_SOCKET, Keyring, Link, Listener, Outbound, Plain, Queue, Spool,
    TlsFiles, TlsSource, Via,
};
use crate::schedule::outbox::HISTORY;
use crate::session::{SessionSettings, Strangers};

/// Reads the whole file.
pub(super) fn load(path: &Path) -> Result<Config, Faults> {
    let table = read_table(path)?;
    let mut faults = Faults::new(path.display().to_string());
    let mut root = Section::root(&table, &mut faults);

    let store = root.required_path("store");
    let admin = admin(&mut root);
    let link = Link::read(&mut root);
    let linked = root.contains("link");
    let listeners = listeners(&mut root, linked);
    let outbound = outbound(&mut root, linked);
    let public = public(&mut root);
    let plain = Plain::read(&mut root);
    let keyring = Keyring::read(&mut root);
    let archive = Archive::read(&mut root);
    let authentication = authentication(&mut root);
    let (queue, file_attempts) = queue(&mut root);
    let session = session(&mut root, file_attempts, queue.backoff);
    let spool = spool(&mut root);
    let log = ops::logging::Settings::read(&mut root);
    root.finish();
    faults.into_result()?;

    Ok(Config {
        file: path.to_owned(),
        // With no fault noted the required keys were there.
        store: store.unwrap_or_default(),
        admin,
        link,
        listeners,
        outbound,
        public,
        plain,
        keyring,
        archive,
        authentication,
        session,
        queue,
        spool,
        log,
    })
}

/// Only the admin socket's path, for commands that speak to a running process: they must work
/// while the rest of the file is being edited.
///
/// # Errors
/// When the file cannot be read, is no TOML, or `admin.socket` itself is wrong.
pub fn admin_socket(path: &Path) -> Result<PathBuf, Faults> {
    let table = read_table(path)?;
    let mut faults = Faults::new(path.display().to_string());
    let mut root = Section::root(&table, &mut faults);
    let admin = admin(&mut root);
    drop(root);
    faults.into_result()?;
    Ok(admin.socket)
}

fn admin(root: &mut Section<'_>) -> Admin {
    let mut socket = PathBuf::from(DEFAULT_SOCKET);
    if let Some(mut section) = root.section("admin") {
        if let Some(path) = section.path("socket") {
            if path.as_os_str().len() > LONGEST_SOCKET {
                let found = format!("a path of {} octets", path.as_os_str().len());
                section.fault("socket", found, format!("at most {LONGEST_SOCKET} octets"));
            }
            socket = path;
        }
        section.finish();
    }
    Admin { socket }
}

/// What a Unix socket's address can hold, less the room for the name it is bound under at first.
const LONGEST_SOCKET: usize = 90;

impl Link {
    fn read(root: &mut Section<'_>) -> Option<Link> {
        let mut section = root.section("link")?;
        let address = section.required_host_port("address");
        let identity = section.required_path("identity");
        let pins: Vec<Pin> = section.parsed_strings("pins", PIN);
        if section.strings("pins").is_empty() {
            section.fault(
                "pins",
                "no pin",
                format!("at least one pin of the DMZ half, {PIN}"),
            );
        }
        section.finish();
        Some(Link {
            address: address?,
            identity: identity?,
            pins,
        })
    }
}

const PIN: &str = "\"sha256:\" and 64 hexadecimal digits, as `proxy-dmz identity --show` prints it";

fn listeners(root: &mut Section<'_>, linked: bool) -> Vec<Listener> {
    let sections = root.sections("listener");
    if !linked && !sections.is_empty() {
        root.fault("listener", "listeners without [link]", LISTENER_NEEDS_LINK);
    }
    let mut names = BTreeSet::new();
    let mut listeners = Vec::with_capacity(sections.len());
    for (index, mut section) in sections.into_iter().enumerate() {
        if index == MOST_LISTENERS {
            section.fault(
                "name",
                "too many listeners",
                format!("at most {MOST_LISTENERS}"),
            );
        }
        let name = section.required_string("name");
        if let Some(name) = &name {
            if !is_listener_name(name) {
                section.fault("name", format!("{name:?}"), LISTENER_NAME);
            } else if !names.insert(name.clone()) {
                section.fault("name", format!("{name:?} twice"), "a name of its own");
            }
        }
        let shows = ["station", "certificate", "key"];
        if !shows.iter().any(|key| section.contains(key)) {
            section.fault("certificate", "nothing", LISTENER_SHOWS);
        }
        let tls = TlsSource::read(&mut section);
        let client_certificate = section.one_of(
            "client_certificate",
            &CLIENT_CERTIFICATE,
            ClientCertificate::Off,
        );
        section.finish();
        if let (Some(name), Some(tls)) = (name, tls) {
            listeners.push(Listener {
                name,
                tls,
                client_certificate,
            });
        }
    }
    listeners
}

const MOST_LISTENERS: usize = 16;
const LISTENER_NAME: &str = "1 to 32 of the characters a-z, A-Z, 0-9, - and _";
const LISTENER_SHOWS: &str =
    "what partners are shown: certificate and key, or station with a key for tls-server";
const LISTENER_NEEDS_LINK: &str =
    "a [link] section: public listeners open on the DMZ half, which is reached over the link";
const CLIENT_CERTIFICATE: [(&str, ClientCertificate); 3] = [
    ("off", ClientCertificate::Off),
    ("request", ClientCertificate::Request),
    ("require", ClientCertificate::Require),
];

fn is_listener_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
}

fn outbound(root: &mut Section<'_>, linked: bool) -> Outbound {
    let mut outbound = Outbound {
        via: if linked { Via::Link } else { Via::Direct },
        tls: None,
        connect_timeout: seconds(10),
    };
    let Some(mut section) = root.section("outbound") else {
        return outbound;
    };
    let ways = [("link", Via::Link), ("direct", Via::Direct)];
    outbound.via = section.one_of("via", &ways, outbound.via);
    if outbound.via == Via::Link && !linked {
        section.fault(
            "via",
            "\"link\" without [link]",
            "a [link] section, or \"direct\"",
        );
    }
    outbound.tls = TlsSource::read(&mut section);
    outbound.connect_timeout = section.duration(
        "connect_timeout",
        MOMENT..=minutes(5),
        outbound.connect_timeout,
    );
    section.finish();
    outbound
}

fn public(root: &mut Section<'_>) -> PublicLimits {
    let mut limits = PublicLimits {
        sessions: 1_000,
        sessions_per_address: 250,
        handshakes: 128,
        handshake_ms: 10_000,
        ssid_ms: 10_000,
        open_ms: 5_000,
        idle_ms: 900_000,
    };
    let Some(mut section) = root.section("public") else {
        return limits;
    };
    limits.sessions = section.integer("sessions", 1..=100_000, limits.sessions);
    let per_address = limits.sessions_per_address.min(limits.sessions);
    limits.sessions_per_address = section.integer("sessions_per_address", 1..=100_000, per_address);
    if limits.sessions_per_address > limits.sessions {
        let found = limits.sessions_per_address.to_string();
        let wanted = format!("at most public.sessions, which is {}", limits.sessions);
        section.fault("sessions_per_address", found, wanted);
    }
    limits.handshakes = section.integer("handshakes", 1..=10_000, limits.handshakes);
    limits.handshake_ms = milliseconds(
        &mut section,
        "handshake_timeout",
        minutes(2),
        limits.handshake_ms,
    );
    limits.ssid_ms = milliseconds(&mut section, "ssid_timeout", minutes(5), limits.ssid_ms);
    limits.open_ms = milliseconds(&mut section, "open_timeout", minutes(1), limits.open_ms);
    limits.idle_ms = milliseconds(&mut section, "idle_timeout", DAY, limits.idle_ms);
    section.finish();
    limits
}

fn authentication(root: &mut Section<'_>) -> Option<TlsFiles> {
    let mut section = root.section("authentication")?;
    let certificate = section.required_path("certificate");
    let key = section.required_path("key");
    section.finish();
    Some(TlsFiles {
        certificate: certificate?,
        key: key?,
    })
}

fn milliseconds(section: &mut Section<'_>, key: &str, most: Duration, default: u32) -> u32 {
    let default_span = Duration::from_millis(u64::from(default));
    let span = section.duration(key, MOMENT..=most, default_span);
    u32::try_from(span.as_millis()).unwrap_or(default)
}

fn session(root: &mut Section<'_>, file_attempts: u32, file_backoff: Backoff) -> SessionSettings {
    let mut settings = SessionSettings {
        file_attempts,
        file_backoff,
        ..SessionSettings::default()
    };
    let Some(mut section) = root.section("session") else {
        return settings;
    };
    settings.credit = section.integer("credit", 1..=999, settings.credit);
    settings.buffer = section.integer("buffer", 128..=99_999, settings.buffer);
    settings.opening = section.duration("opening", MOMENT..=minutes(10), settings.opening);
    settings.inactivity = section.duration("inactivity", MOMENT..=minutes(60), settings.inactivity);
    settings.end_of_file = section.duration("end_of_file", MOMENT..=DAY, settings.end_of_file);
    settings.leave = section.duration("leave", MOMENT..=minutes(10), settings.leave);
    settings.answer = section.duration("answer", MOMENT..=DAY, settings.answer);
    let sessions = u32::try_from(settings.sessions).unwrap_or(u32::MAX);
    let sessions = section.integer("sessions", 1..=100_000, sessions);
    settings.sessions = usize::try_from(sessions).unwrap_or(usize::MAX);
    let words = [("esid", Strangers::Esid), ("silent", Strangers::Silent)];
    settings.strangers = section.one_of("strangers", &words, settings.strangers);
    section.finish();
    settings
}

fn queue(root: &mut Section<'_>) -> (Queue, u32) {
    let mut queue = Queue {
        backoff: Backoff {
            first: seconds(30),
            most: minutes(15),
        },
        expire: DAY * 3,
        history: HISTORY,
        scan_outbox: seconds(5),
    };
    let mut file_attempts = 10;
    let Some(mut section) = root.section("queue") else {
        return (queue, file_attempts);
    };
    queue.backoff.first = section.duration("retry_first", MOMENT..=DAY, queue.backoff.first);
    let most = queue.backoff.most.max(queue.backoff.first);
    queue.backoff.most = section.duration("retry_most", MOMENT..=DAY, most);
    if queue.backoff.most < queue.backoff.first {
        let found = format!("\"{}\"", ops::duration::display(queue.backoff.most));
        let first = ops::duration::display(queue.backoff.first);
        section.fault(
            "retry_most",
            found,
            format!("at least queue.retry_first, \"{first}\""),
        );
    }
    queue.expire = section.duration("expire", minutes(1)..=DAY * 90, queue.expire);
    queue.history = section.duration("history", DAY..=DAY * 3650, queue.history);
    if queue.history < queue.expire {
        let found = format!("\"{}\"", ops::duration::display(queue.history));
        let expire = ops::duration::display(queue.expire);
        section.fault(
            "history",
            found,
            format!("at least queue.expire, \"{expire}\": a transfer must not be forgotten while it may still be tried"),
        );
    }
    file_attempts = section.integer("file_attempts", 1..=1_000, file_attempts);
    queue.scan_outbox = section.duration("scan_outbox", MOMENT..=minutes(60), queue.scan_outbox);
    section.finish();
    (queue, file_attempts)
}

fn spool(root: &mut Section<'_>) -> Spool {
    let mut spool = Spool { reserve: 1 << 30 };
    if let Some(mut section) = root.section("spool") {
        spool.reserve = section.size("reserve", 0..=1 << 44, spool.reserve);
        section.finish();
    }
    spool
}

/// The shortest span anything here may be set to.
pub(super) const MOMENT: Duration = Duration::from_millis(10);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(super) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
