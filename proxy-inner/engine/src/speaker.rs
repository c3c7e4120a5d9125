//! The speaker tables (RFC 5024 sections 9.10 and 9.11): offer a file, send it, end it, send
//! receipts, give the turn.
//!
//! ```text
//!  IDLESP ──F_START_FILE_RQ / SFID──▶ OPOP ──SFPA──▶ OPO ──last credit──▶ OPOWFC ──CDT──▶ OPO
//!  OPO ──F_CLOSE_FILE_RQ / EFID──▶ CLOP ──EFPA, EFNA──▶ IDLESP, IDLELI
//!  IDLESP ──F_EERP_RQ / EERP──▶ WF_RTR ──RTR──▶ IDLESP
//! ```
//!
//! Signing of receipts (S3 action 18, A-16) is the driver's: it hands over the finished command.

use oftp::{Command, EndReason, Format, Level, Mode, Packed, Sfid};

use crate::layout::{Layout, is_secured};
use crate::line::Line;
use crate::listener::{Idleli, Idlelicd};
use crate::sending::{Sending, level_carries};
use crate::state::{Reply, State, Step, done, settle};
use crate::{Event, Request, RequestError, abort};

/// IDLESP: idle speaker.
#[derive(Debug)]
pub(crate) struct Idlesp;

impl Step for Idlesp {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        abort::other_command("IDLESP", command, line)
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            // S3-D, R-155.
            Request::ChangeDirection => {
                line.say(&Command::Cd);
                done(Idlelicd)
            }
            other => idle_speaker(self.into(), other, line),
        }
    }
}

/// IDLESPCD: idle speaker by the partner's own wish; may release the session, may not hand the turn
/// back (R-157, R-159).
#[derive(Debug)]
pub(crate) struct Idlespcd;

impl Step for Idlespcd {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        abort::other_command("IDLESPCD", command, line)
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            // S3-E.
            Request::Release(EndReason::NORMAL, text) => {
                settle(self, abort::release(line, EndReason::NORMAL, text))
            }
            other => idle_speaker(self.into(), other, line),
        }
    }
}

/// What both idle speakers may do: S3-A, S3-B, S3-Y.
fn idle_speaker(stay: State, request: Request, line: &mut Line) -> Reply {
    match request {
        Request::StartFile(sfid) => settle(stay, offer(sfid, line)),
        Request::Eerp(eerp) => settle(stay, receipt(&Command::Eerp(eerp), line)),
        Request::Nerp(nerp) => settle(stay, receipt(&Command::Nerp(nerp), line)),
        other => abort::other_request(stay, other, line),
    }
}

/// S3-B: SFID goes out, if P1 does not forbid it.
pub(crate) fn offer(sfid: Sfid, line: &mut Line) -> Result<State, RequestError> {
    check_offer(&sfid, line)?;
    let offer = Opop {
        layout: Layout::of(&sfid),
        restart: sfid.restart,
    };
    line.send(&Command::Sfid(sfid))?;
    Ok(offer.into())
}

/// S3 predicate P1, and what neither the format nor the session's level can say.
pub(crate) fn check_offer(sfid: &Sfid, line: &Line) -> Result<(), RequestError> {
    if line.terms().mode == Mode::Receive {
        return Err(RequestError::ReceiveOnly);
    }
    if sfid.restart > 0 && !line.terms().restart {
        return Err(RequestError::RestartNotAgreed {
            position: sfid.restart,
        });
    }
    let length = sfid.record_length;
    let usable = match sfid.format {
        Format::Fixed => length > 0 || is_secured(sfid),
        Format::Variable => true,
        Format::Unstructured | Format::Text => length == 0,
    };
    if !usable {
        return Err(RequestError::UnusableRecordLength {
            format: sfid.format,
            length,
        });
    }
    check_level(sfid, line.terms().level)
}

/// Can the fields of this level say all of it? The description alone is left away where there is no
/// place for it. The numbers of level 5 are left to the encoder.
fn check_level(sfid: &Sfid, level: Level) -> Result<(), RequestError> {
    // The octets before the position are a part of EFIDUCNT.
    let (before, _) = Layout::of(sfid).octets_before(sfid.restart);
    if before > u128::from(level.most_octets()) {
        return Err(RequestError::Position {
            answer: sfid.restart,
            octets: u64::try_from(before).unwrap_or(u64::MAX),
        });
    }
    if level.is_oftp2() {
        return Ok(());
    }
    if is_secured(sfid) || sfid.signed_receipt {
        return Err(RequestError::NoFileServices { level });
    }
    level_carries("SFIDFSIZ", sfid.size_blocks, level.most_blocks(), level)?;
    level_carries("SFIDREST", sfid.restart, level.most_records(), level)
}

