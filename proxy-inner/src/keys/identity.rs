//! The key this half shows on the link: made where it will live, printed only as its pin.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use link::LinkIdentity;

use super::{KeyError, provider};

/// Makes a new link key in `path` (mode 0600, nothing overwritten).
///
/// # Errors
/// When the file exists or cannot be written.
pub fn create_identity(path: &Path) -> Result<LinkIdentity, KeyError> {
    LinkIdentity::create(path, generate, &provider())
        .map_err(|error| KeyError::Identity(error.to_string()))
}

/// Loads the link key from `path`.
///
/// # Errors
/// When the file cannot be read, is no key, or other accounts can read it.
pub fn load_identity(path: &Path) -> Result<LinkIdentity, KeyError> {
    LinkIdentity::load(path, &provider()).map_err(|error| KeyError::Identity(error.to_string()))
}

/// A fresh ECDSA P-256 key as PKCS#8.
fn generate() -> Result<Vec<u8>, String> {
    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
        .map(|document| document.as_ref().to_vec())
        .map_err(|_| "the cryptographic library could not generate a P-256 key".to_owned())
}
