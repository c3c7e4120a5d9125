//! What the engine refuses to do for its driver, and why.

use oftp::{Code, EncodeError, Format, Level};

/// A request that cannot be carried out: nothing was sent and the state has not changed (the "user
/// error" of RFC 5024 section 9.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The state tables have no such request here.
    #[error("{request} is not allowed in state {state}; wait for the event that ends this state")]
    NotInState {
        /// The primitive.
        request: &'static str,
        /// The RFC's name of the present state.
        state: &'static str,
    },
    /// The agreed mode lets us only receive.
    #[error("this session only receives files (SSIDSR); offer the file in a session that may send")]
    ReceiveOnly,
    /// A restart position without an agreed restart.
    #[error(
        "the offer starts at {position} but restart was not agreed (SSIDREST); offer it from 0"
    )]
    RestartNotAgreed {
        /// SFIDREST of the offer.
        position: u64,
    },
    /// An answer beyond the offered position.
    #[error("position {answer} is beyond the offered position {offered}; answer at most that")]
    AnswerBeyondOffer {
        /// The position answered.
        answer: u64,
        /// SFIDREST of the offer.
        offered: u64,
    },
    /// Octets of a file with records, handed over as those of a stream.
    #[error("the open file has records; send it with send_records")]
    HasRecords,
    /// Records of a file that travels as one stream.
    #[error("the open file travels as one stream of octets; send it with send_data")]
    HasNoRecords,
    /// SFIDLRECL that the format cannot have: 0 for F, anything else for U and T.
    #[error("a file of format {format} cannot have the record length {length}; correct SFIDLRECL")]
    UnusableRecordLength {
        /// SFIDFMT.
        format: Format,
        /// SFIDLRECL.
        length: u32,
    },
    /// Ends of records that are no ascending offsets into the octets.
    #[error("a record ends at {end}, but begins at {from} of {octets} octets")]
    RecordEnds {
        /// The end.
        end: usize,
        /// Where the record begins.
        from: usize,
        /// Octets handed over with it.
        octets: usize,
    },
    /// A record that is not as long as the offer said.
    #[error("record {record} has {length} octets, SFIDLRECL is {announced}; offer the file anew")]
    RecordLength {
        /// Its number, counted from 1 at the start of the file.
        record: u64,
        /// Its length, as far as it was handed over.
        length: u64,
        /// SFIDLRECL of the offer: the length of all records (F) or of the longest (V).
        announced: u64,
    },
    /// A restart position whose octets do not fit the format.
    #[error("{octets} octets cannot lie before position {answer} of this file")]
    Position {
        /// The position.
        answer: u64,
        /// Octets before it.
        octets: u64,
    },
    /// Octets after the end of the file.
    #[error("the end of the file was already sent; close the file")]
    AfterEnd,
    /// A file closed before its end went out.
    #[error("the end of the file or of its last record was not sent; send it first")]
    EndNotSent,
    /// Counts that do not fit what was sent.
    #[error(
        "the file is closed with {records} records and {octets} octets, it was sent as {sent_records} \
         and {sent}"
    )]
    Count {
        /// EFIDRCNT asked for; a stream has 0.
        records: u64,
        /// EFIDUCNT asked for.
        octets: u64,
        /// Records from the start of the file to its end.
        sent_records: u64,
        /// Octets from the start of the file to its end; for format V without those before a
        /// restart position, which nobody told the engine.
        sent: u64,
    },
    /// A file accepted while some of it still waits in the engine.
    #[error("{octets} received octets were not taken yet; take and store them, then answer")]
    DataWaiting {
        /// Octets waiting.
        octets: usize,
    },
    /// A proof that does not cover the file.
    #[error(
        "{synced} octets are durable but {received} were received; store all of them, then answer"
    )]
    NotDurable {
        /// Octets the proof covers.
        synced: u64,
        /// Octets received.
        received: u64,
    },
    /// An answer that is no refusal, or a refusal that is none.
    #[error("a session cannot be refused with ESID 00; give the reason")]
    NormalRefusal,
    /// A negative receipt at a level that has none.
    #[error(
        "negative receipts do not exist at protocol level {level}; keep it for a later session"
    )]
    NoNerp {
        /// The agreed level.
        level: Level,
    },
    /// A file with security, compression, an envelope or a signed receipt below level 5.
    #[error("protocol level {level} has no file services; send the file in a session of level 5")]
    NoFileServices {
        /// The agreed level.
        level: Level,
    },
    /// A file whose numbers do not fit the fields of the agreed level.
    #[error("{field} {value} does not fit protocol level {level}; send it in a session of level 5")]
    TooLargeForLevel {
        /// The SFID field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The agreed level.
        level: Level,
    },
    /// A field that does not fit the wire.
    #[error("the command cannot be encoded: {0}")]
    Encode(EncodeError),
}

impl From<EncodeError> for RequestError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::NotAtThisLevel {
                command: Code::Nerp,
                level,
            } => Self::NoNerp { level },
            other => Self::Encode(other),
        }
    }
}

/// Settings no session can run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No level between the two.
    #[error("the lowest protocol level {lowest} is above the highest {highest}; lower it")]
    Levels {
        /// Highest level.
        highest: Level,
        /// Lowest level.
        lowest: Level,
    },
    /// SSIDSDEB out of range.
    #[error("an exchange buffer of {buffer} octets is out of range; set 128 to 99999")]
    Buffer {
        /// Octets asked for.
        buffer: u32,
    },
    /// SSIDCRED out of range.
    #[error("a credit of {credit} is out of range; set 1 to 999")]
    Credit {
        /// Buffers asked for.
        credit: u16,
    },
    /// Secure authentication below level 5.
    #[error("secure authentication does not exist at protocol level {level}; set the level to 5")]
    Authentication {
        /// Highest level.
        level: Level,
    },
}
