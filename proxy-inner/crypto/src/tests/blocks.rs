//! Taking keys out of decrypted blocks: against a plain, slow reading of RFC 8017.

use proptest::prelude::*;

use super::*;
use crate::{Digest, content_key_of_block, content_key_of_oaep_block, stand_in};

const STAND_IN: [u8; 32] = [0xA5; 32];

#[test]
fn takes_the_key_out_of_a_good_block() {
    for octets in [43, 44, 128, 256, 1024] {
        let block = pkcs1_block(octets, &[7; 32]);
        let taken = content_key_of_block(&block, 32, &STAND_IN);
        assert_eq!(taken.as_slice(), [7; 32], "{octets}");
    }
}

#[test]
fn a_change_of_any_octet_of_the_padding_gives_the_stand_in() {
    let good = pkcs1_block(64, &[7; 32]);
    for place in 0..32 {
        for octet in 0..=255 {
            let mut block = good.clone();
            block[place] = octet;
            let fits = match place {
                0 | 31 => octet == 0,
                1 => octet == 2,
                _ => octet != 0,
            };
            let expected = if fits { [7; 32] } else { STAND_IN };
            let taken = content_key_of_block(&block, 32, &STAND_IN);
            assert_eq!(taken.as_slice(), expected, "{octet} at {place}");
        }
    }
}

#[test]
fn a_padding_of_less_than_eight_octets_gives_the_stand_in() {
    let block = [&[0, 2][..], &[1; 7], &[0], &[7; 32]].concat();
    let taken = content_key_of_block(&block, 32, &STAND_IN);
    assert_eq!(taken.as_slice(), STAND_IN);
}

#[test]
fn blocks_of_any_length_are_taken_without_panic() {
    for octets in 0..140 {
        let block = vec![0; octets];
        for length in [0, 1, 24, 32, 200] {
            let wrong = vec![1; length];
            let taken = content_key_of_block(&block, length, &wrong);
            assert_eq!(*taken, wrong);
            let oaep = Oaep::with(Hash::Sha512);
            let taken = content_key_of_oaep_block(oaep, &block, length, &wrong);
            assert_eq!(*taken, wrong);
        }
    }
}

#[test]
fn a_change_of_any_octet_of_an_oaep_block_gives_the_stand_in() {
    let oaep = Oaep {
        hash: Hash::Sha256,
        mgf: Hash::Sha1,
    };
    let data = [Hash::Sha256.of(&[]).as_slice(), &[0; 10], &[1], &[7; 32]].concat();
    let good = oaep_block(oaep, &[9; 32], &data);
    let taken = content_key_of_oaep_block(oaep, &good, 32, &STAND_IN);
    assert_eq!(taken.as_slice(), [7; 32]);
    for place in 0..good.len() {
        let mut block = good.clone();
        block[place] ^= 0x10;
        let taken = content_key_of_oaep_block(oaep, &block, 32, &STAND_IN);
        assert_eq!(taken.as_slice(), STAND_IN, "{place}");
    }
    for place in 0..43 {
        for octet in 1..=255 {
            let mut data = data.clone();
            data[place] ^= octet;
            let block = oaep_block(oaep, &[9; 32], &data);
            let taken = content_key_of_oaep_block(oaep, &block, 32, &STAND_IN);
            assert_eq!(taken.as_slice(), STAND_IN, "{octet} at {place}");
        }
    }
}

#[test]
fn stand_ins_have_any_length_and_begin_alike() {
    let longest = stand_in(b"secret", b"wrapped", 100);
    assert_eq!(longest.len(), 100);
    for length in 0..100 {
        let shorter = stand_in(b"secret", b"wrapped", length);
        assert_eq!(shorter.as_slice(), &longest[..length]);
    }
    assert_ne!(longest[..32], longest[32..64]);
    assert_ne!(longest, stand_in(b"secres", b"wrapped", 100));
    assert_ne!(longest, stand_in(b"secret", b"wrappes", 100));
}

proptest! {
    #[test]
    fn agrees_with_a_plain_reading_of_the_padding(
        mut block in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 40..80),
        starts_right: bool,
        length in 0_usize..34,
    ) {
        if starts_right {
            block[..2].copy_from_slice(&[0, 2]);
            // Until the key begins, mostly no zeros.
            let room = block.len() - length;
            if room > 3 {
                for octet in &mut block[2..room - 1] {
                    *octet |= 1;
                }
                block[room - 1] &= 0x80;
            }
        }
        let wrong = vec![0xA5; length];
        let expected = match read_plainly(&block) {
            Some(key) if key.len() == length => key.to_vec(),
            _ => wrong.clone(),
        };
        let taken = content_key_of_block(&block, length, &wrong);
        prop_assert_eq!(taken.as_slice(), expected.as_slice());
    }
}

/// RFC 8017 §7.2.2, step 3, word for word.
fn read_plainly(block: &[u8]) -> Option<&[u8]> {
    let rest = block.strip_prefix(&[0x00, 0x02])?;
    let padding = rest.iter().position(|octet| *octet == 0)?;
    (padding >= 8).then(|| &rest[padding + 1..])
}

fn pkcs1_block(octets: usize, key: &[u8]) -> Vec<u8> {
    let padding = vec![0xC3; octets - key.len() - 3];
    [&[0, 2], padding.as_slice(), &[0], key].concat()
}

/// RFC 8017 §7.1.1, step 2, from the seed on.
fn oaep_block(oaep: Oaep, seed: &[u8], data: &[u8]) -> Vec<u8> {
    let masked_data = masked(oaep.mgf, seed, data);
    let masked_seed = masked(oaep.mgf, &masked_data, seed);
    [&[0], masked_seed.as_slice(), &masked_data].concat()
}

fn masked(mgf: Hash, seed: &[u8], octets: &[u8]) -> Vec<u8> {
    let mask = (0_u32..).flat_map(|counter| {
        let mut digest = Digest::new(mgf);
        digest.update(seed);
        digest.update(&counter.to_be_bytes());
        digest.finish()
    });
    octets
        .iter()
        .zip(mask)
        .map(|(one, two)| one ^ two)
        .collect()
}
