//! Reason codes of ESID, SFNA, EFNA and NERP: value, name, sentence.
//!
//! A code outside the RFC's list is kept: a newer partner may have it, and an operator wants to see
//! it (§5.3.5, §5.3.10, §5.3.11, §5.3.14).

use core::fmt;

use crate::level::Level;

macro_rules! reasons {
    (
        $(#[$doc:meta])* $type:ident, $unknown:literal;
        $( $name:ident = $value:literal, $text:literal; )*
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(pub u8);

        impl $type {
            $( #[doc = $text] pub const $name: $type = $type($value); )*

            /// What the RFC says the code means.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self.0 { $( $value => $text, )* _ => $unknown }
            }

            /// Whether the code is in the RFC's list.
            #[must_use]
            pub fn is_defined(self) -> bool {
                matches!(self.0, $( $value )|*)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:02} ({})", self.0, self.text())
            }
        }
    };
}

reasons! {
    /// ESIDREAS: why a session ends (RFC 5024 §5.3.11). Values 0 to 99.
    EndReason, "a reason that RFC 5024 does not have";
    NORMAL = 0, "normal session termination";
    COMMAND_NOT_RECOGNISED = 1, "command not recognised";
    PROTOCOL_VIOLATION = 2, "protocol violation";
    USER_CODE_NOT_KNOWN = 3, "user code not known";
    INVALID_PASSWORD = 4, "invalid password";
    EMERGENCY_CLOSE = 5, "local site emergency close down";
    INVALID_DATA = 6, "command contained invalid data";
    BUFFER_SIZE = 7, "exchange buffer size error";
    NO_RESOURCES = 8, "resources not available";
    TIME_OUT = 9, "time out";
    INCOMPATIBLE = 10, "mode or capabilities incompatible";
    INVALID_CHALLENGE_RESPONSE = 11, "invalid challenge response";
    AUTHENTICATION_INCOMPATIBLE = 12, "secure authentication requirements incompatible";
    UNSPECIFIED = 99, "unspecified abort code";
}

reasons! {
    /// SFNAREAS and EFNAREAS: why a file is refused (RFC 5024 §5.3.5, §5.3.10). Values 0 to 99.
    FileReason, "a reason that RFC 5024 does not have";
    INVALID_FILENAME = 1, "invalid file name";
    INVALID_DESTINATION = 2, "invalid destination";
    INVALID_ORIGIN = 3, "invalid origin";
    FORMAT_NOT_SUPPORTED = 4, "storage record format not supported";
    RECORD_LENGTH_NOT_SUPPORTED = 5, "maximum record length not supported";
    TOO_BIG = 6, "file size is too big";
    INVALID_RECORD_COUNT = 10, "invalid record count";
    INVALID_BYTE_COUNT = 11, "invalid byte count";
    ACCESS_METHOD_FAILURE = 12, "access method failure";
    DUPLICATE = 13, "duplicate file";
    DIRECTION_REFUSED = 14, "file direction refused";
    CIPHER_NOT_SUPPORTED = 15, "cipher suite not supported";
    ENCRYPTED_NOT_ALLOWED = 16, "encrypted file not allowed";
    UNENCRYPTED_NOT_ALLOWED = 17, "unencrypted file not allowed";
    COMPRESSION_NOT_ALLOWED = 18, "compression not allowed";
    SIGNED_NOT_ALLOWED = 19, "signed file not allowed";
    UNSIGNED_NOT_ALLOWED = 20, "unsigned file not allowed";
    INVALID_SIGNATURE = 21, "invalid file signature";
    DECRYPTION_FAILURE = 22, "file decryption failure";
    DECOMPRESSION_FAILURE = 23, "file decompression failure";
    UNSPECIFIED = 99, "unspecified reason";
}

