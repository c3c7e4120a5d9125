//! Joins a partner's connection with a circuit of the link and carries octets both ways.
//!
//! ```text
//!  session: handshake ─▶ join: SSRM, SSID, opening ─▶ pump: octets both ways ─▶ ending
//!                                                      │ each direction through a Gate
//!  circuits: all of one inner half, stopped together, waited for together
//! ```

pub mod circuits;
pub mod gate;
pub mod join;
pub mod pump;
pub mod session;
