//! Our receipts, signed before they go out.

use std::slice;

use ::keyring::Role;
use envelope::receipt::{self, ReceiptForm};
use jiff::Timestamp;
use oftp::Level;
use store::{
    Evidence, EvidenceKind, Partner, ReceiptClaim, ReceiptContent, ReceiptSignature, StoreError,
};

use super::content;
use crate::security::certificates::used;
use crate::security::{Security, policy};

impl Security {
    /// Signs an owed receipt where that was asked for, and has the journal note it. Where signing is
    /// impossible it goes unsigned (RFC 5024 section 4.3.6), and the operator is told. Blocks.
    ///
    /// # Errors
    /// What the journal said; the receipt must not go out then.
    pub(crate) fn sign_receipt(
        &self,
        claim: &mut ReceiptClaim,
        level: Level,
    ) -> Result<(), StoreError> {
        // Below level 5 a receipt has no place for it.
        if !claim.is_signature_wanted() || !level.is_oftp2() {
            return Ok(());
        }
        let now = Timestamp::now();
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
            Err(why) => {
                self.counters.receipts_unsigned.one();
                tracing::error!(
                    partner = claim.transfer().partner,
                    transfer = %claim.id(),
                    why,
                    "A receipt goes out without the signature that was asked for; the partner may not accept it.",
                );
            }
        }
        Ok(())
    }

    /// The signature, or why there can be none.
    fn signature(
        &self,
        claim: &ReceiptClaim,
        now: Timestamp,
    ) -> Result<Result<(Vec<u8>, Evidence), String>, StoreError> {
        let transfer = claim.transfer();
        let Some(partner) = self.store.partner(&transfer.partner)? else {
            return Ok(Err(format!(
                "partner {} is no longer there",
                transfer.partner
            )));
        };
        if claim.hash().is_empty() {
            return Ok(Err("the hash of the file is not known".to_owned()));
        }
        let station = &transfer.station;
        let key = match self.keyring.signing_key(station, Role::ReceiptSigning, now) {
            Ok(key) => key,
            Err(error) => return Ok(Err(error.to_string())),
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
            Err(error) => return Ok(Err(error.to_string())),
        };
        let evidence = Evidence {
            what: EvidenceKind::ReceiptSignedWith,
            certificate: key.certificate().der().to_vec(),
        };
        Ok(Ok((signature, evidence)))
    }
}

fn form(partner: &Partner) -> ReceiptForm {
    match partner.receipt_signature {
        ReceiptSignature::Inside => ReceiptForm::Inside,
        ReceiptSignature::Detached => ReceiptForm::Detached,
    }
}
