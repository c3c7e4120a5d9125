//! Secure authentication (RFC 5024 sections 4.2.3, 4.2.4 and 9.8): each side proves that it holds
//! the private key of a certificate, by opening 20 octets that the other side sealed for it.
//!
//! ```text
//!  initiator  ──SECD──▶ WF_AUCH ──AUCH / Challenged──▶ WF_AUCH ──ChallengeResponse / AURP──▶ WF_SECD
//!             ──SECD / ChallengeWanted──▶ WF_SECD ──Challenge / AUCH──▶ WF_AURP ──AURP──▶ IDLESP
//!  responder  WF_SECD ──SECD / ChallengeWanted──▶ WF_SECD ──Challenge / AUCH──▶ WF_AURP
//!             ──AURP / SECD──▶ WF_AUCH ──AUCH / Challenged──▶ WF_AUCH ──ChallengeResponse / AURP──▶ IDLELI
//! ```
//!
//! Sealing and opening are the driver's: it has the keys and the randomness, and a fresh secret for
//! every AUCH (S1 action 6 belongs to transition J: A-09). The comparison is the engine's, so that
//! no driver can forget it, and takes the same time whatever differs. What proves an identity
//! permits nothing: that is the driver's again.
//!
//! The order cannot be left: any other command is a protocol violation (S1-L, A-06). The RFC has
//! one state while AUCH or SECD is awaited and while it is being answered; here it is two structs
//! under the same name.

use oftp::{Auch, Aurp, Command, EndReason, Ssid};

use crate::line::Line;
use crate::listener::Idleli;
use crate::speaker::Idlesp;
use crate::state::{Reply, State, Step, settle};
use crate::{Challenge, Event, Refusal, Request, RequestError, abort};

/// Who authenticates whom.
#[derive(Debug)]
pub(crate) struct Parties {
    /// We called (V.Caller).
    caller: bool,
    /// The partner's SSID, told with the opened session.
    theirs: Box<Ssid>,
}

impl Parties {
    /// F_CONNECT_CF, and for the responder its counterpart.
    fn opened(self, line: &mut Line) -> State {
        line.tell(Event::Connected(*line.terms(), *self.theirs));
        if self.caller {
            Idlesp.into()
        } else {
            Idleli.into()
        }
    }
}

/// S1-D with P11: the initiator opens the phase.
pub(crate) fn begun_by_us(theirs: Ssid, line: &mut Line) -> State {
    line.tell(Event::Introduced(theirs.clone()));
    line.say(&Command::Secd);
    WfAuch(Parties {
        caller: true,
        theirs: Box::new(theirs),
    })
    .into()
}

/// S1-G with P9: the initiator will open the phase.
pub(crate) fn awaited(theirs: Box<Ssid>) -> State {
    let caller = false;
    WfSecd(Parties { caller, theirs }).into()
}

/// WF_SECD: the partner has to ask for our challenge.
#[derive(Debug)]
pub(crate) struct WfSecd(Parties);

impl Step for WfSecd {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S1-J, first half.
            Command::Secd => {
                line.tell(Event::ChallengeWanted);
                WfSecdRs(self.0).into()
            }
            other => out_of_turn("WF_SECD", other, line),
        }
    }
}

/// WF_SECD, SECD received: the driver makes a challenge.
#[derive(Debug)]
pub(crate) struct WfSecdRs(Parties);

impl Step for WfSecdRs {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        out_of_turn("WF_SECD", command, line)
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            // S1-J, second half.
            Request::Challenge(Ok(Challenge { sealed, secret })) => {
                let auch = Command::Auch(Auch { challenge: sealed });
                match line.send(&auch) {
                    Ok(()) => settle_at(self.0, Secret(secret)),
                    Err(error) => settle(self, Err(error.into())),
                }
            }
            Request::Challenge(Err(refusal)) => {
                let outcome = failed(refusal, line);
                settle(self, outcome)
            }
            other => abort::other_request(self.into(), other, line),
        }
    }
}

