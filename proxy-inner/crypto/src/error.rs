//! What can be wrong with a key, and with using one.

/// A key that cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadKey {
    /// The octets are not the structure they should be.
    #[error("the key is not a readable {structure}: it may be cut off or of another kind")]
    Encoding {
        /// The structure that was expected.
        structure: &'static str,
    },
    /// A key of another algorithm.
    #[error("the key is not an RSA key; the cipher suites of OFTP2 are made for RSA")]
    NotRsa,
    /// An RSA key whose parameters allow some uses only.
    #[error(
        "the key carries restrictions on its use (RSASSA-PSS or RSAES-OAEP parameters), which \
         are not supported; ask for a certificate with a plain RSA key"
    )]
    Restricted,
    /// Too small to be safe for anyone, or so large that using it would block others.
    #[error("the RSA key has {bits} bits; keys of {least} to {most} bits can be used")]
    Size {
        /// Bits of the modulus.
        bits: usize,
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// Numbers no RSA key has: an even modulus, an even or huge exponent, halves that do not fit.
    #[error("the numbers of the RSA key do not make a key; it may be damaged")]
    Numbers,
    /// No such size is made here.
    #[error("keys of {bits} bits are not generated; ask for 2048, 3072 or 4096")]
    NotGenerated {
        /// The size asked for.
        bits: usize,
    },
    /// The library could not make a key.
    #[error("a key could not be generated: the library failed")]
    Generation,
}

/// A key that could not be used for what was asked.
///
/// Never tells whether a wrapped key could be unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyUseError {
    /// The digest is not as long as its hash makes them.
    #[error("a digest of {found} octets was given, {hash} has {expected}")]
    DigestLength {
        /// Name of the hash.
        hash: &'static str,
        /// Octets such a digest has.
        expected: usize,
        /// Octets given.
        found: usize,
    },
    /// What was wrapped for a key is as long as its modulus; this is not.
    #[error(
        "the wrapped key has {found} octets, this RSA key unwraps {expected}: it was wrapped \
         for another key"
    )]
    WrappedLength {
        /// Octets of the modulus.
        expected: usize,
        /// Octets given.
        found: usize,
    },
    /// The modulus has no room for the scheme.
    #[error(
        "an RSA key of {bits} bits is too short for {scheme}; use a longer key or another \
         cipher suite"
    )]
    TooShort {
        /// Bits of the modulus.
        bits: usize,
        /// What was asked of it.
        scheme: String,
    },
    /// The key is marked for other schemes.
    #[error("the RSA key is marked for {only} only, not for {scheme}")]
    NotAllowed {
        /// What it is marked for.
        only: &'static str,
        /// What was asked of it.
        scheme: String,
    },
    /// The holder of the key cannot do this; the text says what to do.
    #[error("the key's holder cannot do {scheme}: {why}")]
    Unsupported {
        /// What was asked of it.
        scheme: String,
        /// What lacks, and what to do.
        why: String,
    },
    /// The holder of the key cannot be reached at the moment; trying again may help.
    #[error("the key's holder cannot be reached: {0}")]
    Unreachable(String),
    /// The holder of the key, or the library, failed.
    #[error("the key could not be used: {0}")]
    Failed(String),
}

/// The operating system's randomness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random octets could be had from the operating system")]
pub struct RandomError;
