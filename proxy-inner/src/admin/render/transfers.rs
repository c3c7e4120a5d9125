//! Transfers as people read them.

use std::fmt::Write as _;

use envelope::Suite;

use super::super::progress::percent;
use super::super::protocol::TransferDetail;
use super::super::view::{ServicesView, TransferView};
use super::{facts, octets, spelled, table, time};

/// Transfers as a table.
pub(in crate::admin) fn transfers(transfers: &[TransferView]) -> String {
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
pub(in crate::admin) fn transfer(detail: &TransferDetail) -> String {
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
            rows.push((name, spelled(&value)));
        }
    };
    optional("reason", transfer.reason.clone());
    optional(
        "size",
        Some(format!("{} ({})", octets(transfer.octets), transfer.octets)),
    );
    optional("clear size", clear_size(transfer));
    optional("format", Some(format(transfer)));
    optional("goes on at", position(transfer));
    optional("services", transfer.services.as_ref().map(services));
    optional("hash", transfer.hash.clone());
    optional("dataset", Some(transfer.dataset.clone()));
    optional("stamp", Some(transfer.stamp.clone()));
    optional(
        "route",
        Some(format!("{} → {}", transfer.origin, transfer.destination)),
    );
    optional("forwarded", forwarded(transfer));
    optional("receipt since", transfer.receipt_since.as_deref().map(time));
    optional("user data", Some(transfer.user.clone()));
    optional("description", Some(transfer.description.clone()));
    optional("our file", transfer.original_name.clone());
    optional("inbox file", transfer.inbox_name.clone());
    optional(
        "attempts",
        (transfer.attempts > 0).then(|| transfer.attempts.to_string()),
    );
    optional("not before", transfer.not_before.as_deref().map(time));
    optional("circuit", transfer.circuit.clone());
    optional(
        "receipt came",
        detail
            .receipt_problem
            .as_ref()
            .map(|why| format!("and settled nothing: {why}")),
    );
    let mut text = facts(&rows);
    if !detail.certificates.is_empty() {
        text.push_str("\ncertificates\n");
    }
    for one in &detail.certificates {
        let _ = writeln!(text, "  {:<20} {}", one.what, spelled(&one.subject));
        let _ = writeln!(text, "{:<23}{}", "", one.fingerprint);
    }
    text.push_str("\nsteps (UTC)\n");
    for step in &detail.steps {
        let circuit = step.circuit.as_ref().map(|id| format!("  [circuit {id}]"));
        let line = format!(
            "  {}  {:<14} {}{}",
            time(&step.at),
            step.step,
            spelled(&step.detail),
            circuit.unwrap_or_default()
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// The size before it was secured, or after it was opened, where that is another one.
fn clear_size(transfer: &TransferView) -> Option<String> {
    let clear = transfer.clear_octets?;
    let changed = transfer.services.is_some() && clear != transfer.octets;
    changed.then(|| format!("{} ({clear})", octets(clear)))
}

/// Its format, and its records as far as they are known.
fn format(transfer: &TransferView) -> String {
    let TransferView {
        format,
        record_length,
        records,
        ..
    } = transfer;
    let count = if *records > 0 {
        format!("{records} records")
    } else {
        "records".to_owned()
    };
    match (format.as_str(), record_length) {
        ("F", length) => format!("F, {count} of {length} octets"),
        ("V", 0) => format!("V, {count}"),
        ("V", length) => format!("V, {count} of at most {length} octets"),
        (format, _) => format.to_owned(),
    }
}

/// Where it goes on, when that is not at its beginning and not over.
fn position(transfer: &TransferView) -> Option<String> {
    let open = matches!(
        transfer.state.as_str(),
        "receiving" | "interrupted" | "queued" | "sending"
    );
    let unit = match (transfer.format.as_str(), &transfer.services) {
        ("F" | "V", None) => "record",
        _ => "block",
    };
    (open && transfer.position > 0).then(|| {
        format!(
            "{unit} {} ({} before it)",
            transfer.position,
            octets(transfer.position_octets)
        )
    })
}

/// Where a third party's file came from or went.
fn forwarded(transfer: &TransferView) -> Option<String> {
    match (
        &transfer.forward_to,
        &transfer.forwarded_to,
        &transfer.forwarded_from,
    ) {
        (Some(partner), Some(id), _) => Some(format!("to {partner} as {id}")),
        (Some(partner), None, _) => Some(format!("not yet, to {partner}")),
        (None, Some(id), _) => Some(format!("as {id}")),
        (None, None, Some(id)) => Some(format!("from {id}")),
        (None, None, None) => None,
    }
}

fn services(services: &ServicesView) -> String {
    let mut words = Vec::new();
    for (word, is_so) in [
        ("signed", services.signed),
        ("encrypted", services.encrypted),
        ("compressed", services.compressed),
        ("in CMS", services.enveloped),
        ("signed receipt asked for", services.signed_receipt),
    ] {
        if is_so {
            words.push(word.to_owned());
        }
    }
    match (services.cipher, Suite::of(services.cipher)) {
        (0, _) => {}
        (number, Some(suite)) => words.push(format!("cipher suite {number:02} ({})", suite.name())),
        (number, None) => words.push(format!("cipher suite {number:02}")),
    }
    words.join(", ")
}

/// How far a transfer has come, in a few words.
pub(in crate::admin) fn state(transfer: &TransferView) -> String {
    match (
        transfer.state.as_str(),
        transfer.progress,
        transfer.receipt.as_deref(),
    ) {
        ("sending" | "receiving", Some(done), _) if transfer.octets > 0 => {
            format!("{} {} %", transfer.state, percent(done, transfer.octets))
        }
        ("interrupted", _, _) if transfer.octets > 0 => {
            let done = transfer.position_octets;
            format!("interrupted at {} %", percent(done, transfer.octets))
        }
        (state @ ("securing" | "received"), _, _) if transfer.held => {
            let until = transfer.not_before.as_deref().map(time);
            format!("{state}, HELD until {}", until.unwrap_or_default())
        }
        ("received", _, _) if is_to_be_opened(transfer) => "received, to be opened".to_owned(),
        (state @ ("delivered" | "forwarded" | "failed"), _, Some(receipt)) => {
            format!("{state}, receipt {receipt}")
        }
        ("sent", _, _) => "sent, receipt awaited".to_owned(),
        _ => transfer.state.clone(),
    }
}

/// Whether it is whole and not yet opened.
fn is_to_be_opened(transfer: &TransferView) -> bool {
    transfer.services.is_some() && !transfer.opened && transfer.forward_to.is_none()
}
