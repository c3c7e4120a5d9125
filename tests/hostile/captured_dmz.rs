//! A captured DMZ half: it has the right link key and lies. It must not get a signature over
//! anything but handshakes, invent or replay a partner, or exhaust the inner half.

use std::net::SocketAddr;

use link::{
    AcceptSettings, Acceptor, Arrived, ArrivedAnswer, Circuit, CircuitId, ClientVerdict,
    ControlReceiver, ControlSender, Dial, DialAnswer, FromDmz, FromInner, Link, LinkIdentity, Sign,
    SignAnswer, TlsFacts, ToDmz, ToInner, VerifyClient,
};
use support::compare::content;
use support::pki::{Certificate, provider};
use support::world::Setup;
use support::{Directory, Entry, Orphan, directory};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

const ECDSA_P256_SHA256: u16 = 0x0403;
const RSA_PSS_SHA256: u16 = 0x0804;

/// The impostor with its victim.
struct Captured {
    victim: Orphan,
    link: Link,
    /// The number of the listener's key, as the policy says.
    key: u32,
    runtime: Runtime,
    _control: (ControlSender<ToInner>, ControlReceiver<ToDmz>),
    _acceptor: Acceptor,
}

impl Captured {
    fn new(change: impl FnOnce(&mut Setup)) -> Captured {
        let mut victim = Orphan::new(change);
        let runtime = Runtime::new().expect("a runtime");
        let acceptor = runtime.block_on(async {
            Acceptor::bind(AcceptSettings {
                address: SocketAddr::from(([127, 0, 0, 1], 0)),
                identity: LinkIdentity::load(&victim.dmz_key, &provider()).expect("the key"),
                pins: vec![victim.inner_pin.parse().expect("a pin")],
                provider: provider(),
            })
            .expect("the link listens")
        });
        victim.start(acceptor.local_addr().expect("bound"));
        let link = runtime
            .block_on(acceptor.accept())
            .expect("the inner half dials");
        let (sender, mut control) = link
            .control::<ToInner, ToDmz>()
            .expect("the control stream");
        let policy = runtime.block_on(control.receive()).expect("the policy");
        let ToDmz::Policy(policy) = policy else {
            panic!("the policy first: {policy:?}")
        };
        let key = policy.listeners[0].key;
        Captured {
            victim,
            link,
            key,
            runtime,
            _control: (sender, control),
            _acceptor: acceptor,
        }
    }

    fn ask<A: link::Message>(&self, request: &FromDmz) -> A {
        self.runtime.block_on(async {
            let mut circuit = self.link.open(request).await.expect("the link holds");
            circuit.receive_message().await.expect("an answer")
        })
    }

    fn sign(&self, listener: &str, key: u32, scheme: u16, message: Vec<u8>) -> SignAnswer {
        let listener = listener.into();
        self.ask(&FromDmz::Sign(Sign {
            circuit: circuit(),
            listener,
            key,
            peer: peer(),
            scheme,
            message,
        }))
    }

    fn verify(&self, chain: &Certificate, message: &[u8], signature: Vec<u8>) -> ClientVerdict {
        self.verify_for(circuit(), chain, message, signature)
    }

    fn verify_for(
        &self,
        circuit: CircuitId,
        chain: &Certificate,
        message: &[u8],
        signature: Vec<u8>,
    ) -> ClientVerdict {
        self.ask(&FromDmz::VerifyClient(VerifyClient {
            circuit,
            listener: "oftps".into(),
            peer: peer(),
            chain: vec![chain.der().to_vec()],
            tls_version: 0x0304,
            scheme: ECDSA_P256_SHA256,
            message: message.to_vec(),
            signature,
        }))
    }

    fn arrive(&self, arrived: Arrived) -> (ArrivedAnswer, Circuit) {
        self.runtime.block_on(async {
            let first = FromDmz::Arrived(arrived);
            let mut circuit = self.link.open(&first).await.expect("the link holds");
            let answer = circuit.receive_message().await.expect("an answer");
            (answer, circuit)
        })
    }

