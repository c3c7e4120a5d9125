//! The hashes of the cipher suites.

use std::fmt;

use aws_lc_rs::digest;

use crate::der;

/// A hash a cipher suite, or a partner's signature, may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// Of suites 01 and 02; broken for new signatures, kept for partners that have no other.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384; in no suite, seen in certificates and in signatures of partners.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA3-512.
    Sha3_512,
}

impl Hash {
    /// All of them.
    pub const ALL: [Hash; 5] = [
        Hash::Sha1,
        Hash::Sha256,
        Hash::Sha384,
        Hash::Sha512,
        Hash::Sha3_512,
    ];

    /// Octets of a digest.
    #[must_use]
    pub fn octets(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
            Hash::Sha512 | Hash::Sha3_512 => 64,
        }
    }

    /// As standards write it: "SHA-256".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Hash::Sha1 => "SHA-1",
            Hash::Sha256 => "SHA-256",
            Hash::Sha384 => "SHA-384",
            Hash::Sha512 => "SHA-512",
            Hash::Sha3_512 => "SHA3-512",
        }
    }

    /// The digest of octets at hand.
    #[must_use]
    pub fn of(self, octets: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), octets).as_ref().to_vec()
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha384 => &digest::SHA384,
            Hash::Sha512 => &digest::SHA512,
            Hash::Sha3_512 => &digest::SHA3_512,
        }
    }

    /// Content octets of its object identifier.
    fn identifier(self) -> &'static [u8] {
        match self {
            Hash::Sha1 => &[0x2B, 0x0E, 0x03, 0x02, 0x1A],
            Hash::Sha256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
            Hash::Sha384 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
            Hash::Sha512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
            Hash::Sha3_512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x0A],
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest in the making.
#[derive(Clone)]
pub struct Digest {
    hash: Hash,
    context: digest::Context,
}

impl Digest {
    /// Of nothing yet.
    #[must_use]
    pub fn new(hash: Hash) -> Self {
        Self {
            hash,
            context: digest::Context::new(hash.algorithm()),
        }
    }

    /// Which hash it is made with.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Takes the octets that follow.
    pub fn update(&mut self, octets: &[u8]) {
        self.context.update(octets);
    }

    /// The digest of all octets taken, [`Hash::octets`] long.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.context.finish().as_ref().to_vec()
    }
}

impl fmt::Debug for Digest {
    /// Without what it has taken.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// DigestInfo (RFC 8017 §9.2): what goes into the padding of a PKCS#1 v1.5 signature.
#[must_use]
pub fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
    der::sequence(&[
        &der::sequence(&[&der::identifier(hash.identifier()), &der::null()]),
        &der::octet_string(digest),
    ])
}

/// The same without the NULL of the algorithm's parameters, as some old signers write it.
pub(crate) fn digest_info_without_null(hash: Hash, digest: &[u8]) -> Vec<u8> {
    der::sequence(&[
        &der::sequence(&[&der::identifier(hash.identifier())]),
        &der::octet_string(digest),
    ])
}
