//! Calls partners for whom something waits: one session per partner at a time, and a back-off after
//! each call that failed.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::link::{CircuitId, Dial, Purpose};
use jiff::Timestamp;
use ops::HostPort;
use ops::backoff::draw;
use store::{DuePartner, Partner, Store, StoreError, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::plain::{self, ConnectError};
use super::tls::{PartnerTls, TlsProblem};
use super::{CallerSettings, Via};
use crate::keys::provider;
use crate::link::{DialError, LinkState, new_circuit};
use crate::session::answers::Party;
use crate::session::live::Direction;
use crate::session::{self, Departure, Ending, Report, SessionContext, Stage};

/// The queue is looked at this often even if nothing says that it changed.
const LOOK_AT_LEAST: Duration = Duration::from_secs(60);
/// How long to wait before the queue is looked at again after the journal failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Orders of operators that may wait.
const MOST_ORDERS: usize = 64;

/// Takes orders to call a partner at once. Cheap to clone.
#[derive(Clone)]
pub struct CallerHandle {
    orders: mpsc::Sender<String>,
    calling: Calling,
    store: Store,
    settings: Arc<CallerSettings>,
    context: SessionContext,
    ended: watch::Receiver<()>,
}

/// Why a partner is not called at once.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It cannot be called at all, for a reason in its own settings, or the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It has no address.
    #[error("partner {0} has no address; set one, or let the partner call")]
    NoAddress(String),
    /// It is disabled.
    #[error("partner {0} is disabled; set enabled = true")]
    Disabled(String),
    /// No certificate is pinned.
    #[error(transparent)]
    Tls(#[from] TlsProblem),
    /// A session with it is being opened or runs.
    #[error("partner {0} is being called already; `status` shows the session")]
    AlreadyCalling(String),
    /// The way out is not there.
    #[error("the link to the DMZ half is down: {0}")]
    LinkDown(String),
    /// The process is stopping.
    #[error("this half is stopping and makes no more calls")]
    Stopping,
    /// Too many orders wait.
    #[error("too many calls wait to be made; try again in a moment")]
    Busy,
}

impl CallerHandle {
    /// Has a partner called at once, back-off or not, also when nothing waits for it. How the call
    /// goes is seen in the status and the log. Blocks on the journal.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn call_now(&self, partner: &str) -> Result<(), CallError> {
        let name = || partner.to_owned();
        if !self.context.shutdown.is_running() {
            return Err(CallError::Stopping);
        }
        let found = self
            .store
            .partner(partner)?
            .ok_or_else(|| StoreError::NoPartner(name()))?;
        if !found.enabled {
            return Err(CallError::Disabled(name()));
        }
        if found.address.is_none() {
            return Err(CallError::NoAddress(name()));
        }
        let tls = found.transport == Transport::Tls;
        if tls && found.certificates.is_empty() {
            return Err(TlsProblem::NoPin(name()).into());
        }
        if self.calling.contains(partner) {
            return Err(CallError::AlreadyCalling(name()));
        }
        if let Some(why) = self.settings.via.down().filter(|_| tls) {
            return Err(CallError::LinkDown(why));
        }
        self.orders.try_send(name()).map_err(|_| CallError::Busy)?;
        self.store.retry_now(partner)?;
        Ok(())
    }

    /// Returns once no more calls are begun, which is so when the process drains.
    pub async fn ended(&self) {
        // Nothing is ever sent: an error says that the sender is gone, which is what is waited for.
        let _ = self.ended.clone().changed().await;
    }
}

