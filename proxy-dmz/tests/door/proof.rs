//! Partners that show a certificate: the proof goes inside, the verdict comes back.

use link::message::{ClientCertificate, ClientVerdict, VerifyClient};
use proxy_dmz::public::tls::provider;
use proxy_dmz::status::Cause;
use rustls::SignatureScheme;

use crate::partner::{ONLY_12, ONLY_13, Partner, rest};
use crate::support::{Dmz, Inner, Key, LIMITS};

const TICKET: [u8; 16] = *b"a ticket, 16 oct";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chain_and_proof_go_inside_and_the_ticket_comes_with_the_arrival() {
    let dmz = Dmz::start();
    let mut inner = dmz
        .open(Key::ecdsa(), ClientCertificate::Require, LIMITS)
        .await;
    for certificate in [Key::ecdsa(), Key::rsa()] {
        for versions in [ONLY_13, ONLY_12] {
            let partner = Partner {
                versions,
                certificate: Some(certificate.clone()),
                ..Partner::default()
            };
            let public = inner.public;
            let calling = tokio::spawn(async move { partner.introduced(public).await });
            let proof = inner.judge(ClientVerdict::Accept { ticket: TICKET }).await;
            assert_eq!(proof.chain, [certificate.chain[0].to_vec()]);
            assert!(is_proven(&proof, &certificate), "{versions:?}");
            let (arrived, _circuit) = inner.take().await;
            assert_eq!(arrived.tls.client, Some(TICKET));
            assert_eq!(arrived.circuit, proof.circuit);
            calling.await.expect("let in");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_certificate_is_met_with_silence() {
    let dmz = Dmz::start();
    let mut inner = dmz
        .open(Key::ecdsa(), ClientCertificate::Request, LIMITS)
        .await;
    let partner = Partner {
        certificate: Some(Key::ecdsa()),
        ..Partner::default()
    };
    let public = inner.public;
    let calling = tokio::spawn(async move { partner.call(public).await });
    inner.judge(ClientVerdict::Refuse).await;
    let mut stream = calling
        .await
        .expect("no panic")
        .expect("TLS was done before the verdict");
    assert_eq!(rest(&mut stream).await, b"");
    dmz.counted(Cause::CertificateRefused, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_request_lets_in_and_require_does_not() {
    let dmz = Dmz::start();
    let mut inner = dmz
        .open(Key::ecdsa(), ClientCertificate::Request, LIMITS)
        .await;
    let _stream = Partner::default().introduced(inner.public).await;
    let (arrived, _circuit) = inner.take().await;
    assert_eq!(arrived.tls.client, None);

    inner.apply(ClientCertificate::Require, LIMITS).await;
    for versions in [ONLY_13, ONLY_12] {
        let partner = Partner {
            versions,
            ..Partner::default()
        };
        if let Ok(mut stream) = partner.call(inner.public).await {
            // In TLS 1.3 the partner is done before it hears no.
            assert_eq!(rest(&mut stream).await, b"");
        }
    }
    dmz.counted(Cause::Tls, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_verdict_nobody_gets_in() {
    let dmz = Dmz::start();
    let mut inner = dmz
        .open(Key::ecdsa(), ClientCertificate::Require, LIMITS)
        .await;
    let partner = Partner {
        certificate: Some(Key::ecdsa()),
        ..Partner::default()
    };
    let public = inner.public;
    let calling = tokio::spawn(async move { partner.call(public).await });
    drop(next_proof(&mut inner).await);
    let mut stream = calling
        .await
        .expect("no panic")
        .expect("TLS was done before the verdict");
    assert_eq!(rest(&mut stream).await, b"");
    dmz.counted(Cause::Verdict, 1).await;
}

async fn next_proof(inner: &mut Inner) -> link::Circuit {
    inner.proofs.recv().await.expect("a proof").1
}

/// Whether the signature over the message is the key's, as the inner half would check it.
fn is_proven(proof: &VerifyClient, key: &Key) -> bool {
    let scheme = SignatureScheme::from(proof.scheme);
    let algorithms = provider().signature_verification_algorithms;
    let fit = algorithms
        .mapping
        .iter()
        .filter(|(known, _)| *known == scheme);
    fit.flat_map(|(_, algorithms)| algorithms.iter())
        .any(|algorithm| {
            algorithm
                .verify_signature(&key.public, &proof.message, &proof.signature)
                .is_ok()
        })
}
