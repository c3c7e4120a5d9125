//! Text that operators send and get which must not be seen elsewhere: passwords, and files of them.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

/// Text that is wiped from memory and never shown by `Debug`; on the line it is plain text.
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    /// Hides `text`.
    pub fn new(text: String) -> Self {
        Hidden(Zeroizing::new(text))
    }

    /// The text; every call is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HiddenVisitor)
    }
}

/// Takes text only, and never lets another value into the error's text, as the default would.
struct HiddenVisitor;

impl Visitor<'_> for HiddenVisitor {
    type Value = Hidden;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Hidden, E> {
        Ok(Hidden::new(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Hidden, E> {
        Ok(Hidden::new(text))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Hidden, E> {
        Err(E::custom(NOT_TEXT))
    }

    fn visit_i64<E: de::Error>(self, mut number: i64) -> Result<Hidden, E> {
        number.zeroize();
        Err(E::custom(NOT_TEXT))
    }

    fn visit_u64<E: de::Error>(self, mut number: u64) -> Result<Hidden, E> {
        number.zeroize();
        Err(E::custom(NOT_TEXT))
    }

    fn visit_f64<E: de::Error>(self, mut number: f64) -> Result<Hidden, E> {
        number.zeroize();
        Err(E::custom(NOT_TEXT))
    }
}

const NOT_TEXT: &str = "a hidden value must be text in quotes";
