//! What a DER element is, seen from its first few parts.

use crate::der::{self, Element, Reader};
use crate::oid;

/// The forms that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// PFX (RFC 7292).
    Pkcs12,
    /// PrivateKeyInfo (RFC 5958).
    Pkcs8,
    /// EncryptedPrivateKeyInfo (RFC 5958).
    EncryptedPkcs8,
    /// RSAPrivateKey (RFC 8017).
    Pkcs1,
    /// ECPrivateKey (RFC 5915).
    Sec1,
    /// ContentInfo with SignedData (RFC 5652).
    Pkcs7,
    /// Certificate (RFC 5280).
    Certificate,
    /// CertificationRequest (RFC 2986).
    Request,
    /// CertificateList (RFC 5280).
    RevocationList,
    /// SubjectPublicKeyInfo (RFC 5280).
    PublicKey,
    /// DSAPrivateKey, as openssl writes it.
    Dsa,
    /// None of them.
    Other,
}

/// Looks at one element that was brought into DER.
pub(super) fn shape(der: &[u8]) -> Shape {
    look(der).unwrap_or(Shape::Other)
}

fn look(der: &[u8]) -> Option<Shape> {
    let mut inside = Reader::new(der).enter(der::SEQUENCE)?;
    let first = inside.next()?;
    let second = inside.next();
    let third = inside.next();
    let tag = |element: Option<Element<'_>>| element.map(|element| element.tag);
    Some(match (first.tag, tag(second), tag(third)) {
        (der::INTEGER, Some(der::SEQUENCE), next) => {
            let named = Reader::new(second?.content).take(der::IDENTIFIER)?.content;
            match (first.content, next) {
                ([3], _) if [oid::DATA, oid::SIGNED_DATA].contains(&named) => Shape::Pkcs12,
                ([0 | 1], Some(der::OCTET_STRING)) => Shape::Pkcs8,
                _ => Shape::Other,
            }
        }
        (der::INTEGER, Some(der::INTEGER), Some(der::INTEGER)) => integers(der)?,
        (der::INTEGER, Some(der::OCTET_STRING), _) => Shape::Sec1,
        (der::IDENTIFIER, Some(der::CONTEXT_0), _) => {
            if first.content == oid::SIGNED_DATA {
                Shape::Pkcs7
            } else {
                Shape::Other
            }
        }
        (der::SEQUENCE, Some(der::OCTET_STRING), None) => Shape::EncryptedPkcs8,
        (der::SEQUENCE, Some(der::BIT_STRING), None) => Shape::PublicKey,
        (der::SEQUENCE, Some(der::SEQUENCE), Some(der::BIT_STRING)) => signed(first.content)?,
        _ => Shape::Other,
    })
}

/// Only whole numbers: an RSA key has nine of them, a DSA key six.
fn integers(der: &[u8]) -> Option<Shape> {
    let mut inside = Reader::new(der).enter(der::SEQUENCE)?;
    let mut count = 0;
    while inside.peek() == Some(der::INTEGER) {
        inside.next()?;
        count += 1;
    }
    Some(match count {
        9 => Shape::Pkcs1,
        6 => Shape::Dsa,
        _ => Shape::Other,
    })
}

/// Something signed: a certificate, a request or a revocation list, by what is inside.
fn signed(inside: &[u8]) -> Option<Shape> {
    let mut reader = Reader::new(inside);
    let tags: Vec<u8> = std::iter::from_fn(|| reader.next())
        .map(|element| element.tag)
        .take(6)
        .collect();
    Some(match tags.as_slice() {
        [der::CONTEXT_0, der::INTEGER, ..] => Shape::Certificate,
        // Version, subject, key, attributes.
        [der::INTEGER, der::SEQUENCE, der::SEQUENCE, der::CONTEXT_0] => Shape::Request,
        // A certificate of version 1: serial, algorithm, issuer, validity, subject, key.
        [
            der::INTEGER,
            der::SEQUENCE,
            der::SEQUENCE,
            der::SEQUENCE,
            der::SEQUENCE,
            der::SEQUENCE,
        ] => Shape::Certificate,
        // Algorithm, issuer, time, with a version before it or not.
        [der::INTEGER, der::SEQUENCE, der::SEQUENCE, 0x17 | 0x18, ..]
        | [der::SEQUENCE, der::SEQUENCE, 0x17 | 0x18, ..] => Shape::RevocationList,
        _ => Shape::Other,
    })
}
