//! SignerInfo (RFC 5652 section 5.3): one signature.

use crypto::Verifying;

use super::algorithm::{Algorithm, verifying_in_words};
use super::attributes::{Attributes, could_be_attributes};
use super::pull::{Header, Pull};
use super::recipient::{Identifier, certificates_in_words};
use super::signatures::Content;
use crate::ber::{INTEGER, OCTET_STRING, Reader, SEQUENCE, context};
use crate::open::{OpenError, Problem, SignatureError};
use crate::{BerError, Certificate, Suite, oid};

/// One signature and what it says of itself.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    identifier: Identifier,
    digest: Algorithm,
    attributes: Option<Attributes>,
    algorithm: Algorithm,
    signature: Vec<u8>,
}

impl Signer {
    /// Reads a SignerInfo whose header was read.
    pub(super) fn read(pull: &mut Pull<'_>, header: Header) -> Result<Self, OpenError> {
        const SIGNER: &str = "a signer";
        if header.tag != SEQUENCE {
            return Err(pull.unexpected(header, SIGNER));
        }
        pull.open(header, SIGNER)?;
        let version = pull.expect(INTEGER, "the version of a signer")?;
        pull.primitive(version, "the version of a signer")?;

        let next = pull.required("the name of a signer")?;
        let octets = pull.small(next)?;
        let identifier = Identifier::read(&mut Reader::new(&octets))
            .map_err(|error| pull.problem(next.at, Problem::Inside(error)))?;
        let digest = Algorithm::read(pull, "the digest algorithm of a signer")?;

        let mut next = pull.required("the algorithm of a signature")?;
        let mut attributes = None;
        if next.tag == context(0) {
            let octets = pull.small(next)?;
            let read = Attributes::read(&octets)
                .map_err(|error| pull.problem(next.at, Problem::Inside(error)))?;
            attributes = Some(read);
            next = pull.required("the algorithm of a signature")?;
        }
        let algorithm = Algorithm::after(pull, next)?;
        let next = pull.expect(OCTET_STRING, "a signature")?;
        let octets = pull.small(next)?;
        let signature =
            string(&octets).map_err(|error| pull.problem(next.at, Problem::Inside(error)))?;
        // What is not signed is not looked at.
        if let Some(unsigned) = pull.next()? {
            if unsigned.tag != context(1) {
                return Err(pull.problem(unsigned.at, Problem::Trailing));
            }
            pull.skip(unsigned)?;
        }
        pull.close()?;
        Ok(Self {
            identifier,
            digest,
            attributes,
            algorithm,
            signature,
        })
    }

    pub(super) fn in_words(&self) -> String {
        self.identifier.in_words()
    }

    /// Whether it names one of these certificates.
    pub(super) fn is_one_of(&self, signers: &[Certificate]) -> bool {
        signers
            .iter()
            .any(|signer| self.identifier.is(signer) || self.identifier.may_be(signer))
    }

    /// Whose good signature of the content it is, as the place in `signers`.
    pub(super) fn verify(
        &self,
        content: &Content,
        signers: &[Certificate],
        suite: Option<Suite>,
    ) -> Result<usize, SignatureError> {
        let verifying = self.verifying(suite)?;
        let hash = verifying.hash();
        let digest = content.digest(hash).ok_or_else(|| {
            let found = format!("{hash}, which is not among the digests it announces");
            let expected = "one of those".to_owned();
            SignatureError::Algorithm { found, expected }
        })?;
        let signed = match &self.attributes {
            // Nothing else would bind the type (RFC 5652 section 5.3).
            None if content.kind() != oid::DATA => {
                return Err(SignatureError::Attributes {
                    signer: self.in_words(),
                    why: "there are none, which is right for plain data only",
                });
            }
            None if could_be_attributes(content.start()) => {
                return Err(SignatureError::Attributes {
                    signer: self.in_words(),
                    why: "they stand in the place of the content",
                });
            }
            None => vec![digest.to_vec()],
            Some(attributes) => {
                let named = attributes.message_digest(content.kind()).map_err(|why| {
                    SignatureError::Attributes {
                        signer: self.in_words(),
                        why,
                    }
                })?;
                if named != digest {
                    return Err(SignatureError::Digest(self.in_words()));
                }
                let as_sent = hash.of(&attributes.as_sent());
                let sorted = attributes.sorted().map(|sorted| hash.of(&sorted));
                std::iter::once(as_sent).chain(sorted).collect()
            }
        };
        let verifies = |signer: &Certificate| {
            let key = signer.public_key();
            signed
                .iter()
                .any(|digest| key.verify(verifying, digest, &self.signature))
        };
        self.candidates(signers)
            .find(|(_, signer)| verifies(signer))
            .map(|(place, _)| place)
            .ok_or_else(|| self.refused(signers))
    }

    /// Those that it names come first. The others come too: some name their certificate in ways that
    /// cannot be compared, and what proves who signed is the key.
    fn candidates<'a>(
        &self,
        signers: &'a [Certificate],
    ) -> impl Iterator<Item = (usize, &'a Certificate)> {
        let mut candidates: Vec<_> = signers.iter().enumerate().collect();
        candidates.sort_by_key(|(_, signer)| {
            if self.identifier.is(signer) {
                0
            } else if self.identifier.may_be(signer) {
                1
            } else {
                2
            }
        });
        candidates.into_iter()
    }

    /// How it was signed, which must be the suite's way. The hash of PSS's masks and the length of
    /// its salt may be any: writers differ, and nothing depends on it.
    fn verifying(&self, suite: Option<Suite>) -> Result<Verifying, SignatureError> {
        let refused = |found: String| SignatureError::Algorithm {
            found,
            expected: suite.map_or_else(
                || "RSA with SHA-1, SHA-256, SHA-384, SHA-512 or SHA3-512".to_owned(),
                |suite| verifying_in_words(suite.signing().into()),
            ),
        };
        let hash = self
            .digest
            .hash()
            .ok_or_else(|| refused(format!("the digest {}", self.digest.dotted())))?;
        let found = self.algorithm.verifying(hash).map_err(refused)?;
        let is_agreed = match (suite.map(Suite::signing).map(Verifying::from), found) {
            (None, _) => true,
            (Some(Verifying::Pkcs1(agreed)), Verifying::Pkcs1(found))
            | (Some(Verifying::Pss { hash: agreed, .. }), Verifying::Pss { hash: found, .. }) => {
                agreed == found
            }
            _ => false,
        };
        if is_agreed {
            Ok(found)
        } else {
            Err(refused(verifying_in_words(found)))
        }
    }

    fn refused(&self, signers: &[Certificate]) -> SignatureError {
        if self.is_one_of(signers) {
            SignatureError::Invalid(self.in_words())
        } else {
            SignatureError::OtherSigner {
                found: self.in_words(),
                expected: certificates_in_words(signers),
            }
        }
    }
}

fn string(octets: &[u8]) -> Result<Vec<u8>, BerError> {
    Reader::new(octets)
        .expect(OCTET_STRING, "a signature")?
        .octets()
}
