//! Signatures of receipts: a small SignedData around the fields of EERP or NERP (RFC 5024 sections
//! 5.3.13 and 5.3.14).

mod sign;
mod verify;

pub use sign::sign;
pub use verify::{ReceiptSignatureError, Verified, verify};

/// Whether the signed fields are inside the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReceiptForm {
    /// Inside, as RFC 5024 says.
    #[default]
    Inside,
    /// Left out, as some partners want it: the verifier builds them from the command's fields.
    Detached,
}
