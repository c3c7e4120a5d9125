//! Where in its life a key or a certificate stands.

use std::fmt;

/// The place of a certificate among those of one role. A change of certificates goes through the
/// slots: the new one waits as `next` while partners take it in, then becomes `current`, and the
/// old one stays as `previous` for what is still under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// The one in use.
    Current,
    /// The one that comes after it; used already when `current` has ended.
    Next,
    /// The one before it; still good for reading what is under way.
    Previous,
}

impl Slot {
    /// Every slot, in the order they are tried.
    pub const ALL: [Slot; 3] = [Slot::Current, Slot::Next, Slot::Previous];

    /// The word for it, in commands, in apply files and in the store.
    pub const fn word(self) -> &'static str {
        match self {
            Slot::Current => "current",
            Slot::Next => "next",
            Slot::Previous => "previous",
        }
    }

    /// The slot of a word; `None` when there is none of that name.
    pub fn from_word(word: &str) -> Option<Slot> {
        Slot::ALL.into_iter().find(|slot| slot.word() == word)
    }

    /// What the slot means: a sentence without its full stop.
    pub const fn sentence(self) -> &'static str {
        match self {
            Slot::Current => "in use",
            Slot::Next => "waits to become current; used already once current has ended",
            Slot::Previous => "kept for files and receipts that are still under way",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_a_word_of_its_own_that_leads_back() {
        for slot in Slot::ALL {
            assert_eq!(Slot::from_word(slot.word()), Some(slot));
        }
        assert_eq!(Slot::from_word("old"), None);
    }
}
