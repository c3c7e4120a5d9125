//! A running DMZ half, an inner half played by the test, and partners who call.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use link::message::{
    Arrived, ArrivedAnswer, ClientCertificate, ClientVerdict, FromDmz, ListenerPolicy,
    ListenerState, Policy, PublicLimits, Sign, SignAnswer, ToDmz, ToInner, VerifyClient,
};
use link::{
    Circuit, ControlReceiver, ControlSender, DialSettings, Dialer, Link, LinkIdentity, Pin,
};
use proxy_dmz::app::{self, App};
use proxy_dmz::config::{Config, DialConfig, LinkConfig, ListenerConfig};
use proxy_dmz::public::tls::{Doorman, provider};
use proxy_dmz::status::{Cause, Status};
use rcgen::{CertificateParams, KeyPair};
use rustls::SignatureScheme;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Generous, for tests that are not about limits.
pub(crate) const LIMITS: PublicLimits = PublicLimits {
    sessions: 1000,
    sessions_per_address: 1000,
    handshakes: 64,
    handshake_ms: 30_000,
    ssid_ms: 30_000,
    open_ms: 30_000,
    idle_ms: 600_000,
};

/// A DMZ half that runs in this process, with one listener named `oftps` on a port of its own.
pub(crate) struct Dmz {
    pub(crate) address: SocketAddr,
    pub(crate) pin: Pin,
    pub(crate) status: Arc<Status>,
    inner: Arc<LinkIdentity>,
    other: Arc<LinkIdentity>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Dmz {
    pub(crate) fn start() -> Dmz {
        Dmz::start_with(Doorman::new())
    }

    pub(crate) fn start_with(doorman: Doorman) -> Dmz {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = |name: &str| {
            Arc::new(app::make_identity(&folder.path().join(name)).expect("a link key"))
        };
        let (ours, inner, other) = (key("dmz.key"), key("inner.key"), key("other.key"));
        let app = App::bind_with(
            Config {
                link: LinkConfig {
                    listen: loopback(),
                    identity: folder.path().join("dmz.key"),
                    pins: vec![inner.pin(), other.pin()],
                },
                listeners: vec![ListenerConfig {
                    name: "oftps".to_owned(),
                    address: loopback(),
                }],
                dial: DialConfig {
                    allow_private: true,
                },
                log: ops::logging::Settings::default(),
            },
            doorman,
        )
        .expect("bound");
        let (stop, stopped) = oneshot::channel();
        let (address, status) = (app.link_address(), app.status());
        let task = tokio::spawn(app.run(async {
            // A dropped sender stops it, too.
            let _ = stopped.await;
            "the test is over"
        }));
        let stop = Some(stop);
        Dmz {
            address,
            pin: ours.pin(),
            status,
            inner,
            other,
            stop,
            task,
            _folder: folder,
        }
    }

    /// Connects the inner half, without a policy yet.
    pub(crate) async fn connect(&self) -> Inner {
        self.connect_as(&self.inner, Key::ecdsa()).await
    }

    /// Connects another inner half than [`Dmz::connect`] does.
    pub(crate) async fn connect_other(&self) -> Inner {
        self.connect_as(&self.other, Key::ecdsa()).await
    }

    /// Connects the inner half with a TLS key, and has the listener opened.
    pub(crate) async fn open(
        &self,
        key: Key,
        ask: ClientCertificate,
        limits: PublicLimits,
    ) -> Inner {
        let mut inner = self.connect_as(&self.inner, key).await;
        inner.apply(ask, limits).await;
        inner
    }

    /// Stops it as a signal would and waits until it has ended.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        (&mut self.task).await.expect("a clean end");
    }

    /// Waits until a cause has been counted so often.
    pub(crate) async fn counted(&self, cause: Cause, often: u64) {
        self.until(|status| status.counted(cause) == often).await;
    }

    /// Waits until the counts are as wanted. A test that waits in vain is ended from outside.
    pub(crate) async fn until(&self, wanted: impl Fn(&Status) -> bool) {
        while !wanted(&self.status) {
            tokio::task::yield_now().await;
        }
    }

