//! EnvelopedData (RFC 5652 section 6): decrypts while it is read.
//!
//! ```text
//!  ContentInfo ┬ id-envelopedData
//!              └ [0] EnvelopedData ┬ version
//!                                  ├ [0] originatorInfo, passed over
//!                                  ├ RecipientInfos ─ KeyTransRecipientInfo; the other kinds are passed over
//!                                  ├ EncryptedContentInfo ┬ type of the content
//!                                  │                      ├ cipher and vector
//!                                  │                      └ [0] the content, encrypted
//!                                  └ [1] unprotectedAttrs, passed over
//! ```
//!
//! From where the private key was used on, whatever fails is found at the end, with the same work.

use crypto::KeyUseError;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Wrapping};
use super::cipher::{ContentCipher, Decryption, MOST_BLOCK};
use super::pull::{CHUNK, Pull};
use super::recipient::{Recipient, certificates_in_words, listed};
use super::{Inner, Source, enter};
use crate::ber::{SEQUENCE, context};
use crate::oid;
use crate::open::{DecryptionError, Layer, OpenError, Opening, Problem};

/// Recipients that are looked at.
const MOST_RECIPIENTS: usize = 64;

/// The content of an EnvelopedData.
pub(crate) struct Enveloped<'a> {
    pull: Pull<'a>,
    inner: Vec<u8>,
    key: usize,
    wrapped: Vec<u8>,
    decryption: Decryption,
    encrypted: Box<[u8]>,
    /// Octets decrypted and not yet read.
    clear: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Decrypting,
    /// All octets were decrypted.
    Decrypted,
    Finished,
    Failed,
}

impl<'a> Enveloped<'a> {
    /// Reads what comes before the content, and unwraps the content key.
    pub(crate) fn start(
        source: &'a mut dyn Source,
        opening: &Opening<'_>,
    ) -> Result<Self, OpenError> {
        const CONTENT: &str = "the encrypted content";
        let layer = Layer::Encryption;
        let mut pull = Pull::new(source, layer);
        enter(&mut pull, layer, oid::ENVELOPED_DATA, &Inner::Outermost)?;
        let recipients = recipients(&mut pull)?;

        pull.enter(SEQUENCE, CONTENT)?;
        let inner = pull.identifier("the type of the encrypted content")?;
        let algorithm = Algorithm::read(&mut pull, "the content's cipher")?;
        let cipher = ContentCipher::read(&algorithm, opening.suite)?;
        // Without it there is no content: an empty file of some writers.
        if let Some(content) = pull.next()? {
            if content.tag != context(0) {
                return Err(pull.unexpected(content, CONTENT));
            }
            pull.begin_string(content)?;
        }

        let (recipient, key) = chosen(&recipients, opening)?;
        let content_key = unwrap(recipient, key, cipher.key_octets(), opening)?;
        Ok(Self {
            pull,
            inner,
            key,
            wrapped: recipient.wrapped.clone(),
            decryption: cipher.decrypt(&content_key),
            encrypted: vec![0; CHUNK].into_boxed_slice(),
            clear: Zeroizing::new(vec![0; CHUNK + MOST_BLOCK]),
            start: 0,
            end: 0,
            state: State::Decrypting,
        })
    }

    /// What it says that its content is.
    pub(crate) fn inner(&self) -> Inner {
        Inner::Type(self.inner.clone())
    }

    /// The key that was used, as its place among ours.
    pub(crate) fn key(&self) -> usize {
        self.key
    }

    /// The content key as it was wrapped.
    pub(crate) fn wrapped_key(&self) -> &[u8] {
        &self.wrapped
    }

    /// Decrypts what is left, as if it had been wanted.
    pub(crate) fn drain(&mut self) -> Result<(), OpenError> {
        let mut unwanted = vec![0; CHUNK];
        while self.read(&mut unwanted)? > 0 {}
        Ok(())
    }

    fn step(&mut self, into: &mut [u8]) -> Result<usize, OpenError> {
        loop {
            if self.start < self.end {
                return Ok(self.hand_out(into));
            }
            match self.state {
                State::Decrypting => self.decrypt_some()?,
                State::Decrypted => {
                    self.finish()?;
                    self.state = State::Finished;
                }
                State::Finished => return Ok(0),
                State::Failed => return Err(OpenError::Decryption(DecryptionError::Padding)),
            }
        }
    }

    fn hand_out(&mut self, into: &mut [u8]) -> usize {
        let there = self.clear.get(self.start..self.end).unwrap_or_default();
        let count = there.len().min(into.len());
        if let (Some(into), Some(from)) = (into.get_mut(..count), there.get(..count)) {
            into.copy_from_slice(from);
        }
        self.start += count;
        count
    }

    fn decrypt_some(&mut self) -> Result<(), OpenError> {
        self.start = 0;
        self.end = 0;
        let count = self.pull.read_string(&mut self.encrypted)?;
        let encrypted = self.encrypted.get(..count).unwrap_or_default();
        if encrypted.is_empty() {
            self.end = self.decryption.finish(&mut self.clear);
            self.state = State::Decrypted;
        } else {
            self.end = self.decryption.update(encrypted, &mut self.clear);
        }
        Ok(())
    }

