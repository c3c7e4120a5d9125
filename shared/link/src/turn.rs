//! `Turn`: which circuit writes first when room is short.
//!
//! When the connection's windows open, the transport wakes all blocked writers, the one that has
//! waited longest last; under load it would find no room again and again. So a writer that was
//! blocked lets those go first that were served less recently. It lets them go by yielding a few
//! times, never by waiting for one of them: a writer nobody polls can hold up no other.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// The writers of one link.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Drawn for each write done and each writer that comes.
    clock: AtomicU64,
    /// Writers that found no room and have not written since.
    blocked: AtomicUsize,
    /// Writers that were woken and have not tried yet, the least recently served first.
    awake: Mutex<BTreeSet<Place>>,
}

/// When a writer was served last, and which it is.
type Place = (u64, u64);

impl Turns {
    /// A place among the writers, for one more.
    pub(crate) fn join(&self) -> Turn {
        let id = self.draw();
        Turn {
            turns: self.clone(),
            place: (id, id),
            state: State::Free,
        }
    }

    fn draw(&self) -> u64 {
        self.0.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn awake(&self) -> MutexGuard<'_, BTreeSet<Place>> {
        self.0.awake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One writer's place. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    place: Place,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The last write went through.
    Free,
    /// The last write found no room; it will be woken.
    Blocked,
    /// Woken, and so many times polled since.
    Awake(u32),
}

impl Turn {
    /// Writes when it is this writer's turn. `write` is the attempt.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if self.lets_others_go() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let written = write(cx);
        self.change(if written.is_ready() {
            State::Free
        } else {
            State::Blocked
        });
        if written.is_ready() {
            self.place.0 = self.turns.draw();
        }
        written
    }

    fn lets_others_go(&mut self) -> bool {
        let polled = match self.state {
            State::Free => return false,
            State::Blocked if self.turns.0.blocked.load(Ordering::Relaxed) < 2 => return false,
            State::Blocked => 0,
            State::Awake(polled) => polled,
        };
        self.change(State::Awake(polled + 1));
        // The first time all of the woken come together; then those few go that were served least
        // recently, then more, then everybody.
        let Some(first) = GO_FIRST.get(usize::try_from(polled).unwrap_or(usize::MAX)) else {
            return false;
        };
        self.turns.awake().range(..self.place).take(*first).count() == *first
    }

    fn change(&mut self, state: State) {
        let (was, now) = (self.state, state);
        self.state = now;
        let shared = &self.turns.0;
        match (was == State::Free, now == State::Free) {
            (true, false) => drop(shared.blocked.fetch_add(1, Ordering::Relaxed)),
            (false, true) => drop(shared.blocked.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        match (
            matches!(was, State::Awake(_)),
            matches!(now, State::Awake(_)),
        ) {
            (false, true) => drop(self.turns.awake().insert(self.place)),
            (true, false) => drop(self.turns.awake().remove(&self.place)),
            _ => {}
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.change(State::Free);
    }
}

/// How many of the woken may go at the first, second, … poll after being woken.
const GO_FIRST: [usize; 4] = [0, 2, 8, 32];

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Polls all writers in the given order, as often as it takes until each has tried; gives the
    /// order in which they tried. Each is told that it found no room.
    fn tried(writers: &mut [Turn], order: &[usize]) -> Vec<usize> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut tried = Vec::new();
        while tried.len() < order.len() {
            for index in order {
                if !tried.contains(index) {
                    let _ = writers[*index].poll(&mut cx, |_| {
                        tried.push(*index);
                        Poll::<()>::Pending
                    });
                }
            }
        }
        tried
    }

    fn serve(writer: &mut Turn) {
        let mut cx = Context::from_waker(Waker::noop());
        while writer.poll(&mut cx, |_| Poll::Ready(())).is_pending() {}
    }

    #[test]
    fn the_least_recently_served_go_first_whoever_is_woken_first() {
        let turns = Turns::default();
        let mut writers: Vec<_> = (0..6).map(|_| turns.join()).collect();
        [3, 1, 0, 2, 5, 4]
            .into_iter()
            .for_each(|index| serve(&mut writers[index]));
        assert_eq!(
            tried(&mut writers, &[0, 1, 2, 3, 4, 5]),
            [0, 1, 2, 3, 4, 5],
            "not yet blocked"
        );
        let order = tried(&mut writers, &[4, 5, 2, 0, 1, 3]);
        assert_eq!(order[..2], [1, 3], "the two served least recently");
        assert_eq!(turns.0.blocked.load(Ordering::Relaxed), 6);
    }

    #[test]
    fn one_writer_alone_never_yields() {
        let turns = Turns::default();
        let mut writers = vec![turns.join()];
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(tried(&mut writers, &[0]), [0]);
        assert!(writers[0].poll(&mut cx, |_| Poll::Ready(())).is_ready());
    }

    #[test]
    fn a_writer_that_nobody_polls_holds_up_no_other() {
        let turns = Turns::default();
        let mut writers: Vec<_> = (0..2).map(|_| turns.join()).collect();
        tried(&mut writers, &[0, 1]);
        let mut cx = Context::from_waker(Waker::noop());
        // The older one is woken, yields once, and is never polled again.
        assert!(writers[0].poll(&mut cx, |_| Poll::Ready(())).is_pending());
        let polls =
            (0..10).take_while(|_| writers[1].poll(&mut cx, |_| Poll::Ready(())).is_pending());
        assert!(polls.count() < 10);
    }

    #[test]
    fn a_dropped_writer_leaves_no_trace() {
        let turns = Turns::default();
        let mut writers: Vec<_> = (0..3).map(|_| turns.join()).collect();
        tried(&mut writers, &[0, 1, 2]);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(writers[0].poll(&mut cx, |_| Poll::Ready(())).is_pending());
        writers.clear();
        assert_eq!(turns.0.blocked.load(Ordering::Relaxed), 0);
        assert!(turns.awake().is_empty());
    }
}
