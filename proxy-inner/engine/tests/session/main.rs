//! The engine under test: pairs of sessions under invented time, and single sessions against a
//! scripted partner.
//!
//! Nothing here sleeps or reads a clock. Random tests print their seed.
#![expect(
    clippy::print_stdout,
    reason = "seeds and the tally of the state tables are for the reader of a test run"
)]

mod authentication;
mod compression;
mod cuts;
mod endings;
mod formats;
mod leniency;
mod levels;
mod negotiation;
mod pressure;
mod properties;
mod requests;
mod restart;
mod samples;
mod services;
mod state_tables;
mod strictness;
mod timeouts;
mod transfers;
mod turns;
