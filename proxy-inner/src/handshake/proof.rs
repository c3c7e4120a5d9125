//! Judges the proof of a partner's client certificate that the DMZ half passes on, and hands out a
//! ticket by which the circuit that follows is known to belong to that certificate.
//!
//! A captured DMZ half may invent or repeat anything. So the signature is checked here, over a
//! message that can be nothing but a TLS client handshake; a message seen before is refused; in
//! TLS 1.2, where the message shows both certificates, they must be the client's and ours. A ticket
//! is random, used once, and good only for the circuit and listener it was made for.
//!
//! Messages seen are remembered since start and up to a ceiling; only messages with a good signature
//! of a pinned certificate are, so a captured DMZ half alone cannot push any out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ::link::{CircuitId, VerifyClient};
use jiff::Timestamp;
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use sha2::{Digest, Sha256};
use store::Fingerprint;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::TlsKey;
use super::sign::{TLS13_CLIENT, is_tls13};
use super::signature::{SignatureProblem, TlsVersion, verify};
use super::transcript::Transcript;
use crate::session::Counters;

/// Most certificates of a partner's chain.
const MOST_CERTIFICATES: usize = 10;
/// Most octets of one certificate.
const MOST_CERTIFICATE: usize = 16 * 1024;
/// Most octets of a chain together.
const MOST_CHAIN: usize = 64 * 1024;
/// Most octets of a signature: RSA with 8192 bits has 1024.
const MOST_SIGNATURE: usize = 1024;
/// Messages remembered: about 6 MiB when full.
const MOST_SEEN: usize = 65_536;
/// A message must have been remembered this long before it may give way to a new one.
const SEEN_AT_LEAST: Duration = Duration::from_secs(3600);
/// Tickets not yet redeemed.
const MOST_TICKETS: usize = 4096;
/// How long a ticket may wait for its circuit; the SSID must have come by then.
const TICKET_LIFE: Duration = Duration::from_secs(120);

/// The proofs seen and the tickets out.
#[derive(Debug)]
pub struct ClientProofs {
    algorithms: WebPkiSupportedAlgorithms,
    /// Our own end-entity certificates of each listener that asks for a client's: the one it
    /// presents, and the one before it.
    listeners: RwLock<HashMap<String, Vec<Vec<u8>>>>,
    memory: Mutex<Memory>,
    counters: Arc<Counters>,
}

/// Why a proof was refused.
#[derive(Debug, thiserror::Error)]
pub enum ProofRefusal {
    /// The listener is not in the policy or does not ask for certificates.
    #[error("the listener is none of the policy that asks for client certificates")]
    Listener,
    /// A part of the request is larger than any partner's.
    #[error("{0}")]
    Size(&'static str),
    /// The end-entity certificate does not parse.
    #[error("the partner's certificate is not well-formed: {0}")]
    Certificate(String),
    /// The octets signed are no client handshake.
    #[error("the octets signed are no TLS client handshake: {0}")]
    Message(&'static str),
    /// The signature does not count.
    #[error(transparent)]
    Signature(#[from] SignatureProblem),
    /// No partner has this certificate.
    #[error(
        "certificate {0} is pinned for no partner; if it is genuine, add it to the partner's certificates"
    )]
    NotPinned(Fingerprint),
    /// The certificate is pinned but not valid now.
    #[error(
        "certificate {fingerprint} is valid from {from} until {until} only; ask the partner for its new one"
    )]
    Expired {
        /// Which.
        fingerprint: Fingerprint,
        /// First moment of validity, as the certificate has it.
        from: String,
        /// Last moment.
        until: String,
    },
    /// This very message was there before.
    #[error("this handshake was presented before: the DMZ half repeats a recorded one")]
    Replayed,
    /// Too many proofs at once.
    #[error("too many proofs are remembered or waiting; this ends by itself")]
    Full,
    /// The partners could not be looked up, or there is no randomness.
    #[error("the proof could not be judged: {0}")]
    Failed(String),
}

#[derive(Debug, Default)]
struct Memory {
    seen: HashSet<[u8; 32]>,
    order: VecDeque<(Instant, [u8; 32])>,
    tickets: HashMap<[u8; 16], Ticket>,
}

