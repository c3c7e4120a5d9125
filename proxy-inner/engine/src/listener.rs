//! The listener table (RFC 5024 section 9.12): accept a file, receive it, acknowledge it, take
//! receipts.
//!
//! ```text
//!  IDLELI ──SFID / F_START_FILE_IND──▶ OPIP ──F_START_FILE_RS / SFPA──▶ OPI
//!  OPI ──DATA / F_DATA_IND──▶ OPI ──EFID / F_CLOSE_FILE_IND──▶ CLIP
//!  CLIP ──F_CLOSE_FILE_RS / EFPA──▶ IDLELI, WF_CD
//!  IDLELI ──EERP, NERP──▶ RTRP ──F_RTR_RS / RTR──▶ IDLELI
//! ```
//!
//! An EFPA leaves here only against a [`Durable`] that covers every received octet.

use oftp::{
    Command, Efid, Efna, Efpa, EndReason, Esid, FileReason, Format, Mode, Sfid, Sfna, Sfpa,
};

use crate::layout::{Layout, is_secured};
use crate::line::Line;
use crate::receiving::{Fault, Receiving};
use crate::speaker::Idlespcd;
use crate::state::{Idle, Reply, State, Step, done, settle};
use crate::turn::WfCd;
use crate::{
    Deviation, Durable, EndFileRefusal, Event, FileRefusal, Origin, Position, Request,
    RequestError, abort,
};

/// IDLELI: idle listener.
#[derive(Debug)]
pub(crate) struct Idleli;

impl Step for Idleli {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S5-C.
            Command::Cd => {
                line.tell(Event::ChangeDirection);
                Idlespcd.into()
            }
            other => idle_listener("IDLELI", other, line),
        }
    }
}

/// IDLELICD: idle listener that gave the turn away itself: the partner may release the session now.
#[derive(Debug)]
pub(crate) struct Idlelicd;

impl Step for Idlelicd {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S5-F, R-161.
            Command::Esid(Esid {
                reason: EndReason::NORMAL,
                ..
            }) => {
                line.tell(Event::Released);
                Idle.into()
            }
            other => idle_listener("IDLELICD", other, line),
        }
    }
}

/// What both idle listeners take: S5-A, S5-E, S5-L.
fn idle_listener(state: &'static str, command: Command<'_>, line: &mut Line) -> State {
    match command {
        Command::Sfid(sfid) => offered(sfid, line),
        Command::Eerp(eerp) => {
            line.tell(Event::Eerp(eerp));
            Rtrp.into()
        }
        Command::Nerp(nerp) => {
            line.tell(Event::Nerp(nerp));
            Rtrp.into()
        }
        other => abort::other_command(state, other, line),
    }
}

/// S5-A.
fn offered(sfid: Sfid, line: &mut Line) -> State {
    // P1: R-091, R-090.
    if line.terms().mode == Mode::Send {
        return abort::violation(line, "SFID came although this side only sends files");
    }
    if sfid.restart > 0 && !line.terms().restart {
        let what = format!(
            "SFIDREST is {} although restart was not agreed",
            sfid.restart
        );
        return abort::violation(line, &what);
    }
    // A-40.
    if sfid.format == Format::Fixed && sfid.record_length == 0 && !is_secured(&sfid) {
        let text = "SFIDLRECL is 0; a file of format F needs the length of its records".to_owned();
        let reason = FileReason::RECORD_LENGTH_NOT_SUPPORTED;
        line.say(&Command::Sfna(Sfna {
            reason,
            retry: false,
            text: text.clone(),
        }));
        line.tell(Event::FileDropped { reason, text });
        return Idleli.into();
    }
    let opip = Opip {
        layout: Layout::of(&sfid),
        offered: sfid.restart,
    };
    line.tell(Event::StartFile(sfid));
    opip.into()
}

/// OPIP: SFID received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opip {
    layout: Layout,
    /// V.Restart-pos.
    offered: u64,
}

impl Opip {
    /// S5-H. P4 compares with V.Restart-pos; the RFC's "V.Restart" is a slip (A-17).
    fn answer(
        self,
        answer: Result<Position, FileRefusal>,
        line: &mut Line,
    ) -> Result<State, RequestError> {
        match answer {
            Ok(Position { answer, .. }) if answer > self.offered => {
                Err(RequestError::AnswerBeyondOffer {
                    answer,
                    offered: self.offered,
                })
            }
            Ok(position) => {
                let Position { answer, octets } = position;
                let most = line.terms().level.most_octets();
                if !self.layout.has_position(position) || octets > most {
                    return Err(RequestError::Position { answer, octets });
                }
                line.send(&Command::Sfpa(Sfpa { answer }))?;
                line.file_opened();
                Ok(Opi(Receiving::opened(self.layout, position, line)).into())
            }
            Err(FileRefusal {
                reason,
                retry,
                text,
            }) => {
                line.send(&Command::Sfna(Sfna {
                    reason,
                    retry,
                    text,
                }))?;
                Ok(Idleli.into())
            }
        }
    }
}

impl Step for Opip {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        abort::other_command("OPIP", command, line)
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            Request::StartFileResponse(answer) => settle(self, self.answer(answer, line)),
            other => abort::other_request(self.into(), other, line),
        }
    }
}

/// OPI: the partner's file is open.
#[derive(Debug)]
pub(crate) struct Opi(Receiving);

