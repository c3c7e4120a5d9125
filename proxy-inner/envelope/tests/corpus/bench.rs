//! Keys, and the tools that secure with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};

use crypto::SoftwareKey;
use envelope::{Certificate, Expect, Limits, OpenError, Opened, Opening, OwnKey, Suite, open};
use tempfile::TempDir;

/// A folder with the keys of everyone.
pub(crate) struct Bench {
    folder: TempDir,
    /// Who opens.
    pub(crate) us: Person,
    /// Who secures.
    pub(crate) partner: Person,
    /// Who has nothing to do with it.
    pub(crate) stranger: Person,
}

/// Somebody with a key.
pub(crate) struct Person {
    pub(crate) certificate: Certificate,
    pub(crate) key: OwnKey,
}

impl Bench {
    /// The one that all tests share; none without openssl.
    pub(crate) fn get() -> Option<&'static Self> {
        static BENCH: OnceLock<Option<Bench>> = OnceLock::new();
        let bench = BENCH.get_or_init(Self::new).as_ref();
        if bench.is_none() {
            eprintln!("SKIPPED: openssl is not installed");
        }
        bench
    }

    fn new() -> Option<Self> {
        Command::new("openssl").arg("version").output().ok()?;
        let folder = tempfile::tempdir().unwrap();
        let person = |name| Person::new(folder.path(), name);
        let (us, partner, stranger) = (person("us"), person("partner"), person("stranger"));
        Some(Self {
            folder,
            us,
            partner,
            stranger,
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of this bench; its name must be the caller's own.
    pub(crate) fn put(&self, name: &str, octets: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, octets).unwrap();
        path
    }

    /// What `openssl cms` makes of a file.
    pub(crate) fn cms(&self, name: &str, content: &[u8], arguments: &[&str]) -> Vec<u8> {
        let made = self.path(&format!("{name}.made"));
        let given = self.put(&format!("{name}.given"), content);
        let output = self.run(&given, &made, arguments);
        assert!(
            output.status.success(),
            "openssl cms {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        fs::read(made).unwrap()
    }

    fn run(&self, given: &Path, made: &Path, arguments: &[&str]) -> Output {
        Command::new("openssl")
            .current_dir(self.folder.path())
            .arg("cms")
            .args(arguments)
            .args(["-binary", "-outform", "DER", "-in"])
            .arg(given)
            .arg("-out")
            .arg(made)
            .output()
            .unwrap()
    }

    /// Signed by the partner with a suite's algorithms.
    pub(crate) fn sign(&self, name: &str, content: &[u8], suite: Suite, more: &[&str]) -> Vec<u8> {
        let inside = [more, &["-nodetach"]].concat();
        self.sign_detached(name, content, suite, &inside)
    }

    /// The same without the content inside.
    pub(crate) fn sign_detached(
        &self,
        name: &str,
        content: &[u8],
        suite: Suite,
        more: &[&str],
    ) -> Vec<u8> {
        let mut arguments = vec!["-sign", "-md", digest(suite)];
        arguments.extend(["-signer", "partner.pem", "-inkey", "partner.key"]);
        if suite.oaep().is_some() {
            arguments.extend(["-keyopt", "rsa_padding_mode:pss"]);
            arguments.extend(["-keyopt", "rsa_pss_saltlen:-1"]);
        }
        arguments.extend(more);
        self.cms(name, content, &arguments)
    }

    /// Encrypted for us with a suite's algorithms.
    pub(crate) fn encrypt(
        &self,
        name: &str,
        content: &[u8],
        suite: Suite,
        more: &[&str],
    ) -> Vec<u8> {
        let md = format!("rsa_oaep_md:{}", digest(suite));
        let cipher = match suite.cipher {
            envelope::Cipher::TripleDes => "-des3",
            envelope::Cipher::Aes256 => "-aes256",
        };
        let mut arguments = vec!["-encrypt", cipher, "-recip", "us.pem"];
        if suite.oaep().is_some() {
            arguments.extend(["-keyopt", "rsa_padding_mode:oaep", "-keyopt", &md]);
        }
        arguments.extend(more);
        self.cms(name, content, &arguments)
    }

    /// As we open what the partner sends.
    pub(crate) fn opening(&self, layers: &str, suite: Option<Suite>) -> Opening<'_> {
        Opening {
            expect: expect(layers),
            suite,
            keys: std::slice::from_ref(&self.us.key),
            signers: std::slice::from_ref(&self.partner.certificate),
            limits: Limits::default(),
        }
    }
}

impl Person {
    fn new(folder: &Path, name: &'static str) -> Self {
        let subject = format!("/C=DE/O=Test of the envelope/CN={name}");
        let files = |ending: &str| format!("{name}.{ending}");
        let run = |arguments: &[&str]| {
            let output = Command::new("openssl")
                .current_dir(folder)
                .args(arguments)
                .output()
                .unwrap();
            assert!(output.status.success(), "openssl {arguments:?}: {output:?}");
        };
        run(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "3650",
            "-subj",
            &subject,
            "-keyout",
            &files("key"),
            "-out",
            &files("pem"),
        ]);
        run(&[
            "x509",
            "-in",
            &files("pem"),
            "-outform",
            "DER",
            "-out",
            &files("cer"),
        ]);
        run(&[
            "pkcs8",
            "-topk8",
            "-nocrypt",
            "-in",
            &files("key"),
            "-outform",
            "DER",
            "-out",
            &files("p8"),
        ]);
        let certificate = fs::read(folder.join(files("cer"))).unwrap();
        let certificate = Certificate::from_der(&certificate).unwrap();
        let key = fs::read(folder.join(files("p8"))).unwrap();
        let key = Arc::new(SoftwareKey::from_pkcs8(&key).unwrap());
        let key = OwnKey::new(key, std::slice::from_ref(&certificate)).unwrap();
        Self { certificate, key }
    }
}

