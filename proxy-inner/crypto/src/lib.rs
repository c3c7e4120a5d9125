//! RSA and digests as OFTP2 needs them, on AWS-LC.
//!
//! ```text
//!  a certificate's SubjectPublicKeyInfo ──▶ PublicKey ── verify, wrap content keys
//!  a stored private key, or a token ──▶ dyn PrivateKey ── sign, unwrap content keys
//!                                         SoftwareKey here, tokens in a crate of their own
//! ```
//!
//! It exists because cipher suites 01, 02, 07 and 10 (SHA-1, SHA3-512), PSS with any salt, keys
//! of old partners and unwrapping without telling whether it worked are not in the safe
//! interface of the library. What calls the library directly is one module, `ffi`; all else is
//! safe code.
//!
//! Assumes nothing of the octets it is given: keys, signatures and wrapped keys come from
//! elsewhere. Promises: no panic; sizes are checked before they cost time; what is unwrapped is
//! compared with masks, and a key that cannot be unwrapped is replaced by another, the same each
//! time (implicit rejection), so that nobody learns from us which it was; private keys are wiped
//! from memory and never printed.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod der;
mod error;
#[expect(
    unsafe_code,
    reason = "the library's safe interface lacks these calls; every block says why it is sound"
)]
mod ffi;
mod hash;
mod private;
mod public;
mod random;
mod scheme;
mod software;
mod unpad;

pub use error::{BadKey, KeyUseError, RandomError};
pub use hash::{Digest, Hash, digest_info};
pub use private::PrivateKey;
pub use public::PublicKey;
pub use random::random;
pub use scheme::{Oaep, Signing, Verifying};
pub use software::SoftwareKey;
pub use unpad::{content_key_of_block, content_key_of_oaep_block, stand_in};

#[cfg(test)]
mod tests;
