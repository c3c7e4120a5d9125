//! Private keys at rest: encrypted PKCS#8 under one master secret.
//!
//! The master secret is taken as a passphrase of its octets, so that `openssl pkcs8 -passin
//! file:SECRET` opens a sealed key in an emergency, when the secret is a line of text.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use pkcs8::{EncryptedPrivateKeyInfoRef, Error as Pkcs8Error, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::SealError;

/// Fewest octets of a master secret.
const LEAST_OCTETS: usize = 16;

/// Most octets of a master secret.
const MOST_OCTETS: usize = 1024;

/// The first octet of a check value: how the rest was made.
const CHECK_FORM: u8 = 1;

/// Octets of salt in a check value.
const SALT_OCTETS: usize = 16;

/// Octets of the derived value in a check value.
const DERIVED_OCTETS: usize = 32;

/// Rounds of PBKDF2-HMAC-SHA256 for a check value: guessing by it is no easier than by a key.
const ROUNDS: NonZeroU32 = match NonZeroU32::new(600_000) {
    Some(rounds) => rounds,
    None => NonZeroU32::MIN,
};

/// The secret all keys at rest are sealed under. Wiped when dropped, stars in `Debug`.
pub struct MasterSecret {
    octets: Zeroizing<Vec<u8>>,
}

impl MasterSecret {
    /// Takes the octets of a secret file; one line end after them is cut off.
    ///
    /// # Errors
    /// [`SealError::Short`] below 16 octets, [`SealError::Long`] above 1024.
    pub fn new(mut octets: Zeroizing<Vec<u8>>) -> Result<MasterSecret, SealError> {
        if octets.last() == Some(&b'\n') {
            octets.pop();
            if octets.last() == Some(&b'\r') {
                octets.pop();
            }
        }
        let found = octets.len();
        if found < LEAST_OCTETS {
            return Err(SealError::Short {
                found,
                least: LEAST_OCTETS,
            });
        }
        if found > MOST_OCTETS {
            return Err(SealError::Long {
                found,
                most: MOST_OCTETS,
            });
        }
        Ok(MasterSecret { octets })
    }

    /// A value to keep beside the sealed keys: tells later whether a secret is the same, and
    /// nothing else about it. Different each time.
    ///
    /// # Errors
    /// [`SealError::Failed`] when the system gives no randomness.
    pub fn check_value(&self) -> Result<Vec<u8>, SealError> {
        let mut salt = [0; SALT_OCTETS];
        crypto::random(&mut salt).map_err(|error| SealError::Failed(error.to_string()))?;
        let mut derived = [0; DERIVED_OCTETS];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ROUNDS,
            &salt,
            &self.octets,
            &mut derived,
        );
        Ok([&[CHECK_FORM][..], &salt, &derived].concat())
    }

    /// Whether `check` was made by [`MasterSecret::check_value`] of the same secret. Takes some
    /// tenths of a second on purpose.
    pub fn matches(&self, check: &[u8]) -> bool {
        let Some((salt, derived)) = check
            .strip_prefix(&[CHECK_FORM])
            .and_then(|rest| rest.split_at_checked(SALT_OCTETS))
            .filter(|(_, derived)| derived.len() == DERIVED_OCTETS)
        else {
            return false;
        };
        pbkdf2::verify(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ROUNDS,
            salt,
            &self.octets,
            derived,
        )
        .is_ok()
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(***)")
    }
}

/// Seals a private key (PKCS#8 DER) as EncryptedPrivateKeyInfo DER: PBES2 with scrypt and AES-256.
///
/// # Errors
/// [`SealError::Failed`] when it is no PKCS#8 key.
pub fn seal(pkcs8: &[u8], master: &MasterSecret) -> Result<Vec<u8>, SealError> {
    encrypt(pkcs8, &master.octets)
}

