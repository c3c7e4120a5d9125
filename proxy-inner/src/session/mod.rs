//! One conversation with one partner: who they are, what they may do, and the loop that moves it.
//!
//! ```text
//!  circuit or TLS ◀──octets──▶ driver ◀──▶ engine::Session
//!                                │
//!                              desk  ── answers (who is this?) ── transfer (files, receipts) ── store
//! ```
//!
//! A session assumes nothing about the stream under it but that octets arrive in order. It promises
//! that a file is acknowledged only when the store has it on disk, and that whatever was under way
//! when it ends is handed back to the store.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::link::CircuitId;
use engine::Session;
use jiff::Timestamp;
use ops::Backoff;
use store::Store;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

use crate::keyring::Keyring;
use crate::security::{Security, SecuritySettings};
use answers::{Caller, Party, Verdict};
use authentication::Authenticator;
use desk::Desk;
use driver::{Clock, Driver};

pub mod answers;
pub mod authentication;
pub mod counters;
mod desk;
pub mod deviations;
mod driver;
mod input;
pub mod live;
mod report;
pub mod shutdown;
mod work;

pub use counters::Counters;
pub use deviations::Tolerated;
pub use live::Live;
pub use report::{Ending, Moved, Report};
pub use shutdown::{Shutdown, Stage};

/// What a stranger is told: a caller whose identification code no partner has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// ESID 03 without text, as RFC 5024 section 5.3.11 has it.
    #[default]
    Esid,
    /// Nothing: the connection closes.
    Silent,
}

/// How sessions are conducted.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Largest Data Exchange Buffer we offer, in octets (128..=99999); a partner's own setting may lower it.
    pub buffer: u32,
    /// Credit we offer, in Data Exchange Buffers (1..=999); a partner's own setting may lower it.
    pub credit: u16,
    /// Longest wait for SSRM, for SSID, and for each step of secure authentication: a partner that
    /// has just connected has nothing else to do than to introduce itself.
    pub opening: Duration,
    /// Silence of a partner we wait for that ends a session, where no other time is set here.
    pub inactivity: Duration,
    /// Longest wait for the answer to our EFID: the partner syncs, checks and hands over a file that
    /// may be long.
    pub end_of_file: Duration,
    /// How long a partner may take to close the connection after our ESID; RFC 5024 sets no time.
    pub leave: Duration,
    /// How long our own disk may take over what a partner waits for, before the session is given up
    /// with ESID 08.
    pub answer: Duration,
    /// Sessions at one time, both directions together.
    pub sessions: usize,
    /// What a stranger is told.
    pub strangers: Strangers,
    /// How often one file is offered before it is given up.
    pub file_attempts: u32,
    /// Wait before a file is offered again that the partner refused for now.
    pub file_backoff: Backoff,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            buffer: 65_535,
            credit: 256,
            opening: Duration::from_secs(60),
            inactivity: Duration::from_secs(180),
            end_of_file: Duration::from_secs(600),
            leave: Duration::from_secs(15),
            answer: Duration::from_secs(600),
            sessions: 1000,
            strangers: Strangers::Esid,
            file_attempts: 10,
            file_backoff: Backoff {
                first: Duration::from_secs(30),
                most: Duration::from_secs(15 * 60),
            },
        }
    }
}

/// What every session shares. Cheap to clone.
#[derive(Clone)]
pub struct SessionContext {
    /// Journal, spool, inbox, outbox, partners and stations.
    pub store: Store,
    /// How sessions are conducted.
    pub settings: Arc<SessionSettings>,
    /// The sessions alive.
    pub live: Live,
    /// Counts since start.
    pub counters: Arc<Counters>,
    /// The leniencies partners needed since start.
    pub tolerated: Arc<Tolerated>,
    /// How far the process has come in stopping.
    pub shutdown: Shutdown,
    /// One permit a session, `settings.sessions` of them.
    pub places: Arc<Semaphore>,
    /// Makes and answers the challenges of secure authentication.
    pub authenticator: Arc<Authenticator>,
    /// Secures and opens files, signs and judges receipts.
    pub security: Arc<Security>,
}

