//! The keeper against a DMZ half played by the test, over a real link on the loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ::link::{
    AcceptSettings, Acceptor, Arrived, ArrivedAnswer, CircuitId, ClientCertificate, ClientVerdict,
    ControlReceiver, ControlSender, Dial, DialAnswer, DialFailure, DialSettings, FromDmz,
    FromInner, Link, LinkIdentity, ListenerState, Message, Policy, PublicLimits, Purpose, Sign,
    SignAnswer, TlsFacts, ToDmz, ToInner, VerifyClient,
};
use oftp::{Command, Level, Ssid};
use ops::Backoff;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::*;
use crate::keys::{create_identity, provider};
use crate::session::tests::world::{OURS, Side, THEIRS, code, password};

const LISTENER: &str = "oftps";
const KEY: u32 = 3;
const SCHEME: rustls::SignatureScheme = rustls::SignatureScheme::ECDSA_NISTP256_SHA256;

/// Our half with its keeper, and the DMZ half's acceptor.
struct World {
    us: Side,
    handle: LinkHandle,
    acceptor: Acceptor,
    _folder: TempDir,
}

/// The DMZ half's end of one link.
struct Dmz {
    link: Link,
    control: ControlSender<ToInner>,
    orders: ControlReceiver<ToDmz>,
    policy: Policy,
}

fn identity(folder: &TempDir, name: &str) -> LinkIdentity {
    create_identity(&folder.path().join(name)).unwrap()
}

fn listener() -> TlsListener {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["us.test".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&pair).unwrap().der().clone();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).unwrap();
    let key = TlsKey {
        id: KEY,
        listener: LISTENER.into(),
        chain: vec![certificate],
        key,
    };
    TlsListener {
        key,
        client_certificate: ClientCertificate::Request,
    }
}

impl World {
    fn new(ceilings: Ceilings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (inner, dmz) = (identity(&folder, "inner"), identity(&folder, "dmz"));
        let acceptor = Acceptor::bind(AcceptSettings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            pins: vec![inner.pin()],
            identity: dmz.clone(),
            provider: provider(),
        })
        .unwrap();
        let address = acceptor.local_addr().unwrap().to_string();
        let dialer = Dialer::new(DialSettings {
            address: address.clone(),
            identity: inner,
            pins: vec![dmz.pin()],
            provider: provider(),
            epoch: 1,
        })
        .unwrap();
        let us = Side::new(OURS, THEIRS);
        let settings = KeeperSettings {
            dialer,
            address,
            listeners: vec![listener()],
            limits: PublicLimits {
                sessions: 10,
                sessions_per_address: 10,
                handshakes: 10,
                handshake_ms: 1_000,
                ssid_ms: 1_000,
                open_ms: 1_000,
                idle_ms: 1_000,
            },
            ceilings,
            backoff: Backoff {
                first: Duration::ZERO,
                most: Duration::ZERO,
            },
            stable: Duration::from_secs(30),
        };
        let handle = start(settings, us.context.clone());
        Self {
            us,
            handle,
            acceptor,
            _folder: folder,
        }
    }

    async fn accept(&self) -> Dmz {
        let link = self.acceptor.accept().await.unwrap();
        let (control, mut orders) = link.control::<ToInner, ToDmz>().unwrap();
        let ToDmz::Policy(policy) = orders.receive().await.unwrap() else {
            panic!("the policy must come first");
        };
        Dmz {
            link,
            control,
            orders,
            policy,
        }
    }
}

