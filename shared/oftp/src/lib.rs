//! OFTP2 (RFC 5024) as octets: decode and encode, nothing else.
//!
//! ```text
//!  stream of octets ─▶ frame::split ─▶ exchange buffer (OEB) ─▶ Command::decode ─▶ Sfid, Ssid, …
//!                                                  └─ DATA ─▶ subrecord::Unpacker ─▶ file octets, record ends
//!  Command::encode ─▶ frame      subrecord::{pack_unstructured, pack_compressed, pack_records} ─▶ DATA frame
//! ```
//!
//! Pure: no I/O, no clock, no randomness. It assumes nothing about the octets it reads and promises
//! that no octets make it panic, that no peer's length is believed before it met a ceiling, that
//! what it encodes is exactly what RFC 5024 says at the session's level, and that every leniency on
//! decode is named in [`Deviations`] and can be refused.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod command;
pub mod deviation;
pub mod error;
pub mod field;
pub mod frame;
pub mod ident;
pub mod level;
mod reader;
pub mod reason;
pub mod subrecord;
pub mod virtual_file;
mod writer;

pub use command::{
    Auch, Aurp, Code, Command, Eerp, Efid, Efna, Efpa, Esid, Mode, Nerp, Security, Sfid, Sfna,
    Sfpa, Ssid, Ssrm,
};
pub use deviation::{Deviation, Deviations};
pub use error::{DecodeError, EncodeError, ErrorKind};
pub use field::{Password, UserField};
pub use frame::{FrameError, HEADER_LEN, MAX_FRAME_LEN, MAX_OEB_LEN, decode_header, header, split};
pub use ident::{DatasetName, OdetteId};
pub use level::Level;
pub use reason::{EndReason, FileReason, ReceiptReason};
pub use subrecord::{
    Packed, SubrecordError, Unpacker, Walker, capacity, pack_compressed, pack_records,
    pack_unstructured,
};
pub use virtual_file::{FileId, Format, Stamp};
