//! Work of one session beside its loop, one piece after the other, most of it on tokio's blocking threads.
//!
//! No thread is held while a partner is silent: each piece is short, one look-up or one sync.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::{JoinError, JoinHandle, spawn, spawn_blocking};

/// Starts a piece when its turn has come.
type Piece<T> = Box<dyn FnOnce() -> JoinHandle<T> + Send>;

/// Pieces of work with outcomes of one type.
pub(super) struct Work<T> {
    waiting: VecDeque<Piece<T>>,
    running: Option<JoinHandle<T>>,
    done: VecDeque<Result<T, JoinError>>,
}

impl<T> Default for Work<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            running: None,
            done: VecDeque::new(),
        }
    }
}

impl<T: Send + 'static> Work<T> {
    /// Has a piece of work done after those before it.
    pub(super) fn start(&mut self, piece: impl FnOnce() -> T + Send + 'static) {
        self.waiting
            .push_back(Box::new(move || spawn_blocking(piece)));
        self.next();
    }

    /// The same for a piece that itself waits for others and blocks no thread.
    pub(super) fn start_task(&mut self, piece: impl Future<Output = T> + Send + 'static) {
        self.waiting.push_back(Box::new(move || spawn(piece)));
        self.next();
    }

    /// True when nothing runs, waits, or has an outcome that was not taken.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty() && self.done.is_empty()
    }

    /// The next outcome; an error means that the piece panicked.
    pub(super) fn take(&mut self) -> Option<Result<T, JoinError>> {
        self.done.pop_front()
    }

    /// Ready when an outcome has come in.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(running) = &mut self.running else {
            return Poll::Pending;
        };
        let Poll::Ready(outcome) = Pin::new(running).poll(cx) else {
            return Poll::Pending;
        };
        self.running = None;
        self.done.push_back(outcome);
        self.next();
        Poll::Ready(())
    }

    fn next(&mut self) {
        if self.running.is_none()
            && let Some(piece) = self.waiting.pop_front()
        {
            self.running = Some(piece());
        }
    }
}
