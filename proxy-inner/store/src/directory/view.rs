//! A partner as text: what apply files, the journal, JSON and commands have in common.

use std::str::FromStr;

use keyring::{Role, Slot};
use oftp::{Deviations, Format, Level, OdetteId};
use serde::{Deserialize, Serialize};

use super::rules::Breach;
use super::{
    Acceptance, Archive, CheckTiming, Encoding, Partner, ReceiptSignature, ReceiptTiming,
    RecordForm, RoleCertificate, SECURITY_WORDS, Transport, UnsignedReceipts,
    certificates_from_pem, certificates_to_pem, deviation_names, deviations_from_names,
    security_word,
};

/// One partner, without its passwords; the keys are those of apply files, in their order. One that is
/// left out has the default it has there.
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
    /// How files to it are protected: `none`, `encrypted`, `signed` or `encrypted-and-signed`.
    pub security: String,
    /// The cipher suite of files to it, 1 to 10.
    pub cipher_suite: u8,
    /// Whether files to it are compressed in CMS.
    pub file_compression: bool,
    /// Whether signed receipts are asked for.
    pub signed_receipts: bool,
    /// Cipher suites allowed either way.
    pub cipher_suites: Vec<u8>,
    /// Whether files from it are encrypted: `allowed`, `required` or `refused`.
    pub accept_encrypted: String,
    /// Whether files from it are signed, likewise.
    pub accept_signed: String,
    /// Whether files from it are compressed in CMS, likewise.
    pub accept_compressed: String,
    /// When protected files from it are checked: `delivered` or `before-acknowledgement`.
    pub check: String,
    /// What becomes of unsigned receipts where signed ones were asked for: `refused` or `accepted`.
    pub unsigned_receipts: String,
    /// Whether signed receipts for it have what they sign inside: `inside` or `detached`.
    pub receipt_signature: String,
    /// Whether signatures of files to it come with our certificate.
    pub include_certificate: bool,
    /// How lengths are written in protected files to it: `indefinite` or `definite`.
    pub encoding: String,
    /// Most octets compressed data from it may become, per octet.
    pub expansion: u32,
    /// Cipher suite of signed receipts for files that name none, 1 to 10.
    pub receipt_suite: u8,
    /// What is kept of files after their end: `nothing` or `files`.
    pub archive: String,
    /// The certificates it uses inside OFTP2.
    pub certificate: Vec<RoleCertificateView>,
}

/// A certificate of a partner, and what it is used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleCertificateView {
    /// What for: `encryption`, `file-signing`, `receipt-signing` or `authentication`.
    pub roles: Vec<String>,
    /// `current`, `next` or `previous`.
    pub slot: String,
    /// The certificate as PEM text.
    pub pem: String,
}

impl Default for PartnerView {
    /// What an apply file's defaults are; without name, code and station.
    fn default() -> Self {
        PartnerView {
            code: String::new(),
            ..PartnerView::from(&Partner::new("", nobody(), ""))
        }
    }
}

/// Stands for a code that is not there.
pub(super) fn nobody() -> OdetteId {
    "NONE".parse().expect("an identification code")
}

impl From<&Partner> for PartnerView {
    fn from(partner: &Partner) -> Self {
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
            refuse: texts(&deviation_names(partner.refuse)),
            receipts: partner.receipts.to_string(),
            receipt_within: ops::duration::display(partner.receipt_within).to_string(),
            call_for_receipts: partner.call_for_receipts,
            stations: texts(&partner.stations),
            gateway: partner.gateway,
            format: partner.format.to_string(),
            record_length: partner.record_length,
            records: partner.records.to_string(),
            enabled: partner.enabled,
            security: security_word(partner.security).to_owned(),
            cipher_suite: partner.cipher_suite,
            file_compression: partner.file_compression,
            signed_receipts: partner.signed_receipts,
            cipher_suites: partner.cipher_suites.clone(),
            accept_encrypted: partner.accept_encrypted.to_string(),
            accept_signed: partner.accept_signed.to_string(),
            accept_compressed: partner.accept_compressed.to_string(),
            check: partner.check.to_string(),
            unsigned_receipts: partner.unsigned_receipts.to_string(),
            receipt_signature: partner.receipt_signature.to_string(),
            include_certificate: partner.include_certificate,
            encoding: partner.encoding.to_string(),
            expansion: partner.expansion,
            receipt_suite: partner.receipt_suite,
            archive: partner.archive.to_string(),
            certificate: by_certificate(&partner.role_certificates),
        }
    }
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// One entry for each certificate and slot, with all its roles.
fn by_certificate(held: &[RoleCertificate]) -> Vec<RoleCertificateView> {
    let mut groups: Vec<(&RoleCertificate, Vec<String>)> = Vec::new();
    for one in held {
        let same = |(other, _): &&mut (&RoleCertificate, Vec<String>)| {
            other.slot == one.slot && other.certificate == one.certificate
        };
        match groups.iter_mut().find(same) {
            Some((_, roles)) => roles.push(one.role.to_string()),
            None => groups.push((one, vec![one.role.to_string()])),
        }
    }
    let groups = groups.into_iter();
    let view = |(held, roles): (&RoleCertificate, Vec<String>)| RoleCertificateView {
        roles,
        slot: held.slot.to_string(),
        pem: certificates_to_pem(&[&held.certificate]),
    };
    groups.map(view).collect()
}

