//! Object identifiers met in key files, by their content octets.

/// rsaEncryption, 1.2.840.113549.1.1.1
pub(crate) const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
/// id-RSASSA-PSS, 1.2.840.113549.1.1.10
pub(crate) const RSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A];
/// id-RSAES-OAEP, 1.2.840.113549.1.1.7
pub(crate) const RSA_OAEP: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x07];
/// id-ecPublicKey, 1.2.840.10045.2.1
pub(crate) const EC: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
/// prime256v1, 1.2.840.10045.3.1.7
pub(crate) const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
/// secp384r1, 1.3.132.0.34
pub(crate) const P384: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x22];
/// secp521r1, 1.3.132.0.35
pub(crate) const P521: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x23];
/// id-dsa, 1.2.840.10040.4.1
pub(crate) const DSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04, 0x01];
/// id-Ed25519, 1.3.101.112
pub(crate) const ED25519: &[u8] = &[0x2B, 0x65, 0x70];
/// id-Ed448, 1.3.101.113
pub(crate) const ED448: &[u8] = &[0x2B, 0x65, 0x71];
/// id-data, 1.2.840.113549.1.7.1
pub(crate) const DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
/// id-signedData, 1.2.840.113549.1.7.2
pub(crate) const SIGNED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
/// PKCS#5, 1.2.840.113549.1.5, to which one number is added.
pub(crate) const PKCS5: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05];
/// PKCS#12 password-based encryption, 1.2.840.113549.1.12.1, to which one number is added.
pub(crate) const PKCS12_PBE: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01];

/// An object identifier in dotted numbers; `"unknown"` when its octets make none.
pub(crate) fn dotted(content: &[u8]) -> String {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number: u64 = 0;
    for octet in content {
        let Some(shifted) = number.checked_mul(128) else {
            return "unknown".to_owned();
        };
        number = shifted | u64::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            numbers.push(number);
            number = 0;
        }
    }
    let Some((first, others)) = numbers.split_first() else {
        return "unknown".to_owned();
    };
    let root = (*first / 40).min(2);
    let mut text = format!("{root}.{}", first - root * 40);
    for number in others {
        text.push_str(&format!(".{number}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dotted_numbers() {
        assert_eq!(dotted(RSA), "1.2.840.113549.1.1.1");
        assert_eq!(dotted(&[0x60, 0x86, 0x48, 0x01, 0x65]), "2.16.840.1.101");
        assert_eq!(dotted(ED25519), "1.3.101.112");
        assert_eq!(dotted(&[]), "unknown");
        assert_eq!(dotted(&[0xFF; 12]), "unknown");
    }
}
