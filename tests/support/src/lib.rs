//! Runs both real halves on one desk and plays the partner: the library beneath the end-to-end
//! tests, the hostile tests and the benchmark.
//!
//! ```text
//!   Partner ── Conversation ── Wire ══TLS══▶ proxy-dmz ◀══link══ proxy-inner
//!   (breaks one rule if told to)             └────────── World ──────────┘
//! ```
//!
//! It assumes loopback and `/proc`. It promises that every process it starts is gone when its
//! owner is dropped, that it signals no other process, and that every wait ends.

pub mod binaries;
pub mod cli;
pub mod cms;
pub mod compare;
pub mod conversation;
pub mod directory;
pub mod faults;
pub mod files;
pub mod inside;
pub mod knobs;
pub mod logs;
pub mod partner;
pub mod pki;
pub mod process;
pub mod wire;
pub mod world;

pub use conversation::{Answer, Conversation, Exchange};
pub use directory::{Directory, Entry};
pub use files::{Incoming, Made, Offer};
pub use inside::{Delivered, Inside};
pub use partner::{Listener, Partner};
pub use wire::{Act, Ended, Step};
pub use world::{Alone, Orphan, World};

/// Says something to the person who runs the tests.
#[expect(
    clippy::print_stderr,
    reason = "the terminal is where a test's reader looks"
)]
pub fn say(text: &str) {
    eprintln!("{text}");
}
