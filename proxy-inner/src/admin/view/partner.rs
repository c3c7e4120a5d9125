//! Partners as operators see them, and the way back.

use oftp::{Deviations, Format};
use serde::{Deserialize, Serialize};
use store::{
    Partner, ReceiptTiming, RecordForm, Transport, certificates_from_pem, certificates_to_pem,
    deviation_names, deviations_from_names,
};

/// One partner, without its passwords; the keys are those of apply files. One that is left out has
/// the default it has there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PartnerView {
    /// Our name for it.
    pub name: String,
    /// Its identification code.
    pub code: String,
    /// The station of ours it deals with.
    pub station: String,
    /// Where we call it, as `host:port`.
    pub address: Option<String>,
    /// `tls` or `plain`.
    pub transport: String,
    /// Fingerprints of the TLS certificates it may show.
    pub certificates: Vec<String>,
    /// The name its TLS certificate must carry when we call it.
    pub server_name: Option<String>,
    /// Protocol level we offer: 1, 2, 4 or 5.
    pub level: u8,
    /// Lowest level a session may have.
    pub lowest_level: u8,
    /// Largest data exchange buffer we offer, octets.
    pub buffer: u32,
    /// Largest credit we offer, buffers.
    pub credit: u16,
    /// Whether we offer compression.
    pub compression: bool,
    /// Whether we offer restart.
    pub restart: bool,
    /// Whether both sides prove themselves by secure authentication.
    pub authentication: bool,
    /// Its certificates for that, as PEM text; may be empty.
    pub authentication_certificates: String,
    /// Names of the leniencies it does not get; `all` alone for every one.
    pub refuse: Vec<String>,
    /// When it gets its receipts: `delivered` or `confirmed`.
    pub receipts: String,
    /// How long after a file its receipt is overdue, as `3d`.
    pub receipt_within: String,
    /// Whether it is called when only an overdue receipt is wanted of it.
    pub call_for_receipts: bool,
    /// Codes of further stations reached through it.
    pub stations: Vec<String>,
    /// Whether files from it for stations of other partners are forwarded.
    pub gateway: bool,
    /// Format of files from its outbox folder: `U`, `T`, `F` or `V`.
    pub format: String,
    /// Their record length, octets.
    pub record_length: u32,
    /// How records lie in V files: `prefixed` or `lines`.
    pub records: String,
    /// Whether it may connect and is called.
    pub enabled: bool,
}

impl Default for PartnerView {
    /// What an apply file's defaults are; without name, code and station.
    fn default() -> Self {
        PartnerView {
            name: String::new(),
            code: String::new(),
            station: String::new(),
            address: None,
            transport: Transport::default().to_string(),
            certificates: Vec::new(),
            server_name: None,
            level: 5,
            lowest_level: 5,
            buffer: store::DEFAULT_BUFFER,
            credit: store::DEFAULT_CREDIT,
            compression: true,
            restart: true,
            authentication: false,
            authentication_certificates: String::new(),
            refuse: names(Deviations::refused_by_default()),
            receipts: ReceiptTiming::default().to_string(),
            receipt_within: ops::duration::display(store::DEFAULT_RECEIPT_WITHIN).to_string(),
            call_for_receipts: false,
            stations: Vec::new(),
            gateway: false,
            format: Format::Unstructured.to_string(),
            record_length: 0,
            records: RecordForm::default().to_string(),
            enabled: true,
        }
    }
}

impl From<&Partner> for PartnerView {
    fn from(partner: &Partner) -> Self {
        let texts = |certificates: &[store::Fingerprint]| {
            certificates.iter().map(ToString::to_string).collect()
        };
        PartnerView {
            name: partner.name.clone(),
            code: partner.code.to_string(),
            station: partner.station.clone(),
            address: partner.address.clone(),
            transport: partner.transport.to_string(),
            certificates: texts(&partner.certificates),
            server_name: partner.server_name.clone(),
            level: partner.level as u8,
            lowest_level: partner.lowest_level as u8,
            buffer: partner.buffer,
            credit: partner.credit,
            compression: partner.compression,
            restart: partner.restart,
            authentication: partner.authentication,
            authentication_certificates: certificates_to_pem(&partner.authentication_certificates),
            refuse: names(partner.refuse),
            receipts: partner.receipts.to_string(),
            receipt_within: ops::duration::display(partner.receipt_within).to_string(),
            call_for_receipts: partner.call_for_receipts,
            stations: partner.stations.iter().map(ToString::to_string).collect(),
            gateway: partner.gateway,
            format: partner.format.to_string(),
            record_length: partner.record_length,
            records: partner.records.to_string(),
            enabled: partner.enabled,
        }
    }
}

fn names(deviations: Deviations) -> Vec<String> {
    let names = deviation_names(deviations).into_iter();
    names.map(ToOwned::to_owned).collect()
}

