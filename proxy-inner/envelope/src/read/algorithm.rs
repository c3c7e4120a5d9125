//! AlgorithmIdentifiers: what an object says that it was made with.

use crypto::{Hash, Oaep, Verifying};

use super::pull::{Header, Pull};
use crate::ber::{Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, context};
use crate::open::OpenError;
use crate::{BerError, oid};

const ALGORITHM: &str = "an algorithm";

/// What is before the last octet of rsaEncryption and of the signature algorithms of RFC 8017.
const PKCS_1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// id-rsassa-pkcs1-v1-5-with-sha3-512 (RFC 9688 section 4.1).
const RSA_WITH_SHA3_512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x10];
/// sha1WithRSASignature of OIW, seen instead of sha1WithRSAEncryption.
const OIW_RSA_WITH_SHA_1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1d];
/// id-pSpecified (RFC 4055 section 4.1).
const P_SPECIFIED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x09];

/// An AlgorithmIdentifier, definite throughout.
#[derive(Debug, Clone)]
pub(super) struct Algorithm {
    octets: Vec<u8>,
}

/// How a content key was wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    Pkcs1,
    Oaep(Oaep),
}

impl Algorithm {
    pub(super) fn read(pull: &mut Pull<'_>, wanted: &'static str) -> Result<Self, OpenError> {
        let octets = pull.small_sequence(wanted)?;
        Ok(Self { octets })
    }

    /// With the header already read.
    pub(super) fn after(pull: &mut Pull<'_>, header: Header) -> Result<Self, OpenError> {
        if header.tag != SEQUENCE {
            return Err(pull.unexpected(header, ALGORITHM));
        }
        let octets = pull.small(header)?;
        Ok(Self { octets })
    }

    pub(super) fn from_element(element: &Element<'_>) -> Result<Self, BerError> {
        let octets = element.definite()?;
        Ok(Self { octets })
    }

    /// Content octets of the identifier.
    pub(super) fn identifier(&self) -> Result<&[u8], BerError> {
        Ok(self.parts()?.0)
    }

    /// The parameters that are an octet string: an initialisation vector.
    pub(super) fn vector(&self) -> Result<Vec<u8>, BerError> {
        const VECTOR: &str = "the initialisation vector of the content's cipher";
        let (_, mut parameters) = self.parts()?;
        parameters.expect(OCTET_STRING, VECTOR)?.octets()
    }

    /// The hash it stands for, if it is one that is known.
    pub(super) fn hash(&self) -> Option<Hash> {
        hash_of(self.identifier().ok()?)
    }

    /// How a content key was wrapped, or the name of what is not known.
    pub(super) fn wrapping(&self) -> Result<Wrapping, String> {
        let (identifier, parameters) = self.parts().map_err(|error| error.to_string())?;
        match identifier {
            oid::RSA_ENCRYPTION => Ok(Wrapping::Pkcs1),
            oid::RSAES_OAEP => {
                let (hash, mgf) = oaep_parameters(parameters)?;
                Ok(Wrapping::Oaep(Oaep { hash, mgf }))
            }
            other => Err(oid::dotted(other)),
        }
    }

    /// How a signature over a digest of `hash` was made, or the name of what is not known.
    ///
    /// The hash is that of the digest algorithm: some writers of SHA3-512 say no more than
    /// rsaEncryption. Where the signature algorithm names a hash too, it must be the same.
    pub(super) fn verifying(&self, hash: Hash) -> Result<Verifying, String> {
        let (identifier, parameters) = self.parts().map_err(|error| error.to_string())?;
        let named = match identifier {
            oid::RSASSA_PSS => {
                let (named, mgf) = pss_parameters(parameters, hash)?;
                if named != hash {
                    return Err(format!("RSA PSS with {named} over a digest of {hash}"));
                }
                return Ok(Verifying::Pss {
                    hash,
                    mgf,
                    salt: None,
                });
            }
            RSA_WITH_SHA3_512 => Some(Hash::Sha3_512),
            OIW_RSA_WITH_SHA_1 => Some(Hash::Sha1),
            other => match other.split_last() {
                Some((1, PKCS_1)) => None,
                Some((5, PKCS_1)) => Some(Hash::Sha1),
                Some((11, PKCS_1)) => Some(Hash::Sha256),
                Some((12, PKCS_1)) => Some(Hash::Sha384),
                Some((13, PKCS_1)) => Some(Hash::Sha512),
                _ => return Err(oid::dotted(other)),
            },
        };
        match named {
            Some(named) if named != hash => Err(format!(
                "RSA PKCS#1 v1.5 with {named} over a digest of {hash}"
            )),
            _ => Ok(Verifying::Pkcs1(hash)),
        }
    }

    /// The identifier with dots, for messages.
    pub(super) fn dotted(&self) -> String {
        match self.identifier() {
            Ok(identifier) => oid::dotted(identifier),
            Err(error) => error.to_string(),
        }
    }

    fn parts(&self) -> Result<(&[u8], Reader<'_>), BerError> {
        let mut whole = Reader::new(&self.octets);
        let mut parts = whole.expect(SEQUENCE, ALGORITHM)?.open(ALGORITHM)?;
        let identifier = parts
            .expect(OBJECT_IDENTIFIER, ALGORITHM)?
            .primitive(ALGORITHM)?;
        Ok((identifier, parts))
    }
}

