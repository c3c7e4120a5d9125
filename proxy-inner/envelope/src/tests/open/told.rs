//! What the partner learns of a failure inside an envelope.

use super::made::{Sign, compressed, encrypted, enveloped, enveloped_by, enveloped_of, info, zlib};
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
fn what_was_decrypted_is_never_quoted_to_the_partner() {
    // What is secret stands wherever an error's own text names what was found. Whoever has somebody
    // else's file can put its blocks into such places without knowing what is in them.
    const SECRET: &[u8] = &[0x2a, 0x86, 0x48, 0x53, 0x45, 0x43, 0x52, 0x45, 0x54];
    let quotes = |text: &str| {
        text.contains(&oid::dotted(SECRET)) || text.contains(&oid::hexadecimal(SECRET)[2..])
    };
    let secret = || der::identifier(SECRET);
    let signer = |named: &[u8], digest: &[u8], signature: &[u8]| {
        let digest = der::sequence(&[digest]);
        let signer = der::sequence(&[
            &der::small_integer(3),
            named,
            &digest,
            &der::sequence(&[signature]),
            &der::octet_string(&[1; 256]),
        ]);
        let signed = der::sequence(&[
            &der::small_integer(1),
            &der::set(&[&digest]),
            &der::sequence(&[
                &der::identifier(oid::DATA),
                &der::element(0xa0, &[&der::octet_string(b"content")]),
            ]),
            &der::set(&[&signer]),
        ]);
        info(oid::SIGNED_DATA, &signed)
    };
    let (sha, rsa) = (
        der::identifier(oid::SHA_256),
        der::identifier(oid::RSA_ENCRYPTION),
    );
    let own = der::sequence(&[
        recipient().issuer(),
        &der::element(0x02, &[recipient().serial()]),
    ]);
    let other_zlib = der::sequence(&[
        &der::small_integer(0),
        &der::sequence(&[&secret()]),
        &der::sequence(&[&der::identifier(oid::DATA)]),
    ]);
    for (layers, inside) in [
        ("es", info(SECRET, &der::null())),
        ("ec", info(SECRET, &der::null())),
        ("ec", info(oid::COMPRESSED_DATA, &other_zlib)),
        ("es", signer(&der::element(0x80, &[SECRET]), &sha, &rsa)),
        ("es", signer(&own, &secret(), &rsa)),
        ("es", signer(&own, &sha, &secret())),
    ] {
        let file = enveloped(oid::DATA, &inside);
        let error = open_octets(layers, &file).unwrap_err();
        assert!(quotes(&error.to_string()), "the operator reads it: {error}");
        let told = error.public_text();
        assert!(!quotes(&told), "{told}");
    }
}

#[test]
fn a_content_key_that_failed_once_tells_nothing_more() {
    let (wrapped, encrypted) = encrypted(
        &Sign {
            signers: 0,
            ..Sign::new(b"content")
        }
        .made(),
    );
    let mut altered = encrypted.clone();
    let place = altered.len() - 17;
    altered[place] ^= 0x40;
    let wrapped = [wrapped];
    for file in [&altered, &encrypted] {
        let file = enveloped_of(oid::DATA, &wrapped, file);
        let error = open_octets("es", &file).unwrap_err();
        assert_eq!(error.kind(), Kind::Decryption, "{error}");
        assert_eq!(error.public_text(), UNIFORM, "{error}");
    }
}

#[test]
fn guesses_at_a_file_that_nobody_signed_come_to_an_end() {
    // Each altered copy that does not open is a guess at what is in the file. Their number is limited,
    // and then not even the right file opens, so that nothing is learnt from that either.
    for layers in ["e", "ec"] {
        let inside = match layers {
            "e" => b"what somebody wants to know".to_vec(),
            _ => info(oid::COMPRESSED_DATA, &compressed(oid::DATA, &zlib(b"x"))),
        };
        let (wrapped, encrypted) = encrypted(&inside);
        let wrapped = [wrapped];
        let right = enveloped_of(oid::DATA, &wrapped, &encrypted);
        let mut opened = 0;
        // The first is none, and the others do not happen to be right.
        for guess in std::iter::once(0).chain(32..=255) {
            let mut altered = encrypted.clone();
            let place = altered.len() - 17;
            altered[place] ^= guess;
            let altered = enveloped_of(oid::DATA, &wrapped, &altered);
            opened += usize::from(open_octets(layers, &altered).is_ok());
            if guess == 40 {
                assert!(open_octets(layers, &right).is_ok(), "it was sent again");
            }
        }
        assert_eq!(opened, 1, "{layers}: only the one that was not altered");
        let error = open_octets(layers, &right).unwrap_err();
        assert_eq!(error.kind(), Kind::Decryption, "{error}");
        assert_eq!(error.public_text(), UNIFORM, "{error}");
        // The next file is another one.
        let next = enveloped(oid::DATA, &inside);
        assert!(open_octets(layers, &next).is_ok());
    }
}

