//! A UDP path between two addresses which loses datagrams on demand: the network between the
//! halves on a bad day.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Forwards datagrams between whoever sends to it and one target.
#[derive(Debug)]
pub struct Path {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    front: UdpSocket,
    back: UdpSocket,
    target: SocketAddr,
    caller: Mutex<Option<SocketAddr>>,
    /// Lose every n-th datagram; 0 loses none, 1 loses all.
    lose: AtomicU64,
    /// Datagrams seen.
    seen: AtomicU64,
    /// The path is dropped; its threads end.
    over: AtomicBool,
}

impl Path {
    /// A path to `target` which loses nothing yet.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn to(target: SocketAddr) -> Path {
        let front = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let back = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        for socket in [&front, &back] {
            // Lets the threads notice that the path is dropped; nobody waits for this.
            let look_up = Some(Duration::from_millis(200));
            socket.set_read_timeout(look_up).expect("a positive time");
        }
        let address = front.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            front,
            back,
            target,
            caller: Mutex::new(None),
            lose: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        let (there, back) = (Arc::clone(&shared), Arc::clone(&shared));
        std::thread::spawn(move || there.forward_there());
        std::thread::spawn(move || back.forward_back());
        Path { address, shared }
    }

    /// Where to send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Loses everything from now on.
    pub fn cut(&self) {
        self.shared.lose.store(1, Ordering::Relaxed);
    }

    /// Loses every `n`-th datagram from now on.
    pub fn lose_every(&self, n: u64) {
        self.shared.lose.store(n, Ordering::Relaxed);
    }

    /// Loses nothing from now on.
    pub fn mend(&self) {
        self.shared.lose.store(0, Ordering::Relaxed);
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn forward_there(&self) {
        self.forward(&self.front, |octets, from| {
            *self.caller.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
            drop(self.back.send_to(octets, self.target));
        });
    }

    fn forward_back(&self) {
        self.forward(&self.back, |octets, _| {
            let caller = *self.caller.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(caller) = caller {
                drop(self.front.send_to(octets, caller));
            }
        });
    }

    fn forward(&self, from: &UdpSocket, pass_on: impl Fn(&[u8], SocketAddr)) {
        let mut buffer = vec![0; 65_536];
        while !self.over.load(Ordering::Relaxed) {
            // A timeout, or a refusal by a target that is being restarted: go on.
            let Ok((count, sender)) = from.recv_from(&mut buffer) else {
                continue;
            };
            let number = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
            let lose = self.lose.load(Ordering::Relaxed);
            if lose == 0 || !number.is_multiple_of(lose) {
                pass_on(&buffer[..count], sender);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_datagrams_both_ways_until_it_is_cut() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let path = Path::to(server.local_addr().expect("bound"));
        let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
        client
            .set_read_timeout(Some(crate::logs::DEADLINE))
            .expect("positive");
        server
            .set_read_timeout(Some(crate::logs::DEADLINE))
            .expect("positive");
        let mut buffer = [0; 16];

        client.send_to(b"there", path.address()).expect("sent");
        let (count, from) = server.recv_from(&mut buffer).expect("arrives");
        assert_eq!(&buffer[..count], b"there");
        server.send_to(b"back", from).expect("sent");
        let (count, _) = client.recv_from(&mut buffer).expect("arrives");
        assert_eq!(&buffer[..count], b"back");

        path.cut();
        client.send_to(b"lost", path.address()).expect("sent");
        server
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("positive");
        assert!(
            server.recv_from(&mut buffer).is_err(),
            "nothing comes through"
        );
    }
}
