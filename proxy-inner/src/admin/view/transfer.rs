//! Transfers as operators see them.

use oftp::Security;
use serde::{Deserialize, Serialize};
use store::{State, Step, Transfer};

use super::hexadecimal;

/// One transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferView {
    /// 16 hexadecimal digits.
    pub id: String,
    /// `in` or `out`.
    pub direction: String,
    /// The partner's name.
    pub partner: String,
    /// Our station's name.
    pub station: String,
    /// The state's word: `receiving`, `interrupted`, `received`, `delivered`, `forwarded`, `taking`,
    /// `securing`, `queued`, `sending`, `sent`, `acknowledged`, `rejected` or `failed`.
    pub state: String,
    /// Why it failed, was rejected, or the last attempt ended early.
    pub reason: Option<String>,
    /// Dataset name on the wire (SFIDDSN).
    pub dataset: String,
    /// Date and time on the wire, `CCYYMMDDHHMMSScccc`.
    pub stamp: String,
    /// Originator's identification code.
    pub origin: String,
    /// Destination's identification code.
    pub destination: String,
    /// Format (SFIDFMT): `U`, `T`, `F` or `V`.
    pub format: String,
    /// Record length (SFIDLRECL), octets: of every record (F), of the longest (V), else 0.
    pub record_length: u32,
    /// Its records, once it is whole (F, V).
    pub records: u64,
    /// File services it was made with; absent when none.
    pub services: Option<ServicesView>,
    /// Size in octets as it travels; announced while it is `receiving` or `interrupted`, that of the
    /// clear file while it is `securing`.
    pub octets: u64,
    /// Size of the clear file, before it was secured or after it was opened; absent while not known.
    pub clear_octets: Option<u64>,
    /// Hash of the file as it travels, by its cipher suite, hexadecimal; absent while not known.
    pub hash: Option<String>,
    /// In: whether it was opened, where it had to be.
    pub opened: bool,
    /// Whether it is held: it cannot be secured or opened for now, `reason` says why, and it is tried
    /// again at `not_before`.
    pub held: bool,
    /// Where it goes on when it breaks off, in records (F, V) or blocks of 1024 octets; 0 at its
    /// beginning. In: up to where it is on disk. Out: from where it is offered.
    pub position: u64,
    /// Octets of the file before `position`.
    pub position_octets: u64,
    /// Octets passed in the attempt under way.
    pub progress: Option<u64>,
    /// Description (SFIDDESC).
    pub description: String,
    /// User data (SFIDUSER).
    pub user: String,
    /// Out: the file's name with us.
    pub original_name: Option<String>,
    /// In: its name in the partner's inbox folder.
    pub inbox_name: Option<String>,
    /// In: `unconfirmed`, `awaited` (from the partner it was forwarded to), `owed` or `sent`, once
    /// received whole.
    pub receipt: Option<String>,
    /// Since when its receipt is owed (in) or awaited (out), UTC.
    pub receipt_since: Option<String>,
    /// In: the partner it is forwarded to.
    pub forward_to: Option<String>,
    /// In: the outbound transfer it went on as.
    pub forwarded_to: Option<String>,
    /// Out: the inbound transfer it came from.
    pub forwarded_from: Option<String>,
    /// Out: how often it was offered and refused for now.
    pub attempts: u32,
    /// When it may be offered, secured or opened again, UTC.
    pub not_before: Option<String>,
    /// When the journal first heard of it, UTC.
    pub created: String,
    /// When its journal entry last changed, UTC.
    pub changed: String,
    /// The circuit of its latest step.
    pub circuit: Option<String>,
}

/// The file services (RFC 5024 section 6) that a file was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicesView {
    /// Whether it is signed.
    pub signed: bool,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Whether it is compressed in CMS.
    pub compressed: bool,
    /// Whether it is a CMS object.
    pub enveloped: bool,
    /// Cipher suite (SFIDCIPH), 0 for none.
    pub cipher: u8,
    /// Whether a signed receipt is asked for.
    pub signed_receipt: bool,
    /// Size of the original file (SFIDOSIZ), blocks of 1024 octets.
    pub original_blocks: u64,
}

/// One step in the life of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// When, UTC.
    pub at: String,
    /// What happened, one word.
    pub step: String,
    /// More about it; may be empty.
    pub detail: String,
    /// On which circuit.
    pub circuit: Option<String>,
}

/// A followed transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchView {
    /// As it is now.
    pub transfer: TransferView,
    /// Whether nothing more will happen to it.
    pub finished: bool,
    /// Whether it ended well: receipt and all.
    pub succeeded: bool,
}

impl From<&Transfer> for TransferView {
    fn from(transfer: &Transfer) -> Self {
        TransferView {
            id: transfer.id.to_string(),
            direction: transfer.direction.to_string(),
            partner: transfer.partner.clone(),
            station: transfer.station.clone(),
            state: transfer.state.to_string(),
            reason: transfer.reason.clone(),
            dataset: transfer.file.dataset.to_string(),
            stamp: transfer.file.stamp.to_string(),
            origin: transfer.file.origin.to_string(),
            destination: transfer.file.destination.to_string(),
            format: transfer.format.to_string(),
            record_length: transfer.record_length,
            records: transfer.records,
            services: services(transfer),
            octets: transfer.octets,
            clear_octets: Some(transfer.clear_octets).filter(|octets| *octets > 0),
            hash: Some(hexadecimal(&transfer.hash)).filter(|hash| !hash.is_empty()),
            opened: transfer.opened,
            held: is_held(transfer),
            position: transfer.restart.answer,
            position_octets: transfer.restart.octets,
            progress: transfer.progress,
            description: transfer.description.clone(),
            user: transfer.user.to_string(),
            original_name: transfer.original_name.clone(),
            inbox_name: transfer.inbox_name.clone(),
            receipt: transfer.receipt.map(|receipt| receipt.to_string()),
            receipt_since: transfer.receipt_since.map(|time| time.to_string()),
            forward_to: transfer.forward_to.clone(),
            forwarded_to: transfer.forwarded_to.map(|id| id.to_string()),
            forwarded_from: transfer.forwarded_from.map(|id| id.to_string()),
            attempts: transfer.attempts,
            not_before: transfer.not_before.map(|time| time.to_string()),
            created: transfer.created.to_string(),
            changed: transfer.changed.to_string(),
            circuit: transfer.circuit.clone(),
        }
    }
}

/// Whether it waits to be secured or opened and something stands against that.
fn is_held(transfer: &Transfer) -> bool {
    let waits = transfer.state == State::Securing || transfer.needs_opening();
    waits && transfer.not_before.is_some() && transfer.reason.is_some()
}

fn services(transfer: &Transfer) -> Option<ServicesView> {
    let (signed, encrypted) = match transfer.security {
        Security::None => (false, false),
        Security::Encrypted => (false, true),
        Security::Signed => (true, false),
        Security::EncryptedAndSigned => (true, true),
    };
    let any = transfer.is_secured() || transfer.signed_receipt;
    any.then_some(ServicesView {
        signed,
        encrypted,
        compressed: transfer.compression,
        enveloped: transfer.envelope,
        cipher: transfer.cipher,
        signed_receipt: transfer.signed_receipt,
        original_blocks: transfer.original_blocks,
    })
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        StepView {
            at: step.at.to_string(),
            step: step.step.clone(),
            detail: step.detail.clone(),
            circuit: step.circuit.clone(),
        }
    }
}
