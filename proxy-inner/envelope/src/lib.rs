//! CMS objects of OFTP2 (RFC 5652): so far the challenge of secure authentication (RFC 5024 section 5.3.17).
//!
//! ```text
//!  20 fresh octets ── challenge::seal ─▶ ContentInfo ▸ EnvelopedData ▸ KeyTransRecipientInfo a certificate
//!                                                          │                (RSA PKCS#1 v1.5)
//!  AUCHCHAL ── challenge::open ── ber ── enveloped ── key ─┴─▶ encryptedContent (AES or 3DES, CBC) ─▶ 20 octets
//! ```
//!
//! What is written is DER; what is read may be BER: indefinite lengths and constructed strings.
//!
//! Assumes nothing about foreign octets: any input ends in a value or an error, within a ceiling on
//! size, depth and recipients. Promises that every failure from the private key operation on looks
//! alike, so that whoever sends challenges learns nothing about the key, and that secrets are wiped.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod challenge;

mod ber;
mod certificate;
mod cipher;
mod der;
mod enveloped;
mod error;
mod key;
mod oid;

#[cfg(test)]
mod tests;

pub use certificate::RecipientCertificate;
pub use enveloped::{EnvelopedData, MOST_OCTETS};
pub use error::{BerError, CertificateError, KeyError, OpenError, SealError};
pub use key::{PrivateKey, RecipientKey};
