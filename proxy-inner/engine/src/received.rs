//! What comes out of a file that is being received.

/// A batch of received octets, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Octets of the virtual file, without subrecord headers and expanded.
    pub octets: Vec<u8>,
    /// Where records end: ascending offsets into `octets` of this batch. A record may begin in an
    /// earlier batch; the same offset twice is an empty record. Empty for files that travel as one
    /// stream.
    pub record_ends: Vec<usize>,
}

impl Received {
    /// Forgets both, and keeps the allocations.
    pub fn clear(&mut self) {
        self.octets.clear();
        self.record_ends.clear();
    }

    /// Octets of memory that this content needs, the ends of records included: a file of empty
    /// records has no octets and must not grow for ever.
    #[must_use]
    pub fn held(&self) -> usize {
        let ends = self.record_ends.len().saturating_mul(size_of::<usize>());
        self.octets.len().saturating_add(ends)
    }

    /// Neither octets nor ends of records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty() && self.record_ends.is_empty()
    }
}
