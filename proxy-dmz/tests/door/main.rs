//! The whole DMZ half in one process with an inner half that is played by the test.

mod arrival;
mod calls_out;
mod keyless;
mod partner;
mod proof;
mod support;
