//! PEM as it is met in the field: text around it, blanks in it, CR LF, headers, UTF-16.

use zeroize::Zeroizing;

use crate::ImportError;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// One block of a PEM file.
pub(super) struct Block {
    /// What stands behind BEGIN.
    pub(super) label: String,
    /// Whether it is encrypted the old way, with `Proc-Type` and `DEK-Info` headers.
    pub(super) encrypted: bool,
    /// The octets it stands for.
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// Whether a PEM block starts somewhere in it.
pub(super) fn is_pem(octets: &[u8]) -> bool {
    find(octets, BEGIN).is_some()
}

/// Text as octets of ASCII, also when it was saved as UTF-16 (as Windows PowerShell does).
pub(super) fn plain(octets: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let big = match octets.get(..2)? {
        [0xFE, 0xFF] => true,
        [0xFF, 0xFE] => false,
        _ => return None,
    };
    let mut text = Zeroizing::new(Vec::with_capacity(octets.len()));
    for pair in octets.get(2..)?.chunks(2) {
        let unit = match (pair, big) {
            ([high, low], true) | ([low, high], false) => u16::from_be_bytes([*high, *low]),
            _ => return None,
        };
        // What is not ASCII stands around the blocks at the most, where nobody reads it.
        text.push(u8::try_from(unit).unwrap_or(b'?'));
    }
    Some(text)
}

/// Base64 alone, without the lines around it, when it stands for DER.
pub(super) fn bare(octets: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    decode(octets).filter(|der| der.first() == Some(&crate::der::SEQUENCE))
}

/// All blocks, in their order.
///
/// # Errors
/// [`ImportError::Damaged`] for a block without an end or with octets that are no base64.
pub(super) fn blocks(octets: &[u8]) -> Result<Vec<Block>, ImportError> {
    let mut blocks = Vec::new();
    let mut rest = octets;
    while let Some(at) = find(rest, BEGIN) {
        let after = rest.get(at + BEGIN.len()..).unwrap_or_default();
        let (label, after) = label(after)?;
        let Some(end) = find(after, END) else {
            return Err(damaged(&label, "its END line is missing"));
        };
        let (body, after) = after.split_at_checked(end).unwrap_or_default();
        let (closing, after) = self::label(after.get(END.len()..).unwrap_or_default())?;
        if closing != label {
            return Err(damaged(&label, "its END line names something else"));
        }
        let (encrypted, body) = headers(body);
        let der = decode(body).ok_or_else(|| damaged(&label, "it is not all base64"))?;
        blocks.push(Block {
            label,
            encrypted,
            der,
        });
        rest = after;
    }
    Ok(blocks)
}

/// The label up to its five dashes, and what follows them.
fn label(octets: &[u8]) -> Result<(String, &[u8]), ImportError> {
    find(octets, DASHES)
        .filter(|length| *length <= 64)
        .and_then(|length| {
            let label = std::str::from_utf8(octets.get(..length)?).ok()?;
            let printable = label.chars().all(|c| c == ' ' || c.is_ascii_graphic());
            let rest = octets.get(length + DASHES.len()..)?;
            printable.then(|| (label.to_owned(), rest))
        })
        .ok_or_else(|| ImportError::Damaged {
            what: "PEM text".to_owned(),
            detail: "a BEGIN or END line does not close with five dashes".to_owned(),
        })
}

/// Cuts off header lines (`Name: value`), which end at an empty line.
fn headers(body: &[u8]) -> (bool, &[u8]) {
    let trimmed = body.trim_ascii_start();
    let first = trimmed
        .split(|octet| *octet == b'\n')
        .next()
        .unwrap_or_default();
    if !first.contains(&b':') {
        return (false, body);
    }
    let text = [&b"\n\n"[..], b"\n\r\n"]
        .into_iter()
        .filter_map(|gap| find(trimmed, gap).map(|at| (at, gap.len())))
        .min();
    let (head, rest) = match text {
        Some((at, gap)) => (
            trimmed.get(..at).unwrap_or_default(),
            trimmed.get(at + gap..).unwrap_or_default(),
        ),
        None => (trimmed, &[][..]),
    };
    (find(head, b"ENCRYPTED").is_some(), rest)
}

/// Base64 with blanks and line ends anywhere; `None` for anything else in it.
fn decode(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut into = Zeroizing::new(Vec::with_capacity(body.len() / 4 * 3 + 3));
    let mut digits: u32 = 0;
    let mut held = 0;
    let mut padding = 0;
    for octet in body.iter().filter(|octet| !octet.is_ascii_whitespace()) {
        let value = match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        digits = digits << 6 | u32::from(value);
        held += 1;
        if held == 4 {
            into.extend_from_slice(digits.to_be_bytes().get(1..)?);
            (digits, held) = (0, 0);
        }
    }
    match (held, padding) {
        (0, 0) => Some(into),
        (2, 2) => {
            into.extend_from_slice((digits << 12).to_be_bytes().get(1..2)?);
            Some(into)
        }
        (3, 1) => {
            into.extend_from_slice((digits << 6).to_be_bytes().get(1..3)?);
            Some(into)
        }
        _ => None,
    }
}

fn damaged(label: &str, detail: &str) -> ImportError {
    ImportError::Damaged {
        what: format!("PEM block {label}"),
        detail: detail.to_owned(),
    }
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_blocks_between_other_text() {
        let text =
            b"Bag Attributes: none\r\n-----BEGIN A B-----\r\nAQ I\r\nD\r\n-----END A B-----\r\n\
            more -----BEGIN C-----\n/+8=\n-----END C-----";
        let blocks = blocks(text).unwrap();
        let found: Vec<_> = blocks
            .iter()
            .map(|block| (block.label.as_str(), block.der.to_vec()))
            .collect();
        assert_eq!(found, [("A B", vec![1, 2, 3]), ("C", vec![0xFF, 0xEF])]);
    }

    #[test]
    fn sees_the_headers_of_the_old_encryption() {
        for end in ["\n", "\r\n"] {
            let text =
                "-----BEGIN K-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAQID\n\
                -----END K-----\n"
                    .replace('\n', end);
            let blocks = blocks(text.as_bytes()).unwrap();
            assert!(blocks[0].encrypted);
            assert_eq!(blocks[0].der[..], [1, 2, 3]);
        }
    }

    #[test]
    fn names_what_is_wrong_with_a_block() {
        for (text, part) in [
            ("-----BEGIN X-----\nAQID\n", "END line is missing"),
            ("-----BEGIN X-----\nAQ!D\n-----END X-----", "base64"),
            ("-----BEGIN X-----\nAQI\n-----END X-----", "base64"),
            ("-----BEGIN X-----\nA=ID\n-----END X-----", "base64"),
            ("-----BEGIN X-----\nAQID\n-----END Y-----", "something else"),
            ("-----BEGIN X\nAQID\n", "five dashes"),
        ] {
            let error = blocks(text.as_bytes()).err().unwrap().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn reads_text_saved_as_utf_16() {
        let text = "é-----BEGIN C-----\r\nAQID\r\n-----END C-----\r\n";
        let units = || text.encode_utf16();
        let little: Vec<u8> = std::iter::once(0xFEFF)
            .chain(units())
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = std::iter::once(0xFEFF)
            .chain(units())
            .flat_map(u16::to_be_bytes)
            .collect();
        for octets in [little, big] {
            let text = plain(&octets).unwrap();
            assert_eq!(blocks(&text).unwrap()[0].der[..], [1, 2, 3]);
        }
        assert!(plain(b"-----BEGIN").is_none());
    }
}