#[derive(Debug)]
struct Ticket {
    circuit: CircuitId,
    listener: String,
    fingerprint: Fingerprint,
    until: Instant,
}

impl ClientProofs {
    /// For these listeners, which ask for client certificates.
    pub fn new<'a>(
        algorithms: WebPkiSupportedAlgorithms,
        asking: impl IntoIterator<Item = &'a TlsKey>,
        counters: Arc<Counters>,
    ) -> Self {
        let proofs = Self {
            algorithms,
            listeners: RwLock::default(),
            memory: Mutex::default(),
            counters,
        };
        proofs.renew(asking);
        proofs
    }

    /// Takes the keys of a new policy. For each listener that goes on, the certificate before counts
    /// too: a handshake begun before may have been held with it.
    pub fn renew<'a>(&self, asking: impl IntoIterator<Item = &'a TlsKey>) {
        let mut listeners = self
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *listeners);
        for key in asking {
            let Some(leaf) = key.chain.first() else {
                continue;
            };
            let mut ours = vec![leaf.to_vec()];
            let earlier = before.remove(&key.listener).unwrap_or_default();
            ours.extend(earlier.into_iter().filter(|der| *der != **leaf).take(1));
            listeners.insert(key.listener.clone(), ours);
        }
    }

    /// Judges a proof; `pinned` tells whether any partner has the certificate. A good one earns a
    /// ticket. Both outcomes are counted, a refusal is logged.
    ///
    /// # Errors
    /// Any [`ProofRefusal`]; the DMZ half learns only that it was refused.
    pub fn judge(
        &self,
        request: &VerifyClient,
        pinned: impl FnOnce(&Fingerprint) -> Result<bool, String>,
        now: Timestamp,
        clock: Instant,
    ) -> Result<[u8; 16], ProofRefusal> {
        let answer = self.try_judge(request, pinned, now, clock);
        match &answer {
            Ok(_) => self.counters.proofs.one(),
            Err(refusal) => {
                self.counters.proofs_refused.one();
                tracing::warn!(
                    circuit = %request.circuit,
                    peer = %request.peer,
                    listener = request.listener.escape_debug().to_string(),
                    why = %refusal,
                    "A client certificate was refused.",
                );
            }
        }
        answer
    }

    /// Takes a ticket back: the fingerprint it stands for, if it was made for this circuit and
    /// listener and not used before.
    pub fn redeem(
        &self,
        ticket: &[u8; 16],
        circuit: CircuitId,
        listener: &str,
        clock: Instant,
    ) -> Option<Fingerprint> {
        let ticket = self.memory().tickets.remove(ticket)?;
        let good =
            ticket.circuit == circuit && ticket.listener == listener && clock <= ticket.until;
        good.then_some(ticket.fingerprint)
    }

    fn try_judge(
        &self,
        request: &VerifyClient,
        pinned: impl FnOnce(&Fingerprint) -> Result<bool, String>,
        now: Timestamp,
        clock: Instant,
    ) -> Result<[u8; 16], ProofRefusal> {
        let ours = self.ours(&request.listener).ok_or(ProofRefusal::Listener)?;
        let leaf = within_ceilings(request)?;
        let version = TlsVersion::from_code(request.tls_version)
            .ok_or(ProofRefusal::Message("neither TLS 1.2 nor TLS 1.3"))?;
        check_message(version, &request.message, leaf, &ours)?;
        let certificate = parse(leaf)?;
        verify(
            &self.algorithms,
            version,
            SignatureScheme::from(request.scheme),
            certificate.public_key(),
            &request.message,
            &request.signature,
        )?;
        let fingerprint = fingerprint_of(leaf);
        if !pinned(&fingerprint).map_err(ProofRefusal::Failed)? {
            return Err(ProofRefusal::NotPinned(fingerprint));
        }
        check_validity(&certificate, &fingerprint, now)?;
        let mut ticket = [0; 16];
        getrandom::fill(&mut ticket).map_err(|error| ProofRefusal::Failed(error.to_string()))?;
        let mut memory = self.memory();
        memory.remember(Sha256::digest(&request.message).into(), clock)?;
        memory.issue(
            ticket,
            Ticket {
                circuit: request.circuit,
                listener: request.listener.clone(),
                fingerprint,
                until: clock + TICKET_LIFE,
            },
            clock,
        )?;
        Ok(ticket)
    }

    fn ours(&self, listener: &str) -> Option<Vec<Vec<u8>>> {
        let listeners = self
            .listeners
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.get(listener).cloned()
    }

    /// Nothing that holds the lock can leave the memory half changed, so a poisoned one is usable.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn remember(&mut self, message: [u8; 32], clock: Instant) -> Result<(), ProofRefusal> {
        if self.seen.contains(&message) {
            return Err(ProofRefusal::Replayed);
        }
        if self.order.len() >= MOST_SEEN {
            let old_enough = self
                .order
                .pop_front_if(|(at, _)| clock.saturating_duration_since(*at) >= SEEN_AT_LEAST);
            let (_, oldest) = old_enough.ok_or(ProofRefusal::Full)?;
            self.seen.remove(&oldest);
        }
        self.order.push_back((clock, message));
        self.seen.insert(message);
        Ok(())
    }

    fn issue(
        &mut self,
        number: [u8; 16],
        ticket: Ticket,
        clock: Instant,
    ) -> Result<(), ProofRefusal> {
        if self.tickets.len() >= MOST_TICKETS {
            self.tickets.retain(|_, ticket| clock <= ticket.until);
        }
        if self.tickets.len() >= MOST_TICKETS {
            return Err(ProofRefusal::Full);
        }
        self.tickets.insert(number, ticket);
        Ok(())
    }
}

