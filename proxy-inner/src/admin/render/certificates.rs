//! Certificates of partners as people read them.

use std::fmt::Write as _;

use super::super::protocol::CertificatesBody;
use super::super::view::CertificateView;
use super::{facts, spelled, table, time};

/// Certificates as a table.
pub(in crate::admin) fn certificates(body: &CertificatesBody) -> String {
    if body.certificates.is_empty() {
        return "No certificates. Add one with `proxy-inner cert add PARTNER FILE`.\n".to_owned();
    }
    let rows = body.certificates.iter().map(|one| {
        let (until, left, subject) = match &one.certificate {
            Some(said) => (
                time(&said.not_after),
                left(said.days_left),
                said.subject.clone(),
            ),
            None => ("?".to_owned(), "?".to_owned(), "cannot be read".to_owned()),
        };
        vec![
            one.partner.clone(),
            one.slot.clone(),
            one.roles.join(", "),
            until,
            left,
            subject,
        ]
    });
    let head = [
        "PARTNER",
        "SLOT",
        "ROLES",
        "VALID UNTIL (UTC)",
        "LEFT",
        "SUBJECT",
    ];
    let mut text = table(&head, rows);
    for one in &body.certificates {
        for problem in &one.problems {
            let _ = writeln!(
                text,
                "\n{} ({}): {}",
                one.partner,
                one.slot,
                spelled(problem)
            );
        }
    }
    text
}

/// Each certificate explained.
pub(in crate::admin) fn explained(body: &CertificatesBody) -> String {
    let mut parts = Vec::new();
    for one in &body.certificates {
        let mut text = format!("{}\n", place(one));
        for problem in &one.problems {
            let _ = writeln!(text, "PROBLEM: {}", spelled(problem));
        }
        let _ = write!(text, "\n{}", one.explanation);
        if !one.fingerprint_sha1.is_empty() {
            let _ = writeln!(text, "SHA-1, for older products: {}", one.fingerprint_sha1);
        }
        parts.push(text);
    }
    parts.join("\n")
}

/// A certificate that was added, and what to do now.
pub(in crate::admin) fn added(body: &CertificatesBody) -> String {
    let mut text = changed(body, "is there now");
    for one in &body.certificates {
        let _ = writeln!(text, "\nFingerprint (SHA-256), to compare on the phone:");
        for line in one.phone.lines() {
            let _ = writeln!(text, "  {line}");
        }
        let _ = writeln!(
            text,
            "SHA-1, for older products: {}\n\
             Read it to somebody you know at {}. If theirs differs, take it back:\n  \
             proxy-inner cert remove {} --slot {}",
            one.fingerprint_sha1, one.partner, one.partner, one.slot
        );
    }
    text
}

/// Certificates that something was done to.
pub(in crate::admin) fn changed(body: &CertificatesBody, what: &str) -> String {
    let mut text = String::new();
    for one in &body.certificates {
        let _ = writeln!(text, "{}: {what}", place(one));
        if let Some(said) = &one.certificate {
            text.push_str(&facts(&[
                ("subject", spelled(&said.subject)),
                ("valid until", time(&said.not_after)),
                ("fingerprint", said.fingerprint.clone()),
            ]));
        }
    }
    for note in &body.notes {
        let _ = writeln!(text, "Note: {}", spelled(note));
    }
    text
}

fn place(one: &CertificateView) -> String {
    format!(
        "Certificate of {} for {} ({})",
        one.partner,
        one.roles.join(", "),
        one.slot
    )
}

fn left(days: i64) -> String {
    match days {
        ..=-1 => "ENDED".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}
