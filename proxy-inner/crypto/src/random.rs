//! Random octets, for content keys, vectors and challenges.

use aws_lc_rs::rand;

use crate::RandomError;

/// Fills with random octets fit for keys.
///
/// # Errors
/// Where the library has none to give.
pub fn random(octets: &mut [u8]) -> Result<(), RandomError> {
    rand::fill(octets).map_err(|_| RandomError)
}
