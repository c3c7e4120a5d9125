//! The status report as people read it.

use std::fmt::Write as _;

use super::super::view::{LinkView, QueueView, SessionView, StatusView};
use super::{due, octets, table, time};

/// Everything at a glance.
pub(in crate::admin) fn status(status: &StatusView) -> String {
    let mut text = format!(
        "proxy-inner {}, process {}, {} since {}\n",
        status.version,
        status.pid,
        status.stage,
        time(&status.started)
    );
    text.push_str(&link(status.link.as_ref()));
    if let Some(plain) = &status.plain {
        let _ = writeln!(
            text,
            "plain: listening without TLS on {}; connections open: {}",
            plain.addresses.join(", "),
            plain.connections
        );
    }
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
    let _ = writeln!(text, "keys: {} in use", status.keys.in_use);
    for problem in &status.keys.problems {
        let _ = writeln!(text, "  {problem}; see `proxy-inner key list`");
    }
    text.push_str(&sessions(&status.sessions));
    if !status.work.is_empty() {
        text.push_str("\nfiles being secured and opened\n");
        for work in &status.work {
            let _ = writeln!(
                text,
                "  {} {} with {}: {} of {}",
                work.kind,
                work.transfer,
                work.partner,
                octets(work.octets),
                octets(work.of)
            );
        }
    }
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
    for (what, number) in [
        ("receipts owed", status.receipts_owed),
        ("  unconfirmed", status.receipts_unconfirmed),
        ("receipts awaited", status.receipts_awaited),
    ] {
        let _ = writeln!(text, "  {what:<17}{number:>8}");
    }
    if status.receipts_overdue > 0 {
        let _ = writeln!(
            text,
            "  receipts OVERDUE {:>8}   see `proxy-inner receipts --overdue`",
            status.receipts_overdue
        );
    }
    if status.interrupted > 0 {
        let _ = writeln!(
            text,
            "  {} inbound file(s) broke off and wait for their partner to go on; see \
             `proxy-inner transfers --state interrupted`",
            status.interrupted
        );
    }
    if !status.tolerated.is_empty() {
        text.push_str("\nrules that partners broke since start, tolerated\n");
        for entry in &status.tolerated {
            let _ = writeln!(
                text,
                "  {:<13}{:<33}{:>8}   {}",
                entry.partner, entry.deviation, entry.count, entry.what
            );
        }
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

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
