//! Signs what is plainly a TLS server handshake, and nothing else.
//!
//! The DMZ half has no key: it sends the octets to be signed and gets a signature back. A captured
//! DMZ half may send any octets, so two forms are signed and every other is refused:
//!
//! * TLS 1.3 (RFC 8446 section 4.4.3): 64 spaces, `TLS 1.3, server CertificateVerify`, a zero octet,
//!   a transcript hash of 32 or 48 octets;
//! * TLS 1.2 (RFC 8422 section 5.4): the randoms of client and server (64 octets), then ephemeral
//!   ECDH parameters on a named curve: X25519, P-256 or P-384, with a point of exactly its length.
//!
//! The second form begins with octets a captured DMZ half may choose. The same company key may also
//! sign CMS objects or certificate requests, whose signed octets are one DER SEQUENCE or SET: signed
//! attributes, a TBSCertificate, a CertificationRequestInfo. A block of the second form that is at
//! the same time one such element, from its first octet to its last, is refused; what remains can
//! not be taken for anything but a handshake.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ::link::Sign;
use rustls::SignatureScheme;
use rustls::sign::SigningKey;

use super::TlsKey;
use crate::session::Counters;

/// The text between the padding and the zero octet of a TLS 1.3 server signature.
pub(super) const TLS13_SERVER: &[u8] = b"TLS 1.3, server CertificateVerify";
/// The same for a client's.
pub(super) const TLS13_CLIENT: &[u8] = b"TLS 1.3, client CertificateVerify";

/// The keys for signing and the rules for their use.
#[derive(Debug)]
pub struct Signatory {
    keys: RwLock<HashMap<u32, Entry>>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Entry {
    key: TlsKey,
    /// Set once it is no key of the policy any more.
    until: Option<Instant>,
}

/// So long a key that was replaced goes on signing: a handshake begun before may need it, and none
/// may take longer (`public.handshake_timeout`).
const REPLACED: Duration = Duration::from_secs(120);

/// Why a signature was refused.
#[derive(Debug, thiserror::Error)]
pub enum SignRefusal {
    /// The key's number is in no listener of the policy, or belongs to another listener.
    #[error("the listener or key is not one of the policy sent to the DMZ half")]
    UnknownKey,
    /// The octets are not a handshake to be signed by a server.
    #[error("the octets to be signed are no TLS server handshake: {0}")]
    Form(&'static str),
    /// The scheme is none the key has, or does not fit the TLS version of the octets.
    #[error("signature scheme {0:#06x} does not fit the key or the TLS version")]
    Scheme(u16),
    /// The key failed to sign.
    #[error("the key did not sign: {0}")]
    Failed(#[from] rustls::Error),
}

/// The two kinds of octets that are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The content of a TLS 1.3 server CertificateVerify.
    Tls13,
    /// The content of a TLS 1.2 ServerKeyExchange signature.
    Tls12,
}

impl Signatory {
    /// Takes the keys of all listeners of the policy.
    pub fn new(keys: impl IntoIterator<Item = TlsKey>, counters: Arc<Counters>) -> Self {
        let entry = |key: TlsKey| (key.id, Entry { key, until: None });
        let keys = RwLock::new(keys.into_iter().map(entry).collect());
        Self { keys, counters }
    }

    /// Takes the keys of a new policy; a key that is new has a number that none had before. Those it
    /// lacks go on for a short while.
    pub fn renew(&self, keys: impl IntoIterator<Item = TlsKey>, clock: Instant) {
        let mut known = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, entry| entry.until.is_none_or(|until| clock < until));
        for entry in known.values_mut() {
            entry.until.get_or_insert(clock + REPLACED);
        }
        for key in keys {
            known.insert(key.id, Entry { key, until: None });
        }
    }

    /// Signs, or says why not; both are counted, and a refusal is logged.
    ///
    /// # Errors
    /// Any [`SignRefusal`]; the DMZ half learns only that it was refused.
    pub fn sign(&self, request: &Sign) -> Result<Vec<u8>, SignRefusal> {
        let answer = self.try_sign(request, Instant::now());
        match &answer {
            Ok(_) => self.counters.signatures.one(),
            Err(refusal) => {
                self.counters.signatures_refused.one();
                tracing::warn!(
                    circuit = %request.circuit,
                    peer = %request.peer,
                    listener = request.listener.escape_debug().to_string(),
                    key = request.key,
                    octets = request.message.len(),
                    why = %refusal,
                    "A handshake signature asked for by the DMZ half was refused.",
                );
            }
        }
        answer
    }