    /// What follows the content, and then the verdict on the padding.
    fn finish(&mut self) -> Result<(), OpenError> {
        self.pull.close()?;
        if let Some(attributes) = self.pull.next()? {
            if attributes.tag != context(1) {
                return Err(self.pull.problem(attributes.at, Problem::Trailing));
            }
            self.pull.skip(attributes)?;
        }
        self.pull.finish()?;
        if self.decryption.is_good() {
            Ok(())
        } else {
            Err(OpenError::Decryption(DecryptionError::Padding))
        }
    }
}

impl Source for Enveloped<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, OpenError> {
        if into.is_empty() {
            return Ok(0);
        }
        self.step(into).inspect_err(|_| self.state = State::Failed)
    }
}

/// The recipients whose content key is wrapped with their public key.
fn recipients(pull: &mut Pull<'_>) -> Result<Vec<Recipient>, OpenError> {
    const RECIPIENTS: &str = "the recipients";
    let mut first = pull.required(RECIPIENTS)?;
    if first.tag == context(0) {
        pull.skip(first)?;
        first = pull.required(RECIPIENTS)?;
    }
    if first.tag != crate::ber::SET {
        return Err(pull.unexpected(first, RECIPIENTS));
    }
    pull.open(first, RECIPIENTS)?;
    let mut recipients = Vec::new();
    let mut seen = 0;
    while let Some(header) = pull.next()? {
        seen += 1;
        if seen > MOST_RECIPIENTS {
            let most = MOST_RECIPIENTS;
            let of = "recipients";
            return Err(pull.problem(header.at, Problem::TooMany { most, of }));
        }
        if header.tag == SEQUENCE {
            let octets = pull.small(header)?;
            let recipient = Recipient::read(&octets)
                .map_err(|error| pull.problem(header.at, Problem::Inside(error)))?;
            recipients.push(recipient);
        } else {
            pull.skip(header)?;
        }
    }
    pull.close()?;
    Ok(recipients)
}

/// The recipient that is one of ours, and the place of our key.
fn chosen<'a>(
    recipients: &'a [Recipient],
    opening: &Opening<'_>,
) -> Result<(&'a Recipient, usize), OpenError> {
    let found = Recipient::find(recipients, opening.keys);
    let found = found.and_then(|(place, key)| Some((recipients.get(place)?, key)));
    found.ok_or_else(|| {
        let words: Vec<_> = recipients
            .iter()
            .map(|recipient| recipient.identifier.in_words())
            .collect();
        let ours = opening.keys.iter().flat_map(|key| key.certificates());
        OpenError::Decryption(DecryptionError::NotForUs {
            found: listed(&words, "no recipient has its content key wrapped with RSA"),
            ours: certificates_in_words(ours),
        })
    })
}

/// The content key. What cannot be unwrapped gives another one: see [`crypto::PrivateKey`].
fn unwrap(
    recipient: &Recipient,
    key: usize,
    octets: usize,
    opening: &Opening<'_>,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let wrapping = wrapping(recipient, opening)?;
    let Some(key) = opening.keys.get(key) else {
        return Err(OpenError::Decryption(DecryptionError::Padding));
    };
    let key = key.key();
    let expected = key.public().modulus_octets();
    let found = recipient.wrapped.len();
    if found != expected {
        let error = DecryptionError::WrappedLength { expected, found };
        return Err(OpenError::Decryption(error));
    }
    match wrapping {
        Wrapping::Pkcs1 => key.unwrap_pkcs1(&recipient.wrapped, octets),
        Wrapping::Oaep(oaep) => key.unwrap_oaep(oaep, &recipient.wrapped, octets),
    }
    .map_err(|error| match error {
        // Whoever has our certificate sees that it is not made for this: no reason to try it again.
        KeyUseError::TooShort { .. }
        | KeyUseError::NotAllowed { .. }
        | KeyUseError::WrappedLength { .. } => {
            OpenError::Decryption(DecryptionError::KeyTransport {
                found: wrapping.in_words(),
                expected: format!("what our key can unwrap ({error})"),
            })
        }
        ours => OpenError::Key(ours),
    })
}

/// How the content key is wrapped, which must be the suite's way. The hash of OAEP's masks may be
/// another than the suite's: Java's own default is SHA-1, and nothing depends on it.
fn wrapping(recipient: &Recipient, opening: &Opening<'_>) -> Result<Wrapping, OpenError> {
    let refused = |found: String| {
        let expected = match opening.suite.map(|suite| suite.oaep()) {
            Some(Some(oaep)) => Wrapping::Oaep(oaep).in_words(),
            Some(None) => Wrapping::Pkcs1.in_words(),
            None => "RSA PKCS#1 v1.5 or OAEP".to_owned(),
        };
        OpenError::Decryption(DecryptionError::KeyTransport { found, expected })
    };
    let wrapping = recipient.algorithm.wrapping().map_err(refused)?;
    let is_agreed = match (opening.suite.map(|suite| suite.oaep()), wrapping) {
        (None, _) | (Some(None), Wrapping::Pkcs1) => true,
        (Some(Some(agreed)), Wrapping::Oaep(found)) => agreed.hash == found.hash,
        _ => false,
    };
    if is_agreed {
        Ok(wrapping)
    } else {
        Err(refused(wrapping.in_words()))
    }
}
