//! The certificates of a PKCS#7 bundle (.p7b, .p7c): SignedData without signers.

use crate::der::{self, Reader};
use crate::oid;

/// The certificates in DER, in their order; `None` when it is no SignedData.
pub(super) fn certificates(der: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut info = Reader::new(der).enter(der::SEQUENCE)?;
    if info.take(der::IDENTIFIER)?.content != oid::SIGNED_DATA {
        return None;
    }
    let mut signed = info.enter(der::CONTEXT_0)?.enter(der::SEQUENCE)?;
    signed.take(der::INTEGER)?;
    signed.take(der::SET)?;
    signed.take(der::SEQUENCE)?;
    let mut certificates = Vec::new();
    let Some(mut set) = signed.enter(der::CONTEXT_0) else {
        return Some(certificates);
    };
    while set.peek().is_some() {
        let element = set.next()?;
        // The other choices (RFC 5652 §10.2.2) are attribute certificates and the like.
        if element.tag == der::SEQUENCE {
            certificates.push(element.whole.to_vec());
        }
    }
    Some(certificates)
}
