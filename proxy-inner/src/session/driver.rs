//! The one loop that moves octets between a stream, the engine and the desk.
//!
//! ```text
//!             ┌─ read ──▶ input ──▶ engine ──▶ events ──▶ desk ──▶ spool, journal (blocking threads)
//!  stream ────┤                        ▲                    │
//!             └─ write ◀─ transmit ◀───┴──── requests ◀─────┘
//! ```
//!
//! Every round does all that can be done without waiting, then waits for whatever comes first:
//! the stream, the disk, the engine's timer, or the process stopping. It reads while it writes, so
//! that an ESID or a broken connection is seen in the middle of a file; it does not read while the
//! engine holds octets that the disk has not taken, so that a slow disk slows the partner.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{Phase, Session};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::desk::Desk;
use super::input::Input;
use super::report::Report;
use super::{SessionContext, Stage};

/// How long the last octets may take once the session is over, and closing the stream after them.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
/// Far enough away to be no deadline.
const FAR: Duration = Duration::from_secs(3600);
/// Octets written or read in one round at most, so that no direction starves the other.
const ROUND: usize = 1024 * 1024;

/// The engine's time: since the start of the session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Duration {
        self.0.elapsed()
    }
}

/// One session on one stream.
pub(crate) struct Driver<S> {
    stream: S,
    session: Session,
    desk: Desk,
    clock: Clock,
    input: Input,
    stage: watch::Receiver<Stage>,
    timer: Pin<Box<Sleep>>,
    /// Something was written and not flushed.
    unflushed: bool,
    /// The partner sends nothing more, or nothing can be read or written any more.
    closed: Option<Closed>,
    /// The engine was told so.
    disconnected: bool,
    /// When the last octets must be out.
    close_by: Option<Instant>,
}

/// How the stream ended.
#[derive(Debug)]
enum Closed {
    End,
    Broken(io::Error),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// `first` are octets received already.
    pub(crate) fn new(
        stream: S,
        session: Session,
        desk: Desk,
        clock: Clock,
        first: Vec<u8>,
        context: &SessionContext,
    ) -> Self {
        Self {
            stream,
            session,
            desk,
            clock,
            input: Input::new(&first),
            stage: context.shutdown.watch(),
            timer: Box::pin(sleep_until(Instant::now())),
            unflushed: false,
            closed: None,
            disconnected: false,
            close_by: None,
        }
    }

    /// Runs the session to its end.
    pub(crate) async fn run(mut self) -> Report {
        loop {
            self.turn();
            if self.is_over() {
                break;
            }
            self.arm();
            self.wait().await;
        }
        // The partner may be gone; the session is over either way.
        let _ = timeout(CLOSE_WITHIN, self.stream.shutdown()).await;
        drop(self.stream);
        self.desk.rescue(&mut self.session, self.clock.now());
        self.desk.settle().await
    }

    /// Does all that can be done without waiting.
    fn turn(&mut self) {
        loop {
            let now = self.clock.now();
            self.session.handle_timeout(now);
            let consumed = self.session.receive(self.input.filled(), now);
            self.input.consume(consumed);
            let mut moved = consumed > 0;
            while let Some(event) = self.session.poll_event() {
                self.desk.event(event, &mut self.session, now);
                moved = true;
            }
            let stage = *self.stage.borrow_and_update();
            moved |= self.desk.advance(&mut self.session, stage, now);
            if !moved && !self.disconnect(now) {
                break;
            }
        }
        if self.desk.is_between_files() {
            self.input.relax();
        }
    }

    /// Tells the engine that the stream has ended, once all that was read before is done with.
    fn disconnect(&mut self, now: Duration) -> bool {
        // After an ESID nobody waits for the rest, nor for an answer.
        let over = matches!(self.session.phase(), Phase::Ending | Phase::Closed);
        let held_back = self.session.is_full() || self.desk.is_busy();
        if self.disconnected || (held_back && !over) {
            return false;
        }
        self.desk.note_stream_end(match &self.closed {
            Some(Closed::End) => "the connection was closed".to_owned(),
            Some(Closed::Broken(error)) => format!("the connection broke: {error}"),
            None => return false,
        });
        self.disconnected = true;
        self.session.disconnected(now);
        true
    }

    fn is_over(&mut self) -> bool {
        if !self.session.must_disconnect() {
            return false;
        }
        let by = *self
            .close_by
            .get_or_insert_with(|| Instant::now() + CLOSE_WITHIN);
        let written = self.session.transmit().is_empty() && !self.unflushed;
        written || self.closed.is_some() || Instant::now() >= by
    }

    fn arm(&mut self) {
        let engine = self.session.next_timeout().map(|at| self.clock.0 + at);
        let next = [engine, self.close_by].into_iter().flatten().min();
        match next {
            Some(next) if self.timer.deadline() == next => {}
            Some(next) => self.timer.as_mut().reset(next),
            // Without a deadline the timer may fire once, harmlessly, far away.
            None if self.timer.is_elapsed() => self.timer.as_mut().reset(Instant::now() + FAR),
            None => {}
        }
    }

    /// Waits until anything has happened.
    async fn wait(&mut self) {
        let mut stage = self.stage.clone();
        let changed = stage.changed();
        tokio::pin!(changed);
        poll_fn(|cx| {
            let mut ready = self.poll_write(cx).is_ready();
            ready |= self.poll_read(cx).is_ready();
            ready |= self.desk.poll(cx).is_ready();
            ready |= self.timer.as_mut().poll(cx).is_ready();
            ready |= changed.as_mut().poll(cx).is_ready();
            if ready {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Writes what there is. Ready when anything was written, or writing failed.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.closed, Some(Closed::Broken(_))) {
            return Poll::Pending;
        }
        let mut written = 0;
        while written < ROUND && !self.session.transmit().is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, self.session.transmit()) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return self.broken(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    self.session.transmitted(n, self.clock.now());
                    self.desk.count_out(n);
                    self.unflushed = true;
                    written += n;
                }
                Poll::Ready(Err(error)) => return self.broken(error),
            }
        }
        let mut ready = written > 0;
        if self.unflushed && self.session.transmit().is_empty() {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    self.unflushed = false;
                    ready = true;
                }
                Poll::Ready(Err(error)) => return self.broken(error),
            }
        }
        if ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Reads what there is room for. Ready when anything was read, or the stream ended.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut read = 0;
        while read < ROUND && self.closed.is_none() {
            let room = self.input.room();
            if room.is_empty() {
                break;
            }
            let mut into = ReadBuf::new(room);
            match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) if into.filled().is_empty() => {
                    self.closed = Some(Closed::End);
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(())) => {
                    let n = into.filled().len();
                    self.input.filled_by(n);
                    self.desk.count_in(n);
                    read += n;
                }
                Poll::Ready(Err(error)) => {
                    self.closed = Some(Closed::Broken(error));
                    return Poll::Ready(());
                }
            }
        }
        if read > 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Writing failed. What the partner said last may still be readable and says more than the error.
    fn broken(&mut self, error: io::Error) -> Poll<()> {
        let room = self.input.room();
        let mut into = ReadBuf::new(room);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        if self.closed.is_none()
            && let Poll::Ready(Ok(())) = Pin::new(&mut self.stream).poll_read(&mut cx, &mut into)
        {
            let n = into.filled().len();
            self.input.filled_by(n);
            self.desk.count_in(n);
        }
        self.closed = Some(Closed::Broken(error));
        Poll::Ready(())
    }
}
