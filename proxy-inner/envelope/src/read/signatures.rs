//! The signatures of a SignedData, once its content was read.

use crypto::Hash;

use super::recipient::listed;
use super::signer::Signer;
use crate::open::SignatureError;
use crate::{Certificate, Suite};

/// Octets of the content's start that are kept.
pub(super) const START: usize = 32;

/// The signatures and what they are about.
#[derive(Debug, Clone)]
pub(crate) struct Signatures {
    signers: Vec<Signer>,
    content: Content,
}

/// What was signed.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// Content octets of the type's identifier.
    kind: Vec<u8>,
    digests: Vec<(Hash, Vec<u8>)>,
    start: Vec<u8>,
}

impl Signatures {
    pub(super) fn new(signers: Vec<Signer>, content: Content) -> Self {
        Self { signers, content }
    }

    /// The same signatures, of a content that was left out of the SignedData.
    pub(crate) fn over(&self, octets: &[u8]) -> Self {
        let digests = Hash::ALL.map(|hash| (hash, hash.of(octets)));
        let start = octets.get(..START).unwrap_or(octets);
        Self {
            signers: self.signers.clone(),
            content: Content {
                kind: self.content.kind.clone(),
                digests: digests.into(),
                start: start.to_vec(),
            },
        }
    }

    /// Whose good signatures these are, as places in `signers`: at least one, each once.
    pub(crate) fn verify(
        &self,
        signers: &[Certificate],
        suite: Option<Suite>,
    ) -> Result<Vec<usize>, SignatureError> {
        if self.signers.is_empty() {
            return Err(SignatureError::Unsigned);
        }
        if signers.is_empty() {
            let found = self.signers_in_words();
            return Err(SignatureError::NoSigner { found });
        }
        let mut verified = Vec::new();
        // The error to tell is that of a signer we know, if there is one.
        let mut known = None;
        let mut unknown = None;
        for signature in &self.signers {
            match signature.verify(&self.content, signers, suite) {
                Ok(place) if verified.contains(&place) => {}
                Ok(place) => verified.push(place),
                Err(error) if signature.is_one_of(signers) => {
                    known.get_or_insert(error);
                }
                Err(error) => {
                    unknown.get_or_insert(error);
                }
            }
        }
        if !verified.is_empty() {
            return Ok(verified);
        }
        Err(match known.or(unknown) {
            Some(SignatureError::OtherSigner { expected, .. }) => SignatureError::OtherSigner {
                found: self.signers_in_words(),
                expected,
            },
            Some(error) => error,
            None => SignatureError::Unsigned,
        })
    }

    fn signers_in_words(&self) -> String {
        let words: Vec<_> = self.signers.iter().map(Signer::in_words).collect();
        listed(&words, "nobody")
    }
}

impl Content {
    pub(super) fn new(kind: Vec<u8>, digests: Vec<(Hash, Vec<u8>)>, start: Vec<u8>) -> Self {
        Self {
            kind,
            digests,
            start,
        }
    }

    pub(super) fn kind(&self) -> &[u8] {
        &self.kind
    }

    pub(super) fn digest(&self, hash: Hash) -> Option<&[u8]> {
        let digest = self.digests.iter().find(|(of, _)| *of == hash);
        digest.map(|(_, digest)| digest.as_slice())
    }

    pub(super) fn start(&self) -> &[u8] {
        &self.start
    }
}
