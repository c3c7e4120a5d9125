//! File services as a partner has them: the `openssl` command does the cryptography, so that what
//! both sides agree on is not one and the same code.
//!
//! `openssl` as distributions build it cannot compress; that layer, a few octets around a zlib
//! stream, is put together here by hand (RFC 3274).

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use oftp::Security;
use tempfile::TempDir;

use crate::files::Offer;

/// A partner's RSA key with its self-signed certificate, and what it does with them.
#[derive(Debug)]
pub struct Cms {
    folder: TempDir,
}

/// Which services a file gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Services {
    /// Signed, encrypted, both, or neither.
    pub security: Security,
    /// Compressed.
    pub compression: bool,
    /// The cipher suite (SFIDCIPH): 1 to 6.
    pub suite: u8,
}

impl Services {
    /// All of them, with suite 04.
    pub const ALL: Services = Services {
        security: Security::EncryptedAndSigned,
        compression: true,
        suite: 4,
    };

    /// Signed and encrypted with suite 04.
    pub const PROTECTED: Services = Services {
        compression: false,
        ..Services::ALL
    };

    /// None.
    pub const NONE: Services = Services {
        security: Security::None,
        compression: false,
        suite: 0,
    };

    /// Every row of the table of combinations (RFC 5024 section 6.1) that has a service at all.
    pub fn every() -> Vec<Services> {
        let securities = [
            Security::None,
            Security::Encrypted,
            Security::Signed,
            Security::EncryptedAndSigned,
        ];
        let mut every = Vec::new();
        for security in securities {
            for compression in [false, true] {
                if security != Security::None || compression {
                    every.push(Services {
                        security,
                        compression,
                        suite: if security == Security::None { 0 } else { 4 },
                    });
                }
            }
        }
        every
    }

    /// Whether there are any.
    pub fn any(self) -> bool {
        self.compression || self.security != Security::None
    }

    fn signs(self) -> bool {
        matches!(
            self.security,
            Security::Signed | Security::EncryptedAndSigned
        )
    }

    fn encrypts(self) -> bool {
        matches!(
            self.security,
            Security::Encrypted | Security::EncryptedAndSigned
        )
    }

    fn hash(self) -> &'static str {
        match self.suite {
            1 | 2 => "sha1",
            5 | 6 => "sha512",
            _ => "sha256",
        }
    }

    fn cipher(self) -> &'static str {
        match self.suite {
            1 | 3 | 5 => "-des3",
            _ => "-aes-256-cbc",
        }
    }

    /// What a SFID says of them.
    #[must_use]
    pub fn announce(self, mut offer: Offer, original: usize) -> Offer {
        let sfid = &mut offer.sfid;
        sfid.security = self.security;
        sfid.cipher = self.suite;
        sfid.compression = self.compression;
        sfid.envelope = self.any();
        sfid.original_blocks = u64::try_from(original).expect("fits").div_ceil(1024);
        offer
    }
}

impl Cms {
    /// Whether the `openssl` command is here; says aloud when it is not.
    pub fn is_possible(test: &str) -> bool {
        let there = Command::new("openssl")
            .arg("version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !there {
            crate::say(&format!("SKIPPED: {test}: the openssl command is missing"));
        }
        there
    }

