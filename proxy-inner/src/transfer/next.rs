//! What is next for a partner while we have the turn, and what a refusal means.
//!
//! Receipts go first: a partner keeps its copy of a file until it has one. A file that the partner
//! refused is not offered again in the same session (RFC 5024 section 4.3.2 warns of the loop): it is
//! held back until the session ends.

use jiff::Timestamp;
use oftp::{FileReason, Level};
use ops::backoff::draw;
use store::{
    AlreadyThere, OutboundClaim, OutboundFile, ReceiptClaim, Store, StoreError, TransferId,
};

use crate::security::Security;
use crate::security::receipts::Ready;
use crate::session::SessionSettings;

/// What there is to do for a partner while we have the turn.
pub(crate) enum Next {
    /// A receipt to send.
    Receipt(Box<ReceiptClaim>),
    /// A file to send, opened where it is sent from its start in any case.
    File(Box<OutboundClaim>, Option<OutboundFile>),
    /// Nothing.
    Nothing,
}

/// Whom something is looked for, and what the session with it can carry.
#[derive(Clone)]
pub(crate) struct Wanted {
    /// The partner's name.
    pub(crate) partner: String,
    /// The circuit, as the journal has it.
    pub(crate) circuit: String,
    /// The agreed level.
    pub(crate) level: Level,
    /// Whether transfers may resume in the middle.
    pub(crate) restart: bool,
    /// Whether a file may be begun.
    pub(crate) files: bool,
}

/// The files a partner refused in this session, and the claims by which they are held back.
#[derive(Default)]
pub(crate) struct Refusals {
    refused: Vec<TransferId>,
    held: Vec<OutboundClaim>,
}

impl Refusals {
    /// The partner refused it.
    pub(crate) fn note(&mut self, id: TransferId) {
        self.refused.push(id);
    }

    /// Gives what was held back to the next session. Blocks.
    pub(crate) fn release(&mut self) -> Result<(), StoreError> {
        self.held.drain(..).try_for_each(|claim| {
            let (why, reached) = ("it was refused in this session", claim.restart());
            claim.interrupted(why, reached, Timestamp::now())
        })
    }

    /// Holds the file back if it was refused.
    fn sieve(&mut self, claim: OutboundClaim) -> Option<OutboundClaim> {
        if self.refused.contains(&claim.id()) {
            self.held.push(claim);
            None
        } else {
            Some(claim)
        }
    }
}

/// Claims what is next: owed receipts, signed where that was asked for, then files. Blocks.
///
/// # Errors
/// What the journal said.
pub(crate) fn next(
    store: &Store,
    security: &Security,
    wanted: &Wanted,
    refusals: &mut Refusals,
) -> Result<Next, StoreError> {
    let Wanted {
        partner,
        circuit,
        level,
        restart,
        files,
    } = wanted;
    while let Some(mut receipt) = store.claim_receipt(partner, circuit, *level, Timestamp::now())? {
        match security.sign_receipt(&mut receipt, *level)? {
            Ready::Yes => return Ok(Next::Receipt(Box::new(receipt))),
            Ready::Not { why, until } => receipt.held(&why, until, Timestamp::now())?,
        }
    }
    if !files {
        return Ok(Next::Nothing);
    }
    while let Some(claim) =
        store.claim_file(partner, circuit, *level, *restart, Timestamp::now())?
    {
        let Some(claim) = refusals.sieve(claim) else {
            continue;
        };
        // From which place the others go on is for the partner to say.
        if claim.restart() > 0 {
            return Ok(Next::File(Box::new(claim), None));
        }
        match claim.open(0) {
            Ok(file) => return Ok(Next::File(Box::new(claim), Some(file))),
            Err(error) => {
                tracing::error!(
                    circuit,
                    partner,
                    transfer = %claim.id(),
                    why = %error,
                    "A file cannot be sent.",
                );
                claim.failed(&error.to_string(), Timestamp::now())?;
            }
        }
    }
    Ok(Next::Nothing)
}

/// What happened to a refused file.
pub(crate) enum Refused {
    /// It is offered again in a later session.
    Again,
    /// It has failed.
    Failed,
    /// The partner had it all along.
    AlreadyThere,
}

/// Records that the partner refused a file. `retry` is the partner's own word (SFNARRTR), where it
/// has one; it is obeyed a limited number of times. Blocks.
///
/// # Errors
/// What the journal said.
pub(crate) fn refused(
    claim: OutboundClaim,
    reason: FileReason,
    retry: Option<bool>,
    text: &str,
    settings: &SessionSettings,
) -> Result<Refused, StoreError> {
    let now = Timestamp::now();
    if reason == FileReason::DUPLICATE {
        return Ok(match claim.already_there(now)? {
            AlreadyThere::Sent => Refused::AlreadyThere,
            AlreadyThere::Conflict => Refused::Failed,
        });
    }
    let attempts = claim.attempts().saturating_add(1);
    let again = retry.unwrap_or_else(|| may_pass(reason)) && attempts < settings.file_attempts;
    let delay = settings.file_backoff.delay(attempts - 1, draw());
    let retry_at = again.then(|| now.checked_add(delay).unwrap_or(now));
    claim.refused(reason, text, retry_at, now)?;
    Ok(if again {
        Refused::Again
    } else {
        Refused::Failed
    })
}

/// EFNA has no retry flag: these reasons are of a kind that may be gone next time.
fn may_pass(reason: FileReason) -> bool {
    [
        FileReason::TOO_BIG,
        FileReason::INVALID_RECORD_COUNT,
        FileReason::INVALID_BYTE_COUNT,
        FileReason::ACCESS_METHOD_FAILURE,
        FileReason::UNSPECIFIED,
    ]
    .contains(&reason)
}
