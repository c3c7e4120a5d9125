//! What a receipt's signature covers.

use oftp::{Eerp, FileId, Nerp, OdetteId};
use store::{ReceiptContent, ReceiptKind};

/// The octets that are signed for a receipt with these addresses and this hash, creator included.
pub(super) fn signed(file: &FileId, content: &ReceiptContent) -> Vec<u8> {
    match &content.kind {
        ReceiptKind::Positive => eerp(file, &content.hash).signed_content(),
        ReceiptKind::Negative { creator, .. } => {
            let unsigned = eerp(file, &[]);
            let Eerp {
                dataset,
                stamp,
                destination,
                origin,
                ..
            } = unsigned;
            Nerp {
                dataset,
                stamp,
                destination,
                origin,
                creator: creator.clone(),
                reason: oftp::ReceiptReason::UNSPECIFIED,
                text: String::new(),
                hash: content.hash.clone(),
                signature: Vec::new(),
            }
            .signed_content()
        }
    }
}

/// What a receipt may have signed: as RFC 5024 has it, and for a NERP also without its creator, as
/// some partners do it.
pub(super) fn candidates(file: &FileId, content: &ReceiptContent) -> Vec<Vec<u8>> {
    let mut candidates = vec![signed(file, content)];
    if let ReceiptKind::Negative { .. } = content.kind {
        candidates.push(eerp(file, &content.hash).signed_content());
    }
    candidates
}

/// The name of a field and its octets, in the order they are signed; the hash takes what is left.
pub(super) fn fields(negative: bool, creator: bool) -> Vec<(&'static str, usize)> {
    let names: [&'static str; 7] = if negative {
        [
            "NERPDSN", "NERPDATE", "NERPTIME", "NERPDEST", "NERPORIG", "NERPCREA", "NERPHSH",
        ]
    } else {
        [
            "EERPDSN", "EERPDATE", "EERPTIME", "EERPDEST", "EERPORIG", "", "EERPHSH",
        ]
    };
    let [dataset, date, time, destination, origin, creating, hash] = names;
    let mut fields = vec![
        (dataset, 26),
        (date, 8),
        (time, 10),
        (destination, OdetteId::WIDTH),
        (origin, OdetteId::WIDTH),
    ];
    if creator {
        fields.push((creating, OdetteId::WIDTH));
    }
    fields.push((hash, usize::MAX));
    fields
}

fn eerp(file: &FileId, hash: &[u8]) -> Eerp {
    Eerp {
        hash: hash.to_vec(),
        ..Eerp::unsigned(file)
    }
}
