//! From DER to facts.

use std::net::{Ipv4Addr, Ipv6Addr};

use crypto::{Hash, PublicKey};
use jiff::Timestamp;
use x509_parser::extensions::{ExtendedKeyUsage, KeyUsage, ParsedExtension};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Error};
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::{AlgorithmIdentifier, AttributeTypeAndValue};

use super::{Facts, KeyFacts, Usage, hex};
use crate::der::{self, Reader};
use crate::key::Curve;
use crate::{FactsError, oid};

/// serialNumber (X.520), where the Odette certificate policy puts the identification code.
const SERIAL_NUMBER: &str = "2.5.4.5";

/// Most characters of foreign text that are shown.
const MOST_TEXT: usize = 256;

/// Reads the facts from a certificate in DER.
///
/// # Errors
/// When it does not parse, or something follows it.
pub fn facts(der: &[u8]) -> Result<Facts, FactsError> {
    let wrong = |detail: String| FactsError { detail };
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|error| wrong(error.to_string()))?;
    if !rest.is_empty() {
        return Err(wrong(format!("{} octets follow it", rest.len())));
    }
    let moment = |seconds: i64| {
        Timestamp::from_second(seconds).map_err(|_| wrong("its validity is out of range".into()))
    };
    let validity = certificate.validity();
    let (signature, weak_signature) = signature(&certificate.signature_algorithm);
    let mut facts = Facts {
        subject: clean(&certificate.subject().to_string()),
        issuer: clean(&certificate.issuer().to_string()),
        common_name: certificate.subject().iter_common_name().find_map(text),
        organization: certificate.subject().iter_organization().find_map(text),
        odette_id: None,
        serial: hex(certificate.raw_serial()),
        names: Vec::new(),
        emails: Vec::new(),
        uris: Vec::new(),
        not_before: moment(validity.not_before.timestamp())?,
        not_after: moment(validity.not_after.timestamp())?,
        version: certificate.version().0.saturating_add(1),
        key: key(certificate.public_key().raw),
        signature,
        weak_signature,
        usages: None,
        extended_usages: None,
        authority: false,
        self_signed: is_self_signed(&certificate),
        unknown_critical: Vec::new(),
        fingerprint: fixed(Hash::Sha256, der),
        fingerprint_sha1: fixed(Hash::Sha1, der),
    };
    for extension in certificate.iter_extensions() {
        take_extension(extension.parsed_extension(), &mut facts);
        if extension.critical
            && matches!(
                extension.parsed_extension(),
                ParsedExtension::UnsupportedExtension { .. } | ParsedExtension::ParseError { .. }
            )
        {
            facts.unknown_critical.push(extension.oid.to_id_string());
        }
    }
    facts.odette_id = odette_id(&certificate, &facts.uris);
    Ok(facts)
}

fn take_extension(extension: &ParsedExtension<'_>, facts: &mut Facts) {
    match extension {
        ParsedExtension::SubjectAlternativeName(names) => {
            for name in &names.general_names {
                match name {
                    GeneralName::DNSName(host) => facts.names.push(clean(host)),
                    GeneralName::IPAddress(octets) => facts.names.push(address(octets)),
                    GeneralName::RFC822Name(email) => facts.emails.push(clean(email)),
                    GeneralName::URI(uri) => facts.uris.push(clean(uri)),
                    _ => {}
                }
            }
        }
        ParsedExtension::KeyUsage(usage) => facts.usages = Some(usages(usage)),
        ParsedExtension::ExtendedKeyUsage(usage) => {
            facts.extended_usages = Some(extended_usages(usage));
        }
        ParsedExtension::BasicConstraints(constraints) => facts.authority = constraints.ca,
        _ => {}
    }
}

