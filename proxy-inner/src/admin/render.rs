//! Answers as people read them: tables, sections, sentences. Programs read `--json` instead.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::progress::percent;
use super::protocol::TransferDetail;
use super::view::{
    AppliedView, LinkView, PartnerView, QueueView, SessionView, StationView, StatusView,
    TransferView,
};

/// Stations as a table.
pub(super) fn stations(stations: &[StationView]) -> String {
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
pub(super) fn partners(partners: &[PartnerView]) -> String {
    if partners.is_empty() {
        return "No partners. Add one with `proxy-inner partner add`.\n".to_owned();
    }
    let rows = partners.iter().map(|partner| {
        vec![
            partner.name.clone(),
            partner.code.clone(),
            partner.station.clone(),
            partner.address.clone().unwrap_or_else(|| "-".to_owned()),
            partner.certificates.len().to_string(),
            if partner.enabled { "yes" } else { "no" }.to_owned(),
        ]
    });
    table(
        &[
            "NAME",
            "CODE",
            "STATION",
            "ADDRESS",
            "CERTIFICATES",
            "ENABLED",
        ],
        rows,
    )
}

/// One station in full.
pub(super) fn station(station: &StationView) -> String {
    facts(&[
        ("station", station.name.clone()),
        ("code", station.code.clone()),
    ])
}

/// One partner in full; its passwords are stars.
pub(super) fn partner(partner: &PartnerView) -> String {
    let certificates = if partner.certificates.is_empty() {
        "none on file".to_owned()
    } else {
        partner.certificates.join("\n                ")
    };
    let address = partner.address.clone();
    facts(&[
        ("partner", partner.name.clone()),
        ("code", partner.code.clone()),
        ("station", partner.station.clone()),
        ("password sent", "***".to_owned()),
        ("and expected", "***".to_owned()),
        (
            "address",
            address.unwrap_or_else(|| "none: only the partner calls".to_owned()),
        ),
        (
            "server name",
            partner
                .server_name
                .clone()
                .unwrap_or_else(|| "as the address".to_owned()),
        ),
        ("certificates", certificates),
        ("buffer", format!("{} octets", partner.buffer)),
        ("credit", format!("{} buffers", partner.credit)),
        (
            "enabled",
            if partner.enabled { "yes" } else { "no" }.to_owned(),
        ),
    ])
}

/// What was put or removed, a line each.
pub(super) fn applied(applied: &[AppliedView]) -> String {
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

/// Transfers as a table.
pub(super) fn transfers(transfers: &[TransferView]) -> String {
    if transfers.is_empty() {
        return "No transfers.\n".to_owned();
    }
    let rows = transfers.iter().map(|transfer| {
        vec![
            transfer.id.clone(),
            transfer.direction.clone(),
            transfer.partner.clone(),
            state(transfer),
            octets(transfer.octets),
            transfer.dataset.clone(),
            time(&transfer.changed),
        ]
    });
    table(
        &[
            "ID",
            "DIR",
            "PARTNER",
            "STATE",
            "SIZE",
            "DATASET",
            "CHANGED (UTC)",
        ],
        rows,
    )
}

/// One transfer with its steps.
pub(super) fn transfer(detail: &TransferDetail) -> String {
    let transfer = &detail.transfer;
    let way = if transfer.direction == "in" {
        "from"
    } else {
        "to"
    };
    let mut rows = vec![
        ("transfer", transfer.id.clone()),
        (
            "partner",
            format!(
                "{way} {} (our station {})",
                transfer.partner, transfer.station
            ),
        ),
        ("state", state(transfer)),
    ];
    let mut optional = |name, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            rows.push((name, value));
        }
    };
    optional("reason", transfer.reason.clone());
    optional(
        "size",
        Some(format!("{} ({})", octets(transfer.octets), transfer.octets)),
    );
    optional("dataset", Some(transfer.dataset.clone()));
    optional("stamp", Some(transfer.stamp.clone()));
    optional(
        "route",
        Some(format!("{} → {}", transfer.origin, transfer.destination)),
    );
    optional("description", Some(transfer.description.clone()));
    optional("our file", transfer.original_name.clone());
    optional("inbox file", transfer.inbox_name.clone());
    optional(
        "attempts",
        (transfer.attempts > 0).then(|| transfer.attempts.to_string()),
    );
    optional("not before", transfer.not_before.as_deref().map(time));
    optional("circuit", transfer.circuit.clone());
    let mut text = facts(&rows);
    text.push_str("\nsteps (UTC)\n");
    for step in &detail.steps {
        let circuit = step.circuit.as_ref().map(|id| format!("  [circuit {id}]"));
        let line = format!(
            "  {}  {:<14} {}{}",
            time(&step.at),
            step.step,
            step.detail,
            circuit.unwrap_or_default()
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// How far a transfer has come, in a few words.
pub(super) fn state(transfer: &TransferView) -> String {
    match (
        transfer.state.as_str(),
        transfer.progress,
        transfer.receipt.as_deref(),
    ) {
        ("sending" | "receiving", Some(done), _) if transfer.octets > 0 => {
            format!("{} {} %", transfer.state, percent(done, transfer.octets))
        }
        ("delivered", _, Some(receipt)) => format!("delivered, receipt {receipt}"),
        ("sent", _, _) => "sent, receipt awaited".to_owned(),
        _ => transfer.state.clone(),
    }
}

/// Everything at a glance.
pub(super) fn status(status: &StatusView) -> String {
    let mut text = format!(
        "proxy-inner {}, process {}, {} since {}\n",
        status.version,
        status.pid,
        status.stage,
        time(&status.started)
    );
    text.push_str(&link(status.link.as_ref()));
    let free = match status.store.free {
        Some(free) if free <= status.store.reserve => {
            format!(
                "{} free, below the reserve of {}: files are refused until there is room",
                octets(free),
                octets(status.store.reserve)
            )
        }
        Some(free) => format!(
            "{} free, {} reserved",
            octets(free),
            octets(status.store.reserve)
        ),
        None => "free space unknown".to_owned(),
    };
    let _ = writeln!(text, "store: {}, {free}", status.store.path);
    text.push_str(&sessions(&status.sessions));
    text.push_str(&queue(&status.queue));
    if !status.outbox_faults.is_empty() {
        text.push_str("\noutbox files that cannot be taken\n");
        for fault in &status.outbox_faults {
            let _ = writeln!(text, "  {}: {}", fault.path, fault.problem);
        }
    }
    text.push_str("\ntransfers\n");
    for count in &status.transfers {
        let _ = writeln!(
            text,
            "  {:<4}{:<13}{:>8}",
            count.direction, count.state, count.number
        );
    }
    let _ = writeln!(text, "  receipts owed    {:>8}", status.receipts_owed);
    let counted: Vec<_> = status
        .counters
        .iter()
        .filter(|(_, number)| **number > 0)
        .collect();
    if !counted.is_empty() {
        text.push_str("\nsince start\n");
        for (name, number) in counted {
            let _ = writeln!(text, "  {:<24}{number:>14}", name.replace('_', " "));
        }
    }
    text
}

fn link(link: Option<&LinkView>) -> String {
    let Some(link) = link else {
        return "link: none configured; this half calls out directly\n".to_owned();
    };
    let since = time(&link.since);
    if link.state != "up" {
        return format!(
            "link: DOWN since {since} to {} after {} attempts: {}\n",
            link.address,
            link.attempts.unwrap_or(0),
            link.why.as_deref().unwrap_or("unknown")
        );
    }
    let peer = link.peer.as_deref().unwrap_or("unknown");
    let mut text = format!("link: up since {since} to {} ({peer})\n", link.address);
    for listener in &link.listeners {
        let _ = match (&listener.address, &listener.problem) {
            (Some(address), _) => writeln!(text, "  listener {} open at {address}", listener.name),
            (None, problem) => writeln!(
                text,
                "  listener {} NOT OPEN: {}",
                listener.name,
                problem.as_deref().unwrap_or("unknown")
            ),
        };
    }
    let counted: Vec<_> = link
        .dmz
        .iter()
        .filter(|(_, number)| **number > 0)
        .map(|(name, number)| format!("{} {number}", name.replace('_', " ")))
        .collect();
    if !counted.is_empty() {
        let _ = writeln!(text, "  DMZ half since its start: {}", counted.join(", "));
    }
    text
}

fn sessions(sessions: &[SessionView]) -> String {
    if sessions.is_empty() {
        return "\nno session is alive\n".to_owned();
    }
    let rows = sessions.iter().map(|session| {
        let moving = session.transfer.as_ref().map(|moving| {
            let verb = if moving.outbound {
                "sending"
            } else {
                "receiving"
            };
            format!("{verb} {} ({})", moving.id, octets(moving.octets))
        });
        vec![
            session.circuit.clone(),
            session.partner.clone().unwrap_or_else(|| "?".to_owned()),
            session.direction.clone(),
            session.peer.clone().unwrap_or_else(|| "?".to_owned()),
            time(&session.since),
            moving.unwrap_or_else(|| "-".to_owned()),
        ]
    });
    let head = ["CIRCUIT", "PARTNER", "DIR", "PEER", "SINCE (UTC)", "NOW"];
    format!("\n{}", table(&head, rows))
}

fn queue(queue: &[QueueView]) -> String {
    if queue.is_empty() {
        return "\nnothing waits to be sent\n".to_owned();
    }
    let rows = queue.iter().map(|entry| {
        vec![
            entry.partner.clone(),
            entry.files.to_string(),
            entry.receipts.to_string(),
            entry
                .next_attempt
                .as_deref()
                .map_or_else(|| "when it calls".to_owned(), due),
            match (&entry.last_failure, entry.failures) {
                (Some(why), failures) if failures > 0 => format!("{why} ({failures} in a row)"),
                (Some(why), _) => why.clone(),
                (None, _) => "-".to_owned(),
            },
        ]
    });
    let head = [
        "WAITS FOR",
        "FILES",
        "RECEIPTS",
        "NEXT CALL (UTC)",
        "LAST FAILURE",
    ];
    format!("\n{}", table(&head, rows))
}

/// A number of octets as people read it.
pub(super) fn octets(octets: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if octets < 1024 {
        return format!("{octets} octets");
    }
    let mut tenths = u128::from(octets) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10 * 1024 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!(
        "{}.{} {}",
        tenths / 10,
        tenths % 10,
        UNITS.get(unit).unwrap_or(&"PiB")
    )
}

/// A moment of the journal, to the second.
fn time(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// When something is due: a moment to come, or now.
fn due(text: &str) -> String {
    let past = text
        .parse::<Timestamp>()
        .is_ok_and(|moment| moment <= Timestamp::now());
    if past { "now".to_owned() } else { time(text) }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Names and values, a line each.
fn facts(rows: &[(&str, String)]) -> String {
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<15} {value}");
        text
    })
}

/// Columns as wide as their widest value; the last one as long as it is.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|cell| (*cell).to_owned()).collect()];
    lines.extend(rows);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    lines.iter().fold(String::new(), |mut text, line| {
        let padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let _ = writeln!(text, "{}", padded.join("  ").trim_end());
        text
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn octets_have_one_decimal_and_never_round_up() {
        for (number, text) in [
            (0, "0 octets"),
            (1023, "1023 octets"),
            (1024, "1.0 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (10 << 20, "10.0 MiB"),
            (3 << 29, "1.5 GiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(octets(number), text);
        }
    }

    #[test]
    fn tables_align_and_have_no_trailing_blanks() {
        let rows = vec![
            vec!["A".to_owned(), "1".to_owned()],
            vec!["LONG".to_owned(), "22".to_owned()],
        ];
        assert_eq!(
            table(&["N", "C"], rows.into_iter()),
            "N     C\nA     1\nLONG  22\n"
        );
    }

    #[test]
    fn a_link_that_is_down_says_why() {
        let view = LinkView {
            state: "down".to_owned(),
            address: "dmz.example:16619".to_owned(),
            since: "2026-01-02T03:04:05.678Z".to_owned(),
            why: Some("the pin does not match".to_owned()),
            attempts: Some(3),
            peer: None,
            listeners: Vec::new(),
            dmz: BTreeMap::new(),
        };
        assert_eq!(
            link(Some(&view)),
            "link: DOWN since 2026-01-02 03:04:05 to dmz.example:16619 after 3 attempts: \
             the pin does not match\n"
        );
    }
}