impl Dmz {
    /// The next policy; questions for a sign of life are left alone.
    async fn next_policy(&mut self) -> Policy {
        loop {
            match self.orders.receive().await.unwrap() {
                ToDmz::Policy(policy) => return policy,
                ToDmz::Health(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn ask<A: Message>(&self, request: FromDmz) -> A {
        let mut circuit = self.link.open(&request).await.unwrap();
        circuit.receive_message().await.unwrap()
    }
}

fn peer() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(192, 0, 2, 7), 4711))
}

fn sign(message: Vec<u8>) -> Sign {
    Sign {
        circuit: CircuitId(5),
        listener: LISTENER.into(),
        key: KEY,
        peer: peer(),
        scheme: u16::from(SCHEME),
        message,
    }
}

fn certificate_verify() -> Vec<u8> {
    [
        &[0x20; 64][..],
        b"TLS 1.3, server CertificateVerify",
        &[0],
        &[9; 32],
    ]
    .concat()
}

fn arrived() -> Arrived {
    let ssid = Ssid {
        level: Level::L5,
        code: code(THEIRS),
        password: password(THEIRS),
        buffer: 4_096,
        mode: oftp::Mode::Both,
        compression: false,
        restart: false,
        special_logic: false,
        credit: 7,
        authentication: false,
        user: oftp::UserField::default(),
    };
    let mut frame = Vec::new();
    Command::Ssid(ssid).encode(Level::L5, &mut frame).unwrap();
    Arrived {
        circuit: CircuitId(6),
        listener: LISTENER.into(),
        peer: peer(),
        local: peer(),
        tls: TlsFacts {
            version: 0x0304,
            suite: 0x1301,
            server_name: None,
            client: None,
        },
        ssid: frame[4..].to_vec(),
    }
}

#[tokio::test]
async fn the_policy_comes_first_and_listeners_are_reported() {
    let world = World::new(Ceilings::default());
    let mut dmz = world.accept().await;
    let wanted = &dmz.policy.listeners[0];
    assert_eq!((wanted.name.as_str(), wanted.key), (LISTENER, KEY));
    assert_eq!(wanted.schemes, [u16::from(SCHEME)]);
    assert_eq!(wanted.chain.len(), 1);
    let mut states = world.handle.state();
    let reported = |name: &str| ListenerState {
        name: name.into(),
        result: Ok(peer()),
    };
    let applied = ToInner::PolicyApplied {
        revision: dmz.policy.revision,
        // What is not in the policy is not believed.
        listeners: vec![reported(LISTENER), reported("invented")],
    };
    dmz.control.send(&applied).await.unwrap();
    let known = |state: &LinkState| matches!(state, LinkState::Up { listeners, .. } if !listeners.is_empty());
    let state = states.wait_for(known).await.unwrap().clone();
    let LinkState::Up { listeners, .. } = state else {
        panic!("up")
    };
    assert_eq!(
        listeners,
        [ListenerNow {
            name: LISTENER.into(),
            result: Ok(peer())
        }]
    );
}

#[tokio::test]
async fn a_lost_link_is_dialled_again_with_the_same_policy() {
    let world = World::new(Ceilings::default());
    let first = world.accept().await;
    let mut states = world.handle.state();
    states.wait_for(LinkState::is_up).await.unwrap();
    first.link.close("lost");
    let second = world.accept().await;
    assert_eq!(second.policy, first.policy);
    assert_eq!(world.us.context.counters.link_connections.count(), 2);
    assert_eq!(world.us.context.counters.link_losses.count(), 1);
}

#[tokio::test]
async fn a_new_certificate_is_presented_while_the_link_is_up() {
    let world = World::new(Ceilings::default());
    let mut dmz = world.accept().await;
    let mut renewed = listener();
    renewed.key.id = KEY + 1;
    world.handle.present(vec![renewed.clone()]);
    let policy = dmz.next_policy().await;
    assert_eq!(policy.revision, dmz.policy.revision + 1);
    assert_eq!(policy.listeners[0].key, KEY + 1);
    assert_eq!(policy.listeners[0].chain[0], renewed.key.chain[0].to_vec());
    // A handshake begun with the one before can still be finished.
    for key in [KEY, KEY + 1] {
        let request = FromDmz::Sign(Sign {
            key,
            ..sign(certificate_verify())
        });
        assert!(
            matches!(dmz.ask(request).await, SignAnswer::Signature(_)),
            "key {key}"
        );
    }
    world.handle.present(Vec::new());
    let policy = dmz.next_policy().await;
    assert!(policy.listeners.is_empty(), "it is shut");
    // After the link is lost the newest policy is sent, not the first one.
    dmz.link.close("lost");
    let second = world.accept().await;
    assert_eq!(second.policy, policy);
}

#[tokio::test]
async fn signs_handshakes_and_refuses_all_else() {
    let world = World::new(Ceilings::default());
    let dmz = world.accept().await;
    let good = FromDmz::Sign(sign(certificate_verify()));
    assert!(matches!(dmz.ask(good).await, SignAnswer::Signature(_)));
    let bad = FromDmz::Sign(sign(b"please sign this receipt".to_vec()));
    assert_eq!(dmz.ask::<SignAnswer>(bad).await, SignAnswer::Refused);
    let proof = VerifyClient {
        circuit: CircuitId(5),
        listener: LISTENER.into(),
        peer: peer(),
        chain: vec![vec![0x30; 20]],
        tls_version: 0x0304,
        scheme: u16::from(SCHEME),
        message: certificate_verify(),
        signature: vec![1; 70],
    };
    let verdict = dmz.ask::<ClientVerdict>(FromDmz::VerifyClient(proof)).await;
    assert_eq!(verdict, ClientVerdict::Refuse);
}

#[tokio::test]
async fn above_a_ceiling_requests_are_refused_at_once() {
    let world = World::new(Ceilings {
        signs: 0,
        proofs: 0,
        arrivals: 0,
    });
    let dmz = world.accept().await;
    let refused = dmz
        .ask::<SignAnswer>(FromDmz::Sign(sign(certificate_verify())))
        .await;
    assert_eq!(refused, SignAnswer::Refused);
    let refused = dmz.ask::<ArrivedAnswer>(FromDmz::Arrived(arrived())).await;
    assert_eq!(refused, ArrivedAnswer::Refuse);
    assert_eq!(world.us.context.counters.over_ceiling.count(), 2);
    assert_eq!(world.us.context.live.count(), 0);
}

#[tokio::test]
async fn an_arrived_partner_is_answered_with_our_ssid() {
    let world = World::new(Ceilings::default());
    let dmz = world.accept().await;
    let mut circuit = dmz.link.open(&FromDmz::Arrived(arrived())).await.unwrap();
    let answer: ArrivedAnswer = circuit.receive_message().await.unwrap();
    assert_eq!(answer, ArrivedAnswer::Accept);
    let mut ssid = [0; 65];
    circuit.read_exact(&mut ssid).await.unwrap();
    let Ok(Command::Ssid(ssid)) = Command::decode(&ssid[4..], Level::L5) else {
        panic!("no SSID")
    };
    assert_eq!(ssid.code, code(OURS));
    assert_eq!(
        world.us.context.live.list()[0].partner.as_deref(),
        Some(THEIRS)
    );
    drop(circuit);
    world.us.context.live.empty().await;
}

#[tokio::test]
async fn a_connection_on_an_unknown_listener_or_while_draining_is_refused() {
    let world = World::new(Ceilings::default());
    let dmz = world.accept().await;
    let elsewhere = Arrived {
        listener: "invented".into(),
        ..arrived()
    };
    let refused = dmz.ask::<ArrivedAnswer>(FromDmz::Arrived(elsewhere)).await;
    assert_eq!(refused, ArrivedAnswer::Refuse);
    world.us.context.shutdown.drain();
    let refused = dmz.ask::<ArrivedAnswer>(FromDmz::Arrived(arrived())).await;
    assert_eq!(refused, ArrivedAnswer::Refuse);
}

#[tokio::test]
async fn a_short_or_long_ssid_is_no_partner() {
    let world = World::new(Ceilings::default());
    let dmz = world.accept().await;
    for ssid in [Vec::new(), vec![b'X'; 60], vec![b'X'; 4_000]] {
        let junk = Arrived { ssid, ..arrived() };
        let mut circuit = dmz.link.open(&FromDmz::Arrived(junk)).await.unwrap();
        let answer: ArrivedAnswer = circuit.receive_message().await.unwrap();
        assert_eq!(answer, ArrivedAnswer::Refuse);
    }
}

#[tokio::test]
async fn dials_through_the_link_and_hears_why_not() {
    let world = World::new(Ceilings::default());
    let dmz = world.accept().await;
    let mut states = world.handle.state();
    states.wait_for(LinkState::is_up).await.unwrap();
    let dial = || Dial {
        circuit: new_circuit(),
        host: "partner.test".into(),
        port: 6619,
        purpose: Purpose::Sealed,
        deadline_ms: 1_000,
    };
    let answering = async |answer: DialAnswer| {
        let (order, mut circuit) = dmz.link.accept::<FromInner>().await.unwrap();
        assert!(matches!(order, FromInner::Dial(dial) if dial.host == "partner.test"));
        circuit.send_message(&answer).await.unwrap();
        circuit.halves().0.finish().await.unwrap();
    };
    let connected = DialAnswer::Connected {
        peer: peer(),
        local: peer(),
    };
    let (dialed, ()) = tokio::join!(world.handle.dial(dial()), answering(connected));
    assert_eq!(dialed.unwrap().peer, peer());
    let failed = DialAnswer::Failed {
        kind: DialFailure::NotAllowed,
        detail: "10.0.0.1".into(),
    };
    let (dialed, ()) = tokio::join!(world.handle.dial(dial()), answering(failed));
    let why = dialed.map(drop).unwrap_err().to_string();
    assert!(why.contains("10.0.0.1"), "{why}");
}

#[tokio::test]
async fn stopping_drains_and_closes_the_link() {
    let world = World::new(Ceilings::default());
    let mut dmz = world.accept().await;
    world.us.context.shutdown.drain();
    loop {
        match dmz.orders.receive().await.unwrap() {
            ToDmz::Drain => break,
            ToDmz::Health(number) => dmz.control.send(&ToInner::Health(number)).await.unwrap(),
            ToDmz::Policy(_) => panic!("one policy is enough"),
        }
    }
    world.us.context.shutdown.stop();
    dmz.link.closed().await;
    world.handle.ended().await;
    assert!(!world.handle.state().borrow().is_up());
}
