//! RSA and digests as OFTP2 needs them, on AWS-LC.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
