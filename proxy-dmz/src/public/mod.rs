//! The public side: who may call, whom we are to them, and calls out.
//!
//! ```text
//!  partner ─▶ listener ─▶ admission ─▶ tls (identity, signer, client) ─▶ relay
//!  partner ◀─ dialer (target) ◀─ orders from inside
//! ```
//!
//! Nothing here listens unless an inner half is connected and names the listener.

pub mod admission;
mod client;
pub mod dialer;
pub mod identity;
pub mod listener;
mod signer;
pub mod target;
pub mod tls;

pub use signer::SignFault;