/// Starts calling, until the process drains.
pub fn start(settings: CallerSettings, context: SessionContext) -> CallerHandle {
    let (orders, ordered) = mpsc::channel(MOST_ORDERS);
    let (ending, ended) = watch::channel(());
    let settings = Arc::new(settings);
    let calling = Calling::default();
    let handle = CallerHandle {
        orders,
        calling: calling.clone(),
        store: context.store.clone(),
        settings: Arc::clone(&settings),
        context: context.clone(),
        ended,
    };
    let wake = Arc::new(Notify::new());
    let bell = Arc::clone(&wake);
    context.store.on_work(Box::new(move || bell.notify_one()));
    let caller = Caller {
        settings,
        context,
        calling,
        wake,
    };
    tokio::spawn(async move {
        caller.run(ordered).await;
        drop(ending);
    });
    handle
}

impl Via {
    /// Why no call can leave now, if none can.
    fn down(&self) -> Option<String> {
        match self {
            Via::Direct => None,
            Via::Link(link) => match &*link.state().borrow() {
                LinkState::Up { .. } => None,
                LinkState::Down { why, .. } => Some(why.clone()),
            },
        }
    }
}

/// The partners being called.
#[derive(Clone, Debug, Default)]
struct Calling(Arc<Mutex<HashSet<String>>>);

impl Calling {
    fn contains(&self, partner: &str) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(partner)
    }

    /// Marks a partner as being called until the mark is dropped; `None` when it is already.
    fn begin(&self, partner: &str) -> Option<Mark> {
        let new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(partner.to_owned());
        new.then(|| Mark {
            calling: self.clone(),
            partner: partner.to_owned(),
        })
    }
}

struct Mark {
    calling: Calling,
    partner: String,
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.calling
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.partner);
    }
}

struct Caller {
    settings: Arc<CallerSettings>,
    context: SessionContext,
    calling: Calling,
    wake: Arc<Notify>,
}

impl Caller {
    async fn run(self, mut ordered: mpsc::Receiver<String>) {
        let mut link = match &self.settings.via {
            Via::Link(link) => Some(link.state()),
            Via::Direct => None,
        };
        let mut sessions = self.context.live.watch();
        loop {
            // What changes while we look is to be seen as a change afterwards.
            sessions.mark_unchanged();
            let Outlook { pause, deferred } = self.look().await;
            tokio::select! {
                () = sleep(pause) => {}
                () = self.wake.notified() => {}
                () = changed(&mut link) => {}
                // The session that was left to serve a partner may have ended.
                _ = sessions.changed(), if deferred => {}
                order = ordered.recv() => if let Some(partner) = order {
                    self.call(partner);
                },
                () = self.context.shutdown.reached(Stage::Draining) => return,
            }
        }
    }

    /// Calls everyone who is due.
    async fn look(&self) -> Outlook {
        if !self.context.shutdown.is_running() {
            return Outlook {
                pause: LOOK_AT_LEAST,
                deferred: false,
            };
        }
        let store = self.context.store.clone();
        let down = self.settings.via.down().is_some();
        let due = spawn_blocking(move || match down {
            true => due_without_the_way_out(&store),
            false => store.due(Timestamp::now()),
        });
        let due = match due.await {
            Ok(Ok(due)) => due,
            Ok(Err(error)) => return look_failed(&error),
            Err(error) => return look_failed(&error),
        };
        let now = Timestamp::now();
        let mut outlook = Outlook {
            pause: LOOK_AT_LEAST,
            deferred: false,
        };
        for partner in due {
            match Duration::try_from(now.duration_until(partner.next_attempt)) {
                Ok(wait) if !wait.is_zero() => outlook.pause = outlook.pause.min(wait),
                _ if self.is_served(&partner) => outlook.deferred = true,
                _ => self.call(partner.partner),
            }
        }
        outlook
    }

    /// True when only receipts wait, and a session the partner opened is there to carry them.
    fn is_served(&self, due: &DuePartner) -> bool {
        due.files == 0
            && self.context.live.list().iter().any(|session| {
                session.direction == Direction::In
                    && session.partner.as_deref() == Some(due.partner.as_str())
            })
    }

