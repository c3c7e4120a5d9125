//! The application: the only file that knows every part. It builds them, starts them in order, and
//! stops them in order.
//!
//! ```text
//!  start: keys ▶ store (its lock) ▶ keyring ▶ plain listeners ▶ link ▶ caller ▶ outbox ▶ admin socket ▶ "Ready."
//!  stop:  no new sessions or files ▶ sessions end, 10 s ▶ the rest is ended ▶ link closed ▶ out
//! ```
//!
//! Whatever can be wrong with configuration, keys, store or socket ends the start with a sentence.
//! A part that ends by itself ends the process, so that whoever supervises it starts it anew.

mod keys;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::link::{DialSettings, Dialer, LinkError};
use jiff::Timestamp;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use ops::Backoff;
use store::{Store, StoreError, StoreOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::admin::{AdminServer, Services, SocketError};
use crate::config::{self, Config};
use crate::keyring::{Keyring, KeyringError};
use crate::keys::{KeyError, provider};
use crate::link::{Ceilings, KeeperSettings, LinkHandle, keeper};
use crate::plain::{self, PlainError, PlainHandle, PlainSettings};
use crate::schedule::caller::{self, CallerHandle};
use crate::schedule::outbox::{self, OutboxHandle, OutboxSettings};
use crate::schedule::{CallerSettings, Via};
use crate::security::{Security, SecuritySettings};
use crate::session::authentication::Authenticator;
use crate::session::{SessionContext, Shutdown};
use keys::{Keys, Presenter, client_identity, open_keyring};

/// Sessions have so long to end by themselves when the process stops.
const GRACE: Duration = Duration::from_secs(10);

/// Sessions that were told to end, and the link, have so long to do it.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Waits between attempts to bring the link up.
const LINK_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    most: Duration::from_secs(15),
};

/// A link up for so long counts as stable: the next loss starts the waits anew.
const LINK_STABLE: Duration = Duration::from_secs(30);

/// Why the process could not start, or had to end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// A key or certificate cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The keyring cannot be opened.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The admin socket cannot be opened.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// A plain listener cannot be opened.
    #[error(transparent)]
    Plain(#[from] PlainError),
    /// The link cannot be set up.
    #[error("the link cannot be set up: {0}")]
    Link(#[from] LinkError),
    /// The system refused something every process needs.
    #[error("the process cannot be set up: {0}")]
    System(#[from] io::Error),
    /// A part ended though nobody stopped it.
    #[error("{part} ended by itself ({why}); the process ends with it, restart it and see the log")]
    Ended {
        /// Which part.
        part: &'static str,
        /// Why, as far as known.
        why: String,
    },
}

/// Runs the inner half until it is told to stop. The log must have been started; what ends the
/// process early is logged.
///
/// # Errors
/// Whatever kept it from starting, or made it end.
pub fn run(config: &Config) -> Result<(), AppError> {
    start(config).inspect_err(|error| {
        tracing::error!(config = %config.file.display(), why = %error, "The process ends.");
    })
}

fn start(config: &Config) -> Result<(), AppError> {
    guard_memory()?;
    log_panics();
    raise_descriptors();
    let keys = Keys::load(config)?;
    let store = open_store(config)?;
    let keyring = open_keyring(config, &store)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(serve(config, keys, keyring, store));
    // Threads that wait for an operator to go on typing do not hold the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn serve(
    config: &Config,
    mut keys: Keys,
    keyring: Arc<Keyring>,
    store: Store,
) -> Result<(), AppError> {
    let mut signals = Signals::new()?;
    let security = Security::new(
        store.clone(),
        Arc::clone(&keyring),
        SecuritySettings::default(),
    );
    let authenticator = Authenticator::new(Arc::clone(&keyring), keys.authentication.take());
    let context = SessionContext::new(store, config.session.clone(), Shutdown::new())
        .with_security(Arc::clone(&security))
        .with_authenticator(authenticator);
    let security = tokio::spawn(security.run(context.shutdown.clone()));
    tokio::spawn(Arc::clone(&keyring).attend(context.shutdown.clone()));
    let parts = Parts::start(config, keys, &keyring, &context)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        "Ready."
    );

    let Parts {
        link,
        plain,
        admin,
        caller,
        outbox,
    } = parts;
    let admin = tokio::spawn(admin.serve());
    let ended = tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, "Stopping: sessions may end, nothing new begins.");
            Ok(())
        }
        error = admin => Err(part_ended("the admin socket", match error {
            Ok(error) => error.to_string(),
            Err(error) => error.to_string(),
        })),
        () = plain_ended(plain.as_ref()) => Err(part_ended("the plain listener", "see above")),
        () = link_ended(link.as_ref()) => Err(part_ended("the link keeper", "see above")),
        () = caller.ended() => Err(part_ended("the caller", "see above")),
        () = outbox.ended() => Err(part_ended("the outbox scan", "see above")),
        _ = security => Err(part_ended("the worker of file security", "see above")),
    };
    stop(&context, link.as_ref(), &mut signals).await;
    ended
}

