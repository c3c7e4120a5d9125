//! Keeps the link up: dials, greets, sends the policy, watches over its health, and dials again when
//! it is lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ::link::{
    Circuit, CircuitId, Counters as DmzCounters, Dial, DialAnswer, DialFailure, FromDmz, FromInner,
    Link, LinkError, ListenerPolicy, ListenerState, Policy, ToDmz, ToInner,
};
use jiff::Timestamp;
use ops::backoff::draw;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::service::Service;
use super::{KeeperSettings, LinkState, ListenerNow, TlsListener};
use crate::handshake::sign::schemes;
use crate::session::{SessionContext, Stage};

/// How often the DMZ half is asked for a sign of life.
const HEALTH_EVERY: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const HEALTH_WITHIN: Duration = Duration::from_secs(10);
/// How long connecting may take, greeting included.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// How long a control message may wait to be sent.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How long sessions have, once they must stop, to say so before the link closes under them.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// How long a closed link may take to tell the other end.
const TELL_WITHIN: Duration = Duration::from_secs(1);
/// Longest text of the DMZ half that is kept or logged, in characters.
const MOST_TEXT: usize = 300;

/// The link as the rest of this half uses it. Cheap to clone.
#[derive(Clone)]
pub struct LinkHandle {
    state: watch::Receiver<LinkState>,
    current: watch::Receiver<Option<Link>>,
    counters: watch::Receiver<Option<DmzCounters>>,
    ended: watch::Receiver<bool>,
    listeners: watch::Sender<Vec<TlsListener>>,
}

/// A connection to a partner that the DMZ half made for us.
pub struct Dialed {
    /// The octets of the connection.
    pub circuit: Circuit,
    /// The partner's address.
    pub peer: std::net::SocketAddr,
    /// The DMZ half's own end of the connection.
    pub local: std::net::SocketAddr,
}

/// Why a connection to a partner did not come about.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// There is no link.
    #[error("the link to the DMZ half is down: {0}")]
    Down(String),
    /// The DMZ half tried and failed.
    #[error("the DMZ half could not connect ({kind}): {detail}")]
    Failed {
        /// The kind of failure.
        kind: DialFailure,
        /// More about it, in the DMZ half's words.
        detail: String,
    },
    /// The link broke while asking.
    #[error("the link failed while the call was being made: {0}")]
    Link(#[from] LinkError),
    /// The DMZ half did not answer in time.
    #[error("the DMZ half did not answer within {0:?}")]
    Timeout(Duration),
}

impl LinkHandle {
    /// The state of the link and all its changes.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.state.clone()
    }

    /// What the DMZ half last reported of itself.
    pub fn dmz_counters(&self) -> Option<DmzCounters> {
        *self.counters.borrow()
    }

    /// Asks the DMZ half to connect to a partner. `deadline_ms` of the request holds on its side;
    /// here it may take five seconds more.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn dial(&self, dial: Dial) -> Result<Dialed, DialError> {
        const GRACE: Duration = Duration::from_secs(5);
        let link = self.current.borrow().clone();
        let Some(link) = link else {
            return Err(DialError::Down(match &*self.state.borrow() {
                LinkState::Down { why, .. } => why.clone(),
                LinkState::Up { .. } => "it has just been lost".to_owned(),
            }));
        };
        let within = Duration::from_millis(u64::from(dial.deadline_ms)) + GRACE;
        let asked = async {
            let mut circuit = link.open(&FromInner::Dial(dial)).await?;
            let answer = circuit.receive_message().await?;
            Ok::<_, LinkError>((circuit, answer))
        };
        match timeout(within, asked).await {
            Err(_) => Err(DialError::Timeout(within)),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok((circuit, DialAnswer::Connected { peer, local }))) => Ok(Dialed {
                circuit,
                peer,
                local,
            }),
            Ok(Ok((_, DialAnswer::Failed { kind, detail }))) => Err(DialError::Failed {
                kind,
                detail: bounded(&detail),
            }),
        }
    }

    /// Has the DMZ half present these listeners from now on. A key that is new needs a number that
    /// none had before.
    pub fn present(&self, listeners: Vec<TlsListener>) {
        self.listeners.send_replace(listeners);
    }

    /// The listeners as they are wanted now.
    pub fn presented(&self) -> Vec<TlsListener> {
        self.listeners.borrow().clone()
    }

    /// Returns once the keeper has ended, which it does when the process stops.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // An error means that the keeper is gone, which is what is waited for.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

