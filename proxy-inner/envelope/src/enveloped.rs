//! Reading a small EnvelopedData (RFC 5652 section 6) in one piece of memory: a challenge.
//!
//! ```text
//!  ContentInfo ┬ id-envelopedData
//!              └ [0] EnvelopedData ┬ version
//!                                  ├ [0] originatorInfo, not looked at
//!                                  ├ RecipientInfos ─ KeyTransRecipientInfo ┬ issuer and serial, or [0] key identifier
//!                                  │                                        └ the content key, wrapped
//!                                  ├ EncryptedContentInfo ┬ id-data
//!                                  │                      ├ cipher and vector
//!                                  │                      └ [0] the content, encrypted
//!                                  └ [1] unprotectedAttrs, not looked at
//! ```

use zeroize::Zeroizing;

use crate::ber::{self, Element, Reader, context};
use crate::challenge::ChallengeError;
use crate::cipher::ContentCipher;
use crate::{Certificate, OwnKey, oid};

/// Octets of an object at most: what the length field of AUCH can tell.
pub(crate) const MOST_OCTETS: usize = 65_535;
/// Recipients that are looked at.
const MOST_RECIPIENTS: usize = 64;

/// An EnvelopedData that was read but not opened.
pub(crate) struct EnvelopedData {
    recipients: Vec<KeyTransport>,
    cipher: ContentCipher,
    encrypted: Vec<u8>,
}

/// One KeyTransRecipientInfo.
struct KeyTransport {
    recipient: RecipientIdentifier,
    /// Content octets of the algorithm's identifier.
    algorithm: Vec<u8>,
    wrapped: Vec<u8>,
}

enum RecipientIdentifier {
    IssuerAndSerialNumber {
        /// In DER.
        issuer: Vec<u8>,
        serial: Vec<u8>,
    },
    SubjectKeyIdentifier(Vec<u8>),
}

impl EnvelopedData {
    /// Reads a ContentInfo with an EnvelopedData, BER or DER.
    ///
    /// # Errors
    /// See [`ChallengeError`]; never [`ChallengeError::Undecryptable`] or [`ChallengeError::NotForUs`].
    pub(crate) fn parse(octets: &[u8]) -> Result<Self, ChallengeError> {
        if octets.len() > MOST_OCTETS {
            return Err(ChallengeError::TooLarge {
                octets: octets.len(),
                most: MOST_OCTETS,
            });
        }
        let mut whole = Reader::new(octets);
        let info = whole.expect(ber::SEQUENCE, "a ContentInfo")?;
        whole.finish()?;
        let mut info = info.open("a ContentInfo")?;
        let kind = identifier(&mut info, "a content type")?;
        if kind != oid::ENVELOPED_DATA {
            return Err(ChallengeError::ContentType(oid::dotted(kind)));
        }
        let mut explicit = info
            .expect(context(0), "the content")?
            .open("the content")?;
        info.finish()?;
        let data = explicit.expect(ber::SEQUENCE, "an EnvelopedData")?;
        explicit.finish()?;

        let mut data = data.open("an EnvelopedData")?;
        data.expect(ber::INTEGER, "the version of an EnvelopedData")?;
        data.optional(context(0))?;
        let infos = data.expect(ber::SET, "the recipients")?;
        let recipients = recipients(&infos)?;
        let content = data.expect(ber::SEQUENCE, "the encrypted content")?;
        data.optional(context(1))?;
        data.finish()?;

        let mut content = content.open("the encrypted content")?;
        identifier(&mut content, "the type of the encrypted content")?;
        let algorithm = content.expect(ber::SEQUENCE, "the content's cipher")?;
        let cipher = ContentCipher::read(&algorithm)?;
        let encrypted = content
            .expect(context(0), "the encrypted octets")?
            .octets()?;
        content.finish()?;
        Ok(Self {
            recipients,
            cipher,
            encrypted,
        })
    }

    /// Opens it with whichever of our keys it names.
    ///
    /// There is no proof in it of who made it, nor that nothing was changed: CBC has none.
    ///
    /// # Errors
    /// [`ChallengeError::NotForUs`] and [`ChallengeError::KeyTransport`] before a key is used, and
    /// [`ChallengeError::Key`] when it cannot be; everything after is
    /// [`ChallengeError::Undecryptable`], the same for every cause.
    pub(crate) fn open(&self, keys: &[OwnKey]) -> Result<Zeroizing<Vec<u8>>, ChallengeError> {
        let (transport, key) = self
            .for_one_of(keys)
            .ok_or_else(|| ChallengeError::NotForUs(self.recipients_in_words()))?;
        if transport.algorithm != oid::RSA_ENCRYPTION {
            let algorithm = oid::dotted(&transport.algorithm);
            return Err(ChallengeError::KeyTransport(algorithm));
        }
        let key = key.key();
        if transport.wrapped.len() != key.public().modulus_octets() {
            return Err(ChallengeError::Undecryptable);
        }
        let content_key = key
            .unwrap_pkcs1(&transport.wrapped, self.cipher.key_length())
            .map_err(|error| ChallengeError::Key(error.to_string()))?;
        self.cipher
            .decrypt(&content_key, &self.encrypted)
            .ok_or(ChallengeError::Undecryptable)
    }

