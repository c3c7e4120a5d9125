//! `LinkIdentity`: the key with which one half shows who it is; made where it lives, never copied.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ops::{Faults, Secret, Section};
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

use crate::pin::Pin;

/// A private key and its public half, shown on the link as a raw public key (RFC 7250), without
/// certificate. The file holds PKCS#8 as PEM and is for its owner only.
#[derive(Clone)]
pub struct LinkIdentity {
    key: Arc<dyn SigningKey>,
    spki: CertificateDer<'static>,
    pin: Pin,
    reset_key: Arc<Secret<[u8; 32]>>,
}

impl LinkIdentity {
    /// Loads the key file at `path`.
    ///
    /// # Errors
    /// When the file is missing, may be read by others than its owner, or holds no key that
    /// `provider` can sign with; each says what to do.
    pub fn load(path: &Path, provider: &Arc<CryptoProvider>) -> Result<Self, IdentityError> {
        let fail = |problem| IdentityError {
            path: path.to_owned(),
            problem,
        };
        let file = File::open(path).map_err(|error| {
            fail(match error.kind() {
                ErrorKind::NotFound => IdentityProblem::Missing,
                _ => IdentityProblem::Unreadable(error.to_string()),
            })
        })?;
        let unreadable =
            |error: std::io::Error| fail(IdentityProblem::Unreadable(error.to_string()));
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(fail(IdentityProblem::Unreadable(
                "it is no regular file".into(),
            )));
        }
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(fail(IdentityProblem::Exposed { mode }));
        }
        // Room for all of it at once: a growing buffer would leave copies of the key behind.
        let mut pem = Vec::with_capacity(MAX_FILE + 1);
        let most = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
        let read = file.take(most).read_to_end(&mut pem);
        let pem = Secret::new(pem);
        read.map_err(unreadable)?;
        let key = PrivateKeyDer::from_pem_slice(pem.expose())
            .map_err(|error| fail(IdentityProblem::NoKey(error.to_string())))?;
        match key {
            PrivateKeyDer::Pkcs8(key) => Self::from_key(key, provider).map_err(fail),
            _ => Err(fail(IdentityProblem::NoKey(
                "the PEM holds another kind than PKCS#8".into(),
            ))),
        }
    }

    /// Makes a new key file at `path` with mode 0600; an existing file is never overwritten.
    /// `generate` draws the key: PKCS#8 DER, ECDSA P-256.
    ///
    /// # Errors
    /// When a file is there already, cannot be written, or the key cannot be made.
    pub fn create(
        path: &Path,
        generate: impl FnOnce() -> Result<Vec<u8>, String>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, IdentityError> {
        let fail = |problem| IdentityError {
            path: path.to_owned(),
            problem,
        };
        let der = generate()
            .map(Secret::new)
            .map_err(|e| fail(IdentityProblem::NoKey(e)))?;
        let identity = Self::from_pkcs8(der.expose(), provider).map_err(fail)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| {
                fail(match error.kind() {
                    ErrorKind::AlreadyExists => IdentityProblem::Exists,
                    _ => IdentityProblem::Unwritable(error.to_string()),
                })
            })?;
        let pem = pem(der.expose());
        file.write_all(pem.expose().as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| fail(IdentityProblem::Unwritable(error.to_string())))?;
        Ok(identity)
    }

    /// An identity from a PKCS#8 DER key in memory.
    ///
    /// # Errors
    /// When `provider` cannot sign with the key.
    pub fn from_pkcs8(der: &[u8], provider: &Arc<CryptoProvider>) -> Result<Self, IdentityProblem> {
        Self::from_key(PrivatePkcs8KeyDer::from(der).clone_key(), provider)
    }

    /// The pin of the public key: what the other half's operator enters.
    pub fn pin(&self) -> Pin {
        self.pin
    }

    /// The key as rustls shows it: the public key stands where a certificate would.
    pub(crate) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::new(CertifiedKey::new(
            vec![self.spki.clone()],
            Arc::clone(&self.key),
        ))
    }

    /// Key of the stateless resets: the same after a restart, so that the other end learns at once
    /// that its link is gone.
    pub(crate) fn reset_key(&self) -> Arc<Secret<[u8; 32]>> {
        Arc::clone(&self.reset_key)
    }

    fn from_key(
        der: PrivatePkcs8KeyDer<'static>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, IdentityProblem> {
        let hash = Sha256::new()
            .chain_update(RESET_LABEL)
            .chain_update(der.secret_pkcs8_der());
        let reset_key = Arc::new(Secret::new(hash.finalize().into()));
        let key = provider
            .key_provider
            .load_private_key(der.into())
            .map_err(|error| IdentityProblem::NoKey(error.to_string()))?;
        let spki = key
            .public_key()
            .map(|spki| spki.as_ref().to_vec())
            .ok_or_else(|| IdentityProblem::NoKey("its public half cannot be worked out".into()))?;
        let pin = Pin::of(&spki);
        Ok(LinkIdentity {
            key,
            spki: spki.into(),
            pin,
            reset_key,
        })
    }
}

/// The link key's file as the `[link]` section of the configuration at `path` names it. The rest may
/// be unfinished: when the key is made, the pins of the other side are not known yet.
///
/// # Errors
/// When the file cannot be read, is no TOML, or does not name the key.
pub fn identity_path(path: &Path) -> Result<PathBuf, Faults> {
    let table = ops::read_table(path)?;
    let mut faults = Faults::new(path.display().to_string());
    let mut root = Section::root(&table, &mut faults);
    let identity = match root.section("link") {
        Some(mut link) => link.required_path("identity"),
        None => {
            root.fault(
                "link",
                "nothing",
                "a [link] section with the key \"identity\"",
            );
            None
        }
    };
    drop(root);
    identity.ok_or(faults)
}

