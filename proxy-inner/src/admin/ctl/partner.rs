//! `partner add`: options, passwords and certificate files made into what is put.

use std::path::PathBuf;

use keyring::Slot;
use store::{PARTNER_ROLES, UnsignedReceipts, certificates_to_pem};

use super::super::args::{ALL, PartnerAdd};
use super::super::client::CtlError;
use super::super::prompt::{Passwords, PromptError};
use super::super::protocol::PartnerEntry;
use super::super::view::{PartnerView, RoleCertificateView};
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
        let certificate = role_certificates(&args.role_certificates)?;
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
            security: args.security,
            cipher_suite: args.cipher_suite,
            file_compression: args.compress_files,
            signed_receipts: args.signed_receipts,
            cipher_suites: match args.cipher_suites.as_slice() {
                [] => plain.cipher_suites,
                _ => args.cipher_suites,
            },
            accept_encrypted: args.accept_encrypted,
            accept_signed: args.accept_signed,
            accept_compressed: args.accept_compressed,
            check: args.check,
            unsigned_receipts: match args.accept_unsigned_receipts {
                true => UnsignedReceipts::Accepted.to_string(),
                false => plain.unsigned_receipts,
            },
            receipt_signature: args.receipt_signature,
            include_certificate: args.include_certificate,
            encoding: args.encoding,
            expansion: args.expansion,
            receipt_suite: args.receipt_suite,
            archive: args.archive,
            certificate,
        };
        Ok(PartnerEntry {
            keep_certificates: partner.certificate.is_empty(),
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

/// The certificates of files, each with what it is for.
fn role_certificates(given: &[(String, PathBuf)]) -> Result<Vec<RoleCertificateView>, CtlError> {
    let view = |(role, file): &(String, PathBuf)| {
        let told =
            |why: String| CtlError::Here(format!("--role-certificate {}: {why}", file.display()));
        let octets =
            std::fs::read(file).map_err(|error| told(format!("cannot be read: {error}")))?;
        let found = keyring::certificates(&octets).map_err(|error| told(error.to_string()))?;
        let own = found
            .first()
            .ok_or_else(|| told("holds no certificate".to_owned()))?;
        let roles = match role.as_str() {
            ALL => PARTNER_ROLES.map(|role| role.to_string()).to_vec(),
            role => vec![role.to_owned()],
        };
        Ok(RoleCertificateView {
            roles,
            slot: Slot::Current.to_string(),
            pem: certificates_to_pem(&[own]),
        })
    };
    given.iter().map(view).collect()
}
