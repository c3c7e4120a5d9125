//! Reading an apply file: stations and partners as TOML, with all faults at once.

use std::collections::BTreeSet;

use keyring::{Role, Slot};
use oftp::{Deviations, Format, Level, OdetteId, Password};
use ops::{Faults, HostPort, Section};

use super::protection::{self, EXPANSION, SUITE_LIST, SUITES};
use super::rules::{
    BUFFER, CREDIT, MOST_RECORD_LENGTH, NAME, RECEIPT_WITHIN, SERVER_NAME, is_name, is_server_name,
};
use super::view::{ONE_PEM, nobody, one_certificate};
use super::{
    Acceptance, Archive, CheckTiming, DEFAULT_BUFFER, DEFAULT_CREDIT, DEFAULT_RECEIPT_WITHIN,
    DEFAULT_SUITES, Directory, Encoding, Fingerprint, Partner, PartnerEntry, ReceiptSignature,
    ReceiptTiming, RecordForm, RoleCertificate, SECURITY_WORDS, Station, Transport,
    UnknownDeviation, UnsignedReceipts, deviations_from_names,
};

/// Reads the text of an apply file; `deploy/examples/directory.toml` shows every key.
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
/// ```
///
/// # Errors
/// Everything wrong with it, at once. No fault shows a password.
pub fn parse_directory(text: &str) -> Result<Directory, Faults> {
    let table = ops::read_text("", text)?;
    let mut faults = Faults::new("");
    let mut root = Section::root(&table, &mut faults);
    let mut codes = BTreeSet::new();
    let mut names = BTreeSet::new();
    let stations = root
        .sections("station")
        .into_iter()
        .map(|entry| station(entry, &mut names, &mut codes));
    let stations: Vec<Option<Station>> = stations.collect();
    let mut names = BTreeSet::new();
    let partners = root
        .sections("partner")
        .into_iter()
        .map(|entry| partner(entry, &mut names, &mut codes));
    let partners: Vec<Option<PartnerEntry>> = partners.collect();
    root.finish();
    faults.into_result()?;
    Ok(Directory {
        stations: stations.into_iter().flatten().collect(),
        partners: partners.into_iter().flatten().collect(),
    })
}

/// The names of stations, or those of partners, met so far: each may be there once.
type Names = BTreeSet<String>;

/// All codes met so far: of stations, of partners, of further stations behind partners.
type Codes = BTreeSet<OdetteId>;

fn station(mut section: Section<'_>, names: &mut Names, codes: &mut Codes) -> Option<Station> {
    let name = name(&mut section, names);
    let code = code(&mut section, codes);
    section.finish();
    Some(Station {
        name: name?,
        code: code?,
    })
}

fn partner(mut section: Section<'_>, names: &mut Names, codes: &mut Codes) -> Option<PartnerEntry> {
    let name = name(&mut section, names);
    let code = code(&mut section, codes);
    let station = section.required_string("station");
    let password_sent = password(&mut section, "password_sent");
    let password_expected = password(&mut section, "password_expected");
    // Where these are missing the other keys are looked at all the same.
    let mut partner = Partner::new(
        name.clone().unwrap_or_default(),
        code.clone().unwrap_or_else(nobody),
        station.clone().unwrap_or_default(),
    );
    let mut faulty = Faulty::default();
    calls(&mut section, &mut partner);
    session(&mut section, &mut partner, &mut faulty);
    files(&mut section, &mut partner, codes, &mut faulty);
    partner.enabled = section.boolean("enabled", partner.enabled);
    protection(&mut section, &mut partner, &mut faulty);
    for breach in partner.terms_that_clash() {
        if !breach.keys.iter().any(|key| faulty.0.contains(key)) {
            section.fault(breach.key, breach.found, breach.wanted);
        }
    }
    section.finish();
    let entry = PartnerEntry {
        keep_password_sent: password_sent.is_none(),
        keep_password_expected: password_expected.is_none(),
        partner: Partner {
            password_sent: password_sent.unwrap_or_default(),
            password_expected: password_expected.unwrap_or_default(),
            ..partner
        },
    };
    (name.is_some() && code.is_some() && station.is_some()).then_some(entry)
}

