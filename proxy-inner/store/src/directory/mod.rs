//! Our stations and our partners: what they are, and which rules a new one must keep.
//!
//! ```text
//!  apply file ── read.rs ──▶ Directory ──┐  rules.rs: by itself and beside all others
//!                                        ├─ put.rs: one journal transaction ─ table.rs ─▶ stations, partners
//!  one station, partner, certificate ────┘  protection.rs: of file security                   │    │
//!  apply file ◀── write.rs ◀───────────────── Store::export ◀─────────────────────────────────┘    │
//!  sessions and routing ◀── serving.rs: who serves this code, who speaks for it ◀──────────────────┘
//! ```
//!
//! Passwords are kept in the journal, whose file only its owner may read. No `Debug`, error, fault
//! or log line shows one; an export does when asked to.

mod certificates;
mod fingerprint;
mod pem;
mod protection;
mod put;
mod read;
mod rules;
pub(crate) mod schema;
mod serving;
mod table;
mod terms;
mod view;
mod write;

use std::time::Duration;

use keyring::{Role, Slot};
use oftp::{Deviations, Format, Level, OdetteId, Password, Security};
use serde::Serialize;

use crate::services::Services;

pub use fingerprint::{Fingerprint, NoFingerprint};
pub use pem::{NoCertificates, certificates_from_pem, certificates_to_pem};
pub use protection::PARTNER_ROLES;
pub use read::parse_directory;
pub use serving::Served;
pub use terms::{
    Acceptance, Archive, CheckTiming, Encoding, ReceiptSignature, ReceiptTiming, RecordForm,
    SECURITY_WORDS, Transport, UnknownDeviation, UnsignedReceipts, deviation_names,
    deviations_from_names, security_from_word, security_word,
};
pub use view::{PartnerView, RoleCertificateView, format_from_text};

/// One of our own identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// How we call it: 1 to 32 of `A-Z 0-9 _ -`.
    pub name: String,
    /// Its identification code (SSIDCODE, SFIDORIG of what we send).
    pub code: OdetteId,
}

/// A company we exchange files with, and what was agreed with it.
///
/// Make one with [`Partner::new`] and change what differs, so that a term that comes later has its
/// default:
///
/// ```
/// # use store::Partner;
/// let partner = Partner {
///     credit: 32,
///     ..Partner::new("ACME", "O0013000002ACME".parse()?, "US")
/// };
/// # Ok::<(), oftp::field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// How we call it: 1 to 32 of `A-Z 0-9 _ -`; names its folders in inbox and outbox.
    pub name: String,
    /// Its identification code; no two partners share one.
    pub code: OdetteId,
    /// The name of our station it deals with.
    pub station: String,
    /// The password we send (SSIDPSWD).
    pub password_sent: Password,
    /// The password we expect.
    pub password_expected: Password,
    /// Where we call it, as `host:port`; without one only the partner calls.
    pub address: Option<String>,
    /// The TLS certificates it may show; empty when none is required.
    pub certificates: Vec<Fingerprint>,
    /// The name its certificate must carry when we call it, where it differs from the host.
    pub server_name: Option<String>,
    /// Largest data exchange buffer we offer (SSIDSDEB), 128 to 99999 octets.
    pub buffer: u32,
    /// Largest credit we offer (SSIDCRED), 1 to 999 buffers.
    pub credit: u16,
    /// Whether it may connect and is called.
    pub enabled: bool,
    /// The protocol level we offer it (SSIDLEV), and the highest a session with it has.
    pub level: Level,
    /// The lowest level a session with it may have; below it the session is refused.
    pub lowest_level: Level,
    /// What lies between it and us.
    pub transport: Transport,
    /// Whether we offer compression (SSIDCMPR).
    pub compression: bool,
    /// Whether we offer to continue broken transfers (SSIDREST).
    pub restart: bool,
    /// Whether both sides prove themselves by secure authentication (SSIDAUTH); both must say so.
    pub authentication: bool,
    /// The leniencies it does not get.
    pub refuse: Deviations,
    /// When it gets the receipt for a file.
    pub receipts: ReceiptTiming,
    /// How long after a file its receipt is overdue, whole seconds.
    pub receipt_within: Duration,
    /// Whether it is called when only an overdue receipt is wanted of it.
    pub call_for_receipts: bool,
    /// Codes of further stations that are reached through it.
    pub stations: Vec<OdetteId>,
    /// Whether files that come from it for stations of other partners are forwarded.
    pub gateway: bool,
    /// Format of the files taken from its outbox folder.
    pub format: Format,
    /// Their record length, octets: that of each record (F) or the largest (V); 0 for U and T.
    pub record_length: u32,
    /// How records lie in files of format V taken from its outbox folder and put into its inbox.
    pub records: RecordForm,
    /// How files to it are protected (SFIDSEC), where nothing else is said.
    pub security: Security,
    /// The cipher suite of files to it (SFIDCIPH), 1 to 10, where nothing else is said.
    pub cipher_suite: u8,
    /// Whether files to it are compressed in CMS (SFIDCOMP), where nothing else is said.
    pub file_compression: bool,
    /// Whether signed receipts for files to it are asked for (SFIDSIGN), where nothing else is said.
    pub signed_receipts: bool,
    /// The cipher suites allowed in files from it and to it, 1 to 10 each, in ascending order.
    pub cipher_suites: Vec<u8>,
    /// Whether files from it may or must be encrypted.
    pub accept_encrypted: Acceptance,
    /// Whether files from it may or must be signed.
    pub accept_signed: Acceptance,
    /// Whether files from it may or must be compressed in CMS.
    pub accept_compressed: Acceptance,
    /// When protected files from it are opened and their signatures checked.
    pub check: CheckTiming,
    /// What becomes of a receipt without signature where a signed one was asked for.
    pub unsigned_receipts: UnsignedReceipts,
    /// Whether signed receipts for it have what they sign inside.
    pub receipt_signature: ReceiptSignature,
    /// Whether signatures of files to it come with our certificate.
    pub include_certificate: bool,
    /// How lengths are written in protected files to it.
    pub encoding: Encoding,
    /// Most octets that compressed data from it may become, per octet.
    pub expansion: u32,
    /// The cipher suite of signed receipts for files that name none (SFIDSIGN with SFIDCIPH 00).
    pub receipt_suite: u8,
    /// What is kept of files after their end.
    pub archive: Archive,
    /// The certificates it uses inside OFTP2: at most one of each role and slot, in their order.
    pub role_certificates: Vec<RoleCertificate>,
}

