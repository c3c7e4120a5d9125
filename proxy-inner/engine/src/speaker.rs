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

use oftp::{Command, Efid, EndReason, Mode, Security, Sfid, capacity, pack_unstructured};

use crate::credit::{Spent, Window};
use crate::line::Line;
use crate::listener::{Idleli, Idlelicd};
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
    let restart = sfid.restart;
    line.send(&Command::Sfid(sfid))?;
    Ok(Opop { restart }.into())
}

/// S3 predicate P1, and what this stage can carry.
pub(crate) fn check_offer(sfid: &Sfid, line: &Line) -> Result<(), RequestError> {
    if line.terms().mode == Mode::Receive {
        Err(RequestError::ReceiveOnly)
    } else if sfid.restart > 0 && !line.terms().restart {
        Err(RequestError::RestartNotAgreed {
            position: sfid.restart,
        })
    } else if travels_as_stream(sfid) {
        Ok(())
    } else {
        Err(RequestError::Format {
            format: sfid.format,
        })
    }
}

/// S3-A and S3-Y: a receipt goes out, and nothing else until RTR (R-180).
pub(crate) fn receipt(command: &Command<'_>, line: &mut Line) -> Result<State, RequestError> {
    line.send(command)?;
    Ok(WfRtr.into())
}

/// U and T files are one record each, and so is whatever a CMS envelope or a file service made of a
/// file (R-216).
pub(crate) fn travels_as_stream(sfid: &Sfid) -> bool {
    !sfid.format.has_records()
        || sfid.envelope
        || sfid.compression
        || sfid.security != Security::None
}

/// OPOP: SFID sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opop {
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
            // S3-K: SFPA grants a full window (R-123); sending starts at the lower position
            // (R-151).
            Command::Sfpa(sfpa) => {
                line.tell(Event::StartFileAccepted {
                    answer: sfpa.answer,
                });
                let window = Window::full(line.terms().credit);
                Opo(Sending {
                    window,
                    octets: stream_position(sfpa.answer),
                    ended: false,
                })
                .into()
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

/// Octets before a restart position of a stream: units of 1024 (R-148).
fn stream_position(answer: u64) -> u64 {
    answer.saturating_mul(1024)
}

/// An open file of ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sending {
    window: Window,
    /// Octets from the start of the file, restart included.
    octets: u64,
    /// The end-of-record flag went out.
    ended: bool,
}

/// OPO: open, credit left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opo(Sending);

impl Opo {
    pub(crate) fn ended(&self) -> bool {
        self.0.ended
    }

    /// S3-M, as many times as credit and room allow: F_DATA_RQ.
    pub(crate) fn data(
        self,
        file: &[u8],
        end_of_file: bool,
        line: &mut Line,
    ) -> (State, Result<usize, RequestError>) {
        let mut sending = self.0;
        if sending.ended {
            let outcome = if file.is_empty() {
                Ok(0)
            } else {
                Err(RequestError::AfterEnd)
            };
            return (self.into(), outcome);
        }
        let buffer = line.terms().buffer as usize;
        let whole = capacity(buffer);
        let mut rest = file;
        while !sending.ended && (end_of_file || !rest.is_empty()) {
            // A tail that fills no buffer waits for what follows it, rather than cost a credit of
            // its own.
            if !end_of_file && rest.len() < whole && rest.len() < file.len() {
                break;
            }
            let Some(out) = line.transmit.room_for_data() else {
                break;
            };
            let taken = pack_unstructured(rest, buffer, end_of_file, out);
            line.stats.frames_sent += 1;
            line.stats.data_sent += 1;
            line.stats.octets_sent += taken as u64;
            sending.octets += taken as u64;
            sending.ended = end_of_file && taken >= rest.len();
            rest = rest.get(taken..).unwrap_or_default();
            if sending.window.spend() != Spent::Left {
                return (Opowfc(sending).into(), Ok(file.len() - rest.len()));
            }
        }
        (Self(sending).into(), Ok(file.len() - rest.len()))
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
            Request::CloseFile { records, octets } => {
                settle(self, self.0.close(records, octets, line))
            }
            other => abort::other_request(self.into(), other, line),
        }
    }
}

impl Sending {
    /// S4-A: EFID goes out. The counts are totals of the whole file (R-137, R-138); a stream has no
    /// records (R-136, A-30).
    fn close(self, records: u64, octets: u64, line: &mut Line) -> Result<State, RequestError> {
        if !self.ended {
            return Err(RequestError::EndNotSent);
        }
        if records != 0 || octets != self.octets {
            return Err(RequestError::Count {
                records,
                octets,
                sent: self.octets,
            });
        }
        line.send(&Command::Efid(Efid { records, octets }))?;
        Ok(Clop.into())
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
                let mut sending = self.0;
                sending.window.renew();
                line.tell(Event::DataConfirm);
                Opo(sending).into()
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
