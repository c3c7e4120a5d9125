//! SignedData with the content inside (RFC 5652 section 5).
//!
//! ```text
//!  ContentInfo ┬ id-signedData
//!              └ [0] SignedData ┬ version 1
//!                               ├ digestAlgorithms
//!                               ├ encapContentInfo ┬ id-data
//!                               │                  └ [0] the content, streamed
//!                               ├ [0] certificates, if asked for
//!                               └ SignerInfos ─ issuer and serial, attributes, signature
//! ```

use crypto::Digest;

use super::frame::Frame;
use super::pieces::Pieces;
use super::{Sink, algorithm, time};
use crate::{Certificate, OwnKey, SecureError, Suite, der, oid};

const EXPLICIT_0: u8 = 0xa0;
const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;

/// Who signs, and what the signature says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signing<'a> {
    pub(crate) suite: Suite,
    pub(crate) signers: &'a [OwnKey],
    pub(crate) include_certificate: bool,
    /// Seconds since 1970.
    pub(crate) time: Option<i64>,
}

impl Signing<'_> {
    /// What stands around the content.
    fn frame(&self) -> Result<Frame, SecureError> {
        let tail = self.tail(None)?.len() as u64;
        let digests = der::set(&[&algorithm::digest(self.suite.hash)]);
        Ok(Frame::around(OCTET_STRING)
            .within(SEQUENCE, &[&der::identifier(oid::SIGNED_DATA)])
            .within(EXPLICIT_0, &[])
            .within_with_tail(SEQUENCE, &[&der::small_integer(1), &digests], tail)
            .within(SEQUENCE, &[&der::identifier(oid::DATA)])
            .within(EXPLICIT_0, &[]))
    }

    /// Octets of the whole around `content` octets, with definite lengths.
    pub(crate) fn octets(&self, content: u64) -> Result<u64, SecureError> {
        Ok(self.frame()?.octets(content))
    }

    /// Certificates and SignerInfos. Without a digest nothing is signed: it only has the size that
    /// it will have, which is always the same.
    fn tail(&self, digest: Option<&[u8]>) -> Result<Vec<u8>, SecureError> {
        let mut tail = Vec::new();
        if self.include_certificate {
            let mut certificates: Vec<Vec<u8>> = Vec::with_capacity(self.signers.len());
            for signer in self.signers {
                let certificate = signer.certificate().der();
                if !certificates.iter().any(|other| other == certificate) {
                    certificates.push(certificate.to_vec());
                }
            }
            certificates.sort();
            let certificates: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
            tail = der::element(EXPLICIT_0, &certificates);
        }
        let mut infos = Vec::with_capacity(self.signers.len());
        for signer in self.signers {
            infos.push(self.signer_info(signer, digest)?);
        }
        tail.extend_from_slice(&der::set_of(&mut infos));
        Ok(tail)
    }

    fn signer_info(&self, signer: &OwnKey, digest: Option<&[u8]>) -> Result<Vec<u8>, SecureError> {
        let nothing = vec![0; self.suite.hash.octets()];
        let attributes = self.attributes(digest.unwrap_or(&nothing))?;
        let expected = signer.key().public().modulus_octets();
        let signature = match digest {
            None => vec![0; expected],
            Some(_) => {
                // What is signed has the tag of a SET, what is sent that of the field.
                let set = der::element(0x31, &[&attributes]);
                signer
                    .key()
                    .sign(self.suite.signing(), &self.suite.hash.of(&set))
                    .map_err(SecureError::Sign)?
            }
        };
        if signature.len() != expected {
            return Err(SecureError::SignatureSize {
                expected,
                found: signature.len(),
            });
        }
        Ok(der::sequence(&[
            &der::small_integer(1),
            &issuer_and_serial_number(signer.certificate()),
            &algorithm::digest(self.suite.hash),
            &der::element(EXPLICIT_0, &[&attributes]),
            &algorithm::signature(self.suite.signing()),
            &der::octet_string(&signature),
        ]))
    }

    /// The signed attributes one after the other, in the order of DER: readers differ in whether
    /// they hash them as sent or sorted.
    fn attributes(&self, digest: &[u8]) -> Result<Vec<u8>, SecureError> {
        let mut attributes = vec![
            attribute(oid::CONTENT_TYPE, &der::identifier(oid::DATA)),
            attribute(oid::MESSAGE_DIGEST, &der::octet_string(digest)),
        ];
        if let Some(seconds) = self.time {
            let time = time::time(seconds).ok_or(SecureError::SigningTime(seconds))?;
            attributes.push(attribute(oid::SIGNING_TIME, &time));
        }
        attributes.sort();
        Ok(attributes.concat())
    }
}

/// IssuerAndSerialNumber, which every partner reads.
pub(crate) fn issuer_and_serial_number(certificate: &Certificate) -> Vec<u8> {
    let serial = der::element(0x02, &[certificate.serial()]);
    der::sequence(&[certificate.issuer(), &serial])
}

fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::identifier(kind), &der::set(&[value])])
}

/// Signs what it is given and passes it on.
pub(crate) struct Sign<'a, S> {
    signing: Signing<'a>,
    digest: Option<Digest>,
    pieces: Pieces,
    next: S,
}

impl<'a, S: Sink> Sign<'a, S> {
    /// Of exactly so many octets, or of any number.
    pub(crate) fn start(
        signing: Signing<'a>,
        octets: Option<u64>,
        mut next: S,
    ) -> Result<Self, SecureError> {
        let pieces = Pieces::start(signing.frame()?, octets, &mut next)?;
        Ok(Self {
            digest: Some(Digest::new(signing.suite.hash)),
            signing,
            pieces,
            next,
        })
    }
}

impl<S: Sink> Sink for Sign<'_, S> {
    fn put(&mut self, octets: &[u8]) -> Result<(), SecureError> {
        if let Some(digest) = &mut self.digest {
            digest.update(octets);
        }
        self.pieces.put(octets, &mut self.next)
    }

    fn finish(&mut self) -> Result<(), SecureError> {
        let digest = self
            .digest
            .take()
            .ok_or(SecureError::Library("sign twice"))?;
        let tail = self.signing.tail(Some(&digest.finish()))?;
        self.pieces.finish(&tail, &mut self.next)
    }
}

/// A small content in a SignedData of its own, in DER; without the content when `detached`.
pub(crate) fn signed(
    content: &[u8],
    signing: Signing<'_>,
    detached: bool,
) -> Result<Vec<u8>, SecureError> {
    let mut octets = Vec::new();
    if !detached {
        let mut layer = Sign::start(signing, Some(content.len() as u64), &mut octets)?;
        layer.put(content)?;
        layer.finish()?;
        return Ok(octets);
    }
    let tail = signing.tail(Some(&signing.suite.hash.of(content)))?;
    let data = der::sequence(&[
        &der::small_integer(1),
        &der::set(&[&algorithm::digest(signing.suite.hash)]),
        &der::sequence(&[&der::identifier(oid::DATA)]),
        &tail,
    ]);
    Ok(der::sequence(&[
        &der::identifier(oid::SIGNED_DATA),
        &der::element(EXPLICIT_0, &[&data]),
    ]))
}
