//! One call to one partner, from the connection to the note of how it went.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::link::{CircuitId, Dial, Purpose};
use jiff::Timestamp;
use ops::HostPort;
use ops::backoff::draw;
use store::{DuePartner, StoreError, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::plain::{self, ConnectError};
use super::tls::{PartnerTls, TlsProblem};
use super::{AFTER_FAILURE, CallerSettings, Via};
use crate::keys::provider;
use crate::link::DialError;
use crate::session::answers::Party;
use crate::session::{self, Departure, Ending, Report, SessionContext, Stage};

/// One call to one partner.
pub(super) struct Call {
    pub(super) settings: Arc<CallerSettings>,
    pub(super) context: SessionContext,
    pub(super) partner: String,
    pub(super) circuit: CircuitId,
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
    /// Makes the call once there is a place for one more session, and notes how it went.
    pub(super) async fn make(&self) {
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
        let shown = self.settings.client_identity.as_ref();
        let identity = shown.and_then(|shown| shown());
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
            Ending::Released => {
                let due = if report.moved.nothing_out() {
                    self.still_due().await?
                } else {
                    None
                };
                if let Some(due) = due {
                    // Else we would call again at once, and again.
                    let why = if due.files + due.receipts > 0 {
                        "the partner ended the session before it took what waits for it"
                    } else {
                        "the partner did not send the receipts that are overdue"
                    };
                    return self.note_failure(why.to_owned()).await;
                }
                let (store, name) = (self.context.store.clone(), self.partner.clone());
                spawn_blocking(move || store.session_succeeded(&name, Timestamp::now())).await??;
                Ok(())
            }
        }
    }

    /// What the partner would be called for at this moment.
    async fn still_due(&self) -> Result<Option<DuePartner>, Failure> {
        if !self.context.shutdown.is_running() {
            return Ok(None);
        }
        let (store, name) = (self.context.store.clone(), self.partner.clone());
        let now = Timestamp::now();
        let due = spawn_blocking(move || store.due(now)).await??;
        Ok(due
            .into_iter()
            .find(|due| due.partner == name && due.next_attempt <= now))
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
