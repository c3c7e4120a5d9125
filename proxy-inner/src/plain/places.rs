//! How many connections each address has open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections by address. An IPv4 address in IPv6 clothes is counted as IPv4.
#[derive(Clone, Debug)]
pub(super) struct Places {
    counts: Arc<Mutex<HashMap<IpAddr, u32>>>,
    most: u32,
}

/// One connection's place, given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    counts: Arc<Mutex<HashMap<IpAddr, u32>>>,
    address: IpAddr,
}

impl Places {
    /// At most `most` at a time from one address.
    pub(super) fn new(most: u32) -> Self {
        Self {
            counts: Arc::default(),
            most,
        }
    }

    /// A place for a caller; `None` when its address has all it may have.
    pub(super) fn take(&self, caller: IpAddr) -> Option<Place> {
        let address = caller.to_canonical();
        let mut counts = lock(&self.counts);
        let here = counts.get(&address).copied().unwrap_or(0);
        if here >= self.most {
            return None;
        }
        counts.insert(address, here + 1);
        drop(counts);
        Some(Place {
            counts: Arc::clone(&self.counts),
            address,
        })
    }

    pub(super) fn taken(&self) -> u32 {
        lock(&self.counts).values().sum()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        match counts.get(&self.address).copied() {
            Some(here) if here > 1 => {
                counts.insert(self.address, here - 1);
            }
            _ => {
                counts.remove(&self.address);
            }
        }
    }
}

/// The counts stay true even when a thread panicked while it held them: each change is one step.
fn lock(counts: &Mutex<HashMap<IpAddr, u32>>) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let places = Places::new(2);
        let address = |text: &str| text.parse().unwrap();
        let first = places.take(address("10.0.0.1")).unwrap();
        let second = places.take(address("::ffff:10.0.0.1")).unwrap();
        assert!(places.take(address("10.0.0.1")).is_none());
        let other = places.take(address("10.0.0.2")).unwrap();
        assert_eq!(places.taken(), 3);
        drop(first);
        let again = places.take(address("10.0.0.1")).unwrap();
        drop((second, other, again));
        assert_eq!(places.taken(), 0);
        assert!(lock(&places.counts).is_empty());
    }
}
