//! The ageing list of receipts as people read it.

use std::fmt::Write as _;

use super::super::view::ReceiptView;
use super::{span, spelled, table, time};

/// Receipts as a table, with what to do below it.
pub(in crate::admin) fn receipts(receipts: &[ReceiptView]) -> String {
    if receipts.is_empty() {
        return "No receipts.\n".to_owned();
    }
    let rows = receipts.iter().map(|receipt| {
        vec![
            receipt.transfer.clone(),
            match (receipt.side.as_str(), receipt.negative) {
                ("owed", true) => "owed (NERP)".to_owned(),
                (side, _) => side.to_owned(),
            },
            receipt.partner.clone(),
            receipt.dataset.clone(),
            span(receipt.age),
            time(&receipt.deadline),
            match (&receipt.invalid, receipt.overdue) {
                (Some(_), true) => "INVALID, OVERDUE",
                (Some(_), false) => "INVALID",
                (None, true) => "OVERDUE",
                (None, false) => "",
            }
            .to_owned(),
        ]
    });
    let head = [
        "TRANSFER",
        "RECEIPT",
        "PARTNER",
        "DATASET",
        "AGE",
        "DEADLINE (UTC)",
        "",
    ];
    let mut text = table(&head, rows);
    if receipts.iter().any(|receipt| receipt.side == "unconfirmed") {
        text.push_str(
            "\nUnconfirmed: `proxy-inner receipts confirm ID`, or `receipts reject ID --reason CODE`.\n",
        );
    }
    let invalid: Vec<_> = receipts
        .iter()
        .filter_map(|receipt| Some((&receipt.transfer, receipt.invalid.as_ref()?)))
        .collect();
    if !invalid.is_empty() {
        text.push_str(
            "\nInvalid: a receipt came that is not to be believed. When it is good all the same:\n\
             `proxy-inner receipts accept ID`.\n",
        );
        for (id, why) in invalid {
            let _ = writeln!(text, "  {id}  {}", spelled(why));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(side: &str) -> ReceiptView {
        ReceiptView {
            transfer: "23795075ee51fa84".to_owned(),
            side: side.to_owned(),
            partner: "ACME".to_owned(),
            dataset: "ORDERS".to_owned(),
            stamp: "202611211000000001".to_owned(),
            origin: "O0013ACME".to_owned(),
            destination: "O0013US".to_owned(),
            negative: side == "owed",
            since: "2026-11-21T10:00:00Z".to_owned(),
            age: 93_600,
            deadline: "2026-11-24T10:00:00Z".to_owned(),
            overdue: side == "awaited",
            invalid: None,
        }
    }

    #[test]
    fn tells_age_deadline_and_what_is_overdue() {
        let text = receipts(&[receipt("owed"), receipt("awaited")]);
        assert_eq!(
            text,
            "TRANSFER          RECEIPT      PARTNER  DATASET  AGE    DEADLINE (UTC)\n\
             23795075ee51fa84  owed (NERP)  ACME     ORDERS   1d 2h  2026-11-24 10:00:00\n\
             23795075ee51fa84  awaited      ACME     ORDERS   1d 2h  2026-11-24 10:00:00  OVERDUE\n"
        );
        let forged = ReceiptView {
            invalid: Some("the hash is another one\u{7}".to_owned()),
            ..receipt("awaited")
        };
        let text = receipts(&[forged]);
        assert!(text.contains("INVALID, OVERDUE\n"), "{text}");
        assert!(
            text.ends_with(
                "`proxy-inner receipts accept ID`.\n  23795075ee51fa84  the hash is another one\\u{7}\n"
            ),
            "{text}"
        );
        let text = receipts(&[receipt("unconfirmed")]);
        assert!(text.contains("receipts confirm ID"), "{text}");
    }
}
