//! Everything of use in a file, whatever forms it comes in.

use super::armour::{self, Block};
use super::private::Key;
use super::shape::{Shape, shape};
use super::{MOST_CERTIFICATES, MOST_OCTETS, pkcs7, pkcs12};
use crate::ImportError;
use crate::der;

/// What was found so far.
#[derive(Default)]
pub(super) struct Gathered {
    /// Private keys, each once.
    pub(super) keys: Vec<Key>,
    /// Certificates in DER, each once.
    pub(super) certificates: Vec<Vec<u8>>,
    /// What the operator should know.
    pub(super) notes: Vec<String>,
    /// What was seen and is neither.
    others: Vec<&'static str>,
    /// Whether something was encrypted.
    pub(super) encrypted: bool,
}

/// Takes a file apart.
///
/// # Errors
/// Everything of [`ImportError`] that concerns one part; how parts fit is not judged here.
pub(super) fn gather(octets: &[u8], passphrase: Option<&str>) -> Result<Gathered, ImportError> {
    if octets.trim_ascii().is_empty() {
        return Err(ImportError::Empty);
    }
    if octets.len() > MOST_OCTETS {
        return Err(ImportError::TooLarge {
            octets: octets.len(),
            most: MOST_OCTETS,
        });
    }
    let wide = armour::plain(octets);
    let octets = wide.as_ref().map_or(octets, |wide| wide.as_slice());
    let mut gathered = Gathered::default();
    if armour::is_pem(octets) {
        for block in armour::blocks(octets)? {
            gathered.block(&block, passphrase)?;
        }
    } else if octets.first() == Some(&der::SEQUENCE) {
        gathered.elements(octets, passphrase)?;
    } else {
        match armour::bare(octets) {
            Some(der) => gathered.elements(&der, passphrase)?,
            None => return Err(unrecognised(octets)),
        }
    }
    if passphrase.is_some_and(|given| !given.is_empty()) && !gathered.encrypted {
        gathered.notes.push(
            "The passphrase was not needed: nothing in the file is encrypted. Whoever had the \
             file had the key."
                .to_owned(),
        );
    }
    Ok(gathered)
}

impl Gathered {
    /// Whether neither key nor certificate was found.
    pub(super) fn nothing(&self) -> bool {
        self.keys.is_empty() && self.certificates.is_empty()
    }

    /// What was found instead.
    pub(super) fn why_nothing(&self) -> ImportError {
        let found = if self.others.is_empty() {
            "nothing that is known".to_owned()
        } else {
            self.others.join(", ")
        };
        ImportError::Nothing { found }
    }

    fn block(&mut self, block: &Block, passphrase: Option<&str>) -> Result<(), ImportError> {
        if block.encrypted {
            return Err(ImportError::OldEncryption {
                scheme: "OpenSSL's old PEM encryption (MD5)",
                provider: "",
            });
        }
        match block.label.as_str() {
            "CERTIFICATE"
            | "X509 CERTIFICATE"
            | "PRIVATE KEY"
            | "ENCRYPTED PRIVATE KEY"
            | "RSA PRIVATE KEY"
            | "EC PRIVATE KEY"
            | "PKCS7"
            | "CMS"
            | "PKCS12"
            | "CERTIFICATE REQUEST"
            | "NEW CERTIFICATE REQUEST"
            | "PUBLIC KEY"
            | "X509 CRL"
            | "DSA PRIVATE KEY" => {
                let (der, rest) =
                    der::normalise(&block.der).ok_or_else(|| ImportError::Damaged {
                        what: format!("PEM block {}", block.label),
                        detail: torn(&block.der),
                    })?;
                if !rest.is_empty() {
                    return Err(ImportError::Damaged {
                        what: format!("PEM block {}", block.label),
                        detail: format!("{} octets follow what it should hold", rest.len()),
                    });
                }
                self.element(&der, passphrase)
            }
            // openssl's own form: the certificate, then what openssl trusts it for.
            "TRUSTED CERTIFICATE" => {
                let (der, _) = der::normalise(&block.der).ok_or_else(|| ImportError::Damaged {
                    what: format!("PEM block {}", block.label),
                    detail: torn(&block.der),
                })?;
                self.element(&der, passphrase)
            }
            "EC PARAMETERS" | "DH PARAMETERS" | "DSA PARAMETERS" => Ok(()),
            "RSA PUBLIC KEY" => {
                self.others.push("a public key");
                Ok(())
            }
            "OPENSSH PRIVATE KEY" => Err(ImportError::Unsupported {
                found: "it is a key of OpenSSH".to_owned(),
                advice: "turn a copy of it into PKCS#8 with: ssh-keygen -p -m PKCS8 -f COPY"
                    .to_owned(),
            }),
            label if label.starts_with("PGP") => Err(ImportError::Unsupported {
                found: "it is for OpenPGP".to_owned(),
                advice: "OFTP2 needs X.509 certificates; ask for one".to_owned(),
            }),
            label => Err(ImportError::Unrecognised {
                found: format!("the file holds a PEM block {label}, which is not known here"),
            }),
        }
    }

