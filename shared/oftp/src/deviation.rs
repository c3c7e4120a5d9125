//! Leniencies: what partners do beside RFC 5024 and we accept, each with a name.
//!
//! One list for the codec and for those who use it, so that a partner's strictness, a session's log
//! and a counter all speak of the same thing. The A-numbers are the decisions where the RFC is
//! silent or contradicts itself.

use core::fmt;

use crate::reason::EndReason;

macro_rules! deviations {
    ($( $(#[$doc:meta])* $variant:ident $name:literal $sentence:literal; )*) => {
        /// One thing that is accepted although RFC 5024 does not have it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Deviation { $( $(#[$doc])* $variant, )* }

        impl Deviation {
            /// All of them, in the order of their bits.
            pub const ALL: [Deviation; COUNT] = [$( Deviation::$variant, )*];

            /// The name in configuration, logs and counters; it never changes.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $( Deviation::$variant => $name, )* }
            }

            /// What the partner did, in a sentence for an operator.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $( Deviation::$variant => $sentence, )* }
            }
        }

        const COUNT: usize = [$( $name, )*].len();
    };
}

deviations! {
    // Met by the codec, in single commands.

    /// SSRM, SSID or ESID ends in LF (0x0A) instead of CR.
    LineFeedForCarriageReturn "line-feed-for-carriage-return"
        "a command ends in a line feed where RFC 5024 has a carriage return (section 5.3.1)";
    /// SSRM, SSID or ESID ends without its CR. Refused by default.
    CarriageReturnMissing "carriage-return-missing"
        "a command lacks the carriage return at its end (section 5.3.1)";
    /// Octets follow after the end of a command. Refused by default.
    TrailingOctets "trailing-octets"
        "a command is followed by octets that do not belong to it (section 5.3.11)";
    /// A text field (`T(n)`) is not valid UTF-8; wrong octets are shown as U+FFFD.
    TextNotUtf8 "text-not-utf8"
        "a text is not valid UTF-8 (section 5.3)";
    /// SSIDLEV is none of 1, 2, 4, 5; the next lower defined level is used.
    UndefinedLevel "undefined-level"
        "SSIDLEV names a level that RFC 5024 does not define (section 5.3.2)";
    /// An X field holds printable ASCII outside the RFC's character set (Appendix B, A-32).
    OutsideCharacterSet "outside-character-set"
        "a field holds characters outside the set of RFC 5024 (appendix B)";
    /// A dataset name or user data has a space inside or in front.
    EmbeddedSpace "embedded-space"
        "a name or user data has a space that is no padding (section 5.3)";
    /// An X field is padded with octets 0x00 instead of spaces.
    ZeroPadding "zero-padding"
        "a field is padded with zero octets instead of spaces (section 5.3)";
    /// The counter in a file's time is 0000, at levels 4 and 5, which have one.
    CounterZero "counter-zero"
        "the counter in a file's time is 0000, it begins at 0001 (section 5.3.3)";
    /// A file's date or time is none of the calendar and the clock.
    ImpossibleDate "impossible-date"
        "a file's date or time does not exist (section 5.3.3)";
    /// SFIDLRECL is not zero for a U or T file; it counts as zero.
    StreamWithRecordLength "stream-with-record-length"
        "a U or T file has a record length (section 5.3.3)";
    /// A receipt carries a hash and no signature.
    HashWithoutSignature "hash-without-signature"
        "a receipt that is not signed carries a hash (sections 5.3.13, 5.3.14)";

    // Met by those who follow the session.

    /// The responder answers a higher level than it was asked; the lower one is used.
    HigherLevelAnswered "higher-level-answered"
        "the partner answered a higher protocol level than was asked (section 5.3.2)";
    /// The responder answers a larger buffer than it was asked; the smaller one is used.
    LargerBufferAnswered "larger-buffer-answered"
        "the partner answered a larger buffer than was asked (section 5.3.2)";
    /// The responder answers B to an initiator that only sends or only receives.
    WiderModeAnswered "wider-mode-answered"
        "the partner answered send and receive where one direction was asked (section 3.2.1)";
    /// SSIDSPEC is Y, which has no meaning over TCP; it is answered with N.
    SpecialLogicOffered "special-logic-offered"
        "the partner offered X.25 special logic over TCP (section 5.3.2)";
    /// A DATA buffer is longer than the negotiated size, by at most a few octets.
    OversizedData "oversized-data"
        "a DATA buffer is a few octets longer than agreed (section 5.3.2)";
    /// An empty file without the one DATA buffer that marks its end.
    EmptyFileWithoutData "empty-file-without-data"
        "an empty file came without the DATA buffer that ends it (section 7.2)";
    /// A stream file whose last DATA buffer lacks the end-of-record flag.
    EndOfRecordMissing "end-of-record-missing"
        "the last DATA buffer of a file lacks the end-of-record flag (section 7.2)";
    /// EFIDRCNT is not zero for a file that is sent as a stream.
    StreamWithRecordCount "stream-with-record-count"
        "a file that is sent as a stream has a record count (section 5.3.8)";
    /// ESID 00 straight after EFID, without waiting for EFPA: the file is kept if it proves
    /// durable.
    EndedBeforeAnswer "ended-before-answer"
        "the partner ended the session right after EFID and did not wait for the answer (section 3.4)";
    /// A receipt has the file's originator and destination where the other belongs.
    ReceiptAddressesSwapped "receipt-addresses-swapped"
        "a receipt has its originator and destination swapped (section 5.3.13)";
}