/// Keys with a fault of their own: no rule is tried on the default that stands in for them.
#[derive(Default)]
struct Faulty(BTreeSet<&'static str>);

impl Faulty {
    /// What was read, or `default` and a note where nothing could be made of it.
    fn or<T>(&mut self, key: &'static str, read: Option<T>, default: T) -> T {
        read.unwrap_or_else(|| {
            self.0.insert(key);
            default
        })
    }
}

/// How it calls, and how it is called.
fn calls(section: &mut Section<'_>, partner: &mut Partner) {
    partner.address = section
        .host_port("address")
        .as_ref()
        .map(HostPort::to_string);
    partner.transport = section.one_of("transport", Transport::ALL, partner.transport);
    partner.certificates = section.parsed_strings::<Fingerprint>(
        "certificates",
        "\"sha256:\" and 64 hexadecimal digits, of a certificate's DER",
    );
    partner.server_name = section.string("server_name");
    if let Some(server) = partner.server_name.as_deref()
        && !is_server_name(server)
    {
        section.fault("server_name", format!("{server:?}"), SERVER_NAME);
    }
}

/// What its sessions agree on.
fn session(section: &mut Section<'_>, partner: &mut Partner, faulty: &mut Faulty) {
    let level = level(section, "level", partner.level);
    partner.level = faulty.or("level", level, partner.level);
    // Where only the highest is said, that one is spoken and no other.
    let lowest = self::level(section, "lowest_level", partner.level);
    partner.lowest_level = faulty.or("lowest_level", lowest, partner.level);
    partner.buffer = section.integer("buffer", BUFFER, DEFAULT_BUFFER);
    partner.credit = section.integer("credit", CREDIT, DEFAULT_CREDIT);
    partner.compression = section.boolean("compression", partner.compression);
    partner.restart = section.boolean("restart", partner.restart);
    partner.authentication = section.boolean("authentication", partner.authentication);
    partner.refuse = refused(section, "refuse", partner.refuse);
}

/// Which files it gets and sends, for whom, and how they are confirmed.
fn files(section: &mut Section<'_>, partner: &mut Partner, codes: &mut Codes, faulty: &mut Faulty) {
    partner.receipts = section.one_of("receipts", ReceiptTiming::ALL, partner.receipts);
    partner.receipt_within =
        section.duration("receipt_within", RECEIPT_WITHIN, DEFAULT_RECEIPT_WITHIN);
    partner.call_for_receipts = section.boolean("call_for_receipts", partner.call_for_receipts);
    partner.stations = section.parsed_strings("stations", CODE);
    for code in &partner.stations {
        if !codes.insert(code.clone()) {
            section.fault("stations", format!("\"{code}\" a second time"), CODE_ONCE);
        }
    }
    partner.gateway = section.boolean("gateway", partner.gateway);
    let format = match section.contains("format") {
        true => Some(section.one_of("format", &FORMATS.map(|(word, of)| (word, Some(of))), None)),
        false => None,
    };
    partner.format = faulty.or(
        "format",
        format.unwrap_or(Some(partner.format)),
        partner.format,
    );
    let length = match section.contains("record_length") {
        // No record is so long: it says that the value was refused.
        true => section.integer("record_length", 0..=MOST_RECORD_LENGTH, u32::MAX),
        false => partner.record_length,
    };
    let length = Some(length).filter(|length| *length != u32::MAX);
    partner.record_length = faulty.or("record_length", length, partner.record_length);
    partner.records = section.one_of("records", RecordForm::ALL, partner.records);
}

/// How files to it and from it are protected, and which certificates it uses.
fn protection(section: &mut Section<'_>, partner: &mut Partner, faulty: &mut Faulty) {
    partner.security = section.one_of("security", &SECURITY_WORDS, partner.security);
    let suite = suite(section, "cipher_suite", partner.cipher_suite);
    partner.cipher_suite = faulty.or("cipher_suite", suite, partner.cipher_suite);
    partner.file_compression = section.boolean("file_compression", partner.file_compression);
    partner.signed_receipts = section.boolean("signed_receipts", partner.signed_receipts);
    let suites = suites(section, "cipher_suites", &partner.cipher_suites);
    partner.cipher_suites = faulty.or("cipher_suites", suites, DEFAULT_SUITES.to_vec());
    partner.accept_encrypted = section.one_of(
        "accept_encrypted",
        Acceptance::ALL,
        partner.accept_encrypted,
    );
    partner.accept_signed = section.one_of("accept_signed", Acceptance::ALL, partner.accept_signed);
    partner.accept_compressed = section.one_of(
        "accept_compressed",
        Acceptance::ALL,
        partner.accept_compressed,
    );
    partner.check = section.one_of("check", CheckTiming::ALL, partner.check);
    partner.unsigned_receipts = section.one_of(
        "unsigned_receipts",
        UnsignedReceipts::ALL,
        partner.unsigned_receipts,
    );
    partner.receipt_signature = section.one_of(
        "receipt_signature",
        ReceiptSignature::ALL,
        partner.receipt_signature,
    );
    partner.include_certificate =
        section.boolean("include_certificate", partner.include_certificate);
    partner.encoding = section.one_of("encoding", Encoding::ALL, partner.encoding);
    partner.expansion = section.integer("expansion", EXPANSION, partner.expansion);
    let suite = self::suite(section, "receipt_suite", partner.receipt_suite);
    partner.receipt_suite = suite.unwrap_or(partner.receipt_suite);
    partner.archive = section.one_of("archive", Archive::ALL, partner.archive);
    let certificates = certificates(section);
    partner.role_certificates = faulty.or("certificate", certificates, Vec::new());
    if section.contains("authentication_certificates") {
        faulty.or("certificate", None, ());
        section.fault(
            "authentication_certificates",
            "a key of earlier versions",
            "[[partner.certificate]] with roles = [\"authentication\"], slot and pem, once for each certificate",
        );
    }
}

/// A cipher suite; `None` where the key holds something else.
fn suite(section: &mut Section<'_>, key: &str, default: u8) -> Option<u8> {
    if !section.contains(key) {
        return Some(default);
    }
    Some(section.integer(key, SUITES, 0)).filter(|suite| *suite != 0)
}

/// Cipher suites; `None` where the key holds something else.
fn suites(section: &mut Section<'_>, key: &str, default: &[u8]) -> Option<Vec<u8>> {
    if !section.contains(key) {
        return Some(default.to_vec());
    }
    let mut suites = section.integers(key, SUITES)?;
    if suites.is_empty() {
        section.fault(key, "none", SUITE_LIST);
        return None;
    }
    suites.sort_unstable();
    suites.dedup();
    Some(suites)
}

/// The sections `[[partner.certificate]]`; `None` where one has a fault.
fn certificates(section: &mut Section<'_>) -> Option<Vec<RoleCertificate>> {
    let read: Vec<_> = section
        .sections("certificate")
        .into_iter()
        .map(certificate)
        .collect();
    let read: Option<Vec<_>> = read.into_iter().collect();
    let mut certificates = read?.concat();
    certificates.sort_unstable();
    Some(certificates)
}

/// One certificate, once for each of its roles.
fn certificate(mut section: Section<'_>) -> Option<Vec<RoleCertificate>> {
    let words = section.strings("roles");
    let mut roles = Some(Vec::with_capacity(words.len()));
    if words.is_empty() {
        section.fault("roles", "none", protection::roles());
        roles = None;
    }
    for (index, word) in words.iter().enumerate() {
        match Role::from_word(word).filter(|role| protection::PARTNER_ROLES.contains(role)) {
            Some(role) => roles.iter_mut().for_each(|roles| roles.push(role)),
            None => {
                let key = format!("roles[{index}]");
                section.fault(&key, format!("{word:?}"), protection::roles());
                roles = None;
            }
        }
    }
    // No slot of its own tells that the word was refused.
    let choices = Slot::ALL.map(|slot| (slot.word(), Some(slot)));
    let slot = match section.contains("slot") {
        true => section.one_of("slot", &choices, None),
        false => Some(Slot::Current),
    };
    let certificate = section.required_string("pem").and_then(|pem| {
        one_certificate(&pem)
            .map_err(|found| section.fault("pem", found, ONE_PEM))
            .ok()
    });
    section.finish();
    let (roles, slot, certificate) = (roles?, slot?, certificate?);
    let held = |role| RoleCertificate {
        role,
        slot,
        certificate: certificate.clone(),
    };
    Some(roles.into_iter().map(held).collect())
}

const FORMATS: [(&str, Format); 4] = [
    ("U", Format::Unstructured),
    ("T", Format::Text),
    ("F", Format::Fixed),
    ("V", Format::Variable),
];

/// A level; `None` where the key holds something else.
fn level(section: &mut Section<'_>, key: &str, default: Level) -> Option<Level> {
    if !section.contains(key) {
        return Some(default);
    }
    let number: u8 = section.integer(key, 1..=5, 0);
    let level = Level::from_number(number);
    if level.is_none() && number != 0 {
        section.fault(key, number.to_string(), "1, 2, 4 or 5");
    }
    level
}

/// The leniencies a partner does not get, by their names; each that is not known is a fault.
fn refused(section: &mut Section<'_>, key: &str, default: Deviations) -> Deviations {
    if !section.contains(key) {
        return default;
    }
    let mut refused = Deviations::none();
    for (index, name) in section.strings(key).into_iter().enumerate() {
        match deviations_from_names(&[name]) {
            Ok(named) => refused.extend(named.iter()),
            Err(unknown) => {
                let found = format!("{:?}", unknown.name);
                let key = format!("{key}[{index}]");
                section.fault(&key, found, UnknownDeviation::wanted());
            }
        }
    }
    refused
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

fn name(section: &mut Section<'_>, names: &mut Names) -> Option<String> {
    let name = section.required_string("name")?;
    if !is_name(&name) {
        section.fault("name", format!("{name:?}"), NAME);
        return None;
    }
    if !names.insert(name.clone()) {
        section.fault("name", format!("{name:?} a second time"), "each name once");
        return None;
    }
    Some(name)
}

fn code(section: &mut Section<'_>, codes: &mut Codes) -> Option<OdetteId> {
    let code: OdetteId = section.required_parsed("code", CODE)?;
    if !codes.insert(code.clone()) {
        section.fault("code", format!("\"{code}\" a second time"), CODE_ONCE);
        return None;
    }
    Some(code)
}

const CODE: &str = "an identification code in quotes";
const CODE_ONCE: &str = "each code once among all stations, partners and their further stations";
