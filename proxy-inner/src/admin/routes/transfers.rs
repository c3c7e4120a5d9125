//! Files to send, and transfers looked at.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use oftp::{Format, OdetteId};
use store::{
    Direction, Filter, NewOutbound, Partner, RecordForm, SECURITY_WORDS, State, Store, StoreError,
    TransferEvidence, TransferId, format_from_text,
};

use super::super::intake::Upload;
use super::super::protocol::{
    Answer, ListBody, Refusal, RefusalKind, SendBody, TransferBody, TransferDetail,
};
use super::super::status;
use super::super::view::{EvidenceCertificateView, StepView, TransferView};
use super::{Services, parsed, refused, refused_by};

/// Begins to take a file; what is not said of it is as agreed with the partner.
pub(super) fn send(services: &Services, body: SendBody) -> Result<Upload, Refusal> {
    let store = &services.store;
    let partner = store.partner(&body.partner).map_err(refused_by)?;
    let partner = partner.ok_or_else(|| refused(&StoreError::NoPartner(body.partner.clone())))?;
    let dataset = optional("--dsn", body.dataset.as_deref())?;
    let destination = optional::<OdetteId>("--destination", body.destination.as_deref())?;
    let user = parsed("--user", &body.user)?;
    let format = match &body.format {
        None => partner.format,
        Some(letter) => {
            format_from_text(letter).ok_or_else(|| wrong("--format", letter, "U, T, F or V"))?
        }
    };
    let records = match &body.records {
        None => partner.records,
        Some(word) => RecordForm::from_word(word)
            .ok_or_else(|| wrong("--records", word, "prefixed or lines"))?,
    };
    let agreed = if format == partner.format {
        partner.record_length
    } else {
        0
    };
    let record_length = body.record_length.unwrap_or(agreed);
    record_length_fits(format, record_length)?;
    let protection = protection(&partner, &body)?;
    if let Some(octets) = body.octets {
        room(services, octets)?;
    }
    let new = NewOutbound {
        partner: body.partner.clone(),
        dataset,
        original_name: body.original_name,
        description: body.description,
        user,
        format,
        record_length,
        records,
        destination,
        station: body.station,
        services: protection,
    };
    let intake = store
        .begin_outbound(new, Timestamp::now())
        .map_err(refused_by)?;
    Ok(Upload {
        intake,
        partner: body.partner,
    })
}

/// What is done to the file, when anything was said of it; told before the upload when it cannot be.
fn protection(partner: &Partner, body: &SendBody) -> Result<Option<store::Services>, Refusal> {
    let said = body.security.is_some()
        || body.cipher_suite.is_some()
        || body.compress.is_some()
        || body.signed_receipt.is_some();
    if !said {
        return Ok(None);
    }
    let security = match &body.security {
        None => partner.security,
        Some(word) => store::security_from_word(word).ok_or_else(|| {
            let words = SECURITY_WORDS.map(|(word, _)| word).join(", ");
            wrong("--security", word, &format!("one of {words}"))
        })?,
    };
    let services = store::Services {
        security,
        suite: body.cipher_suite.unwrap_or(partner.cipher_suite),
        compression: body.compress.unwrap_or(partner.file_compression),
        signed_receipt: body.signed_receipt.unwrap_or(partner.signed_receipts),
    };
    let obstacles: Vec<_> = partner
        .obstacles(&services)
        .into_iter()
        .map(|(key, problem)| format!("{}: {problem}", option(key)))
        .collect();
    match obstacles.is_empty() {
        true => Ok(Some(services)),
        false => Err(Refusal::new(RefusalKind::Refused, obstacles.join("\n"))),
    }
}

/// The option that says what an apply file's key says.
fn option(key: &str) -> &str {
    match key {
        "security" => "--security",
        "cipher_suite" => "--cipher-suite",
        "file_compression" => "--compress",
        "signed_receipts" => "--signed-receipt",
        key => key,
    }
}

/// Told before the upload, in the words of the command line.
fn record_length_fits(format: Format, length: u32) -> Result<(), Refusal> {
    let wanted = match (format, length) {
        (Format::Fixed, 1..=99_999) | (Format::Variable, 0..=99_999) => return Ok(()),
        (Format::Unstructured | Format::Text, 0) => return Ok(()),
        (Format::Fixed, _) => "1 to 99999, the length of every record, with format F",
        (Format::Variable, _) => "at most 99999, the length of the longest record, with format V",
        _ => "0: files of format U and T have no records",
    };
    Err(wrong("--record-length", &length.to_string(), wanted))
}

fn wrong(option: &str, found: &str, wanted: &str) -> Refusal {
    let message = format!("{option}: found {found:?}, wanted {wanted}");
    Refusal::new(RefusalKind::Refused, message)
}

fn optional<T: FromStr<Err: fmt::Display>>(
    option: &str,
    text: Option<&str>,
) -> Result<Option<T>, Refusal> {
    text.map(|text| parsed(option, text)).transpose()
}

/// Refuses a file that will not fit before it is uploaded.
fn room(services: &Services, octets: u64) -> Result<(), Refusal> {
    let root = services.store.root();
    let Ok(free) = status::free_octets(root) else {
        return Ok(());
    };
    let needed = octets.saturating_add(services.reserve);
    if needed <= free {
        return Ok(());
    }
    Err(refused(&StoreError::NoSpace {
        needed,
        free,
        path: root.to_owned(),
    }))
}

pub(super) fn list(store: &Store, body: ListBody) -> Result<Answer, Refusal> {
    let filter = Filter {
        direction: body
            .direction
            .map(|word| parsed::<Direction>("direction", &word))
            .transpose()?,
        partner: body.partner,
        state: body
            .state
            .map(|word| parsed::<State>("state", &word))
            .transpose()?,
        held: body.held,
        limit: body.limit,
    };
    let transfers = store.transfers(filter).map_err(refused_by)?;
    Ok(Answer::Transfers(
        transfers.iter().map(TransferView::from).collect(),
    ))
}

pub(super) fn follow(services: &Services, body: &TransferBody) -> Result<TransferId, Refusal> {
    transfer(&services.store, body).map(|(transfer, _)| transfer.id)
}

pub(super) fn transfer(
    store: &Store,
    body: &TransferBody,
) -> Result<(store::Transfer, Vec<store::Step>), Refusal> {
    let id: TransferId = parsed("transfer", &body.id)?;
    let found = store.transfer(id).map_err(refused_by)?;
    found.ok_or_else(|| refused(&StoreError::NoTransfer(id)))
}

impl From<&TransferEvidence> for TransferDetail {
    fn from(evidence: &TransferEvidence) -> Self {
        TransferDetail {
            transfer: TransferView::from(&evidence.transfer),
            steps: evidence.steps.iter().map(StepView::from).collect(),
            receipt_problem: evidence.receipt_problem.clone(),
            certificates: evidence
                .certificates
                .iter()
                .map(|one| EvidenceCertificateView::new(one.what.word(), &one.certificate))
                .collect(),
        }
    }
}
