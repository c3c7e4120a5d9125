//! Writing an apply file that says just what the directory has.

use serde::Serialize;

use super::view::PartnerView;
use super::{Partner, Station};
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
            .map(|partner| WrittenPartner {
                password_sent: with_passwords.then(|| partner.password_sent.expose()),
                password_expected: with_passwords.then(|| partner.password_expected.expose()),
                terms: PartnerView::from(partner),
            })
            .collect(),
    };
    let text = toml::to_string(&written).map_err(|error| {
        StoreError::Refused(format!("the directory cannot be written: {error}"))
    })?;
    // An empty list would stand in the way of sections that are added below it by hand.
    let lines = text.split_inclusive('\n');
    Ok(lines.filter(|line| *line != NO_CERTIFICATES).collect())
}

const NO_CERTIFICATES: &str = "certificate = []\n";

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
    #[serde(skip_serializing_if = "Option::is_none")]
    password_sent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_expected: Option<&'a str>,
    #[serde(flatten)]
    terms: PartnerView,
}
