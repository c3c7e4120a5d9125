//! Calls partners for whom something waits: one session per partner at a time, and a back-off after
//! each call that failed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use store::{DuePartner, Partner, Store, StoreError, Transport};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::call::Call;
use super::tls::TlsProblem;
use super::{AFTER_FAILURE, CallerSettings, Via};
use crate::link::{LinkState, new_circuit};
use crate::session::live::Direction;
use crate::session::{SessionContext, Stage};

/// The queue is looked at this often even if nothing says that it changed.
const LOOK_AT_LEAST: Duration = Duration::from_secs(60);
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
