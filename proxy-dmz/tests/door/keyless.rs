//! Handshakes whose signatures are made by the inner half.

use std::sync::Arc;

use link::message::ClientCertificate;
use proxy_dmz::public::tls::{Doorman, MOST_RETRIES, provider};
use proxy_dmz::status::Cause;
use rustls::crypto::ring::kx_group;
use rustls::{HandshakeKind, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::partner::{ONLY_12, ONLY_13, Partner, data, frame, ssid};
use crate::support::{Dmz, Key, LIMITS, Signing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shakes_hands_in_both_versions_with_both_kinds_of_keys() {
    for key in [Key::ecdsa(), Key::rsa()] {
        let dmz = Dmz::start();
        let inner = dmz.open(key, ClientCertificate::Off, LIMITS).await;
        for (versions, version) in [
            (ONLY_13, ProtocolVersion::TLSv1_3),
            (ONLY_12, ProtocolVersion::TLSv1_2),
        ] {
            let partner = Partner {
                versions,
                ..Partner::default()
            };
            let before = inner.signatures();
            let stream = partner.greeted(inner.public).await;
            assert_eq!(stream.get_ref().1.protocol_version(), Some(version));
            assert_eq!(inner.signatures(), before + 1, "one signature a handshake");
        }
        dmz.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_resumes_a_session() {
    let dmz = Dmz::start();
    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    for versions in [ONLY_13, ONLY_12] {
        let config = Arc::new(
            Partner {
                versions,
                ..Partner::default()
            }
            .config(),
        );
        for _ in 0..2 {
            let mut stream = Partner::call_with(Arc::clone(&config), inner.public)
                .await
                .expect("a handshake");
            // By the time of the ready message a ticket would have come.
            stream
                .read_exact(&mut [0; 23])
                .await
                .expect("a ready message");
            assert_eq!(
                stream.get_ref().1.handshake_kind(),
                Some(HandshakeKind::Full)
            );
            assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0);
        }
    }
}

/// A DMZ half and a partner who will not find a common group without a HelloRetryRequest.
fn retrying() -> (Dmz, Partner) {
    let mut only_p384 = provider();
    only_p384.kx_groups = vec![kx_group::SECP384R1];
    let mut x25519_first = provider();
    x25519_first.kx_groups = vec![kx_group::X25519, kx_group::SECP384R1];
    let partner = Partner {
        provider: Arc::new(x25519_first),
        ..Partner::default()
    };
    (Dmz::start_with(Doorman::with_provider(only_p384)), partner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn shakes_hands_after_a_hello_retry_request_on_a_single_worker() {
    let (dmz, partner) = retrying();
    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let mut callers = JoinSet::new();
    for _ in 0..4 {
        let (partner, public) = (partner.clone(), inner.public);
        callers.spawn(async move {
            let stream = partner.greeted(public).await;
            let kind = stream.get_ref().1.handshake_kind();
            assert_eq!(kind, Some(HandshakeKind::FullWithHelloRetryRequest));
        });
    }
    callers.join_all().await;
    assert_eq!(inner.signatures(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn few_may_wait_after_a_hello_retry_request_and_the_next_is_refused_at_once() {
    let (dmz, partner) = retrying();
    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    inner.sign(Signing::Hold);
    let mut waiting = JoinSet::new();
    for _ in 0..MOST_RETRIES {
        let (partner, public) = (partner.clone(), inner.public);
        waiting.spawn(async move { partner.greeted(public).await });
    }
    inner.asked(MOST_RETRIES).await;
    assert!(partner.call(inner.public).await.is_err());
    dmz.counted(Cause::Signature, 1).await;
    inner.sign(Signing::Sign);
    assert_eq!(waiting.join_all().await.len(), MOST_RETRIES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_signature_that_does_not_come_ends_the_handshake_at_its_deadline() {
    let dmz = Dmz::start();
    let mut limits = LIMITS;
    limits.open_ms = 50;
    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, limits).await;
    inner.sign(Signing::Hold);
    assert!(Partner::default().call(inner.public).await.is_err());
    dmz.counted(Cause::Signature, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_signature_ends_the_handshake_and_is_counted() {
    let dmz = Dmz::start();
    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    inner.sign(Signing::Refuse);
    for versions in [ONLY_13, ONLY_12] {
        let partner = Partner {
            versions,
            ..Partner::default()
        };
        assert!(partner.call(inner.public).await.is_err());
    }
    dmz.counted(Cause::Signature, 2).await;
    inner.sign(Signing::Sign);
    Partner::default().greeted(inner.public).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_signatures_handshakes_fail_at_once_and_circuits_go_on() {
    let dmz = Dmz::start();
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let mut running = Partner::default().introduced(inner.public).await;
    let (_, mut circuit) = inner.take().await;
    circuit.write_all(&ssid()).await.expect("sent");
    running.read_exact(&mut [0; 65]).await.expect("our SSID");

    inner.sign(Signing::BreakOff);
    let mut callers = JoinSet::new();
    for _ in 0..16 {
        let public = inner.public;
        callers.spawn(async move { Partner::default().call(public).await.is_err() });
    }
    assert!(callers.join_all().await.into_iter().all(|failed| failed));

    running.write_all(&data(3)).await.expect("sent");
    running.flush().await.expect("sent");
    let mut octets = vec![0; data(3).len()];
    circuit.read_exact(&mut octets).await.expect("relayed");
    assert_eq!(octets, data(3));
    circuit.write_all(&frame(b"C  ")).await.expect("sent");
    running.read_exact(&mut [0; 7]).await.expect("relayed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sixty_four_handshakes_get_through_four_places() {
    let dmz = Dmz::start();
    let mut limits = LIMITS;
    limits.handshakes = 4;
    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, limits).await;
    let mut callers = JoinSet::new();
    for number in 0..64 {
        let versions = if number % 2 == 0 { ONLY_13 } else { ONLY_12 };
        let public = inner.public;
        callers.spawn(async move {
            Partner {
                versions,
                ..Partner::default()
            }
            .greeted(public)
            .await;
        });
    }
    callers.join_all().await;
    assert_eq!(inner.signatures(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_says_nothing_is_cut_off_at_the_deadline() {
    let dmz = Dmz::start();
    let mut limits = LIMITS;
    limits.handshake_ms = 50;
    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, limits).await;
    let mut silent = tokio::net::TcpStream::connect(inner.public)
        .await
        .expect("accepted");
    assert_eq!(silent.read(&mut [0; 1]).await.expect("closed"), 0);
    dmz.counted(Cause::HandshakeLate, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_without_tls_learns_nothing_of_oftp() {
    let dmz = Dmz::start();
    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let mut stranger = tokio::net::TcpStream::connect(inner.public)
        .await
        .expect("accepted");
    stranger
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    let mut said = Vec::new();
    // What was sent and not read may turn the close into a reset.
    let _ = stranger.read_to_end(&mut said).await;
    assert!(said.len() <= 7, "an alert at most: {said:02x?}");
    dmz.counted(Cause::Hello, 1).await;
}