/// S3-A and S3-Y: a receipt goes out, and nothing else until RTR (R-180).
pub(crate) fn receipt(command: &Command<'_>, line: &mut Line) -> Result<State, RequestError> {
    line.send(command)?;
    Ok(WfRtr.into())
}

/// OPOP: SFID sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opop {
    layout: Layout,
    /// V.Restart-pos.
    restart: u64,
}

impl Step for Opop {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S3-K, P2 (R-097).
            Command::Sfpa(sfpa) if sfpa.answer > self.restart => {
                let what = format!("SFPA answers position {} to {}", sfpa.answer, self.restart);
                abort::violation(line, &what)
            }
            // S3-K: sending starts at the lower position (R-151).
            Command::Sfpa(sfpa) => {
                line.tell(Event::StartFileAccepted {
                    answer: sfpa.answer,
                });
                let credit = line.terms().credit;
                Sending::opened(self.layout, sfpa.answer, credit).into()
            }
            // S3-L, R-099.
            Command::Sfna(sfna) => {
                line.tell(Event::StartFileRefused {
                    reason: sfna.reason,
                    retry: sfna.retry,
                    text: sfna.text,
                });
                Idlesp.into()
            }
            other => abort::other_command("OPOP", other, line),
        }
    }
}

/// OPO: open, credit left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opo(Sending);

impl Opo {
    /// Could more of the file follow?
    pub(crate) fn goes_on(&self) -> bool {
        self.0.goes_on()
    }

    /// May the file end here?
    pub(crate) fn is_whole(&self) -> bool {
        self.0.is_whole()
    }

    /// S3-M, as many times as credit and room allow: F_DATA_RQ of a stream.
    pub(crate) fn stream(
        self,
        file: &[u8],
        end_of_file: bool,
        line: &mut Line,
    ) -> (State, Result<usize, RequestError>) {
        let mut sending = self.0;
        let outcome = sending.stream(file, end_of_file, line);
        (sending.into(), outcome)
    }

    /// The same of records.
    pub(crate) fn records(
        self,
        octets: &[u8],
        ends: &[usize],
        line: &mut Line,
    ) -> (State, Result<Packed, RequestError>) {
        let mut sending = self.0;
        let outcome = sending.records(octets, ends, line);
        (sending.into(), outcome)
    }
}

impl From<Sending> for State {
    /// P3 of S3-M: credit decides.
    fn from(sending: Sending) -> Self {
        if sending.out_of_credit() {
            Opowfc(sending).into()
        } else {
            Opo(sending).into()
        }
    }
}

impl Step for Opo {
    /// CDT is out of place while credit is left (S3-P, R-129, A-46), EFPA and EFNA before EFID
    /// (S4-B).
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        abort::other_command("OPO", command, line)
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            // S4-A.
            Request::CloseFile { records, octets } => {
                let outcome = self.0.close(records, octets, line);
                settle(self, outcome.map(|()| Clop.into()))
            }
            other => abort::other_request(self.into(), other, line),
        }
    }
}

/// OPOWFC: open, the partner has to grant credit. Neither DATA nor EFID may go out (S4-E, R-126).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opowfc(Sending);

impl Step for Opowfc {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S3-O.
            Command::Cdt => {
                line.tell(Event::DataConfirm);
                self.0.credited().into()
            }
            other => abort::other_command("OPOWFC", other, line),
        }
    }
}

/// CLOP: EFID sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clop;

impl Step for Clop {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S4-C: a partner that asks for the turn gets it at once (R-145).
            Command::Efpa(efpa) => {
                line.stats.files_sent += 1;
                line.relax();
                line.tell(Event::CloseFileAccepted {
                    speaker: !efpa.change_direction,
                });
                if efpa.change_direction {
                    line.say(&Command::Cd);
                    Idleli.into()
                } else {
                    Idlesp.into()
                }
            }
            // S4-D: the turn stays (R-143).
            Command::Efna(efna) => {
                line.relax();
                line.tell(Event::CloseFileRefused {
                    reason: efna.reason,
                    text: efna.text,
                });
                Idlesp.into()
            }
            other => abort::other_command("CLOP", other, line),
        }
    }
}

/// WF_RTR: EERP or NERP sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WfRtr;

impl Step for WfRtr {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S3-N.
            Command::Rtr => {
                line.stats.receipts_sent += 1;
                line.tell(Event::RtrConfirm);
                Idlesp.into()
            }
            other => abort::other_command("WF_RTR", other, line),
        }
    }
}
