//! The file services a file gets on its way to a partner (RFC 5024 section 6).

use oftp::Security;

use crate::directory::Partner;
use crate::error::StoreError;

/// What is done to a file before it is sent, and how its receipt is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Services {
    /// Whether it is encrypted, signed, or both (SFIDSEC).
    pub security: Security,
    /// Cipher suite (SFIDCIPH); 0 for none.
    pub suite: u8,
    /// Whether it is compressed in CMS (SFIDCOMP).
    pub compression: bool,
    /// Whether a signed receipt is asked for (SFIDSIGN).
    pub signed_receipt: bool,
}

impl Default for Services {
    fn default() -> Services {
        Services {
            security: Security::None,
            suite: 0,
            compression: false,
            signed_receipt: false,
        }
    }
}

impl Services {
    /// Whether the file goes as it is, and any receipt will do.
    pub fn is_none(&self) -> bool {
        !self.secures() && !self.signed_receipt
    }

    /// Whether the file becomes another one before it is sent: signed, compressed, encrypted.
    pub fn secures(&self) -> bool {
        self.security != Security::None || self.compression
    }

    /// What the terms of the partner have for files to it.
    pub(crate) fn of(partner: &Partner) -> Services {
        Services {
            security: partner.security,
            suite: partner.cipher_suite,
            compression: partner.file_compression,
            signed_receipt: partner.signed_receipts,
        }
        .settled()
    }

    /// The services with what does not matter set to nothing.
    pub(crate) fn settled(self) -> Services {
        let wants_suite = self.security != Security::None || self.signed_receipt;
        Services {
            suite: if wants_suite { self.suite } else { 0 },
            ..self
        }
    }

    /// The same, or what is wrong with them.
    pub(crate) fn checked(self) -> Result<Services, StoreError> {
        let settled = self.settled();
        let wants_suite = settled.security != Security::None || settled.signed_receipt;
        match settled.suite {
            0 if wants_suite => Err(StoreError::Refused(
                "a file that is signed or encrypted, or wants a signed receipt, needs a cipher suite; name one, as 4".to_owned(),
            )),
            100.. => Err(StoreError::Refused(format!(
                "the cipher suite is {}; it has two digits at most",
                settled.suite
            ))),
            _ => Ok(settled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_a_suite_only_where_one_is_used() {
        let compressed = Services {
            suite: 4,
            compression: true,
            ..Services::default()
        };
        assert!(compressed.secures() && !compressed.is_none());
        assert_eq!(compressed.checked().unwrap().suite, 0);
        for security in [
            Security::Signed,
            Security::Encrypted,
            Security::EncryptedAndSigned,
        ] {
            let services = Services {
                security,
                ..Services::default()
            };
            assert!(services.checked().is_err());
            let services = Services {
                suite: 4,
                ..services
            };
            assert_eq!(services.checked().unwrap(), services);
            assert!(
                Services {
                    suite: 100,
                    ..services
                }
                .checked()
                .is_err()
            );
        }
        let receipt = Services {
            signed_receipt: true,
            ..Services::default()
        };
        assert!(!receipt.secures() && !receipt.is_none());
        assert!(receipt.checked().is_err());
        assert!(Services::default().checked().unwrap().is_none());
    }
}