impl PartnerView {
    /// The partner it describes, without passwords. What rules its terms must keep together is said
    /// when it is put.
    ///
    /// # Errors
    /// Everything that cannot be read, a sentence each.
    pub fn to_partner(&self) -> Result<Partner, Vec<String>> {
        self.read()
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    /// [`PartnerView::to_partner`], with what cannot be read told by its key.
    pub(super) fn read(&self) -> Result<Partner, Vec<Breach>> {
        let mut terms = Terms(Vec::new());
        let plain = Partner::new(self.name.as_str(), nobody(), self.station.as_str());
        let partner = Partner {
            code: terms
                .some("code", &self.code, CODE)
                .unwrap_or_else(|| plain.code.clone()),
            address: self.address.clone(),
            transport: terms.word("transport", &self.transport, Transport::ALL),
            certificates: self
                .certificates
                .iter()
                .filter_map(|text| terms.some("certificates", text, FINGERPRINT))
                .collect(),
            server_name: self.server_name.clone(),
            level: terms.level("level", self.level),
            lowest_level: terms.level("lowest_level", self.lowest_level),
            buffer: self.buffer,
            credit: self.credit,
            compression: self.compression,
            restart: self.restart,
            authentication: self.authentication,
            refuse: terms.deviations("refuse", &self.refuse),
            receipts: terms.word("receipts", &self.receipts, ReceiptTiming::ALL),
            receipt_within: match ops::duration::parse(&self.receipt_within) {
                Ok(within) => within,
                Err(_) => {
                    terms.told(
                        "receipt_within",
                        &self.receipt_within,
                        "a time span as 12h or 3d",
                    );
                    plain.receipt_within
                }
            },
            call_for_receipts: self.call_for_receipts,
            stations: self
                .stations
                .iter()
                .filter_map(|code| terms.some("stations", code, CODE))
                .collect(),
            gateway: self.gateway,
            format: format_from_text(&self.format).unwrap_or_else(|| {
                terms.told("format", &self.format, "U, T, F or V");
                plain.format
            }),
            record_length: self.record_length,
            records: terms.word("records", &self.records, RecordForm::ALL),
            enabled: self.enabled,
            security: terms.word_or("security", &self.security, &SECURITY_WORDS, plain.security),
            cipher_suite: self.cipher_suite,
            file_compression: self.file_compression,
            signed_receipts: self.signed_receipts,
            cipher_suites: self.cipher_suites.clone(),
            accept_encrypted: terms.acceptance("accept_encrypted", &self.accept_encrypted),
            accept_signed: terms.acceptance("accept_signed", &self.accept_signed),
            accept_compressed: terms.acceptance("accept_compressed", &self.accept_compressed),
            check: terms.word("check", &self.check, CheckTiming::ALL),
            unsigned_receipts: terms.word(
                "unsigned_receipts",
                &self.unsigned_receipts,
                UnsignedReceipts::ALL,
            ),
            receipt_signature: terms.word(
                "receipt_signature",
                &self.receipt_signature,
                ReceiptSignature::ALL,
            ),
            include_certificate: self.include_certificate,
            encoding: terms.word("encoding", &self.encoding, Encoding::ALL),
            expansion: self.expansion,
            receipt_suite: self.receipt_suite,
            archive: terms.word("archive", &self.archive, Archive::ALL),
            role_certificates: self
                .certificate
                .iter()
                .flat_map(|view| terms.certificate(view))
                .collect(),
            ..plain
        };
        match terms.0.as_slice() {
            [] => Ok(partner),
            _ => Err(terms.0),
        }
    }
}

const CODE: &str = "an identification code of 1 to 25 printable ASCII characters";
const FINGERPRINT: &str = "\"sha256:\" and 64 hexadecimal digits";

/// The format of its letter, if it is one.
pub fn format_from_text(text: &str) -> Option<Format> {
    match text.as_bytes() {
        [letter] => Format::from_octet(*letter),
        _ => None,
    }
}

/// Reads terms; what cannot be read is noted, and stands for some value until all are read.
struct Terms(Vec<Breach>);

impl Terms {
    fn told(&mut self, key: &'static str, found: &str, wanted: &str) {
        self.0.push(Breach {
            key,
            keys: &[],
            found: format!("{found:?}"),
            wanted: wanted.to_owned(),
        });
    }