    async fn connect_as(&self, identity: &LinkIdentity, key: Key) -> Inner {
        let dialer = Dialer::new(DialSettings {
            address: self.address.to_string(),
            identity: identity.clone(),
            pins: vec![self.pin],
            provider: Arc::new(provider()),
            epoch: EPOCH.fetch_add(1, Ordering::Relaxed) as u64,
        })
        .expect("settings");
        Inner::new(dialer.connect().await.expect("a link"), key)
    }
}

static EPOCH: AtomicUsize = AtomicUsize::new(1);

/// What the inner half does when asked for a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signing {
    Sign,
    Refuse,
    BreakOff,
    /// Nothing, until it is told otherwise.
    Hold,
}

/// The inner half, as the test plays it.
pub(crate) struct Inner {
    pub(crate) link: Link,
    pub(crate) orders: ControlSender<ToDmz>,
    news: ControlReceiver<ToInner>,
    pub(crate) arrivals: mpsc::UnboundedReceiver<(Arrived, Circuit)>,
    pub(crate) proofs: mpsc::UnboundedReceiver<(VerifyClient, Circuit)>,
    pub(crate) public: SocketAddr,
    key: Key,
    signing: watch::Sender<Signing>,
    signed: Arc<AtomicUsize>,
    revision: u64,
}

impl Inner {
    fn new(link: Link, key: Key) -> Inner {
        let (orders, news) = link.control().expect("the control stream");
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let (proven, proofs) = mpsc::unbounded_channel();
        let signing = watch::Sender::new(Signing::Sign);
        let signed = Arc::new(AtomicUsize::new(0));
        let asked = Asked {
            key: key.clone(),
            signing: signing.subscribe(),
            signed: Arc::clone(&signed),
            arrived,
            proven,
        };
        tokio::spawn(serve(link.clone(), asked));
        let public = loopback();
        let revision = 0;
        Inner {
            link,
            orders,
            news,
            arrivals,
            proofs,
            public,
            key,
            signing,
            signed,
            revision,
        }
    }

    /// Sends a policy with the one listener; returns once it is in force.
    pub(crate) async fn apply(&mut self, ask: ClientCertificate, limits: PublicLimits) {
        let listener = ListenerPolicy {
            name: "oftps".to_owned(),
            key: 7,
            chain: self.key.chain.iter().map(|der| der.to_vec()).collect(),
            schemes: self.key.schemes.clone(),
            client_certificate: ask,
        };
        let states = self.put(vec![listener], limits).await;
        self.public = states[0].result.clone().expect("an open listener");
    }

    /// Sends a policy; returns what became of its listeners.
    pub(crate) async fn put(
        &mut self,
        listeners: Vec<ListenerPolicy>,
        limits: PublicLimits,
    ) -> Vec<ListenerState> {
        self.revision += 1;
        let policy = Policy {
            revision: self.revision,
            listeners,
            limits,
        };
        self.orders
            .send(&ToDmz::Policy(policy))
            .await
            .expect("sent");
        match self
            .news(|news| matches!(news, ToInner::PolicyApplied { .. }))
            .await
        {
            ToInner::PolicyApplied {
                revision,
                listeners,
            } => {
                assert_eq!(revision, self.revision);
                listeners
            }
            other => panic!("not the answer to a policy: {other:?}"),
        }
    }

    /// The next control message that is wanted; others are passed over.
    pub(crate) async fn news(&mut self, wanted: impl Fn(&ToInner) -> bool) -> ToInner {
        loop {
            let news = self.news.receive().await.expect("a control message");
            if wanted(&news) {
                return news;
            }
        }
    }

