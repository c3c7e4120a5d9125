//! Keys, files and our own half of an exchange.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crypto::SoftwareKey;
use envelope::{Expect, Form, Limits, Opening, OwnKey, Plan, Suite, open, secure};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};

use super::table::Direction;

/// Which layers a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Layers {
    pub(crate) encrypt: bool,
    pub(crate) compress: bool,
    pub(crate) sign: bool,
}

/// How lengths are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    Indefinite,
    Definite,
}

/// Every nesting in every form it has, both ways.
pub(crate) fn cells() -> Vec<(Layers, Shape, Direction)> {
    let mut cells = Vec::new();
    for bits in 1..8 {
        let layers = Layers {
            sign: bits & 1 != 0,
            compress: bits & 2 != 0,
            encrypt: bits & 4 != 0,
        };
        for shape in [Shape::Indefinite, Shape::Definite] {
            for direction in [Direction::FromUs, Direction::ToUs] {
                // Ours has no definite form once it is compressed.
                let ours = !layers.compress || shape == Shape::Indefinite;
                if ours || direction == Direction::ToUs {
                    cells.push((layers, shape, direction));
                }
            }
        }
    }
    cells
}

/// A signer, a recipient and a folder.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    signer: OwnKey,
    recipient: OwnKey,
    files: AtomicUsize,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = |name: &str| {
            let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
            let certificate = CertificateParams::new([format!("{name}.example")])
                .unwrap()
                .self_signed(&key)
                .unwrap();
            let at = |ending: &str| folder.path().join(format!("{name}.{ending}"));
            fs::write(at("pem"), certificate.pem()).unwrap();
            fs::write(at("cer"), certificate.der()).unwrap();
            fs::write(at("key"), key.serialize_pem()).unwrap();
            fs::write(at("p8"), key.serialize_der()).unwrap();
            let private = SoftwareKey::from_pkcs8(&key.serialize_der()).unwrap();
            OwnKey::from_chain(Arc::new(private), &[certificate.der()]).unwrap()
        };
        Self {
            signer: pair("signer"),
            recipient: pair("recipient"),
            folder,
            files: AtomicUsize::new(0),
        }
    }

    /// A path for a file nobody else has.
    pub(crate) fn fresh(&self) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("file-{number}"))
    }

    /// Secures with our own code.
    pub(crate) fn secured(
        &self,
        suite: Suite,
        layers: Layers,
        shape: Shape,
        content: &[u8],
    ) -> Vec<u8> {
        let only = |wanted: bool, key: &OwnKey| if wanted { vec![key.clone()] } else { vec![] };
        let encrypt = only(layers.encrypt, &self.recipient);
        let plan = Plan {
            suite,
            sign: only(layers.sign, &self.signer),
            compress: layers.compress.then_some(Plan::COMPRESSION),
            encrypt: encrypt
                .iter()
                .map(|key| key.certificate().clone())
                .collect(),
            form: match shape {
                Shape::Indefinite => Form::Indefinite,
                Shape::Definite => Form::Definite {
                    octets: content.len() as u64,
                },
            },
            include_certificate: false,
            signing_time: None,
        };
        let mut secured = Vec::new();
        let told = secure(&plan, &mut &content[..], &mut secured).unwrap();
        assert_eq!(told.clear_octets, content.len() as u64);
        assert_eq!(told.secured_octets, secured.len() as u64);
        let indefinite = secured.get(1) == Some(&0x80);
        assert_eq!(indefinite, shape == Shape::Indefinite);
        secured
    }

    /// Opens with our own code and compares.
    pub(crate) fn opens(
        &self,
        suite: Suite,
        layers: Layers,
        secured: &[u8],
        content: &[u8],
    ) -> Result<(), String> {
        let keys = [self.recipient.clone()];
        let signers = [self.signer.certificate().clone()];
        let opening = Opening {
            expect: Expect {
                encrypted: layers.encrypt,
                compressed: layers.compress,
                signed: layers.sign,
            },
            suite: Some(suite),
            keys: &keys,
            signers: &signers,
            limits: Limits {
                clear_octets: content.len() as u64,
                expansion: 1100,
            },
        };
        let mut opened = Vec::with_capacity(content.len());
        let told = open(&opening, &mut &secured[..], &mut opened)
            .map_err(|error| format!("we do not open it: {error}"))?;
        if opened != content || told.clear_octets != content.len() as u64 {
            return Err("we opened something else".to_owned());
        }
        assert_eq!(told.key, layers.encrypt.then_some(0));
        assert_eq!(told.signers.len(), usize::from(layers.sign));
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A file of this size, the same each time: the first and the last third of a large one shrink when
/// they are compressed, what is between does not.
pub(crate) fn content(size: usize) -> Vec<u8> {
    const LARGE: usize = 4 << 20;
    let noise = if size > LARGE {
        size / 3..size / 3 * 2
    } else {
        0..0
    };
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut octets = Vec::with_capacity(size + 8);
    while octets.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let next = if noise.contains(&octets.len()) {
            state
        } else {
            (state & 0x0f0f_0f0f_0f0f_0f0f) | 0x3030_3030_3030_3030
        };
        octets.extend_from_slice(&next.to_be_bytes());
    }
    octets.truncate(size);
    octets
}

impl Layers {
    /// By what [`fmt::Display`] writes.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            sign: name.contains("sign"),
            compress: name.contains("compress"),
            encrypt: name.contains("encrypt"),
        }
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = [
            (self.sign, "sign"),
            (self.compress, "compress"),
            (self.encrypt, "encrypt"),
        ]
        .into_iter()
        .filter_map(|(there, name)| there.then_some(name))
        .collect();
        f.write_str(&names.join("+"))
    }
}

impl Shape {
    pub(crate) fn short(self) -> &'static str {
        match self {
            Shape::Indefinite => "indef",
            Shape::Definite => "def",
        }
    }
}
