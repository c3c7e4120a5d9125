//! Octets on their way to and from the crypto: counted, hashed, and cut off when the process stops.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crypto::{Digest, Hash};

use crate::session::{Shutdown, Stage};

/// Octets read at once where nothing else says how many.
const PIECE: usize = 256 * 1024;

/// Reads through to another reader: hashes, counts, and fails once whatever still runs is to end.
pub(super) struct Meter<R> {
    inner: R,
    digest: Digest,
    count: Arc<AtomicU64>,
    shutdown: Shutdown,
    stopped: bool,
}

impl<R: Read> Meter<R> {
    pub(super) fn new(inner: R, hash: Hash, count: &Arc<AtomicU64>, shutdown: &Shutdown) -> Self {
        Self {
            inner,
            digest: Digest::new(hash),
            count: Arc::clone(count),
            shutdown: shutdown.clone(),
            stopped: false,
        }
    }

    /// The hash of everything there is, what was not read yet included.
    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; PIECE];
        while self.read(&mut piece)? > 0 {}
        Ok(self.digest.finish())
    }

    /// Whether it failed because the process stops.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.shutdown.stage() >= Stage::Stopping {
            self.stopped = true;
            return Err(io::Error::other("this half is stopping"));
        }
        let read = self.inner.read(into)?;
        self.digest.update(into.get(..read).unwrap_or_default());
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Writes through to another writer, and hashes.
pub(super) struct Hashing<W> {
    inner: W,
    digest: Digest,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(inner: W, hash: Hash) -> Self {
        Self {
            inner,
            digest: Digest::new(hash),
        }
    }

    /// The hash of everything that was written.
    pub(super) fn finish(self) -> Vec<u8> {
        self.digest.finish()
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(octets)?;
        self.digest
            .update(octets.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_what_was_read_and_what_was_left() {
        let shutdown = Shutdown::new();
        let count = Arc::new(AtomicU64::new(0));
        let octets = vec![7; 3 * PIECE + 1];
        let mut meter = Meter::new(&octets[..], Hash::Sha256, &count, &shutdown);
        let mut some = [0; 100];
        meter.read_exact(&mut some).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 100);
        assert_eq!(meter.finish().unwrap(), Hash::Sha256.of(&octets));
        assert_eq!(count.load(Ordering::Relaxed), octets.len() as u64);
        let mut hashing = Hashing::new(Vec::new(), Hash::Sha1);
        hashing.write_all(&octets).unwrap();
        assert_eq!(hashing.finish(), Hash::Sha1.of(&octets));
    }

    #[test]
    fn ends_when_the_process_does() {
        let shutdown = Shutdown::new();
        let count = Arc::default();
        let mut meter = Meter::new(&b"octets"[..], Hash::Sha256, &count, &shutdown);
        shutdown.drain();
        assert_eq!(meter.read(&mut [0; 1]).unwrap(), 1);
        shutdown.stop();
        assert!(meter.read(&mut [0; 8]).is_err());
        assert!(meter.is_stopped());
    }
}
