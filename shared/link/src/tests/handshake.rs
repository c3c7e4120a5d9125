//! Keys, versions and epochs: who gets a link, and what everybody else is told.

use std::net::UdpSocket;
use std::time::Duration;

use quinn::{ConnectionError, TransportErrorCode};

use crate::accept::{AcceptSettings, Acceptor};
use crate::codec::{FrameReader, encode};
use crate::dial::{DialSettings, Dialer};
use crate::error::LinkError;
use crate::greeting::SOFTWARE;
use crate::limits::MAX_GREETING;
use crate::message::{Greeting, LinkRefusal, VERSION, Welcome};
use crate::testing::{Halves, identity, provider};

#[tokio::test]
async fn both_ends_know_each_other_after_the_greeting() {
    let mut halves = Halves::new();
    halves.epoch = 42;
    let (dmz, inner) = halves.link().await;
    assert_eq!(dmz.peer_pin(), halves.inner.pin());
    assert_eq!(inner.peer_pin(), halves.dmz.pin());
    assert_eq!((dmz.epoch(), inner.epoch()), (42, 42));
    assert_eq!(
        (dmz.peer_software(), inner.peer_software()),
        (SOFTWARE, SOFTWARE)
    );
    assert!(!dmz.is_closed() && !inner.is_closed());
}

#[tokio::test]
async fn several_pins_let_a_key_roll_over() {
    let mut halves = Halves::new();
    halves.pinned_by_dmz.insert(0, identity().pin());
    halves.pinned_by_inner.insert(0, identity().pin());
    let (dmz, inner) = halves.link().await;
    assert_eq!(dmz.peer_pin(), halves.inner.pin());
    assert_eq!(inner.peer_pin(), halves.dmz.pin());
}

#[tokio::test]
async fn an_unknown_dmz_key_is_told_to_both_operators() {
    let mut halves = Halves::new();
    halves.pinned_by_inner = vec![identity().pin(), identity().pin()];
    let (dmz, inner) = halves.meet().await;
    let inner = inner.map(|_| ()).unwrap_err();
    assert!(
        matches!(&inner, LinkError::UnknownPin { seen, pinned, .. }
            if *seen == halves.dmz.pin() && *pinned == halves.pinned_by_inner),
        "{inner}"
    );
    let dmz = dmz.map(|_| ()).unwrap_err();
    assert!(
        matches!(&dmz, LinkError::NotAccepted { ours, .. } if *ours == halves.dmz.pin()),
        "{dmz}"
    );
    assert!(inner.needs_operator() && dmz.needs_operator());
}

#[tokio::test]
async fn an_unknown_inner_key_is_told_to_both_operators() {
    let mut halves = Halves::new();
    halves.pinned_by_dmz = vec![identity().pin()];
    let (dmz, inner) = halves.meet().await;
    let dmz = dmz.map(|_| ()).unwrap_err();
    assert!(
        matches!(&dmz, LinkError::UnknownPin { seen, pinned, .. }
            if *seen == halves.inner.pin() && *pinned == halves.pinned_by_dmz),
        "{dmz}"
    );
    let inner = inner.map(|_| ()).unwrap_err();
    assert!(
        matches!(&inner, LinkError::NotAccepted { ours, .. } if *ours == halves.inner.pin()),
        "{inner}"
    );
}

#[tokio::test]
async fn a_stranger_learns_nothing_but_an_alert() {
    let mut halves = Halves::new();
    halves.pinned_by_dmz = vec![identity().pin()];
    let acceptor = halves.acceptor();
    let (_endpoint, connection) = halves.bare(&acceptor).await;
    let ConnectionError::ConnectionClosed(close) = connection.closed().await else {
        unreachable!("the handshake must fail with an alert")
    };
    assert_eq!(
        close.error_code,
        TransportErrorCode::crypto(49),
        "access_denied"
    );
    let words = String::from_utf8_lossy(&close.reason).into_owned();
    assert_eq!(
        words,
        "invalid peer certificate: ApplicationVerificationFailure"
    );
}

#[tokio::test]
async fn a_caller_without_a_key_gets_no_link() {
    let halves = Halves::new();
    let acceptor = halves.acceptor();
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let quic = quinn::crypto::rustls::QuicClientConfig::try_from(config).unwrap();
    let config = quinn::ClientConfig::new(std::sync::Arc::new(quic));
    let local = "127.0.0.1:0".parse().unwrap();
    let endpoint = crate::quic::endpoint(local, &identity(), None).unwrap();
    let address = acceptor.local_addr().unwrap();
    let refused = endpoint
        .connect_with(config, address, "x.invalid")
        .unwrap()
        .await;
    assert!(
        matches!(refused, Err(ConnectionError::ConnectionClosed(_))),
        "{refused:?}"
    );
    let told = acceptor.accept().await.map(|_| ()).unwrap_err();
    assert!(matches!(told, LinkError::Handshake { .. }), "{told}");
}

