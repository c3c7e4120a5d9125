//! `[keyring]`, `[archive]`, and what a TLS side shows: files, or a station's keys.

use std::path::PathBuf;
use std::time::Duration;

use ops::Section;

use super::TlsFiles;
use super::file::DAY;
use crate::keyring::SecretSource;

/// `[keyring]`: what unlocks our keys in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyring {
    /// Where the master secret comes from; without one no key can be kept in the store.
    pub master: Option<SecretSource>,
    /// Where the PIN of the PKCS#11 token comes from.
    pub token_pin: Option<SecretSource>,
}

/// `[archive]`: files kept as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// How long after the end of their transfer.
    pub keep: Duration,
}

/// What this half shows in TLS handshakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// Certificate and key in files, read at start.
    Files(TlsFiles),
    /// The keys of the station of that name, renewed without a restart.
    Station(String),
}

impl Keyring {
    pub(super) fn read(root: &mut Section<'_>) -> Keyring {
        let mut keyring = Keyring::default();
        let Some(mut section) = root.section("keyring") else {
            return keyring;
        };
        keyring.master = secret(&mut section, &MASTER);
        keyring.token_pin = secret(&mut section, &PIN);
        section.finish();
        keyring
    }
}

impl Archive {
    pub(super) fn read(root: &mut Section<'_>) -> Archive {
        let mut archive = Archive { keep: DAY * 90 };
        if let Some(mut section) = root.section("archive") {
            archive.keep = section.duration("keep", DAY..=DAY * 3650, archive.keep);
            section.finish();
        }
        archive
    }
}

impl TlsSource {
    /// Reads `certificate` and `key`, or `station`; `None` when neither is there or something is
    /// wrong, which is noted.
    pub(super) fn read(section: &mut Section<'_>) -> Option<TlsSource> {
        let station = section.string("station");
        let (certificate, key) = (section.path("certificate"), section.path("key"));
        let files = section.contains("certificate") || section.contains("key");
        if section.contains("station") {
            if files {
                section.fault(
                    "station",
                    "station beside certificate and key",
                    "either the keys of a station, or the two files",
                );
                return None;
            }
            if let Some(station) = &station
                && !is_station_name(station)
            {
                section.fault("station", format!("{station:?}"), STATION_NAME);
                return None;
            }
            return station.map(TlsSource::Station);
        }
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some(TlsSource::Files(TlsFiles { certificate, key })),
            (Some(_), None) if !section.contains("key") => {
                section.fault("key", "nothing", "the key of the certificate beside it");
                None
            }
            (None, Some(_)) if !section.contains("certificate") => {
                section.fault(
                    "certificate",
                    "nothing",
                    "the certificate of the key beside it",
                );
                None
            }
            _ => None,
        }
    }

    /// The files, where it is files.
    pub(super) fn files(&self) -> Option<&TlsFiles> {
        match self {
            TlsSource::Files(files) => Some(files),
            TlsSource::Station(_) => None,
        }
    }
}

/// The keys one secret may be named by: a file, a credential, the question.
struct Names {
    file: &'static str,
    credential: &'static str,
    prompt: &'static str,
}

const MASTER: Names = Names {
    file: "master_secret",
    credential: "master_credential",
    prompt: "master_prompt",
};
const PIN: Names = Names {
    file: "token_pin",
    credential: "token_pin_credential",
    prompt: "token_pin_prompt",
};

fn secret(section: &mut Section<'_>, names: &Names) -> Option<SecretSource> {
    let file: Option<PathBuf> = section.path(names.file);
    let credential = section.string(names.credential);
    let prompt = section.boolean(names.prompt, false);
    if let Some(name) = &credential
        && !is_credential_name(name)
    {
        section.fault(names.credential, format!("{name:?}"), CREDENTIAL_NAME);
        return None;
    }
    let mut given: Vec<SecretSource> = Vec::new();
    given.extend(file.map(SecretSource::File));
    given.extend(credential.map(SecretSource::Credential));
    given.extend(prompt.then_some(SecretSource::Prompt));
    if given.len() > 1 {
        section.fault(
            names.file,
            format!("{} places for one secret", given.len()),
            format!(
                "one of {}, {} and {}",
                names.file, names.credential, names.prompt
            ),
        );
        return None;
    }
    given.pop()
}

const CREDENTIAL_NAME: &str = "the name of a systemd credential: letters, digits, . - and _";
const STATION_NAME: &str = "the name of one of our stations: 1 to 32 of A-Z 0-9 _ -";

fn is_credential_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_'))
}

fn is_station_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|octet| matches!(octet, b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-'))
}
