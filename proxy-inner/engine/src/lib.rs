//! The OFTP2 session engine: RFC 5024 section 9 as code, without I/O.
//!
//! ```text
//!              octets in            commands              events
//!  driver ──▶ receive() ──▶ frame, decode ──▶ state ──▶ poll_event() ──▶ driver
//!  driver ──▶ request(), send_data(),
//!             send_records() ───────────────▶ state ──▶ transmit()   ──▶ driver
//!  driver ──▶ handle_timeout(), disconnected() ─▶ abort
//! ```
//!
//! The driver owns the connection, the clock and the files. It may call in any order; a call that
//! does not fit the present state is answered with a [`RequestError`] and changes nothing. After
//! every call it
//!
//! 1. writes [`Session::transmit`] and reports what went out with [`Session::transmitted`],
//! 2. takes [`Session::poll_event`] until it is empty, fetching file octets with
//!    [`Session::take_received`],
//! 3. arms its timer with [`Session::next_timeout`],
//! 4. closes the connection once [`Session::must_disconnect`] and all of `transmit` is written.
//!
//! The crate assumes that time (a [`core::time::Duration`] since any fixed moment) never runs
//! backwards, and nothing about the octets a partner sends: any input ends in an event, an ESID or
//! a disconnect, never in a panic, and memory stays within [`TRANSMIT_CEILING`],
//! [`RECEIVE_CEILING`] and what is said there to be possible beyond. No clock, no randomness and no
//! I/O is reached from here (`clippy.toml` bans them).
//!
//! Formats U and T, and every file inside a CMS envelope, travel as one stream of octets
//! ([`Session::send_data`], positions in blocks of 1024 octets); formats F and V travel as records
//! ([`Session::send_records`], positions in records).
//!
//! Protocol levels 1, 2, 4 and 5 are spoken. Where the RFC is silent or contradicts itself, the
//! decision stands at its place under its number (A-nn), and what the tables leave open under C1 to
//! C8 (`abort`). Secure authentication is the engine's in order and comparison, and the driver's in
//! keys: [`Event::ChallengeWanted`], [`Event::Challenged`]. What partners do beside the RFC is
//! tolerated under a name and counted, or refused where [`Settings::refused`] says so. Every wait
//! has its limit in [`Timers`], our own driver's included.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod abort;
mod authenticate;
mod connect;
mod credit;
mod error;
mod event;
mod layout;
mod line;
mod listener;
mod negotiate;
mod proof;
mod received;
mod receiving;
mod request;
mod sending;
mod session;
mod settings;
mod speaker;
mod state;
mod stats;
mod timer;
mod transmit;
mod turn;

pub use error::{RequestError, SettingsError};
pub use event::{Event, Origin};
pub use line::RECEIVE_CEILING;
pub use negotiate::Agreement;
pub use oftp::{Deviation, Deviations};
pub use proof::Durable;
pub use received::Received;
pub use request::{Challenge, EndFileRefusal, FileRefusal, Position, Refusal, Request};
pub use session::Session;
pub use settings::{Identity, Settings, Timers};
pub use state::Phase;
pub use stats::Stats;
pub use transmit::TRANSMIT_CEILING;
