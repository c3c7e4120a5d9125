//! Octets on their way out.

use oftp::{Command, EncodeError, Level, MAX_FRAME_LEN};

/// How many octets may wait to be written before [`Session::send_data`](crate::Session::send_data)
/// takes no more. One exchange buffer more can be waiting, and answers of as many octets as two.
pub const TRANSMIT_CEILING: usize = 512 * 1024;

/// How many octets may wait before the engine hears no more commands, each of which may want an
/// answer. File data alone never reaches it, so that a speaker hears an ESID in the middle of a file.
const ANSWERS_CEILING: usize = TRANSMIT_CEILING + 2 * MAX_FRAME_LEN;

/// A session that is between files gives memory beyond this back.
const KEPT: usize = 16 * 1024;

/// A buffer that grows at the end and is drained at the front.
///
/// Drained octets stay in place until at least as many were drained as are left, so that moving the
/// rest costs at most one octet moved for one octet sent.
#[derive(Debug, Default)]
pub(crate) struct Transmit {
    octets: Vec<u8>,
    sent: usize,
    /// The ceiling was reached; stays until half of it is drained.
    full: bool,
    /// File data was turned away while `full`.
    awaited: bool,
    /// Ends of records as one buffer needs them: kept so that nothing is allocated a buffer.
    ends: Vec<usize>,
}

impl Transmit {
    pub(crate) fn pending(&self) -> &[u8] {
        self.octets.get(self.sent..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent >= self.octets.len()
    }

    /// The partner leaves too much unread.
    pub(crate) fn is_overfull(&self) -> bool {
        self.pending().len() >= ANSWERS_CEILING
    }

    /// Appends one command; changes nothing if it cannot be encoded.
    pub(crate) fn push(&mut self, command: &Command<'_>, level: Level) -> Result<(), EncodeError> {
        self.compact();
        command.encode(level, &mut self.octets)
    }

    /// Checks that a command can be encoded, without sending it.
    pub(crate) fn check(&mut self, command: &Command<'_>, level: Level) -> Result<(), EncodeError> {
        let before = self.octets.len();
        let result = command.encode(level, &mut self.octets);
        self.octets.truncate(before);
        result
    }

    /// The buffer to append DATA to, if there is room. Asking in vain is remembered: see
    /// [`Transmit::drain`].
    pub(crate) fn room_for_data(&mut self) -> Option<&mut Vec<u8>> {
        if !self.has_room() {
            self.full = true;
            self.awaited = true;
            return None;
        }
        self.compact();
        Some(&mut self.octets)
    }

    /// The same, with a place for the ends of the records in one buffer.
    pub(crate) fn room_for_records(&mut self) -> Option<(&mut Vec<u8>, &mut Vec<usize>)> {
        self.room_for_data()?;
        Some((&mut self.octets, &mut self.ends))
    }

    /// Would data be taken? Drained octets still in place count, so that memory stays under the
    /// ceiling too.
    pub(crate) fn has_room(&self) -> bool {
        let held = if self.can_compact() {
            self.pending().len()
        } else {
            self.octets.len()
        };
        !self.full && held < TRANSMIT_CEILING
    }

    /// The driver wrote `count` octets. True when file data that was turned away may now be offered
    /// again.
    pub(crate) fn drain(&mut self, count: usize) -> bool {
        self.sent = self.sent.saturating_add(count).min(self.octets.len());
        if self.is_empty() {
            self.octets.clear();
            self.sent = 0;
        }
        if self.full && self.pending().len() <= TRANSMIT_CEILING / 2 {
            self.full = false;
            return core::mem::take(&mut self.awaited);
        }
        false
    }

    /// Forgets what was not written: the connection is dropped without a word.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives memory back between files.
    pub(crate) fn relax(&mut self) {
        self.compact();
        self.octets.shrink_to(KEPT);
        self.ends = Vec::new();
    }

    fn compact(&mut self) {
        if self.can_compact() {
            let left = self.pending().len();
            self.octets.copy_within(self.sent.., 0);
            self.octets.truncate(left);
            self.sent = 0;
        }
    }

    fn can_compact(&self) -> bool {
        self.sent > 0 && self.sent >= self.pending().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drained_octets_come_out_once_and_in_order_whatever_the_steps() {
        let mut transmit = Transmit::default();
        let mut next_in = 0u8;
        let mut next_out = 0u8;
        for step in 1..200usize {
            if let Some(room) = transmit.room_for_data() {
                for _ in 0..step % 7 {
                    room.push(next_in);
                    next_in = next_in.wrapping_add(1);
                }
            }
            let take = (step % 5).min(transmit.pending().len());
            for octet in &transmit.pending()[..take] {
                assert_eq!(*octet, next_out, "at step {step}");
                next_out = next_out.wrapping_add(1);
            }
            transmit.drain(take);
        }
    }

    #[test]
    fn what_is_left_is_moved_only_after_as_much_was_drained() {
        let mut transmit = Transmit::default();
        transmit.room_for_data().unwrap().resize(1000, 1);
        transmit.drain(499);
        transmit.room_for_data().unwrap();
        assert_eq!((transmit.sent, transmit.octets.len()), (499, 1000));
        transmit.drain(1);
        transmit.room_for_data().unwrap();
        assert_eq!((transmit.sent, transmit.octets.len()), (0, 500));
    }

    #[test]
    fn a_full_buffer_takes_no_data_until_half_is_drained_and_says_so_once() {
        let mut transmit = Transmit::default();
        transmit
            .room_for_data()
            .unwrap()
            .resize(TRANSMIT_CEILING, 0);
        assert!(transmit.room_for_data().is_none());
        assert!(!transmit.drain(TRANSMIT_CEILING / 2 - 1));
        assert!(transmit.room_for_data().is_none());
        assert!(transmit.drain(1));
        assert!(!transmit.drain(1));
        assert!(transmit.room_for_data().is_some());
    }

    #[test]
    fn the_buffer_never_grows_beyond_its_ceiling_and_one_frame() {
        let mut transmit = Transmit::default();
        for step in 1..300 {
            for _ in 0..step % 9 {
                if let Some(room) = transmit.room_for_data() {
                    let end = room.len() + MAX_FRAME_LEN;
                    room.resize(end, 7);
                }
            }
            transmit.drain((step * 37_123) % TRANSMIT_CEILING);
            let most = TRANSMIT_CEILING + MAX_FRAME_LEN;
            assert!(
                transmit.octets.len() <= most,
                "{} octets held",
                transmit.octets.len()
            );
        }
    }
}
