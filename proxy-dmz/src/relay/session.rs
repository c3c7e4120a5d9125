//! One partner connection from accept to end: handshake, SSID, opening, octets both ways.

use std::net::SocketAddr;
use std::sync::Arc;

use ::link::message::{Arrived, CircuitId, Dial, DialFailure};
use ::link::{Circuit, Link};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;
use tracing::{debug, info, warn};

use super::circuits::Running;
use super::gate::{self, Gate};
use super::join::{self, JoinError};
use super::pump::{self, Ending, Guard, Why};
use crate::public::dialer::{self, DialError, Dialed, Dialer};
use crate::public::listener::{Caller, Rules};
use crate::public::tls::{Call, Doorman, HandshakeError};
use crate::status::{Cause, Status};

/// What every connection of one inner half shares.
#[derive(Debug)]
pub struct Front {
    /// The inner half.
    pub link: Link,
    /// Public TLS.
    pub doorman: Doorman,
    /// Calls out.
    pub dialer: Dialer,
    /// The limits now in force.
    pub rules: watch::Receiver<Rules>,
    /// What is counted.
    pub status: Arc<Status>,
}

/// Serves one caller until it is over. All that goes wrong is logged and counted.
pub async fn receive(front: &Front, caller: Caller, running: &Running) {
    let (circuit, peer) = (caller.circuit, caller.peer);
    let rules = front.rules.borrow().clone();
    // Given back when the connection is closed, not before.
    let Caller {
        stream,
        local,
        identity,
        accepted,
        place: _place,
        ..
    } = caller;
    let call = Call {
        circuit,
        peer,
        local,
        identity,
        link: front.link.clone(),
        deadline: accepted + rules.handshake,
        answer_within: rules.open,
    };
    let arrival = tokio::select! {
        arrival = arrive(front, &rules, stream, call) => arrival,
        why = running.closing() => Err(Turned::Stopped(why)),
    };
    // Once the inner half is asked it may have said yes: such a circuit counts as running.
    let opened = match arrival {
        Ok(Arrival {
            stream,
            opening,
            gates,
        }) => tokio::select! {
            link_end = join::open(&front.link, opening, rules.open) => {
                link_end.map(|link_end| (stream, link_end, gates)).map_err(Turned::from)
            }
            why = running.ended() => Err(Turned::Stopped(why)),
        },
        Err(turned) => Err(turned),
    };
    let (stream, link_end, (from_partner, from_inner)) = match opened {
        Ok(opened) => opened,
        Err(turned) => return turned.tell(&front.status, circuit, peer),
    };
    let guards = (Guard::Oftp(from_partner), Guard::Oftp(from_inner));
    front.status.circuit();
    info!(%circuit, %peer, "A circuit opened.");
    let ending = pump::relay(stream, link_end, guards, rules.idle, running.ended()).await;
    tell(&front.status, circuit, peer, &ending);
}

/// Carries out an order to dial and serves the circuit until it is over.
pub async fn call_out(front: &Front, order: Dial, mut link_end: Circuit, running: &Running) {
    let circuit = order.circuit;
    let idle = front.rules.borrow().idle;
    let dialed = tokio::select! {
        dialed = front.dialer.dial(&order) => dialed,
        why = running.closing() => {
            Err(DialError { kind: DialFailure::Busy, detail: format!("no calls out now: {why}") })
        }
    };
    let answered = link_end.send_message(&dialer::answer(&dialed)).await;
    match (dialed, answered) {
        (Ok(Dialed { stream, peer, .. }), Ok(())) => {
            front.status.dialled();
            info!(%circuit, %peer, "A circuit opened.");
            let guards = (Guard::Sealed, Guard::Sealed);
            let ending = pump::relay(stream, link_end, guards, idle, running.ended()).await;
            tell(&front.status, circuit, peer, &ending);
        }
        (Ok(Dialed { peer, .. }), Err(error)) => {
            front.status.count(Cause::InnerLost);
            info!(%circuit, %peer, %error, "A call out was connected, but the inner half was gone.");
        }
        (Err(error), _) => {
            // Unfinished, the answer would be taken back.
            let _ = link_end.into_halves().0.finish().await;
            info!(
                %circuit, host = order.host, port = order.port, kind = ?error.kind,
                cause = %error, "A call out failed."
            );
        }
    }
}

