//! The window: how many DATA buffers may be sent before the receiver grants more (RFC 5024 section
//! 4.4.1).
//!
//! One counter for both roles, `Credit_S` and `Credit_L` of section 9.6. Only DATA costs credit;
//! CDT sets the counter back to the full window, it does not add.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    size: u16,
    left: u16,
}

/// What one DATA buffer did to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spent {
    /// More may follow.
    Left,
    /// It was the last one: the speaker waits for CDT, the listener sends it.
    Last,
    /// There was none left (listener's P6): the speaker exceeded its credit.
    Exceeded,
}

impl Window {
    /// A full window, as SFPA implies.
    pub(crate) const fn full(size: u16) -> Self {
        Self { size, left: size }
    }

    /// Accounts for one DATA buffer.
    pub(crate) fn spend(&mut self) -> Spent {
        let Some(left) = self.left.checked_sub(1) else {
            return Spent::Exceeded;
        };
        self.left = left;
        if left == 0 { Spent::Last } else { Spent::Left }
    }

    /// No buffer may be sent until CDT.
    pub(crate) const fn is_spent(self) -> bool {
        self.left == 0
    }

    /// CDT sent or received.
    pub(crate) fn renew(&mut self) {
        self.left = self.size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn renewing_restores_the_full_window_and_never_adds() {
        let mut window = Window::full(2);
        assert_eq!(window.spend(), Spent::Left);
        window.renew();
        assert_eq!(window.spend(), Spent::Left);
        assert_eq!(window.spend(), Spent::Last);
        assert_eq!(window.spend(), Spent::Exceeded);
    }

    ///
    #[test]
    fn a_window_of_one_is_spent_by_every_buffer() {
        let mut window = Window::full(1);
        for _ in 0..3 {
            assert_eq!(window.spend(), Spent::Last);
            window.renew();
        }
    }
}
