//! What is told of a failure inside an envelope.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use crypto::Hash;

use super::{DecryptionError, OpenError};

/// Content keys that are remembered: 1 MiB of digests, and twice as much to find them.
const MOST: usize = 32_768;

static TOLD: Mutex<Told> = Mutex::new(Told {
    order: VecDeque::new(),
    known: None,
});

/// The content keys, as they were wrapped, for which something else than "cannot be decrypted" was
/// told once.
struct Told {
    order: VecDeque<[u8; 32]>,
    known: Option<HashSet<[u8; 32]>>,
}

/// What a failure inside an envelope is told as; `rest` is what came of decrypting to the end.
///
/// Nothing of this changes while nothing but the cause does: the same work was done before.
pub(super) fn verdict(error: OpenError, rest: Result<(), OpenError>, wrapped: &[u8]) -> OpenError {
    let inside = |error| OpenError::Decryption(DecryptionError::Inside(Box::new(error)));
    match (error, rest) {
        (_, Err(error)) if error.is_ours() => error,
        (padding @ OpenError::Decryption(_), _) => padding,
        (_, Err(padding @ OpenError::Decryption(_))) => padding,
        (_, Err(error)) => inside(error),
        (error @ OpenError::Structure { .. }, Ok(())) => inside(error),
        (error, Ok(())) if tells(wrapped) => error,
        (error, Ok(())) => inside(error),
    }
}

/// Whether it is the first time for this content key.
fn tells(wrapped: &[u8]) -> bool {
    // SHA-256 has 32 octets; were it otherwise, nothing more would be told.
    let key = <[u8; 32]>::try_from(Hash::Sha256.of(wrapped)).unwrap_or_default();
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    told.is_first(key, MOST)
}

impl Told {
    /// Remembers a content key, and forgets the oldest of more than `most`.
    fn is_first(&mut self, key: [u8; 32], most: usize) -> bool {
        let known = self.known.get_or_insert_default();
        if !known.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > most
            && let Some(oldest) = self.order.pop_front()
        {
            known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_content_keys_up_to_a_ceiling() {
        let mut told = Told {
            order: VecDeque::new(),
            known: None,
        };
        let key = |number: u8| [number; 32];
        for number in 0..4 {
            assert!(told.is_first(key(number), 3));
            assert!(!told.is_first(key(number), 3));
        }
        assert!(!told.is_first(key(1), 3));
        assert!(told.is_first(key(0), 3), "the oldest was forgotten");
        assert_eq!(told.order.len(), 3);
        assert_eq!(told.known.map(|known| known.len()), Some(3));
    }
}
