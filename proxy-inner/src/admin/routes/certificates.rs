//! Certificates of partners by command.

use jiff::Timestamp;
use keyring::{Facts, Role, Slot, facts};
use store::{PARTNER_ROLES, Partner, RoleCertificate, Store, StoreError};

use super::super::octets::reveal;
use super::super::protocol::{
    Answer, CertAddBody, CertListBody, CertWhichBody, CertificatesBody, Refusal, RefusalKind,
};
use super::super::view::CertificateView;
use super::{refused, refused_by};

pub(super) fn add(store: &Store, body: &CertAddBody) -> Result<Answer, Refusal> {
    let old = partner(store, &body.partner)?;
    let slot = slot(&body.slot)?;
    let octets = reveal(&body.octets).ok_or_else(|| no("the file came damaged over the socket"))?;
    let (der, mut notes) = own_certificate(&octets)?;
    let facts = facts(&der).map_err(|error| no(error.to_string()))?;
    envelope::Certificate::from_der(&der).map_err(|error| {
        no(format!(
            "the certificate cannot be used: {error}; ask {} for one with an RSA key",
            body.partner
        ))
    })?;
    let roles = chosen_roles(body, &facts, &mut notes)?;
    let clash = |held: &&RoleCertificate| {
        roles.contains(&held.role) && held.slot == slot && held.certificate != der
    };
    let taken: Vec<_> = old.role_certificates.iter().filter(clash).collect();
    if !body.replace && !taken.is_empty() {
        let words: Vec<_> = taken.iter().map(|held| held.role.word()).collect();
        return Err(no(format!(
            "partner {} has another {slot} certificate for {}; give --slot next to let it follow \
             that one, or --replace to drop that one",
            body.partner,
            words.join(", ")
        )));
    }
    if let Some(problem) = facts.problem_at(Timestamp::now()) {
        notes.push(format!("the certificate is {problem}"));
    }
    let code = old.code.to_string();
    if let Some(carried) = facts.odette_id.as_ref().filter(|id| **id != code) {
        notes.push(format!(
            "the certificate carries the Odette ID {carried}, and the code of {} is {code}: is it \
             the right one?",
            body.partner
        ));
    }
    let new: Vec<_> = roles
        .iter()
        .map(|role| RoleCertificate {
            role: *role,
            slot,
            certificate: der.clone(),
        })
        .collect();
    store
        .put_certificates(&body.partner, new)
        .map_err(refused_by)?;
    tracing::info!(
        partner = body.partner,
        slot = slot.word(),
        fingerprint = facts.fingerprint_text(),
        "A certificate of a partner was added by command."
    );
    let is_new = |held: &RoleCertificate| held.slot == slot && held.certificate == der;
    told(store, &body.partner, is_new, notes)
}

pub(super) fn list(store: &Store, body: &CertListBody) -> Result<Answer, Refusal> {
    let now = Timestamp::now();
    let all = store.partners().map_err(refused_by)?;
    if let Some(name) = &body.partner {
        partner(store, name)?;
    }
    let wanted = |one: &&Partner| body.partner.as_ref().is_none_or(|name| *name == one.name);
    let certificates = all
        .iter()
        .filter(wanted)
        .flat_map(|one| CertificateView::of(one, &all, |_| true, now))
        .collect();
    Ok(Answer::Certificates(CertificatesBody {
        certificates,
        notes: Vec::new(),
    }))
}

pub(super) fn show(store: &Store, body: &CertWhichBody) -> Result<Answer, Refusal> {
    let of = partner(store, &body.partner)?;
    let (roles, slot) = (roles(&body.roles)?, some_slot(body)?);
    let wanted = |held: &RoleCertificate| is_wanted(held, &roles, slot);
    if !of.role_certificates.iter().any(wanted) {
        return Err(none(body));
    }
    told(store, &body.partner, wanted, Vec::new())
}

pub(super) fn promote(store: &Store, body: &CertWhichBody) -> Result<Answer, Refusal> {
    let of = partner(store, &body.partner)?;
    let asked = roles(&body.roles)?;
    let next = |held: &&RoleCertificate| is_wanted(held, &[], Some(Slot::Next));
    let roles = match asked.is_empty() {
        false => asked,
        true => of
            .role_certificates
            .iter()
            .filter(next)
            .map(|held| held.role)
            .collect(),
    };
    if roles.is_empty() {
        return Err(no(format!(
            "partner {} has no next certificate; add one with `cert add {} FILE --slot next`",
            body.partner, body.partner
        )));
    }
    store
        .promote_certificates(&body.partner, roles.clone())
        .map_err(refused_by)?;
    tracing::info!(
        partner = body.partner,
        "Certificates of a partner were promoted by command."
    );
    let now_current = |held: &RoleCertificate| is_wanted(held, &roles, Some(Slot::Current));
    let now = Timestamp::now();
    let held = partner(store, &body.partner)?.role_certificates;
    let mut notes: Vec<_> = held
        .iter()
        .filter(|held| now_current(held))
        .filter_map(|held| facts(&held.certificate).ok()?.problem_at(now))
        .map(|problem| format!("the certificate is {problem}"))
        .collect();
    notes.dedup();
    told(store, &body.partner, now_current, notes)
}

