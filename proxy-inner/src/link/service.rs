//! Answers what the DMZ half asks by opening a stream: a signature, the judgement of a client
//! certificate, a partner that has arrived.
//!
//! Each kind has a ceiling; what comes above it is refused at once. Work that takes processor time or
//! the disk runs on blocking threads, whose number the ceilings bound.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ::link::{
    Arrived, ArrivedAnswer, Circuit, ClientCertificate, ClientVerdict, FromDmz, Message, Sign,
    SignAnswer, VerifyClient,
};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::keeper::bounded;
use super::{KeeperSettings, TlsListener};
use crate::handshake::proof::ClientProofs;
use crate::handshake::sign::Signatory;
use crate::keys::provider;
use crate::session::answers::{self, Caller};
use crate::session::{self, Arrival, SessionContext};

/// How long the DMZ half may take to accept an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Octets of an SSID (RFC 5024 section 5.3.2).
const SSID: usize = 61;
/// Refusals under way; above this a stream is dropped without a word.
const MOST_REFUSALS: usize = 64;

/// Takes requests of the DMZ half.
pub(super) struct Service {
    context: SessionContext,
    signatory: Arc<Signatory>,
    proofs: Arc<ClientProofs>,
    /// Every listener of the policy, and whether it asks for a certificate.
    listeners: RwLock<HashMap<String, bool>>,
    signs: Arc<Semaphore>,
    verifications: Arc<Semaphore>,
    arrivals: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
}

impl Service {
    pub(super) fn new(settings: &KeeperSettings, context: SessionContext) -> Self {
        let counters = &context.counters;
        let service = Self {
            signatory: Arc::new(Signatory::new([], Arc::clone(counters))),
            proofs: Arc::new(ClientProofs::new(
                provider().signature_verification_algorithms,
                [],
                Arc::clone(counters),
            )),
            listeners: RwLock::default(),
            signs: Arc::new(Semaphore::new(settings.ceilings.signs)),
            verifications: Arc::new(Semaphore::new(settings.ceilings.proofs)),
            arrivals: Arc::new(Semaphore::new(settings.ceilings.arrivals)),
            refusals: Arc::new(Semaphore::new(MOST_REFUSALS)),
            context,
        };
        service.renew(&settings.listeners);
        service
    }

    /// Takes the listeners of a new policy.
    pub(super) fn renew(&self, listeners: &[TlsListener]) {
        let asks = |listener: &TlsListener| listener.client_certificate != ClientCertificate::Off;
        let keys = listeners.iter().map(|listener| listener.key.clone());
        self.signatory.renew(keys, Instant::now());
        let asking = listeners.iter().filter(|listener| asks(listener));
        self.proofs.renew(asking.map(|listener| &listener.key));
        let named = listeners
            .iter()
            .map(|listener| (listener.key.listener.clone(), asks(listener)));
        let mut known = self
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *known = named.collect();
    }

    /// Whether a listener of the policy asks for a certificate; `None` when there is no such one.
    fn asks(&self, listener: &str) -> Option<bool> {
        let known = self
            .listeners
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        known.get(listener).copied()
    }

    /// Takes one request; returns at once.
    pub(super) fn take(&self, request: FromDmz, circuit: Circuit) {
        match request {
            FromDmz::Sign(request) => match self.place(&self.signs) {
                Some(place) => {
                    tokio::spawn(sign(Arc::clone(&self.signatory), request, circuit, place));
                }
                None => self.refuse("signatures", SignAnswer::Refused, circuit),
            },
            FromDmz::VerifyClient(request) => match self.place(&self.verifications) {
                Some(place) => {
                    let store = self.context.store.clone();
                    let proofs = Arc::clone(&self.proofs);
                    tokio::spawn(verify_client(proofs, store, request, circuit, place));
                }
                None => self.refuse("client certificates", ClientVerdict::Refuse, circuit),
            },
            FromDmz::Arrived(arrived) => self.arrived(arrived, circuit),
        }
    }

