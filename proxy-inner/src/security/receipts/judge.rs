//! Receipts of partners, judged before they settle anything.
//!
//! ```text
//!  hash in it ─▶ is it ours? ─▶ signature asked for? ─┬─ signed: right fields, known signer, valid then
//!                                                     ├─ unsigned: as agreed with the partner
//!                                                     └─ not asked for: a wrong one counts as none
//! ```
//!
//! What does not fit settles nothing; it is kept, with the reason, for an operator to decide.

use ::keyring::Role;
use envelope::receipt::{self, ReceiptSignatureError};
use jiff::Timestamp;
use oftp::{FileId, OdetteId};
use store::{
    Evidence, EvidenceKind, Judgement, Partner, ReceiptContent, ReceiptKind, Store, StoreError,
    Transfer, UnsignedReceipts,
};

use super::{content, difference};
use crate::security::certificates::Signers;

/// What is needed to judge one receipt, gathered beforehand: judging itself asks nobody.
#[derive(Debug)]
pub(crate) struct Judging {
    /// The file as the receipt names it, its addresses swapped back.
    file: FileId,
    content: ReceiptContent,
    /// What becomes of one without signature.
    unsigned: UnsignedReceipts,
    /// Whether the NERP was made by somebody on the way, whose certificate we need not have.
    on_the_way: bool,
    signers: Signers,
    now: Timestamp,
}

impl Judging {
    /// For a receipt of `partner` that came at `now`. Blocks on the journal.
    ///
    /// # Errors
    /// What the journal said.
    pub(crate) fn prepare(
        store: &Store,
        partner: &Partner,
        file: FileId,
        content: ReceiptContent,
        now: Timestamp,
    ) -> Result<Judging, StoreError> {
        let mut signers = Signers::of(partner, Role::ReceiptSigning);
        let on_the_way = match creator(&content) {
            Some(creator) if *creator != file.destination && *creator != partner.code => {
                if let Some(creating) = store.partner_by_code(creator)? {
                    signers.add(&creating, Role::ReceiptSigning);
                }
                true
            }
            _ => false,
        };
        Ok(Judging {
            file,
            content,
            unsigned: partner.unsigned_receipts,
            on_the_way,
            signers,
            now,
        })
    }

    /// Whether the receipt settles the transfer. Takes processor time only.
    pub(crate) fn judge(self, transfer: &Transfer) -> Judgement {
        match self.weigh(transfer) {
            Ok(evidence) => Judgement::Accepted { evidence },
            Err(why) => Judgement::Invalid { why },
        }
    }

    fn weigh(&self, transfer: &Transfer) -> Result<Option<Evidence>, String> {
        self.hash(transfer)?;
        if self.content.signature.is_empty() {
            return match transfer.signed_receipt {
                true => self.unsigned("it is not signed, though a signature was asked for"),
                false => Ok(None),
            };
        }
        match self.signature() {
            Ok(evidence) => {
                // It proves that a file of that name came, not that it was this one. A NERP may be by
                // somebody who never had the file.
                let ours = transfer.signed_receipt && !transfer.hash.is_empty();
                if ours && self.content.is_positive() && self.content.hash.is_empty() {
                    self.unsigned("its signature covers no hash of the file (EERPHSH is absent)")?;
                }
                Ok(Some(evidence))
            }
            // RFC 5024 section 5.3.3 has it unsigned: a signature nobody asked for adds nothing, and
            // one that is wrong takes nothing away.
            Err(Wrong::Unknown(why)) if !transfer.signed_receipt => {
                tracing::warn!(transfer = %transfer.id, why, "A receipt has a signature nobody asked for, which cannot be checked; it counts as unsigned.");
                Ok(None)
            }
            Err(Wrong::Unknown(why)) if self.on_the_way => self.unsigned(&format!(
                "it was made on the way, by {}, and its signature cannot be checked ({why})",
                creator(&self.content).unwrap_or(&self.file.destination)
            )),
            Err(Wrong::Unknown(why) | Wrong::Fields(why)) => Err(why),
        }
    }

    /// The hash in a receipt is the one of what we sent, where there is one.
    fn hash(&self, transfer: &Transfer) -> Result<(), String> {
        let (theirs, ours) = (&self.content.hash, &transfer.hash);
        // A file without a suite has no hash both sides would agree on.
        let comparable = !ours.is_empty() && (transfer.cipher != 0 || theirs.len() == ours.len());
        if theirs.is_empty() || !comparable || theirs == ours {
            return Ok(());
        }
        let field = if self.content.is_positive() {
            "EERPHSH"
        } else {
            "NERPHSH"
        };
        Err(format!(
            "{field} is {}, expected {}: the partner has another file than the one that was sent",
            difference::hexadecimal(theirs),
            difference::hexadecimal(ours),
        ))
    }

    /// A receipt that is as good as unsigned.
    fn unsigned(&self, why: &str) -> Result<Option<Evidence>, String> {
        match self.unsigned {
            UnsignedReceipts::Accepted => {
                tracing::warn!(file = %self.file, why, "A receipt was taken without a signature that could be checked.");
                Ok(None)
            }
            UnsignedReceipts::Refused => Err(format!(
                "{why}; to take such receipts of this partner, set unsigned_receipts = \"accepted\""
            )),
        }
    }

    fn signature(&self) -> Result<Evidence, Wrong> {
        if let Some(why) = self.signers.none() {
            return Err(Wrong::Unknown(format!(
                "it is signed, and no certificate can verify that: {why}; add the one the partner signs receipts with (role receipt-signing)"
            )));
        }
        let candidates = content::candidates(&self.file, &self.content);
        let said: Vec<&[u8]> = candidates.iter().map(Vec::as_slice).collect();
        let verified = receipt::verify(&self.content.signature, &said, self.signers.certificates());
        match verified {
            Ok(verified) => {
                let signer = self.signers.valid_at(&[verified.signer], self.now);
                let certificate = signer.map_err(Wrong::Unknown)?.der().to_vec();
                Ok(Evidence {
                    what: EvidenceKind::ReceiptSignedBy,
                    certificate,
                })
            }
            Err(ReceiptSignatureError::ContentDiffers { embedded }) => {
                let said = candidates.first().map_or(&[][..], Vec::as_slice);
                Err(Wrong::Fields(difference::named(
                    &self.content,
                    said,
                    &embedded,
                )))
            }
            Err(error) => Err(Wrong::Unknown(error.to_string())),
        }
    }
}

/// What is wrong with a signature.
enum Wrong {
    /// It was made for something else.
    Fields(String),
    /// It does not verify with any certificate we have that is valid, or cannot be read.
    Unknown(String),
}

fn creator(content: &ReceiptContent) -> Option<&OdetteId> {
    match &content.kind {
        ReceiptKind::Negative { creator, .. } => Some(creator),
        ReceiptKind::Positive => None,
    }
}
