//! CMS objects from their parts, right and wrong.

use std::io::Write as _;

use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use crypto::{Hash, PrivateKey as _, Signing};

use super::*;
use crate::{der, oid};

/// In which order signed attributes are sent and signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As DER wants it.
    Sorted,
    /// Otherwise, and signed as sent.
    SignedAsSent,
    /// Otherwise, but signed as DER wants it.
    SignedSorted,
}

/// A SignedData to be.
#[derive(Debug, Clone)]
pub(super) struct Sign<'a> {
    pub(super) content: &'a [u8],
    pub(super) kind: &'a [u8],
    pub(super) hash: Hash,
    /// None: no signed attributes.
    pub(super) attributes: Option<Order>,
    /// What the attributes say that was signed.
    pub(super) attributes_kind: &'a [u8],
    pub(super) certificates: Vec<Vec<u8>>,
    /// A further attribute.
    pub(super) more: Option<Vec<u8>>,
    /// What is passed over, nested so deep: revocation lists and attributes that are not signed.
    pub(super) passed_over: Option<usize>,
    /// How often the same signature is there.
    pub(super) signers: usize,
}

impl<'a> Sign<'a> {
    pub(super) fn new(content: &'a [u8]) -> Self {
        Self {
            content,
            kind: oid::DATA,
            hash: Hash::Sha256,
            attributes: Some(Order::Sorted),
            attributes_kind: oid::DATA,
            certificates: Vec::new(),
            more: None,
            passed_over: None,
            signers: 1,
        }
    }

    /// The whole ContentInfo.
    pub(super) fn made(&self) -> Vec<u8> {
        info(oid::SIGNED_DATA, &self.bare())
    }

    /// The SignedData alone.
    pub(super) fn bare(&self) -> Vec<u8> {
        let content = der::element(0xa0, &[&der::octet_string(self.content)]);
        let content = der::sequence(&[&der::identifier(self.kind), &content]);
        let signers = vec![self.signer(); self.signers];
        let signers = slices(&signers);
        let certificates = slices(&self.certificates);
        let mut parts = vec![
            der::small_integer(1),
            der::set(&[&der::sequence(&[&der::identifier(self.digest())])]),
            content,
        ];
        if !certificates.is_empty() {
            parts.push(der::element(0xa0, &certificates));
        }
        if let Some(levels) = self.passed_over {
            parts.push(der::element(0xa1, &[&deep(levels)]));
        }
        parts.push(der::set(&signers));
        let parts = slices(&parts);
        der::sequence(&parts)
    }

    fn signer(&self) -> Vec<u8> {
        let digest = self.hash.of(self.content);
        let mut parts = vec![
            der::small_integer(1),
            der::sequence(&[
                recipient().issuer(),
                &der::element(0x02, &[recipient().serial()]),
            ]),
            der::sequence(&[&der::identifier(self.digest())]),
        ];
        let mut covered = digest.clone();
        if let Some(order) = self.attributes {
            let mut each = self.each_attribute(&digest);
            let sorted = der::set(&slices(&each));
            if order != Order::Sorted {
                each.reverse();
            }
            let sent = slices(&each);
            covered = self.hash.of(&match order {
                Order::SignedAsSent => der::set(&sent),
                _ => sorted,
            });
            parts.push(der::element(0xa0, &sent));
        }
        let signature = software_key()
            .sign(Signing::Pkcs1(self.hash), &covered)
            .unwrap();
        parts.push(der::sequence(&[
            &der::identifier(oid::RSA_ENCRYPTION),
            &der::null(),
        ]));
        parts.push(der::octet_string(&signature));
        if let Some(levels) = self.passed_over {
            let unsigned = attribute(oid::SIGNING_TIME, &deep(levels));
            parts.push(der::element(0xa1, &[&unsigned]));
        }
        let parts = slices(&parts);
        der::sequence(&parts)
    }

    /// The signed attributes as they are signed, in the order of DER.
    pub(super) fn covered(&self) -> Vec<u8> {
        let each = self.each_attribute(&self.hash.of(self.content));
        der::set(&slices(&each))
    }

    fn each_attribute(&self, digest: &[u8]) -> Vec<Vec<u8>> {
        let kind = der::identifier(self.attributes_kind);
        let mut each = vec![
            attribute(oid::CONTENT_TYPE, &kind),
            attribute(oid::MESSAGE_DIGEST, &der::octet_string(digest)),
            attribute(oid::SIGNING_TIME, &der::element(0x17, &[b"260101000000Z"])),
        ];
        each.extend(self.more.clone());
        each.sort();
        each
    }

