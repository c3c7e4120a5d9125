//! Changing our keys: made, imported, given certificates, put to use, taken away. Every change is in the
//! store before the keys are taken up anew.
//!
//! All of it may block: on the disk, on a key being made, on the token.

use std::sync::Arc;

use ::keyring::{
    Facts, ImportError, KeyFacts, KeyKind, MakeError, MasterSecret, Role, SealError, Signer, Slot,
    Subject, facts,
};
use jiff::Timestamp;
use store::{KeyHome, KeyRecord, KeyUse, Store, StoreError};
use token::{Token, TokenUri};
use zeroize::Zeroizing;

use super::held::{self, Private};
use super::{Keyring, KeyringError};

/// Why a change was not made; a sentence with what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is no such key.
    #[error("there is no key named {0:?}; `key list` shows those there are")]
    NoKey(String),
    /// A rule forbids it.
    #[error("{0}")]
    Refused(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
    /// What was given cannot be read.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// What was asked for cannot be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A key to make.
#[derive(Debug)]
pub struct NewKey {
    /// How we call it.
    pub name: String,
    /// Whom its certificate is to name.
    pub subject: Subject,
    /// What it is to be good for.
    pub roles: Vec<Role>,
    /// Its kind.
    pub kind: KeyKind,
    /// The token it is made in, instead of the store.
    pub token: Option<String>,
    /// For how many days it certifies itself; without, a request is made.
    pub self_signed: Option<u32>,
}

/// What a change came to.
#[derive(Debug)]
pub struct Changed {
    /// The key as it is now.
    pub key: KeyRecord,
    /// What an operator should know of it: sentences.
    pub notes: Vec<String>,
}

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
    /// What for; empty for all its certificate is good for.
    pub roles: Vec<Role>,
    /// Now, before, or later.
    pub slot: Slot,
    /// Whether another key in that place gives way.
    pub replace: bool,
    /// Whether a certificate that says otherwise is no hindrance.
    pub force: bool,
}

