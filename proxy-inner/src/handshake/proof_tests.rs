use std::net::{Ipv4Addr, SocketAddr};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;

use super::super::sign::TLS13_SERVER;
use super::super::transcript::tests::handshake;
use super::*;

struct Identity {
    certificate: CertificateDer<'static>,
    key: Arc<dyn SigningKey>,
}

fn identity(kind: &'static rcgen::SignatureAlgorithm) -> Identity {
    let pair = rcgen::KeyPair::generate_for(kind).unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["partner.test".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&pair).unwrap();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
    Identity {
        certificate: certificate.der().clone(),
        key: aws_lc_rs::sign::any_supported_type(&der).unwrap(),
    }
}

struct World {
    proofs: ClientProofs,
    server: CertificateDer<'static>,
    client: Identity,
    clock: Instant,
}

const SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;

impl World {
    fn new() -> Self {
        let server = identity(&rcgen::PKCS_ECDSA_P256_SHA256);
        let listener = TlsKey {
            id: 1,
            listener: "oftps".into(),
            chain: vec![server.certificate.clone()],
            key: server.key,
        };
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        Self {
            proofs: ClientProofs::new(algorithms, [&listener], Arc::default()),
            server: server.certificate,
            client: identity(&rcgen::PKCS_ECDSA_P256_SHA256),
            clock: Instant::now(),
        }
    }

    fn tls13(&self, hash: u8) -> VerifyClient {
        let message = [&[0x20; 64][..], TLS13_CLIENT, &[0], &[hash; 32]].concat();
        self.signed(0x0304, message)
    }

    fn tls12(&self, random: u8) -> VerifyClient {
        let message = handshake(&self.server, &self.client.certificate, random);
        self.signed(0x0303, message)
    }

    fn signed(&self, tls_version: u16, message: Vec<u8>) -> VerifyClient {
        let signer = self.client.key.choose_scheme(&[SCHEME]).unwrap();
        VerifyClient {
            circuit: CircuitId(7),
            listener: "oftps".into(),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            chain: vec![self.client.certificate.to_vec()],
            tls_version,
            scheme: u16::from(SCHEME),
            signature: signer.sign(&message).unwrap(),
            message,
        }
    }

    fn judge(&self, request: &VerifyClient) -> Result<[u8; 16], ProofRefusal> {
        let pin = fingerprint_of(&self.client.certificate);
        let pinned = |found: &Fingerprint| Ok(*found == pin);
        self.proofs
            .judge(request, pinned, Timestamp::now(), self.clock)
    }
}

#[test]
fn accepts_a_proof_of_either_version_once() {
    let world = World::new();
    for request in [world.tls13(1), world.tls12(1)] {
        assert!(world.judge(&request).is_ok());
        let again = world.judge(&request).unwrap_err();
        assert!(matches!(again, ProofRefusal::Replayed), "{again}");
    }
    assert_eq!(world.proofs.counters.proofs.count(), 2);
    assert_eq!(world.proofs.counters.proofs_refused.count(), 2);
}

#[test]
fn a_ticket_is_good_once_for_its_circuit_and_listener_and_time() {
    let world = World::new();
    let circuit = CircuitId(7);
    let redeem = |ticket, circuit, listener: &str, after| {
        world
            .proofs
            .redeem(&ticket, circuit, listener, world.clock + after)
    };
    let good = world.judge(&world.tls13(1)).unwrap();
    let pin = fingerprint_of(&world.client.certificate);
    assert_eq!(redeem(good, circuit, "oftps", TICKET_LIFE), Some(pin));
    assert_eq!(redeem(good, circuit, "oftps", Duration::ZERO), None);
    let late = world.judge(&world.tls13(2)).unwrap();
    let after = TICKET_LIFE + Duration::from_millis(1);
    assert_eq!(redeem(late, circuit, "oftps", after), None);
    let elsewhere = world.judge(&world.tls13(3)).unwrap();
    assert_eq!(
        redeem(elsewhere, CircuitId(8), "oftps", Duration::ZERO),
        None
    );
    let other = world.judge(&world.tls13(4)).unwrap();
    assert_eq!(redeem(other, circuit, "other", Duration::ZERO), None);
    assert_eq!(redeem([0; 16], circuit, "oftps", Duration::ZERO), None);
}