impl fmt::Debug for LinkIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkIdentity")
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a link key file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the link key {}: {problem}", .path.display())]
pub struct IdentityError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: IdentityProblem,
}

/// The kinds of trouble with a link key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityProblem {
    /// There is no file.
    #[error(
        "there is no such file; make one with the `identity` command, as the account that will use it"
    )]
    Missing,
    /// A file is there already.
    #[error("the file is there already and is left as it is; `identity --show` prints its pin")]
    Exists,
    /// Others than the owner may read or write it.
    #[error(
        "its mode is {mode:04o}, so others than its owner may use it; do `chmod 600` on it, or make a new key if it may have been read"
    )]
    Exposed {
        /// Permission bits found.
        mode: u32,
    },
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It cannot be written.
    #[error("it cannot be written: {0}")]
    Unwritable(String),
    /// It holds no usable key.
    #[error("it holds no usable private key ({0}); a PKCS#8 PEM with an ECDSA P-256 key is needed")]
    NoKey(String),
}

/// PKCS#8 DER as PEM (RFC 7468), lines of 64 letters.
fn pem(der: &[u8]) -> Secret<String> {
    // Room for all of it at once: a growing text would leave copies of the key behind.
    let mut text = String::with_capacity(der.len() * 2 + 128);
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            push_base64(&mut text, group);
        }
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    Secret::new(text)
}

/// One to three octets as four letters.
fn push_base64(text: &mut String, group: &[u8]) {
    let bits = group
        .iter()
        .fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet))
        << (8 * (3 - group.len().min(3)));
    for place in 0..4_usize {
        let letter = if place > group.len() {
            '='
        } else {
            match u8::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default() {
                value @ 0..26 => char::from(b'A' + value),
                value @ 26..52 => char::from(b'a' + (value - 26)),
                value @ 52..62 => char::from(b'0' + (value - 52)),
                62 => '+',
                _ => '/',
            }
        };
        text.push(letter);
    }
}

/// Most octets of a key file that are read; an RSA-4096 key as PEM has 3.3 KiB.
const MAX_FILE: usize = 16 * 1024;
const RESET_LABEL: &[u8] = b"oftp-link stateless reset\0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{generate, provider};

    #[test]
    fn a_created_key_loads_with_the_same_pin_and_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.key");
        let made = LinkIdentity::create(&path, generate, &provider()).unwrap();
        let loaded = LinkIdentity::load(&path, &provider()).unwrap();
        assert_eq!(made.pin(), loaded.pin());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn never_overwrites_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.key");
        let made = LinkIdentity::create(&path, generate, &provider()).unwrap();
        let again = LinkIdentity::create(&path, generate, &provider()).map(|key| key.pin());
        assert_eq!(
            again.map_err(|error| error.problem),
            Err(IdentityProblem::Exists)
        );
        assert_eq!(
            LinkIdentity::load(&path, &provider()).unwrap().pin(),
            made.pin()
        );
    }

    #[test]
    fn refuses_a_key_that_others_may_use_and_says_chmod() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.key");
        LinkIdentity::create(&path, generate, &provider()).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = LinkIdentity::load(&path, &provider())
                .map(|_| ())
                .unwrap_err();
            assert_eq!(error.problem, IdentityProblem::Exposed { mode });
            let text = error.to_string();
            assert!(
                text.contains("chmod 600") && text.contains("link.key"),
                "{text}"
            );
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        assert!(LinkIdentity::load(&path, &provider()).is_ok());
    }

    #[test]
    fn tells_how_to_make_a_missing_key() {
        let error = LinkIdentity::load(Path::new("no/link.key"), &provider())
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.problem, IdentityProblem::Missing);
        assert!(error.to_string().contains("`identity` command"), "{error}");
    }

    #[test]
    fn refuses_a_file_without_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.key");
        for content in [
            "",
            "hello",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            let error = LinkIdentity::load(&path, &provider())
                .map(|_| ())
                .unwrap_err();
            assert!(
                matches!(error.problem, IdentityProblem::NoKey(_)),
                "{error}"
            );
        }
    }

    #[test]
    fn finds_the_key_file_in_a_configuration_that_is_not_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("half.toml");
        std::fs::write(&path, "unknown = 1\n[link]\nidentity = \"/k\"").unwrap();
        assert_eq!(identity_path(&path).unwrap(), Path::new("/k"));
        for (text, key) in [("", "link:"), ("[link]", "link.identity:")] {
            std::fs::write(&path, text).unwrap();
            let faults = identity_path(&path).unwrap_err().to_string();
            assert!(faults.contains(key), "{faults}");
        }
    }

    #[test]
    fn base64_pads_as_the_rfc_says() {
        for (octets, wanted) in [
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("\u{fff}\u{3ff}", "4L+/z78="),
        ] {
            let mut text = String::new();
            octets
                .as_bytes()
                .chunks(3)
                .for_each(|group| push_base64(&mut text, group));
            assert_eq!(text, wanted, "{octets}");
        }
    }

    #[test]
    fn prints_no_key() {
        let identity = LinkIdentity::from_pkcs8(&generate().unwrap(), &provider()).unwrap();
        assert_eq!(
            format!("{identity:?}"),
            format!("LinkIdentity {{ pin: {:?}, .. }}", identity.pin())
        );
    }
}