/// The end-entity certificate, when no part of the request is beyond its ceiling.
fn within_ceilings(request: &VerifyClient) -> Result<&[u8], ProofRefusal> {
    if request.chain.len() > MOST_CERTIFICATES {
        return Err(ProofRefusal::Size("more than 10 certificates"));
    }
    if request.chain.iter().any(|der| der.len() > MOST_CERTIFICATE) {
        return Err(ProofRefusal::Size("a certificate of more than 16 KiB"));
    }
    if request.chain.iter().map(Vec::len).sum::<usize>() > MOST_CHAIN {
        return Err(ProofRefusal::Size("a chain of more than 64 KiB"));
    }
    if request.signature.len() > MOST_SIGNATURE {
        return Err(ProofRefusal::Size("a signature of more than 1024 octets"));
    }
    request
        .chain
        .first()
        .map(Vec::as_slice)
        .ok_or(ProofRefusal::Size("a chain without certificates"))
}

fn check_message(
    version: TlsVersion,
    message: &[u8],
    leaf: &[u8],
    ours: &[Vec<u8>],
) -> Result<(), ProofRefusal> {
    let wrong = |why| Err(ProofRefusal::Message(why));
    match version {
        TlsVersion::Tls13 if is_tls13(message, TLS13_CLIENT) => Ok(()),
        TlsVersion::Tls13 => wrong("no TLS 1.3 client CertificateVerify content"),
        TlsVersion::Tls12 => {
            let transcript = Transcript::read(message).map_err(ProofRefusal::Message)?;
            if transcript.client != leaf {
                wrong("the certificate in the handshake is another than the one presented")
            } else if !ours.iter().any(|ours| transcript.server == *ours) {
                wrong("the handshake was held with another server's certificate")
            } else {
                Ok(())
            }
        }
    }
}

/// Names a certificate by its DER.
pub(crate) fn fingerprint_of(der: &[u8]) -> Fingerprint {
    Fingerprint::from_digest(Sha256::digest(der).into())
}

/// Reads one whole certificate.
pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, ProofRefusal> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(ProofRefusal::Certificate("octets follow it".to_owned())),
        Err(error) => Err(ProofRefusal::Certificate(error.to_string())),
    }
}

/// Whether the certificate is valid at this moment.
pub(crate) fn check_validity(
    certificate: &X509Certificate<'_>,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> Result<(), ProofRefusal> {
    let validity = certificate.validity();
    let valid = validity.not_before.timestamp() <= now.as_second()
        && now.as_second() <= validity.not_after.timestamp();
    if valid {
        Ok(())
    } else {
        Err(ProofRefusal::Expired {
            fingerprint: *fingerprint,
            from: validity.not_before.to_string(),
            until: validity.not_after.to_string(),
        })
    }
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
