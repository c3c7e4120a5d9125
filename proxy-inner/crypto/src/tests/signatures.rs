//! Signatures, both ways with openssl, and everything that must not verify.

use super::openssl::{Openssl, pkcs1, pss};
use super::*;
use crate::{KeyUseError, PublicKey, Signing, Verifying};

#[test]
fn openssl_verifies_what_we_sign_and_signs_the_same() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    openssl.make_key("RSA", 2048);
    let key = openssl.key();
    for hash in Hash::ALL {
        let digest = hash.of(b"signed by us");
        let signature = key.sign(Signing::Pkcs1(hash), &digest).unwrap();
        // PKCS#1 v1.5 is the same each time, whoever makes it.
        assert_eq!(signature, openssl.sign(&digest, &pkcs1(hash)), "{hash}");
        let signature = key.sign(Signing::Pss(hash), &digest).unwrap();
        assert!(openssl.verifies(&digest, &signature, &pss(hash, hash, "digest")));
        assert!(!openssl.verifies(
            &hash.of(b"not this"),
            &signature,
            &pss(hash, hash, "digest")
        ));
    }
}

#[test]
fn verifies_what_openssl_signs_with_every_hash_and_salt() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    openssl.make_key("RSA", 2048);
    let public = PublicKey::from_spki(&openssl.public()).unwrap();
    for hash in Hash::ALL {
        let digest = hash.of(b"signed by openssl");
        let signature = openssl.sign(&digest, &pkcs1(hash));
        assert!(public.verify(Verifying::Pkcs1(hash), &digest, &signature));
        for mgf in [hash, Hash::Sha1, Hash::Sha256] {
            let longest = 256 - hash.octets() - 2;
            for (salt, octets) in [
                ("0", 0),
                ("11", 11),
                ("digest", hash.octets()),
                ("max", longest),
            ] {
                let signature = openssl.sign(&digest, &pss(hash, mgf, salt));
                let verifies = |mgf, salt| {
                    public.verify(Verifying::Pss { hash, mgf, salt }, &digest, &signature)
                };
                assert!(verifies(mgf, Some(octets)), "{hash}, {mgf}, {salt}");
                assert!(verifies(mgf, None), "{hash}, {mgf}, {salt}");
                assert!(!verifies(mgf, Some(octets + 1)), "{hash}, {mgf}, {salt}");
                assert!(!verifies(Hash::Sha384, None) || mgf == Hash::Sha384);
            }
        }
    }
}

#[test]
fn verifies_what_it_signs_and_nothing_else() {
    for hash in Hash::ALL {
        let digest = hash.of(b"content");
        for signing in [Signing::Pkcs1(hash), Signing::Pss(hash)] {
            let signature = key().sign(signing, &digest).unwrap();
            let verifying = Verifying::from(signing);
            let public = key().public();
            assert!(public.verify(verifying, &digest, &signature), "{signing}");
            assert!(!other().public().verify(verifying, &digest, &signature));
            assert!(!public.verify(verifying, &hash.of(b"another"), &signature));
            assert!(!public.verify(verifying, &digest[1..], &signature));
            assert!(!public.verify(verifying, &digest, &[]));
            assert!(!public.verify(verifying, &digest, &signature[1..]));
            assert!(!public.verify(verifying, &digest, &signature[..255]));
            let longer = [&[0], signature.as_slice()].concat();
            assert!(!public.verify(verifying, &digest, &longer));
            assert!(!public.verify(verifying, &digest, &[0xFF; 256]));
            assert!(!public.verify(verifying, &digest, &[0; 256]));
            let crossed = match signing {
                Signing::Pkcs1(hash) => Verifying::from(Signing::Pss(hash)),
                Signing::Pss(hash) => Verifying::from(Signing::Pkcs1(hash)),
            };
            assert!(!public.verify(crossed, &digest, &signature));
            for another in Hash::ALL.into_iter().filter(|another| *another != hash) {
                let another = match signing {
                    Signing::Pkcs1(_) => Verifying::Pkcs1(another),
                    Signing::Pss(_) => Verifying::from(Signing::Pss(another)),
                };
                assert!(!public.verify(another, &digest, &signature));
            }
        }
    }
}