/// Whether it made itself. A signature of a kind that cannot be checked here is believed: the
/// name alone decides then.
fn is_self_signed(certificate: &X509Certificate<'_>) -> bool {
    if certificate.subject().as_raw() != certificate.issuer().as_raw() {
        return false;
    }
    match certificate.verify_signature(None) {
        Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
        // Too short a key fails in the same way as a wrong signature.
        Err(_) => {
            matches!(key(certificate.public_key().raw), KeyFacts::Rsa { bits } if bits < 2048)
        }
    }
}

fn key(spki: &[u8]) -> KeyFacts {
    let unknown = || KeyFacts::Other("a key that does not parse".to_owned());
    if let Ok(key) = PublicKey::from_spki(spki) {
        return KeyFacts::Rsa { bits: key.bits() };
    }
    let Some(Parts {
        identifier,
        parameters,
        bits,
    }) = Parts::of(spki)
    else {
        return unknown();
    };
    match identifier {
        oid::RSA | oid::RSA_PSS | oid::RSA_OAEP => match rsa_bits(bits) {
            Some(bits) => KeyFacts::Rsa { bits },
            None => unknown(),
        },
        oid::EC => KeyFacts::Ec {
            curve: match parameters.map(|parameters| (Curve::of(parameters), parameters)) {
                Some((Some(curve), _)) => curve.name().to_owned(),
                Some((None, parameters)) => oid::dotted(parameters),
                None => "of its own parameters".to_owned(),
            },
        },
        oid::DSA => KeyFacts::Other("DSA".to_owned()),
        oid::ED25519 => KeyFacts::Other("Ed25519".to_owned()),
        oid::ED448 => KeyFacts::Other("Ed448".to_owned()),
        other => KeyFacts::Other(format!("algorithm {}", oid::dotted(other))),
    }
}

/// The parts of a SubjectPublicKeyInfo.
struct Parts<'a> {
    /// The algorithm.
    identifier: &'a [u8],
    /// The identifier among its parameters: of a curve, for example.
    parameters: Option<&'a [u8]>,
    /// The key itself.
    bits: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(spki: &'a [u8]) -> Option<Parts<'a>> {
        let mut info = Reader::new(spki).enter(der::SEQUENCE)?;
        let mut algorithm = info.enter(der::SEQUENCE)?;
        let identifier = algorithm.take(der::IDENTIFIER)?.content;
        let parameters = algorithm.take(der::IDENTIFIER).map(|named| named.content);
        let (_, bits) = info.take(der::BIT_STRING)?.content.split_first()?;
        Some(Parts {
            identifier,
            parameters,
            bits,
        })
    }
}

/// Bits of the modulus, for keys of sizes that are not used here.
fn rsa_bits(key: &[u8]) -> Option<usize> {
    let modulus = Reader::new(key)
        .enter(der::SEQUENCE)?
        .take(der::INTEGER)?
        .content;
    let zeros = modulus.iter().take_while(|octet| **octet == 0).count();
    let significant = modulus.get(zeros..)?;
    let first = significant.first()?.leading_zeros();
    (significant.len() * 8).checked_sub(usize::try_from(first).ok()?)
}

/// How it was signed, in words, and whether by a broken hash.
fn signature(algorithm: &AlgorithmIdentifier<'_>) -> (String, bool) {
    let identifier = algorithm.algorithm.to_id_string();
    let (words, weak) = match identifier.as_str() {
        "1.2.840.113549.1.1.2" => ("RSA and MD2", true),
        "1.2.840.113549.1.1.4" => ("RSA and MD5", true),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => ("RSA and SHA-1", true),
        "1.2.840.113549.1.1.11" => ("RSA and SHA-256", false),
        "1.2.840.113549.1.1.12" => ("RSA and SHA-384", false),
        "1.2.840.113549.1.1.13" => ("RSA and SHA-512", false),
        "1.2.840.113549.1.1.14" => ("RSA and SHA-224", false),
        "2.16.840.1.101.3.4.3.14" => ("RSA and SHA3-256", false),
        "2.16.840.1.101.3.4.3.16" => ("RSA and SHA3-512", false),
        "1.2.840.113549.1.1.10" => return pss(algorithm),
        "1.2.840.10045.4.1" => ("ECDSA and SHA-1", true),
        "1.2.840.10045.4.3.2" => ("ECDSA and SHA-256", false),
        "1.2.840.10045.4.3.3" => ("ECDSA and SHA-384", false),
        "1.2.840.10045.4.3.4" => ("ECDSA and SHA-512", false),
        "1.2.840.10040.4.3" => ("DSA and SHA-1", true),
        "1.3.101.112" => ("Ed25519", false),
        _ => return (format!("algorithm {identifier}"), false),
    };
    (words.to_owned(), weak)
}

