//! The side towards the inner half: who is connected, and what it orders.
//!
//! ```text
//!  server: accepts a link, one inner half at a time ─▶ control: its orders in, our answers out
//! ```

pub mod control;
pub mod server;
