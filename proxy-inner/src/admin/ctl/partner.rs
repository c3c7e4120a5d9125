//! `partner add`: options, passwords and certificate files made into what is put.

use std::path::PathBuf;

use store::{certificates_from_pem, certificates_to_pem};

use super::super::args::PartnerAdd;
use super::super::client::CtlError;
use super::super::prompt::{Passwords, PromptError};
use super::super::protocol::PartnerEntry;
use super::super::view::PartnerView;
use super::Ctl;
use crate::keys;

impl Ctl<'_> {
    /// What is put, with the passwords and certificates that options name.
    pub(super) fn entry(&mut self, args: PartnerAdd) -> Result<PartnerEntry, CtlError> {
        let certificates = args
            .certificates
            .into_iter()
            .map(fingerprint)
            .collect::<Result<_, _>>()?;
        let mut passwords = Passwords::new(&mut *self.console.stdin, self.console.terminal);
        let here = |error: PromptError| CtlError::Here(error.to_string());
        let sent = args.password_sent_file.as_deref();
        let password_sent = passwords
            .take(
                "password-sent-file",
                sent,
                &format!("Password we send to {}", args.name),
            )
            .map_err(here)?;
        let expected = args.password_expected_file.as_deref();
        let password_expected = passwords
            .take(
                "password-expected-file",
                expected,
                &format!("Password {} sends", args.name),
            )
            .map_err(here)?;
        let authentication_certificates = pem(&args.authentication_certificates)?;
        let plain = PartnerView::default();
        let partner = PartnerView {
            name: args.name,
            code: args.code,
            station: args.station,
            address: args.address,
            transport: args.transport,
            certificates,
            server_name: args.server_name,
            level: args.level,
            lowest_level: args.lowest_level.unwrap_or(args.level),
            buffer: args.buffer,
            credit: args.credit,
            compression: !args.no_compression,
            restart: !args.no_restart,
            authentication: args.authentication,
            authentication_certificates,
            refuse: match args.refuse.as_slice() {
                [] => plain.refuse,
                [none] if none == "none" => Vec::new(),
                _ => args.refuse,
            },
            receipts: args.receipts,
            receipt_within: ops::duration::display(args.receipt_within).to_string(),
            call_for_receipts: args.call_for_receipts,
            stations: args.stations,
            gateway: args.gateway,
            format: args.format,
            record_length: args.record_length,
            records: args.records,
            enabled: !args.disabled,
        };
        Ok(PartnerEntry {
            partner,
            password_sent,
            password_expected,
        })
    }
}

/// A certificate named by its fingerprint, or by a file it is in.
fn fingerprint(given: String) -> Result<String, CtlError> {
    if given.starts_with("sha256:") {
        return Ok(given);
    }
    keys::fingerprint_of_file(&PathBuf::from(given))
        .map_err(|error| CtlError::Here(format!("--certificate {error}")))
}

/// The certificates of files as one PEM text.
fn pem(files: &[PathBuf]) -> Result<String, CtlError> {
    let mut text = String::new();
    for file in files {
        let told = |why: String| {
            CtlError::Here(format!(
                "--authentication-certificate {}: {why}",
                file.display()
            ))
        };
        let octets =
            std::fs::read(file).map_err(|error| told(format!("cannot be read: {error}")))?;
        // A DER file begins with a SEQUENCE, which no text does.
        let certificates = match str::from_utf8(&octets) {
            Ok(pem) if octets.first() != Some(&0x30) => {
                certificates_from_pem(pem).map_err(|error| told(error.to_string()))?
            }
            _ => vec![octets],
        };
        if certificates.is_empty() {
            return Err(told("holds no certificate".to_owned()));
        }
        text.push_str(&certificates_to_pem(&certificates));
    }
    Ok(text)
}