    /// Whether the inner half lets a caller with this ticket in as the usual partner: what it says
    /// first is its SSID.
    fn lets_in(&self, circuit: CircuitId, ticket: Option<[u8; 16]>) -> bool {
        let (answer, mut stream) = self.arrive(arrived(circuit, &usual_ssid(), ticket));
        answer == ArrivedAnswer::Accept && self.first_octet(&mut stream) == Some(b'X')
    }

    /// The identifier of the first command that the inner half says on a circuit.
    fn first_octet(&self, circuit: &mut Circuit) -> Option<u8> {
        let mut frame = [0; 5];
        let read = self.runtime.block_on(circuit.read_exact(&mut frame));
        read.ok().map(|_| frame[4])
    }
}

fn circuit() -> CircuitId {
    CircuitId(support::compare::Random::new(unique()).next())
}

/// Another number each time.
fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn peer() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], 40_000))
}

fn usual_ssid() -> Vec<u8> {
    ssid(directory::PARTNER_CODE, directory::PARTNER_PASSWORD)
}

fn ssid(code: &str, password: &str) -> Vec<u8> {
    let text = format!("X5{code:<25}{password:<8}04096BNNN064N{:12}\r", "");
    assert_eq!(text.len(), 61);
    text.into_bytes()
}

fn arrived(circuit: CircuitId, ssid: &[u8], client: Option<[u8; 16]>) -> Arrived {
    Arrived {
        circuit,
        listener: "oftps".into(),
        peer: peer(),
        local: SocketAddr::from(([198, 51, 100, 1], 6619)),
        tls: TlsFacts {
            version: 0x0304,
            suite: 0x1301,
            server_name: None,
            client,
        },
        ssid: ssid.to_vec(),
    }
}

/// The content of a TLS 1.3 CertificateVerify.
fn verify_content(role: &str, hash: &[u8]) -> Vec<u8> {
    let context = format!("TLS 1.3, {role} CertificateVerify\0");
    [&[b' '; 64][..], context.as_bytes(), hash].concat()
}

/// The signed part of a TLS 1.2 ServerKeyExchange on P-256.
fn key_exchange_content() -> Vec<u8> {
    let randoms = content(3, 64);
    let mut point = content(4, 65);
    point[0] = 4;
    [&randoms[..], &[3, 0, 23, 65], &point].concat()
}

/// The usual partner, who has to show this certificate.
fn with_certificate(setup: &mut Setup, certificate: &Certificate) {
    setup.inner.of_listener("client_certificate", "\"require\"");
    let mut entry = Entry::usual();
    entry.certificates.push(certificate.fingerprint());
    setup.directory = Directory::default()
        .station("OURS", directory::OUR_CODE)
        .partner(entry);
}

#[test]
fn it_gets_signatures_over_handshakes_and_over_nothing_else() {
    let captured = Captured::new(|_| ());
    let hash = content(1, 32);
    let sign = |message| captured.sign("oftps", captured.key, ECDSA_P256_SHA256, message);

    for handshake in [
        verify_content("server", &hash),
        verify_content("server", &content(1, 48)),
        key_exchange_content(),
    ] {
        let answer = sign(handshake.clone());
        assert!(
            matches!(answer, SignAnswer::Signature(_)),
            "a handshake: {handshake:02x?}"
        );
    }

    // Signed attributes of a CMS message: content type data, and a message digest.
    let attributes = [
        &b"\x31\x4b\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03\x31\x0b\x06\x09\x2a\x86\x48"[..],
        b"\x86\xf7\x0d\x01\x07\x01\x30\x2f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04\x31\x22\x04\x20",
        &hash,
    ]
    .concat();
    let mut point = key_exchange_content();
    point[66] = 99; // no such curve
    let mut long_point = key_exchange_content();
    long_point.push(0);
    let spaces = |count: usize| {
        [
            &vec![b' '; count][..],
            &verify_content("server", &hash)[64..],
        ]
        .concat()
    };
    for (what, message) in [
        ("signed attributes", attributes),
        ("a bare hash", hash.clone()),
        ("a file", content(2, 4000)),
        (
            "a receipt",
            b"ETEST.FILE                    202401312359590001".repeat(2),
        ),
        ("nothing", Vec::new()),
        ("a client's proof", verify_content("client", &hash)),
        ("too few spaces", spaces(63)),
        ("too many spaces", spaces(65)),
        ("a short hash", verify_content("server", &hash[..31])),
        ("a long hash", verify_content("server", &content(1, 64))),
        (
            "a hash and more",
            [verify_content("server", &hash), attributes_tail()].concat(),
        ),
        ("an unknown curve", point),
        ("a point and more", long_point),
        ("randoms alone", content(3, 64)),
    ] {
        assert_eq!(
            sign(message),
            SignAnswer::Refused,
            "{what} must not be signed"
        );
    }
    let wrong_scheme = captured.sign(
        "oftps",
        captured.key,
        RSA_PSS_SHA256,
        verify_content("server", &hash),
    );
    assert_eq!(
        wrong_scheme,
        SignAnswer::Refused,
        "a scheme the key has not"
    );
    let other_key = captured.key.wrapping_add(1);
    let message = verify_content("server", &hash);
    let answer = captured.sign("oftps", other_key, ECDSA_P256_SHA256, message.clone());
    assert_eq!(answer, SignAnswer::Refused, "an unknown key");
    let answer = captured.sign("other", captured.key, ECDSA_P256_SHA256, message);
    assert_eq!(answer, SignAnswer::Refused, "an unknown listener");

    let logs = &captured.victim.inner.half.logs;
    logs.wait_for("the operator reads of it", |line| {
        line.level() == "WARN" && line.says("signature")
    });
}

