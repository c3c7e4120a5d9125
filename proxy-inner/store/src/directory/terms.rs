//! The words a partner's terms are written in: transport, receipt timing, form of records, levels,
//! refused deviations.

use std::fmt;

use oftp::{Deviation, Deviations, Security};

/// Makes an enum that is written as one lower-case word in apply files, in the journal and on
/// screens; its first value is the default.
macro_rules! terms {
    ($(#[$doc:meta])* $name:ident {
        $(#[$first_doc:meta])* $first:ident = $first_word:literal,
        $($(#[$item_doc:meta])* $item:ident = $word:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first,
            $($(#[$item_doc])* $item,)+
        }

        impl $name {
            /// Every value with its word.
            pub const ALL: &'static [(&'static str, $name)] =
                &[($first_word, $name::$first), $(($word, $name::$item)),+];

            /// The word it is written as.
            pub fn word(self) -> &'static str {
                match self {
                    $name::$first => $first_word,
                    $($name::$item => $word,)+
                }
            }

            /// The value of a word, if it is one.
            pub fn from_word(word: &str) -> Option<$name> {
                let found = $name::ALL.iter().find(|(known, _)| *known == word);
                found.map(|(_, value)| *value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }
    };
}

terms! {
    /// What lies between a partner and us. Agreed beforehand: neither is ever taken for the other.
    Transport {
        /// TLS, through the DMZ half.
        Tls = "tls",
        /// Plain TCP on a line that is private by itself: it may come to the plain listener, and is
        /// called without TLS, straight from inside.
        Plain = "plain",
    }
}

terms! {
    /// When a partner gets its receipt (EERP) for a file.
    ReceiptTiming {
        /// As soon as the file is in the inbox.
        Delivered = "delivered",
        /// When an operator or a business system has confirmed or rejected the file.
        Confirmed = "confirmed",
    }
}

terms! {
    /// How the records of a file of format V lie in the file that is handed over.
    RecordForm {
        /// Each record is preceded by its length as 4 octets, the most significant first.
        Prefixed = "prefixed",
        /// Each record is a line that ends in LF.
        Lines = "lines",
    }
}

terms! {
    /// Whether files from a partner have a security service.
    Acceptance {
        /// They may have it.
        Allowed = "allowed",
        /// One without it is refused (SFNA 18 to 20).
        Required = "required",
        /// One with it is refused (SFNA 16 to 18).
        Refused = "refused",
    }
}

terms! {
    /// When protected files from a partner are opened and their signatures checked.
    CheckTiming {
        /// After the file is acknowledged (EFPA): what fails is told by a negative receipt (NERP).
        Delivered = "delivered",
        /// Before: what fails is not acknowledged (EFNA), and the session waits for the answer.
        BeforeAcknowledgement = "before-acknowledgement",
    }
}

terms! {
    /// What becomes of a receipt without signature where a signed one was asked for.
    UnsignedReceipts {
        /// It settles nothing: the file stays without receipt until an operator takes it after all.
        Refused = "refused",
        /// It settles the file like a signed one.
        Accepted = "accepted",
    }
}

terms! {
    /// Whether signed receipts for a partner have what they sign inside.
    ReceiptSignature {
        /// What is signed is inside the signature.
        Inside = "inside",
        /// Only the signature, for partners that expect it so.
        Detached = "detached",
    }
}

terms! {
    /// How lengths are written in protected files to a partner.
    Encoding {
        /// Lengths unknown beforehand (BER).
        Indefinite = "indefinite",
        /// Lengths in front wherever nothing is compressed, for partners that want it so.
        Definite = "definite",
    }
}

terms! {
    /// What is kept of a partner's files after their end.
    Archive {
        /// Nothing but the journal entry.
        Nothing = "nothing",
        /// The file as it travelled and the clear file, for as long as the archive keeps them.
        Files = "files",
    }
}

/// How files may be protected (SFIDSEC), each with its word.
pub const SECURITY_WORDS: [(&str, Security); 4] = [
    ("none", Security::None),
    ("encrypted", Security::Encrypted),
    ("signed", Security::Signed),
    ("encrypted-and-signed", Security::EncryptedAndSigned),
];

/// The word of a protection.
pub fn security_word(security: Security) -> &'static str {
    let found = SECURITY_WORDS.iter().find(|(_, value)| *value == security);
    found.map_or("none", |(word, _)| word)
}

/// The protection of a word, if it is one.
pub fn security_from_word(word: &str) -> Option<Security> {
    let found = SECURITY_WORDS.iter().find(|(known, _)| *known == word);
    found.map(|(_, value)| *value)
}

/// The word for every deviation there is.
const EVERY: &str = "all";

/// The names of the deviations, as apply files have them: `all` alone for every one there is.
pub fn deviation_names(deviations: Deviations) -> Vec<&'static str> {
    if deviations == Deviations::all() {
        return vec![EVERY];
    }
    deviations.iter().map(Deviation::name).collect()
}

/// The deviations of these names; `all` means every one there is.
///
/// # Errors
/// The first name that is none.
pub fn deviations_from_names<T: AsRef<str>>(names: &[T]) -> Result<Deviations, UnknownDeviation> {
    let mut deviations = Deviations::none();
    for (index, name) in names.iter().map(AsRef::as_ref).enumerate() {
        match Deviation::from_name(name) {
            Some(deviation) => deviations.note(deviation),
            None if name == EVERY => deviations = Deviations::all(),
            None => {
                let name = name.to_owned();
                return Err(UnknownDeviation { index, name });
            }
        }
    }
    Ok(deviations)
}

/// A name that is no deviation's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not known; wanted is {}", UnknownDeviation::wanted())]
pub struct UnknownDeviation {
    /// Its place among those given, from 0.
    pub index: usize,
    /// The name.
    pub name: String,
}

impl UnknownDeviation {
    /// What would be right, in words that can follow "wanted".
    pub fn wanted() -> String {
        let known: Vec<_> = Deviation::ALL.iter().map(|known| known.name()).collect();
        format!("\"{EVERY}\" or one of {}", known.join(", "))
    }
}
