//! Whether a certificate can serve in a role, and what is weak about it anyway.

use super::{Facts, KeyFacts, Usage};
use crate::Role;

/// Fewest bits of an RSA key that are safe today (Odette certificate policy 1.4).
const LEAST_BITS: usize = 2048;

/// Most bits of an RSA key that are used here.
const MOST_BITS: usize = 8192;

impl Facts {
    /// What keeps it from serving in a role, each a sentence with what to do; empty when it fits.
    /// Dates are not judged: see [`Facts::problem_at`].
    pub fn fits(&self, role: Role) -> Vec<String> {
        let mut problems = Vec::new();
        self.judge_key(role, &mut problems);
        self.judge_usage(role, &mut problems);
        self.judge_unknown(&mut problems);
        if role.is_tls() {
            self.judge_tls(role, &mut problems);
        }
        problems
    }

    /// What is weak or odd about it whatever it is used for; empty when all is well.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.weak_signature {
            warnings.push(format!(
                "It is signed with {}, which can be forged; ask for one signed with SHA-256.",
                self.signature
            ));
        }
        if let KeyFacts::Rsa { bits } = self.key
            && bits < LEAST_BITS
        {
            warnings.push(format!(
                "Its RSA key has {bits} bits, which can be broken; {LEAST_BITS} is the least."
            ));
        }
        if self.version < 3 {
            warnings.push(format!(
                "It is of version {}, which cannot say what it is for; version 3 is in use since \
                 1996.",
                self.version
            ));
        } else if self.usages.is_none() {
            warnings.push(
                "It does not say what it is for (no key usage); partners that check may refuse it."
                    .to_owned(),
            );
        }
        if self.authority {
            warnings.push(
                "It may sign other certificates (CA), which a station's own certificate should \
                 not; some TLS implementations refuse it."
                    .to_owned(),
            );
        }
        if self.not_after < self.not_before {
            warnings.push("It ends before it begins, so it is never valid.".to_owned());
        }
        if self.subject == self.issuer && !self.self_signed {
            warnings.push(
                "It names itself as its issuer, but its own key did not make the signature."
                    .to_owned(),
            );
        }
        warnings
    }

    fn judge_key(&self, role: Role, problems: &mut Vec<String>) {
        match &self.key {
            KeyFacts::Rsa { bits } if *bits < LEAST_BITS => problems.push(format!(
                "Its RSA key has {bits} bits; {LEAST_BITS} is the least. Ask for a certificate \
                 with a longer key."
            )),
            KeyFacts::Rsa { bits } if *bits > MOST_BITS => problems.push(format!(
                "Its RSA key has {bits} bits; {MOST_BITS} is the most. Ask for a certificate with \
                 a shorter key."
            )),
            KeyFacts::Rsa { .. } => {}
            KeyFacts::Ec { curve } if role.is_tls() => {
                if !["P-256", "P-384", "P-521"].contains(&curve.as_str()) {
                    problems.push(format!(
                        "Its key is on the elliptic curve {curve}, which TLS does not take here. \
                         Ask for P-256 or RSA."
                    ));
                }
            }
            other => problems.push(format!(
                "Its key is {other}; {role} needs RSA. Ask for a certificate with an RSA key."
            )),
        }
    }

    fn judge_usage(&self, role: Role, problems: &mut Vec<String>) {
        // Who says nothing allows everything (RFC 5280 §4.2.1.3).
        let Some(usages) = &self.usages else {
            return;
        };
        let wanted: &[Usage] = if role.deciphers() {
            &[Usage::KeyEncipherment]
        } else if role.is_tls() {
            &[Usage::DigitalSignature]
        } else {
            &[Usage::DigitalSignature, Usage::NonRepudiation]
        };
        if let Some(first) = wanted.first()
            && !usages.iter().any(|usage| wanted.contains(usage))
        {
            problems.push(format!(
                "Its key usage ({}) lacks {first}, which {role} needs. Ask for a certificate with \
                 that usage.",
                listed(usages)
            ));
        }
    }

    fn judge_unknown(&self, problems: &mut Vec<String>) {
        if !self.unknown_critical.is_empty() {
            problems.push(format!(
                "It has critical extensions that are not known here ({}), and what is critical \
                 must be known or refused. Ask for one without them.",
                self.unknown_critical.join(", ")
            ));
        }
    }

    fn judge_tls(&self, role: Role, problems: &mut Vec<String>) {
        let wanted = match role {
            Role::TlsServer => "serverAuth",
            _ => "clientAuth",
        };
        if let Some(usages) = &self.extended_usages
            && !usages
                .iter()
                .any(|usage| usage == wanted || usage == "anyExtendedKeyUsage")
        {
            problems.push(format!(
                "Its extended key usage ({}) lacks {wanted}, so partners' TLS refuses it as \
                 {role}. Ask for a certificate with both serverAuth and clientAuth.",
                listed(usages)
            ));
        }
        if self.version < 3 {
            problems.push(format!(
                "It is of version {}, which TLS refuses. Ask for a certificate of version 3.",
                self.version
            ));
        }
        if self.weak_signature && !self.self_signed {
            problems.push(format!(
                "It is signed with {}, which TLS refuses. Ask for one signed with SHA-256.",
                self.signature
            ));
        }
        if role == Role::TlsServer && self.names.is_empty() {
            problems.push(
                "It names no host among its other names (SAN), so partners that compare the name \
                 they dial refuse it. Ask for one with the host name as dNSName."
                    .to_owned(),
            );
        }
    }
}

fn listed<T: ToString>(usages: &[T]) -> String {
    if usages.is_empty() {
        return "none".to_owned();
    }
    let words: Vec<_> = usages.iter().map(T::to_string).collect();
    words.join(", ")
}