reasons! {
    /// NERPREAS: why a file was not delivered or processed (RFC 5024 §5.3.14). Values 0 to 99.
    ReceiptReason, "a reason that RFC 5024 does not have";
    USER_CODE_NOT_KNOWN = 3, "user code not known";
    INVALID_PASSWORD = 4, "invalid password";
    UNSPECIFIED_SESSION = 9, "unspecified reason";
    INVALID_FILENAME = 11, "invalid file name";
    INVALID_DESTINATION = 12, "invalid destination";
    INVALID_ORIGIN = 13, "invalid origin";
    FORMAT_NOT_SUPPORTED = 14, "invalid storage record format";
    RECORD_LENGTH_NOT_SUPPORTED = 15, "maximum record length not supported";
    TOO_BIG = 16, "file size too big";
    INVALID_RECORD_COUNT = 20, "invalid record count";
    INVALID_BYTE_COUNT = 21, "invalid byte count";
    ACCESS_METHOD_FAILURE = 22, "access method failure";
    DUPLICATE = 23, "duplicate file";
    DIRECTION_REFUSED = 24, "file direction refused";
    CIPHER_NOT_SUPPORTED = 25, "cipher suite not supported";
    ENCRYPTED_NOT_ALLOWED = 26, "encrypted file not allowed";
    UNENCRYPTED_NOT_ALLOWED = 27, "unencrypted file not allowed";
    COMPRESSION_NOT_ALLOWED = 28, "compression not allowed";
    SIGNED_NOT_ALLOWED = 29, "signed file not allowed";
    UNSIGNED_NOT_ALLOWED = 30, "unsigned file not allowed";
    INVALID_SIGNATURE = 31, "file signature not valid";
    DECOMPRESSION_FAILURE = 32, "file decompression failed";
    DECRYPTION_FAILURE = 33, "file decryption failed";
    PROCESSING_FAILED = 34, "file processing failed";
    NOT_DELIVERED = 35, "not delivered to recipient";
    NOT_ACKNOWLEDGED = 36, "not acknowledged by recipient";
    STOPPED_BY_OPERATOR = 50, "transmission stopped by the operator";
    SIZE_INCOMPATIBLE = 90, "file size incompatible with recipient's protocol version";
    UNSPECIFIED = 99, "unspecified reason";
}

impl EndReason {
    /// The reason as this level can say it: failed authentication (11) is unspecified (99) below
    /// level 5, authentication that one side lacks (12) an incompatibility (10).
    #[must_use]
    pub fn at_level(self, level: Level) -> EndReason {
        match self {
            EndReason::INVALID_CHALLENGE_RESPONSE if !level.has_authentication() => {
                EndReason::UNSPECIFIED
            }
            EndReason::AUTHENTICATION_INCOMPATIBLE if !level.has_authentication() => {
                EndReason::INCOMPATIBLE
            }
            reason if reason.is_defined() => reason,
            _ => EndReason::UNSPECIFIED,
        }
    }
}

impl FileReason {
    /// The reason as this level can say it: 15 to 23 came with level 5 and 14 with level 4; below
    /// they are unspecified (99).
    #[must_use]
    pub fn at_level(self, level: Level) -> FileReason {
        let known = match self.0 {
            14 => level >= Level::L4,
            15..=23 => level.has_file_services(),
            _ => self.is_defined(),
        };
        if known { self } else { FileReason::UNSPECIFIED }
    }
}

impl ReceiptReason {
    /// The reason as this level can say it: 25 to 33 speak of file services, which came with
    /// level 5; below they are unspecified (99).
    #[must_use]
    pub fn at_level(self, level: Level) -> ReceiptReason {
        let known = match self.0 {
            25..=33 => level.has_file_services(),
            _ => self.is_defined(),
        };
        if known {
            self
        } else {
            ReceiptReason::UNSPECIFIED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn every_reason_is_brought_to_one_the_level_has() {
        for code in 0..=99 {
            for level in Level::ALL {
                let file = FileReason(code).at_level(level);
                assert!(file.is_defined(), "{code} at {level}");
                assert_eq!(file, file.at_level(level));
                let end = EndReason(code).at_level(level);
                assert!(end.is_defined() && (level == Level::L5 || end.0 != 11 && end.0 != 12));
                assert!(ReceiptReason(code).at_level(level).is_defined());
                if level == Level::L5 && FileReason(code).is_defined() {
                    assert_eq!(file.0, code);
                }
            }
        }
        let refused = FileReason::DIRECTION_REFUSED;
        assert_eq!(refused.at_level(Level::L4), refused);
        assert_eq!(refused.at_level(Level::L2), FileReason::UNSPECIFIED);
        let suite = FileReason::CIPHER_NOT_SUPPORTED;
        assert_eq!(suite.at_level(Level::L4), FileReason::UNSPECIFIED);
        let requirements = EndReason::AUTHENTICATION_INCOMPATIBLE;
        assert_eq!(requirements.at_level(Level::L4), EndReason::INCOMPATIBLE);
        let response = EndReason::INVALID_CHALLENGE_RESPONSE;
        assert_eq!(response.at_level(Level::L1), EndReason::UNSPECIFIED);
        assert_eq!(response.at_level(Level::L5), response);
    }

    ///
    #[test]
    fn unknown_codes_are_kept_and_shown() {
        assert_eq!(
            EndReason(42).to_string(),
            "42 (a reason that RFC 5024 does not have)"
        );
        assert!(!EndReason(42).is_defined());
        assert_eq!(FileReason::DUPLICATE.to_string(), "13 (duplicate file)");
    }
}