impl Keyring {
    /// Makes a key, with a certificate request or a certificate of its own.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn create(&self, new: NewKey, now: Timestamp) -> Result<Changed, ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        is_new(store, &new.name)?;
        let (private, signer) = match &new.token {
            Some(uri) => self.make_in_token(uri, new.kind)?,
            None => {
                let pkcs8 = ::keyring::generate(new.kind)?;
                let sealed = seal(&pkcs8, self.master(store)?)?;
                (KeyHome::Sealed(sealed), Signer::software(&pkcs8)?)
            }
        };
        let (certificates, request) = match new.self_signed {
            Some(days) => {
                let der = ::keyring::self_signed(&signer, &new.subject, &new.roles, days, now)?;
                (vec![der], None)
            }
            None => {
                let der = ::keyring::request(&signer, &new.subject, &new.roles)?;
                (Vec::new(), Some(der))
            }
        };
        let key = KeyRecord {
            name: new.name,
            private,
            certificates,
            request,
            created: now,
        };
        store.put_key(key.clone())?;
        Ok(Changed {
            key,
            notes: Vec::new(),
        })
    }

    /// Takes in a private key with its certificates from a file.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn import(
        &self,
        name: &str,
        octets: &[u8],
        passphrase: Option<&str>,
        now: Timestamp,
    ) -> Result<Changed, ChangeError> {
        let imported = ::keyring::import(octets, passphrase)?;
        let Some(pkcs8) = &imported.private else {
            return Err(ChangeError::Refused(format!(
                "there is no private key in the file, only {}; a certificate for a key that is \
                 here is taken in with `key install {name} FILE`, that of a partner with `cert add`",
                count(imported.certificates.len(), "certificate")
            )));
        };
        let private = held::private(pkcs8).map_err(ChangeError::Refused)?;
        let certificates = ordered(&private, imported.certificates.clone())
            .unwrap_or_else(|| imported.certificates.clone());
        let _changing = self.changing();
        let store = self.store()?;
        is_new(store, name)?;
        let key = KeyRecord {
            name: name.to_owned(),
            private: KeyHome::Sealed(seal(pkcs8, self.master(store)?)?),
            certificates,
            request: None,
            created: now,
        };
        store.put_key(key.clone())?;
        let mut notes = imported.notes.clone();
        if key.certificates.is_empty() {
            notes.push(format!(
                "There was no certificate beside the key; take it in with `key install {name} FILE`, \
                 or ask for one with `key request {name}`."
            ));
        }
        Ok(Changed { key, notes })
    }

    /// Registers a key that is in the token; its certificates come from the token, or from a file.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn register(
        &self,
        name: &str,
        uri: &str,
        file: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Changed, ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        is_new(store, name)?;
        let token = self.token(uri)?;
        let mut found = match file {
            Some(octets) => ::keyring::certificates(octets)?,
            None => Vec::new(),
        };
        found.extend(token.certificates().iter().cloned());
        let private = Private::Rsa(Arc::new(token));
        let mut notes = Vec::new();
        let certificates = ordered(&private, found).unwrap_or_default();
        if certificates.is_empty() {
            notes.push(format!(
                "No certificate for the key is beside it in the token; take it in with `key install \
                 {name} FILE`, or ask for one with `key request {name}`."
            ));
        }
        let key = KeyRecord {
            name: name.to_owned(),
            private: KeyHome::Token(uri.to_owned()),
            certificates,
            request: None,
            created: now,
        };
        store.put_key(key.clone())?;
        Ok(Changed { key, notes })
    }

    /// The certificate request of a key: the one that waits, unless `subject` asks for another. That
    /// one then waits instead.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn request(
        &self,
        name: &str,
        subject: Option<(Subject, Vec<Role>)>,
    ) -> Result<Vec<u8>, ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        let mut key = known(store, name)?;
        let Some((subject, roles)) = subject else {
            return key.request.ok_or_else(|| {
                ChangeError::Refused(format!(
                    "no request of key {name} waits for its answer; say what a new one is for, as \
                     `key request {name} --station US --name oftp.example`"
                ))
            });
        };
        let signer = self.signer(&key.private)?;
        let request = ::keyring::request(&signer, &subject, &roles)?;
        key.request = Some(request.clone());
        store.put_key(key)?;
        Ok(request)
    }

    /// Takes in the CA's answer for a key: certificates, of which one must be for this very key.
    /// Earlier certificates of the key stay behind the new one, because partners may go on using them
    /// for a while.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn install(
        &self,
        name: &str,
        octets: &[u8],
        now: Timestamp,
    ) -> Result<Changed, ChangeError> {
        let found = ::keyring::certificates(octets)?;
        let _changing = self.changing();
        let store = self.store()?;
        let mut key = known(store, name)?;
        let private = held::open(&key.private, &self.secrets).map_err(ChangeError::Failed)?;
        let names: Vec<_> = found
            .iter()
            .filter_map(|der| facts(der).ok())
            .map(|facts| facts.subject)
            .collect();
        let Some(mut chain) = ordered(&private, found) else {
            return Err(ChangeError::Refused(format!(
                "no certificate in the file is for key {name}; it has those of: {}. Ask the CA which \
                 request it answered, or name the key that asked",
                names.join("; ")
            )));
        };
        let leaf = chain.first().cloned().unwrap_or_default();
        let facts = facts(&leaf).map_err(|error| ChangeError::Refused(error.to_string()))?;
        let mut notes = facts.warnings();
        if let Some(problem) = facts.problem_at(now) {
            notes.push(format!("The certificate cannot be used now: {problem}."));
        }
        if key.certificates.first() == Some(&leaf) {
            notes.push("The certificate was there before.".to_owned());
        }
        let earlier: Vec<_> = key
            .certificates
            .iter()
            .filter(|der| private.is_for(der) && !chain.contains(der))
            .take(EARLIER)
            .cloned()
            .collect();
        if chain.len() == 1 && !facts.self_signed {
            // The CA sent the leaf alone: the issuers of the one before may be its own.
            let issuers = key.certificates.iter().filter(|der| !private.is_for(der));
            chain.extend(issuers.cloned());
        }
        chain.extend(earlier);
        key.certificates = chain;
        key.request = None;
        store.put_key(key.clone())?;
        self.take_up().map_err(taken_up)?;
        Ok(Changed { key, notes })
    }

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

    /// Removes a key that no station uses. In a token it stays.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn remove(&self, name: &str) -> Result<(), ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        known(store, name)?;
        Ok(store.remove_key(name)?)
    }

    /// The private key (PKCS#8) with its certificates, to be given away encrypted.
    ///
    /// # Errors
    /// See [`ChangeError`]; a key in a token never leaves it.
    pub fn export(
        &self,
        name: &str,
        passphrase: &str,
        form: ExportForm,
    ) -> Result<Zeroizing<Vec<u8>>, ChangeError> {
        if passphrase.chars().count() < LEAST_PASSPHRASE {
            return Err(ChangeError::Refused(format!(
                "the passphrase is too short to protect a private key; take at least \
                 {LEAST_PASSPHRASE} characters"
            )));
        }
        let store = self.store()?;
        let key = known(store, name)?;
        let KeyHome::Sealed(sealed) = &key.private else {
            return Err(ChangeError::Refused(format!(
                "key {name} is in a token and never leaves it; its certificate can be written with \
                 --certificate"
            )));
        };
        let pkcs8 = ::keyring::unseal(sealed, self.master(store)?).map_err(sealing)?;
        match form {
            ExportForm::Pkcs8 => ::keyring::export_pkcs8(&pkcs8, passphrase).map(Zeroizing::new),
            ExportForm::Pkcs12 => {
                ::keyring::export_pkcs12(&pkcs8, &key.certificates, name, passphrase)
            }
        }
        .map_err(sealing)
    }

    /// The store, where there is one to change.
    fn store(&self) -> Result<&Store, ChangeError> {
        self.store
            .as_ref()
            .ok_or_else(|| ChangeError::Failed("this process keeps no keys".to_owned()))
    }

    /// The master secret; from its first use on the store tells it from others.
    fn master(&self, store: &Store) -> Result<&MasterSecret, ChangeError> {
        let Some(master) = &self.secrets.master else {
            return Err(ChangeError::Refused(NO_MASTER.to_owned()));
        };
        if store.keyring_check()?.is_none() {
            store.put_keyring_check(master.check_value().map_err(sealing)?)?;
        }
        Ok(master)
    }

    fn signer(&self, home: &KeyHome) -> Result<Signer, ChangeError> {
        match home {
            KeyHome::Sealed(sealed) => {
                let master = self.master(self.store()?)?;
                let pkcs8 = ::keyring::unseal(sealed, master).map_err(sealing)?;
                Ok(Signer::software(&pkcs8)?)
            }
            KeyHome::Token(uri) => Ok(Signer::remote(Arc::new(self.token(uri)?))),
        }
    }

    fn token(&self, uri: &str) -> Result<token::TokenKey, ChangeError> {
        Token::open(&read_uri(uri)?, self.secrets.token_pin.clone())
            .map_err(|error| ChangeError::Failed(error.to_string()))
    }

    fn make_in_token(&self, uri: &str, kind: KeyKind) -> Result<(KeyHome, Signer), ChangeError> {
        let bits = match kind {
            KeyKind::Rsa2048 => 2048,
            KeyKind::Rsa3072 => 3072,
            KeyKind::Rsa4096 => 4096,
            KeyKind::EcP256 => {
                return Err(ChangeError::Refused(
                    "keys in a token are RSA here; name 2048, 3072 or 4096 bits".to_owned(),
                ));
            }
        };
        let key = Token::generate(&read_uri(uri)?, self.secrets.token_pin.clone(), bits)
            .map_err(|error| ChangeError::Failed(error.to_string()))?;
        Ok((
            KeyHome::Token(uri.to_owned()),
            Signer::remote(Arc::new(key)),
        ))
    }
}

