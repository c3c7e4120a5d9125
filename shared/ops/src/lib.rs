//! What both binaries need to be operated: configuration faults, secrets, logging and back-off.
//!
//! ```text
//!  file ── load::read_table ──▶ toml::Table ── Section (typed keys) ──▶ values
//!                                                  │
//!                                                  └── every wrong or unknown key ──▶ Faults ──▶ operator
//! ```
//!
//! Promises: reading a configuration binds nothing and stops at no first fault; a [`Secret`] never
//! prints; [`backoff::Backoff`] is pure; log lines go to standard error and nowhere else.

pub mod backoff;
pub mod duration;
pub mod fault;
pub mod host_port;
pub mod load;
pub mod logging;
pub mod secret;
pub mod size;

mod section;
mod similar;

pub use backoff::Backoff;
pub use fault::{Fault, Faults};
pub use host_port::HostPort;
pub use load::{read_table, read_text};
pub use secret::Secret;
pub use section::Section;
