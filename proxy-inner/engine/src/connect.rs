//! The session connection table (RFC 5024 section 9.8): ready message, SSID both ways, first turn.
//!
//! ```text
//!  initiator   I_WF_RM ──SSRM / SSID──▶ I_WF_SSID ──SSID / F_CONNECT_CF──▶ IDLESP
//!  responder   A_NC_ONLY ──SSID / F_CONNECT_IND──▶ A_WF_CONRS ──F_CONNECT_RS / SSID──▶ IDLELI
//! ```
//!
//! With secure authentication the two arrows on the right lead to `authenticate` instead.

use oftp::{Command, EndReason, Ssid};

use crate::line::Line;
use crate::listener::Idleli;
use crate::negotiate::{self, Mismatch};
use crate::speaker::Idlesp;
use crate::state::{Reply, State, Step, done, settle};
use crate::{Event, Identity, Request, RequestError, abort, authenticate};

/// I_WF_RM: the initiator waits for SSRM and says nothing before it (R-016).
#[derive(Debug)]
pub(crate) struct IWfRm {
    us: Box<Identity>,
}

impl IWfRm {
    pub(crate) fn new(us: Identity) -> Self {
        Self { us: Box::new(us) }
    }
}

impl Step for IWfRm {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S1-H.
            Command::Ssrm(_) => {
                let ssid = negotiate::opening(&line.settings, *self.us);
                line.say(&Command::Ssid(ssid));
                IWfSsid.into()
            }
            Command::Esid(esid) => abort::ended_by_partner(esid, line),
            // C4: a SSID too is out of place here, unlike in other states.
            other => {
                let what = format!("{} came where SSRM must be first", other.code().name());
                abort::violation(line, &what)
            }
        }
    }
}

/// I_WF_SSID: the initiator waits for the responder's SSID.
#[derive(Debug)]
pub(crate) struct IWfSsid;

impl Step for IWfSsid {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S1-D.
            Command::Ssid(theirs) => {
                line.meet(theirs.level);
                match negotiate::as_initiator(&line.settings, &theirs) {
                    Ok((agreement, met)) => {
                        line.tolerate_all(met);
                        line.agree(agreement);
                        if agreement.authentication {
                            return authenticate::begun_by_us(theirs, line);
                        }
                        line.tell(Event::Connected(agreement, theirs));
                        Idlesp.into()
                    }
                    Err(mismatch) => mismatched(mismatch, line),
                }
            }
            // S1-F for ESID, C1 for the rest.
            other => abort::other_command("I_WF_SSID", other, line),
        }
    }
}

/// A_NC_ONLY: the responder has sent SSRM and waits for the initiator's SSID.
#[derive(Debug)]
pub(crate) struct ANcOnly;

impl Step for ANcOnly {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S1-E. The mode can be judged before anybody is asked who this is (A-15).
            Command::Ssid(theirs) => {
                line.meet(theirs.level);
                match negotiate::mode_possible(&line.settings, &theirs) {
                    Ok(_) => {
                        line.tell(Event::Connect(theirs.clone()));
                        AWfConrs {
                            theirs: Box::new(theirs),
                        }
                        .into()
                    }
                    Err(mismatch) => mismatched(mismatch, line),
                }
            }
            other => abort::other_command("A_NC_ONLY", other, line),
        }
    }
}

/// A_WF_CONRS: the driver decides whether it knows the caller.
#[derive(Debug)]
pub(crate) struct AWfConrs {
    theirs: Box<Ssid>,
}

impl Step for AWfConrs {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        abort::other_command("A_WF_CONRS", command, line)
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            // S1-G.
            Request::ConnectResponse(Ok(us)) => {
                match negotiate::as_responder(&line.settings, &self.theirs) {
                    Ok((agreement, met)) => {
                        line.tolerate_all(met);
                        line.say(&Command::Ssid(negotiate::answer(&agreement, us)));
                        line.agree(agreement);
                        if agreement.authentication {
                            return done(authenticate::awaited(self.theirs));
                        }
                        line.tell(Event::Connected(agreement, *self.theirs));
                        done(Idleli)
                    }
                    Err(mismatch) => done(mismatched(mismatch, line)),
                }
            }
            // R-042, R-043: a refusal is a release with the driver's reason (S3-Q).
            Request::ConnectResponse(Err(refusal)) if refusal.reason == EndReason::NORMAL => {
                settle(self, Err(RequestError::NormalRefusal))
            }
            Request::ConnectResponse(Err(refusal)) => {
                let outcome = abort::release(line, refusal.reason, refusal.text);
                settle(self, outcome)
            }
            other => abort::other_request(self.into(), other, line),
        }
    }
}

fn mismatched(mismatch: Mismatch, line: &mut Line) -> State {
    abort::end(line, mismatch.reason, mismatch.text)
}
