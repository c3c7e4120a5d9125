//! Content keys wrapped and unwrapped: both ways with openssl, and without telling what was wrong.

use std::collections::HashSet;

use proptest::prelude::*;

use super::openssl::{self, Openssl};
use super::*;
use crate::{KeyUseError, PublicKey, random};

const CONTENT_KEY: &[u8; 32] = b"the key of the content, 32 octet";

#[test]
fn openssl_unwraps_what_we_wrap() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    openssl.make_key("RSA", 2048);
    let public = PublicKey::from_spki(&openssl.public()).unwrap();
    for length in [0, 1, 24, 32] {
        let wrapped = public.wrap_pkcs1(&CONTENT_KEY[..length]).unwrap();
        assert_eq!(wrapped.len(), 256);
        assert_eq!(openssl.unwrap(&wrapped, &[]), &CONTENT_KEY[..length]);
    }
    for oaep in every_oaep() {
        let wrapped = public.wrap_oaep(oaep, CONTENT_KEY).unwrap();
        let unwrapped = openssl.unwrap(&wrapped, &openssl::oaep(oaep));
        assert_eq!(unwrapped, CONTENT_KEY, "{oaep}");
    }
}

#[test]
fn unwraps_what_openssl_wraps() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    openssl.make_key("RSA", 2048);
    let key = openssl.key();
    for length in [1, 24, 32] {
        let wrapped = openssl.wrap(&CONTENT_KEY[..length], &[]);
        let unwrapped = key.unwrap_pkcs1(&wrapped, length).unwrap();
        assert_eq!(unwrapped.as_slice(), &CONTENT_KEY[..length]);
        // Another length than the cipher has is as wrong as a wrong padding.
        for other in [0, 16, length - 1, length + 1, 64] {
            let stand_in = key.unwrap_pkcs1(&wrapped, other).unwrap();
            assert_eq!(stand_in.len(), other);
            assert!(other == 0 || !CONTENT_KEY.starts_with(&stand_in));
        }
    }
    for oaep in every_oaep() {
        let wrapped = openssl.wrap(CONTENT_KEY, &openssl::oaep(oaep));
        let unwrapped = key.unwrap_oaep(oaep, &wrapped, 32).unwrap();
        assert_eq!(unwrapped.as_slice(), CONTENT_KEY, "{oaep}");
        let shorter = key.unwrap_oaep(oaep, &wrapped, 24).unwrap();
        assert!(!CONTENT_KEY.starts_with(&shorter) && !CONTENT_KEY.ends_with(&shorter));
    }
}

#[test]
fn unwraps_with_keys_of_any_length() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    for bits in [1024, 1031, 1033, 1536] {
        openssl.make_key("RSA", bits);
        both_ways(&openssl.key());
    }
    both_ways(&SoftwareKey::from_pkcs8(LONGEST).unwrap());
}

fn both_ways(key: &SoftwareKey) {
    let wrapped = key.public().wrap_pkcs1(CONTENT_KEY).unwrap();
    let unwrapped = key.unwrap_pkcs1(&wrapped, 32).unwrap();
    assert_eq!(unwrapped.as_slice(), CONTENT_KEY);
    let oaep = Oaep::with(Hash::Sha256);
    let wrapped = key.public().wrap_oaep(oaep, CONTENT_KEY).unwrap();
    let unwrapped = key.unwrap_oaep(oaep, &wrapped, 32).unwrap();
    assert_eq!(unwrapped.as_slice(), CONTENT_KEY);
}

#[test]
fn says_when_a_key_is_too_short_to_wrap() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    openssl.make_key("RSA", 1024);
    let key = openssl.key();
    let oaep = Oaep::with(Hash::Sha3_512);
    let too_short = KeyUseError::TooShort {
        bits: 1024,
        scheme: "OAEP with SHA3-512".to_owned(),
    };
    let wrapped = key.public().wrap_oaep(oaep, CONTENT_KEY);
    assert_eq!(wrapped, Err(too_short.clone()));
    let unwrapped = key.unwrap_oaep(oaep, &[1; 128], 32);
    assert_eq!(unwrapped, Err(too_short));
    assert!(key.public().wrap_pkcs1(&[7; 117]).is_ok());
    assert!(key.public().wrap_pkcs1(&[7; 118]).is_err());
    let most = Oaep::with(Hash::Sha256);
    assert!(key.public().wrap_oaep(most, &[7; 62]).is_ok());
    assert!(key.public().wrap_oaep(most, &[7; 63]).is_err());
}

#[test]
fn wrapping_twice_gives_two_wrapped_keys() {
    let public = key().public();
    let oaep = Oaep::with(Hash::Sha256);
    assert_ne!(
        public.wrap_pkcs1(CONTENT_KEY),
        public.wrap_pkcs1(CONTENT_KEY)
    );
    assert_ne!(
        public.wrap_oaep(oaep, CONTENT_KEY),
        public.wrap_oaep(oaep, CONTENT_KEY)
    );
}

