//! Whom a certificate is to name.

use std::net::IpAddr;

use rcgen::string::{Ia5String, PrintableString};
use rcgen::{DistinguishedName, DnType, DnValue, SanType};

use crate::MakeError;

/// serialNumber (X.520), where the Odette certificate policy puts the identification code.
const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];

/// Most characters of the names in a subject (RFC 5280 appendix A).
const MOST_CHARACTERS: usize = 64;

/// Most other names of a kind; a certificate with more is a mistake.
const MOST_NAMES: usize = 64;

/// The subject of a request or of a self-signed certificate, after the Odette certificate policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Common name: the host name partners call, or a name for people; 1 to 64 characters.
    pub common_name: String,
    /// Organisation, up to 64 characters.
    pub organization: Option<String>,
    /// Country, two letters (ISO 3166).
    pub country: Option<String>,
    /// The identification code (RFC 5024 §5.4), 1 to 25 characters: becomes serialNumber (2.5.4.5)
    /// of the subject and the URI `oftp://CODE` among its other names.
    pub odette_id: String,
    /// Host names and IP addresses partners dial.
    pub dns_names: Vec<String>,
    /// Mail addresses.
    pub emails: Vec<String>,
}

impl Subject {
    /// Whether a certificate can carry it: to be asked before a key is made for nothing.
    ///
    /// # Errors
    /// [`MakeError::Field`], with what is wrong.
    pub fn check(&self) -> Result<(), MakeError> {
        self.name()?;
        self.other_names().map(drop)
    }

    /// The distinguished name.
    pub(crate) fn name(&self) -> Result<DistinguishedName, MakeError> {
        let mut name = DistinguishedName::new();
        if let Some(country) = &self.country {
            if country.len() != 2 || !country.bytes().all(|octet| octet.is_ascii_alphabetic()) {
                return Err(field("country", country, "two letters, for example DE"));
            }
            name.push(
                DnType::CountryName,
                printable(&country.to_ascii_uppercase()),
            );
        }
        if let Some(organization) = &self.organization {
            let organization = text("organization", organization)?;
            name.push(DnType::OrganizationName, organization);
        }
        name.push(DnType::CommonName, text("common name", &self.common_name)?);
        name.push(
            DnType::CustomDnType(SERIAL_NUMBER.to_vec()),
            printable(self.code()?),
        );
        Ok(name)
    }

    /// The other names: hosts, addresses, mail addresses, and the identification code as a URI.
    pub(crate) fn other_names(&self) -> Result<Vec<SanType>, MakeError> {
        let mut names = Vec::new();
        for (field_name, list) in [("dns name", &self.dns_names), ("email", &self.emails)] {
            if list.len() > MOST_NAMES {
                return Err(field(
                    field_name,
                    &format!("{} of them", list.len()),
                    "64 at the most",
                ));
            }
        }
        for host in &self.dns_names {
            names.push(match host.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) if is_host(host) => SanType::DnsName(ascii("dns name", host)?),
                Err(_) => {
                    return Err(field(
                        "dns name",
                        host,
                        "a host name such as oftp.example.com, or an IP address",
                    ));
                }
            });
        }
        for email in &self.emails {
            if !is_email(email) {
                return Err(field("email", email, "an address such as edi@example.com"));
            }
            names.push(SanType::Rfc822Name(ascii("email", email)?));
        }
        let uri = format!("oftp://{}", percent_encoded(self.code()?));
        names.push(SanType::URI(ascii("odette id", &uri)?));
        Ok(names)
    }

    /// The identification code without the blanks that fill it up on the wire.
    fn code(&self) -> Result<&str, MakeError> {
        let code = self.odette_id.trim_end_matches(' ');
        let known = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "/-.&() ".contains(c);
        if (1..=25).contains(&code.len()) && code.chars().all(known) {
            return Ok(code);
        }
        Err(field(
            "odette id",
            &self.odette_id,
            "1 to 25 of A-Z, 0-9, / - . & ( ) and blank",
        ))
    }
}

/// Text for people: 1 to 64 characters, none of them a control character.
fn text(name: &'static str, found: &str) -> Result<String, MakeError> {
    let trimmed = found.trim();
    let length = trimmed.chars().count();
    if (1..=MOST_CHARACTERS).contains(&length) && !trimmed.chars().any(char::is_control) {
        return Ok(trimmed.to_owned());
    }
    Err(field(name, found, "1 to 64 characters on one line"))
}

/// As PrintableString, which old products want in serialNumber and country, where it can be.
fn printable(text: &str) -> DnValue {
    match PrintableString::try_from(text) {
        Ok(printable) => DnValue::PrintableString(printable),
        Err(_) => DnValue::Utf8String(text.to_owned()),
    }
}

fn ascii(name: &'static str, found: &str) -> Result<Ia5String, MakeError> {
    Ia5String::try_from(found).map_err(|_| field(name, found, "ASCII characters"))
}

/// A host name of one or more labels; a star may stand for the first.
fn is_host(name: &str) -> bool {
    let labels = name.strip_prefix("*.").unwrap_or(name);
    (1..=253).contains(&name.len())
        && labels.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_')
        })
}

fn is_email(address: &str) -> bool {
    let graphic =
        |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic());
    address.len() <= 254
        && address
            .rsplit_once('@')
            .is_some_and(|(person, host)| graphic(person) && !person.contains('@') && is_host(host))
}

/// What may not stand in a URI as it is (RFC 3986 §2), in percent form.
fn percent_encoded(code: &str) -> String {
    code.bytes()
        .map(|octet| match octet {
            b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(octet).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn field(name: &'static str, found: &str, wanted: &'static str) -> MakeError {
    MakeError::Field {
        field: name,
        found: found.to_owned(),
        wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes one field unusable.
    type Spoil = fn(&mut Subject);

    fn subject() -> Subject {
        Subject {
            common_name: "oftp.example.com".to_owned(),
            odette_id: "O0013000009AAA  US".to_owned(),
            ..Subject::default()
        }
    }

    #[test]
    fn names_the_field_that_no_certificate_can_carry() {
        let cases: [(&str, Spoil); 9] = [
            ("common name", |s| s.common_name = "  ".to_owned()),
            ("common name", |s| s.common_name = "x".repeat(65)),
            ("common name", |s| s.common_name = "a\nb".to_owned()),
            ("organization", |s| s.organization = Some(String::new())),
            ("country", |s| s.country = Some("GERMANY".to_owned())),
            ("odette id", |s| s.odette_id = "o0013 lower".to_owned()),
            ("odette id", |s| s.odette_id = "   ".to_owned()),
            ("dns name", |s| s.dns_names = vec!["not a host".to_owned()]),
            ("email", |s| s.emails = vec!["nobody".to_owned()]),
        ];
        for (wanted, spoil) in cases {
            let mut subject = subject();
            spoil(&mut subject);
            match subject.check() {
                Err(MakeError::Field { field, .. }) => assert_eq!(field, wanted),
                other => panic!("{wanted}: {other:?}"),
            }
        }
        assert_eq!(subject().check(), Ok(()));
    }

    #[test]
    fn writes_the_code_as_a_uri_that_keeps_its_blanks() {
        let names = subject().other_names().unwrap();
        let uri = Ia5String::try_from("oftp://O0013000009AAA%20%20US").unwrap();
        assert_eq!(names, [SanType::URI(uri)]);
    }
}
