//! Secured files, signatures of receipts, challenges and certificates, as a hostile partner may make
//! them.
//!
//! The keys are of 1024 bits and of no worth: they are here so that the way past the private key
//! is fuzzed too.

use std::sync::{Arc, LazyLock};

use crypto::SoftwareKey;
use envelope::{Certificate, Expect, Limits, Opening, OwnKey, Suite};

use crate::Choices;

/// What the corpus has signed by the partner, and nothing else ever was.
const SIGNED: &[u8] = b"what the partner has signed, and nothing else";

const OUR_KEY: &[u8] = include_bytes!("keys/ours.key.der");
const OUR_CERTIFICATE: &[u8] = include_bytes!("keys/ours.der");
const THEIR_CERTIFICATE: &[u8] = include_bytes!("keys/theirs.der");

/// Most that may come out of a file here.
const MOST_CLEAR: u64 = 64 * 1024;

#[expect(
    clippy::expect_used,
    reason = "these keys are good, or nothing is fuzzed"
)]
static OURS: LazyLock<[OwnKey; 1]> = LazyLock::new(|| {
    let key = SoftwareKey::from_pkcs8(OUR_KEY).expect("an RSA key");
    [OwnKey::from_chain(Arc::new(key), &[OUR_CERTIFICATE]).expect("its certificate")]
});

#[expect(clippy::expect_used, reason = "as above")]
static THEIRS: LazyLock<[Certificate; 1]> =
    LazyLock::new(|| [Certificate::from_der(THEIR_CERTIFICATE).expect("a certificate")]);

/// A secured file: no more comes out than the ceiling, what is said of its size is true, and what counts
/// as signed is what was signed.
pub fn secured_file(octets: &[u8]) {
    let _ = open(octets);
}

/// Whether it could be opened.
fn open(octets: &[u8]) -> bool {
    let mut choices = Choices(octets);
    let layers = choices.octet();
    let expect = Expect {
        encrypted: layers & 1 != 0,
        compressed: layers & 2 != 0,
        signed: layers & 4 != 0,
    };
    let suite = Suite::of(choices.octet());
    let opening = Opening {
        expect,
        suite,
        keys: OURS.as_slice(),
        signers: THEIRS.as_slice(),
        limits: Limits {
            clear_octets: MOST_CLEAR,
            ..Limits::default()
        },
    };
    // Every input counts as the first: only what is in it may decide.
    envelope::forget_failures();
    let mut clear = Vec::new();
    let opened = envelope::open(&opening, &mut choices.rest(), &mut clear);
    assert!(clear.len() as u64 <= MOST_CLEAR);
    match opened {
        Ok(opened) => {
            assert_eq!(opened.clear_octets, clear.len() as u64);
            assert_eq!(opened.key.is_some(), expect.encrypted);
            assert!(!expect.signed || clear == SIGNED);
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// The signature of a receipt: good only over what was signed.
pub fn receipt_signature(octets: &[u8]) {
    let contents = [SIGNED, b"what was never signed"];
    if let Ok(verified) = envelope::receipt::verify(octets, &contents, THEIRS.as_slice()) {
        assert_eq!(contents.get(verified.candidate), Some(&SIGNED));
    }
}

/// A challenge, and a bundle of certificates: any octets end in a value or an error.
pub fn challenge(octets: &[u8]) {
    let _ = envelope::challenge::open(octets, OURS.as_slice());
}

/// Certificates as a partner sends them, in any of their forms.
pub fn certificates(octets: &[u8]) {
    for certificate in keyring::certificates(octets).unwrap_or_default() {
        if let Ok(facts) = keyring::facts(&certificate) {
            assert!(!format!("{facts:?}").is_empty());
        }
        let _ = Certificate::from_der(&certificate);
    }
    let _ = envelope::pkcs7::certificates(octets);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Else all that is fuzzed would be refusals.
    #[test]
    fn the_corpus_has_files_that_are_opened() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/secured_file");
        for entry in std::fs::read_dir(corpus).expect("the corpus") {
            let path = entry.expect("the corpus").path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.expect("a plain name").to_owned();
            let octets = std::fs::read(&path).expect("the corpus");
            let wrong = ["bomb", "signed-stranger"].contains(&name.as_str());
            assert_eq!(super::open(&octets), !wrong, "{name}");
        }
    }
}
