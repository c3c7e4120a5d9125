//! Where a key is: which module, which token, which object (RFC 7512).

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::UriError;

/// Octets of the longest label or identifier taken.
const MOST_OCTETS: usize = 256;
/// Octets of a token's label, by the standard.
const MOST_TOKEN: usize = 32;
/// Octets of a token's serial number, by the standard.
const MOST_SERIAL: usize = 16;

/// The address of a private key in a token, without PIN:
/// `pkcs11:token=HSM;object=KEY?module-path=/usr/lib/hsm.so`.
///
/// The token is named by its label, its serial number or both; the key by its label (`object`),
/// its identifier (`id=%01%02`) or both. `module` may stand for `module-path`, and the order does
/// not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenUri {
    module: PathBuf,
    token: Option<String>,
    serial: Option<String>,
    object: Option<String>,
    id: Option<Vec<u8>>,
}

impl TokenUri {
    /// The PKCS#11 module, an absolute path.
    #[must_use]
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// Label of the token.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Serial number of the token.
    #[must_use]
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// Label of the key (CKA_LABEL).
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// Identifier of the key (CKA_ID).
    #[must_use]
    pub fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }

    /// The token as people call it.
    pub(crate) fn token_in_words(&self) -> String {
        match (&self.token, &self.serial) {
            (Some(label), Some(serial)) => format!("\"{label}\" with serial number {serial}"),
            (Some(label), None) => format!("\"{label}\""),
            (None, Some(serial)) => format!("with serial number {serial}"),
            (None, None) => String::new(),
        }
    }

    /// The key as people call it.
    pub(crate) fn key_in_words(&self) -> String {
        let id = self.id.as_deref().unwrap_or_default();
        let id: String = id.iter().map(|octet| format!("{octet:02x}")).collect();
        match &self.object {
            Some(label) if id.is_empty() => format!("\"{label}\""),
            Some(label) => format!("\"{label}\" with id {id}"),
            None => format!("with id {id}"),
        }
    }
}

impl FromStr for TokenUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let rest = text.strip_prefix("pkcs11:").ok_or(UriError::Scheme)?;
        let mut read = Read::default();
        for attribute in rest.split(['?', ';', '&']).filter(|part| !part.is_empty()) {
            read.take(attribute)?;
        }
        if read.token.is_none() && read.serial.is_none() {
            return Err(UriError::Missing(
                "the token's name (token=LABEL or serial=NUMBER)",
            ));
        }
        if read.object.is_none() && read.id.is_none() {
            return Err(UriError::Missing("the key's name (object=LABEL or id=%..)"));
        }
        Ok(Self {
            module: read.module.ok_or(UriError::Missing(
                "the module (module-path=/path/of/the.so)",
            ))?,
            token: read.token,
            serial: read.serial,
            object: read.object,
            id: read.id,
        })
    }
}

impl fmt::Display for TokenUri {
    /// As RFC 7512 writes it; reading that gives the same address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pkcs11:")?;
        let path = [
            ("token", self.token.as_deref().map(str::as_bytes)),
            ("serial", self.serial.as_deref().map(str::as_bytes)),
            ("object", self.object.as_deref().map(str::as_bytes)),
            ("id", self.id.as_deref()),
        ];
        let mut between = "";
        for (name, value) in path {
            if let Some(value) = value {
                write!(f, "{between}{name}={}", Encoded(value, name == "id"))?;
                between = ";";
            }
        }
        let module = self.module.as_os_str().as_encoded_bytes();
        write!(f, "?module-path={}", Encoded(module, false))
    }
}

#[derive(Default)]
struct Read {
    module: Option<PathBuf>,
    token: Option<String>,
    serial: Option<String>,
    object: Option<String>,
    id: Option<Vec<u8>>,
}

impl Read {
    fn take(&mut self, attribute: &str) -> Result<(), UriError> {
        // First, for no other message may repeat it.
        if attribute.to_ascii_lowercase().starts_with("pin") {
            return Err(UriError::Pin);
        }
        let (name, value) = attribute
            .split_once('=')
            .ok_or_else(|| UriError::Attribute(attribute.to_owned()))?;
        let octets = decoded(value).ok_or_else(|| UriError::Attribute(attribute.to_owned()))?;
        match name {
            "token" => once("token", &mut self.token, text("token", octets, MOST_TOKEN)?),
            "serial" => once(
                "serial",
                &mut self.serial,
                text("serial", octets, MOST_SERIAL)?,
            ),
            "object" => once(
                "object",
                &mut self.object,
                text("object", octets, MOST_OCTETS)?,
            ),
            "id" => once("id", &mut self.id, sized("id", octets, MOST_OCTETS)?),
            "module" | "module-path" => {
                let path = PathBuf::from(text("module-path", octets, 4096)?);
                if !path.is_absolute() {
                    return Err(UriError::Value {
                        name: "module-path",
                        why: "is no absolute path",
                    });
                }
                once("module-path", &mut self.module, path)
            }
            "type" if octets == b"private" => Ok(()),
            "type" => Err(UriError::Type),
            _ => Err(UriError::Unknown(name.to_owned())),
        }
    }
}

fn once<T>(name: &'static str, place: &mut Option<T>, value: T) -> Result<(), UriError> {
    if place.replace(value).is_some() {
        return Err(UriError::Twice(name));
    }
    Ok(())
}

