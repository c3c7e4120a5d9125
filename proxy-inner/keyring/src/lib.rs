//! Our keys and certificates: made, imported, sealed at rest, explained.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
