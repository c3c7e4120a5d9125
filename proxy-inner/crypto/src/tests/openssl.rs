//! The `openssl` command as the other side.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{Hash, Oaep, SoftwareKey};

/// A folder in which openssl works.
pub(super) struct Openssl {
    folder: TempDir,
}

impl Openssl {
    /// None, and a word about it, where there is no openssl here.
    #[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
    pub(super) fn here() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("SKIPPED: there is no openssl here to check against");
            return None;
        }
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
        })
    }

    /// Makes a private key, PKCS#8 in DER, and keeps it as the key it works with.
    pub(super) fn make_key(&self, algorithm: &str, bits: usize) -> Vec<u8> {
        let size = format!("rsa_keygen_bits:{bits}");
        self.must(&[
            "genpkey",
            "-quiet",
            "-algorithm",
            algorithm,
            "-pkeyopt",
            &size,
            "-out",
            "key.pem",
        ]);
        self.must(&[
            "pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-outform", "DER", "-out", "key",
        ]);
        self.read("key")
    }

    /// Works with this private key, PKCS#8 in DER.
    pub(super) fn take_key(&self, pkcs8: &[u8]) {
        self.write("key", pkcs8);
    }

    pub(super) fn key(&self) -> SoftwareKey {
        SoftwareKey::from_pkcs8(&Zeroizing::new(self.read("key"))).unwrap()
    }

    /// The public half of its key, SubjectPublicKeyInfo in DER.
    pub(super) fn public(&self) -> Vec<u8> {
        self.must(&[
            "pkey", "-inform", "DER", "-in", "key", "-pubout", "-outform", "DER", "-out", "public",
        ]);
        self.read("public")
    }

    pub(super) fn sign(&self, digest: &[u8], options: &[String]) -> Vec<u8> {
        self.write("digest", digest);
        let done = self.with_key(&["-sign", "-in", "digest", "-out", "signature"], options);
        succeeded(&done);
        self.read("signature")
    }

    pub(super) fn verifies(&self, digest: &[u8], signature: &[u8], options: &[String]) -> bool {
        self.write("digest", digest);
        self.write("signature", signature);
        let arguments = ["-verify", "-in", "digest", "-sigfile", "signature"];
        self.with_key(&arguments, options).status.success()
    }

    pub(super) fn wrap(&self, content_key: &[u8], options: &[String]) -> Vec<u8> {
        self.write("clear", content_key);
        let done = self.with_key(&["-encrypt", "-in", "clear", "-out", "wrapped"], options);
        succeeded(&done);
        self.read("wrapped")
    }

    pub(super) fn unwrap(&self, wrapped: &[u8], options: &[String]) -> Vec<u8> {
        self.write("wrapped", wrapped);
        let done = self.with_key(&["-decrypt", "-in", "wrapped", "-out", "clear"], options);
        succeeded(&done);
        self.read("clear")
    }

    /// Runs any of its commands in the folder, which must succeed.
    pub(super) fn must(&self, arguments: &[&str]) {
        succeeded(&self.run(arguments));
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap()
    }

    pub(super) fn write(&self, name: &str, octets: &[u8]) {
        fs::write(self.folder.path().join(name), octets).unwrap();
    }

    fn with_key(&self, arguments: &[&str], options: &[String]) -> Output {
        let mut all = vec!["pkeyutl", "-inkey", "key", "-keyform", "DER"];
        all.extend(arguments);
        for option in options {
            all.extend(["-pkeyopt", option.as_str()]);
        }
        self.run(&all)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

pub(super) fn pkcs1(hash: Hash) -> Vec<String> {
    vec![format!("digest:{}", name(hash))]
}

/// `salt` in octets, or "max" or "digest".
pub(super) fn pss(hash: Hash, mgf: Hash, salt: &str) -> Vec<String> {
    vec![
        format!("digest:{}", name(hash)),
        "rsa_padding_mode:pss".to_owned(),
        format!("rsa_mgf1_md:{}", name(mgf)),
        format!("rsa_pss_saltlen:{salt}"),
    ]
}

pub(super) fn oaep(oaep: Oaep) -> Vec<String> {
    vec![
        "rsa_padding_mode:oaep".to_owned(),
        format!("rsa_oaep_md:{}", name(oaep.hash)),
        format!("rsa_mgf1_md:{}", name(oaep.mgf)),
    ]
}

fn name(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => "sha1",
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
        Hash::Sha3_512 => "sha3-512",
    }
}

fn succeeded(done: &Output) {
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl: {said}");
}