#[test]
fn a_target_that_refuses_the_content_hides_nothing_that_is_wrong_with_the_file() {
    struct Picky(usize);
    impl std::io::Write for Picky {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            self.0 += 1;
            Err(std::io::ErrorKind::InvalidData.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let keys = [key()];
    let signers = [recipient()];
    let tried = |layers: &str, file: &[u8]| {
        let opening = Opening {
            expect: expect(layers),
            suite: None,
            keys: &keys,
            signers: &signers,
            limits: Limits::default(),
        };
        let mut target = Picky(0);
        let mut source = file;
        let error = open(&opening, &mut source, &mut target).unwrap_err();
        assert_eq!(target.0, 1, "nothing is written after what was refused");
        error
    };
    let content = vec![b'x'; 200_000];
    let signed = Sign::new(&content).made();
    let (wrapped, right) = encrypted(&signed);
    let mut altered = right.clone();
    let last = altered.len() - 17;
    altered[last] ^= 0x40;
    let wrapped = [wrapped];
    // The padding, the content, the signature: whatever else is wrong comes first.
    for file in [&altered, &right[..right.len() - 16].to_vec()] {
        let error = tried("es", &enveloped_of(oid::DATA, &wrapped, file));
        assert_eq!(error.kind(), Kind::Decryption, "{error}");
        assert_eq!(error.public_text(), UNIFORM, "{error}");
    }
    let unsigned = Sign {
        signers: 0,
        ..Sign::new(&content)
    };
    let error = tried("es", &enveloped(oid::DATA, &unsigned.made()));
    assert_eq!(error.kind(), Kind::Signature, "{error}");
    let error = tried("s", &unsigned.made());
    assert_eq!(error.kind(), Kind::Signature, "{error}");
    // And then it is what the target says, once for one content key.
    for (layers, file) in [("es", enveloped(oid::DATA, &signed)), ("s", signed.clone())] {
        let error = tried(layers, &file);
        assert_eq!(error.kind(), Kind::Other, "{error}");
        let again = tried(layers, &file);
        let kind = match layers {
            "s" => Kind::Other,
            _ => Kind::Decryption,
        };
        assert_eq!(again.kind(), kind, "{again}");
    }
}

#[test]
fn the_target_says_at_the_end_whether_it_takes_the_whole() {
    #[derive(Default)]
    struct Whole {
        octets: usize,
        asked: usize,
    }
    impl std::io::Write for Whole {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            self.octets += octets.len();
            Ok(octets.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.asked += 1;
            Err(std::io::ErrorKind::InvalidData.into())
        }
    }
    let keys = [key()];
    let signers = [recipient()];
    for (layers, inside, asked, kind) in [
        ("e", b"content".to_vec(), 1, Kind::Other),
        ("es", Sign::new(b"content").made(), 1, Kind::Other),
        (
            "es",
            Sign {
                signers: 0,
                ..Sign::new(b"content")
            }
            .made(),
            0,
            Kind::Signature,
        ),
    ] {
        let file = enveloped(oid::DATA, &inside);
        let opening = Opening {
            expect: expect(layers),
            suite: None,
            keys: &keys,
            signers: &signers,
            limits: Limits::default(),
        };
        let mut target = Whole::default();
        let error = open(&opening, &mut file.as_slice(), &mut target).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!((target.octets, target.asked), (7, asked), "{layers}");
    }
}

/// A key that was given something it is not made for.
#[derive(Debug)]
struct Unfit(crypto::PublicKey);

impl Unfit {
    fn refuses() -> crypto::KeyUseError {
        crypto::KeyUseError::TooShort {
            bits: 2048,
            scheme: "whatever".to_owned(),
        }
    }
}

impl crypto::PrivateKey for Unfit {
    fn public(&self) -> &crypto::PublicKey {
        &self.0
    }

    fn sign(&self, _: crypto::Signing, _: &[u8]) -> Result<Vec<u8>, crypto::KeyUseError> {
        Err(Self::refuses())
    }

    fn unwrap_pkcs1(
        &self,
        _: &[u8],
        _: usize,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, crypto::KeyUseError> {
        Err(Self::refuses())
    }

    fn unwrap_oaep(
        &self,
        _: crypto::Oaep,
        _: &[u8],
        _: usize,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, crypto::KeyUseError> {
        Err(Self::refuses())
    }
}

#[test]
fn a_key_wrapped_as_ours_cannot_unwrap_is_the_files_fault() {
    let unfit = Arc::new(Unfit(recipient().public_key().clone()));
    let keys = [OwnKey::new(unfit, &[recipient()]).unwrap()];
    let opening = Opening {
        expect: expect("e"),
        suite: None,
        keys: &keys,
        signers: &[],
        limits: Limits::default(),
    };
    let file = enveloped(oid::DATA, b"content");
    let error = open(&opening, &mut file.as_slice(), &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::Decryption, "{error}");
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
