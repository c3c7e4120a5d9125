//! Keys in a real module: SoftHSM, each test with tokens of its own.
//!
//! SoftHSM reads where its tokens are from the environment, once. So each test runs itself again
//! in a process of its own, with that set. Without SoftHSM they say that they were skipped.

mod keys;
mod lost;
mod refused;
mod world;
