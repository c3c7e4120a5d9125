//! Secure authentication (RFC 5024 sections 4.2.4, 5.3.17): challenges for partners, and answers to theirs.
//!
//! ```text
//!  we prove the partner:  challenge()  20 fresh octets ▸ CMS for the partner's certificates ▸ AUCH
//!  the partner proves us: respond()    AUCHCHAL ▸ opened with our authentication keys ▸ 20 octets ▸ AURP
//! ```
//!
//! Whatever goes wrong here ends in ESID 11. The text a partner reads never tells more of a challenge
//! than that it could not be opened: telling why would help whoever tries challenges against our key.
//! The log has the reason.

use std::fmt;
use std::sync::Arc;

use ::keyring::{Role, facts};
use engine::{Challenge, Refusal};
use envelope::{Certificate, OwnKey, challenge};
use jiff::Timestamp;
use oftp::EndReason;
use store::Partner;

use crate::keyring::Keyring;

/// Makes and answers challenges. Its calls take processor time, a private key operation at most,
/// and touch no disk and no network: run them on a thread that may block.
pub struct Authenticator {
    keyring: Arc<Keyring>,
    /// The key of the configuration, for stations that have none in the keyring.
    configured: Option<OwnKey>,
}

impl Authenticator {
    /// With the keys of the keyring, and with one for every station that may come from the
    /// configuration.
    pub fn new(keyring: Arc<Keyring>, configured: Option<OwnKey>) -> Self {
        Self {
            keyring,
            configured,
        }
    }

    /// Without a key: nobody can be asked and nothing can be answered, because both directions
    /// belong together.
    pub fn none() -> Self {
        Self::new(Keyring::none(), None)
    }

    /// Whether there is a key for any station.
    pub fn is_ready(&self) -> bool {
        self.configured.is_some() || self.keyring.has_any(Role::Authentication)
    }

    /// A fresh challenge of our station for a partner, which only the holder of the key to one of its
    /// authentication certificates can open.
    ///
    /// # Errors
    /// ESID 11, when we have no key ourselves, or when no certificate of the partner can be used.
    pub fn challenge(&self, partner: &Partner, station: &str) -> Result<Challenge, Refusal> {
        let ours = self.ours(station)?;
        let recipients = recipients(partner, &ours, Timestamp::now()).map_err(|why| {
            tracing::error!(
                partner = partner.name,
                why,
                "A partner cannot be authenticated; see its certificates of role authentication."
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

    /// The 20 octets inside a challenge (AUCHCHAL) a partner sent to our station.
    ///
    /// # Errors
    /// ESID 11, always with the same text once we have a key.
    pub fn respond(
        &self,
        sealed: &[u8],
        station: &str,
    ) -> Result<[u8; challenge::LENGTH], Refusal> {
        let keys = self.ours(station)?;
        match challenge::open(sealed, &keys) {
            Ok(secret) => Ok(*secret),
            Err(error) => {
                tracing::warn!(
                    station,
                    why = %error,
                    octets = sealed.len(),
                    "The challenge of a partner could not be opened."
                );
                Err(refusal("The challenge could not be decrypted."))
            }
        }
    }

    /// The keys that prove a station: partners may have its present certificate, its next or its
    /// previous one.
    fn ours(&self, station: &str) -> Result<Vec<OwnKey>, Refusal> {
        let kept = self.keyring.own_keys(station, Role::Authentication);
        let mut keys: Vec<OwnKey> = kept.into_iter().map(|(_, key)| key).collect();
        keys.extend(self.configured.clone());
        if keys.is_empty() {
            tracing::error!(
                station,
                "Secure authentication was agreed, but the station has no key for it; put one to use \
                 (`proxy-inner key use`, role authentication)."
            );
            return Err(refusal(
                "No key for secure authentication is configured here.",
            ));
        }
        Ok(keys)
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("configured", &self.configured)
            .finish_non_exhaustive()
    }
}

/// The certificates of a partner that can be used now: several while it changes its key, because we
/// cannot know which of them it has in use at this moment.
fn recipients(
    partner: &Partner,
    ours: &[OwnKey],
    now: Timestamp,
) -> Result<Vec<Certificate>, String> {
    let known = partner.certificates_for(Role::Authentication);
    if known.is_empty() {
        return Err("none is on file".to_owned());
    }
    let mut usable = Vec::new();
    let mut problems = Vec::new();
    for (position, der) in (1..).zip(known) {
        match recipient(der, now) {
            // We would answer such a challenge for whoever hands it back to us in another session.
            Ok(recipient) if ours.iter().any(|key| key.is_of(&recipient)) => {
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

fn recipient(der: &[u8], now: Timestamp) -> Result<Certificate, String> {
    let facts = facts(der).map_err(|error| error.to_string())?;
    if let Some(problem) = facts.problem_at(now) {
        return Err(problem);
    }
    Certificate::from_der(der).map_err(|error| error.to_string())
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
