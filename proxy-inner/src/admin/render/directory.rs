//! Stations and partners as people read them.

use std::fmt::Write as _;

use store::certificates_from_pem;

use super::super::view::{AppliedView, PartnerView, StationView};
use super::{capital, facts, table, yes};
use crate::keys::CertificateFacts;

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
    let certificates =
        certificates_from_pem(&partner.authentication_certificates).unwrap_or_default();
    let told = certificates
        .iter()
        .map(|der| match CertificateFacts::of(der) {
            Ok(facts) => format!(
                "{} ({}), until {}",
                facts.fingerprint,
                facts.subject,
                facts.not_after.strftime("%Y-%m-%d")
            ),
            Err(problem) => format!("a certificate that cannot be read: {problem}"),
        });
    let told: Vec<_> = std::iter::once("yes, as holder of".to_owned())
        .chain(told)
        .collect();
    told.join(NEXT)
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
