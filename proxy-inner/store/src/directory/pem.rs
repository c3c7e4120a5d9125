//! Certificates as PEM text (RFC 7468) and as DER. What is in a certificate is not looked at here.

use std::fmt::Write;

/// A text that holds no certificates, or not only such.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoCertificates(String);

/// The certificates of a PEM text as DER, in their order; text between them is left alone. An empty
/// text has none.
///
/// # Errors
/// A block that is no certificate, is not closed, or does not hold one DER value.
pub fn certificates_from_pem(text: &str) -> Result<Vec<Vec<u8>>, NoCertificates> {
    let mut certificates = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ") else {
            continue;
        };
        let number = certificates.len() + 1;
        if label != "CERTIFICATE-----" {
            // A private key must not be kept, and its text not be shown.
            return Err(NoCertificates(format!(
                "block {number} begins with {line:?}: only certificates belong here"
            )));
        }
        let mut body = String::new();
        let closed = lines.by_ref().any(|line| {
            let end = line == "-----END CERTIFICATE-----";
            if !end {
                body.push_str(line);
            }
            end
        });
        if !closed {
            return Err(NoCertificates(format!(
                "certificate {number} does not end with \"-----END CERTIFICATE-----\""
            )));
        }
        let der = decode(&body).filter(|der| is_one_sequence(der));
        certificates.push(der.ok_or_else(|| {
            NoCertificates(format!(
                "certificate {number} is damaged: its text is no base64 of one DER value"
            ))
        })?);
    }
    if certificates.is_empty() && !text.trim().is_empty() {
        return Err(NoCertificates(
            "no \"-----BEGIN CERTIFICATE-----\" in it".to_owned(),
        ));
    }
    Ok(certificates)
}

/// The PEM text of certificates given as DER.
pub fn certificates_to_pem<T: AsRef<[u8]>>(certificates: &[T]) -> String {
    let mut text = String::new();
    for der in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        // 48 octets are a line of 64 characters.
        for line in der.as_ref().chunks(48) {
            let _ = writeln!(text, "{}", encode(line));
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let word = (0..3).fold(0_usize, |word, place| {
            word << 8 | usize::from(group.get(place).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let digit = ALPHABET.get(word >> (18 - 6 * place) & 0x3f);
            let digit = digit.filter(|_| place <= group.len());
            text.push(digit.map_or('=', |digit| char::from(*digit)));
        }
    }
    text
}

/// `None` for anything but whole groups of the alphabet with padding at the end only.
fn decode(text: &str) -> Option<Vec<u8>> {
    let groups = text.as_bytes().chunks(4);
    let last = groups.len().checked_sub(1)?;
    let mut octets = Vec::with_capacity(text.len() / 4 * 3);
    for (index, group) in groups.enumerate() {
        let padding = group
            .iter()
            .rev()
            .take_while(|octet| **octet == b'=')
            .count();
        if group.len() != 4 || padding > 2 || (padding > 0 && index != last) {
            return None;
        }
        let mut word = 0_u32;
        for octet in group {
            let digit = match ALPHABET.iter().position(|digit| digit == octet) {
                Some(digit) => u32::try_from(digit).ok()?,
                None if *octet == b'=' => 0,
                None => return None,
            };
            word = word << 6 | digit;
        }
        let [_, three @ ..] = word.to_be_bytes();
        let (kept, rest) = three.split_at_checked(3 - padding)?;
        // Bits nobody would read must not differ between two texts of one certificate; and a padding
        // sign in front of a digit shows here too.
        if group.iter().take(4 - padding).any(|octet| *octet == b'=')
            || rest.iter().any(|octet| *octet != 0)
        {
            return None;
        }
        octets.extend_from_slice(kept);
    }
    Some(octets)
}

/// Whether the octets are one DER SEQUENCE and nothing more.
fn is_one_sequence(der: &[u8]) -> bool {
    let (content, length) = match der {
        [0x30, length @ 0..=0x7f, content @ ..] => (content, usize::from(*length)),
        [0x30, 0x81, length, content @ ..] => (content, usize::from(*length)),
        [0x30, 0x82, high, low, content @ ..] => {
            (content, usize::from(u16::from_be_bytes([*high, *low])))
        }
        _ => return false,
    };
    content.len() == length
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SEQUENCE of so many octets.
    fn der(length: u8) -> Vec<u8> {
        let mut der = vec![0x30, length];
        der.extend((0..length).map(|octet| octet.wrapping_mul(37)));
        der
    }

    #[test]
    fn reads_what_it_writes_for_every_length_of_the_last_group() {
        for length in 0..=127 {
            let certificates = vec![der(length), der(3)];
            let text = certificates_to_pem(&certificates);
            assert_eq!(certificates_from_pem(&text), Ok(certificates), "{text}");
        }
        let long: Vec<u8> = [0x30, 0x82, 0x01, 0x00]
            .into_iter()
            .chain([7; 256])
            .collect();
        let text = certificates_to_pem(std::slice::from_ref(&long));
        assert!(text.lines().all(|line| line.len() <= 64), "{text}");
        assert_eq!(certificates_from_pem(&text), Ok(vec![long]));
        assert_eq!(certificates_from_pem(" \n"), Ok(Vec::new()));
    }

    #[test]
    fn reads_text_between_and_line_ends_of_other_systems() {
        let text = format!(
            "subject: ACME\r\n{}issuer: ACME\r\n{}",
            certificates_to_pem(&[der(4)]).replace('\n', "\r\n"),
            certificates_to_pem(&[der(5)])
        );
        assert_eq!(certificates_from_pem(&text), Ok(vec![der(4), der(5)]));
    }

    #[test]
    fn refuses_keys_and_damage_and_does_not_show_them() {
        let good = certificates_to_pem(&[der(40)]);
        let body = good.lines().nth(1).unwrap();
        for (text, part) in [
            ("just text".to_owned(), "no \"-----BEGIN"),
            (
                good.replace("CERTIFICATE", "PRIVATE KEY"),
                "only certificates",
            ),
            (good.replace("-----END", "END"), "does not end"),
            (good.replace(body, &body[1..]), "certificate 1 is damaged"),
            (good.replace(body, &format!("*{}", &body[1..])), "damaged"),
            (good.replace(body, &format!("AA==AA{body}")), "damaged"),
            (good.replace(body, &format!("A=AA{body}")), "damaged"),
            (good.replace(body, "MAAA"), "damaged"),
            (good.replace(body, ""), "damaged"),
        ] {
            let problem = certificates_from_pem(&text).unwrap_err().to_string();
            assert!(problem.contains(part), "{text}: {problem}");
            assert!(!problem.contains(body), "{problem}");
        }
    }
}
