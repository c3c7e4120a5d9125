//! Files that others have secured, opened: every suite, every nesting, every form of BER; and broken ones.
//!
//! `openssl` makes the matrix, BouncyCastle what openssl of Debian cannot (zlib) and its own style of
//! BER. A test whose tool is not installed says so and passes; `.ci/run` installs them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what it expects by failing, and what it does not do by a line"
)]

mod bench;
mod bouncy;
mod broken;
mod matrix;
mod receipts;