    fn some<T: FromStr>(&mut self, key: &'static str, text: &str, wanted: &str) -> Option<T> {
        let read = text.parse().ok();
        if read.is_none() {
            self.told(key, text, wanted);
        }
        read
    }

    fn word<T: Copy + Default>(&mut self, key: &'static str, text: &str, words: &[(&str, T)]) -> T {
        self.word_or(key, text, words, T::default())
    }

    fn word_or<T: Copy>(
        &mut self,
        key: &'static str,
        text: &str,
        words: &[(&str, T)],
        default: T,
    ) -> T {
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => *value,
            None => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                self.told(key, text, &format!("one of {}", words.join(", ")));
                default
            }
        }
    }

    fn acceptance(&mut self, key: &'static str, text: &str) -> Acceptance {
        self.word(key, text, Acceptance::ALL)
    }

    fn level(&mut self, key: &'static str, number: u8) -> Level {
        Level::from_number(number).unwrap_or_else(|| {
            self.0.push(Breach {
                key,
                keys: &[],
                found: number.to_string(),
                wanted: "1, 2, 4 or 5".to_owned(),
            });
            Level::L5
        })
    }

    fn deviations(&mut self, key: &'static str, names: &[String]) -> Deviations {
        deviations_from_names(names).unwrap_or_else(|unknown| {
            self.told(key, &unknown.name, &super::UnknownDeviation::wanted());
            Deviations::none()
        })
    }

    /// A certificate once for each of its roles.
    fn certificate(&mut self, view: &RoleCertificateView) -> Vec<RoleCertificate> {
        let slots = Slot::ALL.map(|slot| (slot.word(), slot));
        let slot = self.word_or(CERTIFICATE, &view.slot, &slots, Slot::Current);
        let certificate = match one_certificate(&view.pem) {
            Ok(certificate) => certificate,
            Err(problem) => {
                self.0.push(Breach {
                    key: CERTIFICATE,
                    keys: &[],
                    found: problem,
                    wanted: ONE_PEM.to_owned(),
                });
                Vec::new()
            }
        };
        let roles = Role::ALL.map(|role| (role.word(), role));
        let roles: Vec<Role> = view
            .roles
            .iter()
            .map(|word| self.word_or(CERTIFICATE, word, &roles, Role::Encryption))
            .collect();
        if roles.is_empty() {
            self.told(CERTIFICATE, "", "at least one role");
        }
        roles
            .into_iter()
            .map(|role| RoleCertificate {
                role,
                slot,
                certificate: certificate.clone(),
            })
            .collect()
    }
}

const CERTIFICATE: &str = "certificate";

/// What a certificate must be written as, in words that can follow "wanted".
pub(super) const ONE_PEM: &str = "the PEM text of one certificate";

/// The one certificate of a PEM text.
///
/// # Errors
/// What is there instead, in words that can follow "found".
pub(super) fn one_certificate(pem: &str) -> Result<Vec<u8>, String> {
    let mut certificates = certificates_from_pem(pem)
        .map_err(|problem| format!("a text that is no certificate ({problem})"))?;
    match (certificates.pop(), certificates.len()) {
        (Some(certificate), 0) => Ok(certificate),
        (None, _) => Err("no certificate".to_owned()),
        (Some(_), more) => Err(format!("{} certificates", more + 1)),
    }
}
