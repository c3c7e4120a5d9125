//! What is told of a failure inside an envelope, and how often.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crypto::{Digest, Hash, PublicKey};

use super::{DecryptionError, Expect, OpenError};

/// Content keys that are remembered: 1 MiB of digests, and twice as much to find them.
const MOST: usize = 32_768;
/// Files of one content key that may fail, where whether one opens is itself an answer: altered
/// copies of a file that nobody signed do open, one in 256 of them.
const MOST_UNSIGNED: u16 = 16;
/// The same of signed files. No altered copy opens, and all failures look alike; what is left is how
/// long they take, for which many more are needed.
const MOST_SIGNED: u16 = 1024;

static FAILED: Mutex<Failures> = Mutex::new(Failures {
    order: VecDeque::new(),
    known: None,
});

/// Forgets which content keys files have failed with, as a new start does: for fuzzing, which alters the
/// same few files more often than anybody may.
pub fn forget_failures() {
    let mut failures = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    failures.order.clear();
    failures.known = None;
}

/// A content key by which it is known: as it was wrapped, and for which of our keys.
pub(super) struct ContentKey([u8; 32]);

/// How many files failed with a content key, after our private key was used.
struct Failures {
    order: VecDeque<[u8; 32]>,
    known: Option<HashMap<[u8; 32], u16>>,
}

impl ContentKey {
    pub(super) fn of(wrapped: &[u8], ours: Option<&PublicKey>) -> Self {
        let mut digest = Digest::new(Hash::Sha256);
        digest.update(ours.map(PublicKey::numbers).unwrap_or_default());
        digest.update(wrapped);
        // SHA-256 has 32 octets; were it otherwise, all content keys would count as one.
        Self(digest.finish().try_into().unwrap_or_default())
    }

    /// That not too many files of it have failed.
    pub(super) fn may_be_used(&self, expect: Expect) -> Result<(), OpenError> {
        let most = match expect.signed {
            true => MOST_SIGNED,
            false => MOST_UNSIGNED,
        };
        let failures = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.of(&self.0) < most {
            return Ok(());
        }
        Err(OpenError::Decryption(DecryptionError::Guessed(most)))
    }

    /// What a failure inside an envelope is told as; `rest` is what came of decrypting to the end.
    ///
    /// Nothing of this changes while nothing but the cause does: the same work was done before.
    pub(super) fn verdict(&self, error: OpenError, rest: Result<(), OpenError>) -> OpenError {
        let inside = |error| OpenError::Decryption(DecryptionError::Inside(Box::new(error)));
        match rest {
            Err(error) if error.is_ours() => return error,
            _ => {}
        }
        let is_first = FAILED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_first(self.0, MOST);
        match (error, rest) {
            (padding @ OpenError::Decryption(_), _) => padding,
            (_, Err(padding @ OpenError::Decryption(_))) => padding,
            (_, Err(error)) => inside(error),
            (error @ OpenError::Structure { .. }, Ok(())) => inside(error),
            (error, Ok(())) if is_first => error,
            (error, Ok(())) => inside(error),
        }
    }
}

impl Failures {
    fn of(&self, key: &[u8; 32]) -> u16 {
        let known = self.known.as_ref().and_then(|known| known.get(key));
        known.copied().unwrap_or_default()
    }

    /// Counts a failure, and forgets the oldest of more than `most` content keys.
    fn is_first(&mut self, key: [u8; 32], most: usize) -> bool {
        let known = self.known.get_or_insert_default();
        let failures = known.entry(key).or_default();
        *failures = failures.saturating_add(1);
        if *failures > 1 {
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
        let mut failures = Failures {
            order: VecDeque::new(),
            known: None,
        };
        let key = |number: u8| [number; 32];
        for number in 0..4 {
            assert!(failures.is_first(key(number), 3));
            assert!(!failures.is_first(key(number), 3));
            assert_eq!(failures.of(&key(number)), 2);
        }
        assert!(!failures.is_first(key(1), 3));
        assert!(failures.is_first(key(0), 3), "the oldest was forgotten");
        assert_eq!(failures.order.len(), 3);
        assert_eq!(failures.known.map(|known| known.len()), Some(3));
    }

    #[test]
    fn a_content_key_is_another_one_for_another_key_of_ours() {
        let of = |ours| ContentKey::of(b"wrapped", ours).0;
        let ours = crate::Certificate::from_der(include_bytes!("../tests/vectors/recipient.cer"));
        let ours = ours.unwrap();
        assert_ne!(of(Some(ours.public_key())), of(None));
        assert_eq!(of(None), of(None));
    }
}
