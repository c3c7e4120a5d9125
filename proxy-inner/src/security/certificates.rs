//! Which of a partner's certificates count at a given moment.
//!
//! Encrypting takes the one in use, so that the partner has its key at hand; verifying takes whatever
//! we have of it, because a partner that changes its key tells nobody which file is the first one.

use ::keyring::{Facts, Role, Slot, facts};
use envelope::Certificate;
use jiff::Timestamp;
use store::{Evidence, EvidenceKind, Partner};

/// The certificate files to a partner are encrypted for at `now`: the current one; once that has
/// ended, the next one if it is valid.
///
/// # Errors
/// A sentence on why there is none and what to do.
pub(super) fn for_encrypting(partner: &Partner, now: Timestamp) -> Result<Certificate, String> {
    let of = |slot| {
        let is_it =
            |held: &&store::RoleCertificate| held.role == Role::Encryption && held.slot == slot;
        let held = partner.role_certificates.iter().find(is_it)?;
        Some(Known::read(&held.certificate))
    };
    let name = &partner.name;
    let Some(current) = of(Slot::Current) else {
        return Err(format!(
            "partner {name} has no encryption certificate; add the one it gave you (`cert add {name} --role encryption FILE`)"
        ));
    };
    let problem = match current.and_then(|current| current.usable_at(now)) {
        Ok(certificate) => return Ok(certificate),
        Err(problem) => problem,
    };
    match of(Slot::Next).map(|next| next.and_then(|next| next.usable_at(now))) {
        Some(Ok(certificate)) => Ok(certificate),
        Some(Err(next)) => Err(format!(
            "the encryption certificate of partner {name} cannot be used ({problem}), nor can its next one ({next}); ask it for a new one"
        )),
        None => Err(format!(
            "the encryption certificate of partner {name} cannot be used ({problem}), and it has no next one; ask it for a new one"
        )),
    }
}

/// The certificates of partners with which a signature may be verified.
#[derive(Debug, Default)]
pub(crate) struct Signers {
    /// Those that can be used at all.
    certificates: Vec<Certificate>,
    /// Facts of each of them.
    facts: Vec<Facts>,
    /// What is wrong with the others.
    problems: Vec<String>,
}

impl Signers {
    /// A partner's certificates for `role`, whatever their slot.
    pub(crate) fn of(partner: &Partner, role: Role) -> Signers {
        let mut signers = Signers::default();
        signers.add(partner, role);
        signers
    }

    /// Those of one more partner.
    pub(crate) fn add(&mut self, partner: &Partner, role: Role) {
        for der in partner.certificates_for(role) {
            match Known::read(der) {
                Ok(Known { certificate, facts }) => {
                    self.certificates.push(certificate);
                    self.facts.push(facts);
                }
                Err(problem) => self.problems.push(problem),
            }
        }
    }

    /// As they are handed to whoever verifies; the indices of [`Signers::valid_at`] are theirs.
    pub(crate) fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Why there is none, if there is none: the rest of a sentence.
    pub(crate) fn none(&self) -> Option<String> {
        if !self.certificates.is_empty() {
            return None;
        }
        Some(match self.problems.as_slice() {
            [] => "none is on file".to_owned(),
            problems => problems.join("; "),
        })
    }

    /// The first certificate that was valid at `at`, of those that verified a signature and those of
    /// the same keys: a renewed certificate verifies what is signed in the name of the one before.
    ///
    /// # Errors
    /// What is wrong with each of them.
    pub(crate) fn valid_at(
        &self,
        verified: &[usize],
        at: Timestamp,
    ) -> Result<&Certificate, String> {
        let signed: Vec<_> = verified
            .iter()
            .filter_map(|place| self.certificates.get(*place))
            .collect();
        let mut problems = Vec::new();
        for (certificate, facts) in self.certificates.iter().zip(&self.facts) {
            if !signed.iter().any(|signer| signer.has_key_of(certificate)) {
                continue;
            }
            match facts.problem_at(at) {
                None => return Ok(certificate),
                Some(problem) => problems.push(format!(
                    "the certificate {} it was signed with cannot be used: {problem}",
                    facts.fingerprint_text()
                )),
            }
        }
        Err(problems.join("; "))
    }
}

/// The fingerprint of the certificate that was used for something, for logs.
pub(super) fn used(evidence: &[Evidence], what: EvidenceKind) -> Option<String> {
    let used = evidence.iter().find(|used| used.what == what)?;
    Some(facts(&used.certificate).ok()?.fingerprint_text())
}

/// A certificate that can be used, and what it says.
struct Known {
    certificate: Certificate,
    facts: Facts,
}

impl Known {
    fn read(der: &[u8]) -> Result<Known, String> {
        let facts = facts(der).map_err(|error| error.to_string())?;
        let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
        Ok(Known { certificate, facts })
    }

    fn usable_at(self, now: Timestamp) -> Result<Certificate, String> {
        match self.facts.problem_at(now) {
            None => Ok(self.certificate),
            Some(problem) => Err(problem),
        }
    }
}
