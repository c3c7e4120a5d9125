//! EnvelopedData (RFC 5652 section 6).
//!
//! ```text
//!  ContentInfo ┬ id-envelopedData
//!              └ [0] EnvelopedData ┬ version 0
//!                                  ├ RecipientInfos ─ issuer and serial, the content key wrapped
//!                                  └ EncryptedContentInfo ┬ id-data
//!                                                         ├ cipher and vector
//!                                                         └ [0] the content encrypted, streamed
//! ```
#![expect(
    deprecated,
    reason = "3DES is of yesterday, but partners may ask for cipher suites 01, 03 and 05"
)]

use aws_lc_rs::cipher::{
    AES_256, DES_EDE3_FOR_LEGACY_USE_ONLY, EncryptionContext, StreamingEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::frame::Frame;
use super::pieces::Pieces;
use super::signed::issuer_and_serial_number;
use super::{Sink, algorithm};
use crate::{Certificate, Cipher, SecureError, Suite, der, oid};

const EXPLICIT_0: u8 = 0xa0;
/// `[0] IMPLICIT OCTET STRING`.
const IMPLICIT_0: u8 = 0x80;
const SEQUENCE: u8 = 0x30;
/// Octets encrypted at a time.
const PORTION: usize = 16 * 1024;

/// Encrypts what it is given.
pub(crate) struct Encrypt<S> {
    key: Option<StreamingEncryptingKey>,
    /// Room for a portion and the block that was begun before it.
    room: Vec<u8>,
    pieces: Pieces,
    next: S,
}

impl<S: Sink> Encrypt<S> {
    /// With a fresh key, for everyone in `recipients`: exactly so many octets, or any number.
    pub(crate) fn start(
        suite: Suite,
        recipients: &[Certificate],
        octets: Option<u64>,
        mut next: S,
    ) -> Result<Self, SecureError> {
        let mut vector = [0; 16];
        let vector = vector
            .get_mut(..suite.cipher.block_octets())
            .unwrap_or_default();
        random(vector)?;
        let content_key = content_key(suite.cipher)?;
        let mut infos = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            infos.push(recipient_info(suite, recipient, &content_key)?);
        }
        if infos.is_empty() {
            return Err(SecureError::NoRecipient);
        }
        let frame = frame(suite, vector, &mut infos);
        let octets = octets.map(|octets| padded(suite.cipher, octets));
        Ok(Self {
            key: Some(encrypting(suite.cipher, &content_key, vector)?),
            room: vec![0; PORTION + suite.cipher.block_octets()],
            pieces: Pieces::start(frame, octets, &mut next)?,
            next,
        })
    }
}

impl<S: Sink> Sink for Encrypt<S> {
    fn put(&mut self, octets: &[u8]) -> Result<(), SecureError> {
        let key = self.key.as_mut().ok_or(FAILED)?;
        for portion in octets.chunks(PORTION) {
            let encrypted = key.update(portion, &mut self.room).map_err(|_| FAILED)?;
            self.pieces.put(encrypted.written(), &mut self.next)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SecureError> {
        let key = self.key.take().ok_or(FAILED)?;
        let (_, last) = key.finish(&mut self.room).map_err(|_| FAILED)?;
        self.pieces.put(last.written(), &mut self.next)?;
        self.pieces.finish(&[], &mut self.next)
    }
}

const FAILED: SecureError = SecureError::Library("encrypt the content");

/// A small content in an EnvelopedData of its own, in DER.
pub(crate) fn enveloped(
    content: &[u8],
    suite: Suite,
    recipients: &[Certificate],
) -> Result<Vec<u8>, SecureError> {
    let mut octets = Vec::new();
    let length = content.len() as u64;
    let mut layer = Encrypt::start(suite, recipients, Some(length), &mut octets)?;
    layer.put(content)?;
    layer.finish()?;
    drop(layer);
    Ok(octets)
}

fn frame(suite: Suite, vector: &[u8], infos: &mut [Vec<u8>]) -> Frame {
    let infos = der::set_of(infos);
    let cipher = algorithm::cipher(suite.cipher, vector);
    Frame::around(IMPLICIT_0)
        .within(SEQUENCE, &[&der::identifier(oid::ENVELOPED_DATA)])
        .within(EXPLICIT_0, &[])
        .within(SEQUENCE, &[&der::small_integer(0), &infos])
        .within(SEQUENCE, &[&der::identifier(oid::DATA), &cipher])
}

/// KeyTransRecipientInfo, version 0 (RFC 5652 section 6.2.1).
fn recipient_info(
    suite: Suite,
    recipient: &Certificate,
    content_key: &[u8],
) -> Result<Vec<u8>, SecureError> {
    let key = recipient.public_key();
    let wrapped = match suite.oaep() {
        None => key.wrap_pkcs1(content_key),
        Some(oaep) => key.wrap_oaep(oaep, content_key),
    };
    let wrapped = wrapped.map_err(|error| SecureError::Wrap {
        serial: oid::hexadecimal(recipient.serial()),
        problem: error.to_string(),
    })?;
    Ok(der::sequence(&[
        &der::small_integer(0),
        &issuer_and_serial_number(recipient),
        &algorithm::key_transport(suite.oaep()),
        &der::octet_string(&wrapped),
    ]))
}

/// Octets after padding: there is always some.
fn padded(cipher: Cipher, octets: u64) -> u64 {
    let block = cipher.block_octets() as u64;
    (octets / block).saturating_add(1).saturating_mul(block)
}

fn content_key(cipher: Cipher) -> Result<Zeroizing<Vec<u8>>, SecureError> {
    let mut key = Zeroizing::new(vec![0; cipher.key_octets()]);
    random(&mut key)?;
    if cipher == Cipher::TripleDes {
        // Some readers insist on DES's parity: an odd number of bits set in each octet.
        for octet in key.iter_mut() {
            *octet = (*octet & 0xfe) | u8::from((*octet & 0xfe).count_ones() % 2 == 0);
        }
    }
    Ok(key)
}

fn encrypting(
    cipher: Cipher,
    key: &[u8],
    vector: &[u8],
) -> Result<StreamingEncryptingKey, SecureError> {
    let (algorithm, context) = match cipher {
        Cipher::TripleDes => (
            &DES_EDE3_FOR_LEGACY_USE_ONLY,
            FixedLength::<8>::try_from(vector).map(EncryptionContext::Iv64),
        ),
        Cipher::Aes256 => (
            &AES_256,
            FixedLength::<16>::try_from(vector).map(EncryptionContext::Iv128),
        ),
    };
    let failed = |_| FAILED;
    let key = UnboundCipherKey::new(algorithm, key).map_err(failed)?;
    StreamingEncryptingKey::less_safe_cbc_pkcs7(key, context.map_err(failed)?).map_err(failed)
}

fn random(octets: &mut [u8]) -> Result<(), SecureError> {
    crypto::random(octets).map_err(|_| SecureError::Library("draw random octets"))
}
