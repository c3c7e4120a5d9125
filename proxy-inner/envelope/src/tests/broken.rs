//! Against broken and hostile octets: an error, never a panic, and after the key always the same one.

use std::collections::HashSet;

use super::openssl::MADE_FOR_US;
use super::*;
use crate::challenge::{self, ChallengeError as Error};
use crate::enveloped::{EnvelopedData, MOST_OCTETS};
use crate::{BerError, der, write};

/// A small generator with a fixed seed, so that every run tries the same octets.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// That no octets panic is all that can be said of them; that some get as far as the key and some do
/// not shows that they are worth trying.
#[test]
fn any_mutation_ends_in_a_value_or_an_error() {
    let mut draw = Draw(1);
    let keys = [key()];
    let (mut opened, mut malformed, mut behind_the_key) = (0, 0, 0);
    for (_, octets) in MADE_FOR_US {
        for _ in 0..200 {
            let mut mutated = octets.to_vec();
            for _ in 0..=draw.below(3) {
                let at = draw.below(mutated.len());
                match draw.below(4) {
                    0 => mutated[at] = 0,
                    1 => mutated[at] ^= 1 << draw.below(8),
                    2 => mutated.insert(at, u8::try_from(draw.below(256)).unwrap()),
                    _ => mutated.truncate(at.max(1)),
                }
            }
            match challenge::open(&mutated, &keys) {
                Ok(_) => opened += 1,
                Err(Error::Undecryptable) => behind_the_key += 1,
                Err(_) => malformed += 1,
            }
        }
    }
    for (what, count) in [
        ("opened", opened),
        ("failed behind the key", behind_the_key),
        ("were malformed", malformed),
    ] {
        assert!(count > 20, "only {count} {what}");
    }
}

#[test]
fn every_cut_is_refused_as_malformed() {
    for (name, octets) in MADE_FOR_US {
        for length in 0..octets.len() {
            let parsed = EnvelopedData::parse(&octets[..length]).map(|_| ());
            assert!(
                matches!(parsed, Err(Error::Malformed(_))),
                "{name} cut at {length}: {parsed:?}"
            );
        }
    }
}

#[test]
fn every_failure_behind_the_private_key_looks_alike() {
    let (_, octets) = MADE_FOR_US[0];
    let keys = [key()];
    // The wrapped key is the only string of 256 octets; the encrypted content is at the end.
    let wrapped_at = octets
        .windows(4)
        .position(|window| window == [0x04, 0x82, 0x01, 0x00])
        .unwrap()
        + 4;
    let mut ends = HashSet::new();
    let mut opened = 0;
    for at in (wrapped_at..wrapped_at + 256).step_by(4) {
        let mut mutated = octets.to_vec();
        mutated[at] ^= 0x40;
        match challenge::open(&mutated, &keys) {
            Ok(_) => opened += 1,
            Err(error) => {
                ends.insert(error.to_string());
            }
        }
    }
    // The padding of the content, the content itself.
    let mut mutated = octets.to_vec();
    let last = mutated.len() - 1;
    mutated[last] ^= 1;
    ends.insert(challenge::open(&mutated, &keys).unwrap_err().to_string());
    assert_eq!(opened, 0);
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert!(ends.contains(&Error::Undecryptable.to_string()));
}

#[test]
fn the_key_that_stands_in_is_the_same_each_time_and_another_for_each_wrapped_key() {
    let key = key();
    let unwrap = |wrapped: [u8; 256]| key.key().unwrap_pkcs1(&wrapped, 32).unwrap();
    let stand_in = unwrap([1; 256]);
    assert_eq!(stand_in, unwrap([1; 256]));
    assert_ne!(stand_in, unwrap([2; 256]));
    assert_ne!(*stand_in, [0; 32]);
}

