//! The link between the two halves: pinned QUIC, typed messages, circuits.
//!
//! ```text
//!                         UDP, always dialled by the inner half
//!  proxy-inner  Dialer ═══════════════════════════════════════════▶ Acceptor  proxy-dmz
//!     Link ── control stream (first, by the dialer) ─ Greeting, Welcome, then ToDmz / ToInner ── Link
//!     Link ── one stream a request or circuit ─────── first message, answer, then plain octets ─ Link
//! ```
//!
//! Assumes: each end has a [`LinkIdentity`] of its own and knows the [`Pin`]s of the other's.
//! Promises: nobody without a pinned key gets past the TLS handshake; a foreign length meets its
//! ceiling before it meets an allocator; every wait on the other end has a deadline or a count;
//! an end of octets is only called clean when the other end said so. The transport below is this
//! crate's own business. The protocol is written down in `docs/link-protocol.md`.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
pub mod limits;
pub mod message;

mod accept;
mod attempt;
mod circuit;
mod codec;
mod control;
mod dial;
mod error;
mod greeting;
mod identity;
mod link;
mod pin;
mod quic;
mod tls;
mod traffic;
mod turn;
mod window;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use accept::{AcceptSettings, Acceptor};
pub use circuit::{Circuit, CircuitReader, CircuitWriter};
pub use control::{ControlReceiver, ControlSender};
pub use dial::{DialSettings, Dialer};
pub use error::LinkError;
pub use identity::{IdentityError, IdentityProblem, LinkIdentity, identity_path};
pub use link::Link;
pub use message::*;
pub use pin::{Pin, PinError};
