//! What the partner learns of a failure inside an envelope.

use super::made::{Sign, compressed, enveloped, enveloped_by, enveloped_of, info, zlib};
use super::*;
use crate::{DecryptionError, Kind, der, oid};

const UNIFORM: &str = "it cannot be decrypted, or what was encrypted is not what it should be";

#[test]
fn garbage_inside_reads_like_a_wrong_padding() {
    let signed = Sign::new(b"content").made();
    let mut trailing = signed.clone();
    trailing.push(0);
    let wrapped = recipient().public_key().wrap_pkcs1(&[9; 32]).unwrap();
    for file in [
        enveloped(oid::DATA, b"no CMS at all"),
        enveloped(oid::DATA, &[]),
        enveloped(oid::DATA, &[0x30]),
        enveloped(oid::DATA, &signed[..signed.len() - 1]),
        enveloped(oid::DATA, &trailing),
        // Padding that is wrong, a block that is cut, a key that is none.
        enveloped_of(oid::DATA, std::slice::from_ref(&wrapped), &[0; 32]),
        enveloped_of(oid::DATA, &[wrapped], &[0; 33]),
        enveloped_of(oid::DATA, &[vec![5; 256]], &[0; 32]),
    ] {
        let error = open_octets("es", &file).unwrap_err();
        assert_eq!(error.kind(), Kind::Decryption, "{error}");
        assert_eq!(error.public_text(), UNIFORM, "{error}");
    }
}

#[test]
fn a_content_key_the_library_refuses_fails_like_a_wrong_one() {
    // 3DES with three equal parts is DES, which is refused.
    let wrapped = recipient().public_key().wrap_pkcs1(&[9; 24]).unwrap();
    let cipher = [
        der::identifier(oid::DES_EDE3_CBC),
        der::octet_string(&[7; 8]),
    ]
    .concat();
    let file = enveloped_by(&cipher, None, oid::DATA, &[wrapped], &[0; 64]);
    let error = open_octets("e", &file).unwrap_err();
    assert_eq!(error.kind(), Kind::Decryption, "{error}");
    assert_eq!(error.public_text(), UNIFORM, "{error}");
}

#[test]
fn a_cipher_with_a_vector_of_a_wrong_size_is_refused_by_name() {
    let wrapped = recipient().public_key().wrap_pkcs1(&[9; 24]).unwrap();
    for (cipher, octets) in [
        (oid::DES_EDE3_CBC, 16),
        (oid::AES_256_CBC, 8),
        (oid::DATA, 8),
    ] {
        let cipher = [der::identifier(cipher), der::octet_string(&vec![7; octets])];
        let wrapped = std::slice::from_ref(&wrapped);
        let file = enveloped_by(&cipher.concat(), None, oid::DATA, wrapped, &[0; 64]);
        let error = open_octets("e", &file).unwrap_err();
        assert!(
            matches!(error, OpenError::Decryption(DecryptionError::Cipher { .. })),
            "{error}"
        );
    }
}

#[test]
fn a_content_key_tells_once_what_else_is_wrong() {
    let unsigned = Sign {
        signers: 0,
        ..Sign::new(b"content")
    };
    let damaged = {
        let mut zlib = zlib(b"content");
        zlib[3] ^= 0x55;
        info(oid::COMPRESSED_DATA, &compressed(oid::DATA, &zlib))
    };
    let large = Sign::new(&[1; 100]).made();
    let limits = Limits {
        clear_octets: 99,
        ..Limits::default()
    };
    for (layers, inside, kind) in [
        ("es", unsigned.made(), Kind::Signature),
        ("ec", damaged, Kind::Decompression),
        ("ec", unsigned.made(), Kind::Decompression),
        ("es", large, Kind::Signature),
    ] {
        let file = enveloped(oid::DATA, &inside);
        let first = open_within(layers, limits, &file).unwrap_err();
        assert_eq!(first.kind(), kind, "{first}");
        for _ in 0..2 {
            let again = open_within(layers, limits, &file).unwrap_err();
            assert_eq!(again.kind(), Kind::Decryption, "{again}");
            assert_eq!(again.public_text(), UNIFORM);
            // The operator still reads why.
            assert!(again.to_string().ends_with(&first.to_string()), "{again}");
        }
        // The partner's next file has a content key of its own.
        let next = enveloped(oid::DATA, &inside);
        let next = open_within(layers, limits, &next).unwrap_err();
        assert_eq!(next.kind(), kind, "{next}");
    }
}

#[test]
fn a_failing_disk_is_not_told_and_not_the_files_fault() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    struct Gone;
    impl std::io::Read for Gone {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::NotFound.into())
        }
    }
    let file = enveloped(oid::DATA, &Sign::new(b"content").made());
    let keys = [key()];
    let signers = [recipient()];
    let opening = Opening {
        expect: expect("es"),
        suite: None,
        keys: &keys,
        signers: &signers,
        limits: Limits::default(),
    };
    let unwritten = open(&opening, &mut file.as_slice(), &mut Full).unwrap_err();
    assert_eq!(unwritten.kind(), Kind::Other, "{unwritten}");
    let cut = &mut std::io::Read::chain(&file[..file.len() - 40], Gone);
    let unread = open(&opening, cut, &mut Vec::new()).unwrap_err();
    assert_eq!(unread.kind(), Kind::Other, "{unread}");
}
