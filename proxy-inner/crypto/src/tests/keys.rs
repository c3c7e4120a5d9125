//! Keys as they are stored: those that are read, and those that are refused.

use super::openssl::Openssl;
use super::*;
use crate::{BadKey, KeyUseError, PublicKey, Signing, Verifying, der};

const EC: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A];

#[test]
fn reads_both_forms_of_a_private_key() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    let pkcs8 = openssl.make_key("RSA", 2048);
    openssl.must(&[
        "rsa",
        "-inform",
        "DER",
        "-in",
        "key",
        "-traditional",
        "-outform",
        "DER",
        "-out",
        "pkcs1",
    ]);
    let one = SoftwareKey::from_pkcs8(&pkcs8).unwrap();
    let two = SoftwareKey::from_pkcs1(&openssl.read("pkcs1")).unwrap();
    assert_eq!(one.public(), two.public());
    assert_eq!(one.public().spki(), openssl.public());
    assert_eq!(
        one.public(),
        &PublicKey::from_spki(&openssl.public()).unwrap()
    );
    // The form does not change what cannot be unwrapped.
    let wrapped = [0x33; 256];
    assert_eq!(
        one.unwrap_pkcs1(&wrapped, 32).unwrap(),
        two.unwrap_pkcs1(&wrapped, 32).unwrap()
    );
    assert!(SoftwareKey::from_pkcs1(&pkcs8).is_err());
    assert!(SoftwareKey::from_pkcs8(&openssl.read("pkcs1")).is_err());
}

#[test]
fn generates_keys_openssl_finds_in_order() {
    for bits in [2048, 3072] {
        let pkcs8 = SoftwareKey::generate(bits).unwrap();
        assert_eq!(
            SoftwareKey::from_pkcs8(&pkcs8).unwrap().public().bits(),
            bits
        );
        let Some(openssl) = Openssl::here() else {
            return;
        };
        openssl.take_key(&pkcs8);
        openssl.must(&["pkey", "-inform", "DER", "-in", "key", "-check", "-noout"]);
    }
    for bits in [0, 1024, 2047, 8192, usize::MAX] {
        assert_eq!(
            SoftwareKey::generate(bits),
            Err(BadKey::NotGenerated { bits })
        );
    }
}

#[test]
fn uses_the_longest_key_and_none_longer() {
    let longest = SoftwareKey::from_pkcs8(LONGEST).unwrap();
    assert_eq!(longest.public().bits(), 8192);
    let digest = Hash::Sha3_512.of(b"content");
    let signing = Signing::Pss(Hash::Sha3_512);
    let signature = longest.sign(signing, &digest).unwrap();
    assert!(longest.public().verify(signing.into(), &digest, &signature));
    for bits in [8193, 8200, 16_384, 65_000] {
        let mut modulus = vec![0xFF; bits / 8];
        if bits % 8 != 0 {
            modulus.insert(0, 1);
        }
        let refused = PublicKey::from_numbers(&modulus, &[1, 0, 1]).unwrap_err();
        assert!(
            matches!(refused, BadKey::Size { bits: b, .. } if b == bits)
                || matches!(refused, BadKey::Encoding { .. }),
            "{bits}: {refused}"
        );
    }
}

#[test]
fn refuses_keys_too_short_to_be_safe() {
    for (bits, modulus) in [
        (0, &[][..]),
        (1, &[1]),
        (512, &[0xFF; 64]),
        (1023, &{
            let mut modulus = [0xFF; 128];
            modulus[0] = 0x7F;
            modulus
        }),
    ] {
        assert_eq!(
            PublicKey::from_numbers(modulus, &[1, 0, 1]),
            Err(BadKey::Size {
                bits,
                least: 1024,
                most: 8192,
            })
        );
    }
}

#[test]
fn refuses_numbers_that_make_no_key() {
    let odd = [0xFF; 128];
    assert!(PublicKey::from_numbers(&odd, &[3]).is_ok());
    assert!(PublicKey::from_numbers(&odd, &[1, 0, 0, 0, 1]).is_ok());
    let mut even = odd;
    even[127] = 0xFE;
    let refused = |modulus: &[u8], exponent: &[u8]| {
        assert_eq!(
            PublicKey::from_numbers(modulus, exponent),
            Err(BadKey::Numbers),
            "{exponent:?}"
        );
    };
    refused(&even, &[1, 0, 1]);
    refused(&odd, &[]);
    refused(&odd, &[1]);
    refused(&odd, &[2]);
    refused(&odd, &[1, 0, 0]);
    // So large that verifying would take long.
    refused(&odd, &[3, 0, 0, 0, 1]);
    refused(&odd, &odd);
}

#[test]
fn refuses_a_private_key_whose_numbers_do_not_fit_together() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    openssl.make_key("RSA", 1024);
    openssl.must(&[
        "rsa",
        "-inform",
        "DER",
        "-in",
        "key",
        "-traditional",
        "-outform",
        "DER",
        "-out",
        "pkcs1",
    ]);
    let good = openssl.read("pkcs1");
    assert!(SoftwareKey::from_pkcs1(&good).is_ok());
    let mut refused = 0;
    // The last octet of each number in turn, and many between.
    for place in (10..good.len()).step_by(5) {
        let mut bad = good.clone();
        bad[place] ^= 0x04;
        refused += usize::from(SoftwareKey::from_pkcs1(&bad).is_err());
    }
    assert_eq!(refused, (10..good.len()).step_by(5).count());
}