fn pss(algorithm: &AlgorithmIdentifier<'_>) -> (String, bool) {
    let hash = algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| RsaSsaPssParams::try_from(parameters).ok())
        .map(|parameters| parameters.hash_algorithm_oid().to_id_string());
    let (hash, weak) = match hash.as_deref() {
        Some("1.3.14.3.2.26") => ("SHA-1", true),
        Some("2.16.840.1.101.3.4.2.1") => ("SHA-256", false),
        Some("2.16.840.1.101.3.4.2.2") => ("SHA-384", false),
        Some("2.16.840.1.101.3.4.2.3") => ("SHA-512", false),
        Some("2.16.840.1.101.3.4.2.10") => ("SHA3-512", false),
        _ => ("a hash not known here", false),
    };
    (format!("RSA-PSS and {hash}"), weak)
}

fn usages(usage: &KeyUsage) -> Vec<Usage> {
    Usage::ALL
        .into_iter()
        .enumerate()
        .filter(|(bit, _)| usage.flags >> bit & 1 == 1)
        .map(|(_, usage)| usage)
        .collect()
}

fn extended_usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let known = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    known
        .into_iter()
        .filter(|(there, _)| *there)
        .map(|(_, word)| word.to_owned())
        .chain(usage.other.iter().map(|other| other.to_id_string()))
        .collect()
}

/// The identification code: serialNumber of the subject when it looks like one (authorities put
/// register numbers there, too), else the URI.
fn odette_id(certificate: &X509Certificate<'_>, uris: &[String]) -> Option<String> {
    certificate
        .subject()
        .iter_attributes()
        .filter(|attribute| attribute.attr_type().to_id_string() == SERIAL_NUMBER)
        .find_map(text)
        .filter(|code| is_code(code))
        .or_else(|| {
            uris.iter()
                .filter_map(|uri| uri.strip_prefix("oftp://"))
                .filter_map(percent_decoded)
                .find(|code| is_code(code))
        })
}

/// Whether it can be an identification code (RFC 5024 §5.4): they all start with an O.
fn is_code(text: &str) -> bool {
    text.starts_with('O') && (2..=25).contains(&text.chars().count())
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.trim_end_matches('/').bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        octets.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(octets).ok().map(|text| clean(&text))
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    attribute
        .as_str()
        .ok()
        .map(|text| clean(text).trim().to_owned())
        .filter(|text| !text.is_empty())
}

fn address(octets: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        Ipv4Addr::from(four).to_string()
    } else if let Ok(sixteen) = <[u8; 16]>::try_from(octets) {
        Ipv6Addr::from(sixteen).to_string()
    } else {
        format!("an address of {} octets", octets.len())
    }
}

/// Foreign text for a terminal: no control characters, no direction marks, not endless.
fn clean(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .take(MOST_TEXT)
        .map(|c| {
            let turns = matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || turns { '?' } else { c }
        })
        .collect();
    if text.chars().nth(MOST_TEXT).is_some() {
        clean.push('…');
    }
    clean
}

fn fixed<const N: usize>(hash: Hash, octets: &[u8]) -> [u8; N] {
    let mut fixed = [0; N];
    for (place, octet) in fixed.iter_mut().zip(hash.of(octets)) {
        *place = octet;
    }
    fixed
}
