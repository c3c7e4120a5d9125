//! A TLS certificate chain and its private key, from PEM files to something rustls can sign with.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::SigningKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::KeyError;

/// Most octets a PEM file may have here; a chain of RSA-4096 certificates is far below.
const MOST_OCTETS: u64 = 256 * 1024;

/// A certificate chain and the key its first certificate was made for.
#[derive(Debug, Clone)]
pub struct TlsIdentity {
    /// The chain in DER, our own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key; its `Debug` shows no key material.
    pub key: Arc<dyn SigningKey>,
}

/// Loads a chain and its key, and proves that they belong together.
///
/// # Errors
/// Every way a file can be unusable, each saying what to do; see [`KeyError`].
pub fn load(certificate: &Path, key: &Path) -> Result<TlsIdentity, KeyError> {
    let chain = load_chain(certificate)?;
    let signing = load_key(key)?;
    if !belongs(&chain, signing.as_ref(), certificate)? {
        return Err(KeyError::Mismatch {
            certificate: certificate.into(),
            key: key.into(),
        });
    }
    Ok(TlsIdentity {
        chain,
        key: signing,
    })
}

/// Loads the certificates of a PEM file; each must parse.
///
/// # Errors
/// When the file cannot be read, is not PEM, holds no certificate, or one does not parse.
pub fn load_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, KeyError> {
    let octets = read(&open(path)?, path)?;
    let chain = CertificateDer::pem_slice_iter(&octets)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| KeyError::Pem {
            path: path.into(),
            detail: error.to_string(),
        })?;
    if chain.is_empty() {
        return Err(KeyError::NoCertificate { path: path.into() });
    }
    for (index, der) in chain.iter().enumerate() {
        parse(der, path, index + 1)?;
    }
    Ok(chain)
}

fn load_key(path: &Path) -> Result<Arc<dyn SigningKey>, KeyError> {
    any_supported_type(&read_key(path)?).map_err(|error| KeyError::UnusableKey {
        path: path.into(),
        detail: error.to_string(),
    })
}

/// Reads a private key, which must be for this account only.
pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, KeyError> {
    let file = open(path)?;
    let mode = file
        .metadata()
        .map_err(|source| read_error(path, source))?
        .mode()
        & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed {
            path: path.into(),
            mode,
        });
    }
    let octets = read(&file, path)?;
    match PrivateKeyDer::from_pem_slice(&octets) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) if is_encrypted(&octets) => {
            Err(KeyError::Encrypted { path: path.into() })
        }
        Err(pem::Error::NoItemsFound) => Err(KeyError::NoKey { path: path.into() }),
        Err(error) if is_encrypted(&octets) => {
            tracing::debug!(%error, "An encrypted key was refused.");
            Err(KeyError::Encrypted { path: path.into() })
        }
        Err(error) => Err(KeyError::Pem {
            path: path.into(),
            detail: error.to_string(),
        }),
    }
}

/// Whether the first certificate's public key is the one `key` signs with.
fn belongs(
    chain: &[CertificateDer<'static>],
    key: &dyn SigningKey,
    path: &Path,
) -> Result<bool, KeyError> {
    let Some(first) = chain.first() else {
        return Err(KeyError::NoCertificate { path: path.into() });
    };
    let parsed = parse(first, path, 1)?;
    Ok(key
        .public_key()
        .is_some_and(|spki| spki.as_ref() == parsed.public_key().raw))
}

fn parse<'a>(
    der: &'a CertificateDer<'_>,
    path: &Path,
    position: usize,
) -> Result<X509Certificate<'a>, KeyError> {
    let wrong = |detail: String| KeyError::Certificate {
        path: path.into(),
        position,
        detail,
    };
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok((rest, _)) => Err(wrong(format!("{} octets follow it", rest.len()))),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Both forms of a key with a passphrase: PKCS#8's own label, and the old header inside the PEM.
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

pub(super) fn open(path: &Path) -> Result<File, KeyError> {
    File::open(path).map_err(|source| read_error(path, source))
}

