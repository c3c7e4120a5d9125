//! Verifying the signature of a receipt.

use std::fmt;

use crate::open::{Layer, OpenError, Problem, SignatureError};
use crate::read::{Inner, Octets, Signed, Source};
use crate::{Certificate, oid};

/// Octets of signed content that are read: more than all fields of a receipt have.
const MOST_CONTENT: usize = 4096;

/// A receipt whose signature is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Who signed, as the place among the signers that were given.
    pub signer: usize,
    /// Which of the candidates was signed.
    pub candidate: usize,
    /// Whether the content was left out of the signature.
    pub detached: bool,
}

/// Why the signature of a receipt is not accepted.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptSignatureError {
    /// It is no SignedData that can be read.
    #[error("the signature of the receipt cannot be read: {0}")]
    Unreadable(#[source] OpenError),
    /// It is not a good signature of one of the signers.
    #[error("the signature of the receipt is not accepted: {0}")]
    Signature(#[source] SignatureError),
    /// The signature is good, but of something else than the receipt says.
    #[error("the receipt's fields are not those that were signed")]
    ContentDiffers {
        /// What was signed.
        embedded: Vec<u8>,
    },
}

impl fmt::Debug for ReceiptSignatureError {
    /// As it reads: what was signed is for comparing, not for printing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Verifies EERPSIG or NERPSIG (RFC 5024 sections 5.3.13 and 5.3.14), in BER or DER, with the signed
/// fields inside or left out.
///
/// `content` has the candidates for what was signed, each all fields of the receipt one after the
/// other: of a NERP with and without the creator, as partners do both.
///
/// # Errors
/// See [`ReceiptSignatureError`].
pub fn verify(
    signature: &[u8],
    content: &[&[u8]],
    signers: &[Certificate],
) -> Result<Verified, ReceiptSignatureError> {
    use ReceiptSignatureError::{ContentDiffers, Signature, Unreadable};
    let mut octets = signature;
    let mut source = Octets(&mut octets);
    let mut signed = Signed::start(&mut source, &Inner::Outermost, None).map_err(Unreadable)?;
    if !signed.inner().is(oid::DATA) {
        return Err(Unreadable(OpenError::Layers {
            expected: Layer::Signature,
            found: signed.inner().in_words(),
        }));
    }
    let embedded = gather(&mut signed).map_err(Unreadable)?;
    let detached = !signed.has_content();
    let (_, signatures) = signed.into_signatures();

    if !detached {
        let verified = signatures.verify(signers, None).map_err(Signature)?;
        let candidate = content.iter().position(|candidate| *candidate == embedded);
        return match (verified.first(), candidate) {
            (Some(signer), Some(candidate)) => Ok(Verified {
                signer: *signer,
                candidate,
                detached,
            }),
            _ => Err(ContentDiffers { embedded }),
        };
    }
    let mut why = SignatureError::Unsigned;
    for (candidate, octets) in content.iter().enumerate() {
        match signatures.over(octets).verify(signers, None) {
            Ok(verified) => {
                if let Some(signer) = verified.first() {
                    return Ok(Verified {
                        signer: *signer,
                        candidate,
                        detached,
                    });
                }
            }
            // The first candidate is what the RFC says: its error is the one to tell.
            Err(error) if candidate == 0 => why = error,
            Err(_) => {}
        }
    }
    Err(Signature(why))
}

fn gather(signed: &mut Signed<'_>) -> Result<Vec<u8>, OpenError> {
    let mut content = Vec::new();
    let mut buffer = [0; MOST_CONTENT];
    loop {
        let count = signed.read(&mut buffer)?;
        if count == 0 {
            return Ok(content);
        }
        if content.len() + count > MOST_CONTENT {
            return Err(OpenError::Structure {
                layer: Layer::Signature,
                at: 0,
                problem: Problem::TooLarge(MOST_CONTENT),
            });
        }
        content.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
}
