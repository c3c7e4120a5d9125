//! Signatures: attributes, their order, several and nested ones.

use crypto::Hash;

use super::made::{Order, Sign, attribute, enveloped};
use super::*;
use crate::receipt::{self, ReceiptSignatureError};
use crate::{SignatureError, der, oid};

#[test]
fn attributes_count_as_they_were_sent_and_as_they_are_sorted() {
    for hash in Hash::ALL {
        for attributes in [
            None,
            Some(Order::Sorted),
            Some(Order::SignedAsSent),
            Some(Order::SignedSorted),
        ] {
            let file = Sign {
                attributes,
                hash,
                ..Sign::new(b"what is signed")
            };
            let (opened, clear) = open_octets("s", &file.made()).unwrap();
            assert_eq!(opened.signers, [1], "{hash} {attributes:?}");
            assert_eq!(clear, b"what is signed");
        }
    }
}

#[test]
fn an_attribute_may_name_the_signers_certificate_and_its_issuer() {
    // ESSCertIDv2 with an IssuerSerial (RFC 5035): nothing that partners sign is nested deeper.
    let id = &[
        0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f,
    ];
    let name = der::element(0xa4, &[recipient().issuer()]);
    let serial = der::element(0x02, &[recipient().serial()]);
    let issuer = der::sequence(&[&der::sequence(&[&name]), &serial]);
    let certificate = der::sequence(&[&der::octet_string(&[1; 32]), &issuer]);
    let value = der::sequence(&[&der::sequence(&[&certificate])]);
    let file = Sign {
        more: Some(attribute(id, &value)),
        ..Sign::new(b"what is signed")
    };
    for seed in 0..20 {
        let shaped = reshape::Shape::new(seed).all(&file.made());
        assert_eq!(
            open_octets("s", &shaped).unwrap().0.signers,
            [1],
            "seed {seed}"
        );
    }
}

#[test]
fn attributes_of_another_content_type_are_refused() {
    let file = Sign {
        attributes_kind: oid::SIGNED_DATA,
        ..Sign::new(b"what is signed")
    };
    let error = open_octets("s", &file.made()).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Signature(SignatureError::Attributes { .. })
        ),
        "{error}"
    );
}

#[test]
fn attributes_that_are_there_twice_are_refused() {
    let digest = Hash::Sha256.of(b"what is signed");
    for twice in [
        attribute(oid::MESSAGE_DIGEST, &der::octet_string(&digest)),
        attribute(oid::MESSAGE_DIGEST, &der::octet_string(&[0; 32])),
        attribute(oid::CONTENT_TYPE, &der::identifier(oid::DATA)),
        attribute(oid::CONTENT_TYPE, &der::identifier(oid::SIGNED_DATA)),
    ] {
        let file = Sign {
            more: Some(twice),
            ..Sign::new(b"what is signed")
        };
        let error = open_octets("s", &file.made()).unwrap_err();
        assert!(error.to_string().contains("more than one"), "{error}");
    }
}

#[test]
fn the_attributes_of_a_signature_are_no_file_that_was_signed() {
    // Somebody's signature with attributes, given out as one without attributes of a file that has
    // the attributes' octets: the mathematics are right.
    let honest = Sign::new(b"what is signed");
    let made = honest.made();
    let start = made
        .windows(2)
        .rposition(|at| at == [0xa0, 0x69] || at == [0xa0, 0x6a] || at == [0xa0, 0x6b])
        .unwrap_or_else(|| panic!("no attributes in {made:02x?}"));
    let length = usize::from(made[start + 1]);
    let mut attributes = made[start..start + 2 + length].to_vec();
    attributes[0] = 0x31;
    let forged = Sign {
        attributes: None,
        ..Sign::new(&attributes)
    };
    let error = open_octets("s", &forged.made()).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Signature(SignatureError::Attributes { .. })
        ),
        "{error}"
    );
}

#[test]
fn attributes_that_begin_with_one_of_another_kind_are_no_file_either() {
    // binarySigningTime (RFC 6019) is shorter than all others, so that it comes first; and a signer
    // may have attributes of its own.
    let time = [
        0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2e,
    ];
    let own = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a];
    for first in [&time[..], &own] {
        let honest = Sign {
            more: Some(attribute(first, &der::element(0x02, &[&[7]]))),
            ..Sign::new(b"what is signed")
        };
        let covered = honest.covered();
        let forged = Sign {
            attributes: None,
            ..Sign::new(&covered)
        };
        let error = open_octets("s", &forged.made()).unwrap_err();
        assert!(
            matches!(
                error,
                OpenError::Signature(SignatureError::Attributes { .. })
            ),
            "{error}"
        );
    }
}

