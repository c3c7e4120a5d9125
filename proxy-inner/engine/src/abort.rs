//! The error and abort table (RFC 5024 section 9.9), and the "Other States" of all tables.
//!
//! Here a session ends out of order. Where RFC 5024 leaves a cell empty, impossible or undefined,
//! the completion is named C1 to C8 and is a local decision:
//!
//! * C1: a command with no cell in a connected state is a protocol violation, ESID 02.
//! * C2: ESID with no cell in a connected state ends the session as S5-D does.
//! * C3: commands after our own ESID are ignored.
//! * C4: nothing but SSRM may be the responder's first command, ESID 02.
//! * C6: a request with no cell is answered with an error and changes nothing.
//! * C7: nothing happens without a connection.
//! * C8: a disconnect while the driver still owes an answer ends the session; the answer then is
//!   an error.
//!
//! C5 concerns I_WF_NC, which has no struct here: a session begins with its connection.

use oftp::{Command, DecodeError, EndReason, Esid, FrameError, SubrecordError};

use crate::line::Line;
use crate::state::{Idle, Reply, State, WfNdisc, done, settle};
use crate::timer::{self, Wait, Whom};
use crate::{Event, Origin, Request, RequestError};

/// A command that the state has no explicit cell for.
pub(crate) fn other_command(state: &'static str, command: Command<'_>, line: &mut Line) -> State {
    match command {
        // S5-D and C2.
        Command::Esid(esid) => ended_by_partner(esid, line),
        // S1-F, "Other States": a second SSID drops the connection without an answer.
        Command::Ssid(_) => {
            let detail = format!("a second SSID arrived in state {state}");
            aborted(line, None, String::new(), Origin::Local, detail);
            Idle.into()
        }
        // S3-C, S4-B, S5-B and C1.
        other => violation(
            line,
            &format!("{} is not allowed in state {state}", other.code().name()),
        ),
    }
}

/// A request that the state has no explicit cell for: S3-Q, S2-C, or a user error.
pub(crate) fn other_request(state: State, request: Request, line: &mut Line) -> Reply {
    match request {
        Request::Release(reason, text) if reason != EndReason::NORMAL => {
            let outcome = release(line, reason, text);
            settle(state, outcome)
        }
        // S2-C: the connection is dropped without a word, and so is what was not written yet.
        Request::Abort => {
            line.transmit.clear();
            done(Idle)
        }
        other => not_here(state, &other),
    }
}

/// C6, C7: a user error.
pub(crate) fn not_here(state: impl Into<State>, request: &Request) -> Reply {
    let state = state.into();
    let error = RequestError::NotInState {
        request: request.name(),
        state: state.name(),
    };
    (state, Err(error))
}

/// S3-C, S5-B, S5-I and kin: ESID 02.
pub(crate) fn violation(line: &mut Line, what: &str) -> State {
    end(line, EndReason::PROTOCOL_VIOLATION, what.to_owned())
}

/// The engine ends the session: ESID(R), F_ABORT_IND(R, AO = L), and on to WF_NDISC.
pub(crate) fn end(line: &mut Line, reason: EndReason, what: String) -> State {
    say_esid(line, reason, what.clone());
    aborted(line, Some(reason), what.clone(), Origin::Local, what);
    WfNdisc.into()
}

/// The driver ends the session with a reason: S3-E and S3-Q. It knows, so it gets no indication.
pub(crate) fn release(
    line: &mut Line,
    reason: EndReason,
    text: String,
) -> Result<State, RequestError> {
    line.send(&Command::Esid(Esid { reason, text }))?;
    Ok(WfNdisc.into())
}

/// S1-F, S5-D, C2: the partner ended the session; R-162: whoever receives ESID disconnects.
pub(crate) fn ended_by_partner(esid: Esid, line: &mut Line) -> State {
    let detail = format!(
        "the partner ended the session: {} ({})",
        esid.reason.text(),
        esid.reason.0
    );
    aborted(line, Some(esid.reason), esid.text, Origin::Distant, detail);
    Idle.into()
}

