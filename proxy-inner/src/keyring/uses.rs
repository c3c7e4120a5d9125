//! Which station uses which key: put to use, promoted, taken out of use.

use ::keyring::{Facts, KeyFacts, Role, Slot, facts};
use jiff::Timestamp;
use store::{KeyRecord, KeyUse, StoreError};

use super::Keyring;
use super::change::{ChangeError, known, no_certificate, taken_up};

/// Which uses of keys are meant; what is absent does not narrow.
#[derive(Debug, Default)]
pub struct Uses {
    /// The key.
    pub key: Option<String>,
    /// The station.
    pub station: Option<String>,
    /// The roles; empty for all.
    pub roles: Vec<Role>,
    /// The slot.
    pub slot: Option<Slot>,
}

/// A key to put to use.
#[derive(Debug)]
pub struct NewUse {
    /// The key.
    pub name: String,
    /// The station.
    pub station: String,
    /// What for; empty for all its certificate is good for: TLS only where it says so, because partners
    /// may have pinned what is shown to them there.
    pub roles: Vec<Role>,
    /// Now, before, or later.
    pub slot: Slot,
    /// Whether another key in that place gives way.
    pub replace: bool,
    /// Whether a certificate that says otherwise is no hindrance.
    pub force: bool,
}

impl Keyring {
    /// Puts a key to use; tells the uses it has now and what an operator should know.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn put_to_use(
        &self,
        new: &NewUse,
        now: Timestamp,
    ) -> Result<(Vec<KeyUse>, Vec<String>), ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        let NewUse {
            name,
            station,
            slot,
            ..
        } = new;
        let key = known(store, name)?;
        if store.station(station)?.is_none() {
            return Err(StoreError::NoStation(station.clone()).into());
        }
        let facts = leaf(&key)?;
        let roles = roles(new, &facts)?;
        let mut notes = facts.warnings();
        if let Some(problem) = facts.problem_at(now) {
            notes.push(format!("The certificate cannot be used now: {problem}."));
        }
        if let (Some(code), Some(of)) = (&facts.odette_id, store.station(station)?)
            && *code != of.code.to_string()
        {
            notes.push(format!(
                "The certificate carries the Odette ID {code}, and the code of station {station} is {}; \
                 partners that compare refuse it.",
                of.code
            ));
        }
        for role in &roles {
            let problems = facts.fits(*role).into_iter();
            notes.extend(problems.map(|problem| format!("Forced for {role}: {problem}")));
        }
        let uses = store.key_uses()?;
        for role in &roles {
            let there = uses
                .iter()
                .find(|one| one.station == *station && one.role == *role && one.slot == *slot)
                .filter(|one| one.key != *name);
            if let Some(there) = there
                && !new.replace
            {
                return Err(ChangeError::Refused(format!(
                    "station {station} has key {other} as {slot} for {role}; put {name} into slot \
                     next and promote it when partners have it (`key use {name} --station {station} \
                     --role {role} --slot next`), or give --replace to drop {other} there at once",
                    other = there.key
                )));
            }
        }
        for role in roles {
            if let Some(other) = store.assign_key(station, role, *slot, name)? {
                notes.push(format!(
                    "Key {other} is no longer {slot} for {role} of station {station}."
                ));
            }
        }
        self.take_up().map_err(taken_up)?;
        if let Some((_, why)) = self.faults().into_iter().find(|(key, _)| key == name) {
            notes.push(format!("The key cannot be used: {why}."));
        }
        let uses = store.key_uses()?.into_iter();
        Ok((uses.filter(|one| one.key == *name).collect(), notes))
    }

    /// Takes keys out of those uses; tells which those were.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn take_out_of_use(&self, which: &Uses) -> Result<Vec<KeyUse>, ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        if let Some(name) = &which.key {
            known(store, name)?;
        }
        if let Some(station) = &which.station
            && store.station(station)?.is_none()
        {
            return Err(StoreError::NoStation(station.clone()).into());
        }
        let uses = store.key_uses()?.into_iter();
        let meant: Vec<_> = uses.filter(|one| which.takes(one)).collect();
        if meant.is_empty() {
            return Err(ChangeError::Refused(
                "no key is put to such a use; `key list` shows the uses there are".to_owned(),
            ));
        }
        for one in &meant {
            store.unassign_key(&one.station, one.role, one.slot)?;
        }
        self.take_up().map_err(taken_up)?;
        Ok(meant)
    }

    /// Makes next keys current and current ones previous, for a station's roles; for all that have a
    /// next key when none is named. Tells the uses that changed.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn promote(
        &self,
        station: &str,
        roles: &[Role],
    ) -> Result<(Vec<KeyUse>, Vec<String>), ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        if store.station(station)?.is_none() {
            return Err(StoreError::NoStation(station.to_owned()).into());
        }
        let waiting: Vec<_> = store
            .key_uses()?
            .into_iter()
            .filter(|one| one.station == station && one.slot == Slot::Next)
            .map(|one| one.role)
            .collect();
        let roles = match roles {
            [] => waiting,
            roles => roles.to_vec(),
        };
        if roles.is_empty() {
            return Err(ChangeError::Refused(format!(
                "station {station} has no key in slot next; put one there first (`key use NAME \
                 --station {station} --slot next`)"
            )));
        }
        let mut notes = Vec::new();
        for role in &roles {
            if let Some(dropped) = store.promote_keys(station, *role)? {
                notes.push(format!(
                    "Key {dropped} was previous for {role} and is not used for it any more."
                ));
            }
        }
        self.take_up().map_err(taken_up)?;
        let uses = store.key_uses()?.into_iter();
        let uses = uses.filter(|one| one.station == station && roles.contains(&one.role));
        Ok((uses.collect(), notes))
    }

    /// Why keys that are current in these uses cannot be used at `now`; a sentence each.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn hindrances(&self, uses: &[KeyUse], now: Timestamp) -> Result<Vec<String>, ChangeError> {
        let current = uses.iter().filter(|one| one.slot == Slot::Current);
        let mut names: Vec<_> = current.map(|one| one.key.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let mut notes = Vec::new();
        for name in names {
            let facts = leaf(&known(self.store()?, name)?)?;
            let ended = facts.problem_at(now);
            let ended = ended.map(|problem| format!("its certificate is {problem}"));
            let faults = self.faults().into_iter();
            let faults = faults.filter(|(key, _)| key == name).map(|(_, why)| why);
            let sentence = |why| format!("Key {name} cannot be used now: {why}.");
            notes.extend(faults.chain(ended).map(sentence));
        }
        Ok(notes)
    }
}

