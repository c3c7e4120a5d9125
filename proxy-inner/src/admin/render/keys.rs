//! Our keys as people read them.

use std::fmt::Write as _;

use super::super::protocol::{KeyDetail, KeyUsesBody};
use super::super::view::{KeyUseView, KeyView};
use super::{facts, table, time};

/// Keys as a table.
pub(in crate::admin) fn keys(keys: &[KeyView]) -> String {
    if keys.is_empty() {
        return "No keys. Make one with `proxy-inner key create`, or take one in with `key import`.\n"
            .to_owned();
    }
    let rows = keys.iter().map(|key| {
        let (until, left) = match &key.certificate {
            Some(certificate) => (time(&certificate.not_after), left(certificate.days_left)),
            None if key.request_waits => ("waits for the CA".to_owned(), String::new()),
            None => ("no certificate".to_owned(), String::new()),
        };
        vec![
            key.name.clone(),
            key.kind.clone().unwrap_or_else(|| "?".to_owned()),
            key.home.clone(),
            until,
            left,
            summary(&key.uses),
        ]
    });
    let head = [
        "KEY",
        "KIND",
        "HOME",
        "VALID UNTIL (UTC)",
        "LEFT",
        "USED FOR",
    ];
    let mut text = table(&head, rows);
    for key in keys {
        if let Some(problem) = &key.problem {
            let _ = writeln!(text, "\n{}: {problem}.", key.name);
        }
    }
    text
}

/// One key with its explanation.
pub(in crate::admin) fn key(detail: &KeyDetail) -> String {
    let KeyDetail {
        key,
        explanation,
        notes,
    } = detail;
    let home = match &key.token {
        Some(uri) => format!("token {uri}"),
        None => "the store, sealed".to_owned(),
    };
    let mut rows = vec![
        ("key", key.name.clone()),
        (
            "kind",
            key.kind.clone().unwrap_or_else(|| "unknown".to_owned()),
        ),
        ("private key", home),
        ("since", time(&key.created)),
    ];
    if key.request_waits {
        let waits = format!(
            "waits for the CA's answer (`key request {name}`, then `key install {name} FILE`)",
            name = key.name
        );
        rows.push(("request", waits));
    }
    if key.further_certificates > 0 {
        let number = key.further_certificates;
        let further =
            format!("{number} further certificates: issuers, and earlier ones of this key");
        rows.push(("with it", further));
    }
    if let Some(problem) = &key.problem {
        rows.push(("problem", problem.clone()));
    }
    if key.uses.is_empty() {
        rows.push(("used for", "nothing".to_owned()));
    }
    let mut text = facts(&rows);
    for one in &key.uses {
        let _ = writeln!(text, "{:<15} {}", "used for", used(one));
    }
    if !explanation.is_empty() {
        text.push('\n');
        text.push_str(explanation.trim_end());
        text.push('\n');
    }
    text.push_str(&told(notes));
    text
}

/// What was done to a key.
pub(in crate::admin) fn changed(detail: &KeyDetail, what: &str) -> String {
    let key = &detail.key;
    let mut text = format!("key {}: {what}", key.name);
    if let Some(kind) = &key.kind {
        let _ = write!(text, " ({kind}, in the {})", key.home);
    }
    text.push('\n');
    if let Some(certificate) = &key.certificate {
        let _ = write!(
            text,
            "{}",
            facts(&[
                ("subject", certificate.subject.clone()),
                ("valid until", time(&certificate.not_after)),
                ("fingerprint", certificate.fingerprint.clone()),
            ])
        );
    }
    text.push_str(&told(&detail.notes));
    text
}

/// The uses that changed.
pub(in crate::admin) fn uses(body: &KeyUsesBody, what: &str) -> String {
    let mut text = String::new();
    for one in &body.uses {
        let _ = writeln!(text, "key {}: {what} {}", one.key, used(one));
    }
    text.push_str(&told(&body.notes));
    text
}

fn used(one: &KeyUseView) -> String {
    format!("{} of station {} ({})", one.role, one.station, one.slot)
}

/// What a key is used for, in few words: equal slots of a station together.
fn summary(uses: &[KeyUseView]) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for one in uses {
        let place = match one.slot.as_str() {
            "current" => one.station.clone(),
            slot => format!("{} {slot}", one.station),
        };
        match groups.iter_mut().find(|(known, _)| *known == place) {
            Some((_, roles)) => roles.push(&one.role),
            None => groups.push((place, vec![&one.role])),
        }
    }
    let groups = groups.iter();
    let told: Vec<_> = groups
        .map(|(place, roles)| format!("{place}: {}", roles.join(", ")))
        .collect();
    match told.is_empty() {
        true => "nothing".to_owned(),
        false => told.join("; "),
    }
}

fn left(days: i64) -> String {
    match days {
        ..=-1 => "ENDED".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn told(notes: &[String]) -> String {
    notes.iter().fold(String::new(), |mut text, note| {
        let _ = writeln!(text, "Note: {note}");
        text
    })
}
