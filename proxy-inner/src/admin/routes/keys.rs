//! Our keys by command. No private key and no passphrase is in any answer, but the export asked for.

use jiff::Timestamp;
use keyring::{KeyKind, Role, Slot, Subject, explain, facts};
use store::{KeyRecord, KeyUse, Store, StoreError};

use super::super::octets::{hide, reveal};
use super::super::protocol::{
    Answer, Hidden, KeyCreateBody, KeyDetail, KeyExportBody, KeyFileBody, KeyImportBody,
    KeyInstallBody, KeyPromoteBody, KeyRequestBody, KeyUnuseBody, KeyUseBody, KeyUsesBody, Refusal,
    RefusalKind, SubjectBody,
};
use super::super::view::{KeyUseView, KeyView, kind_of};
use super::{Services, applied, refused, refused_by};
use crate::keyring::{ChangeError, ExportForm, NewKey, NewUse, Uses, usual_roles};

pub(super) fn create(services: &Services, body: KeyCreateBody) -> Result<Answer, Refusal> {
    let kind = kind(&body.kind)?;
    let new = NewKey {
        name: body.name,
        subject: subject(&services.store, &body.station, body.subject)?,
        roles: match body.roles.is_empty() {
            true => usual_roles(kind != KeyKind::EcP256),
            false => roles(&body.roles)?,
        },
        kind,
        token: body.token,
        self_signed: body.self_signed,
    };
    let created = services.keyring.create(new, Timestamp::now());
    let created = created.map_err(|error| changing(&error))?;
    tracing::info!(key = created.key.name, "A key was made by command.");
    detail(services, &created.key, created.notes)
}

pub(super) fn import(services: &Services, body: KeyImportBody) -> Result<Answer, Refusal> {
    let octets = body.octets.as_ref().map(revealed).transpose()?;
    let now = Timestamp::now();
    let changed = match (&body.token, &octets) {
        (Some(uri), file) => {
            let file = file.as_ref().map(|octets| octets.as_slice());
            services.keyring.register(&body.name, uri, file, now)
        }
        (None, Some(octets)) => {
            let passphrase = body.passphrase.as_ref().map(Hidden::expose);
            services.keyring.import(&body.name, octets, passphrase, now)
        }
        (None, None) => {
            let message = "neither a file nor a token is named to take the key from";
            return Err(Refusal::new(RefusalKind::Refused, message));
        }
    };
    let changed = changed.map_err(|error| changing(&error))?;
    tracing::info!(key = changed.key.name, "A key was taken in by command.");
    detail(services, &changed.key, changed.notes)
}

pub(super) fn list(services: &Services) -> Result<Answer, Refusal> {
    let (keys, uses) = all(&services.store)?;
    let faults = services.keyring.faults();
    let now = Timestamp::now();
    let view = |key: &KeyRecord| {
        let view = KeyView::new(key, &uses, fault(&faults, &key.name), now);
        with_kind(services, key, view)
    };
    Ok(Answer::Keys(keys.iter().map(view).collect()))
}

pub(super) fn show(services: &Services, name: &str) -> Result<Answer, Refusal> {
    let key = services.store.key(name).map_err(refused_by)?;
    let key = key.ok_or_else(|| changing(&ChangeError::NoKey(name.to_owned())))?;
    detail(services, &key, Vec::new())
}

pub(super) fn request(services: &Services, body: KeyRequestBody) -> Result<Answer, Refusal> {
    let new = match body.new {
        None => None,
        Some(new) => {
            let subject = subject(&services.store, &new.station, new.subject)?;
            Some((subject, roles(&new.roles)?))
        }
    };
    let request = services.keyring.request(&body.name, new);
    let request = request.map_err(|error| changing(&error))?;
    tracing::info!(
        key = body.name,
        "A certificate request was given out by command."
    );
    Ok(Answer::KeyFile(KeyFileBody {
        octets: hide(&request),
    }))
}