/// Starts keeping the link up, until the process stops.
pub fn start(settings: KeeperSettings, context: SessionContext) -> LinkHandle {
    let (state, state_seen) = watch::channel(LinkState::Down {
        since: Timestamp::now(),
        why: "it was not tried yet".to_owned(),
        attempts: 0,
    });
    let (current, current_seen) = watch::channel(None);
    let (counters, counters_seen) = watch::channel(None);
    let (ended, ended_seen) = watch::channel(false);
    let (listeners, listeners_seen) = watch::channel(settings.listeners.clone());
    let policy = policy(&settings);
    let service = Service::new(&settings, context.clone());
    let keeper = Keeper {
        policy,
        service: Arc::new(service),
        settings,
        context,
        state,
        current,
        counters,
        listeners: listeners_seen,
    };
    tokio::spawn(async move {
        keeper.keep().await;
        ended.send_replace(true);
    });
    LinkHandle {
        state: state_seen,
        current: current_seen,
        counters: counters_seen,
        ended: ended_seen,
        listeners,
    }
}

struct Keeper {
    settings: KeeperSettings,
    policy: Policy,
    service: Arc<Service>,
    context: SessionContext,
    state: watch::Sender<LinkState>,
    current: watch::Sender<Option<Link>>,
    counters: watch::Sender<Option<DmzCounters>>,
    listeners: watch::Receiver<Vec<TlsListener>>,
}

impl Keeper {
    async fn keep(mut self) {
        let mut failures = 0_u32;
        loop {
            let connected = tokio::select! {
                connected = self.connect() => connected,
                () = self.context.shutdown.reached(Stage::Stopping) => return,
            };
            match connected {
                Ok(link) => {
                    let since = Instant::now();
                    let peer = link.peer_address();
                    let why = self.attend(link).await;
                    self.current.send_replace(None);
                    if self.context.shutdown.stage() == Stage::Stopping {
                        tracing::info!(%peer, "The link is closed.");
                        self.down(why, 0);
                        return;
                    }
                    self.context.counters.link_losses.one();
                    tracing::warn!(%peer, why, "The link is down.");
                    if since.elapsed() >= self.settings.stable {
                        failures = 0;
                    }
                    self.down(why, failures);
                }
                Err(why) => {
                    tracing::warn!(
                        address = self.settings.address,
                        attempt = failures + 1,
                        why,
                        "The DMZ half could not be reached.",
                    );
                    self.down(why, failures + 1);
                }
            }
            let delay = self.settings.backoff.delay(failures, draw());
            failures = failures.saturating_add(1);
            tokio::select! {
                () = sleep(delay) => {}
                () = self.context.shutdown.reached(Stage::Stopping) => return,
            }
        }
    }

