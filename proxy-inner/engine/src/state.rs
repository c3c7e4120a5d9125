//! The states of RFC 5024 section 9.3, one struct each, and the one dispatch over them.
//!
//! ```text
//!  connect.rs   I_WF_RM ▶ I_WF_SSID ─────────────▶ IDLESP        A_NC_ONLY ▶ A_WF_CONRS ─▶ IDLELI
//!  authenticate.rs   I_WF_SSID ▶ WF_AUCH ▶ WF_SECD ▶ WF_AURP     A_WF_CONRS ▶ WF_SECD ▶ WF_AURP ▶ WF_AUCH
//!  speaker.rs   IDLESP, IDLESPCD ▶ OPOP ▶ OPO ⇄ OPOWFC ▶ CLOP    IDLESP, IDLESPCD ▶ WF_RTR
//!  listener.rs  IDLELI, IDLELICD ▶ OPIP ▶ OPI ▶ CLIP             IDLELI, IDLELICD ▶ RTRP
//!  turn.rs      CLIP ▶ WF_CD ▶ ERSTWFCD, NRSTWFCD, SFSTWFCD, CDSTWFCD
//!  abort.rs     any ▶ WF_NDISC ▶ IDLE
//! ```
//!
//! A state consumes itself: `command` and `request` take `self` and return what comes next, so that
//! nothing of an old state can be used by mistake. I_WF_NC has no struct because a session begins
//! with its connection.

use oftp::Command;

use crate::authenticate::{WfAuch, WfAuchRs, WfAurp, WfSecd, WfSecdRs};
use crate::connect::{ANcOnly, AWfConrs, IWfRm, IWfSsid};
use crate::line::Line;
use crate::listener::{Clip, ClipLeft, Idleli, Idlelicd, Opi, Opip, Rtrp};
use crate::speaker::{Clop, Idlesp, Idlespcd, Opo, Opop, Opowfc, WfRtr};
use crate::timer::Wait;
use crate::turn::{Cdstwfcd, Erstwfcd, Nrstwfcd, Sfstwfcd, WfCd};
use crate::{Request, RequestError, abort};

/// What a request comes to: the next state, and whether the request was carried out. A request that
/// was not leaves the state as it was (rule C6).
pub(crate) type Reply = (State, Result<(), RequestError>);

/// One state of the automaton.
pub(crate) trait Step: Into<State> {
    /// A command of the partner arrived.
    fn command(self, command: Command<'_>, line: &mut Line) -> State;

    /// The driver asks or answers.
    fn request(self, request: Request, line: &mut Line) -> Reply {
        abort::other_request(self.into(), request, line)
    }
}

/// A request was carried out.
pub(crate) fn done(next: impl Into<State>) -> Reply {
    (next.into(), Ok(()))
}

/// Goes on with the outcome, or stays.
pub(crate) fn settle(stay: impl Into<State>, outcome: Result<State, RequestError>) -> Reply {
    match outcome {
        Ok(next) => (next, Ok(())),
        Err(error) => (stay.into(), Err(error)),
    }
}

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $rfc:literal, $phase:ident, $wait:ident;)+) => {
        /// The present state.
        #[derive(Debug)]
        pub(crate) enum State {
            $($(#[$doc])* $name($name),)+
        }

        $(impl From<$name> for State {
            fn from(state: $name) -> Self {
                Self::$name(state)
            }
        })+

        impl State {
            /// The RFC's name.
            pub(crate) const fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $rfc,)+ }
            }

            /// What the driver sees of it.
            pub(crate) const fn phase(&self) -> Phase {
                match self { $(Self::$name(_) => Phase::$phase,)+ }
            }

            /// What the session waits for, which decides how long (A-12).
            pub(crate) const fn wait(&self) -> Wait {
                match self { $(Self::$name(_) => Wait::$wait,)+ }
            }

            pub(crate) fn command(self, command: Command<'_>, line: &mut Line) -> Self {
                match self { $(Self::$name(state) => state.command(command, line),)+ }
            }

            pub(crate) fn request(self, request: Request, line: &mut Line) -> Reply {
                match self { $(Self::$name(state) => state.request(request, line),)+ }
            }
        }
    };
}

