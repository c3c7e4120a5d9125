//! Receipts that are owed and awaited, and what operators say of received files.

use std::collections::HashMap;

use jiff::Timestamp;
use store::{
    Direction, Filter, ReceiptEntry, ReceiptFilter, ReceiptSide, State, Store, StoreError,
    TransferId,
};

use super::super::protocol::{
    Answer, ReceiptListBody, Refusal, RefusalKind, RejectBody, TransferBody,
};
use super::super::reasons;
use super::super::view::ReceiptView;
use super::{applied, parsed, refused, refused_by};

pub(super) fn list(store: &Store, body: ReceiptListBody) -> Result<Answer, Refusal> {
    if let Some(name) = &body.partner
        && store.partner(name).map_err(refused_by)?.is_none()
    {
        return Err(refused(&StoreError::NoPartner(name.clone())));
    }
    let side = body.side.as_deref();
    let filter = ReceiptFilter {
        side: side
            .map(|word| parsed::<ReceiptSide>("side", word))
            .transpose()?,
        partner: body.partner,
        overdue: body.overdue,
    };
    let receipts = store
        .receipts(filter, Timestamp::now())
        .map_err(refused_by)?;
    let invalid = invalid(store)?;
    let view = |entry: &ReceiptEntry| {
        let why = invalid.get(&entry.transfer).cloned();
        (why.is_some() || !body.invalid).then(|| ReceiptView::new(entry, why))
    };
    Ok(Answer::Receipts(receipts.iter().filter_map(view).collect()))
}

/// Why the receipts that came for files that still wait for one are not to be believed.
fn invalid(store: &Store) -> Result<HashMap<TransferId, String>, Refusal> {
    let filter = Filter {
        direction: Some(Direction::Out),
        state: Some(State::Sent),
        limit: Some(u32::MAX),
        ..Filter::default()
    };
    let sent = store.transfers(filter).map_err(refused_by)?.into_iter();
    Ok(sent
        .filter_map(|transfer| Some((transfer.id, transfer.reason?)))
        .collect())
}

pub(super) fn confirm(store: &Store, body: &TransferBody) -> Result<Answer, Refusal> {
    let id: TransferId = parsed("transfer", &body.id)?;
    store.confirm(id, Timestamp::now()).map_err(refused_by)?;
    tracing::info!(transfer = %id, "A received file was confirmed by command.");
    Ok(applied("transfer", id.to_string(), "confirmed"))
}

pub(super) fn accept(store: &Store, body: &TransferBody) -> Result<Answer, Refusal> {
    let id: TransferId = parsed("transfer", &body.id)?;
    store
        .accept_receipt(id, Timestamp::now())
        .map_err(refused_by)?;
    tracing::warn!(transfer = %id, "A receipt that was not to be believed was accepted by command.");
    Ok(applied("receipt", id.to_string(), "accepted"))
}

pub(super) fn reject(store: &Store, body: &RejectBody) -> Result<Answer, Refusal> {
    let id: TransferId = parsed("transfer", &body.id)?;
    let Some(reason) = reasons::parse(&body.reason) else {
        let message = format!(
            "--reason: {:?} is no reason; wanted is a number or name of these:\n{}",
            body.reason,
            reasons::list()
        );
        return Err(Refusal::new(RefusalKind::Refused, message.trim_end()));
    };
    if body.text.len() > MOST_TEXT {
        let message = format!(
            "--text: it has {} octets, {MOST_TEXT} are allowed; shorten it",
            body.text.len()
        );
        return Err(Refusal::new(RefusalKind::Refused, message));
    }
    store
        .reject(id, reason, &body.text, Timestamp::now())
        .map_err(refused_by)?;
    tracing::info!(transfer = %id, %reason, "A received file was rejected by command.");
    Ok(applied("transfer", id.to_string(), "rejected"))
}

/// NERPREAST has three digits for its length.
const MOST_TEXT: usize = 999;
