//! What a key in a token does: the same as one in memory.

use std::collections::HashSet;

use crypto::{Hash, KeyUseError, Oaep, PrivateKey, Signing, Verifying};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use token::TokenError;

use crate::world::{PIN, behind, in_limited_token, in_token, uri};

const CONTENT_KEY: &[u8; 32] = b"the key of the content, 32 octet";

#[test]
fn generates_a_key_that_cannot_be_taken_out() {
    in_token("keys::generates_a_key_that_cannot_be_taken_out", |world| {
        let key = world.generate("object=made", 2048).unwrap();
        assert_eq!(key.public().bits(), 2048);
        assert!(key.certificates().is_empty());
        assert_eq!(key.uri(), &uri("object=made"));
        both_ways(&key);

        let (module, slot) = behind();
        let session = module.open_ro_session(slot).unwrap();
        let _ = session.login(UserType::User, Some(&AuthPin::from(PIN)));
        let private = session
            .find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])
            .unwrap()[0];
        let secrets = [AttributeType::PrivateExponent, AttributeType::Prime1];
        assert_eq!(session.get_attributes(private, &secrets).unwrap(), []);
        let marks = [
            AttributeType::Extractable,
            AttributeType::NeverExtractable,
            AttributeType::AlwaysSensitive,
        ];
        assert_eq!(
            session.get_attributes(private, &marks).unwrap(),
            [
                Attribute::Extractable(false),
                Attribute::NeverExtractable(true),
                Attribute::AlwaysSensitive(true),
            ]
        );
    });
}

#[test]
fn refuses_to_generate_over_what_is_there() {
    in_token("keys::refuses_to_generate_over_what_is_there", |world| {
        world.generate("object=made;id=%01", 2048).unwrap();
        for taken in ["object=made", "object=made;id=%02", "object=new;id=%01"] {
            let refused = world.generate(taken, 2048).unwrap_err();
            assert!(matches!(refused, TokenError::Exists(_)), "{refused}");
        }
        let nameless = world.generate("id=%03", 2048).unwrap_err();
        assert_eq!(nameless, TokenError::Nameless);
        for bits in [0, 1024, 2049, 65_536] {
            let refused = world.generate("object=other", bits).unwrap_err();
            assert!(
                matches!(refused, TokenError::NotGenerated { bits: b, .. } if b == bits),
                "{refused}"
            );
        }
        world.generate("object=other", 3072).unwrap();
    });
}

#[test]
fn signs_like_a_key_in_memory() {
    in_token("keys::signs_like_a_key_in_memory", |world| {
        let in_memory = world.import("sign", "01");
        let key = world.open("object=sign").unwrap();
        assert_eq!(key.public(), in_memory.public());
        for hash in Hash::ALL {
            let digest = hash.of(b"content");
            let signature = key.sign(Signing::Pkcs1(hash), &digest).unwrap();
            let expected = in_memory.sign(Signing::Pkcs1(hash), &digest).unwrap();
            assert_eq!(signature, expected, "{hash}");
            let signature = key.sign(Signing::Pss(hash), &digest).unwrap();
            let verifying = Verifying::from(Signing::Pss(hash));
            assert!(in_memory.public().verify(verifying, &digest, &signature));
            let wrong = key.sign(Signing::Pss(hash), &digest[1..]);
            assert!(matches!(wrong, Err(KeyUseError::DigestLength { .. })));
        }
    });
}

#[test]
fn unwraps_like_a_key_in_memory() {
    in_token("keys::unwraps_like_a_key_in_memory", |world| {
        let in_memory = world.import("unwrap", "01");
        let key = world.open("id=%01").unwrap();
        let public = in_memory.public();
        for length in [24, 32] {
            let wrapped = public.wrap_pkcs1(&CONTENT_KEY[..length]).unwrap();
            let unwrapped = key.unwrap_pkcs1(&wrapped, length).unwrap();
            assert_eq!(unwrapped.as_slice(), &CONTENT_KEY[..length]);
        }
        for hash in Hash::ALL {
            for mgf in Hash::ALL {
                let oaep = Oaep { hash, mgf };
                let wrapped = public.wrap_oaep(oaep, CONTENT_KEY).unwrap();
                let unwrapped = key.unwrap_oaep(oaep, &wrapped, 32).unwrap();
                assert_eq!(unwrapped.as_slice(), CONTENT_KEY, "{oaep}");
            }
        }
        never_tells(&key);
    });
}