impl SessionContext {
    /// A context with empty registry and counters, and without keys.
    pub fn new(store: Store, settings: SessionSettings, shutdown: Shutdown) -> Self {
        let places = Arc::new(Semaphore::new(
            settings.sessions.min(Semaphore::MAX_PERMITS),
        ));
        let keyring = Keyring::none();
        let security = Security::new(store.clone(), keyring, SecuritySettings::default());
        Self {
            store,
            settings: Arc::new(settings),
            live: Live::default(),
            counters: Arc::clone(security.counters()),
            tolerated: Arc::default(),
            shutdown,
            places,
            authenticator: Arc::new(Authenticator::none()),
            security,
        }
    }

    /// The same context with what secures and opens files, whose counters it takes over. The keys for
    /// secure authentication come from the same keyring.
    #[must_use]
    pub fn with_security(mut self, security: Arc<Security>) -> Self {
        let authenticator = Authenticator::new(Arc::clone(security.keyring()), None);
        self.authenticator = Arc::new(authenticator);
        self.counters = Arc::clone(security.counters());
        self.security = security;
        self
    }

    /// The same context with what makes and answers the challenges of secure authentication.
    #[must_use]
    pub fn with_authenticator(mut self, authenticator: Authenticator) -> Self {
        self.authenticator = Arc::new(authenticator);
        self
    }
}

/// A partner's call that the DMZ half announced and that was judged.
pub struct Arrival {
    /// Where it comes from.
    pub caller: Caller,
    /// The first SSID, 61 octets.
    pub ssid: Vec<u8>,
    /// What the caller is told.
    pub verdict: Verdict,
}

/// A connection we made to a partner.
pub struct Departure {
    /// The circuit.
    pub circuit: CircuitId,
    /// The partner's address.
    pub peer: Option<SocketAddr>,
    /// Who is called, and for which of our stations.
    pub party: Party,
}

/// Conducts the session of a partner that called, to its end.
pub async fn serve<S>(context: &SessionContext, arrival: Arrival, stream: S) -> Report
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Arrival {
        caller,
        ssid,
        verdict,
    } = arrival;
    let (partner, settings) = match &verdict {
        Verdict::Welcome(party) => {
            let partner = &party.partner;
            (
                Some(partner.name.clone()),
                answers::settings(&context.settings, Some(partner)),
            )
        }
        Verdict::Refuse(_) => (None, answers::settings(&context.settings, None)),
    };
    context.counters.sessions_in.one();
    tracing::info!(
        circuit = %caller.circuit,
        peer = %caller.peer,
        listener = caller.listener,
        partner,
        "A circuit opened.",
    );
    let live = context.live.enter(
        caller.circuit,
        live::Direction::In,
        Some(caller.peer),
        partner,
        Timestamp::now(),
    );
    let clock = Clock::start();
    let session = Session::responder_after_ssrm(settings, clock.now());
    let desk = Desk::called(context.clone(), caller.circuit, verdict, live);
    // The DMZ half sends the SSID as the buffer's content; the engine reads whole buffers.
    let mut first = oftp::header(ssid.len()).to_vec();
    first.extend_from_slice(&ssid);
    Driver::new(stream, session, desk, clock, first, context)
        .run()
        .await
}

/// Conducts a session with a partner we called, to its end.
pub async fn call<S>(context: &SessionContext, departure: Departure, stream: S) -> Report
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Departure {
        circuit,
        peer,
        party,
    } = departure;
    let partner = &party.partner;
    context.counters.sessions_out.one();
    tracing::info!(
        %circuit,
        peer = peer.map(|peer| peer.to_string()),
        partner = partner.name,
        "A circuit opened.",
    );
    let live = context.live.enter(
        circuit,
        live::Direction::Out,
        peer,
        Some(partner.name.clone()),
        Timestamp::now(),
    );
    let us = engine::Identity {
        code: party.station.code.clone(),
        password: partner.password_sent.clone(),
        user: oftp::UserField::default(),
    };
    let clock = Clock::start();
    let settings = answers::settings(&context.settings, Some(partner));
    let session = Session::initiator(settings, us, clock.now());
    let desk = Desk::calling(context.clone(), circuit, party, live);
    Driver::new(stream, session, desk, clock, Vec::new(), context)
        .run()
        .await
}

#[cfg(test)]
pub(crate) mod tests;