    /// The content key that was wrapped for one of our certificates, and whose key that is.
    fn for_one_of<'a>(&self, keys: &'a [OwnKey]) -> Option<(&KeyTransport, &'a OwnKey)> {
        let find = |fits: fn(&RecipientIdentifier, &Certificate) -> bool| {
            self.recipients.iter().find_map(|transport| {
                let fits = |certificate: &Certificate| fits(&transport.recipient, certificate);
                let key = keys
                    .iter()
                    .find(|key| key.certificates().iter().any(fits))?;
                Some((transport, key))
            })
        };
        // Some write the issuer's name with other string types than the certificate has: then the
        // serial number is what there is to go by. A wrong guess only fails to decrypt.
        find(RecipientIdentifier::is).or_else(|| find(RecipientIdentifier::may_be))
    }

    fn recipients_in_words(&self) -> String {
        let words: Vec<_> = self
            .recipients
            .iter()
            .map(|transport| transport.recipient.in_words())
            .collect();
        if words.is_empty() {
            "no recipient has its content key wrapped with RSA".to_owned()
        } else {
            words.join(", ")
        }
    }
}

impl std::fmt::Debug for EnvelopedData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvelopedData")
            .field("recipients", &self.recipients_in_words())
            .field("encrypted", &self.encrypted.len())
            .finish_non_exhaustive()
    }
}

/// The recipients whose content key is wrapped with their public key; the other kinds are passed
/// over.
fn recipients(infos: &Element<'_>) -> Result<Vec<KeyTransport>, ChallengeError> {
    let mut infos = infos.open("the recipients")?;
    let mut recipients = Vec::new();
    let mut seen = 0;
    while let Some(info) = infos.next()? {
        seen += 1;
        if seen > MOST_RECIPIENTS {
            return Err(ChallengeError::TooManyRecipients(MOST_RECIPIENTS));
        }
        if info.tag == ber::SEQUENCE {
            recipients.push(KeyTransport::read(&info)?);
        }
    }
    Ok(recipients)
}

impl KeyTransport {
    fn read(info: &Element<'_>) -> Result<Self, ChallengeError> {
        let mut parts = info.open("a recipient")?;
        parts.expect(ber::INTEGER, "the version of a recipient")?;
        let recipient = match parts.optional(context(0))? {
            Some(identifier) => RecipientIdentifier::SubjectKeyIdentifier(identifier.octets()?),
            None => {
                let both = parts.expect(ber::SEQUENCE, "a recipient's issuer and serial number")?;
                RecipientIdentifier::issuer_and_serial_number(&both)?
            }
        };
        let mut algorithm = parts
            .expect(ber::SEQUENCE, "the algorithm of a wrapped key")?
            .open("the algorithm of a wrapped key")?;
        let algorithm = identifier(&mut algorithm, "the algorithm of a wrapped key")?.to_vec();
        let wrapped = parts.expect(ber::OCTET_STRING, "a wrapped key")?.octets()?;
        parts.finish()?;
        Ok(Self {
            recipient,
            algorithm,
            wrapped,
        })
    }
}

impl RecipientIdentifier {
    fn issuer_and_serial_number(both: &Element<'_>) -> Result<Self, ChallengeError> {
        let mut both = both.open("a recipient's issuer and serial number")?;
        let issuer = both
            .expect(ber::SEQUENCE, "a recipient's issuer")?
            .definite()?;
        let serial = both
            .expect(ber::INTEGER, "a recipient's serial number")?
            .primitive("a recipient's serial number")?
            .to_vec();
        both.finish()?;
        Ok(Self::IssuerAndSerialNumber { issuer, serial })
    }

    fn is(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerialNumber { issuer, .. } => {
                certificate.has_issuer(issuer) && self.may_be(certificate)
            }
            Self::SubjectKeyIdentifier(identifier) => {
                certificate.has_subject_key_identifier(identifier)
            }
        }
    }

    fn may_be(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerialNumber { serial, .. } => certificate.has_serial(serial),
            Self::SubjectKeyIdentifier(_) => false,
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::IssuerAndSerialNumber { serial, .. } => {
                format!("serial number {}", oid::hexadecimal(serial))
            }
            Self::SubjectKeyIdentifier(identifier) => {
                format!("subject key identifier {}", oid::hexadecimal(identifier))
            }
        }
    }
}

fn identifier<'a>(
    parts: &mut Reader<'a>,
    wanted: &'static str,
) -> Result<&'a [u8], ChallengeError> {
    Ok(parts
        .expect(ber::OBJECT_IDENTIFIER, wanted)?
        .primitive(wanted)?)
}
