//! The inner half: it holds the keys, the partners and the files, and trusts nothing the DMZ half says.
//!
//! ```text
//!  link ──▶ keeper ──▶ handshake  (signs and verifies for the DMZ half)
//!             │
//!             └──▶ session ──▶ transfer ──▶ store
//!                                 │           ▲
//!                  keyring ──▶ security ──────┘   (files secured and opened, receipts signed and judged)
//!  schedule ──▶ (link | direct TLS | plain TCP) ──▶ session
//!  plain    ──▶ session    (partners inside that come without TLS)
//! ```
//!
//! `app` wires these together from a `config` and `keys`; none of them reads a configuration file
//! or the command line. `admin` is how operators see and steer them while they run.

pub mod admin;
pub mod app;
pub mod config;
pub mod handshake;
pub mod keyring;
pub mod keys;
pub mod link;
pub mod plain;
pub mod schedule;
pub mod security;
pub mod session;
pub mod transfer;