/// A certificate of a partner, and what it is used for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleCertificate {
    /// What for; none of TLS, which has fingerprints instead.
    pub role: Role,
    /// Whether it is in use, comes after, or was before.
    pub slot: Slot,
    /// The certificate as DER.
    pub certificate: Vec<u8>,
}

impl Partner {
    /// A partner with the defaults of an apply file: everything left out that may be, and no
    /// passwords.
    pub fn new(name: impl Into<String>, code: OdetteId, station: impl Into<String>) -> Partner {
        Partner {
            name: name.into(),
            code,
            station: station.into(),
            password_sent: Password::default(),
            password_expected: Password::default(),
            address: None,
            certificates: Vec::new(),
            server_name: None,
            buffer: DEFAULT_BUFFER,
            credit: DEFAULT_CREDIT,
            enabled: true,
            level: Level::L5,
            lowest_level: Level::L5,
            transport: Transport::Tls,
            compression: true,
            restart: true,
            authentication: false,
            refuse: Deviations::refused_by_default(),
            receipts: ReceiptTiming::Delivered,
            receipt_within: DEFAULT_RECEIPT_WITHIN,
            call_for_receipts: false,
            stations: Vec::new(),
            gateway: false,
            format: Format::Unstructured,
            record_length: 0,
            records: RecordForm::Prefixed,
            security: Security::None,
            cipher_suite: DEFAULT_SUITE,
            file_compression: false,
            signed_receipts: false,
            cipher_suites: DEFAULT_SUITES.to_vec(),
            accept_encrypted: Acceptance::Allowed,
            accept_signed: Acceptance::Allowed,
            accept_compressed: Acceptance::Allowed,
            check: CheckTiming::Delivered,
            unsigned_receipts: UnsignedReceipts::Refused,
            receipt_signature: ReceiptSignature::Inside,
            include_certificate: false,
            encoding: Encoding::Indefinite,
            expansion: DEFAULT_EXPANSION,
            receipt_suite: DEFAULT_SUITE,
            archive: Archive::Nothing,
            role_certificates: Vec::new(),
        }
    }

    /// What files to it get where nothing else is said.
    pub fn services(&self) -> Services {
        Services::of(self)
    }

    /// Brings what has no order of its own into one, so that equal terms are equal.
    fn settle(&mut self) {
        self.cipher_suites.sort_unstable();
        self.cipher_suites.dedup();
        self.role_certificates.sort_unstable();
        self.role_certificates.dedup();
    }

    /// Its certificates of a role, as DER: the current one, the next, the previous, as far as they
    /// are there.
    pub fn certificates_for(&self, role: Role) -> Vec<&[u8]> {
        let mut held: Vec<&RoleCertificate> = self
            .role_certificates
            .iter()
            .filter(|held| held.role == role)
            .collect();
        held.sort_by_key(|held| held.slot);
        held.into_iter()
            .map(|held| held.certificate.as_slice())
            .collect()
    }
}

/// The buffer offered where nothing else is said, octets.
pub const DEFAULT_BUFFER: u32 = 65_535;
/// The credit offered where nothing else is said, buffers.
pub const DEFAULT_CREDIT: u16 = 256;
/// How long after a file its receipt is overdue where nothing else is said: 3 days.
pub const DEFAULT_RECEIPT_WITHIN: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// The cipher suite where nothing else is said: AES-256, RSA, SHA-256.
pub const DEFAULT_SUITE: u8 = 4;
/// The cipher suites allowed where nothing else is said: AES-256 with every hash.
pub const DEFAULT_SUITES: [u8; 5] = [3, 4, 5, 6, 7];
/// Most octets that compressed data may become, per octet, where nothing else is said. zlib makes at
/// most 1032 out of one.
pub const DEFAULT_EXPANSION: u32 = 1_100;

/// What putting a station or partner did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there before.
    Added,
    /// It was there and is different now.
    Changed,
    /// It was there just so.
    Unchanged,
}

/// What an apply file says: stations and partners to add or change. What it does not name stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// The stations.
    pub stations: Vec<Station>,
    /// The partners.
    pub partners: Vec<PartnerEntry>,
}

/// A partner as an apply file has it. A password the file leaves out stays as it is in the store, so
/// that an export without passwords can be applied again; a new partner must have both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerEntry {
    /// The partner; a password left out is empty here.
    pub partner: Partner,
    /// Whether `password_sent` was left out.
    pub keep_password_sent: bool,
    /// Whether `password_expected` was left out.
    pub keep_password_expected: bool,
}

/// What became of one entry of an applied [`Directory`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// `station` or `partner`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What happened to it.
    pub change: Change,
}