/// How a private key is written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// EncryptedPrivateKeyInfo, without certificates.
    Pkcs8,
    /// With its certificates.
    Pkcs12,
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

/// Certificates of a key that were replaced and stay known.
const EARLIER: usize = 4;
const LEAST_PASSPHRASE: usize = 8;
const NO_MASTER: &str = "no master secret is configured, so no private key can be kept in the store; \
    make one (`openssl rand -base64 32`), name it in [keyring] (master_secret, master_credential or \
    master_prompt), keep a copy of it elsewhere, and start anew";

/// The roles a key is to be put to.
fn roles(new: &NewUse, facts: &Facts) -> Result<Vec<Role>, ChangeError> {
    let name = &new.name;
    if new.roles.is_empty() {
        let fitting = Role::ALL.into_iter();
        let fitting: Vec<_> = fitting
            .filter(|role| facts.fits(*role).is_empty())
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
    let for_tls = |role: &Role| matches!(role, Role::TlsServer | Role::TlsClient);
    if matches!(facts.key, KeyFacts::Ec { .. }) && !new.roles.iter().all(for_tls) {
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

/// What the certificate of a key says.
fn leaf(key: &KeyRecord) -> Result<Facts, ChangeError> {
    let Some(der) = key.certificates.first() else {
        return Err(ChangeError::Refused(format!(
            "key {name} has no certificate yet; take the CA's answer in with `key install {name} FILE`",
            name = key.name
        )));
    };
    facts(der).map_err(|error| ChangeError::Failed(format!("key {}: {error}", key.name)))
}

/// The certificates with the first one that is for the key in front; `None` when none is.
fn ordered(private: &Private, mut certificates: Vec<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    let place = certificates.iter().position(|der| private.is_for(der))?;
    let leaf = certificates.remove(place);
    certificates.insert(0, leaf);
    Some(certificates)
}

fn is_new(store: &Store, name: &str) -> Result<(), ChangeError> {
    match store.key(name)? {
        None => Ok(()),
        Some(_) => Err(ChangeError::Refused(format!(
            "there is a key named {name} already, and keys are not overwritten; choose another name, \
             as {name}-2"
        ))),
    }
}

fn known(store: &Store, name: &str) -> Result<KeyRecord, ChangeError> {
    store
        .key(name)?
        .ok_or_else(|| ChangeError::NoKey(name.to_owned()))
}

fn read_uri(uri: &str) -> Result<TokenUri, ChangeError> {
    uri.parse()
        .map_err(|error: token::UriError| ChangeError::Refused(format!("--token: {error}")))
}

fn seal(pkcs8: &[u8], master: &MasterSecret) -> Result<Vec<u8>, ChangeError> {
    ::keyring::seal(pkcs8, master).map_err(sealing)
}

fn sealing(error: SealError) -> ChangeError {
    ChangeError::Failed(error.to_string())
}

fn taken_up(error: KeyringError) -> ChangeError {
    ChangeError::Failed(format!(
        "the change is in the store, but the keys could not be taken up ({error}); start anew"
    ))
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