/// Opens what [`seal`] made. Takes some hundredths of a second on purpose.
///
/// # Errors
/// [`SealError::WrongSecret`], [`SealError::Damaged`].
pub fn unseal(sealed: &[u8], master: &MasterSecret) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(sealed)
        .map_err(|error| SealError::Damaged(error.to_string()))?;
    let clear = info.decrypt(&master.octets).map_err(|error| match error {
        // A wrong secret shows in the padding, or else in octets that are no ASN.1.
        Pkcs8Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed)
        | Pkcs8Error::Asn1(_) => SealError::WrongSecret,
        other => SealError::Damaged(other.to_string()),
    })?;
    PrivateKeyInfoRef::try_from(clear.as_bytes()).map_err(|_| SealError::WrongSecret)?;
    Ok(Zeroizing::new(clear.as_bytes().to_vec()))
}

/// Encrypts a private key under the octets of a secret.
pub(crate) fn encrypt(pkcs8: &[u8], secret: &[u8]) -> Result<Vec<u8>, SealError> {
    let failed = |error: Pkcs8Error| SealError::Failed(error.to_string());
    let key = PrivateKeyInfoRef::try_from(pkcs8).map_err(failed)?;
    let sealed = key.encrypt(secret).map_err(failed)?;
    Ok(sealed.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyKind, generate};

    fn secret(text: &str) -> MasterSecret {
        MasterSecret::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn unseals_with_the_same_secret_only() {
        let key = generate(KeyKind::EcP256).unwrap();
        let master = secret("sixteen octets!!");
        let sealed = seal(&key, &master).unwrap();
        assert_ne!(
            sealed,
            seal(&key, &master).unwrap(),
            "salt and vector are fresh"
        );
        assert_eq!(unseal(&sealed, &master).unwrap(), key);
        for other in ["sixteen octets!?", "sixteen octets!!!"] {
            assert_eq!(unseal(&sealed, &secret(other)), Err(SealError::WrongSecret));
        }
    }

    #[test]
    fn cuts_one_line_end_off_the_secret() {
        let key = generate(KeyKind::EcP256).unwrap();
        let sealed = seal(&key, &secret("sixteen octets!!")).unwrap();
        for text in ["sixteen octets!!\n", "sixteen octets!!\r\n"] {
            assert!(unseal(&sealed, &secret(text)).is_ok());
        }
        assert!(unseal(&sealed, &secret("sixteen octets!!\n\n")).is_err());
    }

    #[test]
    fn refuses_secrets_that_are_too_short_or_too_long() {
        let new = |octets: Vec<u8>| MasterSecret::new(Zeroizing::new(octets)).err();
        assert_eq!(
            new(b"fifteen octets!\n".to_vec()),
            Some(SealError::Short {
                found: 15,
                least: 16
            })
        );
        assert!(matches!(new(vec![7; 1025]), Some(SealError::Long { .. })));
        assert!(new(vec![7; 1024]).is_none());
    }

    #[test]
    fn check_value_tells_another_secret() {
        let master = secret("sixteen octets!!");
        let check = master.check_value().unwrap();
        assert!(master.matches(&check));
        assert!(!secret("sixteen octets!?").matches(&check));
        for broken in [&check[1..], &check[..48], &[], &[2; 49]] {
            assert!(!master.matches(broken));
        }
    }

    #[test]
    fn tells_damage_and_shows_no_secret() {
        let key = generate(KeyKind::EcP256).unwrap();
        let master = secret("sixteen octets!!");
        let sealed = seal(&key, &master).unwrap();
        assert!(matches!(
            unseal(&sealed[..sealed.len() - 1], &master),
            Err(SealError::Damaged(_))
        ));
        assert!(matches!(unseal(b"", &master), Err(SealError::Damaged(_))));
        assert!(matches!(
            seal(b"no key", &master),
            Err(SealError::Failed(_))
        ));
        assert_eq!(format!("{master:?}"), "MasterSecret(***)");
    }
}
