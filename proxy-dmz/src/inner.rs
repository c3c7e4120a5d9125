//! One inner half while it is connected: its policy in force, its listeners open, its orders done.
//!
//! ```text
//!  link/control ── Policy ─▶ listeners open or shut ── callers ─▶ relay/session, a task each
//!               ── Dial ───▶ relay/session
//!               ── Drain ──▶ listeners shut, circuits end within the grace
//!  link lost ─────────────▶ listeners shut, circuits end at once
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::link::message::{ListenerPolicy, ListenerState, Policy, PublicLimits, ToDmz, ToInner};
use ::link::{Link, LinkError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tracing::{Instrument, info, info_span, warn};

use crate::config::ListenerConfig;
use crate::link::control::{Control, Order};
use crate::public::admission::Admission;
use crate::public::dialer::Dialer;
use crate::public::identity::Identity;
use crate::public::listener::{Caller, Listener, Reception, Rules};
use crate::public::tls::{Doorman, MOST_HANDSHAKES};
use crate::relay::circuits::{Circuits, Stage};
use crate::relay::session::{self, Front};
use crate::status::Status;

/// What outlives any one inner half.
#[derive(Debug)]
pub struct Parts {
    /// The addresses this host offers.
    pub listeners: Vec<ListenerConfig>,
    /// Who is in.
    pub admission: Admission,
    /// Public TLS.
    pub doorman: Doorman,
    /// Calls out.
    pub dialer: Dialer,
    /// What is counted.
    pub status: Arc<Status>,
    /// True once the process is to stop.
    pub stop: watch::Receiver<bool>,
}

/// Serves an inner half until its link is over or the process stops; then nothing of it is left.
pub async fn attend(link: Link, parts: Arc<Parts>) {
    let mut control = match Control::new(link.clone()) {
        Ok(control) => control,
        Err(error) => {
            warn!(%error, "The inner half cannot be served.");
            link.close("no control stream");
            return;
        }
    };
    let mut inner = InnerHalf::new(link.clone(), parts);
    let why = inner.serve(&mut control).await;
    inner.shut().await;
    let why = match why {
        Over::Link(error) => {
            warn!(peer = %link.peer_address(), %error, "The link to the inner half is down.");
            LOST
        }
        Over::Stopped => STOPPING,
    };
    // Over is over, whichever part of it failed first.
    link.close(why);
    inner.end(why).await;
}

enum Over {
    Link(LinkError),
    Stopped,
}

struct InnerHalf {
    parts: Arc<Parts>,
    front: Arc<Front>,
    rules: watch::Sender<Rules>,
    circuits: Circuits,
    listeners: BTreeMap<String, Listener>,
    callers: mpsc::Sender<Caller>,
    reception: JoinHandle<()>,
    /// Until when circuits may go on, while no more partners are taken.
    draining: Option<Instant>,
    /// The process is to end.
    stopping: bool,
}

/// What to do next.
enum Step {
    Obey(Order),
    Report,
    Stop,
    Drained,
}

impl InnerHalf {
    fn new(link: Link, parts: Arc<Parts>) -> InnerHalf {
        let (rules, current) = watch::channel(Rules::new(&NOBODY));
        let front = Arc::new(Front {
            link,
            doorman: parts.doorman.clone(),
            dialer: parts.dialer.clone(),
            rules: current,
            status: Arc::clone(&parts.status),
        });
        let circuits = Circuits::new();
        let (callers, arriving) = mpsc::channel(CALLERS);
        let reception = tokio::spawn(receive(arriving, Arc::clone(&front), circuits.clone()));
        let listeners = BTreeMap::new();
        InnerHalf {
            parts,
            front,
            rules,
            circuits,
            listeners,
            callers,
            reception,
            draining: None,
            stopping: false,
        }
    }

    /// Does what is ordered; returns when there is nothing more to do.
    async fn serve(&mut self, control: &mut Control) -> Over {
        let link = self.front.link.clone();
        let mut stop = self.parts.stop.clone();
        let mut report = interval(REPORT);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                order = control.next() => order.map(Step::Obey),
                error = link.closed() => Err(error),
                _ = report.tick() => Ok(Step::Report),
                () = told(&mut stop), if !self.stopping => Ok(Step::Stop),
                () = gone_by(&self.circuits, self.draining), if self.draining.is_some() => {
                    Ok(Step::Drained)
                }
            };
            let done = match step {
                Ok(Step::Obey(order)) => self.obey(order, control).await,
                Ok(Step::Report) => {
                    let counters = self.parts.status.counters(self.parts.admission.total());
                    control.tell(&ToInner::Counters(counters)).await
                }
                Ok(Step::Stop) => {
                    self.stopping = true;
                    self.drain(STOPPING).await;
                    Ok(())
                }
                Ok(Step::Drained) => {
                    self.finish_drain().await;
                    if self.stopping {
                        return Over::Stopped;
                    }
                    control.tell(&ToInner::Drained).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                return Over::Link(error);
            }
        }
    }

    async fn obey(&mut self, order: Order, control: &mut Control) -> Result<(), LinkError> {
        match order {
            Order::Message(ToDmz::Policy(_)) if self.stopping => Ok(()),
            Order::Message(ToDmz::Policy(policy)) => {
                let revision = policy.revision;
                let listeners = self.apply(policy).await;
                control
                    .tell(&ToInner::PolicyApplied {
                        revision,
                        listeners,
                    })
                    .await
            }
            Order::Message(ToDmz::Drain) => {
                info!("The inner half orders to take no more partners.");
                self.drain(DRAINING).await;
                Ok(())
            }
            Order::Message(ToDmz::Health(number)) => control.tell(&ToInner::Health(number)).await,
            Order::Dial(dial, circuit) => {
                let (front, running) = (Arc::clone(&self.front), self.circuits.enter());
                let span = info_span!("circuit", circuit = %dial.circuit);
                let call = async move {
                    session::call_out(&front, dial, circuit, &running).await;
                };
                tokio::spawn(call.instrument(span));
                Ok(())
            }
        }
    }

    /// Puts a policy in force as far as it can be, and says how far.
    async fn apply(&mut self, policy: Policy) -> Vec<ListenerState> {
        if usize::try_from(policy.limits.handshakes).is_ok_and(|most| most > MOST_HANDSHAKES) {
            warn!(
                wanted = policy.limits.handshakes,
                used = MOST_HANDSHAKES,
                "The policy allows more handshakes at a time than this half has places for."
            );
        }
        self.rules.send_replace(Rules::new(&policy.limits));
        self.draining = None;
        self.circuits.go(Stage::Open);
        let named = |name: &str| policy.listeners.iter().any(|policy| policy.name == name);
        let unnamed: Vec<_> = self
            .listeners
            .extract_if(.., |name, _| !named(name))
            .collect();
        for (_, listener) in unnamed {
            listener.close().await;
        }
        let mut states = Vec::with_capacity(policy.listeners.len());
        for wanted in &policy.listeners {
            let result = self.apply_listener(wanted).await;
            if let Err(problem) = &result {
                warn!(
                    listener = wanted.name,
                    problem, "A public listener cannot be served."
                );
            }
            states.push(ListenerState {
                name: wanted.name.clone(),
                result,
            });
        }
        info!(
            revision = policy.revision,
            "The inner half's policy is in force."
        );
        states
    }

    async fn apply_listener(&mut self, wanted: &ListenerPolicy) -> Result<SocketAddr, String> {
        let identity = match Identity::new(wanted) {
            Ok(identity) => identity,
            Err(error) => {
                // Better shut than open with what is no longer wanted.
                if let Some(listener) = self.listeners.remove(&wanted.name) {
                    listener.close().await;
                }
                return Err(error.to_string());
            }
        };
        if let Some(listener) = self.listeners.get(&wanted.name) {
            listener.present(identity);
            return Ok(listener.address());
        }
        let configured = self
            .parts
            .listeners
            .iter()
            .find(|offered| offered.name == wanted.name);
        let Some(configured) = configured else {
            return Err(format!(
                "the DMZ half's configuration has no [[listener]] named {:?}",
                wanted.name
            ));
        };
        let reception = Reception {
            admission: self.parts.admission.clone(),
            rules: self.front.rules.clone(),
            status: Arc::clone(&self.parts.status),
            callers: self.callers.clone(),
        };
        let address = configured.address;
        let listener = Listener::open(address, identity, reception)
            .await
            .map_err(|error| format!("{address} cannot be listened on: {error}"))?;
        let address = listener.address();
        self.listeners.insert(wanted.name.clone(), listener);
        Ok(address)
    }

    /// Takes no more partners; circuits go on.
    async fn drain(&mut self, why: &'static str) {
        self.circuits.go(Stage::Draining(why));
        self.draining = Some(Instant::now() + GRACE);
        self.shut().await;
    }

    /// Ends the circuits that are left when the grace is over.
    async fn finish_drain(&mut self) {
        self.draining = None;
        let left = self.circuits.running();
        if left > 0 {
            warn!(
                circuits = left,
                "The grace is over; the circuits that are left are ended."
            );
            self.circuits.go(Stage::Ended(GRACE_OVER));
            self.circuits.all_gone().await;
        }
    }

    /// Closes every public listener; done when this returns.
    async fn shut(&mut self) {
        for (_, listener) in std::mem::take(&mut self.listeners) {
            listener.close().await;
        }
    }

    /// Ends whatever is left.
    async fn end(self, why: &'static str) {
        let InnerHalf {
            circuits,
            callers,
            reception,
            listeners,
            ..
        } = self;
        circuits.go(Stage::Ended(why));
        // Without them the reception ends once it has dealt with those already let in.
        drop((listeners, callers));
        let ended = timeout(UNWIND, async {
            let _ = reception.await;
            circuits.all_gone().await;
        });
        if ended.await.is_err() {
            warn!(
                circuits = circuits.running(),
                "Circuits of a lost inner half are slow to end."
            );
        }
    }
}

