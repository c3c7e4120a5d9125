//! What the journal knows of one transfer, as it is shown to others.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use oftp::{FileId, Format, Security, UserField};
use serde::{Serialize, Serializer};

use crate::services::Services;

/// Names one transfer for ever, in the journal, in logs and in file names.
///
/// Random; printed as 16 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId(pub(crate) u64);

impl TransferId {
    /// The identifier as a number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that is no transfer identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no transfer identifier: one has 16 hexadecimal digits, as `transfers` shows them"
)]
pub struct NoTransferId(String);

impl FromStr for TransferId {
    type Err = NoTransferId;

    fn from_str(text: &str) -> Result<Self, NoTransferId> {
        let wrong = || NoTransferId(text.to_owned());
        if text.len() != 16 || !text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        u64::from_str_radix(text, 16)
            .map(TransferId)
            .map_err(|_| wrong())
    }
}

impl Serialize for TransferId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Makes an enum that is written as one lower-case word in the journal, in JSON and on screens.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$item_doc])* $item,)+
        }

        impl $name {
            /// Every value there is.
            pub const ALL: &'static [$name] = &[$($name::$item),+];

            /// The word it is written as.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$item => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                $name::ALL.iter().copied().find(|item| item.word() == text).ok_or_else(|| UnknownWord {
                    found: text.to_owned(),
                    wanted: $name::ALL.iter().map(|item| item.word()).collect::<Vec<_>>().join(", "),
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    };
}
pub(crate) use words;

/// A word that is none of those that are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not known; wanted is one of {wanted}")]
pub struct UnknownWord {
    pub(crate) found: String,
    pub(crate) wanted: String,
}

words! {
    /// Which way a file goes, seen from us.
    Direction {
        /// A partner sends it to us.
        In = "in",
        /// We send it to a partner.
        Out = "out",
    }
}

words! {
    /// How far a transfer has come.
    ///
    /// Inbound: `Receiving` (→ `Interrupted` → `Receiving`) → `Received` → `Delivered` or `Forwarded`.
    /// Outbound: `Taking` (→ `Securing`) → `Queued` → `Sending` → `Sent` → `Acknowledged` or `Rejected`, and
    /// back from `Sending` to `Queued` when a session ends early. Either may end in `Failed`.
    State {
        /// In: octets are arriving.
        Receiving = "receiving",
        /// In: the session ended before the file did; what is held waits for the partner to go on.
        Interrupted = "interrupted",
        /// In: whole and synced in the spool, not yet in the inbox; perhaps yet to be opened.
        Received = "received",
        /// In: handed to the inbox.
        Delivered = "delivered",
        /// In: handed on to the partner who serves its destination, as an outbound transfer.
        Forwarded = "forwarded",
        /// Out: being moved from the outbox into the spool.
        Taking = "taking",
        /// Out: whole and synced in the spool, yet to be signed, compressed or encrypted; or only to be
        /// hashed, for a signed receipt.
        Securing = "securing",
        /// Out: waits for a session.
        Queued = "queued",
        /// Out: in the hands of a session.
        Sending = "sending",
        /// Out: the partner has it (EFPA); its receipt is awaited.
        Sent = "sent",
        /// Out: the partner's EERP came. The end.
        Acknowledged = "acknowledged",
        /// Out: the partner's NERP came. The end.
        Rejected = "rejected",
        /// Given up; [`Transfer::reason`] says why.
        Failed = "failed",
    }
}

words! {
    /// How far the receipt of an inbound transfer has come.
    ReceiptState {
        /// The file is here; an operator or a business system has yet to confirm or reject it.
        Unconfirmed = "unconfirmed",
        /// The file is forwarded; the receipt of its recipient is yet to come.
        Awaited = "awaited",
        /// We owe the partner an EERP or a NERP.
        Owed = "owed",
        /// The partner has confirmed our receipt (RTR).
        Sent = "sent",
    }
}

/// A place in a virtual file at which a transfer can go on (RFC 5024 section 1.5.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// In the units of SFIDREST and SFPAACNT: records for F and V, blocks of 1024 octets for all else.
    pub answer: u64,
    /// Octets of the virtual file before it.
    pub octets: u64,
}

impl Position {
    /// The first octet.
    pub const START: Position = Position {
        answer: 0,
        octets: 0,
    };
}