    fn arrived(&self, arrived: Arrived, circuit: Circuit) {
        let Some(asked) = self.asks(&arrived.listener) else {
            tracing::warn!(
                circuit = %arrived.circuit,
                peer = %arrived.peer,
                listener = bounded(&arrived.listener),
                "A connection on a listener that is not in the policy was refused.",
            );
            return self.answer_refusal(ArrivedAnswer::Refuse, circuit);
        };
        if arrived.ssid.len() != SSID {
            tracing::warn!(
                circuit = %arrived.circuit,
                peer = %arrived.peer,
                octets = arrived.ssid.len(),
                "The DMZ half announced a partner without a whole SSID; it was refused.",
            );
            return self.answer_refusal(ArrivedAnswer::Refuse, circuit);
        }
        if !self.context.shutdown.is_running() {
            return self.answer_refusal(ArrivedAnswer::Refuse, circuit);
        }
        let (Some(place), Some(session)) =
            (self.place(&self.arrivals), self.place(&self.context.places))
        else {
            return self.refuse("sessions", ArrivedAnswer::Refuse, circuit);
        };
        // A ticket that is not good counts as none: the partner's own rule then decides.
        let certificate = arrived.tls.client.and_then(|ticket| {
            self.proofs
                .redeem(&ticket, arrived.circuit, &arrived.listener, Instant::now())
        });
        if arrived.tls.client.is_some() && certificate.is_none() {
            tracing::warn!(
                circuit = %arrived.circuit,
                peer = %arrived.peer,
                "The DMZ half presented a client certificate ticket that is not good; it counts as no certificate.",
            );
        }
        let caller = Caller {
            circuit: arrived.circuit,
            peer: arrived.peer,
            listener: arrived.listener,
            transport: store::Transport::Tls,
            asked_for_certificate: asked,
            certificate,
        };
        tokio::spawn(serve(
            self.context.clone(),
            caller,
            arrived.ssid,
            circuit,
            place,
            session,
        ));
    }

    fn place(&self, ceiling: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        Arc::clone(ceiling).try_acquire_owned().ok()
    }

    /// Refuses because a ceiling is reached.
    fn refuse<A>(&self, what: &'static str, answer: A, circuit: Circuit)
    where
        A: Message + Sync + 'static,
    {
        self.context.counters.over_ceiling.one();
        tracing::warn!(
            what,
            "Too much is under way for the DMZ half; a request was refused."
        );
        self.answer_refusal(answer, circuit);
    }

    fn answer_refusal<A>(&self, answer: A, circuit: Circuit)
    where
        A: Message + Sync + 'static,
    {
        if let Some(place) = self.place(&self.refusals) {
            tokio::spawn(async move {
                reply(circuit, &answer).await;
                drop(place);
            });
        }
    }
}

async fn sign(
    signatory: Arc<Signatory>,
    request: Sign,
    circuit: Circuit,
    place: OwnedSemaphorePermit,
) {
    let signed = spawn_blocking(move || signatory.sign(&request)).await;
    let answer = match signed {
        Ok(Ok(signature)) => SignAnswer::Signature(signature),
        Ok(Err(_)) | Err(_) => SignAnswer::Refused,
    };
    reply(circuit, &answer).await;
    drop(place);
}

async fn verify_client(
    proofs: Arc<ClientProofs>,
    store: store::Store,
    request: VerifyClient,
    circuit: Circuit,
    place: OwnedSemaphorePermit,
) {
    let judged = spawn_blocking(move || {
        let pinned = |fingerprint: &store::Fingerprint| {
            let partners = store.partners().map_err(|error| error.to_string())?;
            Ok(partners
                .iter()
                .any(|partner| partner.enabled && partner.certificates.contains(fingerprint)))
        };
        proofs.judge(&request, pinned, Timestamp::now(), Instant::now())
    })
    .await;
    let verdict = match judged {
        Ok(Ok(ticket)) => ClientVerdict::Accept { ticket },
        Ok(Err(_)) | Err(_) => ClientVerdict::Refuse,
    };
    reply(circuit, &verdict).await;
    drop(place);
}

async fn serve(
    context: SessionContext,
    caller: Caller,
    ssid: Vec<u8>,
    mut circuit: Circuit,
    place: OwnedSemaphorePermit,
    session: OwnedSemaphorePermit,
) {
    let judged = answers::judge(&context, &caller, &ssid).await;
    let answer = match &judged {
        Some(_) => ArrivedAnswer::Accept,
        None => ArrivedAnswer::Refuse,
    };
    let answered = timeout(ANSWER_WITHIN, circuit.send_message(&answer)).await;
    drop(place);
    let Some(verdict) = judged else {
        // The refusal is delivered only if the stream ends in good order; a failure is the link's end.
        let _ = circuit.halves().0.finish().await;
        return;
    };
    match answered {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            return tracing::info!(
                circuit = %caller.circuit,
                peer = %caller.peer,
                why = %error,
                "A circuit broke before it was open.",
            );
        }
        Err(_) => {
            return tracing::warn!(
                circuit = %caller.circuit,
                peer = %caller.peer,
                "The DMZ half did not take the answer to an arrival in time.",
            );
        }
    }
    session::serve(
        &context,
        Arrival {
            caller,
            ssid,
            verdict,
        },
        circuit,
    )
    .await;
    drop(session);
}

async fn reply<A: Message + Sync>(mut circuit: Circuit, answer: &A) {
    // The DMZ half has a deadline of its own; there is nobody else to tell.
    let sending = async {
        circuit.send_message(answer).await?;
        circuit.halves().0.finish().await
    };
    if !matches!(timeout(ANSWER_WITHIN, sending).await, Ok(Ok(()))) {
        tracing::debug!("The DMZ half did not take an answer.");
    }
}
