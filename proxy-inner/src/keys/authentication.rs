//! The key with which we answer challenges of secure authentication, from PEM files.

use std::path::Path;
use std::sync::Arc;

use crypto::SoftwareKey;
use envelope::OwnKey;
use rustls_pki_types::PrivateKeyDer;

use super::{KeyError, tls};

/// Loads our authentication key and its certificates: the first must have been made for the key,
/// further ones of the same key (renewed, or not yet in use) are known to us too.
///
/// # Errors
/// Every way a file can be unusable; the key must be RSA and for this account only, see [`KeyError`].
pub fn load_authentication(certificate: &Path, key: &Path) -> Result<OwnKey, KeyError> {
    let chain = tls::load_chain(certificate)?;
    let secret = tls::read_key(key)?;
    let unusable = |path: &Path, detail: String| KeyError::NotForChallenges {
        path: path.into(),
        detail,
    };
    let private = match &secret {
        PrivateKeyDer::Pkcs8(der) => SoftwareKey::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => SoftwareKey::from_pkcs1(der.secret_pkcs1_der()),
        _ => return Err(unusable(key, "it is no RSA key".to_owned())),
    };
    let private = private.map_err(|error| unusable(key, error.to_string()))?;
    OwnKey::from_chain(Arc::new(private), &chain).map_err(|error| match error {
        envelope::KeyError::Mismatch => KeyError::Mismatch {
            certificate: certificate.into(),
            key: key.into(),
        },
        error => unusable(certificate, error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use envelope::{Certificate, challenge};

    use super::super::issue;
    use super::*;
    use crate::keys::issue_authentication;

    fn made(folder: &Path) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join("auth.pem"), folder.join("auth.key"));
        issue_authentication("O0013TEST", 30, &certificate, &key).unwrap();
        (certificate, key)
    }

    #[test]
    fn loads_a_pair_that_was_made_for_it_and_opens_challenges() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = made(folder.path());
        let ours = load_authentication(&certificate, &key).unwrap();
        let chain = tls::load_chain(&certificate).unwrap();
        let recipient = Certificate::from_der(&chain[0]).unwrap();
        let sealed = challenge::seal(&[recipient]).unwrap();
        assert_eq!(
            challenge::open(&sealed.sealed, &[ours]).unwrap(),
            sealed.secret
        );
    }

    #[test]
    fn names_the_fault_of_each_unusable_pair() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = made(folder.path());
        let elliptic = |name: &str| folder.path().join(name);
        issue(
            &["localhost".to_owned()],
            30,
            &elliptic("tls.pem"),
            &elliptic("tls.key"),
        )
        .unwrap();
        let refused = load_authentication(&elliptic("tls.pem"), &elliptic("tls.key")).unwrap_err();
        assert!(refused.to_string().contains("RSA"), "{refused}");
        let refused = load_authentication(&elliptic("tls.pem"), &key).unwrap_err();
        assert!(refused.to_string().contains("tls.pem"), "{refused}");

        let other = tempfile::tempdir().unwrap();
        let (_, other) = made(other.path());
        let refused = load_authentication(&certificate, &other).unwrap_err();
        assert!(matches!(refused, KeyError::Mismatch { .. }), "{refused}");

        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = load_authentication(&certificate, &key).unwrap_err();
        assert!(matches!(refused, KeyError::Exposed { .. }), "{refused}");
    }
}