pub(super) fn install(services: &Services, body: &KeyInstallBody) -> Result<Answer, Refusal> {
    let octets = revealed(&body.octets)?;
    let installed = services
        .keyring
        .install(&body.name, &octets, Timestamp::now());
    let installed = installed.map_err(|error| changing(&error))?;
    tracing::info!(key = body.name, "A certificate was taken in by command.");
    detail(services, &installed.key, installed.notes)
}

pub(super) fn put_to_use(services: &Services, body: KeyUseBody) -> Result<Answer, Refusal> {
    let new = NewUse {
        name: body.name,
        station: body.station,
        roles: body
            .roles
            .iter()
            .map(|word| role(word))
            .collect::<Result<_, _>>()?,
        slot: slot(&body.slot)?,
        replace: body.replace,
        force: body.force,
    };
    let put = services.keyring.put_to_use(&new, Timestamp::now());
    let (uses, notes) = put.map_err(|error| changing(&error))?;
    tracing::info!(
        key = new.name,
        station = new.station,
        slot = new.slot.word(),
        "A key was put to use by command."
    );
    Ok(told(&uses, notes))
}

pub(super) fn take_out_of_use(services: &Services, body: KeyUnuseBody) -> Result<Answer, Refusal> {
    let which = Uses {
        key: body.name,
        station: body.station,
        roles: body
            .roles
            .iter()
            .map(|word| role(word))
            .collect::<Result<_, _>>()?,
        slot: body.slot.as_deref().map(slot).transpose()?,
    };
    let taken = services.keyring.take_out_of_use(&which);
    let taken = taken.map_err(|error| changing(&error))?;
    for one in &taken {
        tracing::info!(
            key = one.key,
            station = one.station,
            role = one.role.word(),
            "A key was taken out of use by command."
        );
    }
    Ok(told(&taken, Vec::new()))
}

pub(super) fn promote(services: &Services, body: &KeyPromoteBody) -> Result<Answer, Refusal> {
    let roles: Vec<_> = body
        .roles
        .iter()
        .map(|word| role(word))
        .collect::<Result<_, _>>()?;
    let promoted = services.keyring.promote(&body.station, &roles);
    let (uses, mut notes) = promoted.map_err(|error| changing(&error))?;
    let hindrances = services.keyring.hindrances(&uses, Timestamp::now());
    notes.extend(hindrances.map_err(|error| changing(&error))?);
    tracing::info!(
        station = body.station,
        "Next keys became current by command."
    );
    Ok(told(&uses, notes))
}

pub(super) fn remove(services: &Services, name: String) -> Result<Answer, Refusal> {
    let removed = services.keyring.remove(&name);
    removed.map_err(|error| changing(&error))?;
    tracing::info!(key = name, "A key was removed by command.");
    Ok(applied("key", name, "removed"))
}

pub(super) fn export(services: &Services, body: &KeyExportBody) -> Result<Answer, Refusal> {
    let form = match body.form.as_str() {
        "pkcs8" => ExportForm::Pkcs8,
        "pkcs12" => ExportForm::Pkcs12,
        "certificate" => return certificates(services, &body.name),
        form => {
            let message = format!("{form:?} is no form a key can be written in");
            return Err(Refusal::new(RefusalKind::Refused, message));
        }
    };
    let passphrase = body.passphrase.as_ref().map(Hidden::expose);
    let exported = services
        .keyring
        .export(&body.name, passphrase.unwrap_or_default(), form);
    let exported = exported.map_err(|error| changing(&error))?;
    tracing::warn!(
        key = body.name,
        "A private key was exported by command, encrypted."
    );
    Ok(Answer::KeyFile(KeyFileBody {
        octets: hide(&exported),
    }))
}

fn certificates(services: &Services, name: &str) -> Result<Answer, Refusal> {
    let chain = services.keyring.chain(name);
    let text = store::certificates_to_pem(&chain.map_err(|error| changing(&error))?);
    Ok(Answer::KeyFile(KeyFileBody {
        octets: hide(text.as_bytes()),
    }))
}