    /// A fresh key of 2048 bits with a certificate.
    ///
    /// # Panics
    /// When `openssl` cannot make one.
    pub fn new(common_name: &str) -> Cms {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let cms = Cms { folder };
        cms.openssl(
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-noenc",
                "-days",
                "30",
                "-subj",
                &format!("/CN={common_name}/serialNumber=O0013ACME"),
                "-addext",
                "basicConstraints=CA:FALSE",
                "-addext",
                "keyUsage=critical,digitalSignature,keyEncipherment",
                "-keyout",
                "key.pem",
                "-out",
                "certificate.pem",
            ],
            &[],
        );
        cms
    }

    /// Its certificate, PEM.
    ///
    /// # Panics
    /// When it is gone.
    pub fn pem(&self) -> String {
        std::fs::read_to_string(self.certificate()).expect("it was made")
    }

    /// The file of its certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The file of its private key, PEM.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// `content` signed by this key, compressed, encrypted for `recipient`, as `services` say.
    ///
    /// # Panics
    /// When `openssl` will not.
    pub fn secure(&self, content: &[u8], services: Services, recipient: &Path) -> Vec<u8> {
        let mut octets = content.to_vec();
        if services.signs() {
            octets = self.sign(&octets, services.hash(), &["-nodetach", "-nocerts"]);
        }
        if services.compression {
            octets = compress(&octets);
        }
        if services.encrypts() {
            let recipient = recipient.to_str().expect("a plain path");
            let arguments = [
                "cms",
                "-encrypt",
                "-binary",
                "-stream",
                "-outform",
                "DER",
                services.cipher(),
                recipient,
            ];
            octets = self.openssl(&arguments, &octets);
        }
        octets
    }

    /// Undoes what the other side did to a file: decrypts with this key, decompresses, checks the
    /// signature of `signer`.
    ///
    /// # Panics
    /// When a layer is not what it should be.
    pub fn open(&self, secured: &[u8], services: Services, signer: &Path) -> Vec<u8> {
        let mut octets = secured.to_vec();
        if services.encrypts() {
            let arguments = [
                "cms",
                "-decrypt",
                "-binary",
                "-inform",
                "DER",
                "-inkey",
                "key.pem",
                "-recip",
                "certificate.pem",
            ];
            octets = self.openssl(&arguments, &octets);
        }
        if services.compression {
            octets = decompress(&octets);
        }
        if services.signs() {
            octets = self.verify(&octets, signer);
        }
        octets
    }

    /// The signature of a receipt over `content`, which is inside it unless `detached`.
    ///
    /// # Panics
    /// When `openssl` will not.
    pub fn sign_receipt(&self, content: &[u8], detached: bool) -> Vec<u8> {
        let more: &[&str] = if detached {
            &["-nocerts"]
        } else {
            &["-nodetach", "-nocerts"]
        };
        self.sign(content, "sha256", more)
    }

    /// What a receipt's signature of `signer` has inside.
    ///
    /// # Panics
    /// When it is not valid.
    pub fn verify(&self, signature: &[u8], signer: &Path) -> Vec<u8> {
        let signer = signer.to_str().expect("a plain path");
        let arguments = [
            "cms",
            "-verify",
            "-binary",
            "-inform",
            "DER",
            "-certfile",
            signer,
            "-nointern",
            "-noverify",
        ];
        self.openssl(&arguments, signature)
    }

    fn sign(&self, content: &[u8], hash: &str, more: &[&str]) -> Vec<u8> {
        let mut arguments = vec![
            "cms",
            "-sign",
            "-binary",
            "-outform",
            "DER",
            "-md",
            hash,
            "-inkey",
            "key.pem",
            "-signer",
            "certificate.pem",
        ];
        arguments.extend(more);
        self.openssl(&arguments, content)
    }

    #[track_caller]
    fn openssl<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the openssl command is there");
        let mut stdin = child.stdin.take().expect("it is piped");
        let output = std::thread::scope(|scope| {
            scope.spawn(move || {
                // A child that refuses its input says why in its own words.
                let _ = stdin.write_all(input);
            });
            child.wait_with_output().expect("it ends")
        });
        assert!(
            output.status.success(),
            "openssl: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }
}

/// ContentInfo ▸ CompressedData ▸ zlib (RFC 3274 section 1.1).
fn compress(octets: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::new(6));
    zlib.write_all(octets).expect("memory takes all");
    let zlib = zlib.finish().expect("memory takes all");
    let algorithm = element(0x30, &[&element(0x06, &[ZLIB])]);
    let content = element(0xa0, &[&element(0x04, &[&zlib])]);
    let encapsulated = element(0x30, &[&element(0x06, &[DATA]), &content]);
    let data = element(0x30, &[&[0x02, 0x01, 0x00], &algorithm, &encapsulated]);
    element(
        0x30,
        &[&element(0x06, &[COMPRESSED_DATA]), &element(0xa0, &[&data])],
    )
}

/// The content of a CompressedData in any encoding: its zlib stream is looked for where the only
/// octet string is, piece by piece.
fn decompress(octets: &[u8]) -> Vec<u8> {
    let mut zlib = Vec::new();
    octet_strings(octets, &mut zlib);
    let mut content = Vec::new();
    ZlibDecoder::new(zlib.as_slice())
        .read_to_end(&mut content)
        .expect("a zlib stream");
    content
}

/// Gathers the primitive octet strings below; returns the octets read.
fn octet_strings(octets: &[u8], into: &mut Vec<u8>) -> usize {
    let mut at = 0;
    while at < octets.len() {
        let tag = octets[at];
        let first = octets[at + 1];
        at += 2;
        if tag == 0 && first == 0 {
            return at;
        }
        let length = match first {
            0x80 => None,
            0x81.. => {
                let count = usize::from(first & 0x7f);
                let length = octets[at..at + count]
                    .iter()
                    .fold(0, |length, octet| length << 8 | usize::from(*octet));
                at += count;
                Some(length)
            }
            short => Some(usize::from(short)),
        };
        let end = length.map(|length| at + length);
        let inside = &octets[at..end.unwrap_or(octets.len())];
        if tag == 0x04 {
            into.extend_from_slice(inside);
            at = end.expect("a primitive has its length");
        } else if tag & 0x20 != 0 {
            let read = octet_strings(inside, into);
            at = end.unwrap_or(at + read);
        } else {
            at = end.expect("a primitive has its length");
        }
    }
    at
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut octets = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => octets.push(short),
        _ => {
            let length = u32::try_from(length).expect("a test's file");
            octets.push(0x84);
            octets.extend_from_slice(&length.to_be_bytes());
        }
    }
    for part in parts {
        octets.extend_from_slice(part);
    }
    octets
}

/// id-data, id-ct-compressedData, id-alg-zlibCompress: content octets of the identifiers.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const COMPRESSED_DATA: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x09,
];
const ZLIB: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x08,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_secured() {
        if !Cms::is_possible("support::cms") {
            return;
        }
        let (ours, theirs) = (Cms::new("ours"), Cms::new("theirs"));
        for services in Services::every() {
            let secured = ours.secure(b"a file", services, &theirs.certificate());
            let opened = theirs.open(&secured, services, &ours.certificate());
            assert_eq!(opened, b"a file", "{services:?}");
        }
    }
}
