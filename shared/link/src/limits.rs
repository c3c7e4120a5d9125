//! Ceilings of the link and the memory they add up to.
//!
//! Worst case of one link, octets held in this process:
//!
//! | what | most |
//! |---|---|
//! | received and not yet read, all streams | [`RECEIVE_WINDOW`] 32 MiB; [`MAX_RECEIVE_WINDOW`] 256 MiB while many circuits stall |
//! | written and not yet acknowledged, all streams | [`SEND_WINDOW`] 16 MiB |
//! | first messages being read ([`MAX_FIRST_MESSAGES`] × [`MAX_REQUEST`]) | 24 MiB, within the receive window's pace |
//! | one control message each way | 0.5 MiB |
//! | bookkeeping of [`MAX_STREAMS`] streams per direction | about 4 MiB |
//!
//! The receive window is only ever full when streams are not read; a stream may hold
//! [`STREAM_WINDOW`] of it. When two stalled streams hold all of it the other end can send nothing
//! at all; the window is then widened by one stream's worth at a time, and narrowed again later. In steady transfer both windows hold about rate × round trip time.
//! Handshakes add at most [`MAX_HANDSHAKES`] × about 64 KiB. The kernel holds up to
//! 2 × [`UDP_BUFFER`] per socket besides.

use std::time::Duration;

/// Most octets of [`crate::message::Greeting`] and [`crate::message::Welcome`].
pub const MAX_GREETING: usize = 1024;
/// Most octets of a control message.
pub const MAX_CONTROL: usize = 256 * 1024;
/// Most octets of a request (a TLS 1.2 client's proof carries the handshake so far).
pub const MAX_REQUEST: usize = 192 * 1024;
/// Most octets of a circuit's opening.
pub const MAX_OPENING: usize = 8 * 1024;
/// Most octets of an answer.
pub const MAX_ANSWER: usize = 64 * 1024;

/// Deadline for greeting and welcome, each counted from the end of the handshake.
pub const GREETING_DEADLINE: Duration = Duration::from_secs(5);
/// How long a refused caller has to hang up by itself after it was told why.
pub const REFUSAL_LINGER: Duration = Duration::from_secs(1);
/// Deadline for the whole first message of a stream.
pub const FIRST_MESSAGE_DEADLINE: Duration = Duration::from_secs(5);
/// Deadline for opening a stream when the other end's count is reached.
pub const OPEN_DEADLINE: Duration = Duration::from_secs(5);
/// Deadline for the QUIC handshake, for each address tried.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
/// Most addresses of one host name that are tried.
pub const MAX_ADDRESSES: usize = 4;

/// Interval of keep-alive packets.
pub const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Silence after which the link is taken as lost.
pub const MAX_IDLE: Duration = Duration::from_secs(15);

/// Most streams the other end may have open at once.
pub const MAX_STREAMS: u32 = 2_048;
/// Most first messages that are read at the same time; streams over it wait their turn.
pub const MAX_FIRST_MESSAGES: usize = 128;

/// Octets of one stream that may wait unread.
pub const STREAM_WINDOW: u32 = 16 * 1024 * 1024;
/// Octets of all streams that may wait unread.
pub const RECEIVE_WINDOW: u32 = 32 * 1024 * 1024;
/// What the receive window may grow to while stalled circuits hold it.
pub const MAX_RECEIVE_WINDOW: u32 = 256 * 1024 * 1024;
/// How often is looked whether stalled circuits hold the receive window.
pub const WINDOW_TICK: Duration = Duration::from_millis(250);
/// Octets of all streams that may be written and not yet acknowledged.
pub const SEND_WINDOW: u64 = 16 * 1024 * 1024;

/// UDP payload, first guess and most, octets.
pub const MTU: u16 = 1452;
/// UDP socket buffer asked of the kernel, each way, octets.
pub const UDP_BUFFER: usize = 4 * 1024 * 1024;

/// Most handshakes with callers not yet known, at once.
pub const MAX_HANDSHAKES: usize = 32;
/// Most of them from one IP address, so that one stranger cannot hold all places.
pub const MAX_HANDSHAKES_PER_ADDRESS: usize = 4;
/// From so many handshakes at once on, a caller must first prove its address (QUIC Retry).
pub const RETRY_FROM: usize = 8;
