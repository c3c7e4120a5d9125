//! The rules for how files are protected: what terms need of certificates, suites and levels.

use std::ops::RangeInclusive;

use keyring::{Role, Slot};
use oftp::{Level, Security};

use super::rules::{Breach, range};
use super::{Acceptance, Encoding, Partner, security_word};
use crate::services::Services;

/// The roles a partner's certificates have; of its TLS certificates we keep fingerprints.
pub const PARTNER_ROLES: [Role; 4] = [
    Role::Encryption,
    Role::FileSigning,
    Role::ReceiptSigning,
    Role::Authentication,
];

/// The numbers of cipher suites (SFIDCIPH).
pub(super) const SUITES: RangeInclusive<u8> = 1..=10;

/// One octet that becomes more than this is refused whatever a partner's files are like.
pub(super) const EXPANSION: RangeInclusive<u32> = 2..=100_000;

/// What `cipher_suites` must hold, in words that can follow "wanted".
pub(super) const SUITE_LIST: &str = "one or more cipher suites, 1 to 10 each";

impl Partner {
    /// What stands against a file with these services to it, a sentence each, by the apply file's key.
    pub fn obstacles(&self, services: &Services) -> Vec<(&'static str, String)> {
        let asked = Partner {
            security: services.security,
            cipher_suite: match services.suite {
                0 => self.cipher_suite,
                suite => suite,
            },
            file_compression: services.compression,
            signed_receipts: services.signed_receipt,
            // A session of a lower level leaves such a file for the next one.
            lowest_level: self.level,
            ..self.clone()
        };
        let own = [
            SECURITY,
            CIPHER_SUITE,
            FILE_COMPRESSION,
            SIGNED_RECEIPTS,
            ENCODING,
        ];
        let range = asked.protection_out_of_range().into_iter();
        let all = range.chain(asked.protection_that_clashes());
        all.filter(|breach| own.contains(&breach.key))
            .map(|breach| {
                (
                    breach.key,
                    format!("found {}, wanted {}", breach.found, breach.wanted),
                )
            })
            .collect()
    }

    /// Values that are wrong whatever the others are.
    pub(super) fn protection_out_of_range(&self) -> Vec<Breach> {
        let mut found = Vec::new();
        let mut breach = |key, value: String, wanted: String| {
            found.push(Breach {
                key,
                keys: &[],
                found: value,
                wanted,
            });
        };
        for (key, suite) in [
            (CIPHER_SUITE, self.cipher_suite),
            ("receipt_suite", self.receipt_suite),
        ] {
            if !SUITES.contains(&suite) {
                breach(key, suite.to_string(), "a cipher suite, 1 to 10".to_owned());
            }
        }
        let wrong = self.cipher_suites.iter().find(|one| !SUITES.contains(one));
        match (wrong, self.cipher_suites.as_slice()) {
            (Some(suite), _) => breach(CIPHER_SUITES, suite.to_string(), SUITE_LIST.to_owned()),
            (None, []) => breach(CIPHER_SUITES, "none".to_owned(), SUITE_LIST.to_owned()),
            (None, _) => {}
        }
        if !EXPANSION.contains(&self.expansion) {
            let wanted = range(&EXPANSION, "octets out of one");
            breach("expansion", self.expansion.to_string(), wanted);
        }
        found
    }