    fn try_sign(&self, request: &Sign, clock: Instant) -> Result<Vec<u8>, SignRefusal> {
        let key = self.key(request, clock).ok_or(SignRefusal::UnknownKey)?;
        let form = form(&request.message).map_err(SignRefusal::Form)?;
        let scheme = SignatureScheme::from(request.scheme);
        if form == Form::Tls13 && !fits_tls13(scheme) {
            return Err(SignRefusal::Scheme(request.scheme));
        }
        let signer = key
            .choose_scheme(&[scheme])
            .ok_or(SignRefusal::Scheme(request.scheme))?;
        Ok(signer.sign(&request.message)?)
    }

    /// The key asked for, if it may sign for that listener.
    fn key(&self, request: &Sign, clock: Instant) -> Option<Arc<dyn SigningKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let entry = keys.get(&request.key)?;
        let good =
            entry.key.listener == request.listener && entry.until.is_none_or(|until| clock < until);
        good.then(|| Arc::clone(&entry.key.key))
    }
}

/// The schemes a key can sign handshakes with, in the order in which we prefer them: the policy
/// carries them to the DMZ half.
pub fn schemes(key: &dyn SigningKey) -> Vec<SignatureScheme> {
    const PREFERENCE: [SignatureScheme; 10] = [
        SignatureScheme::ED25519,
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::ECDSA_NISTP384_SHA384,
        SignatureScheme::ECDSA_NISTP521_SHA512,
        SignatureScheme::RSA_PSS_SHA256,
        SignatureScheme::RSA_PSS_SHA384,
        SignatureScheme::RSA_PSS_SHA512,
        SignatureScheme::RSA_PKCS1_SHA256,
        SignatureScheme::RSA_PKCS1_SHA384,
        SignatureScheme::RSA_PKCS1_SHA512,
    ];
    PREFERENCE
        .into_iter()
        .filter(|scheme| key.choose_scheme(&[*scheme]).is_some())
        .collect()
}

/// Which of the two forms the octets have.
///
/// # Errors
/// What is wrong with them, for the operator.
pub fn form(message: &[u8]) -> Result<Form, &'static str> {
    if is_tls13(message, TLS13_SERVER) {
        return Ok(Form::Tls13);
    }
    tls12(message)?;
    Ok(Form::Tls12)
}

/// Whether the octets are a TLS 1.3 CertificateVerify content with this context text.
pub(super) fn is_tls13(message: &[u8], context: &[u8]) -> bool {
    let Some((padding, rest)) = message.split_first_chunk::<64>() else {
        return false;
    };
    let Some(hash) = rest
        .strip_prefix(context)
        .and_then(|rest| rest.strip_prefix(&[0]))
    else {
        return false;
    };
    padding == &[0x20; 64] && matches!(hash.len(), 32 | 48)
}

/// PKCS#1 v1.5 has no place in TLS 1.3 handshakes (RFC 8446 section 4.2.3).
pub(super) fn fits_tls13(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::ECDSA_NISTP256_SHA256
            | SignatureScheme::ECDSA_NISTP384_SHA384
            | SignatureScheme::ECDSA_NISTP521_SHA512
            | SignatureScheme::ED25519
            | SignatureScheme::RSA_PSS_SHA256
            | SignatureScheme::RSA_PSS_SHA384
            | SignatureScheme::RSA_PSS_SHA512
    )
}

fn tls12(message: &[u8]) -> Result<(), &'static str> {
    /// curve_type named_curve (RFC 8422 section 5.4).
    const NAMED_CURVE: u8 = 3;
    const UNCOMPRESSED: u8 = 4;

    let Some((_randoms, parameters)) = message.split_first_chunk::<64>() else {
        return Err("shorter than any of the two forms");
    };
    let Some(([curve_type, group_high, group_low, length], point)) =
        parameters.split_first_chunk::<4>()
    else {
        return Err("too short for key exchange parameters");
    };
    if *curve_type != NAMED_CURVE {
        return Err("no ephemeral key exchange on a named curve");
    }
    let (wanted, uncompressed) = match u16::from_be_bytes([*group_high, *group_low]) {
        0x001d => (32, false),
        0x0017 => (65, true),
        0x0018 => (97, true),
        _ => return Err("the group is none of X25519, P-256 and P-384"),
    };
    if usize::from(*length) != wanted || point.len() != wanted {
        return Err("the public point does not have its group's length");
    }
    if uncompressed && point.first() != Some(&UNCOMPRESSED) {
        return Err("the public point is not uncompressed");
    }
    if is_whole_der(message) {
        return Err("the octets are at the same time one DER SEQUENCE or SET");
    }
    Ok(())
}

