//! What proves a transfer, as operators see it.

use envelope::Suite;
use keyring::facts;
use serde::{Deserialize, Serialize};
use store::{ReceiptContent, ReceiptKind, TransferEvidence, certificates_to_pem};

use super::{StepView, TransferView, hexadecimal};

/// Everything that proves a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceView {
    /// The transfer.
    pub transfer: TransferView,
    /// Its steps, oldest first.
    pub steps: Vec<StepView>,
    /// The cipher suite in words; absent when there was none.
    pub suite: Option<String>,
    /// Hash of the file as transmitted, hexadecimal; empty when it is not known.
    pub hash: String,
    /// Its receipt, as it came (out), or as it is owed or was sent (in).
    pub receipt: Option<EvidenceReceiptView>,
    /// Why the receipt that came settled nothing.
    pub receipt_problem: Option<String>,
    /// The certificates, in the order they were used.
    pub certificates: Vec<EvidenceCertificateView>,
    /// Where the file is as it travelled, on the host of the process.
    pub secured: Option<String>,
    /// Where the clear file is.
    pub clear: Option<String>,
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceReceiptView {
    /// `EERP` or `NERP`.
    pub kind: String,
    /// NERPREAS with its meaning.
    pub reason: Option<String>,
    /// NERPREAST.
    pub text: Option<String>,
    /// NERPCREA.
    pub creator: Option<String>,
    /// Hash of the file it names, hexadecimal; empty when it names none.
    pub hash: String,
    /// Its signature (PKCS#7 SignedData), hexadecimal; empty when it has none.
    pub signature: String,
}

/// A certificate that had to do with a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceCertificateView {
    /// What it had to do with it, for example `signed-by`.
    pub what: String,
    /// Whom it names.
    pub subject: String,
    /// Who made it.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// From when it is valid.
    pub not_before: String,
    /// Until when it is valid.
    pub not_after: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub fingerprint: String,
    /// The certificate itself.
    pub pem: String,
}

impl From<&TransferEvidence> for EvidenceView {
    fn from(evidence: &TransferEvidence) -> Self {
        let path = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map(|path| path.display().to_string())
        };
        let transfer = &evidence.transfer;
        EvidenceView {
            transfer: TransferView::from(transfer),
            steps: evidence.steps.iter().map(StepView::from).collect(),
            suite: Suite::of(transfer.cipher)
                .map(|suite| format!("{:02} ({})", suite.number, suite.name())),
            hash: hexadecimal(&transfer.hash),
            receipt: evidence.receipt.as_ref().map(EvidenceReceiptView::from),
            receipt_problem: evidence.receipt_problem.clone(),
            certificates: evidence
                .certificates
                .iter()
                .map(|one| EvidenceCertificateView::new(one.what.word(), &one.certificate))
                .collect(),
            secured: path(&evidence.secured),
            clear: path(&evidence.clear),
        }
    }
}

impl From<&ReceiptContent> for EvidenceReceiptView {
    fn from(receipt: &ReceiptContent) -> Self {
        let (hash, signature) = (hexadecimal(&receipt.hash), hexadecimal(&receipt.signature));
        match &receipt.kind {
            ReceiptKind::Positive => EvidenceReceiptView {
                kind: "EERP".to_owned(),
                reason: None,
                text: None,
                creator: None,
                hash,
                signature,
            },
            ReceiptKind::Negative {
                reason,
                text,
                creator,
            } => EvidenceReceiptView {
                kind: "NERP".to_owned(),
                reason: Some(reason.to_string()),
                text: Some(text.clone()),
                creator: Some(creator.to_string()),
                hash,
                signature,
            },
        }
    }
}

impl EvidenceCertificateView {
    pub(in crate::admin) fn new(what: &str, der: &[u8]) -> Self {
        let mut view = EvidenceCertificateView {
            what: what.to_owned(),
            subject: "(cannot be read)".to_owned(),
            issuer: String::new(),
            serial: String::new(),
            not_before: String::new(),
            not_after: String::new(),
            fingerprint: String::new(),
            pem: certificates_to_pem(&[der]),
        };
        if let Ok(facts) = facts(der) {
            view.fingerprint = facts.fingerprint_text();
            view.not_before = facts.not_before.to_string();
            view.not_after = facts.not_after.to_string();
            view.subject = facts.subject;
            view.issuer = facts.issuer;
            view.serial = facts.serial;
        }
        view
    }
}
