//! What can be wrong with a token, its address and its keys; each text says what to do.

use std::path::PathBuf;

use crypto::BadKey;
use cryptoki::error::{Error, RvError};

/// An address of a key in a token that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// Another kind of address.
    #[error(
        "the address of a key in a token begins with \"pkcs11:\", as in \
         \"pkcs11:token=HSM;object=KEY?module-path=/usr/lib/hsm.so\""
    )]
    Scheme,
    /// Something without "=", or with octets that cannot stand there.
    #[error(
        "\"{0}\" in the address of a token is not of the form name=value, with % before two hexadecimal digits"
    )]
    Attribute(String),
    /// A name that is not known here.
    #[error(
        "\"{0}\" is not known in the address of a token; known are token, serial, object, id \
         and module-path"
    )]
    Unknown(String),
    /// The same twice.
    #[error("\"{0}\" stands twice in the address of a token")]
    Twice(&'static str),
    /// Too long, empty or not text.
    #[error("the value of \"{name}\" in the address of a token {why}")]
    Value {
        /// Of the attribute.
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something that must be there.
    #[error("the address of a token lacks {0}")]
    Missing(&'static str),
    /// A PIN where everybody reads it.
    #[error(
        "a PIN does not belong in the address of a token, where everybody reads it; put it \
         into a file of its own and name that as token_pin"
    )]
    Pin,
    /// Of another kind than a private key.
    #[error(
        "the address of a token must name a private key; leave out \"type\" or write type=private"
    )]
    Type,
}

/// A token, or a key in it, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The module is not there, or not one for this machine.
    #[error(
        "the PKCS#11 module {} cannot be loaded: {why}; check its path and that it is made \
         for this system", path.display()
    )]
    Module {
        /// Where it should be.
        path: PathBuf,
        /// What the loader said.
        why: String,
    },
    /// No token of that name.
    #[error(
        "there is no token {wanted}; the module shows {}: is it plugged in, or the name \
         misspelt?",
        list(found)
    )]
    NoToken {
        /// As the address names it.
        wanted: String,
        /// Labels of the tokens there are.
        found: Vec<String>,
    },
    /// Several tokens of that name.
    #[error("{count} tokens are named {wanted}; name the serial number in the address")]
    AmbiguousToken {
        /// As the address names it.
        wanted: String,
        /// How many.
        count: usize,
    },
    /// The token wants a PIN and was given none.
    #[error("the token wants a PIN and none is configured; set token_pin")]
    PinMissing,
    /// The token refused the PIN.
    #[error(
        "the token refused the PIN; it is not tried again, for that might lock the token: \
         correct token_pin"
    )]
    PinWrong,
    /// One more wrong PIN would lock the token.
    #[error(
        "the token will be locked by one more wrong PIN, so it is not tried; log in once with \
         the maker's tool"
    )]
    PinLastTry,
    /// Too many wrong PINs.
    #[error("the token's PIN is locked; unlock it with the maker's tool")]
    PinLocked,
    /// The PIN must be changed, or was never set.
    #[error("the token's PIN must be set or changed first; do so with the maker's tool")]
    PinUnset,
    /// No key of that name.
    #[error(
        "the token has no private key {wanted}; it shows {}. If the key was to be seen only \
         after login, check the PIN",
        list(found)
    )]
    NoKey {
        /// As the address names it.
        wanted: String,
        /// Labels of the private keys there are.
        found: Vec<String>,
    },
    /// Several keys of that name.
    #[error("{count} private keys in the token are named {wanted}; name the id in the address too")]
    AmbiguousKey {
        /// As the address names it.
        wanted: String,
        /// How many.
        count: usize,
    },
    /// The token does not say which public key belongs to the private one.
    #[error(
        "the token does not show the public half of the key; put the public key beside it, \
         with the same id"
    )]
    NoPublicKey,
    /// A key that is not RSA, too small, too large.
    #[error("the key in the token cannot be used: {0}")]
    BadKey(#[from] BadKey),
    /// The key wants the PIN anew for every use.
    #[error(
        "the key wants the PIN between the beginning and the end of every single use \
         (CKA_ALWAYS_AUTHENTICATE), which is not done here; take a key without that: on a PIV card \
         one in slot 9a or 9d, not in 9c, elsewhere one made without --always-auth"
    )]
    AlwaysAuthenticates,
    /// Neither signs nor decrypts anything we need.
    #[error("the token can neither sign nor decrypt with this key in a way OFTP2 has: {0}")]
    Unable(String),
    /// The name is taken.
    #[error("the token has an object named {0} already; choose another name")]
    Exists(String),
    /// Needed for making a key.
    #[error("the address names no object; a new key needs a name: add object=NAME")]
    Nameless,
    /// The token makes no such keys.
    #[error("the token does not make RSA keys of {bits} bits: {why}")]
    NotGenerated {
        /// The size asked for.
        bits: usize,
        /// What it has instead, or said.
        why: String,
    },
    /// After the token was back, another key had the name.
    #[error("the token now has another key under the name {0}; restart to use it, or undo that")]
    Changed(String),
    /// Anything else the token answered.
    #[error("{doing}: {why}")]
    Call {
        /// What we were at.
        doing: &'static str,
        /// What the token answered.
        why: String,
    },
}

impl TokenError {
    pub(crate) fn call(doing: &'static str) -> impl FnOnce(Error) -> Self {
        move |error| TokenError::Call {
            doing,
            why: answer(&error),
        }
    }
}

/// What a token answered, by the names of the standard, short.
pub(crate) fn answer(error: &Error) -> String {
    match error {
        Error::Pkcs11(value, function) => format!("C_{function:?} answered {value:?}"),
        other => other.to_string(),
    }
}

/// Whether the session, the login or the token is gone: worth a new session.
pub(crate) fn is_lost(error: &Error) -> bool {
    use RvError::{
        CryptokiNotInitialized, DeviceError, DeviceRemoved, KeyHandleInvalid, ObjectHandleInvalid,
        OperationActive, SessionClosed, SessionHandleInvalid, SlotIdInvalid, TokenNotPresent,
        TokenNotRecognized, UserNotLoggedIn,
    };
    matches!(
        error,
        Error::Pkcs11(
            SessionHandleInvalid
                | SessionClosed
                | DeviceRemoved
                | DeviceError
                | TokenNotPresent
                | TokenNotRecognized
                | UserNotLoggedIn
                | KeyHandleInvalid
                | ObjectHandleInvalid
                | SlotIdInvalid
                | CryptokiNotInitialized
                | OperationActive,
            _
        )
    )
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}
