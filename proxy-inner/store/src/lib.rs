//! The store: everything the inner half keeps, so that nothing acknowledged is lost and nothing is
//! delivered twice, whenever the process is killed.
//!
//! ```text
//!  partner ─▶ begin_inbound ─▶ Inbound::write* ─▶ finish ─▶ Synced ─▶ (open) ─▶ deliver ─▶ inbox/<partner>/
//!             (duplicate? busy? room?  spool      │ data synced, then journal  │ (atomic rename)
//!              resumed?)                          │                            └▶ queued for another
//!                                                 │                               partner (forward.rs)
//!                                                 ▼
//!                              journal (SQLite, WAL, full sync): the truth after a crash
//!                                                 ▲
//!  outbox/<partner>/ ─▶ scan_outbox ──┐           │
//!  begin_outbound ─▶ Intake::finish ──┴▶ (secure) ─▶ queued ─▶ claim_file ─▶ OutboundClaim ─▶ sent ─▶ receipt_arrived
//!                                                 claim_receipt ─▶ ReceiptClaim ─▶ sent
//! ```
//!
//! Everything here blocks; an asynchronous caller wraps it in `spawn_blocking`. [`Store`] is cheap
//! to clone. Values that stand for work under way ([`Inbound`], [`Intake`], [`SecuringClaim`],
//! [`OpeningClaim`], [`OutboundClaim`], [`ReceiptClaim`]) end themselves when dropped, without waiting for a sync: what can go on later, can.
//!
//! What is promised, and where it is kept:
//! - A file is acknowledged by a value ([`Synced`]) that exists only after its octets, its folder
//!   entry and its journal entry are on disk (`inbound.rs`).
//! - A file that breaks off is kept up to a place that is on disk, and goes on from there (`inbound/`,
//!   `outbound/`).
//! - It appears in the inbox once, whole, with its metadata beside it (`inbox.rs`), or goes on once and
//!   unchanged to the partner who serves its destination (`forward.rs`).
//! - For each file its sender gets one receipt (`receipt/`).
//! - What is secured before it is sent is the same octets at every attempt; of what is opened nobody sees
//!   any before all of it was (`security/`). What proves a transfer is kept with it (`evidence.rs`,
//!   `archive.rs`).
//! - A file in the outbox is taken once, and what is taken is sent until the partner has it or the
//!   journal says why not (`outbox/`, `outbound/`).
//! - Opening brings journal, spool, inbox and outbox to one consistent state (`recover.rs`).
//! - One process at a time (`lock.rs`).
//!
//! Passwords are in the journal and nowhere else: never in `Debug`, an error, or a log line.

mod archive;
mod crash;
mod directory;
mod error;
mod evidence;
mod forward;
mod inbound;
mod inbox;
mod intake;
mod journal;
mod keys;
mod layout;
mod lock;
mod naming;
mod outbound;
mod outbox;
mod prune;
mod queue;
mod receipt;
mod records;
mod recover;
mod row;
mod schema;
mod security;
mod services;
mod spool;
mod store;
mod transfer;
mod upkeep;

#[cfg(test)]
mod tests;

pub use directory::{
    Acceptance, Applied, Archive, Change, CheckTiming, DEFAULT_BUFFER, DEFAULT_CREDIT,
    DEFAULT_EXPANSION, DEFAULT_RECEIPT_WITHIN, DEFAULT_SUITE, DEFAULT_SUITES, Directory, Encoding,
    Fingerprint, NoCertificates, NoFingerprint, PARTNER_ROLES, Partner, PartnerEntry, PartnerView,
    ReceiptSignature, ReceiptTiming, RecordForm, RoleCertificate, RoleCertificateView,
    SECURITY_WORDS, Served, Station, Transport, UnknownDeviation, UnsignedReceipts,
    certificates_from_pem, certificates_to_pem, deviation_names, deviations_from_names,
    format_from_text, parse_directory, security_from_word, security_word,
};
pub use error::{InboundRefusal, ReceiptProblem, StoreError};
pub use evidence::{Evidence, EvidenceKind, TransferEvidence};
pub use inbound::{Bound, Inbound, Offer, Synced};
pub use inbox::Delivered;
pub use intake::{Intake, NewOutbound};
pub use keys::{KeyHome, KeyRecord, KeyUse};
pub use naming::dataset_from_name;
pub use outbound::{AlreadyThere, OutboundClaim, OutboundFile};
pub use outbox::{OutboxFault, OutboxReport};
pub use queue::{DuePartner, SessionRecord};
pub use receipt::{
    ArrivedReceipt, Judge, Judgement, ReceiptClaim, ReceiptContent, ReceiptEntry, ReceiptFilter,
    ReceiptKind, ReceiptSide, Settled, Settlement,
};
pub use security::{OpeningClaim, SecuringClaim, SourceFile, TargetFile};
pub use services::Services;
pub use store::{Store, StoreOptions};
pub use transfer::{
    Count, Counts, Direction, Filter, NoTransferId, Position, ReceiptState, State, Step, Transfer,
    TransferId, UnknownWord,
};
