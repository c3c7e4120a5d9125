//! What every holder of our private keys can do.

use std::fmt;

use zeroize::Zeroizing;

use crate::{KeyUseError, Oaep, PublicKey, Signing};

/// An RSA key of ours, in memory or in a token.
///
/// Unwrapping is implicit rejection: where a wrapped key has a wrong padding or another length
/// than asked for, another key is given in its place, the same each time, as a true but wrong
/// key would be. Whoever sends many wrapped keys cannot tell one from the other (RFC 3218,
/// Marvin). Everything after must go the same way, and fail there.
pub trait PrivateKey: Send + Sync + fmt::Debug {
    /// Its public half.
    fn public(&self) -> &PublicKey;

    /// Signs a digest.
    ///
    /// # Errors
    /// The digest has a wrong length, the key is too short, or its holder fails.
    fn sign(&self, signing: Signing, digest: &[u8]) -> Result<Vec<u8>, KeyUseError>;

    /// The content key of `length` octets that was wrapped with PKCS#1 v1.5 (RFC 8017 §7.2).
    ///
    /// # Errors
    /// Only what has nothing to do with what was wrapped: the wrapped octets have a wrong
    /// length, or the holder of the key fails.
    fn unwrap_pkcs1(
        &self,
        wrapped: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, KeyUseError>;

    /// The content key of `length` octets that was wrapped with OAEP (RFC 8017 §7.1), with an
    /// empty label.
    ///
    /// # Errors
    /// Only what has nothing to do with what was wrapped: the wrapped octets have a wrong
    /// length, the key is too short for the hash, or its holder fails.
    fn unwrap_oaep(
        &self,
        oaep: Oaep,
        wrapped: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, KeyUseError>;
}
