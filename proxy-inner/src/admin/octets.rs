//! Octets on the line, which is text: hexadecimal, hidden, wiped.

use zeroize::Zeroizing;

use super::hidden::Hidden;

/// The octets as hidden text.
pub(super) fn hide(octets: &[u8]) -> Hidden {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        text.push(char::from(DIGITS[usize::from(octet >> 4)]));
        text.push(char::from(DIGITS[usize::from(octet & 15)]));
    }
    Hidden::new(text)
}

/// The octets of a hidden text; `None` when it is not hexadecimal.
pub(super) fn reveal(hidden: &Hidden) -> Option<Zeroizing<Vec<u8>>> {
    let text = hidden.expose().as_bytes();
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    // Room from the start: a growing buffer would leave unwiped copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for [high, low] in pairs {
        let digit = |octet: u8| char::from(octet).to_digit(16);
        let octet = digit(*high)? << 4 | digit(*low)?;
        octets.push(u8::try_from(octet).ok()?);
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_come_back_and_nothing_else_is_taken() {
        let octets: Vec<u8> = (0..=255).collect();
        assert_eq!(*reveal(&hide(&octets)).unwrap(), octets);
        for text in ["0", "0g", "é0", " 0", "+1"] {
            assert!(reveal(&Hidden::new(text.to_owned())).is_none(), "{text:?}");
        }
    }
}