    /// Whether this inner half is the one in place: it is answered instead of closed.
    pub(crate) async fn serves(mut self) -> bool {
        if self.orders.send(&ToDmz::Health(1)).await.is_err() {
            return false;
        }
        loop {
            match self.news.receive().await {
                Ok(ToInner::Health(1)) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    pub(crate) fn sign(&self, how: Signing) {
        self.signing.send_replace(how);
    }

    /// Waits until so many signatures were asked for.
    pub(crate) async fn asked(&self, often: usize) {
        while self.signatures() < often {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn signatures(&self) -> usize {
        self.signed.load(Ordering::SeqCst)
    }

    /// The next partner, taken.
    pub(crate) async fn take(&mut self) -> (Arrived, Circuit) {
        let (arrived, mut circuit) = self.arrivals.recv().await.expect("an arrival");
        circuit
            .send_message(&ArrivedAnswer::Accept)
            .await
            .expect("answered");
        (arrived, circuit)
    }

    /// The next client certificate, judged.
    pub(crate) async fn judge(&mut self, verdict: ClientVerdict) -> VerifyClient {
        let (proof, mut circuit) = self.proofs.recv().await.expect("a proof");
        circuit.send_message(&verdict).await.expect("answered");
        circuit.halves().0.finish().await.expect("answered");
        proof
    }
}

struct Asked {
    key: Key,
    signing: watch::Receiver<Signing>,
    signed: Arc<AtomicUsize>,
    arrived: mpsc::UnboundedSender<(Arrived, Circuit)>,
    proven: mpsc::UnboundedSender<(VerifyClient, Circuit)>,
}

/// Answers the DMZ half until the link is over.
async fn serve(link: Link, asked: Asked) {
    while let Ok((first, circuit)) = link.accept::<FromDmz>().await {
        match first {
            FromDmz::Sign(sign) => {
                asked.signed.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(
                    sign,
                    circuit,
                    asked.key.clone(),
                    asked.signing.clone(),
                ));
            }
            FromDmz::VerifyClient(proof) => drop(asked.proven.send((proof, circuit))),
            FromDmz::Arrived(arrived) => drop(asked.arrived.send((arrived, circuit))),
        }
    }
}

async fn answer(sign: Sign, mut circuit: Circuit, key: Key, mut signing: watch::Receiver<Signing>) {
    let how = match signing.wait_for(|how| *how != Signing::Hold).await {
        Ok(how) => *how,
        Err(_) => return,
    };
    let answer = match how {
        Signing::BreakOff | Signing::Hold => return,
        Signing::Refuse => SignAnswer::Refused,
        Signing::Sign => {
            assert_eq!((sign.key, sign.listener.as_str()), (7, "oftps"));
            let scheme = SignatureScheme::from(sign.scheme);
            let signer = key
                .key
                .choose_scheme(&[scheme])
                .expect("a scheme of this key");
            SignAnswer::Signature(signer.sign(&sign.message).expect("a signature"))
        }
    };
    // The DMZ half may have given up; then nobody needs it.
    if circuit.send_message(&answer).await.is_ok() {
        let _ = circuit.halves().0.finish().await;
    }
}

/// A TLS key with its certificate.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<dyn SigningKey>,
    pub(crate) der: Arc<PrivateKeyDer<'static>>,
    pub(crate) schemes: Vec<u16>,
    pub(crate) public: Vec<u8>,
}

impl Key {
    pub(crate) fn ecdsa() -> Key {
        let pair = KeyPair::generate().expect("a key");
        Key::new(&pair, vec![SignatureScheme::ECDSA_NISTP256_SHA256])
    }

    pub(crate) fn rsa() -> Key {
        let pair = KeyPair::from_pem(include_str!("rsa-2048.pem")).expect("a key");
        Key::new(
            &pair,
            vec![
                SignatureScheme::RSA_PSS_SHA256,
                SignatureScheme::RSA_PKCS1_SHA256,
            ],
        )
    }

    fn new(pair: &KeyPair, schemes: Vec<SignatureScheme>) -> Key {
        let params = CertificateParams::new(vec!["dmz.example".to_owned()]).expect("a name");
        let certificate = params.self_signed(pair).expect("a certificate");
        let der = PrivateKeyDer::from_pem_slice(pair.serialize_pem().as_bytes()).expect("a key");
        let key = rustls::crypto::ring::sign::any_supported_type(&der).expect("a usable key");
        Key {
            chain: vec![certificate.der().clone()],
            key,
            der: Arc::new(der),
            schemes: schemes.into_iter().map(u16::from).collect(),
            public: pair.public_key_raw().to_vec(),
        }
    }
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}
