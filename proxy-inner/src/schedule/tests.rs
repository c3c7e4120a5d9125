//! Calls over real TLS to a partner on the loopback, without a DMZ half.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ops::Backoff;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::{TLS12, TLS13};
use store::{Fingerprint, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::caller::{self, CallError};
use super::tls::{PartnerTls, TlsProblem};
use super::{CallerSettings, Via};
use crate::handshake::proof::fingerprint_of;
use crate::keys::provider;
use crate::session::answers;
use crate::session::tests::world::{OURS, Side, THEIRS, caller as arrived_from, two};
use crate::session::{self, Arrival};

struct Server {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Server {
    fn new(until: (i32, u8, u8)) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["other.name".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let certificate = parameters.self_signed(&pair).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        Self { certificate, key }
    }

    fn pin(&self) -> Fingerprint {
        fingerprint_of(&self.certificate)
    }

    fn acceptor(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Our end of a handshake with `server`, when `pins` are what we accept.
async fn handshake(
    server: &Server,
    pins: Vec<Fingerprint>,
    version: &'static rustls::SupportedProtocolVersion,
) -> Result<(), TlsProblem> {
    let side = Side::new(OURS, THEIRS);
    side.change_partner(|partner| partner.certificates = pins);
    let address = "localhost:6619".parse().unwrap();
    let tls = PartnerTls::new(&side.party().partner, &address, None, provider())?;
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let acceptor = server.acceptor(&[version]);
    let accepted = tokio::spawn(async move {
        // Whether it fails is for our end to say.
        if let Ok(mut stream) = acceptor.accept(theirs).await {
            let _ = stream.read(&mut [0]).await;
        }
    });
    let connected = tls.connect(ours).await.map(drop);
    accepted.await.unwrap();
    connected
}

#[tokio::test]
async fn accepts_exactly_the_pinned_certificate_in_either_tls_version() {
    let (server, other) = (Server::new((4000, 1, 1)), Server::new((4000, 1, 1)));
    for version in [&TLS12, &TLS13] {
        let pins = vec![other.pin(), server.pin()];
        handshake(&server, pins, version).await.unwrap();
        let refused = handshake(&server, vec![other.pin()], version)
            .await
            .unwrap_err();
        let sentence = refused.to_string();
        assert!(sentence.contains(&server.pin().to_string()), "{sentence}");
    }
}

#[tokio::test]
async fn refuses_a_pinned_certificate_that_has_expired_and_a_partner_without_one() {
    let server = Server::new((2001, 1, 1));
    let refused = handshake(&server, vec![server.pin()], &TLS13)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("2001"), "{refused}");
    let refused = handshake(&server, Vec::new(), &TLS13).await.unwrap_err();
    assert!(matches!(refused, TlsProblem::NoPin(_)), "{refused}");
}

fn settings() -> CallerSettings {
    CallerSettings {
        via: Via::Direct,
        client_identity: None,
        connect_timeout: Duration::from_secs(10),
        backoff: Backoff {
            first: Duration::from_secs(600),
            most: Duration::from_secs(600),
        },
    }
}

/// A partner behind TLS on the loopback; serves one call.
async fn serve_one(them: &Side, server: &Server, listener: &TcpListener) -> session::Report {
    let (stream, _) = listener.accept().await.unwrap();
    let acceptor = server.acceptor(&[&TLS13]);
    let mut stream = acceptor.accept(stream).await.unwrap();
    let mut ssrm = Vec::new();
    oftp::Command::Ssrm(oftp::Ssrm)
        .encode(oftp::Level::L5, &mut ssrm)
        .unwrap();
    stream.write_all(&ssrm).await.unwrap();
    stream.flush().await.unwrap();
    let mut first = [0; 65];
    stream.read_exact(&mut first).await.unwrap();
    let (caller, ssid) = (arrived_from(), first[4..].to_vec());
    let verdict = answers::judge(&them.context, &caller, &ssid).await.unwrap();
    session::serve(
        &them.context,
        Arrival {
            caller,
            ssid,
            verdict,
        },
        stream,
    )
    .await
}

#[tokio::test]
async fn a_queued_file_is_called_out_by_itself_and_acknowledged() {
    let (us, them) = two();
    let server = Server::new((4000, 1, 1));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    us.change_partner(|partner| {
        partner.address = Some(address);
        partner.certificates = vec![server.pin()];
    });
    let handle = caller::start(settings(), us.context.clone());
    let sent = us.queue("orders.edi", b"octets");
    let report = serve_one(&them, &server, &listener).await;
    assert!(report.ending.is_released(), "{report:?}");
    us.context.live.empty().await;
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
    assert_eq!(them.inbox(), [b"octets".to_vec()]);
    // The end of the call is noted after the session has left the registry.
    while us
        .store()
        .session_record(THEIRS)
        .unwrap()
        .succeeded_at
        .is_none()
    {
        tokio::task::yield_now().await;
    }
    // With nothing waiting an operator may have the partner called all the same.
    let mut ordered = handle.call_now(THEIRS);
    while matches!(ordered, Err(CallError::AlreadyCalling(_))) {
        tokio::task::yield_now().await;
        ordered = handle.call_now(THEIRS);
    }
    ordered.unwrap();
    assert!(
        serve_one(&them, &server, &listener)
            .await
            .ending
            .is_released()
    );
    us.context.shutdown.drain();
    handle.ended().await;
    assert!(matches!(handle.call_now(THEIRS), Err(CallError::Stopping)));
}

#[tokio::test]
async fn a_failed_call_is_noted_with_its_reason_and_a_pause() {
    let us = Side::new(OURS, THEIRS);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody listens there any more.
    drop(listener);
    us.change_partner(|partner| {
        partner.address = Some(address.to_string());
        partner.certificates = vec![Fingerprint::from_digest([1; 32])];
    });
    let _handle = caller::start(settings(), us.context.clone());
    us.queue("orders.edi", b"octets");
    let record = loop {
        let record = us.store().session_record(THEIRS).unwrap();
        if record.failures > 0 {
            break record;
        }
        tokio::task::yield_now().await;
    };
    assert!(record.why.unwrap().contains(&address.to_string()));
    assert!(
        record
            .next_attempt
            .is_some_and(|next| next > Timestamp::UNIX_EPOCH)
    );
    us.context.shutdown.drain();
}

#[tokio::test]
async fn an_order_to_call_says_why_it_cannot_be() {
    let us = Side::new(OURS, THEIRS);
    let handle = caller::start(settings(), us.context.clone());
    assert!(matches!(
        handle.call_now(THEIRS),
        Err(CallError::NoAddress(_))
    ));
    us.change_partner(|partner| partner.address = Some("127.0.0.1:1".into()));
    assert!(matches!(
        handle.call_now(THEIRS),
        Err(CallError::Tls(TlsProblem::NoPin(_)))
    ));
    us.change_partner(|partner| partner.enabled = false);
    assert!(matches!(
        handle.call_now(THEIRS),
        Err(CallError::Disabled(_))
    ));
    assert!(matches!(
        handle.call_now("NOBODY"),
        Err(CallError::Store(_))
    ));
    us.context.shutdown.drain();
}
