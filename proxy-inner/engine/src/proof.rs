//! Values that stand for something the driver has made sure of.

/// "The whole file is on disk": what a positive end-of-file answer is made from.
///
/// An EFPA tells the partner that it may forget its copy, so the engine sends one only against this
/// proof and only if the proof covers exactly the octets that were received. The driver makes it
/// from what the store returned after syncing, and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a proof that is not handed to the engine acknowledges nothing"]
pub struct Durable {
    octets: u64,
}

impl Durable {
    /// States that a file of `octets` octets, counted from its very start also after a restart, is
    /// synced.
    pub const fn synced(octets: u64) -> Self {
        Self { octets }
    }

    /// Length of the synced file in octets.
    #[must_use]
    pub const fn octets(self) -> u64 {
        self.octets
    }
}
