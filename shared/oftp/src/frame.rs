//! The stream transmission header (RFC 5024 §8.2): four octets in front of every exchange buffer.
//!
//! | Octet | Field | Value |
//! |---|---|---|
//! | 0, high half | version | 1 |
//! | 0, low half | flags | 0, ignored on receipt |
//! | 1–3 | length | header and exchange buffer, 5 … 100003, network byte order |

/// Octets of the header.
pub const HEADER_LEN: usize = 4;
/// The longest exchange buffer, in octets.
pub const MAX_OEB_LEN: usize = 99_999;
/// The longest frame (header and exchange buffer), in octets.
pub const MAX_FRAME_LEN: usize = 100_003;

/// The header for an exchange buffer of `oeb_len` octets (1 … [`MAX_OEB_LEN`]; other lengths are
/// brought into that range, which no caller inside this crate relies on).
#[must_use]
pub fn header(oeb_len: usize) -> [u8; HEADER_LEN] {
    let length = oeb_len.clamp(1, MAX_OEB_LEN).saturating_add(HEADER_LEN);
    let [.., high, middle, low] = length.to_be_bytes();
    [0x10, high, middle, low]
}

/// The length of the exchange buffer behind this header, 1 … [`MAX_OEB_LEN`].
///
/// # Errors
/// [`FrameError::Version`] when framing is lost, [`FrameError::Length`] outside 5 … 100003.
pub fn decode_header(header: [u8; HEADER_LEN]) -> Result<usize, FrameError> {
    let [first, high, middle, low] = header;
    if first >> 4 != 1 {
        return Err(FrameError::Version { octet: first });
    }
    let length = u32::from_be_bytes([0, high, middle, low]) as usize;
    match length.checked_sub(HEADER_LEN) {
        Some(oeb_len @ 1..=MAX_OEB_LEN) => Ok(oeb_len),
        _ => Err(FrameError::Length { found: length }),
    }
}

/// Takes the first whole frame from the front of `input`: its exchange buffer, and how many octets
/// the frame has. `None`: more octets are needed.
///
/// # Errors
/// As [`decode_header`].
pub fn split(input: &[u8]) -> Result<Option<(&[u8], usize)>, FrameError> {
    let Some((header, rest)) = input.split_first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let oeb_len = decode_header(*header)?;
    Ok(rest
        .get(..oeb_len)
        .map(|oeb| (oeb, oeb_len.saturating_add(HEADER_LEN))))
}

/// Why octets are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The version is not 1: what follows can't be delimited.
    #[error("the stream header starts with {octet:#04x}, its version must be 1 (0x10)")]
    Version {
        /// The header's first octet.
        octet: u8,
    },
    /// The length is outside the range.
    #[error("the stream header says {found} octets, 5 to 100003 are possible")]
    Length {
        /// The length found.
        found: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn header_counts_itself_and_the_buffer() {
        assert_eq!(header(1), [0x10, 0, 0, 5]);
        assert_eq!(header(MAX_OEB_LEN), [0x10, 0x01, 0x86, 0xA3]);
        for oeb_len in [1, 2, 61, 4096, MAX_OEB_LEN] {
            assert_eq!(decode_header(header(oeb_len)), Ok(oeb_len));
        }
    }

    ///
    #[test]
    fn refuses_lengths_outside_5_to_100003() {
        for found in [0, 1, 4, 100_004, 0xFF_FFFF] {
            let [.., a, b, c] = u32::to_be_bytes(found);
            let found = found as usize;
            assert_eq!(
                decode_header([0x10, a, b, c]),
                Err(FrameError::Length { found })
            );
        }
    }

    ///
    #[test]
    fn refuses_another_version_and_ignores_flags() {
        assert_eq!(
            decode_header([0x20, 0, 0, 5]),
            Err(FrameError::Version { octet: 0x20 })
        );
        assert_eq!(decode_header([0x1F, 0, 0, 5]), Ok(1));
    }

    ///
    #[test]
    fn recovers_buffers_whatever_the_segmentation() {
        let stream = [&header(1)[..], b"R", &header(3)[..], b"C  "].concat();
        for cut in 0..5 {
            assert_eq!(split(&stream[..cut]), Ok(None));
        }
        assert_eq!(split(&stream), Ok(Some((&b"R"[..], 5))));
        assert_eq!(split(&stream[5..]), Ok(Some((&b"C  "[..], 7))));
    }
}