/// Logs and counts how a circuit ended.
pub fn tell(status: &Status, circuit: CircuitId, peer: SocketAddr, ending: &Ending) {
    let Ending {
        octets_in,
        octets_out,
        why,
    } = ending;
    status.carried(*octets_in, *octets_out);
    let cause = match why {
        Why::InnerClosed => None,
        Why::Stopped(_) => Some(Cause::Stopped),
        Why::Refused(_) => Some(Cause::Violation),
        Why::Idle(_) => Some(Cause::Idle),
        Why::PartnerLost(_) => Some(Cause::PartnerLost),
        Why::CircuitLost(_) => Some(Cause::InnerLost),
    };
    if let Some(cause) = cause {
        status.count(cause);
    }
    if let Why::Refused(refusal) = why {
        warn!(
            %circuit, %peer, direction = %refusal.direction, position = refusal.position,
            cause = %refusal.what, "The gate ended a circuit: something that is not OFTP2 was sent."
        );
    }
    info!(%circuit, octets_in, octets_out, %why, "A circuit ended.");
}

/// A partner behind TLS that has named itself.
struct Arrival {
    stream: TlsStream<TcpStream>,
    opening: Arrived,
    gates: (Gate, Gate),
}

async fn arrive(
    front: &Front,
    rules: &Rules,
    stream: TcpStream,
    call: Call,
) -> Result<Arrival, Turned> {
    let (circuit, peer, local) = (call.circuit, call.peer, call.local);
    let listener = call.identity.listener.clone();
    let established = {
        let _under_way = front.status.handshake();
        front
            .doorman
            .receive(stream, call, rules.handshakes.clone())
            .await?
    };
    let mut stream = established.stream;
    let first = join::first_ssid(&mut stream, rules.ssid).await?;
    let gates = gate::pair(&first.ssid);
    let tls = established.facts;
    let opening = Arrived {
        circuit,
        listener,
        peer,
        local,
        tls,
        ssid: first.oeb,
    };
    Ok(Arrival {
        stream,
        opening,
        gates,
    })
}

/// Why a connection did not become a circuit.
#[derive(Debug, thiserror::Error)]
enum Turned {
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error(transparent)]
    Join(#[from] JoinError),
    #[error("{0}")]
    Stopped(&'static str),
}

impl Turned {
    fn tell(&self, status: &Status, circuit: CircuitId, peer: SocketAddr) {
        let cause = self.cause();
        status.count(cause);
        match cause {
            // The inner half could not do its part: partners stay outside until it can.
            Cause::Signature | Cause::Verdict | Cause::OpeningFailed | Cause::Internal => {
                warn!(
                    %circuit, %peer, cause = cause.label(), error = %self,
                    "A partner could not be let in."
                );
            }
            _ => debug!(
                %circuit, %peer, cause = cause.label(), error = %self,
                "A connection ended before it was a circuit."
            ),
        }
    }

    fn cause(&self) -> Cause {
        match self {
            Turned::Handshake(error) => match error {
                HandshakeError::Hello(_) => Cause::Hello,
                HandshakeError::Tls(_) => Cause::Tls,
                HandshakeError::Signature(_) => Cause::Signature,
                HandshakeError::Late => Cause::HandshakeLate,
                HandshakeError::CertificateRefused => Cause::CertificateRefused,
                HandshakeError::Verdict(_) => Cause::Verdict,
                HandshakeError::Internal(_) => Cause::Internal,
            },
            Turned::Stopped(_) => Cause::Stopped,
            Turned::Join(error) => match error {
                JoinError::Late(_) => Cause::SsidLate,
                JoinError::Gone(_)
                | JoinError::Header(_)
                | JoinError::Length { .. }
                | JoinError::Syntax(_)
                | JoinError::Other { .. } => Cause::SsidJunk,
                JoinError::Ready(_) => Cause::Internal,
                JoinError::Opening(_) | JoinError::OpeningLate(_) => Cause::OpeningFailed,
                JoinError::OpeningRefused => Cause::OpeningRefused,
            },
        }
    }
}
