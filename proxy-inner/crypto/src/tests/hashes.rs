//! Digests against the examples of FIPS 180 and FIPS 202, and DigestInfo against RFC 8017.

use crate::{Digest, Hash, digest_info};

/// Digests of "abc".
const OF_ABC: [(Hash, &str); 5] = [
    (Hash::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (
        Hash::Sha256,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    (
        Hash::Sha384,
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
         8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        Hash::Sha512,
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (
        Hash::Sha3_512,
        "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
         10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
    ),
];

#[test]
fn digests_are_those_of_the_standards() {
    for (hash, expected) in OF_ABC {
        assert_eq!(hex(&hash.of(b"abc")), expected, "{hash}");
        assert_eq!(hash.octets() * 2, expected.len(), "{hash}");
    }
}

#[test]
fn a_digest_in_pieces_is_that_of_the_whole() {
    let octets: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for hash in Hash::ALL {
        let mut digest = Digest::new(hash);
        for piece in octets.chunks(7) {
            digest.update(piece);
        }
        let forked = digest.clone();
        assert_eq!(digest.finish(), hash.of(&octets), "{hash}");
        assert_eq!(forked.finish(), hash.of(&octets), "{hash}");
    }
}

#[test]
fn digest_info_is_that_of_rfc_8017() {
    for (hash, prefix) in [
        (Hash::Sha1, "3021300906052b0e03021a05000414"),
        (Hash::Sha256, "3031300d060960864801650304020105000420"),
        (Hash::Sha384, "3041300d060960864801650304020205000430"),
        (Hash::Sha512, "3051300d060960864801650304020305000440"),
        (Hash::Sha3_512, "3051300d060960864801650304020a05000440"),
    ] {
        let digest = hash.of(b"abc");
        assert_eq!(
            hex(&digest_info(hash, &digest)),
            format!("{prefix}{}", hex(&digest))
        );
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