impl Opi {
    /// S5-J, where the file is not refused by the engine's own judgement.
    fn ended(self, efid: &Efid, line: &mut Line) -> State {
        match self.0.ended(efid, line) {
            Ok(counts) => {
                line.tell(Event::CloseFile {
                    records: counts.records,
                    octets: counts.octets,
                });
                let octets = counts.octets;
                Clip { octets }.into()
            }
            Err(fault) => refused(fault, line),
        }
    }
}

/// S5-K, negative, without asking the driver.
fn refused(fault: Fault, line: &mut Line) -> State {
    let Fault { reason, text } = fault;
    line.say(&Command::Efna(Efna {
        reason,
        text: text.clone(),
    }));
    line.drop_received();
    line.relax();
    line.tell(Event::FileDropped { reason, text });
    Idleli.into()
}

impl Step for Opi {
    fn command(mut self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            Command::Data(databuf) => match self.0.data(databuf, line) {
                None => self.into(),
                Some(end) => end,
            },
            Command::Efid(efid) => self.ended(&efid, line),
            other => abort::other_command("OPI", other, line),
        }
    }
}

/// CLIP: EFID received, the driver makes the file durable.
#[derive(Debug)]
pub(crate) struct Clip {
    /// Length of the file.
    octets: u64,
}

impl Clip {
    /// A file leaves the engine only whole: all octets taken, all of them durable.
    fn check(&self, proof: Durable, line: &Line) -> Result<(), RequestError> {
        if !line.received.is_empty() {
            return Err(RequestError::DataWaiting {
                octets: line.received.octets.len(),
            });
        }
        if proof.octets() != self.octets {
            return Err(RequestError::NotDurable {
                synced: proof.octets(),
                received: self.octets,
            });
        }
        Ok(())
    }

    fn accept(
        &self,
        proof: Durable,
        want_turn: bool,
        line: &mut Line,
    ) -> Result<State, RequestError> {
        self.check(proof, line)?;
        line.stats.files_received += 1;
        line.relax();
        line.say(&Command::Efpa(Efpa {
            change_direction: want_turn,
        }));
        Ok(if want_turn {
            WfCd.into()
        } else {
            Idleli.into()
        })
    }
}

impl Step for Clip {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        match command {
            // S5-D would forget a complete file here. Callers that do not wait for EFPA exist: the
            // answer of the driver is awaited first. What was still to be said interests nobody.
            Command::Esid(esid)
                if esid.reason == EndReason::NORMAL
                    && !line.refuses(Deviation::EndedBeforeAnswer) =>
            {
                line.tolerate(Deviation::EndedBeforeAnswer);
                line.transmit.clear();
                let text = esid.text;
                ClipLeft { file: self, text }.into()
            }
            other => abort::other_command("CLIP", other, line),
        }
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            // S5-K.
            Request::CloseFileResponse(Ok((proof, want_turn))) => {
                let outcome = self.accept(proof, want_turn, line);
                settle(self, outcome)
            }
            Request::CloseFileResponse(Err(EndFileRefusal { reason, text })) => {
                if let Err(error) = line.send(&Command::Efna(Efna { reason, text })) {
                    return settle(self, Err(error.into()));
                }
                line.drop_received();
                line.relax();
                done(Idleli)
            }
            other => abort::other_request(self.into(), other, line),
        }
    }
}

/// CLIP, ESID 00 received without waiting for our answer: the driver settles the file. The partner
/// is neither heard nor told anything any more (A-60).
#[derive(Debug)]
pub(crate) struct ClipLeft {
    file: Clip,
    /// ESIDREAST.
    text: String,
}

impl ClipLeft {
    /// S5-D, put off until the file was settled, or until nobody settles it any more.
    pub(crate) fn over(&self, what: &str, line: &mut Line) -> State {
        let detail = format!("the partner ended the session right after EFID; {what}");
        let reason = Some(EndReason::NORMAL);
        abort::aborted(line, reason, self.text.clone(), Origin::Distant, detail);
        Idle.into()
    }
}

impl Step for ClipLeft {
    /// Nothing that follows an ESID means anything.
    fn command(self, _: Command<'_>, _: &mut Line) -> State {
        self.into()
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            Request::CloseFileResponse(Ok((proof, _))) => {
                if let Err(error) = self.file.check(proof, line) {
                    return settle(self, Err(error));
                }
                line.stats.files_received += 1;
                done(self.over("the file was kept without an answer", line))
            }
            Request::CloseFileResponse(Err(_)) => {
                line.drop_received();
                done(self.over("the file was refused without an answer", line))
            }
            // The driver ends it with a reason that nobody is told.
            Request::Release(reason, _) if reason != EndReason::NORMAL => done(Idle),
            other => abort::other_request(self.into(), other, line),
        }
    }
}

/// RTRP: EERP or NERP received.
#[derive(Debug)]
pub(crate) struct Rtrp;

impl Step for Rtrp {
    fn command(self, command: Command<'_>, line: &mut Line) -> State {
        abort::other_command("RTRP", command, line)
    }

    fn request(self, request: Request, line: &mut Line) -> Reply {
        match request {
            // S5-M: exactly one RTR for each (R-182).
            Request::RtrResponse => {
                line.stats.receipts_received += 1;
                line.say(&Command::Rtr);
                done(Idleli)
            }
            other => abort::other_request(self.into(), other, line),
        }
    }
}