    /// Opens a session with a partner unless there is one.
    fn call(&self, partner: String) {
        let Some(mark) = self.calling.begin(&partner) else {
            return;
        };
        let call = Call {
            settings: Arc::clone(&self.settings),
            context: self.context.clone(),
            partner,
            circuit: new_circuit(),
        };
        let wake = Arc::clone(&self.wake);
        tokio::spawn(async move {
            call.make().await;
            drop(mark);
            wake.notify_one();
        });
    }
}

/// Who is due and can be called though the way out is not there: plain partners do not need it.
fn due_without_the_way_out(store: &Store) -> Result<Vec<DuePartner>, StoreError> {
    let is_plain = |partner: &Partner| partner.transport == Transport::Plain;
    let plain: HashSet<String> = (store.partners()?.into_iter())
        .filter(is_plain)
        .map(|partner| partner.name)
        .collect();
    let mut due = store.due(Timestamp::now())?;
    due.retain(|due| plain.contains(&due.partner));
    Ok(due)
}

/// What a look at the queue leads to.
struct Outlook {
    /// When to look again at the latest.
    pause: Duration,
    /// A partner was not called because a session it opened is there to serve it.
    deferred: bool,
}

/// Waits for the link to change; for ever when there is none.
async fn changed(link: &mut Option<watch::Receiver<LinkState>>) {
    let ended = match link {
        Some(state) => state.changed().await.is_err(),
        None => true,
    };
    if ended {
        std::future::pending::<()>().await;
    }
}

fn look_failed(error: &dyn std::error::Error) -> Outlook {
    tracing::error!(why = %error, "The journal cannot tell what is due; it is asked again.");
    Outlook {
        pause: AFTER_FAILURE,
        deferred: false,
    }
}

/// One call to one partner.
struct Call {
    settings: Arc<CallerSettings>,
    context: SessionContext,
    partner: String,
    circuit: CircuitId,
}

