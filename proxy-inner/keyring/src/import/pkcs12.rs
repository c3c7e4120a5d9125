//! PKCS#12 (RFC 7292), with old and new encryption, with and without its integrity check.

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;

use super::gather::Gathered;
use super::private::Key;
use crate::ImportError;
use crate::der::{self, Reader, element, normalise};

const WHAT: &str = "PKCS#12";

/// encryptedData, 1.2.840.113549.1.7.6
const ENCRYPTED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x06];
/// pkcs8ShroudedKeyBag, 1.2.840.113549.1.12.10.1.2
const SHROUDED_KEY: &[u8] = &[
    0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01, 0x02,
];

/// Reads one that was brought into DER on its outside.
pub(super) fn read(
    der: &[u8],
    passphrase: Option<&str>,
    gathered: &mut Gathered,
) -> Result<(), ImportError> {
    let pfx = Pfx::take_apart(der).ok_or_else(|| damaged("its outer structure does not parse"))?;
    // An empty passphrase is one, too, and common where people meant none.
    let archive = open(der, &pfx, passphrase.unwrap_or_default()).map_err(|error| match error {
        ImportError::WrongPassphrase { .. } if passphrase.is_none() => {
            ImportError::NeedsPassphrase { what: WHAT }
        }
        other => other,
    })?;

    gathered.encrypted |= pfx.encrypted;
    if !pfx.checked {
        gathered.notes.push(
            "The PKCS#12 has no integrity check (MAC), so nothing shows whether somebody changed \
             it on its way: compare the fingerprint of the certificate."
                .to_owned(),
        );
    }
    if pfx.encrypted && passphrase.is_none_or(str::is_empty) {
        gathered.notes.push(
            "The passphrase of the PKCS#12 is empty: whoever had the file had the key.".to_owned(),
        );
    }
    if !archive.secrets.is_empty() {
        gathered.notes.push(format!(
            "{} secret keys in the PKCS#12 were left out; OFTP2 has no use for them.",
            archive.secrets.len()
        ));
    }
    for bag in &archive.keys {
        let mut key = Key::of_pkcs8(bag.key.as_der())?;
        key.name = bag.friendly_name.clone();
        gathered.push_key(key);
    }
    archive
        .certs
        .iter()
        .try_for_each(|bag| gathered.push_certificate(bag.cert.as_der().to_vec()))
}

/// Opens it, and finds out what is wrong when it does not open.
fn open(der: &[u8], pfx: &Pfx, passphrase: &str) -> Result<Pkcs12Archive, ImportError> {
    let error = match Pkcs12Archive::from_pkcs12(der, passphrase) {
        Ok(archive) => return Ok(archive),
        Err(error) => error,
    };
    let wrong = ImportError::WrongPassphrase { what: WHAT };
    let again = || Pkcs12Archive::from_pkcs12(&pfx.bare, passphrase);
    match error {
        // The check failed: was it the passphrase, or was the file changed? The parts tell,
        // except in tongues that products encode in more than one way.
        Error::MacError(_) => {
            if pfx.encrypted && passphrase.is_ascii() && again().is_ok() {
                return Err(damaged(
                    "the passphrase opens it, but its integrity check (MAC) fails, so it was \
                     changed after it was made",
                ));
            }
            Err(wrong)
        }
        Error::InvalidVersion => Err(damaged("it is of a version other than 3")),
        Error::UnsupportedContentType => Err(unsupported(
            "is signed or encrypted with a certificate instead of a passphrase",
        )),
        Error::InvalidParameters => Err(unsupported(
            "asks for so many rounds that its passphrase would take minutes or more to apply",
        )),
        Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm => Err(unsupported(
            "uses an encryption or an integrity check that is not read here",
        )),
        Error::UnsupportedCertificateType => {
            Err(unsupported("holds a certificate that is not X.509"))
        }
        other => {
            // What is BER inside reads as DER once more, now that the check has passed.
            if pfx.rewritten
                && let Ok(archive) = again()
            {
                return Ok(archive);
            }
            if passphrase.chars().any(|c| u32::from(c) > 0xFFFF) {
                return Err(unsupported(
                    "cannot be opened with a passphrase of such characters (emoji, for example)",
                ));
            }
            if !pfx.checked && pfx.encrypted {
                return Err(wrong);
            }
            Err(damaged(&format!("its inside does not parse ({other})")))
        }
    }
}

