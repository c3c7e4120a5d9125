//! The octets read from a circuit and not yet consumed by the engine.

/// The largest exchange buffer with its header has 100,003 octets, so a whole one always fits.
const MOST: usize = 256 * 1024;
/// What an idle session keeps.
const LEAST: usize = 16 * 1024;

/// A buffer that is filled at its end and consumed at its front. It grows while reads fill it.
#[derive(Debug)]
pub(super) struct Input {
    octets: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    /// Begins with these octets.
    pub(super) fn new(first: &[u8]) -> Self {
        let mut octets = first.to_vec();
        octets.resize(LEAST.max(first.len()), 0);
        Self {
            octets,
            start: 0,
            end: first.len(),
        }
    }

    /// What was read and not consumed.
    pub(super) fn filled(&self) -> &[u8] {
        self.octets.get(self.start..self.end).unwrap_or_default()
    }

    /// The first `n` octets of [`Input::filled`] are no longer needed.
    pub(super) fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Room to read into; empty while the engine holds back as much as may be held.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let free = self.octets.len() - self.end;
        if free < self.octets.len() / 4 && self.start > 0 {
            self.octets.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.octets.len() && self.octets.len() < MOST {
            let length = (self.octets.len() * 4).min(MOST);
            self.octets.resize(length, 0);
        }
        self.octets.get_mut(self.end..).unwrap_or_default()
    }

    /// `n` octets were read into [`Input::room`].
    pub(super) fn filled_by(&mut self, n: usize) {
        let before = self.end;
        self.end = (self.end + n).min(self.octets.len());
        // A read that took all the room suggests that more is waiting.
        if before == 0 && self.end == self.octets.len() && self.octets.len() < MOST {
            let length = (self.octets.len() * 4).min(MOST);
            self.octets.resize(length, 0);
        }
    }

    /// Gives memory back when nothing is waiting.
    pub(super) fn relax(&mut self) {
        if self.end == 0 && self.octets.len() > LEAST {
            self.octets.truncate(LEAST);
            self.octets.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_come_out_as_they_went_in_while_the_buffer_grows_and_moves() {
        let mut input = Input::new(b"ab");
        assert_eq!(input.filled(), b"ab");
        let (mut wrote, mut read) = (0_u8, 0_u8);
        input.consume(2);
        for round in 0..400_usize {
            let room = input.room();
            let take = room.len().min(1 + round * 37 % 5_000);
            for place in &mut room[..take] {
                *place = wrote;
                wrote = wrote.wrapping_add(1);
            }
            input.filled_by(take);
            let consumed = input.filled().len() * (round % 3) / 2;
            for octet in &input.filled()[..consumed] {
                assert_eq!(*octet, read);
                read = read.wrapping_add(1);
            }
            input.consume(consumed);
        }
    }

    #[test]
    fn holds_no_more_than_its_ceiling_and_gives_memory_back() {
        let mut input = Input::new(b"");
        loop {
            let room = input.room().len();
            if room == 0 {
                break;
            }
            input.filled_by(room);
        }
        assert_eq!(input.filled().len(), MOST);
        input.consume(MOST);
        input.relax();
        assert_eq!(input.octets.capacity(), LEAST);
    }
}