/// Ends sessions and link; a second signal cuts the grace short.
async fn stop(context: &SessionContext, link: Option<&LinkHandle>, signals: &mut Signals) {
    context.shutdown.drain();
    tokio::select! {
        drained = timeout(GRACE, context.live.empty()) => if drained.is_err() {
            let sessions = context.live.count();
            tracing::warn!(sessions, "Sessions did not end in time; they are ended now.");
        },
        name = signals.next() => {
            tracing::warn!(signal = name, "Told again to stop; sessions are ended now.");
        }
    }
    context.shutdown.stop();
    let ended = timeout(LAST_WORDS, async {
        context.live.empty().await;
        link_ended(link).await;
    });
    // Without a link there is nothing that would ever end: only the sessions are waited for.
    let ended = match link {
        Some(_) => ended.await,
        None => timeout(LAST_WORDS, context.live.empty()).await,
    };
    if ended.is_err() {
        tracing::warn!("The link or a session did not close in time; it is left as it is.");
    }
    tracing::info!("Stopped.");
}

/// The parts that run.
struct Parts {
    link: Option<LinkHandle>,
    plain: Option<PlainHandle>,
    admin: AdminServer,
    caller: CallerHandle,
    outbox: OutboxHandle,
}

impl Parts {
    fn start(
        config: &Config,
        keys: Keys,
        keyring: &Arc<Keyring>,
        context: &SessionContext,
    ) -> Result<Parts, AppError> {
        // Before anything that others notice: an address that is taken ends the start.
        let plain = match config.plain.listen.is_empty() {
            true => None,
            false => {
                let settings = PlainSettings {
                    listen: config.plain.listen.clone(),
                    sessions_per_address: config.plain.sessions_per_address,
                    ssid_timeout: config.plain.ssid_timeout,
                };
                Some(plain::start(&settings, context)?)
            }
        };
        let link = match (&config.link, keys.link) {
            (Some(settings), Some(identity)) => {
                let dialer = Dialer::new(DialSettings {
                    address: settings.address.to_string(),
                    identity,
                    pins: settings.pins.clone(),
                    provider: provider(),
                    epoch: epoch(),
                })?;
                let mut presenter = Presenter::new(keys.listeners, keyring);
                let settings = KeeperSettings {
                    dialer,
                    address: settings.address.to_string(),
                    listeners: presenter.listeners(&[], Timestamp::now()),
                    limits: config.public,
                    ceilings: Ceilings::default(),
                    backoff: LINK_BACKOFF,
                    stable: LINK_STABLE,
                };
                let link = keeper::start(settings, context.clone());
                tokio::spawn(presenter.keep(link.clone(), context.shutdown.clone()));
                Some(link)
            }
            _ => None,
        };
        let via = match (&link, config.outbound.via) {
            (Some(link), config::Via::Link) => Via::Link(link.clone()),
            _ => Via::Direct,
        };
        let settings = CallerSettings {
            via,
            client_identity: client_identity(keys.outbound, keyring),
            connect_timeout: config.outbound.connect_timeout,
            backoff: config.queue.backoff,
        };
        let caller = caller::start(settings, context.clone());
        let settings = OutboxSettings {
            every: config.queue.scan_outbox,
            expire: config.queue.expire,
            history: config.queue.history,
        };
        let outbox = outbox::start(settings, context.clone());
        let calls = caller.clone();
        let services = Services {
            store: context.store.clone(),
            context: context.clone(),
            keyring: Arc::clone(keyring),
            link: link
                .clone()
                .zip(config.link.as_ref().map(|link| link.address.to_string())),
            plain: plain.clone(),
            call: Arc::new(move |partner| {
                calls.call_now(partner).map_err(|error| error.to_string())
            }),
            outbox: outbox.faults(),
            reserve: config.spool.reserve,
            started: Timestamp::now(),
        };
        let admin = AdminServer::open(&config.admin.socket, services)?;
        Ok(Parts {
            link,
            plain,
            admin,
            caller,
            outbox,
        })
    }
}

fn open_store(config: &Config) -> Result<Store, StoreError> {
    let store = Store::open(
        &config.store,
        StoreOptions {
            reserve: config.spool.reserve,
            archive_keep: config.archive.keep,
        },
    )?;
    let path: PathBuf = store.root().to_owned();
    tracing::info!(store = %path.display(), "The store is open.");
    Ok(store)
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Returns when the link keeper has ended; never when there is none.
async fn link_ended(link: Option<&LinkHandle>) {
    match link {
        Some(link) => link.ended().await,
        None => std::future::pending().await,
    }
}

/// Returns when the plain listeners have ended; never when there are none.
async fn plain_ended(plain: Option<&PlainHandle>) {
    match plain {
        Some(plain) => plain.ended().await,
        None => std::future::pending().await,
    }
}

fn part_ended(part: &'static str, why: impl Into<String>) -> AppError {
    AppError::Ended {
        part,
        why: why.into(),
    }
}

/// A number that grows with every start: of two links of one identity the older start yields.
fn epoch() -> u64 {
    u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0)
}

/// Keeps keys and passwords out of core dumps and other processes' reach.
fn guard_memory() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    prctl::set_dumpable(false)?;
    Ok(())
}

/// Each session needs a few descriptors; the usual soft limit of 1024 is too low for a thousand.
fn raise_descriptors() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "The limit of open files could not be raised.");
    }
}

/// A panic is a fault of ours; the log must hold it whatever becomes of standard error.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let what = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(
            place,
            what,
            "A part panicked; this is a fault of proxy-inner, report it."
        );
    }));
}