impl Uses {
    fn takes(&self, one: &KeyUse) -> bool {
        self.key.as_ref().is_none_or(|name| one.key == *name)
            && self
                .station
                .as_ref()
                .is_none_or(|name| one.station == *name)
            && (self.roles.is_empty() || self.roles.contains(&one.role))
            && self.slot.is_none_or(|slot| one.slot == slot)
    }
}

/// The roles a key is to be put to.
fn roles(new: &NewUse, facts: &Facts) -> Result<Vec<Role>, ChangeError> {
    let name = &new.name;
    if new.roles.is_empty() {
        let fitting = Role::ALL.into_iter();
        let fitting: Vec<_> = fitting
            .filter(|role| facts.fits(*role).is_empty())
            .filter(|role| !role.is_tls() || is_for_tls(facts))
            .collect();
        if fitting.is_empty() {
            return Err(ChangeError::Refused(format!(
                "the certificate of key {name} is good for none of the roles; `key show {name}` says why"
            )));
        }
        return Ok(fitting);
    }
    let problems: Vec<_> = new
        .roles
        .iter()
        .flat_map(|role| {
            let problems = facts.fits(*role).into_iter();
            problems.map(move |problem| format!("for {role}: {problem}"))
        })
        .collect();
    if matches!(facts.key, KeyFacts::Ec { .. }) && !new.roles.iter().all(|role| role.is_tls()) {
        return Err(ChangeError::Refused(format!(
            "key {name} is on an elliptic curve, which is good for TLS only; files, receipts and \
             sessions need an RSA key"
        )));
    }
    if !problems.is_empty() && !new.force {
        return Err(ChangeError::Refused(format!(
            "the certificate of key {name} does not fit {} Partners that look will refuse it; give \
             --force to use it all the same",
            problems.join(" ")
        )));
    }
    Ok(new.roles.clone())
}

/// Whether a certificate was made for TLS: it says so, or its key is good for nothing else.
fn is_for_tls(facts: &Facts) -> bool {
    facts.extended_usages.is_some() || matches!(facts.key, KeyFacts::Ec { .. })
}

/// What the certificate of a key says.
fn leaf(key: &KeyRecord) -> Result<Facts, ChangeError> {
    let Some(der) = key.certificates.first() else {
        return Err(no_certificate(&key.name));
    };
    facts(der).map_err(|error| ChangeError::Failed(format!("key {}: {error}", key.name)))
}
