//! The operators' door: a Unix socket inside, the command line that speaks to it, and what they say.
//!
//! ```text
//!  proxy-inner station|partner|key|send|call|transfers|receipts|evidence|status   (args, prompt, ctl, progress, render)
//!        │  one JSON request a line, one or more JSON answers a line   (protocol, view)
//!        ▼  admin.sock, 0600                                           (socket)
//!  server ──▶ routes ──▶ store, sessions, link, caller                 (intake, watch, status)
//! ```
//!
//! Assumes that who may open the socket may do everything: it belongs to the process's own account
//! and has mode 0600. Promises bounded memory whatever is sent, an answer to every line, and that no
//! password appears in any answer but an export that asked for them.

pub mod args;
pub mod ctl;
pub mod protocol;
pub mod server;
pub mod view;

mod client;
mod hidden;
mod intake;
mod octets;
mod progress;
mod prompt;
mod reasons;
mod render;
mod routes;
mod socket;
mod status;
mod watch;

#[cfg(test)]
mod tests;

pub use client::CtlError;
pub(crate) use prompt::ask_hidden;
pub use server::{AdminServer, Call, Services};
pub use socket::SocketError;
pub(crate) use status::free_octets;