    async fn connect(&self) -> Result<Link, String> {
        match timeout(CONNECT_WITHIN, self.settings.dialer.connect()).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {CONNECT_WITHIN:?}")),
        }
    }

    fn down(&self, why: String, attempts: u32) {
        self.state.send_modify(|state| {
            let since = match state {
                LinkState::Down { since, .. } => *since,
                LinkState::Up { .. } => Timestamp::now(),
            };
            *state = LinkState::Down {
                since,
                why,
                attempts,
            };
        });
    }

    /// Serves one connection until it ends; says why it did.
    async fn attend(&mut self, link: Link) -> String {
        let (mut control, mut reports) = match link.control() {
            Ok(control) => control,
            Err(error) => return error.to_string(),
        };
        let (report, mut reported) = mpsc::channel(16);
        // Both read whole messages and may not be stopped in the middle of one, so each has a task.
        let reader = tokio::spawn(async move {
            loop {
                let received = reports.receive().await;
                let over = received.is_err();
                if report.send(received).await.is_err() || over {
                    return;
                }
            }
        });
        let accepting = tokio::spawn(accept(link.clone(), Arc::clone(&self.service)));
        let why = self.converse(&link, &mut control, &mut reported).await;
        reader.abort();
        accepting.abort();
        link.close(&why);
        // Best effort: the DMZ half hears that the link was closed on purpose.
        let _ = timeout(TELL_WITHIN, link.drained()).await;
        why
    }

    async fn converse(
        &mut self,
        link: &Link,
        control: &mut ::link::ControlSender<ToDmz>,
        reported: &mut mpsc::Receiver<Result<ToInner, LinkError>>,
    ) -> String {
        let peer = link.peer_address();
        self.renew();
        if let Err(why) = send(control, &ToDmz::Policy(self.policy.clone())).await {
            return why;
        }
        self.context.counters.link_connections.one();
        self.state.send_replace(LinkState::Up {
            since: Timestamp::now(),
            peer,
            listeners: Vec::new(),
        });
        self.current.send_replace(Some(link.clone()));
        tracing::info!(%peer, "The link is up.");

        let mut ticks = interval(HEALTH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut health = Health::default();
        let mut draining = false;
        let mut listeners = self.listeners.clone();
        loop {
            tokio::select! {
                // A policy would open again what is being drained.
                Ok(()) = listeners.changed(), if !draining => {
                    if self.renew()
                        && let Err(why) = send(control, &ToDmz::Policy(self.policy.clone())).await
                    {
                        return why;
                    }
                }
                received = reported.recv() => match received {
                    Some(Ok(message)) => self.report(message, &mut health),
                    Some(Err(error)) => return error.to_string(),
                    None => return "the control stream ended".to_owned(),
                },
                _ = ticks.tick() => {
                    if health.overdue() {
                        return format!("the DMZ half gave no sign of life for {HEALTH_WITHIN:?}");
                    }
                    if let Some(number) = health.ask()
                        && let Err(why) = send(control, &ToDmz::Health(number)).await
                    {
                        return why;
                    }
                }
                error = link.closed() => return error.to_string(),
                () = self.context.shutdown.reached(Stage::Draining), if !draining => {
                    draining = true;
                    if let Err(why) = send(control, &ToDmz::Drain).await {
                        return why;
                    }
                }
                () = self.stopped() => return "this half is stopping".to_owned(),
            }
        }
    }

    /// Takes up listeners that have changed since the policy was made; whether there were any.
    fn renew(&mut self) -> bool {
        if !self.listeners.has_changed().unwrap_or(false) {
            return false;
        }
        let listeners = self.listeners.borrow_and_update().clone();
        self.policy.revision += 1;
        self.policy.listeners = listeners.iter().map(listener_policy).collect();
        self.service.renew(&listeners);
        true
    }

    /// Returns when the process must stop and its sessions have ended or had time to.
    async fn stopped(&self) {
        self.context.shutdown.reached(Stage::Stopping).await;
        // Whether they ended or not, it is over now.
        let _ = timeout(STOP_WITHIN, self.context.live.empty()).await;
    }

    fn report(&self, message: ToInner, health: &mut Health) {
        match message {
            ToInner::PolicyApplied {
                revision,
                listeners,
            } => {
                if revision == self.policy.revision {
                    self.listeners(listeners);
                } else if revision < self.policy.revision {
                    tracing::debug!(revision, "An answer to an earlier policy came late.");
                } else {
                    tracing::warn!(revision, "The DMZ half reports a policy it was not given.");
                }
            }
            ToInner::Health(number) => health.answered(number),
            ToInner::Counters(counters) => {
                self.counters.send_replace(Some(counters));
            }
            ToInner::Drained => tracing::info!("The DMZ half has ended its last circuit."),
        }
    }

    fn listeners(&self, reported: Vec<ListenerState>) {
        let mut wanted: HashSet<&str> = self
            .policy
            .listeners
            .iter()
            .map(|listener| listener.name.as_str())
            .collect();
        let mut now = Vec::new();
        for listener in reported {
            if !wanted.remove(listener.name.as_str()) {
                tracing::warn!(
                    listener = bounded(&listener.name),
                    "The DMZ half reports a listener that is not in the policy.",
                );
                // Once is enough to know; a captured DMZ half could go on for ever.
                break;
            }
            let result = listener.result.map_err(|problem| bounded(&problem));
            match &result {
                Ok(address) => {
                    tracing::info!(listener = listener.name, %address, "A public listener is open.");
                }
                Err(why) => tracing::error!(
                    listener = listener.name,
                    why,
                    "A public listener could not be opened; see the DMZ half's configuration.",
                ),
            }
            now.push(ListenerNow {
                name: listener.name,
                result,
            });
        }
        self.state.send_modify(|state| {
            if let LinkState::Up { listeners, .. } = state {
                *listeners = now;
            }
        });
    }
}