fn attributes_tail() -> Vec<u8> {
    b"\x04\x20".to_vec()
}

#[test]
fn it_cannot_replay_or_forge_a_partners_proof() {
    let own = Certificate::new("the usual partner");
    let captured = Captured::new(|setup| with_certificate(setup, &own));
    let message = verify_content("client", &content(5, 32));
    let signature = own.sign(&message);

    let genuine = captured.verify(&own, &message, signature.clone());
    assert!(
        matches!(genuine, ClientVerdict::Accept { .. }),
        "the partner's own proof"
    );

    let replayed = captured.verify(&own, &message, signature.clone());
    assert_eq!(replayed, ClientVerdict::Refuse, "the same proof again");
    let other = verify_content("client", &content(6, 32));
    let moved = captured.verify(&own, &other, signature);
    assert_eq!(
        moved,
        ClientVerdict::Refuse,
        "the proof of another handshake"
    );
    let stranger = Certificate::new("the usual partner");
    let forged = captured.verify(&own, &other, stranger.sign(&other));
    assert_eq!(forged, ClientVerdict::Refuse, "a proof by another key");
    let unknown = captured.verify(&stranger, &other, stranger.sign(&other));
    assert_eq!(
        unknown,
        ClientVerdict::Refuse,
        "a certificate that nobody pinned"
    );
    let not_tls = b"any octets that the partner once signed".to_vec();
    let elsewhere = captured.verify(&own, &not_tls, own.sign(&not_tls));
    assert_eq!(
        elsewhere,
        ClientVerdict::Refuse,
        "a signature that is no handshake"
    );
}

#[test]
fn it_cannot_bring_in_a_partner_without_the_partners_proof() {
    let own = Certificate::new("the usual partner");
    let captured = Captured::new(|setup| with_certificate(setup, &own));

    assert!(
        !captured.lets_in(circuit(), None),
        "no ticket, though it knows the password"
    );
    assert!(
        !captured.lets_in(circuit(), Some([7; 16])),
        "an invented ticket"
    );

    let genuine = circuit();
    let message = verify_content("client", &content(5, 32));
    let verdict = captured.verify_for(genuine, &own, &message, own.sign(&message));
    let ClientVerdict::Accept { ticket } = verdict else {
        panic!("the partner's own proof")
    };
    assert!(
        !captured.lets_in(circuit(), Some(ticket)),
        "the ticket of another circuit"
    );

    let genuine = circuit();
    let message = verify_content("client", &content(8, 32));
    let verdict = captured.verify_for(genuine, &own, &message, own.sign(&message));
    let ClientVerdict::Accept { ticket } = verdict else {
        panic!("the partner's own proof")
    };
    assert!(
        captured.lets_in(genuine, Some(ticket)),
        "the partner itself"
    );
    assert!(
        !captured.lets_in(genuine, Some(ticket)),
        "a ticket is good once"
    );
}

