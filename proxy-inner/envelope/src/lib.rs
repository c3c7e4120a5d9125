//! CMS objects of OFTP2 (RFC 5652, RFC 3274): secured files, signatures of receipts and the challenge
//! of secure authentication (RFC 5024 sections 5.3 and 6).
//!
//! ```text
//!  a file ── secure(Plan) ─▶ SignedData ─▶ CompressedData ─▶ EnvelopedData ── open(Opening) ─▶ the file
//!                                 (those that were asked for, each a whole ContentInfo)
//!
//!  EERP, NERP ── receipt::sign ─▶ SignedData around their fields ── receipt::verify
//!  AUCH ── challenge::seal ─▶ EnvelopedData around 20 fresh octets ── challenge::open
//! ```
//!
//! What is written is DER, or BER with indefinite lengths where a file's size is not known or a
//! partner wants it so; what is read may be any BER. Files are streamed: memory does not grow with
//! them. RSA is in crate `crypto`; a private key is whatever implements its `PrivateKey`, a token too.
//!
//! Assumes nothing about foreign octets: any input ends in a value or an error, within ceilings on
//! sizes, depth and counts. Promises that every failure from the private key operation on looks
//! alike, so that whoever sends files or challenges learns nothing about the key, and that secrets
//! are wiped.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod challenge;
pub mod pkcs7;
pub mod receipt;

mod ber;
mod certificate;
mod cipher;
mod der;
mod enveloped;
mod error;
mod key;
mod oid;
mod open;
mod read;
mod secure;
mod suite;
mod write;

#[cfg(test)]
mod tests;

pub use certificate::Certificate;
pub use error::{BerError, CertificateError, KeyError, SecureError};
pub use key::OwnKey;
pub use open::{
    DecompressionError, DecryptionError, Expect, Kind, Layer, Limits, OpenError, Opened, Opening,
    Problem, SignatureError, forget_failures, open,
};
pub use secure::{Form, Plan, Secured, secure};
pub use suite::{Cipher, Scheme, Suite};
