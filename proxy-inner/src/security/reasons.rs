//! Why a file could not be opened, as its sender is told: at once, or by a receipt.

use envelope::Kind;
use oftp::{FileReason, ReceiptReason};

/// Why a file cannot be opened, and its sender is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What failed.
    pub(crate) what: What,
    /// What the partner reads.
    pub(crate) text: String,
    /// What our operator reads.
    pub(crate) why: String,
}

/// What failed in opening a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Its signature.
    Signature,
    /// Its decryption.
    Decryption,
    /// Its decompression.
    Decompression,
    /// Something of its form that no such step is to blame for.
    Form,
}

impl What {
    /// What the envelope says, unless the fault is ours.
    pub(crate) fn of(kind: Kind) -> Option<What> {
        match kind {
            Kind::Signature => Some(What::Signature),
            Kind::Decryption => Some(What::Decryption),
            Kind::Decompression => Some(What::Decompression),
            Kind::Other => None,
        }
    }

    /// EFNAREAS (RFC 5024 section 5.3.10).
    pub(crate) fn file_reason(self) -> FileReason {
        match self {
            What::Signature => FileReason::INVALID_SIGNATURE,
            What::Decryption => FileReason::DECRYPTION_FAILURE,
            What::Decompression => FileReason::DECOMPRESSION_FAILURE,
            What::Form => FileReason::UNSPECIFIED,
        }
    }

    /// NERPREAS (RFC 5024 section 5.3.14, A-38).
    pub(crate) fn receipt_reason(self) -> ReceiptReason {
        match self {
            What::Signature => ReceiptReason::INVALID_SIGNATURE,
            What::Decryption => ReceiptReason::DECRYPTION_FAILURE,
            What::Decompression => ReceiptReason::DECOMPRESSION_FAILURE,
            What::Form => ReceiptReason::PROCESSING_FAILED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EFNA 21, 22, 23 and NERP 31, 33, 32 mean the same.
    #[test]
    fn the_codes_of_both_answers_go_together() {
        for (what, file, receipt) in [
            (What::Signature, 21, 31),
            (What::Decryption, 22, 33),
            (What::Decompression, 23, 32),
            (What::Form, 99, 34),
        ] {
            assert_eq!(what.file_reason().0, file);
            assert_eq!(what.receipt_reason().0, receipt);
        }
    }
}