#[tokio::test]
async fn a_newer_inner_half_is_refused_naming_both_versions() {
    let mut halves = Halves::new();
    halves.inner_tuning.version = 2;
    let (dmz, inner) = halves.meet().await;
    assert_eq!(
        dmz.map(|_| ()),
        Err(LinkError::Version { ours: 1, theirs: 2 })
    );
    assert_eq!(
        inner.map(|_| ()),
        Err(LinkError::Version { ours: 2, theirs: 1 })
    );
}

#[tokio::test]
async fn a_newer_dmz_half_refuses_naming_both_versions() {
    let mut halves = Halves::new();
    halves.dmz_tuning.version = 2;
    let (dmz, inner) = halves.meet().await;
    assert_eq!(
        dmz.map(|_| ()),
        Err(LinkError::Version { ours: 2, theirs: 1 })
    );
    assert_eq!(
        inner.map(|_| ()),
        Err(LinkError::Version { ours: 1, theirs: 2 })
    );
}

#[tokio::test]
async fn a_greeting_of_a_later_version_need_not_be_understood_to_be_refused() {
    let halves = Halves::new();
    let acceptor = halves.acceptor();
    let (_endpoint, connection) = halves.bare(&acceptor).await;
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    // Length 6: version 7, then fields that version 1 does not have.
    send.write_all(&[0, 0, 0, 6, 7, 0xff, 0xff, 0xff, 0xff, 0xff])
        .await
        .unwrap();
    let welcome = FrameReader::default()
        .read::<Welcome>(&mut receive)
        .await
        .unwrap();
    let refusal = LinkRefusal::Version {
        ours: VERSION,
        yours: 7,
    };
    assert_eq!(welcome, Some(Welcome::Refuse(refusal)));
    // It does not hang up; the DMZ half's operator is told the versions all the same.
    let told = acceptor.accept().await.map(|_| ());
    assert_eq!(
        told,
        Err(LinkError::Version {
            ours: VERSION,
            theirs: 7
        })
    );
}

#[tokio::test]
async fn a_greeting_over_its_ceiling_gets_no_link() {
    let halves = Halves::new();
    let acceptor = halves.acceptor();
    let (_endpoint, connection) = halves.bare(&acceptor).await;
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    send.write_all(&[0xff, 0xff, 0xff, 0xff, 1]).await.unwrap();
    let told = acceptor.accept().await.map(|_| ()).unwrap_err();
    assert!(
        matches!(
            told,
            LinkError::TooLarge {
                ceiling: MAX_GREETING,
                ..
            }
        ),
        "{told}"
    );
    assert!(matches!(
        connection.closed().await,
        ConnectionError::ApplicationClosed(_)
    ));
}

#[tokio::test]
async fn a_caller_that_never_greets_holds_up_nobody() {
    let halves = Halves::new();
    let acceptor = halves.acceptor();
    let (_endpoint, _silent) = halves.bare(&acceptor).await;
    let dialer = halves.dialer(&acceptor);
    let (dmz, inner) = tokio::join!(acceptor.accept(), dialer.connect());
    assert!(dmz.is_ok() && inner.is_ok(), "{dmz:?} {inner:?}");
}

#[tokio::test]
async fn a_caller_that_never_greets_is_dropped_at_the_deadline() {
    let mut halves = Halves::new();
    halves.dmz_tuning.greeting = Duration::from_millis(50);
    let acceptor = halves.acceptor();
    let (_endpoint, silent) = halves.bare(&acceptor).await;
    let told = acceptor.accept().await.map(|_| ()).unwrap_err();
    assert!(
        matches!(
            told,
            LinkError::Deadline {
                what: "the greeting",
                ..
            }
        ),
        "{told}"
    );
    assert!(matches!(
        silent.closed().await,
        ConnectionError::ApplicationClosed(_)
    ));
}

#[tokio::test]
async fn a_dmz_half_that_never_welcomes_is_left_at_the_deadline() {
    let mut halves = Halves::new();
    halves.inner_tuning.greeting = Duration::from_millis(50);
    let identity = halves.dmz.clone();
    // A listener with the right key that takes the connection and says nothing.
    let pins = halves.pinned_by_dmz.as_slice().into();
    let tls = crate::tls::server_config(&identity, &pins, &provider(), &Default::default());
    let quic = quinn::crypto::rustls::QuicServerConfig::try_from(tls.unwrap()).unwrap();
    let config = quinn::ServerConfig::with_crypto(std::sync::Arc::new(quic));
    let mute =
        crate::quic::endpoint("127.0.0.1:0".parse().unwrap(), &identity, Some(config)).unwrap();
    let dialer = Dialer::with_tuning(
        DialSettings {
            address: mute.local_addr().unwrap().to_string(),
            identity: halves.inner.clone(),
            pins: halves.pinned_by_inner.clone(),
            provider: provider(),
            epoch: 1,
        },
        halves.inner_tuning,
    )
    .unwrap();
    let hold = async { mute.accept().await.unwrap().await.unwrap().closed().await };
    let (_, told) = tokio::join!(hold, dialer.connect());
    let told = told.map(|_| ()).unwrap_err();
    assert!(
        matches!(
            told,
            LinkError::Deadline {
                what: "the welcome",
                ..
            }
        ),
        "{told}"
    );
}

