//! Makes a self-signed certificate for a station that has no certification authority behind it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ::keyring::{Facts, facts};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
};
use rustls_pki_types::ServerName;
use zeroize::Zeroizing;

use super::KeyError;

/// The longest validity given, in days.
const MOST_DAYS: u32 = 3660;

/// A certificate that was just made.
#[derive(Debug)]
pub struct Issued {
    /// What it says.
    pub facts: Facts,
}

/// Makes an ECDSA P-256 key and a self-signed certificate for `hosts`, for TLS as server and as
/// client, valid from yesterday (partners' clocks differ) for `days` days, and writes both files:
/// the key with mode 0600. Existing files are left alone.
///
/// # Errors
/// On a name that is no host, days out of range, files that exist or cannot be written.
pub fn issue(
    hosts: &[String],
    days: u32,
    certificate: &Path,
    key: &Path,
) -> Result<Issued, KeyError> {
    may_make(days, certificate, key)?;
    let params = params(hosts, days)?;
    write_pair(
        &params,
        &KeyPair::generate().map_err(made)?,
        certificate,
        key,
    )
}

/// Makes an RSA-3072 key and a self-signed certificate named `name` for secure authentication, in
/// the same way. It is good for nothing else: not for TLS, and not for signatures.
///
/// # Errors
/// On days out of range, files that exist or cannot be written.
pub fn issue_authentication(
    name: &str,
    days: u32,
    certificate: &Path,
    key: &Path,
) -> Result<Issued, KeyError> {
    may_make(days, certificate, key)?;
    let mut params = CertificateParams::default();
    set_validity(&mut params, days)?;
    set_common_name(&mut params, name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).map_err(made)?;
    write_pair(&params, &pair, certificate, key)
}

fn may_make(days: u32, certificate: &Path, key: &Path) -> Result<(), KeyError> {
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(KeyError::Days {
            found: days,
            most: MOST_DAYS,
        });
    }
    for path in [certificate, key] {
        if path.symlink_metadata().is_ok() {
            return Err(KeyError::Exists { path: path.into() });
        }
    }
    Ok(())
}

fn write_pair(
    params: &CertificateParams,
    pair: &KeyPair,
    certificate: &Path,
    key: &Path,
) -> Result<Issued, KeyError> {
    let signed = params.self_signed(pair).map_err(made)?;
    let facts = facts(signed.der()).map_err(|error| KeyError::Make(error.to_string()))?;

    write_new(key, Zeroizing::new(pair.serialize_pem()).as_bytes(), 0o600)?;
    if let Err(error) = write_new(certificate, signed.pem().as_bytes(), 0o644) {
        // A key without its certificate would only block the next attempt.
        let _ = fs::remove_file(key);
        return Err(error);
    }
    Ok(Issued { facts })
}

fn params(hosts: &[String], days: u32) -> Result<CertificateParams, KeyError> {
    for host in hosts {
        ServerName::try_from(host.as_str()).map_err(|_| KeyError::Host(host.clone()))?;
    }
    let mut params = CertificateParams::new(hosts).map_err(made)?;
    set_validity(&mut params, days)?;
    if let Some(host) = hosts.first() {
        set_common_name(&mut params, host);
    }
    // CA:FALSE said aloud: a self-signed certificate that may sign others is refused as a leaf.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    Ok(params)
}

fn set_validity(params: &mut CertificateParams, days: u32) -> Result<(), KeyError> {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let first = today.checked_sub(1.day()).map_err(out_of_range)?;
    let last = today
        .checked_add(i64::from(days).days())
        .map_err(out_of_range)?;
    let (year, month, day) = parts(first)?;
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = parts(last)?;
    params.not_after = date_time_ymd(year, month, day);
    Ok(())
}

fn set_common_name(params: &mut CertificateParams, name: &str) {
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
}

fn parts(date: Date) -> Result<(i32, u8, u8), KeyError> {
    let month = u8::try_from(date.month()).map_err(out_of_range)?;
    let day = u8::try_from(date.day()).map_err(out_of_range)?;
    Ok((i32::from(date.year()), month, day))
}

/// Writes a file that must not exist yet, and its folder entry, to disk.
fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), KeyError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.into() },
        _ => KeyError::Write {
            path: path.into(),
            source,
        },
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written.map_err(failed)
}

fn made(error: rcgen::Error) -> KeyError {
    KeyError::Make(error.to_string())
}

fn out_of_range(error: impl std::fmt::Display) -> KeyError {
    KeyError::Make(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::super::{fingerprint_of_file, load_chain};
    use super::*;

    #[test]
    fn makes_a_server_and_client_certificate_that_is_no_authority() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("c.key"));
        let hosts = [
            "oftp.example".to_owned(),
            "192.0.2.7".to_owned(),
            "2001:db8::7".to_owned(),
        ];
        let issued = issue(&hosts, 90, &certificate, &key).unwrap();
        assert_eq!(issued.facts.names, hosts);
        assert_eq!(issued.facts.subject, "CN=oftp.example");
        assert_eq!(issued.facts.problem_at(Timestamp::now()), None);
        assert!((88..=90).contains(&issued.facts.days_left(Timestamp::now())));
        assert_eq!(
            fingerprint_of_file(&certificate).unwrap(),
            issued.facts.fingerprint_text()
        );

        let chain = load_chain(&certificate).unwrap();
        let (_, parsed) = X509Certificate::from_der(&chain[0]).unwrap();
        assert!(!parsed.basic_constraints().unwrap().unwrap().value.ca);
        let usage = parsed.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && usage.client_auth);
        assert_eq!(
            fs::metadata(&key).unwrap().permissions().mode() & 0o7777,
            0o600
        );
    }

    #[test]
    fn makes_an_rsa_certificate_that_is_good_for_key_transport_only() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("c.key"));
        let issued = issue_authentication("O0013 US", 90, &certificate, &key).unwrap();
        assert_eq!(issued.facts.subject, "CN=O0013 US");
        let chain = load_chain(&certificate).unwrap();
        let (_, parsed) = X509Certificate::from_der(&chain[0]).unwrap();
        let usage = parsed.key_usage().unwrap().unwrap().value;
        assert!(usage.key_encipherment() && !usage.digital_signature());
        assert!(parsed.extended_key_usage().unwrap().is_none());
        assert!(!parsed.basic_constraints().unwrap().unwrap().value.ca);
        let again = issue_authentication("O0013 US", 90, &certificate, &key).unwrap_err();
        assert!(matches!(again, KeyError::Exists { .. }), "{again}");
    }

    #[test]
    fn overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("c.key"));
        fs::write(&certificate, "mine").unwrap();
        let refused = issue(&["a.example".to_owned()], 1, &certificate, &key).unwrap_err();
        assert!(matches!(refused, KeyError::Exists { .. }), "{refused}");
        assert_eq!(fs::read(&certificate).unwrap(), b"mine");
        assert!(!key.exists(), "no key is left without its certificate");
    }

    #[test]
    fn refuses_names_that_are_no_hosts_and_days_out_of_range() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("c.key"));
        let host = issue(&["not a host".to_owned()], 1, &certificate, &key).unwrap_err();
        assert!(matches!(host, KeyError::Host(_)), "{host}");
        let days = issue(&["a.example".to_owned()], 0, &certificate, &key).unwrap_err();
        assert!(matches!(days, KeyError::Days { .. }), "{days}");
    }
}