/// Some tokens do not give back the raw block.
#[test]
fn keeps_its_promises_when_the_token_takes_the_padding_off() {
    in_limited_token(
        "keys::keeps_its_promises_when_the_token_takes_the_padding_off",
        "CKM_RSA_PKCS,CKM_RSA_PKCS_OAEP,CKM_RSA_PKCS_PSS",
        |world| {
            let in_memory = world.import("unwrap", "01");
            let key = world.open("object=unwrap").unwrap();
            both_ways(&key);
            never_tells(&key);
            let oaep = Oaep::with(Hash::Sha1);
            let wrapped = in_memory.public().wrap_oaep(oaep, CONTENT_KEY).unwrap();
            let unwrapped = key.unwrap_oaep(oaep, &wrapped, 32).unwrap();
            assert_eq!(unwrapped.as_slice(), CONTENT_KEY);
            let shorter = key.unwrap_oaep(oaep, &wrapped, 24).unwrap();
            assert!(!CONTENT_KEY.starts_with(&shorter) && !CONTENT_KEY.ends_with(&shorter));
            // SoftHSM has OAEP with SHA-1 only.
            for oaep in [Oaep::with(Hash::Sha256), Oaep::with(Hash::Sha3_512)] {
                let refused = key.unwrap_oaep(oaep, &[1; 256], 32).unwrap_err();
                assert!(
                    matches!(refused, KeyUseError::Unsupported { .. }),
                    "{refused}"
                );
            }
            let digest = Hash::Sha3_512.of(b"content");
            let refused = key.sign(Signing::Pss(Hash::Sha3_512), &digest).unwrap_err();
            assert!(refused.to_string().contains("CKM_RSA_X_509"), "{refused}");
            assert!(
                key.sign(Signing::Pkcs1(Hash::Sha3_512), &digest).is_ok(),
                "needs no more than CKM_RSA_PKCS"
            );
        },
    );
}

#[test]
fn does_everything_with_the_raw_operation_alone() {
    in_limited_token(
        "keys::does_everything_with_the_raw_operation_alone",
        "CKM_RSA_X_509,CKM_RSA_PKCS_KEY_PAIR_GEN",
        |world| {
            let key = world.generate("object=raw", 2048).unwrap();
            both_ways(&key);
            never_tells(&key);
        },
    );
}

#[test]
fn says_when_a_token_can_do_nothing_with_the_key() {
    in_limited_token(
        "keys::says_when_a_token_can_do_nothing_with_the_key",
        "CKM_SHA256,CKM_RSA_PKCS_KEY_PAIR_GEN",
        |world| {
            let refused = world.generate("object=useless", 2048).unwrap_err();
            assert!(matches!(refused, TokenError::Unable(_)), "{refused}");
        },
    );
}

#[test]
fn has_the_same_stand_ins_when_opened_again() {
    in_token("keys::has_the_same_stand_ins_when_opened_again", |world| {
        world.import("one", "01");
        world.import("two", "02");
        let stand_in = |key: &str| {
            let key = world.open(key).unwrap();
            key.unwrap_pkcs1(&[0x55; 256], 32).unwrap()
        };
        assert_eq!(stand_in("object=one"), stand_in("object=one"));
        assert_ne!(stand_in("object=one"), stand_in("object=two"));
    });
}

#[test]
fn a_key_that_may_only_decrypt_does_that() {
    in_token("keys::a_key_that_may_only_decrypt_does_that", |world| {
        let in_memory = world.import("decryption", "02");
        limit(Attribute::Sign(false));
        let key = world.open("object=decryption").unwrap();
        let wrapped = in_memory.public().wrap_pkcs1(CONTENT_KEY).unwrap();
        let unwrapped = key.unwrap_pkcs1(&wrapped, 32).unwrap();
        assert_eq!(unwrapped.as_slice(), CONTENT_KEY);
        never_tells(&key);
        let digest = Hash::Sha256.of(b"content");
        let refused = key.sign(Signing::Pkcs1(Hash::Sha256), &digest).unwrap_err();
        assert!(
            matches!(refused, KeyUseError::Unsupported { .. }),
            "{refused}"
        );
        let again = world.open("object=decryption").unwrap();
        assert_eq!(
            key.unwrap_pkcs1(&[0x55; 256], 32).unwrap(),
            again.unwrap_pkcs1(&[0x55; 256], 32).unwrap()
        );
    });
}