#[tokio::test]
async fn an_earlier_start_of_the_same_identity_is_refused_while_a_later_holds_the_link() {
    let mut halves = Halves::new();
    let acceptor = halves.acceptor();
    halves.epoch = 5;
    let later = halves.dialer(&acceptor);
    halves.epoch = 4;
    let earlier = halves.dialer(&acceptor);
    let (dmz, inner) = tokio::join!(acceptor.accept(), later.connect());
    let (dmz, inner) = (dmz.unwrap(), inner.unwrap());
    let (told, refused) = tokio::join!(acceptor.accept(), earlier.connect());
    assert_eq!(told.map(|_| ()), Err(LinkError::Busy));
    assert_eq!(refused.map(|_| ()), Err(LinkError::Busy));
    assert!(!dmz.is_closed());
    inner.close("done");
    dmz.closed().await;
    let (dmz, inner) = tokio::join!(acceptor.accept(), earlier.connect());
    assert!(dmz.is_ok() && inner.is_ok(), "{dmz:?} {inner:?}");
}

#[tokio::test]
async fn the_same_start_may_come_back_before_its_old_link_is_known_dead() {
    let halves = Halves::new();
    let acceptor = halves.acceptor();
    let dialer = halves.dialer(&acceptor);
    let (first, _held) = tokio::join!(acceptor.accept(), dialer.connect());
    let (second, again) = tokio::join!(acceptor.accept(), dialer.connect());
    assert!(second.is_ok() && again.is_ok(), "{second:?} {again:?}");
    assert!(
        !first.unwrap().is_closed(),
        "whether the old one goes is the caller's to say"
    );
}

#[tokio::test]
async fn nobody_answering_is_told_with_address_and_deadline() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut halves = Halves::new();
    halves.inner_tuning.handshake = Duration::from_millis(50);
    let settings = DialSettings {
        address: address.to_string(),
        identity: halves.inner.clone(),
        pins: halves.pinned_by_inner.clone(),
        provider: provider(),
        epoch: 1,
    };
    let dialer = Dialer::with_tuning(settings, halves.inner_tuning).unwrap();
    let told = dialer.connect().await.map(|_| ()).unwrap_err();
    assert_eq!(
        told,
        LinkError::NoAnswer {
            address,
            after: Duration::from_millis(50)
        }
    );
    assert!(told.to_string().contains("within 50ms"), "{told}");
}

#[tokio::test]
async fn an_address_without_port_is_told_as_unresolved() {
    let halves = Halves::new();
    let settings = DialSettings {
        address: "127.0.0.1".into(),
        identity: halves.inner.clone(),
        pins: halves.pinned_by_inner,
        provider: provider(),
        epoch: 1,
    };
    let told = Dialer::new(settings)
        .unwrap()
        .connect()
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(told, LinkError::Resolve { .. }), "{told}");
}

#[tokio::test]
async fn a_port_in_use_is_told_with_its_address() {
    let halves = Halves::new();
    let acceptor = halves.acceptor();
    let address = acceptor.local_addr().unwrap();
    let settings = AcceptSettings {
        address,
        identity: halves.dmz.clone(),
        pins: halves.pinned_by_dmz,
        provider: provider(),
    };
    let told = Acceptor::bind(settings).map(|_| ()).unwrap_err();
    assert!(
        matches!(told, LinkError::Bind { address: told, .. } if told == address),
        "{told}"
    );
}

#[tokio::test]
async fn without_pins_neither_end_starts() {
    let mut halves = Halves::new();
    let acceptor = halves.acceptor();
    halves.pinned_by_dmz.clear();
    let settings = AcceptSettings {
        address: "127.0.0.1:0".parse().unwrap(),
        identity: halves.dmz.clone(),
        pins: Vec::new(),
        provider: provider(),
    };
    assert!(matches!(
        Acceptor::bind(settings),
        Err(LinkError::Settings(_))
    ));
    let settings = DialSettings {
        address: acceptor.local_addr().unwrap().to_string(),
        identity: halves.inner.clone(),
        pins: Vec::new(),
        provider: provider(),
        epoch: 1,
    };
    assert!(matches!(Dialer::new(settings), Err(LinkError::Settings(_))));
}

#[tokio::test]
async fn a_greeting_fits_its_ceiling() {
    let greeting = Greeting {
        version: u16::MAX,
        software: SOFTWARE.into(),
        epoch: u64::MAX,
    };
    assert!(encode(&greeting).unwrap().len() < MAX_GREETING);
}