impl PartnerView {
    /// The partner it describes, without passwords. What rules its terms must keep together is the
    /// store's to say.
    ///
    /// # Errors
    /// Everything that cannot be read, a sentence each.
    pub(in crate::admin) fn to_partner(&self) -> Result<Partner, Vec<String>> {
        let mut problems = Vec::new();
        let mut told = |key: &str, problem: String| problems.push(format!("{key}: {problem}"));
        let mut level = |key, number: u8| {
            let level = oftp::Level::from_number(number);
            if level.is_none() {
                told(key, format!("found {number}, wanted 1, 2, 4 or 5"));
            }
            level
        };
        let (level, lowest_level) = (
            level("level", self.level),
            level("lowest_level", self.lowest_level),
        );
        let code = self.code.parse();
        let code = code.map_err(|error| told("code", format!("{:?}: {error}", self.code)));
        let mut certificates = Vec::with_capacity(self.certificates.len());
        for fingerprint in &self.certificates {
            match fingerprint.parse() {
                Ok(fingerprint) => certificates.push(fingerprint),
                Err(error) => told("certificates", format!("{fingerprint:?}: {error}")),
            }
        }
        let mut stations = Vec::with_capacity(self.stations.len());
        for code in &self.stations {
            match code.parse() {
                Ok(code) => stations.push(code),
                Err(error) => told("stations", format!("{code:?}: {error}")),
            }
        }
        let transport = Transport::from_word(&self.transport);
        if transport.is_none() {
            told("transport", wanted(&self.transport, Transport::ALL));
        }
        let receipts = ReceiptTiming::from_word(&self.receipts);
        if receipts.is_none() {
            told("receipts", wanted(&self.receipts, ReceiptTiming::ALL));
        }
        let records = RecordForm::from_word(&self.records);
        if records.is_none() {
            told("records", wanted(&self.records, RecordForm::ALL));
        }
        let format = format_from_text(&self.format);
        if format.is_none() {
            told(
                "format",
                format!("found {:?}, wanted U, T, F or V", self.format),
            );
        }
        let receipt_within = ops::duration::parse(&self.receipt_within)
            .map_err(|error| told("receipt_within", error.to_string()));
        let refuse =
            deviations_from_names(&self.refuse).map_err(|error| told("refuse", error.to_string()));
        let authentication_certificates = certificates_from_pem(&self.authentication_certificates)
            .map_err(|error| told("authentication_certificates", error.to_string()));
        let read = || {
            Some(Partner {
                address: self.address.clone(),
                transport: transport?,
                certificates,
                server_name: self.server_name.clone(),
                level: level?,
                lowest_level: lowest_level?,
                buffer: self.buffer,
                credit: self.credit,
                compression: self.compression,
                restart: self.restart,
                authentication: self.authentication,
                authentication_certificates: authentication_certificates.ok()?,
                refuse: refuse.ok()?,
                receipts: receipts?,
                receipt_within: receipt_within.ok()?,
                call_for_receipts: self.call_for_receipts,
                stations,
                gateway: self.gateway,
                format: format?,
                record_length: self.record_length,
                records: records?,
                enabled: self.enabled,
                ..Partner::new(self.name.as_str(), code.ok()?, self.station.as_str())
            })
        };
        match read() {
            Some(partner) if problems.is_empty() => Ok(partner),
            _ => Err(problems),
        }
    }
}

/// The format of its letter, if it is one.
pub(in crate::admin) fn format_from_text(text: &str) -> Option<Format> {
    match text.as_bytes() {
        [letter] => Format::from_octet(*letter),
        _ => None,
    }
}

fn wanted<T>(found: &str, words: &[(&str, T)]) -> String {
    let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    format!("found {found:?}, wanted one of {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_a_new_partner() {
        let partner = Partner::new("ACME", "O0013ACME".parse().unwrap(), "US");
        let view = PartnerView {
            name: "ACME".to_owned(),
            code: "O0013ACME".to_owned(),
            station: "US".to_owned(),
            ..PartnerView::default()
        };
        assert_eq!(PartnerView::from(&partner), view);
        assert_eq!(view.to_partner(), Ok(partner));
    }

    #[test]
    fn everything_that_cannot_be_read_is_told_at_once() {
        let wrong = || "wrong".to_owned();
        let view = PartnerView {
            name: "ACME".to_owned(),
            code: String::new(),
            transport: wrong(),
            certificates: vec![wrong()],
            level: 3,
            lowest_level: 0,
            authentication_certificates: wrong(),
            refuse: vec![wrong()],
            receipts: wrong(),
            receipt_within: wrong(),
            stations: vec![String::new()],
            format: wrong(),
            records: wrong(),
            ..PartnerView::default()
        };
        let problems = view.to_partner().unwrap_err();
        assert_eq!(problems.len(), 12, "{problems:#?}");
    }
}