/// The same, in a form that nobody understands: it is not answered either.
pub(crate) fn unreadable_end(error: &DecodeError, line: &mut Line) -> State {
    let detail = format!("the partner ended the session with an ESID that cannot be read: {error}");
    aborted(line, None, String::new(), Origin::Distant, detail);
    Idle.into()
}

/// S2-I: an exchange buffer that cannot be decoded, or only with a leniency that is refused. The
/// table has ESID 01 for all; section 5.3.11 tells 01, 06 and 07 apart, and so do we.
pub(crate) fn invalid_buffer(error: &DecodeError, line: &mut Line) -> State {
    end(line, error.end_reason(), error.to_string())
}

/// A DATA buffer whose subrecords make no sense: an overrun is a size error, the rest is invalid
/// data.
pub(crate) fn invalid_data(error: &SubrecordError, line: &mut Line) -> State {
    end(line, error.end_reason(), format!("DATA: {error}"))
}

/// A stream header that makes no sense: a wrong length is answered with ESID 07 and nothing
/// more is read; after a wrong version nobody knows what the octets mean, so the connection is
/// dropped.
pub(crate) fn lost_framing(error: &FrameError, line: &mut Line) -> State {
    match error {
        FrameError::Length { .. } => end(
            line,
            EndReason::BUFFER_SIZE,
            format!("stream header: {error}"),
        ),
        _ => {
            aborted(
                line,
                None,
                String::new(),
                Origin::Local,
                format!("stream header: {error}"),
            );
            Idle.into()
        }
    }
}

/// S2-A and S2-B: somebody was waited for too long.
///
/// The table disconnects from a silent partner without a word; ESID 09 exists for this, so it is
/// sent at best effort: only if everything before it was written, since otherwise the
/// partner does not read. When it is our own driver that does not act, the partner is innocent and
/// told that we lack the resources (ESID 08), and leaves as after any ESID.
pub(crate) fn timeout(state: &State, whom: Whom, wait: Wait, line: &mut Line) -> State {
    let limit = timer::limit(&line.settings.timers, whom, wait);
    if let State::ClipLeft(left) = state {
        line.drop_received();
        return left.over(&format!("our own side did not act for {limit:?}"), line);
    }
    let state = state.name();
    if wait == Wait::Leave {
        line.transmit.clear();
        return Idle.into();
    }
    match whom {
        Whom::Driver => {
            line.drop_received();
            let reason = EndReason::NO_RESOURCES;
            let text = format!("no answer within {limit:?}");
            say_esid(line, reason, text.clone());
            let detail = format!("our own side did not act for {limit:?} in state {state}");
            aborted(line, Some(reason), text, Origin::Local, detail);
            WfNdisc.into()
        }
        Whom::Reader => {
            line.transmit.clear();
            let detail = format!("the partner read nothing for {limit:?} in state {state}");
            aborted(line, None, String::new(), Origin::Local, detail);
            Idle.into()
        }
        Whom::Partner => {
            let reason = EndReason::TIME_OUT;
            let text = format!("nothing received for {limit:?}");
            say_esid(line, reason, text.clone());
            let detail = format!("the partner sent nothing for {limit:?} in state {state}");
            aborted(line, Some(reason), text, Origin::Local, detail);
            Idle.into()
        }
    }
}

/// S2-D, S2-F and S2-G: the connection is gone. C8 where the driver still owes an answer.
pub(crate) fn disconnected(state: &State, line: &mut Line) -> State {
    line.transmit.clear();
    match state {
        State::WfNdisc(_) | State::Idle(_) => {}
        State::ClipLeft(left) => return left.over("the connection was closed or lost", line),
        state => {
            let detail = format!(
                "the connection was closed or lost in state {}",
                state.name()
            );
            aborted(line, None, String::new(), Origin::Distant, detail);
        }
    }
    Idle.into()
}

/// F_ABORT_IND.
pub(crate) fn aborted(
    line: &mut Line,
    reason: Option<EndReason>,
    text: String,
    origin: Origin,
    detail: String,
) {
    line.tell(Event::Aborted {
        reason,
        text,
        origin,
        detail,
    });
}

/// ESID with a reason of our own, which always fits the wire; the codec cuts the text.
fn say_esid(line: &mut Line, reason: EndReason, text: String) {
    line.say(&Command::Esid(Esid { reason, text }));
}
