//! Writing an apply file that says just what the directory has.

use serde::Serialize;

use super::{Fingerprint, Partner, Station, deviation_names};
use crate::error::StoreError;

/// The text of the apply file, passwords only when asked for.
pub(super) fn write_directory(
    stations: &[Station],
    partners: &[Partner],
    with_passwords: bool,
) -> Result<String, StoreError> {
    let written = Written {
        station: stations
            .iter()
            .map(|station| WrittenStation {
                name: &station.name,
                code: station.code.as_str(),
            })
            .collect(),
        partner: partners
            .iter()
            .map(|partner| WrittenPartner::of(partner, with_passwords))
            .collect(),
    };
    toml::to_string(&written)
        .map_err(|error| StoreError::Refused(format!("the directory cannot be written: {error}")))
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    station: Vec<WrittenStation<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    partner: Vec<WrittenPartner<'a>>,
}

#[derive(Serialize)]
struct WrittenStation<'a> {
    name: &'a str,
    code: &'a str,
}

#[derive(Serialize)]
struct WrittenPartner<'a> {
    name: &'a str,
    code: &'a str,
    station: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_sent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    transport: &'static str,
    certificates: &'a [Fingerprint],
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    level: u8,
    lowest_level: u8,
    buffer: u32,
    credit: u16,
    compression: bool,
    restart: bool,
    authentication: bool,
    refuse: Vec<&'static str>,
    receipts: &'static str,
    receipt_within: String,
    call_for_receipts: bool,
    stations: Vec<&'a str>,
    gateway: bool,
    format: char,
    record_length: u32,
    records: &'static str,
    enabled: bool,
}

impl<'a> WrittenPartner<'a> {
    fn of(partner: &'a Partner, with_passwords: bool) -> WrittenPartner<'a> {
        WrittenPartner {
            name: &partner.name,
            code: partner.code.as_str(),
            station: &partner.station,
            password_sent: with_passwords.then(|| partner.password_sent.expose()),
            password_expected: with_passwords.then(|| partner.password_expected.expose()),
            address: partner.address.as_deref(),
            transport: partner.transport.word(),
            certificates: &partner.certificates,
            server_name: partner.server_name.as_deref(),
            level: partner.level as u8,
            lowest_level: partner.lowest_level as u8,
            buffer: partner.buffer,
            credit: partner.credit,
            compression: partner.compression,
            restart: partner.restart,
            authentication: partner.authentication,
            refuse: deviation_names(partner.refuse),
            receipts: partner.receipts.word(),
            receipt_within: ops::duration::display(partner.receipt_within).to_string(),
            call_for_receipts: partner.call_for_receipts,
            stations: partner.stations.iter().map(|code| code.as_str()).collect(),
            gateway: partner.gateway,
            format: char::from(partner.format.octet()),
            record_length: partner.record_length,
            records: partner.records.word(),
            enabled: partner.enabled,
        }
    }
}
