//! Checked against the `openssl` command, and against our own promises.
//!
//! Keys are made as a test needs them. Only `vectors/8192.p8`, the longest key there may be, is
//! kept, for it takes openssl half a minute:
//!
//! ```text
//! openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:8192 -out 8192.pem
//! openssl pkcs8 -topk8 -nocrypt -in 8192.pem -outform DER -out 8192.p8
//! ```

mod blocks;
mod hashes;
mod keys;
mod openssl;
mod signatures;
mod wrapping;

use std::sync::OnceLock;

use crate::{Hash, Oaep, PrivateKey, SoftwareKey};

const LONGEST: &[u8] = include_bytes!("vectors/8192.p8");

/// One key for all tests that do not care which.
fn key() -> &'static SoftwareKey {
    static KEY: OnceLock<SoftwareKey> = OnceLock::new();
    KEY.get_or_init(|| SoftwareKey::from_pkcs8(&SoftwareKey::generate(2048).unwrap()).unwrap())
}

/// Another.
fn other() -> &'static SoftwareKey {
    static KEY: OnceLock<SoftwareKey> = OnceLock::new();
    KEY.get_or_init(|| SoftwareKey::from_pkcs8(&SoftwareKey::generate(2048).unwrap()).unwrap())
}

/// Every pair of hashes OAEP may have.
fn every_oaep() -> impl Iterator<Item = Oaep> {
    Hash::ALL
        .into_iter()
        .flat_map(|hash| Hash::ALL.map(|mgf| Oaep { hash, mgf }))
}

#[test]
fn keys_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<SoftwareKey>();
    shared::<crate::PublicKey>();
    let digest = Hash::Sha256.of(b"shared");
    let signing = crate::Signing::Pkcs1(Hash::Sha256);
    let alone = key().sign(signing, &digest).unwrap();
    std::thread::scope(|scope| {
        let signed: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| key().sign(signing, &digest)))
            .collect();
        for signed in signed {
            assert_eq!(signed.join().unwrap().as_ref(), Ok(&alone));
        }
    });
}

#[test]
fn only_one_version_of_the_library_is_built() {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
    let lock = std::fs::read_to_string(lock).unwrap();
    assert_eq!(lock.matches("name = \"aws-lc-sys\"").count(), 1);
    assert_eq!(lock.matches("name = \"aws-lc-rs\"").count(), 1);
}