#[test]
fn a_key_that_may_only_sign_does_that() {
    in_token("keys::a_key_that_may_only_sign_does_that", |world| {
        let in_memory = world.import("signing", "03");
        limit(Attribute::Decrypt(false));
        let key = world.open("object=signing").unwrap();
        let digest = Hash::Sha256.of(b"content");
        let signing = Signing::Pkcs1(Hash::Sha256);
        assert_eq!(key.sign(signing, &digest), in_memory.sign(signing, &digest));
        for refused in [
            key.unwrap_pkcs1(&[1; 256], 32).unwrap_err(),
            key.unwrap_oaep(Oaep::with(Hash::Sha1), &[1; 256], 32)
                .unwrap_err(),
        ] {
            assert!(
                matches!(refused, KeyUseError::Unsupported { .. }),
                "{refused}"
            );
        }
    });
}

#[test]
fn finds_certificates_by_the_key_they_are_for() {
    in_token(
        "keys::finds_certificates_by_the_key_they_are_for",
        |world| {
            world.import("one", "01");
            world.import("two", "02");
            let first = world.certify("one", "01", "first");
            let second = world.certify("one", "01", "second");
            let other = world.certify("two", "02", "one");
            let key = world.open("object=one").unwrap();
            let found: HashSet<_> = key.certificates().iter().cloned().collect();
            assert_eq!(found, HashSet::from([first, second]));
            assert_eq!(world.open("object=two").unwrap().certificates(), [other]);
        },
    );
}

#[test]
fn threads_share_a_key() {
    in_token("keys::threads_share_a_key", |world| {
        let key = world.generate("object=shared", 2048).unwrap();
        let again = world.open("object=shared").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..12 {
                let key = if thread % 3 == 0 { &again } else { &key };
                scope.spawn(move || {
                    for _ in 0..5 {
                        both_ways(key);
                    }
                });
            }
        });
    });
}

#[test]
fn prints_no_pin() {
    in_token("keys::prints_no_pin", |world| {
        let key = world.generate("object=quiet", 2048).unwrap();
        assert_eq!(
            format!("{key:?}"),
            "TokenKey { uri: \"pkcs11:token=HSM;object=quiet?module-path=\
             /usr/lib/softhsm/libsofthsm2.so\", \
             public: PublicKey { bits: 2048, marked: Any, .. }, .. }"
        );
    });
}

/// Takes a use from the only private key there is.
fn limit(attribute: Attribute) {
    let (module, slot) = behind();
    let session = module.open_rw_session(slot).unwrap();
    session
        .login(UserType::User, Some(&AuthPin::from(PIN)))
        .unwrap();
    let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
    let private = session.find_objects(&wanted).unwrap()[0];
    session.update_attributes(private, &[attribute]).unwrap();
}

/// Signs and unwraps once.
fn both_ways(key: &dyn PrivateKey) {
    let digest = Hash::Sha512.of(b"content");
    for signing in [Signing::Pkcs1(Hash::Sha512), Signing::Pss(Hash::Sha512)] {
        let signature = key.sign(signing, &digest).unwrap();
        assert!(key.public().verify(signing.into(), &digest, &signature));
    }
    let wrapped = key.public().wrap_pkcs1(CONTENT_KEY).unwrap();
    let unwrapped = key.unwrap_pkcs1(&wrapped, 32).unwrap();
    assert_eq!(unwrapped.as_slice(), CONTENT_KEY);
}

/// Whatever was wrapped, there is a key, the same each time.
fn never_tells(key: &dyn PrivateKey) {
    let good = key.public().wrap_pkcs1(CONTENT_KEY).unwrap();
    let mut all: Vec<Vec<u8>> = vec![vec![0; 256], vec![0xFF; 256], vec![1; 256]];
    for bit in (0..2048).step_by(101) {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        all.push(flipped);
    }
    // A good padding around a key of another length.
    all.push(key.public().wrap_pkcs1(&CONTENT_KEY[..24]).unwrap());
    all.push(key.public().wrap_pkcs1(&[7; 245]).unwrap());
    all.push(key.public().wrap_pkcs1(&[]).unwrap());
    let mut seen = HashSet::new();
    for wrapped in all {
        let stand_in = key.unwrap_pkcs1(&wrapped, 32).unwrap();
        assert_eq!(stand_in.len(), 32);
        assert_ne!(stand_in.as_slice(), CONTENT_KEY);
        assert_eq!(stand_in, key.unwrap_pkcs1(&wrapped, 32).unwrap());
        let oaep = key.unwrap_oaep(Oaep::with(Hash::Sha1), &wrapped, 32);
        assert!(matches!(oaep, Ok(_) | Err(KeyUseError::Unsupported { .. })));
        assert!(oaep.is_err() || oaep == Ok(stand_in.clone()));
        assert!(seen.insert(stand_in.to_vec()));
    }
    let short = key.unwrap_pkcs1(&good[1..], 32);
    assert!(matches!(short, Err(KeyUseError::WrappedLength { .. })));
}