impl Wrapping {
    pub(super) fn in_words(self) -> String {
        match self {
            Self::Pkcs1 => "RSA PKCS#1 v1.5".to_owned(),
            Self::Oaep(oaep) => format!("RSA {oaep}"),
        }
    }
}

/// How a signature was made, for messages.
pub(super) fn verifying_in_words(verifying: Verifying) -> String {
    match verifying {
        Verifying::Pkcs1(hash) => format!("RSA PKCS#1 v1.5 and {hash}"),
        Verifying::Pss { hash, .. } => format!("RSA PSS and {hash}"),
    }
}

fn hash_of(identifier: &[u8]) -> Option<Hash> {
    match identifier {
        oid::SHA_1 => Some(Hash::Sha1),
        oid::SHA_256 => Some(Hash::Sha256),
        oid::SHA_384 => Some(Hash::Sha384),
        oid::SHA_512 => Some(Hash::Sha512),
        oid::SHA3_512 => Some(Hash::Sha3_512),
        _ => None,
    }
}

/// Hash and mask hash of RSAES-OAEP-params (RFC 4055 section 4.1); the label must be empty.
fn oaep_parameters(parameters: Reader<'_>) -> Result<(Hash, Hash), String> {
    let unreadable = |error: BerError| format!("RSA OAEP with unreadable parameters ({error})");
    let mut parameters = sequence(parameters)
        .map_err(unreadable)?
        .unwrap_or_else(|| Reader::new(&[]));
    let hashes = hash_and_mask(&mut parameters, "OAEP")?;
    if let Some(label) = parameters.optional(context(2)).map_err(unreadable)? {
        let read = || {
            let mut label = Algorithm::only(&label)?.open(ALGORITHM)?;
            let kind = label.expect(OBJECT_IDENTIFIER, ALGORITHM)?;
            let kind = kind.primitive(ALGORITHM)?.to_vec();
            Ok((kind, label.expect(OCTET_STRING, "a label")?.octets()?))
        };
        let (kind, label) = read().map_err(unreadable)?;
        if kind != P_SPECIFIED || !label.is_empty() {
            return Err("RSA OAEP with a label".to_owned());
        }
    }
    Ok(hashes)
}

/// Hash and mask hash of RSASSA-PSS-params (RFC 4055 section 3.1); the salt may have any length.
/// Without parameters it is the hash of the digest.
fn pss_parameters(parameters: Reader<'_>, hash: Hash) -> Result<(Hash, Hash), String> {
    let unreadable = |error: BerError| format!("RSA PSS with unreadable parameters ({error})");
    let Some(mut parameters) = sequence(parameters).map_err(unreadable)? else {
        return Ok((hash, hash));
    };
    let hashes = hash_and_mask(&mut parameters, "PSS")?;
    parameters.optional(context(2)).map_err(unreadable)?;
    if let Some(trailer) = parameters.optional(context(3)).map_err(unreadable)? {
        let read = || Algorithm::only_of(&trailer, INTEGER)?.primitive("a trailer field");
        if read().map_err(unreadable)? != [1] {
            return Err("RSA PSS with an unknown trailer field".to_owned());
        }
    }
    Ok(hashes)
}

/// `[0]` the hash and `[1]` MGF1 with its hash, SHA-1 where they lack.
fn hash_and_mask(parameters: &mut Reader<'_>, scheme: &str) -> Result<(Hash, Hash), String> {
    let unreadable = |error: BerError| format!("RSA {scheme} with unreadable parameters ({error})");
    let known = |algorithm: &Algorithm| {
        algorithm
            .hash()
            .ok_or_else(|| format!("RSA {scheme} with the hash {}", algorithm.dotted()))
    };
    let mut hash = Hash::Sha1;
    if let Some(explicit) = parameters.optional(context(0)).map_err(unreadable)? {
        let algorithm = Algorithm::only(&explicit).map_err(unreadable)?;
        hash = known(&Algorithm::from_element(&algorithm).map_err(unreadable)?)?;
    }
    let mut mask = Hash::Sha1;
    if let Some(explicit) = parameters.optional(context(1)).map_err(unreadable)? {
        let function = Algorithm::only(&explicit).map_err(unreadable)?;
        let function = Algorithm::from_element(&function).map_err(unreadable)?;
        let (identifier, mut inner) = function.parts().map_err(unreadable)?;
        if identifier != oid::MGF_1 {
            let other = oid::dotted(identifier);
            return Err(format!("RSA {scheme} with the mask function {other}"));
        }
        let inner = inner.expect(SEQUENCE, ALGORITHM).map_err(unreadable)?;
        mask = known(&Algorithm::from_element(&inner).map_err(unreadable)?)?;
    }
    Ok((hash, mask))
}

/// Parameters that are a SEQUENCE; none where they lack or are NULL.
fn sequence(mut parameters: Reader<'_>) -> Result<Option<Reader<'_>>, BerError> {
    match parameters.next()? {
        Some(element) if element.tag == SEQUENCE => element.open("parameters").map(Some),
        _ => Ok(None),
    }
}

impl Algorithm {
    /// The SEQUENCE inside an explicit tag.
    fn only<'a>(explicit: &Element<'a>) -> Result<Element<'a>, BerError> {
        Self::only_of(explicit, SEQUENCE)
    }

    fn only_of<'a>(explicit: &Element<'a>, tag: u8) -> Result<Element<'a>, BerError> {
        explicit.open(ALGORITHM)?.expect(tag, ALGORITHM)
    }
}
