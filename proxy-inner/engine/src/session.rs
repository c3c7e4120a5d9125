//! One session, from the connection's first octet to its last: octets and requests in, octets and
//! events out.

use core::time::Duration;

use oftp::{Command, Ssrm};

use crate::connect::{ANcOnly, IWfRm};
use crate::line::{Line, RECEIVE_CEILING};
use crate::state::{Awaits, Idle, Phase, Reply, State};
use crate::{
    Agreement, Event, Identity, Origin, Received, Request, RequestError, Settings, Stats, abort,
};

/// The engine of one session. See the [crate] for the order of calls.
///
/// `now` is always the time since a moment of the driver's choice; it never runs backwards.
#[derive(Debug)]
pub struct Session {
    line: Line,
    state: State,
}

impl Session {
    /// The side that opened the connection, which is up (state I_WF_RM). It waits for SSRM and
    /// introduces itself as `us`.
    ///
    /// With settings that fail [`Settings::check`] the session is aborted from the start.
    #[must_use]
    pub fn initiator(settings: Settings, us: Identity, now: Duration) -> Self {
        Self::started(settings, now, |_| IWfRm::new(us).into())
    }

    /// The side that was called: sends SSRM and waits for SSID (state A_NC_ONLY).
    ///
    /// With settings that fail [`Settings::check`] the session is aborted from the start.
    #[must_use]
    pub fn responder(settings: Settings, now: Duration) -> Self {
        Self::started(settings, now, |line| {
            line.say(&Command::Ssrm(Ssrm));
            ANcOnly.into()
        })
    }

    /// The side that was called, where somebody in front has sent SSRM already (state A_NC_ONLY).
    ///
    /// With settings that fail [`Settings::check`] the session is aborted from the start.
    #[must_use]
    pub fn responder_after_ssrm(settings: Settings, now: Duration) -> Self {
        Self::started(settings, now, |_| ANcOnly.into())
    }

    fn started(settings: Settings, now: Duration, first: impl FnOnce(&mut Line) -> State) -> Self {
        let fault = settings.check().err();
        let mut line = Line::new(settings, now);
        let state = match fault {
            None => first(&mut line),
            Some(fault) => {
                let detail = format!("the session settings cannot be used: {fault}");
                abort::aborted(&mut line, None, String::new(), Origin::Local, detail);
                Idle.into()
            }
        };
        Self { line, state }
    }

    /// Takes octets of the partner and returns how many were consumed: whole exchange buffers from
    /// the front. The driver offers the rest again, with what came after it.
    ///
    /// Stops early while [`RECEIVE_CEILING`] or more file octets wait in
    /// [`Session::take_received`]. It does not stop for an event that waits for an answer: nothing
    /// but ESID may come then, and what else comes is judged by the state tables.
    pub fn receive(&mut self, input: &[u8], now: Duration) -> usize {
        let mut used = 0;
        loop {
            // C3, C7: nothing is read any more, and the timer of WF_NDISC runs on.
            if self.ignores_input() {
                return input.len();
            }
            if self.line.received.octets.len() >= RECEIVE_CEILING {
                break;
            }
            match oftp::split(input.get(used..).unwrap_or_default()) {
                Ok(None) => break,
                Ok(Some((oeb, consumed))) => {
                    used += consumed;
                    self.exchange_buffer(oeb);
                    self.line.timer.restart(now);
                }
                Err(error) => {
                    self.state = abort::lost_framing(&error, &mut self.line);
                    self.line.timer.restart(now);
                }
            }
        }
        used
    }

    /// The connection was closed or reset by the partner or the network (N_DISC_IND, N_RST_IND).
    ///
    /// `now` is taken for uniformity; no timer runs afterwards.
    pub fn disconnected(&mut self, now: Duration) {
        self.line.timer.restart(now);
        self.state = abort::disconnected(&self.state, &mut self.line);
    }

