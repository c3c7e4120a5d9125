//! May this file in with the services it has? What was agreed with a partner, held against an SFID.
//!
//! ```text
//!  SFID ─▶ does it make sense? (99) ─▶ suite known and allowed? (15) ─▶ encrypted (16, 17),
//!          compressed (18), signed (19, 20) as agreed?
//! ```
//!
//! Pure: no key is looked for and no octet read. A CMS file without any service (RFC 5024 section
//! 10.4) counts as plain and is delivered as it is.

use engine::FileRefusal;
use envelope::{Expect, Suite};
use oftp::{FileReason, Security, Sfid};
use store::{Acceptance, Partner};

/// Whether a file for us may have the services it is offered with.
///
/// # Errors
/// What goes out as SFNA; never to be retried as it is.
pub(crate) fn judge(partner: &Partner, sfid: &Sfid) -> Result<(), FileRefusal> {
    makes_sense(sfid)?;
    suite(partner, sfid)?;
    let encrypted = is_encrypted(sfid.security);
    agreed(
        partner.accept_encrypted,
        encrypted,
        (
            FileReason::ENCRYPTED_NOT_ALLOWED,
            "encrypted files are not taken",
        ),
        (
            FileReason::UNENCRYPTED_NOT_ALLOWED,
            "only encrypted files are taken",
        ),
    )?;
    // RFC 5024 has no reason for a file that should have been compressed.
    agreed(
        partner.accept_compressed,
        sfid.compression,
        (
            FileReason::COMPRESSION_NOT_ALLOWED,
            "compressed files are not taken",
        ),
        (FileReason::UNSPECIFIED, "only compressed files are taken"),
    )?;
    agreed(
        partner.accept_signed,
        is_signed(sfid.security),
        (FileReason::SIGNED_NOT_ALLOWED, "signed files are not taken"),
        (
            FileReason::UNSIGNED_NOT_ALLOWED,
            "only signed files are taken",
        ),
    )
}

/// Whether the file has to be opened before it can be delivered.
pub(crate) fn has_services(security: Security, compression: bool) -> bool {
    compression || security != Security::None
}

/// The layers a file with these services has.
pub(crate) fn layers(security: Security, compression: bool) -> Expect {
    Expect {
        encrypted: is_encrypted(security),
        compressed: compression,
        signed: is_signed(security),
    }
}

/// The suite of a file's hash and of its receipt: its own, or the one agreed for files that name
/// none (A-23).
pub(crate) fn receipt_suite(cipher: u8, partner: &Partner) -> Suite {
    let agreed = || Suite::of(partner.receipt_suite);
    Suite::of(cipher).or_else(agreed).unwrap_or(Suite::DEFAULT)
}

/// SFIDSEC says encrypted.
pub(crate) fn is_encrypted(security: Security) -> bool {
    matches!(security, Security::Encrypted | Security::EncryptedAndSigned)
}

/// SFIDSEC says signed.
pub(crate) fn is_signed(security: Security) -> bool {
    matches!(security, Security::Signed | Security::EncryptedAndSigned)
}

/// A-24: combinations that table 6.2 does not have.
fn makes_sense(sfid: &Sfid) -> Result<(), FileRefusal> {
    let services = has_services(sfid.security, sfid.compression);
    if services && !sfid.envelope {
        let text = "SFIDSEC and SFIDCOMP ask for an envelope, SFIDENV says there is none";
        return Err(refusal(FileReason::UNSPECIFIED, text));
    }
    if sfid.security != Security::None && sfid.cipher == 0 {
        let text = "SFIDSEC asks for a cipher suite, SFIDCIPH says there is none";
        return Err(refusal(FileReason::UNSPECIFIED, text));
    }
    Ok(())
}

/// A suite nobody knows is refused even where nothing needs it: the partner means something by it.
fn suite(partner: &Partner, sfid: &Sfid) -> Result<(), FileRefusal> {
    let number = sfid.cipher;
    if number == 0 {
        return Ok(());
    }
    let needed = sfid.security != Security::None || sfid.signed_receipt;
    let allowed = partner.cipher_suites.contains(&number);
    match Suite::of(number) {
        None => Err(refusal(
            FileReason::CIPHER_NOT_SUPPORTED,
            format!("cipher suite {number:02} is not known"),
        )),
        Some(_) if needed && !allowed => Err(refusal(
            FileReason::CIPHER_NOT_SUPPORTED,
            format!("cipher suite {number:02} is not agreed"),
        )),
        Some(_) => Ok(()),
    }
}

fn agreed(
    acceptance: Acceptance,
    has: bool,
    refused: (FileReason, &str),
    required: (FileReason, &str),
) -> Result<(), FileRefusal> {
    match (acceptance, has) {
        (Acceptance::Refused, true) => Err(refusal(refused.0, refused.1)),
        (Acceptance::Required, false) => Err(refusal(required.0, required.1)),
        _ => Ok(()),
    }
}

fn refusal(reason: FileReason, text: impl Into<String>) -> FileRefusal {
    FileRefusal {
        reason,
        retry: false,
        text: text.into(),
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
