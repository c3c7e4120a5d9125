//! What the tests of this crate share: keys, and both ends of a link on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use quinn::{Connection, Endpoint};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::crypto::CryptoProvider;

use crate::accept::{AcceptSettings, Acceptor};
use crate::dial::{DialSettings, Dialer, SERVER_NAME};
use crate::error::LinkError;
use crate::identity::LinkIdentity;
use crate::link::Link;
use crate::pin::Pin;
use crate::quic::{Tuning, endpoint};
use crate::tls::SeenPin;

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A fresh key, PKCS#8 DER, ECDSA P-256.
pub(crate) fn generate() -> Result<Vec<u8>, String> {
    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
        .map(|document| document.as_ref().to_vec())
        .map_err(|error| error.to_string())
}

pub(crate) fn identity() -> LinkIdentity {
    LinkIdentity::from_pkcs8(&generate().unwrap(), &provider()).unwrap()
}

/// Keys and pins of both halves, and how they are tuned; what a test does not change is right.
pub(crate) struct Halves {
    pub(crate) dmz: LinkIdentity,
    pub(crate) inner: LinkIdentity,
    pub(crate) pinned_by_dmz: Vec<Pin>,
    pub(crate) pinned_by_inner: Vec<Pin>,
    pub(crate) dmz_tuning: Tuning,
    pub(crate) inner_tuning: Tuning,
    pub(crate) epoch: u64,
}

impl Halves {
    pub(crate) fn new() -> Self {
        let (dmz, inner) = (identity(), identity());
        Halves {
            pinned_by_dmz: vec![inner.pin()],
            pinned_by_inner: vec![dmz.pin()],
            dmz,
            inner,
            dmz_tuning: Tuning::default(),
            inner_tuning: Tuning::default(),
            epoch: 1,
        }
    }

    pub(crate) fn acceptor(&self) -> Acceptor {
        self.acceptor_on((Ipv4Addr::LOCALHOST, 0).into())
    }

    pub(crate) fn acceptor_on(&self, address: SocketAddr) -> Acceptor {
        let settings = AcceptSettings {
            address,
            identity: self.dmz.clone(),
            pins: self.pinned_by_dmz.clone(),
            provider: provider(),
        };
        Acceptor::bind_with(settings, self.dmz_tuning).unwrap()
    }

    pub(crate) fn dialer(&self, acceptor: &Acceptor) -> Dialer {
        let settings = DialSettings {
            address: acceptor.local_addr().unwrap().to_string(),
            identity: self.inner.clone(),
            pins: self.pinned_by_inner.clone(),
            provider: provider(),
            epoch: self.epoch,
        };
        Dialer::with_tuning(settings, self.inner_tuning).unwrap()
    }

    /// A bare connection to `acceptor` with the inner half's key, no greeting said.
    pub(crate) async fn bare(&self, acceptor: &Acceptor) -> (Endpoint, Connection) {
        let local = (Ipv4Addr::LOCALHOST, 0).into();
        let endpoint = endpoint(local, &self.inner, None).unwrap();
        let config = self
            .dialer(acceptor)
            .client_config(&SeenPin::default())
            .unwrap();
        let address = acceptor.local_addr().unwrap();
        let connection = endpoint.connect_with(config, address, SERVER_NAME).unwrap();
        let connection = connection.await.unwrap();
        (endpoint, connection)
    }

    /// Both ends of one attempt: what the DMZ half got, what the inner half got.
    pub(crate) async fn meet(&self) -> (Result<Link, LinkError>, Result<Link, LinkError>) {
        let acceptor = self.acceptor();
        let dialer = self.dialer(&acceptor);
        tokio::join!(acceptor.accept(), dialer.connect())
    }

    /// Both ends of a link that must come about: the DMZ half's, the inner half's.
    pub(crate) async fn link(&self) -> (Link, Link) {
        let (dmz, inner) = self.meet().await;
        (dmz.unwrap(), inner.unwrap())
    }
}