/// Takes the streams the DMZ half opens until the link ends.
async fn accept(link: Link, service: Arc<Service>) {
    loop {
        match link.accept::<FromDmz>().await {
            Ok((request, circuit)) => service.take(request, circuit),
            // The link has ended; whoever watches over it says why.
            Err(_) => return,
        }
    }
}

/// One question for a sign of life at a time.
#[derive(Debug, Default)]
struct Health {
    number: u64,
    asked: Option<Instant>,
}

impl Health {
    fn ask(&mut self) -> Option<u64> {
        if self.asked.is_some() {
            return None;
        }
        self.number = self.number.wrapping_add(1);
        self.asked = Some(Instant::now());
        Some(self.number)
    }

    fn answered(&mut self, number: u64) {
        if number == self.number {
            self.asked = None;
        }
    }

    fn overdue(&self) -> bool {
        self.asked
            .is_some_and(|asked| asked.elapsed() >= HEALTH_WITHIN)
    }
}

async fn send(control: &mut ::link::ControlSender<ToDmz>, message: &ToDmz) -> Result<(), String> {
    match timeout(SEND_WITHIN, control.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "the DMZ half took no control message for {SEND_WITHIN:?}"
        )),
    }
}

/// The first policy of this process. Its revision is the time of start, so that a later process has
/// a higher one; each renewal adds one.
fn policy(settings: &KeeperSettings) -> Policy {
    Policy {
        revision: u64::try_from(Timestamp::now().as_second()).unwrap_or(0),
        listeners: settings.listeners.iter().map(listener_policy).collect(),
        limits: settings.limits,
    }
}

fn listener_policy(listener: &TlsListener) -> ListenerPolicy {
    ListenerPolicy {
        name: listener.key.listener.clone(),
        key: listener.key.id,
        chain: listener.key.chain.iter().map(|der| der.to_vec()).collect(),
        schemes: schemes(listener.key.key.as_ref())
            .into_iter()
            .map(u16::from)
            .collect(),
        client_certificate: listener.client_certificate,
    }
}

/// A random name for a circuit we open. Without any randomness (no known system) it is the time.
pub fn new_circuit() -> CircuitId {
    CircuitId(getrandom::u64().unwrap_or_else(|_| {
        u64::try_from(Timestamp::now().as_nanosecond() & i128::from(u64::MAX)).unwrap_or_default()
    }))
}

/// Text of the DMZ half, cut and without control characters.
pub(super) fn bounded(text: &str) -> String {
    text.chars()
        .take(MOST_TEXT)
        .flat_map(char::escape_debug)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn health_is_overdue_only_without_the_right_answer() {
        let mut health = Health::default();
        let number = health.ask().unwrap();
        assert_eq!(health.ask(), None, "one question at a time");
        health.answered(number + 1);
        tokio::time::advance(HEALTH_WITHIN).await;
        assert!(health.overdue());
        health.answered(number);
        assert!(!health.overdue());
        assert!(health.ask().is_some());
    }

    #[test]
    fn text_of_the_dmz_half_is_cut_and_escaped() {
        assert_eq!(bounded("a\nb\u{1b}[0m"), "a\\nb\\u{1b}[0m");
        assert_eq!(bounded(&"x".repeat(10_000)).len(), MOST_TEXT);
    }
}
