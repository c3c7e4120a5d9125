//! KeyTransRecipientInfo (RFC 5652 section 6.2.1), and the identifiers by which certificates are named.

use crypto::Hash;

use super::algorithm::Algorithm;
use crate::ber::{Element, INTEGER, OCTET_STRING, Reader, SEQUENCE, context};
use crate::{BerError, Certificate, OwnKey, oid};

const BIT_STRING: u8 = 0x03;

/// A content key wrapped for one recipient.
pub(super) struct Recipient {
    pub(super) identifier: Identifier,
    pub(super) algorithm: Algorithm,
    pub(super) wrapped: Vec<u8>,
}

/// Which certificate is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identifier {
    IssuerAndSerialNumber {
        /// In DER.
        issuer: Vec<u8>,
        serial: Vec<u8>,
    },
    SubjectKeyIdentifier(Vec<u8>),
}

impl Recipient {
    /// From a whole KeyTransRecipientInfo, definite throughout.
    pub(super) fn read(octets: &[u8]) -> Result<Self, BerError> {
        const RECIPIENT: &str = "a recipient";
        let mut whole = Reader::new(octets);
        let mut parts = whole.expect(SEQUENCE, RECIPIENT)?.open(RECIPIENT)?;
        parts.expect(INTEGER, "the version of a recipient")?;
        let identifier = Identifier::read(&mut parts)?;
        let algorithm = parts.expect(SEQUENCE, "the algorithm of a wrapped key")?;
        let algorithm = Algorithm::from_element(&algorithm)?;
        let wrapped = parts.expect(OCTET_STRING, "a wrapped key")?.octets()?;
        parts.finish()?;
        Ok(Self {
            identifier,
            algorithm,
            wrapped,
        })
    }

    /// The content key that was wrapped for one of our certificates: its place and our key's.
    pub(super) fn find(recipients: &[Self], keys: &[OwnKey]) -> Option<(usize, usize)> {
        let find = |fits: fn(&Identifier, &Certificate) -> bool| {
            recipients
                .iter()
                .enumerate()
                .find_map(|(place, recipient)| {
                    let ours = keys.iter().position(|key| {
                        key.certificates()
                            .iter()
                            .any(|certificate| fits(&recipient.identifier, certificate))
                    })?;
                    Some((place, ours))
                })
        };
        // Some write the issuer's name with other string types than the certificate has: then the
        // serial number is what there is to go by. A wrong guess only fails to decrypt.
        find(Identifier::is).or_else(|| find(Identifier::may_be))
    }
}

impl Identifier {
    /// An IssuerAndSerialNumber or `[0]` SubjectKeyIdentifier, which must be next.
    pub(super) fn read(parts: &mut Reader<'_>) -> Result<Self, BerError> {
        const BOTH: &str = "an issuer and serial number";
        if let Some(identifier) = parts.optional(context(0))? {
            return Ok(Self::SubjectKeyIdentifier(identifier.octets()?));
        }
        Self::issuer_and_serial_number(&parts.expect(SEQUENCE, BOTH)?)
    }

    pub(super) fn is(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerialNumber { issuer, .. } => {
                certificate.has_issuer(issuer) && self.may_be(certificate)
            }
            Self::SubjectKeyIdentifier(identifier) => {
                certificate.has_subject_key_identifier(identifier)
            }
        }
    }

    /// Whether at least the serial number is the same, or the usual key identifier (RFC 5280 section
    /// 4.2.1.2) of a certificate that does not have one.
    pub(super) fn may_be(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerialNumber { serial, .. } => certificate.has_serial(serial),
            Self::SubjectKeyIdentifier(identifier) => {
                usual_key_identifier(certificate).is_ok_and(|usual| usual == *identifier)
            }
        }
    }

    pub(super) fn in_words(&self) -> String {
        match self {
            Self::IssuerAndSerialNumber { serial, .. } => serial_in_words(serial),
            Self::SubjectKeyIdentifier(identifier) => {
                format!("subject key identifier {}", oid::hexadecimal(identifier))
            }
        }
    }

    fn issuer_and_serial_number(both: &Element<'_>) -> Result<Self, BerError> {
        let mut both = both.open("an issuer and serial number")?;
        let issuer = both.expect(SEQUENCE, "an issuer")?.definite()?;
        let serial = both
            .expect(INTEGER, "a serial number")?
            .primitive("a serial number")?
            .to_vec();
        both.finish()?;
        Ok(Self::IssuerAndSerialNumber { issuer, serial })
    }
}

/// Certificates by their serial numbers, for messages.
pub(super) fn certificates_in_words<'a>(
    certificates: impl IntoIterator<Item = &'a Certificate>,
) -> String {
    let words: Vec<_> = certificates
        .into_iter()
        .map(|certificate| serial_in_words(certificate.serial()))
        .collect();
    listed(&words, "none")
}

/// Words one after the other, not too many of them.
pub(super) fn listed(words: &[String], none: &str) -> String {
    const MOST: usize = 4;
    if words.is_empty() {
        return none.to_owned();
    }
    let mut text = words.get(..MOST).unwrap_or(words).join(", ");
    if words.len() > MOST {
        text.push_str(" and others");
    }
    text
}

/// SHA-1 of the key's bits.
fn usual_key_identifier(certificate: &Certificate) -> Result<Vec<u8>, BerError> {
    const KEY: &str = "a public key";
    let mut whole = Reader::new(certificate.public_key().spki());
    let mut parts = whole.expect(SEQUENCE, KEY)?.open(KEY)?;
    parts.expect(SEQUENCE, KEY)?;
    let bits = parts.expect(BIT_STRING, KEY)?.primitive(KEY)?;
    // The first octet says how many bits of the last one count.
    Ok(Hash::Sha1.of(bits.get(1..).unwrap_or_default()))
}

fn serial_in_words(serial: &[u8]) -> String {
    format!("serial number {}", oid::hexadecimal(serial))
}
