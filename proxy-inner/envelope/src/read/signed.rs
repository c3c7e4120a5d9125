//! SignedData (RFC 5652 section 5): hashes while it is read.
//!
//! ```text
//!  ContentInfo ┬ id-signedData
//!              └ [0] SignedData ┬ version
//!                               ├ digestAlgorithms: what to hash with, told in advance
//!                               ├ encapContentInfo ┬ type of the content
//!                               │                  └ [0] the content; lacks when it is detached
//!                               ├ [0] certificates
//!                               ├ [1] crls, passed over
//!                               └ signerInfos
//! ```

use crypto::{Digest, Hash};

use super::algorithm::Algorithm;
use super::pull::Pull;
use super::signatures::{Content, START, Signatures};
use super::signer::Signer;
use super::{Inner, Source, enter};
use crate::ber::{OCTET_STRING, SEQUENCE, SET, context};
use crate::oid;
use crate::open::{Layer, OpenError, Problem};

/// Signers, certificates and digest algorithms, of each so many are looked at.
const MOST: usize = 64;

/// The content of a SignedData, and afterwards its signatures.
pub(crate) struct Signed<'a> {
    pull: Pull<'a>,
    inner: Vec<u8>,
    has_content: bool,
    digests: Vec<Digest>,
    /// How the content starts.
    start: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    signers: Vec<Signer>,
    is_finished: bool,
}

impl<'a> Signed<'a> {
    /// Reads what comes before the content, which is then hashed with `only`, or with the
    /// algorithms that are announced.
    pub(crate) fn start(
        source: &'a mut dyn Source,
        declared: &Inner,
        only: Option<Hash>,
    ) -> Result<Self, OpenError> {
        let layer = Layer::Signature;
        let mut pull = Pull::new(source, layer);
        enter(&mut pull, layer, oid::SIGNED_DATA, declared)?;
        let announced = announced(&mut pull)?;
        let hashes = only.map_or(announced, |only| vec![only]);

        pull.enter(SEQUENCE, "the signed content")?;
        let inner = pull.identifier("the type of the signed content")?;
        let content = pull.next()?;
        if let Some(explicit) = content {
            if explicit.tag != context(0) {
                return Err(pull.unexpected(explicit, "the signed content"));
            }
            pull.open(explicit, "the signed content")?;
            let string = pull.expect(OCTET_STRING, "the signed content")?;
            pull.begin_string(string)?;
        }
        Ok(Self {
            pull,
            inner,
            has_content: content.is_some(),
            digests: hashes.into_iter().map(Digest::new).collect(),
            start: Vec::with_capacity(START),
            certificates: Vec::new(),
            signers: Vec::new(),
            is_finished: false,
        })
    }

    /// What it says that its content is.
    pub(crate) fn inner(&self) -> Inner {
        Inner::Type(self.inner.clone())
    }

    /// Whether the content is inside.
    pub(crate) fn has_content(&self) -> bool {
        self.has_content
    }

    /// Its certificates, each in DER, and its signatures. Makes sense once the content was read to
    /// its end.
    pub(crate) fn into_signatures(self) -> (Vec<Vec<u8>>, Signatures) {
        let digest = |digest: Digest| (digest.hash(), digest.finish());
        let digests = self.digests.into_iter().map(digest).collect();
        let content = Content::new(self.inner, digests, self.start);
        (self.certificates, Signatures::new(self.signers, content))
    }

    fn take(&mut self, octets: &[u8]) {
        for digest in &mut self.digests {
            digest.update(octets);
        }
        let room = START.saturating_sub(self.start.len());
        self.start.extend(octets.iter().take(room));
    }

    /// What follows the content.
    fn finish(&mut self) -> Result<(), OpenError> {
        const SIGNERS: &str = "the signers";
        if self.has_content {
            self.pull.close()?;
        }
        self.pull.close()?;
        let mut next = self.pull.next()?;
        if let Some(certificates) = next.filter(|header| header.tag == context(0)) {
            self.pull.open(certificates, "the certificates")?;
            self.read_certificates()?;
            next = self.pull.next()?;
        }
        if let Some(lists) = next.filter(|header| header.tag == context(1)) {
            self.pull.skip(lists)?;
            next = self.pull.next()?;
        }
        if let Some(signers) = next {
            if signers.tag != SET {
                return Err(self.pull.unexpected(signers, SIGNERS));
            }
            self.pull.open(signers, SIGNERS)?;
            self.read_signers()?;
        }
        self.pull.finish()
    }

    fn read_certificates(&mut self) -> Result<(), OpenError> {
        let mut seen = 0;
        while let Some(header) = self.pull.next()? {
            count(&mut seen, &self.pull, header.at, "certificates")?;
            if header.tag == SEQUENCE {
                self.certificates.push(self.pull.small(header)?);
            } else {
                self.pull.skip(header)?;
            }
        }
        self.pull.close()
    }

    fn read_signers(&mut self) -> Result<(), OpenError> {
        let mut seen = 0;
        while let Some(header) = self.pull.next()? {
            count(&mut seen, &self.pull, header.at, "signers")?;
            self.signers.push(Signer::read(&mut self.pull, header)?);
        }
        self.pull.close()
    }
}

impl Source for Signed<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, OpenError> {
        if self.is_finished || into.is_empty() {
            return Ok(0);
        }
        let count = self.pull.read_string(into)?;
        if count > 0 {
            self.take(into.get(..count).unwrap_or_default());
        } else {
            self.finish()?;
            self.is_finished = true;
        }
        Ok(count)
    }
}

/// The digest algorithms that are known, each once.
fn announced(pull: &mut Pull<'_>) -> Result<Vec<Hash>, OpenError> {
    pull.enter_set("the digest algorithms")?;
    let mut hashes = Vec::new();
    let mut seen = 0;
    while let Some(header) = pull.next()? {
        count(&mut seen, pull, header.at, "digest algorithms")?;
        let algorithm = Algorithm::after(pull, header)?;
        if let Some(hash) = algorithm.hash().filter(|hash| !hashes.contains(hash)) {
            hashes.push(hash);
        }
    }
    pull.close()?;
    Ok(hashes)
}

fn count(seen: &mut usize, pull: &Pull<'_>, at: u64, of: &'static str) -> Result<(), OpenError> {
    *seen += 1;
    if *seen > MOST {
        return Err(pull.problem(at, Problem::TooMany { most: MOST, of }));
    }
    Ok(())
}
