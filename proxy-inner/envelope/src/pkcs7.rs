//! The certificates of a PKCS#7 bundle: a SignedData that mostly nobody signed (RFC 5652 section 5.1).

use crate::open::{Layer, OpenError, Problem};
use crate::read::{CHUNK, Inner, Octets, Signed, Source};

/// Octets of a bundle that are read.
const MOST_OCTETS: usize = 4 << 20;

/// The certificates of a bundle in BER or DER, each in DER, in the order they have there. Signatures
/// in it are not looked at.
///
/// # Errors
/// [`OpenError::Structure`] and [`OpenError::Layers`].
pub fn certificates(octets: &[u8]) -> Result<Vec<Vec<u8>>, OpenError> {
    if octets.len() > MOST_OCTETS {
        return Err(OpenError::Structure {
            layer: Layer::Signature,
            at: 0,
            problem: Problem::TooLarge(MOST_OCTETS),
        });
    }
    let mut octets = octets;
    let mut source = Octets(&mut octets);
    let mut signed = Signed::start(&mut source, &Inner::Outermost, None)?;
    let mut content = vec![0; CHUNK];
    while signed.read(&mut content)? > 0 {}
    let (certificates, _) = signed.into_signatures();
    Ok(certificates)
}