/// Gives every caller a task of its own.
async fn receive(mut callers: mpsc::Receiver<Caller>, front: Arc<Front>, circuits: Circuits) {
    while let Some(caller) = callers.recv().await {
        let (front, running) = (Arc::clone(&front), circuits.enter());
        let span = info_span!("circuit", circuit = %caller.circuit);
        tokio::spawn(
            async move { session::receive(&front, caller, &running).await }.instrument(span),
        );
    }
}

/// Waits until the process is to end.
async fn told(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits until all circuits have ended, at most until the deadline.
async fn gone_by(circuits: &Circuits, deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        let _ = timeout_at(deadline, circuits.all_gone()).await;
    }
}

/// Before a policy came nobody may enter.
const NOBODY: PublicLimits = PublicLimits {
    sessions: 0,
    sessions_per_address: 0,
    handshakes: 1,
    handshake_ms: 0,
    ssid_ms: 0,
    open_ms: 0,
    idle_ms: 600_000,
};

/// How long circuits may go on when no more partners are taken.
const GRACE: Duration = Duration::from_secs(10);
/// How often the inner half is told the counts.
const REPORT: Duration = Duration::from_secs(10);
/// How long circuits may take to notice that they must end.
const UNWIND: Duration = Duration::from_secs(5);
/// Callers that may wait for a task of their own.
const CALLERS: usize = 64;

const DRAINING: &str = "the inner half takes no more partners";
const LOST: &str = "the link is down";
const STOPPING: &str = "this DMZ half stops";
const GRACE_OVER: &str = "the grace for running circuits is over";