    /// DER elements one after the other, of which only certificates may be several.
    fn elements(&mut self, octets: &[u8], passphrase: Option<&str>) -> Result<(), ImportError> {
        let mut rest = octets;
        loop {
            let (der, after) = der::normalise(rest).ok_or_else(|| ImportError::Damaged {
                what: "file".to_owned(),
                detail: torn(rest),
            })?;
            self.element(&der, passphrase)?;
            // Editors and transfers leave a line end or zeros behind.
            if after
                .iter()
                .all(|octet| *octet == 0 || octet.is_ascii_whitespace())
            {
                return Ok(());
            }
            if shape(&der) != Shape::Certificate {
                return Err(ImportError::Damaged {
                    what: "file".to_owned(),
                    detail: format!("{} octets follow what it should hold", after.len()),
                });
            }
            rest = after;
        }
    }

    fn element(&mut self, der: &[u8], passphrase: Option<&str>) -> Result<(), ImportError> {
        match shape(der) {
            Shape::Pkcs12 => pkcs12::read(der, passphrase, self),
            Shape::Pkcs8 => Key::of_pkcs8(der).map(|key| self.push_key(key)),
            Shape::Pkcs1 => Key::of_pkcs1(der).map(|key| self.push_key(key)),
            Shape::Sec1 => Key::of_sec1(der).map(|key| self.push_key(key)),
            Shape::EncryptedPkcs8 => {
                self.encrypted = true;
                Key::of_encrypted(der, passphrase).map(|key| self.push_key(key))
            }
            Shape::Pkcs7 => {
                let certificates =
                    pkcs7::certificates(der).ok_or_else(|| ImportError::Damaged {
                        what: "PKCS#7 bundle".to_owned(),
                        detail: "it is no SignedData".to_owned(),
                    })?;
                if certificates.is_empty() {
                    self.others.push("a PKCS#7 without certificates");
                }
                certificates
                    .into_iter()
                    .try_for_each(|certificate| self.push_certificate(certificate))
            }
            Shape::Certificate => self.push_certificate(der.to_vec()),
            Shape::Request => {
                self.others
                    .push("a certificate signing request (the certificate made from it is wanted)");
                Ok(())
            }
            Shape::RevocationList => {
                self.others.push("a revocation list");
                Ok(())
            }
            Shape::PublicKey => {
                self.others.push("a public key");
                Ok(())
            }
            Shape::Dsa => Err(ImportError::UnusableKey {
                found: "a DSA key".to_owned(),
            }),
            Shape::Other => Err(ImportError::Unrecognised {
                found: "it is ASN.1 of a kind that is not known here".to_owned(),
            }),
        }
    }

    pub(super) fn push_key(&mut self, key: Key) {
        if !self.keys.iter().any(|known| known.public == key.public) {
            self.keys.push(key);
        }
    }

    pub(super) fn push_certificate(&mut self, der: Vec<u8>) -> Result<(), ImportError> {
        if self.certificates.contains(&der) {
            return Ok(());
        }
        self.certificates.push(der);
        if self.certificates.len() > MOST_CERTIFICATES {
            return Err(ImportError::TooMany {
                found: self.certificates.len(),
                most: MOST_CERTIFICATES,
            });
        }
        Ok(())
    }
}

/// Why octets that start like DER are none.
fn torn(octets: &[u8]) -> String {
    let mut reader = der::Reader::new(octets);
    if octets.first() == Some(&der::SEQUENCE) && reader.next().is_none() {
        "it ends before it should, so it was cut off".to_owned()
    } else {
        "what is inside does not parse".to_owned()
    }
}

fn unrecognised(octets: &[u8]) -> ImportError {
    match octets.get(..4) {
        Some([0xFE, 0xED, 0xFE, 0xED] | [0xCE, 0xCE, 0xCE, 0xCE]) => ImportError::Unsupported {
            found: "it is a Java keystore (JKS or JCEKS)".to_owned(),
            advice: "turn it into PKCS#12 with: keytool -importkeystore -srckeystore OLD.jks \
                     -destkeystore NEW.p12 -deststoretype PKCS12"
                .to_owned(),
        },
        Some(b"PK\x03\x04") => ImportError::Unsupported {
            found: "it is a ZIP archive".to_owned(),
            advice: "unpack it and give the file inside".to_owned(),
        },
        _ if octets.is_ascii() => ImportError::Unrecognised {
            found: "it is text without a line that starts with -----BEGIN".to_owned(),
        },
        _ => ImportError::Unrecognised {
            found: "it is neither PEM nor DER".to_owned(),
        },
    }
}
