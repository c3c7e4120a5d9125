//! The report on a transfer: one page for people who were not there.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::super::view::{EvidenceReceiptView, EvidenceView};
use super::{facts, octets, spelled, time};

/// A file that lies beside the report.
pub(in crate::admin) struct Piece {
    /// Its name.
    pub(in crate::admin) name: String,
    /// Its size.
    pub(in crate::admin) octets: u64,
    /// Its SHA-256, hexadecimal.
    pub(in crate::admin) sha256: String,
}

/// The whole report, made at `now`; `pieces` are the files beside it.
pub(in crate::admin) fn report(
    evidence: &EvidenceView,
    pieces: &[Piece],
    now: Timestamp,
) -> String {
    let transfer = &evidence.transfer;
    let mut text = format!(
        "Report on transfer {}\nMade {} (UTC) by proxy-inner {}\n",
        transfer.id,
        now.strftime("%Y-%m-%d %H:%M:%S"),
        env!("CARGO_PKG_VERSION")
    );
    let (from, to) = match transfer.direction.as_str() {
        "in" => (&transfer.partner, &transfer.station),
        _ => (&transfer.station, &transfer.partner),
    };
    head(&mut text, "File");
    let mut rows = vec![
        ("from", format!("{from} ({})", transfer.origin)),
        ("to", format!("{to} ({})", transfer.destination)),
        ("dataset name", transfer.dataset.clone()),
        ("date and time", transfer.stamp.clone()),
        ("description", transfer.description.clone()),
        ("user data", transfer.user.clone()),
        ("format", transfer.format.clone()),
        ("transmitted", size(transfer.octets)),
        ("state", transfer.state.clone()),
    ];
    if let Some(reason) = &transfer.reason {
        rows.push(("reason", reason.clone()));
    }
    rows.retain(|(_, value)| !value.is_empty());
    text.push_str(&spelled_facts(&rows));

    head(&mut text, "Protection");
    text.push_str(&spelled_facts(&protection(evidence)));

    head(&mut text, "Receipt");
    text.push_str(&spelled_facts(&receipt(evidence)));

    if !evidence.certificates.is_empty() {
        head(&mut text, "Certificates");
        for one in &evidence.certificates {
            text.push_str(&spelled_facts(&[
                (what(&one.what), one.subject.clone()),
                ("issuer", one.issuer.clone()),
                ("serial number", one.serial.clone()),
                (
                    "valid",
                    format!("{} to {}", time(&one.not_before), time(&one.not_after)),
                ),
                ("fingerprint", one.fingerprint.clone()),
            ]));
        }
    }

    head(&mut text, "Steps (UTC)");
    for step in &evidence.steps {
        let _ = write!(text, "{}  {}", time(&step.at), spelled(&step.step));
        if !step.detail.is_empty() {
            let _ = write!(text, ": {}", spelled(&step.detail));
        }
        text.push('\n');
    }

    head(&mut text, "Files beside this report");
    if pieces.is_empty() {
        text.push_str("none\n");
    }
    for piece in pieces {
        let _ = writeln!(
            text,
            "{:<15} {} octets, SHA-256 {}",
            piece.name, piece.octets, piece.sha256
        );
    }
    if evidence.secured.is_none() && evidence.clear.is_none() {
        text.push_str(
            "The file itself is not kept any more, or never was: the partner's archive term decides.\n",
        );
    } else if transfer.format == "V" {
        text.push_str(
            "In the clear file of format V each record has its length before it, in 4 octets.\n",
        );
    }
    text
}

fn protection(evidence: &EvidenceView) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    match &evidence.transfer.services {
        None => rows.push(("services", "none".to_owned())),
        Some(services) => {
            let all = [
                (services.signed, "signed"),
                (services.compressed, "compressed"),
                (services.encrypted, "encrypted"),
            ];
            let had: Vec<_> = all
                .iter()
                .filter(|(had, _)| *had)
                .map(|(_, word)| *word)
                .collect();
            let had = match had.is_empty() {
                true => "none".to_owned(),
                false => had.join(", "),
            };
            rows.push(("services", had));
            let asked = if services.signed_receipt { "yes" } else { "no" };
            rows.push(("signed receipt", format!("{asked} (as asked for)")));
        }
    }
    if let Some(suite) = &evidence.suite {
        rows.push(("cipher suite", suite.clone()));
    }
    if !evidence.hash.is_empty() {
        rows.push(("hash", format!("{} (as transmitted)", evidence.hash)));
    }
    rows
}

fn receipt(evidence: &EvidenceView) -> Vec<(&'static str, String)> {
    let Some(receipt) = &evidence.receipt else {
        return vec![("receipt", "none".to_owned())];
    };
    let EvidenceReceiptView {
        kind,
        reason,
        text,
        creator,
        hash,
        signature,
    } = receipt;
    let meaning = match kind.as_str() {
        "EERP" => "positive",
        _ => "negative",
    };
    let mut rows = vec![("receipt", format!("{kind}, {meaning}"))];
    rows.extend(reason.clone().map(|reason| ("reason", reason)));
    rows.extend(
        text.clone()
            .filter(|text| !text.is_empty())
            .map(|text| ("text", text)),
    );
    rows.extend(creator.clone().map(|creator| ("made by", creator)));
    let signer = evidence
        .certificates
        .iter()
        .find(|one| one.what.starts_with("receipt-signed"));
    let verdict = match (&evidence.receipt_problem, signature.is_empty(), signer) {
        (Some(why), ..) => format!("not believed: {why}"),
        (None, true, _) => "not signed".to_owned(),
        (None, false, Some(signer)) => {
            format!("signed, signature good, by {}", signer.subject)
        }
        (None, false, None) => "signed; the signature was not judged".to_owned(),
    };
    rows.push(("verdict", verdict));
    if !hash.is_empty() {
        let same = match (&evidence.hash, hash) {
            (ours, _) if ours.is_empty() => "",
            (ours, theirs) if ours == theirs => " (that of the file)",
            _ => " (NOT that of the file)",
        };
        rows.push(("hash in it", format!("{hash}{same}")));
    }
    rows
}

fn what(word: &str) -> &'static str {
    match word {
        "signed-with" => "signed with",
        "encrypted-for" => "encrypted for",
        "decrypted-with" => "decrypted with",
        "signed-by" => "signed by",
        "receipt-signed-with" => "receipt by us",
        "receipt-signed-by" => "receipt by",
        _ => "certificate",
    }
}

fn size(number: u64) -> String {
    match number {
        ..1024 => octets(number),
        number => format!("{number} octets ({})", octets(number)),
    }
}

fn head(text: &mut String, title: &str) {
    let _ = write!(text, "\n{title}\n{}\n", "-".repeat(title.chars().count()));
}

/// Facts of which partners wrote some.
fn spelled_facts(rows: &[(&str, String)]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, value)| (*name, spelled(value)))
        .collect();
    facts(&rows)
}
