//! `ReceiveWindow`: how few unread circuits are kept from starving all others.
//!
//! QUIC has one receive window for the whole connection. Circuits that nobody reads (their partner
//! stalls) could hold all of it, and then control messages and signatures would wait as well. When
//! the other end reports that it is blocked by that window and nothing is being read here, the
//! window is widened by one stream's worth, up to a ceiling, and narrowed again after a calm time.
//! A link whose circuits are merely read slowly keeps its first window: there, reading goes on.

/// The connection's window now in force; decides, and touches nothing.
#[derive(Debug)]
pub(crate) struct ReceiveWindow {
    least: u32,
    most: u32,
    step: u32,
    now: u32,
    /// The other end was blocked and may still be: it says so once for each limit it meets.
    blocked: bool,
    calm: u32,
}

impl ReceiveWindow {
    pub(crate) fn new(least: u32, most: u32, step: u32) -> Self {
        ReceiveWindow {
            least,
            most: most.max(least),
            step,
            now: least,
            blocked: false,
            calm: 0,
        }
    }

    /// Called at even intervals with what has happened since: whether the other end said that it is
    /// blocked, and whether any octets were read. Gives the new window when it is to change.
    pub(crate) fn tick(&mut self, blocked: bool, read: bool) -> Option<u32> {
        if blocked {
            self.blocked = true;
            self.calm = 0;
        } else {
            self.calm = self.calm.saturating_add(1);
        }
        if self.blocked && !read {
            self.blocked = false;
            self.calm = 0;
            return self.change(self.now.saturating_add(self.step).min(self.most));
        }
        if self.calm >= CALM {
            self.calm = 0;
            return self.change(self.now.saturating_sub(self.step).max(self.least));
        }
        None
    }

    fn change(&mut self, wanted: u32) -> Option<u32> {
        let changed = wanted != self.now;
        self.now = wanted;
        changed.then_some(wanted)
    }
}

/// Ticks without a complaint after which one step is taken back: a minute at four a second.
const CALM: u32 = 240;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widens_only_when_the_other_end_is_blocked_and_nothing_is_read() {
        let mut window = ReceiveWindow::new(32, 64, 16);
        assert_eq!(window.tick(false, false), None);
        assert_eq!(window.tick(true, true), None);
        assert_eq!(window.tick(false, true), None);
        assert_eq!(
            window.tick(false, false),
            Some(48),
            "said once, still blocked"
        );
        assert_eq!(window.tick(false, false), None);
        assert_eq!(window.tick(true, false), Some(64));
        assert_eq!(window.tick(true, false), None, "never over the most");
    }

    #[test]
    fn narrows_step_by_step_after_calm_times() {
        let mut window = ReceiveWindow::new(32, 64, 16);
        assert_eq!(window.tick(true, false), Some(48));
        assert_eq!(window.tick(true, false), Some(64));
        let changes: Vec<_> = (0..CALM * 3)
            .filter_map(|_| window.tick(false, true))
            .collect();
        assert_eq!(changes, [48, 32]);
    }
}