/// The parts of a PFX that matter before it is opened.
struct Pfx {
    /// Whether it has a MAC.
    checked: bool,
    /// Whether something in it is encrypted.
    encrypted: bool,
    /// Whether its inside was BER.
    rewritten: bool,
    /// The same without MAC, DER all through.
    bare: Vec<u8>,
}

impl Pfx {
    fn take_apart(der: &[u8]) -> Option<Pfx> {
        let mut pfx = Reader::new(der).enter(der::SEQUENCE)?;
        let version = pfx.take(der::INTEGER)?;
        let mut info = pfx.enter(der::SEQUENCE)?;
        let checked = pfx.peek().is_some();
        let kind = info.take(der::IDENTIFIER)?;
        let content = info.take(der::CONTEXT_0)?;
        let string = Reader::new(content.content).take(der::OCTET_STRING);

        let rewritten = string.and_then(|string| rewrite_safes(string.content));
        let inside = rewritten
            .as_deref()
            .or(string.map(|string| string.content))
            .unwrap_or_default();
        let content = match string {
            Some(_) => element(der::CONTEXT_0, &[&element(der::OCTET_STRING, &[inside])]),
            None => content.whole.to_vec().into(),
        };
        let bare = element(
            der::SEQUENCE,
            &[
                version.whole,
                &element(der::SEQUENCE, &[kind.whole, &content]),
            ],
        );
        let holds = |wanted: &[u8]| inside.windows(wanted.len()).any(|window| window == wanted);
        Some(Pfx {
            checked,
            encrypted: holds(ENCRYPTED_DATA) || holds(SHROUDED_KEY),
            rewritten: rewritten.is_some(),
            bare: bare.to_vec(),
        })
    }
}

/// The AuthenticatedSafe as DER with its plain contents as DER, too; `None` when it was DER.
fn rewrite_safes(octets: &[u8]) -> Option<Vec<u8>> {
    let (safes, _) = normalise(octets)?;
    let mut parts = Vec::new();
    let mut reader = Reader::new(&safes).enter(der::SEQUENCE)?;
    while let Some(safe) = reader.next() {
        parts.push(rewrite_plain(safe.content).unwrap_or_else(|| safe.whole.to_vec()));
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let rewritten = element(der::SEQUENCE, &parts).to_vec();
    (rewritten != octets).then_some(rewritten)
}

/// A ContentInfo of id-data whose SafeContents is brought into DER; `None` when it is another.
fn rewrite_plain(content_info: &[u8]) -> Option<Vec<u8>> {
    let mut info = Reader::new(content_info);
    let kind = info.take(der::IDENTIFIER)?;
    let string = info.enter(der::CONTEXT_0)?.take(der::OCTET_STRING)?;
    let (contents, _) = normalise(string.content)?;
    let content = element(der::CONTEXT_0, &[&element(der::OCTET_STRING, &[&contents])]);
    Some(element(der::SEQUENCE, &[kind.whole, &content]).to_vec())
}

fn damaged(detail: &str) -> ImportError {
    ImportError::Damaged {
        what: WHAT.to_owned(),
        detail: detail.to_owned(),
    }
}

fn unsupported(how: &str) -> ImportError {
    ImportError::Unsupported {
        found: format!("the PKCS#12 {how}"),
        advice: "write it anew with: openssl pkcs12 -in OLD.p12 -nodes -out ALL.pem, then \
                 openssl pkcs12 -export -in ALL.pem -out NEW.p12, and remove ALL.pem"
            .to_owned(),
    }
}