fn sized(name: &'static str, octets: Vec<u8>, most: usize) -> Result<Vec<u8>, UriError> {
    let why = match octets.len() {
        0 => "is empty",
        length if length > most => "is too long",
        _ => return Ok(octets),
    };
    Err(UriError::Value { name, why })
}

fn text(name: &'static str, octets: Vec<u8>, most: usize) -> Result<String, UriError> {
    let text = String::from_utf8(sized(name, octets, most)?).map_err(|_| UriError::Value {
        name,
        why: "is not UTF-8",
    })?;
    if text.chars().any(char::is_control) {
        return Err(UriError::Value {
            name,
            why: "has control characters",
        });
    }
    Ok(text)
}

/// Octets behind percent signs.
fn decoded(value: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        octets.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(octets)
}

/// Writes octets with percent signs, all of them or where they must be.
struct Encoded<'a>(&'a [u8], bool);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for octet in self.0 {
            let plain = octet.is_ascii_alphanumeric() || b"-._~/:,@+!$'()*".contains(octet);
            if plain && !self.1 {
                write!(f, "{}", char::from(*octet))?;
            } else {
                write!(f, "%{octet:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str =
        "pkcs11:token=My%20HSM;serial=0042;object=sign-2026;id=%01%AB?module-path=/usr/lib/hsm.so";

    #[test]
    fn reads_and_writes_every_part() {
        let uri: TokenUri = WHOLE.parse().unwrap();
        assert_eq!(uri.module(), Path::new("/usr/lib/hsm.so"));
        assert_eq!(uri.token(), Some("My HSM"));
        assert_eq!(uri.serial(), Some("0042"));
        assert_eq!(uri.object(), Some("sign-2026"));
        assert_eq!(uri.id(), Some(&[0x01, 0xAB][..]));
        assert_eq!(uri.to_string(), WHOLE);
    }

    #[test]
    fn takes_the_module_first_and_the_order_as_it_comes() {
        let uri: TokenUri = "pkcs11:module=/usr/lib/hsm.so?token=HSM&object=KEY;type=private"
            .parse()
            .unwrap();
        assert_eq!(
            uri.to_string(),
            "pkcs11:token=HSM;object=KEY?module-path=/usr/lib/hsm.so"
        );
    }

    #[test]
    fn says_what_is_wrong_with_an_address() {
        let long = format!("pkcs11:token={}", "x".repeat(33));
        for (text, expected) in [
            ("file:/key.pem", UriError::Scheme),
            ("pkcs11:token", UriError::Attribute("token".into())),
            ("pkcs11:token=%4", UriError::Attribute("token=%4".into())),
            ("pkcs11:token=%zz", UriError::Attribute("token=%zz".into())),
            ("pkcs11:slot-id=1", UriError::Unknown("slot-id".into())),
            ("pkcs11:token=A;token=B", UriError::Twice("token")),
            (
                "pkcs11:module=/a&module-path=/b",
                UriError::Twice("module-path"),
            ),
            ("pkcs11:token=A?pin-value=1234", UriError::Pin),
            ("pkcs11:token=A?pin-source=/p", UriError::Pin),
            ("pkcs11:type=cert", UriError::Type),
            (
                "pkcs11:module=hsm.so",
                UriError::Value {
                    name: "module-path",
                    why: "is no absolute path",
                },
            ),
            (
                "pkcs11:token=",
                UriError::Value {
                    name: "token",
                    why: "is empty",
                },
            ),
            (
                "pkcs11:token=%FF",
                UriError::Value {
                    name: "token",
                    why: "is not UTF-8",
                },
            ),
            (
                "pkcs11:object=a%00",
                UriError::Value {
                    name: "object",
                    why: "has control characters",
                },
            ),
            (
                &long,
                UriError::Value {
                    name: "token",
                    why: "is too long",
                },
            ),
        ] {
            assert_eq!(text.parse::<TokenUri>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn says_what_an_address_lacks() {
        for (text, lacks) in [
            ("pkcs11:object=K?module=/m", "token=LABEL"),
            ("pkcs11:token=T?module=/m", "object=LABEL"),
            ("pkcs11:token=T;object=K", "module-path="),
        ] {
            let error = text.parse::<TokenUri>().unwrap_err();
            assert!(error.to_string().contains(lacks), "{error}");
        }
    }

    #[test]
    fn a_pin_in_an_address_is_not_repeated() {
        for text in ["pin-value=geheim", "pin-value:geheim", "PIN=geheim%"] {
            let text = format!("pkcs11:{text}");
            let error = text.parse::<TokenUri>().unwrap_err();
            assert!(!error.to_string().contains("geheim"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = text.parse::<TokenUri>();
            let _ = format!("pkcs11:{text}").parse::<TokenUri>();
        }

        #[test]
        fn what_is_written_is_read_back(
            token in "[^\\p{C}]{1,8}",
            object in "[^\\p{C}]{1,40}",
            id in prop::collection::vec(any::<u8>(), 1..20),
            module in "/[^\\p{C}]{1,40}",
        ) {
            let uri = TokenUri {
                module: module.into(),
                token: Some(token),
                serial: None,
                object: Some(object),
                id: Some(id),
            };
            prop_assert_eq!(uri.to_string().parse::<TokenUri>(), Ok(uri));
        }
    }
}