#[test]
fn refuses_every_beginning_of_a_key() {
    let pkcs8 = SoftwareKey::generate(2048).unwrap();
    let public = SoftwareKey::from_pkcs8(&pkcs8).unwrap().public().clone();
    for length in 0..pkcs8.len() {
        assert!(SoftwareKey::from_pkcs8(&pkcs8[..length]).is_err());
    }
    let spki = public.spki();
    for length in 0..spki.len() {
        assert!(PublicKey::from_spki(&spki[..length]).is_err());
    }
    let longer = [spki, &[0]].concat();
    assert!(PublicKey::from_spki(&longer).is_err());
    let longer = [&pkcs8[..], &[0]].concat();
    assert!(SoftwareKey::from_pkcs8(&longer).is_err());
}

#[test]
fn refuses_keys_that_are_not_rsa_or_restricted() {
    let spki = key().public().spki();
    let numbers = &spki[24..];
    let with = |algorithm: &[&[u8]]| {
        let spki = der::sequence(&[&der::sequence(algorithm), &der::bit_string(numbers)]);
        PublicKey::from_spki(&spki)
    };
    let rsa = der::identifier(RSA);
    assert_eq!(with(&[&rsa, &der::null()]).as_ref(), Ok(key().public()));
    assert_eq!(with(&[&rsa]).as_ref(), Ok(key().public()));
    assert_eq!(with(&[&der::identifier(EC)]), Err(BadKey::NotRsa));
    assert_eq!(with(&[]), Err(BadKey::NotRsa));
    let restrictions = der::sequence(&[]);
    let pss = der::identifier(PSS);
    assert!(with(&[&pss]).is_ok());
    assert_eq!(with(&[&pss, &restrictions]), Err(BadKey::Restricted));
    assert_eq!(with(&[&rsa, &restrictions]), Err(BadKey::Restricted));
    assert!(matches!(
        PublicKey::from_spki(&vec![0x30; 100_000]),
        Err(BadKey::Encoding { .. })
    ));
}

#[test]
fn a_key_marked_for_pss_does_pss_only() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    openssl.make_key("RSA-PSS", 1024);
    let key = openssl.key();
    let public = PublicKey::from_spki(&openssl.public()).unwrap();
    assert_eq!(key.public(), &public);
    let digest = Hash::Sha256.of(b"content");
    let signing = Signing::Pss(Hash::Sha256);
    let signature = key.sign(signing, &digest).unwrap();
    assert!(public.verify(signing.into(), &digest, &signature));
    assert!(!public.verify(Verifying::Pkcs1(Hash::Sha256), &digest, &signature));
    let refused = |result: Result<(), KeyUseError>| {
        assert!(matches!(result, Err(KeyUseError::NotAllowed { .. })));
    };
    let oaep = Oaep::with(Hash::Sha1);
    refused(key.sign(Signing::Pkcs1(Hash::Sha256), &digest).map(drop));
    refused(key.unwrap_pkcs1(&[1; 128], 32).map(drop));
    refused(key.unwrap_oaep(oaep, &[1; 128], 32).map(drop));
    refused(public.wrap_pkcs1(&[1; 32]).map(drop));
    refused(public.wrap_oaep(oaep, &[1; 32]).map(drop));
}

#[test]
fn numbers_from_a_token_make_the_same_key() {
    let Some(openssl) = Openssl::here() else {
        return;
    };
    openssl.make_key("RSA", 1024);
    let public = PublicKey::from_spki(&openssl.public()).unwrap();
    let modulus = &openssl.public()[29..157];
    for zeros in [0, 1, 3] {
        let modulus = [&vec![0; zeros], modulus].concat();
        assert_eq!(
            PublicKey::from_numbers(&modulus, &[0, 1, 0, 1]).as_ref(),
            Ok(&public)
        );
    }
    assert!(public.has_range_for(&[0; 128]));
    assert!(!public.has_range_for(&[0xFF; 128]));
    assert!(!public.has_range_for(modulus));
    assert!(!public.has_range_for(&[0; 127]));
    let below = [&modulus[..127], &[modulus[127] - 1]].concat();
    assert!(public.has_range_for(&below));
    let made = PublicKey::from_numbers(modulus, &[1, 0, 1]).unwrap();
    assert_eq!(made.spki(), public.spki());
}

#[test]
fn nothing_secret_is_printed() {
    assert_eq!(
        format!("{:?}", key()),
        "SoftwareKey { public: PublicKey { bits: 2048, marked: Any, .. }, .. }"
    );
    let mut digest = crate::Digest::new(Hash::Sha1);
    digest.update(b"secret");
    assert_eq!(format!("{digest:?}"), "Digest { hash: Sha1, .. }");
}

#[test]
fn errors_say_what_to_do() {
    let error = SoftwareKey::generate(1024).unwrap_err();
    assert_eq!(
        error.to_string(),
        "keys of 1024 bits are not generated; ask for 2048, 3072 or 4096"
    );
    let error = key().unwrap_pkcs1(&[0; 3], 32).unwrap_err();
    assert!(error.to_string().ends_with("wrapped for another key"));
}