    /// Time has passed. Does nothing before [`Session::next_timeout`].
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.waits_for_partner() && self.line.timer.expired(now) {
            self.state = abort::timeout(&self.state, &mut self.line);
        }
    }

    /// When [`Session::handle_timeout`] is to be called at the latest; `None` while only the driver
    /// is waited for.
    ///
    /// The time the driver takes for its own answers is not watched here.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        self.waits_for_partner().then(|| self.line.timer.deadline())
    }

    /// Asks for something, or answers an event.
    ///
    /// # Errors
    /// If the request does not fit the state or the wire; nothing was sent then and the state is
    /// the same.
    pub fn request(&mut self, request: Request, now: Duration) -> Result<(), RequestError> {
        let outcome = self.step(|state, line| state.request(request, line));
        if outcome.is_ok() {
            self.line.timer.restart(now);
        }
        outcome
    }

    /// Sends octets of the open file (F_DATA_RQ) and returns how many were taken, as many as credit
    /// and [`TRANSMIT_CEILING`](crate::TRANSMIT_CEILING) allow.
    ///
    /// `end_of_file` says that `file` reaches to the end of the file; the call that takes its last
    /// octet marks the end. An empty `file` with `end_of_file` sends the mark alone, as for an
    /// empty file; [`Session::can_close_file`] tells whether it went out. Without `end_of_file`, a
    /// tail that fills no buffer is left for the next call (unless it is all there is). Less than
    /// all, or 0, means: drain [`Session::transmit`], wait for [`Event::DataConfirm`], offer the
    /// rest again.
    ///
    /// # Errors
    /// If no file of ours is open, or octets come after its end.
    pub fn send_data(
        &mut self,
        file: &[u8],
        end_of_file: bool,
        now: Duration,
    ) -> Result<usize, RequestError> {
        match core::mem::replace(&mut self.state, Idle.into()) {
            State::Opo(opo) => {
                let before = self.line.stats.data_sent;
                let (next, outcome) = opo.data(file, end_of_file, &mut self.line);
                self.state = next;
                if self.line.stats.data_sent > before {
                    self.line.timer.restart(now);
                }
                outcome
            }
            // OPOWFC: credit must come first. WF_NDISC: S3-S.
            stay @ (State::Opowfc(_) | State::WfNdisc(_)) => {
                self.state = stay;
                Ok(0)
            }
            stay => {
                let error = RequestError::NotInState {
                    request: "F_DATA_RQ",
                    state: stay.name(),
                };
                self.state = stay;
                Err(error)
            }
        }
    }

    /// Would [`Session::send_data`] take octets now?
    #[must_use]
    pub fn can_send_data(&self) -> bool {
        matches!(&self.state, State::Opo(opo) if !opo.ended()) && self.line.transmit.has_room()
    }

    /// Has the end of our file been sent and may [`Request::CloseFile`] follow? After a last buffer
    /// that used the last credit this is so only when the partner has granted more
    /// ([`Event::DataConfirm`]).
    #[must_use]
    pub fn can_close_file(&self) -> bool {
        matches!(&self.state, State::Opo(opo) if opo.ended())
    }

    /// Octets to be written to the partner, in order.
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        self.line.transmit.pending()
    }

    /// The first `n` octets of [`Session::transmit`] were written.
    pub fn transmitted(&mut self, n: usize, now: Duration) {
        if n > 0 {
            self.line.timer.restart(now);
        }
        if self.line.transmit.drain(n) && self.can_send_data() {
            self.line.tell(Event::DataConfirm);
        }
    }

    /// The next piece of news, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.line.poll()
    }

    /// File octets waiting in [`Session::take_received`].
    #[must_use]
    pub fn received_len(&self) -> usize {
        self.line.received.octets.len()
    }

    /// Moves the decoded file octets out, with the ends of records among them. `into` is cleared
    /// first and its allocations are used for the next octets.
    pub fn take_received(&mut self, into: &mut Received, now: Duration) {
        self.line.take_received(into);
        self.line.timer.restart(now);
    }

    /// Where the session stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.state.phase()
    }

    /// The state's name in RFC 5024 section 9.3.
    #[must_use]
    pub fn state_name(&self) -> &'static str {
        self.state.name()
    }

    /// The session is over (N_DISC_RQ): write what is left of [`Session::transmit`], then close the
    /// connection. The driver bounds how long it tries; after a time-out or a disconnect the
    /// partner may not read any more.
    #[must_use]
    pub fn must_disconnect(&self) -> bool {
        matches!(self.state, State::Idle(_))
    }

    /// What was agreed, once it is.
    #[must_use]
    pub fn agreement(&self) -> Option<&Agreement> {
        self.line.agreement()
    }

    /// What the session has done so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.line.stats
    }

    fn exchange_buffer(&mut self, oeb: &[u8]) {
        self.line.stats.frames_received += 1;
        let decoded = Command::decode_noting(oeb, self.line.terms().level);
        let outcome = self.step(|state, line| {
            let next = match decoded {
                Ok((command, met)) => {
                    line.tolerate_encoding(met);
                    state.command(command, line)
                }
                Err(error) => abort::invalid_buffer(&error, line),
            };
            (next, Ok(()))
        });
        debug_assert!(outcome.is_ok(), "a command of the partner is no request");
    }

    fn step(&mut self, act: impl FnOnce(State, &mut Line) -> Reply) -> Result<(), RequestError> {
        let state = core::mem::replace(&mut self.state, Idle.into());
        let (next, outcome) = act(state, &mut self.line);
        self.state = next;
        outcome
    }

    fn ignores_input(&self) -> bool {
        matches!(self.state, State::Idle(_) | State::WfNdisc(_))
    }

    /// Is it the partner who has to act: by reading what we sent, or by sending what we wait for?
    fn waits_for_partner(&self) -> bool {
        let idle = self.must_disconnect();
        let unread = !self.line.transmit.is_empty();
        let unsent = self.state.awaits() == Awaits::Partner && self.line.received.is_empty();
        !idle && (unread || unsent)
    }
}