    fn digest(&self) -> &'static [u8] {
        match self.hash {
            Hash::Sha1 => oid::SHA_1,
            Hash::Sha256 => oid::SHA_256,
            Hash::Sha384 => oid::SHA_384,
            Hash::Sha512 => oid::SHA_512,
            Hash::Sha3_512 => oid::SHA3_512,
        }
    }
}

fn slices(octets: &[Vec<u8>]) -> Vec<&[u8]> {
    octets.iter().map(Vec::as_slice).collect()
}

pub(super) fn info(kind: &[u8], object: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::identifier(kind), &der::element(0xa0, &[object])])
}

pub(super) fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::identifier(kind), &der::set(&[value])])
}

/// Sequences in one another.
fn deep(levels: usize) -> Vec<u8> {
    (0..levels).fold(der::null(), |inside, _| der::sequence(&[&inside]))
}

/// zlib of a content.
pub(super) fn zlib(content: &[u8]) -> Vec<u8> {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    zlib.write_all(content).unwrap();
    zlib.finish().unwrap()
}

/// The CompressedData alone, around what zlib made.
pub(super) fn compressed(kind: &[u8], zlib: &[u8]) -> Vec<u8> {
    der::sequence(&[
        &der::small_integer(0),
        &der::sequence(&[&der::identifier(oid::ZLIB)]),
        &der::sequence(&[
            &der::identifier(kind),
            &der::element(0xa0, &[&der::octet_string(zlib)]),
        ]),
    ])
}

/// A ContentInfo with an EnvelopedData for us; its content key is fresh each time.
pub(super) fn enveloped(kind: &[u8], content: &[u8]) -> Vec<u8> {
    let (wrapped, encrypted) = encrypted(content);
    enveloped_of(kind, &[wrapped], &encrypted)
}

/// A fresh content key wrapped for us, and the content encrypted with it: AES-256, a vector of sevens.
pub(super) fn encrypted(content: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut key = [0; 32];
    crypto::random(&mut key).unwrap();
    let wrapped = recipient().public_key().wrap_pkcs1(&key).unwrap();
    let mut encrypted = content.to_vec();
    PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, &key).unwrap())
        .unwrap()
        .less_safe_encrypt(
            &mut encrypted,
            EncryptionContext::Iv128(FixedLength::from([7; 16])),
        )
        .unwrap();
    (wrapped, encrypted)
}

/// The same of content keys that were wrapped and octets that were encrypted.
pub(super) fn enveloped_of(kind: &[u8], wrapped: &[Vec<u8>], encrypted: &[u8]) -> Vec<u8> {
    let cipher = [
        der::identifier(oid::AES_256_CBC),
        der::octet_string(&[7; 16]),
    ];
    enveloped_by(&cipher.concat(), None, kind, wrapped, encrypted)
}

/// The same with any cipher, and with what is passed over: originatorInfo, recipients that have no
/// wrapped key and attributes that are not protected, nested so deep.
pub(super) fn enveloped_by(
    cipher: &[u8],
    passed_over: Option<usize>,
    kind: &[u8],
    wrapped: &[Vec<u8>],
    encrypted: &[u8],
) -> Vec<u8> {
    let mut recipients: Vec<_> = wrapped
        .iter()
        .map(|wrapped| {
            der::sequence(&[
                &der::small_integer(0),
                &der::sequence(&[
                    recipient().issuer(),
                    &der::element(0x02, &[recipient().serial()]),
                ]),
                &der::sequence(&[&der::identifier(oid::RSA_ENCRYPTION), &der::null()]),
                &der::octet_string(wrapped),
            ])
        })
        .collect();
    let mut parts = vec![der::small_integer(0)];
    if let Some(levels) = passed_over {
        parts.push(der::element(0xa0, &[&deep(levels)]));
        recipients.insert(0, der::element(0xa1, &[&deep(levels)]));
    }
    parts.push(der::set(&slices(&recipients)));
    parts.push(der::sequence(&[
        &der::identifier(kind),
        &der::sequence(&[cipher]),
        &der::element(0x80, &[encrypted]),
    ]));
    if let Some(levels) = passed_over {
        let unprotected = attribute(oid::SIGNING_TIME, &deep(levels));
        parts.push(der::element(0xa1, &[&unprotected]));
    }
    info(oid::ENVELOPED_DATA, &der::sequence(&slices(&parts)))
}
