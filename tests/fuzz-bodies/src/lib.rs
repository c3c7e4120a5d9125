//! What fuzzing checks, as plain functions over octets: no panic, no ceiling passed, and the
//! properties written above each function.
//!
//! `tests/fuzz` runs them beneath libFuzzer; `tests/fuzz_smoke.rs` runs them in every test run over
//! the kept corpus and mutations of it. A body panics when a property does not hold.

mod codec;
mod envelope;
mod gate;
mod link;
mod session;

pub use codec::{command, frame, ssid, subrecord};
pub use envelope::{certificates, challenge, receipt_signature, secured_file};
pub use gate::gate;
pub use link::link_message;
pub use session::session_ops;

/// A body and the name of its fuzz target and corpus folder.
pub type Target = (&'static str, fn(&[u8]));

/// Every body.
pub const TARGETS: &[Target] = &[
    ("certificates", certificates),
    ("challenge", challenge),
    ("command", command),
    ("frame", frame),
    ("gate", gate),
    ("link_message", link_message),
    ("receipt_signature", receipt_signature),
    ("secured_file", secured_file),
    ("session_ops", session_ops),
    ("ssid", ssid),
    ("subrecord", subrecord),
];

/// Takes decisions from the front of the octets; zeros once they are used up.
#[derive(Debug, Clone)]
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    fn octet(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.octet()) % end.max(1)
    }

    fn octets(&mut self, most: usize) -> &'a [u8] {
        let count = self.below(most + 1).min(self.0.len());
        let (front, rest) = self.0.split_at(count);
        self.0 = rest;
        front
    }

    fn rest(self) -> &'a [u8] {
        self.0
    }

    fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}
