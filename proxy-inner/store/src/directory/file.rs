//! The apply file: stations and partners as TOML, read with all faults at once, and written.

use std::collections::BTreeSet;

use oftp::{OdetteId, Password};
use ops::{Faults, HostPort, Section};
use serde::Serialize;

use super::{
    BUFFER, CREDIT, DEFAULT_BUFFER, DEFAULT_CREDIT, Directory, Fingerprint, NAME, Partner,
    PartnerEntry, Station, is_name, is_server_name,
};
use crate::error::StoreError;

/// Reads the text of an apply file.
///
/// ```toml
/// [[station]]
/// name = "HEAD"
/// code = "O0013000001HEAD"
/// [[partner]]
/// name = "ACME"
/// code = "O0013000002ACME"
/// station = "HEAD"
/// password_sent = "SECRET1"       # left out: stays as it is
/// password_expected = "SECRET2"   # left out: stays as it is
/// address = "oftp.acme.example:6619"
/// certificates = ["sha256:…"]
/// server_name = "oftp.acme.example"
/// buffer = 65535
/// credit = 256
/// enabled = true
/// ```
///
/// # Errors
/// Everything wrong with it, at once. No fault shows a password.
pub fn parse_directory(text: &str) -> Result<Directory, Faults> {
    let table = ops::read_text("", text)?;
    let mut faults = Faults::new("");
    let mut root = Section::root(&table, &mut faults);
    let mut names = Names::default();
    let stations = root
        .sections("station")
        .into_iter()
        .map(|entry| station(entry, &mut names));
    let stations: Vec<Option<Station>> = stations.collect();
    let mut names = Names::default();
    let partners = root
        .sections("partner")
        .into_iter()
        .map(|entry| partner(entry, &mut names));
    let partners: Vec<Option<PartnerEntry>> = partners.collect();
    root.finish();
    faults.into_result()?;
    Ok(Directory {
        stations: stations.into_iter().flatten().collect(),
        partners: partners.into_iter().flatten().collect(),
    })
}

/// Names and codes met so far: each may be there once.
#[derive(Default)]
struct Names {
    names: BTreeSet<String>,
    codes: BTreeSet<OdetteId>,
}

impl Names {
    fn name(&mut self, section: &mut Section<'_>) -> Option<String> {
        let name = section.required_string("name")?;
        if !is_name(&name) {
            section.fault("name", format!("{name:?}"), NAME);
            return None;
        }
        if !self.names.insert(name.clone()) {
            section.fault("name", format!("{name:?} a second time"), "each name once");
            return None;
        }
        Some(name)
    }

    fn code(&mut self, section: &mut Section<'_>) -> Option<OdetteId> {
        let code: OdetteId = section.required_parsed("code", "an identification code in quotes")?;
        if !self.codes.insert(code.clone()) {
            section.fault(
                "code",
                format!("\"{code}\" a second time"),
                "each code once",
            );
            return None;
        }
        Some(code)
    }
}

fn station(mut section: Section<'_>, names: &mut Names) -> Option<Station> {
    let name = names.name(&mut section);
    let code = names.code(&mut section);
    section.finish();
    Some(Station {
        name: name?,
        code: code?,
    })
}

fn partner(mut section: Section<'_>, names: &mut Names) -> Option<PartnerEntry> {
    let name = names.name(&mut section);
    let code = names.code(&mut section);
    let station = section.required_string("station");
    let password_sent = password(&mut section, "password_sent");
    let password_expected = password(&mut section, "password_expected");
    let address = section.host_port("address");
    let certificates: Vec<Fingerprint> = section.parsed_strings(
        "certificates",
        "\"sha256:\" and 64 hexadecimal digits, of a certificate's DER",
    );
    let server_name = section.string("server_name");
    if let Some(server) = server_name
        .as_deref()
        .filter(|server| !is_server_name(server))
    {
        section.fault(
            "server_name",
            format!("{server:?}"),
            "a host name or an IP address, without port",
        );
    }
    let buffer = section.integer("buffer", BUFFER, DEFAULT_BUFFER);
    let credit = section.integer("credit", CREDIT, DEFAULT_CREDIT);
    let enabled = section.boolean("enabled", true);
    section.finish();
    Some(PartnerEntry {
        keep_password_sent: password_sent.is_none(),
        keep_password_expected: password_expected.is_none(),
        partner: Partner {
            name: name?,
            station: station?,
            password_sent: password_sent.unwrap_or_default(),
            password_expected: password_expected.unwrap_or_default(),
            address: address.as_ref().map(HostPort::to_string),
            certificates,
            server_name,
            buffer,
            credit,
            enabled,
            ..Partner::new(String::new(), code?, String::new())
        },
    })
}

/// A password, whose value no fault may show.
fn password(section: &mut Section<'_>, key: &str) -> Option<Password> {
    let secret = section.secret(key)?;
    let password = secret.expose().parse();
    if password.is_err() {
        section.fault(
            key,
            "a text that is no password",
            "at most 8 printable ASCII characters",
        );
    }
    password.ok()
}

/// The text of an apply file that says just this.
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
    certificates: &'a [Fingerprint],
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    buffer: u32,
    credit: u16,
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
            certificates: &partner.certificates,
            server_name: partner.server_name.as_deref(),
            buffer: partner.buffer,
            credit: partner.credit,
            enabled: partner.enabled,
        }
    }
}
