//! Making the signature of a receipt.

use super::ReceiptForm;
use crate::{OwnKey, SecureError, Suite, write};

/// Signs the fields of a receipt, one after the other as they are sent (RFC 5024 sections 5.3.13
/// and 5.3.14): a ContentInfo with SignedData, in DER, for EERPSIG or NERPSIG.
///
/// # Errors
/// See [`SecureError`].
pub fn sign(
    content: &[u8],
    suite: Suite,
    key: &OwnKey,
    form: ReceiptForm,
) -> Result<Vec<u8>, SecureError> {
    let signing = write::Signing {
        suite,
        signers: std::slice::from_ref(key),
        include_certificate: false,
        time: None,
    };
    write::signed(content, signing, form == ReceiptForm::Detached)
}
