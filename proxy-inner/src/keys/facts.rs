//! What the `certificate` command shows, and the fingerprint of a certificate in a file.

use std::path::Path;

use ::keyring::{Facts, facts};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::{KeyError, tls};

/// What a certificate says, a line each.
pub fn describe(facts: &Facts) -> String {
    let issuer = match facts.self_signed {
        true => "itself",
        false => &facts.issuer,
    };
    let names = match facts.names.is_empty() {
        true => "none".to_owned(),
        false => facts.names.join(", "),
    };
    format!(
        "subject      {}\nissuer       {issuer}\nnames        {names}\nvalid        {} to {}\n\
         fingerprint  {}",
        facts.subject,
        facts.not_before,
        facts.not_after,
        facts.fingerprint_text()
    )
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
    facts(&der)
        .map(|facts| facts.fingerprint_text())
        .map_err(|error| KeyError::Certificate {
            path: path.into(),
            position: 1,
            detail: error.detail,
        })
}