/// Reads a whole small file into memory that is wiped afterwards.
pub(super) fn read(mut file: &File, path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let octets = file
        .metadata()
        .map_err(|source| read_error(path, source))?
        .len();
    if octets > MOST_OCTETS {
        return Err(KeyError::TooLarge {
            path: path.into(),
            octets,
            most: MOST_OCTETS,
        });
    }
    // One allocation of the final size: a growing buffer would leave unwiped copies behind.
    let room = usize::try_from(octets).unwrap_or(0) + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    file.by_ref()
        .take(MOST_OCTETS)
        .read_to_end(&mut content)
        .map_err(|source| read_error(path, source))?;
    Ok(content)
}

fn read_error(path: &Path, source: std::io::Error) -> KeyError {
    KeyError::Read {
        path: path.into(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

    use super::super::issue;
    use super::*;

    fn made(folder: &Path, stem: &str) -> (PathBuf, PathBuf) {
        let certificate = folder.join(format!("{stem}.pem"));
        let key = folder.join(format!("{stem}.key"));
        issue(&["localhost".to_owned()], 30, &certificate, &key).unwrap();
        (certificate, key)
    }

    #[test]
    fn loads_a_chain_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = made(folder.path(), "a");
        let identity = load(&certificate, &key).unwrap();
        assert_eq!(identity.chain.len(), 1);
        assert_eq!(identity.key.algorithm(), rustls::SignatureAlgorithm::ECDSA);
    }

    #[test]
    fn loads_keys_in_the_two_older_forms() {
        let folder = tempfile::tempdir().unwrap();
        let elliptic = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let sec1 = elliptic.private_key().as_der().unwrap();
        let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
        // PKCS#8 around RSA-2048 is 26 octets of header, then the PKCS#1 key.
        let pkcs1 = &pkcs8.as_ref()[26..];
        for (label, der) in [
            ("EC PRIVATE KEY", sec1.as_ref()),
            ("RSA PRIVATE KEY", pkcs1),
        ] {
            let path = folder.path().join(label.replace(' ', "-"));
            fs::write(&path, pem(label, der)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let loaded = load_key(&path);
            assert!(loaded.is_ok(), "{label}: {:?}", loaded.err());
        }
    }

    #[test]
    fn refuses_a_key_of_another_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, _) = made(folder.path(), "a");
        let (_, other) = made(folder.path(), "b");
        let refused = load(&certificate, &other).unwrap_err();
        assert!(matches!(refused, KeyError::Mismatch { .. }), "{refused}");
    }

    #[test]
    fn refuses_a_key_that_others_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = made(folder.path(), "a");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = load(&certificate, &key).unwrap_err().to_string();
        assert!(
            refused.contains("0640") && refused.contains("chmod 600"),
            "{refused}"
        );
    }

    #[test]
    fn names_the_fault_of_each_unusable_file() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = made(folder.path(), "a");
        let put = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        let empty = put("empty", "");
        let broken = put(
            "broken",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        );
        let locked = put(
            "locked",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        );
        let huge = put("huge", &"x".repeat(300 * 1024));
        let missing = folder.path().join("missing");
        assert!(matches!(
            load(&empty, &key),
            Err(KeyError::NoCertificate { .. })
        ));
        assert!(matches!(
            load(&broken, &key),
            Err(KeyError::Certificate { position: 1, .. })
        ));
        assert!(matches!(load(&missing, &key), Err(KeyError::Read { .. })));
        assert!(matches!(load(&huge, &key), Err(KeyError::TooLarge { .. })));
        assert!(matches!(
            load(&certificate, &empty),
            Err(KeyError::NoKey { .. })
        ));
        assert!(matches!(
            load(&certificate, &locked),
            Err(KeyError::Encrypted { .. })
        ));
    }

    fn pem(label: &str, der: &[u8]) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut body = String::new();
        for three in der.chunks(3) {
            let octet = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
            let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
            for place in 0..4 {
                let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
                body.push(if place > three.len() {
                    '='
                } else {
                    char::from(digit)
                });
            }
        }
        let lines: Vec<_> = body
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            lines.join("\n")
        )
    }
}
