//! What receipts sign, and which file they speak of (reference 7.2, 7.4, appendix T.2).

use oftp::{Eerp, FileId, Level, Nerp};
use sha2::{Digest, Sha256};

use crate::samples::{A, B, C, eerp, nerp};

/// SHA-1 of "abc": the hash of the file in the vectors.
const HASH: [u8; 20] = [
    0xA9, 0x99, 0x3E, 0x36, 0x47, 0x06, 0x81, 0x6A, 0xBA, 0x3E, 0x25, 0x71, 0x78, 0x50, 0xC2, 0x6C,
    0x9C, 0xD0, 0xD8, 0x9D,
];

fn file() -> FileId {
    FileId {
        dataset: "TEST.FILE".parse().unwrap(),
        stamp: "202401312359590001".parse().unwrap(),
        origin: A.parse().unwrap(),
        destination: B.parse().unwrap(),
    }
}

fn sha256(octets: &[u8]) -> String {
    let digest = Sha256::digest(octets);
    digest.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// the vectors of appendix T.2.
#[test]
fn receipts_sign_what_the_vectors_say() {
    let mut positive = Eerp::unsigned(&file());
    positive.hash = HASH.to_vec();
    let content = positive.signed_content();
    assert_eq!(content.len(), 114);
    assert_eq!(
        sha256(&content),
        "ab18df067e7b1a22f1a2403eab61a81e789d64bced36b09742565d14abdf0129"
    );
    let negative = Nerp {
        stamp: file().stamp,
        creator: B.parse().unwrap(),
        hash: HASH.to_vec(),
        ..nerp(Level::L5)
    };
    let content = negative.signed_content();
    assert_eq!(content.len(), 139);
    assert_eq!(
        sha256(&content),
        "731f959f7e22caaa06660c253313c360182ec4478f2184699c34f0776b9b2db9"
    );
}

///
#[test]
fn receipts_sign_their_fields_with_all_padding_and_nothing_else() {
    let dataset = "TEST.FILE                 ";
    let wanted = format!("{dataset}202401312359580042{A}{B}");
    let mut positive = eerp(Level::L5);
    assert_eq!(
        positive.signed_content(),
        [wanted.as_bytes(), &[0xAA; 3]].concat()
    );
    positive.user = "OTHER".parse().unwrap();
    positive.signature = Vec::new();
    positive.hash = Vec::new();
    assert_eq!(positive.signed_content(), wanted.as_bytes());

    let wanted = format!("{wanted}{C}");
    let mut negative = nerp(Level::L5);
    assert_eq!(
        negative.signed_content(),
        [wanted.as_bytes(), &[0xAA; 3]].concat()
    );
    negative.text = "another".to_owned();
    negative.reason = oftp::ReceiptReason::UNSPECIFIED;
    negative.hash = Vec::new();
    assert_eq!(negative.signed_content(), wanted.as_bytes());
}

/// the receipt goes to the file's originator and comes from its final recipient.
#[test]
fn receipts_name_the_file_they_speak_of() {
    let positive = Eerp::unsigned(&file());
    assert_eq!(positive.destination.as_str(), A.trim_end());
    assert_eq!(positive.origin.as_str(), B.trim_end());
    assert_eq!(positive.file_id(), file());
    let negative = nerp(Level::L5);
    assert_eq!(negative.file_id().origin.as_str(), A.trim_end());
    assert_eq!(negative.file_id().destination.as_str(), B.trim_end());
}
