//! Forms of BER, and what may be absent.

use super::made::{
    Order, Sign, compressed, encrypted, enveloped, enveloped_by, enveloped_of, info, zlib,
};
use super::reshape::Shape;
use super::*;
use crate::{der, oid};

fn octets(count: usize) -> Vec<u8> {
    let octets = (0..count).map(|place| (place * place / 7) % 251);
    octets.map(|octet| u8::try_from(octet).unwrap()).collect()
}

#[test]
fn any_form_of_ber_gives_the_same_content() {
    for size in [0, 1, 64, 65, 3000, 200_000] {
        let content = octets(size);
        let signed = Sign::new(&content).made();
        let compressed = info(oid::COMPRESSED_DATA, &compressed(oid::DATA, &zlib(&signed)));
        for (layers, file) in [
            ("s", &signed),
            ("cs", &compressed),
            ("es", &enveloped(oid::DATA, &signed)),
            ("ecs", &enveloped(oid::DATA, &compressed)),
        ] {
            for seed in 0..if size > 3000 { 10 } else { 60 } {
                let shaped = Shape::new(seed).all(file);
                let (opened, clear) = open_octets(layers, &shaped)
                    .unwrap_or_else(|error| panic!("{layers} {size}, seed {seed}: {error}"));
                assert!(clear == content, "{layers} {size}, seed {seed}");
                assert_eq!(opened.signers, [1], "{layers} {size}, seed {seed}");
            }
        }
    }
}

#[test]
fn reads_from_a_source_that_gives_one_octet_at_a_time() {
    struct Slow<'a>(&'a [u8]);
    impl std::io::Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let most = into.len().min(1);
            self.0.read(&mut into[..most])
        }
    }
    let content = octets(3000);
    let file = enveloped(oid::DATA, &Sign::new(&content).made());
    let keys = [key()];
    let signers = [recipient()];
    let opening = Opening {
        expect: expect("es"),
        suite: None,
        keys: &keys,
        signers: &signers,
        limits: Limits::default(),
    };
    let mut clear = Vec::new();
    open(&opening, &mut Slow(&file), &mut clear).unwrap();
    assert_eq!(clear, content);
}

/// the type inside is announced, and no ContentInfo follows.
#[test]
fn the_bare_object_is_read_where_its_type_is_announced() {
    let content = octets(300);
    let signed = Sign::new(&content);
    let compressed_bare = compressed(oid::SIGNED_DATA, &zlib(&signed.bare()));
    let compressed_full = info(oid::COMPRESSED_DATA, &compressed_bare);
    for (layers, file) in [
        ("es", enveloped(oid::SIGNED_DATA, &signed.bare())),
        ("es", enveloped(oid::SIGNED_DATA, &signed.made())),
        ("cs", compressed_full.clone()),
        ("ecs", enveloped(oid::COMPRESSED_DATA, &compressed_bare)),
        ("ecs", enveloped(oid::DATA, &compressed_full)),
    ] {
        let (opened, clear) = open_octets(layers, &file).unwrap();
        assert_eq!(clear, content);
        assert_eq!(opened.signers, [1]);
    }
    // Not where plain data is announced, nor outermost.
    for (layers, file) in [
        ("es", enveloped(oid::DATA, &signed.bare())),
        ("s", signed.bare()),
    ] {
        assert!(open_octets(layers, &file).is_err());
    }
}

#[test]
fn a_layer_more_than_announced_is_refused_and_a_file_that_is_cms_is_not() {
    let signed = Sign::new(b"inside").made();
    for (layers, file) in [
        ("e", enveloped(oid::SIGNED_DATA, &signed)),
        (
            "c",
            info(
                oid::COMPRESSED_DATA,
                &compressed(oid::COMPRESSED_DATA, &zlib(b"x")),
            ),
        ),
    ] {
        let error = open_octets(layers, &file).unwrap_err();
        assert!(error.to_string().contains("more"), "{error}");
    }
    // A partner may send a signed document: it is data to us.
    let file = enveloped(oid::DATA, &signed);
    assert_eq!(open_octets("e", &file).unwrap().1, signed);
}

#[test]
fn an_empty_content_may_be_absent() {
    let sequence = |parts: &[&[u8]]| der::sequence(parts);
    let absent = sequence(&[&der::identifier(oid::DATA)]);
    let with = |object: &[u8], kind: &[u8]| {
        let content = sequence(&[
            &der::identifier(kind),
            &der::element(0xa0, &[&der::octet_string(&[])]),
        ]);
        let place = object.windows(content.len()).position(|at| at == content);
        let place = place.unwrap();
        let mut parts = object[..place].to_vec();
        parts.extend(&absent);
        parts.extend(&object[place + content.len()..]);
        parts
    };
    for attributes in [None, Some(Order::Sorted)] {
        let signed = Sign {
            attributes,
            ..Sign::new(&[])
        };
        let bare = signed.bare();
        // The header has four octets: an object with a signature is longer than 255.
        let inside = with(&bare[4..], oid::DATA);
        let file = info(oid::SIGNED_DATA, &sequence(&[&inside]));
        assert_eq!(open_octets("s", &file).unwrap().1, []);
    }
    let bare = compressed(oid::DATA, &[]);
    let inside = with(&bare[2..], oid::DATA);
    for bare in [bare.clone(), sequence(&[&inside])] {
        let file = info(oid::COMPRESSED_DATA, &bare);
        assert_eq!(open_octets("c", &file).unwrap().1, []);
    }
    let wrapped = recipient().public_key().wrap_pkcs1(&[9; 32]).unwrap();
    let file = enveloped_of(oid::DATA, &[wrapped], &[]);
    assert_eq!(open_octets("e", &file).unwrap().1, []);
}

#[test]
fn what_nobody_needs_is_passed_over() {
    let signed = |levels| {
        let signed = Sign {
            passed_over: Some(levels),
            ..Sign::new(b"content")
        };
        signed.made()
    };
    let aes = [
        der::identifier(oid::AES_256_CBC),
        der::octet_string(&[7; 16]),
    ]
    .concat();
    let enveloped = |levels| {
        let (wrapped, encrypted) = encrypted(&signed(levels));
        enveloped_by(&aes, Some(levels), oid::DATA, &[wrapped], &encrypted)
    };
    // With definite lengths nothing inside is looked at, however deep it goes.
    for (layers, file) in [("s", signed(100)), ("es", enveloped(100))] {
        assert_eq!(open_octets(layers, &file).unwrap().1, b"content");
    }
    for seed in 0..50 {
        for (layers, file) in [("s", signed(6)), ("es", enveloped(6))] {
            let shaped = Shape::new(seed).all(&file);
            assert_eq!(
                open_octets(layers, &shaped).unwrap().1,
                b"content",
                "seed {seed}"
            );
        }
    }
}

#[test]
fn nothing_to_undo_gives_the_file_itself() {
    assert_eq!(open_octets("", b"as it is").unwrap().1, b"as it is");
}
