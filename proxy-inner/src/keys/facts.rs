//! What a certificate says, read once and put in words for an operator.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{KeyError, tls};

/// The facts of one certificate an operator compares and worries about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Whom it names.
    pub subject: String,
    /// Who made it.
    pub issuer: String,
    /// DNS names and IP addresses of the subject alternative name, in its order.
    pub names: Vec<String>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// Whether subject and issuer are the same.
    pub self_issued: bool,
    /// SHA-256 of the whole certificate, as `sha256:<64 hex digits>`.
    pub fingerprint: String,
}

impl CertificateFacts {
    /// Reads the facts from a certificate in DER.
    ///
    /// # Errors
    /// A few words on why it does not parse.
    pub fn of(der: &[u8]) -> Result<CertificateFacts, String> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        if !rest.is_empty() {
            return Err(format!("{} octets follow the certificate", rest.len()));
        }
        let moment = |seconds: i64| {
            Timestamp::from_second(seconds).map_err(|_| "its validity is out of range".to_owned())
        };
        let validity = certificate.validity();
        Ok(CertificateFacts {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: alternative_names(&certificate),
            not_before: moment(validity.not_before.timestamp())?,
            not_after: moment(validity.not_after.timestamp())?,
            self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            fingerprint: fingerprint(der),
        })
    }

    /// The problem with using it at `now`, if any.
    pub fn problem_at(&self, now: Timestamp) -> Option<String> {
        if now < self.not_before {
            return Some(format!(
                "not valid before {}; check this host's clock",
                self.not_before
            ));
        }
        if now > self.not_after {
            return Some(format!("expired on {}; replace it", self.not_after));
        }
        None
    }

    /// Whole days from `now` until it ends; negative when it has.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        (self.not_after.as_second() - now.as_second()).div_euclid(86_400)
    }
}

impl fmt::Display for CertificateFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = if self.names.is_empty() {
            "none".to_owned()
        } else {
            self.names.join(", ")
        };
        writeln!(f, "subject      {}", self.subject)?;
        if self.self_issued {
            writeln!(f, "issuer       itself")?;
        } else {
            writeln!(f, "issuer       {}", self.issuer)?;
        }
        writeln!(f, "names        {names}")?;
        writeln!(f, "valid        {} to {}", self.not_before, self.not_after)?;
        write!(f, "fingerprint  {}", self.fingerprint)
    }
}

/// The fingerprint of the first certificate of a PEM or DER file.
///
/// # Errors
/// When the file cannot be read or holds no certificate that parses.
pub fn fingerprint_of_file(path: &Path) -> Result<String, KeyError> {
    let octets = tls::read(&tls::open(path)?, path)?;
    let der = match CertificateDer::from_pem_slice(&octets) {
        Ok(der) => der.to_vec(),
        // Not PEM: a DER file starts with a SEQUENCE.
        Err(_) if octets.first() == Some(&0x30) => octets.to_vec(),
        Err(_) => return Err(KeyError::NoCertificate { path: path.into() }),
    };
    CertificateFacts::of(&der)
        .map(|facts| facts.fingerprint)
        .map_err(|detail| KeyError::Certificate {
            path: path.into(),
            position: 1,
            detail,
        })
}

fn fingerprint(der: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::from("sha256:");
    for octet in Sha256::digest(der) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    extension.value.general_names.iter().map(in_words).collect()
}

fn in_words(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::IPAddress(octets) => {
            if let Ok(four) = <[u8; 4]>::try_from(*octets) {
                Ipv4Addr::from(four).to_string()
            } else if let Ok(sixteen) = <[u8; 16]>::try_from(*octets) {
                Ipv6Addr::from(sixteen).to_string()
            } else {
                format!("an address of {} octets", octets.len())
            }
        }
        other => other.to_string(),
    }
}