fn settle_at(parties: Parties, challenge: Secret) -> Reply {
    (WfAurp { parties, challenge }.into(), Ok(()))
}

/// WF_AURP: the partner has to open our challenge.
#[derive(Debug)]
pub(crate) struct WfAurp {
    parties: Parties,
    /// V.Challenge.
    challenge: Secret,
}

impl Step for WfAurp {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S1-K, P6.
            Command::Aurp(aurp) if self.challenge.is(&aurp.response) => {
                if self.parties.caller {
                    return self.parties.opened(line);
                }
                // P7: now it is the partner's turn to challenge.
                line.say(&Command::Secd);
                WfAuch(self.parties).into()
            }
            // R-073.
            Command::Aurp(_) => abort::end(
                line,
                EndReason::INVALID_CHALLENGE_RESPONSE,
                "AURP does not hold what our challenge held".to_owned(),
            ),
            other => out_of_turn("WF_AURP", other, line),
        }
    }
}

/// WF_AUCH: the partner has to challenge us.
#[derive(Debug)]
pub(crate) struct WfAuch(Parties);

impl Step for WfAuch {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S1-I, first half.
            Command::Auch(auch) => {
                line.tell(Event::Challenged(auch.challenge));
                WfAuchRs(self.0).into()
            }
            other => out_of_turn("WF_AUCH", other, line),
        }
    }
}

/// WF_AUCH, AUCH received: the driver opens the challenge.
#[derive(Debug)]
pub(crate) struct WfAuchRs(Parties);

impl Step for WfAuchRs {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        out_of_turn("WF_AUCH", command, line)
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            // S1-I, second half. The responder does not wait for the initiator's verdict: a wrong
            // answer comes back as ESID 11.
            Request::ChallengeResponse(Ok(response)) => {
                line.say(&Command::Aurp(Aurp { response }));
                let next = if self.0.caller {
                    WfSecd(self.0).into()
                } else {
                    self.0.opened(line)
                };
                (next, Ok(()))
            }
            Request::ChallengeResponse(Err(refusal)) => {
                let outcome = failed(refusal, line);
                settle(self, outcome)
            }
            other => abort::other_request(self.into(), other, line),
        }
    }
}

/// A-07: no certificate for the partner, or its challenge cannot be opened. ESID 11 as a rule, with
/// the driver's words; nothing is sent in place of an answer.
fn failed(refusal: Refusal, line: &mut Line) -> Result<State, RequestError> {
    if refusal.reason == EndReason::NORMAL {
        return Err(RequestError::NormalRefusal);
    }
    abort::release(line, refusal.reason, refusal.text)
}

/// S1-F for ESID; S1-L and C1 for all else, SSID included.
fn out_of_turn(state: &'static str, command: Command<'_>, line: &mut Line) -> State {
    match command {
        Command::Esid(esid) => abort::ended_by_partner(esid, line),
        other => abort::violation(
            line,
            &format!("{} is not allowed in state {state}", other.code().name()),
        ),
    }
}

/// What our challenge holds. Never shown.
struct Secret([u8; 20]);

impl Secret {
    /// Looks at every octet, whatever the first ones are.
    fn is(&self, response: &[u8; 20]) -> bool {
        let differing = self.0.iter().zip(response).fold(0, |all, (ours, theirs)| {
            core::hint::black_box(all | (ours ^ theirs))
        });
        differing == 0
    }
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-073: one wrong bit anywhere is wrong.
    #[test]
    fn every_bit_of_the_response_counts() {
        let secret = Secret(core::array::from_fn(|at| u8::try_from(at).unwrap_or(0)));
        assert!(secret.is(&secret.0));
        for bit in 0..160 {
            let mut response = secret.0;
            response[bit / 8] ^= 1 << (bit % 8);
            assert!(!secret.is(&response), "bit {bit}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret([7; 20])), "Secret");
    }
}