#[test]
fn the_type_of_a_content_counts_only_where_it_is_signed() {
    // Somebody signs a file, without attributes, that happens to be a SignedData of somebody else.
    // Nothing binds the type to the signature (RFC 5652 section 5.3): what was signed is the file, not
    // what is inside it.
    let stranger = Sign {
        attributes_kind: oid::SIGNED_DATA,
        ..Sign::new(b"what a stranger says")
    }
    .made();
    let file = Sign {
        attributes: None,
        ..Sign::new(&stranger)
    };
    assert_eq!(open_octets("s", &file.made()).unwrap().1, stranger);
    let altered = Sign {
        kind: oid::SIGNED_DATA,
        ..file
    };
    let error = open_octets("s", &altered.made()).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Signature(SignatureError::Attributes { .. })
        ),
        "{error}"
    );
}

#[test]
fn more_attributes_than_anybody_has_are_not_held() {
    let none = der::sequence(&[&der::identifier(&[]), &der::set(&[])]);
    let file = Sign {
        more: Some(none.repeat(100_000)),
        ..Sign::new(b"what is signed")
    };
    let error = open_octets("s", &file.made()).unwrap_err();
    assert!(matches!(error, OpenError::Structure { .. }), "{error}");
}

#[test]
fn signed_data_directly_inside_signed_data_is_read_to_the_innermost() {
    let inner = Sign::new(b"signed twice");
    for kind in [inner.bare(), inner.made()] {
        let outer = Sign {
            kind: oid::SIGNED_DATA,
            attributes_kind: oid::SIGNED_DATA,
            ..Sign::new(&kind)
        };
        let (opened, clear) = open_octets("s", &outer.made()).unwrap();
        assert_eq!(clear, b"signed twice");
        assert_eq!(opened.signers, [1]);
    }
    // One good signature of the two is enough.
    let good = inner.made();
    let outer = Sign {
        kind: oid::SIGNED_DATA,
        ..Sign::new(&good)
    };
    assert_eq!(open_octets("s", &outer.made()).unwrap().1, b"signed twice");
    let bad = Sign {
        attributes_kind: oid::SIGNED_DATA,
        ..inner.clone()
    };
    let bad = bad.made();
    let outer = Sign {
        kind: oid::SIGNED_DATA,
        attributes_kind: oid::SIGNED_DATA,
        ..Sign::new(&bad)
    };
    assert_eq!(open_octets("s", &outer.made()).unwrap().1, b"signed twice");
    // None is not.
    let outer = Sign {
        kind: oid::SIGNED_DATA,
        ..Sign::new(&bad)
    };
    assert!(open_octets("s", &outer.made()).is_err());
    // And it does not go on for ever.
    let mut deep = inner.made();
    for _ in 0..8 {
        deep = Sign {
            kind: oid::SIGNED_DATA,
            attributes_kind: oid::SIGNED_DATA,
            ..Sign::new(&deep)
        }
        .made();
    }
    assert!(open_octets("s", &deep).is_err());
}

#[test]
fn nobody_signed_a_file_without_signers() {
    let unsigned = Sign {
        signers: 0,
        ..Sign::new(b"nobody's")
    };
    let error = open_octets("s", &unsigned.made()).unwrap_err();
    assert!(matches!(
        error,
        OpenError::Signature(SignatureError::Unsigned)
    ));
    let error = open_octets("es", &enveloped(oid::DATA, &unsigned.made())).unwrap_err();
    assert_eq!(error.kind(), crate::Kind::Signature, "{error}");
}

#[test]
fn a_receipt_in_any_form_of_ber_is_verified() {
    let fields = [7; 119 + 64];
    let file = Sign::new(&fields).made();
    let signers = [recipient()];
    for seed in 0..50 {
        let shaped = reshape::Shape::new(seed).all(&file);
        let verified = receipt::verify(&shaped, &[&[1; 4], &fields], &signers).unwrap();
        assert_eq!(
            (verified.signer, verified.candidate, verified.detached),
            (0, 1, false),
            "seed {seed}"
        );
    }
    let error = receipt::verify(&file, &[], &signers).unwrap_err();
    assert!(
        matches!(error, ReceiptSignatureError::ContentDiffers { embedded } if embedded == fields)
    );
}
