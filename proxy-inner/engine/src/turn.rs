//! Waiting for the turn that EFPA (CD = Y) asked for: the WF_CD columns of RFC 5024 section 9.10.
//!
//! The driver believes it is speaker already, so one request may come; it is kept and carried out
//! when CD arrives. A second one is a user error (S3-U, S3-W). What is kept was checked
//! before, so that it cannot fail then.

use oftp::{Command, Eerp, Nerp, Sfid};

use crate::line::Line;
use crate::listener::Idlelicd;
use crate::speaker::{self, Idlesp};
use crate::state::{Reply, State, Step, done, settle};
use crate::{Event, Request, RequestError, abort};

/// WF_CD: EFPA(CD) sent.
#[derive(Debug)]
pub(crate) struct WfCd;

impl Step for WfCd {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S3-H: solicited, hence IDLESP and not IDLESPCD.
            Command::Cd => {
                line.tell(Event::TurnTaken);
                Idlesp.into()
            }
            other => abort::other_command("WF_CD", other, line),
        }
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            // S3-F.
            Request::Eerp(eerp) => settle(self, keep_eerp(eerp, line)),
            // S3-Z.
            Request::Nerp(nerp) => settle(self, keep_nerp(nerp, line)),
            // S3-G.
            Request::StartFile(sfid) => settle(self, keep_offer(sfid, line)),
            // S3-T.
            Request::ChangeDirection => done(Cdstwfcd),
            other => abort::other_request(self.into(), other, line),
        }
    }
}

/// ERSTWFCD: F_EERP_RQ kept.
#[derive(Debug)]
pub(crate) struct Erstwfcd {
    eerp: Box<Eerp>,
}

impl Step for Erstwfcd {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S3-R.
            Command::Cd => {
                let sent = speaker::receipt(&Command::Eerp(*self.eerp), line);
                carried_out(sent, line)
            }
            other => abort::other_command("ERSTWFCD", other, line),
        }
    }
}

/// NRSTWFCD: F_NERP_RQ kept.
#[derive(Debug)]
pub(crate) struct Nrstwfcd {
    nerp: Box<Nerp>,
}

impl Step for Nrstwfcd {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S3-Z1.
            Command::Cd => {
                let sent = speaker::receipt(&Command::Nerp(*self.nerp), line);
                carried_out(sent, line)
            }
            other => abort::other_command("NRSTWFCD", other, line),
        }
    }
}

/// SFSTWFCD: F_START_FILE_RQ kept.
#[derive(Debug)]
pub(crate) struct Sfstwfcd {
    sfid: Box<Sfid>,
}

impl Step for Sfstwfcd {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S3-I.
            Command::Cd => {
                let sent = speaker::offer(*self.sfid, line);
                carried_out(sent, line)
            }
            other => abort::other_command("SFSTWFCD", other, line),
        }
    }
}

/// CDSTWFCD: F_CD_RQ kept.
#[derive(Debug)]
pub(crate) struct Cdstwfcd;

impl Step for Cdstwfcd {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S3-J.
            Command::Cd => {
                line.say(&Command::Cd);
                Idlelicd.into()
            }
            other => abort::other_command("CDSTWFCD", other, line),
        }
    }
}

fn keep_eerp(eerp: Eerp, line: &mut Line) -> Result<State, RequestError> {
    line.check(&Command::Eerp(eerp.clone()))?;
    Ok(Erstwfcd {
        eerp: Box::new(eerp),
    }
    .into())
}

fn keep_nerp(nerp: Nerp, line: &mut Line) -> Result<State, RequestError> {
    line.check(&Command::Nerp(nerp.clone()))?;
    Ok(Nrstwfcd {
        nerp: Box::new(nerp),
    }
    .into())
}

fn keep_offer(sfid: Sfid, line: &mut Line) -> Result<State, RequestError> {
    speaker::check_offer(&sfid, line)?;
    line.check(&Command::Sfid(sfid.clone()))?;
    Ok(Sfstwfcd {
        sfid: Box::new(sfid),
    }
    .into())
}

fn carried_out(sent: Result<State, RequestError>, line: &mut Line) -> State {
    sent.unwrap_or_else(|error| {
        abort::end(
            line,
            oftp::EndReason::UNSPECIFIED,
            format!("a stored request failed: {error}"),
        )
    })
}
