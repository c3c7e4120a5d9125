//! Stations and partners as people read them.

use std::fmt::Write as _;

use keyring::Role;
use store::certificates_from_pem;

use super::super::view::{AppliedView, PartnerView, StationView};
use super::{capital, facts, table, yes};

/// Stations as a table.
pub(in crate::admin) fn stations(stations: &[StationView]) -> String {
    if stations.is_empty() {
        return "No stations. Add one with `proxy-inner station add NAME --code CODE`.\n"
            .to_owned();
    }
    let rows = stations
        .iter()
        .map(|station| vec![station.name.clone(), station.code.clone()]);
    table(&["NAME", "CODE"], rows)
}

/// Partners as a table.
pub(in crate::admin) fn partners(partners: &[PartnerView]) -> String {
    if partners.is_empty() {
        return "No partners. Add one with `proxy-inner partner add`.\n".to_owned();
    }
    let rows = partners.iter().map(|partner| {
        vec![
            partner.name.clone(),
            partner.code.clone(),
            partner.station.clone(),
            match (&partner.address, partner.transport.as_str()) {
                (None, _) => "-".to_owned(),
                (Some(address), "plain") => format!("{address} (plain)"),
                (Some(address), _) => address.clone(),
            },
            partner.certificates.len().to_string(),
            if partner.level == partner.lowest_level {
                partner.level.to_string()
            } else {
                format!("{}-{}", partner.lowest_level, partner.level)
            },
            yes(partner.enabled),
        ]
    });
    table(
        &[
            "NAME",
            "CODE",
            "STATION",
            "ADDRESS",
            "CERTIFICATES",
            "LEVEL",
            "ENABLED",
        ],
        rows,
    )
}

/// One station in full.
pub(in crate::admin) fn station(station: &StationView) -> String {
    facts(&[
        ("station", station.name.clone()),
        ("code", station.code.clone()),
    ])
}

/// One partner in full; its passwords are stars.
pub(in crate::admin) fn partner(partner: &PartnerView) -> String {
    let certificates = if partner.certificates.is_empty() {
        "none on file".to_owned()
    } else {
        partner.certificates.join(NEXT)
    };
    let or = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.to_owned());
    facts(&[
        ("partner", partner.name.clone()),
        ("code", partner.code.clone()),
        ("station", partner.station.clone()),
        ("enabled", yes(partner.enabled)),
        ("password sent", "***".to_owned()),
        ("and expected", "***".to_owned()),
        (
            "address",
            or(&partner.address, "none: only the partner calls"),
        ),
        (
            "transport",
            match partner.transport.as_str() {
                "plain" => "plain: without TLS, and never through the DMZ half".to_owned(),
                word => word.to_owned(),
            },
        ),
        ("server name", or(&partner.server_name, "as the address")),
        ("certificates", certificates),
        ("level", levels(partner)),
        ("buffer", format!("{} octets", partner.buffer)),
        ("credit", format!("{} buffers", partner.credit)),
        ("compression", yes(partner.compression)),
        ("restart", yes(partner.restart)),
        ("authentication", authentication(partner)),
        (
            "refused",
            match partner.refuse.as_slice() {
                [] => "nothing: every known deviation is tolerated".to_owned(),
                names => names.join(NEXT),
            },
        ),
        ("receipts", receipts(partner)),
        ("protection", protection(partner)),
        ("suites allowed", suites(partner)),
        ("protected files", accepted(partner)),
        ("signed receipts", signed_receipts(partner)),
        ("their form", form(partner)),
        (
            "archive",
            match partner.archive.as_str() {
                "files" => "its files, as they travelled and in clear",
                _ => "nothing",
            }
            .to_owned(),
        ),
        ("role certs", role_certificates(partner)),
        (
            "files sent",
            match partner.format.as_str() {
                "F" => format!("F, records of {} octets", partner.record_length),
                "V" => format!("V, records {}", partner.records),
                format => format.to_owned(),
            },
        ),
        (
            "stations",
            match partner.stations.as_slice() {
                [] => "its own only".to_owned(),
                codes => codes.join(NEXT),
            },
        ),
        (
            "gateway",
            if partner.gateway {
                "yes: its files for other partners' stations are forwarded"
            } else {
                "no"
            }
            .to_owned(),
        ),
    ])
}

/// Begins a further line below the first value.
const NEXT: &str = "\n                ";

fn levels(partner: &PartnerView) -> String {
    let PartnerView {
        level,
        lowest_level,
        ..
    } = partner;
    if level == lowest_level {
        format!("{level} and no other")
    } else {
        format!("{level}, down to {lowest_level}")
    }
}

