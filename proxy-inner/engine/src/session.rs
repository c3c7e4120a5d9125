//! One session, from the connection's first octet to its last: octets and requests in, octets and
//! events out.

use core::time::Duration;

use oftp::{Code, Command, Deviations, Packed, Ssrm};

use crate::connect::{ANcOnly, IWfRm};
use crate::line::{Line, RECEIVE_CEILING};
use crate::speaker::Opo;
use crate::state::{Idle, Phase, Reply, State};
use crate::timer::{Wait, Whom};
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
        let mut session = Self { line, state };
        session.watch(None, now);
        session
    }

    /// Takes octets of the partner and returns how many were consumed: whole exchange buffers from
    /// the front. The driver offers the rest again, with what came after it.
    ///
    /// Stops early while [`RECEIVE_CEILING`] or more octets wait in [`Session::take_received`], the
    /// ends of records included, and while the partner leaves more answers unread than
    /// [`Session::transmit`] should hold. It does not stop for an event that waits for an answer: nothing
    /// but ESID may come then, and what else comes is judged by the state tables.
    pub fn receive(&mut self, input: &[u8], now: Duration) -> usize {
        let mut used = 0;
        while !self.ignores_input() {
            if self.is_full() || self.line.transmit.is_overfull() {
                break;
            }
            match oftp::split(input.get(used..).unwrap_or_default()) {
                Ok(None) => break,
                Ok(Some((oeb, consumed))) => {
                    used += consumed;
                    self.exchange_buffer(oeb);
                }
                Err(error) => self.state = abort::lost_framing(&error, &mut self.line),
            }
        }
        // A part of an exchange buffer is no sign of life, and what comes after our ESID none that
        // matters.
        let acted = (used > 0).then_some(Whom::Partner);
        self.watch(acted, now);
        // Nothing is read any more.
        if self.ignores_input() {
            input.len()
        } else {
            used
        }
    }

    /// The connection was closed or reset by the partner or the network (N_DISC_IND, N_RST_IND).
    ///
    /// `now` is taken for uniformity; no timer runs afterwards.
    pub fn disconnected(&mut self, now: Duration) {
        self.state = abort::disconnected(&self.state, &mut self.line);
        self.watch(None, now);
    }

    /// Time has passed. Does nothing before [`Session::next_timeout`].
    ///
    /// At that moment the session ends: with ESID 09 and closed where the partner was awaited,
    /// without a word where it does not even read, and with ESID 08 where our own driver was.
    pub fn handle_timeout(&mut self, now: Duration) {
        let due = self.next_timeout().is_some_and(|deadline| now >= deadline);
        if let (true, Some((whom, wait))) = (due, self.line.timer.running()) {
            self.state = abort::timeout(&self.state, whom, wait, &mut self.line);
            self.watch(None, now);
        }
    }

    /// When [`Session::handle_timeout`] is to be called; `None` once the session is over. Ask again
    /// after every other call.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        self.line.timer.deadline(&self.line.settings.timers)
    }

    /// Asks for something, or answers an event.
    ///
    /// # Errors
    /// If the request does not fit the state or the wire; nothing was sent then and the state is
    /// the same.
    pub fn request(&mut self, request: Request, now: Duration) -> Result<(), RequestError> {
        let outcome = self.step(|state, line| state.request(request, line));
        let acted = outcome.is_ok().then_some(Whom::Driver);
        self.watch(acted, now);
        outcome
    }

    /// Sends octets of an open file that travels as one stream (F_DATA_RQ): formats U and T, and
    /// every format inside a CMS envelope. Returns how many were taken, as many as credit and
    /// [`TRANSMIT_CEILING`](crate::TRANSMIT_CEILING) allow.
    ///
    /// `end_of_file` says that `file` reaches to the end of the file; the call that takes its last
    /// octet marks the end. An empty `file` with `end_of_file` sends the mark alone, as for an
    /// empty file; [`Session::can_close_file`] tells whether it went out. Without `end_of_file`, a
    /// tail that fills no buffer is left for the next call (unless it is all there is). Less than
    /// all, or 0, means: drain [`Session::transmit`], wait for [`Event::DataConfirm`], offer the
    /// rest again.
    ///
    /// # Errors
    /// If no file of ours is open, if it has records, if octets come after its end, or if the file
    /// grows beyond what EFID can say at the agreed level; nothing was sent then.
    pub fn send_data(
        &mut self,
        file: &[u8],
        end_of_file: bool,
        now: Duration,
    ) -> Result<usize, RequestError> {
        self.send(0, now, |opo, line| opo.stream(file, end_of_file, line))
    }

    /// Sends octets of an open file with records, formats F and V (F_DATA_RQ), and returns how many
    /// octets and ends of records were taken from the front, as many as credit and
    /// [`TRANSMIT_CEILING`](crate::TRANSMIT_CEILING) allow.
    ///
    /// `ends` are the ascending offsets into `octets` where records end; the same offset twice is
    /// an empty record. What follows the last end belongs to a record that goes on in the next
    /// call. Offer the rest again as for [`Session::send_data`], with the ends counted from its
    /// first octet. A tail that fills no buffer is left here too, unless it is all there is. An
    /// empty file needs no call.
    ///
    /// # Errors
    /// If no file of ours is open, if it travels as one stream, if `ends` do not ascend within
    /// `octets`, if a record is not of the length that the offer announced, or if the file grows
    /// beyond what EFID can say at the agreed level; nothing was sent then.
    pub fn send_records(
        &mut self,
        octets: &[u8],
        ends: &[usize],
        now: Duration,
    ) -> Result<Packed, RequestError> {
        let nothing = Packed {
            octets: 0,
            records: 0,
        };
        self.send(nothing, now, |opo, line| opo.records(octets, ends, line))
    }

    /// Would [`Session::send_data`] or [`Session::send_records`] take octets now?
    #[must_use]
    pub fn can_send_data(&self) -> bool {
        matches!(&self.state, State::Opo(opo) if opo.goes_on()) && self.line.transmit.has_room()
    }

    /// May [`Request::CloseFile`] follow: has the end of our file been sent, and is credit left?
    /// After a last buffer that used the last credit this is so only when the partner has granted
    /// more ([`Event::DataConfirm`]).
    ///
    /// A file with records may end after any record, so here it says only that none is open; the
    /// driver knows which one is the last.
    #[must_use]
    pub fn can_close_file(&self) -> bool {
        matches!(&self.state, State::Opo(opo) if opo.is_whole())
    }

    /// Octets to be written to the partner, in order.
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        self.line.transmit.pending()
    }

    /// The first `n` octets of [`Session::transmit`] were written.
    pub fn transmitted(&mut self, n: usize, now: Duration) {
        if self.line.transmit.drain(n) && self.can_send_data() {
            self.line.tell(Event::DataConfirm);
        }
        let acted = (n > 0).then_some(Whom::Reader);
        self.watch(acted, now);
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

    /// Does [`Session::receive`] consume nothing more until what waits is taken? Ends of records count
    /// too, so [`Session::received_len`] does not tell.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.line.received.held() >= RECEIVE_CEILING
    }

    /// Moves the decoded file octets out, with the ends of records among them. `into` is cleared
    /// first and its allocations are used for the next octets.
    pub fn take_received(&mut self, into: &mut Received, now: Duration) {
        self.line.take_received(into);
        let acted = (!into.is_empty()).then_some(Whom::Driver);
        self.watch(acted, now);
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
        // An ESID ends the session and is never answered with another.
        let esid = oeb.first() == Some(&Code::Esid.octet());
        let refused = if esid {
            Deviations::none()
        } else {
            self.line.settings.refused
        };
        let decoded = Command::decode_refusing(oeb, self.line.terms().level, refused);
        let outcome = self.step(|state, line| {
            let next = match decoded {
                Ok((command, met)) => {
                    line.tolerate_all(met);
                    state.command(command, line)
                }
                Err(error) if esid => abort::unreadable_end(&error, line),
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

    /// F_DATA_RQ, in the states that have it. `nothing` is taken where credit must come first
    /// (OPOWFC), and where nothing matters any more (S3-S: WF_NDISC).
    fn send<T>(
        &mut self,
        nothing: T,
        now: Duration,
        data: impl FnOnce(Opo, &mut Line) -> (State, Result<T, RequestError>),
    ) -> Result<T, RequestError> {
        match core::mem::replace(&mut self.state, Idle.into()) {
            State::Opo(opo) => {
                let before = self.line.stats.data_sent;
                let (next, outcome) = data(opo, &mut self.line);
                self.state = next;
                let acted = (self.line.stats.data_sent > before).then_some(Whom::Driver);
                self.watch(acted, now);
                outcome
            }
            stay @ (State::Opowfc(_) | State::WfNdisc(_)) => {
                self.state = stay;
                Ok(nothing)
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

    /// One side has ended the session: C3, C7.
    fn ignores_input(&self) -> bool {
        matches!(
            self.state,
            State::Idle(_) | State::WfNdisc(_) | State::ClipLeft(_)
        )
    }

    /// After every call that may have changed whom the session waits for; `acted` is who called.
    fn watch(&mut self, acted: Option<Whom>, now: Duration) {
        let wait = self.wait();
        self.line.timer.watch(wait, acted, now);
    }

    /// Who has to act: the partner by reading what we sent, our driver, or the partner by sending?
    fn wait(&self) -> Option<(Whom, Wait)> {
        let wait = self.state.wait();
        if self.must_disconnect() {
            return None;
        }
        let untaken = !self.line.received.is_empty() && wait != Wait::Leave;
        if !self.line.transmit.is_empty() {
            // Whatever comes about meanwhile, it is one and the same wait.
            let wait = match wait {
                Wait::Opening | Wait::Leave => wait,
                Wait::Partner | Wait::EndOfFile | Wait::Driver => Wait::Partner,
            };
            return Some((Whom::Reader, wait));
        }
        let whom = if wait == Wait::Driver || untaken {
            Whom::Driver
        } else {
            Whom::Partner
        };
        Some((whom, wait))
    }
}
