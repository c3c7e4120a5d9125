//! Stations and partners that a world's inner half shall know.

use std::fmt::Write as _;

use crate::knobs::quoted;

/// Our own station in most worlds.
pub const OUR_CODE: &str = "O0013OURS";
/// The name of the usual partner.
pub const PARTNER: &str = "ACME";
/// The Odette ID of the usual partner.
pub const PARTNER_CODE: &str = "O0013ACME";
/// What we send the usual partner as password. Chosen so that a search in logs finds it alone.
pub const OUR_PASSWORD: &str = "0URS3CRT";
/// What the usual partner sends us as password.
pub const PARTNER_PASSWORD: &str = "TH3IRPWD";

/// What `partner apply -f` takes.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    stations: Vec<(String, String)>,
    partners: Vec<Entry>,
}

/// One partner.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name, which also names folders.
    pub name: String,
    /// Its Odette ID.
    pub code: String,
    /// The station it deals with.
    pub station: String,
    /// The password we send.
    pub sent: String,
    /// The password we expect.
    pub expected: String,
    /// `host:port`, if we may call it.
    pub address: Option<String>,
    /// Fingerprints of its certificates.
    pub certificates: Vec<String>,
    /// The name its TLS certificate must be asked for, if not the host's.
    pub server_name: Option<String>,
    /// The exchange buffer to offer it.
    pub buffer: Option<u32>,
    /// The credit to offer it.
    pub credit: Option<u16>,
    /// Further keys with their values as TOML text.
    pub more: Vec<(String, String)>,
    /// What follows each `[[partner.certificate]]`.
    pub role_certificates: Vec<String>,
}

impl Directory {
    /// Our station and the usual partner.
    pub fn usual() -> Directory {
        Directory::default()
            .station("OURS", OUR_CODE)
            .partner(Entry::usual())
    }

    /// With one more station.
    #[must_use]
    pub fn station(mut self, name: &str, code: &str) -> Directory {
        self.stations.push((name.to_owned(), code.to_owned()));
        self
    }

    /// With one more partner.
    #[must_use]
    pub fn partner(mut self, entry: Entry) -> Directory {
        self.partners.push(entry);
        self
    }

    /// The file.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for (name, code) in &self.stations {
            let (name, code) = (quoted(name), quoted(code));
            write!(text, "[[station]]\nname = {name}\ncode = {code}\n\n").expect("takes all");
        }
        for partner in &self.partners {
            text.push_str(&partner.to_toml());
        }
        text
    }
}

impl Entry {
    /// The usual partner, who calls and is not called.
    pub fn usual() -> Entry {
        Entry {
            name: PARTNER.into(),
            code: PARTNER_CODE.into(),
            station: "OURS".into(),
            sent: OUR_PASSWORD.into(),
            expected: PARTNER_PASSWORD.into(),
            address: None,
            certificates: Vec::new(),
            server_name: None,
            buffer: None,
            credit: None,
            more: Vec::new(),
            role_certificates: Vec::new(),
        }
    }

    /// Another partner like the usual one.
    pub fn named(name: &str, code: &str) -> Entry {
        Entry {
            name: name.into(),
            code: code.into(),
            ..Entry::usual()
        }
    }

    /// Called at this address, where it shows a certificate of this fingerprint.
    #[must_use]
    pub fn at(mut self, address: impl ToString, fingerprint: &str) -> Entry {
        self.address = Some(address.to_string());
        self.certificates.push(fingerprint.to_owned());
        self
    }

    /// With a certificate for these roles, in use now.
    #[must_use]
    pub fn certified(mut self, roles: &[&str], pem: &str) -> Entry {
        let roles: Vec<String> = roles.iter().map(|role| quoted(role)).collect();
        self.role_certificates.push(format!(
            "roles = [{}]\nslot = \"current\"\npem = \"\"\"\n{}\"\"\"\n",
            roles.join(", "),
            pem
        ));
        self
    }

    /// With a further key; the value is TOML.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Entry {
        self.more.push((key.to_owned(), value.to_owned()));
        self
    }

    fn to_toml(&self) -> String {
        let mut text = String::from("[[partner]]\n");
        let mut line = |key: &str, value: String| {
            writeln!(text, "{key} = {value}").expect("a string takes all");
        };
        line("name", quoted(&self.name));
        line("code", quoted(&self.code));
        line("station", quoted(&self.station));
        line("password_sent", quoted(&self.sent));
        line("password_expected", quoted(&self.expected));
        if let Some(address) = &self.address {
            line("address", quoted(address));
        }
        if !self.certificates.is_empty() {
            let all: Vec<String> = self.certificates.iter().map(|text| quoted(text)).collect();
            line("certificates", format!("[{}]", all.join(", ")));
        }
        if let Some(name) = &self.server_name {
            line("server_name", quoted(name));
        }
        if let Some(buffer) = self.buffer {
            line("buffer", buffer.to_string());
        }
        if let Some(credit) = self.credit {
            line("credit", credit.to_string());
        }
        for (key, value) in &self.more {
            line(key, value.clone());
        }
        for certificate in &self.role_certificates {
            text.push_str("[[partner.certificate]]\n");
            text.push_str(certificate);
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_the_inner_half_applies() {
        let text = Directory::usual().to_toml();
        assert!(text.starts_with("[[station]]\nname = \"OURS\"\ncode = \"O0013OURS\"\n"));
        assert!(text.contains("[[partner]]\nname = \"ACME\"\n"));
        assert!(!text.contains("address"));
        let called = Entry::usual().at("127.0.0.1:1", "sha256:00").to_toml();
        assert!(called.contains("address = \"127.0.0.1:1\"\ncertificates = [\"sha256:00\"]\n"));
    }
}