/// Layers by their letters, from the outside: e(ncrypted), c(ompressed), s(igned).
pub(crate) fn expect(layers: &str) -> Expect {
    Expect {
        encrypted: layers.contains('e'),
        compressed: layers.contains('c'),
        signed: layers.contains('s'),
    }
}

/// Opens octets in memory.
pub(crate) fn open_octets(
    opening: &Opening<'_>,
    octets: &[u8],
) -> Result<(Opened, Vec<u8>), OpenError> {
    let mut clear = Vec::new();
    let mut source = octets;
    let opened = open(opening, &mut source, &mut clear)?;
    assert_eq!(opened.clear_octets, clear.len() as u64);
    Ok((opened, clear))
}

/// Octets that compress and yet have no short period.
pub(crate) fn octets(count: usize) -> Vec<u8> {
    (0..count)
        .map(|place| u8::try_from((((place * place) >> 7) ^ (place >> 3)) & 0xff).unwrap())
        .collect()
}

fn digest(suite: Suite) -> &'static str {
    match suite.hash {
        crypto::Hash::Sha1 => "sha1",
        crypto::Hash::Sha256 => "sha256",
        crypto::Hash::Sha384 => "sha384",
        crypto::Hash::Sha512 => "sha512",
        crypto::Hash::Sha3_512 => "sha3-512",
    }
}

/// CompressedData around a content, in DER: what openssl of Debian cannot make.
pub(crate) fn compress(content: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    zlib.write_all(content).unwrap();
    compressed_data(&zlib.finish().unwrap())
}

/// CompressedData around what zlib made.
pub(crate) fn compressed_data(zlib: &[u8]) -> Vec<u8> {
    let version = element(0x02, &[0]);
    let algorithm = element(0x30, &element(0x06, &ZLIB));
    let content = element(0xa0, &element(0x04, zlib));
    let content = element(0x30, &[element(0x06, &DATA), content].concat());
    let object = element(0x30, &[version, algorithm, content].concat());
    element(
        0x30,
        &[element(0x06, &COMPRESSED), element(0xa0, &object)].concat(),
    )
}

/// An element in DER.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut octets = vec![tag];
    if length < 0x80 {
        octets.push(u8::try_from(length).unwrap());
    } else {
        let big = length.to_be_bytes();
        let zeros = big.iter().take_while(|octet| **octet == 0).count();
        octets.push(0x80 | u8::try_from(big.len() - zeros).unwrap());
        octets.extend(&big[zeros..]);
    }
    octets.extend(content);
    octets
}

pub(crate) const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const COMPRESSED: [u8; 11] = [
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x09,
];
const ZLIB: [u8; 11] = [
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x08,
];
