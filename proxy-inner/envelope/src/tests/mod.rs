//! Challenges sealed and opened, against ourselves, against openssl and against broken octets; files
//! secured and opened; receipts signed.
//!
//! `vectors/` was made with OpenSSL 3.0.19 for keys that exist for these tests only:
//!
//! ```text
//! openssl req -x509 -newkey rsa:2048 -nodes -keyout recipient.key -out recipient.pem -days 36500 \
//!     -subj "/C=DE/O=Test of the envelope/CN=recipient" -addext subjectKeyIdentifier=hash   (and other.pem likewise)
//! openssl x509 -in recipient.pem -outform DER -out recipient.cer
//! openssl pkcs8 -topk8 -nocrypt -in recipient.key -outform DER -out recipient.p8
//! openssl rsa -in recipient.key -traditional -outform DER -out recipient.p1
//! printf 'twenty octets inside' > plain
//! openssl cms -encrypt -binary -in plain -outform DER -aes256 -out aes256.der recipient.pem
//!     -aes192, -aes128, -des3: aes192.der, aes128.der, des3.der
//!     -aes256 -keyid, -aes256 -stream, -des3 -keyid -stream: keyid.der, stream.der, des3-keyid-stream.der
//!     -aes256, for other.pem and recipient.pem: several.der; for other.pem only: other.der
//!     -aes256 -recip recipient.pem -keyopt rsa_padding_mode:oaep: oaep.der
//!     -aes256, with the first 19 octets of plain: nineteen.der
//! openssl cms -data_create -binary -in plain -outform DER -out data.der
//! ```

mod broken;
mod open;
mod openssl;
mod own;
mod secured;

use std::sync::Arc;

use crypto::SoftwareKey;

use crate::{Certificate, OwnKey};

const RECIPIENT: &[u8] = include_bytes!("vectors/recipient.cer");
const OTHER: &[u8] = include_bytes!("vectors/other.cer");
const PKCS8: &[u8] = include_bytes!("vectors/recipient.p8");
const PKCS1: &[u8] = include_bytes!("vectors/recipient.p1");
const SECRET: &[u8; 20] = b"twenty octets inside";

fn recipient() -> Certificate {
    Certificate::from_der(RECIPIENT).unwrap()
}

fn other() -> Certificate {
    Certificate::from_der(OTHER).unwrap()
}

fn software_key() -> Arc<SoftwareKey> {
    Arc::new(SoftwareKey::from_pkcs8(PKCS8).unwrap())
}

fn key() -> OwnKey {
    OwnKey::new(software_key(), &[recipient()]).unwrap()
}
