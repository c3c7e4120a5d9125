//! Private keys that stay in a PKCS#11 token.
//!
//! ```text
//!  TokenUri ──▶ Token::open / generate ──▶ TokenKey: crypto::PrivateKey
//!                     │                        │ a session from the pool, opened again when lost
//!                     └── module ── slot ── login ── key, certificates, what the token can do
//! ```
//!
//! Assumes that calls may take long: a token is a device, so use it on threads that may block.
//! Promises: the private key never leaves the token; wrapped keys are unwrapped by the same
//! rules as in `crypto` (implicit rejection), with the padding checked by us wherever the token
//! gives back the raw block; every signature a token gives is verified before anybody sees it; a
//! lost session, a removed and replaced token are found again without a restart; a PIN that was
//! refused is not tried again, so that we do not lock the token; the PIN is never printed.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod ability;
mod error;
mod find;
mod generate;
mod key;
mod module;
mod pin;
mod pool;
mod uri;

use zeroize::Zeroizing;

pub use error::{TokenError, UriError};
pub use key::TokenKey;
pub use uri::TokenUri;

/// A hardware security module, smart card or the like, as its PKCS#11 module shows it.
#[derive(Debug)]
pub enum Token {}

impl Token {
    /// Logs in and finds a key. Without a PIN: the token has a keypad of its own, or asks for
    /// none.
    ///
    /// # Errors
    /// See [`TokenError`]; it says what to do.
    pub fn open(uri: &TokenUri, pin: Option<Zeroizing<String>>) -> Result<TokenKey, TokenError> {
        TokenKey::open(uri, pin)
    }

    /// Makes a key pair of 2048, 3072 or 4096 bits in the token, for signing and decrypting,
    /// which can never be taken out of it; the address must give it a name
    /// ([`TokenUri::object`]) nothing in the token has yet.
    ///
    /// # Errors
    /// See [`TokenError`]; it says what to do.
    pub fn generate(
        uri: &TokenUri,
        pin: Option<Zeroizing<String>>,
        bits: usize,
    ) -> Result<TokenKey, TokenError> {
        generate::generate(uri, pin.clone(), bits)?;
        TokenKey::open(uri, pin)
    }
}
