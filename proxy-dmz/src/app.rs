//! Builds the parts, hands each what it needs, starts and stops them.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::link::{AcceptSettings, Acceptor, IdentityError, LinkError, LinkIdentity};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::info;

use crate::config::Config;
use crate::inner::{self, Parts};
use crate::link::server;
use crate::public::admission::Admission;
use crate::public::dialer::Dialer;
use crate::public::tls::{self, Doorman};
use crate::status::Status;

/// The DMZ half, bound to its link address and ready to run.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    acceptor: Acceptor,
    parts: Arc<Parts>,
    stop: watch::Sender<bool>,
}

/// Why the DMZ half cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The link key cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The link address cannot be used.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The system does not tell the address that was bound.
    #[error("the link listener's address cannot be read: {0}")]
    Address(#[from] std::io::Error),
}

impl App {
    /// Loads the link key and binds the link address. Public addresses stay shut.
    ///
    /// # Errors
    /// What is missing, and what to do about it.
    pub fn bind(config: Config) -> Result<App, StartError> {
        App::bind_with(config, Doorman::new())
    }

    /// As [`App::bind`], with public TLS of the caller's choice.
    ///
    /// # Errors
    /// As [`App::bind`].
    pub fn bind_with(config: Config, doorman: Doorman) -> Result<App, StartError> {
        let provider = Arc::new(tls::provider());
        let identity = LinkIdentity::load(&config.link.identity, &provider)?;
        let acceptor = Acceptor::bind(AcceptSettings {
            address: config.link.listen,
            identity,
            pins: config.link.pins,
            provider,
        })?;
        let address = acceptor.local_addr()?;
        info!(%address, "The link listener is bound.");
        let (stop, stopped) = watch::channel(false);
        let parts = Arc::new(Parts {
            listeners: config.listeners,
            admission: Admission::new(),
            doorman,
            dialer: Dialer::new(config.dial.allow_private),
            status: Arc::new(Status::default()),
            stop: stopped,
        });
        Ok(App {
            address,
            acceptor,
            parts,
            stop,
        })
    }

    /// Where the inner half dials.
    #[must_use]
    pub fn link_address(&self) -> SocketAddr {
        self.address
    }

    /// What is counted.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.parts.status)
    }

    /// Serves until `shutdown` says why to stop; returns when circuits have ended or their grace
    /// is over.
    pub async fn run(self, shutdown: impl Future<Output = &'static str>) {
        let App {
            acceptor,
            parts,
            stop,
            ..
        } = self;
        let status = Arc::clone(&parts.status);
        let stopped = parts.stop.clone();
        let attend = |link| tokio::spawn(inner::attend(link, Arc::clone(&parts)));
        let mut serving = std::pin::pin!(server::serve(&acceptor, stopped, attend));
        tokio::select! {
            () = &mut serving => {}
            why = shutdown => {
                info!(why, "Stopping: no more partners are taken, circuits may end.");
                stop.send_replace(true);
                serving.await;
            }
        }
        acceptor.close("this DMZ half stops");
        // Unless it is told, the inner half would wait for a silence to notice.
        let _ = timeout(FAREWELL, acceptor.drained()).await;
        info!(ended_by_cause = status.by_cause(), "Stopped.");
    }
}

/// How long the other end may take to notice that the link is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// The runtime this half needs: its pool of waiting threads can not be exhausted (see [`tls`]).
///
/// # Errors
/// The system gives no threads.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .max_blocking_threads(tls::waiting_threads())
        .thread_keep_alive(Duration::from_secs(10))
        .thread_name("proxy-dmz")
        .enable_all()
        .build()
}

/// Makes the link key at `path`, or finds the one that is there.
///
/// # Errors
/// Why there is no usable key.
pub fn make_identity(path: &Path) -> Result<LinkIdentity, IdentityError> {
    let provider = Arc::new(tls::provider());
    if path.exists() {
        return LinkIdentity::load(path, &provider);
    }
    LinkIdentity::create(path, new_key, &provider)
}

/// Finds the link key at `path`.
///
/// # Errors
/// Why there is no usable key.
pub fn show_identity(path: &Path) -> Result<LinkIdentity, IdentityError> {
    LinkIdentity::load(path, &Arc::new(tls::provider()))
}

fn new_key() -> Result<Vec<u8>, String> {
    let random = ring::rand::SystemRandom::new();
    ring::signature::EcdsaKeyPair::generate_pkcs8(
        &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        &random,
    )
    .map(|document| document.as_ref().to_vec())
    .map_err(|error| format!("the system gives no random numbers ({error})"))
}