#[test]
fn what_was_wrapped_for_another_key_gives_a_stand_in_the_same_each_time() {
    let oaep = Oaep::with(Hash::Sha256);
    let wrapped = key().public().wrap_pkcs1(CONTENT_KEY).unwrap();
    let first = other().unwrap_pkcs1(&wrapped, 32).unwrap();
    assert_eq!(first, other().unwrap_pkcs1(&wrapped, 32).unwrap());
    assert_ne!(first.as_slice(), CONTENT_KEY);
    let wrapped = key().public().wrap_oaep(oaep, CONTENT_KEY).unwrap();
    let first = other().unwrap_oaep(oaep, &wrapped, 32).unwrap();
    assert_eq!(first, other().unwrap_oaep(oaep, &wrapped, 32).unwrap());
    assert_ne!(first.as_slice(), CONTENT_KEY);
}

#[test]
fn a_key_loaded_anew_has_the_same_stand_ins() {
    let pkcs8 = SoftwareKey::generate(2048).unwrap();
    let [one, two] = [(); 2].map(|()| SoftwareKey::from_pkcs8(&pkcs8).unwrap());
    let wrapped = [0x55; 256];
    assert_eq!(
        one.unwrap_pkcs1(&wrapped, 24).unwrap(),
        two.unwrap_pkcs1(&wrapped, 24).unwrap()
    );
    // Nobody else has them.
    assert_ne!(
        one.unwrap_pkcs1(&wrapped, 24).unwrap(),
        key().unwrap_pkcs1(&wrapped, 24).unwrap()
    );
}

#[test]
fn stand_ins_differ_with_what_was_wrapped() {
    let mut seen = HashSet::new();
    for tried in 0..=255_u8 {
        let stand_in = key().unwrap_pkcs1(&[tried; 256], 32).unwrap();
        assert!(stand_in.iter().any(|octet| *octet != 0));
        assert!(seen.insert(stand_in.to_vec()), "{tried}");
    }
}

#[test]
fn a_number_beyond_the_modulus_is_answered_like_any_other() {
    for wrapped in [[0xFF; 256], [0; 256]] {
        for _ in 0..2 {
            let unwrapped = key().unwrap_pkcs1(&wrapped, 32).unwrap();
            assert_eq!(unwrapped.len(), 32);
            assert!(unwrapped.iter().any(|octet| *octet != 0));
            let oaep = Oaep::with(Hash::Sha1);
            assert_eq!(key().unwrap_oaep(oaep, &wrapped, 32).unwrap(), unwrapped);
        }
    }
}

#[test]
fn only_a_wrong_length_is_an_error() {
    for length in [0, 1, 128, 255, 257, 512] {
        let expected = Err(KeyUseError::WrappedLength {
            expected: 256,
            found: length,
        });
        let wrapped = vec![1; length];
        assert_eq!(key().unwrap_pkcs1(&wrapped, 32), expected);
        let oaep = Oaep::with(Hash::Sha256);
        assert_eq!(key().unwrap_oaep(oaep, &wrapped, 32), expected);
    }
}

#[test]
fn random_octets_are_not_the_same_twice() {
    let mut one = [0; 32];
    let mut two = [0; 32];
    random(&mut one).unwrap();
    random(&mut two).unwrap();
    assert_ne!(one, two);
    assert_ne!(one, [0; 32]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn unwrapping_any_octets_never_fails(
        wrapped in prop::collection::vec(any::<u8>(), 256),
        length in 0_usize..300,
        hash in 0_usize..5,
        mgf in 0_usize..5,
    ) {
        let oaep = Oaep { hash: Hash::ALL[hash], mgf: Hash::ALL[mgf] };
        let unwrapped = key().unwrap_pkcs1(&wrapped, length).unwrap();
        prop_assert_eq!(unwrapped.len(), length);
        prop_assert_eq!(&unwrapped, &key().unwrap_pkcs1(&wrapped, length).unwrap());
        // Which padding was wrong does not show either.
        prop_assert_eq!(&unwrapped, &key().unwrap_oaep(oaep, &wrapped, length).unwrap());
    }

    #[test]
    fn a_wrapped_key_with_a_flipped_bit_gives_a_stand_in(bit in 0_usize..2048) {
        let mut wrapped = key().public().wrap_pkcs1(CONTENT_KEY).unwrap();
        wrapped[bit / 8] ^= 1 << (bit % 8);
        let unwrapped = key().unwrap_pkcs1(&wrapped, 32).unwrap();
        prop_assert_ne!(unwrapped.as_slice(), CONTENT_KEY);
        let oaep = Oaep::with(Hash::Sha512);
        let mut wrapped = key().public().wrap_oaep(oaep, CONTENT_KEY).unwrap();
        wrapped[bit / 8] ^= 1 << (bit % 8);
        let unwrapped = key().unwrap_oaep(oaep, &wrapped, 32).unwrap();
        prop_assert_ne!(unwrapped.as_slice(), CONTENT_KEY);
    }
}