    /// Terms that are right alone and not together.
    pub(super) fn protection_that_clashes(&self) -> Vec<Breach> {
        let mut clashes = self.certificates_that_clash();
        let mut clash = |keys: &'static [&'static str], found: String, wanted: &str| {
            clashes.push(Breach {
                key: keys.first().copied().unwrap_or_default(),
                keys,
                found,
                wanted: wanted.to_owned(),
            });
        };
        if !self.cipher_suites.contains(&self.cipher_suite) {
            let allowed: Vec<_> = self.cipher_suites.iter().map(u8::to_string).collect();
            clash(
                &[CIPHER_SUITE, CIPHER_SUITES],
                self.cipher_suite.to_string(),
                &format!("one of cipher_suites, which has {}", allowed.join(", ")),
            );
        }
        let lowest = self.lowest_level.min(self.level);
        if lowest < Level::L5 {
            for (keys, term) in self.terms_of_level_5() {
                clash(
                    keys,
                    format!("{term} where sessions of level {lowest} are allowed"),
                    "level and lowest_level 5 with it: lower levels have no file security",
                );
            }
        }
        let encrypts = matches!(
            self.security,
            Security::Encrypted | Security::EncryptedAndSigned
        );
        if encrypts && !self.has(Role::Encryption, Some(Slot::Current)) {
            clash(
                &[SECURITY, CERTIFICATE],
                format!(
                    "\"{}\" without a certificate to encrypt for",
                    security_word(self.security)
                ),
                "the partner's certificate with the role \"encryption\" and the slot \"current\"",
            );
        }
        if self.signed_receipts && !self.has(Role::ReceiptSigning, None) {
            clash(
                &[SIGNED_RECEIPTS, CERTIFICATE],
                "true without a certificate to check them with".to_owned(),
                "the partner's certificate with the role \"receipt-signing\"",
            );
        }
        if self.accept_signed == Acceptance::Required && !self.has(Role::FileSigning, None) {
            clash(
                &["accept_signed", CERTIFICATE],
                "\"required\" without a certificate to check signatures with".to_owned(),
                "the partner's certificate with the role \"file-signing\"",
            );
        }
        if self.encoding == Encoding::Definite && self.file_compression {
            clash(
                &[ENCODING, FILE_COMPRESSION],
                "\"definite\" for files that are compressed".to_owned(),
                "\"indefinite\", or file_compression false: nobody knows beforehand how long \
                 compressed data will be",
            );
        }
        clashes
    }

    /// The terms only sessions of level 5 can keep, each with its value in words.
    fn terms_of_level_5(&self) -> Vec<(&'static [&'static str], String)> {
        let mut terms: Vec<(&'static [&'static str], String)> = Vec::new();
        if self.security != Security::None {
            let word = security_word(self.security);
            terms.push((&[SECURITY, LEVEL, LOWEST], format!("\"{word}\"")));
        }
        if self.file_compression {
            terms.push((&[FILE_COMPRESSION, LEVEL, LOWEST], "true".to_owned()));
        }
        if self.signed_receipts {
            terms.push((&[SIGNED_RECEIPTS, LEVEL, LOWEST], "true".to_owned()));
        }
        let required: [(&'static [&'static str], Acceptance); 3] = [
            (&["accept_encrypted", LEVEL, LOWEST], self.accept_encrypted),
            (&["accept_signed", LEVEL, LOWEST], self.accept_signed),
            (
                &["accept_compressed", LEVEL, LOWEST],
                self.accept_compressed,
            ),
        ];
        for (keys, acceptance) in required {
            if acceptance == Acceptance::Required {
                terms.push((keys, "\"required\"".to_owned()));
            }
        }
        terms
    }

    fn certificates_that_clash(&self) -> Vec<Breach> {
        let mut clashes = Vec::new();
        let mut clash = |found: String, wanted: &str| {
            clashes.push(Breach {
                key: CERTIFICATE,
                keys: &[CERTIFICATE],
                found,
                wanted: wanted.to_owned(),
            });
        };
        for (place, held) in self.role_certificates.iter().enumerate() {
            if !PARTNER_ROLES.contains(&held.role) {
                clash(format!("the role \"{}\"", held.role), &roles());
            }
            for other in self.role_certificates.iter().take(place) {
                if other.role != held.role {
                    continue;
                }
                if other.slot == held.slot {
                    clash(
                        format!("a second {} one for {}", held.slot, held.role),
                        "at most one certificate of each role and slot",
                    );
                } else if other.certificate == held.certificate {
                    clash(
                        format!(
                            "the same one as {} and {} for {}",
                            other.slot, held.slot, held.role
                        ),
                        "each certificate once for each role",
                    );
                }
            }
        }
        clashes
    }

    fn has(&self, role: Role, slot: Option<Slot>) -> bool {
        self.role_certificates
            .iter()
            .any(|held| held.role == role && slot.is_none_or(|slot| held.slot == slot))
    }
}

/// The roles there are for partners, in words that can follow "wanted".
pub(super) fn roles() -> String {
    let words = PARTNER_ROLES.map(|role| format!("\"{role}\"")).join(", ");
    format!("one of {words}; its TLS certificates are in `certificates`, by fingerprint")
}

const SECURITY: &str = "security";
const CIPHER_SUITE: &str = "cipher_suite";
const CIPHER_SUITES: &str = "cipher_suites";
const FILE_COMPRESSION: &str = "file_compression";
const SIGNED_RECEIPTS: &str = "signed_receipts";
const ENCODING: &str = "encoding";
const CERTIFICATE: &str = "certificate";
const LEVEL: &str = "level";
const LOWEST: &str = "lowest_level";