/// Why no session came about.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("its address {0:?} is no host with a port; set it anew")]
    Address(String),
    #[error(transparent)]
    Tls(#[from] TlsProblem),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("{0} within {1:?}")]
    Late(&'static str, Duration),
    #[error("a thread failed: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl Failure {
    /// True when trying again will not help until an operator has changed something.
    fn needs_operator(&self) -> bool {
        matches!(
            self,
            Failure::Address(_)
                | Failure::Store(_)
                | Failure::Tls(
                    TlsProblem::NoPin(_) | TlsProblem::Name(_) | TlsProblem::Certificate(_)
                )
        )
    }
}

impl Call {
    async fn make(&self) {
        let place = tokio::select! {
            place = Arc::clone(&self.context.places).acquire_owned() => place,
            () = self.context.shutdown.reached(Stage::Draining) => return,
        };
        // The semaphore is never closed; without a place there is nothing to do.
        let Ok(place) = place else {
            return;
        };
        let noted = match self.hold().await {
            Ok(report) => self.ended(&report).await,
            Err(failure) => {
                let why = failure.to_string();
                if failure.needs_operator() {
                    tracing::error!(circuit = %self.circuit, partner = self.partner, why, "A partner cannot be called.");
                } else {
                    tracing::warn!(circuit = %self.circuit, partner = self.partner, why, "A call to a partner failed.");
                }
                self.note_failure(why).await
            }
        };
        if let Err(failure) = noted {
            tracing::error!(
                circuit = %self.circuit,
                partner = self.partner,
                why = %failure,
                "The journal did not take note of how a call went.",
            );
            // Without the note there is no back-off: the partner must not be called without pause.
            sleep(AFTER_FAILURE).await;
        }
        drop(place);
    }

    /// Connects and holds the session to its end.
    async fn hold(&self) -> Result<Report, Failure> {
        let party = self.party().await?;
        let address = party.partner.address.clone().unwrap_or_default();
        let address: HostPort = address.parse().map_err(|_| Failure::Address(address))?;
        let within = self.settings.connect_timeout;
        if party.partner.transport == Transport::Plain {
            let (stream, peer) = plain::connect(&address, within).await?;
            tracing::warn!(
                circuit = %self.circuit,
                peer = peer.map(|peer| peer.to_string()),
                partner = self.partner,
                "A partner is called without TLS, as its transport says: nothing protects this session on its way.",
            );
            return Ok(self.converse(stream, peer, party).await);
        }
        let identity = self.settings.client_identity.clone();
        let tls = PartnerTls::new(&party.partner, &address, identity, provider())?;
        match &self.settings.via {
            Via::Link(link) => {
                let dialed = link
                    .dial(Dial {
                        circuit: self.circuit,
                        host: address.host.clone(),
                        port: address.port,
                        purpose: Purpose::Sealed,
                        deadline_ms: u32::try_from(within.as_millis()).unwrap_or(u32::MAX),
                    })
                    .await?;
                self.speak(&tls, dialed.circuit, Some(dialed.peer), party)
                    .await
            }
            Via::Direct => {
                let (stream, peer) = plain::connect(&address, within).await?;
                self.speak(&tls, stream, peer, party).await
            }
        }
    }

    async fn speak<S>(
        &self,
        tls: &PartnerTls,
        stream: S,
        peer: Option<SocketAddr>,
        party: Party,
    ) -> Result<Report, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let within = self.settings.connect_timeout;
        let secured = timeout(within, tls.connect(stream))
            .await
            .map_err(|_| Failure::Late("no end of the TLS handshake", within))??;
        Ok(self.converse(secured, peer, party).await)
    }

    /// Holds the session on a connection that is there.
    async fn converse<S>(&self, stream: S, peer: Option<SocketAddr>, party: Party) -> Report
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let departure = Departure {
            circuit: self.circuit,
            peer,
            party,
        };
        session::call(&self.context, departure, stream).await
    }

    async fn party(&self) -> Result<Party, Failure> {
        let (store, name) = (self.context.store.clone(), self.partner.clone());
        spawn_blocking(move || {
            let partner = store.partner(&name)?.ok_or(StoreError::NoPartner(name))?;
            let station = store
                .station(&partner.station)?
                .ok_or_else(|| StoreError::NoStation(partner.station.clone()))?;
            Ok(Party { partner, station })
        })
        .await?
    }

    /// Takes note of how a session ended.
    async fn ended(&self, report: &Report) -> Result<(), Failure> {
        match &report.ending {
            Ending::Aborted { why, .. } => self.note_failure(why.clone()).await,
            Ending::Released if report.moved.nothing_out() && self.still_due().await? => {
                // Else we would call again at once, and again.
                let why = "the partner ended the session before it took what waits for it";
                self.note_failure(why.to_owned()).await
            }
            Ending::Released => {
                let (store, name) = (self.context.store.clone(), self.partner.clone());
                spawn_blocking(move || store.session_succeeded(&name, Timestamp::now())).await??;
                Ok(())
            }
        }
    }

    /// Whether something is ready to be sent to the partner at this moment.
    async fn still_due(&self) -> Result<bool, Failure> {
        if !self.context.shutdown.is_running() {
            return Ok(false);
        }
        let (store, name) = (self.context.store.clone(), self.partner.clone());
        let now = Timestamp::now();
        let due = spawn_blocking(move || store.due(now)).await??;
        Ok(due
            .iter()
            .any(|due| due.partner == name && due.next_attempt <= now))
    }

    async fn note_failure(&self, why: String) -> Result<(), Failure> {
        let (store, name) = (self.context.store.clone(), self.partner.clone());
        let backoff = self.settings.backoff;
        let delay = spawn_blocking(move || {
            let failures = store.session_record(&name)?.failures;
            let delay = backoff.delay(failures, draw());
            store
                .session_failed(&name, &why, delay, Timestamp::now())
                .map(|()| delay)
        })
        .await??;
        tracing::info!(
            circuit = %self.circuit,
            partner = self.partner,
            after = format!("{delay:.1?}"),
            "The partner is called again after a pause, if something waits for it.",
        );
        Ok(())
    }
}
