//! Receipts that arrive for files we sent, and those we send for files we received.

use jiff::Timestamp;
use oftp::{Eerp, FileId, Nerp};
use store::{Receipt, ReceiptClaim, ReceiptProblem, Store, StoreError};

/// A receipt as a partner sent it.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// The file it is for, as we named it.
    pub(crate) file: FileId,
    /// What it says.
    pub(crate) receipt: Receipt,
}

impl From<Eerp> for Arrived {
    fn from(eerp: Eerp) -> Self {
        Self {
            file: eerp.file_id(),
            receipt: Receipt::Positive,
        }
    }
}

impl From<Nerp> for Arrived {
    fn from(nerp: Nerp) -> Self {
        Self {
            file: nerp.file_id(),
            receipt: Receipt::Negative {
                reason: nerp.reason,
                text: nerp.text,
            },
        }
    }
}

/// What became of a receipt. In every case the partner is answered with RTR.
#[derive(Debug)]
pub(crate) enum Settled {
    /// It closes a transfer of ours.
    Closed,
    /// It settles nothing; the operator was told.
    Nothing,
}

/// Records a receipt. Blocks.
///
/// # Errors
/// What the journal said: the partner must not be answered then, so that it sends the receipt again.
pub(crate) fn settle(
    store: &Store,
    partner: &str,
    arrived: Arrived,
    circuit: &str,
) -> Result<Settled, StoreError> {
    let Arrived { file, receipt } = arrived;
    let positive = receipt == Receipt::Positive;
    if let Receipt::Negative { reason, text } = &receipt {
        tracing::warn!(
            circuit,
            partner,
            dataset = %file.dataset,
            stamp = %file.stamp,
            why = reason.text(),
            text = text.escape_debug().to_string(),
            "A partner sent a negative receipt.",
        );
    }
    match store.receipt_arrived(partner, &file, receipt, circuit, Timestamp::now()) {
        Ok(transfer) => {
            tracing::info!(circuit, partner, %transfer, positive, "A receipt arrived.");
            Ok(Settled::Closed)
        }
        Err(ReceiptProblem::Store(error)) => Err(error),
        Err(problem) => {
            tracing::warn!(
                circuit,
                partner,
                dataset = %file.dataset,
                stamp = %file.stamp,
                why = %problem,
                "A receipt arrived that settles nothing.",
            );
            Ok(Settled::Nothing)
        }
    }
}

/// The EERP for a received file: unsigned, since signed receipts are refused at the offer.
pub(crate) fn eerp(claim: &ReceiptClaim) -> Eerp {
    let file = claim.file();
    Eerp {
        dataset: file.dataset.clone(),
        stamp: file.stamp,
        user: claim.transfer().user.clone(),
        // The receipt travels the other way (RFC 5024 section 5.3.13).
        destination: file.origin.clone(),
        origin: file.destination.clone(),
        hash: Vec::new(),
        signature: Vec::new(),
    }
}
