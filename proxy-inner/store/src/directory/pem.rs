//! Certificates as PEM text (RFC 7468) and as DER. What is in a certificate is not looked at here.

use pem::{EncodeConfig, LineEnding, Pem};

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
        if !line.starts_with("-----BEGIN ") {
            continue;
        }
        let number = certificates.len() + 1;
        if line != BEGIN {
            // A private key must not be kept, and its text not be shown.
            return Err(NoCertificates(format!(
                "block {number} begins with {line:?}: only certificates belong here"
            )));
        }
        let mut body = String::new();
        let closed = lines.by_ref().any(|line| {
            let end = line == END;
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
    let lines = EncodeConfig::new().set_line_ending(LineEnding::LF);
    let blocks = certificates.iter().map(|der| Pem::new(TAG, der.as_ref()));
    blocks
        .map(|block| pem::encode_config(&block, lines))
        .collect()
}

const TAG: &str = "CERTIFICATE";
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// `None` for anything but base64 without blanks, as each certificate has one text only.
fn decode(body: &str) -> Option<Vec<u8>> {
    // A second frame within the line, headers, and blanks would be taken or passed over.
    if !body
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || b"+/=".contains(&octet))
    {
        return None;
    }
    let block = pem::parse(format!("{BEGIN}\n{body}\n{END}")).ok()?;
    Some(block.into_contents())
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
            (good.replace(body, &format!("X: y\n\n{body}")), "damaged"),
            (good.replace(body, "MAB="), "damaged"),
            (good.replace(body, &format!("{body}{END}{body}")), "damaged"),
            (good.replace(body, &body.replacen('A', "A A", 1)), "damaged"),
            (good.replace(body, ""), "damaged"),
        ] {
            let problem = certificates_from_pem(&text).unwrap_err().to_string();
            assert!(problem.contains(part), "{text}: {problem}");
            assert!(!problem.contains(body), "{problem}");
        }
    }
}
