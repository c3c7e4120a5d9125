//! Receipts that arrive for files we sent, and those we send for files we received, ours or a third
//! party's.

use engine::Request;
use jiff::Timestamp;
use oftp::{Deviation, Eerp, FileId, Level, Nerp};
use store::{
    ArrivedReceipt, Partner, ReceiptClaim, ReceiptContent, ReceiptKind, ReceiptProblem, Settled,
    Settlement, Store, StoreError,
};

use crate::security::receipts::Judging;

/// A receipt as a partner sent it.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// The file it is for, as we named it.
    file: FileId,
    /// What it says.
    content: ReceiptContent,
}

impl From<Eerp> for Arrived {
    fn from(eerp: Eerp) -> Self {
        Self {
            file: eerp.file_id(),
            content: ReceiptContent {
                kind: ReceiptKind::Positive,
                user: eerp.user,
                hash: eerp.hash,
                signature: eerp.signature,
            },
        }
    }
}

impl From<Nerp> for Arrived {
    fn from(nerp: Nerp) -> Self {
        Self {
            file: nerp.file_id(),
            content: ReceiptContent {
                kind: ReceiptKind::Negative {
                    reason: nerp.reason,
                    text: nerp.text,
                    creator: nerp.creator,
                },
                user: oftp::UserField::default(),
                hash: nerp.hash,
                signature: nerp.signature,
            },
        }
    }
}

/// What came of a receipt that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It settled a file.
    Settled {
        /// Though its addresses were the wrong way round.
        swapped: bool,
    },
    /// It settled nothing, because it does not fit what was sent or was not signed as agreed; the
    /// operator was told.
    Invalid,
    /// It settled nothing; the operator was told.
    Nothing,
}

/// Judges a receipt by the terms of the partner who sent it, and records it; one with swapped addresses
/// settles nothing where the partner does not get that. Whatever comes of it, the partner is answered
/// with RTR. Blocks.
///
/// # Errors
/// What the journal said: the partner must not be answered then, so that it sends the receipt again.
pub(crate) fn settle(
    store: &Store,
    terms: &Partner,
    arrived: Arrived,
    level: Level,
    circuit: &str,
) -> Result<Outcome, StoreError> {
    let Arrived { file, content } = arrived;
    let now = Timestamp::now();
    let partner = terms.name.as_str();
    // Certificates may have been added since the session began.
    let present = store.partner(partner)?;
    let present = present.as_ref().unwrap_or(terms);
    let judging = Judging::prepare(store, present, file.clone(), content.clone(), now)?;
    let positive = content.kind == ReceiptKind::Positive;
    if let ReceiptKind::Negative {
        reason,
        text,
        creator,
    } = &content.kind
    {
        tracing::warn!(
            circuit,
            partner,
            dataset = %file.dataset,
            stamp = %file.stamp,
            %creator,
            why = reason.text(),
            text = text.escape_debug().to_string(),
            "A partner sent a negative receipt.",
        );
    }
    // A counter of 0000 is never ours: the partner knows the file by the short stamp with which it went
    // out at level 1 or 2, whatever this session speaks.
    let level = if file.stamp.counter() == 0 {
        level.min(Level::L2)
    } else {
        level
    };
    let receipt = ArrivedReceipt {
        file: file.clone(),
        content,
        level,
        refuse_swapped: terms.refuse.contains(Deviation::ReceiptAddressesSwapped),
        judge: Box::new(move |transfer| judging.judge(transfer)),
    };
    let settlement = match store.receipt_arrived(partner, receipt, circuit, now) {
        Ok(settlement) => settlement,
        Err(ReceiptProblem::Store(error)) => return Err(error),
        Err(problem) => {
            tracing::warn!(
                circuit,
                partner,
                dataset = %file.dataset,
                stamp = %file.stamp,
                why = %problem,
                "A receipt arrived that settles nothing.",
            );
            return Ok(Outcome::Nothing);
        }
    };
    let Settlement { settled, swapped } = settlement;
    match settled {
        Settled::Closed(transfer) => {
            tracing::info!(circuit, partner, %transfer, positive, "A receipt arrived.");
        }
        Settled::Invalid { id, why } => {
            tracing::error!(
                circuit,
                partner,
                transfer = %id,
                positive,
                why,
                "A receipt is not believed and settles nothing; ask the partner, or take it after all (`receipts accept`).",
            );
            return Ok(Outcome::Invalid);
        }
        Settled::Forwarded {
            outbound,
            inbound,
            to,
        } => {
            tracing::info!(
                circuit,
                partner,
                transfer = %outbound,
                received = %inbound,
                to,
                positive,
                "A receipt arrived for a forwarded file; it goes back to where the file came from.",
            );
        }
    }
    Ok(Outcome::Settled { swapped })
}

/// The request that sends an owed receipt: what the final destination or the node that gave up said,
/// unchanged.
pub(crate) fn request(claim: &ReceiptClaim) -> Request {
    let file = claim.file();
    let content = claim.content();
    let (dataset, stamp) = (file.dataset.clone(), file.stamp);
    // The receipt travels the other way (RFC 5024 section 5.3.13).
    let (destination, origin) = (file.origin.clone(), file.destination.clone());
    let (hash, signature) = (content.hash.clone(), content.signature.clone());
    match &content.kind {
        ReceiptKind::Positive => Request::Eerp(Eerp {
            dataset,
            stamp,
            user: content.user.clone(),
            destination,
            origin,
            hash,
            signature,
        }),
        ReceiptKind::Negative {
            reason,
            text,
            creator,
        } => Request::Nerp(Nerp {
            dataset,
            stamp,
            destination,
            origin,
            creator: creator.clone(),
            reason: *reason,
            text: text.clone(),
            hash,
            signature,
        }),
    }
}
