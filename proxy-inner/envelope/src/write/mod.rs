//! Writing CMS, streamed: every layer is a [`Sink`] in front of the next one.
//!
//! ```text
//!  clear octets ─▶ Sign ─▶ Compress ─▶ Encrypt ─▶ Target
//!                   └─ each: frame.rs writes what stands before and after the octets,
//!                            pieces.rs the octets, in pieces of 64 KiB or in one
//! ```
//!
//! A layer holds one piece and never more, whatever the file's size. Each is a whole ContentInfo
//! whose content has the type id-data.

mod algorithm;
mod compressed;
mod enveloped;
mod frame;
mod pieces;
mod signed;
mod sink;
mod stage;
mod time;

pub(crate) use compressed::Compress;
pub(crate) use enveloped::{Encrypt, enveloped};
pub(crate) use signed::{Sign, Signing, signed};
pub(crate) use sink::{Sink, Target};
pub(crate) use stage::stage;