pub(super) fn remove(store: &Store, body: &CertWhichBody) -> Result<Answer, Refusal> {
    let of = partner(store, &body.partner)?;
    let slot = some_slot(body)?.ok_or_else(|| no("--slot: say which one is to go"))?;
    let asked = roles(&body.roles)?;
    let held = of.role_certificates.iter();
    let going: Vec<_> = held
        .filter(|held| is_wanted(held, &asked, Some(slot)))
        .cloned()
        .collect();
    let roles: Vec<Role> = match asked.is_empty() {
        true => going.iter().map(|held| held.role).collect(),
        false => asked,
    };
    if roles.is_empty() {
        return Err(none(body));
    }
    let all = store.partners().map_err(refused_by)?;
    let now = Timestamp::now();
    let certificates = CertificateView::of(&of, &all, |held| going.contains(held), now);
    store
        .remove_certificates(&body.partner, roles, slot)
        .map_err(refused_by)?;
    tracing::info!(
        partner = body.partner,
        slot = slot.word(),
        "A certificate of a partner was removed by command."
    );
    Ok(Answer::Certificates(CertificatesBody {
        certificates,
        notes: Vec::new(),
    }))
}

/// The partner's own certificate among those of a file, which may bring its issuers along.
fn own_certificate(octets: &[u8]) -> Result<(Vec<u8>, Vec<String>), Refusal> {
    let found = keyring::certificates(octets).map_err(|error| no(error.to_string()))?;
    let Some((own, others)) = found.split_first() else {
        return Err(no("the file holds no certificate"));
    };
    let mut issuer = facts(own).map_err(|error| no(error.to_string()))?.issuer;
    for other in others {
        let other = facts(other).map_err(|error| no(error.to_string()))?;
        if other.subject != issuer {
            return Err(no(format!(
                "the file holds {} certificates that do not follow from each other, {} among them; \
                 give a file with the partner's own one",
                found.len(),
                other.subject
            )));
        }
        issuer = other.issuer;
    }
    let notes = match others.len() {
        0 => Vec::new(),
        more => vec![format!(
            "{more} certificate(s) of issuers in the file are not kept"
        )],
    };
    Ok((own.clone(), notes))
}

/// The roles asked for, or all it is good for.
fn chosen_roles(
    body: &CertAddBody,
    facts: &Facts,
    notes: &mut Vec<String>,
) -> Result<Vec<Role>, Refusal> {
    let asked = roles(&body.roles)?;
    if asked.is_empty() {
        let fitting: Vec<_> = PARTNER_ROLES
            .into_iter()
            .filter(|role| body.force || facts.fits(*role).is_empty())
            .collect();
        if fitting.is_empty() {
            let mut problems: Vec<_> = PARTNER_ROLES
                .iter()
                .flat_map(|role| facts.fits(*role))
                .collect();
            problems.dedup();
            return Err(no(format!(
                "the certificate is good for nothing in OFTP2; --force takes it all the same:\n{}",
                problems.join("\n")
            )));
        }
        for role in PARTNER_ROLES {
            if !fitting.contains(&role) {
                notes.push(format!("it says that it is not for {role}"));
            }
        }
        return Ok(fitting);
    }
    for role in &asked {
        let problems = facts.fits(*role);
        if problems.is_empty() {
            continue;
        }
        if !body.force {
            return Err(no(format!(
                "the certificate does not fit {role}; --force takes it all the same:\n{}",
                problems.join("\n")
            )));
        }
        notes.extend(problems);
    }
    Ok(asked)
}

fn told(
    store: &Store,
    name: &str,
    wanted: impl Fn(&RoleCertificate) -> bool,
    notes: Vec<String>,
) -> Result<Answer, Refusal> {
    let all = store.partners().map_err(refused_by)?;
    let of = partner(store, name)?;
    Ok(Answer::Certificates(CertificatesBody {
        certificates: CertificateView::of(&of, &all, wanted, Timestamp::now()),
        notes,
    }))
}

fn is_wanted(held: &RoleCertificate, roles: &[Role], slot: Option<Slot>) -> bool {
    (roles.is_empty() || roles.contains(&held.role)) && slot.is_none_or(|slot| held.slot == slot)
}

fn partner(store: &Store, name: &str) -> Result<Partner, Refusal> {
    let found = store.partner(name).map_err(refused_by)?;
    found.ok_or_else(|| refused(&StoreError::NoPartner(name.to_owned())))
}

fn roles(words: &[String]) -> Result<Vec<Role>, Refusal> {
    let role = |word: &String| {
        let role = Role::from_word(word).filter(|role| PARTNER_ROLES.contains(role));
        role.ok_or_else(|| {
            let known = PARTNER_ROLES.map(Role::word).join(", ");
            no(format!("--role: found {word:?}, wanted one of {known}"))
        })
    };
    words.iter().map(role).collect()
}

fn some_slot(body: &CertWhichBody) -> Result<Option<Slot>, Refusal> {
    body.slot.as_deref().map(slot).transpose()
}

fn slot(word: &str) -> Result<Slot, Refusal> {
    Slot::from_word(word).ok_or_else(|| {
        let known = Slot::ALL.map(Slot::word).join(", ");
        no(format!("--slot: found {word:?}, wanted one of {known}"))
    })
}

fn none(body: &CertWhichBody) -> Refusal {
    Refusal::new(
        RefusalKind::NotFound,
        format!(
            "partner {} has no such certificate; `cert list {}` shows those there are",
            body.partner, body.partner
        ),
    )
}

fn no(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::Refused, message)
}