/// One key with what can be said about it.
fn detail(services: &Services, key: &KeyRecord, notes: Vec<String>) -> Result<Answer, Refusal> {
    let uses = services.store.key_uses().map_err(refused_by)?;
    let now = Timestamp::now();
    let explanation = match key.certificates.first().map(|der| facts(der)) {
        Some(Ok(facts)) => {
            let ours = uses.iter().filter(|one| one.key == key.name);
            let ours: Vec<_> = ours
                .map(|one| (one.station.clone(), one.role, one.slot))
                .collect();
            explain(&facts, &ours, now)
        }
        Some(Err(error)) => error.to_string(),
        None => String::new(),
    };
    let problem = fault(&services.keyring.faults(), &key.name);
    Ok(Answer::Key(Box::new(KeyDetail {
        key: with_kind(services, key, KeyView::new(key, &uses, problem, now)),
        explanation,
        notes,
    })))
}

/// Asks the key itself for its kind where neither certificate nor request tells.
fn with_kind(services: &Services, key: &KeyRecord, mut view: KeyView) -> KeyView {
    if view.kind.is_none() {
        let public = services.keyring.public(key);
        view.kind = public.and_then(|spki| kind_of(&spki));
    }
    view
}

fn told(uses: &[KeyUse], notes: Vec<String>) -> Answer {
    Answer::KeyUses(KeyUsesBody {
        uses: uses.iter().map(KeyUseView::from).collect(),
        notes,
    })
}

fn all(store: &Store) -> Result<(Vec<KeyRecord>, Vec<KeyUse>), Refusal> {
    let keys = store.keys().map_err(refused_by)?;
    Ok((keys, store.key_uses().map_err(refused_by)?))
}

fn fault(faults: &[(String, String)], name: &str) -> Option<String> {
    let found = faults.iter().find(|(key, _)| key == name)?;
    Some(found.1.clone())
}

/// The subject of a certificate for a station of ours.
fn subject(store: &Store, station: &str, body: SubjectBody) -> Result<Subject, Refusal> {
    let found = store.station(station).map_err(refused_by)?;
    let found = found.ok_or_else(|| refused(&StoreError::NoStation(station.to_owned())))?;
    let code = found.code.to_string();
    let common_name = body
        .common_name
        .or_else(|| body.hosts.first().cloned())
        .unwrap_or_else(|| code.clone());
    Ok(Subject {
        common_name,
        organization: body.organization,
        country: body.country,
        odette_id: code,
        dns_names: body.hosts,
        emails: body.emails,
    })
}

fn kind(word: &str) -> Result<KeyKind, Refusal> {
    Ok(match word {
        "rsa-2048" => KeyKind::Rsa2048,
        "rsa-3072" => KeyKind::Rsa3072,
        "rsa-4096" => KeyKind::Rsa4096,
        "ec-p256" => KeyKind::EcP256,
        word => {
            let message = format!("there is no kind of key {word:?} here");
            return Err(Refusal::new(RefusalKind::Refused, message));
        }
    })
}

fn roles(words: &[String]) -> Result<Vec<Role>, Refusal> {
    if words.iter().any(|word| word == super::super::args::ALL) {
        return Ok(Role::ALL.to_vec());
    }
    words.iter().map(|word| role(word)).collect()
}

fn role(word: &str) -> Result<Role, Refusal> {
    Role::from_word(word).ok_or_else(|| {
        let message = format!("there is no role {word:?}");
        Refusal::new(RefusalKind::Refused, message)
    })
}

fn slot(word: &str) -> Result<Slot, Refusal> {
    Slot::from_word(word).ok_or_else(|| {
        let message = format!("there is no slot {word:?}");
        Refusal::new(RefusalKind::Refused, message)
    })
}

fn revealed(hidden: &Hidden) -> Result<zeroize::Zeroizing<Vec<u8>>, Refusal> {
    reveal(hidden).ok_or_else(|| {
        let message = "the octets of the file are not hexadecimal";
        Refusal::new(RefusalKind::Malformed, message)
    })
}

fn changing(error: &ChangeError) -> Refusal {
    let kind = match error {
        ChangeError::NoKey(_) => RefusalKind::NotFound,
        ChangeError::Store(error) => return refused(error),
        ChangeError::Failed(_) => RefusalKind::Failed,
        _ => RefusalKind::Refused,
    };
    Refusal::new(kind, error.to_string())
}