#[test]
fn refuses_a_signature_with_any_bit_flipped() {
    let digest = Hash::Sha256.of(b"content");
    for signing in [Signing::Pkcs1(Hash::Sha256), Signing::Pss(Hash::Sha256)] {
        let signature = key().sign(signing, &digest).unwrap();
        for bit in (0..2048).step_by(3) {
            let mut flipped = signature.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let verifying = Verifying::from(signing);
            assert!(!key().public().verify(verifying, &digest, &flipped));
        }
    }
}

#[test]
fn accepts_a_digest_info_without_null_and_nothing_looser() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    openssl.make_key("RSA", 1024);
    let key = openssl.key();
    let digest = Hash::Sha1.of(b"content");
    let bare = ["rsa_padding_mode:none".to_owned()];
    let oid = [0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A];
    let verifies = |info: Vec<u8>, filling: u8| {
        let mut block = vec![0x00, 0x01];
        block.resize(128 - info.len() - 1, filling);
        block.push(0);
        block.extend_from_slice(&info);
        let signature = openssl.unwrap(&block, &bare);
        key.public()
            .verify(Verifying::Pkcs1(Hash::Sha1), &digest, &signature)
    };
    let head = |whole, algorithm| vec![0x30, whole, 0x30, algorithm];
    let with_null = [&head(0x21, 9)[..], &oid, &[5, 0, 4, 20], &digest].concat();
    let without = [&head(0x1F, 7)[..], &oid, &[4, 20], &digest].concat();
    let trailing = [&with_null[..], &[0; 4]].concat();
    let long_form = [
        &[0x30, 0x81, 0x21, 0x30, 9][..],
        &oid,
        &[5, 0, 4, 20],
        &digest,
    ]
    .concat();
    assert!(verifies(with_null.clone(), 0xFF));
    assert!(verifies(without, 0xFF));
    assert!(!verifies(with_null, 0xFE));
    assert!(!verifies(trailing, 0xFF));
    assert!(!verifies(long_form, 0xFF));
    assert!(!verifies(digest.clone(), 0xFF));
}

#[test]
fn says_when_a_digest_has_a_wrong_length() {
    for digest in [&[0; 31][..], &[0; 33], &[]] {
        assert_eq!(
            key().sign(Signing::Pkcs1(Hash::Sha256), digest),
            Err(KeyUseError::DigestLength {
                hash: "SHA-256",
                expected: 32,
                found: digest.len(),
            })
        );
    }
}

#[test]
fn says_when_a_key_is_too_short_for_the_scheme() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    let digest = Hash::Sha512.of(b"content");
    for bits in [1024, 1025, 1032, 1033, 1040, 1041, 1048] {
        openssl.make_key("RSA", bits);
        let key = openssl.key();
        assert_eq!(key.public().bits(), bits);
        assert!(key.sign(Signing::Pkcs1(Hash::Sha512), &digest).is_ok());
        let signed = key.sign(Signing::Pss(Hash::Sha512), &digest);
        // 64 octets of digest, 64 of salt, two more.
        if (bits - 1).div_ceil(8) < 130 {
            assert!(
                matches!(&signed, Err(KeyUseError::TooShort { bits: b, .. }) if *b == bits),
                "{bits}: {signed:?}"
            );
        } else {
            let signature = signed.unwrap();
            assert!(openssl.verifies(&digest, &signature, &pss(Hash::Sha512, Hash::Sha512, "64")));
        }
    }
}

#[test]
fn a_block_raised_to_the_private_power_is_a_signature() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    openssl.make_key("RSA", 2048);
    let public = openssl.key().public().clone();
    let bare = ["rsa_padding_mode:none".to_owned()];
    for hash in Hash::ALL {
        let digest = hash.of(b"made in a token");
        for signing in [Signing::Pkcs1(hash), Signing::Pss(hash)] {
            let block = public.signature_block(signing, &digest).unwrap();
            assert_eq!(block.len(), 256);
            let signature = openssl.unwrap(&block, &bare);
            assert!(
                public.verify(signing.into(), &digest, &signature),
                "{signing}"
            );
        }
        assert!(
            public
                .signature_block(Signing::Pss(hash), b"short")
                .is_err()
        );
    }
}