states! {
    /// No connection.
    Idle = "IDLE", Closed, Driver;
    IWfRm = "I_WF_RM", Connecting, Opening;
    IWfSsid = "I_WF_SSID", Connecting, Opening;
    ANcOnly = "A_NC_ONLY", Connecting, Opening;
    AWfConrs = "A_WF_CONRS", ConnectOffered, Driver;
    WfSecd = "WF_SECD", Authenticating, Opening;
    /// SECD received, the driver makes a challenge.
    WfSecdRs = "WF_SECD", ChallengeAsked, Driver;
    WfAurp = "WF_AURP", Authenticating, Opening;
    WfAuch = "WF_AUCH", Authenticating, Opening;
    /// AUCH received, the driver opens it.
    WfAuchRs = "WF_AUCH", ChallengeOffered, Driver;
    Idlesp = "IDLESP", IdleSpeaker, Driver;
    Idlespcd = "IDLESPCD", IdleSpeakerAfterCd, Driver;
    Opop = "OPOP", StartPending, Partner;
    Opo = "OPO", Sending, Driver;
    Opowfc = "OPOWFC", AwaitingCredit, Partner;
    Clop = "CLOP", ClosePending, EndOfFile;
    WfRtr = "WF_RTR", ReceiptPending, Partner;
    Idleli = "IDLELI", IdleListener, Partner;
    Idlelicd = "IDLELICD", IdleListenerAfterCd, Partner;
    Opip = "OPIP", StartOffered, Driver;
    Opi = "OPI", Receiving, Partner;
    Clip = "CLIP", CloseOffered, Driver;
    /// The partner has left already, the driver settles the file.
    ClipLeft = "CLIP", CloseOffered, Driver;
    Rtrp = "RTRP", ReceiptOffered, Driver;
    WfCd = "WF_CD", AwaitingTurn, Partner;
    Erstwfcd = "ERSTWFCD", RequestStored, Partner;
    Nrstwfcd = "NRSTWFCD", RequestStored, Partner;
    Sfstwfcd = "SFSTWFCD", RequestStored, Partner;
    Cdstwfcd = "CDSTWFCD", RequestStored, Partner;
    /// ESID sent; the partner disconnects.
    WfNdisc = "WF_NDISC", Ending, Leave;
}

/// Where a session stands, as its driver needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Ready message and SSIDs are being exchanged.
    Connecting,
    /// [`Event::Connect`](crate::Event::Connect) waits for its answer.
    ConnectOffered,
    /// Secure authentication is under way and the partner has to act.
    Authenticating,
    /// [`Event::ChallengeWanted`](crate::Event::ChallengeWanted) waits for its answer.
    ChallengeAsked,
    /// [`Event::Challenged`](crate::Event::Challenged) waits for its answer.
    ChallengeOffered,
    /// We are speaker: offer a file, send a receipt, or give the turn away.
    IdleSpeaker,
    /// We are speaker by the partner's own wish: the same, but releasing the session replaces
    /// giving the turn away.
    IdleSpeakerAfterCd,
    /// Our offer waits for its answer.
    StartPending,
    /// Our file is open and credit is left.
    Sending,
    /// Our file is open and the partner has to grant credit.
    AwaitingCredit,
    /// The end of our file waits for its answer.
    ClosePending,
    /// Our receipt waits for RTR.
    ReceiptPending,
    /// We listen.
    IdleListener,
    /// We listen and it was we who gave the turn away: the partner may release the session.
    IdleListenerAfterCd,
    /// [`Event::StartFile`](crate::Event::StartFile) waits for its answer.
    StartOffered,
    /// The partner's file is open.
    Receiving,
    /// [`Event::CloseFile`](crate::Event::CloseFile) waits for its answer.
    CloseOffered,
    /// [`Event::Eerp`](crate::Event::Eerp) or [`Event::Nerp`](crate::Event::Nerp) waits for its
    /// answer.
    ReceiptOffered,
    /// We asked for the turn. One request may be made already; it is stored until the turn arrives.
    AwaitingTurn,
    /// We asked for the turn and a request is stored.
    RequestStored,
    /// ESID was sent; the partner has to disconnect.
    Ending,
    /// The session is over; the connection is to be closed.
    Closed,
}

/// No connection: IDLE of section 9.3, where a session ends.
#[derive(Debug)]
pub(crate) struct Idle;

impl Step for Idle {
    /// C7: no connection exists, so nothing that still comes means anything.
    fn command(self, _: Command<'_>, _: &mut Line) -> State {
        self.into()
    }

    fn request(self, request: Request, _: &mut Line) -> Reply {
        abort::not_here(self, &request)
    }
}

/// ESID sent, waiting for the partner to disconnect.
#[derive(Debug)]
pub(crate) struct WfNdisc;

impl Step for WfNdisc {
    /// S3-S and C3: whatever follows an ESID of ours is ignored and reaches nobody (R-165). This
    /// holds for SSID too, although table S1 would list it under "Other States".
    fn command(self, _: Command<'_>, _: &mut Line) -> State {
        self.into()
    }

    fn request(self, request: Request, _: &mut Line) -> Reply {
        match request {
            // S3-S: a second release with an error is ignored.
            Request::Release(reason, _) if reason != oftp::EndReason::NORMAL => done(self),
            other => abort::not_here(self, &other),
        }
    }
}
