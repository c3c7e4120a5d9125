//! Taking a content key out of a decrypted RSA block without telling whether there was one.
//!
//! The length of the content key is known, from the cipher its content is encrypted with. So
//! every octet of a good block has a known place, and the whole check is a loop over fixed
//! places with masks: no branch and no index depends on what was decrypted.

use aws_lc_rs::hmac;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{Digest, Oaep};

/// Least octets of the random padding of PKCS#1 v1.5.
const LEAST_PADDING: usize = 8;

/// The content key of a block that was decrypted without looking at it: `00 02`, octets that
/// are not zero, `00`, then the key of `length` octets (RFC 8017 §7.2.2). Else the stand-in,
/// which has `length` octets too.
///
/// For holders of keys that give back the raw block (tokens with `CKM_RSA_X_509`). `block` is as
/// long as the modulus.
#[must_use]
pub fn content_key_of_block(block: &[u8], length: usize, stand_in: &[u8]) -> Zeroizing<Vec<u8>> {
    // Which lengths there are, everyone knows who knows the public key and the cipher.
    let room = block.len().saturating_sub(length);
    let (padded, key) = block.split_at(room);
    let mut good = Choice::from(u8::from(room >= LEAST_PADDING + 3));
    for (place, octet) in padded.iter().enumerate() {
        good &= match place {
            0 => octet.ct_eq(&0),
            1 => octet.ct_eq(&2),
            _ if place + 1 == room => octet.ct_eq(&0),
            _ => !octet.ct_eq(&0),
        };
    }
    select(good, key, stand_in, length)
}

/// The same for a block padded with OAEP and an empty label (RFC 8017 §7.1.2).
#[must_use]
pub fn content_key_of_oaep_block(
    oaep: Oaep,
    block: &[u8],
    length: usize,
    stand_in: &[u8],
) -> Zeroizing<Vec<u8>> {
    let hash = oaep.hash.octets();
    let Some((first, masked)) = block.split_first() else {
        return select(Choice::from(0), &[], stand_in, length);
    };
    let Some((masked_seed, masked_data)) = masked.split_at_checked(hash) else {
        return select(Choice::from(0), &[], stand_in, length);
    };
    let mut seed = mask(oaep, masked_data, hash);
    mix(&mut seed, masked_seed);
    let mut data = mask(oaep, &seed, masked_data.len());
    mix(&mut data, masked_data);

    let room = data.len().saturating_sub(length);
    let (padded, key) = data.split_at(room);
    let mut good = Choice::from(u8::from(room > hash)) & first.ct_eq(&0);
    let label = oaep.hash.of(&[]);
    for (place, octet) in padded.iter().enumerate() {
        good &= match label.get(place) {
            Some(wanted) => octet.ct_eq(wanted),
            None if place + 1 == room => octet.ct_eq(&1),
            None => octet.ct_eq(&0),
        };
    }
    select(good, key, stand_in, length)
}

/// A key of `length` octets in place of one that cannot be unwrapped: derived from a secret of
/// the private key and the wrapped octets, so that it is the same each time and nobody else
/// knows it.
#[must_use]
pub fn stand_in(secret: &[u8], wrapped: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let of_wrapped = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), wrapped);
    let key = hmac::Key::new(hmac::HMAC_SHA256, of_wrapped.as_ref());
    let mut derived = Zeroizing::new(Vec::with_capacity(length + 32));
    for block in 0_u32.. {
        if derived.len() >= length {
            break;
        }
        let mut context = hmac::Context::with_key(&key);
        context.update(b"cek");
        context.update(&block.to_be_bytes());
        derived.extend_from_slice(context.sign().as_ref());
    }
    derived.truncate(length);
    derived
}

/// The key where it is good, else the stand-in; `length` octets in any case.
fn select(good: Choice, key: &[u8], stand_in: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut selected = Zeroizing::new(vec![0_u8; length]);
    for (place, into) in selected.iter_mut().enumerate() {
        let right = key.get(place).copied().unwrap_or(0);
        let wrong = stand_in.get(place).copied().unwrap_or(0);
        *into = u8::conditional_select(&wrong, &right, good);
    }
    selected
}

/// MGF1 (RFC 8017 §B.2.1).
fn mask(oaep: Oaep, seed: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut mask = Zeroizing::new(Vec::with_capacity(length + oaep.mgf.octets()));
    for counter in 0_u32.. {
        if mask.len() >= length {
            break;
        }
        let mut digest = Digest::new(oaep.mgf);
        digest.update(seed);
        digest.update(&counter.to_be_bytes());
        mask.extend_from_slice(&Zeroizing::new(digest.finish()));
    }
    mask.truncate(length);
    mask
}

fn mix(into: &mut [u8], octets: &[u8]) {
    for (into, octet) in into.iter_mut().zip(octets) {
        *into ^= octet;
    }
}
