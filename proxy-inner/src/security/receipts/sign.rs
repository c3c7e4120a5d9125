//! Our receipts, signed before they go out.

use std::slice;

use ::keyring::Role;
use crypto::KeyUseError;
use envelope::SecureError;
use envelope::receipt::{self, ReceiptForm};
use jiff::{SignedDuration, Timestamp};
use oftp::Level;
use store::{
    Evidence, EvidenceKind, Partner, ReceiptClaim, ReceiptContent, ReceiptSignature, StoreError,
};

use super::content;
use crate::keyring::NoKey;
use crate::security::certificates::used;
use crate::security::{Security, policy};

/// Whether a receipt can go out as it should.
#[derive(Debug)]
pub(crate) enum Ready {
    /// It can.
    Yes,
    /// It can later: it is held until then, for this reason.
    Not {
        /// A sentence.
        why: String,
        /// When it is tried again; a change of keys or of the partner makes it earlier.
        until: Timestamp,
    },
}

/// Why there is no signature.
enum Unsigned {
    /// There is a key, and it cannot be used at the moment.
    Away(String),
    /// There is none, or none that could ever do it.
    Impossible(String),
}

/// After so long a receipt that is held is tried again.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);

impl Security {
    /// Signs an owed receipt where that was asked for, and has the journal note it. Where signing is
    /// impossible it goes unsigned (RFC 5024 section 4.3.6), and the operator is told; where the key is
    /// only away, as in a token that is not plugged in, or the session has no place for the signature, it
    /// waits: once it has gone out unsigned, it stays so. Blocks.
    ///
    /// # Errors
    /// What the journal said; the receipt must not go out then.
    pub(crate) fn sign_receipt(
        &self,
        claim: &mut ReceiptClaim,
        level: Level,
    ) -> Result<Ready, StoreError> {
        let now = Timestamp::now();
        let signed = !claim.content().signature.is_empty();
        // Below level 5 a receipt has no place for it; that of a third party must not lose it on the way.
        if !level.is_oftp2() && (signed || claim.is_signature_wanted()) {
            let why = format!("the session is of level {level}, and a signature needs level 5");
            return Ok(self.not_ready(claim, why, now));
        }
        if !claim.is_signature_wanted() {
            return Ok(Ready::Yes);
        }
        match self.signature(claim, now)? {
            Ok((signature, evidence)) => {
                let hash = claim.hash().to_vec();
                let signer = used(slice::from_ref(&evidence), EvidenceKind::ReceiptSignedWith);
                claim.sign(hash, signature, Some(evidence), now)?;
                self.counters.receipts_signed.one();
                tracing::info!(
                    partner = claim.transfer().partner,
                    transfer = %claim.id(),
                    signer,
                    "A receipt was signed.",
                );
            }
            Err(Unsigned::Away(why)) => return Ok(self.not_ready(claim, why, now)),
            Err(Unsigned::Impossible(why)) => {
                self.counters.receipts_unsigned.one();
                tracing::error!(
                    partner = claim.transfer().partner,
                    transfer = %claim.id(),
                    why,
                    "A receipt goes out without the signature that was asked for; the partner may not accept it.",
                );
            }
        }
        Ok(Ready::Yes)
    }

    fn not_ready(&self, claim: &ReceiptClaim, why: String, now: Timestamp) -> Ready {
        tracing::error!(
            partner = claim.transfer().partner,
            transfer = %claim.id(),
            why,
            "A receipt is held; it goes out by itself once that is put right.",
        );
        let until = now.saturating_add(AGAIN).unwrap_or(now);
        Ready::Not { why, until }
    }

    /// The signature, or why there is none.
    fn signature(
        &self,
        claim: &ReceiptClaim,
        now: Timestamp,
    ) -> Result<Result<(Vec<u8>, Evidence), Unsigned>, StoreError> {
        let transfer = claim.transfer();
        let Some(partner) = self.store.partner(&transfer.partner)? else {
            return Ok(Err(Unsigned::Impossible(format!(
                "partner {} is no longer there",
                transfer.partner
            ))));
        };
        if claim.hash().is_empty() {
            let why = "the hash of the file is not known".to_owned();
            return Ok(Err(Unsigned::Impossible(why)));
        }
        let station = &transfer.station;
        let key = match self.keyring.signing_key(station, Role::ReceiptSigning, now) {
            Ok(key) => key,
            Err(error @ NoKey::Unusable { .. }) => {
                return Ok(Err(Unsigned::Away(error.to_string())));
            }
            Err(error) => return Ok(Err(Unsigned::Impossible(error.to_string()))),
        };
        let said = ReceiptContent {
            hash: claim.hash().to_vec(),
            ..claim.content().clone()
        };
        let signed = receipt::sign(
            &content::signed(claim.file(), &said),
            policy::receipt_suite(transfer.cipher, &partner),
            &key,
            form(&partner),
        );
        let signature = match signed {
            Ok(signature) => signature,
            Err(error) => return Ok(Err(blame(&error))),
        };
        let evidence = Evidence {
            what: EvidenceKind::ReceiptSignedWith,
            certificate: key.certificate().der().to_vec(),
        };
        Ok(Ok((signature, evidence)))
    }
}

/// Whether a key that could not sign may do it another time.
fn blame(error: &SecureError) -> Unsigned {
    match error {
        SecureError::Sign(KeyUseError::Unreachable(_) | KeyUseError::Failed(_)) => {
            Unsigned::Away(error.to_string())
        }
        _ => Unsigned::Impossible(error.to_string()),
    }
}

fn form(partner: &Partner) -> ReceiptForm {
    match partner.receipt_signature {
        ReceiptSignature::Inside => ReceiptForm::Inside,
        ReceiptSignature::Detached => ReceiptForm::Detached,
    }
}
