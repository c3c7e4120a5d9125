//! Finding a key, its public half and its certificates among the objects of a token.

use crypto::PublicKey;
use cryptoki::error::Error;
use cryptoki::mechanism::MechanismType;
use cryptoki::object::{
    Attribute, AttributeType, CertificateType, KeyType, ObjectClass, ObjectHandle,
};
use cryptoki::session::Session;

use crate::{TokenError, TokenUri};

/// Certificates looked at; a token with more is no token of ours.
const MOST_CERTIFICATES: usize = 256;
/// Octets of the longest certificate looked at.
const LONGEST_CERTIFICATE: usize = 64 * 1024;
/// Keys named in a message.
const MOST_NAMED: usize = 16;

/// A private key as the token shows it.
pub(crate) struct Found {
    pub(crate) handle: ObjectHandle,
    pub(crate) public: PublicKey,
    pub(crate) signs: bool,
    pub(crate) decrypts: bool,
    /// Mechanisms it is limited to; empty: no limit.
    pub(crate) allowed: Vec<MechanismType>,
}

/// The private key of the address.
pub(crate) fn key(session: &Session, uri: &TokenUri) -> Result<Found, TokenError> {
    let handle = private(session, uri)?;
    let attributes = session
        .get_attributes(
            handle,
            &[
                AttributeType::KeyType,
                AttributeType::Id,
                AttributeType::Modulus,
                AttributeType::PublicExponent,
                AttributeType::Sign,
                AttributeType::Decrypt,
                AttributeType::AlwaysAuthenticate,
            ],
        )
        .map_err(TokenError::call("the token does not show the key"))?;
    let mut shown = Shown::default();
    for attribute in attributes {
        match attribute {
            Attribute::KeyType(kind) if kind != KeyType::RSA => {
                return Err(crypto::BadKey::NotRsa.into());
            }
            Attribute::AlwaysAuthenticate(true) => return Err(TokenError::AlwaysAuthenticates),
            Attribute::Id(id) => shown.id = id,
            Attribute::Modulus(octets) => shown.modulus = octets,
            Attribute::PublicExponent(octets) => shown.exponent = octets,
            Attribute::Sign(can) => shown.signs = can,
            Attribute::Decrypt(can) => shown.decrypts = can,
            _ => {}
        }
    }
    if shown.modulus.is_empty() || shown.exponent.is_empty() {
        shown.complete(session)?;
    }
    Ok(Found {
        handle,
        public: PublicKey::from_numbers(&shown.modulus, &shown.exponent)?,
        signs: shown.signs,
        decrypts: shown.decrypts,
        allowed: allowed(session, handle),
    })
}

/// Certificates in the token that were made for this public key, DER, whatever they are called
/// there.
pub(crate) fn certificates(
    session: &Session,
    public: &PublicKey,
) -> Result<Vec<Vec<u8>>, TokenError> {
    let failed = || TokenError::call("the token does not show its certificates");
    let wanted = [
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
    ];
    let mut certificates = Vec::new();
    let objects = session.find_objects(&wanted).map_err(failed())?;
    for object in objects.into_iter().take(MOST_CERTIFICATES) {
        let attributes = session
            .get_attributes(object, &[AttributeType::Value])
            .map_err(failed())?;
        for attribute in attributes {
            if let Attribute::Value(der) = attribute
                && der.len() <= LONGEST_CERTIFICATE
                && holds(&der, public.numbers())
                && !certificates.contains(&der)
            {
                certificates.push(der);
            }
        }
    }
    Ok(certificates)
}

/// Whether any object of the class has the name.
pub(crate) fn exists(
    session: &Session,
    class: ObjectClass,
    name: &Attribute,
) -> Result<bool, Error> {
    let objects = session.find_objects(&[Attribute::Class(class), name.clone()])?;
    Ok(!objects.is_empty())
}

fn private(session: &Session, uri: &TokenUri) -> Result<ObjectHandle, TokenError> {
    let failed = || TokenError::call("the token does not show its keys");
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    if let Some(label) = uri.object() {
        template.push(Attribute::Label(label.as_bytes().to_vec()));
    }
    if let Some(id) = uri.id() {
        template.push(Attribute::Id(id.to_vec()));
    }
    match session.find_objects(&template).map_err(failed())?[..] {
        [handle] => Ok(handle),
        [] => Err(TokenError::NoKey {
            wanted: uri.key_in_words(),
            found: labels(session).map_err(failed())?,
        }),
        ref several => Err(TokenError::AmbiguousKey {
            wanted: uri.key_in_words(),
            count: several.len(),
        }),
    }
}

/// Names of the private keys there are, for the message that one is not.
fn labels(session: &Session) -> Result<Vec<String>, Error> {
    let keys = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])?;
    let mut labels = Vec::new();
    for key in keys.into_iter().take(MOST_NAMED) {
        for attribute in session.get_attributes(key, &[AttributeType::Label])? {
            if let Attribute::Label(label) = attribute {
                labels.push(format!(
                    "\"{}\"",
                    String::from_utf8_lossy(&label).escape_debug()
                ));
            }
        }
    }
    Ok(labels)
}

/// Some tokens do not know the attribute, and have no limits then.
fn allowed(session: &Session, key: ObjectHandle) -> Vec<MechanismType> {
    let attributes = session
        .get_attributes(key, &[AttributeType::AllowedMechanisms])
        .unwrap_or_default();
    attributes
        .into_iter()
        .find_map(|attribute| match attribute {
            Attribute::AllowedMechanisms(mechanisms) => Some(mechanisms),
            _ => None,
        })
        .unwrap_or_default()
}

#[derive(Default)]
struct Shown {
    id: Vec<u8>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    signs: bool,
    decrypts: bool,
}

impl Shown {
    /// Some tokens show the exponent, or both numbers, only in the public key of the same id.
    fn complete(&mut self, session: &Session) -> Result<(), TokenError> {
        if self.id.is_empty() {
            return Err(TokenError::NoPublicKey);
        }
        let failed = || TokenError::call("the token does not show the public key");
        let template = [
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::Id(self.id.clone()),
        ];
        let objects = session.find_objects(&template).map_err(failed())?;
        let object = *objects.first().ok_or(TokenError::NoPublicKey)?;
        let numbers = [AttributeType::Modulus, AttributeType::PublicExponent];
        for attribute in session.get_attributes(object, &numbers).map_err(failed())? {
            match attribute {
                // A public key of the same id with another modulus is of another key.
                Attribute::Modulus(octets) if self.modulus.is_empty() => self.modulus = octets,
                Attribute::Modulus(octets) if octets != self.modulus => {
                    return Err(TokenError::NoPublicKey);
                }
                Attribute::PublicExponent(octets) => self.exponent = octets,
                _ => {}
            }
        }
        if self.modulus.is_empty() || self.exponent.is_empty() {
            return Err(TokenError::NoPublicKey);
        }
        Ok(())
    }
}

fn holds(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}
