//! What tests of the session engine share: two engines joined under invented time, and a scripted
//! partner that may break any rule.
//!
//! Nothing here sleeps or reads a clock; choices are drawn from a seed that the test prints.
#![expect(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's own tools: a name says what a helper does, and a failure is the test's"
)]

pub mod breach;
pub mod pair;
pub mod script;
pub mod stage;
pub mod wire;
