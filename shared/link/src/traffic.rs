//! `Traffic`: what all streams of one link know of each other: octets read, and messages that wait.
//!
//! Streams share the connection's windows, and the transport hands freed room to whoever asks first:
//! under load a message could wait behind circuits for as long as they have octets to send. So plain
//! octets step back while a message waits for room. Messages are small and bounded in number, so
//! they cannot hold up circuits for long.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::turn::{Turn, Turns};

/// Shared by the streams of one link.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traffic(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Octets read off all circuits.
    read: AtomicU64,
    /// Messages that wait for room; changed under the lock only.
    waiting: AtomicUsize,
    /// Circuits that have stepped back.
    stepped_back: Mutex<Vec<Waker>>,
    turns: Turns,
}

impl Traffic {
    /// Counts octets read off a circuit.
    pub(crate) fn count_read(&self, octets: usize) {
        self.0
            .read
            .fetch_add(u64::try_from(octets).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Octets read so far.
    pub(crate) fn total_read(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// Writes a message: circuits step back while it must wait.
    pub(crate) async fn message<F: Future>(&self, writing: F) -> F::Output {
        let mut writing = pin!(writing);
        let mut waiting = None;
        poll_fn(|cx| {
            let done = writing.as_mut().poll(cx);
            if done.is_pending() {
                waiting.get_or_insert_with(|| self.wait());
            }
            done
        })
        .await
    }

    /// A place among the circuits that write.
    pub(crate) fn join(&self) -> Turn {
        self.0.turns.join()
    }

    /// Ready when no message waits.
    pub(crate) fn poll_clear(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.waiting.load(Ordering::Acquire) == 0 {
            return Poll::Ready(());
        }
        let mut stepped_back = self.stepped_back();
        if self.0.waiting.load(Ordering::Acquire) == 0 {
            return Poll::Ready(());
        }
        if !stepped_back.iter().any(|waker| waker.will_wake(cx.waker())) {
            stepped_back.push(cx.waker().clone());
        }
        Poll::Pending
    }

    fn wait(&self) -> Waiting<'_> {
        let _held = self.stepped_back();
        self.0.waiting.fetch_add(1, Ordering::AcqRel);
        Waiting(self)
    }

    fn stepped_back(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0
            .stepped_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One message that waits; gone when it is written or given up.
struct Waiting<'a>(&'a Traffic);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut stepped_back = self.0.stepped_back();
        if self.0.0.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            let wakers = std::mem::take(&mut *stepped_back);
            drop(stepped_back);
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[test]
    fn circuits_step_back_while_a_message_waits_and_are_woken_after() {
        let traffic = Traffic::default();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(traffic.poll_clear(&mut cx).is_ready());
        let mut message = Box::pin(traffic.message(pending::<()>()));
        assert!(traffic.poll_clear(&mut cx).is_ready(), "not begun yet");
        assert!(message.as_mut().poll(&mut cx).is_pending());
        assert!(traffic.poll_clear(&mut cx).is_pending());
        assert!(traffic.poll_clear(&mut cx).is_pending());
        assert_eq!(traffic.stepped_back().len(), 1, "one place for one task");
        drop(message);
        assert!(traffic.stepped_back().is_empty(), "all are woken");
        assert!(traffic.poll_clear(&mut cx).is_ready());
    }

    #[test]
    fn the_last_of_several_messages_lets_circuits_go_on() {
        let traffic = Traffic::default();
        let mut cx = Context::from_waker(Waker::noop());
        let mut first = Box::pin(traffic.message(pending::<()>()));
        let mut second = Box::pin(traffic.message(pending::<()>()));
        assert!(first.as_mut().poll(&mut cx).is_pending());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        drop(first);
        assert!(traffic.poll_clear(&mut cx).is_pending());
        drop(second);
        assert!(traffic.poll_clear(&mut cx).is_ready());
    }
}
