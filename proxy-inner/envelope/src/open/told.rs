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
    if !told.known.get_or_insert_default().insert(key) {
        return false;
    }
    told.order.push_back(key);
    if told.order.len() > MOST
        && let Some(oldest) = told.order.pop_front()
    {
        told.known.get_or_insert_default().remove(&oldest);
    }
    true
}
