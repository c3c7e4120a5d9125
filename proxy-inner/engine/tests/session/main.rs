//! The engine under test: pairs of sessions under invented time, and single sessions against a scripted partner.
//!
//! Nothing here sleeps or reads a clock. Random tests print their seed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod cuts;
mod endings;
mod leniency;
mod negotiation;
mod pair;
mod pressure;
mod properties;
mod requests;
mod script;
mod state_tables;
mod timeouts;
mod transfers;
mod turns;