/// Whether the octets are, from first to last, one SEQUENCE or SET in any encoding a reader of CMS
/// or certificates might take: short, long (also not minimal) or indefinite length.
fn is_whole_der(octets: &[u8]) -> bool {
    let Some((0x30 | 0x31, rest)) = octets.split_first() else {
        return false;
    };
    let Some((first, rest)) = rest.split_first() else {
        return false;
    };
    match *first {
        0x80 => rest.ends_with(&[0, 0]),
        length @ 0..=0x7f => usize::from(length) == rest.len(),
        form => {
            let Some((length, content)) = rest.split_at_checked(usize::from(form & 0x7f)) else {
                return false;
            };
            let length = length.iter().try_fold(0_usize, |sum, octet| {
                Some(sum.checked_mul(256)? + usize::from(*octet))
            });
            length == Some(content.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use ::link::CircuitId;
    use rustls::crypto::aws_lc_rs::sign::any_supported_type;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    use super::*;

    fn tls13(context: &[u8], hash: usize) -> Vec<u8> {
        [&[0x20; 64][..], context, &[0], &vec![7; hash]].concat()
    }

    fn tls12(randoms: &[u8], group: u16, point: &[u8]) -> Vec<u8> {
        let mut message = randoms.to_vec();
        message.resize(64, 0x55);
        message.push(3);
        message.extend(group.to_be_bytes());
        message.push(u8::try_from(point.len()).unwrap());
        message.extend(point);
        message
    }

    fn point(length: usize) -> Vec<u8> {
        let mut point = vec![9; length];
        point[0] = 4;
        point
    }

    fn signatory(kind: &'static rcgen::SignatureAlgorithm) -> Signatory {
        let pair = rcgen::KeyPair::generate_for(kind).unwrap();
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        let key = TlsKey {
            id: 5,
            listener: "oftps".into(),
            chain: Vec::new(),
            key: any_supported_type(&der).unwrap(),
        };
        Signatory::new([key], Arc::default())
    }

    fn request(message: Vec<u8>, scheme: SignatureScheme) -> Sign {
        Sign {
            circuit: CircuitId(1),
            listener: "oftps".into(),
            key: 5,
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            scheme: u16::from(scheme),
            message,
        }
    }

    #[test]
    fn takes_the_two_forms() {
        for hash in [32, 48] {
            assert_eq!(form(&tls13(TLS13_SERVER, hash)), Ok(Form::Tls13));
        }
        for (group, length) in [(0x1d, 32), (0x17, 65), (0x18, 97)] {
            assert_eq!(form(&tls12(&[1], group, &point(length))), Ok(Form::Tls12));
        }
    }

    #[test]
    fn refuses_what_is_nearly_a_form() {
        let mut one_space_less = tls13(TLS13_SERVER, 32);
        one_space_less.remove(0);
        let mut not_spaces = tls13(TLS13_SERVER, 32);
        not_spaces[63] = 0x21;
        let mut other_curve_type = tls12(&[1], 0x1d, &point(32));
        other_curve_type[64] = 1;
        let mut compressed = tls12(&[1], 0x17, &point(65));
        compressed[68] = 2;
        let mut longer = tls12(&[1], 0x1d, &point(32));
        longer.push(0);
        let refused = [
            Vec::new(),
            vec![0x20; 64],
            tls13(TLS13_CLIENT, 32),
            tls13(TLS13_SERVER, 20),
            tls13(TLS13_SERVER, 64),
            one_space_less,
            not_spaces,
            tls12(&[1], 0x19, &point(133)),
            tls12(&[1], 0x1e, &point(56)),
            tls12(&[1], 0x1d, &point(31)),
            tls12(&[1], 0x17, &point(64)),
            other_curve_type,
            compressed,
            longer,
        ];
        for (index, message) in refused.iter().enumerate() {
            assert!(form(message).is_err(), "case {index} was taken");
        }
    }

    #[test]
    fn refuses_every_cut_of_both_forms() {
        for whole in [tls13(TLS13_SERVER, 32), tls12(&[1], 0x17, &point(65))] {
            for cut in 0..whole.len() {
                assert!(form(&whole[..cut]).is_err(), "a cut at {cut} was taken");
            }
        }
    }

    #[test]
    fn refuses_a_tls12_block_that_is_one_der_element() {
        // Content lengths: 100, 133 and 165 octets in all, less the header.
        for (group, length) in [(0x1d, 32), (0x17, 65), (0x18, 97)] {
            let whole = 68 + length;
            let octet = |n: usize| u8::try_from(n).unwrap();
            for tag in [0x30, 0x31] {
                let mut headers = vec![
                    vec![tag, 0x81, octet(whole - 3)],
                    vec![tag, 0x82, 0, octet(whole - 4)],
                    vec![tag, 0x84, 0, 0, 0, octet(whole - 6)],
                ];
                if whole < 130 {
                    headers.push(vec![tag, octet(whole - 2)]);
                }
                for header in headers {
                    let message = tls12(&header, group, &point(length));
                    assert!(form(&message).is_err(), "header {header:02x?} was taken");
                    let mut shifted = header.clone();
                    *shifted.last_mut().unwrap() -= 1;
                    let message = tls12(&shifted, group, &point(length));
                    assert!(form(&message).is_ok(), "header {shifted:02x?} was refused");
                }
                let mut end = point(length);
                end[length - 2..].fill(0);
                assert!(form(&tls12(&[tag, 0x80], group, &end)).is_err());
                assert!(form(&tls12(&[tag, 0x80], group, &point(length))).is_ok());
            }
        }
    }

    #[test]
    fn signs_with_a_scheme_of_the_key_only() {
        let rsa = signatory(&rcgen::PKCS_RSA_SHA256);
        let tls13 = tls13(TLS13_SERVER, 32);
        let tls12 = tls12(&[1], 0x1d, &point(32));
        let pss = SignatureScheme::RSA_PSS_SHA256;
        let pkcs1 = SignatureScheme::RSA_PKCS1_SHA256;
        assert!(rsa.sign(&request(tls13.clone(), pss)).is_ok());
        assert!(rsa.sign(&request(tls12.clone(), pss)).is_ok());
        assert!(rsa.sign(&request(tls12.clone(), pkcs1)).is_ok());
        assert!(matches!(
            rsa.sign(&request(tls13.clone(), pkcs1)),
            Err(SignRefusal::Scheme(_))
        ));
        let ecdsa = SignatureScheme::ECDSA_NISTP256_SHA256;
        assert!(matches!(
            rsa.sign(&request(tls13.clone(), ecdsa)),
            Err(SignRefusal::Scheme(_))
        ));
        let elliptic = signatory(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert!(elliptic.sign(&request(tls13, ecdsa)).is_ok());
        assert_eq!(rsa.counters.signatures.count(), 3);
        assert_eq!(rsa.counters.signatures_refused.count(), 2);
        let keys = elliptic.keys.read().unwrap();
        assert_eq!(schemes(keys[&5].key.key.as_ref()), [ecdsa]);
    }

    #[test]
    fn refuses_a_key_or_listener_outside_the_policy() {
        let keys = signatory(&rcgen::PKCS_ECDSA_P256_SHA256);
        let scheme = SignatureScheme::ECDSA_NISTP256_SHA256;
        let good = request(tls13(TLS13_SERVER, 32), scheme);
        assert!(keys.sign(&good).is_ok());
        let other_key = Sign {
            key: 6,
            ..good.clone()
        };
        let other_listener = Sign {
            listener: "other".into(),
            ..good
        };
        for request in [other_key, other_listener] {
            assert!(matches!(keys.sign(&request), Err(SignRefusal::UnknownKey)));
        }
    }

    #[test]
    fn a_replaced_key_signs_for_a_while_and_no_longer() {
        let scheme = SignatureScheme::ECDSA_NISTP256_SHA256;
        let keys = signatory(&rcgen::PKCS_ECDSA_P256_SHA256);
        let request = request(tls13(TLS13_SERVER, 32), scheme);
        let clock = Instant::now();
        keys.renew([], clock);
        assert!(keys.try_sign(&request, clock).is_ok());
        // A renewal after that does not give it more time.
        keys.renew([], clock + REPLACED / 2);
        assert!(keys.try_sign(&request, clock + REPLACED / 2).is_ok());
        assert!(matches!(
            keys.try_sign(&request, clock + REPLACED),
            Err(SignRefusal::UnknownKey)
        ));
    }
}