#[test]
fn refuses_a_signature_of_another_key_or_over_another_message() {
    let world = World::new();
    let thief = World::new();
    let mut stolen = thief.tls13(1);
    stolen.chain = vec![world.client.certificate.to_vec()];
    let mut moved = world.tls13(2);
    moved.message[120] ^= 1;
    let mut broken = world.tls12(3);
    broken.signature[8] ^= 1;
    let mut scheme = world.tls13(4);
    scheme.scheme = u16::from(SignatureScheme::ECDSA_NISTP384_SHA384);
    let mut unknown = world.tls13(5);
    unknown.scheme = 0xfefe;
    for request in [stolen, moved, broken, scheme, unknown] {
        let refusal = world.judge(&request).unwrap_err();
        assert!(matches!(refusal, ProofRefusal::Signature(_)), "{refusal}");
    }
}

#[test]
fn refuses_messages_that_are_no_client_handshake_with_us() {
    let world = World::new();
    let other = identity(&rcgen::PKCS_ECDSA_P256_SHA256);
    let server_role = [&[0x20; 64][..], TLS13_SERVER, &[0], &[1; 32]].concat();
    let for_another = handshake(&other.certificate, &world.client.certificate, 1);
    let of_another = handshake(&world.server, &other.certificate, 1);
    let refused = [
        world.signed(0x0304, server_role),
        world.signed(0x0304, b"a receipt".to_vec()),
        world.signed(0x0303, b"a receipt".to_vec()),
        world.signed(0x0303, for_another),
        world.signed(0x0303, of_another),
        world.signed(0x0303, vec![1; 70_000]),
        VerifyClient {
            tls_version: 0x0302,
            ..world.tls13(1)
        },
        VerifyClient {
            tls_version: 0x0304,
            ..world.tls12(1)
        },
    ];
    for (index, request) in refused.iter().enumerate() {
        let refusal = world.judge(request).unwrap_err();
        assert!(
            matches!(refusal, ProofRefusal::Message(_)),
            "case {index}: {refusal}"
        );
    }
}

#[test]
fn refuses_what_is_beyond_a_ceiling_or_outside_the_policy() {
    let world = World::new();
    let chain = |chain: Vec<Vec<u8>>| VerifyClient {
        chain,
        ..world.tls13(1)
    };
    let leaf = world.client.certificate.to_vec();
    let sized = [
        chain(Vec::new()),
        chain(vec![leaf.clone(); 11]),
        chain(vec![vec![0; 17 * 1024]]),
        chain(vec![vec![0; 16 * 1024]; 5]),
        VerifyClient {
            signature: vec![0; 1025],
            ..world.tls13(1)
        },
    ];
    for request in &sized {
        let refusal = world.judge(request).unwrap_err();
        assert!(matches!(refusal, ProofRefusal::Size(_)), "{refusal}");
    }
    let listener = VerifyClient {
        listener: "other".into(),
        ..world.tls13(1)
    };
    assert!(matches!(
        world.judge(&listener),
        Err(ProofRefusal::Listener)
    ));
    let junk = chain(vec![vec![0x30; 40]]);
    assert!(matches!(
        world.judge(&junk),
        Err(ProofRefusal::Certificate(_))
    ));
}

#[test]
fn refuses_a_certificate_that_no_partner_has_or_that_is_not_valid_now() {
    let world = World::new();
    let nobody = |_: &Fingerprint| Ok(false);
    let refusal = world
        .proofs
        .judge(&world.tls13(1), nobody, Timestamp::now(), world.clock)
        .unwrap_err();
    assert!(matches!(refusal, ProofRefusal::NotPinned(_)), "{refusal}");
    for moment in ["1960-01-01T00:00:00Z", "9000-01-01T00:00:00Z"] {
        let refusal = world
            .proofs
            .judge(
                &world.tls13(1),
                |_| Ok(true),
                moment.parse().unwrap(),
                world.clock,
            )
            .unwrap_err();
        assert!(matches!(refusal, ProofRefusal::Expired { .. }), "{refusal}");
    }
}

#[test]
fn a_full_memory_refuses_until_its_oldest_entry_is_old_enough() {
    let mut memory = Memory::default();
    let start = Instant::now();
    let entry = |number: usize| -> [u8; 32] { Sha256::digest(number.to_be_bytes()).into() };
    for number in 0..MOST_SEEN {
        memory.remember(entry(number), start).unwrap();
    }
    let new = entry(MOST_SEEN);
    assert!(matches!(
        memory.remember(new, start),
        Err(ProofRefusal::Full)
    ));
    assert!(memory.remember(new, start + SEEN_AT_LEAST).is_ok());
    assert_eq!(memory.seen.len(), MOST_SEEN);
}
