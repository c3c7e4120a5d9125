//! The DMZ half: ends public TLS without its key, guards OFTP2, relays over the link.
//!
//! ```text
//!  partner ══TLS══▶ public: listener ▶ admission ▶ tls ─▶ relay: join ▶ gate ▶ pump ─▶ link ─▶ inner half
//!  partner ◀═TLS══ public: dialer ◀──────────────────── relay: pump ◀──────────────── link ◀─ inner half
//!                  inner: one inner half while it is connected: its policy, its orders
//! ```
//!
//! Assumes that the inner half is authenticated by its pinned key and that nobody else is anybody.
//! Promises: the private key of public TLS never is in this process; a public address is open only
//! while an inner half is connected and names it; nothing but OFTP2 crosses a circuit in clear;
//! every count, wait and buffer has a limit; nothing secret is logged.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod app;
pub mod arguments;
pub mod commands;
pub mod config;
pub mod harden;
pub mod inner;
pub mod link;
pub mod public;
pub mod relay;
pub mod status;
