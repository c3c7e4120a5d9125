//! A fingerprint to compare by voice.

use std::fmt::Write as _;

/// A SHA-256 fingerprint as four lines of four groups of four digits, to compare on the phone:
/// short enough to say in one breath, numbered so that both know where they are.
///
/// ```text
/// 1:  4F3A 11B2 99C0 D21E
/// 2:  ...
/// ```
pub fn phone(fingerprint: &[u8; 32]) -> String {
    let mut text = String::new();
    for (index, line) in fingerprint.chunks(8).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let _ = write!(text, "{}: ", index + 1);
        for pair in line.chunks(2) {
            text.push(' ');
            for octet in pair {
                let _ = write!(text, "{octet:02X}");
            }
        }
    }
    text
}
