//! Secure authentication (RFC 5024 sections 4.2.4, 5.3.17): challenges for partners, and answers to theirs.
//!
//! ```text
//!  we prove the partner:  challenge()  20 fresh octets ▸ CMS for the partner's certificates ▸ AUCH
//!  the partner proves us: respond()    AUCHCHAL ▸ opened with our authentication key ▸ 20 octets ▸ AURP
//! ```
//!
//! Whatever goes wrong here ends in ESID 11. The text a partner reads never tells more of a challenge
//! than that it could not be opened: telling why would help whoever tries challenges against our key.
//! The log has the reason.

use std::fmt;

use engine::{Challenge, Refusal};
use envelope::{RecipientCertificate, RecipientKey, challenge};
use jiff::Timestamp;
use oftp::EndReason;
use store::Partner;

use crate::keys::CertificateFacts;

/// Makes and answers challenges. Its calls take processor time, a private key operation at most,
/// and touch no disk and no network: run them on a thread that may block.
pub struct Authenticator {
    key: Option<RecipientKey>,
}

impl Authenticator {
    /// With our authentication key and its certificates.
    pub fn new(key: RecipientKey) -> Self {
        Self { key: Some(key) }
    }

    /// Without a key: nobody can be asked and nothing can be answered, because both directions
    /// belong together.
    pub fn none() -> Self {
        Self { key: None }
    }

    /// Whether there is a key.
    pub fn is_ready(&self) -> bool {
        self.key.is_some()
    }

    /// A fresh challenge for a partner, which only the holder of the key to one of its
    /// authentication certificates can open.
    ///
    /// # Errors
    /// ESID 11, when we have no key ourselves, or when no certificate of the partner can be used.
    pub fn challenge(&self, partner: &Partner) -> Result<Challenge, Refusal> {
        let ours = self.ours(Some(partner))?;
        let recipients = recipients(partner, ours, Timestamp::now()).map_err(|why| {
            tracing::error!(
                partner = partner.name,
                why,
                "A partner cannot be authenticated; see its authentication_certificates."
            );
            refusal("No usable certificate is on file here to authenticate you with.")
        })?;
        match challenge::seal(&recipients) {
            Ok(sealed) => Ok(Challenge {
                sealed: sealed.sealed,
                secret: *sealed.secret,
            }),
            Err(error) => {
                tracing::error!(
                    partner = partner.name,
                    why = %error,
                    "A challenge for a partner could not be made."
                );
                Err(refusal("The challenge could not be made."))
            }
        }
    }

    /// The 20 octets inside a partner's challenge (AUCHCHAL).
    ///
    /// # Errors
    /// ESID 11, always with the same text once we have a key.
    pub fn respond(&self, sealed: &[u8]) -> Result<[u8; challenge::LENGTH], Refusal> {
        let key = self.ours(None)?;
        match challenge::open(sealed, key) {
            Ok(secret) => Ok(*secret),
            Err(error) => {
                tracing::warn!(
                    why = %error,
                    octets = sealed.len(),
                    "The challenge of a partner could not be opened."
                );
                Err(refusal("The challenge could not be decrypted."))
            }
        }
    }

    fn ours(&self, partner: Option<&Partner>) -> Result<&RecipientKey, Refusal> {
        self.key.as_ref().ok_or_else(|| {
            tracing::error!(
                partner = partner.map(|partner| partner.name.as_str()),
                "Secure authentication was agreed, but there is no key for it; \
                 set [authentication] certificate and key, and start anew."
            );
            refusal("No key for secure authentication is configured here.")
        })
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("key", &self.key)
            .finish()
    }
}

/// The certificates of a partner that can be used now: several while it changes its key, because we
/// cannot know which of them it has in use at this moment.
fn recipients(
    partner: &Partner,
    ours: &RecipientKey,
    now: Timestamp,
) -> Result<Vec<RecipientCertificate>, String> {
    if partner.authentication_certificates.is_empty() {
        return Err("none is on file".to_owned());
    }
    let mut usable = Vec::new();
    let mut problems = Vec::new();
    for (position, der) in (1..).zip(&partner.authentication_certificates) {
        match recipient(der, now) {
            // We would answer such a challenge for whoever hands it back to us in another session.
            Ok(recipient) if ours.is_of(&recipient) => {
                problems.push(format!("certificate {position} is of our own key"));
            }
            Ok(recipient) => usable.push(recipient),
            Err(why) => problems.push(format!("certificate {position}: {why}")),
        }
    }
    if usable.is_empty() {
        return Err(problems.join("; "));
    }
    usable.truncate(challenge::MOST_RECIPIENTS);
    Ok(usable)
}

fn recipient(der: &[u8], now: Timestamp) -> Result<RecipientCertificate, String> {
    if let Some(problem) = CertificateFacts::of(der)?.problem_at(now) {
        return Err(problem);
    }
    RecipientCertificate::from_der(der).map_err(|error| error.to_string())
}

fn refusal(text: &str) -> Refusal {
    Refusal {
        reason: EndReason::INVALID_CHALLENGE_RESPONSE,
        text: text.to_owned(),
    }
}

#[cfg(test)]
#[path = "authentication_tests.rs"]
mod tests;