fn authentication(partner: &PartnerView) -> String {
    if !partner.authentication {
        return "no".to_owned();
    }
    let role = Role::Authentication.word();
    let holds = |roles: &[String]| roles.iter().any(|one| one == role);
    let held = partner.certificate.iter().filter(|one| holds(&one.roles));
    let told: Vec<_> = std::iter::once("yes, as holder of".to_owned())
        .chain(held.map(|one| certificate(&one.pem)))
        .collect();
    told.join(NEXT)
}

/// Its certificates by role and slot.
fn role_certificates(partner: &PartnerView) -> String {
    let held = partner.certificate.iter();
    let told: Vec<_> = held
        .map(|one| {
            format!(
                "{} ({}): {}",
                one.roles.join(", "),
                one.slot,
                certificate(&one.pem)
            )
        })
        .collect();
    match told.is_empty() {
        true => format!("none; add one with `cert add {} FILE`", partner.name),
        false => told.join(NEXT),
    }
}

/// A certificate in one line.
fn certificate(pem: &str) -> String {
    let facts = certificates_from_pem(pem)
        .map_err(|problem| problem.to_string())
        .and_then(|found| {
            let der = found.first().ok_or("there is none")?;
            keyring::facts(der).map_err(|problem| problem.to_string())
        });
    match facts {
        Ok(facts) => format!(
            "{} ({}), until {}",
            facts.fingerprint_text(),
            facts.subject,
            facts.not_after.strftime("%Y-%m-%d")
        ),
        Err(problem) => format!("a certificate that cannot be read: {problem}"),
    }
}

/// What files to it get.
fn protection(partner: &PartnerView) -> String {
    let mut words = vec![match partner.security.as_str() {
        "none" => "neither signed nor encrypted".to_owned(),
        word => word.replace('-', " "),
    }];
    if partner.file_compression {
        words.push("compressed".to_owned());
    }
    if partner.security != "none" || partner.signed_receipts {
        words.push(format!("cipher suite {}", suite(partner.cipher_suite)));
    }
    if partner.signed_receipts {
        words.push("signed receipts asked for".to_owned());
    }
    words.join(", ")
}

fn suite(number: u8) -> String {
    match envelope::Suite::of(number) {
        Some(suite) => format!("{number:02} ({})", suite.name()),
        None => format!("{number:02}"),
    }
}

fn suites(partner: &PartnerView) -> String {
    let suites = partner.cipher_suites.iter();
    let suites: Vec<_> = suites.map(|number| format!("{number:02}")).collect();
    suites.join(", ")
}

/// What files from it may and must have.
fn accepted(partner: &PartnerView) -> String {
    let PartnerView {
        accept_encrypted,
        accept_signed,
        accept_compressed,
        expansion,
        ..
    } = partner;
    let when = match partner.check.as_str() {
        "delivered" => "after they are acknowledged (NERP)",
        _ => "before they are acknowledged (EFNA)",
    };
    format!(
        "encryption {accept_encrypted}, signature {accept_signed}, compression {accept_compressed} \
         (at most {expansion} octets out of one){NEXT}checked {when}"
    )
}

/// What is held of its receipts, and how ours are.
fn signed_receipts(partner: &PartnerView) -> String {
    let unsigned = match (partner.signed_receipts, partner.unsigned_receipts.as_str()) {
        (false, _) => "not asked for",
        (true, "accepted") => "asked for; unsigned ones are taken too",
        (true, _) => "asked for; unsigned ones are refused",
    };
    let ours = match partner.receipt_signature.as_str() {
        "detached" => "the signature alone",
        _ => "what they sign inside",
    };
    format!(
        "{unsigned}{NEXT}ours have {ours}, suite {} where the file names none",
        suite(partner.receipt_suite)
    )
}

/// How protected files to it are written.
fn form(partner: &PartnerView) -> String {
    let certificate = match partner.include_certificate {
        true => "with",
        false => "without",
    };
    format!(
        "{} lengths, {certificate} our certificate in signatures",
        partner.encoding
    )
}

fn receipts(partner: &PartnerView) -> String {
    let when = match partner.receipts.as_str() {
        "confirmed" => "once confirmed or rejected",
        _ => "once delivered",
    };
    let call = if partner.call_for_receipts {
        ", and called for then"
    } else {
        ""
    };
    format!("{when}; overdue after {}{call}", partner.receipt_within)
}

/// What was put or removed, a line each.
pub(in crate::admin) fn applied(applied: &[AppliedView]) -> String {
    if applied.is_empty() {
        return "Nothing to apply: the file names no station and no partner.\n".to_owned();
    }
    applied.iter().fold(String::new(), |mut text, entry| {
        let _ = writeln!(
            text,
            "{} {} {}.",
            capital(&entry.kind),
            entry.name,
            entry.change
        );
        text
    })
}
