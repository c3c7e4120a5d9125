//! Object identifiers by their content octets.

use std::fmt::Write as _;

/// id-data (RFC 5652 section 4).
pub(crate) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// id-signedData (RFC 5652 section 5).
pub(crate) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// id-envelopedData (RFC 5652 section 6).
pub(crate) const ENVELOPED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
/// id-ct-compressedData (RFC 3274 section 1.1).
pub(crate) const COMPRESSED_DATA: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x09,
];
/// id-alg-zlibCompress (RFC 3274 section 2).
pub(crate) const ZLIB: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x08,
];

/// id-contentType, a signed attribute (RFC 5652 section 11.1).
pub(crate) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
/// id-messageDigest (RFC 5652 section 11.2).
pub(crate) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// id-signingTime (RFC 5652 section 11.3).
pub(crate) const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05];

/// id-sha1 (RFC 3370 section 2.1).
pub(crate) const SHA_1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
/// id-sha256 (RFC 5754 section 2.2).
pub(crate) const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// id-sha384.
pub(crate) const SHA_384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
/// id-sha512.
pub(crate) const SHA_512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
/// id-sha3-512 (RFC 9688 section 2).
pub(crate) const SHA3_512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x0a];

/// id-RSASSA-PSS (RFC 4055 section 3.1).
pub(crate) const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// id-RSAES-OAEP (RFC 4055 section 4.1).
pub(crate) const RSAES_OAEP: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07];
/// id-mgf1 (RFC 4055 section 2.2).
pub(crate) const MGF_1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];

/// rsaEncryption, which as key encryption algorithm means PKCS#1 v1.5 (RFC 3370 section 4.2.1).
pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-aes128-CBC (RFC 3565).
pub(crate) const AES_128_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02];
/// id-aes192-CBC.
pub(crate) const AES_192_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x16];
/// id-aes256-CBC.
pub(crate) const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
/// des-ede3-cbc (RFC 3370 section 5.1).
pub(crate) const DES_EDE3_CBC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07];

/// The usual form with dots, for messages. Content that is no identifier is shown in hexadecimal.
pub(crate) fn dotted(content: &[u8]) -> String {
    let mut text = String::new();
    let mut arc: u64 = 0;
    let mut first = true;
    let mut open = false;
    for octet in content.iter().take(MOST_SHOWN) {
        let Some(next) = arc.checked_mul(128) else {
            return hexadecimal(content);
        };
        arc = next | u64::from(octet & 0x7f);
        open = octet & 0x80 != 0;
        if open {
            continue;
        }
        if first {
            let root = (arc / 40).min(2);
            let _ = write!(text, "{root}.{}", arc - root * 40);
            first = false;
        } else {
            let _ = write!(text, ".{arc}");
        }
        arc = 0;
    }
    if first || open || content.len() > MOST_SHOWN {
        return hexadecimal(content);
    }
    text
}

/// Octets at most, in hexadecimal.
pub(crate) fn hexadecimal(octets: &[u8]) -> String {
    let mut text = String::from("0x");
    for octet in octets.iter().take(MOST_SHOWN) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// No identifier or serial number worth showing is longer.
const MOST_SHOWN: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_identifiers_with_dots() {
        assert_eq!(dotted(ENVELOPED_DATA), "1.2.840.113549.1.7.3");
        assert_eq!(dotted(AES_256_CBC), "2.16.840.1.101.3.4.1.42");
        assert_eq!(dotted(&[]), "0x");
        assert_eq!(dotted(&[0x88]), "0x88");
        assert_eq!(dotted(&[0xff; 30]), format!("0x{}", "ff".repeat(30)));
    }
}