#[test]
fn it_cannot_exhaust_the_inner_half_with_arrivals() {
    let captured = Captured::new(|setup| {
        setup.inner.raw("session.sessions", "20");
    });
    let mut kept = Vec::new();
    let mut accepted = 0;
    for _ in 0..500 {
        let (answer, stream) = captured.arrive(arrived(circuit(), &usual_ssid(), None));
        accepted += usize::from(answer == ArrivedAnswer::Accept);
        kept.push(stream);
    }
    assert!(accepted >= 1, "the first is let in");
    assert!(
        accepted <= 20,
        "no more than the operator allows: {accepted}"
    );
    let status = captured.victim.inner.cli().json(&["status"]);
    assert!(status.is_object(), "the operator still gets answers");
    let used = captured.victim.inner.half.usage().resident_kib;
    assert!(used < 128 * 1024, "memory is bounded: {used} KiB");

    drop(kept);
    let logs = &captured.victim.inner.half.logs;
    logs.until("there is room again", || {
        captured.lets_in(circuit(), None).then_some(())
    });
}

#[test]
fn arrivals_that_are_no_identification_are_refused() {
    let captured = Captured::new(|_| ());
    for (what, octets) in [
        ("nothing", Vec::new()),
        ("junk", content(1, 61)),
        ("too long", [usual_ssid(), vec![b' '; 100]].concat()),
        ("another command", b"R".to_vec()),
        (
            "a mode that does not exist",
            usual_ssid()
                .iter()
                .enumerate()
                .map(|(at, &octet)| if at == 40 { b'Q' } else { octet })
                .collect(),
        ),
    ] {
        let (answer, mut stream) = captured.arrive(arrived(circuit(), &octets, None));
        let said = (answer == ArrivedAnswer::Accept)
            .then(|| captured.first_octet(&mut stream))
            .flatten();
        assert!(said != Some(b'X'), "{what} is not let in");
    }
    let mut elsewhere = arrived(circuit(), &usual_ssid(), None);
    elsewhere.listener = "no-such-listener".into();
    let (answer, _) = captured.arrive(elsewhere);
    assert_eq!(
        answer,
        ArrivedAnswer::Refuse,
        "a listener that is not in the policy"
    );
    assert!(
        captured.lets_in(circuit(), None),
        "and the next partner is served"
    );
}

#[test]
fn it_cannot_play_the_partner_that_we_call() {
    let partner = Certificate::new("the partner");
    let fingerprint = partner.fingerprint();
    let captured = Captured::new(|setup| {
        let entry = Entry::usual().at("partner.example:6619", &fingerprint);
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    });
    let path = captured.victim.folder().join("file");
    std::fs::write(&path, content(1, 1000)).expect("the folder is ours");
    let id = captured.victim.inner.send(directory::PARTNER, &path, None);

    // The order to call comes; the impostor calls nobody and answers with a certificate of its own.
    let impostor = Certificate::new("the partner");
    let reached = captured.runtime.block_on(async {
        let (order, mut circuit) = captured.link.accept::<FromInner>().await.expect("an order");
        let FromInner::Dial(Dial { host, port, .. }) = order else {
            panic!("{order:?}")
        };
        assert_eq!((host.as_str(), port), ("partner.example", 6619));
        let connected = DialAnswer::Connected {
            peer: peer(),
            local: peer(),
        };
        circuit.send_message(&connected).await.expect("sent");
        let config = support::pki::server_config(&impostor, false);
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        match acceptor.accept(circuit).await {
            Err(_) => false,
            // In TLS 1.3 the client's refusal comes after our side is done.
            Ok(mut tls) => {
                drop(tls.write_all(b"\x10\x00\x00\x17IODETTE FTP READY \r").await);
                let mut answer = [0; 8];
                tls.read(&mut answer).await.is_ok_and(|count| count > 0)
            }
        }
    });
    assert!(!reached, "no word of OFTP2 to the impostor");
    let logs = &captured.victim.inner.half.logs;
    logs.wait_for("the operator reads of the certificate", |line| {
        matches!(line.level(), "WARN" | "ERROR") && line.raw.to_lowercase().contains("certificate")
    });
    let state = captured.victim.inner.transfer(&id);
    assert_eq!(
        support::inside::state_of(&state),
        "queued",
        "the file waits: {state}"
    );
}