/// One transfer, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its name.
    pub id: TransferId,
    /// Which way it goes.
    pub direction: Direction,
    /// The partner's name.
    pub partner: String,
    /// The name of our station.
    pub station: String,
    /// What names it on the wire.
    pub file: FileId,
    /// Record format (SFIDFMT).
    pub format: Format,
    /// Record length (SFIDLRECL), octets: of each record (F), of the longest (V), 0 for U and T.
    pub record_length: u32,
    /// Its records, once it is whole (F, V).
    pub records: u64,
    /// Size of the original file (SFIDOSIZ), blocks of 1024 octets; 0 when unknown.
    pub original_blocks: u64,
    /// Security services (SFIDSEC).
    pub security: Security,
    /// Cipher suite (SFIDCIPH), 0 for none.
    pub cipher: u8,
    /// Whether it is compressed in CMS (SFIDCOMP).
    pub compression: bool,
    /// Whether it is a CMS object (SFIDENV).
    pub envelope: bool,
    /// Whether a signed receipt is asked for (SFIDSIGN).
    pub signed_receipt: bool,
    /// How far it has come.
    pub state: State,
    /// Why it is `Failed` or `Rejected`, why the last attempt ended early, why it is held, or why its
    /// receipt was not taken; a sentence.
    pub reason: Option<String>,
    /// Its size as a virtual file, as it travels: announced while it is `Receiving` or `Interrupted`,
    /// that of the clear file while it is `Securing`, exact afterwards. Octets.
    pub octets: u64,
    /// Its size as a virtual file before it was secured, or after it was opened; 0 as long as that is not
    /// known. Octets.
    pub clear_octets: u64,
    /// Hash of the file as it travels, by its cipher suite; empty as long as it is not known.
    pub hash: Vec<u8>,
    /// In: whether it was opened, where it had to be.
    pub opened: bool,
    /// In: up to where it is on disk while it is not whole. Out: from where it is offered next.
    pub restart: Position,
    /// Octets that have passed in the attempt now under way; `None` when none is.
    pub progress: Option<u64>,
    /// Description (SFIDDESC), may be empty.
    pub description: String,
    /// User data (SFIDUSER).
    pub user: UserField,
    /// Out: the name the file had with us.
    pub original_name: Option<String>,
    /// In: its file name in the partner's inbox folder.
    pub inbox_name: Option<String>,
    /// In: its receipt; `None` until it is received whole.
    pub receipt: Option<ReceiptState>,
    /// Since when its receipt is owed (in) or awaited (out).
    pub receipt_since: Option<Timestamp>,
    /// In: the partner it is to be forwarded to; `None` when it is for a station of ours.
    pub forward_to: Option<String>,
    /// In: the outbound transfer it went on as.
    pub forwarded_to: Option<TransferId>,
    /// Out: the inbound transfer it came from.
    pub forwarded_from: Option<TransferId>,
    /// Out: how often it was offered and refused for now.
    pub attempts: u32,
    /// When it may be offered, secured or opened again, if it must wait.
    pub not_before: Option<Timestamp>,
    /// When the journal first heard of it.
    pub created: Timestamp,
    /// When its journal entry last changed.
    pub changed: Timestamp,
    /// The circuit of its latest step, if one had to do with it.
    pub circuit: Option<String>,
}

impl Transfer {
    /// Whether CMS file services make it a stream of octets whatever its format (RFC 5024 section 6).
    pub fn is_secured(&self) -> bool {
        self.security != Security::None || self.compression || self.envelope
    }

    /// The services it has, or had with its sender.
    pub fn services(&self) -> Services {
        Services {
            security: self.security,
            suite: self.cipher,
            compression: self.compression,
            signed_receipt: self.signed_receipt,
        }
    }

    /// Whether it was received and must be opened, or only hashed for its signed receipt, before it can
    /// be delivered.
    pub fn needs_opening(&self) -> bool {
        self.direction == Direction::In
            && self.state == State::Received
            && self.forward_to.is_none()
            && !self.opened
            && !self.services().is_none()
    }
}

/// One step in the life of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When, UTC, in milliseconds.
    pub at: Timestamp,
    /// What happened, as one word.
    pub step: String,
    /// More about it; may be empty.
    pub detail: String,
    /// On which circuit, if on one.
    pub circuit: Option<String>,
}

/// Which transfers to list; `Default` lists the newest of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this way.
    pub direction: Option<Direction>,
    /// Only of this partner.
    pub partner: Option<String>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only those that wait to be secured or opened and are held.
    pub held: bool,
    /// At most so many, the newest first; [`Filter::MOST`] when absent.
    pub limit: Option<u32>,
}

impl Filter {
    /// How many are listed when no limit is given.
    pub const MOST: u32 = 1_000;
}

/// How many transfers there are, by direction and state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Direction, state and number; what is zero is left out.
    pub transfers: Vec<Count>,
    /// Inbound files whose receipt the partner has not confirmed yet.
    pub receipts_owed: u64,
    /// Inbound files that are yet to be opened.
    pub unopened: u64,
    /// Files that wait to be secured or opened and are held; their reason says why.
    pub held: u64,
}

/// One number of [`Counts`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Which way.
    pub direction: Direction,
    /// How far.
    pub state: State,
    /// How many.
    pub number: u64,
}

impl Counts {
    /// The number of transfers going `direction` that are in `state`.
    pub fn of(&self, direction: Direction, state: State) -> u64 {
        self.transfers
            .iter()
            .filter(|count| count.direction == direction && count.state == state)
            .map(|count| count.number)
            .sum()
    }
}
