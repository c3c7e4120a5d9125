//! What `check` says of certificates, keys and the secrets that unlock them.

use std::io;

use ::keyring::Facts;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::super::{Config, TlsFiles, TlsSource};
use super::{Report, SOON};
use crate::keyring::{SecretSource, Secrets};
use crate::keys;

/// What is shown in TLS handshakes.
pub(super) fn shown(
    what: &str,
    source: &TlsSource,
    config: &Config,
    now: Timestamp,
    report: &mut Report,
) {
    match source {
        TlsSource::Files(files) => certificate(what, files, now, report),
        TlsSource::Station(station) if config.keyring == super::super::Keyring::default() => report
            .note(
                what,
                format!(
                    "shows a key of station {station}, but [keyring] names no master secret and no \
                     PIN, so there can be none"
                ),
            ),
        TlsSource::Station(station) => report.ok(
            what,
            format!("shows a key of station {station}; `proxy-inner key list` tells which, while it runs"),
        ),
    }
}

/// The secrets of the keyring; nobody is asked.
pub(super) fn keyring(config: &Config, report: &mut Report) {
    let keyring = &config.keyring;
    let sources = [
        ("keyring master secret", &keyring.master, true),
        ("keyring token PIN", &keyring.token_pin, false),
    ];
    for (what, source, master) in sources {
        let Some(source) = source else {
            continue;
        };
        if *source == SecretSource::Prompt {
            report.note(what, "is asked for as the process starts, on a terminal");
            continue;
        }
        let mut nobody = |_: &str| Err::<Zeroizing<String>, _>(io::Error::other("not asked"));
        let (one, other) = match master {
            true => (Some(source), None),
            false => (None, Some(source)),
        };
        match Secrets::gather(one, other, false, &mut nobody) {
            Ok(_) => report.ok(what, "is there and can be read by this account only"),
            Err(error) => report.problem(what, error.to_string()),
        }
    }
}

fn certificate(what: &str, files: &TlsFiles, now: Timestamp, report: &mut Report) {
    let what = format!("{what} {}", files.certificate.display());
    let identity = match keys::load(&files.certificate, &files.key) {
        Ok(identity) => identity,
        Err(error) => return report.problem(what, error.to_string()),
    };
    let facts = identity.chain.first().map(|first| ::keyring::facts(first));
    let Some(Ok(facts)) = facts else {
        return report.problem(what, "its first certificate does not parse");
    };
    let names = if facts.names.is_empty() {
        "no host".to_owned()
    } else {
        facts.names.join(", ")
    };
    if let Some(problem) = facts.problem_at(now) {
        report.problem(
            what,
            format!("matches its key, names {names}, but is {problem}"),
        );
        return;
    }
    let days = facts.days_left(now);
    let told = format!(
        "matches its key, names {names}, valid for {days} more days, {}",
        facts.fingerprint_text()
    );
    if days < SOON {
        report.note(what, format!("{told}; replace it soon"));
    } else if facts.names.is_empty() {
        report.note(
            what,
            format!("{told}; partners that check host names will refuse it"),
        );
    } else {
        report.ok(what, told);
    }
}

pub(super) fn authentication(config: &Config, now: Timestamp, report: &mut Report) {
    let Some(files) = &config.authentication else {
        return;
    };
    let what = format!("authentication {}", files.certificate.display());
    let loaded = keys::load_authentication(&files.certificate, &files.key)
        .and_then(|_| keys::load_chain(&files.certificate));
    let chain = match loaded {
        Ok(chain) => chain,
        Err(error) => return report.problem(what, error.to_string()),
    };
    let facts = chain.first().map(|first| ::keyring::facts(first));
    let Some(Ok(facts)) = facts else {
        return report.problem(what, "its first certificate does not parse");
    };
    if let Some(problem) = facts.problem_at(now) {
        return report.problem(what, format!("matches its key, but is {problem}"));
    }
    let days = facts.days_left(now);
    let told = format!(
        "matches its key, valid for {days} more days, {}",
        facts.fingerprint_text()
    );
    let tls = config.listeners.iter().map(|listener| &listener.tls);
    let shared = tls
        .chain(&config.outbound.tls)
        .filter_map(TlsSource::files)
        .find(|tls| tls.key == files.key || has_first(tls, &facts));
    if let Some(tls) = shared {
        report.note(
            what,
            format!(
                "{told}; the same pair serves TLS ({}): make one of its own, because partners \
                 choose what this key decrypts (`proxy-inner certificate --authentication NAME`)",
                tls.certificate.display()
            ),
        );
    } else if days < SOON {
        report.note(what, format!("{told}; replace it soon"));
    } else {
        report.ok(what, told);
    }
}

/// Whether the first certificate of a chain is this one.
fn has_first(tls: &TlsFiles, facts: &Facts) -> bool {
    keys::fingerprint_of_file(&tls.certificate)
        .is_ok_and(|fingerprint| fingerprint == facts.fingerprint_text())
}