#[test]
fn a_wrapped_key_of_another_size_fails_like_a_wrong_one() {
    let transport = transport();
    let before = transport.len() - 260;
    for length in [0, 1, 255, 257, 1_000] {
        let wrapped = der::octet_string(&vec![1; length]);
        let inside = [&transport[4..before], &wrapped].concat();
        let octets = rebuilt_with_recipients(MADE_FOR_US[0].1, &der::sequence(&[&inside]));
        let opened = challenge::open(&octets, &[key()]);
        assert_eq!(opened, Err(Error::Undecryptable), "{length}");
    }
}

#[test]
fn a_content_key_of_another_length_is_no_content_key() {
    let key = key();
    let wrapped = recipient().public_key().wrap_pkcs1(&[9; 16]).unwrap();
    let unwrap = |length| key.key().unwrap_pkcs1(&wrapped, length).unwrap();
    assert_eq!(*unwrap(16), [9; 16]);
    assert_ne!(unwrap(32)[..16], [9; 16]);
}

#[test]
fn size_depth_and_recipients_have_ceilings() {
    let parse = |octets: &[u8]| EnvelopedData::parse(octets).map(|_| ()).unwrap_err();
    assert!(matches!(
        parse(&vec![0x30; MOST_OCTETS + 1]),
        Error::TooLarge { .. }
    ));
    assert!(matches!(
        parse(&[0x30, 0x80].repeat(30_000)),
        Error::Malformed(BerError::TooDeep { .. })
    ));
    let (_, octets) = MADE_FOR_US[0];
    let one = transport();
    let many = rebuilt_with_recipients(octets, &one.repeat(65));
    assert_eq!(parse(&many), Error::TooManyRecipients(64));
    let most = rebuilt_with_recipients(octets, &one.repeat(64));
    assert!(EnvelopedData::parse(&most).is_ok());
}

#[test]
fn recipients_of_other_kinds_are_passed_over() {
    let (_, octets) = MADE_FOR_US[0];
    let sealed = challenge::seal(&[recipient()]).unwrap();
    let mut own = sealed.sealed.clone();
    let transport = recipients_of(&own).to_vec();
    // A KeyAgreeRecipientInfo and an OtherRecipientInfo in front, neither looked into.
    let agreement = der::element(0xa1, &[&[0x02, 0x01, 0x03]]);
    let else_ = der::element(0xa4, &[&[0x02, 0x01, 0x03]]);
    own = rebuilt_with_recipients(&own, &[agreement.clone(), else_, transport].concat());
    assert_eq!(challenge::open(&own, &[key()]).unwrap(), sealed.secret);
    let nobody = rebuilt_with_recipients(octets, &agreement);
    assert!(matches!(
        challenge::open(&nobody, &[key()]),
        Err(Error::NotForUs(_))
    ));
}

/// A KeyTransRecipientInfo for us.
fn transport() -> Vec<u8> {
    let sealed = write::enveloped(b"", crate::Suite::DEFAULT, &[recipient()]).unwrap();
    recipients_of(&sealed).to_vec()
}

/// The content of RecipientInfos of an object in DER.
fn recipients_of(octets: &[u8]) -> &[u8] {
    let (at, header, length) = recipient_infos(octets);
    &octets[at + header..at + header + length]
}

/// An object in DER with other recipients.
fn rebuilt_with_recipients(octets: &[u8], recipients: &[u8]) -> Vec<u8> {
    let (at, header, length) = recipient_infos(octets);
    let rest = &octets[at + header + length..];
    let set = der::set(&[recipients]);
    let data = der::sequence(&[&der::small_integer(0), &set, rest]);
    der::sequence(&[
        &der::identifier(crate::oid::ENVELOPED_DATA),
        &der::element(0xa0, &[&data]),
    ])
}

/// Where RecipientInfos is: behind version 0, with a length of two octets.
fn recipient_infos(octets: &[u8]) -> (usize, usize, usize) {
    let start = [0x02, 0x01, 0x00, 0x31, 0x82];
    let at = octets
        .windows(start.len())
        .position(|window| window == start)
        .unwrap()
        + 3;
    let length = usize::from(octets[at + 2]) << 8 | usize::from(octets[at + 3]);
    (at, 4, length)
}
