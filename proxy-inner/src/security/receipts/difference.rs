//! Which field of a receipt is not what its signature says.

use std::fmt::Write as _;

use store::{ReceiptContent, ReceiptKind};

use super::content;

/// Octets of a hash that are shown.
const HASH_SHOWN: usize = 64;

/// What was signed, held against what the receipt says; a sentence. `signed` is what the signature
/// has inside, `said` the fields of the receipt as they are signed by RFC 5024, creator included.
pub(super) fn named(receipt: &ReceiptContent, said: &[u8], signed: &[u8]) -> String {
    let negative = matches!(receipt.kind, ReceiptKind::Negative { .. });
    let names = 94 + receipt.hash.len();
    // A NERP may be signed without its creator: which way it was meant is told by its length.
    let creator = negative && signed.len() != names;
    let fields = content::fields(negative, creator);
    let mut said = said.to_vec();
    if negative && !creator {
        // The creator follows the addresses.
        said.drain(94.min(said.len())..119.min(said.len()));
    }
    let (mut said, mut inside) = (said.as_slice(), signed);
    let mut differences = Vec::new();
    for (field, width) in fields {
        let (here, there) = (take(&mut said, width), take(&mut inside, width));
        if here != there {
            let hash = field.ends_with("HSH");
            differences.push(format!(
                "{field} is {}, signed was {}",
                shown(here, hash),
                shown(there, hash)
            ));
        }
    }
    if differences.is_empty() {
        return format!(
            "{} octets were signed, which are not its fields",
            signed.len()
        );
    }
    format!(
        "its signature was made for other fields: {}",
        differences.join("; ")
    )
}

/// Octets of a hash, in hexadecimal digits.
pub(super) fn hexadecimal(octets: &[u8]) -> String {
    let mut text = String::with_capacity(2 * octets.len());
    for octet in octets.iter().take(HASH_SHOWN) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    if octets.len() > HASH_SHOWN {
        text.push_str("...");
    }
    text
}

fn take<'a>(octets: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = octets.split_at(most.min(octets.len()));
    *octets = rest;
    taken
}

/// A field as an operator can read it, whatever is in it.
fn shown(octets: &[u8], hash: bool) -> String {
    if octets.is_empty() {
        return "absent".to_owned();
    }
    if hash {
        return hexadecimal(octets);
    }
    let text = String::from_utf8_lossy(octets);
    format!("\"{}\"", text.trim_end().escape_debug())
}

#[cfg(test)]
mod tests {
    use oftp::{FileId, ReceiptReason, UserField};

    use super::*;

    fn file() -> FileId {
        FileId {
            dataset: "ORDERS".parse().unwrap(),
            stamp: "202611210800000001".parse().unwrap(),
            origin: "O0013US".parse().unwrap(),
            destination: "O0013THEM".parse().unwrap(),
        }
    }

    fn positive() -> ReceiptContent {
        ReceiptContent {
            hash: vec![0xab; 32],
            ..ReceiptContent::positive(UserField::default())
        }
    }

    fn negative() -> ReceiptContent {
        ReceiptContent {
            hash: vec![0xab; 32],
            ..ReceiptContent::negative(ReceiptReason::UNSPECIFIED, "", "O0013THEM".parse().unwrap())
        }
    }

    #[test]
    fn every_field_is_named_with_both_values() {
        let changes: [(usize, &str); 6] = [
            (0, "EERPDSN is \"ORDERS\", signed was \"XRDERS\""),
            (26, "EERPDATE is \"20261121\", signed was \"X0261121\""),
            (34, "EERPTIME is \"0800000001\", signed was \"X800000001\""),
            (44, "EERPDEST is \"O0013US\", signed was \"X0013US\""),
            (69, "EERPORIG is \"O0013THEM\", signed was \"X0013THEM\""),
            (94, "EERPHSH is abab"),
        ];
        let said = content::signed(&file(), &positive());
        for (place, wanted) in changes {
            let mut signed = said.clone();
            signed[place] = b'X';
            let told = named(&positive(), &said, &signed);
            assert!(told.contains(wanted), "{told}");
            assert_eq!(told.matches("signed was").count(), 1, "{told}");
        }
    }

    #[test]
    fn a_negative_receipt_is_compared_with_or_without_its_creator() {
        let receipt = negative();
        let said = content::signed(&file(), &receipt);
        let mut with = said.clone();
        with[94] = b'X';
        let told = named(&receipt, &said, &with);
        assert!(
            told.contains("NERPCREA is \"O0013THEM\", signed was \"X0013THEM\""),
            "{told}"
        );
        let mut without = content::candidates(&file(), &receipt).pop().unwrap();
        without[94] = 0;
        let told = named(&receipt, &said, &without);
        assert!(told.contains("NERPHSH is abab"), "{told}");
        assert!(!told.contains("NERPCREA"), "{told}");
    }

    #[test]
    fn what_is_cut_off_or_foreign_is_told_too() {
        let said = content::signed(&file(), &positive());
        let told = named(&positive(), &said, &said[..94]);
        assert!(told.ends_with("signed was absent"), "{told}");
        let told = named(&positive(), &said, b"\x1b[31mORDERS");
        assert!(!told.contains('\x1b'), "{told}");
        let mut longer = said.clone();
        longer.push(1);
        assert!(named(&positive(), &said, &longer).contains("EERPHSH"));
    }
}
