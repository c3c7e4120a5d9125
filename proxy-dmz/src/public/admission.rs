//! Who may even begin: counts in total and per address, decided before an octet is read.
//!
//! Pure but for the lock around the counts. An IPv6 caller is counted by its /64 network, since
//! one host owns all of that; an IPv4 address in IPv6 clothes is counted as IPv4.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the connections that are in.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    counts: Arc<Mutex<Counts>>,
}

/// The most that may be in at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// Connections in total.
    pub total: u32,
    /// Connections from one address.
    pub per_address: u32,
}

/// Why a connection was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Turned {
    /// The house is full.
    #[error("{most} connections are open already, which is the most allowed in total")]
    Full {
        /// The limit.
        most: u32,
    },
    /// This address has enough.
    #[error("{most} connections are open already from this address, which is the most allowed")]
    AddressFull {
        /// The limit.
        most: u32,
    },
}

/// One connection's place, given back on drop.
#[derive(Debug)]
pub struct Place {
    counts: Arc<Mutex<Counts>>,
    network: IpAddr,
}

impl Admission {
    /// Nobody is in yet.
    #[must_use]
    pub fn new() -> Admission {
        Admission::default()
    }

    /// Takes a place for a caller.
    ///
    /// # Errors
    /// Says which limit was reached; nothing is counted then.
    pub fn enter(&self, caller: IpAddr, most: Most) -> Result<Place, Turned> {
        let network = network(caller);
        let mut counts = lock(&self.counts);
        if counts.total >= most.total {
            return Err(Turned::Full { most: most.total });
        }
        let here = counts.by_network.get(&network).copied().unwrap_or(0);
        if here >= most.per_address {
            return Err(Turned::AddressFull {
                most: most.per_address,
            });
        }
        counts.total += 1;
        counts.by_network.insert(network, here + 1);
        drop(counts);
        Ok(Place {
            counts: Arc::clone(&self.counts),
            network,
        })
    }

    /// How many are in now.
    #[must_use]
    pub fn total(&self) -> u32 {
        lock(&self.counts).total
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.total = counts.total.saturating_sub(1);
        let left = counts
            .by_network
            .get(&self.network)
            .map_or(0, |here| here.saturating_sub(1));
        if left == 0 {
            counts.by_network.remove(&self.network);
        } else {
            counts.by_network.insert(self.network, left);
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    total: u32,
    by_network: HashMap<IpAddr, u32>,
}

/// The counts stay true even when a thread panicked while it held them: each change is one step.
fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn network(caller: IpAddr) -> IpAddr {
    match caller.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Most = Most {
        total: 3,
        per_address: 2,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn refuses_the_connection_that_is_one_too_many_in_total() {
        let admission = Admission::new();
        let _places: Vec<Place> = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
            .map(|caller| admission.enter(ip(caller), MOST).expect("room"))
            .into();
        assert_eq!(
            admission.enter(ip("192.0.2.4"), MOST).expect_err("full"),
            Turned::Full { most: 3 }
        );
        assert_eq!(admission.total(), 3);
    }

    #[test]
    fn refuses_the_connection_that_is_one_too_many_from_its_address_only() {
        let admission = Admission::new();
        let _one = admission.enter(ip("192.0.2.1"), MOST).expect("room");
        let _two = admission.enter(ip("192.0.2.1"), MOST).expect("room");
        assert_eq!(
            admission.enter(ip("192.0.2.1"), MOST).expect_err("full"),
            Turned::AddressFull { most: 2 }
        );
        assert!(admission.enter(ip("192.0.2.2"), MOST).is_ok());
    }

    #[test]
    fn gives_the_place_back_when_the_connection_is_gone() {
        let admission = Admission::new();
        let one = admission.enter(ip("192.0.2.1"), MOST).expect("room");
        let _two = admission.enter(ip("192.0.2.1"), MOST).expect("room");
        drop(one);
        assert_eq!(admission.total(), 1);
        assert!(admission.enter(ip("192.0.2.1"), MOST).is_ok());
    }

    #[test]
    fn forgets_an_address_nobody_is_in_from() {
        let admission = Admission::new();
        drop(admission.enter(ip("192.0.2.1"), MOST).expect("room"));
        assert!(lock(&admission.counts).by_network.is_empty());
    }

    #[test]
    fn counts_an_ipv6_network_and_a_mapped_ipv4_address_as_one_caller() {
        let admission = Admission::new();
        let most = Most {
            total: 9,
            per_address: 1,
        };
        let _six = admission.enter(ip("2001:db8:1:2::a"), most).expect("room");
        assert!(admission.enter(ip("2001:db8:1:2:ffff::b"), most).is_err());
        assert!(admission.enter(ip("2001:db8:1:3::a"), most).is_ok());
        let _four = admission.enter(ip("192.0.2.1"), most).expect("room");
        assert!(admission.enter(ip("::ffff:192.0.2.1"), most).is_err());
    }
}
