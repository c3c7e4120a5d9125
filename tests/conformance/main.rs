//! RFC 5024, requirement by requirement: one folder a section, each test named as a sentence and
//! citing the requirement it proves.
//!
//! Everything here is black-box: sessions of ours against a partner whose octets are written out by
//! hand (`rig::wire`), so that what is on the line is compared literally, in both roles and at every
//! level. What a single function or state promises is tested where it is written.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure is the test's"
)]

mod s1_5;
mod s2;
mod s3_3;
mod s4_2;
mod s4_4;
mod s5_3;
mod s7;
mod s8;
mod s9;

use rig::wire::Wire;

/// All levels that exist.
const LEVELS: [u8; 4] = [1, 2, 4, 5];

/// What we said since is exactly this, in the notation of `rig::wire`.
#[track_caller]
fn assert_says<const N: usize>(wire: &mut Wire, expected: [&str; N]) {
    assert_eq!(wire.says(), expected);
}

/// A text field padded with `·` to its width.
fn x(text: &str, width: usize) -> String {
    format!(
        "{}{}",
        text.replace(' ', "·"),
        "·".repeat(width - text.len())
    )
}