impl Deviation {
    /// The deviation of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Deviation> {
        Deviation::ALL
            .into_iter()
            .find(|deviation| deviation.name() == name)
    }

    /// The ESID reason where the deviation is refused; `None` where the file is refused and the
    /// session goes on, or where nothing on the wire is.
    #[must_use]
    pub fn end_reason(self) -> Option<EndReason> {
        match self {
            Deviation::LineFeedForCarriageReturn
            | Deviation::TextNotUtf8
            | Deviation::UndefinedLevel
            | Deviation::OutsideCharacterSet
            | Deviation::EmbeddedSpace
            | Deviation::ZeroPadding
            | Deviation::CounterZero
            | Deviation::ImpossibleDate
            | Deviation::StreamWithRecordLength
            | Deviation::HashWithoutSignature => Some(EndReason::INVALID_DATA),
            Deviation::CarriageReturnMissing
            | Deviation::TrailingOctets
            | Deviation::OversizedData => Some(EndReason::BUFFER_SIZE),
            Deviation::HigherLevelAnswered
            | Deviation::LargerBufferAnswered
            | Deviation::WiderModeAnswered
            | Deviation::SpecialLogicOffered => Some(EndReason::INCOMPATIBLE),
            Deviation::EndedBeforeAnswer => Some(EndReason::PROTOCOL_VIOLATION),
            Deviation::EmptyFileWithoutData
            | Deviation::EndOfRecordMissing
            | Deviation::StreamWithRecordCount
            | Deviation::ReceiptAddressesSwapped => None,
        }
    }

    fn bit(self) -> u32 {
        1_u32.wrapping_shl(self as u32)
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// A set of deviations: those met in a command, or those that a partner may not show.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Deviations(u32);

impl Deviations {
    /// None.
    #[must_use]
    pub fn none() -> Deviations {
        Deviations(0)
    }

    /// Every one there is: the strictest set to refuse.
    #[must_use]
    pub fn all() -> Deviations {
        Deviation::ALL.into_iter().collect()
    }

    /// Those that the protocol's rules refuse and only an option tolerates: a missing CR and
    /// octets after a command. The least a session should refuse unless told otherwise.
    #[must_use]
    pub fn refused_by_default() -> Deviations {
        [Deviation::CarriageReturnMissing, Deviation::TrailingOctets]
            .into_iter()
            .collect()
    }

    /// Whether there is none in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Adds one that was met.
    pub fn note(&mut self, deviation: Deviation) {
        self.insert(deviation);
    }

    /// Adds one; whether it is new.
    pub fn insert(&mut self, deviation: Deviation) -> bool {
        let new = !self.contains(deviation);
        self.0 |= deviation.bit();
        new
    }

    /// Takes one out; whether it was there.
    pub fn remove(&mut self, deviation: Deviation) -> bool {
        let there = self.contains(deviation);
        self.0 &= !deviation.bit();
        there
    }

    /// Whether this one is in the set.
    #[must_use]
    pub fn contains(self, deviation: Deviation) -> bool {
        self.0 & deviation.bit() != 0
    }

    /// Those in both sets.
    #[must_use]
    pub fn intersection(self, other: Deviations) -> Deviations {
        Deviations(self.0 & other.0)
    }

    /// Those in the set, in the order of [`Deviation::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Deviation> {
        Deviation::ALL
            .into_iter()
            .filter(move |deviation| self.contains(*deviation))
    }
}

impl FromIterator<Deviation> for Deviations {
    fn from_iter<I: IntoIterator<Item = Deviation>>(deviations: I) -> Deviations {
        let mut set = Deviations::none();
        set.extend(deviations);
        set
    }
}

impl Extend<Deviation> for Deviations {
    fn extend<I: IntoIterator<Item = Deviation>>(&mut self, deviations: I) {
        for deviation in deviations {
            self.insert(deviation);
        }
    }
}

impl fmt::Debug for Deviations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Deviation::name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different_and_lead_back() {
        for deviation in Deviation::ALL {
            assert_eq!(Deviation::from_name(deviation.name()), Some(deviation));
            let shape = |octet: u8| octet.is_ascii_lowercase() || octet == b'-' || octet == b'8';
            assert!(deviation.name().bytes().all(shape), "{}", deviation.name());
            assert!(deviation.sentence().contains(" ("), "names its section");
        }
        assert_eq!(Deviation::from_name("all"), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_no_more() {
        assert_eq!(Deviations::all().len(), Deviation::ALL.len());
        for deviation in Deviation::ALL {
            let mut set = Deviations::none();
            assert!(set.insert(deviation) && !set.insert(deviation));
            assert_eq!(set.iter().collect::<Vec<_>>(), [deviation]);
            assert_eq!(set, Deviations::all().intersection(set));
            assert!(set.remove(deviation) && !set.remove(deviation));
            assert!(set.is_empty());
        }
    }

    #[test]
    fn the_least_to_refuse_are_the_two_options() {
        let refused: Vec<_> = Deviations::refused_by_default().iter().collect();
        assert_eq!(
            refused,
            [Deviation::CarriageReturnMissing, Deviation::TrailingOctets]
        );
    }
}
