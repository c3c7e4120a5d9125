//! The reasons of a negative receipt (NERPREAS), as operators name them.

use std::fmt::Write as _;

use oftp::ReceiptReason;

/// The reason of a number, or of a name as the list has it; `None` for any other text.
pub(super) fn parse(text: &str) -> Option<ReceiptReason> {
    match text.parse() {
        Ok(number) => Some(ReceiptReason(number)).filter(|reason| reason.is_defined()),
        Err(_) => defined().find(|reason| name(*reason) == text),
    }
}

/// Every reason with its number and name, a line each.
pub(super) fn list() -> String {
    let mut reasons: Vec<_> = defined().collect();
    reasons.reverse();
    reasons.iter().fold(String::new(), |mut text, reason| {
        let _ = writeln!(text, "  {:>2}  {}", reason.0, name(*reason));
        text
    })
}

/// The list with its heading, for `--help`.
pub(super) fn help() -> String {
    format!(
        "Reasons:\n{}\nExample:\n  proxy-inner receipts reject 23795075ee51fa84 --reason \
         file-processing-failed --text \"line 17: no such article\"",
        list()
    )
}

/// Its words with hyphens between them.
fn name(reason: ReceiptReason) -> String {
    let letters = reason.text().chars().filter(|letter| *letter != '\'');
    letters
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// All there are, the highest first: of two with the same words the name means the later one.
fn defined() -> impl Iterator<Item = ReceiptReason> {
    (0..=99)
        .rev()
        .map(ReceiptReason)
        .filter(|reason| reason.is_defined())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_known_by_its_number_and_by_its_name() {
        assert_eq!(parse("34"), Some(ReceiptReason::PROCESSING_FAILED));
        let named = parse("file-processing-failed");
        assert_eq!(named, Some(ReceiptReason::PROCESSING_FAILED));
        assert_eq!(
            parse("unspecified-reason"),
            Some(ReceiptReason::UNSPECIFIED)
        );
        for wrong in ["", "1", "100", "-1", "file processing failed", "because"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_listed_line_can_be_given_back() {
        let list = list();
        assert!(list.lines().count() > 25, "{list}");
        for line in list.lines() {
            let (number, name) = line.trim().split_once("  ").unwrap();
            let reason = parse(number).unwrap();
            assert!(parse(name).is_some_and(|named| named.text() == reason.text()));
        }
    }
}
